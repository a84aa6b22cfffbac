// SPDX-License-Identifier: GPL-2.0-or-later
/* The venue, spoken to in HTTP/1.1 over connections that each worker keeps for a while. */
#include "pipeline.h"

#include <errno.h>
#include <sys/socket.h>

#define VENUE_SLEEP_NS 300000
#define MESSAGE_MAX    1024
/* One request of so many, by whichever worker, is the last on its connection. */
#define LAST_OF	       50

static struct server server;
static unsigned n_requests;
static __thread int my_fd = -1;

/* Reads up to the blank line; the length, or -1. Nobody sends ahead here. */
static int read_head(int fd, char *head, int size)
{
	int len = 0;

	while (len < size - 1) {
		ssize_t n = recv(fd, head + len, (size_t)(size - 1 - len), 0);

		if (n <= 0)
			return -1;
		len += (int)n;
		head[len] = '\0';
		if (strstr(head, "\r\n\r\n"))
			return len;
	}
	return -1;
}

/* Takes what of the body has not come with the head. */
static bool skip_body(int fd, const char *head, int len)
{
	const char *field = strstr(head, "Content-Length: ");
	long missing = field ? atol(field + 16) : 0;
	char rest[MESSAGE_MAX];

	missing -= (head + len) - (strstr(head, "\r\n\r\n") + 4);
	return missing <= 0 || (missing < MESSAGE_MAX && read_all(fd, rest, (size_t)missing));
}

static int exchange(int fd, const char *path, const char *body)
{
	char message[MESSAGE_MAX];
	int len = snprintf(message, sizeof(message),
			   "POST %s HTTP/1.1\r\nHost: venue\r\nContent-Length: %zu\r\n\r\n%s", path,
			   strlen(body), body);

	if (!send_all(fd, message, (size_t)len))
		return -ECONNRESET;
	len = read_head(fd, message, sizeof(message));
	if (len < 0 || !skip_body(fd, message, len))
		return -ECONNRESET;
	return atoi(message + strlen("HTTP/1.1 "));
}

static bool is_last(void)
{
	return __atomic_add_fetch(&n_requests, 1, __ATOMIC_RELAXED) % LAST_OF == 0;
}

PROBED int http_request(const char *path, const char *body)
{
	uint64_t start = now_ns();
	int status;

	if (my_fd < 0)
		my_fd = connect_loopback(server.port);
	status = my_fd < 0 ? my_fd : exchange(my_fd, path, body);
	if (my_fd >= 0 && (status < 0 || is_last() || fault_fails(PART_KEEP))) {
		close(my_fd);
		my_fd = -1;
	}
	truth_add("http_request", start, now_ns(), status);
	return status;
}

static bool serve_order(int fd, int number)
{
	static const char taken[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
	static const char failed[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
	char head[MESSAGE_MAX];
	int len = read_head(fd, head, sizeof(head));

	(void)number;
	if (len < 0 || !skip_body(fd, head, len))
		return false;
	sleep_ns(VENUE_SLEEP_NS + fault_delay(PART_HTTP));
	if (fault_fails(PART_HTTP))
		return send_all(fd, failed, sizeof(failed) - 1);
	return send_all(fd, taken, sizeof(taken) - 1);
}

void http_start(int port)
{
	server_start(&server, port, serve_order, 0);
}

/* The workers' own connections end with their threads' process. */
void http_stop(void)
{
	server_stop(&server);
}

void http_deaf(uint64_t ns)
{
	server_deaf(&server, ns);
}

int http_port(void)
{
	return server.port;
}
