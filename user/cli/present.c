// SPDX-License-Identifier: GPL-2.0-or-later
/* What the pipeline finds, handed to the output and the handlers. */
#include "cli/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <uthash.h>

/* A write that fails ends the run: its data has nobody to read it. */
static void check(struct session *session, int err)
{
	if (!err || session->error)
		return;
	session->error = err;
	session_end(session, err == -EPIPE ? "the reader of the output has gone" : "the output failed: %s",
		    strerror(-err));
}

/* ---- spans ---------------------------------------------------------------------------------- */

static void show(struct session *session, const struct lapse_span *span)
{
	struct output_stack stack =
		span->flags & LAPSE_SPAN_HUNG ? hung_stack(session, span) : stacks_of(session, span);

	check(session,
	      session->output->span(&session->show, monitor_names_of(session->monitor, span->component), span,
				    stack.n ? &stack : NULL));
}

/* Where all are sent because they are recorded, most are not worth a line. */
static bool is_shown(const struct session *session, const struct lapse_span *span)
{
	return !session->recorder ||
	       span->flags & (LAPSE_SPAN_BREACH | LAPSE_SPAN_ERROR | LAPSE_SPAN_VALUE | LAPSE_SPAN_OPEN);
}

static void show_span(struct session *session, const struct lapse_span *span)
{
	if (is_shown(session, span) && !session->error && session->kind == SESSION_TRACE &&
	    session->output->span)
		show(session, span);
}

/* An open span is shown when it is first seen over the limit, at each tick while it hangs (of many, so many a
 * tick), and when it returns. */
#define SHOWN_AGAIN 20

struct shown_open {
	struct {
		uint64_t start_ns;
		uint64_t tid;
	} key;
	uint64_t seen_ns; /* the last tick that had it */
	UT_hash_handle hh;
};

static bool remember_open(struct session *session, const struct lapse_span *span, uint64_t now_ns)
{
	struct shown_open *known, wanted = {.key = {span->start_ns, span->tid}};

	HASH_FIND(hh, session->shown_open, &wanted.key, sizeof(wanted.key), known);
	if (known) {
		known->seen_ns = now_ns;
		return false;
	}
	known = calloc(1, sizeof(*known));
	if (!known)
		return false;
	known->key = wanted.key;
	known->seen_ns = now_ns;
	HASH_ADD(hh, session->shown_open, key, sizeof(known->key), known);
	return true;
}

static void forget_closed(struct session *session, uint64_t now_ns)
{
	struct shown_open *each, *next;

	HASH_ITER (hh, session->shown_open, each, next) {
		if (each->seen_ns == now_ns)
			continue;
		HASH_DEL(session->shown_open, each);
		free(each);
	}
}

void present_open(struct session *session, const struct tick *tick, bool last)
{
	size_t again = last ? SHOWN_AGAIN : 0;

	if (session->kind != SESSION_TRACE)
		return;
	for (size_t i = 0; i < tick->n_open; i++) {
		const struct lapse_span *span = tick_open_span(tick, i);

		if (span->duration_ns <= session->options->slower_ns)
			continue;
		if (remember_open(session, span, tick->now_ns) || again++ < SHOWN_AGAIN)
			show_span(session, span);
	}
	forget_closed(session, tick->now_ns);
}

/* A span that only feeds another component is an event of that one. */
static int feed_span(struct session *session, const struct lapse_span *span)
{
	const struct plan *plan = &session->plan;
	const struct plan_component *planned =
		span->component < plan->n_components ? &plan->components[span->component] : NULL;

	if (planned && planned->feeds == FEEDS_CONNECTS)
		return monitor_connect(session->monitor, planned->fed, span);
	/* Others come only where they are recorded. */
	if (planned && planned->feeds != FEEDS_ITSELF)
		return 0;
	return monitor_span(session->monitor, span);
}

int present_span(void *context, const struct lapse_span *span)
{
	struct session *session = context;
	int err = session->n_groups && span->component >= session->n_monitored
			  ? connections_learn(session, span->component)
			  : 0;

	if (err)
		return err;
	recorder_span(session, span);
	show_span(session, span);
	return feed_span(session, span);
}

void present_free(struct session *session)
{
	forget_closed(session, UINT64_MAX);
	hung_forget(session, UINT64_MAX);
}

/* ---- what the monitor finds -------------------------------------------------------------------- */

/* For people, alerts say it once; each single violation is for programs, and for -v. */
static void show_violation(void *context, const struct violation *violation)
{
	struct session *session = context;

	recorder_violation(session, violation);
	if (!session->options->json && !diag_verbose())
		return;
	if (!session->error && session->output->violation)
		check(session, session->output->violation(
				       &session->show,
				       monitor_names_of(session->monitor, violation->component), violation));
}

typedef void tell_handlers(struct handlers *handlers, const struct alert *alert, const char *component_name,
			   const char *json, const char *text);

static void tell_by(struct session *session, const struct snapshot *snapshot, const struct alert *alert,
		    tell_handlers *tell)
{
	char *json = output_alert_json(snapshot, alert), *text = output_alert_text(snapshot, alert);

	if (json && text)
		tell(session->handlers, alert, snapshot->components[alert->component].name, json, text);
	free(json);
	free(text);
}

/* The line that is recorded is the one that is told. */
static void tell_alert(struct session *session, const struct snapshot *snapshot, const struct alert *alert)
{
	char *json = session->recorder ? output_alert_json(snapshot, alert) : NULL;

	if (json)
		recorder_alert(session, alert, json);
	free(json);
	if (session->handlers)
		tell_by(session, snapshot, alert, handlers_tell);
}

static void show_alert(void *context, const struct alert *alert)
{
	struct session *session = context;
	const struct snapshot *snapshot = monitor_snapshot_of(session->monitor, alert->component);

	if (!session->error && session->output->alert)
		check(session, session->output->alert(&session->show, snapshot, alert));
	tell_alert(session, snapshot, alert);
}

void present_standing(struct session *session)
{
	const struct snapshot *snapshot = monitor_snapshot(session->monitor);

	for (size_t i = 0; snapshot && i < snapshot->n_firing; i++)
		tell_by(session, snapshot, &snapshot->firing[i], handlers_tell_standing);
}

void present_report(struct session *session)
{
	const struct snapshot *snapshot;

	session_count_handlers(session);
	session_count_lines(session);
	recorder_count(session);
	snapshot = monitor_snapshot_full(session->monitor);
	if (snapshot && !session->error)
		check(session, session->output->final(&session->show, snapshot));
}

static void show_health(void *context)
{
	struct session *session = context;

	if (!session->error && session->config && session->output->health)
		check(session, session->output->health(&session->show, monitor_snapshot(session->monitor)));
}

const struct monitor_sink session_sink = {
	.violation = show_violation,
	.alert = show_alert,
	.health = show_health,
};

/* As the terminal is now: it may have been made narrower, or wider. */
static unsigned terminal_width(const struct session *session)
{
	struct winsize size;

	if (!session->output_to || ioctl(fileno(session->output_to), TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

/* `stat` reports each interval; `watch` only when it is asked to. */
void present_interval(struct session *session)
{
	bool wanted = session->kind == SESSION_STAT ||
		      ((session->kind == SESSION_WATCH || session->kind == SESSION_RECORD) &&
		       session->options->interval_given);

	if (session->error || !wanted || !session->output->interval)
		return;
	session->show.width = terminal_width(session);
	check(session, session->output->interval(&session->show, monitor_snapshot(session->monitor)));
}
