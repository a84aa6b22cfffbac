// SPDX-License-Identifier: GPL-2.0-or-later
/* Explanations in one phrase, in text and in JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "output/why_words.h"
#include "sample_snapshot.h"

static struct cause_band band_of(double lock_named, double net_named)
{
	struct cause_band band = {.share = 0.01, .held = 0.012, .count = 12, .mean_ns = 204e6, .n_named = 2};

	band.part[LAPSE_LOCK] = 0.78;
	band.part[LAPSE_NET] = 0.15;
	band.part[LAPSE_CAUSES] = 0.066;
	band.part[LAPSE_POLL] = 0.004;
	band.named[0] = (struct cause_named){LAPSE_LOCK, lock_named, {.by = CAUSE_COMPONENT, .component = 0}};
	band.named[1] = (struct cause_named){
		LAPSE_NET,
		net_named,
		{.by = CAUSE_PEER, .peer = {.ip = {[10] = 0xff, [11] = 0xff, 10, 0, 1, 5}, .port = 5432}}};
	return band;
}

static void expect_causes(const struct sample *sample, const struct cause_band *band, const char *wanted)
{
	char words[NAME_SIZE];

	assert_string_equal(word_causes(&sample->snapshot, band, words), wanted);
}

static void causes(void **state)
{
	struct cause_band band = band_of(1, 0.97), nothing = {.count = 0};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	expect_causes(&sample, &band, "78 % lock (held by endToEnd), 15 % net 10.0.1.5:5432, 7 % on-cpu");
	band = band_of(0.6, 0.4);
	expect_causes(&sample, &band,
		      "78 % lock (60 % of it held by endToEnd), 15 % net (40 % of it 10.0.1.5:5432), 7 % "
		      "on-cpu");
	band = band_of(0.004, 0);
	expect_causes(&sample, &band, "78 % lock, 15 % net, 7 % on-cpu");
	band.n_named = 1;
	band.named[0] = (struct cause_named){LAPSE_LOCK, 1, {.by = CAUSE_COMMAND, .comm = "a\033[31mb"}};
	expect_causes(&sample, &band, "78 % lock (held by a\\x1b[31mb), 15 % net, 7 % on-cpu");
	expect_causes(&sample, &nothing, "");
	sample_end(&sample);
}

static void of_other_causes(void **state)
{
	struct cause_band band = {.share = 1, .count = 1, .mean_ns = 1, .n_named = 2};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	band.part[LAPSE_RUNQ] = 0.5;
	band.part[LAPSE_HANDOFF] = 0.5;
	band.named[0] = (struct cause_named){LAPSE_RUNQ, 1, {.by = CAUSE_COMMAND, .comm = "hog"}};
	band.named[1] = (struct cause_named){LAPSE_HANDOFF, 1, {.by = CAUSE_COMMAND, .comm = "feeder"}};
	expect_causes(&sample, &band, "50 % runq (behind hog), 50 % handoff (ended by feeder)");
	sample_end(&sample);
}

static void expect_now(struct thread_now now, const char *wanted)
{
	char words[NAME_SIZE];
	struct sample sample;

	sample_init(&sample);
	assert_string_equal(word_now(&sample.snapshot, &now, words), wanted);
	sample_end(&sample);
}

static void where_it_is(void **state)
{
	struct thread_now net = {.state = THREAD_BLOCKED,
				 .cause = LAPSE_NET,
				 .for_ns = 3000 * MS,
				 .peer = {.ip = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}, .port = 80},
				 .place = "wait_woken <- recv"};

	(void)state;
	expect_now(net, "blocked for 3.00 s of net on 127.0.0.1:80 in wait_woken <- recv");
	net.cause = LAPSE_POLL;
	net.n_peers = 1;
	expect_now(net, "blocked for 3.00 s of poll on 127.0.0.1:80 in wait_woken <- recv");
	expect_now((struct thread_now){.state = THREAD_BLOCKED, .cause = LAPSE_POLL, .n_peers = 3},
		   "blocked of poll on one of 3 remote ends");
	expect_now((struct thread_now){.state = THREAD_RUNNING, .cause = LAPSE_CAUSES}, "on-cpu");
	expect_now((struct thread_now){.state = THREAD_RUNNABLE, .cause = LAPSE_CAUSES, .for_ns = 2 * MS},
		   "runnable for 2.00 ms");
	expect_now((struct thread_now){.state = THREAD_BLOCKED,
				       .cause = LAPSE_LOCK,
				       .holder = {.tid = 7, .component = 1, .comm = "indexer"}},
		   "blocked of lock, held by indexer/7 (endToEnd)");
	/* Where it is known by /proc alone. */
	expect_now((struct thread_now){.state = THREAD_BLOCKED, .cause = LAPSE_CAUSES, .place = "pipe_read"},
		   "blocked in pipe_read");
	expect_now((struct thread_now){.state = THREAD_UNKNOWN}, "");
}

