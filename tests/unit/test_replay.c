// SPDX-License-Identifier: GPL-2.0-or-later
/* Recordings judged again, by contracts that they were not recorded with. */
#include "recorded.h"

#include "capture/replay.h"
#include "monitor/monitor.h"

/* What comes of @contract ("max_latency: 5ms") on the recording. */
struct outcome {
	enum verdict verdict;
	const char *why;
	uint64_t violations, first_alert_ns;
	size_t alerts;
};

static void on_alert(void *context, const struct alert *alert)
{
	struct outcome *outcome = context;

	if (!outcome->alerts++)
		outcome->first_alert_ns = alert->time_ns;
}

static void parse(const char *name, const char *measure, const char *contract, struct config *config)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "lapse: 1\ncomponents:\n  %s:\n    measure: %s\n    contract: {%s}\n", name, measure,
			 contract);

	assert_int_equal(config_parse("test.yaml", text, (size_t)n, config), 0);
}

static struct outcome replayed(const struct recorded *r, const struct config *config, bool as_recorded)
{
	struct outcome outcome = {0};
	const struct monitor_sink sink = {.alert = on_alert, .context = &outcome};
	const struct replay_options options = {.config = config, .as_recorded = as_recorded};
	const struct snapshot *snapshot;
	struct reader *reader;
	struct replay *replay;

	assert_int_equal(reader_open(r->path, &reader), 0);
	assert_int_equal(replay_new(reader, &options, &sink, &replay), 0);
	assert_int_equal(replay_rest(replay), 0);
	replay_end(replay);
	snapshot = monitor_snapshot(replay_monitor(replay));
	outcome.verdict = snapshot->verdict;
	for (size_t i = 0; i < snapshot->n_components; i++)
		if (snapshot->components[i].n_objectives) {
			outcome.violations = snapshot->components[i].violations;
			outcome.why = snapshot->components[i].objectives[0].why_unknown;
		}
	replay_free(replay);
	reader_close(reader);
	return outcome;
}

static struct outcome judged_as(const struct recorded *r, const char *name, const char *measure,
				const char *contract)
{
	struct outcome outcome;
	struct config config;

	parse(name, measure, contract, &config);
	outcome = replayed(r, &config, false);
	config_free(&config);
	return outcome;
}

static struct outcome judged(const struct recorded *r, const char *contract)
{
	return judged_as(r, "orders", "handle_order", contract);
}

/* Thirty calls a second for five seconds; the slow ones have 10.05 ms, in a bucket from 10.01 to 10.16 ms. */
#define SLOW 10050000ULL

static void record(struct recorded *r, void (*slow)(struct recorded *))
{
	recorded_begin(r, (struct capture_options){0});
	for (int i = 0; i < 5; i++) {
		recorded_calls(r, 29, MS);
		slow(r);
		recorded_tick(r);
	}
	recorded_tick(r);
	recorded_end(r);
	capture_free(r->capture);
}

static void counted_alone(struct recorded *r)
{
	recorded_calls(r, 1, SLOW);
}

static void sent_singly(struct recorded *r)
{
	recorded_sent(r, SLOW);
}

static void histograms_judge_what_was_not_sent(void **state)
{
	struct recorded r;
	struct outcome outcome;

	(void)state;
	record(&r, counted_alone);
	outcome = judged(&r, "max_latency: 20ms");
	assert_int_equal(outcome.verdict, VERDICT_HELD);
	outcome = judged(&r, "max_latency: 5ms");
	assert_int_equal(outcome.verdict, VERDICT_VIOLATED);
	assert_int_equal(outcome.violations, 5);
	assert_int_equal(outcome.alerts, 1);
	assert_int_equal(outcome.first_alert_ns, T0 + SEC);
	recorded_remove(&r);
}

static void a_limit_inside_of_an_occupied_bucket_is_unknown(void **state)
{
	struct recorded r;
	struct outcome outcome;

	(void)state;
	record(&r, counted_alone);
	outcome = judged(&r, "max_latency: 10060us");
	assert_int_equal(outcome.verdict, VERDICT_UNKNOWN);
	assert_non_null(strstr(outcome.why, "bucket"));
	assert_int_equal(outcome.alerts, 0);
	/* That some may be critical is no doubt that the limit is broken. */
	outcome = judged(&r, "max_latency: 5030us");
	assert_int_equal(outcome.verdict, VERDICT_VIOLATED);
	recorded_remove(&r);
}

