// SPDX-License-Identifier: GPL-2.0-or-later
/* The text output, line by line. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "sample_snapshot.h"

static int setup(void **state)
{
	struct sample *sample = malloc(sizeof(*sample));

	sample_init(sample);
	output_text.begin(&sample->options, &sample->snapshot);
	*state = sample;
	return 0;
}

static int teardown(void **state)
{
	sample_end(*state);
	free(*state);
	return 0;
}

#define HEADER_US                                                                                        \
	"   COUNT    RATE/s    ERR   ERR%   p50(us)   p90(us)   p99(us) p99.9(us)   MAX(us) TREND      " \
	"HEALTH "                                                                                        \
	"FUNC\n"
#define HEADER_MS                                                                                        \
	"   COUNT    RATE/s    ERR   ERR%   p50(ms)   p90(ms)   p99(ms) p99.9(ms)   MAX(ms) TREND      " \
	"HEALTH "                                                                                        \
	"FUNC\n"
#define ROW_US                                                                                               \
	"    1200    1200.0      3   0.25   11000.0   15200.0   28100.0   64000.0   71200.0 increasing     " \
	"93 "                                                                                                \
	"endToEnd\n"
#define ROW_MS                                                                                               \
	"    1200    1200.0      3   0.25     11.00     15.20     28.10     64.00     71.20 increasing     " \
	"93 "                                                                                                \
	"endToEnd\n"
#define ROW_SILENT                                                                                           \
	"       0         -      -      -         -         -         -         -         - -              " \
	" - "                                                                                                \
	"silent\n"

static void interval_in_us(void **state)
{
	struct sample *sample = *state;

	sample->options.unit = UNIT_US;
	assert_int_equal(output_text.interval(&sample->options, &sample->snapshot), 0);
	assert_string_equal(sample_text(sample), HEADER_US ROW_US ROW_SILENT "\n");
}

/* Rows that a terminal would break into two leave out what has no room; the header says so when it changes.
 */
static void as_wide_as_the_terminal(void **state)
{
	struct sample *sample = *state;

	sample->options.unit = UNIT_US;
	sample->options.width = 90;
	assert_int_equal(output_text.interval(&sample->options, &sample->snapshot), 0);
	assert_string_equal(sample_text(sample),
			    "   COUNT    RATE/s    ERR   ERR%   p50(us)   p99(us)   MAX(us) FUNC\n"
			    "    1200    1200.0      3   0.25   11000.0   28100.0   71200.0 endToEnd\n"
			    "       0         -      -      -         -         -         - silent\n\n");
	sample->options.width = 93;
	assert_int_equal(output_text.interval(&sample->options, &sample->snapshot), 0);
	assert_string_equal(
		sample_text(sample),
		"   COUNT    RATE/s    ERR   ERR%   p50(us)   p99(us) p99.9(us)   MAX(us) FUNC\n"
		"    1200    1200.0      3   0.25   11000.0   28100.0   64000.0   71200.0 endToEnd\n"
		"       0         -      -      -         -         -         -         - silent\n\n");
	sample->options.width = 200;
	assert_int_equal(output_text.interval(&sample->options, &sample->snapshot), 0);
	assert_string_equal(sample_text(sample), HEADER_US ROW_US ROW_SILENT "\n");
}

static void narrow_connections(void **state)
{
	struct sample *sample = *state;

	sample->options.width = 80;
	sample->options.tcp = true;
	assert_int_equal(output_text.interval(&sample->options, &sample->snapshot), 0);
	assert_string_equal(sample_text(sample),
			    "   COUNT    RATE/s   ERR    p50(ms)    p99(ms)    MAX(ms) WHAT\n"
			    "    1200    1200.0     3      11.00      28.10      71.20 endToEnd\n");
}

static void unit_is_picked(void **state)
{
	struct sample *sample = *state;

	output_text.interval(&sample->options, &sample->snapshot);
	assert_string_equal(sample_text(sample), HEADER_MS ROW_MS ROW_SILENT "\n");
	output_text.begin(&sample->options, &sample->snapshot);
	sample->components[0].interval.p50_ns = 9 * MS;
	output_text.interval(&sample->options, &sample->snapshot);
	assert_non_null(strstr(sample_text(sample), "p50(us)"));
}

