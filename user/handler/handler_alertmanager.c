// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells a Prometheus Alertmanager, by its API's version 2. That knows an alert by its labels and forgets it
 * when nobody speaks of it for some minutes; so what fires is sent again and again, and what has ended a few
 * times with its end. The severity is a label: another one is another alert, and the one before has ended.
 *
 * What is sent is always all there is to say. So nothing is lost when something waits for the server and more
 * happens meanwhile, and the last word is the right one.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "handler/handler_http.h"

#define API	     "/api/v2/alerts"
#define END_REPEATED 3

/* An alert as the server knows it. */
struct entry {
	uint32_t component;
	const char *violation;
	json_t *object; /* labels, annotations, startsAt; endsAt once it has ended */
	bool ended;
	unsigned end_sent; /* how often */
	struct entry *next;
};

struct alertmanager {
	struct http_state http; /* at the head, so that it is found by either name */
	struct entry *entries;
	uint64_t sent_ns;
};

static int start(struct handler *handler)
{
	struct alertmanager *state = calloc(1, sizeof(*state));
	size_t length = strlen(handler->config->path), api = strlen(API);
	bool whole = length > api && strcmp(handler->config->path + length - api, API) == 0;

	handler->state = state;
	return state ? http_state_open(handler, &state->http, whole ? "" : API, true) : -ENOMEM;
}

/* ---- what is said of an alert --------------------------------------------------------------------- */

/* Texts under their names; what is no text is left out. */
static int add_texts(json_t *to, const json_t *from)
{
	const char *name;
	json_t *value;
	int err = 0;

	json_object_foreach((json_t *)from, name, value) if (json_is_string(value)) err |=
		json_object_set(to, name, value);
	return err;
}

static json_t *labels_of(const json_t *alert)
{
	json_t *labels = json_pack("{s:O,s:O,s:O}", "alertname", json_object_get(alert, "violation"),
				   "component", json_object_get(alert, "component"), "severity",
				   json_object_get(alert, "severity"));

	if (labels && add_texts(labels, json_object_get(alert, "labels"))) {
		json_decref(labels);
		return NULL;
	}
	return labels;
}

/* "31250000 ns": people read the summary, programs the figure and its unit. */
static json_t *figure(const json_t *alert, const char *key)
{
	const json_t *value = json_object_get(alert, key);
	const char *unit = json_string_value(json_object_get(alert, "unit"));

	if (!json_is_number(value))
		return json_string("-");
	return json_sprintf("%.15g %s", json_number_value(value), unit ?: "");
}

static json_t *annotations_of(const json_t *alert, const struct handler_event *event)
{
	json_t *annotations = json_pack("{s:o,s:o,s:s}", "measured", figure(alert, "measured"), "limit",
					figure(alert, "limit"), "summary", event->text);
	json_t *cause = json_object_get(json_object_get(alert, "cause"), "text");
	int err = annotations ? 0 : -1;

	if (!err && json_is_string(cause))
		err = json_object_set(annotations, "cause", cause);
	if (!err)
		err = add_texts(annotations, json_object_get(alert, "annotations"));
	if (!err)
		return annotations;
	json_decref(annotations);
	return NULL;
}

static json_t *object_of(const json_t *alert, const struct handler_event *event)
{
	return json_pack("{s:o,s:o,s:O}", "labels", labels_of(alert), "annotations",
			 annotations_of(alert, event), "startsAt", json_object_get(alert, "since"));
}

/* ---- entries ------------------------------------------------------------------------------------------ */

static bool is_of(const struct entry *entry, const struct alert *alert)
{
	return entry->component == alert->component &&
	       strcmp(entry->violation, objective_info(alert->kind)->violation) == 0;
}

static void end(struct entry *entry, const json_t *alert)
{
	if (entry->ended)
		return;
	entry->ended = true;
	entry->end_sent = 0;
	json_object_set(entry->object, "endsAt", json_object_get(alert, "time"));
}

static bool same_labels(const struct entry *entry, const json_t *object)
{
	return json_equal(json_object_get(entry->object, "labels"), json_object_get(object, "labels"));
}

