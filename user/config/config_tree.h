/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The events of libyaml as a tree of marked values, in the part of YAML that a contract file may
 * use: one document of mappings, sequences and scalars, without anchors, aliases, tags, nulls and
 * duplicate keys. What is not in that part is refused here, so the schema need not know of it.
 */
#ifndef LAPSE_CONFIG_TREE_H
#define LAPSE_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum tree_kind { TREE_SCALAR, TREE_SEQUENCE, TREE_MAPPING };

struct tree_node {
	enum tree_kind kind;
	struct config_mark mark;
	char *text; /* of a scalar */
	bool plain; /* a scalar without quotes */
	struct tree_entry *entries;
	size_t n_entries;
};

struct tree_entry {
	char *key; /* NULL in a sequence */
	struct config_mark mark;
	struct tree_node value;
};

/* Reads @text into @root. Returns 0, -EINVAL after a message, or -ENOMEM; release with tree_free(). */
int tree_read(const char *path, const char *text, size_t length, struct tree_node *root);
void tree_free(struct tree_node *root);

/* The entry of @key in the mapping @node, or NULL. */
const struct tree_entry *tree_find(const struct tree_node *node, const char *key);

/* "a mapping", "a list", "a value". */
const char *tree_kind_name(enum tree_kind kind);

#endif
