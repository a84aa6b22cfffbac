// SPDX-License-Identifier: GPL-2.0-or-later
/* The order book: a lock that the order path needs and another thread holds now and then. */
#include "pipeline.h"

#include <stdatomic.h>

#define REBUILD_GAP_NS	80000000
#define REBUILD_HOLD_NS 50000

static pthread_mutex_t book_lock = PTHREAD_MUTEX_INITIALIZER;
static double book_total;
static atomic_bool stopping;
static pthread_t rebuilder;

PROBED void update_book(struct order *order, int lots)
{
	uint64_t start = now_ns();

	pthread_mutex_lock(&book_lock);
	book_total += order->quantity * lots;
	pthread_mutex_unlock(&book_lock);
	truth_add("update_book", start, now_ns(), lots);
}

PROBED void rebuild_index(void)
{
	uint64_t start = now_ns();

	pthread_mutex_lock(&book_lock);
	sleep_ns(REBUILD_HOLD_NS + fault_delay(PART_LOCK));
	book_total *= 0.999;
	pthread_mutex_unlock(&book_lock);
	truth_add("rebuild_index", start, now_ns(), 0);
}

static void *run(void *arg)
{
	while (!atomic_load(&stopping)) {
		rebuild_index();
		sleep_ns(REBUILD_GAP_NS);
	}
	return arg;
}

void book_start(void)
{
	start_thread(&rebuilder, run, NULL, "rebuilder");
}

void book_stop(void)
{
	atomic_store(&stopping, true);
	pthread_join(rebuilder, NULL);
}
