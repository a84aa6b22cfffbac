// SPDX-License-Identifier: GPL-2.0-or-later
/* What contract files say beyond latency, and whether probes can feed it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "config/config.h"

#define SEC 1000000000ULL

static const char whole[] =
	"lapse: 1\n"
	"target: {exe: /usr/local/bin/tradebot}\n"
	"window: {last: 100}\n"
	"thresholds:\n"
	"  warning:  {latency_multiplier: 1.0, uptime: 99.5%}\n"
	"  critical: {latency_multiplier: 2.0, error_rate: 10%, uptime: 99%}\n"
	"alerts: {cooldown: 60s, resolve_after: 30s}\n"
	"components:\n"
	"  tokenValidator:\n"
	"    measure: validate_token\n"
	"    err: \"int ret != 0\"\n"
	"    cache: {measure: cache_lookup, hit: \"ret != 0\"}\n"
	"    contract: {max_latency: 3ms, min_cache_hit_rate: 95%, max_error_rate: 0.1%}\n"
	"  rpcConnection:\n"
	"    measure: \"tcp:request peer=127.0.0.1:8899\"\n"
	"    contract: {max_latency: 10ms, max_failure_rate: 5%}\n"
	"  batchOptimizer:\n"
	"    measure: optimize_batch\n"
	"    values: {batch_size: \"int arg1\", depth: \"unsigned arg2\"}\n"
	"    contract:\n"
	"      max_latency: 25ms\n"
	"      min_batch_size: 5\n"
	"      max_value: {depth: {limit: 500, breaches: 3/10s}, batch_size: 90}\n"
	"      min_value: {depth: 1}\n"
	"  endToEnd:\n"
	"    measure: \"span:order_received(arg0)..order_confirmed(arg0)\"\n"
	"    if: \"int arg1 > 0\"\n"
	"    timeout: 5s\n"
	"    contract: {max_latency: 30ms, max_backlog: {limit: 50, for: 2s}}\n"
	"  httpClient:\n"
	"    measure: http_request\n"
	"    connections: \"tcp:connect peer=127.0.0.1:8080\"\n"
	"    contract:\n"
	"      min_pool_efficiency: 80%\n"
	"      max_connection_time: 1s\n"
	"      min_throughput: {limit: 1000/min, over: 10s, for: 3s}\n"
	"handlers:\n"
	"  - {when: SYSTEM_ERROR_RATE_VIOLATION, component: system, file: alerts.jsonl}\n";

static void parse(const char *text, struct config *config)
{
	assert_int_equal(config_parse("t.yaml", text, strlen(text), config), 0);
}

static void modifiers(void **state)
{
	const struct config_component *c;
	struct config config;

	(void)state;
	parse(whole, &config);
	c = config.components;
	assert_int_equal(c[0].n_modifiers, 1);
	assert_string_equal(c[0].modifiers[0].text, "err(int ret != 0)");
	assert_int_equal(c[0].modifiers[0].mark.line, 11);
	assert_int_equal(c[0].modifiers[0].mark.column, 10);
	assert_string_equal(c[0].cache.text, "cache_lookup");
	assert_string_equal(c[0].cache_hit.text, "hit(ret != 0)");
	assert_null(c[1].cache.text);
	assert_int_equal(c[2].n_modifiers, 2);
	assert_string_equal(c[2].modifiers[0].text, "value(batch_size=int arg1)");
	assert_string_equal(c[2].modifiers[1].text, "value(depth=unsigned arg2)");
	assert_int_equal(c[3].n_modifiers, 2);
	assert_string_equal(c[3].modifiers[0].text, "if(int arg1 > 0)");
	assert_string_equal(c[3].modifiers[1].text, "timeout=5s");
	assert_string_equal(config.handlers[0].components[0], "system");
	config_free(&config);
}

static void objectives(void **state)
{
	const struct objective *o;
	struct config config;

	(void)state;
	parse(whole, &config);
	o = config.components[0].contract.objectives;
	assert_int_equal(o[1].kind, OBJ_MIN_CACHE_HIT_RATE);
	assert_float_equal(o[1].limit, 0.95, 1e-12);
	assert_int_equal(o[2].kind, OBJ_MAX_ERROR_RATE);
	assert_float_equal(o[2].limit, 0.001, 1e-12);
	assert_int_equal(config.components[2].contract.n_objectives, 5);
	o = config.components[2].contract.objectives;
	assert_string_equal(objective_value(&o[1]), "batch_size");
	assert_int_equal(o[2].kind, OBJ_MAX_VALUE);
	assert_string_equal(o[2].value, "depth");
	assert_int_equal(o[2].breaches, 3);
	assert_string_equal(o[3].value, "batch_size");
	assert_float_equal(o[3].limit, 90, 0);
	assert_int_equal(o[4].kind, OBJ_MIN_VALUE);
	o = config.components[3].contract.objectives;
	assert_int_equal(o[1].kind, OBJ_MAX_BACKLOG);
	assert_int_equal(o[1].for_ns, 2 * SEC);
	assert_string_equal(config.components[4].connections.text, "tcp:connect peer=127.0.0.1:8080");
	assert_int_equal(config.components[4].connections.mark.line, 32);
	assert_int_equal(config.components[4].connections.mark.column, 18);
	assert_null(config.components[3].connections.text);
	o = config.components[4].contract.objectives;
	assert_int_equal(o[0].kind, OBJ_MIN_POOL_EFFICIENCY);
	assert_float_equal(o[0].limit, 0.8, 1e-12);
	assert_int_equal(o[1].kind, OBJ_MAX_CONNECTION_TIME);
	assert_float_equal(o[1].limit, 1e9, 0);
	assert_int_equal(o[2].kind, OBJ_MIN_THROUGHPUT);
	assert_float_equal(o[2].limit, 1000 / 60.0, 1e-9);
	assert_int_equal(o[2].over_ns, 10 * SEC);
	assert_int_equal(o[2].for_ns, 3 * SEC);
	config_free(&config);
}

#define FLOW "lapse: 1\ncomponents: {a: {measure: f}}\n"

static void system_rate(void **state)
{
	struct config config;

	(void)state;
	parse(FLOW "thresholds: {critical: {error_rate: 20%}}\n", &config);
	assert_false(config.system_promised);
	assert_int_equal(config.system.n_objectives, 1);
	assert_int_equal(config.system.objectives->kind, OBJ_MAX_SYSTEM_ERROR_RATE);
	assert_float_equal(config.system.objectives->limit, 0.05, 0);
	assert_int_equal(config.system.objectives->over_ns, 300 * SEC);
	assert_float_equal(config.system.thresholds.critical_error_rate, 0.2, 1e-12);
	config_free(&config);
	parse(FLOW "system: {max_error_rate: 2%}\n", &config);
	assert_true(config.system_promised);
	assert_float_equal(config.system.objectives->limit, 0.02, 1e-12);
	assert_int_equal(config.system.objectives->over_ns, 300 * SEC);
	config_free(&config);
	parse(FLOW "system: {max_error_rate: {limit: 2%, since: start}}\n", &config);
	assert_true(config.system.objectives->since_start);
	assert_int_equal(config.system.objectives->over_ns, 0);
	config_free(&config);
}

/* ---- what probes tell ------------------------------------------------------------------------------ */

