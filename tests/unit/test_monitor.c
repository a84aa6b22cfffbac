// SPDX-License-Identifier: GPL-2.0-or-later
/* The pipeline as a whole: the same sequence gives the same calls, and a tick is cheap. */
#include "rig.h"

#include <time.h>

static uint64_t seed;

static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

static void add_components(struct rig *rig)
{
	struct objective o[] = {
		{.kind = OBJ_MAX_LATENCY, .limit = 30 * MS, .breaches = 3, .breaches_ns = 10 * SEC},
		{.kind = OBJ_MAX_P99, .limit = 25 * MS, .for_ns = 3 * SEC},
		{.kind = OBJ_MAX_P50, .limit = 10 * MS}};
	struct contract contract = rig_contract(o, 3);

	rig_add(rig, &contract, window_spec_default());
	rig_add(rig, &contract, (struct window_spec){.last = 200, .max_ns = 600 * SEC});
	contract.thresholds.warning_multiplier = 0.8;
	contract.n_objectives = 1;
	rig_add(rig, &contract, window_spec_default());
}

static void random_second(struct rig *rig)
{
	uint32_t id = (uint32_t)below(rig->n_components), tid;
	uint64_t n = below(50);

	while (n--) {
		uint64_t ns = below(8) ? below(10 * MS) : below(90 * MS);

		rig_ended(&rig->component[id], ns, !below(10));
		if (below(2))
			rig_record(rig, id, (uint32_t)below(4), ns);
	}
	rig->n_open = 0;
	for (tid = 0; tid < below(4); tid++)
		rig_open(rig, id, tid, rig->now_ns - below(3) * SEC, below(100 * MS));
	rig->component[id].counters.abandoned += below(2);
}

static struct rig *play(uint64_t with_seed)
{
	struct rig *rig = malloc(sizeof(*rig));
	uint64_t before = 0;
	int i;

	seed = with_seed;
	rig_begin(rig);
	add_components(rig);
	for (i = 0; i < 600; i++) {
		random_second(rig);
		rig_tick(rig);
		if (i % 7 == 0) {
			const struct component_snapshot *shown = rig_shown(rig, 0);

			assert_true(shown->violations >= before);
			before = shown->violations;
		}
	}
	fflush(rig->out);
	return rig;
}

static void same_input_same_calls(void **state)
{
	uint64_t s;

	(void)state;
	for (s = 1; s < 4; s++) {
		struct rig *a = play(s), *b = play(s);

		assert_true(a->n_alerts > 10 && a->n_violations > 100);
		assert_int_equal(a->length, b->length);
		assert_memory_equal(a->text, b->text, a->length);
		rig_end(a);
		rig_end(b);
		free(a);
		free(b);
	}
}

/* Every span is put in with its record, so that nothing is lost: all counts must be exact. */
static void exact_without_losses(void **state)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);
	uint64_t breaches = 0, n;
	int i;

	(void)state;
	seed = 5;
	for (i = 0; i < 300; i++) {
		for (n = below(20); n; n--) {
			uint64_t ns = below(60 * MS);

			breaches += ns > 30 * MS;
			rig_ended(c, ns, false);
			rig_record(&rig, 0, 1, ns);
			assert_int_equal(rig.n_violations, breaches);
		}
		rig_tick(&rig);
		assert_int_equal(rig_shown(&rig, 0)->violations, breaches);
		assert_int_equal(rig.n_violations, breaches);
	}
	rig_end(&rig);
}

/* ---- a world whose truth is known ---------------------------------------------------------------- */

struct flight {
	bool flying, told;
	uint64_t start_ns;
	uint32_t tid;
};

struct world {
	struct rig *rig;
	struct flight flights[8];
	uint32_t next_tid;
	unsigned loss;	  /* of 100 records */
	bool abandonment; /* some spans never return */
	uint64_t truth;
	struct lapse_span late[64]; /* records that come after the tick that counts them */
	size_t n_late;
};

