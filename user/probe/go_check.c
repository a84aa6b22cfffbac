// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/go_check.h"

#include <string.h>

/* Instructions that save or load arguments around the call, at most. */
#define GROW_MAX 64

/* Instructions of the check as Go's assembler writes them; operands that vary are left out. */
static const uint8_t compare_sp[] = {0x49, 0x3b, 0x66, 0x10};  /* cmp rsp, [r14 + 0x10] */
static const uint8_t compare_r12[] = {0x4d, 0x3b, 0x66, 0x10}; /* cmp r12, [r14 + 0x10] */
static const uint8_t lea_near[] = {0x4c, 0x8d, 0x64, 0x24};    /* lea r12, [rsp + disp8] */
static const uint8_t lea_far[] = {0x4c, 0x8d, 0xa4, 0x24};     /* lea r12, [rsp + disp32] */
static const uint8_t copy[] = {0x49, 0x89, 0xe4};	       /* mov r12, rsp */
static const uint8_t subtract[] = {0x49, 0x81, 0xec};	       /* sub r12, imm32 */

struct reading {
	const struct body *body;
	struct decoder *decoder;
	uint64_t addr; /* of the next instruction */
	struct insn insn;
};

static bool next(struct reading *reading)
{
	struct insn_effects effects;

	if (!body_insn(reading->body, reading->decoder, reading->addr, &reading->insn, &effects))
		return false;
	reading->addr += reading->insn.size;
	return true;
}

static bool begins(const struct insn *insn, const uint8_t *bytes, size_t size)
{
	return insn->size >= size && memcmp(insn->bytes, bytes, size) == 0;
}
#define IS(insn, pattern) begins(insn, pattern, sizeof(pattern))

/* jcc of condition @code, short or near. */
static bool is_branch(const struct insn *insn, uint8_t code)
{
	return insn->flow == FLOW_BRANCH && (insn->bytes[0] == (0x70 | code) ||
					     (insn->bytes[0] == 0x0f && insn->bytes[1] == (0x80 | code)));
}

static bool read_compare(struct reading *reading)
{
	if (!next(reading))
		return false;
	if (IS(&reading->insn, compare_sp))
		return true;
	if (IS(&reading->insn, lea_near) || IS(&reading->insn, lea_far))
		return next(reading) && IS(&reading->insn, compare_r12);
	/* Of a frame so large that the difference may be below zero. */
	return IS(&reading->insn, copy) && next(reading) && IS(&reading->insn, subtract) && next(reading) &&
	       is_branch(&reading->insn, 0x2) && next(reading) && IS(&reading->insn, compare_r12);
}

static bool is_morestack(const struct body *body, uint64_t addr)
{
	static const char name[] = "runtime.morestack";
	const char *symbol = body->symbol ? body->symbol(body->context, addr) : NULL;

	return symbol && strncmp(symbol, name, sizeof(name) - 1) == 0;
}

/* Whether what is at @addr grows the stack and enters the function anew. */
static bool grows(const struct body *body, struct decoder *decoder, uint64_t addr)
{
	struct reading reading = {.body = body, .decoder = decoder, .addr = addr};
	bool called = false;

	for (int i = 0; i < GROW_MAX && next(&reading); i++) {
		const struct insn *insn = &reading.insn;

		if (insn->flow == FLOW_JUMP)
			return called && insn->target == body->parts[0].addr;
		if (insn->flow == FLOW_CALL && !called && is_morestack(body, insn->target))
			called = true;
		else if (insn->flow != FLOW_NEXT)
			return false;
	}
	return false;
}

bool go_check_find(const struct body *body, struct decoder *decoder, struct insn *jump)
{
	struct reading reading = {.body = body, .decoder = decoder, .addr = body->parts[0].addr};

	if (!read_compare(&reading) || !next(&reading) || !is_branch(&reading.insn, 0x6))
		return false;
	*jump = reading.insn;
	return grows(body, decoder, jump->target);
}
