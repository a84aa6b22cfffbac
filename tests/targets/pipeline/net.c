// SPDX-License-Identifier: GPL-2.0-or-later
/* Loopback TCP, a server with a thread for each connection, and sleeping. */
#include "pipeline.h"

#include "deaf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define MAX_CONNECTIONS 64

struct connection {
	struct server *server;
	int fd;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

int listen_loopback(int port, int *actual)
{
	struct sockaddr_in address = loopback(port);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, MAX_CONNECTIONS) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		die("listen");
	*actual = ntohs(address.sin_port);
	return fd;
}

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int connect_loopback(int port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		int error = errno;

		close(fd);
		return -error;
	}
	no_delay(fd);
	return fd;
}

bool send_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool read_all(int fd, void *data, size_t len)
{
	char *at = data;

	while (len > 0) {
		ssize_t n = recv(fd, at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static void *serve_connection(void *arg)
{
	struct connection *connection = arg;

	while (connection->server->serve(connection->fd, connection->server->number))
		;
	close(connection->fd);
	free(connection);
	return NULL;
}

static void *serve(void *arg)
{
	struct server *server = arg;
	int fd;

	while ((fd = accept(server->listen_fd, NULL, NULL)) >= 0) {
		struct connection *connection = malloc(sizeof(*connection));
		pthread_t thread;

		if (!connection)
			die("malloc");
		no_delay(fd);
		connection->server = server;
		connection->fd = fd;
		start_thread(&thread, serve_connection, connection, "server");
		pthread_detach(thread);
	}
	return NULL;
}

void server_start(struct server *server, int port, bool (*serve_one)(int fd, int number), int number)
{
	server->serve = serve_one;
	server->number = number;
	server->listen_fd = listen_loopback(port, &server->port);
	start_thread(&server->thread, serve, server, "listener");
}

/* The connections end when the clients close theirs. */
void server_stop(struct server *server)
{
	shutdown(server->listen_fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listen_fd);
}

void server_deaf(struct server *server, uint64_t ns)
{
	if (deafen(server->listen_fd, true))
		die("deaf");
	sleep_ns(ns);
	if (deafen(server->listen_fd, false))
		die("deaf");
}

void sleep_ns(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

void start_thread(pthread_t *thread, void *(*run)(void *), void *arg, const char *name)
{
	if (pthread_create(thread, NULL, run, arg))
		die("pthread_create");
	pthread_setname_np(*thread, name);
}
