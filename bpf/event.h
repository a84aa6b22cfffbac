/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ABI between the BPF programs and user space: the one header both sides include.
 * Records are numbered and append-only; a retired number stays a hole. Fields have fixed
 * widths and explicit padding, and every layout is pinned by a static assertion.
 */
#ifndef LAPSE_EVENT_H
#define LAPSE_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define LAPSE_COMM_LEN 16

/* The kernel keeps at most 64 return probes a thread (uprobes: MAX_URETPROBE_DEPTH). */
#define LAPSE_MAX_DEPTH 64

/* Slots of the per-tick extremes: the tick that runs, the one being read, and slack. */
#define LAPSE_TICK_SLOTS 4

/* ---- ring records -------------------------------------------------------------------- */

/* struct lapse_piece has rings of its own, and no number. */
enum lapse_record_kind {
	LAPSE_REC_SPAN = 1,  /* struct lapse_span */
	LAPSE_REC_PROC = 2,  /* struct lapse_proc */
	LAPSE_REC_TCP = 3,   /* struct lapse_tcp_span */
	LAPSE_REC_WHY = 4,   /* struct lapse_why_span */
	LAPSE_REC_BRIEF = 5, /* struct lapse_brief */
};

/* Values that one component captures, and those that a program names at run time. */
#define LAPSE_VALUES	 4
#define LAPSE_VALUE_NAME 24

/* Why a span was sent singly, and what is known of it. */
enum lapse_span_flag {
	LAPSE_SPAN_BREACH = 1 << 0,    /* longer than the component's limit */
	LAPSE_SPAN_ERROR = 1 << 1,     /* ended with an error */
	LAPSE_SPAN_OPEN = 1 << 2,      /* still in flight; duration is its age (user space makes these) */
	LAPSE_SPAN_VALUE = 1 << 3,     /* a captured value is beyond a limit of its own */
	LAPSE_SPAN_UNTIMED = 1 << 4,   /* an event without a duration */
	LAPSE_SPAN_RET = 1 << 5,       /* ret is known */
	LAPSE_SPAN_TIMED_OUT = 1 << 6, /* a keyed span that was given up; duration was its age then */
	LAPSE_SPAN_GOROUTINE = 1 << 7, /* of a goroutine, wherever it began */
	LAPSE_SPAN_RESTARTED =
		1 << 8, /* a keyed span that another with its key has driven out; duration as above */
	LAPSE_SPAN_TCP = 1 << 9,  /* it is the head of a struct lapse_tcp_span */
	LAPSE_SPAN_WHY = 1 << 10, /* it is the head of a struct lapse_why_span */
	LAPSE_SPAN_HUNG =
		1 << 11, /* open beyond a limit: the head of a struct hung_span (user space makes these) */
};

/* Of what never ends: it has no outcome. */
#define LAPSE_SPAN_ENDLESS (LAPSE_SPAN_OPEN | LAPSE_SPAN_TIMED_OUT | LAPSE_SPAN_RESTARTED)

struct lapse_span {
	__u32 kind; /* LAPSE_REC_SPAN */
	__u32 component;
	__u32 pid;	   /* thread group, as the initial PID namespace numbers it */
	__u32 tid;	   /* 0: a goroutine's, which has no thread of its own */
	__u64 start_ns;	   /* CLOCK_MONOTONIC at entry */
	__u64 duration_ns; /* corrected for what the probes cost */
	__u64 raw_ns;	   /* as the clock gave it */
	__u64 ret;	   /* the return value's register */
	__u32 flags;	   /* enum lapse_span_flag */
	__u32 values;	   /* bits: which of value[] are there */
	char comm[LAPSE_COMM_LEN];
	__s64 value[LAPSE_VALUES];
};

/* A span without values and shorter than 2^32 ns, as most are: with the ring's head it fills one cache line,
 * and what it costs to read is the lines that come from another processor. */
struct lapse_brief {
	__u16 kind; /* LAPSE_REC_BRIEF: with flags, as all the others' kind */
	__u16 flags;
	__u32 component;
	__u32 pid, tid;
	__u64 start_ns;
	__u64 ret;
	__u32 duration_ns;
	__u32 probes_ns; /* raw_ns - duration_ns */
	char comm[LAPSE_COMM_LEN];
};

