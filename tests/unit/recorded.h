/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recordings made on a bench: ticks of one component, in a folder that goes with the test. */
#ifndef LAPSE_TEST_RECORDED_H
#define LAPSE_TEST_RECORDED_H

#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "bpf/buckets.h"
#include "capture/capture.h"
#include "capture/reader.h"

#define MS  1000000ULL
#define SEC 1000000000ULL
#define T0  (1000 * SEC)

struct recorded {
	struct capture *capture;
	char folder[64], path[96];
	struct tick_component figures;
	struct bucket_delta buckets[8];
	struct tick tick;
};

static inline void recorded_folder(struct recorded *r)
{
	memset(r, 0, sizeof(*r));
	strcpy(r->folder, "/tmp/lapse-unit-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->path, sizeof(r->path), "%s/a.lapse", r->folder);
}

static inline void recorded_remove(struct recorded *r)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", r->folder);
	assert_int_equal(system(command), 0);
}

static inline struct capture_component recorded_component(const char *name)
{
	return (struct capture_component){.monitored = {.name = name,
							.function = "handle_order",
							.object = "shop",
							.window = window_spec_default(),
							.outcome_unknown = true},
					  .probe = "handle_order",
					  .places = 1,
					  .level_ns = {UINT64_MAX, UINT64_MAX, UINT64_MAX}};
}

static inline void recorded_facts(struct recorded *r)
{
	struct capture_component component = recorded_component("orders");

	capture_fact_number(r->capture, FACT_START_NS, T0);
	capture_fact_number(r->capture, FACT_EPOCH_NS, 1000);
	capture_fact_number(r->capture, FACT_TICK_NS, SEC);
	capture_fact_number(r->capture, FACT_INTERVAL_NS, SEC);
	capture_fact_number(r->capture, FACT_BUCKET_BITS, LAPSE_BUCKET_BITS_FINE);
	capture_component(r->capture, &component);
	capture_commit(r->capture, 0);
}

/* For a group of tests: what is said of damage is no news there. */
static inline int recorded_quietly(void **state)
{
	(void)state;
	diag_set_stream(fopen("/dev/null", "we"));
	return 0;
}

/* With a folder, but for @options nothing is kept back: the file is being written. */
static inline void recorded_begin(struct recorded *r, struct capture_options options)
{
	recorded_folder(r);
	options.queue_bytes = options.queue_bytes ? options.queue_bytes : 16 << 20;
	assert_int_equal(capture_new(&options, &r->capture), 0);
	if (!options.keep_ns)
		assert_int_equal(capture_begin(r->capture, r->path), 0);
	r->figures.late_min_ns = UINT64_MAX;
	r->figures.running = TICK_RUNNING;
	r->tick.now_ns = T0;
	r->tick.open_known = true;
	recorded_facts(r);
}

static inline void recorded_end(struct recorded *r)
{
	capture_end(r->capture, "the test was over");
	capture_wait(r->capture);
}

/* @n calls of @ns each end. */
static inline void recorded_calls(struct recorded *r, uint32_t n, uint64_t ns)
{
	struct bucket_delta *to = &r->buckets[r->figures.n_buckets++];

	*to = (struct bucket_delta){.index = (uint16_t)lapse_bucket(ns, LAPSE_BUCKET_BITS_FINE), .count = n};
	r->figures.counters.entries += n;
	r->figures.counters.returns += n;
	r->figures.counters.sum_ns += n * ns;
	r->figures.counters.sum_raw_ns += n * ns;
}

static inline struct lapse_span recorded_span(const struct recorded *r, uint64_t ns)
{
	return (struct lapse_span){.kind = LAPSE_REC_SPAN,
				   .pid = 7,
				   .tid = 8,
				   .start_ns = r->tick.now_ns + SEC / 2 - ns,
				   .duration_ns = ns,
				   .raw_ns = ns + 400,
				   .comm = "shop"};
}

/* One call of @ns that is sent singly, too. */
static inline void recorded_sent(struct recorded *r, uint64_t ns)
{
	struct lapse_span span = recorded_span(r, ns);

	capture_span(r->capture, &span, NULL);
	recorded_calls(r, 1, ns);
}

static inline void recorded_tick(struct recorded *r)
{
	r->tick.period_ns = r->tick.now_ns == T0 ? 0 : SEC;
	r->tick.now_ns += SEC;
	r->figures.buckets = r->buckets;
	r->tick.components = &r->figures;
	r->tick.n_components = 1;
	capture_tick(r->capture, &r->tick, NULL);
	capture_commit(r->capture, r->tick.now_ns);
	r->figures.n_buckets = 0;
}

/* What a recording holds, counted. */
struct counted {
	size_t kinds[READER_ALERT + 1];
	uint64_t first_ns, last_ns, returns, lost;
	size_t slow; /* spans that broke a limit */
	size_t damage;
	bool complete;
};

/* False: it is refused. */
static inline bool recorded_count(const char *path, struct counted *counted)
{
	struct reader *reader;
	struct reader_event event;
	int more;

	memset(counted, 0, sizeof(*counted));
	if (reader_open(path, &reader))
		return false;
	while ((more = reader_next(reader, &event)) > 0) {
		counted->kinds[event.kind]++;
		counted->slow += event.kind == READER_SPAN && event.span->flags & LAPSE_SPAN_BREACH;
		if (event.kind != READER_TICK)
			continue;
		counted->first_ns = counted->first_ns ? counted->first_ns : event.tick->now_ns;
		counted->last_ns = event.tick->now_ns;
		counted->lost += event.lost;
		if (event.tick->n_components)
			counted->returns = event.tick->components[0].counters.returns;
	}
	assert_int_equal(more, 0);
	counted->damage = reader_damage(reader);
	counted->complete = reader_is_complete(reader);
	reader_close(reader);
	return true;
}

#endif
