// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Perfetto's trace format: a track a thread with its calls and, within them, their longest waits; calls that
 * overlap have tracks of their own below. Alerts are instants on a track by themselves.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "monitor/explain.h"
#include "output/words.h"
#include "report/formats.h"
#include "report/lanes.h"
#include "report/protobuf.h"

/* In memory at once: some 160 MB. */
#define SLICES_MOST 2000000

/* Field numbers of perfetto/protos/trace. */
enum { TRACE_PACKET = 1 };
enum {
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE = 10,
	PACKET_EVENT = 11,
	PACKET_CLOCK = 58,
	PACKET_TRACK = 60,
};
enum { SNAPSHOT_CLOCKS = 1, SNAPSHOT_PRIMARY = 2, CLOCK_ID = 1, CLOCK_TIMESTAMP = 2 };
enum { CLOCK_IS_REALTIME = 1, CLOCK_IS_MONOTONIC = 3 };
enum { TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_THREAD = 4, TRACK_PARENT = 5 };
enum { PROCESS_PID = 1, PROCESS_NAME = 6, THREAD_PID = 1, THREAD_TID = 2, THREAD_NAME = 5 };
enum { EVENT_ANNOTATION = 4, EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_CATEGORY = 22, EVENT_NAME = 23 };
enum { EVENT_IS_BEGIN = 1, EVENT_IS_END = 2, EVENT_IS_INSTANT = 3 };
enum { ANNOTATION_INT = 4, ANNOTATION_TEXT = 6, ANNOTATION_NAME = 10 };

#define SEQUENCE     1
#define ALERTS_TRACK 1 /* others begin behind it */

struct trace {
	const struct report *report;
	FILE *out;
	struct slice *slices;
	size_t n, room;
	bool cut;
	uint64_t next_uuid, process_uuid, track_uuid;
	uint32_t process;
	struct protobuf packet, part, inner, wrapped;
	int error;
};

/* ---- packets ------------------------------------------------------------------------------------ */

static void send(struct trace *t)
{
	protobuf_clear(&t->wrapped);
	protobuf_message(&t->wrapped, TRACE_PACKET, &t->packet);
	if (t->wrapped.failed || t->part.failed || t->inner.failed)
		t->error = -ENOMEM;
	else if (fwrite(t->wrapped.at, 1, t->wrapped.n, t->out) != t->wrapped.n)
		t->error = -EIO;
}

static void packet(struct trace *t)
{
	protobuf_clear(&t->packet);
	protobuf_number(&t->packet, PACKET_SEQUENCE, SEQUENCE);
}

static void add_clock(struct trace *t, uint64_t clock, uint64_t ns)
{
	protobuf_clear(&t->inner);
	protobuf_number(&t->inner, CLOCK_ID, clock);
	protobuf_number(&t->inner, CLOCK_TIMESTAMP, ns);
	protobuf_message(&t->part, SNAPSHOT_CLOCKS, &t->inner);
}

static void send_clocks(struct trace *t)
{
	uint64_t begin = t->report->head.begin_ns;

	packet(t);
	protobuf_clear(&t->part);
	add_clock(t, CLOCK_IS_MONOTONIC, begin);
	add_clock(t, CLOCK_IS_REALTIME, (uint64_t)t->report->snapshot->epoch_ns + begin);
	protobuf_number(&t->part, SNAPSHOT_PRIMARY, CLOCK_IS_MONOTONIC);
	protobuf_message(&t->packet, PACKET_CLOCK_SNAPSHOT, &t->part);
	send(t);
}

/* Protocol Buffers' text is UTF-8, whatever the target calls itself. */
static void add_name(struct protobuf *to, unsigned field, const char *name)
{
	char safe[NAME_SIZE];

	protobuf_text(to, field, text_escape(name, safe, sizeof(safe)));
}

/* ---- tracks ------------------------------------------------------------------------------------- */

static void begin_track(struct trace *t, uint64_t uuid, uint64_t parent)
{
	packet(t);
	protobuf_clear(&t->part);
	protobuf_number(&t->part, TRACK_UUID, uuid);
	if (parent)
		protobuf_number(&t->part, TRACK_PARENT, parent);
}

static void send_track(struct trace *t)
{
	protobuf_message(&t->packet, PACKET_TRACK, &t->part);
	send(t);
}

static void process_track(struct trace *t, const struct slice *slice)
{
	t->process = slice->pid;
	t->process_uuid = t->next_uuid++;
	begin_track(t, t->process_uuid, 0);
	protobuf_clear(&t->inner);
	protobuf_number(&t->inner, PROCESS_PID, slice->pid);
	add_name(&t->inner, PROCESS_NAME, slice->comm);
	protobuf_message(&t->part, TRACK_PROCESS, &t->inner);
	send_track(t);
}