/* Of component @i of the whole file. */
static void expect_fed(size_t i, struct config_fed fed, const char *wanted)
{
	struct config config;
	char *said;
	size_t length;
	FILE *stream = open_memstream(&said, &length);

	parse(whole, &config);
	diag_set_stream(stream);
	assert_int_equal(config_check_fed(&config, i, &fed), *wanted ? -EINVAL : 0);
	diag_set_stream(NULL);
	fclose(stream);
	assert_string_equal(said, wanted);
	free(said);
	config_free(&config);
}

static void fed(void **state)
{
	static const char *const values[] = {"batch_size", "depth"}, *const other[] = {"batch_size", "dept"};

	(void)state;
	expect_fed(0, (struct config_fed){.has_durations = true, .has_errors = true, .has_cache = true}, "");
	expect_fed(0, (struct config_fed){.has_durations = true, .has_cache = true},
		   "lapse: t.yaml:13:59: 'max_error_rate' cannot be judged for 'tokenValidator': nothing "
		   "tells which "
		   "spans have failed; add such as err: \"int ret < 0\" or ok: \"int ret == 0\" to the "
		   "component\n");
	expect_fed(0, (struct config_fed){.has_durations = true, .has_errors = true},
		   "lapse: t.yaml:13:34: 'min_cache_hit_rate' cannot be judged for 'tokenValidator': nothing "
		   "tells "
		   "hits from misses; add such as cache: {measure: LOOKUP, hit: \"ret != 0\"} to the "
		   "component\n");
	expect_fed(
		0, (struct config_fed){.has_errors = true, .has_cache = true},
		"lapse: t.yaml:13:16: 'max_latency' cannot be judged for 'tokenValidator': its probe counts "
		"events, which have no durations; measure a function, or a span from one place to "
		"another\n");
	expect_fed(2, (struct config_fed){.has_durations = true, .values = values, .n_values = 2}, "");
	expect_fed(2, (struct config_fed){.has_durations = true, .any_value = true}, "");
	expect_fed(
		2, (struct config_fed){.has_durations = true, .values = other, .n_values = 2},
		"lapse: t.yaml:23:19: 'max_value' cannot be judged for 'batchOptimizer': no value 'depth' is "
		"captured, nearest is 'dept'\n"
		"lapse: t.yaml:24:19: 'min_value' cannot be judged for 'batchOptimizer': no value 'depth' is "
		"captured, nearest is 'dept'\n");
	expect_fed(2, (struct config_fed){.has_durations = true, .values = &values[1], .n_values = 1},
		   "lapse: t.yaml:22:7: 'min_batch_size' cannot be judged for 'batchOptimizer': no value "
		   "'batch_size' is captured; add such as values: {batch_size: \"int arg1\"} to the "
		   "component\n"
		   "lapse: t.yaml:23:57: 'max_value' cannot be judged for 'batchOptimizer': no value "
		   "'batch_size' is "
		   "captured; add such as values: {batch_size: \"int arg1\"} to the component\n");
}

