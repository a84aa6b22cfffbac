// SPDX-License-Identifier: GPL-2.0-or-later
/* Contracts: objectives in their short and long form. Their keys are those of the monitor's table. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/units.h"
#include "config/config_schema.h"
#include "monitor/objective.h"

/* How an objective is judged. */
enum judged {
	BY_SPAN = 1 << 0,
	BY_WINDOW = 1 << 1,
	AT_TICK = 1 << 2,
	OF_SYSTEM = 1 << 3,
	BY_PERIOD = 1 << 4,
	BY_TICKS = 1 << 5,
	BY_BUDGET = 1 << 6,
};

/* Keys of the long form that only some objectives have. */
static const struct {
	const char *key;
	unsigned judged;
	const char *owners;
} exclusive[] = {
	{"for", BY_WINDOW | AT_TICK | OF_SYSTEM | BY_PERIOD | BY_TICKS | BY_BUDGET, "window objectives"},
	{"over", BY_WINDOW | OF_SYSTEM | BY_PERIOD | BY_TICKS, "window objectives"},
	{"min_samples", BY_WINDOW | OF_SYSTEM | BY_TICKS, "window objectives"},
	{"breaches", BY_SPAN, "span objectives"},
	{"since", OF_SYSTEM, "the error rate of all components"},
};

static unsigned judged(const struct objective_kind_info *info)
{
	if (info->of_system)
		return OF_SYSTEM;
	if (info->at_tick)
		return AT_TICK;
	if (info->by_period)
		return BY_PERIOD;
	if (info->by_ticks)
		return BY_TICKS;
	return info->per_span ? BY_SPAN : BY_WINDOW;
}

static const char *judged_how(const struct objective_kind_info *info)
{
	if (info->per_span)
		return "span by span";
	if (info->by_period || info->by_ticks)
		return "over a period";
	return info->at_tick ? "each second" : "over the window";
}

/* Windows are kept for so long; of uptimes each second is a byte. */
static int check_over(const struct config_walk *walk, const struct tree_entry *entry,
		      const struct objective *objective)
{
	const struct tree_entry *over = tree_find(&entry->value, "over");

	if (!over || objective_info(objective->kind)->by_ticks || objective->over_ns <= WINDOW_MAX_NS)
		return 0;
	return config_bad(walk, over->value.mark, "'%s' is out of bounds: 'over' takes 1 s to 600 s",
			  over->value.text);
}

static int check_exclusive(const struct config_walk *walk, const struct tree_entry *entry,
			   const struct objective_kind_info *info, bool by_budget)
{
	unsigned how = by_budget ? BY_BUDGET : judged(info);

	for (size_t i = 0; i < sizeof(exclusive) / sizeof(*exclusive); i++) {
		const struct tree_entry *found = tree_find(&entry->value, exclusive[i].key);

		if (found && !(exclusive[i].judged & how))
			return config_bad(walk, found->mark, "'%s' belongs to %s; '%s' is judged %s",
					  found->key, exclusive[i].owners, info->key, judged_how(info));
	}
	return 0;
}

static int unknown_objective(const struct config_walk *walk, const struct tree_entry *entry)
{
	struct text_nearest nearest = {.wanted = entry->key};

	for (int kind = 0; kind < OBJ_KINDS; kind++)
		if (!objective_info((enum objective_kind)kind)->of_system)
			text_nearest_offer(&nearest, objective_info((enum objective_kind)kind)->key);
	if (nearest.best)
		return config_bad(walk, entry->mark, "unknown objective '%s', nearest is '%s'", entry->key,
				  nearest.best);
	return config_bad(walk, entry->mark, "unknown objective '%s'", entry->key);
}

/* Of a captured value, which may be below 0. */
static int parse_signed(const char *text, double *limit)
{
	const char *digits = text + (*text == '-');

	if (!*digits || digits[strspn(digits, "0123456789")])
		return -EINVAL;
	errno = 0;
	*limit = (double)strtoll(text, NULL, 10);
	return errno ? -EINVAL : 0;
}