static void world_record(struct world *w, const struct lapse_span *span)
{
	if (below(100) < w->loss)
		return;
	if (w->n_late < 64 && !below(10))
		w->late[w->n_late++] = *span;
	else
		assert_int_equal(monitor_span(w->rig->monitor, span), 0);
}

static void world_quick(struct world *w)
{
	uint64_t ns = below(60 * MS);
	struct lapse_span span = rig_span(w->rig, 0, ++w->next_tid, w->rig->now_ns + SEC / 2 - ns, ns);

	rig_ended(&w->rig->component[0], ns, false);
	if (ns <= 30 * MS)
		return;
	w->truth++;
	world_record(w, &span);
}

/* It returns before the tick, or (@after_listing) once it was listed as in flight for it. */
static void world_land(struct world *w, struct flight *f, bool after_listing)
{
	uint64_t end = w->rig->now_ns + (after_listing ? SEC - 1 : SEC / 2), ns = end - f->start_ns;
	struct lapse_span span = rig_span(w->rig, 0, f->tid, f->start_ns, ns);

	f->flying = false;
	if (w->abandonment && !below(3)) {
		w->rig->component[0].counters.abandoned++;
		return;
	}
	w->truth += !f->told;
	rig_ended(&w->rig->component[0], ns, false);
	if (!after_listing)
		world_record(w, &span);
	else if (below(100) >= w->loss)
		w->late[w->n_late++] = span;
}

static void world_list(struct world *w, struct flight *f)
{
	rig_open(w->rig, 0, f->tid, f->start_ns, w->rig->now_ns + SEC - f->start_ns);
	w->truth += !f->told;
	f->told = true;
	if (!below(5))
		world_land(w, f, true);
}

static void world_flights(struct world *w)
{
	struct flight *f;

	w->rig->n_open = 0;
	for (f = w->flights; f < w->flights + 8; f++) {
		if (f->flying && !below(3))
			world_land(w, f, false);
		else if (!f->flying && !below(4))
			*f = (struct flight){true, false, w->rig->now_ns + below(SEC / 2), ++w->next_tid};
		if (f->flying)
			world_list(w, f);
	}
}

static void world_second(struct world *w, bool busy)
{
	size_t i;
	uint64_t n;

	for (i = 0; i < w->n_late; i++)
		monitor_span(w->rig->monitor, &w->late[i]);
	w->n_late = 0;
	w->rig->n_open = 0;
	for (n = busy ? below(6) : 0; n; n--)
		world_quick(w);
	if (busy)
		world_flights(w);
	rig_tick(w->rig);
	assert_true(rig_shown(w->rig, 0)->violations <= w->truth);
}

static void play_world(uint64_t with_seed, unsigned loss, bool abandonment)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = 30 * MS};
	struct rig rig;
	struct world w = {.rig = &rig, .loss = loss, .abandonment = abandonment};
	int i;

	seed = with_seed;
	rig_with(&rig, &o, 1);
	for (i = 0; i < 200; i++)
		world_second(&w, true);
	for (i = 0; i < 8; i++)
		if (w.flights[i].flying)
			world_land(&w, &w.flights[i], false);
	for (i = 0; i < 5; i++)
		world_second(&w, false);
	assert_int_equal(rig_shown(&rig, 0)->violations, w.truth);
	/* Two records late for one tick are told as one. */
	assert_true(rig.n_violations <= w.truth);
	rig_end(&rig);
}

static void counts_are_the_truth(void **state)
{
	uint64_t s;

	(void)state;
	for (s = 1; s <= 50; s++) {
		play_world(s, 0, false);
		play_world(s, 0, true);
		play_world(s, 30, false);
		play_world(s, 100, false);
	}
}

