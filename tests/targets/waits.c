// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions that wait, each for a known cause:
 *
 *     waits FILE [--calls N] [--threads N] [--ns DURATION]
 *
 * Each of N threads calls wait_lock, wait_disk, wait_net, wait_net_poll, wait_timeout, wait_handoff,
 * wait_sleep and compute in turn, N times, all from within everything(). What they wait for lasts DURATION: a
 * thread that holds a mutex in rebuild_index(), a TCP peer that answers late, a thread that writes to an
 * eventfd. The truth, told with "done", is the sum of the waiting calls' own durations by kind, and the port.
 * wait_net, wait_timeout, wait_handoff and wait_sleep return what they waited by the kernel's count: where
 * the machine's host stops a processor just before a wait, the time is over before anybody waits.
 */
#include "common.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum kind { LOCK, DISK, NET, NET_POLL, TIMEOUT, HANDOFF, SLEEP, COMPUTE, KINDS };

static const char *const names[KINDS] = {"lock",    "disk",    "net",	"net_poll",
					 "timeout", "handoff", "sleep", "compute"};

/* A thread and those who let it wait, one for each. */
struct worker {
	pthread_t thread;
	long number;
	int file, epoll_timer, epoll_event, event, epoll_net;
	int connection; /* to the peer that answers late */
	uint64_t ns[KINDS];
	pthread_mutex_t mutex;
	int asked_to_hold[2], asked_to_post[2], held[2]; /* pipes: a byte a request */
};

static const char *path;
static long n_calls = 20, n_threads = 1;
static uint64_t duration_ns = 5000000;
static int listener;
static uint16_t port;
static pthread_barrier_t start_line;

static void pause_ns(uint64_t ns)
{
	struct timespec time = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	nanosleep(&time, NULL);
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(2);
}

static void tell(int fd)
{
	must(write(fd, "x", 1) == 1, "write");
}

static int heard(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1;
}

/* ---- who lets the others wait --------------------------------------------------------------------- */

PROBED void rebuild_index(struct worker *of)
{
	pthread_mutex_lock(&of->mutex);
	tell(of->held[1]);
	pause_ns(duration_ns);
	pthread_mutex_unlock(&of->mutex);
}

static void *hold(void *arg)
{
	struct worker *of = arg;

	while (heard(of->asked_to_hold[0]))
		rebuild_index(of);
	return NULL;
}

static void *post(void *arg)
{
	struct worker *of = arg;
	uint64_t one = 1;

	while (heard(of->asked_to_post[0])) {
		pause_ns(duration_ns);
		must(write(of->event, &one, sizeof(one)) == sizeof(one), "eventfd");
	}
	return NULL;
}

static void *answer(void *arg)
{
	int fd = accept(listener, NULL, NULL);
	char byte;

	(void)arg;
	must(fd >= 0, "accept");
	while (recv(fd, &byte, 1, 0) == 1) {
		pause_ns(duration_ns);
		must(send(fd, &byte, 1, 0) == 1, "send");
	}
	return NULL;
}

/* ---- who waits ---------------------------------------------------------------------------------------- */

struct moment {
	uint64_t wall, ran;
	long waits;
};

static struct moment now(void)
{
	struct moment now;
	struct timespec ran;
	struct rusage usage;

	must(!getrusage(RUSAGE_THREAD, &usage), "getrusage");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
	now.waits = usage.ru_nvcsw;
	now.ran = (uint64_t)ran.tv_sec * 1000000000 + (uint64_t)ran.tv_nsec;
	now.wall = now_ns();
	return now;
}

/* Nothing, if it has not left the processor of its own accord. */
static long waited_since(const struct moment *start)
{
	struct moment end = now();
	uint64_t wall = end.wall - start->wall, ran = end.ran - start->ran;

	return end.waits > start->waits && wall > ran ? (long)(wall - ran) : 0;
}

PROBED void wait_lock(struct worker *me)
{
	uint64_t start = now_ns();

	pthread_mutex_lock(&me->mutex);
	me->ns[LOCK] += now_ns() - start;
	pthread_mutex_unlock(&me->mutex);
}

PROBED void wait_disk(struct worker *me)
{
	uint64_t start;

	must(pwrite(me->file, "something to sync\n", 18, 0) == 18, "pwrite");
	start = now_ns();
	must(!fsync(me->file), "fsync");
	me->ns[DISK] += now_ns() - start;
}

PROBED long wait_net(struct worker *me)
{
	struct moment start = now();
	char byte = 'x';

	must(send(me->connection, &byte, 1, 0) == 1, "send");
	must(recv(me->connection, &byte, 1, 0) == 1, "recv");
	me->ns[NET] += now_ns() - start.wall;
	return waited_since(&start);
}

PROBED void wait_net_poll(struct worker *me)
{
	uint64_t start = now_ns();
	struct epoll_event event;
	char byte = 'x';

	must(send(me->connection, &byte, 1, 0) == 1, "send");
	must(epoll_wait(me->epoll_net, &event, 1, -1) == 1, "epoll_wait");
	must(recv(me->connection, &byte, 1, 0) == 1, "recv");
	me->ns[NET_POLL] += now_ns() - start;
}

