// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts of a contract file: target, window, thresholds, components and their contracts. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/units.h"
#include "bpf/event.h"
#include "config/config_schema.h"

int config_apply_version(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);

	(void)into;
	if (err || strcmp(entry->value.text, "1") == 0)
		return err;
	return config_bad(walk, entry->value.mark, "format version '%s' is not known; this lapse reads 1",
			  entry->value.text);
}

/* ---- target and window -------------------------------------------------------------------- */

int config_apply_target(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	const struct tree_node *target = &entry->value;
	int err = config_apply_mapping(walk, row, entry, into);

	if (!err && !target->n_entries)
		return config_bad(walk, target->mark,
				  "'target' takes one of pid, exe, comm, cgroup, unit and container");
	if (!err && target->n_entries > 1)
		return config_bad(walk, target->entries[1].mark,
				  "'%s' beside '%s': a target is named in one way; a component may have "
				  "another target of its own",
				  target->entries[1].key, target->entries[0].key);
	return err;
}

int config_apply_group(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry, void *into)
{
	struct cgroup_rule *rule = (struct cgroup_rule *)((char *)into + row->offset);
	int err = config_want_scalar(walk, row, entry);
	const char *wanted;

	if (!err && cgroup_rule_parse(row->by, entry->value.text, rule, &wanted))
		return config_bad(walk, entry->value.mark, "'%s' is not %s", entry->value.text, wanted);
	return err;
}

int config_apply_comm(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	if (entry->value.kind == TREE_SCALAR && strlen(entry->value.text) >= LAPSE_COMM_LEN)
		return config_bad(walk, entry->value.mark, "'%s': the kernel keeps %d bytes of a name",
				  entry->value.text, LAPSE_COMM_LEN - 1);
	return config_apply_text(walk, row, entry, into);
}

static int add_pid(const struct config_walk *walk, const struct config_row *row,
		   const struct tree_entry *entry, struct config_target *target)
{
	struct config_row number = *row;
	uint64_t pid;
	pid_t *grown;
	int err;

	number.min = 1;
	number.max = INT_MAX;
	err = config_apply_u64(walk, &number, entry, &pid);
	if (err)
		return err;
	grown = reallocarray(target->pids, target->n_pids + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	target->pids = grown;
	target->pids[target->n_pids++] = (pid_t)pid;
	return 0;
}

int config_apply_pids(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	int err = 0;

	if (entry->value.kind != TREE_SEQUENCE)
		return add_pid(walk, row, entry, into);
	if (!entry->value.n_entries)
		return config_bad(walk, entry->value.mark, "'pid' is an empty list");
	for (size_t i = 0; !err && i < entry->value.n_entries; i++)
		err = add_pid(walk, row, &entry->value.entries[i], into);
	return err;
}

int config_apply_window(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	struct window_spec *window = (struct window_spec *)((char *)into + row->offset);
	struct config_row duration = *row;

	if (entry->value.kind == TREE_MAPPING)
		return config_apply_mapping(walk, row, entry, into);
	window->last = 0;
	duration.offset = offsetof(struct window_spec, duration_ns);
	duration.min = NSEC_PER_SEC;
	duration.max = (double)window->max_ns;
	return config_apply_ticks(walk, &duration, entry, window);
}

/* ---- thresholds ----------------------------------------------------------------------------- */

/* Where the file says @level's @key, else @otherwise. */
static struct config_mark mark_of(const struct tree_entry *thresholds, const char *level, const char *key)
{
	const struct tree_entry *inner = tree_find(&thresholds->value, level);

	inner = inner ? tree_find(&inner->value, key) : NULL;
	return inner ? inner->value.mark : thresholds->mark;
}

/* Levels may come from the file and from the component; together they must be in order. */
int config_apply_thresholds(const struct config_walk *walk, const struct config_row *row,
			    const struct tree_entry *entry, void *into)
{
	const struct thresholds *t = (const struct thresholds *)((char *)into + row->offset);
	int err = config_apply_mapping(walk, row, entry, into);

	if (err)
		return err;
	if (t->critical_multiplier < t->warning_multiplier)
		return config_bad(walk, mark_of(entry, "critical", "latency_multiplier"),
				  "the critical latency_multiplier %g is below the warning one %g",
				  t->critical_multiplier, t->warning_multiplier);
	if (t->critical_uptime > t->warning_uptime)
		return config_bad(walk, mark_of(entry, "critical", "uptime"),
				  "the critical uptime %g is above the warning one %g", t->critical_uptime,
				  t->warning_uptime);
	return 0;
}

/* ---- components ----------------------------------------------------------------------------- */

static int check_name(const struct config_walk *walk, const struct tree_entry *entry)
{
	if (!*entry->key)
		return config_bad(walk, entry->mark, "a component needs a name");
	if (strcmp(entry->key, CONFIG_SYSTEM) == 0)
		return config_bad(walk, entry->mark, "'%s' is the name of all components together",
				  entry->key);
	for (const char *c = entry->key; *c; c++)
		if (iscntrl((unsigned char)*c))
			return config_bad(walk, entry->mark,
					  "a control character in the name of a component");
	return 0;
}

/* Hits are those of the component's own spans, or those of a cache beside it. */
static int check_one_cache(const struct config_walk *walk, const struct tree_node *component)
{
	const struct tree_entry *hit = tree_find(component, "hit");

	if (hit && tree_find(component, "cache"))
		return config_bad(walk, hit->mark,
				  "'hit' beside 'cache': either the component's own spans are look-ups, or "
				  "those of the cache");
	return 0;
}

static int apply_component(const struct config_walk *walk, const struct tree_entry *entry,
			   struct config_component *component)
{
	int err = check_name(walk, entry);

	if (err)
		return err;
	if (entry->value.kind != TREE_MAPPING)
		return config_bad(walk, entry->value.mark,
				  "component '%s' takes a mapping such as {measure: FUNC}, not %s",
				  entry->key, tree_kind_name(entry->value.kind));
	component->name = strdup(entry->key);
	component->name_mark = entry->mark;
	component->window = walk->config->window;
	component->contract.thresholds = walk->config->thresholds;
	component->contract.alerts = walk->config->alerts;
	if (!component->name || config_labels_copy(&walk->config->labels, &component->contract.labels) ||
	    config_labels_copy(&walk->config->annotations, &component->contract.annotations))
		return -ENOMEM;
	err = config_walk_mapping(walk, &entry->value, IN_COMPONENT, component);
	return err ? err : check_one_cache(walk, &entry->value);
}

int config_apply_components(const struct config_walk *walk, const struct config_row *row,
			    const struct tree_entry *entry, void *into)
{
	struct config *config = into;
	size_t n = entry->value.n_entries;
	int err = 0;

	if (entry->value.kind != TREE_MAPPING)
		return config_wrong(walk, row, entry);
	if (!n)
		return config_bad(walk, entry->value.mark,
				  "'components' is empty: nothing would be measured");
	config->components = calloc(n, sizeof(*config->components));
	if (!config->components)
		return -ENOMEM;
	config->n_components = n;
	for (size_t i = 0; !err && i < n; i++)
		err = apply_component(walk, &entry->value.entries[i], &config->components[i]);
	return err;
}