/* One end: the address in IPv6 form (IPv4 as ::ffff:a.b.c.d), network byte order; the port, host's. */
struct lapse_address {
	__u8 ip[16];
	__u16 port;
	__u16 pad[3];
};

/* ---- why ------------------------------------------------------------------------------ */

/* What a span's thread did instead of running; what is left of its time it ran. */
enum lapse_cause {
	LAPSE_RUNQ,	 /* runnable, while something else ran */
	LAPSE_THROTTLED, /* runnable, but its cgroup's quota was spent */
	LAPSE_LOCK,
	LAPSE_DISK,
	LAPSE_NET,
	LAPSE_HANDOFF, /* another thread or process passed the word */
	LAPSE_POLL,    /* a poll that ended by its timeout */
	LAPSE_SLEEP,
	LAPSE_FAULT, /* a page fault that had to wait */
	LAPSE_OTHER,
	LAPSE_CAUSES,
};

enum lapse_interrupt {
	LAPSE_NO_INTERRUPT, /* a thread woke it */
	LAPSE_INTERRUPT_NET,
	LAPSE_INTERRUPT_TIMER,
	LAPSE_INTERRUPT_BLOCK,
	LAPSE_INTERRUPT_OTHER,
	LAPSE_INTERRUPT_UNKNOWN, /* the wake was not seen */
};

/* Who ended a block. */
struct lapse_waker {
	__u32 pid, tid;
	__u32 component; /* counted from 1, of the span that it was in; 0: none */
	__u32 interrupt; /* enum lapse_interrupt: then the rest means nothing */
	char comm[LAPSE_COMM_LEN];
};

/* What a thread did by cause until some moment. */
struct lapse_waited {
	__u64 ns[LAPSE_CAUSES];
};

/* What became of the copy of a blocked thread's stack. */
enum lapse_piece_state {
	LAPSE_PIECE_NONE,	 /* too short a block to be worth it, or none are wanted */
	LAPSE_PIECE_SENT,	 /* it came before the span */
	LAPSE_PIECE_OVER_BUDGET, /* this second had its share of them */
	LAPSE_PIECE_NO_ROOM,	 /* the ring was full */
	LAPSE_PIECE_MISSED,	 /* the thread could not be stopped before it went on */
	LAPSE_PIECE_UNREADABLE,	 /* its stack is not in memory */
	LAPSE_PIECE_UNSEEN,	 /* nor was it followed: this second had its share of that, too */
};

/* A return address that a return probe has put its own in place of. */
struct lapse_hidden_return {
	__u64 slot; /* where it lay */
	__u64 addr;
};
#define LAPSE_HIDDEN_RETURNS 16

/* Registers of a blocked thread and what lay around its stack pointer: of the block that began then. */
struct lapse_piece {
	__u64 off_ns;
	__u64 ip, sp, bp;
	__u32 tid;
	__u32 size;	/* of bytes[] in use, from sp - LAPSE_PIECE_BELOW on */
	__u32 n_hidden; /* innermost first */
	__u32 pad;
	struct lapse_hidden_return hidden[LAPSE_HIDDEN_RETURNS];
	__u8 bytes[];
};

/* Of memory from the stack pointer on, at most, and below it: the red zone; and rings that they come in, a
 * power of two. */
#define LAPSE_PIECE_MAX	  16384
#define LAPSE_PIECE_BELOW 128
#define LAPSE_PIECE_RINGS 16

/* A stretch of time for which a thread was blocked. */
struct lapse_block {
	__u64 end_ns;
	__u64 duration_ns;
	__u32 cause;	    /* enum lapse_cause */
	__s32 kernel_stack; /* number in the map of stacks; negative: none */
	__s32 user_stack;
	__u16 declared;		   /* by a function that is a wait, in the kernel alone; 0: by none */
	__u16 piece;		   /* enum lapse_piece_state */
	struct lapse_address peer; /* of a socket; port 0: none */
	struct lapse_waker waker;
};

/* Who ran while the thread was runnable, and how much of that. */
struct lapse_rival {
	__u64 ns;
	__u64 cgroup; /* its number */
	__u32 pid;    /* 0: none */
	__u32 pad;
	char comm[LAPSE_COMM_LEN];
};
#define LAPSE_RIVALS 4

