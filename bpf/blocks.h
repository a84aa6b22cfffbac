/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The blocks of a thread that its open spans may have to tell of. Both sides and the tests include it.
 *
 * A span ends now, so what it has to tell of are blocks since some moment until now: the longest one, and the
 * longest for another cause. A block that has ended is of no use any more once there is, after it,
 *   - a block for the same cause that is no shorter, or
 *   - two that are no shorter, for two causes besides its own,
 * whatever the span's beginning is: what is left answers for any of them, however spans are nested. Without
 * the second question it would be the list of suffix maxima. Of n blocks in random order some 2 ln n are
 * left.
 *
 * When there is no room the oldest goes but the two that answer for all: the innermost spans begin last, and
 * the outermost one began before all. What has gone is remembered as one: until when it ended, and how long
 * it lasted. A span that began by then, and has nothing that is longer, is told that the answer is not known.
 */
#ifndef LAPSE_BPF_BLOCKS_H
#define LAPSE_BPF_BLOCKS_H

#ifndef __VMLINUX_H__
#include <stdbool.h>
#endif

#include "bpf/frame.h"

#ifdef __bpf__
#include "bpf/compat.h"
#else
#define VERIFIED_ONCE static inline
#endif

#define LAPSE_NO_BLOCK LAPSE_BLOCKS

/*
 * Without a loop's turns: verifiers before Linux 6.4 take no loop whose end runs into its beginning without a
 * jump, which is how compilers like to lay these out.
 */
#ifdef __bpf__
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED
#endif

/* The number of a block, as the verifier wants to see it. */
static __always_inline __u32 block_number(__u32 i)
{
	return i & (LAPSE_BLOCKS - 1);
}

/* Puts @new in place @i. */
static __always_inline void block_put(struct lapse_blocks *blocks, __u32 i, const struct lapse_block *new)
{
	struct lapse_kept *kept = &blocks->kept[block_number(i)];

	blocks->end_ns[block_number(i)] = new->end_ns;
	blocks->duration_ns[block_number(i)] = new->duration_ns;
	blocks->cause[block_number(i)] = new->cause;
	blocks->longer[block_number(i)] = 0;
	blocks->piece[block_number(i)] = new->piece;
	kept->kernel_stack = new->kernel_stack;
	kept->user_stack = new->user_stack;
	kept->peer = new->peer;
	kept->waker = new->waker;
}

/* Fills @block with the one in place @i. */
static __always_inline void block_get(const struct lapse_blocks *blocks, __u32 i, struct lapse_block *block)
{
	const struct lapse_kept *kept = &blocks->kept[block_number(i)];

	block->end_ns = blocks->end_ns[block_number(i)];
	block->duration_ns = blocks->duration_ns[block_number(i)];
	block->cause = blocks->cause[block_number(i)];
	block->kernel_stack = kept->kernel_stack;
	block->user_stack = kept->user_stack;
	block->declared = 0;
	block->piece = blocks->piece[block_number(i)];
	block->peer = kept->peer;
	block->waker = kept->waker;
}

/* Whether block @i makes room for @new, of a thread whose outermost span began at @begun. */
static __always_inline int block_goes(struct lapse_blocks *blocks, __u32 i, const struct lapse_block *new,
				      __u64 begun)
{
	__u8 *longer = &blocks->longer[block_number(i)];

	if (blocks->end_ns[block_number(i)] < begun)
		return 1;
	if (blocks->duration_ns[block_number(i)] > new->duration_ns)
		return 0;
	if (blocks->cause[block_number(i)] == new->cause || (*longer && *longer != new->cause + 1)) {
		blocks->end_ns[block_number(i)] = 0;
		return 1;
	}
	*longer = new->cause + 1;
	return 0;
}

/*
 * What a search has found so far. It lies in the map, of whose content the verifier knows nothing: on the
 * stack or in a register it would go on from each place that may have been found.
 */
static __always_inline volatile __u32 *search(struct lapse_blocks *blocks)
{
	volatile __u32 *found = &blocks->found;

	*found = LAPSE_NO_BLOCK;
	return found;
}

