/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a span that is still in flight takes so long: its thread's totals until now, and the wait it is in. */
#ifndef LAPSE_KERNEL_HUNG_H
#define LAPSE_KERNEL_HUNG_H

#include "bpf/frame.h"
#include "monitor/feed.h"

/*
 * Completes @hung, whose head is filled in but for causes, with what @waits tells of its thread at @now_ns.
 * Where the thread was copied in the midst of a switch nothing is added.
 */
void hung_explain(struct hung_span *hung, const struct lapse_open_waits *waits, uint64_t now_ns);

#endif