struct lapse_why {
	__u64 ns[LAPSE_CAUSES];
	struct lapse_block longest;		/* duration 0: none */
	struct lapse_rival rival[LAPSE_RIVALS]; /* in no order */
};

/* A span with its causes. */
struct lapse_why_span {
	struct lapse_span span; /* kind: LAPSE_REC_WHY */
	struct lapse_why why;
	struct lapse_block other; /* the longest for another cause than why.longest; duration 0: none */
};

/* Causes of a component's spans by their duration: one row a quarter of an octave. */
struct lapse_why_row {
	__u64 count;
	__u64 sum_ns; /* durations */
	__u64 ns[LAPSE_CAUSES];
};
#define LAPSE_WHY_BITS 2
#define LAPSE_WHY_ROWS (((42 - LAPSE_WHY_BITS + 1) << LAPSE_WHY_BITS) + 1) /* bpf/buckets.h */

/* ---- TCP ------------------------------------------------------------------------------ */

enum lapse_tcp_kind {
	LAPSE_TCP_CONNECT,   /* SYN to established, or to its failure */
	LAPSE_TCP_REQUEST,   /* at the client: last byte sent to first byte of the answer */
	LAPSE_TCP_SERVE,     /* at the server: request's last byte arrived to answer's first byte sent */
	LAPSE_TCP_ACCEPT,    /* established to accepted by the program */
	LAPSE_TCP_HANDSHAKE, /* a request or serve that belongs to the opening of TLS */
	LAPSE_TCP_KINDS,
};

enum lapse_tcp_flag {
	LAPSE_TCP_BEFORE = 1 << 0, /* the connection is older than the tracer */
	LAPSE_TCP_TLS = 1 << 1,	   /* TLS runs on it */
	LAPSE_TCP_MUX = 1 << 2,	   /* it carries several requests at once: HTTP/2, SSH, AMQP, MQTT */
	LAPSE_TCP_SERVER = 1 << 3, /* it was accepted here */
};

#define LAPSE_RTT_UNKNOWN (~0U)

/* What a span of a connection has besides. */
struct lapse_tcp {
	struct lapse_address own, peer;
	__u64 sent, received; /* bytes that the program sent for it, and that had arrived at its end */
	__u64 network_ns; /* of a request's duration: the round trip and lost time; the rest is the peer's */
	__u64 unread_ns;  /* after a request's end: the answer waited to be read */
	__u32 srtt_us, min_rtt_us; /* at its end; LAPSE_RTT_UNKNOWN */
	__u32 retransmits;	   /* segments sent again meanwhile */
	__u32 pipelined;	   /* further sends while it was unanswered */
	__u32 kind;		   /* enum lapse_tcp_kind */
	__u32 flags;		   /* enum lapse_tcp_flag */
	__s32 error;		   /* of a failed connect: errno; else 0 */
	__u32 pad;
};

struct lapse_tcp_span {
	struct lapse_span span; /* kind: LAPSE_REC_TCP */
	struct lapse_tcp tcp;
};

/* Per component and shard, beside its lapse_cell; all but the round-trip times only grow. */
struct lapse_tcp_cell {
	__u64 sent, received;
	__u64 retransmits; /* of its connections, in spans and between them */
	__u64 pipelined;
	__u64 network_ns, unread_ns;
	__u64 opened;	  /* connections begun: by connect, or accepted */
	__u64 mux;	  /* connections that were told to be multiplexed */
	__u64 srtt_us;	  /* sum over spans ... */
	__u64 srtt_n;	  /* ... and of how many */
	__u64 min_rtt_us; /* lowest so far; 0: none */
	__u64 before;	  /* of connect: such connections that stood before they were seen */
	__u64 pad[4];
};

/*
 * Which connections' spans are a component's. Grouped: spans are told apart further, connect and request by
 * the peer's address and port, serve and accept by the own port; each gets the next free component of a
 * pool, and .component is that of all others once the pool is empty.
 */
