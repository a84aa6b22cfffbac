// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCP client that asks an answerer in one of many ways, and times by its own clock what it does:
 *
 *     asker ADDRESS PORT WAY [--connections N] [--calls N] [--delay D] [--answer BYTES] [--body BYTES]
 *                        [--read-after D] [--before] [--sendfile]
 *
 * WAY: plain        a connection after the other, on each --calls questions, answered after --delay
 *      many         all connections at once, by epoll
 *      threads      one thread asks, another one reads
 *      banner       the answerer speaks first
 *      halves       each question in two writes, 10 ms apart
 *      batches      three questions before the first answer is read
 *      half-closed  the question is the last that is sent, and the answer finds that out
 *      upload       a body that is larger than all buffers and is read late
 *      late-read    the answer is there for --read-after before it is read
 *      lost         each question is lost once
 *      lost-answer  each answer is lost once
 *      slow-connect the first SYN is lost; connect() waits
 *      again        the same, not blocking: connect() is called again and again
 *      refused      nobody listens
 *      unreachable  the kernel knows no way
 *      taken        both ends of the connection are in use
 *      h2, tls12, tls13  as plain, after what HTTP/2 and the versions of TLS begin with
 *
 * With --before the connections stand before "ready", and a question has been answered on each. The truth:
 * how many connections were tried and failed (with the last errno), how many questions were asked and
 * answers read, medians and means, and segments that were sent again.
 */
#include "tcp.h"

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

struct connection {
	int fd;
	uint16_t number; /* of the next question */
	bool tls;
	uint64_t stood_ns;
	struct question question; /* the last one */
};

struct truth {
	struct kept connected, requests, unread, network;
	uint32_t connections, failed, asked, answered, retransmits, pipelined;
	int error;
};

static struct truth *truth;
static long n_connections = 1, n_calls = 10;
static uint32_t answer_len = 100, body_len;
static uint64_t delay_ns, read_after_ns = 60000000;
static int before, by_file, port;
static struct sockaddr_storage address;
static socklen_t address_len;

/* ---- connections ----------------------------------------------------------------------------- */

static int new_socket(int flags)
{
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	need_ok(fd >= 0, "socket");
	no_delay(fd);
	return fd;
}

static void stands(struct connection *c, uint64_t start)
{
	c->stood_ns = now_ns();
	keep(&truth->connected, c->stood_ns - start);
}

/* False if it fails. */
static bool connect_one(struct connection *c)
{
	uint64_t start;

	*c = (struct connection){.fd = new_socket(0)};
	truth->connections++;
	start = now_ns();
	if (connect(c->fd, (struct sockaddr *)&address, address_len)) {
		truth->error = errno;
		truth->failed++;
		keep(&truth->connected, now_ns() - start);
		close(c->fd);
		return false;
	}
	stands(c, start);
	return true;
}

static void open_one(struct connection *c)
{
	need_ok(connect_one(c), "connect");
}

static void close_one(struct connection *c)
{
	truth->retransmits += retransmits_of(c->fd);
	close(c->fd);
}

/* ---- questions and answers ------------------------------------------------------------------- */

static void prepare(struct connection *c, int flags)
{
	c->question = (struct question){.flags = (uint8_t)(flags | (by_file ? ASK_SENDFILE : 0)),
					.number = c->number++,
					.answer_len = answer_len,
					.body_len = body_len,
					.delay_ns = delay_ns,
					.stood_ns = c->stood_ns};
	memcpy(c->question.head, HEAD, HEAD_LEN);
	if (c->tls)
		tls_head(c->question.head, TLS_DATA, sizeof(c->question) - HEAD_LEN);
	c->question.sent_ns = now_ns();
	truth->asked++;
}

static void ask(struct connection *c, int flags)
{
	prepare(c, flags);
	write_all(c->fd, &c->question, sizeof(c->question));
}

/* Reads an answer and keeps no time. */
static void skip_answer(struct connection *c, struct answer *answer)
{
	need_ok(read_all(c->fd, answer, sizeof(*answer)), "answer");
	truth->answered++;
}

static void skip_rest(struct connection *c, const struct answer *answer)
{
	need_ok(skip_all(c->fd, answer->body_len), "answer's body");
}

/* The time until now, of which the answerer says how much was its own. */
static void keep_request(const struct connection *c, const struct answer *answer)
{
	uint64_t took = now_ns() - c->question.sent_ns;

	keep(&truth->requests, took);
	keep(&truth->network, took > answer->took_ns ? took - answer->took_ns : 0);
}

