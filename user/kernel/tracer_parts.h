/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tracer's insides, shared by the files of kernel/ and by nobody else. */
#ifndef LAPSE_TRACER_PARTS_H
#define LAPSE_TRACER_PARTS_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "bpf/first_event.h"
#include "kernel/events.h"
#include "kernel/hung.h"
#include "kernel/kernel_types.h"
#include "kernel/piece_rings.h"
#include "kernel/tracer.h"
#include "kernel/usage.h"
#include "lapse.skel.h"

/* What the tick before saw of a component. */
struct component_memory {
	uint64_t seen_returns;
	uint64_t next_slot_tick; /* the first tick whose extremes have not been handed on */
	unsigned classes;	 /* bits of enum lapse_class among its places */
	uint32_t recent_base, recent_len;
	uint32_t value_base; /* first row of its value cells; NO_VALUES: none */
	bool named_values;   /* a program names its values as they come */
	bool dropped; /* its probes were too dear, and have been taken away; or the kernel refuses them */
};

/* What a link is of, as far as that may be taken away before the end. */
enum link_kind {
	LINK_PLACES,
	LINK_USDTS, /* marks: libbpf has a list of them all, which no two may change at once */
	LINK_GLOBS, /* functions that a pattern found: made anew without some of them */
	LINK_SYSCALLS,
	LINK_TCP,
	LINK_SAMPLES, /* of what was calibrated with */
};

/* Of programs that name one of the kernel's types: traced_at.c. */
#define LAPSE_TRACED_KINDS 2

struct kept_link {
	struct bpf_link *link;
	int event; /* without a link: the perf event; else -1 */
	pid_t pid; /* that it lets through; -1: everyone */
	enum link_kind kind;
	uint32_t component; /* whose places alone it has; NO_COMPONENT: of several */
	bool goes;	    /* about to be released */
};

/* Links that are released beside all else. */
struct links_going {
	struct kept_link *links; /* NULL: none are */
	size_t n;
	pthread_t thread;
};

/* calibrate.c: the process that measures what probes cost. */
struct child {
	pid_t pid; /* 0: there is none */
	int commands, answers;
	unsigned asked; /* classes whose bare calls it measures already */
};

#define NO_VALUES UINT32_MAX

/* Where threads are kept in hashes: of them, or of goroutines in probed functions, that can be known at once;
 * some 6 KB each, and for the causes 7 KB. */
#define MAX_THREADS 4096

/* Keyed spans and goroutines that can be open at once. */
#define MAX_KEYED      65536
#define MAX_GOROUTINES 16384

/* A frame that was found dead, by what no other frame has. */
struct dead_frame {
	uint64_t start_ns;
	uint32_t tid;
	bool confirmed; /* by a second look */
};

/*
 * How closely a look at the open frames goes. At a tick only old frames are suspects. Before the
 * probes go all are, at two looks: a frame that is just returning looks dead too, because the
 * kernel's trampoline pushes over its slot. Once the probes are gone a slot shows nothing any more,
 * and what was not dead counts as in flight at the end of tracing.
 */
enum open_look { LOOK_TICK, LOOK_ALL, LOOK_CONFIRM, LOOK_LAST };

#define MAX_DEAD_FRAMES 1000

/* A dynamic linker whose hook is probed, for a process or (-1) for all. */
struct watched_loader {
	struct file_id id;
	pid_t pid;
};

/* Copied stacks that are kept, 16 KiB each: spans may end long after their longest block. */
#define MAX_PIECES 256

struct tracer {
	struct lapse_bpf *skel;
	struct kernel_types kernel_types;  /* while it is loaded; none: they cannot be read, or it is over */
	int traced_at[LAPSE_TRACED_KINDS]; /* libbpf's numbers of what is done with such programs */
	int types_fd;			   /* those of them that the programs name */
	struct features features;
	enum attach_kind kind;
	struct tracer_options options; /* scalars only; the arrays belong to the caller of tracer_open */
	size_t n_components;	       /* without those of the calibration, which come after them */
	size_t n_told;		       /* those that ticks tell of: the others feed them, or are not taken */
	unsigned shard_bits;
	unsigned bucket_bits;
	bool pid_filter_broken; /* links for a pid miss its threads: the programs filter instead */

