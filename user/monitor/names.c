// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/names.h"

#include <string.h>

/* Below a hundredth of the band's time a cause needs no name. */
#define WORTH_NAMING 0.01

static bool same_name(const struct cause_name *a, const struct cause_name *b)
{
	if (a->by != b->by)
		return false;
	if (a->by == CAUSE_PEER)
		return !memcmp(a->peer.ip, b->peer.ip, sizeof(a->peer.ip)) && a->peer.port == b->peer.port;
	if (a->by == CAUSE_COMPONENT)
		return a->component == b->component;
	return !memcmp(a->comm, b->comm, sizeof(a->comm));
}

static struct named_wait *find(struct names *names, uint32_t row, uint32_t cause,
			       const struct cause_name *name)
{
	for (size_t i = 0; i < names->n; i++) {
		struct named_wait *each = &names->at[i];

		if (each->row == row && each->cause == cause && same_name(&each->name, name))
			return each;
	}
	return NULL;
}

static struct named_wait *least(struct names *names)
{
	struct named_wait *found = &names->at[0];

	for (size_t i = 1; i < names->n; i++)
		if (names->at[i].ns < found->ns)
			found = &names->at[i];
	return found;
}

/* A free place, or that of the one with the least time. */
static struct named_wait *place(struct names *names)
{
	struct named_wait *taken;

	if (names->n < NAMES_MAX) {
		taken = &names->at[names->n++];
		*taken = (struct named_wait){0};
		return taken;
	}
	taken = least(names);
	taken->doubtful_ns = taken->ns;
	return taken;
}

void names_add(struct names *names, uint32_t row, uint32_t cause, const struct cause_name *name, uint64_t ns)
{
	struct named_wait *known = find(names, row, cause, name);

	if (!known) {
		known = place(names);
		known->row = row;
		known->cause = cause;
		known->name = *name;
	}
	known->ns += ns;
}

/* ---- a band ---------------------------------------------------------------------------------------- */

/* A name's time over all rows that count. */
static uint64_t sum_of(const struct names *const *lists, size_t n, uint32_t from_row,
		       const struct named_wait *of)
{
	uint64_t sum = 0;

	for (size_t list = 0; list < n; list++) {
		for (size_t i = 0; lists[list] && i < lists[list]->n; i++) {
			const struct named_wait *each = &lists[list]->at[i];

			if (each->row >= from_row && each->cause == of->cause &&
			    same_name(&each->name, &of->name))
				sum += each->ns - each->doubtful_ns;
		}
	}
	return sum;
}

/* Who has most of @cause, and how long; NULL: nobody was named. */
static const struct named_wait *most_of(const struct names *const *lists, size_t n, uint32_t from_row,
					uint32_t cause, uint64_t *most)
{
	const struct named_wait *found = NULL;

	*most = 0;
	for (size_t list = 0; list < n; list++) {
		for (size_t i = 0; lists[list] && i < lists[list]->n; i++) {
			const struct named_wait *each = &lists[list]->at[i];
			uint64_t sum;

			if (each->row < from_row || each->cause != cause)
				continue;
			if (found && same_name(&found->name, &each->name))
				continue;
			sum = sum_of(lists, n, from_row, each);
			if (sum > *most) {
				*most = sum;
				found = each;
			}
		}
	}
	return found;
}

/* The cause with the largest part below @below; LAPSE_CAUSES: none is left that is worth a name. */
static uint32_t next_cause(const struct cause_band *band, double below, uint32_t after)
{
	uint32_t found = LAPSE_CAUSES;

	for (uint32_t cause = 0; cause < LAPSE_CAUSES; cause++) {
		double part = band->part[cause];
		bool later = part < below || (part == below && cause > after);

		if (part >= WORTH_NAMING && later && (found == LAPSE_CAUSES || part > band->part[found]))
			found = cause;
	}
	return found;
}

void names_describe(const struct names *const *lists, size_t n, uint32_t from_row, struct cause_band *band)
{
	double time = band->mean_ns * (double)band->count;
	uint32_t cause = next_cause(band, 2, 0);

	band->n_named = 0;
	for (; cause < LAPSE_CAUSES && band->n_named < CAUSE_NAMES;
	     cause = next_cause(band, band->part[cause], cause)) {
		uint64_t ns;
		const struct named_wait *most = most_of(lists, n, from_row, cause, &ns);
		double whole = band->part[cause] * time;

		if (most)
			band->named[band->n_named++] = (struct cause_named){
				cause, (double)ns < whole ? (double)ns / whole : 1, most->name};
	}
}
