/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an alert sets off. Each kind is one row of a table with start, tell and stop; nothing here
 * ever blocks the loop that judges.
 */
#ifndef LAPSE_HANDLER_H
#define LAPSE_HANDLER_H

#include "config/config.h"
#include "monitor/snapshot.h"

struct handlers;

/*
 * Opens what the handlers need (files are created now, so that an unwritable one is an error at
 * start). Returns 0, or -errno after a message. @config must outlive them.
 */
int handlers_start(const struct config *config, struct handlers **handlers);

/* Tells @alert to all that want it. @json is the alert as one JSON object without a newline. */
void handlers_tell(struct handlers *handlers, const struct alert *alert, const char *component_name,
		   const char *json);

/* Reaps what has ended and ends what has run too long; call each tick. Says what failed, once a
 * handler and reason. */
void handlers_tick(struct handlers *handlers, uint64_t now_ns);

/* Waits for running handlers, at most their time limits, and releases everything. NULL is fine. */
void handlers_stop(struct handlers *handlers);

#endif
