// SPDX-License-Identifier: GPL-2.0-or-later
/* Violations and alerts say why: of one span, of those that were lost, of a window's slowest; bands name who
 * ended the waits; spans that hang say where they are. */
#include "rig.h"
#include "why.h"

#define LIMIT (30 * MS)

static struct lapse_why_row rows[LAPSE_WHY_ROWS];

static const struct explanation *told;
static struct explanation last_told;

/* The rig keeps a violation beyond its telling, but not what it points to. */
static void keep(void *context, const struct violation *violation)
{
	(void)context;
	told = violation->why ? &last_told : NULL;
	if (told)
		last_told = *violation->why;
}

static struct rig_component *begin(struct rig *rig, struct objective o)
{
	struct monitor_sink sink = {.violation = keep, .alert = rig_on_alert, .context = rig};
	struct monitor_options options = {.bucket_bits = LAPSE_BUCKET_BITS_FINE};
	struct contract contract = rig_contract(&o, 1);
	struct rig_component *c;

	memset(rows, 0, sizeof(rows));
	told = NULL;
	rig_begin_with(rig, options);
	monitor_free(rig->monitor);
	options.start_ns = 1000 * SEC;
	options.tick_ns = options.interval_ns = SEC;
	rig->monitor = monitor_new(&options, &sink);
	c = rig_add(rig, &contract, window_spec_default());
	c->causes = rows;
	return c;
}

static struct rig_component *begin_latency(struct rig *rig)
{
	return begin(rig, (struct objective){.kind = OBJ_MAX_LATENCY, .limit = LIMIT});
}

/* The kernel sees @span end, @n times, and one record of it comes. */
static void ends(struct rig *rig, struct rig_component *c, const struct lapse_why_span *span, size_t n)
{
	rig_many(c, n, span->span.duration_ns);
	why_count(rows, span, n);
	assert_int_equal(monitor_span(rig->monitor, &span->span), 0);
}

static void of_one_span(void **state)
{
	struct rig rig;
	struct rig_component *c = begin_latency(&rig);
	struct lapse_why_span span = why_span(0, rig.now_ns, 100 * MS, LAPSE_LOCK, 78 * MS);

	(void)state;
	why_woken(&span, "indexer", 1);
	span.why.ns[LAPSE_NET] = 15 * MS;
	span.other = (struct lapse_block){.end_ns = span.span.start_ns + 90 * MS,
					  .duration_ns = 15 * MS,
					  .cause = LAPSE_NET,
					  .peer = {.port = 5432}};
	ends(&rig, c, &span, 1);
	assert_non_null(told);
	assert_near(told->causes.part[LAPSE_LOCK], 0.78);
	assert_near(told->causes.part[LAPSE_CAUSES], 0.07);
	assert_int_equal(told->causes.n_named, 2);
	assert_int_equal(told->causes.named[1].cause, LAPSE_NET);
	assert_int_equal(told->causes.named[1].name.peer.port, 5432);
	assert_int_equal(told->causes.named[0].name.by, CAUSE_COMPONENT);
	assert_int_equal(told->causes.named[0].name.component, 0);
	assert_int_equal(told->now.state, THREAD_UNKNOWN);
	assert_near(rig.alert.why.causes.part[LAPSE_LOCK], 0.78);
	rig_end(&rig);
}

static void of_one_without_causes(void **state)
{
	struct rig rig;
	struct lapse_span span;

	(void)state;
	begin_latency(&rig);
	span = rig_span(&rig, 0, 1, rig.now_ns, 40 * MS);
	monitor_span(rig.monitor, &span);
	assert_null(told);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.why.causes.count, 0);
	rig_end(&rig);
}

/* A thread that has no span of its own has a command; an interrupt is nobody; a rival ran instead. */
static void who_it_was(void **state)
{
	struct rig rig;
	struct rig_component *c = begin_latency(&rig);
	struct lapse_why_span span = why_span(0, rig.now_ns, 100 * MS, LAPSE_LOCK, 50 * MS);

	(void)state;
	why_woken(&span, "indexer", 0);
	span.why.ns[LAPSE_RUNQ] = 40 * MS;
	span.why.rival[1] = (struct lapse_rival){.ns = 60 * MS, .pid = 9, .comm = "hog"};
	ends(&rig, c, &span, 1);
	assert_int_equal(told->causes.n_named, 2);
	assert_int_equal(told->causes.named[0].name.by, CAUSE_COMMAND);
	assert_string_equal(told->causes.named[0].name.comm, "indexer");
	assert_int_equal(told->causes.named[1].cause, LAPSE_RUNQ);
	assert_string_equal(told->causes.named[1].name.comm, "hog");
	assert_near(told->causes.named[1].share, 1);
	/* A lock that is waited for on a connection is held by who ended the wait. */
	span = why_span(0, rig.now_ns + SEC / 2, 100 * MS, LAPSE_LOCK, 50 * MS);
	why_answered(&span, 5, 5432);
	why_woken(&span, "backend", 0);
	ends(&rig, c, &span, 1);
	assert_string_equal(told->causes.named[0].name.comm, "backend");
	span = why_span(0, rig.now_ns + SEC, 100 * MS, LAPSE_SLEEP, 50 * MS);
	span.why.longest.waker.interrupt = LAPSE_INTERRUPT_TIMER;
	ends(&rig, c, &span, 1);
	assert_int_equal(told->causes.n_named, 0);
	rig_end(&rig);
}

