/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schema: one row a key says where it may stand, what it takes, its bounds, its default and
 * what it means. A new key is a new row. The functions in `apply` put a value in its place.
 */
#ifndef LAPSE_CONFIG_SCHEMA_H
#define LAPSE_CONFIG_SCHEMA_H

#include "config/config.h"
#include "config/config_tree.h"

/* The mappings in which a key may stand. */
enum config_context {
	IN_FILE = 1 << 0,
	IN_TARGET = 1 << 1,
	IN_WINDOW = 1 << 2,
	IN_THRESHOLDS = 1 << 3,
	IN_WARNING = 1 << 4,
	IN_CRITICAL = 1 << 5,
	IN_ALERTS = 1 << 6,
	IN_COMPONENT = 1 << 7,
	IN_OBJECTIVE = 1 << 8,
	IN_HANDLER = 1 << 9,
	IN_CACHE = 1 << 10,
	IN_SYSTEM = 1 << 11,
	IN_WAITS = 1 << 12,
	IN_AUTHORIZATION = 1 << 13,
	IN_BASIC_AUTH = 1 << 14,
	IN_TLS = 1 << 15,
};

struct config_walk {
	const char *path;
	struct config *config;
};

struct config_row;
typedef int config_apply(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry, void *into);

struct config_row {
	unsigned in; /* enum config_context */
	const char *key;
	config_apply *apply;
	size_t offset;		    /* of the place in what the context fills */
	enum config_context inside; /* the context of the mapping that the key holds */
	double min, max;	    /* inclusive; durations in ns */
	enum lapse_cause cause;	    /* of functions that are waits */
	enum cgroup_by by;	    /* of targets by control group: in which way */
	bool required;
	const char *takes; /* "a duration such as 60s" */
	const char *help;
};

/* The rows, in the order in which they are applied: what others inherit from comes first. */
extern const struct config_row config_rows[];
extern const size_t config_n_rows;

/*
 * Checks that every key of @node may stand in @context, then applies the rows of @context to @into.
 * Returns 0, or after a message -EINVAL or -ENOMEM.
 */
int config_walk_mapping(const struct config_walk *walk, const struct tree_node *node,
			enum config_context context, void *into);

/* Prints a message at @mark and gives -EINVAL. */
#define config_bad(walk, mark, ...)                                             \
	({                                                                      \
		diag_at((walk)->path, (mark).line, (mark).column, __VA_ARGS__); \
		-EINVAL;                                                        \
	})

/* Where @entry is a scalar returns 0, else says what @row takes. */
int config_want_scalar(const struct config_walk *walk, const struct config_row *row,
		       const struct tree_entry *entry);
/* Says that @entry's value is not what @row takes. */
int config_wrong(const struct config_walk *walk, const struct config_row *row,
		 const struct tree_entry *entry);

/* Letters, digits and underscores, no digit first. */
bool config_is_name(const char *text);

/* A duration; the message of one without a unit says so. */
int config_duration(const struct config_walk *walk, const struct config_row *row,
		    const struct tree_entry *entry, uint64_t *ns);

/* A share; the message of percents that are not said to be some says so. */
int config_rate(const struct config_walk *walk, const struct config_row *row, const struct tree_entry *entry,
		double *rate);

/* Single values: at @row's offset in @into, within its bounds. */
config_apply config_apply_duration, config_apply_ticks, config_apply_rate, config_apply_number,
	config_apply_u32, config_apply_u64, config_apply_bool, config_apply_text, config_apply_severity;
/* The name of the objective over all components. */
#define CONFIG_SYSTEM "system"

/* Has @objective, of @entry's mapping, judged by a budget if that says so. 0, or -EINVAL after a message. */
int config_finish_budget(const struct config_walk *walk, const struct tree_entry *entry,
			 struct objective *objective);

/* A mapping inside: its rows fill the place at the offset. */
config_apply config_apply_mapping;
/* The parts of the file. */
config_apply config_apply_version, config_apply_target, config_apply_pids, config_apply_comm,
	config_apply_group, config_apply_window, config_apply_waits, config_apply_wait,
	config_apply_thresholds, config_apply_system, config_apply_components, config_apply_measure,
	config_apply_modifier, config_apply_values, config_apply_timeout, config_apply_cache_measure,
	config_apply_cache_hit, config_apply_connections, config_apply_contract, config_apply_limit,
	config_apply_system_rate, config_apply_since, config_apply_mode, config_apply_objective_severity,
	config_apply_breaches, config_apply_handlers, config_apply_when, config_apply_handler_component,
	config_apply_exec, config_apply_file, config_apply_signal, config_apply_syslog, config_apply_socket,
	config_apply_socket_mode, config_apply_webhook, config_apply_alertmanager, config_apply_secret,
	config_apply_authorization, config_apply_basic_auth, config_apply_tls, config_apply_labels;

/* Adds copies to @to; 0 or -ENOMEM. */
int config_labels_copy(const struct label_set *from, struct label_set *to);
void config_labels_free(struct label_set *labels);
void config_http_free(struct config_http *http);

#endif