static void what_was_sent_is_known_to_the_nanosecond(void **state)
{
	struct recorded r;
	struct outcome outcome;

	(void)state;
	record(&r, sent_singly);
	assert_int_equal(judged(&r, "max_latency: 10060us").verdict, VERDICT_HELD);
	outcome = judged(&r, "max_latency: 10040us");
	assert_int_equal(outcome.verdict, VERDICT_VIOLATED);
	assert_int_equal(outcome.violations, 5);
	/* Told as it ended, not at the tick. */
	assert_true(outcome.first_alert_ns < T0 + SEC);
	recorded_remove(&r);
}

static void percentiles_come_from_the_histograms(void **state)
{
	struct recorded r;

	(void)state;
	record(&r, counted_alone);
	assert_int_equal(judged(&r, "max_p99: 5ms").verdict, VERDICT_VIOLATED);
	assert_int_equal(judged(&r, "max_p90: 5ms").verdict, VERDICT_HELD);
	recorded_remove(&r);
}

/* By the name, else by the probe; what is in no recording is not known. */
static void contracts_find_their_components(void **state)
{
	struct recorded r;

	(void)state;
	record(&r, counted_alone);
	assert_int_equal(judged_as(&r, "orders", "other_function", "max_latency: 5ms").verdict,
			 VERDICT_VIOLATED);
	assert_int_equal(judged_as(&r, "checkout", "handle_order", "max_latency: 5ms").verdict,
			 VERDICT_VIOLATED);
	assert_int_equal(judged_as(&r, "checkout", "handle", "max_latency: 5ms").verdict, VERDICT_UNKNOWN);
	recorded_remove(&r);
}

/* Count windows need the newest calls: there if all were sent. */
static void count_windows_are_filled_from_what_was_sent(void **state)
{
	struct recorded r;
	struct outcome outcome;

	(void)state;
	recorded_begin(&r, (struct capture_options){0});
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 40; j++)
			recorded_sent(&r, i ? SLOW : MS), r.figures.n_buckets = 0;
		r.buckets[0] = (struct bucket_delta){
			(uint16_t)lapse_bucket(i ? SLOW : MS, LAPSE_BUCKET_BITS_FINE), 40};
		r.figures.n_buckets = 1;
		recorded_tick(&r);
	}
	recorded_end(&r);
	capture_free(r.capture);
	outcome = judged(&r, "max_p50: 5ms}\n    window: {last: 30");
	assert_int_equal(outcome.verdict, VERDICT_VIOLATED);
	assert_int_equal(outcome.first_alert_ns, T0 + 2 * SEC);
	recorded_remove(&r);
}

/* Of values no histogram is kept, but the extremes of each second are. */
static void extremes_judge_values(void **state)
{
	struct capture_component component = recorded_component("orders");
	struct recorded r;

	(void)state;
	component.monitored.value_name[0] = "batch";
	recorded_begin(&r, (struct capture_options){0});
	capture_component(r.capture, &component);
	strcpy(r.figures.value[0].name, "batch");
	for (int i = 0; i < 4; i++) {
		recorded_calls(&r, 5, MS);
		r.figures.value[0].count += 5;
		r.figures.value[0].sum += 50;
		r.figures.value[0].last = 10;
		r.figures.value[0].late_min = 8;
		r.figures.value[0].late_max = i ? 12 : 11;
		recorded_tick(&r);
	}
	recorded_end(&r);
	capture_free(r.capture);
	assert_int_equal(judged(&r, "max_value: {batch: 12}").verdict, VERDICT_HELD);
	assert_int_equal(judged(&r, "max_value: {batch: 11}").violations, 3);
	assert_int_equal(judged(&r, "min_value: {batch: 9}").violations, 4);
	recorded_remove(&r);
}

static void promise(struct recorded *r, const char *limit)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "lapse: 1\ncomponents:\n  orders: {measure: handle_order, contract: {max_latency: %s}}\n",
		 limit);
	capture_contract(r->capture, &(struct capture_contract){"test.yaml", text});
}

/* As the kernel counts by the limit at hand: two slow calls before the file was read anew, three behind. In
 * the tick of the change it is not known by which of both it counted. */
static void record_reload(struct recorded *r)
{
	recorded_begin(r, (struct capture_options){0});
	promise(r, "1s");
	for (int i = 0; i < 5; i++) {
		if (i == 2)
			promise(r, "5ms");
		recorded_calls(r, 29, MS);
		recorded_calls(r, 1, SLOW);
		r->figures.counters.level[LAPSE_LEVEL_CRITICAL] += i >= 2;
		recorded_tick(r);
	}
	recorded_tick(r);
	recorded_end(r);
	capture_free(r->capture);
}

