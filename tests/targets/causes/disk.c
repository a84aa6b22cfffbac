// SPDX-License-Identifier: GPL-2.0-or-later
/* Waits for a file on a disk: reads, syncs, and pages that are not in memory. */
#include "causes.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

PROBED void wait_disk(struct worker *me)
{
	struct moment from = now_of(me);
	long at = (me->now - me->calls) % n_pages;

	must(pread(me->file, me->block, PAGE, at * PAGE) == PAGE, "read");
	blocked(me, DISK, from);
}

PROBED void wait_fsync(struct worker *me)
{
	struct moment from;

	must(pwrite(me->file, me->block, PAGE, 0) == PAGE, "write");
	from = now_of(me);
	must(!fsync(me->file), "fsync");
	blocked(me, DISK, from);
}

void open_file(struct worker *me, int flags)
{
	char own[4096];

	snprintf(own, sizeof(own), "%s.%ld", path, me->number);
	me->file = open(own, O_CREAT | O_RDWR | O_CLOEXEC | flags, 0600);
	must(me->file >= 0, own);
	me->block = aligned_alloc(PAGE, PAGE);
	must(me->block != NULL, "memory");
	memset(me->block, 1, PAGE);
	for (long i = 0; i < n_pages; i++)
		must(pwrite(me->file, me->block, PAGE, i * PAGE) == PAGE, "write");
	must(!fsync(me->file), "fsync");
}

/* Out of the mapping, then out of the page cache. */
void drop_pages(struct worker *me)
{
	must(!madvise(me->pages, (size_t)(n_pages * PAGE), MADV_DONTNEED), "madvise");
	if (me->fault < 0)
		must(!posix_fadvise(me->file, 0, 0, POSIX_FADV_DONTNEED), "posix_fadvise");
}

static void touch_pages(struct worker *me)
{
	struct moment from = now_of(me);

	for (long i = 0; i < n_pages; i++)
		(void)*(volatile char *)(me->pages + i * PAGE);
	blocked(me, FAULT, from);
}

PROBED void wait_fault(struct worker *me)
{
	touch_pages(me);
}

PROBED void wait_userfault(struct worker *me)
{
	touch_pages(me);
}

void map_file(struct worker *me)
{
	me->pages = mmap(NULL, (size_t)(n_pages * PAGE), PROT_READ, MAP_SHARED, me->file, 0);
	must(me->pages != MAP_FAILED && !madvise(me->pages, (size_t)(n_pages * PAGE), MADV_RANDOM), "mmap");
}

void map_handled(struct worker *me)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	me->fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	me->pages = mmap(NULL, (size_t)(n_pages * PAGE), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)me->pages;
	range.range.len = (uint64_t)(n_pages * PAGE);
	must(me->pages != MAP_FAILED && me->fault >= 0 && !ioctl(me->fault, UFFDIO_API, &api) &&
		     !ioctl(me->fault, UFFDIO_REGISTER, &range),
	     "userfaultfd");
}

/* Each page takes its time to come. */
void assist_userfault(struct worker *me)
{
	struct uffdio_zeropage page = {.range = {.len = PAGE}};
	struct uffd_msg message;

	for (long i = 0; i < n_pages; i++) {
		must(read(me->fault, &message, sizeof(message)) == sizeof(message), "userfaultfd");
		nap(part_ns);
		page.range.start = message.arg.pagefault.address & ~(uint64_t)(PAGE - 1);
		must(!ioctl(me->fault, UFFDIO_ZEROPAGE, &page), "page");
	}
}

void want_pages(struct worker *me)
{
	drop_pages(me);
	sem_post(&me->wanted);
}
