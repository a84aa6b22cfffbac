/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the handlers that send over HTTP have in common: a channel of the sender, and what is said of it. */
#ifndef LAPSE_HANDLER_HTTP_COMMON_H
#define LAPSE_HANDLER_HTTP_COMMON_H

#include "handler/handler_kind.h"
#include "handler/sender.h"

struct http_state {
	struct sender_channel *channel;
	char shown[256]; /* the address as far as it is no secret */
};

/* Opens the channel. 0, or -errno after a message. */
int http_state_open(struct handler *handler, struct http_state *state, const char *path, bool latest);

/* Queues @body (NULL: there was no memory for it), or counts and says that it cannot be. */
void http_state_push(struct handler *handler, struct http_state *state, char *body);

/* Says what has failed; whether something is left to do; the counts. */
void http_state_tick(struct handler *handler, struct http_state *state);
bool http_state_busy(const struct http_state *state);
void http_state_count(struct handler *handler, const struct http_state *state);

#endif
