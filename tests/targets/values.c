// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions whose outcome is in what they return and in their arguments, of all integer types:
 *
 *     values [--calls N]
 *
 * Some leave rubbish in the bits of the register that their type does not have, as compilers may.
 */
#include "common.h"

#include <getopt.h>

static long n_calls = 1000;

#define RETURNS(name, type)          \
	PROBED type name(long value) \
	{                            \
		return (type)value;  \
	}

RETURNS(give_int, int)
RETURNS(give_unsigned, unsigned)
RETURNS(give_long, long)
RETURNS(give_byte, signed char)
RETURNS(give_ubyte, unsigned char)

/* The same with rubbish where the type has no bits. */
#define RUBBISH(name, type, keep)                                                   \
	type name(long value);                                                      \
	__asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" \
		"push %rbp\npop %rbp\nmovabs $0x5eedbee500ab0000, %rax\n" keep      \
		"or %rdi, %rax\nret\n.size " #name ", . - " #name "\n")

RUBBISH(rubbish_int, int, "shl $32, %rax\nmov %edi, %edi\n");
RUBBISH(rubbish_byte, signed char, "movzbl %dil, %edi\n");

/* A cache: every third key misses. */
PROBED void *cache_get(unsigned key)
{
	static int thing;

	return key % 3 ? &thing : NULL;
}

/* Arguments on the stack too. */
PROBED int take_many(int a, long b, unsigned char c, short d, int e, long f, int g, long h)
{
	__asm__ volatile("" : : "r"(a), "r"(b), "r"((int)c), "r"((int)d), "r"(e), "r"(f), "r"(g), "r"(h));
	return g - a;
}

/* Arguments whose place in the registers a large result takes. */
struct large {
	long word[4];
};
PROBED struct large give_large(int value)
{
	struct large large = {{value, value, value, value}};

	return large;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"calls", 1, NULL, 'c'}, {NULL, 0, NULL, 0}};
	long negative = 0, misses = 0, sum = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (c == 'c')
			n_calls = atol(optarg);
	target_ready();
	for (long i = 0; i < n_calls; i++) {
		long value = i % 5 - 2; /* -2 .. 2 */

		give_int(value);
		give_unsigned(value);
		give_long(value);
		give_byte(value);
		give_ubyte(value);
		rubbish_int(value);
		rubbish_byte(value);
		cache_get((unsigned)i);
		take_many(1, 2, 3, -4, 5, 6, (int)value, i);
		give_large((int)value);
		negative += value < 0;
		misses += i % 3 == 0;
		sum += value;
	}
	target_done("calls=%ld negative=%ld misses=%ld sum=%ld", n_calls, negative, misses, sum);
	return 0;
}
