// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/retins.h"

#include <errno.h>
#include <string.h>

#include "probe/walk.h"

/* Instructions of a stub of the procedure linkage table, up to its jump. */
#define STUB_INSNS 3

/* The function and those that it ends in, as they are found. */
struct search {
	const struct object *object;
	struct decoder *decoder;
	struct retins *retins;
	uint64_t functions[RETINS_MAX_FUNCTIONS];
	size_t n_functions;
	uint64_t opaque[RETINS_MAX_FUNCTIONS]; /* those that could not be looked through */
	size_t n_opaque;
};

static int fail(struct search *search, const char *why)
{
	search->retins->why = why;
	return -EOPNOTSUPP;
}

static bool add_place(struct search *search, uint64_t addr)
{
	struct retins *retins = search->retins;

	for (size_t i = 0; i < retins->n; i++) {
		if (retins->addrs[i] == addr)
			return true;
	}
	if (retins->n == RETINS_MAX_PLACES)
		return false;
	retins->addrs[retins->n++] = addr;
	return true;
}

/* Where a stub of the linkage table jumps into another file, or 0 where @addr is no stub. */
static uint64_t stub_jump(struct search *search, uint64_t addr)
{
	struct insn_effects effects;
	struct insn insn;
	uint8_t bytes[16];

	for (size_t i = 0; i < STUB_INSNS; i++, addr += insn.size) {
		size_t size = object_read(search->object, addr, bytes, sizeof(bytes));

		if (!size || !decoder_details(search->decoder, bytes, size, addr, &insn, &effects))
			return 0;
		if (insn.flow == FLOW_JUMP_INDIRECT)
			return effects.through_slot ? addr : 0;
		if (insn.flow != FLOW_NEXT || effects.writes_sp)
			return 0;
	}
	return 0;
}

/* A call that goes on out of sight is taken to end at @jump, where the frame is gone already. */
static int end_at(struct search *search, uint64_t jump, bool probeable)
{
	if (!probeable)
		return fail(search, "it ends in a jump that the kernel cannot probe");
	if (!add_place(search, jump))
		return fail(search, "it returns at too many places");
	search->retins->cut_short = true;
	return 0;
}

static bool contains(const uint64_t *list, size_t n, uint64_t addr)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == addr)
			return true;
	}
	return false;
}

static int follow_tail_call(struct search *search, const struct out *out)
{
	uint64_t stub;

	if (contains(search->functions, search->n_functions, out->target))
		return 0;
	stub = stub_jump(search, out->target);
	if (stub)
		return end_at(search, out->conditional ? stub : out->addr, out->probeable);
	if (object_code(search->object, out->target) && search->n_functions < RETINS_MAX_FUNCTIONS &&
	    !contains(search->opaque, search->n_opaque, out->target)) {
		search->functions[search->n_functions++] = out->target;
		search->retins->tail_calls = true;
		return 0;
	}
	if (out->conditional)
		return fail(search, "it ends in too many other functions");
	return end_at(search, out->addr, out->probeable);
}

static int take_out(struct search *search, const struct out *out)
{
	switch (out->way) {
	case OUT_RETURN:
		if (!out->probeable)
			return fail(search, "it has a return instruction that the kernel cannot probe");
		return add_place(search, out->addr) ? 0 : fail(search, "it returns at too many places");
	case OUT_TAIL_CALL:
		return follow_tail_call(search, out);
	default:
		return end_at(search, out->addr, out->probeable);
	}
}

/* The function at @addr, or what must be one although no symbol names it. */
static struct function function_or_code(const struct object *object, uint64_t addr)
{
	const struct function *function = object_function_at(object, addr);

	return function ? *function : (struct function){.symbol = "", .addr = addr};
}

static int search_function(struct search *search, const struct function *function)
{
	struct body body;
	struct walk walk;
	int err = body_load(search->object, function, &body);

	if (err)
		return err == -ENOMEM ? err : fail(search, "its code cannot be read");
	err = walk_function(&body, search->decoder, &walk);
	body_free(&body);
	if (err)
		return err;
	if (walk.broken)
		err = fail(search, "its code cannot be decoded");
	for (size_t i = 0; !err && i < walk.n_outs; i++)
		err = take_out(search, &walk.outs[i]);
	walk_free(&walk);
	return err;
}

/* One attempt; *culprit gets the function that could not be looked through. */
static int search_all(struct search *search, const struct function *function, uint64_t *culprit)
{
	int err;

	memset(search->retins, 0, sizeof(*search->retins));
	search->functions[0] = *culprit = function->addr;
	search->n_functions = 1;
	err = search_function(search, function);
	for (size_t i = 1; !err && i < search->n_functions; i++) {
		struct function next = function_or_code(search->object, search->functions[i]);

		*culprit = next.addr;
		err = search_function(search, &next);
	}
	return err;
}

int retins_find(const struct object *object, const struct function *function, struct decoder *decoder,
		struct retins *retins)
{
	struct search search = {.object = object, .decoder = decoder, .retins = retins};
	uint64_t culprit;
	int err;

	/* Calls are taken to end where they jump into what cannot be looked through. */
	while ((err = search_all(&search, function, &culprit)) == -EOPNOTSUPP) {
		if (culprit == function->addr || search.n_opaque == RETINS_MAX_FUNCTIONS)
			return err;
		search.opaque[search.n_opaque++] = culprit;
	}
	if (!err && retins->n == 0)
		err = fail(&search, "it never returns");
	return err;
}