struct lapse_tcp_rule {
	__u32 component;
	__u8 kind;    /* enum lapse_tcp_kind */
	__u8 grouped; /* bool */
	__u8 prefix;  /* leading bits of peer that must agree: 0 .. 128 */
	__u8 pad;
	__u16 own_port;	 /* 0: any */
	__u16 peer_port; /* 0: any */
	__u8 peer[16];
};
#define LAPSE_TCP_RULES 64

struct lapse_tcp_group {
	__u32 rule; /* index of the rule that it is of */
	__u16 port; /* the peer's, or the own */
	__u16 pad;
	__u8 peer[16]; /* zeros for own ports */
};

enum lapse_proc_event {
	LAPSE_PROC_EXEC = 1,
	LAPSE_PROC_EXIT = 2,
	LAPSE_PROC_FORK = 3,
	LAPSE_PROC_LIBS = 4, /* it loads or unloads libraries; code counts the times */
	LAPSE_PROC_MOVE = 5, /* it is in another control group, or begins in another one than its parent's */
};

struct lapse_proc {
	__u32 kind;  /* LAPSE_REC_PROC */
	__u32 event; /* enum lapse_proc_event */
	__u32 pid;
	__u32 parent; /* forks: the parent's thread group */
	__s32 code;   /* exits: the wait status; libraries: how often so far; execs: by another thread
		       * than the first */
	__u32 pad;
	__u64 time_ns;
	char comm[LAPSE_COMM_LEN];
};

/* ---- per component ------------------------------------------------------------------- */

/*
 * Levels of a span objective, ascending limits: a span is counted at the highest one that
 * its duration exceeds. A level that is not in use has limit ~0.
 */
enum lapse_level { LAPSE_LEVEL_NOTICE, LAPSE_LEVEL_WARNING, LAPSE_LEVEL_CRITICAL, LAPSE_LEVELS };

enum lapse_component_flag {
	LAPSE_COMP_STREAM = 1 << 0,    /* send every span, not only breaching ones, as long as they are few */
	LAPSE_COMP_SELF_JUMP = 1 << 1, /* the function jumps to its own entry: no new span then */
	LAPSE_COMP_TAIL_CALLS = 1 << 2, /* return-instruction probes follow its tail calls */
	LAPSE_COMP_SWITCHES = 1 << 3,	/* fibers may leave it on one stack and go on with another */
	LAPSE_COMP_RULES = 1 << 4,	/* its row in the map of rules is to be heeded */
	LAPSE_COMP_GOROUTINES = 1 << 5, /* its stacks belong to goroutines: they move, and change threads */
};

/* Streaming is bounded by slices of time; of what is beyond the bound one in so many is sent. */
#define LAPSE_STREAM_SLICE_NS 1000000000
#define LAPSE_STREAM_SAMPLE   64

struct lapse_component {
	__u64 level_ns[LAPSE_LEVELS]; /* count at this level above this duration */
	__u64 send_ns;		      /* send spans longer than this singly; ~0: none */
	__u32 flags;		      /* enum lapse_component_flag */
	__u32 recent_base;	      /* first slot in the map of recent durations */
	__u32 recent_len;	      /* slots there; 0: no count window */
	__u32 wait;		      /* functions that are waits: enum lapse_cause */
	__u64 targets;		      /* it is measured in: a bit each */
	__u64 block_ns;		      /* a block as long may be what makes a span slow; ~0: none is */
};

/* A block of that part of a span's limit may still be what makes it slow. */
#define LAPSE_BLOCK_PART 4

/*
 * Conservation, per component: entries = returns + in flight + too_deep + abandoned + jumps.
 * One cell per component and shard, on cache lines of its own; all fields only grow. What every span writes
 * stands in the first two of them: to a program that does something else between its calls they cost more
 * than the counting.
 */
