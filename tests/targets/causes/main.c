// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions whose slowness has a known cause:
 *
 *     causes KIND [--threads N] [--calls N] [--ns D] [--file FILE] [--pages N] [--rivals N] [--log FILE]
 *
 * KIND, which wait_KIND() is for:
 *       lock                         a mutex that a thread named holder holds, in rebuild_index()
 *       disk fsync                   O_DIRECT read, fsync, of FILE.N
 *       net net_poll net_epoll       a TCP peer that takes its time: recv, or a poll before it
 *       sleep  epoll_timeout         nanosleep, a poll that nothing ends
 *       handoff handoff_pipe handoff_poll   word from a thread named passer, in pass_word(): by an eventfd,
 *                                    a pipe, an eventfd that is polled
 *       runq                         computing on one processor with threads of processes named rival
 *       fault userfault              pages of FILE.N that are not in memory; that a thread fills in
 * and without the prefix:
 *       burn                         computing
 *       mixture                      4 parts lock, 3 sleep, 2 net, 1 computing, of --ns each
 *       nested                       calls wait_lock, wait_sleep, wait_net and burn
 *       shadowed                     sleeps for 10, 9, ... 5 parts of --ns, then calls wait_net
 *       crowded                      calls wait_runq, and burn when the rivals have been stopped
 *
 * Each call takes about --ns, or touches --pages. The truth of a call is by the program's own clock and what
 * the kernel counts for the thread: the time around the very call that blocks, less what the thread ran and
 * what it waited for a processor meanwhile. A line of --log:
 *
 *     FUNCTION START DURATION TID RAN RUNQ LOCK DISK NET HANDOFF POLL SLEEP FAULT PARTNER'S_TID
 *
 * "done" tells sums, and the median of what blocked.
 */
#include "causes.h"

#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

const struct kind *kind;
const char *path = "causes.file", *log_path;
long n_threads = 1, n_calls = 100, n_pages = 16, n_rivals = 2;
uint64_t part_ns = 1000000;
int processor;
static pthread_barrier_t start_line;

static const struct kind kinds[] = {
	{"lock", "wait_lock", want_lock, wait_lock, "holder", assist_lock},
	{"disk", "wait_disk", NULL, wait_disk, NULL, NULL},
	{"fsync", "wait_fsync", NULL, wait_fsync, NULL, NULL},
	{"net", "wait_net", NULL, wait_net, NULL, NULL},
	{"net_poll", "wait_net_poll", NULL, wait_net_poll, NULL, NULL},
	{"net_epoll", "wait_net_epoll", NULL, wait_net_epoll, NULL, NULL},
	{"sleep", "wait_sleep", NULL, wait_sleep, NULL, NULL},
	{"epoll_timeout", "wait_epoll_timeout", NULL, wait_epoll_timeout, NULL, NULL},
	{"handoff", "wait_handoff", NULL, wait_handoff, "passer", assist_handoff},
	{"handoff_pipe", "wait_handoff_pipe", NULL, wait_handoff_pipe, "passer", assist_handoff},
	{"handoff_poll", "wait_handoff_poll", NULL, wait_handoff_poll, "passer", assist_handoff},
	{"runq", "wait_runq", NULL, wait_runq, NULL, NULL},
	{"fault", "wait_fault", drop_pages, wait_fault, NULL, NULL},
	{"userfault", "wait_userfault", want_pages, wait_userfault, "pager", assist_userfault},
	{"burn", "burn", NULL, burn, NULL, NULL},
	{"mixture", "mixture", want_lock, mixture, "holder", assist_long_lock},
	{"nested", "nested", want_lock, nested, "holder", assist_lock},
	{"shadowed", "shadowed", NULL, shadowed, NULL, NULL},
	{"crowded", "crowded", NULL, crowded, NULL, NULL},
};

static int is(const char *name)
{
	return !strcmp(kind->name, name);
}

static int needs_peer(void)
{
	return !strncmp(kind->name, "net", 3) || is("mixture") || is("nested") || is("shadowed");
}

static int has_rivals(void)
{
	return is("runq") || is("crowded");
}