/* Ends what the alert was known by before, and gives the entry that it is known by now, if there is one. */
static struct entry *end_others(struct alertmanager *state, const struct handler_event *event,
				const json_t *alert, const json_t *object)
{
	struct entry *same = NULL;

	for (struct entry *entry = state->entries; entry; entry = entry->next) {
		if (!is_of(entry, event->alert))
			continue;
		if (object && same_labels(entry, object))
			same = entry;
		else
			end(entry, alert);
	}
	return same;
}

static int add_entry(struct alertmanager *state, const struct handler_event *event, json_t *object)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->component = event->alert->component;
	entry->violation = objective_info(event->alert->kind)->violation;
	entry->object = json_incref(object);
	entry->next = state->entries;
	state->entries = entry;
	return 0;
}

static int take(struct alertmanager *state, const struct handler_event *event, const json_t *alert)
{
	bool fires = event->alert->event != ALERT_EVENT_RESOLVED;
	json_t *object = fires ? object_of(alert, event) : NULL;
	struct entry *same;
	int err = 0;

	if (fires && !object)
		return -ENOMEM;
	same = end_others(state, event, alert, object);
	if (same) {
		json_decref(same->object);
		same->object = json_incref(object);
		same->ended = false;
	} else if (fires) {
		err = add_entry(state, event, object);
	}
	json_decref(object);
	return err;
}

static void free_entry(struct entry *entry)
{
	json_decref(entry->object);
	free(entry);
}

/* ---- sending ------------------------------------------------------------------------------------------ */

/* The array of all that is to be said; what has ended often enough is forgotten. */
static json_t *say_all(struct alertmanager *state)
{
	json_t *all = json_array();

	for (struct entry **at = &state->entries; *at;) {
		struct entry *entry = *at;

		if (entry->ended && entry->end_sent++ == END_REPEATED) {
			*at = entry->next;
			free_entry(entry);
			continue;
		}
		if (all && json_array_append(all, entry->object)) {
			json_decref(all);
			all = NULL;
		}
		at = &entry->next;
	}
	return all;
}

static void send_all(struct handler *handler, uint64_t now_ns)
{
	struct alertmanager *state = handler->state;
	json_t *all = say_all(state);

	state->sent_ns = now_ns;
	if (!all || json_array_size(all))
		http_state_push(handler, &state->http, all ? json_dumps(all, JSON_COMPACT) : NULL);
	json_decref(all);
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	json_t *alert = json_loads(event->json, 0, NULL);

	if (!alert || take(handler->state, event, alert))
		http_state_push(handler, handler->state, NULL);
	else
		send_all(handler, handler_now());
	json_decref(alert);
}

static void tick(struct handler *handler, uint64_t now_ns)
{
	struct alertmanager *state = handler->state;

	http_state_tick(handler, &state->http);
	/* What waits for the server still says all. */
	if (state->entries && now_ns >= state->sent_ns + handler->config->resend_ns &&
	    !http_state_busy(&state->http))
		send_all(handler, now_ns);
}

static bool busy(struct handler *handler)
{
	return http_state_busy(handler->state);
}

static void count(struct handler *handler)
{
	http_state_count(handler, handler->state);
}

/* What the server was told of is known here too from now on; the old handler has nothing to say any more. */
static void inherit(struct handler *handler)
{
	struct alertmanager *state = handler->state, *before = handler->before->state;

	state->entries = before->entries;
	before->entries = NULL;
	sender_silence(before->http.channel);
	send_all(handler, handler_now());
}

static void stop(struct handler *handler)
{
	struct alertmanager *state = handler->state;

	while (state && state->entries) {
		struct entry *next = state->entries->next;

		free_entry(state->entries);
		state->entries = next;
	}
	free(state);
}

const struct handler_kind handler_alertmanager = {
	.keeps_account = true,
	.start = start,
	.tell = tell,
	.tick = tick,
	.busy = busy,
	.count = count,
	.inherit = inherit,
	.stop = stop,
};
