// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/diag.h"
#include "probe/body.h"
#include "probe/placement.h"
#include "probe/retins.h"
#include "probe/odd.h"

/* What makes a place unique. Entries are known by the function's own offset, wherever the probe
 * was moved to, so that aliases and moved probes cannot meet in one function. */
struct place_id {
	uint64_t file;
	uint64_t offset;
	uint64_t retins;
};

struct place_key {
	struct place_id id;
	uint32_t component;
	UT_hash_handle hh;
};

struct component_key {
	char *key;
	size_t component;
	UT_hash_handle hh;
};

/* One function on its way into the plan. */
struct adding {
	size_t spec;
	const struct resolved *resolved;
	const struct function *function;
	const struct safety *safety;
	struct placement placement;
	struct retins retins;
	bool by_insns;
};

static struct place_key *find_key(const struct build *build, const struct place_id *id)
{
	struct place_key *key;

	HASH_FIND(hh, build->keys, id, sizeof(*id), key);
	return key;
}

static int add_key(struct build *build, const struct place *place)
{
	bool retins = place->role == LAPSE_ROLE_RETINS;
	struct place_key *key = calloc(1, sizeof(*key));

	if (!key)
		return -ENOMEM;
	key->id = (struct place_id){
		.file = place->file,
		.offset = retins ? place->offset : place->entry,
		.retins = retins,
	};
	key->component = place->component;
	HASH_ADD(hh, build->keys, id, sizeof(key->id), key);
	return 0;
}

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

static int add_file(struct plan *plan, const struct mapped_file *file, size_t *index)
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

static int add_place(struct build *build, const struct place *place)
{
	struct plan *plan = build->plan;
	struct place *places = plan->places;

	/* Powers of two, so that a plan of thousands grows a few times only. */
	if ((plan->n_places & (plan->n_places - 1)) == 0)
		places = reallocarray(places, plan->n_places ? plan->n_places * 2 : 1, sizeof(*places));
	if (!places)
		return -ENOMEM;
	plan->places = places;
	places[plan->n_places++] = *place;
	plan->components[place->component].n_places++;
	return add_key(build, place);
}

/* The name under which the functions of a specification are joined, or NULL. */
static const char *joined_name(const struct build *build, const struct probe_spec *spec)
{
	if (spec->name)
		return spec->name;
	return spec->glob ? build->options->merge : NULL;
}

/*
 * What functions share a component by: a name that was given for all of them, else the object,
 * and for globs the function too. To be freed.
 */
static char *component_key(const struct build *build, size_t index, const char *object, const char *function)
{
	const struct probe_spec *spec = &build->specs[index];
	char *key = NULL;
	int n;

	if (joined_name(build, spec))
		n = spec->name ? asprintf(&key, "%zu", index) : asprintf(&key, "merge");
	else
		n = asprintf(&key, "%zu/%s/%s", index, object, spec->glob ? function : "");
	return n < 0 ? NULL : key;
}

/* Takes @key over. */
static int add_component_key(struct build *build, char *key, size_t component)
{
	struct component_key *entry = calloc(1, sizeof(*entry));

	if (!entry) {
		free(key);
		return -ENOMEM;
	}
	entry->key = key;
	entry->component = component;
	HASH_ADD_KEYPTR(hh, build->component_keys, key, strlen(key), entry);
	return 0;
}

static int new_component(struct build *build, const struct adding *adding, const char *signature)
{
	const struct probe_spec *spec = &build->specs[adding->spec];
	const char *joined = joined_name(build, spec);
	struct plan *plan = build->plan;
	struct plan_component *components = plan->components, *component;

	if ((plan->n_components & (plan->n_components - 1)) == 0)
		components = reallocarray(components, plan->n_components ? plan->n_components * 2 : 1,
					  sizeof(*components));
	if (!components)
		return -ENOMEM;
	plan->components = components;
	component = &components[plan->n_components];
	*component = (struct plan_component){
		.name = joined ? strdup(joined) : name_readable(adding->function->symbol, false),
		.function = strdup(joined ? spec->function : signature),
		.object = strdup(path_base(adding->resolved->file->name)),
		.spec = adding->spec,
	};
	plan->n_components++;
	return component->name && component->function && component->object ? 0 : -ENOMEM;
}

static int choose_component(struct build *build, const struct adding *adding, size_t *index)
{
	const char *object = path_base(adding->resolved->file->name);
	char *signature = name_readable(adding->function->symbol, true);
	char *key = signature ? component_key(build, adding->spec, object, signature) : NULL;
	struct component_key *known;
	int err = key ? 0 : -ENOMEM;

	if (err)
		goto out;
	HASH_FIND_STR(build->component_keys, key, known);
	if (known) {
		*index = known->component;
	} else if (build->extend) {
		err = -ENOENT;
	} else {
		*index = build->plan->n_components;
		err = new_component(build, adding, signature);
		if (!err) {
			err = add_component_key(build, key, *index);
			key = NULL;
		}
	}
out:
	free(key);
	free(signature);
	return err;
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
	       (adding->retins.tail_calls ? LAPSE_COMP_TAIL_CALLS : 0) |
	       (adding->by_insns && adding->safety->switches ? LAPSE_COMP_SWITCHES : 0);
}

