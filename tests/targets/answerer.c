// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCP server that times by its own clock what it does:
 *
 *     answerer [--listen ADDRESS] [--mode MODE] [--workers N] [--accept-delay D] [--banner]
 *
 * MODE: threads   one accepts, and each connection is another thread's (the default)
 *       epoll     one thread has all connections
 *       prefork   N processes that each accept
 *       fork      one process accepts, and each connection is a child's
 *
 * It answers from the start on ("listening PORT" comes before "ready"), and "go" makes it tell the truth:
 * connections accepted and answers given, with the medians of how long these waited, and segments sent
 * again. When a question asks for a delay it has it; --accept-delay is from a connection's being there to
 * its acceptance. With --banner it speaks first.
 */
#include "tcp.h"

#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

struct truth {
	struct kept accepted, answered;
	_Atomic uint32_t answers, connections, closed, retransmits;
};

static struct truth *truth;
static int listener, port;
static uint64_t accept_delay_ns;
static bool banner;
static long n_workers = 4;

/* ---- connections that may be made deaf ------------------------------------------------------- */

#define MAX_OPEN 1024
static int open_fds[MAX_OPEN]; /* by slot; 0: free */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

static void note_open(int fd, int replaced)
{
	pthread_mutex_lock(&open_lock);
	for (int i = 0; i < MAX_OPEN; i++) {
		if (open_fds[i] != replaced)
			continue;
		open_fds[i] = fd;
		break;
	}
	pthread_mutex_unlock(&open_lock);
}

static int peer_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	return getpeername(fd, (struct sockaddr *)&address, &len) ? -1 : port_of(&address);
}

/* The connection may not have been accepted yet. */
static int find_open(int wanted)
{
	for (;;) {
		for (int i = 0; i < MAX_OPEN; i++)
			if (open_fds[i] && peer_port(open_fds[i]) == wanted)
				return open_fds[i];
		usleep(500);
	}
}

static void fulfil(const struct wish *wish)
{
	int fd = wish->port ? find_open(wish->port) : listener;

	if (wish->deaf && wish->port)
		await_acknowledged(fd); /* else this end would send again too */
	set_deaf(fd, wish->deaf);
}

static void *take_wishes(void *arg)
{
	int unix_listener = *(int *)arg, fd;
	struct wish wish;

	while ((fd = accept(unix_listener, NULL, NULL)) >= 0) {
		while (recv(fd, &wish, sizeof(wish), 0) == sizeof(wish)) {
			fulfil(&wish);
			need_ok(send(fd, "", 1, MSG_NOSIGNAL) == 1, "reply to a wish");
		}
		close(fd);
	}
	return NULL;
}

static void start_taking_wishes(void)
{
	static int unix_listener;
	struct sockaddr_un address;
	socklen_t len = wish_address(&address, port);
	pthread_t thread;

	unix_listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	need_ok(unix_listener >= 0 && !bind(unix_listener, (struct sockaddr *)&address, len) &&
			!listen(unix_listener, 4),
		"socket for wishes");
	need_ok(!pthread_create(&thread, NULL, take_wishes, &unix_listener), "thread");
}

/* ---- answering ------------------------------------------------------------------------------- */

#define SMALL_BODY 65536

struct connection {
	int fd;
	bool tls;
	bool finishes; /* the next record of data is the client's Finished of TLS 1.3 */
	uint64_t accepted_ns;
	/* by epoll only */
	struct question question;
	size_t have;
	uint64_t read_ns, due_ns;
	struct connection *next;
};

static struct connection *accept_one(void)
{
	struct connection *c = calloc(1, sizeof(*c));

	need_ok(c, "memory");
	if (accept_delay_ns) {
		poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, -1);
		nap(accept_delay_ns);
	}
	c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	c->accepted_ns = now_ns();
	if (c->fd < 0) {
		free(c);
		return NULL;
	}
	truth->connections++;
	no_delay(c->fd);
	note_open(c->fd, 0);
	return c;
}

static void close_one(struct connection *c)
{
	truth->retransmits += retransmits_of(c->fd);
	note_open(0, c->fd);
	close(c->fd);
	free(c);
	truth->closed++;
}

static void keep_times(const struct connection *c, const struct question *question, uint64_t now)
{
	truth->answers++;
	if (question->number == 0)
		keep(&truth->accepted,
		     c->accepted_ns > question->stood_ns ? c->accepted_ns - question->stood_ns : 0);
	if (!(question->flags & ASK_UNTIMED))
		keep(&truth->answered, now - question->sent_ns);
}

/* All of it, the answer's head too, without a call of send. */
static void send_by_file(int fd, const void *message, size_t len)
{
	int file = memfd_create("answer", MFD_CLOEXEC);
	off_t at = 0;

	need_ok(file >= 0 && write(file, message, len) == (ssize_t)len, "file to send");
	while ((size_t)at < len)
		need_ok(sendfile(fd, file, &at, len - (size_t)at) > 0, "sendfile");
	close(file);
}

