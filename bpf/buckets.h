/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log-linear buckets, the same arithmetic in the kernel and in user space.
 *
 * With 2^b buckets per octave, a value below 2^b has a bucket of its own. Above, a value with
 * its highest bit at e falls into one of the 2^b equal parts of [2^e, 2^(e+1)): the part is
 * given by the b bits below the highest one. So the index is (e - b) * 2^b + (v >> (e - b)).
 *
 *   b = 6     value        index          width
 *             0..63        0..63          1
 *             64..127      64..127        1
 *             128..255     128..191       2
 *             256..511     192..255       4
 *             2^41..2^42   2304..2367     2^35
 *             >= 2^42      2368           overflow
 *
 * Reported at its midpoint, a bucket is wrong by at most half its width: 1/128 = 0.8 % of the
 * value with b = 6, 1/32 = 3.1 % with b = 4.
 */
#ifndef LAPSE_BUCKETS_H
#define LAPSE_BUCKETS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define LAPSE_BUCKET_BITS_FINE	 6 /* up to LAPSE_FINE_COMPONENTS components */
#define LAPSE_BUCKET_BITS_COARSE 4
#define LAPSE_FINE_COMPONENTS	 64
#define LAPSE_BUCKET_TOP	 42 /* 2^42 ns = 73 min */

/* Buckets below the overflow one, which has the number itself as its index. */
#define LAPSE_BUCKETS(bits) ((LAPSE_BUCKET_TOP - (bits) + 1) << (bits))

static inline __attribute__((always_inline)) __u32 lapse_high_bit(__u64 v)
{
	__u32 e = 0;

	if (v >> 32)
		e += 32, v >>= 32;
	if (v >> 16)
		e += 16, v >>= 16;
	if (v >> 8)
		e += 8, v >>= 8;
	if (v >> 4)
		e += 4, v >>= 4;
	if (v >> 2)
		e += 2, v >>= 2;
	return e + (__u32)(v >> 1);
}

/* The index of the bucket that holds @v. */
static inline __attribute__((always_inline)) __u32 lapse_bucket(__u64 v, __u32 bits)
{
	__u32 shift;

	if (v >> LAPSE_BUCKET_TOP)
		return LAPSE_BUCKETS(bits);
	if (v < (1ULL << bits))
		return (__u32)v;
	shift = lapse_high_bit(v) - bits;
	return (shift << bits) + (__u32)(v >> shift);
}

/* The lowest value of bucket @index; that of the next bucket is its exclusive upper bound. */
static inline __attribute__((always_inline)) __u64 lapse_bucket_low(__u32 index, __u32 bits)
{
	__u32 shift;

	if (index < (2U << bits))
		return index;
	shift = (index >> bits) - 1;
	return (__u64)(index - (shift << bits)) << shift;
}

#endif
