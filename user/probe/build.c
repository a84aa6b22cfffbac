// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "bpf/config.h"
#include "probe/body.h"
#include "probe/go_safety.h"
#include "probe/placement.h"
#include "probe/odd.h"
#include "probe/retins.h"
#include "probe/rules.h"

/* One function on its way into the plan. */
struct adding {
	const struct want *want;
	const struct resolved *resolved;
	const struct function *function;
	const struct safety *safety;
	struct placement placement;
	struct retins retins;
	bool by_insns;
};

static int refuse(struct build *build, const struct adding *adding, int err, const char *why,
		  const char *advice)
{
	struct refusal *refusals = reallocarray(build->refusals, build->n_refusals + 1, sizeof(*refusals));
	char *name = name_readable(adding->function->symbol, false);
	char *text = NULL;

	if (refusals)
		build->refusals = refusals;
	if (!refusals || !name ||
	    asprintf(&text, "%s of %s cannot be measured: %s%s%s", name,
		     path_base(adding->resolved->file->name), why, advice ? "; " : "",
		     advice ? advice : "") < 0) {
		free(name);
		return -ENOMEM;
	}
	free(name);
	refusals[build->n_refusals++] = (struct refusal){.text = text, .err = err};
	return 0;
}

size_t build_find_file(const struct plan *plan, const struct file_id *id)
{
	size_t i = 0;

	while (i < plan->n_files && (plan->files[i].id.ino != id->ino || plan->files[i].id.dev != id->dev))
		i++;
	return i;
}

