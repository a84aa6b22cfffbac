// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/capture.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "capture/message.h"
#include "capture/tape.h"
#include "capture/writer.h"

/* A message that every file has to have. */
struct kept {
	struct kept *next;
	struct tape_message message;
};

struct capture {
	struct capture_options options;
	struct tape tape;
	struct bytes_out scratch;
	uint64_t seq;
	struct message_lost lost;
	struct kept *kept, **kept_end;
	struct tape_message *base; /* the newest tick that memory has let go; NULL: none */

	char *path;
	struct writer *writer;
	pthread_t thread;
	bool has_thread;
	/* What the thread leaves, under the lock. */
	pthread_mutex_t lock;
	bool writing;
	struct writer_figures figures;
	uint64_t unwritten; /* messages that came after it failed */
	char *failure;
};

int capture_new(const struct capture_options *options, struct capture **capture)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->kept_end = &c->kept;
	pthread_mutex_init(&c->lock, NULL);
	if (tape_open(&c->tape, options->queue_bytes, options->keep_ns)) {
		capture_free(c);
		return -ENOMEM;
	}
	*capture = c;
	return 0;
}

static void free_kept(struct capture *c)
{
	while (c->kept) {
		struct kept *next = c->kept->next;

		free(c->kept);
		c->kept = next;
	}
}

void capture_free(struct capture *capture)
{
	if (!capture)
		return;
	if (capture->has_thread) {
		capture_end(capture, "tracing ended");
		capture_wait(capture);
	}
	tape_close(&capture->tape);
	pthread_mutex_destroy(&capture->lock);
	bytes_free(&capture->scratch);
	free_kept(capture);
	free(capture->base);
	free(capture->path);
	free(capture->failure);
	free(capture);
}

/* ---- the thread that writes ------------------------------------------------------------------------ */

static void leave_figures(struct capture *c)
{
	const char *failure = writer_failure(c->writer);

	pthread_mutex_lock(&c->lock);
	c->figures = writer_figures(c->writer);
	if (failure && !c->failure)
		c->failure = strdup(failure);
	pthread_mutex_unlock(&c->lock);
}

/* What comes once it has failed is taken off the queue, and counted. */
static void write_batch(struct capture *c, uint64_t from, uint64_t to)
{
	while (from < to) {
		const struct tape_message *message = tape_at(&c->tape, from);
		uint64_t left;

		if (message->kind == MESSAGE_SPAN && writer_failure(c->writer))
			__atomic_fetch_add(&c->unwritten, 1, __ATOMIC_RELAXED);
		if (message->kind != TAPE_PAD)
			writer_take(c->writer, message);
		from += message->size;
		left = c->tape.size - from % c->tape.size;
		from += left < sizeof(*message) ? left : 0;
	}
}

