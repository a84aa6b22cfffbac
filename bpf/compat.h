/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two objects come from the same sources: one for kernels that have attach cookies (5.15), and one, made
 * with LAPSE_OLD, for those before, down to 5.10. Maps, programs and variables are the same in both, so that
 * one skeleton serves them; what differs stands here.
 */
#ifndef LAPSE_BPF_COMPAT_H
#define LAPSE_BPF_COMPAT_H

#include "bpf/maps.h"

#define ADD(field, n) __sync_fetch_and_add(&(field), n)

/* No number of a series was to be had. */
#define NO_NUMBER (~0ULL)

/* Series of numbers: of a component's recent spans, or of its values' names. */
#define SERIES_RECENT 0ULL
#define SERIES_NAMES  (1ULL << 32)

#ifndef LAPSE_OLD

/*
 * Global functions are verified once, not again in every program and on every path that calls them:
 * some 60 ms of load time instead of 1,200. They take pointers from 5.12 on.
 */
#define VERIFIED_ONCE  __noinline
#define VERIFIED_FOUND VERIFIED_ONCE

/*
 * Calls @turn(0, @context), @turn(1, @context) and so on, until one gives 1, @max times at most. With the
 * kernel's own loop (5.17) the verifier looks at a turn once or twice, not at each of them on every path.
 */
static __always_inline void loop_until(__u32 max, long (*turn)(__u32 i, void *context), void *context)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(max, turn, context, 0);
		return;
	}
	for (__u32 i = 0; i < max; i++)
		if (turn(i, context))
			return;
}

/* What user space gave the link by which the program is called. */
#define cookie_of_probe(ctx) bpf_get_attach_cookie(ctx)

/* The next of the numbers that @field counts, each given once; @series tells the fields apart. */
#define TAKE_NUMBER(field, series) ADD(field, 1)

/* How often that is tried: others are in the way for nanoseconds, and only with values that are less far. */
#define SLOT_TRIES 8

/* Puts @value, which is larger, in the place of @seen; false: it is to be tried again. */
static __always_inline bool slot_set(__u64 *slot, __u64 seen, __u64 value)
{
	return __sync_val_compare_and_swap(slot, seen, value) == seen;
}

/* What stands in @slot, and leaves 0 there: of several who take it, one gets it. */
static __always_inline __u64 slot_take(__u64 *slot)
{
	return __sync_lock_test_and_set(slot, 0);
}

#else

/*
 * With pointers a function cannot be global, and is verified wherever it is called. Where that is too much
 * there is another function beside it, which is global, because it finds by numbers what the pointers point
 * to: its name ends with _found. VERIFIED_FOUND is for those that have one.
 */
#define VERIFIED_ONCE	     static __noinline
#define VERIFIED_FOUND	     static __always_inline
#define VERIFIED_ALONE	     __noinline

/* Calls @turn(0, @context), @turn(1, @context) and so on, until one gives 1, @max times at most. */
static __always_inline void loop_until(__u32 max, long (*turn)(__u32 i, void *context), void *context)
{
	for (__u32 i = 0; i < max; i++)
		if (turn(i, context))
			return;
}

/* The little program that stands at the place has left its cookie here and gone on with this one; programs
 * are not preempted on these kernels, and an interrupt runs none of them. */
#define cookie_of_probe(ctx) passed_cookie()

static __always_inline __u64 passed_cookie(void)
{
	__u32 zero = 0;
	__u64 *cookie = bpf_map_lookup_elem(&cookie_passed, &zero);

	return cookie ? *cookie : 0;
}

/* More than processors can be at it at once. */
#define CLAIM_TRIES	     (LAPSE_CLAIMS_KEPT / 4)

/*
 * Before 5.12 an addition does not give what it found. Who enters a number into the map first has it; those
 * who come too late try the next. So the numbers that are taken have no gap, and @next is one of them or the
 * first free one.
 */
static __always_inline __u64 claim_number(__u64 series, __u64 next)
{
	struct lapse_claim claim = {.series = series};
	__u8 one = 1;

	for (int i = 0; i < CLAIM_TRIES; i++) {
		claim.number = next + i;
		if (bpf_map_update_elem(&claims, &claim, &one, BPF_NOEXIST))
			continue;
		claim.number -= LAPSE_CLAIMS_KEPT;
		bpf_map_delete_elem(&claims, &claim);
		return next + i;
	}
	return NO_NUMBER;
}

#define TAKE_NUMBER(field, series)                                                            \
	({                                                                                    \
		__u64 taken_ = claim_number(series, *(volatile __typeof__(field) *)&(field)); \
                                                                                              \
		if (taken_ != NO_NUMBER)                                                      \
			ADD(field, 1);                                                        \
		taken_;                                                                       \
	})

/* The verifier takes every turn. */
#define SLOT_TRIES 4

/*
 * Before 5.12 there is no such instruction. Another processor's larger value is lost here if it comes between
 * the reading and the writing; but that one looks again, behind the addition, which waits for what is on its
 * way to memory, and writes once more. What remains is an interrupt in between, and costs no more than an
 * extreme that is shown: what promises are held against is counted.
 */
static __always_inline bool slot_set(__u64 *slot, __u64 seen, __u64 value)
{
	__u64 nothing = 0;

	*(volatile __u64 *)slot = value;
	/* The compiler would make another operation of it. */
	asm volatile("lock *(u64 *)(%[slot] + 0) += %[nothing]"
		     :
		     : [slot] "r"(slot), [nothing] "r"(nothing)
		     : "memory");
	return *(volatile __u64 *)slot >= value;
}

/* What stands in @slot, and leaves 0 there. Two processors that do so within a nanosecond both get it. */
static __always_inline __u64 slot_take(__u64 *slot)
{
	__u64 taken = *(volatile __u64 *)slot;

	*(volatile __u64 *)slot = 0;
	return taken;
}

#endif

#endif
