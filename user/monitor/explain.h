/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why one span took its time: out of its record, or of what is known of it while it hangs. */
#ifndef LAPSE_MONITOR_EXPLAIN_H
#define LAPSE_MONITOR_EXPLAIN_H

#include "monitor/feed.h"
#include "monitor/names.h"

/* What the kernel told of @span's causes; NULL: they are not known. */
const struct lapse_why *span_why(const struct lapse_span *span);
/* Its time by cause, the last being the processor itself; false where it is not known. */
bool span_causes(const struct lapse_span *span, uint64_t ns[LAPSE_CAUSES + 1]);
/* Where its thread is, if it is in flight past its limit; else NULL. */
const struct thread_now *span_now(const struct lapse_span *span);

/* False where nothing is known of it. */
bool explain_span(const struct lapse_span *span, struct explanation *why);

/* Adds who ended the longest wait of @span, and who ran instead, to @names. */
void explain_names(const struct lapse_span *span, struct names *names);

#endif