static void thread_track(struct trace *t, const struct slice *slice)
{
	protobuf_clear(&t->inner);
	protobuf_number(&t->inner, THREAD_PID, slice->pid);
	protobuf_number(&t->inner, THREAD_TID, slice->tid);
	add_name(&t->inner, THREAD_NAME, slice->comm);
	protobuf_message(&t->part, TRACK_THREAD, &t->inner);
}

static void overlapping_track(struct trace *t, const struct slice *slice, uint32_t lane)
{
	char name[64];

	if (slice->tid)
		snprintf(name, sizeof(name), "%u, overlapping calls %u", slice->tid, lane);
	else
		snprintf(name, sizeof(name), "calls of no one thread %u", lane + 1);
	protobuf_text(&t->part, TRACK_NAME, name);
}

/* The first lane of a thread is the thread's own track. */
static void lane_track(struct trace *t, const struct slice *slice, uint32_t lane)
{
	t->track_uuid = t->next_uuid++;
	begin_track(t, t->track_uuid, t->process_uuid);
	if (lane || !slice->tid)
		overlapping_track(t, slice, lane);
	else
		thread_track(t, slice);
	send_track(t);
}

/* ---- events ------------------------------------------------------------------------------------- */

static void begin_event(struct trace *t, uint64_t ns, uint64_t type, uint64_t track)
{
	packet(t);
	protobuf_number(&t->packet, PACKET_TIMESTAMP, ns);
	protobuf_number(&t->packet, PACKET_CLOCK, CLOCK_IS_MONOTONIC);
	protobuf_clear(&t->part);
	protobuf_number(&t->part, EVENT_TYPE, type);
	protobuf_number(&t->part, EVENT_TRACK, track);
}

static void send_event(struct trace *t)
{
	protobuf_message(&t->packet, PACKET_EVENT, &t->part);
	send(t);
}

static void annotate_number(struct trace *t, const char *name, uint64_t value)
{
	protobuf_clear(&t->inner);
	protobuf_text(&t->inner, ANNOTATION_NAME, name);
	protobuf_number(&t->inner, ANNOTATION_INT, value);
	protobuf_message(&t->part, EVENT_ANNOTATION, &t->inner);
}

static void annotate_text(struct trace *t, const char *name, const char *value)
{
	protobuf_clear(&t->inner);
	protobuf_text(&t->inner, ANNOTATION_NAME, name);
	add_name(&t->inner, ANNOTATION_TEXT, value);
	protobuf_message(&t->part, EVENT_ANNOTATION, &t->inner);
}

static const char *slice_name(const struct trace *t, const struct slice *slice)
{
	const struct capture_component *component;

	if (slice->is_wait)
		return cause_names[slice->name];
	component = reader_component(t->report->reader, slice->name);
	return component ? component->monitored.name : "?";
}

static void edge(void *context, const struct slice *slice, int is_begin)
{
	struct trace *t = context;

	if (t->error)
		return;
	begin_event(t, is_begin ? slice->begin_ns : slice->end_ns, is_begin ? EVENT_IS_BEGIN : EVENT_IS_END,
		    t->track_uuid);
	if (is_begin) {
		protobuf_text(&t->part, EVENT_CATEGORY, slice->is_wait ? "wait" : "span");
		add_name(&t->part, EVENT_NAME, slice_name(t, slice));
		annotate_number(t, "seq", (uint64_t)slice->seq);
		if (slice->failed)
			annotate_text(t, "outcome", "failed");
	}
	send_event(t);
}

static void send_alerts(struct trace *t)
{
	const struct report *report = t->report;
	char words[NAME_SIZE];

	if (!report->n_alerts)
		return;
	begin_track(t, ALERTS_TRACK, 0);
	protobuf_text(&t->part, TRACK_NAME, "lapse: alerts");
	send_track(t);
	for (size_t i = 0; i < report->n_alerts && !t->error; i++) {
		const struct alert *alert = &report->alerts[i];

		begin_event(t, alert->time_ns, EVENT_IS_INSTANT, ALERTS_TRACK);
		protobuf_text(&t->part, EVENT_CATEGORY, "alert");
		protobuf_text(&t->part, EVENT_NAME, objective_info(alert->kind)->violation);
		annotate_text(t, "state", alert_event_names[alert->event]);
		annotate_text(t, "component", word_component(report->snapshot, alert->component, words));
		send_event(t);
	}
}

