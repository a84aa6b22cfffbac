// SPDX-License-Identifier: GPL-2.0-or-later
/* The story of a run; each chapter has its own file. */
#include "cli/session_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "cli/output_file.h"

void session_end(struct session *session, const char *format, ...)
{
	va_list args;

	if (session->end_reason)
		return;
	va_start(args, format);
	if (vasprintf(&session->end_reason, format, args) < 0)
		session->end_reason = NULL;
	va_end(args);
}

void session_set_deadline(struct session *session)
{
	uint64_t now = clock_now_ns(), duration = session->options->duration_ns;

	if (!session->deadline_ns && duration && duration < UINT64_MAX - now)
		session->deadline_ns = now + duration;
}

/* From here on a signal waits until the loop takes it: whatever is attached is reported on. */
static int open_signals(struct session *session)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	session->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (session->signals >= 0)
		return 0;
	diag_error("cannot wait for signals: %s", strerror(errno));
	return EXIT_NOT_ATTACHED;
}

int session_run(const struct session_setup *setup)
{
	struct session session = {
		.options = setup->options,
		.config = setup->config,
		.kind = setup->kind,
		.tcp = setup->tcp,
		.epoll = -1,
		.timer = -1,
		.signals = -1,
		.exit_status = -1,
	};
	int code = open_signals(&session);

	if (!code)
		code = session_prepare(&session);
	if (!code)
		code = session_start(&session);
	if (!code)
		code = session_follow(&session);
	if (!code)
		code = session_finish(&session);
	session_free(&session);
	return code;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void session_free(struct session *session)
{
	command_abandon(&session->command);
	tracer_free(session->tracer);
	handlers_stop(session->handlers);
	reload_free(session);
	present_free(session);
	stacks_free(session);
	recorder_free(session->recorder);
	budget_free(session->budget);
	lookup_free(session->lookup);
	processes_free(session);
	monitor_free(session->monitor);
	plan_free(&session->plan);
	target_free(session->processes, session->n_processes);
	for (size_t i = 0; i < session->n_specs; i++)
		spec_free(&session->specs[i]);
	free(session->specs);
	targets_forget(session);
	spec_free(&session->connections);
	free(session->fed);
	free(session->replaced);
	outbox_free(session->outbox);
	if (session->output_to && session->output_to != stdout)
		fclose(session->output_to);
	close_if_open(session->epoll);
	close_if_open(session->timer);
	close_if_open(session->signals);
	free(session->end_reason);
}