static void take_answer(struct connection *c)
{
	struct answer answer;

	skip_answer(c, &answer);
	keep_request(c, &answer);
	skip_rest(c, &answer);
}

static void exchange(struct connection *c)
{
	ask(c, 0);
	take_answer(c);
}

/* ---- ways to ask on a connection that stands --------------------------------------------------- */

static void ask_in_halves(struct connection *c)
{
	size_t half = sizeof(c->question) / 2;

	prepare(c, 0);
	write_all(c->fd, &c->question, half);
	nap(10000000);
	c->question.sent_ns = now_ns();
	write_all(c->fd, (char *)&c->question + half, sizeof(c->question) - half);
	truth->pipelined++;
	take_answer(c);
}

static void ask_in_a_batch(struct connection *c)
{
	struct answer answer;

	for (int i = 0; i < 3; i++)
		ask(c, ASK_UNTIMED);
	truth->pipelined += 2;
	skip_answer(c, &answer);
	keep_request(c, &answer);
	skip_rest(c, &answer);
	for (int i = 1; i < 3; i++) {
		skip_answer(c, &answer);
		skip_rest(c, &answer);
	}
}

static void ask_and_shut(struct connection *c)
{
	ask(c, 0);
	need_ok(!shutdown(c->fd, SHUT_WR), "shutdown");
	take_answer(c);
}

static void ask_with_upload(struct connection *c)
{
	int small = 65536;
	char *body = calloc(1, body_len);

	need_ok(body && !setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), "send buffer");
	ask(c, ASK_LATE_READ | ASK_UNTIMED);
	write_all(c->fd, body, body_len);
	c->question.sent_ns = now_ns();
	truth->pipelined++;
	take_answer(c);
	free(body);
}

/* By the answerer's clock, for the asker does not look when the answer comes. */
static void ask_and_read_late(struct connection *c)
{
	struct answer answer;

	ask(c, 0);
	nap(delay_ns + read_after_ns);
	skip_answer(c, &answer);
	keep(&truth->requests, answer.sent_ns - c->question.sent_ns);
	keep(&truth->unread, now_ns() - answer.sent_ns);
	skip_rest(c, &answer);
}

#define LOSS_NS 120000000

static void ask_in_vain(struct connection *c)
{
	int own = own_port(c->fd);

	await_acknowledged(c->fd);
	wish_for(port, own, true);
	ask(c, 0);
	nap(LOSS_NS);
	wish_for(port, own, false);
	take_answer(c);
}

/* Deaf from when the question has arrived until the answer, which comes after 60 ms, was sent. */
static void ask_and_miss(struct connection *c)
{
	delay_ns = 60000000;
	ask(c, 0);
	await_acknowledged(c->fd);
	set_deaf(c->fd, true);
	nap(delay_ns + LOSS_NS);
	set_deaf(c->fd, false);
	take_answer(c);
}

static void *take_answers(void *arg)
{
	struct connection *c = arg;

	take_answer(c);
	return NULL;
}

static void ask_by_two(struct connection *c)
{
	pthread_t reader;

	need_ok(!pthread_create(&reader, NULL, take_answers, c), "thread");
	usleep(1000); /* so that it mostly waits already */
	ask(c, 0);
	pthread_join(reader, NULL);
}

/* ---- what a connection begins with ------------------------------------------------------------- */

static void no_beginning(struct connection *c)
{
	(void)c;
}

static void read_banner(struct connection *c)
{
	need_ok(skip_all(c->fd, HEAD_LEN), "banner");
}

static void begin_h2(struct connection *c)
{
	write_all(c->fd, H2_PREFACE, strlen(H2_PREFACE));
}

static void begin_tls(struct connection *c, enum tls_version version)
{
	char flight[1024];
	size_t len = tls_record(flight, TLS_HANDSHAKE, 300, 1);

	flight[len - 1] = (char)version;
	write_all(c->fd, flight, len);
	take_records(c->fd, version == TLS_1_3 ? 3 : 1);
	len = version == TLS_1_3 ? 0 : tls_record(flight, TLS_HANDSHAKE, 70, 16);
	len += tls_record(flight + len, TLS_CIPHER, 1, 1);
	len += tls_record(flight + len, version == TLS_1_3 ? TLS_DATA : TLS_HANDSHAKE, 40, 0x5a);
	write_all(c->fd, flight, len);
	if (version == TLS_1_2)
		take_records(c->fd, 2);
	c->tls = true;
}

static void begin_tls12(struct connection *c)
{
	begin_tls(c, TLS_1_2);
}

