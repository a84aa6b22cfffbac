/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of a trace, in the order in which it is used:
 *
 *   tracer_open -> tracer_prepare -> tracer_load -> tracer_calibrate -> tracer_attach (again for each new
 * file)
 *     -> tracer_drain and tracer_tick as often as wanted -> tracer_detach -> last ticks -> tracer_free
 *
 * All functions give 0 or -errno; those that can fail for a reason that a person can mend have said so.
 */
#ifndef LAPSE_TRACER_H
#define LAPSE_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/config.h"
#include "kernel/features.h"
#include "monitor/feed.h"
#include "probe/plan.h"

struct tracer;

#define NO_COMPONENT UINT32_MAX

struct tracer_component {
	uint64_t level_ns[LAPSE_LEVELS];      /* monitor_kernel_levels() */
	uint64_t send_ns;		      /* send longer spans singly; UINT64_MAX: only breaching ones */
	uint32_t flags;			      /* enum lapse_component_flag */
	enum lapse_cause wait;		      /* of a function that is a wait; else 0 */
	uint32_t recent_len;		      /* spans of a count window; 0: none */
	uint64_t targets;		      /* bits of those that it is measured in */
	const struct lapse_rules *rules;      /* of its modifiers, or NULL; value limits included */
	const char *value_name[LAPSE_VALUES]; /* of the captured values, or NULL */
	const char *marker;		      /* the name by which programs feed it, or NULL */
	enum plan_feeds feeds;		      /* what it tells of another component ... */
	uint32_t fed;			      /* ... this one; NO_COMPONENT: it has spans of its own */
};

struct tracer_options {
	enum attach_kind attach; /* ATTACH_AUTO, or one that is forced */
	size_t ring_bytes;	 /* a power of two */
	bool realtime;		 /* a thread ahead of all usual ones takes the records in, where allowed */
	uint64_t tick_ns;
	uint64_t stream_rate; /* spans of LAPSE_COMP_STREAM that are sent in a second, at most */
	bool by_exe, by_comm; /* programs and names are meant (tracer_want_exe(), tracer_want_comm()), of
			       * whatever process: it is filtered in the programs */
	uint64_t follow;      /* targets whose processes' children are meant, too */
	bool groups;	      /* some are control groups: all that goes there is told of */
	const pid_t *pids;
	const uint64_t *targets; /* by pid: of which targets it is; NULL: there is one target */
	bool apart;		 /* components are measured in different targets */
	size_t n_pids;
	pid_t tid;			   /* one thread alone, or 0 */
	bool places, usdts, syscalls, tcp; /* the plan has some, or may get some later */
	bool edges;			   /* as well as edges of keyed spans, or waits, among the places */
	bool tcp_data;			   /* of TCP more than the opening of connections is measured */
	enum tcp_backend tcp_backend;
	bool why;	      /* causes of spans */
	bool waits;	      /* with .why: some functions are waits */
	uint32_t stack_bytes; /* copied of a blocked thread's stack, a multiple of TRACER_STACK_STEP up to
			       * LAPSE_PIECE_MAX; 0: none */
	size_t n_groups;      /* components that groups of connections may take, behind all others */
	bool droppable; /* each component has links of its own, so that tracer_drop() may take any away */
};

/* Buckets per octave (log2) for so many components: fine up to LAPSE_FINE_COMPONENTS. */
unsigned tracer_bucket_bits(size_t n_components);

/*
 * Chooses the attachment and sizes the maps. @components is copied, what it points to is not; those that
 * feed others come last, and ticks have none of their own for them. Behind those come options->n_groups
 * that connections' groups take one by one; ticks tell of those that are taken.
 */
int tracer_open(const struct tracer_options *options, const struct tracer_component *components,
		size_t n_components, struct tracer **tracer);

int tracer_load(struct tracer *tracer);

/* Begins, while nothing is probed yet, what tracer_calibrate() with the same @classes goes on with: beside
 * the loading it takes no time. Without it that begins by itself. */
void tracer_prepare(struct tracer *tracer, unsigned classes);

/* Measures, on a child of lapse's own, what a probe of each class in @classes (bits by enum
 * lapse_class) costs here, and has the programs subtract it. */
int tracer_calibrate(struct tracer *tracer, unsigned classes);

/* Attaches the places of @plan from @first_place on, USDT marks from @first_usdt, and its system calls. */
int tracer_attach(struct tracer *tracer, const struct plan *plan, size_t first_place, size_t first_usdt);

/* When all is attached: lets go of what only the calibration needed, beside what follows. At the end it would
 * be waited for. */
void tracer_settle(struct tracer *tracer);

/* Other limits of all components, in the order of tracer_open(): their levels, and those of their values; at
 * once, in programs that run. */
void tracer_set_limits(struct tracer *tracer, const struct tracer_component *components);

/* The rules of TCP as @plan has them now: names of peers may have got other addresses. */
int tracer_tcp_rules(struct tracer *tracer, const struct plan *plan);

/* The frames of stack @number, innermost first; how many, 0 where it is not known. */
int tracer_stack(const struct tracer *tracer, int32_t number, uint64_t frames[LAPSE_STACK_DEPTH]);

/* Stacks that are copied in a second, at most, and what their size is a multiple of. */
#define TRACER_PIECES_A_SECOND 50
/* Waits whose stacks are looked at in a second: each costs its thread an interrupt of some microseconds. */
#define TRACER_STACKS_A_SECOND 10000
#define TRACER_STACK_STEP      512U

/* The copied stack of @tid's block that began at @off_ns, until the next one is asked for or records are
 * drained; NULL: none came, or so many came since. */
