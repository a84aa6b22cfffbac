// SPDX-License-Identifier: GPL-2.0-or-later
/* A TCP peer that takes its time, in a process of its own, and the ways to wait for it. */
#include "causes.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static void *serve(void *arg)
{
	int sock = (int)(intptr_t)arg;
	char byte;

	while (recv(sock, &byte, 1, 0) == 1) {
		nap(part_ns);
		send(sock, &byte, 1, 0);
	}
	return NULL;
}

static void peer(int listener)
{
	pthread_t threads[n_threads];

	prctl(PR_SET_NAME, "peer");
	close(0);
	close(1);
	for (long i = 0; i < n_threads; i++) {
		int sock = accept(listener, NULL, NULL);

		must(sock >= 0 && !pthread_create(&threads[i], NULL, serve, (void *)(intptr_t)sock), "peer");
	}
	for (long i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	exit(0);
}

/* Its port; the connections are made by the workers. */
int start_peer(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t child;

	must(!bind(listener, (struct sockaddr *)&address, len) && !listen(listener, 64) &&
		     !getsockname(listener, (struct sockaddr *)&address, &len),
	     "listen");
	child = fork();
	must(child >= 0, "fork");
	if (!child)
		peer(listener);
	close(listener);
	return ntohs(address.sin_port);
}

void ask(struct worker *me)
{
	must(send(me->sock, "?", 1, 0) == 1, "send");
}

void answered(struct worker *me)
{
	char byte;

	must(recv(me->sock, &byte, 1, 0) == 1, "recv");
}

void await_answer(struct worker *me)
{
	struct moment from = now_of(me);

	ask(me);
	from = now_of(me);
	answered(me);
	blocked(me, NET, from);
}

PROBED void wait_net(struct worker *me)
{
	await_answer(me);
}

PROBED void wait_net_poll(struct worker *me)
{
	struct pollfd fd = {.fd = me->sock, .events = POLLIN};
	struct moment from = now_of(me);

	ask(me);
	from = now_of(me);
	must(poll(&fd, 1, -1) == 1, "poll");
	blocked(me, NET, from);
	answered(me);
}

PROBED void wait_net_epoll(struct worker *me)
{
	now_of(me);
	ask(me);
	await(me, me->sock_set, NET);
	answered(me);
}

void connect_peer(struct worker *me, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr = {htonl(INADDR_LOOPBACK)},
				      .sin_port = htons((uint16_t)port)};

	me->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!connect(me->sock, (struct sockaddr *)&address, sizeof(address)), "connect");
}