static void begin_tls13(struct connection *c)
{
	begin_tls(c, TLS_1_3);
}

/* ---- ways to connect --------------------------------------------------------------------------- */

/* Hears again while the asker waits in connect(). */
static void *hear_later(void *unused)
{
	nap(LOSS_NS);
	wish_for(port, 0, false);
	return unused;
}

static void connect_slowly(struct connection *c)
{
	pthread_t thread;

	wish_for(port, 0, true);
	need_ok(!pthread_create(&thread, NULL, hear_later, NULL), "thread");
	open_one(c);
	pthread_join(thread, NULL);
}

static void connect_again_and_again(struct connection *c)
{
	pthread_t thread;
	uint64_t start;

	*c = (struct connection){.fd = new_socket(SOCK_NONBLOCK)};
	wish_for(port, 0, true);
	need_ok(!pthread_create(&thread, NULL, hear_later, NULL), "thread");
	truth->connections++;
	start = now_ns();
	while (connect(c->fd, (struct sockaddr *)&address, address_len) && errno != EISCONN) {
		need_ok(errno == EINPROGRESS || errno == EALREADY, "connect");
		poll(&(struct pollfd){.fd = c->fd, .events = POLLOUT}, 1, 20);
	}
	stands(c, start);
	pthread_join(thread, NULL);
	fcntl(c->fd, F_SETFL, 0);
}

/* ---- attempts that fail ------------------------------------------------------------------------ */

static void must_fail(void)
{
	struct connection c;

	if (connect_one(&c)) {
		fprintf(stderr, "it connected\n");
		exit(2);
	}
}

/* The port is another's, who does not listen. */
static void be_refused(void)
{
	int bound = new_socket(0);
	struct sockaddr_storage own = address;

	((struct sockaddr_in *)&own)->sin_port = 0;
	need_ok(!bind(bound, (struct sockaddr *)&own, address_len), "bind");
	((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)own_port(bound));
	for (long i = 0; i < n_calls; i++)
		must_fail();
	close(bound);
}

/* No TCP to where everybody is meant. */
static void find_no_way(void)
{
	address = address_of("127.255.255.255", port, &address_len);
	for (long i = 0; i < n_calls; i++)
		must_fail();
}

static int reusing_socket(const struct sockaddr_storage *own)
{
	int fd = new_socket(0), one = 1;

	need_ok(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	need_ok(!bind(fd, (const struct sockaddr *)own, address_len), "bind");
	return fd;
}

/* The same two ends as the first connection's. */
static void find_it_taken(void)
{
	struct sockaddr_storage own = address;
	struct connection first = {0};
	uint64_t start;

	((struct sockaddr_in *)&own)->sin_port = 0;
	first.fd = reusing_socket(&own);
	truth->connections++;
	start = now_ns();
	need_ok(!connect(first.fd, (struct sockaddr *)&address, address_len), "connect");
	stands(&first, start);
	((struct sockaddr_in *)&own)->sin_port = htons((uint16_t)own_port(first.fd));
	for (long i = 0; i < n_calls; i++) {
		int fd = reusing_socket(&own);

		truth->connections++;
		need_ok(connect(fd, (struct sockaddr *)&address, address_len) < 0, "a connection twice");
		truth->error = errno;
		truth->failed++;
		close(fd);
	}
	exchange(&first);
	close_one(&first);
}

/* ---- all ways ---------------------------------------------------------------------------------- */

static void ask_many(struct connection *connections)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long left = n_connections * n_calls;
	struct epoll_event events[64];

	for (long i = 0; i < n_connections; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};

		need_ok(!epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event), "epoll_ctl");
		ask(&connections[i], 0);
	}
	while (left) {
		int n = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < n; i++, left--) {
			struct connection *c = events[i].data.ptr;

			take_answer(c);
			if (c->number < n_calls + before)
				ask(c, 0);
		}
	}
	close(epoll);
}

