// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/decode.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

struct decoder {
	csh plain, detailed;
	cs_insn *insn, *detailed_insn;
};

struct decoder *decoder_new(void)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &decoder->plain) ||
	    cs_open(CS_ARCH_X86, CS_MODE_64, &decoder->detailed) ||
	    cs_option(decoder->detailed, CS_OPT_DETAIL, CS_OPT_ON)) {
		decoder_free(decoder);
		return NULL;
	}
	decoder->insn = cs_malloc(decoder->plain);
	decoder->detailed_insn = cs_malloc(decoder->detailed);
	if (!decoder->insn || !decoder->detailed_insn) {
		decoder_free(decoder);
		return NULL;
	}
	return decoder;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	if (decoder->insn)
		cs_free(decoder->insn, 1);
	if (decoder->detailed_insn)
		cs_free(decoder->detailed_insn, 1);
	if (decoder->plain)
		cs_close(&decoder->plain);
	if (decoder->detailed)
		cs_close(&decoder->detailed);
	free(decoder);
}

static bool is_prefix(uint8_t byte)
{
	return byte == 0x66 || byte == 0x67 || byte == 0x2e || byte == 0x3e || byte == 0x26 || byte == 0x36 ||
	       byte == 0x64 || byte == 0x65 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 ||
	       (byte & 0xf0) == 0x40;
}

static size_t prefix_length(const struct insn *insn)
{
	size_t n = 0;

	while (n + 1 < insn->size && is_prefix(insn->bytes[n]))
		n++;
	return n;
}

static int64_t relative(const uint8_t *bytes, size_t size)
{
	int32_t wide;

	if (size == 1)
		return (int8_t)bytes[0];
	memcpy(&wide, bytes, sizeof(wide));
	return wide;
}

/* Flow and target out of the opcode, which for branches is simple enough. */
static void classify(struct insn *insn)
{
	size_t at = prefix_length(insn);
	const uint8_t *op = insn->bytes + at;
	size_t left = insn->size - at, operand = 0;

	insn->flow = FLOW_NEXT;
	insn->target = 0;
	if (op[0] == 0xe8 && left >= 5) {
		insn->flow = FLOW_CALL;
		operand = 4;
	} else if ((op[0] == 0xe9 && left >= 5) || (op[0] == 0xeb && left == 2)) {
		insn->flow = FLOW_JUMP;
		operand = left - 1;
	} else if (((op[0] & 0xf0) == 0x70 || (op[0] & 0xfc) == 0xe0) && left == 2) {
		insn->flow = FLOW_BRANCH;
		operand = 1;
	} else if (op[0] == 0x0f && left == 6 && (op[1] & 0xf0) == 0x80) {
		insn->flow = FLOW_BRANCH;
		operand = 4;
	} else if (op[0] == 0xff && left >= 2) {
		uint8_t reg = op[1] >> 3 & 7;

		if (reg == 2 || reg == 3)
			insn->flow = FLOW_CALL;
		else if (reg == 4 || reg == 5)
			insn->flow = FLOW_JUMP_INDIRECT;
	} else if (op[0] == 0xc3 || op[0] == 0xc2 || op[0] == 0xcb || op[0] == 0xca || op[0] == 0xcf) {
		insn->flow = FLOW_RETURN;
	} else if (op[0] == 0xf4 || op[0] == 0xcc ||
		   (op[0] == 0x0f && left >= 2 && (op[1] == 0x0b || op[1] == 0xb9))) {
		insn->flow = FLOW_STOP;
	}
	if (operand)
		insn->target = insn->addr + insn->size +
			       (uint64_t)relative(insn->bytes + insn->size - operand, operand);
}

static void fill(struct insn *insn, const cs_insn *decoded)
{
	insn->addr = decoded->address;
	insn->size = (uint8_t)decoded->size;
	memset(insn->bytes, 0, sizeof(insn->bytes));
	memcpy(insn->bytes, decoded->bytes, decoded->size < 16 ? decoded->size : 16);
	classify(insn);
}

