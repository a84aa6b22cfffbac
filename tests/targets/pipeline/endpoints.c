// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The remote side's endpoints, and how long each takes: the mean of its last answers, the newer ones weighing
 * more. Those that are not in use are known too, for each is asked for a quote now and then.
 */
#include "pipeline.h"

#include <stdatomic.h>

#define ASK_GAP_NS 100000000
#define WEIGHT	   16 /* the newest answer's, as a part */

struct endpoint {
	struct server server;
	int fd; /* the connection that it is asked over; -1: none */
	_Atomic uint64_t mean_ns;
};

static struct endpoint endpoints[MAX_ENDPOINTS];
static int n_endpoints;
static atomic_int current;
static atomic_bool stopping;
static pthread_t asker;

int endpoint_current(void)
{
	return atomic_load(&current);
}

int endpoint_port(int endpoint)
{
	return endpoints[endpoint].server.port;
}

void endpoint_use(int endpoint)
{
	atomic_store(&current, endpoint);
}

int endpoint_fastest(void)
{
	int best = 0, i;

	for (i = 1; i < n_endpoints; i++)
		if (atomic_load(&endpoints[i].mean_ns) < atomic_load(&endpoints[best].mean_ns))
			best = i;
	return best;
}

void endpoint_took(int number, uint64_t ns)
{
	struct endpoint *endpoint = &endpoints[number];
	uint64_t mean = atomic_load(&endpoint->mean_ns);

	atomic_store(&endpoint->mean_ns, mean ? mean - mean / WEIGHT + ns / WEIGHT : ns);
}

static void ask(int number)
{
	struct endpoint *endpoint = &endpoints[number];
	uint64_t start = now_ns();
	int32_t question[2] = {0}, answer[2];

	if (endpoint->fd < 0)
		endpoint->fd = connect_loopback(endpoint->server.port);
	if (endpoint->fd < 0 || !send_all(endpoint->fd, question, sizeof(question)) ||
	    !read_all(endpoint->fd, answer, sizeof(answer)))
		return;
	endpoint_took(number, now_ns() - start);
}

static void *ask_all(void *arg)
{
	int i;

	while (!atomic_load(&stopping)) {
		for (i = 0; i < n_endpoints; i++)
			ask(i);
		sleep_ns(ASK_GAP_NS);
	}
	return arg;
}

void endpoints_start(int port, int n, bool (*serve)(int fd, int number))
{
	int i;

	n_endpoints = n;
	for (i = 0; i < n; i++) {
		endpoints[i].fd = -1;
		server_start(&endpoints[i].server, i ? 0 : port, serve, i);
	}
	if (n > 1)
		start_thread(&asker, ask_all, NULL, "asker");
}

void endpoints_stop(void)
{
	int i;

	atomic_store(&stopping, true);
	if (n_endpoints > 1)
		pthread_join(asker, NULL);
	for (i = 0; i < n_endpoints; i++) {
		if (endpoints[i].fd >= 0)
			close(endpoints[i].fd);
		server_stop(&endpoints[i].server);
	}
}