static void lines(void **state)
{
	struct explanation why = {.causes = band_of(1, 1)};
	struct violation violation = sample_violation();
	struct sample sample;

	(void)state;
	sample_init(&sample);
	violation.why = &why;
	output_text.violation(&sample.options, &sample.snapshot, &violation);
	assert_string_equal(sample_text(&sample),
			    "22:13:21.412 VIOLATION critical LATENCY_VIOLATION endToEnd: 71.2 ms > 30.0 ms, "
			    "by checkout/41830: 78 % lock (held by endToEnd), 15 % net 10.0.1.5:5432, 7 % "
			    "on-cpu\n");
	sample.alert.why = why;
	sample.alert.open = true;
	sample.alert.why.now =
		(struct thread_now){.state = THREAD_BLOCKED, .cause = LAPSE_LOCK, .place = "futex_wait"};
	output_text.alert(&sample.options, &sample.snapshot, &sample.alert);
	assert_non_null(strstr(sample_text(&sample),
			       "still open, by checkout/41830: 78 % lock (held by endToEnd), 15 % net "
			       "10.0.1.5:5432, 7 % on-cpu; now blocked of lock in futex_wait\n"));
	sample_end(&sample);
}

/* The first line of a component is the explanation; those that hang stand below. */
static void report(void **state)
{
	struct cause_band bands[] = {band_of(0, 0), band_of(1, 1)};
	struct hung hung = {.pid = 7, .tid = 8, .age_ns = 3000 * MS, .comm = "checkout"};
	struct sample sample;
	const char *text;

	(void)state;
	sample_init(&sample);
	bands[0].share = bands[0].held = 1;
	sample.components[0].bands = bands;
	sample.components[0].n_bands = 2;
	hung.why.now = (struct thread_now){.state = THREAD_RUNNING, .cause = LAPSE_CAUSES};
	sample.components[0].hung = &hung;
	sample.components[0].n_hung = 1;
	sample.components[0].hung_more = 4;
	output_text.final(&sample.options, &sample.snapshot);
	text = sample_text(&sample);
	assert_non_null(strstr(text, "endToEnd: slowest 1 % (12 spans, 204 ms each): 78 % lock (held by "
				     "endToEnd), 15 % net 10.0.1.5:5432, 7 % on-cpu\n    1200 spans in "));
	assert_non_null(strstr(text, "    all (12 spans, 204 ms each): 78 % lock, 15 % net, 7 % on-cpu\n"
				     "    open for 3.00 s in checkout/8: now on-cpu\n"
				     "    and 4 open spans more past the limit\n"));
	/* As much as it is, not as was asked for. */
	bands[1].held = 0.574;
	output_text.final(&sample.options, &sample.snapshot);
	assert_non_null(strstr(sample_text(&sample), "endToEnd: slowest 57 % (12 spans, "));
	sample_end(&sample);
}

static json_t *alert_of(struct sample *sample)
{
	char *text = output_alert_json(&sample->snapshot, &sample->alert);
	json_t *alert = json_loads(text, 0, NULL);

	assert_non_null(alert);
	free(text);
	return alert;
}

static void in_json(void **state)
{
	struct sample sample;
	json_t *alert, *cause, *named;

	(void)state;
	sample_init(&sample);
	alert = alert_of(&sample);
	assert_true(json_is_null(json_object_get(alert, "cause")));
	assert_true(json_is_null(json_object_get(alert, "now")));
	json_decref(alert);
	sample.alert.why.causes = band_of(0.6, 1);
	sample.alert.why.now =
		(struct thread_now){.state = THREAD_BLOCKED, .cause = LAPSE_LOCK, .for_ns = 5 * MS};
	alert = alert_of(&sample);
	cause = json_object_get(alert, "cause");
	assert_true(json_real_value(json_object_get(json_object_get(cause, "parts"), "lock")) == 0.78);
	named = json_array_get(json_object_get(cause, "named"), 0);
	assert_string_equal(json_string_value(json_object_get(named, "cause")), "lock");
	assert_string_equal(json_string_value(json_object_get(named, "by")), "component");
	assert_string_equal(json_string_value(json_object_get(named, "name")), "endToEnd");
	assert_true(json_real_value(json_object_get(named, "share")) == 0.6);
	assert_non_null(strstr(json_string_value(json_object_get(cause, "text")), "15 % net 10.0.1.5:5432"));
	assert_string_equal(json_string_value(json_object_get(json_object_get(alert, "now"), "state")),
			    "blocked");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(alert, "now"), "for_ns")),
			 5 * MS);
	json_decref(alert);
	sample_end(&sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(causes), cmocka_unit_test(of_other_causes), cmocka_unit_test(where_it_is),
		cmocka_unit_test(lines),  cmocka_unit_test(report),	     cmocka_unit_test(in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