/* The kernel keeps four values of a component, whoever names them. */
static void too_many_values(void **state)
{
	struct config config;
	struct config_fed by_marker = {.has_durations = true, .any_value = true};
	char *said;
	size_t length;
	FILE *stream = open_memstream(&said, &length);

	(void)state;
	parse("lapse: 1\ncomponents:\n  a:\n    measure: 'marker:m'\n    contract: {min_batch_size: 5, "
	      "max_value: "
	      "{a: 1, b: 1, c: -1}, min_value: {a: 0}}\n",
	      &config);
	assert_int_equal(config_check_fed(&config, 0, &by_marker), 0);
	config_free(&config);
	parse("lapse: 1\ncomponents:\n  a:\n    measure: 'marker:m'\n    contract: {min_batch_size: 5, "
	      "max_value: "
	      "{a: 1, b: 1, c: -1}, min_value: {d: 0}}\n",
	      &config);
	diag_set_stream(stream);
	assert_int_equal(config_check_fed(&config, 0, &by_marker), -EINVAL);
	diag_set_stream(NULL);
	fclose(stream);
	assert_non_null(strstr(said, "t.yaml:3:3: 'a' promises something of more than 4 captured values"));
	free(said);
	config_free(&config);
}

/* Spans that are given up before the limit could not violate it. */
static void timeout_below_the_limit(void **state)
{
	struct config_fed fed = {.has_durations = true, .has_errors = true, .has_cache = true};

	(void)state;
	fed.timeout_ns = 3 * SEC / 1000 + 1;
	expect_fed(0, fed, "");
	fed.timeout_ns = 3 * SEC / 1000;
	expect_fed(0, fed,
		   "lapse: t.yaml:13:16: 'max_latency' cannot be judged for 'tokenValidator': its spans are "
		   "given up when they are open for more than 3.00 ms; add a timeout above 3.00 ms to the "
		   "component\n");
}

static void connections_fed(void **state)
{
	(void)state;
	expect_fed(4, (struct config_fed){.has_durations = true, .has_connects = true}, "");
	/* Throughput is known of any probe. */
	expect_fed(
		4, (struct config_fed){0},
		"lapse: t.yaml:34:7: 'min_pool_efficiency' cannot be judged for 'httpClient': nothing tells "
		"of "
		"the connections that it opens; add such as connections: \"tcp:connect peer=10.0.0.5:5432\" "
		"to the component\n"
		"lapse: t.yaml:35:7: 'max_connection_time' cannot be judged for 'httpClient': nothing tells "
		"of "
		"the connections that it opens; add such as connections: \"tcp:connect peer=10.0.0.5:5432\" "
		"to the component (where its own spans are connections, max_latency judges them)\n");
}

