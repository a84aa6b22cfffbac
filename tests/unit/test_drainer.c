// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whoever takes records may stop when its time is over, and has the rest, in order, when it comes again: from
 * the ring, and from what the thread has put away meanwhile.
 */
#include "ring.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "kernel/drainer.h"

#define RING_BYTES (1024UL * 1024)
/* More than half of it: then they are put away; and several times as much as is taken at one go. */
#define RECORDS	   10000
#define PAST	   1

static struct ring ring;

/* In place of the kernel's. */
int ring_view_open(int map, struct ring_view *view)
{
	(void)map;
	*view = ring.view;
	return 0;
}

void ring_view_close(struct ring_view *view)
{
	(void)view;
}

struct scene {
	struct drainer *drainer;
	int event; /* the ring's */
	__u64 urgent;
	__u32 waker;
	uint64_t written, seen;
};

static void begin(struct scene *scene, bool ahead)
{
	*scene = (struct scene){.event = eventfd(0, EFD_NONBLOCK)};
	ring_begin(&ring, RING_BYTES);
	scene->drainer = drainer_new(scene->event, &scene->urgent, &scene->waker, ahead);
	assert_non_null(scene->drainer);
}

static void end(struct scene *scene)
{
	drainer_free(scene->drainer);
	close(scene->event);
	ring_end(&ring);
}

static void write_some(struct scene *scene, size_t n)
{
	while (n--)
		ring_put_brief(&ring, scene->written++);
	eventfd_write(scene->event, 1);
}

static int see(void *context, const void *record, size_t size)
{
	struct scene *scene = context;
	const struct lapse_span *span = record;

	assert_int_equal(size, sizeof(*span));
	assert_int_equal(span->start_ns, scene->seen++);
	return 0;
}

static bool has_more(const struct scene *scene)
{
	struct pollfd event = {.fd = drainer_fd(scene->drainer), .events = POLLIN};

	return poll(&event, 1, 0) == 1;
}

/* Piece by piece, until there is nothing; how many pieces. */
static int take_in_pieces(struct scene *scene)
{
	int pieces = 0;

	while (scene->seen < scene->written) {
		uint64_t before = scene->seen;

		assert_true(has_more(scene));
		assert_true(drainer_take(scene->drainer, PAST, see, scene) > 0);
		assert_true(scene->seen > before);
		pieces++;
	}
	return pieces;
}

static void it_stops_when_its_time_is_over(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, false);
	write_some(&scene, RECORDS);
	assert_true(drainer_take(scene.drainer, PAST, see, &scene) < RECORDS / 2);
	assert_true(take_in_pieces(&scene) > 2);
	assert_int_equal(ring.consumer, ring.producer);
	end(&scene);
}

static void it_has_all_where_no_time_is_set(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, false);
	write_some(&scene, RECORDS);
	assert_int_equal(drainer_take(scene.drainer, 0, see, &scene), RECORDS);
	assert_int_equal(scene.seen, RECORDS);
	end(&scene);
}

/* Else there is no thread. */
static bool may_run_ahead(void)
{
	const struct sched_param lowest = {.sched_priority = 1}, usual = {0};

	return !sched_setscheduler(0, SCHED_FIFO, &lowest) && !sched_setscheduler(0, SCHED_OTHER, &usual);
}

/* The thread empties the ring in the midst of that: first comes what was put away first. */
static void what_was_put_away_comes_in_pieces_too(void **state)
{
	struct scene scene;

	(void)state;
	if (!may_run_ahead())
		skip();
	begin(&scene, true);
	for (int round = 0; round < 2; round++) {
		write_some(&scene, RECORDS);
		while (ring_view_taken(&ring.view) < ring_view_written(&ring.view))
			sched_yield();
		assert_true(drainer_take(scene.drainer, PAST, see, &scene) > 0);
		assert_true(scene.seen < scene.written);
	}
	write_some(&scene, 10);
	assert_true(take_in_pieces(&scene) > 4);
	assert_int_equal(drainer_take(scene.drainer, PAST, see, &scene), 0);
	assert_false(has_more(&scene));
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stops_when_its_time_is_over),
		cmocka_unit_test(it_has_all_where_no_time_is_set),
		cmocka_unit_test(what_was_put_away_comes_in_pieces_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
