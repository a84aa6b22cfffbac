// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Recordings that mean ill. The first byte says how the rest is taken: as a whole file; or as changes to a
 * good one, pairs of a place and a byte, since a fuzzer finds no table behind SQLite's own checks by itself;
 * or as what its blobs hold.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/units.h"
#include "bpf/buckets.h"
#include "capture/blobs.h"
#include "capture/capture.h"
#include "capture/message.h"
#include "capture/replay.h"
#include "report/compare.h"
#include "report/formats.h"

#define GOOD "/dev/shm/lapse-fuzz-good"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *good;
static size_t good_size;

static void record_tick(struct capture *capture, struct tick *tick, struct tick_component *figures)
{
	static struct lapse_why_row causes[LAPSE_WHY_ROWS];
	static uint64_t recent[3] = {1, 2, 3};
	struct bucket_delta buckets[] = {{5, 3}, {900, 1}};
	struct lapse_span open = {.pid = 1, .tid = 2, .flags = LAPSE_SPAN_OPEN};

	causes[4].count++;
	figures->counters.entries += 4;
	figures->counters.returns += 4;
	figures->buckets = buckets;
	figures->n_buckets = 2;
	figures->recent = recent;
	figures->n_recent = 3;
	figures->causes = why_rows_of(causes);
	strcpy(figures->value[0].name, "batch");
	figures->tcp.sent++;
	figures->connects.opened++;
	tick->now_ns += NSEC_PER_SEC;
	tick->components = figures;
	tick->n_components = 1;
	tick->open = &open;
	tick->n_open = 1;
	capture_tick(capture, tick, NULL);
	capture_commit(capture, tick->now_ns);
}

static void record_all(struct capture *capture)
{
	static const char contract[] = "lapse: 1\ncomponents:\n  orders:\n    measure: f\n    contract: "
				       "{max_latency: 5ms, max_p50: 2ms}\n";
	struct capture_component component = {.monitored = {.name = "orders", .value_name = {"batch"}},
					      .level_ns = {UINT64_MAX, 5000000, 10000000}};
	struct lapse_why_span why = {
		.span = {.pid = 1, .tid = 2, .duration_ns = 7000000, .flags = LAPSE_SPAN_WHY},
		.why = {.longest = {.duration_ns = 5, .peer = {.port = 80}},
			.rival = {{.pid = 4, .ns = 4}},
			.ns = {1, 2}},
	};
	struct lapse_tcp_span tcp = {.span = {.flags = LAPSE_SPAN_TCP}, .tcp = {.own = {.port = 9}}};
	struct tick_component figures = {0};
	struct tick tick = {.now_ns = NSEC_PER_SEC, .open_known = true};

	capture_fact_number(capture, FACT_BUCKET_BITS, LAPSE_BUCKET_BITS_FINE);
	capture_component(capture, &component);
	capture_contract(capture, &(struct capture_contract){"c.yaml", contract});
	for (int i = 0; i < 3; i++) {
		capture_span(capture, &why.span, "brief\nf\ng");
		capture_span(capture, &tcp.span, NULL);
		record_tick(capture, &tick, &figures);
	}
}

static void make_good(void)
{
	struct capture *capture;
	int fd;

	unlink(GOOD);
	if (capture_new(&(struct capture_options){.queue_bytes = 1 << 20}, &capture) ||
	    capture_begin(capture, GOOD))
		abort();
	record_all(capture);
	capture_free(capture);
	fd = open(GOOD, O_RDONLY);
	good_size = (size_t)lseek(fd, 0, SEEK_END);
	good = malloc(good_size);
	if (pread(fd, good, good_size, 0) != (ssize_t)good_size)
		abort();
	close(fd);
	unlink(GOOD);
}

/* By the contracts that stand in it, or none. */
static void replay_it(struct reader *reader)
{
	const struct capture_contract *recorded = reader_contract(reader);
	const struct monitor_sink sink = {0};
	struct config config;
	bool has = recorded && !config_parse("fuzz", recorded->text, strlen(recorded->text), &config);
	struct replay *replay;

	if (!replay_new(reader, &(struct replay_options){.config = has ? &config : NULL}, &sink, &replay)) {
		replay_rest(replay);
		replay_end(replay);
		monitor_snapshot(replay_monitor(replay));
		replay_free(replay);
	}
	if (has)
		config_free(&config);
}

/* In every form, and against itself. */
static void report_it(const char *path)
{
	static FILE *nowhere;
	struct output_options show = {.stream = nowhere ?: (nowhere = fopen("/dev/null", "we"))};
	struct report *report;

	if (report_make(path, &report))
		return;
	for (size_t i = 0; i < report_n_formats; i++)
		report_formats[i].render(report, &show);
	compare_text(report, report, &show);
	report_free(report);
}

static void read_file(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct reader *reader;
	char path[64];

	if (fd < 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, bytes, size) == (ssize_t)size && !reader_open(path, &reader)) {
		replay_it(reader);
		reader_close(reader);
		report_it(path);
	}
	close(fd);
}

static void read_changed(const uint8_t *data, size_t size)
{
	uint8_t *changed = malloc(good_size);
	size_t length = good_size;

	memcpy(changed, good, good_size);
	for (; size >= 4; data += 4, size -= 4) {
		size_t at = ((size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2]) % good_size;

		changed[at] = data[3];
	}
	/* What is left over cuts it short. */
	if (size)
		length = good_size / 256 * (data[0] + 1);
	read_file(changed, length);
	free(changed);
}

static void read_blobs(const uint8_t *data, size_t size)
{
	static struct bucket_delta buckets[LAPSE_BUCKETS(LAPSE_BUCKET_BITS_FINE) + 1];
	static uint64_t recent[WINDOW_MAX_LAST];
	struct why_rows causes = {0};
	struct bytes_in in = {data, data + size, false};
	struct tick_component component;
	struct message_tick tick;

	blob_histogram(&in, LAPSE_BUCKET_BITS_FINE, buckets, &component);
	in = (struct bytes_in){data, data + size, false};
	blob_recent(&in, recent, 7);
	in = (struct bytes_in){data, data + size, false};
	blob_causes(&in, &causes);
	why_rows_free(&causes);
	in = (struct bytes_in){data, data + size, false};
	message_tick(&in, &tick);
	message_tick_free(&tick);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!good) {
		diag_set_stream(fopen("/dev/null", "we"));
		make_good();
	}
	if (!size)
		return 0;
	if (data[0] % 4 == 0)
		read_file(data + 1, size - 1);
	else if (data[0] % 4 == 1)
		read_blobs(data + 1, size - 1);
	else
		read_changed(data + 1, size - 1);
	return 0;
}