static void timestamps(void **state)
{
	struct sample *sample = *state;

	sample->options.timestamps = true;
	output_text.interval(&sample->options, &sample->snapshot);
	assert_string_equal(sample_text(sample),
			    "TIME     " HEADER_MS "22:13:22 " ROW_MS "22:13:22 " ROW_SILENT);
}

static void header_every_20_rows(void **state)
{
	struct sample *sample = *state;
	int headers = 0;

	sample->snapshot.n_components = 1;
	for (int i = 0; i < 41; i++) {
		output_text.interval(&sample->options, &sample->snapshot);
		headers += strncmp(sample_text(sample), HEADER_MS, strlen(HEADER_MS)) == 0;
	}
	assert_int_equal(headers, 3);
}

static void spans(void **state)
{
	struct sample *sample = *state;
	struct lapse_span span = sample_span();

	output_text.span(&sample->options, &sample->snapshot, &span, NULL);
	assert_string_equal(sample_text(sample),
			    "TIME         COMM            PID      TID         LAT(ms)  RESULT   FUNC\n"
			    "22:13:21.596 checkout        41822    41830        184.20  err -11  endToEnd\n");
	span.flags = LAPSE_SPAN_OPEN;
	output_text.span(&sample->options, &sample->snapshot, &span, NULL);
	assert_string_equal(sample_text(sample),
			    "22:13:21.596 checkout        41822    41830        184.20  open     endToEnd\n");
	span.flags = LAPSE_SPAN_BREACH;
	span.duration_ns = 12345;
	sample->options.unit = UNIT_US;
	output_text.span(&sample->options, &sample->snapshot, &span, NULL);
	assert_string_equal(sample_text(sample),
			    "22:13:21.596 checkout        41822    41830          12.3  ok       endToEnd\n");
}

/* That it waited for nothing is something else than that it is not known. */
static void longest_waits(void **state)
{
	struct sample *sample = *state;
	struct lapse_why_span whole = {.span = sample_span()};

	whole.span.flags |= LAPSE_SPAN_WHY;
	output_text.span(&sample->options, &sample->snapshot, &whole.span, NULL);
	assert_null(strstr(sample_text(sample), "longest"));
	whole.why.longest.end_ns = 1;
	output_text.span(&sample->options, &sample->snapshot, &whole.span, NULL);
	assert_non_null(
		strstr(sample_text(sample), " its longest wait is not known: too many came after it\n"));
}

/* What is not measured any more does not look as if nobody called it. */
static void detached(void **state)
{
	struct sample *sample = *state;

	sample->components[0].detached = true;
	output_text.interval(&sample->options, &sample->snapshot);
	assert_non_null(strstr(sample_text(sample), " detached "));
	output_text.final(&sample->options, &sample->snapshot);
	assert_non_null(strstr(sample_text(sample), "; detached: its probes were too dear\n"));
}

/* Columns and words only for what is there. */
static void cache_and_values(void **state)
{
	struct sample *sample = *state;
	struct component_snapshot *component = &sample->components[0];
	struct lapse_span span = sample_span();
	const char *text;

	component->has_cache = true;
	component->interval.cache_hit_rate = 0.9512;
	component->interval.n_values = 2;
	component->interval.values[0] = (struct value_stats){.name = "batch_size", .count = 3, .mean = 5.5};
	component->interval.values[1] = (struct value_stats){.name = "depth", .mean = NAN};
	output_text.interval(&sample->options, &sample->snapshot);
	assert_string_equal(
		sample_text(sample),
		"   COUNT    RATE/s    ERR   ERR% CACHE%   p50(ms)   p90(ms)   p99(ms) p99.9(ms)   MAX(ms) "
		"TREND      HEALTH VALUES               FUNC\n"
		"    1200    1200.0      3   0.25  95.12     11.00     15.20     28.10     64.00     71.20 "
		"increasing     93 batch_size=5.5       endToEnd\n"
		"       0         -      -      -      -         -         -         -         -         - "
		"-               - -                    silent\n\n");
	component->value_name[0] = "batch_size";
	span.values = 1;
	span.value[0] = -7;
	span.flags &= ~(uint32_t)LAPSE_SPAN_RET;
	span.flags |= LAPSE_SPAN_UNTIMED;
	output_text.span(&sample->options, &sample->snapshot, &span, NULL);
	text = sample_text(sample);
	assert_non_null(strstr(text, "RESULT   VALUES               FUNC\n"));
	assert_non_null(strstr(text, "41830             -  err      batch_size=-7        endToEnd\n"));
}

