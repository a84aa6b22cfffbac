// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions that are waits, by cause: {lock: [ProcSleep, LWLockAcquire], net: libpq:PQgetResult}. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "config/config_schema.h"

static int check_once(const struct config_walk *walk, const struct tree_entry *entry)
{
	for (size_t i = 0; i < walk->config->n_waits; i++) {
		const struct config_wait *wait = &walk->config->waits[i];

		if (strcmp(wait->function.text, entry->value.text) == 0)
			return config_bad(walk, entry->value.mark,
					  "'%s' is a wait for '%s' already, in line %zu", entry->value.text,
					  wait->cause_name, wait->function.mark.line);
	}
	return 0;
}

static int add_wait(const struct config_walk *walk, const struct config_row *row,
		    const struct tree_entry *entry)
{
	struct config_row text = *row;
	struct config *config = walk->config;
	struct config_wait wait = {row->cause, row->key, {NULL, entry->value.mark}}, *grown;
	int err = config_want_scalar(walk, row, entry);

	text.offset = 0;
	if (!err)
		err = check_once(walk, entry);
	if (!err)
		err = config_apply_text(walk, &text, entry, &wait.function.text);
	if (err)
		return err;
	grown = reallocarray(config->waits, config->n_waits + 1, sizeof(*grown));
	if (!grown) {
		free(wait.function.text);
		return -ENOMEM;
	}
	config->waits = grown;
	grown[config->n_waits++] = wait;
	return 0;
}

int config_apply_wait(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	int err = 0;

	(void)into;
	if (entry->value.kind == TREE_SCALAR)
		return add_wait(walk, row, entry);
	if (entry->value.kind != TREE_SEQUENCE)
		return config_wrong(walk, row, entry);
	if (!entry->value.n_entries)
		return config_bad(walk, entry->value.mark, "'%s' is an empty list", row->key);
	for (size_t i = 0; !err && i < entry->value.n_entries; i++)
		err = add_wait(walk, row, &entry->value.entries[i]);
	return err;
}

int config_apply_waits(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry, void *into)
{
	if (entry->value.kind == TREE_MAPPING && !entry->value.n_entries)
		return config_bad(walk, entry->value.mark, "'waits' is empty: no function is a wait");
	return config_apply_mapping(walk, row, entry, into);
}