/* Records were dropped; the kernel has counted the causes all the same, and those of faster spans apart. */
static void of_lost_ones(void **state)
{
	struct rig rig;
	struct rig_component *c = begin_latency(&rig);
	struct lapse_why_span slow = why_span(0, 0, 40 * MS, LAPSE_DISK, 36 * MS);
	struct lapse_why_span fast = why_span(0, 0, 2 * MS, LAPSE_NET, 2 * MS);

	(void)state;
	rig_many(c, 5, 40 * MS);
	why_count(rows, &slow, 5);
	rig_many(c, 500, 2 * MS);
	why_count(rows, &fast, 500);
	rig_tick(&rig);
	assert_non_null(told);
	assert_int_equal(told->causes.count, 5);
	assert_near(told->causes.part[LAPSE_DISK], 0.9);
	assert_near(told->causes.part[LAPSE_NET], 0);
	slow = why_span(0, 0, 40 * MS, LAPSE_LOCK, 20 * MS);
	rig_many(c, 2, 40 * MS);
	why_count(rows, &slow, 2);
	rig_tick(&rig);
	assert_int_equal(told->causes.count, 2);
	assert_near(told->causes.part[LAPSE_LOCK], 0.5);
	assert_near(told->causes.part[LAPSE_DISK], 0);
	rig_end(&rig);
}

/* What was slow before the window is not the window's cause, and who ended it is not named. */
static void of_a_window(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig, (struct objective){.kind = OBJ_MAX_P90, .limit = LIMIT});
	struct lapse_why_span old = why_span(0, 0, 40 * MS, LAPSE_DISK, 40 * MS);
	struct lapse_why_span slow = why_span(0, 0, 60 * MS, LAPSE_LOCK, 45 * MS);
	struct lapse_why_span fast = why_span(0, 0, MS, LAPSE_POLL, MS);

	(void)state;
	why_woken(&old, "before", 0);
	why_woken(&slow, "indexer", 0);
	for (int i = 0; i < 40; i++) {
		ends(&rig, c, &old, 10);
		rig_tick(&rig);
	}
	assert_near(told->causes.part[LAPSE_DISK], 1);
	assert_string_equal(told->causes.named[0].name.comm, "before");
	for (int i = 0; i < 14; i++) {
		ends(&rig, c, &slow, 10);
		rig_many(c, 60, MS);
		why_count(rows, &fast, 60);
		rig_tick(&rig);
	}
	assert_near(told->causes.share, 0.1);
	assert_near(told->causes.part[LAPSE_LOCK], 0.75);
	assert_near(told->causes.part[LAPSE_DISK], 0);
	assert_near(told->causes.part[LAPSE_POLL], 0);
	/* A record in ten came. */
	assert_string_equal(told->causes.named[0].name.comm, "indexer");
	assert_near(told->causes.named[0].share, 0.1);
	rig_end(&rig);
}

static void in_the_bands(void **state)
{
	struct rig rig;
	struct rig_component *c = begin_latency(&rig);
	struct lapse_why_span net = why_span(0, 0, 50 * MS, LAPSE_NET, 50 * MS);
	struct lapse_why_span fast = why_span(0, 0, MS, LAPSE_POLL, MS);
	const struct component_snapshot *shown;

	(void)state;
	why_answered(&net, 5, 5432);
	ends(&rig, c, &net, 1);
	rig_many(c, 99, MS);
	why_count(rows, &fast, 99);
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	/* The slowest tenth cannot be told from all. */
	assert_int_equal(shown->n_bands, 2);
	assert_near(shown->bands[1].share, 0.01);
	assert_near(shown->bands[1].held, 0.01);
	assert_int_equal(shown->bands[1].count, 1);
	assert_int_equal(shown->bands[1].n_named, 1);
	assert_int_equal(shown->bands[1].named[0].name.by, CAUSE_PEER);
	assert_int_equal(shown->bands[1].named[0].name.peer.port, 5432);
	assert_near(shown->bands[1].named[0].share, 1);
	assert_int_equal(shown->bands[0].count, 100);
	rig_end(&rig);
}

