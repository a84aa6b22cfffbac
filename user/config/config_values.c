// SPDX-License-Identifier: GPL-2.0-or-later
/* Single values: parsed, held against the row's bounds, put at the row's offset. */
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/units.h"
#include "config/config_schema.h"

const char *const config_severity_names[3] = {"notice", "warning", "critical"};

bool config_is_name(const char *text)
{
	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	while (isalnum((unsigned char)*text) || *text == '_')
		text++;
	return !*text;
}

static void *place(const struct config_row *row, void *into)
{
	return (char *)into + row->offset;
}

int config_wrong(const struct config_walk *walk, const struct config_row *row, const struct tree_entry *entry)
{
	if (entry->value.kind == TREE_SCALAR)
		return config_bad(walk, entry->value.mark, "'%s' is not what '%s' takes: %s",
				  entry->value.text, row->key, row->takes);
	return config_bad(walk, entry->value.mark, "'%s' takes %s, not %s", row->key, row->takes,
			  tree_kind_name(entry->value.kind));
}

int config_want_scalar(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry)
{
	return entry->value.kind == TREE_SCALAR ? 0 : config_wrong(walk, row, entry);
}

static bool is_bare_number(const char *text)
{
	return *text && text[strspn(text, "0123456789.")] == '\0';
}

static int duration_out_of_bounds(const struct config_walk *walk, const struct config_row *row,
				  const struct tree_entry *entry)
{
	char low[32], high[32];
	uint64_t max = row->max > 0 ? (uint64_t)row->max : DURATION_MAX_NS;

	return config_bad(walk, entry->value.mark, "'%s' is out of bounds: '%s' takes %s to %s",
			  entry->value.text, row->key,
			  units_format_duration(row->max > 0 ? (uint64_t)row->min : 1, low, sizeof(low)),
			  units_format_duration(max, high, sizeof(high)));
}

int config_duration(const struct config_walk *walk, const struct config_row *row,
		    const struct tree_entry *entry, uint64_t *ns)
{
	int err = config_want_scalar(walk, row, entry);
	const char *text = entry->value.text;

	if (err)
		return err;
	if (is_bare_number(text))
		return config_bad(walk, entry->value.mark,
				  "'%s' has no unit: write %sms, %ss or another of ns, us, "
				  "ms, s, min, h, d",
				  text, text, text);
	err = units_parse_duration(text, ns);
	if (err == -ERANGE || (!err && *ns > DURATION_MAX_NS))
		return duration_out_of_bounds(walk, row, entry);
	if (err)
		return config_bad(walk, entry->value.mark,
				  "'%s' is not what '%s' takes: %s; units are ns, us, ms, s, min, h, d", text,
				  row->key, row->takes);
	return 0;
}

static int out_of_bounds(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry)
{
	return config_bad(walk, entry->value.mark, "'%s' is out of bounds: '%s' takes %.10g to %.10g",
			  entry->value.text, row->key, row->min, row->max);
}

int config_apply_duration(const struct config_walk *walk, const struct config_row *row,
			  const struct tree_entry *entry, void *into)
{
	uint64_t ns;
	int err = config_duration(walk, row, entry, &ns);

	if (err)
		return err;
	if ((double)ns < row->min || (double)ns > row->max)
		return duration_out_of_bounds(walk, row, entry);
	*(uint64_t *)place(row, into) = ns;
	return 0;
}

/* Windows slide by a tick of one second. */
int config_apply_ticks(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry, void *into)
{
	int err = config_apply_duration(walk, row, entry, into);

	if (!err && *(uint64_t *)place(row, into) % NSEC_PER_SEC)
		return config_bad(walk, entry->value.mark, "'%s': a window is whole seconds",
				  entry->value.text);
	return err;
}

int config_rate(const struct config_walk *walk, const struct config_row *row, const struct tree_entry *entry,
		double *rate)
{
	const char *text = entry->value.text;
	int err = units_parse_rate(text, rate);
	char percents[32];
	double meant;

	if (err != -ERANGE)
		return err ? config_wrong(walk, row, entry) : 0;
	snprintf(percents, sizeof(percents), "%s%%", text);
	if (is_bare_number(text) && !units_parse_rate(percents, &meant))
		return config_bad(walk, entry->value.mark,
				  "'%s' is out of bounds: '%s' takes a share from 0 to 1; if percents are "
				  "meant, write %s",
				  text, row->key, percents);
	return config_bad(walk, entry->value.mark,
			  "'%s' is out of bounds: '%s' takes a share from 0%% to 100%%", text, row->key);
}

int config_apply_rate(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);
	double rate;

	if (!err)
		err = config_rate(walk, row, entry, &rate);
	if (err)
		return err;
	if (rate < row->min)
		return config_bad(walk, entry->value.mark, "'%s': '%s' must be above 0", entry->value.text,
				  row->key);
	*(double *)place(row, into) = rate;
	return 0;
}

/* A finite decimal number, whatever the locale's point is. */
static int parse_number(const char *text, double *value)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
	char *end;

	if (!c)
		return -ENOMEM;
	*value = strtod_l(text, &end, c);
	freelocale(c);
	return is_bare_number(text) && !*end && isfinite(*value) ? 0 : -EINVAL;
}

int config_apply_number(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);
	double value;

	if (err)
		return err;
	if (parse_number(entry->value.text, &value))
		return config_wrong(walk, row, entry);
	if (value < row->min || value > row->max)
		return out_of_bounds(walk, row, entry);
	*(double *)place(row, into) = value;
	return 0;
}

int config_apply_u64(const struct config_walk *walk, const struct config_row *row,
		     const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);
	const char *text = entry->value.text;
	unsigned long long value;

	if (err)
		return err;
	if (!*text || text[strspn(text, "0123456789")])
		return config_wrong(walk, row, entry);
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno || (double)value < row->min || (double)value > row->max)
		return out_of_bounds(walk, row, entry);
	*(uint64_t *)place(row, into) = value;
	return 0;
}

int config_apply_u32(const struct config_walk *walk, const struct config_row *row,
		     const struct tree_entry *entry, void *into)
{
	struct config_row wide = *row;
	uint64_t value;
	int err;

	wide.offset = 0;
	err = config_apply_u64(walk, &wide, entry, &value);
	if (!err)
		*(uint32_t *)place(row, into) = (uint32_t)value;
	return err;
}

int config_apply_bool(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);
	bool yes;

	if (err)
		return err;
	yes = strcmp(entry->value.text, "true") == 0;
	if (!yes && strcmp(entry->value.text, "false") != 0)
		return config_wrong(walk, row, entry);
	*(bool *)place(row, into) = yes;
	return 0;
}

int config_apply_text(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);
	char *copy;

	if (err)
		return err;
	if (!*entry->value.text)
		return config_bad(walk, entry->value.mark, "'%s' is empty", row->key);
	copy = strdup(entry->value.text);
	if (!copy)
		return -ENOMEM;
	*(char **)place(row, into) = copy;
	return 0;
}

int config_apply_severity(const struct config_walk *walk, const struct config_row *row,
			  const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);

	for (unsigned i = 0; !err && i <= SEV_CRITICAL; i++) {
		if (strcmp(entry->value.text, config_severity_names[i]) != 0)
			continue;
		*(enum severity *)place(row, into) = (enum severity)i;
		return 0;
	}
	return err ? err : config_wrong(walk, row, entry);
}

int config_apply_mapping(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry, void *into)
{
	if (entry->value.kind != TREE_MAPPING)
		return config_wrong(walk, row, entry);
	return config_walk_mapping(walk, &entry->value, row->inside, place(row, into));
}
