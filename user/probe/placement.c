// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/placement.h"

#include <errno.h>

#include "probe/go_check.h"
#include "probe/walk.h"

/* How many instructions past the entry a probe may be moved. */
#define MOVE_MAX 12

/* What the branches of the function say about [entry, destination]. */
struct branches {
	bool clean;    /* all bytes decoded */
	bool indirect; /* there are jumps through registers or memory */
	bool to_entry;
	bool into_line; /* to somewhere after the entry, up to the destination */
};

static void note_target(struct branches *branches, uint64_t target, uint64_t entry, uint64_t destination)
{
	if (target > entry && target <= destination)
		branches->into_line = true;
}

static void scan_part(const struct part *part, struct decoder *decoder, uint64_t entry, uint64_t destination,
		      struct branches *branches)
{
	struct insn insn;

	for (size_t at = 0; at < part->size; at += insn.size) {
		if (!decoder_next(decoder, part->bytes + at, part->size - at, part->addr + at, &insn)) {
			branches->clean = false;
			return;
		}
		if (insn.flow == FLOW_JUMP_INDIRECT)
			branches->indirect = true;
		if (insn.flow == FLOW_CALL || insn.flow == FLOW_JUMP || insn.flow == FLOW_BRANCH)
			note_target(branches, insn.target, entry, destination);
		if (insn.target == entry && (insn.flow == FLOW_JUMP || insn.flow == FLOW_BRANCH))
			branches->to_entry = true;
	}
}

static struct branches scan(const struct body *body, struct decoder *decoder, uint64_t destination)
{
	struct branches branches = {.clean = true};

	for (size_t i = 0; i < body->n_parts; i++)
		scan_part(&body->parts[i], decoder, body->parts[0].addr, destination, &branches);
	return branches;
}

/* Whether the probe may stand at @destination; indirect jumps need the dearer look. */
static int may_move(const struct body *body, struct decoder *decoder, uint64_t destination,
		    struct branches branches, bool *may)
{
	uint64_t entry = body->parts[0].addr;
	struct walk walk;
	int err;

	*may = branches.clean && !branches.into_line;
	if (!*may || !branches.indirect)
		return 0;
	err = walk_function(body, decoder, &walk);
	if (err)
		return err;
	for (size_t i = 0; i < walk.n_targets; i++)
		note_target(&branches, walk.targets[i], entry, destination);
	*may = !walk.unknown && !branches.into_line;
	walk_free(&walk);
	return 0;
}

static enum lapse_class class_of(const struct insn *insn)
{
	if (insn_nop5(insn))
		return LAPSE_CLASS_NOP5;
	return insn_emulated(insn) ? LAPSE_CLASS_EMULATED : LAPSE_CLASS_STEPPED;
}

/* What a place is to have. */
struct wishes {
	bool emulated; /* the kernel emulates the instruction there */
	bool args;     /* the arguments are still in their registers */
};

/*
 * The nearest instruction along the straight line that serves better than the entry, in
 * @candidate. A nop of five bytes in mid-function never does: the kernel turns it into a call,
 * which overwrites what a leaf function keeps below its stack pointer.
 */
static bool find_candidate(const struct body *body, struct decoder *decoder, struct wishes wishes,
			   struct placement *candidate)
{
	const struct part *part = &body->parts[0];
	struct insn_effects effects;
	struct insn insn;
	bool writes_args;
	size_t at = 0;

	candidate->args_intact = true;
	for (size_t i = 0; i <= MOVE_MAX && at < part->size; i++, at += insn.size) {
		if (!decoder_details(decoder, part->bytes + at, part->size - at, part->addr + at, &insn,
				     &effects))
			return false;
		if (i > 0 && !insn_nop5(&insn) && insn_probeable(&insn) &&
		    (!wishes.emulated || insn_emulated(&insn))) {
			candidate->addr = insn.addr;
			candidate->cls = class_of(&insn);
			return true;
		}
		if (effects.writes_sp || effects.barrier)
			return false;
		writes_args = body->go ? effects.writes_go_args : effects.writes_args;
		if (writes_args && wishes.args)
			return false;
		if (writes_args)
			candidate->args_intact = false;
	}
	return false;
}

struct placement placement_blind(uint64_t addr)
{
	return (struct placement){.addr = addr, .cls = LAPSE_CLASS_STEPPED, .args_intact = true};
}

/*
 * Whether the call goes on where the function jumps to its entry. In Go it is entered there once more
 * after its stack has grown: where the check was not made out such a call counts twice, first as one
 * that was abandoned. Taking it for a loop would give a call the time of another that a panic ended.
 */
static bool loops(const struct body *body, struct branches branches)
{
	return branches.to_entry && !body->go;
}

/* Takes the candidate for @placement where the branches allow it. */
static int try_candidate(const struct body *body, struct decoder *decoder, struct wishes wishes,
			 struct placement *placement, bool *moved)
{
	struct placement candidate;
	struct branches branches;
	int err;

	*moved = false;
	if (!find_candidate(body, decoder, wishes, &candidate))
		return 0;
	branches = scan(body, decoder, candidate.addr);
	err = may_move(body, decoder, candidate.addr, branches, moved);
	if (err || !*moved)
		return err;
	candidate.self_jump = loops(body, branches);
	*placement = candidate;
	return 0;
}

/* A function of Go's that begins with a stack check is best probed at its jump. */
static int try_stack_check(const struct body *body, struct decoder *decoder, struct placement *placement,
			   bool *moved)
{
	struct insn jump;
	int err;

	*moved = false;
	if (!body->go || !go_check_find(body, decoder, &jump) || !insn_probeable(&jump))
		return 0;
	err = may_move(body, decoder, jump.addr, scan(body, decoder, jump.addr), moved);
	if (*moved)
		*placement = (struct placement){
			.addr = jump.addr,
			.cls = class_of(&jump),
			.args_intact = true,
			.stack_check = true,
		};
	return err;
}

int placement_choose(const struct body *body, struct decoder *decoder, bool need_args,
		     struct placement *placement)
{
	const struct part *part = &body->parts[0];
	struct insn entry;
	bool moved;
	int err;

	*placement = placement_blind(part->addr);
	if (!decoder_next(decoder, part->bytes, part->size, part->addr, &entry))
		return 0;
	placement->cls = class_of(&entry);
	err = try_stack_check(body, decoder, placement, &moved);
	if (err || moved)
		return err;
	if (placement->cls == LAPSE_CLASS_STEPPED) {
		err = try_candidate(body, decoder, (struct wishes){true, need_args}, placement, &moved);
		if (err || moved)
			return err;
	}
	if (!insn_probeable(&entry)) {
		err = try_candidate(body, decoder, (struct wishes){false, need_args}, placement, &moved);
		return err || moved ? err : -EOPNOTSUPP;
	}
	placement->self_jump = loops(body, scan(body, decoder, part->addr));
	return 0;
}
