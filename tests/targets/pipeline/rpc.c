// SPDX-License-Identifier: GPL-2.0-or-later
/* The remote call: a pool of connections on this side, a quoting server on the other. */
#include "pipeline.h"

#include <errno.h>

#define POOL_SIZE      BURST
#define QUOTE_SLEEP_NS 700000
#define FARTHER_NS     400000 /* each endpoint than the one before */

struct request {
	int32_t method, argument;
};

struct response {
	int32_t error, result;
};

struct slot {
	int fd; /* -1: to be connected */
	int endpoint;
	bool busy;
};

static struct slot pool[POOL_SIZE];
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pool_freed = PTHREAD_COND_INITIALIZER;

/* An idle slot; -1: none. A connected one is preferred. */
static int find_idle(void)
{
	int i, unconnected = -1;

	for (i = 0; i < POOL_SIZE; i++) {
		if (pool[i].busy)
			continue;
		if (pool[i].fd >= 0)
			return i;
		unconnected = i;
	}
	return unconnected;
}

PROBED int pool_get(void)
{
	int slot;

	pthread_mutex_lock(&pool_lock);
	while ((slot = find_idle()) < 0)
		pthread_cond_wait(&pool_freed, &pool_lock);
	pool[slot].busy = true;
	pthread_mutex_unlock(&pool_lock);
	if (pool[slot].fd < 0) {
		pool[slot].endpoint = endpoint_current();
		pool[slot].fd = connect_loopback(endpoint_port(pool[slot].endpoint));
	}
	return slot;
}

static void hang_up(struct slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
}

PROBED void pool_put(int slot)
{
	pthread_mutex_lock(&pool_lock);
	if (pool[slot].endpoint != endpoint_current())
		hang_up(&pool[slot]);
	pool[slot].busy = false;
	pthread_cond_signal(&pool_freed);
	pthread_mutex_unlock(&pool_lock);
}

/* The others are dropped when they are put back, if they lead elsewhere by then. */
void pool_drop_idle(void)
{
	int i;

	pthread_mutex_lock(&pool_lock);
	for (i = 0; i < POOL_SIZE; i++)
		if (!pool[i].busy)
			hang_up(&pool[i]);
	pthread_mutex_unlock(&pool_lock);
}

static int exchange(int fd, int method, int argument, int *result)
{
	struct request request = {method, argument};
	struct response response;

	if (fd < 0)
		return fd;
	if (!send_all(fd, &request, sizeof(request)) || !read_all(fd, &response, sizeof(response)))
		return -ECONNRESET;
	*result = response.result;
	return response.error;
}

PROBED int rpc_call(int method, int argument, int *result)
{
	uint64_t start = now_ns();
	int slot = pool_get();
	uint64_t asked = now_ns();
	int error = exchange(pool[slot].fd, method, argument, result);

	endpoint_took(pool[slot].endpoint, now_ns() - asked);
	if (error == -ECONNRESET)
		hang_up(&pool[slot]);
	pool_put(slot);
	truth_add("rpc_call", start, now_ns(), error);
	return error;
}

static bool serve_quote(int fd, int endpoint)
{
	struct request request;
	struct response response = {0, 0};

	if (!read_all(fd, &request, sizeof(request)))
		return false;
	sleep_ns(QUOTE_SLEEP_NS + (uint64_t)endpoint * FARTHER_NS + (endpoint ? 0 : fault_delay(PART_RPC)));
	response.result = request.argument * 2;
	if (!endpoint && fault_fails(PART_RPC))
		response.error = -EAGAIN;
	return send_all(fd, &response, sizeof(response));
}

void rpc_start(int port, int n_endpoints)
{
	int i;

	for (i = 0; i < POOL_SIZE; i++)
		pool[i].fd = -1;
	endpoints_start(port, n_endpoints, serve_quote);
}

void rpc_stop(void)
{
	int i;

	for (i = 0; i < POOL_SIZE; i++)
		hang_up(&pool[i]);
	endpoints_stop();
}

int rpc_port(void)
{
	return endpoint_port(0);
}
