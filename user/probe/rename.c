// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of components: as short as they can be and yet unique. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "probe/build.h"

struct name_count {
	const char *name;
	size_t count;
	UT_hash_handle hh;
};

/* The names that more than one component bears; -ENOMEM or 0. */
static int count_names(const struct plan *plan, struct name_count **counts)
{
	for (size_t i = 0; i < plan->n_components; i++) {
		const char *name = plan->components[i].name;
		struct name_count *count;

		HASH_FIND_STR(*counts, name, count);
		if (!count) {
			count = calloc(1, sizeof(*count));
			if (!count)
				return -ENOMEM;
			count->name = name;
			HASH_ADD_KEYPTR(hh, *counts, name, strlen(name), count);
		}
		count->count++;
	}
	return 0;
}

static void free_counts(struct name_count *counts)
{
	struct name_count *count, *next;

	HASH_ITER (hh, counts, count, next) {
		HASH_DEL(counts, count);
		free(count);
	}
}

enum distinction { BY_SIGNATURE, BY_OBJECT, BY_NUMBER, DISTINCTIONS };

static char *distinct(const struct plan_component *component, enum distinction how, size_t index)
{
	char *name = NULL;

	switch (how) {
	case BY_SIGNATURE:
		/* Overloads of C++; other functions are called by their signature already. */
		return strdup(strchr(component->function, '(') ? component->function : component->name);
	case BY_OBJECT:
		return asprintf(&name, "%s@%s", component->name, component->object) < 0 ? NULL : name;
	default:
		return asprintf(&name, "%s#%zu", component->name, index + 1) < 0 ? NULL : name;
	}
}

/* Renames those that share their name. */
static int rename_shared(struct plan *plan, enum distinction how, bool *shared)
{
	struct name_count *counts = NULL, *count;
	char **names = calloc(plan->n_components, sizeof(*names));
	int err = names ? count_names(plan, &counts) : -ENOMEM;

	*shared = false;
	for (size_t i = 0; !err && i < plan->n_components; i++) {
		HASH_FIND_STR(counts, plan->components[i].name, count);
		if (!count || count->count < 2)
			continue;
		*shared = true;
		names[i] = distinct(&plan->components[i], how, i);
		if (!names[i])
			err = -ENOMEM;
	}
	free_counts(counts);
	for (size_t i = 0; names && i < plan->n_components; i++) {
		if (!names[i])
			continue;
		free(plan->components[i].name);
		plan->components[i].name = names[i];
	}
	free(names);
	return err;
}

int build_unique_names(struct plan *plan)
{
	bool shared = plan->n_components > 1;
	int err = 0;

	for (int how = 0; !err && shared && how < DISTINCTIONS; how++)
		err = rename_shared(plan, (enum distinction)how, &shared);
	return err;
}
