// SPDX-License-Identifier: GPL-2.0-or-later
/* Handlers: which alerts they want, and that each has one thing to do and only keys that go with it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/units.h"
#include "config/config_schema.h"

#define TIMEOUT_DEFAULT (5 * NSEC_PER_SEC)
#define RESEND_DEFAULT	(60 * NSEC_PER_SEC)
#define MODE_DEFAULT	0600

#define BIT(kind) (1U << (kind))
#define OF_HTTP	  (BIT(HANDLER_WEBHOOK) | BIT(HANDLER_ALERTMANAGER))

static const char *const names[HANDLER_KINDS] = {
	[HANDLER_EXEC] = "exec",
	[HANDLER_SIGNAL] = "signal",
	[HANDLER_FILE] = "file",
	[HANDLER_SYSLOG] = "syslog",
	[HANDLER_SOCKET] = "socket",
	[HANDLER_WEBHOOK] = "webhook",
	[HANDLER_ALERTMANAGER] = "alertmanager",
};

/* Keys that go with some kinds only. */
static const struct {
	const char *key;
	unsigned kinds;
	const char *belongs; /* to whom, in words */
} options[] = {
	{"timeout", BIT(HANDLER_EXEC) | OF_HTTP, "exec, webhook and alertmanager"},
	{"resolved", BIT(HANDLER_EXEC) | BIT(HANDLER_SIGNAL) | BIT(HANDLER_FILE),
	 "exec, signal and file; the others are always told"},
	{"mode", BIT(HANDLER_SOCKET), "socket"},
	{"group", BIT(HANDLER_SOCKET), "socket"},
	{"resend", BIT(HANDLER_ALERTMANAGER), "alertmanager"},
	{"authorization", OF_HTTP, "webhook and alertmanager"},
	{"basic_auth", OF_HTTP, "webhook and alertmanager"},
	{"tls_config", OF_HTTP, "webhook and alertmanager"},
};

/* Who is told of the end of an alert without being asked for it. */
static const unsigned always_told = BIT(HANDLER_SYSLOG) | BIT(HANDLER_SOCKET) | OF_HTTP;

const char *config_handler_name(enum config_handler_kind kind)
{
	return names[kind];
}

/* ---- which alerts -------------------------------------------------------------------------------- */

uint64_t config_violation_kinds(const char *violation)
{
	uint64_t kinds = 0;

	for (int kind = 0; kind < OBJ_KINDS; kind++)
		if (strcmp(violation, "*") == 0 ||
		    strcmp(objective_info((enum objective_kind)kind)->violation, violation) == 0)
			kinds |= 1ULL << kind;
	return kinds;
}

/* By the objective's key, or without the end that all types have. */
static bool is_said_otherwise(const char *wanted, const struct objective_kind_info *info)
{
	size_t length = strlen(wanted);

	return strcmp(wanted, info->key) == 0 || (strncasecmp(wanted, info->violation, length) == 0 &&
						  strcmp(info->violation + length, "_VIOLATION") == 0);
}

static int unknown_violation(const struct config_walk *walk, const struct tree_entry *entry)
{
	struct text_nearest nearest = {.wanted = entry->value.text};

	for (int kind = 0; kind < OBJ_KINDS; kind++) {
		const struct objective_kind_info *info = objective_info((enum objective_kind)kind);

		if (is_said_otherwise(nearest.wanted, info))
			nearest = (struct text_nearest){.wanted = nearest.wanted, .best = info->violation};
		else if (!nearest.best || nearest.distance)
			text_nearest_offer(&nearest, info->violation);
	}
	if (nearest.best)
		return config_bad(walk, entry->value.mark, "unknown violation type '%s', nearest is '%s'",
				  entry->value.text, nearest.best);
	return config_bad(walk, entry->value.mark,
			  "unknown violation type '%s'; write such as LATENCY_VIOLATION, or '*' for all",
			  entry->value.text);
}

static int add_violation(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry, struct config_handler *handler)
{
	int err = config_want_scalar(walk, row, entry);
	uint64_t kinds = err ? 0 : config_violation_kinds(entry->value.text);

	if (err)
		return err;
	handler->when |= kinds;
	return kinds ? 0 : unknown_violation(walk, entry);
}

typedef int add_one(const struct config_walk *walk, const struct config_row *row,
		    const struct tree_entry *entry, struct config_handler *handler);

