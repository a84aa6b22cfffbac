// SPDX-License-Identifier: GPL-2.0-or-later
/* The end: detach, take what is left, report, judge. */
#include "cli/session_parts.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/exit_code.h"
#include "base/units.h"
#include "cli/output_file.h"
#include "cli/verdict_code.h"

#define SETTLE_NS      (500 * NSEC_PER_MSEC)
#define SETTLE_POLL_NS (5 * NSEC_PER_MSEC)

/* 130 is for a run that was interrupted before it measured anything. */
static int exit_code(const struct session *session, const struct snapshot *snapshot)
{
	if (session->interrupted && !snapshot->system.components_fed && snapshot->verdict != VERDICT_VIOLATED)
		return EXIT_INTERRUPTED;
	if (session->config)
		return verdict_code(snapshot->verdict);
	if (session->exit_status >= 0)
		return session->exit_status;
	return EXIT_HELD;
}

/* How long a reader may take nothing at the end: it may only be slow. */
#define PATIENCE_MS 3000

void session_count_lines(struct session *session)
{
	if (session->outbox)
		monitor_dropped_lines(session->monitor, outbox_dropped(session->outbox));
}

static int write_final(struct session *session, const struct snapshot *snapshot)
{
	int err;

	if (session->outbox)
		outbox_keep_all(session->outbox);
	err = session->output->final(&session->show, snapshot);
	return !err && session->outbox ? outbox_finish(session->outbox, PATIENCE_MS) : err;
}

/* What is all but done is waited for, so that its count is whole; what takes longer is counted as waiting. */
static void settle_handlers(struct session *session)
{
	const struct timespec pause = {.tv_nsec = SETTLE_POLL_NS};
	uint64_t begin = clock_now_ns();

	while (session->handlers && clock_now_ns() < begin + SETTLE_NS &&
	       handlers_busy(session->handlers, begin, clock_now_ns())) {
		nanosleep(&pause, NULL);
		handlers_tick(session->handlers, clock_now_ns());
	}
}

void session_count_handlers(struct session *session)
{
	const struct handler_stats *stats;
	size_t n;

	if (!session->handlers)
		return;
	stats = handlers_stats(session->handlers, &n);
	monitor_set_handlers(session->monitor, stats, n);
}

int session_finish(struct session *session)
{
	const struct tracer_records records = {present_span, processes_record, session};
	const struct snapshot *snapshot;
	int err;

	tracer_detach(session->tracer);
	markers_forget(session);
	session->end_ns = clock_now_ns();
	tracer_drain(session->tracer, 0, &records);
	/* Twice: the extremes of the last two slots come with the second. */
	err = session_tick(session, true);
	if (!err && monitor_interval_ended(session->monitor))
		present_interval(session);
	if (!err)
		err = session_tick(session, true);
	if (err)
		diag_warn("the last figures could not be read: %s", strerror(-err));
	if (monitor_end(session->monitor, session->end_reason))
		present_interval(session);
	recorder_finish(session);
	settle_handlers(session);
	session_count_handlers(session);
	session_count_lines(session);
	snapshot = monitor_snapshot_full(session->monitor);
	if (!snapshot)
		return EXIT_UNKNOWN;
	if (!session->error)
		session->error = write_final(session, snapshot);
	stacks_say(session);
	output_file_say(session->error);
	if (session->error)
		return EXIT_USAGE;
	return exit_code(session, snapshot);
}
