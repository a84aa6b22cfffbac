// SPDX-License-Identifier: GPL-2.0-or-later
/* The final report of the text output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sample_snapshot.h"

static int setup(void **state)
{
	struct sample *sample = malloc(sizeof(*sample));

	sample_init(sample);
	*state = sample;
	return 0;
}

static int teardown(void **state)
{
	sample_end(*state);
	free(*state);
	return 0;
}

static void whole(void **state)
{
	struct sample *sample = *state;

	sample->options.histogram = true;
	sample->options.unit = UNIT_MS;
	assert_int_equal(output_text.final(&sample->options, &sample->snapshot), 0);
	assert_string_equal(
		sample_text(sample),
		"\n"
		"endToEnd: 1200 spans in 1.00 s (1200.0/s), 3 errors (0.25 %), 2 in flight, the oldest for "
		"1.20 s\n"
		"    avg 12.5 ms, min 900 us, p50 11.0 ms, p90 15.2 ms, p95 17.0 ms, p99 28.1 ms, p99.9 64.0 "
		"ms, "
		"max 71.2 ms\n"
		"     msecs               : count    distribution\n"
		"         0 -> 1          : 200      |**********                              |\n"
		"         2 -> 3          : 0        |                                        |\n"
		"         4 -> 7          : 0        |                                        |\n"
		"         8 -> 15         : 800      |****************************************|\n"
		"        16 -> 31         : 0        |                                        |\n"
		"        32 -> 63         : 0        |                                        |\n"
		"        64 -> 127        : 200      |**********                              |\n"
		"    OBJECTIVE           LIMIT        WORST VIOLATIONS  VERDICT\n"
		"    max_latency       30.0 ms      71.2 ms         17  violated\n"
		"    max_p999          50.0 ms            -          0  unknown: too few spans in the "
		"window, 1000 are needed\n"
		"\n"
		"silent: 0 spans\n"
		"\n"
		"since 22:13:21.000 ALERT firing critical LATENCY_VIOLATION endToEnd: 71.2 ms > 30.0 ms, 12 "
		"held "
		"back, by checkout/41830\n"
		"\n"
		"integrity: 1 of 2 components fed (no hit: silent)\n"
		"    1202 entries = 1200 returns + 2 in flight\n"
		"    no losses\n"
		"cost: 2404 probe hits at 1.21 us, 0.31 % of the target's CPU time; lapse itself 120 ms of "
		"CPU, "
		"18.2 MB\n"
		"observed 1.00 s, ended: interrupted\n"
		"verdict: violated\n");
}

/* Rows from the first to the last that is not empty; those between stay. */
static void histogram_is_trimmed(void **state)
{
	struct sample *sample = *state;
	const char *text;

	sample->components[0].histogram[0] = (struct histogram_row){4 * MS, 4 * MS + 1000, 5};
	sample->options.histogram = true;
	sample->options.unit = UNIT_MS;
	output_text.final(&sample->options, &sample->snapshot);
	text = sample_text(sample);
	assert_non_null(strstr(text, "distribution\n         4 -> 7          : 5 "));
	assert_non_null(strstr(text, "        16 -> 31         : 0 "));
}

static void losses(void **state)
{
	struct sample *sample = *state;
	const char *text;

	sample->snapshot.integrity = (struct integrity){.entries = 100,
							.returns = 90,
							.in_flight = 1,
							.too_deep = 2,
							.abandoned = 3,
							.unwound = 1,
							.timed_out = 2,
							.jumps = 1,
							.unaccounted = 3,
							.ring_dropped = 7,
							.kernel_missed = 4,
							.stray = 5,
							.maps_full = 6};
	output_text.final(&sample->options, &sample->snapshot);
	text = sample_text(sample);
	assert_non_null(strstr(text,
			       "    100 entries = 90 returns + 1 in flight + 2 too deep + 3 abandoned + 1 "
			       "jumps + 6 without memory + 3 UNACCOUNTED\n"));
	assert_non_null(strstr(text, "    7 ring-buffer drops"));
	assert_non_null(strstr(text, "    4 probe hits missed by the kernel"));
	assert_non_null(strstr(text, "    1 abandoned (longjmp, exception, end of the thread"));
	assert_non_null(strstr(text, "    2 keyed spans given up, open for longer than their timeout="));
	assert_non_null(strstr(text, "    5 returns without an entry"));
	assert_non_null(strstr(text, "    6 found the kernel's maps full"));
	assert_null(strstr(text, "no losses"));
}

static void unfed_connections(void **state)
{
	struct sample *sample = *state;

	sample->snapshot.components[0].connects_unseen = true;
	output_text.final(&sample->options, &sample->snapshot);
	assert_non_null(strstr(sample_text(sample), "(no hit: connections of endToEnd, silent)\n"));
}

static void unaccounted_alone_is_a_loss(void **state)
{
	struct sample *sample = *state;
	const char *text;

	sample->snapshot.integrity.unaccounted = -1;
	output_text.final(&sample->options, &sample->snapshot);
	text = sample_text(sample);
	assert_non_null(strstr(text, "- 1 UNACCOUNTED"));
	assert_null(strstr(text, "no losses"));
}

/* While spans come and go counters are not read at one moment with what is open. */
static void before_the_end_a_difference_is_no_loss(void **state)
{
	struct sample *sample = *state;
	const char *text;

	sample->snapshot.integrity =
		(struct integrity){.entries = 10, .returns = 8, .in_flight = 1, .unaccounted = 1};
	sample->snapshot.end_reason = NULL;
	output_text.final(&sample->options, &sample->snapshot);
	text = sample_text(sample);
	assert_non_null(
		strstr(text, "10 entries = 8 returns + 1 in flight + 1 on their way\n    no losses\n"));
	assert_null(strstr(text, "UNACCOUNTED"));
}

