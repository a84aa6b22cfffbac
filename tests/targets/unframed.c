// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waits at the end of a known chain of calls that keeps no frame pointers:
 *
 *     unframed KIND [CALLS [DURATION [BYTES]]]
 *
 * A thread calls handle_order CALLS times; that calls check_risk, which has BYTES on its
 * stack, and that await_KIND, which waits for DURATION: "sleep" in nanosleep(2), "lock" for a mutex that
 * another thread has in rebuild_index, "fault" for a page that another thread fills. The register for frame
 * pointers is in other use, so that whoever follows them is led astray.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGE 4096UL

#define SPOIL_FRAME_POINTER() __asm__ volatile("mov $0x7eadbeef, %%ebp" : : : "rbp")

static uint64_t duration_ns = 5000000;
static size_t n_bytes = 256;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t asked, held;
static int faults;
static volatile char *page; /* the next one that is not there */

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(2);
}

static void pause_now(void)
{
	struct timespec time = {.tv_sec = (time_t)(duration_ns / 1000000000),
				.tv_nsec = (long)(duration_ns % 1000000000)};

	nanosleep(&time, NULL);
}

/* ---- who lets it wait --------------------------------------------------------------------- */

static void *rebuild_index(void *arg)
{
	for (;;) {
		pthread_barrier_wait(&asked);
		pthread_mutex_lock(&mutex);
		pthread_barrier_wait(&held);
		pause_now();
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *fill_pages(void *arg)
{
	struct uffd_msg message;

	while (read(faults, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_zeropage zero = {
			.range = {.start = message.arg.pagefault.address & ~(PAGE - 1), .len = PAGE}};

		pause_now();
		must(!ioctl(faults, UFFDIO_ZEROPAGE, &zero), "UFFDIO_ZEROPAGE");
	}
	return arg;
}

static void await_pages(long n)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register wanted = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	pthread_t thread;

	page = mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(page != MAP_FAILED, "mmap");
	wanted.range.start = (uint64_t)(uintptr_t)page;
	wanted.range.len = (uint64_t)n * PAGE;
	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	/* Before 5.11 there is no such flag. */
	if (faults < 0 && errno == EINVAL)
		faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	must(faults >= 0 && !ioctl(faults, UFFDIO_API, &api) && !ioctl(faults, UFFDIO_REGISTER, &wanted),
	     "userfaultfd");
	must(!pthread_create(&thread, NULL, fill_pages, NULL), "pthread_create");
}

/* ---- the chain ------------------------------------------------------------------------------ */

PROBED long await_sleep(long order)
{
	SPOIL_FRAME_POINTER();
	pause_now();
	return order + 1;
}

PROBED long await_lock(long order)
{
	SPOIL_FRAME_POINTER();
	pthread_barrier_wait(&asked);
	pthread_barrier_wait(&held);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return order + 1;
}

PROBED long await_fault(long order)
{
	char byte;

	SPOIL_FRAME_POINTER();
	byte = *page;
	page += PAGE;
	return order + byte;
}

static long (*await)(long order) = await_sleep;

/* Room of a size that is not known beforehand is found by that register, in this function alone. */
PROBED long check_risk(long order)
{
	char book[n_bytes];

	memset(book, (int)order, n_bytes);
	__asm__ volatile("" : : "r"(book) : "memory");
	return await(order) + book[0];
}

PROBED long handle_order(long order)
{
	SPOIL_FRAME_POINTER();
	return check_risk(order) * 3 + order;
}

static void *work(void *calls)
{
	for (long i = 0; i < *(long *)calls; i++)
		handle_order(i & 63);
	return NULL;
}

static void prepare(const char *kind, long calls)
{
	pthread_t thread;

	if (!strcmp(kind, "lock")) {
		await = await_lock;
		must(!pthread_barrier_init(&asked, NULL, 2) && !pthread_barrier_init(&held, NULL, 2),
		     "barrier");
		must(!pthread_create(&thread, NULL, rebuild_index, NULL), "pthread_create");
	} else if (!strcmp(kind, "fault")) {
		await = await_fault;
		await_pages(calls);
	}
}

int main(int argc, char **argv)
{
	long calls = argc > 2 ? atol(argv[2]) : 10;
	pthread_t thread;

	if (argc < 2 || calls < 1) {
		fprintf(stderr, "unframed sleep|lock|fault [CALLS [DURATION [BYTES]]]\n");
		return 2;
	}
	duration_ns = argc > 3 ? parse_duration(argv[3]) : duration_ns;
	n_bytes = argc > 4 ? (size_t)atol(argv[4]) : n_bytes;
	prepare(argv[1], calls);
	target_ready();
	must(!pthread_create(&thread, NULL, work, &calls), "pthread_create");
	pthread_join(thread, NULL);
	target_done("calls=%ld", calls);
	return 0;
}
