/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an alert sets off. Each kind is one row of a table (handlers.c) with start, tell, tick and stop, and a
 * file of its own; nothing here ever blocks the loop that judges, but for handlers_stop().
 */
#ifndef LAPSE_HANDLER_H
#define LAPSE_HANDLER_H

#include "config/config.h"
#include "monitor/snapshot.h"

struct handlers;

/* A process that is measured. */
struct handler_target {
	pid_t pid;
	int pidfd; /* surely of it; to be closed */
};

/* Finds those there are now: *list is to be freed. 0 or -errno. */
struct handler_targets {
	int (*open)(void *context, struct handler_target **list, size_t *n);
	void *context;
};

/*
 * Opens what the handlers need (files are created now, so that an unwritable one is an error at start).
 * Returns 0, or -errno after a message. @config must outlive them. Where @before is not NULL, those handlers
 * are to be replaced: handlers_take_over() follows, or handlers_stop(), and @before is as it was until then.
 */
int handlers_start(const struct config *config, const struct handler_targets *targets,
		   struct handlers *before, struct handlers **handlers);

/* Warns of each handler that could not start here, and starts none: elsewhere that may differ. */
void handlers_check(const struct config *config);

/* Takes from those before what belongs to both: the readers of a socket, alerts that fire. They go on with
 * what they have begun until they are stopped. */
void handlers_take_over(struct handlers *handlers);

/* Tells @alert to all that want it. @json is the alert as one JSON object without a newline, @text as a line
 * for people. */
void handlers_tell(struct handlers *handlers, const struct alert *alert, const char *component_name,
		   const char *json, const char *text);

/* Tells an alert that fires already to those that have come anew and keep account of what fires. */
void handlers_tell_standing(struct handlers *handlers, const struct alert *alert, const char *component_name,
			    const char *json, const char *text);

/* Reaps what has ended, ends what has run too long, sends again what is due; call each tick. Says what
 * failed, once a handler and reason. */
void handlers_tick(struct handlers *handlers, uint64_t now_ns);

/* Whether some have still to do what they were told, and their time limits have not passed since @since_ns.
 */
bool handlers_busy(struct handlers *handlers, uint64_t since_ns, uint64_t now_ns);

/* Drops what has not begun, says how much that is, and has the rest end soon. */
void handlers_hurry(struct handlers *handlers);

/* How they have fared, in the order of the file; valid until the next call. */
const struct handler_stats *handlers_stats(struct handlers *handlers, size_t *n);

/* Why handlers over HTTP cannot be used here; NULL: they can. */
const char *handlers_http_lacking(void);

/* Waits for running handlers, at most their time limits, says what is dropped then, and releases everything.
 * NULL is fine. */
void handlers_stop(struct handlers *handlers);

#endif