PROBED long wait_timeout(struct worker *me)
{
	struct moment start = now();
	struct epoll_event event;

	must(epoll_wait(me->epoll_timer, &event, 1, (int)(duration_ns / 1000000)) == 0, "epoll_wait");
	me->ns[TIMEOUT] += now_ns() - start.wall;
	return waited_since(&start);
}

PROBED long wait_handoff(struct worker *me)
{
	struct moment start = now();
	uint64_t count;
	struct epoll_event event;

	must(epoll_wait(me->epoll_event, &event, 1, -1) == 1, "epoll_wait");
	must(read(me->event, &count, sizeof(count)) == sizeof(count), "eventfd");
	me->ns[HANDOFF] += now_ns() - start.wall;
	return waited_since(&start);
}

PROBED long wait_sleep(struct worker *me)
{
	struct moment start = now();

	pause_ns(duration_ns);
	me->ns[SLEEP] += now_ns() - start.wall;
	return waited_since(&start);
}

PROBED void compute(struct worker *me)
{
	uint64_t start = now_ns();

	busy_wait(start, duration_ns);
	me->ns[COMPUTE] += now_ns() - start;
}

/* The mutex is held, and the event on its way, before anybody waits. */
PROBED void everything(struct worker *me)
{
	tell(me->asked_to_hold[1]);
	must(heard(me->held[0]), "read");
	wait_lock(me);
	wait_disk(me);
	wait_net(me);
	wait_net_poll(me);
	wait_timeout(me);
	tell(me->asked_to_post[1]);
	wait_handoff(me);
	wait_sleep(me);
	compute(me);
}

/* ---- set up
 * ------------------------------------------------------------------------------------------------ */

static void listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!bind(listener, (struct sockaddr *)&address, length), "bind");
	must(!listen(listener, 64), "listen");
	must(!getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
	port = ntohs(address.sin_port);
}

static int connected(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(!connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	return fd;
}

static int epoll_of(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	must(fd < 0 || !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
	return epoll;
}

static void helper(void *run(void *), struct worker *of)
{
	pthread_t thread;

	must(!pthread_create(&thread, NULL, run, of), "pthread_create");
	pthread_detach(thread);
}

static void set_up(struct worker *me)
{
	char own[4096];

	snprintf(own, sizeof(own), "%s.%ld", path, me->number);
	me->file = open(own, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	must(me->file >= 0, own);
	pthread_mutex_init(&me->mutex, NULL);
	must(!pipe(me->asked_to_hold) && !pipe(me->asked_to_post) && !pipe(me->held), "pipe");
	me->event = eventfd(0, EFD_CLOEXEC);
	helper(hold, me);
	helper(post, me);
	helper(answer, me);
	me->connection = connected();
	me->epoll_timer = epoll_of(-1);
	me->epoll_event = epoll_of(me->event);
	me->epoll_net = epoll_of(me->connection);
}

static void *run(void *arg)
{
	struct worker *me = arg;

	set_up(me);
	pthread_barrier_wait(&start_line); /* all are there: ready */
	pthread_barrier_wait(&start_line); /* go */
	for (long i = 0; i < n_calls; i++)
		everything(me);
	return NULL;
}

static void usage(void)
{
	fprintf(stderr, "waits FILE [--calls N] [--threads N] [--ns DURATION]\n");
	exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {{"calls", required_argument, NULL, 'c'},
						{"threads", required_argument, NULL, 't'},
						{"ns", required_argument, NULL, 'n'},
						{NULL, 0, NULL, 0}};
	int key;

	while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (key == 'c')
			n_calls = atol(optarg);
		else if (key == 't')
			n_threads = atol(optarg);
		else if (key == 'n')
			duration_ns = parse_duration(optarg);
		else
			usage();
	}
	if (optind + 1 != argc || n_calls < 1 || n_threads < 1 || duration_ns == ~0ULL)
		usage();
	path = argv[optind];
}

static void tell_truth(const struct worker *workers)
{
	char text[1024] = "";

	for (int kind = 0; kind < KINDS; kind++) {
		uint64_t sum = 0;

		for (long i = 0; i < n_threads; i++)
			sum += workers[i].ns[kind];
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s_ns=%llu", names[kind],
			 (unsigned long long)sum);
	}
	target_done("calls=%ld port=%u%s", n_calls * n_threads, port, text);
}

int main(int argc, char **argv)
{
	struct worker *workers;

	parse(argc, argv);
	workers = calloc((size_t)n_threads, sizeof(*workers));
	must(workers != NULL, "calloc");
	listen_somewhere();
	pthread_barrier_init(&start_line, NULL, (unsigned)n_threads + 1);
	for (long i = 0; i < n_threads; i++) {
		workers[i].number = i;
		must(!pthread_create(&workers[i].thread, NULL, run, &workers[i]), "pthread_create");
	}
	pthread_barrier_wait(&start_line);
	target_ready();
	pthread_barrier_wait(&start_line);
	for (long i = 0; i < n_threads; i++)
		pthread_join(workers[i].thread, NULL);
	tell_truth(workers);
	return 0;
}
