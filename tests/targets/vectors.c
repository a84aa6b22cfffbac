// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions that begin with vector instructions which a kernel may take for others under a probe, and what
 * they return:
 *
 *     vectors [CALLS]
 */
#include "common.h"

/* All bits of the lower half are set by comparing it with itself: with vpcmpeqb, whose opcode is that of je,
 * and with vcmpps, whose opcode is that of ret. What comes first is executed, or else the argument is still
 * there. */
__asm__(".text\n"
	".globl compared_bytes\n"
	".type compared_bytes, @function\n"
	"compared_bytes:\n"
	"	vpcmpeqb %xmm0, %xmm0, %xmm0\n"
	"	vpmovmskb %xmm0, %eax\n"
	"	ret\n"
	".size compared_bytes, . - compared_bytes\n"
	".globl compared_floats\n"
	".type compared_floats, @function\n"
	"compared_floats:\n"
	"	vcmpeqps %xmm0, %xmm0, %xmm0\n"
	"	vpmovmskb %xmm0, %eax\n"
	"	ret\n"
	".size compared_floats, . - compared_floats\n");

int compared_bytes(double zero);
int compared_floats(double zero);

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 1000, bytes = 0, floats = 0, i;

	if (!__builtin_cpu_supports("avx"))
		return 77;
	target_ready();
	for (i = 0; i < calls; i++) {
		bytes += compared_bytes(0.0) == 0xffff;
		floats += compared_floats(0.0) == 0xffff;
	}
	target_done("calls=%ld bytes=%ld floats=%ld", calls, bytes, floats);
	return 0;
}