/* The file is refused with a message that holds @wanted. */
static void refused(const char *text, const char *wanted)
{
	struct config config;
	char *said;
	size_t length;
	FILE *stream = open_memstream(&said, &length);

	diag_set_stream(stream);
	assert_int_equal(config_parse("t.yaml", text, strlen(text), &config), -EINVAL);
	diag_set_stream(NULL);
	fclose(stream);
	if (!strstr(said, wanted))
		fail_msg("no '%s' in\n%s", wanted, said);
	free(said);
}

#define CONTRACT(objectives) "lapse: 1\ncomponents: {a: {measure: f, contract: {" objectives "}}}\n"

static void wrong_promises(void **state)
{
	(void)state;
	refused(CONTRACT("min_throughput: 1000"),
		"t.yaml:2:57: '1000' is not what 'min_throughput' takes: a rate "
		"such as 1000/min");
	refused(CONTRACT("min_throughput: 0/s"), "must be above 0");
	refused(CONTRACT("min_throughput: {limit: 5/s, min_samples: 7}"),
		"t.yaml:2:70: 'min_samples' belongs to window objectives; 'min_throughput' is judged over a "
		"period");
	refused(CONTRACT("min_throughput: {limit: 5/s, breaches: 3/10s}"),
		"'breaches' belongs to span objectives");
	refused(CONTRACT("min_pool_efficiency: 5ms"), "a share such as 0.95 or 95%");
	refused(CONTRACT("max_connection_time: 5"), "'5' has no unit");
	refused(CONTRACT("max_connection_time: {limit: 5s, over: 10s}"),
		"'over' belongs to window objectives; 'max_connection_time' is judged span by span");
	refused(CONTRACT("max_conection_time: 5s"), "nearest is 'max_connection_time'");
	refused("lapse: 1\ncomponents: {a: {measure: f, connections: {measure: g}}}\n",
		"t.yaml:2:43: 'connections' takes a probe, not a mapping");
}

static void system_fed(void **state)
{
	struct config config;
	char *said;
	size_t length;
	FILE *stream = open_memstream(&said, &length);

	(void)state;
	diag_set_stream(stream);
	parse(FLOW, &config);
	assert_int_equal(config_check_system_fed(&config, false), 0);
	config_free(&config);
	parse(FLOW "system: {max_error_rate: 2%}\n", &config);
	assert_int_equal(config_check_system_fed(&config, true), 0);
	assert_int_equal(config_check_system_fed(&config, false), -EINVAL);
	config_free(&config);
	diag_set_stream(NULL);
	fclose(stream);
	assert_non_null(strstr(said, "t.yaml:3:1: 'system' cannot be judged: nothing tells which spans"));
	free(said);
}

static void explained(void **state)
{
	static const char *const wanted[] = {
		"tokenValidator measures validate_token err(int ret != 0), and its cache by cache_lookup "
		"hit(ret != 0), over the last 100 spans and promises\n",
		"    min_cache_hit_rate at least 95 %, always warning: ",
		"    max_error_rate at most 0.1 %, critical above 10 %: ",
		"    min_batch_size at least 5, critical below 2.5: ",
		"    max_value depth at most 500, critical above 1000, an alert on breach 3 within 10.0 s: ",
		"httpClient measures http_request, and its connections by tcp:connect peer=127.0.0.1:8080, "
		"over the "
		"last 100 spans and promises\n",
		"    min_pool_efficiency at least 80 %, critical below 40 %: ",
		"    max_connection_time at most 1.00 s, critical above 2.00 s: ",
		"    min_throughput at least 16.6667/s, critical below 8.33333/s, over 10.0 s, an alert when "
		"breached "
		"for 3.00 s: ",
		"    max_backlog at most 50, critical above 100, an alert when breached for 2.00 s: ",
		"All components together promise, where failed spans can be told,\n    max_error_rate at "
		"most 5 %, "
		"critical above 10 %, over 300 s: ",
		" (SYSTEM_ERROR_RATE_VIOLATION)\n",
	};
	struct config config;
	char *words;
	size_t length;
	FILE *stream = open_memstream(&words, &length);

	(void)state;
	parse(whole, &config);
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
		cmocka_unit_test(modifiers),	   cmocka_unit_test(objectives),
		cmocka_unit_test(system_rate),	   cmocka_unit_test(connections_fed),
		cmocka_unit_test(wrong_promises),  cmocka_unit_test(fed),
		cmocka_unit_test(too_many_values), cmocka_unit_test(timeout_below_the_limit),
		cmocka_unit_test(system_fed),	   cmocka_unit_test(explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
