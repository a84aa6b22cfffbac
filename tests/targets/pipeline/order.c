// SPDX-License-Identifier: GPL-2.0-or-later
/* An order's way from the generator through a worker to the confirmer. */
#include "pipeline.h"

#include <errno.h>
#include <stdatomic.h>

#define KNOWN_TOKENS 64
#define NEW_EVERY    100 /* each hundredth order comes with a token never seen */

static struct queue incoming, outgoing;
static atomic_bool stopping;
static atomic_long confirmed, failed;
static pthread_t generator, workers[BURST], confirmer;

void queue_init(struct queue *queue)
{
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	queue->head = NULL;
	queue->tail = &queue->head;
	queue->closed = false;
}

void queue_put(struct queue *queue, struct order *order)
{
	pthread_mutex_lock(&queue->lock);
	order->next = NULL;
	*queue->tail = order;
	queue->tail = &order->next;
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

struct order *queue_take(struct queue *queue)
{
	struct order *order;

	pthread_mutex_lock(&queue->lock);
	while (!queue->head && !queue->closed)
		pthread_cond_wait(&queue->filled, &queue->lock);
	order = queue->head;
	if (order) {
		queue->head = order->next;
		if (!queue->head)
			queue->tail = &queue->head;
	}
	pthread_mutex_unlock(&queue->lock);
	return order;
}

void queue_close(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

/* On the generator's thread: from here on the order counts as ours. */
PROBED void order_received(struct order *order)
{
	order->received_ns = now_ns();
	queue_put(&incoming, order);
}

/* On the confirmer's thread: the end of the order's way, good or bad. */
PROBED void order_confirmed(struct order *order)
{
	truth_add("end_to_end", order->received_ns, now_ns(), order->status);
	atomic_fetch_add(&confirmed, 1);
	if (order->status)
		atomic_fetch_add(&failed, 1);
}

static int send_to_venue(struct order *order)
{
	char body[128];
	int status;

	snprintf(body, sizeof(body), "{\"id\": %ld, \"quote\": %d, \"quantity\": %.2f}", order->id,
		 order->quote, order->quantity);
	status = http_request("/orders", body);
	if (status < 0)
		return status;
	return status == 200 ? 0 : -EREMOTEIO;
}

static int take_steps(struct order *order)
{
	uint64_t delay = fault_delay(PART_ORDER);
	int error;

	if (delay)
		sleep_ns(delay);
	if (fault_fails(PART_ORDER))
		return -ECANCELED;
	error = validate_token(order->token);
	if (!error)
		error = rpc_call(1, (int)order->id, &order->quote);
	if (!error)
		error = batch_submit(order);
	if (error)
		return error;
	update_book(order, order_lots());
	return send_to_venue(order);
}

PROBED int handle_order(struct order *order)
{
	uint64_t start = now_ns();
	int error = take_steps(order);

	order->status = error;
	truth_add("handle_order", start, now_ns(), error);
	return error;
}

static void *work(void *arg)
{
	struct order *order;

	while ((order = queue_take(&incoming))) {
		handle_order(order);
		queue_put(&outgoing, order);
	}
	return arg;
}

static void *confirm(void *arg)
{
	struct order *order;

	while ((order = queue_take(&outgoing))) {
		order_confirmed(order);
		free(order);
	}
	return arg;
}

static void receive_one(long id)
{
	struct order *order = calloc(1, sizeof(*order));

	if (!order) {
		perror("order");
		exit(1);
	}
	order->id = id;
	order->token = (uint64_t)(id % NEW_EVERY ? 1 + id % KNOWN_TOKENS : 1000 + id);
	order_received(order);
}

static void *generate(void *arg)
{
	uint64_t next = now_ns();
	long id = 0;
	int i, together;

	while (!atomic_load(&stopping)) {
		together = burst_size();
		for (i = 0; i < together; i++)
			if (!fault_fails(PART_ARRIVAL))
				receive_one(id++);
		next += ORDER_GAP * (uint64_t)together;
		if (next > now_ns())
			sleep_ns(next - now_ns());
		else
			next = now_ns();
	}
	return arg;
}

void orders_start(void)
{
	int i;

	queue_init(&incoming);
	queue_init(&outgoing);
	start_thread(&confirmer, confirm, NULL, "confirmer");
	for (i = 0; i < BURST; i++)
		start_thread(&workers[i], work, NULL, "worker");
	start_thread(&generator, generate, NULL, "generator");
}

void orders_stop(void)
{
	int i;

	atomic_store(&stopping, true);
	pthread_join(generator, NULL);
	queue_close(&incoming);
	for (i = 0; i < BURST; i++)
		pthread_join(workers[i], NULL);
	queue_close(&outgoing);
	pthread_join(confirmer, NULL);
}

long orders_confirmed(void)
{
	return atomic_load(&confirmed);
}

long orders_failed(void)
{
	return atomic_load(&failed);
}
