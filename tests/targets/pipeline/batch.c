// SPDX-License-Identifier: GPL-2.0-or-later
/* The optimizer: a thread of its own takes orders in batches, full or as old as 2 ms. */
#include "pipeline.h"

#include <errno.h>

#define BATCH_MAX     BURST
#define BATCH_WAIT_NS 2000000
#define BATCH_CPU_NS  100000
#define BATCH_IDLE_NS 700000

static struct order *waiting[BATCH_MAX * 2];
static int n_waiting;
static bool stopping;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived, finished;
static pthread_t batcher;

PROBED int optimize_batch(struct order **batch, int n)
{
	uint64_t start = now_ns();
	int i, result = fault_fails(PART_BATCH) ? -EDOM : 0;

	busy_wait(start, BATCH_CPU_NS);
	sleep_ns(BATCH_IDLE_NS + fault_delay(PART_BATCH));
	for (i = 0; i < n; i++) {
		batch[i]->quantity = 100.0 / n;
		if (result && !batch[i]->status)
			batch[i]->status = result;
	}
	truth_add("optimize_batch", start, now_ns(), n);
	return result;
}

/* Moves a batch out of the waiting room, with the lock held; 0: stopping and empty. */
static int gather(struct order **batch)
{
	struct timespec until;
	uint64_t limit;
	int n;

	while (!n_waiting && !stopping)
		pthread_cond_wait(&arrived, &lock);
	limit = now_ns() + BATCH_WAIT_NS;
	until.tv_sec = (time_t)(limit / 1000000000);
	until.tv_nsec = (long)(limit % 1000000000);
	while (n_waiting < batch_limit() && !stopping)
		if (pthread_cond_timedwait(&arrived, &lock, &until) == ETIMEDOUT)
			break;
	n = n_waiting < batch_limit() ? n_waiting : batch_limit();
	memcpy(batch, waiting, (size_t)n * sizeof(*batch));
	n_waiting -= n;
	memmove(waiting, waiting + n, (size_t)n_waiting * sizeof(*waiting));
	return n;
}

static void *run(void *arg)
{
	struct order *batch[BATCH_MAX];
	int n, i;

	pthread_mutex_lock(&lock);
	while ((n = gather(batch)) > 0) {
		pthread_mutex_unlock(&lock);
		optimize_batch(batch, n);
		pthread_mutex_lock(&lock);
		for (i = 0; i < n; i++)
			batch[i]->batched = true;
		pthread_cond_broadcast(&finished);
	}
	pthread_mutex_unlock(&lock);
	return arg;
}

int batch_submit(struct order *order)
{
	pthread_mutex_lock(&lock);
	order->batched = false;
	waiting[n_waiting++] = order;
	pthread_cond_signal(&arrived);
	while (!order->batched)
		pthread_cond_wait(&finished, &lock);
	pthread_mutex_unlock(&lock);
	return order->status;
}

void batch_start(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&arrived, &attributes);
	pthread_cond_init(&finished, &attributes);
	start_thread(&batcher, run, NULL, "batcher");
}

/* Only after the workers have ended: nobody submits any more. */
void batch_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_signal(&arrived);
	pthread_mutex_unlock(&lock);
	pthread_join(batcher, NULL);
}
