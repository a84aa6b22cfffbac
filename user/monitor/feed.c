// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/feed.h"

#include <stdlib.h>

int span_by_identity(const void *a, const void *b)
{
	const struct lapse_span *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x->component < y->component ? -1 : x->component > y->component;
}

const struct lapse_span *tick_open_span(const struct tick *tick, size_t i)
{
	const struct lapse_span *span = &tick->open[i];
	const struct hung_span *hung =
		tick->n_hung ? bsearch(span, tick->hung, tick->n_hung, sizeof(*tick->hung), span_by_identity)
			     : NULL;

	return hung ? &hung->head.span : span;
}
