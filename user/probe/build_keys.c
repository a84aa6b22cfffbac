// SPDX-License-Identifier: GPL-2.0-or-later
/* What a plan has already: places by where they are and what for, components by what shares them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "probe/build.h"

struct place_key {
	struct place_id id;
	size_t place;
	UT_hash_handle hh;
};

struct component_key {
	char *key;
	size_t component;
	UT_hash_handle hh;
};

/* What a place is there for, if not for one component. */
enum purpose {
	PURPOSE_RETURN = 1,
	PURPOSE_NAMED_MARKER,
	PURPOSE_FUNCTION,
	PURPOSE_MERGED,
	PURPOSE_SPEC = 256
};

/* A specification measures a function once, whatever its aliases; so do all that are joined. */
static uint64_t purpose_of_spec(const struct build *build, size_t spec)
{
	if (build->specs[spec].glob && !build->specs[spec].name && build->options->merge)
		return PURPOSE_MERGED;
	return PURPOSE_SPEC + spec;
}

/* Entries are known by the function's own offset, wherever the probe was moved to, so that aliases and
 * moved probes cannot meet in one function. */
struct place_id build_place_id(const struct build *build, const struct place *place, size_t spec)
{
	struct place_id id = {.file = place->file, .offset = place->entry};

	if (place->role == LAPSE_ROLE_RETINS) {
		id.offset = place->offset;
		id.purpose = PURPOSE_RETURN;
	} else if (place->role == LAPSE_ROLE_MARKER_NAMED) {
		/* One probe there tells all components apart. */
		id.purpose = PURPOSE_NAMED_MARKER;
	} else {
		id.purpose = purpose_of_spec(build, spec) << 8 | (place->edge & LAPSE_EDGE_MASK);
	}
	return id;
}

struct place *build_find_place(const struct build *build, const struct place_id *id)
{
	struct place_key *key;

	HASH_FIND(hh, build->keys, id, sizeof(*id), key);
	return key ? &build->plan->places[key->place] : NULL;
}

static struct place_id function_id(const struct place *place)
{
	return (struct place_id){place->file, place->entry, PURPOSE_FUNCTION};
}

struct place *build_find_function(const struct build *build, const struct place *place)
{
	struct place_id id = function_id(place);

	return build_find_place(build, &id);
}

static int add_key(struct build *build, const struct place_id *id, size_t index)
{
	struct place_key *key = calloc(1, sizeof(*key));

	if (!key)
		return -ENOMEM;
	key->id = *id;
	key->place = index;
	HASH_ADD(hh, build->keys, id, sizeof(key->id), key);
	return 0;
}

int build_add_place_key(struct build *build, size_t index)
{
	const struct place *place = &build->plan->places[index];
	struct place_id id = build_place_id(build, place, build->plan->components[place->component].spec);
	struct place_id function = function_id(place);
	int err = add_key(build, &id, index);

	if (!err && build_is_entry(place) && !build_find_place(build, &function))
		err = add_key(build, &function, index);
	return err;
}

/*
 * What functions share a component by: a name that was given for all of them, the two places of a
 * span, else the object, and for globs the function too. Markers do by their name, in whatever object.
 * To be freed.
 */
char *build_component_key(const struct build *build, size_t index, const char *object, const char *function)
{
	const struct probe_spec *spec = &build->specs[index];
	char *key = NULL;
	int n;

	if (spec->name || (spec->kind != SPEC_FUNCTION && !spec->glob))
		n = asprintf(&key, "%zu", index);
	else if (spec->glob && build->options->merge)
		n = asprintf(&key, "merge");
	else if (spec->kind == SPEC_MARKER)
		n = asprintf(&key, "%zu//%s", index, function);
	else
		n = asprintf(&key, "%zu/%s/%s", index, object, spec->glob ? function : "");
	return n < 0 ? NULL : key;
}

/* Takes @key over. */
int build_add_component_key(struct build *build, char *key, size_t component)
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

bool build_find_component(const struct build *build, const char *key, size_t *component)
{
	struct component_key *known;

	HASH_FIND_STR(build->component_keys, key, known);
	if (known)
		*component = known->component;
	return known;
}

int build_index(struct build *build)
{
	int err = 0;

	for (size_t i = 0; !err && i < build->plan->n_places; i++)
		err = build_add_place_key(build, i);
	for (size_t i = 0; !err && i < build->plan->n_components; i++) {
		const struct plan_component *component = &build->plan->components[i];
		char *key =
			build_component_key(build, component->spec, component->object, component->function);

		err = key ? build_add_component_key(build, key, i) : -ENOMEM;
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
