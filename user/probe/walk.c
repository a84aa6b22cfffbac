// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/tables.h"

/* Instructions visited at most: more than BODY_MAX_SIZE usually holds. */
#define BUDGET		400000
/* An entry loaded from a table is jumped to within so many instructions. */
#define TABLE_JUMP_NEAR 8

/* What is known of the stack on a path: rsp and rbp as distances from rsp at entry. */
struct frame {
	int64_t sp, bp;
	bool sp_known, bp_known;
};

struct path {
	uint64_t addr;
	struct frame frame;
};

struct set {
	uint64_t *slots; /* 0: free */
	size_t used, capacity;
};

struct decoded {
	struct insn insn;
	struct insn_effects effects;
};

/* A part's instructions in their order, and by the byte at which each starts. */
struct listing {
	struct decoded *list;
	size_t n, capacity;
	uint32_t *at; /* index + 1 into list; 0: none starts there */
};

struct walker {
	const struct body *body;
	struct listing listings[BODY_MAX_PARTS]; /* of sized bodies */
	struct decoder *decoder;
	struct walk *walk;
	struct tables tables;
	bool tables_followed;
	struct set visited;
	struct path *paths;
	size_t n_paths, paths_capacity;
	struct frame table_frame; /* at the jump whose tables are being followed */
};

static size_t slot_of(const struct set *set, uint64_t addr)
{
	size_t at = (size_t)(addr * 0x9e3779b97f4a7c15ULL) & (set->capacity - 1);

	while (set->slots[at] && set->slots[at] != addr)
		at = (at + 1) & (set->capacity - 1);
	return at;
}

static bool set_has(const struct set *set, uint64_t addr)
{
	return set->capacity && set->slots[slot_of(set, addr)];
}

static int set_grow(struct set *set)
{
	struct set grown = {.capacity = set->capacity ? set->capacity * 2 : 256, .used = set->used};

	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < set->capacity; i++) {
		if (set->slots[i])
			grown.slots[slot_of(&grown, set->slots[i])] = set->slots[i];
	}
	free(set->slots);
	*set = grown;
	return 0;
}

static int set_add(struct set *set, uint64_t addr)
{
	if (2 * (set->used + 1) > set->capacity && set_grow(set))
		return -ENOMEM;
	set->slots[slot_of(set, addr)] = addr;
	set->used++;
	return 0;
}

static int add_path(struct walker *w, uint64_t addr, const struct frame *frame)
{
	if (!addr || set_has(&w->visited, addr))
		return 0;
	if (w->n_paths == w->paths_capacity) {
		size_t capacity = w->paths_capacity ? w->paths_capacity * 2 : 32;
		struct path *paths = reallocarray(w->paths, capacity, sizeof(*paths));

		if (!paths)
			return -ENOMEM;
		w->paths = paths;
		w->paths_capacity = capacity;
	}
	w->paths[w->n_paths++] = (struct path){.addr = addr, .frame = *frame};
	return 0;
}

/*
 * Whether the bytes in order have an instruction at @addr; true where they were not listed. What
 * starts within another instruction must never be probed: that would corrupt the other.
 */
static bool on_boundary(const struct walker *w, uint64_t addr)
{
	const struct part *part = body_part(w->body, addr);
	const struct listing *listing = part ? &w->listings[part - w->body->parts] : NULL;

	return !listing || !listing->at || listing->at[addr - part->addr];
}

static int add_out(struct walker *w, const struct insn *insn, enum way_out way)
{
	struct out *outs;

	if (!on_boundary(w, insn->addr)) {
		w->walk->broken = true;
		return 0;
	}
	outs = reallocarray(w->walk->outs, w->walk->n_outs + 1, sizeof(*outs));
	if (!outs)
		return -ENOMEM;
	w->walk->outs = outs;
	outs[w->walk->n_outs++] = (struct out){
		.addr = insn->addr,
		.way = way,
		.target = insn->target,
		.conditional = insn->flow == FLOW_BRANCH,
		.probeable = insn_probeable(insn),
	};
	return 0;
}

/* What the instruction does to the stack's height. */
static void apply(struct frame *frame, const struct insn_effects *effects, enum flow flow)
{
	if (effects->writes_sp && flow != FLOW_CALL) {
		if (effects->sp_known) {
			frame->sp += effects->sp_delta;
		} else if (effects->sp_from_bp && frame->bp_known) {
			frame->sp = frame->bp + effects->sp_delta;
			frame->sp_known = true;
		} else {
			frame->sp_known = false;
		}
	}
	if (effects->bp_from_sp) {
		frame->bp = frame->sp;
		frame->bp_known = frame->sp_known;
	} else if (effects->bp_lost) {
		frame->bp_known = false;
	}
}

