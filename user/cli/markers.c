// SPDX-License-Identifier: GPL-2.0-or-later
/* What programs with lapse.h are told: from which duration on a span is worth reporting. */
#include "cli/session_parts.h"

#include <string.h>

#include "probe/marker_area.h"

/* The counter's ratio is not measured to the last digit: what lies near the limit is reported. */
#define MARGIN 0.999

static bool is_marker(const struct place *place)
{
	return place->semaphore &&
	       (place->role == LAPSE_ROLE_MARKER || place->role == LAPSE_ROLE_MARKER_NAMED);
}

static bool maps_file(const struct process *process, const struct file_id *id)
{
	for (size_t i = 0; i < process->n_files; i++)
		if (process->files[i].id.ino == id->ino && process->files[i].id.dev == id->dev)
			return true;
	return false;
}

/* In `trace` the slow ones alone are wanted; everything else needs them all. */
static uint64_t threshold_cycles(const struct session *session)
{
	if (session->kind != SESSION_TRACE)
		return 0;
	return (uint64_t)((double)tracer_cycles(session->tracer, session->options->slower_ns) * MARGIN);
}

/* Says @cycles to every marker of @process. */
static void tell(const struct session *session, const struct process *process, uint64_t cycles)
{
	for (size_t i = 0; i < session->plan.n_places; i++) {
		const struct place *place = &session->plan.places[i];
		const struct plan_file *file = &session->plan.files[place->file];
		int err;

		if (!is_marker(place) || !maps_file(process, &file->id))
			continue;
		err = marker_area_set(process->pid, &file->id, place->semaphore, cycles);
		if (err)
			diag_debug("process %d reports more spans of its markers than wanted: %s",
				   process->pid, strerror(-err));
	}
}

void markers_tell(struct session *session, const struct process *process)
{
	tell(session, process, threshold_cycles(session));
}

void markers_reset(const struct session *session, const struct process *process)
{
	tell(session, process, 0);
}

void markers_forget(struct session *session)
{
	for (size_t i = 0; i < session->n_processes && threshold_cycles(session); i++)
		tell(session, &session->processes[i], 0);
}

void markers_say(const struct session *session)
{
	bool any = false;

	for (size_t i = 0; i < session->plan.n_places; i++)
		any |= is_marker(&session->plan.places[i]);
	if (any && session->kind == SESSION_TRACE)
		diag_note("spans of markers that are not slow stay in the program, uncounted");
}