static void *write_all(void *context)
{
	struct capture *c = context;
	uint64_t from, to;

	while (tape_wait(&c->tape, &from, &to)) {
		write_batch(c, from, to);
		tape_advance(&c->tape, to);
		leave_figures(c);
	}
	tape_abandon(&c->tape);
	writer_close(c->writer, true);
	pthread_mutex_lock(&c->lock);
	c->writing = false;
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int start_thread(struct capture *c)
{
	int err;

	c->writing = true;
	tape_rewind(&c->tape);
	err = pthread_create(&c->thread, NULL, write_all, c);
	c->has_thread = !err;
	if (!err)
		return 0;
	c->writing = false;
	tape_abandon(&c->tape);
	writer_close(c->writer, false);
	return -err;
}

int capture_begin(struct capture *capture, const char *path)
{
	struct capture *c = capture;
	char *copy = strdup(path);
	int err =
		copy ? writer_open(path, c->options.max_bytes, c->options.max_time_ns, &c->writer) : -ENOMEM;

	if (err) {
		free(copy);
		return err;
	}
	free(c->path);
	c->path = copy;
	free(c->failure);
	c->failure = NULL;
	c->figures = (struct writer_figures){0};
	for (const struct kept *kept = c->kept; kept; kept = kept->next)
		writer_take(c->writer, &kept->message);
	if (c->base)
		writer_begin_at(c->writer, c->base);
	return start_thread(c);
}

bool capture_is_writing(struct capture *capture)
{
	bool writing;

	pthread_mutex_lock(&capture->lock);
	writing = capture->writing;
	pthread_mutex_unlock(&capture->lock);
	return writing;
}

void capture_wait(struct capture *capture)
{
	if (capture->has_thread)
		pthread_join(capture->thread, NULL);
	capture->has_thread = false;
	capture->writer = NULL;
}

struct capture_figures capture_figures(struct capture *capture)
{
	struct capture *c = capture;
	struct capture_figures figures = {.path = c->path};

	pthread_mutex_lock(&c->lock);
	figures.spans = c->figures.spans;
	figures.ticks = c->figures.ticks;
	figures.bytes = c->figures.bytes;
	figures.dropped_ticks = c->figures.dropped_ticks;
	figures.failure = c->failure;
	figures.left_out = c->figures.left_out;
	figures.lost = c->lost.records + c->figures.undone + c->figures.left_out +
		       __atomic_load_n(&c->unwritten, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&c->lock);
	return figures;
}

/* ---- what is put ----------------------------------------------------------------------------------- */

/* The figures of the tick that memory lets go are what the next one adds to. */
static void on_evicted(void *context, const struct tape_message *message)
{
	struct capture *c = context;
	size_t size = sizeof(*message) + message->length;
	struct tape_message *base = message->kind == MESSAGE_TICK ? realloc(c->base, size) : NULL;

	if (!base)
		return;
	memcpy(base, message, size);
	c->base = base;
}

static bool put(struct capture *c, enum message_kind kind, uint64_t time_ns, enum tape_rank rank)
{
	struct tape_message head = {
		.kind = (uint16_t)kind, .length = (uint32_t)c->scratch.n, .seq = c->seq, .time_ns = time_ns};

	return !c->scratch.failed &&
	       tape_put(&c->tape, &head, c->scratch.data, rank, c->options.keep_ns ? on_evicted : NULL, c);
}

/* The next of the sequence. */
static struct bytes_out *begin(struct capture *c)
{
	c->seq++;
	bytes_clear(&c->scratch);
	return &c->scratch;
}

static void keep(struct capture *c, enum message_kind kind)
{
	struct kept *kept = c->scratch.failed ? NULL : calloc(1, sizeof(*kept) + c->scratch.n);

	if (!kept)
		return;
	kept->message = (struct tape_message){
		.kind = (uint16_t)kind, .length = (uint32_t)c->scratch.n, .seq = c->seq};
	memcpy(kept->message.bytes, c->scratch.data, c->scratch.n);
	*c->kept_end = kept;
	c->kept_end = &kept->next;
}

static void put_needed(struct capture *c, enum message_kind kind)
{
	keep(c, kind);
	c->lost.records += !put(c, kind, 0, TAPE_NEEDED);
}

static void compose_fact(struct capture *c, const char *name, const char *text, int64_t number)
{
	struct bytes_out *out = begin(c);

	bytes_put_number(out, !text);
	bytes_put_signed(out, number);
	bytes_put_text(out, name);
	bytes_put_text(out, text);
}

static void put_fact(struct capture *c, const char *name, const char *text, int64_t number)
{
	compose_fact(c, name, text, number);
	put_needed(c, MESSAGE_FACT);
}

void capture_end(struct capture *capture, const char *reason)
{
	if (!capture->has_thread)
		return;
	/* Of this file alone. */
	compose_fact(capture, FACT_END_REASON, reason ? reason : "", 0);
	put(capture, MESSAGE_FACT, 0, TAPE_NEEDED);
	tape_finish(&capture->tape);
}

void capture_fact(struct capture *capture, const char *name, const char *text)
{
	put_fact(capture, name, text ? text : "", 0);
}

void capture_fact_number(struct capture *capture, const char *name, int64_t number)
{
	put_fact(capture, name, NULL, number);
}

void capture_contract(struct capture *capture, const struct capture_contract *contract)
{
	struct bytes_out *out = begin(capture);

	bytes_put_text(out, contract->path);
	bytes_put_text(out, contract->text);
	put_needed(capture, MESSAGE_CONTRACT);
}

void capture_component(struct capture *capture, const struct capture_component *component)
{
	message_put_component(begin(capture), component);
	put_needed(capture, MESSAGE_COMPONENT);
}

void capture_process(struct capture *capture, const struct capture_process *process)
{
	message_put_process(begin(capture), process);
	/* Those that were there from the beginning are few; others come and go. */
	if (!capture->writer && !strcmp(process->event, "traced"))
		keep(capture, MESSAGE_PROCESS);
	capture->lost.records += !put(capture, MESSAGE_PROCESS, 0, TAPE_RARE);
}

void capture_span(struct capture *capture, const struct lapse_span *span, const char *stack)
{
	message_put_span(begin(capture), span, stack);
	capture->lost.records += !put(capture, MESSAGE_SPAN, 0, span_is_rare(span) ? TAPE_RARE : TAPE_COMMON);
}

void capture_tick(struct capture *capture, const struct tick *tick, const char *const *stacks)
{
	/* The spans in flight have numbers of their own, before it. */
	capture->seq += tick->n_open;
	capture->lost.number++;
	message_put_tick(begin(capture), tick, &capture->lost, stacks);
	capture->lost.ticks += !put(capture, MESSAGE_TICK, 0, TAPE_NEEDED);
}

void capture_violation(struct capture *capture, const struct violation *violation)
{
	message_put_violation(begin(capture), violation);
	capture->lost.records += !put(capture, MESSAGE_VIOLATION, 0, TAPE_RARE);
}

void capture_alert(struct capture *capture, const struct alert *alert, const char *json)
{
	message_put_alert(begin(capture), alert, json);
	capture->lost.records += !put(capture, MESSAGE_ALERT, 0, TAPE_NEEDED);
}

void capture_commit(struct capture *capture, uint64_t now_ns)
{
	begin(capture);
	put(capture, MESSAGE_COMMIT, now_ns, TAPE_NEEDED);
}
