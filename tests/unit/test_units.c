// SPDX-License-Identifier: GPL-2.0-or-later
/* Quantities: what is taken, what is refused, and how durations are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdint.h>

#include "base/units.h"

static void expect_ns(const char *text, uint64_t wanted)
{
	uint64_t ns = 1;

	assert_int_equal(units_parse_duration(text, &ns), 0);
	assert_int_equal(ns, wanted);
}

static void refuse_ns(const char *text, int wanted)
{
	uint64_t ns = 77;

	assert_int_equal(units_parse_duration(text, &ns), wanted);
	assert_int_equal(ns, 77);
}

static void durations(void **state)
{
	(void)state;
	expect_ns("30ms", 30000000);
	expect_ns("30 ms", 30000000);
	expect_ns("1.5s", 1500000000);
	expect_ns("0.1ms", 100000);
	expect_ns("250us", 250000);
	expect_ns("250µs", 250000);
	expect_ns("10ns", 10);
	expect_ns("5min", 300000000000);
	expect_ns("2h", 7200000000000);
	expect_ns("30d", 2592000000000000);
	expect_ns("0s", 0);
}

static void durations_refused(void **state)
{
	static const char *const malformed[] = {"",    " ",    "30",   "ms",   "-1s",  "+1s",  " 1s",
						"1s ", "1 s ", "1  s", "0x1s", "1e3s", "nans", "infs",
						"1.s", ".5s",  "1,5s", "1m",   "1S",   "1sec", "1.5.5s"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
		refuse_ns(malformed[i], -EINVAL);
	refuse_ns("99999999999999999999999s", -ERANGE);
	refuse_ns("18446744073709551615s", -ERANGE);
}

static void seconds_may_be_bare(void **state)
{
	uint64_t ns;

	(void)state;
	assert_int_equal(units_parse_seconds("5", &ns), 0);
	assert_int_equal(ns, 5 * NSEC_PER_SEC);
	assert_int_equal(units_parse_seconds("0.25", &ns), 0);
	assert_int_equal(ns, NSEC_PER_SEC / 4);
	assert_int_equal(units_parse_seconds("250ms", &ns), 0);
	assert_int_equal(ns, NSEC_PER_SEC / 4);
	assert_int_equal(units_parse_seconds("five", &ns), -EINVAL);
}

static void rates(void **state)
{
	double a, b;

	(void)state;
	assert_int_equal(units_parse_rate("0.95", &a), 0);
	assert_int_equal(units_parse_rate("95%", &b), 0);
	assert_true(a == 0.95 && b == 0.95);
	assert_int_equal(units_parse_rate("99.9%", &a), 0);
	assert_true(a == 0.999);
	assert_int_equal(units_parse_rate("0.1 %", &a), 0);
	assert_true(a == 0.001);
	assert_int_equal(units_parse_rate("1", &a), 0);
	assert_true(a == 1.0);
	assert_int_equal(units_parse_rate("1.01", &a), -ERANGE);
	assert_int_equal(units_parse_rate("101%", &a), -ERANGE);
	assert_int_equal(units_parse_rate("95 per cent", &a), -EINVAL);
	assert_int_equal(units_parse_rate("%", &a), -EINVAL);
	assert_true(a == 1.0);
}

static void sizes(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_int_equal(units_parse_size("100MB", &bytes), 0);
	assert_int_equal(bytes, 100000000);
	assert_int_equal(units_parse_size("100MiB", &bytes), 0);
	assert_int_equal(bytes, 104857600);
	assert_int_equal(units_parse_size("4096B", &bytes), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(units_parse_size("4096", &bytes), -EINVAL);
	assert_int_equal(units_parse_size("99999999TiB", &bytes), -ERANGE);
}

static void throughputs(void **state)
{
	double rate;

	(void)state;
	assert_int_equal(units_parse_throughput("50/s", &rate), 0);
	assert_true(rate == 50.0);
	assert_int_equal(units_parse_throughput("1000/min", &rate), 0);
	assert_true(rate == 1000.0 / 60);
	assert_int_equal(units_parse_throughput("3/h", &rate), 0);
	assert_true(rate == 3.0 / 3600);
	assert_int_equal(units_parse_throughput("50", &rate), -EINVAL);
	assert_int_equal(units_parse_throughput("50/fortnight", &rate), -EINVAL);
}

static void formats(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 ns"},
		{850, "850 ns"},
		{999, "999 ns"},
		{1000, "1.00 us"},
		{9994, "9.99 us"},
		{9996, "10.0 us"},
		{12345, "12.3 us"},
		{99960, "100 us"},
		{999400, "999 us"},
		{999600, "1.00 ms"},
		{30000000, "30.0 ms"},
		{1200000000, "1.20 s"},
		{60000000000, "60.0 s"},
		{1800000000000, "30.0 min"},
		{7200000000000, "2.00 h"},
		{259200000000000, "3.00 d"},
		{UINT64_MAX, "213504 d"},
	};
	char buffer[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(units_format_duration(cases[i].ns, buffer, sizeof(buffer)),
				    cases[i].text);
	assert_string_equal(units_format_duration(12345, buffer, 3), "12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(durations_refused),
		cmocka_unit_test(seconds_may_be_bare),
		cmocka_unit_test(rates),
		cmocka_unit_test(sizes),
		cmocka_unit_test(throughputs),
		cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
