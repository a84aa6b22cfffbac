// SPDX-License-Identifier: GPL-2.0-or-later
/* Labels and annotations: a mapping of names to texts, of the file and of its components. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "config/config_schema.h"

/* What lapse itself says of an alert. */
static const char *const taken[] = {"alertname", "component", "severity", "measured",
				    "limit",	 "cause",     "summary"};

static int check(const struct config_walk *walk, const struct tree_entry *label)
{
	if (label->value.kind != TREE_SCALAR)
		return config_bad(walk, label->value.mark, "'%s' takes text, not %s", label->key,
				  tree_kind_name(label->value.kind));
	if (!config_is_name(label->key))
		return config_bad(walk, label->mark,
				  "'%s': such a name has letters, digits and underscores, and begins with no "
				  "digit",
				  label->key);
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (strcmp(taken[i], label->key) == 0)
			return config_bad(walk, label->mark, "'%s' is what lapse itself says of an alert",
					  label->key);
	return 0;
}

static int set_value(struct label *label, const char *value)
{
	free(label->value);
	label->value = strdup(value);
	return label->value ? 0 : -ENOMEM;
}

static int set(struct label_set *set, const char *name, const char *value)
{
	struct label *grown;

	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->list[i].name, name) == 0)
			return set_value(&set->list[i], value);
	grown = reallocarray(set->list, set->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->list = grown;
	grown[set->n] = (struct label){strdup(name), strdup(value)};
	set->n++;
	return grown[set->n - 1].name && grown[set->n - 1].value ? 0 : -ENOMEM;
}

int config_apply_labels(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	struct label_set *labels = (struct label_set *)((char *)into + row->offset);
	int err = 0;

	if (entry->value.kind != TREE_MAPPING)
		return config_wrong(walk, row, entry);
	for (size_t i = 0; !err && i < entry->value.n_entries; i++) {
		const struct tree_entry *label = &entry->value.entries[i];

		err = check(walk, label) ?: set(labels, label->key, label->value.text);
	}
	return err;
}

int config_labels_copy(const struct label_set *from, struct label_set *to)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++)
		err = set(to, from->list[i].name, from->list[i].value);
	return err;
}

void config_labels_free(struct label_set *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		free(labels->list[i].name);
		free(labels->list[i].value);
	}
	free(labels->list);
	*labels = (struct label_set){0};
}
