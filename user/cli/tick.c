// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/session_parts.h"

#include "base/units.h"
#include "probe/halted.h"

#define HINT_AFTER_NS (5 * NSEC_PER_SEC)

/* Everything waits for a library: that has been said. */
static bool awaits_all(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_components; i++)
		if (!plan_awaits(plan, i))
			return false;
	return true;
}

/* Markers may tell look-ups or values alone. */
static bool is_hit(const struct tick_component *component)
{
	bool hit = component->counters.entries || component->counters.hits || component->counters.misses;

	for (int i = 0; i < LAPSE_VALUES; i++)
		hit |= component->value[i].count > 0;
	return hit;
}

/* Only connections are measured. */
static bool all_of_tcp(const struct plan *plan)
{
	return plan->n_tcps && !plan->n_places && !plan->n_usdts && !plan->n_syscalls;
}

/* Whether one of those that were there from the start is held up: then that is the reason. */
static bool hint_halted(const struct session *session)
{
	char why[HALTED_WHY];

	for (size_t i = 0; i < session->n_processes; i++) {
		if (halted(session->processes[i].pid, why) == HALTED_NOW) {
			diag_note("no call in 5 s: process %d %s", session->processes[i].pid, why);
			return true;
		}
	}
	return false;
}

/* Nothing was hit: said once, with the likely reasons. */
static void hint(struct session *session, const struct tick *tick)
{
	if (session->hint_given || tick->now_ns - session->start_ns < HINT_AFTER_NS)
		return;
	session->hint_given = true;
	if (awaits_all(&session->plan))
		return;
	for (size_t i = 0; i < tick->n_components; i++)
		if (is_hit(&tick->components[i]))
			return;
	if (hint_halted(session))
		return;
	if (all_of_tcp(&session->plan)) {
		diag_note("nothing on a connection in 5 s: none is used now, none is meant by peer= and "
			  "port=, or another process does the work (children: --follow, or --exe)");
		return;
	}
	diag_note("no call in 5 s: nothing calls it now, its callers have it inlined, or another process "
		  "does the work (children: --follow, or --exe)");
}

/* Peers may have got other addresses. */
static int follow_names(struct session *session, uint64_t now)
{
	int changed = lookup_poll(session->lookup, now, &session->plan);

	return changed > 0 ? tracer_tcp_rules(session->tracer, &session->plan) : changed;
}

int session_tick(struct session *session, bool last)
{
	const struct tracer_records records = {present_span, processes_record, session};
	struct tick tick;
	uint64_t now = last ? session->end_ns : clock_now_ns();
	int err = tracer_tick(session->tracer, now, last, &records, &tick);

	if (!err && tick.n_components > session->n_monitored)
		err = connections_learn(session, tick.n_components - 1);
	if (!err) {
		hung_locate(session, &tick);
		recorder_tick(session, &tick);
		err = monitor_tick(session->monitor, &tick);
	}
	if (err)
		return err;
	recorder_commit(session, tick.now_ns);
	present_open(session, &tick, last);
	if (session->handlers)
		handlers_tick(session->handlers, now);
	reload_tick(session, now);
	if (last)
		return 0;
	hint(session, &tick);
	budget_judge(session, &tick);
	return follow_names(session, now);
}
