// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A function that begins with an instruction which the kernel does not probe, and is never called, among
 * others that are:
 *
 *     ported [CALLS]
 */
#include "common.h"

__asm__(".text\n"
	".globl port_read\n"
	".type port_read, @function\n"
	"port_read:\n"
	"	in (%dx), %al\n"
	"	ret\n"
	".size port_read, . - port_read\n");

__attribute__((noinline)) long port_first(long n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

__attribute__((noinline)) long port_second(long n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 2;
}

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 1000, sum = 0, i;

	target_ready();
	for (i = 0; i < calls; i++)
		sum += port_second(port_first(i));
	target_done("calls=%ld sum=%ld", calls, sum);
	return 0;
}
