// SPDX-License-Identifier: GPL-2.0-or-later
/* What connections have under way: being opened, waiting to be accepted, waiting for an answer. */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <string.h>

#include "bpf/config.h"

/* A connection that was closed while it was being opened, and of which connect() has said nothing since: the
 * program has given it up. */
#define GIVEN_UP_NS 100000000

/* One thing that @s has under way. */
struct under_way {
	uint32_t kind;
	uint64_t start_ns, end_ns; /* the end is now, unless only the reading is still to come */
};

static int keep(struct tracer *tracer, const struct lapse_socket *s, uint32_t component,
		const struct under_way *what)
{
	struct lapse_span span = {
		.kind = LAPSE_REC_SPAN,
		.component = component,
		.pid = s->pid,
		.tid = s->tid,
		.start_ns = what->start_ns,
		.duration_ns = what->end_ns > what->start_ns ? what->end_ns - what->start_ns : 0,
		.flags = LAPSE_SPAN_OPEN,
	};

	span.raw_ns = span.duration_ns;
	memcpy(span.comm, s->comm, sizeof(span.comm));
	return open_keep(tracer, &span);
}

static int keep_all(struct tracer *tracer, const struct lapse_socket *s, const struct under_way *what)
{
	int err = 0;

	for (uint32_t i = 0; i < s->n_pairs && i < LAPSE_SOCKET_PAIRS && !err; i++) {
		uint32_t component = s->pair[i] & (LAPSE_MAX_COMPONENTS - 1);

		if (s->pair[i] >> 24 == what->kind && component < tracer->n_components)
			err = keep(tracer, s, component, what);
	}
	return err;
}

/* Whoever deletes it counts it. */
static int give_up(struct tracer *tracer, uint64_t key, const struct lapse_socket *s)
{
	if (bpf_map__delete_elem(tracer->skel->maps.sockets, &key, sizeof(key), 0))
		return 0;
	for (uint32_t i = 0; i < s->n_pairs && i < LAPSE_SOCKET_PAIRS; i++) {
		uint32_t component = s->pair[i] & (LAPSE_MAX_COMPONENTS - 1);

		if (s->pair[i] >> 24 == LAPSE_TCP_CONNECT && component < tracer->n_components)
			__atomic_fetch_add(&tracer_cell(tracer, component, 0)->abandoned, 1,
					   __ATOMIC_RELAXED);
	}
	return 0;
}

static int take(struct tracer *tracer, uint64_t key, const struct lapse_socket *s, uint64_t now_ns)
{
	const struct under_way connect = {LAPSE_TCP_CONNECT, s->connect_ns, now_ns};
	const struct under_way queued = {LAPSE_TCP_ACCEPT, s->queued_ns, now_ns};
	const struct under_way exchange = {s->kind, s->open_ns, s->answer_ns ?: now_ns};
	int err = 0;

	if (s->connect_ns && s->flags & LAPSE_SOCKET_CLOSED && now_ns > s->connect_ns + GIVEN_UP_NS)
		return give_up(tracer, key, s);
	if (s->connect_ns)
		err = keep_all(tracer, s, &connect);
	if (!err && s->queued_ns)
		err = keep_all(tracer, s, &queued);
	if (!err && s->open_ns)
		err = keep_all(tracer, s, &exchange);
	return err;
}

static int take_sockets(struct tracer *tracer, const void *keys, const void *values, size_t n,
			uint64_t now_ns)
{
	const uint64_t *key = keys;
	const struct lapse_socket *s = values;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = take(tracer, key[i], &s[i], now_ns);
	return err;
}

int open_tcp_read(struct tracer *tracer, uint64_t now_ns)
{
	return open_map_read(tracer, tracer->skel->maps.sockets, take_sockets, now_ns);
}
