// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The probes of a component: what is measured, and further keys as the modifiers that say the same on
 * the command line. They are put together here and parsed where probes are; what stands in brackets must
 * not end them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "bpf/event.h"
#include "config/config_schema.h"

static int read_probe(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, char **probe)
{
	struct config_row text = *row;

	if (entry->value.kind != TREE_SCALAR)
		return config_bad(walk, entry->value.mark,
				  "'%s' takes a probe, not %s: a probe with braces, brackets or colons needs "
				  "quotes, quote this",
				  row->key, tree_kind_name(entry->value.kind));
	text.offset = 0;
	return config_apply_text(walk, &text, entry, probe);
}

int config_apply_measure(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry, void *into)
{
	struct config_component *component = into;

	component->measure_mark = entry->value.mark;
	return read_probe(walk, row, entry, &component->measure);
}

/* ---- modifiers ---------------------------------------------------------------------------- */

static int check_inside(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry)
{
	const char *text = entry->value.text;
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	if (!text[strspn(text, " ")])
		return config_bad(walk, entry->value.mark, "'%s' is empty", entry->key);
	if (strpbrk(text, "()"))
		return config_bad(walk, entry->value.mark,
				  "'%s' has brackets: write only what stands between them on the command "
				  "line, such as \"int ret < 0\"",
				  text);
	return 0;
}

/* @before, the entry's text, and a closing bracket. */
static int compose(const char *before, const struct tree_entry *entry, struct config_text *out)
{
	out->mark = entry->value.mark;
	return asprintf(&out->text, "%s%s)", before, entry->value.text) < 0 ? -ENOMEM : 0;
}

static struct config_text *add_modifier(struct config_component *component)
{
	struct config_text *grown =
		reallocarray(component->modifiers, component->n_modifiers + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	component->modifiers = grown;
	grown += component->n_modifiers++;
	*grown = (struct config_text){0};
	return grown;
}

static int append(struct config_component *component, const char *before, const struct tree_entry *entry)
{
	struct config_text *modifier = add_modifier(component);

	return modifier ? compose(before, entry, modifier) : -ENOMEM;
}

/* Its name on the command line is the key. */
int config_apply_modifier(const struct config_walk *walk, const struct config_row *row,
			  const struct tree_entry *entry, void *into)
{
	char before[16];
	int err = check_inside(walk, row, entry);

	snprintf(before, sizeof(before), "%s(", row->key);
	return err ? err : append(into, before, entry);
}

static int apply_value(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry, struct config_component *component)
{
	char before[64];
	int err;

	if (!config_is_name(entry->key) || strlen(entry->key) >= LAPSE_VALUE_NAME)
		return config_bad(
			walk, entry->mark,
			"'%s' cannot name a value: up to %d letters, digits and '_', no digit first",
			entry->key, LAPSE_VALUE_NAME - 1);
	err = check_inside(walk, row, entry);
	snprintf(before, sizeof(before), "value(%s=", entry->key);
	return err ? err : append(component, before, entry);
}

int config_apply_values(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	const struct config_row one = {.key = row->key, .takes = "an argument or ret, such as \"int arg1\""};
	int err = 0;

	if (entry->value.kind != TREE_MAPPING)
		return config_wrong(walk, row, entry);
	if (entry->value.n_entries > LAPSE_VALUES)
		return config_bad(walk, entry->value.entries[LAPSE_VALUES].mark,
				  "at most %d values are captured with a span", LAPSE_VALUES);
	for (size_t i = 0; !err && i < entry->value.n_entries; i++)
		err = apply_value(walk, &one, &entry->value.entries[i], into);
	return err;
}

int config_apply_timeout(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry, void *into)
{
	struct config_text *modifier;
	uint64_t ns;
	int err = config_apply_duration(walk, row, entry, &ns);

	if (err)
		return err;
	modifier = add_modifier(into);
	if (!modifier)
		return -ENOMEM;
	modifier->mark = entry->value.mark;
	return asprintf(&modifier->text, "timeout=%s", entry->value.text) < 0 ? -ENOMEM : 0;
}

int config_apply_connections(const struct config_walk *walk, const struct config_row *row,
			     const struct tree_entry *entry, void *into)
{
	struct config_component *component = into;

	component->connections.mark = entry->value.mark;
	return read_probe(walk, row, entry, &component->connections.text);
}

/* ---- a cache beside the component ------------------------------------------------------------ */

int config_apply_cache_measure(const struct config_walk *walk, const struct config_row *row,
			       const struct tree_entry *entry, void *into)
{
	struct config_component *component = into;

	component->cache.mark = entry->value.mark;
	return read_probe(walk, row, entry, &component->cache.text);
}

int config_apply_cache_hit(const struct config_walk *walk, const struct config_row *row,
			   const struct tree_entry *entry, void *into)
{
	struct config_component *component = into;
	int err = check_inside(walk, row, entry);

	return err ? err : compose("hit(", entry, &component->cache_hit);
}
