// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/ring_view.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

int ring_view_open(int map, struct ring_view *view)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);
	size_t page = sysconf(_SC_PAGESIZE);
	void *consumer, *producer;

	*view = (struct ring_view){0};
	if (bpf_map_get_info_by_fd(map, &info, &length))
		return -errno;
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	view->consumer = consumer;
	view->size = info.max_entries;
	producer = mmap(NULL, page + 2 * view->size, PROT_READ, MAP_SHARED, map, (off_t)page);
	if (producer == MAP_FAILED)
		return -errno;
	view->producer = producer;
	view->data = (const char *)producer + page;
	return 0;
}

void ring_view_close(struct ring_view *view)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (view->consumer)
		munmap(view->consumer, page);
	if (view->producer)
		munmap((void *)view->producer, page + 2 * view->size);
	*view = (struct ring_view){0};
}
