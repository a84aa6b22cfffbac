// SPDX-License-Identifier: GPL-2.0-or-later
/* Contracts: objectives in their short and long form. Their keys are those of the monitor's table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/units.h"
#include "config/config_schema.h"

/* Keys of the long form that only one sort of objective has. */
static const struct {
	const char *key;
	bool per_span;
} exclusive[] = {
	{"for", false},
	{"over", false},
	{"min_samples", false},
	{"breaches", true},
};

static int check_exclusive(const struct config_walk *walk, const struct tree_entry *entry,
			   const struct objective_kind_info *info)
{
	for (size_t i = 0; i < sizeof(exclusive) / sizeof(*exclusive); i++) {
		const struct tree_entry *found = tree_find(&entry->value, exclusive[i].key);

		if (found && exclusive[i].per_span != info->per_span)
			return config_bad(walk, found->mark, "'%s' belongs to %s; '%s' is judged %s",
					  found->key,
					  info->per_span ? "window objectives" : "span objectives", info->key,
					  info->per_span ? "span by span" : "over the window");
	}
	return 0;
}

static int unknown_objective(const struct config_walk *walk, const struct tree_entry *entry)
{
	struct text_nearest nearest = {.wanted = entry->key};

	for (int kind = 0; kind < OBJ_KINDS; kind++)
		text_nearest_offer(&nearest, objective_info((enum objective_kind)kind)->key);
	if (nearest.best)
		return config_bad(walk, entry->mark, "unknown objective '%s', nearest is '%s'", entry->key,
				  nearest.best);
	return config_bad(walk, entry->mark, "unknown objective '%s'", entry->key);
}

static int parse_limit(enum quantity quantity, const char *text, double *limit)
{
	uint64_t whole = 0;
	char *end;
	int err;

	switch (quantity) {
	case QUANTITY_DURATION:
		err = units_parse_duration(text, &whole);
		break;
	case QUANTITY_RATE:
		return units_parse_rate(text, limit);
	case QUANTITY_THROUGHPUT:
		return units_parse_throughput(text, limit);
	case QUANTITY_SIZE:
		err = units_parse_size(text, &whole);
		break;
	default:
		errno = 0;
		whole = strtoull(text, &end, 10);
		err = errno || *end || !*text || text[strspn(text, "0123456789")] ? -EINVAL : 0;
	}
	if (!err)
		*limit = (double)whole;
	return err;
}

static const char *quantity_takes(enum quantity quantity)
{
	static const char *const takes[] = {
		[QUANTITY_DURATION] = "a duration such as 30ms",
		[QUANTITY_RATE] = "a share such as 0.95 or 95%",
		[QUANTITY_THROUGHPUT] = "a rate such as 1000/min",
		[QUANTITY_SIZE] = "a size such as 100MB",
		[QUANTITY_COUNT] = "a count such as 50",
	};

	return takes[quantity];
}

/* @entry's value as the limit of an objective, whose key is a row's for the messages. */
static int read_limit(const struct config_walk *walk, const struct tree_entry *entry,
		      struct objective *objective)
{
	const struct objective_kind_info *info = objective_info(objective->kind);
	const struct config_row row = {.key = info->key, .takes = quantity_takes(info->quantity)};
	const char *text = entry->value.text;
	uint64_t ns;
	int err = config_want_scalar(walk, &row, entry);

	if (err)
		return err;
	if (*text == '-')
		return config_bad(walk, entry->value.mark, "the limit '%s' must be above 0", text);
	if (info->quantity == QUANTITY_DURATION)
		err = config_duration(walk, &row, entry, &ns);
	if (err)
		return err;
	if (parse_limit(info->quantity, text, &objective->limit))
		return config_wrong(walk, &row, entry);
	if (objective->limit <= 0)
		return config_bad(walk, entry->value.mark, "the limit '%s' must be above 0", text);
	return 0;
}

int config_apply_limit(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry, void *into)
{
	(void)row;
	return read_limit(walk, entry, into);
}

int config_apply_objective_severity(const struct config_walk *walk, const struct config_row *row,
				    const struct tree_entry *entry, void *into)
{
	struct objective *objective = into;

	objective->has_severity = true;
	return config_apply_severity(walk, row, entry, &objective->severity);
}

#define BREACHES_MAX 1000000

/* "3/10s" */
static int parse_breaches(const char *text, struct objective *objective)
{
	char *slash;
	unsigned long count = strtoul(text, &slash, 10);

	if (slash == text || *slash != '/' || *text == '-' || !count || count > BREACHES_MAX)
		return -EINVAL;
	objective->breaches = (uint32_t)count;
	return units_parse_duration(slash + 1, &objective->breaches_ns) || !objective->breaches_ns ? -EINVAL
												   : 0;
}

int config_apply_breaches(const struct config_walk *walk, const struct config_row *row,
			  const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	return parse_breaches(entry->value.text, into) ? config_wrong(walk, row, entry) : 0;
}

static int apply_objective(const struct config_walk *walk, const struct tree_entry *entry,
			   struct objective *objective)
{
	const struct objective_kind_info *info = objective_by_key(entry->key);
	int err;

	if (!info)
		return unknown_objective(walk, entry);
	objective->kind = info->kind;
	if (entry->value.kind != TREE_MAPPING)
		return read_limit(walk, entry, objective);
	err = config_walk_mapping(walk, &entry->value, IN_OBJECTIVE, objective);
	return err ? err : check_exclusive(walk, entry, info);
}

int config_apply_contract(const struct config_walk *walk, const struct config_row *row,
			  const struct tree_entry *entry, void *into)
{
	struct contract *contract = &((struct config_component *)into)->contract;
	size_t n = entry->value.n_entries;
	int err = 0;

	if (entry->value.kind != TREE_MAPPING)
		return config_wrong(walk, row, entry);
	if (!n)
		return config_bad(walk, entry->value.mark,
				  "'contract' is empty; leave it out to only measure");
	contract->objectives = calloc(n, sizeof(*contract->objectives));
	if (!contract->objectives)
		return -ENOMEM;
	contract->n_objectives = n;
	for (size_t i = 0; !err && i < n; i++)
		err = apply_objective(walk, &entry->value.entries[i], &contract->objectives[i]);
	return err;
}