int build_file(struct plan *plan, const struct mapped_file *file, size_t *index)
{
	struct plan_file *files;

	*index = build_find_file(plan, &file->id);
	if (*index < plan->n_files)
		return 0;
	files = reallocarray(plan->files, plan->n_files + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	plan->files = files;
	files[plan->n_files] = (struct plan_file){
		.id = file->id,
		.name = strdup(file->name),
		.access = strdup(file->access),
	};
	if (!files[plan->n_files].name || !files[plan->n_files].access) {
		free(files[plan->n_files].name);
		free(files[plan->n_files].access);
		return -ENOMEM;
	}
	plan->n_files++;
	return 0;
}

int build_add_pid(struct plan_file *file, pid_t pid)
{
	pid_t *pids;

	for (size_t i = 0; i < file->n_pids; i++) {
		if (file->pids[i] == pid)
			return 0;
	}
	pids = reallocarray(file->pids, file->n_pids + 1, sizeof(*pids));
	if (!pids)
		return -ENOMEM;
	file->pids = pids;
	pids[file->n_pids++] = pid;
	return 0;
}

/* Moves @place to where @to is. */
static void stand_at(struct place *place, const struct place *to)
{
	uint8_t first =
		place->role == LAPSE_ROLE_ENTRY_RETINS ? LAPSE_CLASS_EMULATED_RETINS : LAPSE_CLASS_EMULATED;

	place->offset = to->offset;
	place->args_intact = to->args_intact;
	place->cls = first + to->cls % LAPSE_CLASS_EMULATED_RETINS;
	place->edge = (place->edge & ~LAPSE_EDGE_STACK_CHECK) | (to->edge & LAPSE_EDGE_STACK_CHECK);
}

/*
 * A function that has places of others already, of which @first is one. All stand at one offset: a probe that
 * comes first would make what the later ones see of the slot look live. Nothing that is attached moves.
 */
static void share(struct build *build, const struct place *first, struct place *place)
{
	struct plan *plan = build->plan;

	place->function = first->function;
	place->shared = true;
	if (build->extend || place->offset >= first->offset)
		stand_at(place, first);
	for (size_t i = 0; i < plan->n_places; i++) {
		struct place *other = &plan->places[i];

		if (other->function != place->function || !build_is_entry(other))
			continue;
		other->shared = true;
		if (other->offset != place->offset)
			stand_at(other, place);
	}
}

static int append_place(struct build *build, const struct place *place)
{
	struct plan *plan = build->plan;
	struct place *places = plan->places;

	/* Powers of two, so that a plan of thousands grows a few times only. */
	if ((plan->n_places & (plan->n_places - 1)) == 0)
		places = reallocarray(places, plan->n_places ? plan->n_places * 2 : 1, sizeof(*places));
	if (!places)
		return -ENOMEM;
	plan->places = places;
	places[plan->n_places] = *place;
	plan->components[place->component].n_places++;
	plan->components[place->component].flags |= place->flags;
	return build_add_place_key(build, plan->n_places++);
}

int build_place(struct build *build, const struct place *wanted)
{
	struct place place = *wanted;
	struct place_id id = build_place_id(build, &place, build->plan->components[place.component].spec);
	struct place *known = build_find_place(build, &id);

	if (known) {
		known->shared |= known->component != place.component;
		return 0;
	}
	known = build_is_entry(&place) ? build_find_function(build, &place) : NULL;
	if (known)
		share(build, known, &place);
	else
		place.function = build->plan->n_functions++;
	return append_place(build, &place);
}

/* The strings are taken over. */
static int new_component(struct build *build, size_t spec, char *name, char *function, const char *object)
{
	struct plan *plan = build->plan;
	struct plan_component *components = plan->components, *component;

	if ((plan->n_components & (plan->n_components - 1)) == 0)
		components = reallocarray(components, plan->n_components ? plan->n_components * 2 : 1,
					  sizeof(*components));
	if (!components) {
		free(name);
		free(function);
		return -ENOMEM;
	}
	plan->components = components;
	component = &components[plan->n_components++];
	*component = (struct plan_component){
		.name = name,
		.function = function,
		.object = strdup(path_base(object)),
		.spec = spec,
		.glob = build->specs[spec].glob && build->specs[spec].kind == SPEC_FUNCTION &&
			!build->specs[spec].wait,
		.wait = build->specs[spec].wait,
	};
	rules_of_spec(&build->specs[spec], component);
	if (build->specs[spec].kind == SPEC_MARKER) {
		component->marker = strdup(component->function ?: "");
		if (!component->marker)
			return -ENOMEM;
	}
	return component->name && component->function && component->object ? 0 : -ENOMEM;
}

/* Of all that the specification means, or of its marker @part. */
static int declare(struct build *build, size_t index, const char *object, const char *part, char *key,
		   size_t *component)
{
	const struct probe_spec *spec = &build->specs[index];
	const char *joined = spec->name ?: spec->glob ? build->options->merge : NULL;
	char *function = part ? strdup(part) : want_component_name(spec), *name = NULL;
	int err;

	if (function)
		name = strdup(joined ?: function);
	*component = build->plan->n_components;
	err = new_component(build, index, name, function, object);
	if (!err)
		return build_add_component_key(build, key, *component);
	free(key);
	return err;
}

static int find_or_declare(struct build *build, size_t index, const char *object, const char *part,
			   size_t *component)
{
	char *key = build_component_key(build, index, object, part ?: "");
	int err;

	if (!key)
		return -ENOMEM;
	if (build->planned)
		build->planned[index] = true;
	if (!build_find_component(build, key, component) && !build->extend)
		return declare(build, index, object, part, key, component);
	err = build_find_component(build, key, component) ? 0 : -ENOENT;
	free(key);
	return err;
}

int build_whole(struct build *build, size_t index, const char *object, size_t *component)
{
	return find_or_declare(build, index, object, NULL, component);
}

int build_marker(struct build *build, size_t index, const char *object, const char *name, size_t *component)
{
	return find_or_declare(build, index, object, name, component);
}

/* The component that was declared for a library that had still to come. */
static int pending_component(struct build *build, size_t spec, size_t *index)
{
	char *key = build_component_key(build, spec, "", "");
	bool found = key && build_find_component(build, key, index);

	free(key);
	return found ? 0 : -ENOENT;
}

/* Functions of a glob have a component each, unless they are joined. */
static int function_component(struct build *build, const struct adding *adding, const char *object,
			      size_t *index)
{
	const struct probe_spec *spec = &build->specs[adding->want->spec];
	char *signature = name_readable(adding->function->symbol, true);
	char *key = signature ? build_component_key(build, adding->want->spec, object, signature) : NULL;
	const char *joined = spec->name ? spec->name : spec->glob ? build->options->merge : NULL;
	int err = key ? 0 : -ENOMEM;

	if (err || build_find_component(build, key, index))
		goto out;
	if (build->extend) {
		err = pending_component(build, adding->want->spec, index);
		goto out;
	}
	*index = build->plan->n_components;
	err = new_component(build, adding->want->spec,
			    joined ? strdup(joined) : name_readable(adding->function->symbol, false),
			    joined ? strdup(spec->function) : signature, object);
	if (!joined)
		signature = NULL;
	if (!err) {
		err = build_add_component_key(build, key, *index);
		key = NULL;
	}
out:
	free(key);
	free(signature);
	return err;
}

static int choose_component(struct build *build, const struct adding *adding, size_t *index)
{
	const struct want *want = adding->want;
	const char *object = path_base(adding->resolved->file->name);
	enum lapse_end end = want->edge == LAPSE_EDGE_END ? LAPSE_END_END : LAPSE_END_START;
	struct plan_component *component;
	int err = want->edge ? build_whole(build, want->spec, "", index)
			     : function_component(build, adding, object, index);

	if (err)
		return err;
	if (build->planned)
		build->planned[want->spec] = true;
	component = &build->plan->components[*index];
	if (!*component->object) {
		free(component->object);
		component->object = strdup(object);
		if (!component->object)
			return -ENOMEM;
	}
	if (!component->has_rules)
		return 0;
	if (adding->function->go == GO_FUNCTION)
		return rules_of_go(&build->specs[want->spec], end, adding->function, &component->rules);
	return rules_type(&build->specs[want->spec], end, adding->resolved->object, adding->function,
			  &component->rules);
}

/* Why the component is measured by return instructions. */
static int explain(struct plan_component *component, const struct adding *adding)
{
	if (!adding->by_insns || component->why)
		return 0;
	component->retins = true;
	if (asprintf(&component->why, "%s%s", adding->safety->why,
		     adding->retins.cut_short ? "; calls that it ends in are not part of it" : "") < 0)
		return -ENOMEM;
	return 0;
}

static uint32_t place_flags(const struct adding *adding)
{
	return (adding->placement.self_jump ? LAPSE_COMP_SELF_JUMP : 0) |
	       (adding->safety->goroutine ? LAPSE_COMP_GOROUTINES : 0) |
	       (adding->retins.tail_calls ? LAPSE_COMP_TAIL_CALLS : 0) |
	       (adding->by_insns && adding->safety->switches ? LAPSE_COMP_SWITCHES : 0);
}

static int add_returns(struct build *build, const struct adding *adding, const struct place *entry)
{
	const struct object *object = adding->resolved->object;
	int err = 0;

	for (size_t i = 0; !err && i < adding->retins.n; i++) {
		struct place place = *entry;

		if (!object_offset(object, adding->retins.addrs[i], &place.offset))
			continue;
		place.role = LAPSE_ROLE_RETINS;
		place.args_intact = false;
		err = build_place(build, &place);
	}
	return err;
}

/* Whether the place is the function's entry alone. */
static bool here_only(const struct want *want)
{
	return want->edge && want->edge != LAPSE_EDGE_WAIT && !want->place->at_return;
}

static enum lapse_role role_of(const struct adding *adding)
{
	if (here_only(adding->want))
		return LAPSE_ROLE_HERE;
	return adding->by_insns ? LAPSE_ROLE_ENTRY_RETINS : LAPSE_ROLE_ENTRY;
}

/* Adds all places of a function that has passed every check. */
static int add_places(struct build *build, const struct adding *adding, size_t file, size_t component)
{
	struct place entry = {
		.file = file,
		.entry = adding->function->offset,
		.component = (uint32_t)component,
		.edge = adding->want->edge | (adding->placement.stack_check ? LAPSE_EDGE_STACK_CHECK : 0),
		.role = role_of(adding),
		.cls = (uint8_t)adding->placement.cls,
		.stays = adding->placement.stays,
		.args_intact = adding->placement.args_intact,
		.flags = place_flags(adding),
	};
	int err;

	if (entry.role == LAPSE_ROLE_ENTRY_RETINS)
		entry.cls += LAPSE_CLASS_EMULATED_RETINS - LAPSE_CLASS_EMULATED;
	if (!object_offset(adding->resolved->object, adding->placement.addr, &entry.offset))
		return 0;
	err = explain(&build->plan->components[component], adding);
	if (!err)
		err = build_place(build, &entry);
	return err ? err : add_returns(build, adding, &entry);
}

/* Whether its specification has the function's entry already, by another of its names; then it is not counted
 * twice. */
static bool taken(const struct build *build, const struct adding *adding)
{
	const struct place place = {
		.file = build_find_file(build->plan, &adding->resolved->file->id),
		.entry = adding->function->offset,
		.edge = adding->want->edge,
	};
	struct place_id id = build_place_id(build, &place, adding->want->spec);

	return build_find_place(build, &id);
}

static int choose_place(struct build *build, struct adding *adding)
{
	const struct object *object = adding->resolved->object;
	struct body body;
	int err = body_load(object, adding->function, &body);

	if (err) {
		adding->placement = placement_blind(adding->function->addr);
		return err == -ENOMEM ? err : 0;
	}
	err = placement_choose(&body, build->resolver->decoder, want_needs_args(adding->want, build->specs),
			       &adding->placement);
	body_free(&body);
	return err;
}

static bool ends_at(const struct retins *retins, uint64_t addr)
{
	for (size_t i = 0; i < retins->n; i++) {
		if (retins->addrs[i] == addr)
			return true;
	}
	return false;
}

/*
 * Finds the return instructions. Entry and end must not share one place: then a probe that was
 * moved goes back to the entry.
 */
static int find_returns(struct build *build, struct adding *adding)
{
	struct retins *retins = &adding->retins;
	int err = retins_find(adding->resolved->object, adding->function, build->resolver->decoder, retins);

	if (err || !ends_at(retins, adding->placement.addr))
		return err;
	if (ends_at(retins, adding->function->addr)) {
		retins->why = "it does nothing but return";
		return -EOPNOTSUPP;
	}
	if (!adding->placement.entry_probeable) {
		retins->why = "the kernel cannot probe its first instruction";
		return -EOPNOTSUPP;
	}
	adding->placement.addr = adding->function->addr;
	adding->placement.cls = LAPSE_CLASS_STEPPED;
	adding->placement.stays = "the next place is its return instruction";
	adding->placement.args_intact = true;
	return 0;
}

/* Components that measure the function already. */
static size_t count_sharers(const struct build *build, const struct adding *adding)
{
	const struct place sought = {
		.file = build_find_file(build->plan, &adding->resolved->file->id),
		.entry = adding->function->offset,
	};
	const struct place *known = build_find_function(build, &sought);
	size_t n = 0;

	for (size_t i = 0; known && i < build->plan->n_places; i++)
		n += build->plan->places[i].function == known->function &&
		     build_is_entry(&build->plan->places[i]);
	return n;
}

/* Decides where the function is probed. 1: refused, and listed so. */
static int judge(struct build *build, struct adding *adding)
{
	char why[512];
	int err;

	if (count_sharers(build, adding) >= LAPSE_SLOT_SHARERS) {
		snprintf(why, sizeof(why), "%d components measure it already", LAPSE_SLOT_SHARERS);
		err = refuse(build, adding, -E2BIG, why, "that is as many as can be told apart");
		return err ? err : 1;
	}
	if (adding->safety->verdict == SAFETY_REFUSED && !here_only(adding->want)) {
		err = refuse(build, adding, -EPERM, adding->safety->why,
			     adding->safety->haskell
				     ? "begin or end a keyed span there, span:FUNC(tid)..FUNC(tid)"
				     : NULL);
		return err ? err : 1;
	}
	err = choose_place(build, adding);
	if (err == -EOPNOTSUPP) {
		err = refuse(build, adding, -EINVAL, "the kernel cannot probe its first instruction",
			     "probe its caller");
		return err ? err : 1;
	}
	if (err || adding->safety->verdict == SAFETY_RETURN_PROBE || here_only(adding->want))
		return err;
	adding->by_insns = true;
	err = find_returns(build, adding);
	if (err != -EOPNOTSUPP)
		return err;
	snprintf(why, sizeof(why),
		 "a return probe could kill the process, %s; and by return instructions, %s",
		 adding->safety->why, adding->retins.why);
	err = refuse(build, adding, -EPERM, why, "probe its caller, or --force-uretprobe");
	return err ? err : 1;
}

static int add_function(struct build *build, struct adding *adding)
{
	size_t file, component;
	int err;

	if (taken(build, adding))
		return 0;
	err = judge(build, adding);
	if (err)
		return err > 0 ? 0 : err;
	err = choose_component(build, adding, &component);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = build_file(build->plan, adding->resolved->file, &file);
	return err ? err : add_places(build, adding, file, component);
}

static struct safety safety_of(const struct build *build, const struct object *object,
			       const struct function *function, const struct safety *safety)
{
	struct safety own = odd_safety(safety, function->symbol, build->options->force_uretprobe);

	return go_safety(&own, object, function);
}

int build_add(struct build *build, const struct want *want, const struct resolved *resolved,
	      const struct safety *safety)
{
	int err = 0;

	for (size_t i = 0; !err && i < resolved->matches->n; i++) {
		const struct function *function = resolved->matches->list[i].function;
		struct safety own = safety_of(build, resolved->object, function, safety);
		struct adding adding = {
			.want = want,
			.resolved = resolved,
			.function = function,
			.safety = &own,
		};

		err = add_function(build, &adding);
	}
	return err;
}
