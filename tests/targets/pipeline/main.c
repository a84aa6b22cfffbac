// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sample pipeline's frame: options, signals and the control FIFO.
 *
 *     pipeline [--seconds N] [--log FILE] [--control FIFO] [--hold] [--rpc-port N] [--http-port N]
 *              [--endpoints N]
 *
 * It prints "ready PID ..." and works until N seconds (120) are over or SIGTERM comes. --hold
 * makes it wait for a line "go" on standard input first. SIGUSR1 writes the log at once.
 * Commands to the FIFO, a line each, are answered on standard output:
 *
 *     slow PART DURATION [SHARE%]   PART: validate rpc batch http order
 *     fail PART [SHARE%]            also: cache, which then misses; keep: the connection to the venue is not
 *                                   kept; arrival: the order does not come
 *     lock DURATION [SHARE%]        rebuild_index() holds the book's lock
 *     batch N                       so many orders in a batch, at most
 *     burst N                       so many orders arrive together (8), a hundred a second in any case
 *     lots N                        an order is that large (100)
 *     grow SIZE                     takes memory, and keeps it
 *     deaf DURATION                 who connects to the venue meanwhile is not heard
 *     heal                          all of the above
 *     fastest                       drops the idle connections to the remote side and goes on with the
 *                                   endpoint that answers soonest
 *
 * With --endpoints the remote side has so many. The first is in use, and the one that "slow rpc" and "fail
 * rpc" are about; the others answer later by nature. All are asked ten times a second how long they take.
 */
#include "pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

static struct options {
	const char *log_path, *control_path;
	long seconds;
	bool hold;
	int rpc_port, http_port, endpoints;
} opt = {.seconds = 120, .endpoints = 1};

static int control_fd = -1;
static char control_line[256];
static size_t control_len;

static void usage(void)
{
	fprintf(stderr, "usage: pipeline [--seconds N] [--log FILE] [--control FIFO] [--hold] "
			"[--rpc-port N] [--http-port N] [--endpoints N]\n");
	exit(2);
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"seconds", 1, NULL, 's'},   {"log", 1, NULL, 'l'},	 {"control", 1, NULL, 'c'},
		{"hold", 0, NULL, 'h'},	     {"rpc-port", 1, NULL, 'r'}, {"http-port", 1, NULL, 'p'},
		{"endpoints", 1, NULL, 'e'}, {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.seconds = atol(optarg);
			break;
		case 'l':
			opt.log_path = optarg;
			break;
		case 'c':
			opt.control_path = optarg;
			break;
		case 'h':
			opt.hold = true;
			break;
		case 'r':
			opt.rpc_port = atoi(optarg);
			break;
		case 'p':
			opt.http_port = atoi(optarg);
			break;
		case 'e':
			opt.endpoints = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (opt.seconds <= 0 || optind < argc || opt.endpoints < 1 || opt.endpoints > MAX_ENDPOINTS)
		usage();
}

/* Opened for writing too, so that it never ends when a writer goes. */
static void open_control(void)
{
	if (!opt.control_path)
		return;
	if (mkfifo(opt.control_path, 0600) && errno != EEXIST) {
		perror(opt.control_path);
		exit(1);
	}
	control_fd = open(opt.control_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (control_fd < 0) {
		perror(opt.control_path);
		exit(1);
	}
}

static void obey(char *line)
{
	char copy[sizeof(control_line)];
	const char *wrong;

	snprintf(copy, sizeof(copy), "%s", line);
	wrong = command_obey(line);
	if (wrong)
		printf("refused %s: %s\n", copy, wrong);
	else
		printf("control %s\n", copy);
	fflush(stdout);
}

static void read_control(void)
{
	ssize_t n = read(control_fd, control_line + control_len, sizeof(control_line) - 1 - control_len);
	char *end;

	if (n <= 0)
		return;
	control_len += (size_t)n;
	control_line[control_len] = '\0';
	while ((end = strchr(control_line, '\n'))) {
		*end = '\0';
		obey(control_line);
		control_len -= (size_t)(end + 1 - control_line);
		memmove(control_line, end + 1, control_len + 1);
	}
	if (control_len == sizeof(control_line) - 1)
		control_len = 0; /* a line as long as this is no command */
}

/* Blocked in all threads and read here, in the main one. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* False: it is time to end. */
static bool read_signal(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo != SIGUSR1)
		return false;
	truth_write();
	return true;
}

static void supervise(int signals)
{
	uint64_t end = now_ns() + (uint64_t)opt.seconds * 1000000000, now;
	struct pollfd fds[2] = {{signals, POLLIN, 0}, {control_fd, POLLIN, 0}};

	while ((now = now_ns()) < end) {
		if (poll(fds, 2, (int)((end - now) / 1000000) + 1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && !read_signal(signals))
			return;
		if (fds[1].revents)
			read_control();
	}
}

static void hold(void)
{
	char line[16];

	if (opt.hold && (!fgets(line, sizeof(line), stdin) || strcmp(line, "go\n") != 0)) {
		fprintf(stderr, "pipeline: expected a line \"go\" on standard input\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int signals;

	parse_options(argc, argv);
	prctl(PR_SET_TIMERSLACK, 1);
	signals = open_signals();
	open_control();
	/* About ten records for each of a hundred orders a second, and room. */
	truth_init(opt.log_path, (size_t)opt.seconds * 2000 + 10000);
	rpc_start(opt.rpc_port, opt.endpoints);
	http_start(opt.http_port);
	printf("ready %d rpc_port=%d http_port=%d\n", (int)getpid(), rpc_port(), http_port());
	fflush(stdout);
	hold();
	batch_start();
	book_start();
	orders_start();

	supervise(signals);

	orders_stop();
	book_stop();
	batch_stop();
	rpc_stop();
	http_stop();
	truth_write();
	printf("done orders=%ld failed=%ld\n", orders_confirmed(), orders_failed());
	return 0;
}
