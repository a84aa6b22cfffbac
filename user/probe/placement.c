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

/* Why a probe stays where it is single-stepped. */
#define STAYS_BLIND    "its code is not known"
#define STAYS_UNCLEAR  "some of its code cannot be decoded"
#define STAYS_INTO     "a branch could land between its entry and the next place"
#define STAYS_INDIRECT "it has jumps whose targets are not known"
#define STAYS_FAR      "none of its first instructions is one that the kernel emulates"
#define STAYS_STACK    "it moves the stack pointer first"
#define STAYS_ENDS     "it returns, jumps or calls the kernel first"
#define STAYS_ARGS     "an argument that is read would be overwritten"

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

/* Whether the probe may stand at @destination, or *stays why not; indirect jumps need the dearer look. */
static int may_move(const struct body *body, struct decoder *decoder, uint64_t destination,
		    struct branches branches, const char **stays)
{
	uint64_t entry = body->parts[0].addr;
	struct walk walk;
	int err;

	*stays = !branches.clean ? STAYS_UNCLEAR : branches.into_line ? STAYS_INTO : NULL;
	if (*stays || !branches.indirect)
		return 0;
	err = walk_function(body, decoder, &walk);
	if (err)
		return err;
	for (size_t i = 0; i < walk.n_targets; i++)
		note_target(&branches, walk.targets[i], entry, destination);
	*stays = walk.unknown ? STAYS_INDIRECT : branches.into_line ? STAYS_INTO : NULL;
	walk_free(&walk);
	return 0;
}

static enum lapse_class class_of(const struct insn *insn)
{
	if (insn_nop5(insn))
		return LAPSE_CLASS_NOP5;
	return insn_emulated(insn) ? LAPSE_CLASS_EMULATED : LAPSE_CLASS_STEPPED;
}

const char *placement_price(enum lapse_class cls)
{
	switch (cls) {
	case LAPSE_CLASS_EMULATED:
		return "emulated";
	case LAPSE_CLASS_NOP5:
		return "nop5";
	default:
		return "single-stepped";
	}
}

/* What a place is to have. */
struct wishes {
	bool emulated; /* the kernel emulates the instruction there */
	bool args;     /* the arguments are still in their registers */
};

/*
 * The nearest instruction along the straight line that serves better than the entry, in
 * @candidate; or why there is none. A nop of five bytes in mid-function never does: the kernel turns it into
 * a call, which overwrites what a leaf function keeps below its stack pointer.
 */
static const char *find_candidate(const struct body *body, struct decoder *decoder, struct wishes wishes,
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
			return STAYS_UNCLEAR;
		if (i > 0 && !insn_nop5(&insn) && insn_probeable(&insn) &&
		    (!wishes.emulated || insn_emulated(&insn))) {
			candidate->addr = insn.addr;
			candidate->cls = class_of(&insn);
			return NULL;
		}
		if (effects.barrier)
			return STAYS_ENDS;
		if (effects.writes_sp)
			return STAYS_STACK;
		writes_args = body->go ? effects.writes_go_args : effects.writes_args;
		if (writes_args && wishes.args)
			return STAYS_ARGS;
		if (writes_args)
			candidate->args_intact = false;
	}
	return STAYS_FAR;
}

struct placement placement_blind(uint64_t addr)
{
	return (struct placement){.addr = addr,
				  .cls = LAPSE_CLASS_STEPPED,
				  .entry_cls = LAPSE_CLASS_STEPPED,
				  .stays = STAYS_BLIND,
				  .entry_probeable = true,
				  .args_intact = true};
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
	struct placement candidate = *placement;
	struct branches branches;
	int err;

	*moved = false;
	placement->stays = find_candidate(body, decoder, wishes, &candidate);
	if (placement->stays)
		return 0;
	branches = scan(body, decoder, candidate.addr);
	err = may_move(body, decoder, candidate.addr, branches, &placement->stays);
	if (err || placement->stays)
		return err;
	candidate.self_jump = loops(body, branches);
	candidate.stays = NULL;
	*placement = candidate;
	*moved = true;
	return 0;
}

/* A function of Go's that begins with a stack check is best probed at its jump. */
static int try_stack_check(const struct body *body, struct decoder *decoder, struct placement *placement,
			   bool *moved)
{
	const char *stays = NULL;
	struct insn jump;
	int err;

	*moved = false;
	if (!body->go || !go_check_find(body, decoder, &jump) || !insn_probeable(&jump))
		return 0;
	err = may_move(body, decoder, jump.addr, scan(body, decoder, jump.addr), &stays);
	*moved = !err && !stays;
	if (*moved)
		*placement = (struct placement){
			.addr = jump.addr,
			.cls = class_of(&jump),
			.entry_cls = placement->entry_cls,
			.entry_probeable = placement->entry_probeable,
			.args_intact = true,
			.stack_check = true,
		};
	return err;
}

int placement_choose(const struct body *body, struct decoder *decoder, bool need_args,
		     struct placement *placement)
{
	const struct part *part = &body->parts[0];
	const char *stays;
	struct insn entry;
	bool moved;
	int err;

	*placement = placement_blind(part->addr);
	if (!decoder_next(decoder, part->bytes, part->size, part->addr, &entry))
		return insn_mistaken(part->bytes, part->size) ? -EOPNOTSUPP : 0;
	placement->cls = placement->entry_cls = class_of(&entry);
	placement->entry_probeable = insn_probeable(&entry);
	placement->stays = NULL;
	err = try_stack_check(body, decoder, placement, &moved);
	if (err || moved)
		return err;
	if (placement->cls == LAPSE_CLASS_STEPPED) {
		err = try_candidate(body, decoder, (struct wishes){true, need_args}, placement, &moved);
		if (err || moved)
			return err;
	}
	if (!placement->entry_probeable) {
		stays = placement->stays;
		err = try_candidate(body, decoder, (struct wishes){false, need_args}, placement, &moved);
		placement->stays = stays;
		return err || moved ? err : -EOPNOTSUPP;
	}
	placement->self_jump = loops(body, scan(body, decoder, part->addr));
	return 0;
}