static void health_every_ten_seconds(void **state)
{
	struct rig rig;

	(void)state;
	rig_with(&rig, NULL, 0);
	rig_ticks(&rig, 9);
	assert_int_equal(rig.n_health, 0);
	rig_tick(&rig);
	assert_int_equal(rig.n_health, 1);
	rig_ticks(&rig, 10);
	assert_int_equal(rig.n_health, 2);
	rig.now_ns += 60 * SEC;
	rig_tick(&rig);
	assert_int_equal(rig.n_health, 3);
	rig_end(&rig);
}

static void absent_components_slide_too(void **state)
{
	struct rig rig;
	struct tick tick = {.period_ns = SEC, .open_known = true};
	int i;

	(void)state;
	rig_with(&rig, NULL, 0);
	rig_many(&rig.component[0], 5, MS);
	rig_tick(&rig);
	for (i = 0; i < 10; i++) {
		tick.now_ns = rig.now_ns += SEC;
		assert_int_equal(monitor_tick(rig.monitor, &tick), 0);
	}
	assert_int_equal(rig_shown(&rig, 0)->window.count, 0);
	assert_int_equal(rig_shown(&rig, 0)->interval.count, 0);
	assert_int_equal(rig_shown(&rig, 0)->total.count, 5);
	rig_end(&rig);
}

static double elapsed_ms(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)(now.tv_sec - from->tv_sec) * 1e3 + (double)(now.tv_nsec - from->tv_nsec) / 1e6;
}

#define MANY 2000
#define FEW  200

/* Ten times as many take ten times as long, or more where they fit into no cache; a hundred times as long if
 * each looked at all. */
#define TIMES_MOST 80

static struct monitor *components(int n)
{
	struct objective o[] = {{.kind = OBJ_MAX_LATENCY, .limit = 30 * MS},
				{.kind = OBJ_MAX_P99, .limit = 30 * MS}};
	struct contract contract = rig_contract(o, 2);
	struct monitor_component wanted = {
		.name = "f", .window = window_spec_default(), .contract = &contract};
	struct monitor_options options = {
		.tick_ns = SEC, .interval_ns = SEC, .bucket_bits = LAPSE_BUCKET_BITS_COARSE};
	struct monitor_sink sink = {0};
	struct monitor *m = monitor_new(&options, &sink);
	int i;

	for (i = 0; i < n; i++)
		assert_int_equal(monitor_add(m, &wanted), i);
	return m;
}

/* CPU time of a tick of @n components with few deltas; the least of many ticks, to leave out other load. */
static double tick_ms(int n)
{
	static const struct bucket_delta deltas[] = {{200, 3}, {220, 2}, {260, 1}};
	static struct tick_component inputs[MANY];
	struct tick tick = {
		.period_ns = SEC, .components = inputs, .n_components = (size_t)n, .open_known = true};
	struct monitor *m = components(n);
	double least = 1e9;
	int i, k;

	for (i = 0; i < 60; i++) {
		struct timespec start;

		for (k = 0; k < n; k++)
			inputs[k] = (struct tick_component){.component = (uint32_t)k,
							    .counters = {.returns = 6 * (uint64_t)(i + 1)},
							    .buckets = deltas,
							    .n_buckets = 3,
							    .late_min_ns = 1,
							    .late_max_ns = 10};
		tick.now_ns += SEC;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
		assert_int_equal(monitor_tick(m, &tick), 0);
		if (i >= 20)
			least = fmin(least, elapsed_ms(&start));
	}
	monitor_free(m);
	return least;
}

static void a_tick_is_cheap(void **state)
{
	double few = tick_ms(FEW), many = tick_ms(MANY);

	(void)state;
	print_message("a tick of %d components: %.2f ms, of %d: %.2f ms\n", FEW, few, MANY, many);
	assert_true(many < TIMES_MOST * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_input_same_calls),       cmocka_unit_test(counts_are_the_truth),
		cmocka_unit_test(exact_without_losses),	       cmocka_unit_test(health_every_ten_seconds),
		cmocka_unit_test(absent_components_slide_too), cmocka_unit_test(a_tick_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