struct lapse_cell {
	__u64 entries;
	__u64 returns;
	__u64 sum_ns;	  /* of corrected durations */
	__u64 sum_raw_ns; /* of raw durations */
	__u64 cost_ns;	  /* of the probes of all spans that have returned */
	__u64 errors;
	__u64 hits, misses;
	/* (tick number + 1) mod 2^16 << 48 | duration, and the same with the duration's
	 * complement: one atomic maximum serves as reset, as max and as min. */
	__u64 slot_max[LAPSE_TICK_SLOTS];
	__u64 slot_min[LAPSE_TICK_SLOTS];
	__u64 level[LAPSE_LEVELS];
	__u64 too_deep;
	__u64 abandoned; /* unwound by longjmp, an exception or the thread's end */
	__u64 jumps;	 /* entered again by a jump: not a new span */
	__u64 stray;	 /* returns without an entry */
	__u64 maps_full; /* entries that found no memory for a frame stack */
	__u64 ring_dropped;
	__u64 recent_pos;    /* shard 0 only: spans ever written to the recent slots */
	__u64 idle;	     /* return instructions hit without a span to end */
	__u64 filtered;	     /* returns that if() did not mean: entries and nothing else */
	__u64 restarted;     /* keyed spans begun anew while they were open */
	__u64 unmatched_end; /* ends of keyed spans that were not open */
	__u64 timed_out;     /* keyed spans that were given up: open for longer than their timeout */
	__u64 pad;
};

#define LAPSE_SLOT_SHIFT 48
#define LAPSE_SLOT_MASK	 ((1ULL << LAPSE_SLOT_SHIFT) - 1)

/* A recent duration's top bit says that the span ended with an error. */
#define LAPSE_RECENT_ERROR (1ULL << 63)

/*
 * A captured value's figures, one a component, value and shard: value_base + value << shard bits |
 * shard. Values enter the slots with LAPSE_VALUE_BIAS added, clamped to what a slot holds.
 */
struct lapse_value_cell {
	__u64 count;
	__s64 sum;
	__u64 above[LAPSE_LEVELS]; /* as lapse_cell.level, of max_value ... */
	__u64 below[LAPSE_LEVELS]; /* ... and min_value */
	__u64 last_ns;		   /* when last was written */
	__s64 last;
	__u64 slot_max[LAPSE_TICK_SLOTS];
	__u64 slot_min[LAPSE_TICK_SLOTS];
	__u64 pad[6];
};

#define LAPSE_VALUE_BIAS (1LL << 47)

/* ---- rules ------------------------------------------------------------------------------
 *
 * What the modifiers of a probe come to. Arguments are captured raw at entry, the registers of up to
 * LAPSE_CAPTURES of them; everything is judged at the end, but for what of if() needs no return value.
 */
#define LAPSE_CAPTURES 4
#define LAPSE_TESTS    4
#define LAPSE_KEYS     2

/* Where an operand comes from: a capture by its number, or one of these. */
enum lapse_from {
	LAPSE_FROM_RET = 16,
	LAPSE_FROM_TID = 17,
	LAPSE_FROM_NONE = 0xff,
};

enum lapse_op { LAPSE_OP_EQ, LAPSE_OP_NE, LAPSE_OP_LT, LAPSE_OP_LE, LAPSE_OP_GT, LAPSE_OP_GE, LAPSE_OP_AND };

/* An integer in a register: its low @bytes, extended by its sign or by zeros. */
struct lapse_operand {
	__u8 from; /* capture, or enum lapse_from */
	__u8 bytes;
	__u8 is_signed;
	__u8 pad;
};

struct lapse_test {
	struct lapse_operand operand;
	__u32 op; /* enum lapse_op; LAPSE_OP_AND: any of the constant's bits */
	__s64 constant;
};

/* All tests hold. With none of them it holds. */
struct lapse_condition {
	__u32 n;
	__u32 pad;
	struct lapse_test test[LAPSE_TESTS];
};

struct lapse_value_rule {
	struct lapse_operand operand; /* from LAPSE_FROM_NONE: not in use, or given by a marker */
	__u32 pad;
	__s64 above[LAPSE_LEVELS]; /* counted at the highest level that it exceeds; INT64_MAX: never */
	__s64 below[LAPSE_LEVELS]; /* ... or falls below; INT64_MIN: never */
};

