// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tracer_parts.h"

#include <errno.h>

static int take(void *context, void *data, size_t size)
{
	struct tracer *tracer = context;
	const struct tracer_records *to = tracer->records;
	const uint32_t *kind = data;

	if (*kind == LAPSE_REC_SPAN && size >= sizeof(struct lapse_span))
		return to->span ? to->span(to->context, data) : 0;
	if (*kind == LAPSE_REC_WHY && size >= sizeof(struct lapse_why_span))
		return to->span ? to->span(to->context, data) : 0;
	if (*kind == LAPSE_REC_TCP && size >= sizeof(struct lapse_tcp_span))
		return to->span ? to->span(to->context, data) : 0;
	if (*kind == LAPSE_REC_PROC && size >= sizeof(struct lapse_proc))
		return to->process ? to->process(to->context, data) : 0;
	return 0;
}

int ring_open(struct tracer *tracer)
{
	tracer->ring = ring_buffer__new(bpf_map__fd(tracer->skel->maps.events), take, tracer, NULL);
	return tracer->ring ? 0 : -errno;
}

int tracer_fd(const struct tracer *tracer)
{
	return ring_buffer__epoll_fd(tracer->ring);
}

int tracer_drain(struct tracer *tracer, const struct tracer_records *records)
{
	tracer->records = records;
	return ring_buffer__consume(tracer->ring);
}