bool decoder_next(struct decoder *decoder, const uint8_t *bytes, size_t size, uint64_t addr,
		  struct insn *insn)
{
	if (!cs_disasm_iter(decoder->plain, &bytes, &size, &addr, decoder->insn))
		return false;
	fill(insn, decoder->insn);
	return true;
}

static bool is_sp(x86_reg reg)
{
	return reg == X86_REG_RSP || reg == X86_REG_ESP || reg == X86_REG_SP || reg == X86_REG_SPL;
}

static bool is_bp(x86_reg reg)
{
	return reg == X86_REG_RBP || reg == X86_REG_EBP || reg == X86_REG_BP || reg == X86_REG_BPL;
}

static bool is_argument(x86_reg reg)
{
	switch (reg) {
	case X86_REG_RDI:
	case X86_REG_EDI:
	case X86_REG_DI:
	case X86_REG_DIL:
	case X86_REG_RSI:
	case X86_REG_ESI:
	case X86_REG_SI:
	case X86_REG_SIL:
	case X86_REG_RDX:
	case X86_REG_EDX:
	case X86_REG_DX:
	case X86_REG_DL:
	case X86_REG_DH:
	case X86_REG_RCX:
	case X86_REG_ECX:
	case X86_REG_CX:
	case X86_REG_CL:
	case X86_REG_CH:
	case X86_REG_R8:
	case X86_REG_R8D:
	case X86_REG_R8W:
	case X86_REG_R8B:
	case X86_REG_R9:
	case X86_REG_R9D:
	case X86_REG_R9W:
	case X86_REG_R9B:
		return true;
	default:
		return false;
	}
}

/* Those of Go that are none of C's. */
static bool is_argument_of_go(x86_reg reg)
{
	switch (reg) {
	case X86_REG_RAX:
	case X86_REG_EAX:
	case X86_REG_AX:
	case X86_REG_AL:
	case X86_REG_AH:
	case X86_REG_RBX:
	case X86_REG_EBX:
	case X86_REG_BX:
	case X86_REG_BL:
	case X86_REG_BH:
	case X86_REG_R10:
	case X86_REG_R10D:
	case X86_REG_R10W:
	case X86_REG_R10B:
	case X86_REG_R11:
	case X86_REG_R11D:
	case X86_REG_R11W:
	case X86_REG_R11B:
		return true;
	default:
		return is_argument(reg) && reg != X86_REG_RDX && reg != X86_REG_EDX && reg != X86_REG_DX &&
		       reg != X86_REG_DL && reg != X86_REG_DH;
	}
}

/* What may wait, trap or run long: a probe moved past it would miss what the function does. */
static bool is_barrier(const cs_insn *insn, const struct insn *plain)
{
	const cs_x86 *x86 = &insn->detail->x86;

	if (plain->flow != FLOW_NEXT || x86->prefix[0] == X86_PREFIX_LOCK)
		return true;
	switch (insn->id) {
	case X86_INS_SYSCALL:
	case X86_INS_SYSENTER:
	case X86_INS_INT:
	case X86_INS_INT1:
	case X86_INS_INT3:
	case X86_INS_CPUID:
	case X86_INS_PAUSE:
	case X86_INS_RDRAND:
	case X86_INS_RDSEED:
	case X86_INS_XBEGIN:
	case X86_INS_XSAVE:
	case X86_INS_XRSTOR:
	case X86_INS_FXSAVE:
	case X86_INS_FXRSTOR:
	case X86_INS_MFENCE:
		return true;
	case X86_INS_XCHG:
		return x86->operands[0].type == X86_OP_MEM || x86->operands[1].type == X86_OP_MEM;
	case X86_INS_MOVSB:
	case X86_INS_MOVSW:
	case X86_INS_MOVSD:
	case X86_INS_MOVSQ:
	case X86_INS_STOSB:
	case X86_INS_STOSW:
	case X86_INS_STOSD:
	case X86_INS_STOSQ:
	case X86_INS_CMPSB:
	case X86_INS_CMPSW:
	case X86_INS_CMPSD:
	case X86_INS_CMPSQ:
	case X86_INS_SCASB:
	case X86_INS_SCASW:
	case X86_INS_SCASD:
	case X86_INS_SCASQ:
		/* movsd and cmpsd are scalar arithmetic too, with another opcode. */
		return x86->opcode[0] != 0x0f;
	default:
		return false;
	}
}

