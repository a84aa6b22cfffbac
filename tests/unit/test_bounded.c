// SPDX-License-Identifier: GPL-2.0-or-later
/* Days of violations, values, peers and hanging spans: memory grows until the windows are full, and no more.
 */
#include "rig.h"

#include <malloc.h>

#include "why.h"

static struct objective promises[] = {
	{.kind = OBJ_MAX_LATENCY, .limit = 30 * MS, .breaches = 100, .breaches_ns = 10 * SEC},
	{.kind = OBJ_MAX_P50, .limit = MS},
	{.kind = OBJ_MAX_P999, .limit = MS},
	{.kind = OBJ_MAX_ERROR_RATE, .limit = 0.001},
	{.kind = OBJ_MIN_CACHE_HIT_RATE, .limit = 0.999},
	{.kind = OBJ_MIN_THROUGHPUT, .limit = 1000, .over_ns = 600 * SEC},
	{.kind = OBJ_MIN_BATCH_SIZE, .limit = 50},
	{.kind = OBJ_MAX_CONNECTION_TIME, .limit = MS},
	{.kind = OBJ_MIN_POOL_EFFICIENCY, .limit = 0.9},
	{.kind = OBJ_MIN_UPTIME, .limit = 0.999, .over_ns = 24 * 3600 * SEC},
	{.kind = OBJ_MAX_BACKLOG, .limit = 1},
	{.kind = OBJ_MAX_VALUE, .limit = 5, .value = "batch_size"},
	{.kind = OBJ_FAILURE_BUDGET, .limit = 1, .budget = 0.001, .period_ns = 720 * 3600 * SEC},
};

static struct lapse_why_row rows[LAPSE_WHY_ROWS];

/* Each from another thread, woken by another command, or answered by another peer. */
static void slow_spans(struct rig *rig, uint32_t id, unsigned n)
{
	for (unsigned i = 0; i < 20; i++) {
		uint64_t ns = (40 + (n * 7919 + i * 131) % 5000) * MS;
		struct lapse_why_span span = why_span(id, rig->now_ns - ns, ns, LAPSE_NET, ns / 2);
		char comm[12];

		snprintf(comm, sizeof(comm), "w%u", n * 20 + i);
		if (i % 2)
			why_woken(&span, comm, 0);
		else
			why_answered(&span, (uint8_t)n, (uint16_t)(n * 20 + i));
		span.span.tid = n * 20 + i;
		span.span.flags |= LAPSE_SPAN_BREACH;
		rig_ended(&rig->component[id], ns, i % 3 == 0);
		why_count(rows, &span, 1);
		assert_int_equal(monitor_span(rig->monitor, &span.span), 0);
	}
}

static void act(struct rig *rig, unsigned n)
{
	for (uint32_t id = 0; id < rig->n_components; id++) {
		struct rig_component *c = &rig->component[id];

		slow_spans(rig, id, n);
		rig_value(c, 0, (int64_t)(n * 2654435761U % 1000));
		rig_connects(c, 5, (n % 100) * MS, n % 2);
		rig_lookups(c, 1, 5);
		/* The newest alone are kept, as the kernel would. */
		if (c->n_recent > WINDOW_MAX_LAST - 100)
			c->n_recent = c->last;
	}
	/* Others hang in each tick, and are never heard of again. */
	for (uint32_t i = 0; i < 8; i++)
		rig->open[i] = rig_span(rig, i % 2, 1000000 + n * 8 + i, rig->now_ns, 90 * SEC);
	for (uint32_t i = 0; i < 8; i++)
		rig->open[i].flags = LAPSE_SPAN_OPEN;
	rig->n_open = 8;
}

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void ticks(struct rig *rig, unsigned *n, unsigned until, uint64_t period_ns)
{
	for (; *n < until; ++*n) {
		act(rig, *n);
		rig_tick_after(rig, period_ns);
		/* What the sink was told is the test's own. */
		rewind(rig->out);
	}
}

static void days(void **state)
{
	struct contract contract = rig_contract(promises, sizeof(promises) / sizeof(*promises));
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());
	struct rig rig;
	size_t full, most = 0;
	unsigned n = 0;

	(void)state;
	rig_begin(&rig);
	wanted.value_name[0] = "batch_size";
	rig_add_as(&rig, &wanted)->causes = rows;
	wanted.window.last = 200;
	promises[1].over_ns = promises[2].over_ns = 600 * SEC;
	rig_add_as(&rig, &wanted);
	/* Twice the longest window. */
	ticks(&rig, &n, 1200, SEC);
	full = in_use();
	for (unsigned until = 1300; until <= 5000; until += 100) {
		/* Five days, most of them in ticks that come minutes late. */
		ticks(&rig, &n, until, until % 500 ? SEC : 600 * SEC);
		most = in_use() > most ? in_use() : most;
	}
	/* Hash tables and queues that have doubled once more at worst, but nothing that follows the time. */
	if (most > full + full / 20)
		fail_msg("%zu bytes in use with full windows, and %zu after days", full, most);
	assert_true(rig_shown(&rig, 0)->violations > 100000);
	assert_int_equal(rig_shown(&rig, 0)->n_newest, 1000);
	assert_true(rig.now_ns > 5 * 24 * 3600 * SEC);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