/* ---- slices out of the recording ---------------------------------------------------------------- */

static int add(struct trace *t, const struct slice *slice)
{
	struct slice *grown;

	if (t->n == SLICES_MOST) {
		t->cut = true;
		return 0;
	}
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 4096;
		grown = reallocarray(t->slices, t->room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		t->slices = grown;
	}
	t->slices[t->n++] = *slice;
	return 0;
}

/* What lay before the span, or what the clock had beyond its end, is not the span's. */
static int add_wait(struct trace *t, const struct slice *span, const struct lapse_block *block)
{
	struct slice wait = *span;

	if (!block->duration_ns || block->cause >= LAPSE_CAUSES || !block->end_ns)
		return 0;
	wait.end_ns = block->end_ns < span->end_ns ? block->end_ns : span->end_ns;
	wait.begin_ns = block->end_ns > block->duration_ns ? block->end_ns - block->duration_ns : 0;
	wait.begin_ns = wait.begin_ns > span->begin_ns ? wait.begin_ns : span->begin_ns;
	wait.is_wait = 1;
	wait.failed = 0;
	wait.name = block->cause;
	return wait.begin_ns < wait.end_ns ? add(t, &wait) : 0;
}

static int take(struct trace *t, const struct reader_event *event)
{
	const struct lapse_span *span = event->span;
	const struct lapse_why_span *why = (const struct lapse_why_span *)(const void *)span;
	struct slice slice = {.begin_ns = span->start_ns,
			      .end_ns = span_end_ns(span),
			      .pid = span->pid,
			      .tid = span->tid,
			      .name = span->component,
			      .failed = !!(span->flags & LAPSE_SPAN_ERROR),
			      .seq = (int64_t)event->seq};
	int err;

	memcpy(slice.comm, span->comm, sizeof(slice.comm));
	slice.comm[sizeof(slice.comm) - 1] = '\0';
	if (slice.end_ns < slice.begin_ns)
		slice.end_ns = slice.begin_ns;
	err = add(t, &slice);
	if (err || !(span->flags & LAPSE_SPAN_WHY))
		return err;
	err = add_wait(t, &slice, &why->why.longest);
	return err ?: add_wait(t, &slice, &why->other);
}

static int collect(struct trace *t)
{
	struct reader_event event;
	int more = reader_rewind(t->report->reader);

	while (!more && (more = reader_next(t->report->reader, &event)) > 0)
		more = event.kind == READER_SPAN || event.kind == READER_CONNECT ? take(t, &event) : 0;
	if (t->cut)
		diag_warn(
			"the trace has the first %d calls and waits of the recording; a shorter one has all",
			SLICES_MOST);
	return more;
}

/* A wait within nested calls was the longest of each: it is shown once. */
static size_t without_repeats(struct slice *slices, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct slice *last = kept ? &slices[kept - 1] : NULL;

		if (last && slices[i].is_wait && last->is_wait && last->tid == slices[i].tid &&
		    last->pid == slices[i].pid && last->begin_ns == slices[i].begin_ns &&
		    last->end_ns == slices[i].end_ns && last->name == slices[i].name)
			continue;
		slices[kept++] = slices[i];
	}
	return kept;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void send_thread(struct trace *t, struct slice *slices, size_t n)
{
	uint32_t lanes = slices_place(slices, n);

	if (slices->pid != t->process || !t->process_uuid)
		process_track(t, slices);
	for (uint32_t lane = 0; lane < lanes && !t->error; lane++) {
		lane_track(t, slices, lane);
		slices_edges(slices, n, lane, edge, t);
	}
}

static void send_threads(struct trace *t)
{
	size_t i, end;

	for (i = 0; i < t->n && !t->error; i = end) {
		for (end = i + 1; end < t->n && t->slices[end].pid == t->slices[i].pid &&
				  t->slices[end].tid == t->slices[i].tid;)
			end++;
		send_thread(t, t->slices + i, end - i);
	}
}

int report_trace(struct report *report, const struct output_options *show)
{
	struct trace t = {.report = report, .out = show->stream, .next_uuid = ALERTS_TRACK + 1};
	int err = collect(&t);

	if (!err) {
		if (t.n)
			qsort(t.slices, t.n, sizeof(*t.slices), slice_by_thread);
		t.n = without_repeats(t.slices, t.n);
		send_clocks(&t);
		send_alerts(&t);
		send_threads(&t);
		err = t.error;
	}
	free(t.slices);
	protobuf_free(&t.packet);
	protobuf_free(&t.part);
	protobuf_free(&t.inner);
	protobuf_free(&t.wrapped);
	return err;
}