static void sp_effect(const cs_insn *insn, struct insn_effects *effects)
{
	const cs_x86_op *op = insn->detail->x86.operands;

	switch (insn->id) {
	case X86_INS_PUSH:
	case X86_INS_PUSHFQ:
		effects->sp_known = true;
		effects->sp_delta = -8;
		break;
	case X86_INS_POP:
	case X86_INS_POPFQ:
		effects->sp_known =
			!(insn->id == X86_INS_POP && op[0].type == X86_OP_REG && is_sp(op[0].reg));
		effects->sp_delta = 8;
		break;
	case X86_INS_ADD:
	case X86_INS_SUB:
		effects->sp_known = op[1].type == X86_OP_IMM;
		effects->sp_delta = insn->id == X86_INS_ADD ? op[1].imm : -op[1].imm;
		break;
	case X86_INS_LEA:
		if (op[1].mem.index != X86_REG_INVALID)
			break;
		effects->sp_known = op[1].mem.base == X86_REG_RSP;
		effects->sp_from_bp = op[1].mem.base == X86_REG_RBP;
		effects->sp_delta = op[1].mem.disp;
		break;
	case X86_INS_MOV:
		effects->sp_from_bp = op[1].type == X86_OP_REG && op[1].reg == X86_REG_RBP;
		break;
	case X86_INS_LEAVE:
		/* rsp = rbp, then rbp is popped. */
		effects->sp_from_bp = true;
		effects->sp_delta = 8;
		break;
	default:
		break;
	}
}

static void memory_effect(const cs_insn *insn, const struct insn *plain, struct insn_effects *effects)
{
	const cs_x86 *x86 = &insn->detail->x86;

	for (size_t i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];

		if (op->type != X86_OP_MEM)
			continue;
		if (op->mem.base == X86_REG_INVALID && op->mem.index != X86_REG_INVALID && op->mem.scale == 8)
			effects->table = (uint64_t)op->mem.disp;
		if (insn->id == X86_INS_LEA && op->mem.base == X86_REG_RIP)
			effects->lea = plain->addr + plain->size + (uint64_t)op->mem.disp;
		if (op->mem.index != X86_REG_INVALID && (op->mem.scale == 4 || op->mem.scale == 8) &&
		    (insn->id == X86_INS_MOVSXD || insn->id == X86_INS_MOV || insn->id == X86_INS_JMP))
			effects->loads_entry = true;
		if (plain->flow == FLOW_JUMP_INDIRECT && op->mem.base == X86_REG_RIP)
			effects->through_slot = true;
	}
}

bool decoder_details(struct decoder *decoder, const uint8_t *bytes, size_t size, uint64_t addr,
		     struct insn *insn, struct insn_effects *effects)
{
	cs_regs reads, writes;
	uint8_t n_reads = 0, n_writes = 0;
	const cs_insn *decoded = decoder->detailed_insn;

	if (!cs_disasm_iter(decoder->detailed, &bytes, &size, &addr, decoder->detailed_insn))
		return false;
	memset(effects, 0, sizeof(*effects));
	fill(insn, decoded);
	if (cs_regs_access(decoder->detailed, decoded, reads, &n_reads, writes, &n_writes))
		return false;
	effects->barrier = is_barrier(decoded, insn);
	memory_effect(decoded, insn, effects);
	for (size_t i = 0; i < n_writes; i++) {
		if (is_sp(writes[i]))
			effects->writes_sp = true;
		if (is_argument(writes[i]))
			effects->writes_args = true;
		if (is_argument_of_go(writes[i]))
			effects->writes_go_args = true;
		if (is_bp(writes[i]))
			effects->bp_lost = true;
	}
	/* A call gives back what it pushed. */
	if (effects->writes_sp && insn->flow != FLOW_CALL)
		sp_effect(decoded, effects);
	if (effects->bp_lost && decoded->id == X86_INS_MOV &&
	    decoded->detail->x86.operands[1].type == X86_OP_REG &&
	    decoded->detail->x86.operands[1].reg == X86_REG_RSP)
		effects->bp_from_sp = true;
	return true;
}

