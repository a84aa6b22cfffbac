// SPDX-License-Identifier: GPL-2.0-or-later
#include "handler/handler_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"

/* Paths of webhooks are as good as passwords: they stay unsaid. */
static void show_origin(struct http_state *state, const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t length = strcspn(host, "/?#");
	const char *more = strlen(host + length) > 1 ? "/..." : "";

	snprintf(state->shown, sizeof(state->shown), "%.*s%s", (int)(host - url + (ptrdiff_t)length), url,
		 more);
}

/* Later they may be replaced; now they have to be there. */
static int check_files(const struct handler *handler)
{
	const struct config_http *http = &handler->config->http;
	const char *const files[] = {http->credentials_file, http->password_file, http->ca_file,
				     http->cert_file, http->key_file};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i] && access(files[i], R_OK))
			return handler_bad(handler, -errno, "%s: %s", files[i], strerror(errno));
	return 0;
}

int http_state_open(struct handler *handler, struct http_state *state, const char *path, bool latest)
{
	const struct sender_channel_options options = {handler->config, path, latest};
	const char *why = NULL;
	int err = check_files(handler);

	if (err)
		return err;
	show_origin(state, handler->config->path);
	handler->stats.target = state->shown;
	err = sender_open(handler->sender, &options, &state->channel, &why);
	return err ? handler_bad(handler, err, "handler %s: %s", handler->stats.kind, why) : 0;
}

void http_state_push(struct handler *handler, struct http_state *state, char *body)
{
	if (body && sender_push(state->channel, body))
		return;
	handler->stats.drops++;
	handler_say(handler, TROUBLE_DROPPED, "handler %s %s: %s", handler->stats.kind, state->shown,
		    body ? "too many alerts wait, some were dropped" : "out of memory");
}

void http_state_tick(struct handler *handler, struct http_state *state)
{
	char reason[256];
	bool again;

	if (!sender_trouble(state->channel, reason, sizeof(reason), &again))
		return;
	if (again)
		handler_say(handler, TROUBLE_RETRY, "handler %s %s: %s; it is tried again",
			    handler->stats.kind, state->shown, reason);
	else
		handler_say(handler, TROUBLE_STATUS, "handler %s %s: %s; this alert is given up",
			    handler->stats.kind, state->shown, reason);
}

bool http_state_busy(const struct http_state *state)
{
	return sender_counts(state->channel).waiting;
}

void http_state_count(struct handler *handler, const struct http_state *state)
{
	struct sender_counts counts = sender_counts(state->channel);

	handler->stats.runs = counts.tries;
	handler->stats.failures = counts.failures;
	handler->stats.retries = counts.retries;
	handler->stats.waiting = counts.waiting;
}