static void contracts_change_where_they_were_read_anew(void **state)
{
	struct recorded r;
	struct outcome outcome;
	struct config config;

	(void)state;
	record_reload(&r);
	parse("orders", "handle_order", "max_latency: 1s", &config);
	outcome = replayed(&r, &config, true);
	assert_int_equal(outcome.verdict, VERDICT_VIOLATED);
	assert_int_equal(outcome.violations, 2);
	assert_int_equal(outcome.first_alert_ns, T0 + 4 * SEC);
	config_free(&config);
	recorded_remove(&r);
}

/* What the kernel counted was by the one and then by the other: neither is it by the wanted ones. */
static void others_judge_a_reloaded_recording_all_along(void **state)
{
	struct recorded r;

	(void)state;
	record_reload(&r);
	assert_int_equal(judged(&r, "max_latency: 5ms").violations, 5);
	assert_int_equal(judged(&r, "max_latency: 1s").verdict, VERDICT_HELD);
	assert_int_equal(judged(&r, "max_latency: 10060us").verdict, VERDICT_UNKNOWN);
	recorded_remove(&r);
}

/* One slow call among those of many seconds, in the figures alone. */
static size_t record_long(struct recorded *r, uint8_t **bytes)
{
	size_t size;
	FILE *file;

	recorded_begin(r, (struct capture_options){0});
	for (int i = 0; i < 300; i++) {
		recorded_calls(r, 29, MS);
		recorded_calls(r, 1, i == 150 ? SLOW : 2 * MS);
		recorded_tick(r);
	}
	recorded_end(r);
	capture_free(r->capture);
	file = fopen(r->path, "re");
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = (size_t)ftell(file);
	rewind(file);
	*bytes = malloc(size);
	assert_int_equal(fread(*bytes, 1, size, file), size);
	fclose(file);
	return size;
}

static bool can_be_read(const char *path)
{
	struct reader *reader;
	bool can = !reader_open(path, &reader);

	if (can)
		reader_close(reader);
	return can;
}

/* Each page in turn is lost: a call that broke the promise may have stood there, so that it is not known to
 * have held; a promise that is seen broken all the same is. */
static void what_cannot_be_read_may_have_broken_it(void **state)
{
	static const uint8_t lost[4096];
	struct recorded r;
	size_t violated = 0, unknown = 0;
	uint8_t *bytes;
	size_t size = record_long(&r, &bytes);

	(void)state;
	assert_int_equal(judged(&r, "max_latency: 5ms").violations, 1);
	assert_int_equal(judged(&r, "max_latency: 1s").verdict, VERDICT_HELD);
	for (size_t page = 1; page < size / sizeof(lost); page++) {
		FILE *file = fopen(r.path, "we");
		struct outcome outcome;

		fwrite(bytes, 1, size, file);
		fseek(file, (long)(page * sizeof(lost)), SEEK_SET);
		fwrite(lost, 1, sizeof(lost), file);
		fclose(file);
		if (!can_be_read(r.path))
			continue;
		outcome = judged(&r, "max_latency: 5ms");
		assert_int_not_equal(outcome.verdict, VERDICT_HELD);
		violated += outcome.verdict == VERDICT_VIOLATED;
		if (outcome.verdict == VERDICT_UNKNOWN)
			unknown += !strcmp(outcome.why, "parts of the recording cannot be read");
	}
	assert_in_range(violated, 1, size / sizeof(lost));
	assert_in_range(unknown, 1, size / sizeof(lost));
	free(bytes);
	recorded_remove(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histograms_judge_what_was_not_sent),
		cmocka_unit_test(a_limit_inside_of_an_occupied_bucket_is_unknown),
		cmocka_unit_test(what_was_sent_is_known_to_the_nanosecond),
		cmocka_unit_test(percentiles_come_from_the_histograms),
		cmocka_unit_test(contracts_find_their_components),
		cmocka_unit_test(count_windows_are_filled_from_what_was_sent),
		cmocka_unit_test(extremes_judge_values),
		cmocka_unit_test(contracts_change_where_they_were_read_anew),
		cmocka_unit_test(others_judge_a_reloaded_recording_all_along),
		cmocka_unit_test(what_cannot_be_read_may_have_broken_it),
	};

	return cmocka_run_group_tests(tests, recorded_quietly, NULL);
}
