// SPDX-License-Identifier: GPL-2.0-or-later
/* Posts each alert's JSON to an address. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handler/handler_http.h"

static int start(struct handler *handler)
{
	handler->state = calloc(1, sizeof(struct http_state));
	return handler->state ? http_state_open(handler, handler->state, "", false) : -ENOMEM;
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	http_state_push(handler, handler->state, strdup(event->json));
}

static void tick(struct handler *handler, uint64_t now_ns)
{
	(void)now_ns;
	http_state_tick(handler, handler->state);
}

static bool busy(struct handler *handler)
{
	return http_state_busy(handler->state);
}

static void count(struct handler *handler)
{
	http_state_count(handler, handler->state);
}

static void stop(struct handler *handler)
{
	free(handler->state);
}

const struct handler_kind handler_webhook = {
	.start = start,
	.tell = tell,
	.tick = tick,
	.busy = busy,
	.count = count,
	.stop = stop,
};