static void no_contract_no_verdict(void **state)
{
	struct sample *sample = *state;
	const char *text;

	sample->snapshot.verdict = VERDICT_NONE;
	sample->components[0].n_objectives = 0;
	sample->snapshot.n_firing = 0;
	sample->snapshot.overhead.ns_per_hit = sample->snapshot.overhead.target_cpu_share = NAN;
	output_text.final(&sample->options, &sample->snapshot);
	text = sample_text(sample);
	assert_null(strstr(text, "verdict"));
	assert_null(strstr(text, "OBJECTIVE"));
	assert_null(strstr(text, "ALERT"));
	assert_non_null(strstr(text, "cost: 2404 probe hits; lapse itself"));
}

static void slowest_first(void **state)
{
	struct sample *sample = *state;

	sample->components[1].total = sample_stats();
	sample->components[1].total.p99_ns = 90 * MS;
	output_text.final(&sample->options, &sample->snapshot);
	assert_non_null(
		strstr(sample_text(sample), "\nslowest by p99: silent 90.0 ms, endToEnd 28.1 ms\n\n"));
}

/* Every count of the fine buckets is in the coarse rows, also of the overflow bucket. */
static void histogram_keeps_counts(void **state)
{
	struct sample *sample = *state;

	sample->options.histogram = true;
	sample->histogram[2] = (struct histogram_row){1ULL << 42, UINT64_MAX, 5};
	output_text.final(&sample->options, &sample->snapshot);
	assert_non_null(strstr(sample_text(sample), ": 5  "));
}

static void histogram_of_short_spans(void **state)
{
	struct sample *sample = *state;

	sample->options.histogram = true;
	sample->histogram[0] = (struct histogram_row){0, 1, 4};
	sample->histogram[1] = (struct histogram_row){2, 3, 2};
	sample->components[0].n_histogram = 2;
	output_text.final(&sample->options, &sample->snapshot);
	assert_non_null(
		strstr(sample_text(sample),
		       "     nsecs               : count    distribution\n"
		       "         0 -> 1          : 4        |****************************************|\n"
		       "         2 -> 3          : 2        |********************                    |\n"));
}

/* Errors, cache, values and what all promise together, where there is any of it. */
static void all_that_is_there(void **state)
{
	struct sample *sample = *state;
	struct stats *total = &sample->components[0].total;
	const char *text;

	total->hits = 950;
	total->misses = 50;
	total->cache_hit_rate = 0.95;
	total->n_values = 2;
	total->values[0] = (struct value_stats){.name = "batch_size",
						.count = 1000,
						.mean = 5.25,
						.last = 7,
						.has_extremes = true,
						.min = 1,
						.max = 1234567};
	total->values[1] = (struct value_stats){.name = "never", .mean = NAN};
	sample->objectives[0] =
		(struct objective_state){.objective = {.kind = OBJ_MIN_CACHE_HIT_RATE, .limit = 0.95},
					 .measured = 0.95,
					 .worst = 0.95,
					 .verdict = VERDICT_HELD};
	sample->objectives[1] = (struct objective_state){
		.objective = {.kind = OBJ_MAX_VALUE, .limit = 500000, .value = "batch_size"},
		.measured = 7,
		.worst = 1234567,
		.violations = 2,
		.verdict = VERDICT_VIOLATED};
	sample->components[2].objectives = sample->objectives;
	sample->components[2].n_objectives = 1;
	sample->snapshot.integrity.restarted = 3;
	sample->snapshot.integrity.unmatched_end = 4;
	output_text.final(&sample->options, &sample->snapshot);
	text = sample_text(sample);
	assert_non_null(strstr(text,
			       "    cache: 1000 look-ups, 95.00 % hits\n"
			       "    batch_size: 1000 values, mean 5.25, min 1, max 1234567, last 7\n"
			       "    OBJECTIVE                   LIMIT        WORST VIOLATIONS  VERDICT\n"
			       "    min_cache_hit_rate        95.00 %      95.00 %          0  held\n"
			       "    max_value batch_size       500000      1234567          2  violated\n"));
	assert_null(strstr(text, "never"));
	assert_non_null(strstr(text, "system: 1200 spans in 1.00 s (1200.0/s), 3 errors (0.25 %)\n"
				     "    OBJECTIVE "));
	assert_non_null(strstr(text, " in flight + 3 restarted\n"));
	assert_non_null(strstr(text, "    3 keyed spans begun anew"));
	assert_non_null(strstr(text, "    4 ends of keyed spans"));
}

static void events(void **state)
{
	struct sample *sample = *state;

	sample->options.histogram = true;
	sample->components[0].untimed = true;
	sample->components[0].total.avg_ns = NAN;
	sample->components[0].total.has_percentiles = sample->components[0].total.has_extremes = false;
	output_text.final(&sample->options, &sample->snapshot);
	assert_null(strstr(sample_text(sample), "avg"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole, setup, teardown),
		cmocka_unit_test_setup_teardown(losses, setup, teardown),
		cmocka_unit_test_setup_teardown(unfed_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(histogram_is_trimmed, setup, teardown),
		cmocka_unit_test_setup_teardown(unaccounted_alone_is_a_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(before_the_end_a_difference_is_no_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(no_contract_no_verdict, setup, teardown),
		cmocka_unit_test_setup_teardown(slowest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(histogram_keeps_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(histogram_of_short_spans, setup, teardown),
		cmocka_unit_test_setup_teardown(all_that_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(events, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
