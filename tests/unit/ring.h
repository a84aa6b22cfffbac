/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring as the kernel's, that a test writes. */
#ifndef TESTS_RING_H
#define TESTS_RING_H

#include "fixture.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/event.h"
#include "kernel/ring_view.h"

struct ring {
	unsigned long consumer, producer;
	struct ring_view view;
};

/* Twice in a row. */
static inline char *ring_map(size_t size)
{
	int file = memfd_create("ring", 0);
	char *at = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(file >= 0 && at != MAP_FAILED);
	assert_int_equal(ftruncate(file, (off_t)size), 0);
	for (int i = 0; i < 2; i++)
		assert_true(mmap(at + (size_t)i * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				 file, 0) != MAP_FAILED);
	close(file);
	return at;
}

static inline void ring_begin(struct ring *ring, size_t size)
{
	*ring = (struct ring){.view = {.consumer = &ring->consumer,
				       .producer = &ring->producer,
				       .data = ring_map(size),
				       .size = size}};
}

static inline void ring_end(struct ring *ring)
{
	munmap((void *)ring->view.data, 2 * ring->view.size);
}

/* Waits for room. */
static inline void ring_put(struct ring *ring, const void *record, uint32_t size, uint32_t state)
{
	unsigned long takes = (BPF_RINGBUF_HDR_SZ + size + 7) & ~7UL;
	char *at = (char *)ring->view.data + (ring->producer & (ring->view.size - 1));

	while (ring->producer + takes - __atomic_load_n(&ring->consumer, __ATOMIC_ACQUIRE) > ring->view.size)
		sched_yield();
	__atomic_store_n((uint32_t *)(void *)at, size | BPF_RINGBUF_BUSY_BIT, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->producer, ring->producer + takes, __ATOMIC_RELEASE);
	memcpy(at + BPF_RINGBUF_HDR_SZ, record, size);
	__atomic_store_n((uint32_t *)(void *)at, size | state, __ATOMIC_RELEASE);
}

static inline void ring_put_brief(struct ring *ring, uint64_t number)
{
	struct lapse_brief brief = {
		.kind = LAPSE_REC_BRIEF,
		.flags = LAPSE_SPAN_RET,
		.component = (uint32_t)number,
		.pid = 7,
		.tid = (uint32_t)number,
		.start_ns = number,
		.ret = number,
		.duration_ns = (uint32_t)number,
		.probes_ns = 1,
		.comm = "brief",
	};

	ring_put(ring, &brief, sizeof(brief), 0);
}

#endif