/* A name that comes late brings its column with it; what has no thread, and no name, shows none. */
static void late_values_and_goroutines(void **state)
{
	struct sample *sample = *state;
	struct lapse_span span = sample_span();

	output_text.interval(&sample->options, &sample->snapshot);
	assert_null(strstr(sample_text(sample), "VALUES"));
	sample->components[0].interval.n_values = 1;
	sample->components[0].interval.values[0] =
		(struct value_stats){.name = "depth", .count = 1, .mean = 2};
	output_text.interval(&sample->options, &sample->snapshot);
	assert_non_null(strstr(sample_text(sample), "HEALTH VALUES               FUNC\n"));
	output_text.span(&sample->options, &sample->snapshot, &span, NULL);
	assert_null(strstr(sample_text(sample), "VALUES"));
	sample->components[0].value_name[0] = "depth";
	sample->components[0].value_name[1] = "width";
	span.values = 3;
	span.value[0] = 2;
	span.value[1] = 3;
	span.tid = 0;
	span.comm[0] = '\0';
	output_text.span(&sample->options, &sample->snapshot, &span, NULL);
	assert_string_equal(
		sample_text(sample),
		"TIME         COMM            PID      TID         LAT(ms)  RESULT   VALUES               "
		"FUNC\n22:13:21.596 -               41822    -            184.20  err -11  depth=2,width=3 "
		"     endToEnd\n");
}

static void no_errors_no_column(void **state)
{
	struct sample *sample = *state;

	sample->snapshot.system.has_errors = false;
	output_text.interval(&sample->options, &sample->snapshot);
	assert_null(strstr(sample_text(sample), "ERR%"));
}

static void hostile_names(void **state)
{
	struct sample *sample = *state;
	struct lapse_span span = sample_span();
	const char *text;

	memcpy(span.comm, "\033[31mevil\n\xff 3456", sizeof(span.comm));
	sample->components[0].name = "a\033]0;b\a";
	output_text.span(&sample->options, &sample->snapshot, &span, NULL);
	text = sample_text(sample);
	assert_non_null(strstr(text, "\\x1b[31mevil\\x0a\\xff 3456"));
	assert_non_null(strstr(text, "a\\x1b]0;b\\x07"));
	assert_null(strchr(text, '\033'));
}

static void violations(void **state)
{
	struct sample *sample = *state;
	struct violation violation = sample_violation();

	output_text.violation(&sample->options, &sample->snapshot, &violation);
	assert_string_equal(
		sample_text(sample),
		"22:13:21.412 VIOLATION critical LATENCY_VIOLATION endToEnd: 71.2 ms > 30.0 ms, by "
		"checkout/41830\n");
	violation.open = true;
	violation.kind = OBJ_MAX_P99;
	violation.pid = violation.tid = 0;
	output_text.violation(&sample->options, &sample->snapshot, &violation);
	assert_string_equal(sample_text(sample),
			    "22:13:21.412 VIOLATION critical PERCENTILE_VIOLATION endToEnd "
			    "max_p99: 71.2 ms > 30.0 ms, still open\n");
}