const struct lapse_piece *tracer_piece(struct tracer *tracer, uint32_t tid, uint64_t off_ns);

/* Whether stacks are copied at all. */
bool tracer_copies_stacks(const struct tracer *tracer);

/* Stacks that were not copied because a second had its share of them. */
uint64_t tracer_stacks_over_budget(const struct tracer *tracer);

/* Takes the connections in that processes which came later have open. */
int tracer_tcp_adopt(struct tracer *tracer);

/* Which group has taken component @component: 0, or -ENOENT while none has. */
int tracer_tcp_group(const struct tracer *tracer, uint32_t component, struct lapse_tcp_group *group);

/* The way TCP is watched. */
enum tcp_backend tracer_tcp_backend(const struct tracer *tracer);

/* The same for file @file of @plan and @pid alone, which has come later; up to those places and marks,
 * which the others have. 1, or 0 where they are for everyone anyway, or -errno. */
int tracer_attach_pid(struct tracer *tracer, const struct plan *plan, size_t file, pid_t pid,
		      size_t end_place, size_t end_usdt);

/* Attaches all of @plan for @pid anew, whose links have gone with its first thread. 0 or -errno. */
int tracer_attach_again(struct tracer *tracer, const struct plan *plan, pid_t pid);

/*
 * Takes the probes of those components away for which @drop (one a component, those of groups too) says so.
 * Unless options.droppable they have to be a glob's: the links of all globs are made anew without them, and
 * of the others calls that are open for more than some milliseconds meanwhile count as abandoned. Of system
 * calls the tracepoints go with the last component that has some; TCP goes when all its components do.
 */
int tracer_drop(struct tracer *tracer, const struct plan *plan, const bool *drop);
/* Whether that was done to @component, or the kernel does not take its probes. */
bool tracer_has_dropped(const struct tracer *tracer, size_t component);

/* What the probes of component @i of the plan have cost since the start, in nanoseconds. */
uint64_t tracer_component_cost(const struct tracer *tracer, size_t component);

/* With .follow: @pid and its children are meant from now on, as one of @targets too. 1 if it was not meant
 * before, 0, or -errno. */
int tracer_follow(struct tracer *tracer, pid_t pid, uint64_t targets);

/* The same, of one that is none of @targets any more; its children stay. 1 if it is not meant any more by
 * its number, 0, or -errno. */
int tracer_leave(struct tracer *tracer, pid_t pid, uint64_t targets);

/* Whether any process that is meant by its pid, or followed, is left; whom @runs denies is forgotten. */
bool tracer_follows_any(struct tracer *tracer, bool (*runs)(pid_t pid));

/* One more executable that is meant, as one of @targets: one that has been replaced on disk, say. */
int tracer_want_exe(struct tracer *tracer, struct file_id exe, uint64_t targets);
/* Before anything is attached: the name of processes of @targets. */
int tracer_want_comm(struct tracer *tracer, const char *comm, uint64_t targets);

/*
 * Has return probes of a session stop when @file, the dynamic linker of @pid (-1: of everyone), calls
 * its hook at @offset, until tracer_judge() says that they are safe with the libraries there are now.
 * 1, 0 where that is so already, or -errno.
 */
int tracer_watch_libraries(struct tracer *tracer, const struct mapped_file *file, uint64_t offset, pid_t pid);

/* How often @pid has changed its libraries by now: to be asked before they are looked at. */
int64_t tracer_library_changes(const struct tracer *tracer, pid_t pid);

/* The loads of @pid's start may have gone by before the hook was there: each counts from now on. */
void tracer_count_libraries(struct tracer *tracer, pid_t pid);

/* @changes is what tracer_library_changes() said, or LAPSE_LIBRARIES_UNSAFE: never again. */
int tracer_judge(struct tracer *tracer, pid_t pid, int64_t changes);
#define LAPSE_LIBRARIES_UNSAFE INT64_MIN

/* Becomes readable when a record wants to be read at once. */
int tracer_fd(const struct tracer *tracer);

struct tracer_records {
	int (*span)(void *context, const struct lapse_span *span);
	int (*process)(void *context, const struct lapse_proc *process);
	void *context;
};
/* Hands all waiting records on, or those that it gets to until @until_ns (0: all): then tracer_fd() is
 * readable. How many, or the first error that a function gave. */
int tracer_drain(struct tracer *tracer, uint64_t until_ns, const struct tracer_records *records);

/*
 * Reads everything that the kernel keeps into @tick, and hands on to @records what belongs before it: the
 * records of all that the counters hold, and keyed spans that have been open for too long, if that is beyond
 * a limit. @tick points into the tracer and is valid until the next call. @last: after tracer_detach, so that
 * nothing is skipped; call it twice then, since the extremes of the last two slots come with the second.
 */
int tracer_tick(struct tracer *tracer, uint64_t now_ns, bool last, const struct tracer_records *records,
		struct tick *tick);

/* Watches what @pid uses of the CPU from now on, for the cost's share. */
int tracer_watch_usage(struct tracer *tracer, pid_t pid);

void tracer_detach(struct tracer *tracer);
void tracer_free(struct tracer *tracer);

/* Cycles of the time stamp counter that @ns nanoseconds are, as far as measured now. */
uint64_t tracer_cycles(const struct tracer *tracer, uint64_t ns);

/* For people: how it is attached, and what was measured. */
enum attach_kind tracer_attach_kind(const struct tracer *tracer);
const struct lapse_cost *tracer_cost(const struct tracer *tracer, enum lapse_class cls);

#endif
