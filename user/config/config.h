/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract file. libyaml's events are walked against one schema table (key, kind, bounds,
 * default, help), so that every error has its file, line and column, and `check` can explain each
 * key in the words of the same row.
 */
#ifndef LAPSE_CONFIG_H
#define LAPSE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/cgroup.h"
#include "bpf/event.h"
#include "monitor/contract.h"

/* Where a value stands in the file, from 1; for messages that come later than parsing. */
struct config_mark {
	size_t line, column;
};

/* Whom it is about, in one of these ways; or in none, where the file does not say it. */
struct config_target {
	pid_t *pids;
	size_t n_pids;
	char *exe;
	char *comm;
	struct cgroup_rule cgroup; /* cgroup, unit or container */
};

/* A piece of a probe specification. */
struct config_text {
	char *text;
	struct config_mark mark;
};

struct config_component {
	char *name;
	char *measure; /* a probe specification */
	struct config_mark name_mark, measure_mark;
	struct config_target target; /* of its own, or none */
	/* What further keys say of the probe, as its modifiers: "err(int ret != 0)"; to be put behind it. */
	struct config_text *modifiers;
	size_t n_modifiers;
	struct config_text cache, cache_hit; /* a probe of its own, and its modifier; NULL: none */
	struct config_text connections;	     /* the same, of the connections that it opens */
	struct window_spec window;
	struct contract contract;
	struct config_mark *objective_marks; /* of contract.objectives */
};

/* A function that is a wait: what blocks inside is charged to a cause. */
struct config_wait {
	enum lapse_cause cause;
	const char *cause_name;
	struct config_text function; /* as in a probe */
};

/* Severities as a file says them, by enum severity. */
extern const char *const config_severity_names[3];

enum config_handler_kind {
	HANDLER_EXEC,
	HANDLER_SIGNAL,
	HANDLER_FILE,
	HANDLER_SYSLOG,
	HANDLER_SOCKET,
	HANDLER_WEBHOOK,
	HANDLER_ALERTMANAGER,
	HANDLER_KINDS,
};

/* How an HTTP request says who sends it, and knows whom it reaches. NULL: not given. */
struct config_http {
	char *authorization; /* its type: "Bearer" */
	char *credentials, *credentials_file;
	char *username, *password, *password_file;
	char *ca_file, *cert_file, *key_file, *server_name;
	bool insecure_skip_verify;
};

struct config_handler {
	enum config_handler_kind kind;
	uint64_t when;	   /* a bit for each enum objective_kind: config_violation_kinds() */
	char **components; /* NULL-terminated; NULL: all */
	enum severity min_severity;
	bool resolved;	     /* told of resolutions too */
	char **argv;	     /* exec; NULL-terminated */
	uint64_t timeout_ns; /* exec, webhook, alertmanager; 5 s */
	char *path;	     /* file, socket: a path; webhook, alertmanager: a URL */
	int signal;
	int facility;	    /* syslog: shifted, as LOG_DAEMON */
	unsigned mode;	    /* socket */
	char *group;	    /* socket: a name or a number; NULL: lapse's own */
	uint64_t resend_ns; /* alertmanager; 1 min */
	struct config_http http;
	struct config_mark mark;
};

/* Its key in a contract file. */
const char *config_handler_name(enum config_handler_kind kind);
/* The objectives whose breaches are violations of type @violation, as bits; "*": all; 0: there is no such. */
uint64_t config_violation_kinds(const char *violation);

struct config {
	char *path;
	char *text; /* of the file */
	struct config_target target;
	struct window_spec window;
	struct thresholds thresholds;
	struct alert_policy alerts;
	struct contract system; /* the one objective over all components, the default if not in the file */
	bool system_promised;	/* it is in the file, and can be broken ... */
	struct config_mark system_mark;	     /* ... here */
	struct config_component *components; /* in the order of the file */
	size_t n_components;
	struct config_wait *waits;
	size_t n_waits;
	struct label_set labels, annotations;
	struct config_handler *handlers;
	size_t n_handlers;
};

/*
 * Reads @path. Returns 0, or after a message with line and column: -EINVAL (syntax, unknown key with
 * the nearest one, wrong kind, duplicate key, null, alias, tag), -ENOENT, -EACCES, -EPERM (handlers in
 * a file that others may write), -ENOMEM. Release with config_free().
 */
int config_read(const char *path, struct config *config);
/* The same from @length bytes at @text; @path only names it in messages. */
int config_parse(const char *path, const char *text, size_t length, struct config *config);
void config_free(struct config *config);

/* What the probes of a component tell. */
struct config_fed {
	bool has_durations;
	bool has_errors;   /* which spans failed */
	bool has_cache;	   /* hits and misses */
	bool has_connects; /* the connections that it opens */
	bool any_value;	   /* the program names its values as they come */
	const char *const *values;
	size_t n_values;
	uint64_t timeout_ns; /* spans that are open longer are given up; 0: none are */
};

/*
 * Checks that @component's probes can feed each of its objectives. Returns 0, or -EINVAL after a message
 * for each that they cannot, with its place in the file and what to write.
 */
int config_check_fed(const struct config *config, size_t component, const struct config_fed *fed);
/* The same of the objective over all components; @any_errors: one of them tells failed spans. */
int config_check_system_fed(const struct config *config, bool any_errors);

bool config_names_target(const struct config_target *target);

/* Says in words what the file promises: one paragraph a component. */
void config_explain(const struct config *config, FILE *out);

#endif
