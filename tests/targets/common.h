/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all small test targets share: the clock, the log of true durations and the protocol
 * with the test that runs them:
 *
 *     target: ready PID        initialised; a tracer may attach now
 *     test:   go               (a line on standard input) work
 *     target: done KEY=N ...   worked, and what was done in truth
 *     test:   closes the pipe  the target ends
 *
 * So nothing is over before the tracer looked, and nobody sleeps in hope. Also included from
 * C++.
 */
#ifndef TARGETS_COMMON_H
#define TARGETS_COMMON_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A function that a tracer finds under its own name, called as often as the source says. */
#if defined(__clang__)
#define PROBED __attribute__((noinline, used, visibility("default")))
#else
#define PROBED __attribute__((noipa, used, visibility("default")))
#endif

#define LOG_NAME_LEN 24

struct log_record {
	const char *name;
	uint64_t start_ns;
	uint64_t dur_ns;
};

/* The true durations of one thread, in memory until the work is done. */
struct log {
	struct log_record *records;
	size_t len, size;
	pid_t tid;
};

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t busy_wait(uint64_t start, uint64_t ns)
{
	uint64_t now;

	do
		now = now_ns();
	while (now - start < ns);
	return now;
}

/* Room is touched beforehand, so that no page fault falls into a measured span. */
static inline void log_reserve(struct log *log, size_t size)
{
	log->records = (struct log_record *)malloc(size * sizeof(*log->records));
	if (!log->records) {
		perror("malloc");
		exit(2);
	}
	memset(log->records, 1, size * sizeof(*log->records));
	log->size = size;
	log->len = 0;
	log->tid = (pid_t)syscall(SYS_gettid);
}

static inline void log_add(struct log *log, const char *name, uint64_t start_ns, uint64_t dur_ns)
{
	if (log->len == log->size)
		return;
	log->records[log->len].name = name;
	log->records[log->len].start_ns = start_ns;
	log->records[log->len].dur_ns = dur_ns;
	log->len++;
}

/* One line a call: name start_ns dur_ns tid. */
static inline void log_write(const struct log *log, FILE *out)
{
	size_t i;

	for (i = 0; i < log->len; i++)
		fprintf(out, "%s %llu %llu %d\n", log->records[i].name,
			(unsigned long long)log->records[i].start_ns,
			(unsigned long long)log->records[i].dur_ns, log->tid);
}

static inline FILE *log_open(const char *path)
{
	FILE *out = fopen(path, "w");

	if (!out) {
		perror(path);
		exit(2);
	}
	return out;
}

static inline void log_close(FILE *out)
{
	if (fclose(out)) {
		perror("log");
		exit(2);
	}
}

/* Says that the target may be traced and waits for the word to start. */
static inline void target_ready(void)
{
	char line[16];

	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin) || strcmp(line, "go\n") != 0) {
		fprintf(stderr, "expected a line \"go\" on standard input\n");
		exit(2);
	}
}

/* Says what was done and stays until the other side closes the pipe. */
__attribute__((format(printf, 1, 2))) static inline void target_done(const char *format, ...)
{
	va_list args;

	fputs("done ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	while (getchar() != EOF)
		;
}

/* A duration with its unit, 250us or 1.5ms, in nanoseconds; ~0 if it is none. */
static inline uint64_t parse_duration(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || value < 0)
		return ~0ULL;
	if (!strcmp(end, "ns"))
		return (uint64_t)value;
	if (!strcmp(end, "us"))
		return (uint64_t)(value * 1e3);
	if (!strcmp(end, "ms"))
		return (uint64_t)(value * 1e6);
	if (!strcmp(end, "s"))
		return (uint64_t)(value * 1e9);
	return ~0ULL;
}

#endif
