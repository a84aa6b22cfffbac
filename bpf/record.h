/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single spans on the ring. A breaching span wakes the consumer at once, at most every
 * URGENT_SPACING_NS, in a storm every CROWD_SPACING_NS; everything else waits for the consumer's own poll or
 * for a quarter of the ring.
 */
#ifndef LAPSE_BPF_RECORD_H
#define LAPSE_BPF_RECORD_H

#include "bpf/blocks.h"
#include "bpf/rivals.h"
#include "bpf/rules.h"
#include "bpf/thread.h"

/* Frame @i counted from the outermost; NULL where there is none. The mask says again what the check
 * has said: without it clang forms the address first, which the verifier refuses. */
static __always_inline struct lapse_frame *frame_at(struct lapse_stack *stack, __u32 i)
{
	__u64 at = i;

	if (i >= LAPSE_MAX_DEPTH)
		return NULL;
	asm volatile("%[at] &= %[mask]" : [at] "+r"(at) : [mask] "i"(LAPSE_MAX_DEPTH - 1));
	return &stack->frame[at];
}

/* Frame @i's totals; said twice for the same reason as in frame_at(). */
static __always_inline struct lapse_before *entry_at(struct lapse_thread_waits *own, __u32 i)
{
	__u64 at = i;

	asm volatile("%[at] &= %[mask]" : [at] "+r"(at) : [mask] "i"(LAPSE_MAX_DEPTH - 1));
	return &own->at_entry[at];
}

/* What is kept at @number. */
static __always_inline const struct lapse_before *before_of(struct lapse_stack *stack,
							    struct lapse_thread_waits *own, __u32 number)
{
	if (number == LAPSE_BEFORE_SYSCALL)
		return &stack->syscall.before;
	return number == LAPSE_BEFORE_LOOP ? &stack->loop.before : entry_at(own, number);
}

/* A wakeup a record costs 2.5 us each (measured); spaced out, a storm costs the target nothing. Of what is
 * not urgent less than another eighth of the ring comes in that time. */
#define URGENT_SPACING_NS 200000
#define CROWD_SPACING_NS  2000000
/* From one look at how much lies there to the next: less than a hundredth of the usual ring comes meanwhile.
 */
#define CROWD_LOOK_NS	  20000

/* As many urgent ones between two wake-ups are a storm. A wake-up is dear to whoever makes it where the
 * reader's processor sleeps as a virtual machine's do. The thread that runs ahead looks for more by itself
 * once it has seen an urgent record (user/kernel/drainer.c), and without it the loop polls. */
#define STORM 16

/* Whether an urgent record wakes the consumer. */
static __always_inline bool wakes_at_once(__u64 now)
{
	__u64 spacing = urgent_sent - urgent_woken < STORM ? URGENT_SPACING_NS : CROWD_SPACING_NS;

	if (now - last_urgent_ns < spacing)
		return false;
	last_urgent_ns = now;
	urgent_woken = urgent_sent;
	return true;
}

/* Flags of what wakes the consumer. */
static __always_inline __u64 wake_consumer(void)
{
	woken_from = bpf_get_smp_processor_id();
	return BPF_RB_FORCE_WAKEUP;
}

/* Whether so many records lie there that they wake the consumer. To ask is a call of the kernel's, and not
 * worth it for each one. */
static __always_inline bool is_crowded(__u64 now)
{
	bool crowded;

	if (now < crowd_again_ns)
		return false;
	crowded = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > cfg_ring_bytes / 4;
	crowd_again_ns = now + (crowded ? CROWD_SPACING_NS : CROWD_LOOK_NS);
	return crowded;
}

static __always_inline __u64 wakeup_flags(bool urgent, __u64 now)
{
	if (urgent)
		ADD(urgent_sent, 1);
	return (urgent ? wakes_at_once(now) : is_crowded(now)) ? wake_consumer() : BPF_RB_NO_WAKEUP;
}

static __always_inline __u32 tid_of(const struct lapse_facts *facts, __u64 id)
{
	return facts->tid ?: facts->flags & LAPSE_SPAN_GOROUTINE ? 0 : (__u32)id;
}

static __always_inline void span_fill(struct lapse_span *span, const struct lapse_facts *facts)
{
	__u64 id = bpf_get_current_pid_tgid();

	span->kind = LAPSE_REC_SPAN;
	span->component = facts->component;
	span->pid = id >> 32;
	span->tid = tid_of(facts, id);
	span->start_ns = facts->start_ns;
	span->duration_ns = facts->duration;
	span->raw_ns = facts->raw;
	span->ret = facts->ret;
	span->flags = facts->flags;
	span->values = facts->values;
	bpf_get_current_comm(span->comm, sizeof(span->comm));
	for (int i = 0; i < LAPSE_VALUES; i++)
		span->value[i] = facts->value[i];
}