/* Of what is neither a duration nor a share. */
static int parse_limit(const struct objective_kind_info *info, const char *text, double *limit)
{
	uint64_t whole = 0;
	char *end;
	int err;

	if (info->names_value)
		return parse_signed(text, limit);
	switch (info->quantity) {
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

static const char *limit_takes(const struct objective_kind_info *info)
{
	static const char *const takes[] = {
		[QUANTITY_DURATION] = "a duration such as 30ms",
		[QUANTITY_RATE] = "a share such as 0.95 or 95%",
		[QUANTITY_THROUGHPUT] = "a rate such as 1000/min",
		[QUANTITY_SIZE] = "a size such as 100MB",
		[QUANTITY_COUNT] = "a count such as 50",
	};

	return info->names_value ? "a whole number such as 50, 0 or -50" : takes[info->quantity];
}

static int read_figure(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry, struct objective *objective)
{
	const struct objective_kind_info *info = objective_info(objective->kind);
	uint64_t ns;
	int err;

	if (!info->names_value && info->quantity == QUANTITY_RATE)
		return config_rate(walk, row, entry, &objective->limit);
	if (info->names_value || info->quantity != QUANTITY_DURATION)
		return parse_limit(info, entry->value.text, &objective->limit)
			       ? config_wrong(walk, row, entry)
			       : 0;
	err = config_duration(walk, row, entry, &ns);
	objective->limit = err ? 0 : (double)ns;
	return err;
}

/* A promise that nothing can break is a mistake, and its verdict would say that something was held. Of all
 * components together one is there unless it is switched off like that. */
static int check_breakable(const struct config_walk *walk, const struct tree_entry *entry,
			   const struct objective *objective)
{
	const struct objective_kind_info *info = objective_info(objective->kind);

	if (info->names_value)
		return 0;
	if (objective->limit <= 0)
		return config_bad(walk, entry->value.mark, "the limit '%s' must be above 0",
				  entry->value.text);
	if (info->quantity == QUANTITY_RATE && info->upper && !info->of_system && objective->limit >= 1)
		return config_bad(
			walk, entry->value.mark,
			"the limit '%s' can never be passed, as no rate is above 100%%; write a lower "
			"one such as 5%%, or leave '%s' out",
			entry->value.text, info->key);
	return 0;
}

/* @entry's value as the limit of an objective, whose key is a row's for the messages. */
static int read_limit(const struct config_walk *walk, const struct tree_entry *entry,
		      struct objective *objective)
{
	const struct objective_kind_info *info = objective_info(objective->kind);
	const struct config_row row = {.key = info->key, .takes = limit_takes(info)};
	const char *text = entry->value.text;
	int err = config_want_scalar(walk, &row, entry);

	if (err)
		return err;
	if (*text == '-' && !info->names_value)
		return config_bad(walk, entry->value.mark, "the limit '%s' must be above 0", text);
	return read_figure(walk, &row, entry, objective) ?: check_breakable(walk, entry, objective);
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

/* The limit, or a mapping with it. */
static int read_objective(const struct config_walk *walk, const struct tree_entry *entry,
			  const struct objective_kind_info *info, struct objective *objective)
{
	int err;

	objective->kind = info->kind;
	objective->over_ns = info->by_ticks ? UPTIME_OVER_NS : 0;
	if (entry->value.kind != TREE_MAPPING)
		return read_limit(walk, entry, objective);
	err = config_walk_mapping(walk, &entry->value, IN_OBJECTIVE, objective);
	/* What does not go with a budget is said before what does not go with the objective. */
	if (!err)
		err = config_finish_budget(walk, entry, objective);
	if (!err)
		err = check_exclusive(walk, entry, info, objective->kind != info->kind);
	return err ? err : check_over(walk, entry, objective);
}

/* ---- the contract of a component ------------------------------------------------------------- */

/* The newest spans alone are kept: a percentile that needs more of them would never be judged. */
static int check_newest(const struct config_walk *walk, const struct tree_entry *entry,
			const struct objective *objective, const struct window_spec *window)
{
	uint64_t needed = objective_samples_needed(objective);

	if (!window->last || objective->over_ns || objective_info(objective->kind)->quantile <= 0 ||
	    needed <= window->last)
		return 0;
	return config_bad(walk, entry->mark,
			  "'%s' needs %" PRIu64 " spans, and the window has the last %" PRIu32
			  ": add 'over: 10s', or a window of more",
			  entry->key, needed, window->last);
}

static int read_one(const struct config_walk *walk, const struct tree_entry *entry,
		    const struct objective_kind_info *info, struct config_component *component)
{
	size_t i = component->contract.n_objectives++;
	struct objective *objective = &component->contract.objectives[i];
	int err;

	component->objective_marks[i] = entry->mark;
	err = read_objective(walk, entry, info, objective);
	return err ? err : check_newest(walk, entry, objective, &component->window);
}

static int read_named(const struct config_walk *walk, const struct tree_entry *entry,
		      const struct objective_kind_info *info, struct config_component *component)
{
	struct objective *objective = &component->contract.objectives[component->contract.n_objectives];

	if (!*entry->key || strlen(entry->key) >= sizeof(objective->value))
		return config_bad(walk, entry->mark, "'%s' is no name of a value: it has 1 to %zu letters",
				  entry->key, sizeof(objective->value) - 1);
	strcpy(objective->value, entry->key);
	return read_one(walk, entry, info, component);
}

/* One objective, or one for each captured value that is named. */
static int apply_objective(const struct config_walk *walk, const struct tree_entry *entry,
			   struct config_component *component)
{
	const struct objective_kind_info *info = objective_by_key(entry->key);
	int err = 0;

	if (!info)
		return unknown_objective(walk, entry);
	if (!info->names_value)
		return read_one(walk, entry, info, component);
	if (entry->value.kind != TREE_MAPPING || !entry->value.n_entries)
		return config_bad(walk, entry->value.mark,
				  "'%s' takes limits of captured values, such as {batch_size: 50}",
				  info->key);
	for (size_t i = 0; !err && i < entry->value.n_entries; i++)
		err = read_named(walk, &entry->value.entries[i], info, component);
	return err;
}

/* No more objectives than this are in @node: a mapping may name one a value. */
static size_t most_objectives(const struct tree_node *node)
{
	size_t n = node->n_entries;

	for (size_t i = 0; i < node->n_entries; i++)
		n += node->entries[i].value.n_entries;
	return n;
}

int config_apply_contract(const struct config_walk *walk, const struct config_row *row,
			  const struct tree_entry *entry, void *into)
{
	struct config_component *component = into;
	size_t most = most_objectives(&entry->value);
	int err = 0;

	if (entry->value.kind != TREE_MAPPING)
		return config_wrong(walk, row, entry);
	if (!most)
		return config_bad(walk, entry->value.mark,
				  "'contract' is empty; leave it out to only measure");
	component->contract.objectives = calloc(most, sizeof(*component->contract.objectives));
	component->objective_marks = calloc(most, sizeof(*component->objective_marks));
	if (!component->contract.objectives || !component->objective_marks)
		return -ENOMEM;
	for (size_t i = 0; !err && i < entry->value.n_entries; i++)
		err = apply_objective(walk, &entry->value.entries[i], component);
	return err;
}

/* ---- the contract of all of them ---------------------------------------------------------------- */

int config_apply_system(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	struct config *config = into;
	int err = config_apply_mapping(walk, row, entry, into);

	/* Nothing is above 100%: that switches it off. */
	config->system_promised = !err && config->system.objectives->limit < 1;
	config->system_mark = entry->mark;
	return err;
}

int config_apply_system_rate(const struct config_walk *walk, const struct config_row *row,
			     const struct tree_entry *entry, void *into)
{
	struct config *config = into;
	struct objective *objective = calloc(1, sizeof(*objective));
	const struct tree_entry *since, *over;
	int err;

	(void)row;
	if (!objective)
		return -ENOMEM;
	config->system.objectives = objective;
	err = read_objective(walk, entry, objective_info(OBJ_MAX_SYSTEM_ERROR_RATE), objective);
	if (err)
		return err;
	since = tree_find(&entry->value, "since");
	over = tree_find(&entry->value, "over");
	if (since && over)
		return config_bad(walk, since->mark,
				  "'since' beside 'over': the rate is taken over one of them");
	if (!since && !over)
		objective->over_ns = objective_system_default().over_ns;
	return 0;
}

int config_apply_since(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	if (strcmp(entry->value.text, "start") != 0)
		return config_wrong(walk, row, entry);
	((struct objective *)into)->since_start = true;
	return 0;
}