static const struct way {
	const char *name;
	void (*attempt)(void);			/* instead of all that follows */
	void (*connect)(struct connection *c);	/* NULL: open_one */
	void (*begin)(struct connection *c);	/* NULL: nothing comes before the questions */
	void (*question)(struct connection *c); /* NULL: all at once */
	bool at_once;				/* all connections stand together */
} ways[] = {
	{"plain", NULL, open_one, no_beginning, exchange, false},
	{"many", NULL, open_one, no_beginning, NULL, true},
	{"threads", NULL, open_one, no_beginning, ask_by_two, false},
	{"banner", NULL, open_one, read_banner, exchange, false},
	{"halves", NULL, open_one, no_beginning, ask_in_halves, false},
	{"batches", NULL, open_one, no_beginning, ask_in_a_batch, false},
	{"half-closed", NULL, open_one, no_beginning, ask_and_shut, false},
	{"upload", NULL, open_one, no_beginning, ask_with_upload, false},
	{"late-read", NULL, open_one, no_beginning, ask_and_read_late, false},
	{"lost", NULL, open_one, no_beginning, ask_in_vain, false},
	{"lost-answer", NULL, open_one, no_beginning, ask_and_miss, false},
	{"slow-connect", NULL, connect_slowly, no_beginning, exchange, false},
	{"again", NULL, connect_again_and_again, no_beginning, exchange, false},
	{"h2", NULL, open_one, begin_h2, exchange, false},
	{"tls12", NULL, open_one, begin_tls12, exchange, false},
	{"tls13", NULL, open_one, begin_tls13, exchange, false},
	{"refused", be_refused, NULL, NULL, NULL, false},
	{"unreachable", find_no_way, NULL, NULL, NULL, false},
	{"taken", find_it_taken, NULL, NULL, NULL, false},
};

static const struct way *find_way(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	fprintf(stderr, "no way %s\n", name);
	exit(2);
}

static void stand_up(const struct way *way, struct connection *c)
{
	way->connect(c);
	way->begin(c);
}

static void talk(const struct way *way, struct connection *c)
{
	for (long i = 0; i < n_calls; i++)
		way->question(c);
	close_one(c);
}

/* Where connections stand at once, they have been opened before the first question. */
static void go_way(const struct way *way, struct connection *connections)
{
	if (way->attempt) {
		way->attempt();
		return;
	}
	for (long i = 0; i < n_connections; i++) {
		if (!before)
			stand_up(way, &connections[i]);
		if (!way->at_once)
			talk(way, &connections[i]);
	}
	if (!way->at_once)
		return;
	ask_many(connections);
	for (long i = 0; i < n_connections; i++)
		close_one(&connections[i]);
}

/* The truth begins after these. */
static void stand_before(const struct way *way, struct connection *connections)
{
	for (long i = 0; i < n_connections; i++) {
		stand_up(way, &connections[i]);
		exchange(&connections[i]);
		await_acknowledged(connections[i].fd);
	}
	memset(truth, 0, sizeof(*truth));
}

/* ---- set-up ------------------------------------------------------------------------------------ */

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"connections", 1, NULL, 'c'}, {"calls", 1, NULL, 'n'},	     {"delay", 1, NULL, 'd'},
		{"answer", 1, NULL, 'a'},      {"body", 1, NULL, 'b'},	     {"read-after", 1, NULL, 'r'},
		{"before", 0, &before, 1},     {"sendfile", 0, &by_file, 1}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c')
			n_connections = atol(optarg);
		else if (c == 'n')
			n_calls = atol(optarg);
		else if (c == 'd')
			delay_ns = parse_duration(optarg);
		else if (c == 'a')
			answer_len = (uint32_t)atol(optarg);
		else if (c == 'b')
			body_len = (uint32_t)atol(optarg);
		else if (c == 'r')
			read_after_ns = parse_duration(optarg);
		else if (c)
			exit(2);
	}
	if (argc - optind != 3)
		exit(2);
}

static void tell(void)
{
	target_done("connections=%u failed=%u errno=%d asked=%u answered=%u requests=%u pipelined=%u "
		    "retransmits=%u "
		    "connect_ns=%llu request_ns=%llu request_mean_ns=%llu unread_ns=%llu network_ns=%llu",
		    truth->connections, truth->failed, truth->error, truth->asked, truth->answered,
		    truth->requests.n, truth->pipelined, truth->retransmits, median_of(&truth->connected),
		    median_of(&truth->requests), mean_of(&truth->requests), mean_of(&truth->unread),
		    mean_of(&truth->network));
}

int main(int argc, char **argv)
{
	struct connection *connections;
	const struct way *way;

	parse_options(argc, argv);
	port = atoi(argv[optind + 1]);
	address = address_of(argv[optind], port, &address_len);
	way = find_way(argv[optind + 2]);
	truth = shared_memory(sizeof(*truth));
	connections = calloc((size_t)n_connections, sizeof(*connections));
	need_ok(connections, "memory");
	if (before)
		stand_before(way, connections);
	target_ready();
	go_way(way, connections);
	tell();
	return 0;
}