enum lapse_rule_flag {
	LAPSE_RULE_ERR = 1 << 0,     /* .err makes an error */
	LAPSE_RULE_OK = 1 << 1,	     /* what is not .ok is an error */
	LAPSE_RULE_HIT = 1 << 2,     /* .hit tells hits from misses */
	LAPSE_RULE_ERRNO = 1 << 3,   /* a return value of -4095 .. -1 is an error (system calls) */
	LAPSE_RULE_KEYED = 1 << 4,   /* spans from place to place, joined by key */
	LAPSE_RULE_GO_ARGS = 1 << 5, /* arguments are where Go's own calls have them */
	/* What of the row is in use, so that nothing else of it is read (rules_in_use() of
	   user/kernel/rules.c). */
	LAPSE_RULE_CAPTURES = 1 << 6,	/* some argument is captured ... */
	LAPSE_RULE_STACK_ARGS = 1 << 7, /* ... that C's calls have on the stack */
	LAPSE_RULE_IF_ENTRY = 1 << 8,
	LAPSE_RULE_IF_RETURN = 1 << 9,
	LAPSE_RULE_VALUE = 1 << 10, /* shifted by the value's number */
};

/* Which of its two places a keyed span's arguments come from; spans of one function have the first. */
enum lapse_end { LAPSE_END_START, LAPSE_END_END, LAPSE_ENDS };

struct lapse_rules {
	__u32 flags;					  /* enum lapse_rule_flag */
	__u32 value_base;				  /* first of its rows of value cells */
	__u64 timeout_ns;				  /* keyed spans that are open longer are given up */
	__u8 capture[LAPSE_ENDS][LAPSE_CAPTURES];	  /* argument numbers from 0, or LAPSE_FROM_NONE */
	struct lapse_operand key[LAPSE_ENDS][LAPSE_KEYS]; /* from LAPSE_FROM_NONE: no such part */
	struct lapse_condition if_entry, if_return, err, ok, hit;
	struct lapse_value_rule value[LAPSE_VALUES];
	__u32 n_names; /* markers: values named so far, by the programs */
	__u32 pad;
};

/* Names that programs give at run time: of components, and of a component's values. */
#define LAPSE_NAME_LEN 64
struct lapse_name {
	char text[LAPSE_NAME_LEN]; /* padded with zero bytes */
};

struct lapse_value_key {
	__u32 component;
	__u32 pad;
	char name[LAPSE_VALUE_NAME]; /* padded with zero bytes */
};

/*
 * The arguments of lapse.h's marker functions: what, and three more by it; the function for names has
 * the component's name as its fifth.
 */
enum lapse_mark {
	LAPSE_MARK_SPAN =
		1, /* start and duration in cycles of the time stamp counter; enum lapse_mark_flag */
	LAPSE_MARK_CACHE = 2, /* 1: hit, 0: miss */
	LAPSE_MARK_VALUE = 3, /* address of the name, value */
};

enum lapse_mark_flag {
	LAPSE_MARK_ERROR = 1 << 0,
	LAPSE_MARK_NS = 1 << 1, /* the duration is in nanoseconds, and ends now */
};

/* Nanoseconds = cycles * tsc_mult >> LAPSE_TSC_SHIFT. */
#define LAPSE_TSC_SHIFT 20

/* ---- places ---------------------------------------------------------------------------- */

/* The cookie of an attached place: the component, the edge, the role, the cost class, and the function's
 * number, by which functions of one component are told apart and components of one function found. */
enum lapse_role {
	LAPSE_ROLE_ENTRY = 0,	     /* a return probe ends the span */
	LAPSE_ROLE_ENTRY_RETINS = 1, /* return-instruction probes end it */
	LAPSE_ROLE_RETINS = 2,	     /* at a return instruction: ends the frames at this sp */
	LAPSE_ROLE_HERE = 3,	     /* an edge by itself */
	LAPSE_ROLE_MARKER = 4,	     /* lapse.h's function of one component */
	LAPSE_ROLE_MARKER_NAMED = 5, /* lapse.h's function that is told the component's name */
	LAPSE_ROLES,
};