/* Hands @record, which is of @facts, over; whether that wakes the consumer. */
static __always_inline bool record_submit(void *record, const struct lapse_facts *facts)
{
	__u64 flags = wakeup_flags(facts->flags & (LAPSE_SPAN_BREACH | LAPSE_SPAN_VALUE), facts->now);

	bpf_ringbuf_submit(record, flags);
	return flags == BPF_RB_FORCE_WAKEUP;
}

/* The span of @stack's facts; whether that wakes the consumer, as of all that send. */
static __always_inline bool send_with_causes(struct lapse_cell *cell, struct lapse_stack *stack,
					     struct lapse_thread_waits *own)
{
	struct lapse_why_span *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	const struct lapse_facts *facts = &stack->facts;
	struct lapse_blocks *blocks = &own->waits.blocks;

	if (!record) {
		ADD(cell->ring_dropped, 1);
		return false;
	}
	span_fill(&record->span, facts);
	record->span.kind = LAPSE_REC_WHY;
	__builtin_memcpy(record->why.ns, stack->waited.ns, sizeof(record->why.ns));
	blocks_longest(blocks, facts->start_ns, &record->why.longest);
	blocks_other(blocks, facts->start_ns, own->waits.begun_ns, &record->other);
	rivals_take(&own->waits, before_of(stack, own, stack->before), record->why.rival);
	return record_submit(record, facts);
}

/* With its causes, which are those of the thread's own stack; false: they are not known. */
static __always_inline bool try_with_causes(struct lapse_cell *cell, const struct lapse_facts *facts,
					    bool *wakes)
{
	struct lapse_thread_waits *own = facts->flags & LAPSE_SPAN_WHY ? waits_get(false) : NULL;
	struct lapse_stack *stack = own ? stack_get(false) : NULL;

	if (!own || !stack)
		return false;
	*wakes = send_with_causes(cell, stack, own);
	return true;
}

static __always_inline bool fits_brief(const struct lapse_facts *facts)
{
	return !facts->values && !(facts->duration >> 32) && !((facts->raw - facts->duration) >> 32);
}

static __always_inline bool send_brief(struct lapse_cell *cell, const struct lapse_facts *facts)
{
	struct lapse_brief *brief = bpf_ringbuf_reserve(&events, sizeof(*brief), 0);
	__u64 id = bpf_get_current_pid_tgid();

	if (!brief) {
		ADD(cell->ring_dropped, 1);
		return false;
	}
	brief->kind = LAPSE_REC_BRIEF;
	brief->flags = facts->flags & ~LAPSE_SPAN_WHY;
	brief->component = facts->component;
	brief->pid = id >> 32;
	brief->tid = tid_of(facts, id);
	brief->start_ns = facts->start_ns;
	brief->ret = facts->ret;
	brief->duration_ns = facts->duration;
	brief->probes_ns = facts->raw - facts->duration;
	bpf_get_current_comm(brief->comm, sizeof(brief->comm));
	return record_submit(brief, facts);
}

static __always_inline bool send_alone(struct lapse_cell *cell, const struct lapse_facts *facts)
{
	struct lapse_span *span;

	if (fits_brief(facts))
		return send_brief(cell, facts);
	span = bpf_ringbuf_reserve(&events, sizeof(*span), 0);
	if (!span) {
		ADD(cell->ring_dropped, 1);
		return false;
	}
	span_fill(span, facts);
	span->flags &= ~LAPSE_SPAN_WHY;
	return record_submit(span, facts);
}

/*
 * The record goes out before the counters grow: what the counters hold has been on the ring, or
 * has been counted as dropped. Apart from its callers, whose room on the stack is scarce.
 *
 * Before 5.12 only record_send_found() sends causes: those of the span whose facts are the thread's own.
 */
#ifndef LAPSE_OLD
VERIFIED_ONCE int record_send(struct lapse_cell *cell, struct lapse_facts *facts)
{
	bool wakes;

	if (!cell || !facts)
		return 0;
	return try_with_causes(cell, facts, &wakes) ? wakes : send_alone(cell, facts);
}
#else
VERIFIED_ONCE int record_send(struct lapse_cell *cell, struct lapse_facts *facts)
{
	return send_alone(cell, facts);
}

VERIFIED_ALONE int record_send_found(void)
{
	struct lapse_stack *stack = cfg_why ? stack_get(false) : NULL;
	struct lapse_cell *cell = stack ? cell_of(stack->facts.component) : NULL;
	bool wakes;

	if (!cell)
		return 0;
	return try_with_causes(cell, &stack->facts, &wakes) ? wakes : send_alone(cell, &stack->facts);
}
#endif

/* What sending takes is measured of one span in so many: to read the clock twice is a third of it. */
#define SENDING_SAMPLE	16
/* More is no sending: an interrupt came, or another thread ran. */
#define SENDING_MOST_NS 10000