/* The longest since @since, for another cause than that of block @but; LAPSE_NO_BLOCK: there is none. */
VERIFIED_ONCE __u32 block_longest(struct lapse_blocks *blocks, __u64 since, __u32 but)
{
	volatile __u32 *longest;

	if (!blocks)
		return LAPSE_NO_BLOCK;
	longest = search(blocks);
	UNROLLED
	for (__u32 i = 0; i < LAPSE_BLOCKS; i++) {
		__u32 so_far = *longest;

		if (blocks->end_ns[i] < since ||
		    (but != LAPSE_NO_BLOCK && blocks->cause[i] == blocks->cause[block_number(but)]))
			continue;
		if (so_far == LAPSE_NO_BLOCK ||
		    blocks->duration_ns[i] > blocks->duration_ns[block_number(so_far)])
			*longest = i;
	}
	return *longest;
}

/* The oldest but those two. */
static __always_inline __u32 block_oldest(struct lapse_blocks *blocks, __u32 but, __u32 nor)
{
	volatile __u32 *oldest = search(blocks);

	UNROLLED
	for (__u32 i = 0; i < LAPSE_BLOCKS; i++) {
		__u32 so_far = *oldest;

		if (i != but && i != nor &&
		    (so_far == LAPSE_NO_BLOCK || blocks->end_ns[i] < blocks->end_ns[block_number(so_far)]))
			*oldest = i;
	}
	return *oldest;
}

/* All are in use: which of them goes. */
static __always_inline __u32 block_lose(struct lapse_blocks *blocks)
{
	__u32 longest = block_longest(blocks, 0, LAPSE_NO_BLOCK), other = block_longest(blocks, 0, longest);
	__u32 oldest = block_oldest(blocks, longest, other);
	__u64 end = blocks->end_ns[block_number(oldest)],
	      duration = blocks->duration_ns[block_number(oldest)];

	if (end > blocks->lost_end_ns)
		blocks->lost_end_ns = end;
	if (duration > blocks->lost_ns)
		blocks->lost_ns = duration;
	return oldest;
}

/* Remembers @new, which has ended just now, of a thread whose outermost span began at @begun. */
static __always_inline void blocks_add(struct lapse_blocks *blocks, const struct lapse_block *new,
				       __u64 begun)
{
	volatile __u32 *free = search(blocks);
	__u32 at;

	if (blocks->lost_end_ns < begun)
		blocks->lost_ns = 0;
	UNROLLED
	for (__u32 i = 0; i < LAPSE_BLOCKS; i++)
		if (block_goes(blocks, i, new, begun))
			*free = i;
	at = *free;
	if (at == LAPSE_NO_BLOCK)
		at = block_lose(blocks);
	block_put(blocks, at, new);
}

/* Copies block @at, the answer where no block is lost that is longer than @lost_ns; duration 0: there is
 * none, or (with end_ns) it is not known. */
static __always_inline void block_answer(struct lapse_blocks *blocks, __u32 at, __u64 lost_ns,
					 struct lapse_block *answer)
{
	if (at != LAPSE_NO_BLOCK)
		block_get(blocks, at, answer);
	else
		__builtin_memset(answer, 0, sizeof(*answer));
	if (answer->duration_ns >= lost_ns)
		return;
	answer->end_ns = blocks->lost_end_ns;
	answer->duration_ns = 0;
}

/* How long one that is lost may have been, of a span that began at @since. */
static __always_inline __u64 block_lost(const struct lapse_blocks *blocks, __u64 since)
{
	return blocks->lost_end_ns >= since ? blocks->lost_ns : 0;
}

/* For a span that began at @since. */
static __always_inline void blocks_longest(struct lapse_blocks *blocks, __u64 since,
					   struct lapse_block *longest)
{
	block_answer(blocks, block_longest(blocks, since, LAPSE_NO_BLOCK), block_lost(blocks, since),
		     longest);
}

/* The longest for another cause than blocks_longest() has; the outermost span began at @begun. */
static __always_inline void blocks_other(struct lapse_blocks *blocks, __u64 since, __u64 begun,
					 struct lapse_block *other)
{
	__u32 all = block_longest(blocks, begun, LAPSE_NO_BLOCK);
	__u32 longest = block_longest(blocks, since, LAPSE_NO_BLOCK);
	/* Where there is none at all there is none for another cause. */
	__u32 at = block_longest(blocks, since, longest);
	/* What answers for all has never been lost, and nothing that is lost was between the two. */
	__u32 other_of_all = block_longest(blocks, begun, all);
	bool for_all = longest == all && longest != LAPSE_NO_BLOCK && at == other_of_all;

	block_answer(blocks, at, for_all ? 0 : block_lost(blocks, since), other);
}

#endif
