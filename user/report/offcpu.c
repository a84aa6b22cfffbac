// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/offcpu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "monitor/explain.h"

struct offcpu_place {
	UT_hash_handle hh;
	struct offcpu_row row;
	char key[]; /* component, cause and stack */
};

void offcpu_free(struct offcpu *offcpu)
{
	struct offcpu_place *place, *next;

	HASH_ITER (hh, offcpu->places, place, next) {
		HASH_DEL(offcpu->places, place);
		free(place);
	}
	free(offcpu->ns);
	free(offcpu->rows);
	*offcpu = (struct offcpu){0};
}

static int grow(struct offcpu *offcpu, size_t component)
{
	uint64_t(*grown)[LAPSE_CAUSES];

	if (component < offcpu->n_components)
		return 0;
	grown = reallocarray(offcpu->ns, component + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + offcpu->n_components, 0, (component + 1 - offcpu->n_components) * sizeof(*grown));
	offcpu->ns = grown;
	offcpu->n_components = component + 1;
	return 0;
}

/* "recv+0x64" is "recv": a function is one place, wherever in it the call stood. */
static void without_offsets(char *stack)
{
	char *to = stack;

	for (char *at = stack; *at;) {
		size_t offset = strncmp(at, "+0x", 3) ? 0 : 3 + strspn(at + 3, "0123456789abcdef");

		if (offset && (!at[offset] || at[offset] == '\n'))
			at += offset;
		else
			*to++ = *at++;
	}
	*to = '\0';
}

static struct offcpu_place *place_of(struct offcpu *offcpu, uint32_t component, uint32_t cause,
				     const char *stack)
{
	struct offcpu_place *place;
	size_t size = strlen(stack) + 32;
	char *key = malloc(size);
	int length;

	if (!key)
		return NULL;
	length = snprintf(key, size, "%u %u ", component, cause);
	strcpy(key + length, stack);
	without_offsets(key + length);
	HASH_FIND_STR(offcpu->places, key, place);
	if (!place && offcpu->n_places < OFFCPU_MOST) {
		place = calloc(1, sizeof(*place) + strlen(key) + 1);
		if (place) {
			strcpy(place->key, key);
			place->row = (struct offcpu_row){
				.component = component, .cause = cause, .stack = place->key + length};
			HASH_ADD_STR(offcpu->places, key, place);
			offcpu->n_places++;
		}
	}
	free(key);
	return place;
}

int offcpu_add(struct offcpu *offcpu, const struct lapse_span *span, const char *stack)
{
	const struct lapse_why *why = span_why(span);
	struct offcpu_place *place;

	if (!why)
		return 0;
	if (grow(offcpu, span->component))
		return -ENOMEM;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		offcpu->ns[span->component][cause] += why->ns[cause];
	if (!stack || !*stack || !why->longest.duration_ns || why->longest.cause >= LAPSE_CAUSES)
		return 0;
	place = place_of(offcpu, span->component, why->longest.cause, stack);
	if (!place)
		return offcpu->n_places < OFFCPU_MOST ? -ENOMEM : 0;
	place->row.count++;
	place->row.ns += why->longest.duration_ns;
	return 0;
}

static int longest_first(const void *a, const void *b)
{
	const struct offcpu_row *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	if (x->component != y->component)
		return x->component < y->component ? -1 : 1;
	return strcmp(x->stack ?: "", y->stack ?: "");
}

/* What the stacks leave of the time of each cause. */
static void add_rest(struct offcpu *offcpu)
{
	size_t n_places = offcpu->n;

	for (size_t i = 0; i < n_places; i++) {
		const struct offcpu_row *row = &offcpu->rows[i];
		uint64_t *left = &offcpu->ns[row->component][row->cause];

		*left -= row->ns < *left ? row->ns : *left;
	}
	for (uint32_t i = 0; i < offcpu->n_components; i++)
		for (uint32_t cause = 0; cause < LAPSE_CAUSES; cause++)
			if (offcpu->ns[i][cause])
				offcpu->rows[offcpu->n++] = (struct offcpu_row){
					.component = i, .cause = cause, .ns = offcpu->ns[i][cause]};
}

int offcpu_sort(struct offcpu *offcpu)
{
	struct offcpu_place *place, *next;

	offcpu->rows =
		calloc(offcpu->n_places + offcpu->n_components * LAPSE_CAUSES + 1, sizeof(*offcpu->rows));
	if (!offcpu->rows)
		return -ENOMEM;
	HASH_ITER (hh, offcpu->places, place, next)
		offcpu->rows[offcpu->n++] = place->row;
	add_rest(offcpu);
	qsort(offcpu->rows, offcpu->n, sizeof(*offcpu->rows), longest_first);
	return 0;
}