	struct lapse_component *components; /* mapped */
	struct lapse_cell *cells;	    /* mapped */
	char *histograms;		    /* mapped; histogram_stride apart */
	uint64_t *recent;		    /* mapped */
	size_t histogram_stride;
	struct lapse_rules *rules;	      /* mapped; of all components if one has any, else NULL */
	struct lapse_value_cell *value_cells; /* mapped */
	size_t n_recent, n_rules, n_values, n_markers;
	bool keyed, goroutines; /* some component has such spans */
	bool syscalls_attached;
	int tracefs;	  /* its events' folder, or -errno: events.h */
	bool events;	  /* the kernel may preempt programs of raw tracepoints: their twins are loaded */
	bool call_events; /* system calls have events of their own */
	enum tcp_backend tcp_backend;
	bool tcp_data_by_kprobe;
	struct lapse_tcp_cell *tcp_cells; /* mapped */
	struct lapse_why_row *why_rows;	  /* mapped */
	struct lapse_why_row *why_copy;	  /* as the tick has them: they grow while it is looked at */
	size_t n_why_copied, why_room;
	struct tsc_base {
		uint64_t ns, cycles;
	} tsc; /* when the time stamp counter was first read */

	uint32_t filter; /* enum lapse_filter, once the calibration is over */
	struct tracer_component *wanted;
	struct component_memory *memory;
	uint32_t *seen;		       /* histograms as the tick before saw them */
	struct tick_component *ticked; /* what tracer_tick hands out */
	struct bucket_delta *deltas;
	size_t n_deltas, max_deltas;
	uint64_t *recent_copy;
	struct lapse_span *open;
	size_t n_open, max_open;
	struct hung_span *hung; /* those of them that are past their limit, sorted */
	size_t n_hung, max_hung;
	struct lapse_span *timed_out; /* keyed spans that were given up beyond a limit, not handed on yet */
	size_t n_timed_out, max_timed_out;
	uint64_t *dead; /* per component: frames unwound, but not pruned yet by a later entry */
	struct dead_frame dead_frames[MAX_DEAD_FRAMES]; /* as the last looks found them */
	size_t n_dead_frames;
	size_t n_suspects; /* frames that the present look has gone into */
	enum open_look look;
	uint64_t stop_ns; /* when the probes began to go */
	uint64_t last_tick_ns;

	struct piece_rings piece_rings;		/* until they are in their map */
	struct ring_buffer *piece_ring;		/* takes from all of them */
	bool stacks_on;				/* stacks of blocks are looked at ... */
	bool pieces_on;				/* ... and copied */
	struct lapse_piece *pieces[MAX_PIECES]; /* the latest, in turn */
	size_t n_pieces;			/* ever */
	const struct tracer_records *records;
	struct drainer *drainer; /* NULL: nobody takes records in but tracer_drain() */
	struct bpf_link *iterator;
	struct bpf_link *process_links[4];
	size_t n_process_links;
	struct kept_link *links;
	size_t n_links, max_links;
	struct links_going going;
	uint8_t generation; /* of the globs' links */
	struct child child; /* that has begun to calibrate while the programs are loaded */
	struct usage *usage;
	struct watched_loader *loaders;
	size_t n_loaders;
};

/* tracer.c: chooses the pids of the options as a filter; puts the filter in force. */
void tracer_filter_pids(struct tracer *tracer);
void tracer_filter(struct tracer *tracer);

int tracer_print_libbpf(enum libbpf_print_level level, const char *format, va_list args);

/* The object for this kernel, behind the one skeleton; 0 or -errno, to be destroyed in any case. */
int tracer_open_object(const struct features *features, struct lapse_bpf **skel);

/* first.c: what only the first minute needs is not loaded with @skel. */
void first_leave_out(struct lapse_bpf *skel);

/* ring.c */
int ring_open(struct tracer *tracer);
void ring_close(struct tracer *tracer);
/*
 * After the counters were read: hands on the records of all that they hold, so that these come before the
 * tick. What of it was in flight when the tick looked is taken from tracer->open.
 */
