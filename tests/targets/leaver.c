// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCP client each of whose connections to an answerer has one question that is answered, and ends with one
 * that is not:
 *
 *     leaver ADDRESS PORT [--connections N] WAY...
 *
 * WAY: parting     a last word: the answerer closes, and then the leaver, which has not looked
 *      left        the answerer closes, which the leaver finds out as it reads
 *      left-shut   the same, when the question is the last that is sent
 *      reset       the answerer resets the connection while the leaver waits for the answer
 *      reset-late  the leaver closes at once, of which the answerer hears nothing before it resets
 *
 * N connections of each. The truth: questions asked and answered, and how many of the last ones failed while
 * the leaver waited, with the last errno (0: the end was all that came).
 */
#include "tcp.h"

#include <getopt.h>

static long n_connections = 1;
static unsigned int connections, asked, answered, failed;
static int error;
static struct sockaddr_storage address;
static socklen_t address_len;

static void ask(int fd, int number, int flags, uint64_t delay_ns)
{
	struct question question = {.head = HEAD,
				    .flags = (uint8_t)flags,
				    .number = (uint16_t)number,
				    .answer_len = 100,
				    .delay_ns = delay_ns,
				    .stood_ns = now_ns()};

	question.sent_ns = now_ns();
	write_all(fd, &question, sizeof(question));
	asked++;
}

static int open_one(void)
{
	struct answer answer;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need_ok(fd >= 0 && !connect(fd, (struct sockaddr *)&address, address_len), "connect");
	connections++;
	no_delay(fd);
	ask(fd, 0, 0, 5000000);
	need_ok(read_all(fd, &answer, sizeof(answer)) && skip_all(fd, answer.body_len), "answer");
	answered++;
	return fd;
}

/* Waits for an answer that does not come. */
static void wait_in_vain(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	need_ok(n <= 0, "no answer");
	error = n ? errno : 0;
	failed++;
}

static bool peer_has_closed(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	need_ok(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info.tcpi_state == TCP_CLOSE_WAIT;
}

static void part(int fd)
{
	ask(fd, 1, ASK_LEAVE, 0);
	while (!peer_has_closed(fd))
		usleep(200);
}

static void be_left(int fd)
{
	ask(fd, 1, ASK_LEAVE, 20000000);
	wait_in_vain(fd);
}

static void shut_and_be_left(int fd)
{
	ask(fd, 1, ASK_LEAVE, 20000000);
	need_ok(!shutdown(fd, SHUT_WR), "shutdown");
	wait_in_vain(fd);
}

static void be_reset(int fd)
{
	ask(fd, 1, ASK_RESET, 20000000);
	wait_in_vain(fd);
}

/* The answerer is deaf as soon as it has read the question, and for long. */
static void be_reset_late(int fd)
{
	ask(fd, 1, ASK_RESET, 100000000);
	nap(50000000);
}

static const struct way {
	const char *name;
	void (*last)(int fd);
} ways[] = {
	{"parting", part},
	{"left", be_left},
	{"left-shut", shut_and_be_left},
	{"reset", be_reset},
	{"reset-late", be_reset_late},
};

static const struct way *find_way(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	fprintf(stderr, "no way %s\n", name);
	exit(2);
}

static void go_way(const struct way *way)
{
	for (long i = 0; i < n_connections; i++) {
		int fd = open_one();

		way->last(fd);
		close(fd);
	}
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {{"connections", 1, NULL, 'c'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c != 'c')
			exit(2);
		n_connections = atol(optarg);
	}
	if (argc - optind < 3)
		exit(2);
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	address = address_of(argv[optind], atoi(argv[optind + 1]), &address_len);
	target_ready();
	for (int i = optind + 2; i < argc; i++)
		go_way(find_way(argv[i]));
	target_done("connections=%u asked=%u answered=%u failed=%u errno=%d", connections, asked, answered,
		    failed, error);
	return 0;
}
