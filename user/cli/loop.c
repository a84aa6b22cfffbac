// SPDX-License-Identifier: GPL-2.0-or-later
/* The loop: records, ticks, signals, processes that end. */
#include "cli/session_parts.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/units.h"
#include "cli/loop_tags.h"

/* Records that woke nobody are taken at least so often: while some come, and the longer the less while none
 * do, for each time takes a processor from the target. */
#define POLL_MS	     10
#define POLL_IDLE_MS 100
/* More records come than can be shown: after so long the loop looks at all else. */
#define DRAIN_NS     (100 * NSEC_PER_MSEC)

static int watch(struct session *session, int fd, uint64_t tag)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};

	if (fd < 0 || epoll_ctl(session->epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return 0;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC};
}

/* Ticks fall on whole multiples of the period, as the kernel numbers its slots. */
static int open_timer(struct session *session)
{
	uint64_t first = (clock_now_ns() / session->tick_ns + 1) * session->tick_ns;
	struct itimerspec times = {to_timespec(session->tick_ns), clock_timer(first)};

	session->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (session->timer < 0 || timerfd_settime(session->timer, TFD_TIMER_ABSTIME, &times, NULL))
		return -errno;
	return 0;
}

static int open_loop(struct session *session)
{
	int err = open_timer(session);

	if (!err)
		err = watch(session, tracer_fd(session->tracer), LOOP_RING);
	if (!err)
		err = watch(session, session->timer, LOOP_TIMER);
	return err ?: watch(session, session->signals, LOOP_SIGNAL);
}

/* Without a flight recorder there is nothing to trigger. */
static void trigger(struct session *session)
{
	if (!session->options->keep_ns && !session->declined)
		diag_note("SIGUSR2 is for record with --keep: nothing is done");
	session->declined = !session->options->keep_ns;
	recorder_trigger(session, "signal");
}

static void take_signal(struct session *session)
{
	struct signalfd_siginfo info;

	if (read(session->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR2) {
		trigger(session);
		return;
	}
	if (info.ssi_signo == SIGUSR1) {
		present_report(session);
		return;
	}
	if (info.ssi_signo == SIGHUP && session->config) {
		reload(session);
		return;
	}
	session->interrupted = true;
	session_end(session, info.ssi_signo == SIGINT ? "interrupted" : "ended by signal %u (%s)",
		    info.ssi_signo, strsignal(info.ssi_signo));
}

static void take_tick(struct session *session)
{
	uint64_t expirations;
	int err;

	if (read(session->timer, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	err = session_tick(session, false);
	if (err)
		session_end(session, "the kernel's figures could not be read: %s", strerror(-err));
	else if (monitor_interval_ended(session->monitor))
		present_interval(session);
	processes_check(session);
	/* The record of the last one's end may have found no room. */
	processes_end(session);
}

static void take(struct session *session, const struct epoll_event *event)
{
	if (event->data.u64 == LOOP_TIMER)
		take_tick(session);
	else if (event->data.u64 == LOOP_SIGNAL)
		take_signal(session);
	else if (event->data.u64 >= LOOP_PIDFD)
		processes_gone(session, event->data.u64 - LOOP_PIDFD);
}

static int wait_ms(uint64_t deadline, int poll_ms)
{
	uint64_t now = clock_now_ns();

	if (!deadline || deadline > now + poll_ms * NSEC_PER_MSEC)
		return poll_ms;
	return deadline > now ? (int)((deadline - now) / NSEC_PER_MSEC) + 1 : 0;
}

static int next_poll_ms(int poll_ms, int taken)
{
	if (taken)
		return POLL_MS;
	return poll_ms * 2 < POLL_IDLE_MS ? poll_ms * 2 : POLL_IDLE_MS;
}

/* How many records came. */
static int drain(struct session *session)
{
	const struct tracer_records records = {present_span, processes_record, session};
	uint64_t until = clock_now_ns() + DRAIN_NS;

	if (session->deadline_ns && session->deadline_ns < until)
		until = session->deadline_ns;
	return tracer_drain(session->tracer, until, &records);
}

static void look_at_the_time(struct session *session)
{
	if (session->deadline_ns && clock_now_ns() >= session->deadline_ns)
		session_end(session, "the time was up");
}

int session_follow(struct session *session)
{
	int err = open_loop(session), poll_ms = POLL_MS;

	if (err) {
		diag_error("cannot wait for events: %s", strerror(-err));
		return EXIT_NOT_ATTACHED;
	}
	session_set_deadline(session);
	if (session->output->begin)
		session->error = session->output->begin(&session->show, monitor_snapshot(session->monitor));
	while (!session->end_reason && !session->error) {
		struct epoll_event events[8];
		int n = epoll_wait(session->epoll, events, 8, wait_ms(session->deadline_ns, poll_ms));

		poll_ms = next_poll_ms(poll_ms, drain(session));
		look_at_the_time(session);
		for (int i = 0; i < n && !session->end_reason; i++)
			take(session, &events[i]);
	}
	return 0;
}