/*
 * Whether a jump from a frame of this height to @target leaves the function. Split-off parts that
 * no symbol names are jumped to with the frame still there.
 */
static bool leaves(const struct walker *w, const struct frame *frame, uint64_t target)
{
	const struct body *body = w->body;

	if (body_part(body, target))
		return false;
	if (frame->sp_known)
		return frame->sp == 0;
	return body->is_function && body->is_function(body->context, target);
}

static int follow_branch(struct walker *w, const struct insn *insn, const struct frame *frame)
{
	if (leaves(w, frame, insn->target))
		return add_out(w, insn, OUT_TAIL_CALL);
	return add_path(w, insn->target, frame);
}

static int add_table_target(void *context, uint64_t target)
{
	struct walker *w = context;
	uint64_t *targets;

	/* Read past a table's end. */
	if (!on_boundary(w, target))
		return 0;
	targets = reallocarray(w->walk->targets, w->walk->n_targets + 1, sizeof(*targets));

	if (!targets)
		return -ENOMEM;
	w->walk->targets = targets;
	targets[w->walk->n_targets++] = target;
	return add_path(w, target, &w->table_frame);
}

static int follow_tables(struct walker *w, const struct frame *frame)
{
	int found;

	/* All tables of the function are followed at the first jump: one is not told from another. */
	if (w->tables_followed)
		return 0;
	if (!w->body->sized) {
		w->walk->unknown = true;
		return 0;
	}
	w->table_frame = *frame;
	found = tables_each_target(&w->tables, w->body, add_table_target, w);
	if (found < 0)
		return found;
	w->tables_followed = found > 0;
	if (found == 0 || w->tables.full)
		w->walk->unknown = true;
	return 0;
}

static int follow_indirect(struct walker *w, const struct insn *insn, const struct insn_effects *effects,
			   const struct frame *frame, size_t since_entry)
{
	if (effects->through_slot)
		return add_out(w, insn, OUT_TAIL_SLOT);
	if (since_entry <= TABLE_JUMP_NEAR || effects->loads_entry || (frame->sp_known && frame->sp != 0))
		return follow_tables(w, frame);
	return add_out(w, insn, OUT_TAIL_POINTER);
}

/* The instruction at @addr, out of the listing where it stands there. */
static bool decode(const struct walker *w, uint64_t addr, struct insn *insn, struct insn_effects *effects)
{
	const struct part *part = body_part(w->body, addr);
	const struct listing *listing = part ? &w->listings[part - w->body->parts] : NULL;
	uint32_t at = listing && listing->at ? listing->at[addr - part->addr] : 0;

	if (!at)
		return body_insn(w->body, w->decoder, addr, insn, effects);
	*insn = listing->list[at - 1].insn;
	*effects = listing->list[at - 1].effects;
	return true;
}

/*
 * Whether @next, after @last, belongs to another function: then the call before it does not
 * return.
 */
static bool ends_piece(const struct body *body, uint64_t last, uint64_t next)
{
	if (body_part(body, last))
		return !body_part(body, next);
	return body->unit && body->unit(body->context, last) != body->unit(body->context, next);
}

/* Walks from @path to where it ends or joins one that was walked already. */
static int walk_path(struct walker *w, struct path path)
{
	size_t since_entry = TABLE_JUMP_NEAR + 1;
	uint64_t addr = path.addr;
	int err = 0;

	while (!err && !set_has(&w->visited, addr) && w->visited.used < BUDGET) {
		struct insn_effects effects;
		struct insn insn;

		/* Off the end after a call that does not return. */
		if (!decode(w, addr, &insn, &effects))
			return 0;
		err = set_add(&w->visited, addr);
		if (err)
			return err;
		since_entry = effects.loads_entry ? 0 : since_entry + 1;
		tables_note(&w->tables, w->body, &effects);
		switch (insn.flow) {
		case FLOW_RETURN:
			return add_out(w, &insn, OUT_RETURN);
		case FLOW_JUMP:
			return follow_branch(w, &insn, &path.frame);
		case FLOW_JUMP_INDIRECT:
			return follow_indirect(w, &insn, &effects, &path.frame, since_entry);
		case FLOW_STOP:
			return 0;
		case FLOW_BRANCH:
			err = follow_branch(w, &insn, &path.frame);
			break;
		default:
			apply(&path.frame, &effects, insn.flow);
			break;
		}
		addr += insn.size;
		if (ends_piece(w->body, insn.addr, addr))
			return 0;
	}
	return err;
}