/* Sends the record of the cell and facts; gives the nanoseconds that it took. To wake the consumer is dearer
 * than all else, and told by the time since the program began; facts on connections have another @now. */
static __always_inline int send_timed(struct lapse_cell *cell, struct lapse_facts *facts,
				      int (*send)(struct lapse_cell *cell, struct lapse_facts *facts))
{
	__u64 before, took;

	if (sending_ns && cell->returns % SENDING_SAMPLE && !(facts->flags & LAPSE_SPAN_TCP))
		return send(cell, facts) ? bpf_ktime_get_ns() - facts->now : sending_ns;
	before = bpf_ktime_get_ns();
	if (send(cell, facts))
		return bpf_ktime_get_ns() - before;
	took = bpf_ktime_get_ns() - before;
	if (took < SENDING_MOST_NS)
		sending_ns = took;
	return took;
}

/* Two CPUs at the turn of a slice may each begin it: the bound is a little higher then. */
static __always_inline bool may_stream(__u64 now)
{
	__u64 slice = now / LAPSE_STREAM_SLICE_NS, asked;

	if (stream_slice != slice) {
		stream_slice = slice;
		stream_asked = 0;
	}
	ADD(stream_asked, 1);
	asked = stream_asked;
	if (asked <= cfg_stream_a_slice || asked % LAPSE_STREAM_SAMPLE == 0)
		return true;
	ADD(not_streamed, 1);
	return false;
}

static __always_inline bool worth_sending(const struct lapse_component *component,
					  const struct lapse_facts *facts)
{
	return facts->flags & (LAPSE_SPAN_BREACH | LAPSE_SPAN_ERROR | LAPSE_SPAN_VALUE) ||
	       facts->duration > component->send_ns ||
	       (component->flags & LAPSE_COMP_STREAM && may_stream(facts->now));
}

static __always_inline void record_duration(struct lapse_cell *cell, const struct lapse_component *component,
					    const struct lapse_facts *facts)
{
	__u64 duration = facts->duration;

	if (facts->flags & LAPSE_SPAN_UNTIMED)
		return;
	ADD(cell->sum_ns, duration);
	ADD(cell->sum_raw_ns, facts->raw);
	cell_level(cell, component, duration);
	/* Before it is counted: who reads the histogram first finds the extremes of all that it holds. */
	cell_extremes(cell, facts->now, duration);
	histogram_add(facts->component, duration);
	recent_add(facts->component, component,
		   facts->flags & LAPSE_SPAN_ERROR ? duration | LAPSE_RECENT_ERROR : duration);
}

/* @send sends the record of the cell and facts. */
static __always_inline int span_note(struct lapse_facts *facts,
				     int (*send)(struct lapse_cell *cell, struct lapse_facts *facts))
{
	struct lapse_component *component;
	struct lapse_cell *cell;
	struct lapse_rules *r;
	__u32 number;
	int sending = 0;

	if (!facts)
		return 0;
	number = facts->component;
	component = bpf_map_lookup_elem(&components, &number);
	cell = cell_of(number);
	if (!component || !cell)
		return 0;
	ADD(cell->cost_ns, facts->cost_ns);
	if (component->flags & LAPSE_COMP_GOROUTINES)
		facts->flags |= LAPSE_SPAN_GOROUTINE;
	if (!(facts->flags & LAPSE_SPAN_UNTIMED) && is_breach(component, facts->duration))
		facts->flags |= LAPSE_SPAN_BREACH;
	if (cfg_rules && component->flags & LAPSE_COMP_RULES) {
		r = rules_of(number);
		if (!rules_judge(r, cell, facts)) {
			ADD(cell->filtered, 1);
			return 0;
		}
	}
	if (worth_sending(component, facts))
		sending = send_timed(cell, facts, send);
	record_duration(cell, component, facts);
	if (facts->flags & LAPSE_SPAN_ERROR)
		ADD(cell->errors, 1);
	ADD(cell->returns, 1);
	return sending;
}

/*
 * A whole span, from wherever: the one place where durations enter the figures. Gives the
 * nanoseconds that sending it took, of which the calibration knows nothing.
 */
VERIFIED_ONCE int span_record(struct lapse_facts *facts)
{
	return span_note(facts, record_send);
}

/* The same for one that may have causes, which is of @stack, the thread's own; before 5.12, as ON_STACK of
 * span.h, by a function that finds it. */
#ifndef LAPSE_OLD
#define SPAN_RECORD_WHY(stack) span_record(&(stack)->facts)
#else
#define SPAN_RECORD_WHY(stack) span_record_found()

static __always_inline int send_found(struct lapse_cell *cell, struct lapse_facts *facts)
{
	return record_send_found();
}

VERIFIED_ALONE int span_record_found(void)
{
	struct lapse_stack *stack = cfg_why ? stack_get(false) : NULL;

	return stack ? span_note(&stack->facts, send_found) : 0;
}
#endif

#endif