bool insn_nop5(const struct insn *insn)
{
	static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};

	return insn->size == 5 && memcmp(insn->bytes, nop5, 5) == 0;
}

static bool is_short_nop(const struct insn *insn)
{
	static const uint8_t nops[4][4] = {
		{0x90}, {0x66, 0x90}, {0x0f, 0x1f, 0x00}, {0x0f, 0x1f, 0x40, 0x00}};

	return insn->size >= 1 && insn->size <= 4 &&
	       memcmp(insn->bytes, nops[insn->size - 1], insn->size) == 0;
}

bool insn_emulated(const struct insn *insn)
{
	const uint8_t *b = insn->bytes;

	if (is_short_nop(insn) || insn_nop5(insn))
		return true;
	switch (insn->size) {
	case 1:
		return (b[0] & 0xf8) == 0x50;
	case 2:
		return (b[0] == 0x41 && (b[1] & 0xf8) == 0x50) || b[0] == 0xeb || (b[0] & 0xf0) == 0x70;
	case 5:
		return b[0] == 0xe8 || b[0] == 0xe9;
	case 6:
		return b[0] == 0x0f && (b[1] & 0xf0) == 0x80;
	default:
		return false;
	}
}

/* The opcodes that the kernel does not simply step over: of nops, branches, calls, returns and popf. */
static bool is_special(uint8_t opcode)
{
	return (opcode & 0xf0) == 0x70 || (opcode & 0xfc) == 0xe8 || (opcode & 0xf6) == 0xc2 ||
	       opcode == 0x90 || opcode == 0x9a || opcode == 0x9d || opcode == 0xff;
}

/* How many bytes before its opcode a vector instruction has from its own prefix on; 0: it is none. */
static size_t vector_prefix(const uint8_t *bytes, size_t size)
{
	if (size < 2)
		return 0;
	switch (bytes[0]) {
	case 0xc5:
		return 2;
	case 0xc4:
		return 3;
	case 0x62:
		return 4;
	case 0x8f: /* XOP; pop has no register in these bits */
		return bytes[1] & 0x38 ? 3 : 0;
	default:
		return 0;
	}
}

bool insn_mistaken(const uint8_t *bytes, size_t size)
{
	size_t at = 0, length;

	while (at < size && is_prefix(bytes[at]))
		at++;
	length = vector_prefix(bytes + at, size - at);
	if (length)
		return at + length < size && is_special(bytes[at + length]);
	/* xchg with r8, of which the kernel sees the nop that it would be without its prefix. */
	return at && at < size && (bytes[at - 1] & 0xf1) == 0x41 && bytes[at] == 0x90;
}

/* Those of AMD alone, XOP and FMA4, are not in the kernel's tables: one of them and none of a link is probed.
 */
static bool is_foreign(const uint8_t *bytes, size_t size)
{
	size_t length = vector_prefix(bytes, size);
	uint8_t opcode = length && length < size ? bytes[length] : 0;

	if (!length || bytes[0] == 0x8f)
		return length;
	return bytes[0] == 0xc4 && (bytes[1] & 0x1f) == 3 &&
	       ((opcode & 0xfc) == 0x5c || (opcode & 0xe8) == 0x68);
}

/* The kernel refuses segment and lock prefixes, and 16-bit branches. */
bool insn_probeable(const struct insn *insn)
{
	size_t n = prefix_length(insn);
	bool wide = true;

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = insn->bytes[i];

		if (byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0xf0)
			return false;
		if (byte == 0x66)
			wide = false;
	}
	if (insn->bytes[n] == 0xcc || insn->bytes[n] == 0xf4 || insn->bytes[n] == 0xf1 ||
	    insn_mistaken(insn->bytes, insn->size) || is_foreign(insn->bytes + n, insn->size - n))
		return false;
	return wide || insn->flow == FLOW_NEXT;
}
