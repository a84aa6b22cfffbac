// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SEC_PER_MIN  60ULL
#define SEC_PER_HOUR 3600ULL
#define SEC_PER_DAY  86400ULL

/* Digits kept after the point: 10^9 parts of any whole that fits 64 bits stay within 128 bits. */
#define FRACTION_DIGITS 9

/* A decimal number kept exact: value = (whole * scale + fraction) / scale. */
struct decimal {
	uint64_t whole, fraction, scale;
};

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit durations[] = {
	{"ns", 1},
	{"us", NSEC_PER_USEC},
	{"µs", NSEC_PER_USEC},
	{"ms", NSEC_PER_MSEC},
	{"s", NSEC_PER_SEC},
	{"min", SEC_PER_MIN *NSEC_PER_SEC},
	{"h", SEC_PER_HOUR *NSEC_PER_SEC},
	{"d", SEC_PER_DAY *NSEC_PER_SEC},
	{NULL, 0},
};

static const struct unit sizes[] = {
	{"B", 1},
	{"kB", 1000},
	{"KB", 1000},
	{"MB", 1000000},
	{"GB", 1000000000},
	{"TB", 1000000000000},
	{"KiB", 1ULL << 10},
	{"MiB", 1ULL << 20},
	{"GiB", 1ULL << 30},
	{"TiB", 1ULL << 40},
	{NULL, 0},
};

static const struct unit periods[] = {
	{"/s", 1},
	{"/min", SEC_PER_MIN},
	{"/h", SEC_PER_HOUR},
	{NULL, 0},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int scan_whole(const char **text, uint64_t *whole)
{
	if (!is_digit(**text))
		return -EINVAL;
	for (*whole = 0; is_digit(**text); (*text)++) {
		if (__builtin_mul_overflow(*whole, 10, whole) ||
		    __builtin_add_overflow(*whole, **text - '0', whole))
			return -ERANGE;
	}
	return 0;
}

static int scan_fraction(const char **text, struct decimal *d)
{
	int digits = 0;

	d->fraction = 0;
	d->scale = 1;
	if (**text != '.')
		return 0;
	if (!is_digit(*++*text))
		return -EINVAL;
	for (; is_digit(**text); (*text)++) {
		if (digits++ >= FRACTION_DIGITS)
			continue;
		d->fraction = d->fraction * 10 + (uint64_t)(**text - '0');
		d->scale *= 10;
	}
	return 0;
}

/* Digits with an optional point, in no locale; *text is left behind them. */
static int scan_decimal(const char **text, struct decimal *d)
{
	int err = scan_whole(text, &d->whole);

	return err ? err : scan_fraction(text, d);
}

static const struct unit *find_unit(const struct unit *units, const char *suffix)
{
	if (*suffix == ' ')
		suffix++;
	for (; units->suffix; units++) {
		if (!strcmp(units->suffix, suffix))
			return units;
	}
	return NULL;
}

static int multiply(const struct decimal *d, uint64_t factor, uint64_t *out)
{
	unsigned __int128 product = ((unsigned __int128)d->whole * d->scale + d->fraction) * factor;

	product /= d->scale;
	if (product > UINT64_MAX)
		return -ERANGE;
	*out = (uint64_t)product;
	return 0;
}

static int parse_scaled(const char *text, const struct unit *units, uint64_t bare, uint64_t *out)
{
	const struct unit *unit;
	struct decimal d;
	int err = scan_decimal(&text, &d);

	if (err)
		return err;
	if (!*text)
		return bare ? multiply(&d, bare, out) : -EINVAL;
	unit = find_unit(units, text);
	return unit ? multiply(&d, unit->factor, out) : -EINVAL;
}

int units_parse_duration(const char *text, uint64_t *ns)
{
	return parse_scaled(text, durations, 0, ns);
}

int units_parse_seconds(const char *text, uint64_t *ns)
{
	return parse_scaled(text, durations, NSEC_PER_SEC, ns);
}

int units_parse_size(const char *text, uint64_t *bytes)
{
	return parse_scaled(text, sizes, 0, bytes);
}

/* One division of two exact figures, so that "95%" and "0.95" give the same double. */
static double divide(const struct decimal *d, uint64_t divisor)
{
	unsigned __int128 numerator = (unsigned __int128)d->whole * d->scale + d->fraction;

	return (double)numerator / (double)((unsigned __int128)d->scale * divisor);
}

int units_parse_rate(const char *text, double *fraction)
{
	uint64_t divisor = 1;
	struct decimal d;
	double value;
	int err = scan_decimal(&text, &d);

	if (err)
		return err;
	if (*text && !strcmp(text + (*text == ' '), "%"))
		divisor = 100;
	else if (*text)
		return -EINVAL;
	value = divide(&d, divisor);
	if (value > 1.0)
		return -ERANGE;
	*fraction = value;
	return 0;
}

int units_parse_throughput(const char *text, double *per_second)
{
	const struct unit *period;
	struct decimal d;
	int err = scan_decimal(&text, &d);

	if (err)
		return err;
	period = find_unit(periods, text);
	if (!period)
		return -EINVAL;
	*per_second = divide(&d, period->factor);
	return 0;
}

/* Each unit is used below the figure at which three digits of the next one say as much. */
static const struct {
	const char *suffix;
	double factor, below;
} formats[] = {
	{"us", 1e3, 1000},  {"ms", 1e6, 1000}, {"s", 1e9, 1000},
	{"min", 60e9, 100}, {"h", 3600e9, 48}, {"d", 86400e9, 0},
};

static int decimals_for(double value)
{
	if (value < 9.995)
		return 2;
	return value < 99.95 ? 1 : 0;
}

const char *units_format_duration(uint64_t ns, char *buffer, size_t size)
{
	size_t i = 0;
	double value;

	if (ns < 1000) {
		snprintf(buffer, size, "%u ns", (unsigned)ns);
		return buffer;
	}
	/* What would round to the bound itself is the next unit's: 999.6 us is 1.00 ms. */
	while (formats[i].below > 0 && (double)ns / formats[i].factor >= formats[i].below - 0.5)
		i++;
	value = (double)ns / formats[i].factor;
	snprintf(buffer, size, "%.*f %s", decimals_for(value), value, formats[i].suffix);
	return buffer;
}
