/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session's insides, in the order in which they come to life; shared by the files of cli/. */
#ifndef LAPSE_SESSION_PARTS_H
#define LAPSE_SESSION_PARTS_H

#include "base/clock.h"
#include "base/diag.h"
#include "cli/command.h"
#include "cli/session.h"
#include "handler/handler.h"
#include "kernel/tracer.h"
#include "monitor/monitor.h"
#include "output/output.h"
#include "probe/lookup.h"
#include "probe/plan.h"

struct session {
	const struct options *options;
	const struct config *config;
	enum session_kind kind;

	/* What to measure, and where. */
	struct target_selection selection;
	uint64_t group_targets; /* those that are control groups */
	struct members {
		pid_t *pids;
		uint64_t *targets; /* of each */
		size_t n;
	} members;	   /* whom the tracer knows by number from the beginning */
	uint64_t *targets; /* by specification, where components have their own; else NULL */
	pid_t thread_pid;  /* of -t alone */
	struct command command;
	struct probe_spec *specs;
	size_t n_specs;
	struct plan_fed *fed; /* of the last specifications: what each feeds */
	size_t n_fed;
	size_t n_monitored; /* components that are the monitor's; others feed them, or are not taken yet */
	bool tcp;	    /* `lapse tcp` */
	struct probe_spec connections; /* which, where connections are told apart by port and peer ... */
	bool connections_filtered;     /* ... and that something was said of it */
	size_t n_groups;	       /* components that they may take */
	struct process *processes;
	size_t n_processes;
	struct plan_options plan_options;
	struct plan plan;

	/* What measures, judges, shows and acts. */
	struct tracer *tracer;
	struct monitor *monitor;
	const struct output *output;
	struct output_options show;
	struct outbox *outbox; /* before the output, where handlers must not wait for its reader; or NULL */
	FILE *output_to;       /* the stream behind it */
	struct handlers *handlers;
	struct config
		*reloaded; /* the contract file as it was read last, if it was read anew; .config is it */
	struct retired *retired; /* what reload.c has replaced */
	struct budget *budget;
	struct recorder *recorder;	/* NULL: nothing is recorded */
	struct lookup *lookup;		/* of the names of TCP peers; NULL: there is none */
	struct stack_symbols *symbols;	/* of stacks; NULL: none are shown */
	struct wait_stack *wait_stack;	/* room for one */
	struct shown_open *shown_open;	/* open spans that have been shown */
	struct hung_place *hung_places; /* where threads of such are */

	pid_t *replaced; /* libraries.c: measured by instructions since a library came */
	size_t n_replaced;
	uint64_t hooked_ns; /* when the last dynamic linker was probed */

	/* The loop. */
	int epoll, timer, signals;
	struct gone *gone; /* pidfds of -p */
	size_t n_alive;
	const struct gone *last_gone;
	uint64_t tick_ns, start_ns, end_ns;
	uint64_t deadline_ns; /* of -d; 0: none */
	bool hint_given;
	bool interrupted;
	bool declined; /* a signal was, and that was said */
	char *end_reason;
	int error;	 /* the first -errno of an output; ends the run */
	int exit_status; /* of the command */
};

/* prepare.c: from options to a plan, and the figures that the plan needs. 0 or an exit code. */
int session_prepare(struct session *session);
/* await.c: waits until a process has the name that is meant. 0 or an exit code. */
int await_process(struct session *session);
/* start.c: where @config has handlers nothing waits for who reads the output. 0 or -errno. */
int session_box_output(struct session *session, const struct config *config);
/* monitor, tracer, handlers; attached when it gives 0, else an exit code. */
int session_start(struct session *session);
/* admit.c: puts into @options whose calls count; once it is loaded, tells it of programs and names. 0 or
 * -errno. */
int targets_describe(struct session *session, struct tracer_options *options);
int targets_want(struct session *session);
void targets_forget(struct session *session);
/* What component @i of the plan is to the kernel: what it counts by, and what it sends. */
void session_describe(struct session *session, size_t i, struct tracer_component *component);
/* loop.c: until the end comes. */
int session_follow(struct session *session);
/* finish.c: detaches, reports, gives the exit code; how the handlers have fared, into the next snapshot. */
int session_finish(struct session *session);
void session_count_handlers(struct session *session);
/* The same of lines that were not written. */
void session_count_lines(struct session *session);
void session_free(struct session *session);

/* present.c */
extern const struct monitor_sink session_sink;
int present_span(void *context, const struct lapse_span *span);
/* @last: what hangs at the end stands in the report, and is not shown again. */
void present_open(struct session *session, const struct tick *tick, bool last);
void present_interval(struct session *session);
/* The whole report, as at the end, while it goes on. */
void present_report(struct session *session);
/* Tells handlers that have come anew of what fires. */
void present_standing(struct session *session);
void present_free(struct session *session);

/* processes.c: reads a process, and of which targets it is, as process_read(). */
int processes_read(const struct session *session, pid_t pid, struct process *process);
int processes_watch(struct session *session);
int processes_record(void *context, const struct lapse_proc *record);
void processes_gone(struct session *session, size_t index);
/* Of the process that was named as the @index-th, watched since the start; -1: it has ended. */
int processes_pidfd(const struct session *session, size_t index);
/* Has the run end if nobody is left of the processes that were named, and of those that they started. */
void processes_end(struct session *session);

