// SPDX-License-Identifier: GPL-2.0-or-later
/* The remote call: a pool of connections on this side, a quoting server on the other. */
#include "pipeline.h"

#include <errno.h>

#define POOL_SIZE      BURST
#define QUOTE_SLEEP_NS 700000

struct request {
	int32_t method, argument;
};

struct response {
	int32_t error, result;
};

struct slot {
	int fd; /* -1: to be connected */
	bool busy;
};

static struct slot pool[POOL_SIZE];
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pool_freed = PTHREAD_COND_INITIALIZER;
static struct server server;

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
	if (pool[slot].fd < 0)
		pool[slot].fd = connect_loopback(server.port);
	return slot;
}

PROBED void pool_put(int slot)
{
	pthread_mutex_lock(&pool_lock);
	pool[slot].busy = false;
	pthread_cond_signal(&pool_freed);
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
	int error = exchange(pool[slot].fd, method, argument, result);

	if (error == -ECONNRESET && pool[slot].fd >= 0) {
		close(pool[slot].fd);
		pool[slot].fd = -1;
	}
	pool_put(slot);
	truth_add("rpc_call", start, now_ns());
	return error;
}

static bool serve_quote(int fd)
{
	struct request request;
	struct response response = {0, 0};

	if (!read_all(fd, &request, sizeof(request)))
		return false;
	sleep_ns(QUOTE_SLEEP_NS + fault_delay(PART_RPC));
	response.result = request.argument * 2;
	if (fault_fails(PART_RPC))
		response.error = -EAGAIN;
	return send_all(fd, &response, sizeof(response));
}

void rpc_start(int port)
{
	int i;

	for (i = 0; i < POOL_SIZE; i++)
		pool[i].fd = -1;
	server_start(&server, port, serve_quote);
}

void rpc_stop(void)
{
	int i;

	for (i = 0; i < POOL_SIZE; i++)
		if (pool[i].fd >= 0)
			close(pool[i].fd);
	server_stop(&server);
}

int rpc_port(void)
{
	return server.port;
}
