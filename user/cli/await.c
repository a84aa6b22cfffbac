// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * --comm, --cgroup or --unit that no process matches: what it will run is not known, so that nothing can be
 * probed before it is there.
 */
#include "cli/session_parts.h"

#include <poll.h>

#include "base/exit_code.h"
#include "base/units.h"

/* A look costs some microseconds a process of the machine. */
#define LOOK_MS	     100
/* A process that is only just beginning maps its libraries one by one. */
#define SETTLE_MS    20
#define SETTLE_TRIES 25

/* Pauses for at most @ms. 0, or an exit code: interrupted, or the time is up. */
static int pause_for(const struct session *session, int ms)
{
	char who[TARGET_WORDS];
	struct pollfd signals = {.fd = session->signals, .events = POLLIN};

	if (poll(&signals, 1, ms) > 0)
		return EXIT_INTERRUPTED;
	if (!session->deadline_ns || clock_now_ns() < session->deadline_ns)
		return 0;
	diag_error("no %s has come before the time was up",
		   target_describe(&session->selection, who, sizeof(who)));
	return EXIT_NOT_ATTACHED;
}

static size_t count_files(const struct session *session)
{
	size_t n = 0;

	for (size_t i = 0; i < session->n_processes; i++)
		n += session->processes[i].n_files;
	return n;
}

static int look(struct session *session)
{
	target_free(session->processes, session->n_processes);
	return target_find(&session->selection, &session->processes, &session->n_processes)
		       ? EXIT_NOT_ATTACHED
		       : 0;
}

/* Until two looks find the same. */
static int settle(struct session *session)
{
	size_t before = 0;
	int code = 0;

	for (int i = 0; i < SETTLE_TRIES && !code && count_files(session) != before; i++) {
		before = count_files(session);
		code = pause_for(session, SETTLE_MS) ?: look(session);
	}
	return code;
}

int await_process(struct session *session)
{
	char who[TARGET_WORDS], why[TARGET_WORDS];
	int code = 0;

	session_set_deadline(session);
	diag_note("waiting for a %s%s", target_describe(&session->selection, who, sizeof(who)),
		  target_why_none(&session->selection, why, sizeof(why)));
	while (!code && !session->n_processes) {
		code = pause_for(session, LOOK_MS) ?: look(session);
		if (!code && session->n_processes)
			code = settle(session);
	}
	return code;
}