static int add_returns(struct build *build, const struct adding *adding, const struct place *entry)
{
	const struct object *object = adding->resolved->object;
	int err = 0;

	for (size_t i = 0; !err && i < adding->retins.n; i++) {
		struct place place = *entry;
		struct place_id id = {.file = place.file, .retins = 1};

		if (!object_offset(object, adding->retins.addrs[i], &place.offset))
			continue;
		id.offset = place.offset;
		place.role = LAPSE_ROLE_RETINS;
		place.args_intact = false;
		if (!find_key(build, &id))
			err = add_place(build, &place);
	}
	return err;
}

/* Adds all places of a function that has passed every check. */
static int add_places(struct build *build, const struct adding *adding, size_t file, size_t component)
{
	struct place entry = {
		.file = file,
		.entry = adding->function->offset,
		.component = (uint32_t)component,
		.role = adding->by_insns ? LAPSE_ROLE_ENTRY_RETINS : LAPSE_ROLE_ENTRY,
		.cls = (uint8_t)adding->placement.cls,
		.args_intact = adding->placement.args_intact,
		.flags = place_flags(adding),
	};
	int err;

	if (adding->by_insns)
		entry.cls += LAPSE_CLASS_EMULATED_RETINS - LAPSE_CLASS_EMULATED;
	if (!object_offset(adding->resolved->object, adding->placement.addr, &entry.offset))
		return 0;
	err = explain(&build->plan->components[component], adding);
	if (!err)
		err = add_place(build, &entry);
	return err ? err : add_returns(build, adding, &entry);
}

/* Whether a component has the function's entry already; then it is not counted twice. */
static bool taken(struct build *build, const struct adding *adding)
{
	struct place_id id = {.offset = adding->function->offset};
	const struct plan_component *component;
	const struct place_key *key;
	char *name;

	id.file = build_find_file(build->plan, &adding->resolved->file->id);
	key = find_key(build, &id);
	if (!key)
		return false;
	component = &build->plan->components[key->component];
	name = name_readable(adding->function->symbol, false);
	if (name && !build->extend && component->spec != adding->spec)
		diag_note("%s is measured as '%s' already: '%s' adds nothing", name, component->name,
			  build->specs[adding->spec].text);
	free(name);
	return true;
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
	err = placement_choose(&body, build->resolver->decoder, &adding->placement);
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
	adding->placement.addr = adding->function->addr;
	adding->placement.cls = LAPSE_CLASS_STEPPED;
	adding->placement.args_intact = true;
	return 0;
}

/* Decides where the function is probed. 1: refused, and listed so. */
static int judge(struct build *build, struct adding *adding)
{
	char why[512];
	int err;

	if (adding->safety->verdict == SAFETY_REFUSED) {
		err = refuse(build, adding, -EPERM, adding->safety->why, NULL);
		return err ? err : 1;
	}
	err = choose_place(build, adding);
	if (err == -EOPNOTSUPP) {
		err = refuse(build, adding, -EINVAL, "the kernel cannot probe its first instruction",
			     "probe its caller");
		return err ? err : 1;
	}
	if (err || adding->safety->verdict == SAFETY_RETURN_PROBE)
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
	err = add_file(build->plan, adding->resolved->file, &file);
	return err ? err : add_places(build, adding, file, component);
}

int build_add(struct build *build, size_t spec, const struct resolved *resolved, const struct safety *safety)
{
	int err = 0;

	for (size_t i = 0; !err && i < resolved->matches->n; i++) {
		const struct function *function = resolved->matches->list[i].function;
		struct safety own = odd_safety(safety, function->symbol, build->options->force_uretprobe);
		struct adding adding = {
			.spec = spec,
			.resolved = resolved,
			.function = function,
			.safety = &own,
		};

		err = add_function(build, &adding);
	}
	return err;
}

int build_index(struct build *build)
{
	int err = 0;

	for (size_t i = 0; !err && i < build->plan->n_places; i++)
		err = add_key(build, &build->plan->places[i]);
	for (size_t i = 0; !err && i < build->plan->n_components; i++) {
		const struct plan_component *component = &build->plan->components[i];
		char *key = component_key(build, component->spec, component->object, component->function);

		err = key ? add_component_key(build, key, i) : -ENOMEM;
	}
	return err;
}

void build_release(struct build *build)
{
	struct component_key *component, *next_component;
	struct place_key *key, *next;

	HASH_ITER (hh, build->component_keys, component, next_component) {
		HASH_DEL(build->component_keys, component);
		free(component->key);
		free(component);
	}
	HASH_ITER (hh, build->keys, key, next) {
		HASH_DEL(build->keys, key);
		free(key);
	}
	for (size_t i = 0; i < build->n_refusals; i++)
		free(build->refusals[i].text);
	free(build->refusals);
	build->refusals = NULL;
	build->n_refusals = 0;
}