static void *assist(void *arg)
{
	struct worker *me = arg;

	me->partner_tid = (pid_t)syscall(SYS_gettid);
	prctl(PR_SET_NAME, kind->partner);
	sem_post(&me->held); /* its id is known */
	while (!sem_wait(&me->wanted))
		kind->assist(me);
	return NULL;
}

static int set_of(int fd)
{
	int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event wanted = {.events = EPOLLIN};

	must(set >= 0 && (fd < 0 || !epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted)), "epoll");
	return set;
}

static void set_up(struct worker *me, int port)
{
	me->sock = me->file = me->fault = -1;
	me->event = eventfd(0, EFD_CLOEXEC);
	must(me->event >= 0 && !pipe2(me->pipe, O_CLOEXEC), "pipe");
	pthread_mutex_init(&me->mutex, NULL);
	sem_init(&me->wanted, 0, 0);
	sem_init(&me->held, 0, 0);
	me->calls = calloc((size_t)n_calls, sizeof(*me->calls));
	must(me->calls != NULL, "memory");
	memset(me->calls, 0, (size_t)n_calls * sizeof(*me->calls));
	if (port)
		connect_peer(me, port);
	if (is("disk") || is("fsync") || is("fault"))
		open_file(me, is("disk") ? O_DIRECT : 0);
	if (is("fault"))
		map_file(me);
	if (is("userfault"))
		map_handled(me);
	me->sock_set = set_of(me->sock);
	me->event_set = set_of(me->event);
	me->empty_set = set_of(-1);
	if (!kind->partner)
		return;
	must(!pthread_create(&me->partner, NULL, assist, me), "thread");
	sem_wait(&me->held);
}

static void call_once(struct worker *me)
{
	if (kind->prepare)
		kind->prepare(me);
	kind->call(me);
}

static void *run(void *arg)
{
	struct worker *me = arg;

	me->tid = (pid_t)syscall(SYS_gettid);
	me->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	if (has_rivals())
		pin();
	pthread_barrier_wait(&start_line); /* all are there: ready */
	pthread_barrier_wait(&start_line); /* go */
	for (me->now = me->calls; me->now < me->calls + n_calls; me->now++)
		call_once(me);
	return NULL;
}

static void find_kind(const char *name)
{
	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, name))
			kind = &kinds[i];
	if (kind)
		return;
	fprintf(stderr, "causes: no kind %s\n", name ? name : "given");
	exit(2);
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {{"threads", 1, NULL, 't'}, {"calls", 1, NULL, 'c'},
					      {"ns", 1, NULL, 'n'},	 {"file", 1, NULL, 'f'},
					      {"pages", 1, NULL, 'p'},	 {"rivals", 1, NULL, 'r'},
					      {"log", 1, NULL, 'l'},	 {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 't')
			n_threads = atol(optarg);
		else if (c == 'c')
			n_calls = atol(optarg);
		else if (c == 'n')
			part_ns = parse_duration(optarg);
		else if (c == 'f')
			path = optarg;
		else if (c == 'p')
			n_pages = atol(optarg);
		else if (c == 'r')
			n_rivals = atol(optarg);
		else if (c == 'l')
			log_path = optarg;
		else
			exit(2);
	}
	find_kind(argv[optind]);
}

int main(int argc, char **argv)
{
	struct worker *workers;
	uint64_t rivals_ns = 0;
	int port;

	parse_options(argc, argv);
	processor = sched_getcpu();
	workers = calloc((size_t)n_threads, sizeof(*workers));
	port = needs_peer() ? start_peer() : 0;
	if (!workers || pthread_barrier_init(&start_line, NULL, (unsigned int)n_threads + 1))
		return 2;
	for (long t = 0; t < n_threads; t++) {
		workers[t].number = t;
		set_up(&workers[t], port);
		must(!pthread_create(&workers[t].thread, NULL, run, &workers[t]), "thread");
	}
	pthread_barrier_wait(&start_line);
	target_ready();
	if (has_rivals())
		start_rivals();
	pthread_barrier_wait(&start_line);
	for (long t = 0; t < n_threads; t++)
		pthread_join(workers[t].thread, NULL);
	if (has_rivals())
		rivals_ns = end_rivals();
	log_all(workers);
	tell(workers, port, rivals_ns);
	return 0;
}