/* Events of perf are those of a process's first thread: takes the processes that have lost it for gone. */
void processes_check(struct session *session);
/* The programs of targets by their path, as @process runs them now, are meant. */
void processes_want_exe(struct session *session, const struct process *process);
/* With --follow and control groups, once forks and moves are told of: those that there are already. 0 or
 * -errno. */
int processes_follow(struct session *session);
void processes_free(struct session *session);
/* What @process has that was not probed before is probed: how many probes; said once it is measured, with
 * the time since @since_ns (monotonic; 0: nothing was missed) for which nothing counted what was called. */
int processes_extend(struct session *session, const struct process *process);
void processes_say_more(int n, pid_t pid, uint64_t since_ns);

/* addressees.c: the measured processes, for handlers; @context is the session. */
int addressees_open(void *context, struct handler_target **list, size_t *n);

/* libraries.c: watches what @process, whose program began at @began_ns (0: before tracing), loads from now
 * on; decides about what has been loaded. */
void libraries_watch(struct session *session, const struct process *process, uint64_t began_ns);
void libraries_changed(struct session *session, const struct lapse_proc *record);

/* markers.c: tells @process what its markers are to report, before they are probed; one that came later,
 * and all at the end, that they are to report all; says what that means for the counts. */
void markers_tell(struct session *session, const struct process *process);
void markers_reset(const struct session *session, const struct process *process);
void markers_forget(struct session *session);
void markers_say(const struct session *session);

/* connections.c: whether connections are measured by port and peer; which; the plan's part; the component of
 * the monitor that a group has become. 0, an exit code, or (the last two) -errno. */
bool connections_wanted(const struct session *session);
int connections_parse(struct session *session);
int connections_add_loop(struct session *session);
int connections_plan(struct session *session);
int connections_learn(struct session *session, uint32_t component);

/* stacks.c: the stacks of waits in words. Those of a span are valid until the next one's; at the end, how
 * many there was no time for. 0 or -1 (no memory). */
int stacks_new(struct session *session);
void stacks_free(struct session *session);
void stacks_prime(struct session *session, pid_t pid);
void stacks_say(const struct session *session);
struct output_stack stacks_of(struct session *session, const struct lapse_span *span);
/* Where a thread is that hangs, unless it has gone on; the first *n_kernel frames are the kernel's. Valid as
 * above. */
struct output_stack stacks_now(struct session *session, const struct hung_span *hung, size_t *n_kernel);

/* hung.c: says of each span that hangs where its thread is, before the tick is fed on; the whole stack of one
 * that is the head of a struct hung_span; forgets those that the tick at @but_ns did not have. */
void hung_locate(struct session *session, const struct tick *tick);
struct output_stack hung_stack(const struct session *session, const struct lapse_span *span);
void hung_forget(struct session *session, uint64_t but_ns);

/* reload.c: reads the contract file anew; what it has replaced ends in its time, seen to at each tick. */
void reload(struct session *session);
void reload_tick(struct session *session, uint64_t now_ns);
void reload_free(struct session *session);

/* recorder.c: what enters the monitor, and what comes of it, on its way into a recording; all do nothing
 * where there is none. 0 or an exit code of those that give one. */
int recorder_new(struct session *session);
void recorder_free(struct recorder *recorder);
/* Tracing has begun: what is measured, and where. */
void recorder_start(struct session *session);
/* Component @number of the monitor has come later. */
void recorder_component(struct session *session, size_t number, const struct monitor_component *component);
/* Before they are fed; and that all that a tick set off has been told. */
void recorder_span(struct session *session, const struct lapse_span *span);
void recorder_tick(struct session *session, const struct tick *tick);
void recorder_commit(struct session *session, uint64_t now_ns);
void recorder_violation(struct session *session, const struct violation *violation);
void recorder_alert(struct session *session, const struct alert *alert, const char *json);
void recorder_process(struct session *session, const struct lapse_proc *record);
/* From here on these contracts are what is promised. */
void recorder_contract(struct session *session, const struct config *config);
/* Somebody asks for what a flight recorder has. */
void recorder_trigger(struct session *session, const char *why);
/* How it has gone so far, into the next snapshot. */
void recorder_count(struct session *session);
/* The end: what was recorded is whole when it returns, and stands in the snapshots. */
void recorder_finish(struct session *session);

/* budget.c: probes that take too much of the target's CPU time. 0 or -ENOMEM. */
int budget_new(struct session *session);
void budget_judge(struct session *session, const struct tick *tick);
void budget_free(struct budget *budget);

/* tick.c: reads the kernel's figures and feeds them on. 0 or -errno. */
int session_tick(struct session *session, bool last);

/* -d counts from here, if it does not yet. */
void session_set_deadline(struct session *session);

/* Has the loop end, for a reason that the report names; the first one stands. */
void session_end(struct session *session, const char *format, ...) LAPSE_PRINTF(2, 3);

#endif
