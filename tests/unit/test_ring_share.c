// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A ring with one who writes, one who reads in place, and one who takes the rest over at any moment: each
 * record comes once, whole and in order.
 */
#include "ring.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "kernel/ring_share.h"

#define RING_BYTES (16UL * 1024)
/* At least, and until the rest has been taken over as often; but never more than MOST. */
#define RECORDS	   200000
#define OVER	   300
#define MOST	   100000000
/* Of the reader, at one go. */
#define PIECE	   2048

struct away {
	struct lapse_span span[RING_BYTES / 8];
	size_t n;
};

struct scene {
	struct ring ring;
	struct ring_share share;
	pthread_mutex_t lock;
	struct away away, handed;
	uint64_t seen, over, taken_by_other;
	atomic_bool enough, end; /* nothing more is written; nobody takes over any more */
	atomic_ullong written;	 /* so many; UINT64_MAX: more are to come */
};

static void open_scene(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	ring_begin(&scene->ring, RING_BYTES);
	pthread_mutex_init(&scene->lock, NULL);
	atomic_store(&scene->written, UINT64_MAX);
	ring_share_open(&scene->share, &scene->ring.view);
}

static void close_scene(struct scene *scene)
{
	ring_end(&scene->ring);
	pthread_mutex_destroy(&scene->lock);
}

/* ---- who writes ---------------------------------------------------------------------------------- */

static void put_span(struct scene *scene, uint64_t number)
{
	struct lapse_span span = {
		.kind = LAPSE_REC_SPAN,
		.flags = LAPSE_SPAN_RET,
		.component = (uint32_t)number,
		.pid = 7,
		.tid = (uint32_t)number,
		.start_ns = number,
		.ret = number,
		.duration_ns = number,
		.raw_ns = number + 1,
		.comm = "whole",
		.value = {(int64_t)number, (int64_t)number, (int64_t)number, (int64_t)number},
	};

	ring_put(&scene->ring, &span, sizeof(span), 0);
}

static void *write_all(void *context)
{
	struct scene *scene = context;
	uint64_t number;

	for (number = 0; !atomic_load(&scene->enough) && number < MOST; number++) {
		if (number % 11 == 0)
			ring_put(&scene->ring, "thrown away", 12, BPF_RINGBUF_DISCARD_BIT);
		if (number % 5 == 0)
			put_span(scene, number);
		else
			ring_put_brief(&scene->ring, number);
	}
	atomic_store(&scene->written, number);
	return NULL;
}

/* ---- who reads ----------------------------------------------------------------------------------- */

static int see(void *context, const void *record, size_t size)
{
	struct scene *scene = context;
	const struct lapse_span *span = record;
	uint64_t number = scene->seen++;
	bool whole = number % 5 == 0;

	assert_int_equal(size, sizeof(*span));
	assert_int_equal(span->kind, LAPSE_REC_SPAN);
	assert_int_equal(span->start_ns, number);
	assert_int_equal(span->component, number);
	assert_int_equal(span->tid, number);
	assert_int_equal(span->pid, 7);
	assert_int_equal(span->ret, number);
	assert_int_equal(span->duration_ns, number);
	assert_int_equal(span->raw_ns, number + 1);
	assert_int_equal(span->flags, LAPSE_SPAN_RET);
	assert_int_equal(span->values, 0);
	assert_string_equal(span->comm, whole ? "whole" : "brief");
	assert_int_equal(span->value[LAPSE_VALUES - 1], whole ? number : 0);
	if (number % 64 == 0)
		sched_yield();
	return 0;
}

static void take_away(struct scene *scene)
{
	for (size_t i = 0; i < scene->handed.n; i++)
		see(scene, &scene->handed.span[i], sizeof(scene->handed.span[i]));
}

