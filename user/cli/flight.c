// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The flight recorder: the last minute stays in memory until something happens; then it is written with what
 * follows, a file an incident. Old files are kept, so there is a number beyond which none is written.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/recorder.h"

int flight_prepare(const struct session *session)
{
	const char *folder = session->options->capture_path;
	struct stat st;

	if (mkdir(folder, 0700) && errno != EEXIST) {
		diag_error("cannot make the folder %s: %s", folder, strerror(errno));
		return EXIT_USAGE;
	}
	if (!stat(folder, &st) && S_ISDIR(st.st_mode) && !access(folder, W_OK | X_OK))
		return 0;
	diag_error("with --keep, -o names a folder that incidents are written to, and %s is none that can be "
		   "written",
		   folder);
	return EXIT_USAGE;
}

/* What a file may be named after: nothing that leads elsewhere, or that a shell would take for something. */
static void plain_name(const char *component, char *name, size_t size)
{
	size_t n = 0;

	for (; *component && n + 1 < size; component++)
		name[n++] = isalnum((unsigned char)*component) || strchr("_-", *component) ? *component : '_';
	name[n] = '\0';
}

/* "2026-11-28T11-42-03Z-checkout.lapse"; several of a second are numbered. */
static char *incident_path(const struct session *session, const char *component)
{
	char when[32], name[48], *path = NULL;
	time_t now = time(NULL);
	struct tm tm = {0};

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H-%M-%SZ", &tm);
	plain_name(component, name, sizeof(name));
	for (int i = 1; i < 1000; i++) {
		char number[16] = "";

		free(path);
		if (i > 1)
			snprintf(number, sizeof(number), "-%d", i);
		if (asprintf(&path, "%s/%s-%s%s.lapse", session->options->capture_path, when, name, number) <
		    0)
			return NULL;
		if (access(path, F_OK))
			break;
	}
	return path;
}

static void begin(struct session *session, const char *component, const char *what)
{
	struct recorder *recorder = session->recorder;
	struct flight *flight = &recorder->flight;
	uint64_t until_ns = clock_now_ns() + session->options->after_ns;
	char *path = incident_path(session, component), safe[256];

	capture_fact(recorder->capture, "incident", what);
	if (path && !capture_begin(recorder->capture, path)) {
		flight->until_ns = until_ns;
		flight->incidents++;
		recorder->failure_said = false;
		diag_note("an incident (%s) is written to %s", what, text_escape(path, safe, sizeof(safe)));
	} else {
		/* A disk that is full is so at the next violation, too, of which there may be thousands. */
		flight->retry_ns = until_ns;
		flight->unwritten = true;
	}
	free(path);
}

static bool may_begin(struct session *session)
{
	struct flight *flight = &session->recorder->flight;

	if (flight->incidents < session->options->max_incidents)
		return true;
	if (!flight->full_said)
		diag_warn(
			"%zu incidents have been written, and no more will be: --max-incidents allows others",
			flight->incidents);
	flight->full_said = true;
	return false;
}

void flight_trigger(struct session *session, const char *component, const char *what)
{
	struct flight *flight = &session->recorder->flight;

	/* What happens while one is recorded is in it. */
	if (flight->until_ns || clock_now_ns() < flight->retry_ns || !may_begin(session))
		return;
	if (!flight->draining)
		begin(session, component, what);
	else if (!flight->wanted)
		flight->wanted = strdup(component);
}

static void say_written(struct session *session)
{
	struct capture_figures figures = capture_figures(session->recorder->capture);
	char safe[256];

	if (!figures.failure)
		diag_note("%s is written: %llu spans in %llu ticks, %.1f MB",
			  text_escape(figures.path, safe, sizeof(safe)), (unsigned long long)figures.spans,
			  (unsigned long long)figures.ticks, (double)figures.bytes / 1e6);
}

static void drained(struct session *session)
{
	struct flight *flight = &session->recorder->flight;
	char *wanted = flight->wanted;

	capture_wait(session->recorder->capture);
	flight->draining = false;
	flight->wanted = NULL;
	say_written(session);
	if (wanted)
		flight_trigger(session, wanted, wanted);
	free(wanted);
}

static void stop(struct session *session, const char *why)
{
	struct flight *flight = &session->recorder->flight;

	capture_end(session->recorder->capture, why);
	flight->until_ns = 0;
	flight->draining = true;
}

void flight_tick(struct session *session, uint64_t now_ns)
{
	struct flight *flight = &session->recorder->flight;

	if (flight->until_ns && now_ns >= flight->until_ns)
		stop(session, "the time after the incident was over");
	else if (flight->draining && !capture_is_writing(session->recorder->capture))
		drained(session);
}

void flight_finish(struct session *session)
{
	struct flight *flight = &session->recorder->flight;

	if (flight->until_ns)
		stop(session, session->end_reason ?: "tracing ended");
	free(flight->wanted);
	flight->wanted = NULL;
	if (flight->draining)
		drained(session);
}