/* What a place means to its component. */
enum lapse_edge {
	LAPSE_EDGE_NONE = 0,  /* a span of its own */
	LAPSE_EDGE_START = 1, /* begins a keyed span: here, or where the function returns */
	LAPSE_EDGE_END = 2,   /* ends it */
	LAPSE_EDGE_COUNT = 3, /* is counted, without a duration */
	LAPSE_EDGE_WAIT = 4,  /* no span: what blocks inside is charged to the component's cause */
	LAPSE_EDGE_MASK = 0x0f,
	/* At the conditional jump of Go's stack check: while it is taken the function has not begun. */
	LAPSE_EDGE_STACK_CHECK = 0x10,
	/* One of a glob's, whose links may be made anew without the dearest of them: only links of the
	 * present generation begin spans, and each link ends its own. */
	LAPSE_EDGE_GLOB = 0x20,
	LAPSE_EDGE_GENERATION = 0x40,
	/* Other components, or the other end of the same span, are begun or counted by this function too. */
	LAPSE_EDGE_SHARED = 0x80,
};

/* Cost classes: how the kernel executes the instruction under the entry probe, and what ends
 * the span. Each is calibrated on its own. */
enum lapse_class {
	LAPSE_CLASS_EMULATED,
	LAPSE_CLASS_NOP5,
	LAPSE_CLASS_STEPPED,
	LAPSE_CLASS_EMULATED_RETINS,
	LAPSE_CLASS_NOP5_RETINS,
	LAPSE_CLASS_STEPPED_RETINS,
	LAPSE_CLASS_SYSCALL, /* tracepoints at entry and exit of a system call */
	LAPSE_CLASSES,
};

/* Room for their costs: a power of two, so that any number can be masked to one that exists. */
#define LAPSE_COSTS 8

#define LAPSE_MAX_COMPONENTS (1U << 24)
#define LAPSE_COOKIE(component, edge, role, cls, place)                                        \
	((__u64)(component) | (__u64)(edge) << 24 | (__u64)(role) << 32 | (__u64)(cls) << 40 | \
	 (__u64)(place) << 48)
#define LAPSE_COOKIE_COMPONENT(cookie) ((__u32)(cookie) & (LAPSE_MAX_COMPONENTS - 1))
#define LAPSE_COOKIE_EDGE(cookie)      ((__u32)((cookie) >> 24) & 0xff)
#define LAPSE_COOKIE_ROLE(cookie)      ((__u32)((cookie) >> 32) & 0xff)
#define LAPSE_COOKIE_CLASS(cookie)     ((__u32)((cookie) >> 40) & 0xff)
#define LAPSE_COOKIE_PLACE(cookie)     ((__u16)((cookie) >> 48))

struct lapse_cost {
	__u64 inside_ns; /* of a probe's cost, what falls inside its own span */
	__u64 total_ns;	 /* entry and return together: what a parent's span holds of it */
	__u64 enter_ns;	 /* the entry's share of the total */
};

#ifndef __cplusplus
_Static_assert(sizeof(struct lapse_span) == 104, "lapse_span");
_Static_assert(sizeof(struct lapse_brief) == 56, "lapse_brief");
_Static_assert(sizeof(struct lapse_proc) == 48, "lapse_proc");
_Static_assert(sizeof(struct lapse_tcp) == 112, "lapse_tcp");
_Static_assert(sizeof(struct lapse_tcp_span) == 216, "lapse_tcp_span");
_Static_assert(sizeof(struct lapse_tcp_cell) == 128, "lapse_tcp_cell");
_Static_assert(sizeof(struct lapse_tcp_rule) == 28, "lapse_tcp_rule");
_Static_assert(sizeof(struct lapse_tcp_group) == 24, "lapse_tcp_group");
_Static_assert(sizeof(struct lapse_component) == 64, "lapse_component");
_Static_assert(sizeof(struct lapse_cell) == 256, "lapse_cell");
_Static_assert(sizeof(struct lapse_block) == 88, "lapse_block");
_Static_assert(sizeof(struct lapse_piece) == 304, "lapse_piece");
_Static_assert(sizeof(struct lapse_why) == 328, "lapse_why");
_Static_assert(sizeof(struct lapse_why_span) == 520, "lapse_why_span");
_Static_assert(LAPSE_CLASSES <= LAPSE_COSTS, "room for the costs");
_Static_assert(sizeof(struct lapse_value_cell) == 192, "lapse_value_cell");
_Static_assert(sizeof(struct lapse_rules) == 48 + 5 * 72 + LAPSE_VALUES * 56, "lapse_rules");
#endif

#endif