/* Where many are alike a band is as much as can be told apart, and says so. */
static void bands_of_what_is_alike(void **state)
{
	struct rig rig;
	struct rig_component *c = begin_latency(&rig);
	struct lapse_why_span slow = why_span(0, 0, 5 * MS, LAPSE_LOCK, 5 * MS);
	struct lapse_why_span fast = why_span(0, 0, MS, LAPSE_POLL, MS);
	const struct component_snapshot *shown;

	(void)state;
	rig_many(c, 400, MS);
	why_count(rows, &fast, 400);
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->n_bands, 1);
	assert_near(shown->bands[0].held, 1);
	rig_many(c, 600, 5 * MS);
	why_count(rows, &slow, 600);
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->n_bands, 2);
	assert_near(shown->bands[1].share, 0.1);
	assert_near(shown->bands[1].held, 0.6);
	assert_int_equal(shown->bands[1].count, 600);
	rig_end(&rig);
}

/* ---- in flight ------------------------------------------------------------------------------------- */

static struct hung_span hung_of(struct rig *rig, uint32_t tid, uint64_t start_ns, uint64_t age_ns)
{
	struct hung_span hung = {.head = why_span(0, start_ns, age_ns, LAPSE_LOCK, age_ns)};

	hung.head.span.tid = tid;
	hung.head.span.flags |= LAPSE_SPAN_OPEN | LAPSE_SPAN_HUNG;
	hung.now = (struct thread_now){
		.state = THREAD_BLOCKED, .cause = LAPSE_LOCK, .for_ns = age_ns, .place = "wait_lock"};
	rig_open(rig, 0, tid, start_ns, age_ns);
	return hung;
}

static void of_one_that_hangs(void **state)
{
	struct rig rig;
	struct rig_component *c = begin_latency(&rig);
	uint64_t start = rig.now_ns;
	struct hung_span hung = hung_of(&rig, 5, start, 500 * MS);
	struct lapse_why_span ended = why_span(0, start, 600 * MS, LAPSE_LOCK, 600 * MS);

	(void)state;
	hung.head.why.longest.end_ns = 0;
	hung.now.holder = (struct thread_holder){.tid = 9, .comm = "indexer"};
	rig.hung = &hung;
	rig.n_hung = 1;
	rig_tick(&rig);
	assert_non_null(told);
	assert_int_equal(told->causes.n_named, 1);
	assert_string_equal(told->causes.named[0].name.comm, "indexer");
	assert_near(told->causes.part[LAPSE_LOCK], 1);
	assert_int_equal(told->now.state, THREAD_BLOCKED);
	assert_string_equal(told->now.place, "wait_lock");
	assert_string_equal(rig.alert.why.now.place, "wait_lock");
	assert_int_equal(rig_shown(&rig, 0)->n_hung, 1);
	assert_int_equal(rig_shown(&rig, 0)->hung[0].tid, 5);
	/* Those that fire are shown later: it may be elsewhere then. */
	assert_int_equal(rig_snapshot(&rig)->firing[0].why.now.state, THREAD_UNKNOWN);
	assert_near(rig_snapshot(&rig)->firing[0].why.causes.part[LAPSE_LOCK], 1);
	rig.n_open = rig.n_hung = 0;
	told = NULL;
	ended.span.tid = 5;
	ends(&rig, c, &ended, 1);
	rig_ticks(&rig, 3);
	/* It has been counted, and told. */
	assert_null(told);
	assert_int_equal(rig_shown(&rig, 0)->violations, 1);
	assert_int_equal(rig_shown(&rig, 0)->n_hung, 0);
	rig_end(&rig);
}

static int by_identity(const void *a, const void *b)
{
	return span_by_identity(a, b);
}

/* The oldest are kept, in their order; the rest is counted. */
static void many_that_hang(void **state)
{
	struct hung_span hung[15];
	struct rig rig;

	(void)state;
	begin_latency(&rig);
	for (uint32_t i = 0; i < 15; i++)
		hung[i] = hung_of(&rig, 100 + i, rig.now_ns - i * 7 % 15 * SEC, (1 + i * 7 % 15) * SEC);
	qsort(hung, 15, sizeof(hung[0]), by_identity);
	rig.hung = hung;
	rig.n_hung = 15;
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->n_hung, HUNG_SHOWN);
	assert_int_equal(rig_shown(&rig, 0)->hung_more, 15 - HUNG_SHOWN);
	for (size_t i = 0; i < HUNG_SHOWN; i++)
		assert_int_equal(rig_shown(&rig, 0)->hung[i].age_ns, (15 - i) * SEC);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_one_span),
		cmocka_unit_test(of_one_without_causes),
		cmocka_unit_test(who_it_was),
		cmocka_unit_test(of_lost_ones),
		cmocka_unit_test(of_a_window),
		cmocka_unit_test(in_the_bands),
		cmocka_unit_test(bands_of_what_is_alike),
		cmocka_unit_test(of_one_that_hangs),
		cmocka_unit_test(many_that_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