/* Ways out that no path reached: handlers of exceptions, and what unknown jumps go to. */
static int add_unreached(struct walker *w, const struct insn *insn, const struct insn_effects *effects,
			 size_t since_entry)
{
	const struct body *body = w->body;

	if (set_has(&w->visited, insn->addr))
		return 0;
	if (insn->flow == FLOW_RETURN)
		return add_out(w, insn, OUT_RETURN);
	if (insn->flow == FLOW_JUMP || insn->flow == FLOW_BRANCH) {
		if (!body_part(body, insn->target) && body->is_function &&
		    body->is_function(body->context, insn->target))
			return add_out(w, insn, OUT_TAIL_CALL);
		return 0;
	}
	if (insn->flow != FLOW_JUMP_INDIRECT)
		return 0;
	if (effects->through_slot)
		return add_out(w, insn, OUT_TAIL_SLOT);
	return since_entry <= TABLE_JUMP_NEAR ? 0 : add_out(w, insn, OUT_TAIL_POINTER);
}

static int list_insn(struct listing *listing, const struct decoded *decoded, size_t at)
{
	if (listing->n == listing->capacity) {
		size_t capacity = listing->capacity ? listing->capacity * 2 : 64;
		struct decoded *list = reallocarray(listing->list, capacity, sizeof(*list));

		if (!list)
			return -ENOMEM;
		listing->list = list;
		listing->capacity = capacity;
	}
	listing->list[listing->n++] = *decoded;
	listing->at[at] = (uint32_t)listing->n;
	return 0;
}

/* Decodes a part in the order of its bytes, and finds tables. */
static int list_part(struct walker *w, size_t index)
{
	const struct part *part = &w->body->parts[index];
	struct listing *listing = &w->listings[index];
	struct decoded decoded;
	int err = 0;

	listing->at = calloc(part->size ? part->size : 1, sizeof(*listing->at));
	if (!listing->at)
		return -ENOMEM;
	for (size_t at = 0; !err && at < part->size; at += decoded.insn.size) {
		if (!decoder_details(w->decoder, part->bytes + at, part->size - at, part->addr + at,
				     &decoded.insn, &decoded.effects)) {
			w->walk->broken = true;
			return 0;
		}
		tables_note(&w->tables, w->body, &decoded.effects);
		err = list_insn(listing, &decoded, at);
	}
	return err;
}

/* Goes over a part's instructions in order in search of ways out that no path reached. */
static int sweep(struct walker *w, const struct listing *listing)
{
	size_t since_entry = TABLE_JUMP_NEAR + 1;
	int err = 0;

	for (size_t i = 0; !err && i < listing->n; i++) {
		const struct decoded *decoded = &listing->list[i];

		since_entry = decoded->effects.loads_entry ? 0 : since_entry + 1;
		err = add_unreached(w, &decoded->insn, &decoded->effects, since_entry);
	}
	return err;
}

static int walk_all(struct walker *w)
{
	struct frame entry = {.sp_known = true};
	int err = 0;

	/* Without a size the bytes may run on into other functions. */
	for (size_t i = 0; !err && w->body->sized && i < w->body->n_parts; i++)
		err = list_part(w, i);
	if (!err)
		err = add_path(w, w->body->parts[0].addr, &entry);
	while (!err && w->n_paths)
		err = walk_path(w, w->paths[--w->n_paths]);
	/* Otherwise what no path reached is dead code, or data. */
	for (size_t i = 0; !err && (w->body->handlers || w->walk->unknown) && i < w->body->n_parts; i++)
		err = sweep(w, &w->listings[i]);
	return err;
}

int walk_function(const struct body *body, struct decoder *decoder, struct walk *walk)
{
	struct walker w = {.body = body, .decoder = decoder, .walk = walk};
	int err;

	memset(walk, 0, sizeof(*walk));
	if (body->n_parts == 0)
		return 0;
	err = walk_all(&w);
	if (w.visited.used >= BUDGET)
		walk->unknown = true;
	for (size_t i = 0; i < BODY_MAX_PARTS; i++) {
		free(w.listings[i].list);
		free(w.listings[i].at);
	}
	free(w.visited.slots);
	free(w.paths);
	if (err)
		walk_free(walk);
	return err;
}

void walk_free(struct walk *walk)
{
	free(walk->outs);
	free(walk->targets);
	memset(walk, 0, sizeof(*walk));
}
