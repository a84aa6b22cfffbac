// SPDX-License-Identifier: GPL-2.0-or-later
/* Budgets, uptimes and memory as contract files say them, and as check explains them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define SEC  1000000000ULL
#define HOUR (3600 * SEC)

static const char text[] =
	"lapse: 1\n"
	"max_window: 5min\n"
	"components:\n"
	"  a:\n"
	"    measure: f\n"
	"    err: \"int ret < 0\"\n"
	"    max_window: 1min\n"
	"    contract:\n"
	"      max_latency: {limit: 30ms, mode: budget, target: 99.9%}\n"
	"      max_error_rate: {limit: 10%, mode: budget, period: 1d, for: 5s, severity: notice}\n"
	"      max_failure_rate: {limit: 1%, mode: budget, target: 99%, period: 90d}\n"
	"      min_uptime: 99.9%\n"
	"      max_memory: 2GiB\n"
	"  b:\n"
	"    measure: g\n"
	"    window: {last: 99}\n"
	"    contract: {min_uptime: {limit: 95%, over: 2h, min_samples: 5}, max_p99: {limit: 1s, over: "
	"5s}}\n";

static void parse(struct config *config)
{
	assert_int_equal(config_parse("t.yaml", text, strlen(text), config), 0);
}

static void parsed(void **state)
{
	const struct objective *o;
	struct config config;

	(void)state;
	parse(&config);
	assert_int_equal(config.components[0].window.max_ns, 60 * SEC);
	assert_int_equal(config.components[1].window.max_ns, 300 * SEC);
	o = config.components[0].contract.objectives;
	assert_int_equal(o[0].kind, OBJ_LATENCY_BUDGET);
	assert_float_equal(o[0].span_limit, 30e6, 0);
	assert_float_equal(o[0].limit, 1, 0);
	assert_float_equal(o[0].budget, 0.001, 1e-12);
	assert_int_equal(o[0].period_ns, 30 * 24 * HOUR);
	assert_int_equal(o[1].kind, OBJ_ERROR_BUDGET);
	assert_float_equal(o[1].budget, 0.1, 1e-12);
	assert_int_equal(o[1].period_ns, 24 * HOUR);
	assert_int_equal(o[1].for_ns, 5 * SEC);
	assert_int_equal(o[1].severity, SEV_NOTICE);
	assert_int_equal(o[2].kind, OBJ_FAILURE_BUDGET);
	assert_float_equal(o[2].budget, 0.01, 1e-12);
	assert_int_equal(o[3].kind, OBJ_MIN_UPTIME);
	assert_int_equal(o[3].over_ns, HOUR);
	assert_int_equal(o[4].kind, OBJ_MAX_MEMORY);
	assert_float_equal(o[4].limit, 2.0 * (1 << 30), 0);
	o = config.components[1].contract.objectives;
	assert_int_equal(o[0].over_ns, 2 * HOUR);
	assert_int_equal(o[0].min_samples, 5);
	config_free(&config);
}

static void explained(void **state)
{
	static const char *const wanted[] = {
		"    max_latency at most 30.0 ms in 99.9 % of spans, so 0.1 % may be longer: a budget for "
		"30.0 d "
		"(LATENCY_VIOLATION)\n"
		"      critical when over 60.0 min and over the last 300 s it burns more than 14.4 times too "
		"fast\n"
		"      critical when over 6.00 h and over the last 30.0 min it burns more than 6 times too "
		"fast\n"
		"      warning when over 3.00 d and over the last 6.00 h it burns more than 1 times too "
		"fast\n",
		/* No more than all can fail, which is ten times as many as may. */
		"    max_error_rate at most 10 %: a budget for 24.0 h (ERROR_RATE_VIOLATION), an alert when "
		"breached for 5.00 s\n"
		"      notice when over 720 s and over the last 60.0 s it burns more than 6 times too fast\n",
		"    max_failure_rate at most 1 %: a budget for 90.0 d (FAILURE_RATE_VIOLATION)\n",
		"    min_uptime at least 99.9 %, warned of below 99.9 %, critical below 99 %, over 60.0 "
		"min: ",
		"    min_uptime at least 95 %, warned of below 99.5 %, critical below 99 %, over 2.00 h, "
		"judged from 5 ",
		"    max_memory at most 2147.48 MB, critical above 4294.97 MB: ",
	};
	struct config config;
	char *words;
	size_t length;
	FILE *stream = open_memstream(&words, &length);

	(void)state;
	parse(&config);
	config_explain(&config, stream);
	fclose(stream);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (!strstr(words, wanted[i]))
			fail_msg("no '%s' in\n%s", wanted[i], words);
	free(words);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsed),
		cmocka_unit_test(explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