/* One, or a list of them. */
static int add_each(const struct config_walk *walk, const struct config_row *row,
		    const struct tree_entry *entry, struct config_handler *handler, add_one *add)
{
	int err = 0;

	if (entry->value.kind != TREE_SEQUENCE)
		return add(walk, row, entry, handler);
	if (!entry->value.n_entries)
		return config_bad(walk, entry->value.mark, "'%s' is an empty list", row->key);
	for (size_t i = 0; !err && i < entry->value.n_entries; i++)
		err = add(walk, row, &entry->value.entries[i], handler);
	return err;
}

int config_apply_when(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	return add_each(walk, row, entry, into, add_violation);
}

static int unknown_component(const struct config_walk *walk, const struct tree_entry *entry)
{
	const struct config *config = walk->config;
	struct text_nearest nearest = {.wanted = entry->value.text};

	for (size_t i = 0; i < config->n_components; i++)
		text_nearest_offer(&nearest, config->components[i].name);
	if (nearest.best)
		return config_bad(walk, entry->value.mark, "no component '%s', nearest is '%s'",
				  entry->value.text, nearest.best);
	return config_bad(walk, entry->value.mark, "no component '%s' in this file", entry->value.text);
}

static bool is_component(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_components; i++)
		if (strcmp(config->components[i].name, name) == 0)
			return true;
	return strcmp(name, CONFIG_SYSTEM) == 0;
}

static int add_component(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry, struct config_handler *handler)
{
	int err = config_want_scalar(walk, row, entry);
	char **grown;
	size_t n = 0;

	if (err)
		return err;
	if (!is_component(walk->config, entry->value.text))
		return unknown_component(walk, entry);
	while (handler->components && handler->components[n])
		n++;
	grown = reallocarray(handler->components, n + 2, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	handler->components = grown;
	grown[n] = strdup(entry->value.text);
	grown[n + 1] = NULL;
	return grown[n] ? 0 : -ENOMEM;
}

int config_apply_handler_component(const struct config_walk *walk, const struct config_row *row,
				   const struct tree_entry *entry, void *into)
{
	return add_each(walk, row, entry, into, add_component);
}

/* ---- one thing to do ------------------------------------------------------------------------------- */

static int check_one_kind(const struct config_walk *walk, const struct tree_node *node)
{
	size_t n = 0;

	for (int kind = 0; kind < HANDLER_KINDS; kind++)
		n += tree_find(node, names[kind]) != NULL;
	if (n == 1)
		return 0;
	return config_bad(walk, node->mark,
			  "a handler takes exactly one of exec, signal, file, syslog, socket, webhook and "
			  "alertmanager");
}

static int check_options(const struct config_walk *walk, const struct tree_node *node,
			 const struct config_handler *handler)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		const struct tree_entry *entry = tree_find(node, options[i].key);

		if (entry && !(options[i].kinds & BIT(handler->kind)))
			return config_bad(walk, entry->mark, "'%s' belongs to %s", options[i].key,
					  options[i].belongs);
	}
	return 0;
}

static int apply_handler(const struct config_walk *walk, const struct tree_node *node,
			 struct config_handler *handler)
{
	int err;

	handler->mark = node->mark;
	handler->timeout_ns = TIMEOUT_DEFAULT;
	handler->resend_ns = RESEND_DEFAULT;
	handler->mode = MODE_DEFAULT;
	err = config_walk_mapping(walk, node, IN_HANDLER, handler);
	if (!err)
		err = check_one_kind(walk, node) ?: check_options(walk, node, handler);
	handler->resolved |= (always_told & BIT(handler->kind)) != 0;
	return err;
}

int config_apply_handlers(const struct config_walk *walk, const struct config_row *row,
			  const struct tree_entry *entry, void *into)
{
	struct config *config = into;
	size_t n = entry->value.n_entries;
	int err = 0;

	if (entry->value.kind != TREE_SEQUENCE)
		return config_wrong(walk, row, entry);
	config->handlers = calloc(n + 1, sizeof(*config->handlers));
	if (!config->handlers)
		return -ENOMEM;
	config->n_handlers = n;
	for (size_t i = 0; !err && i < n; i++)
		err = apply_handler(walk, &entry->value.entries[i].value, &config->handlers[i]);
	return err;
}
