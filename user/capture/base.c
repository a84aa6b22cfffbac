// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/base.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/contract.h"

void base_free(struct base *base)
{
	for (size_t i = 0; i < base->n; i++) {
		free(base->components[i].recent);
		why_rows_free(&base->components[i].causes);
	}
	free(base->components);
	*base = (struct base){0};
}

struct base_component *base_of(struct base *base, uint64_t component)
{
	if (component >= BASE_COMPONENTS_MOST)
		return NULL;
	if (component >= base->n) {
		size_t n = component + 1 > 2 * base->n ? component + 1 : 2 * base->n;
		struct base_component *grown = realloc(base->components, n * sizeof(*grown));

		if (!grown)
			return NULL;
		memset(grown + base->n, 0, (n - base->n) * sizeof(*grown));
		base->components = grown;
		base->n = n;
	}
	return &base->components[component];
}

bool base_want_recent(struct base_component *component)
{
	if (!component->recent)
		component->recent = calloc(WINDOW_MAX_LAST, sizeof(*component->recent));
	return component->recent;
}

static bool take_component(struct base_component *to, const struct tick_component *from)
{
	to->figures = *from;
	to->figures.buckets = NULL;
	to->figures.recent = NULL;
	to->figures.causes = (struct why_rows){0};
	if (from->n_recent && !base_want_recent(to))
		return false;
	to->n_recent = from->n_recent < WINDOW_MAX_LAST ? from->n_recent : WINDOW_MAX_LAST;
	if (to->n_recent)
		memcpy(to->recent, from->recent, to->n_recent * sizeof(*to->recent));
	return !from->causes.kept || why_rows_copy(&to->causes, &from->causes);
}

bool base_take(struct base *base, const struct tick *tick)
{
	base->self = tick->self;
	for (size_t i = 0; i < tick->n_components; i++) {
		struct base_component *to = base_of(base, tick->components[i].component);

		if (!to || !take_component(to, &tick->components[i]))
			return false;
	}
	return true;
}
