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

#ifndef LAPSE_OLD

/*
 * Global functions are verified once, not again in every program and on every path that calls them:
 * some 60 ms of load time instead of 1,200. They take pointers from 5.12 on.
 */
#define VERIFIED_ONCE __noinline

#define cookie_of_probe(ctx) bpf_get_attach_cookie(ctx)

/* The value of *@counter before it grew by one. */
#define claim_next(counter) ADD(*(counter), 1)

/* Puts @value in the place of @seen; false where something else stands there meanwhile. */
static __always_inline bool slot_replace(__u64 *slot, __u64 seen, __u64 value)
{
	return __sync_val_compare_and_swap(slot, seen, value) == seen;
}

#else

#define VERIFIED_ONCE static __noinline

/* The little program that stands at the place has left its cookie here and jumped on; programs are not
 * preempted on these kernels. */
#define cookie_of_probe(ctx) passed_cookie()

static __always_inline __u64 passed_cookie(void)
{
	__u32 zero = 0;
	__u64 *cookie = bpf_map_lookup_elem(&cookie_passed, &zero);

	return cookie ? *cookie : 0;
}

/* No atomic operation gives a value back before 5.12. */
#define claim_next(counter)                       \
	({                                        \
		__u64 before_ = *(counter);       \
		ADD(*(counter), 1);               \
		before_;                          \
	})

/* There is a shard a CPU on these kernels, and only an interrupt can come between. */
static __always_inline bool slot_replace(__u64 *slot, __u64 seen, __u64 value)
{
	*(volatile __u64 *)slot = value;
	return true;
}

#endif

#endif
