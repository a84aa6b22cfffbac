// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/why_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"

/* Below a hundredth a cause explains nothing; a name that was seen for as much less than all is not said to
 * be the only one. */
#define SHOWN	   0.01
#define NEARLY_ALL 0.95

const char *const thread_state_names[4] = {NULL, "on-cpu", "runnable", "blocked"};

struct part {
	int cause;
	double share;
};

static int by_share(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->share == y->share)
		return x->cause - y->cause;
	return x->share < y->share ? 1 : -1;
}

static void LAPSE_PRINTF(2, 3) append(char buffer[NAME_SIZE], const char *format, ...)
{
	size_t length = strlen(buffer);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer + length, NAME_SIZE - length, format, arguments);
	va_end(arguments);
}

const char *word_cause_name(const struct snapshot *snapshot, const struct cause_name *name,
			    char buffer[NAME_SIZE])
{
	char comm[LAPSE_COMM_LEN + 1] = {0};

	if (name->by == CAUSE_PEER)
		return word_address(&name->peer, buffer);
	if (name->by == CAUSE_COMPONENT)
		return word_component(snapshot, name->component, buffer);
	memcpy(comm, name->comm, LAPSE_COMM_LEN);
	return text_escape(comm, buffer, NAME_SIZE);
}

static const char *relation(const struct cause_named *named)
{
	if (named->name.by == CAUSE_PEER)
		return "";
	switch (named->cause) {
	case LAPSE_LOCK:
		return "held by ";
	case LAPSE_RUNQ:
		return "behind ";
	default:
		return "ended by ";
	}
}

static const struct cause_named *named_for(const struct cause_band *band, int cause)
{
	for (size_t i = 0; i < band->n_named; i++)
		if ((int)band->named[i].cause == cause && band->named[i].share >= SHOWN)
			return &band->named[i];
	return NULL;
}

static void append_name(const struct snapshot *snapshot, const struct cause_named *named,
			char buffer[NAME_SIZE])
{
	char name[NAME_SIZE];

	word_cause_name(snapshot, &named->name, name);
	if (named->share < NEARLY_ALL)
		append(buffer, " (%.0f %% of it %s%.96s)", named->share * 100, relation(named), name);
	else if (named->name.by == CAUSE_PEER)
		append(buffer, " %s", name);
	else
		append(buffer, " (%s%.96s)", relation(named), name);
}

const char *word_causes(const struct snapshot *snapshot, const struct cause_band *band,
			char buffer[NAME_SIZE])
{
	struct part parts[LAPSE_CAUSES + 1];

	*buffer = '\0';
	for (int cause = 0; cause <= LAPSE_CAUSES; cause++)
		parts[cause] = (struct part){cause, band->count ? band->part[cause] : 0};
	qsort(parts, LAPSE_CAUSES + 1, sizeof(*parts), by_share);
	for (int i = 0; i <= LAPSE_CAUSES && parts[i].share >= SHOWN; i++) {
		const struct cause_named *named = named_for(band, parts[i].cause);

		append(buffer, "%s%.0f %% %s", i ? ", " : "", parts[i].share * 100,
		       cause_names[parts[i].cause]);
		if (named)
			append_name(snapshot, named, buffer);
	}
	return buffer;
}

static void append_wait(const struct thread_now *now, char buffer[NAME_SIZE])
{
	char address[ADDRESS_SIZE];

	if (now->cause < LAPSE_CAUSES)
		append(buffer, " of %s", cause_names[now->cause]);
	if (now->peer.port)
		append(buffer, " on %s", word_address(&now->peer, address));
	else if (now->n_peers)
		append(buffer, " on one of %" PRIu64 " remote ends", now->n_peers);
}

static void append_holder(const struct snapshot *snapshot, const struct thread_holder *holder,
			  char buffer[NAME_SIZE])
{
	char name[NAME_SIZE], comm[LAPSE_COMM_LEN + 1] = {0};

	if (!holder->tid)
		return;
	memcpy(comm, holder->comm, LAPSE_COMM_LEN);
	append(buffer, ", held by %s/%u", text_escape(comm, name, sizeof(name)), holder->tid);
	if (holder->component)
		append(buffer, " (%.96s)", word_component(snapshot, holder->component - 1, name));
}

const char *word_band(const struct cause_band *band, char buffer[WORD_SIZE])
{
	if (band->share == 1)
		snprintf(buffer, WORD_SIZE, "all");
	else
		snprintf(buffer, WORD_SIZE, "slowest %.0f %%", band->held * 100);
	return buffer;
}

const char *word_now(const struct snapshot *snapshot, const struct thread_now *now, char buffer[NAME_SIZE])
{
	char word[WORD_SIZE], place[NAME_SIZE];

	*buffer = '\0';
	if (now->state == THREAD_UNKNOWN)
		return buffer;
	append(buffer, "%s", thread_state_names[now->state]);
	if (now->for_ns)
		append(buffer, " for %s", word_duration((double)now->for_ns, word));
	if (now->state == THREAD_BLOCKED)
		append_wait(now, buffer);
	if (*now->place)
		append(buffer, " in %s", text_escape(now->place, place, sizeof(place)));
	append_holder(snapshot, &now->holder, buffer);
	return buffer;
}

const char *word_explanation(const struct snapshot *snapshot, const struct explanation *why,
			     char buffer[NAME_SIZE])
{
	char now[NAME_SIZE];

	word_causes(snapshot, &why->causes, buffer);
	if (*word_now(snapshot, &why->now, now))
		append(buffer, "%snow %s", *buffer ? "; " : "", now);
	return buffer;
}
