// SPDX-License-Identifier: GPL-2.0-or-later
/* Handlers: which alerts they want, and what they do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/units.h"
#include "config/config_schema.h"

#define TIMEOUT_DEFAULT (5 * NSEC_PER_SEC)

static int unknown_violation(const struct config_walk *walk, const struct tree_entry *entry)
{
	struct text_nearest nearest = {.wanted = entry->value.text};

	for (int kind = 0; kind < OBJ_KINDS; kind++)
		text_nearest_offer(&nearest, objective_info((enum objective_kind)kind)->violation);
	if (nearest.best)
		return config_bad(walk, entry->value.mark, "unknown violation type '%s', nearest is '%s'",
				  entry->value.text, nearest.best);
	return config_bad(walk, entry->value.mark, "unknown violation type '%s'; '*' means all",
			  entry->value.text);
}

int config_apply_when(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	handler->any = strcmp(entry->value.text, "*") == 0;
	if (handler->any)
		return 0;
	for (int kind = 0; kind < OBJ_KINDS; kind++) {
		if (strcmp(objective_info((enum objective_kind)kind)->violation, entry->value.text) != 0)
			continue;
		handler->when = (enum objective_kind)kind;
		return 0;
	}
	return unknown_violation(walk, entry);
}

int config_apply_handler_component(const struct config_walk *walk, const struct config_row *row,
				   const struct tree_entry *entry, void *into)
{
	const struct config *config = walk->config;
	struct text_nearest nearest = {.wanted = entry->value.text};
	struct config_row text = *row;
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	text.offset = offsetof(struct config_handler, component);
	if (strcmp(entry->value.text, CONFIG_SYSTEM) == 0)
		return config_apply_text(walk, &text, entry, into);
	for (size_t i = 0; i < config->n_components; i++) {
		if (strcmp(config->components[i].name, entry->value.text) == 0)
			return config_apply_text(walk, &text, entry, into);
		text_nearest_offer(&nearest, config->components[i].name);
	}
	if (nearest.best)
		return config_bad(walk, entry->value.mark, "no component '%s', nearest is '%s'",
				  entry->value.text, nearest.best);
	return config_bad(walk, entry->value.mark, "no component '%s' in this file", entry->value.text);
}

static int check_argv(const struct config_walk *walk, const struct tree_node *list)
{
	if (!list->n_entries)
		return config_bad(walk, list->mark, "'exec' is an empty list");
	for (size_t i = 0; i < list->n_entries; i++)
		if (list->entries[i].value.kind != TREE_SCALAR)
			return config_bad(walk, list->entries[i].value.mark,
					  "an argument of 'exec' is text, not %s",
					  tree_kind_name(list->entries[i].value.kind));
	if (*list->entries[0].value.text != '/')
		return config_bad(walk, list->entries[0].value.mark,
				  "'%s': the program of 'exec' is an absolute path",
				  list->entries[0].value.text);
	return 0;
}

int config_apply_exec(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;
	size_t n = entry->value.n_entries;
	int err;

	if (entry->value.kind != TREE_SEQUENCE)
		return config_wrong(walk, row, entry);
	err = check_argv(walk, &entry->value);
	if (err)
		return err;
	handler->kind = HANDLER_EXEC;
	handler->argv = calloc(n + 1, sizeof(*handler->argv));
	for (size_t i = 0; handler->argv && i < n; i++) {
		handler->argv[i] = strdup(entry->value.entries[i].value.text);
		if (!handler->argv[i])
			return -ENOMEM;
	}
	return handler->argv ? 0 : -ENOMEM;
}

int config_apply_file(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;
	struct config_row text = *row;

	handler->kind = HANDLER_FILE;
	text.offset = offsetof(struct config_handler, path);
	return config_apply_text(walk, &text, entry, into);
}

static int check_handler(const struct config_walk *walk, const struct tree_node *node,
			 const struct config_handler *handler)
{
	const struct tree_entry *timeout = tree_find(node, "timeout");

	if (!handler->argv == !handler->path)
		return config_bad(walk, node->mark, "a handler takes exactly one of exec and file");
	if (timeout && handler->kind != HANDLER_EXEC)
		return config_bad(walk, timeout->mark, "'timeout' belongs to exec");
	return 0;
}

static int apply_handler(const struct config_walk *walk, const struct tree_node *node,
			 struct config_handler *handler)
{
	int err;

	handler->mark = node->mark;
	handler->timeout_ns = TIMEOUT_DEFAULT;
	err = config_walk_mapping(walk, node, IN_HANDLER, handler);
	return err ? err : check_handler(walk, node, handler);
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