void ring_catch_up(struct tracer *tracer, const struct tracer_records *records);

/* links.c: keeps @link until tracer_detach(); what made it NULL. */
int tracer_keep_link(struct tracer *tracer, struct bpf_link *link, pid_t pid);
/* The same for a perf event that has no link; or hands its error on. */
int links_keep_event(struct tracer *tracer, int event, pid_t pid);
/* Takes @n of them away, or all from @first_link on. */
void links_release(struct kept_link *links, size_t n);
void links_release_from(struct tracer *tracer, size_t first_link);
/* Moves those for which @goes says so to the end of all; where they begin. */
size_t links_part(struct tracer *tracer, bool (*goes)(const struct kept_link *link, pid_t pid), pid_t pid);
/* What all from @first_link on are of. */
void links_mark(struct tracer *tracer, size_t first_link, enum link_kind kind, uint32_t component);
/* Waits for those that tracer_settle() has begun to release. */
void links_await(struct tracer *tracer);
/* Whether each place has a link for each process that is meant, and for nobody else (attach_batches()). */
bool links_filter(const struct tracer *tracer);

/* process_links.c: what keeps the frames right when threads end and programs are replaced; once. */
int attach_processes(struct tracer *tracer);

/* attach.c: the places of globs in all files of @plan, as far as their components are not dropped. */
int attach_all_globs(struct tracer *tracer, const struct plan *plan);
int attach_function(struct tracer *tracer, pid_t pid, const char *path, uint64_t offset, uint64_t cookie);

/* kfuncs.c: has the programs that are to be loaded call the kernel's functions. 0 or -errno. */
int kfuncs_set(struct tracer *tracer);

/* traced_at.c: while an object is opened and loaded. */
void traced_at_register(struct tracer *tracer);
void traced_at_unregister(struct tracer *tracer);

/* calibrate.c: ends what tracer_prepare() has begun and nobody has gone on with. */
void calibration_drop(struct tracer *tracer);

/* rules.c: what components capture, and how programs name them. */
void rules_count(struct tracer *tracer, const struct tracer_component *components);
int rules_size(struct tracer *tracer);
int rules_map(struct tracer *tracer);
void rules_unmap(struct tracer *tracer);
int rules_set(struct tracer *tracer);
void rules_set_limits(struct tracer *tracer, size_t component, const struct lapse_rules *wanted);

/* values.c: the captured values of a component into a tick. */
void values_read(struct tracer *tracer, size_t component, uint64_t from_tick, uint64_t end_tick,
		 struct tick_component *out);

/* syscalls.c */
int syscalls_attach(struct tracer *tracer);
/* What is not measured any more: whether anything of @plan's still is. */
bool syscalls_drop(struct tracer *tracer, const struct plan *plan);
int syscalls_set(struct tracer *tracer, uint32_t nr, uint32_t span_component, uint32_t loop_component);

/* tcp.c */
int tcp_choose_programs(struct tracer *tracer);
int tcp_size(struct tracer *tracer);
int tcp_map(struct tracer *tracer);
void tcp_unmap(struct tracer *tracer);
int tcp_attach(struct tracer *tracer, const struct plan *plan);
void tcp_read(const struct tracer *tracer, size_t component, struct tick_component *out);
/* Lets the ticks tell of components that groups have taken meanwhile. */
void tcp_take_groups(struct tracer *tracer);

/* why.c */
/* The filter lets @pids through where it has to know them, and their end is told of. 0 or -errno. */
int tracer_name_pids(const struct lapse_bpf *skel, const pid_t *pids, const uint64_t *targets, size_t n);
void why_choose_programs(struct tracer *tracer);
/* The programs that tell who wakes whom, and what the kernel tells of a switch. */
void why_choose_wakes(struct lapse_bpf *skel, bool on);
/* Attaches those of @programs that are loaded, in their order; @keep takes each link, NULL with errno too,
 * and returns 0 or -errno, which ends it. Returns what @keep did last. */
int why_attach_each(const struct bpf_program *const *programs, size_t n,
		    int (*keep)(void *context, struct bpf_link *link), void *context);
