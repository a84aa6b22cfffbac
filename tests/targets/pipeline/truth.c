// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The true durations, and what came of them: one array for all threads, written to the file at the end and on
 * request. A slot is taken by one atomic addition, so that logging costs the order path
 * next to nothing.
 */
#include "pipeline.h"

#include <stdatomic.h>

struct truth {
	const char *name;
	uint64_t start_ns;
	pid_t tid;
	long result;
	_Atomic uint64_t dur_ns; /* stored last; 0: not written yet */
};

static const char *truth_path;
static struct truth *truths;
static size_t truth_size;
static atomic_size_t truth_len;
static __thread pid_t my_tid;

void truth_init(const char *path, size_t records)
{
	if (!path)
		return;
	truths = calloc(records, sizeof(*truths));
	if (!truths) {
		perror("log");
		exit(1);
	}
	truth_path = path;
	truth_size = records;
}

void truth_add(const char *name, uint64_t start_ns, uint64_t end_ns, long result)
{
	struct truth *truth;
	size_t slot;

	if (!truths)
		return;
	slot = atomic_fetch_add(&truth_len, 1);
	if (slot >= truth_size)
		return;
	if (!my_tid)
		my_tid = (pid_t)syscall(SYS_gettid);
	truth = &truths[slot];
	truth->name = name;
	truth->start_ns = start_ns;
	truth->tid = my_tid;
	truth->result = result;
	atomic_store(&truth->dur_ns, end_ns > start_ns ? end_ns - start_ns : 1);
}

/* Written beside and renamed, so that a reader never sees half of it. */
void truth_write(void)
{
	size_t len = atomic_load(&truth_len), i;
	char beside[4096];
	FILE *out;

	if (!truths)
		return;
	snprintf(beside, sizeof(beside), "%s.new", truth_path);
	out = log_open(beside);
	for (i = 0; i < len && i < truth_size; i++) {
		uint64_t dur = atomic_load(&truths[i].dur_ns);

		if (dur)
			fprintf(out, "%s %llu %llu %d %ld\n", truths[i].name,
				(unsigned long long)truths[i].start_ns, (unsigned long long)dur,
				truths[i].tid, truths[i].result);
	}
	log_close(out);
	if (rename(beside, truth_path))
		perror(truth_path);
	if (len > truth_size)
		fprintf(stderr, "pipeline: %zu durations did not fit the log\n", len - truth_size);
}
