// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/opens.h"

#include <stdlib.h>
#include <string.h>

void opens_free(struct opens *opens)
{
	struct open_span *span, *next;

	HASH_ITER (hh, opens->spans, span, next)
		opens_drop(opens, span);
}

void opens_begin_tick(struct opens *opens)
{
	struct open_span *span;

	for (span = opens->spans; span; span = span->hh.next)
		span->present = false;
	opens->present = 0;
}

struct open_span *opens_find(const struct opens *opens, uint32_t tid, uint64_t start_ns)
{
	struct open_span_key key = {.start_ns = start_ns, .tid = tid};
	struct open_span *span;

	HASH_FIND(hh, opens->spans, &key, sizeof(key), span);
	return span;
}

struct open_span *opens_add(struct opens *opens, uint32_t tid, uint64_t start_ns)
{
	struct open_span *span;

	if (opens->n >= OPENS_MAX)
		return NULL;
	span = calloc(1, sizeof(*span));
	if (!span)
		return NULL;
	span->key.start_ns = start_ns;
	span->key.tid = tid;
	HASH_ADD(hh, opens->spans, key, sizeof(span->key), span);
	if (!span->hh.tbl) {
		free(span);
		return NULL;
	}
	opens->n++;
	return span;
}

void opens_mark(struct opens *opens, struct open_span *span, uint64_t number, uint64_t abandoned)
{
	opens->present += !span->present;
	span->present = true;
	span->seen = number;
	span->abandoned = abandoned;
}

void opens_drop(struct opens *opens, struct open_span *span)
{
	opens->present -= span->present;
	opens->n--;
	HASH_DEL(opens->spans, span);
	free(span);
}

uint64_t opens_evict(struct opens *opens, uint64_t last, uint64_t abandoned, uint64_t credit)
{
	struct open_span *span, *next;
	uint64_t fallen = 0;

	HASH_ITER (hh, opens->spans, span, next) {
		if (span->present || span->seen > last)
			continue;
		fallen += abandoned > span->abandoned && fallen < credit;
		opens_drop(opens, span);
	}
	return fallen;
}