static void give_answer(struct connection *c, const struct question *question, uint64_t read_ns)
{
	static __thread char message[sizeof(struct answer) + SMALL_BODY];
	struct answer *answer = (struct answer *)message;
	size_t len = sizeof(*answer) + question->answer_len;

	need_ok(question->answer_len <= SMALL_BODY, "length of an answer");
	memcpy(answer->head, HEAD, HEAD_LEN);
	if (c->tls)
		tls_head(answer->head, TLS_DATA, len - HEAD_LEN);
	answer->body_len = question->answer_len;
	answer->sent_ns = now_ns();
	answer->took_ns = answer->sent_ns - read_ns;
	keep_times(c, question, answer->sent_ns);
	if (question->flags & ASK_SENDFILE)
		send_by_file(c->fd, message, len);
	else
		write_all(c->fd, message, len);
}

/* ---- what looks like TLS --------------------------------------------------------------------- */

/* The server's part after the client's hello. */
static void answer_hello(struct connection *c, enum tls_version version)
{
	char flight[4096];
	size_t len = tls_record(flight, TLS_HANDSHAKE, 1200, 2);

	if (version == TLS_1_3) {
		len += tls_record(flight + len, TLS_CIPHER, 1, 1);
		len += tls_record(flight + len, TLS_DATA, 1000, 0x5a);
	}
	c->finishes = version == TLS_1_3;
	write_all(c->fd, flight, len);
}

/* After the client's key exchange, change of cipher and Finished. */
static void answer_finished(const struct connection *c)
{
	char flight[128];
	size_t len = tls_record(flight, TLS_CIPHER, 1, 1);

	len += tls_record(flight + len, TLS_HANDSHAKE, 40, 0x5a);
	write_all(c->fd, flight, len);
}

/* One record of the client's, whose head has been read. */
static bool take_handshake(struct connection *c, const char *head)
{
	char body[16384];
	size_t len = tls_record_len(head);
	bool first = !c->tls;

	if (len > sizeof(body) || !read_all(c->fd, body, len))
		return false;
	c->tls = true;
	if (first)
		answer_hello(c, body[len - 1]);
	else if (head[0] == TLS_HANDSHAKE && len == 40)
		answer_finished(c);
	else if (head[0] == TLS_DATA)
		c->finishes = false;
	return true;
}

/* False at the end of the stream. What comes before the first question is dealt with. */
static bool read_question(struct connection *c, struct question *question)
{
	char *head = question->head;

	for (;;) {
		if (!read_all(c->fd, head, HEAD_LEN))
			return false;
		if (!memcmp(head, H2_PREFACE, HEAD_LEN)) {
			if (!skip_all(c->fd, strlen(H2_PREFACE) - HEAD_LEN))
				return false;
		} else if (head[0] == TLS_HANDSHAKE || head[0] == TLS_CIPHER ||
			   (head[0] == TLS_DATA && c->finishes)) {
			if (!take_handshake(c, head))
				return false;
		} else {
			return read_all(c->fd, (char *)question + HEAD_LEN, sizeof(*question) - HEAD_LEN);
		}
	}
}

/* ---- a connection at a time ------------------------------------------------------------------ */

/* What to do instead of an answer, before the connection is closed. */
static void leave(const struct connection *c, const struct question *question)
{
	struct linger none = {.l_onoff = 1};

	if (question->flags & ASK_RESET) {
		set_deaf(c->fd, true);
		need_ok(!setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), "SO_LINGER");
	}
	nap(question->delay_ns);
}

static void serve(struct connection *c)
{
	struct question question;
	uint64_t read_ns;

	if (banner)
		write_all(c->fd, HEAD, HEAD_LEN);
	while (read_question(c, &question)) {
		if (question.flags & (ASK_LEAVE | ASK_RESET)) {
			leave(c, &question);
			break;
		}
		if (question.flags & ASK_LATE_READ)
			nap(question.delay_ns);
		if (!skip_all(c->fd, question.body_len))
			break;
		read_ns = now_ns();
		nap(question.delay_ns);
		give_answer(c, &question, read_ns);
	}
	close_one(c);
}

static void *serve_as_thread(void *c)
{
	serve(c);
	return NULL;
}

static void *accept_for_threads(void *unused)
{
	struct connection *c;
	pthread_t thread;

	while ((c = accept_one())) {
		need_ok(!pthread_create(&thread, NULL, serve_as_thread, c), "thread");
		pthread_detach(thread);
	}
	return unused;
}

static void accept_and_serve(void)
{
	struct connection *c;

	while ((c = accept_one()))
		serve(c);
}