/* The same of those that tell who wakes whom. */
int why_attach_wakes(struct lapse_bpf *skel, int (*keep)(void *context, struct bpf_link *link),
		     void *context);
/* Says what each system call is charged to. */
int why_set_calls(const struct lapse_bpf *skel);
int why_size(struct tracer *tracer);
int why_map(struct tracer *tracer);
/* Causes of @component's spans by their duration, as they are now; where they lie is known from why_place()
 * on, after which the next tick begins. 0 or -ENOMEM. */
int why_read(struct tracer *tracer, size_t component, struct tick_component *out);
void why_place(struct tracer *tracer);
void why_unmap(struct tracer *tracer);
int why_attach(struct tracer *tracer);

/* programs.c: 0 or -errno, which is reported. */
int programs_choose(struct tracer *tracer);
/* Once they are loaded: where the programs at the places go on. */
int programs_set_next(struct tracer *tracer);

/* pieces.c: @interrupts: the kernel tells of those that a processor makes itself. */
void pieces_choose_programs(struct tracer *tracer, bool interrupts);
void pieces_set_limits(struct tracer *tracer, const struct tracer_component *wanted);
int pieces_open(struct tracer *tracer);
/* Until programs find the rings; 0 or -errno. */
int pieces_await(struct tracer *tracer);
void pieces_close(struct tracer *tracer);
/* Takes in those that have come. */
void pieces_drain(struct tracer *tracer);

/* open_tcp.c: what connections have under way. */
int open_tcp_read(struct tracer *tracer, uint64_t now_ns);

/* open_maps.c: hands every entry of @map to @take, a batch at a time; the first error. */
typedef int take_entries(struct tracer *tracer, const void *keys, const void *values, size_t n,
			 uint64_t now_ns);
int open_map_read(struct tracer *tracer, const struct bpf_map *map, take_entries *take, uint64_t now_ns);

/* tsc.c: measures the time stamp counter against the clock, better with every call. */
void tsc_begin(struct tracer *tracer);
void tsc_measure(struct tracer *tracer);

/* open_maps.c: keyed spans and goroutines that are open; drops what has expired. */
int open_maps_read(struct tracer *tracer, uint64_t now_ns);

struct lapse_goroutine;

/* goroutine.c: whether the frame @open of @goroutine has been left, by a panic for instance. */
bool goroutine_frame_dead(const struct lapse_goroutine *goroutine, const struct lapse_open *open);

/* Keeps a span that is open for the tick; 0 or -ENOMEM. */
int open_keep(struct tracer *tracer, const struct lapse_span *span);

void *tracer_map_array(const struct bpf_map *map, size_t value_size, size_t n);
void tracer_unmap_array(void *at, size_t value_size, size_t n);

/* Keeps an open frame of a thread, with its @waits if these are known, or of @goroutine, unless it turns out
 * to be dead. 0 or -ENOMEM. */
int open_take(struct tracer *tracer, const struct lapse_open *open, const struct lapse_open_waits *waits,
	      const struct lapse_goroutine *goroutine, uint64_t now_ns);

/* open_maps.c: the same for all frames of @stack; @whose tells the process and thread. */
int open_take_stack(struct tracer *tracer, const struct lapse_stack *stack, const struct lapse_open *whose,
		    const struct lapse_goroutine *goroutine, uint64_t now_ns);

/* open_frames.c: fills tracer->open and tracer->dead. 0 or -errno. */
int open_frames_attach(struct tracer *tracer);
int open_frames_read(struct tracer *tracer, uint64_t now_ns);
/* The last looks while the probes are there; what they find holds from then on. */
void open_frames_settle(struct tracer *tracer);

/* Whether threads have frames or turns that can be looked at while they are open. */
static inline bool tracer_has_frames(const struct tracer *tracer)
{
	return tracer->options.places || tracer->options.syscalls;
}

/* The cell of a component and shard. */
static inline struct lapse_cell *tracer_cell(const struct tracer *tracer, size_t component, unsigned shard)
{
	return &tracer->cells[component << tracer->shard_bits | shard];
}

#endif
