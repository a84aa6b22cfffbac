/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of x86-64, as far as probes care about them. */
#ifndef LAPSE_DECODE_H
#define LAPSE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where control goes after an instruction. */
enum flow {
	FLOW_NEXT,
	FLOW_CALL,	    /* to target; 0: indirect */
	FLOW_JUMP,	    /* to target */
	FLOW_BRANCH,	    /* to target or on */
	FLOW_JUMP_INDIRECT, /* through a register or memory */
	FLOW_RETURN,
	FLOW_STOP, /* ud2, hlt: nowhere */
};

struct insn {
	uint64_t addr;
	uint64_t target;
	enum flow flow;
	uint8_t size;
	uint8_t bytes[16];
};

/* What an instruction does, where that matters; only decoder_details() fills it. */
struct insn_effects {
	bool writes_sp;
	bool writes_args;    /* one of rdi, rsi, rdx, rcx, r8, r9 */
	bool writes_go_args; /* one of Go's: rax, rbx, rcx, rdi, rsi, r8 to r11 */
	bool barrier;	     /* may take long or leaves the program: system calls, locks, string copies */
	bool sp_known;	     /* rsp changes by sp_delta, nothing else */
	int64_t sp_delta;
	bool sp_from_bp;   /* rsp is set from rbp plus sp_delta (leave, lea, mov) */
	bool bp_from_sp;   /* mov rbp, rsp */
	bool bp_lost;	   /* rbp is written otherwise */
	uint64_t lea;	   /* the address that a RIP-relative lea loads, or 0 */
	uint64_t table;	   /* disp of [index * 8 + disp] without a base: a table of addresses, or 0 */
	bool loads_entry;  /* loads, or jumps through, [... + index * 4 or 8]: an entry of a table */
	bool through_slot; /* an indirect jump through RIP-relative memory: a slot of the GOT */
};

struct decoder;

/* NULL where memory is out. Release with decoder_free(). */
struct decoder *decoder_new(void);
void decoder_free(struct decoder *decoder);

/*
 * Decodes the instruction at the start of @bytes, which lies at @addr. Returns false where it is
 * none, or is cut off.
 */
bool decoder_next(struct decoder *decoder, const uint8_t *bytes, size_t size, uint64_t addr,
		  struct insn *insn);

/* As decoder_next(), with what the instruction does. Dearer. */
bool decoder_details(struct decoder *decoder, const uint8_t *bytes, size_t size, uint64_t addr,
		     struct insn *insn, struct insn_effects *effects);

/* Whether the kernel emulates the instruction under a probe, as against stepping over it. */
bool insn_emulated(const struct insn *insn);
/* Whether it is the nop of five bytes that the kernel turns into a call. */
bool insn_nop5(const struct insn *insn);
/* Whether the kernel can place a probe on it at all, and executes it as what it is. */
bool insn_probeable(const struct insn *insn);

/*
 * Whether the kernel takes the instruction at the start of @bytes for another under a probe: of vector
 * instructions (VEX, EVEX, XOP) it looks at the opcode alone, as if there were no prefix. vpbroadcastb (7a)
 * is then a jump on parity and not executed at all, vcmpps (c2) a return after which the thread goes on in
 * the kernel's page of copies.
 */
bool insn_mistaken(const uint8_t *bytes, size_t size);

#endif