/* PostgreSQL's way: the child has the socket, and the parent lets go of it. */
static void accept_and_fork(void)
{
	struct connection *c;

	signal(SIGCHLD, SIG_IGN);
	while ((c = accept_one())) {
		if (!fork()) {
			serve(c);
			_exit(0);
		}
		note_open(0, c->fd);
		close(c->fd);
		free(c);
	}
}

/* ---- all connections in one thread ----------------------------------------------------------- */

/* All delays are as long as the first one asked for, so that answers are due in the order of questions. */
static struct connection *first_due, **last_due = &first_due;

static void put_due(struct connection *c)
{
	c->read_ns = now_ns();
	c->due_ns = c->read_ns + c->question.delay_ns;
	c->next = NULL;
	*last_due = c;
	last_due = &c->next;
}

static void answer_due(void)
{
	struct connection *c;

	while ((c = first_due) && c->due_ns <= now_ns()) {
		first_due = c->next;
		if (!first_due)
			last_due = &first_due;
		c->have = 0;
		give_answer(c, &c->question, c->read_ns);
	}
}

static void watch(int epoll, int fd, void *data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};

	need_ok(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void take_event(int epoll, struct connection *c)
{
	ssize_t n;

	if (!c) {
		c = accept_one();
		if (c)
			watch(epoll, c->fd, c);
		return;
	}
	n = recv(c->fd, (char *)&c->question + c->have, sizeof(c->question) - c->have, MSG_DONTWAIT);
	if (n <= 0) {
		close_one(c);
		return;
	}
	c->have += (size_t)n;
	if (c->have == sizeof(c->question))
		put_due(c);
}

static int milliseconds_to_due(void)
{
	uint64_t now = now_ns();

	if (!first_due)
		return -1;
	return first_due->due_ns <= now ? 0 : (int)((first_due->due_ns - now + 999999) / 1000000);
}

static void *serve_by_epoll(void *unused)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	watch(epoll, listener, NULL);
	for (;;) {
		int n = epoll_wait(epoll, events, 64, milliseconds_to_due());

		for (int i = 0; i < n; i++)
			take_event(epoll, events[i].data.ptr);
		answer_due();
	}
	return unused;
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static pid_t workers[64];
static long n_forked;

static void fork_workers(long n, void work(void))
{
	for (long i = 0; i < n && i < 64; i++) {
		pid_t pid = fork();

		need_ok(pid >= 0, "fork");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			work();
			_exit(0);
		}
		workers[n_forked++] = pid;
	}
}

static void start(const char *mode)
{
	pthread_t thread;

	if (!strcmp(mode, "prefork"))
		fork_workers(n_workers, accept_and_serve);
	else if (!strcmp(mode, "fork"))
		fork_workers(1, accept_and_fork);
	else
		need_ok(!pthread_create(&thread, NULL,
					!strcmp(mode, "epoll") ? serve_by_epoll : accept_for_threads, NULL),
			"thread");
	if (!n_forked)
		start_taking_wishes();
}

static void listen_at(const char *text)
{
	socklen_t len;
	struct sockaddr_storage address = address_of(text, 0, &len);

	listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need_ok(listener >= 0 && !bind(listener, (struct sockaddr *)&address, len) && !listen(listener, 512),
		text);
	port = own_port(listener);
}

static const char *parse_options(int argc, char **argv, const char **address)
{
	static const struct option longs[] = {{"listen", 1, NULL, 'l'},	 {"mode", 1, NULL, 'm'},
					      {"workers", 1, NULL, 'w'}, {"accept-delay", 1, NULL, 'a'},
					      {"banner", 0, NULL, 'b'},	 {NULL, 0, NULL, 0}};
	const char *mode = "threads";
	int c;

	*address = "127.0.0.1";
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'l')
			*address = optarg;
		else if (c == 'm')
			mode = optarg;
		else if (c == 'w')
			n_workers = atol(optarg);
		else if (c == 'a')
			accept_delay_ns = parse_duration(optarg);
		else if (c == 'b')
			banner = true;
		else
			exit(2);
	}
	return mode;
}

/* Askers have ended, but their connections may not have been closed at this end. */
static void await_closed(void)
{
	for (int i = 0; i < 5000 && truth->closed < truth->connections; i++)
		usleep(1000);
}

static void end_workers(void)
{
	for (long i = 0; i < n_forked; i++)
		kill(workers[i], SIGTERM);
}

int main(int argc, char **argv)
{
	const char *address, *mode = parse_options(argc, argv, &address);

	truth = shared_memory(sizeof(*truth));
	listen_at(address);
	start(mode);
	atexit(end_workers);
	printf("listening %d\n", port);
	for (long i = 0; i < n_forked; i++)
		printf("worker %d\n", (int)workers[i]);
	target_ready();
	await_closed();
	target_done("connections=%u answers=%u accept_ns=%llu serve_ns=%llu retransmits=%u",
		    truth->connections, truth->answers, median_of(&truth->accepted),
		    median_of(&truth->answered), truth->retransmits);
	return 0;
}