static void alerts(void **state)
{
	struct sample *sample = *state;

	output_text.alert(&sample->options, &sample->snapshot, &sample->alert);
	assert_string_equal(
		sample_text(sample),
		"22:13:22.000 ALERT firing critical LATENCY_VIOLATION endToEnd: 71.2 ms > 30.0 ms, 12 "
		"held back, by checkout/41830\n");
	sample->alert.event = ALERT_EVENT_ESCALATED;
	sample->alert.window_ns = 10 * SEC;
	sample->alert.held_back = 0;
	sample->alert.pid = sample->alert.tid = 0;
	output_text.alert(&sample->options, &sample->snapshot, &sample->alert);
	assert_string_equal(sample_text(sample), "22:13:22.000 ALERT escalated critical LATENCY_VIOLATION "
						 "endToEnd: 71.2 ms > 30.0 ms over 10.0 s\n");
	sample->alert.event = ALERT_EVENT_RESOLVED;
	sample->alert.held_back = 16;
	output_text.alert(&sample->options, &sample->snapshot, &sample->alert);
	assert_string_equal(sample_text(sample), "22:13:22.000 ALERT resolved critical LATENCY_VIOLATION "
						 "endToEnd: after 1.00 s, 17 violations, 16 held back\n");
}

/* The type does not say which value it is, nor which rate. */
static void which_objective(void **state)
{
	struct sample *sample = *state;
	struct violation v = sample_violation();

	v.kind = OBJ_MIN_VALUE;
	v.value = "depth";
	v.measured = 3;
	v.limit = 10;
	output_text.violation(&sample->options, &sample->snapshot, &v);
	assert_non_null(strstr(sample_text(sample),
			       "VALUE_VIOLATION endToEnd min_value depth: 3 < 10, by checkout/41830\n"));
	v = (struct violation){
		.kind = OBJ_MAX_SYSTEM_ERROR_RATE, .component = 2, .measured = 0.07, .limit = 0.05};
	output_text.violation(&sample->options, &sample->snapshot, &v);
	assert_non_null(strstr(sample_text(sample),
			       "SYSTEM_ERROR_RATE_VIOLATION system max_error_rate: 7.00 % > 5.00 %\n"));
}

static void approach(void **state)
{
	struct sample *sample = *state;

	sample->alert.approach = true;
	sample->alert.severity = SEV_WARNING;
	sample->alert.measured = 25e6;
	sample->options.color = true;
	output_text.alert(&sample->options, &sample->snapshot, &sample->alert);
	assert_non_null(strstr(sample_text(sample),
			       "\033[33mwarning\033[0m LATENCY_VIOLATION endToEnd: 25.0 ms "
			       "nears 30.0 ms"));
}

static void health(void **state)
{
	struct sample *sample = *state;

	output_text.health(&sample->options, &sample->snapshot);
	assert_string_equal(
		sample_text(sample),
		"22:13:22.000 HEALTH observed 1.00 s, 1200 requests, errors 0.25 %, average 12.5 ms, 1 "
		"active alert, overall 93 (healthy)\n");
	sample->snapshot.system.overall = sample->snapshot.system.avg_ns = NAN;
	output_text.health(&sample->options, &sample->snapshot);
	assert_non_null(strstr(sample_text(sample), "average -, 1 active alert, overall -\n"));
}

/* The reader of a pipe has gone. */
static void broken_pipe(void **state)
{
	struct sample *sample = *state;
	struct output_options options = sample->options;
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	options.stream = fdopen(ends[1], "w");
	assert_int_equal(output_text.interval(&options, &sample->snapshot), -EPIPE);
	fclose(options.stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(interval_in_us, setup, teardown),
		cmocka_unit_test_setup_teardown(as_wide_as_the_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(narrow_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(unit_is_picked, setup, teardown),
		cmocka_unit_test_setup_teardown(timestamps, setup, teardown),
		cmocka_unit_test_setup_teardown(header_every_20_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(spans, setup, teardown),
		cmocka_unit_test_setup_teardown(longest_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(detached, setup, teardown),
		cmocka_unit_test_setup_teardown(cache_and_values, setup, teardown),
		cmocka_unit_test_setup_teardown(late_values_and_goroutines, setup, teardown),
		cmocka_unit_test_setup_teardown(no_errors_no_column, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_names, setup, teardown),
		cmocka_unit_test_setup_teardown(violations, setup, teardown),
		cmocka_unit_test_setup_teardown(alerts, setup, teardown),
		cmocka_unit_test_setup_teardown(which_objective, setup, teardown),
		cmocka_unit_test_setup_teardown(approach, setup, teardown),
		cmocka_unit_test_setup_teardown(health, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_pipe, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