static void read_in_place(struct scene *scene)
{
	bool in_hand;
	int err = 0;

	ring_share_read(&scene->share, PIECE, see, scene, &err);
	pthread_mutex_lock(&scene->lock);
	scene->over += atomic_load(&scene->share.taken_over);
	in_hand = ring_share_end(&scene->share);
	pthread_mutex_unlock(&scene->lock);
	if (in_hand)
		see(scene, &scene->share.copy, scene->share.size);
	assert_int_equal(err, 0);
}

static void read_all(struct scene *scene, uint64_t over)
{
	bool away;

	while (scene->seen < atomic_load(&scene->written)) {
		pthread_mutex_lock(&scene->lock);
		away = scene->away.n;
		if (away) {
			scene->handed = scene->away;
			scene->away.n = 0;
		} else {
			ring_share_begin(&scene->share);
		}
		pthread_mutex_unlock(&scene->lock);
		if (away)
			take_away(scene);
		else
			read_in_place(scene);
		if (scene->seen >= RECORDS && scene->over >= over)
			atomic_store(&scene->enough, true);
	}
}

/* ---- who takes over ------------------------------------------------------------------------------ */

static void take_over(struct scene *scene)
{
	unsigned long at = ring_share_take_over(&scene->share),
		      written = ring_view_written(&scene->ring.view), next;
	const size_t room = sizeof(scene->away.span) / sizeof(*scene->away.span);
	struct lapse_why_span copy;
	const void *data;
	size_t size;

	if (at == ULONG_MAX)
		return;
	while (scene->away.n < room &&
	       (next = ring_view_at(&scene->ring.view, at, written, &data, &size)) != at) {
		if (data) {
			record_copy(&copy, data, size);
			scene->away.span[scene->away.n++] = copy.span;
			scene->taken_by_other++;
		}
		at = next;
	}
	ring_view_give_back(&scene->ring.view, at);
}

static void *take_over_often(void *context)
{
	struct scene *scene = context;

	while (!atomic_load(&scene->end)) {
		pthread_mutex_lock(&scene->lock);
		if (ring_share_waiting(&scene->share) >= RING_BYTES / 8)
			take_over(scene);
		pthread_mutex_unlock(&scene->lock);
		/* The reader shall have its turns. */
		for (int i = 0; i < 50; i++)
			sched_yield();
	}
	return NULL;
}

static struct scene scene;

static void each_comes_once(void **state)
{
	pthread_t writer, other;

	(void)state;
	open_scene(&scene);
	pthread_create(&writer, NULL, write_all, &scene);
	pthread_create(&other, NULL, take_over_often, &scene);
	read_all(&scene, OVER);
	atomic_store(&scene.end, true);
	pthread_join(writer, NULL);
	pthread_join(other, NULL);
	assert_int_equal(scene.seen, scene.written);
	/* Else nothing was tried. */
	assert_true(scene.share.barrier);
	assert_true(scene.over >= OVER);
	assert_true(scene.taken_by_other < scene.seen);
	close_scene(&scene);
}

static void nobody_takes_over(void **state)
{
	pthread_t writer;

	(void)state;
	open_scene(&scene);
	pthread_create(&writer, NULL, write_all, &scene);
	read_all(&scene, 0);
	pthread_join(writer, NULL);
	assert_int_equal(scene.seen, scene.written);
	assert_int_equal(scene.ring.consumer, scene.ring.producer);
	close_scene(&scene);
}

/* Who may not have a barrier made leaves the reader alone. */
static void without_barriers(void **state)
{
	(void)state;
	open_scene(&scene);
	scene.share.barrier = false;
	scene.seen = 1;
	ring_put_brief(&scene.ring, 1);
	assert_int_equal(ring_share_take_over(&scene.share), 0);
	ring_share_begin(&scene.share);
	assert_int_equal(ring_share_take_over(&scene.share), ULONG_MAX);
	read_in_place(&scene);
	assert_int_equal(scene.seen, 2);
	assert_int_equal(ring_share_take_over(&scene.share), scene.ring.producer);
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_comes_once),
		cmocka_unit_test(nobody_takes_over),
		cmocka_unit_test(without_barriers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
