// SPDX-License-Identifier: GPL-2.0-or-later
/* Recordings: what is read is what was written, whatever happens meanwhile. */
#include "recorded.h"

#include <signal.h>
#include <math.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/diag.h"

/* ---- round trip ---------------------------------------------------------------------------------------- */

static struct lapse_why_span why_span(const struct recorded *r)
{
	struct lapse_why_span span = {.span = recorded_span(r, 30 * MS)};

	span.span.kind = LAPSE_REC_WHY;
	span.span.flags = LAPSE_SPAN_WHY | LAPSE_SPAN_BREACH | LAPSE_SPAN_RET;
	span.span.ret = (uint64_t)-11;
	span.span.values = 5;
	span.span.value[0] = -3;
	span.span.value[2] = INT64_MAX;
	span.why.ns[LAPSE_LOCK] = 20 * MS;
	span.why.ns[LAPSE_OTHER] = 1;
	span.why.longest = (struct lapse_block){.end_ns = T0 + 5,
						.duration_ns = 19 * MS,
						.cause = LAPSE_LOCK,
						.kernel_stack = -1,
						.user_stack = -1,
						.piece = LAPSE_PIECE_SENT,
						.waker = {7, 9, 1, LAPSE_NO_INTERRUPT, "rebuilder"}};
	span.other = (struct lapse_block){
		.end_ns = T0 + 9,
		.duration_ns = MS,
		.cause = LAPSE_NET,
		.kernel_stack = -1,
		.user_stack = -1,
		.peer = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}, .port = 5432}};
	span.why.rival[2] = (struct lapse_rival){.ns = 77, .cgroup = 12, .pid = 99, .comm = "hog"};
	return span;
}

static struct lapse_tcp_span tcp_span(const struct recorded *r)
{
	struct lapse_tcp_span span = {.span = recorded_span(r, 3 * MS)};

	span.span.kind = LAPSE_REC_TCP;
	span.span.flags = LAPSE_SPAN_TCP | LAPSE_SPAN_ERROR;
	span.tcp = (struct lapse_tcp){.own = {.ip = {[15] = 1}, .port = 4000},
				      .peer = {.ip = {[0] = 0x20, [15] = 2}, .port = 443},
				      .sent = 10,
				      .received = UINT32_MAX + 7ULL,
				      .srtt_us = LAPSE_RTT_UNKNOWN,
				      .min_rtt_us = 12,
				      .kind = LAPSE_TCP_REQUEST,
				      .error = -5};
	return span;
}

static struct hung_span hung_span(const struct recorded *r)
{
	struct hung_span hung = {
		.head = why_span(r), .since_ns = T0 + 3, .kernel_stack = -1, .user_stack = -1};

	hung.head.span.flags = LAPSE_SPAN_OPEN | LAPSE_SPAN_HUNG | LAPSE_SPAN_WHY;
	hung.head.span.ret = 0;
	hung.now = (struct thread_now){
		.state = THREAD_BLOCKED, .cause = LAPSE_LOCK, .for_ns = 5, .holder = {9, 1, "rebuilder"}};
	strcpy(hung.now.place, "futex_wait_queue <- handle_order");
	return hung;
}

static void fill_tick(struct recorded *r, uint64_t *recent, struct lapse_why_row *causes)
{
	struct tick_component *c = &r->figures;

	recorded_calls(r, 3, MS);
	recorded_calls(r, 1, 90 * MS);
	c->counters.level[LAPSE_LEVEL_CRITICAL]++;
	c->counters.errors += 2;
	c->running = TICK_ENDED;
	c->min_ns = MS + 5;
	c->max_ns = 90 * MS + 7;
	c->late_max_ns = 90 * MS;
	c->late_min_ns = MS;
	recent[0] = 5;
	recent[1] = 6 | LAPSE_RECENT_ERROR;
	c->recent = recent;
	c->n_recent = 2;
	c->recent_total += 2;
	strcpy(c->value[1].name, "batch");
	c->value[1].count += 4;
	c->value[1].sum -= 9;
	c->value[1].last = -2;
	c->value[1].below[LAPSE_LEVEL_WARNING]++;
	c->value[1].late_min = -4;
	c->value[1].late_max = -1;
	c->tcp.sent += 100;
	c->tcp.min_rtt_us = 33;
	c->connects.opened++;
	c->connects.late_max_ns = MS;
	c->connects.before += 2;
	c->connects.ring_dropped += 3;
	c->tcp.before += 4;
	c->resident_bytes = 5 << 20;
	causes[3].count += 4;
	causes[3].ns[LAPSE_OTHER] += 17;
	c->causes = why_rows_of(causes);
	r->tick.self.hits += 8;
	r->tick.self.ns_per_hit = 800.5;
	r->tick.self.kernel_missed++;
	r->tick.self.delivery_p50_ns = 1500.5;
	r->tick.self.delivery_p99_ns = NAN;
}

static void check_component(const struct tick_component *got, const struct tick_component *wanted)
{
	assert_int_equal(got->running, wanted->running);
	assert_int_equal(got->resident_bytes, wanted->resident_bytes);
	assert_memory_equal(&got->counters, &wanted->counters, sizeof(got->counters));
	assert_int_equal(got->n_buckets, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(got->buckets[i].index, wanted->buckets[i].index);
		assert_int_equal(got->buckets[i].count, wanted->buckets[i].count);
	}
	assert_int_equal(got->min_ns, wanted->min_ns);
	assert_int_equal(got->max_ns, wanted->max_ns);
	assert_int_equal(got->late_max_ns, wanted->late_max_ns);
	assert_int_equal(got->late_min_ns, wanted->late_min_ns);
	assert_int_equal(got->n_recent, wanted->n_recent);
	assert_memory_equal(got->recent, wanted->recent, got->n_recent * sizeof(*got->recent));
	assert_int_equal(got->recent_total, wanted->recent_total);
	assert_memory_equal(&got->value[1], &wanted->value[1], sizeof(got->value[1]));
	assert_memory_equal(&got->tcp, &wanted->tcp, sizeof(got->tcp));
	assert_memory_equal(&got->connects, &wanted->connects, sizeof(got->connects));
	assert_true(got->causes.kept);
	for (size_t row = 0; row < LAPSE_WHY_ROWS; row++)
		assert_memory_equal(why_row(&got->causes, row), why_row(&wanted->causes, row),
				    sizeof(struct lapse_why_row));
}

static void expect(struct reader *reader, enum reader_kind kind, struct reader_event *event)
{
	assert_int_equal(reader_next(reader, event), 1);
	assert_int_equal(event->kind, kind);
}

static void check_hung(const struct tick *tick, const struct hung_span *wanted)
{
	const struct hung_span *got = &tick->hung[0];

	assert_int_equal(tick->n_open, 2);
	assert_int_equal(tick->n_hung, 1);
	assert_ptr_equal(tick_open_span(tick, 1), &got->head.span);
	assert_memory_equal(&got->head, &wanted->head, sizeof(got->head));
	assert_memory_equal(&got->now, &wanted->now, sizeof(got->now));
	assert_int_equal(got->since_ns, wanted->since_ns);
}

/* Two ticks, so that what grows is told from what stands. */
static void what_was_written_is_read(void **state)
{
	static struct lapse_why_row causes[LAPSE_WHY_ROWS];
	const char *const stacks[] = {NULL, "brief\nfutex\nhandle_order"};
	struct violation violation = {.kind = OBJ_MAX_LATENCY,
				      .severity = SEV_CRITICAL,
				      .measured = 5,
				      .limit = 2.5,
				      .time_ns = T0,
				      .pid = 7,
				      .comm = "shop"};
	struct alert alert = {
		.event = ALERT_EVENT_ESCALATED, .kind = OBJ_MAX_P99, .severity = SEV_WARNING, .held_back = 3};
	struct recorded r;
	struct reader *reader;
	struct reader_event event;
	struct lapse_span open[2];
	struct lapse_why_span why;
	struct lapse_tcp_span tcp;
	struct hung_span hung;
	uint64_t recent[2];
	struct stat st;

	(void)state;
	recorded_begin(&r, (struct capture_options){0});
	why = why_span(&r);
	tcp = tcp_span(&r);
	hung = hung_span(&r);
	open[0] = recorded_span(&r, 5);
	open[0].flags = LAPSE_SPAN_OPEN;
	open[1] = hung.head.span;
	open[1].flags = LAPSE_SPAN_OPEN;
	open[1].start_ns = hung.head.span.start_ns = open[0].start_ns + 1;
	for (int i = 0; i < 2; i++) {
		capture_span(r.capture, &why.span, "brief\nfutex\nhandle_order");
		capture_span(r.capture, &tcp.span, NULL);
		fill_tick(&r, recent, causes);
		r.tick.open = open;
		r.tick.n_open = 2;
		r.tick.hung = &hung;
		r.tick.n_hung = 1;
		r.tick.period_ns = i ? SEC : 0;
		r.tick.now_ns += SEC;
		r.figures.buckets = r.buckets;
		r.tick.components = &r.figures;
		r.tick.n_components = 1;
		capture_tick(r.capture, &r.tick, stacks);
		capture_violation(r.capture, &violation);
		capture_alert(r.capture, &alert, "{\"the\":\"line\"}");
		capture_commit(r.capture, r.tick.now_ns);
		r.figures.n_buckets = i ? r.figures.n_buckets : 0;
	}
	recorded_end(&r);
	assert_int_equal(stat(r.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(reader_open(r.path, &reader), 0);
	assert_true(reader_is_complete(reader));
	assert_string_equal(reader_fact(reader, FACT_END_REASON), "the test was over");
	assert_int_equal(reader_options(reader).start_ns, T0);
	expect(reader, READER_COMPONENT, &event);
	assert_string_equal(event.component->monitored.name, "orders");
	assert_string_equal(event.component->probe, "handle_order");
	for (int i = 0; i < 2; i++) {
		expect(reader, READER_SPAN, &event);
		assert_memory_equal(event.span, &why, sizeof(why));
		assert_string_equal(event.stack_brief, "brief");
		assert_string_equal(event.stack, "futex\nhandle_order");
		expect(reader, READER_SPAN, &event);
		assert_memory_equal(event.span, &tcp, sizeof(tcp));
		assert_null(event.stack);
		expect(reader, READER_TICK, &event);
		check_hung(event.tick, &hung);
		assert_string_equal(reader_open_stack(reader, 1), "futex\nhandle_order");
		if (i)
			check_component(&event.tick->components[0], &r.figures);
		if (i)
			assert_memory_equal(&event.tick->self, &r.tick.self, sizeof(r.tick.self));
		expect(reader, READER_VIOLATION, &event);
		assert_string_equal(event.violation->type, "LATENCY_VIOLATION");
		assert_int_equal(event.violation->violation.severity, SEV_CRITICAL);
		expect(reader, READER_ALERT, &event);
		assert_string_equal(event.alert->json, "{\"the\":\"line\"}");
		assert_string_equal(event.alert->state, "escalated");
	}
	assert_int_equal(reader_next(reader, &event), 0);
	assert_int_equal(reader_damage(reader), 0);
	reader_rewind(reader);
	expect(reader, READER_COMPONENT, &event);
	reader_close(reader);
	capture_free(r.capture);
	recorded_remove(&r);
}

/* ---- what goes wrong ------------------------------------------------------------------------------------
 */

/* Killed in mid-tick: all but that tick is there. */
static void a_crash_loses_the_last_tick(void **state)
{
	struct recorded r;
	struct counted counted;
	int told[2], status;
	pid_t child;
	char byte;

	(void)state;
	recorded_folder(&r);
	assert_int_equal(pipe(told), 0);
	child = fork();
	if (!child) {
		char path[96];

		memcpy(path, r.path, sizeof(path));
		recorded_begin(&r, (struct capture_options){0});
		capture_free(r.capture);
		assert_int_equal(capture_new(&(struct capture_options){.queue_bytes = 16 << 20}, &r.capture),
				 0);
		assert_int_equal(capture_begin(r.capture, path), 0);
		recorded_facts(&r);
		for (int i = 0; i < 20; i++) {
			recorded_sent(&r, MS);
			recorded_tick(&r);
		}
		while (capture_figures(r.capture).ticks < 20)
			usleep(1000);
		for (int i = 0; i < 5000; i++)
			recorded_sent(&r, MS), r.figures.n_buckets = 0;
		recorded_remove(&r);
		if (write(told[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(told[0], &byte, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_true(recorded_count(r.path, &counted));
	assert_false(counted.complete);
	assert_int_equal(counted.kinds[READER_TICK], 20);
	assert_int_equal(counted.kinds[READER_SPAN], 20);
	assert_int_equal(counted.damage, 0);
	recorded_remove(&r);
}

static void a_full_disk_stops_the_recording(void **state)
{
	struct capture_figures figures;
	struct counted counted;
	struct recorded r;

	(void)state;
	recorded_folder(&r);
	if (mount("tmpfs", r.folder, "tmpfs", 0, "size=2m")) {
		recorded_remove(&r);
		skip();
	}
	assert_int_equal(capture_new(&(struct capture_options){.queue_bytes = 64 << 20}, &r.capture), 0);
	assert_int_equal(capture_begin(r.capture, r.path), 0);
	r.tick.now_ns = T0;
	recorded_facts(&r);
	for (int i = 0; i < 100; i++) {
		for (int j = 0; j < 1000; j++)
			recorded_sent(&r, MS), r.figures.n_buckets = 0;
		recorded_tick(&r);
	}
	recorded_end(&r);
	figures = capture_figures(r.capture);
	assert_non_null(strstr(figures.failure ?: "", "full"));
	/* What was committed is there, as is said, and each other call is lost. */
	assert_true(recorded_count(r.path, &counted) && !counted.complete);
	assert_true(counted.kinds[READER_TICK] > 3);
	assert_int_equal(counted.kinds[READER_SPAN], 1000 * counted.kinds[READER_TICK]);
	assert_int_equal(figures.ticks, counted.kinds[READER_TICK]);
	assert_int_equal(counted.kinds[READER_SPAN] + figures.lost, 100 * 1000);
	capture_free(r.capture);
	assert_int_equal(umount(r.folder), 0);
	recorded_remove(&r);
}

/* A recording of some size, and its bytes. */
static size_t whole_file(struct recorded *r, uint8_t **bytes)
{
	struct stat st;
	int fd;

	recorded_begin(r, (struct capture_options){0});
	for (int i = 0; i < 40; i++) {
		for (int j = 0; j < 60; j++)
			recorded_sent(r, MS), r->figures.n_buckets = 0;
		recorded_calls(r, 1, MS);
		recorded_tick(r);
	}
	recorded_end(r);
	capture_free(r->capture);
	fd = open(r->path, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	*bytes = malloc((size_t)st.st_size);
	assert_int_equal(read(fd, *bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	return (size_t)st.st_size;
}

static void write_file(const struct recorded *r, const uint8_t *bytes, size_t n)
{
	int fd = open(r->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void what_is_left_of_a_cut_file_is_read(void **state)
{
	uint8_t *bytes;
	struct recorded r;
	size_t size = whole_file(&r, &bytes), most = 0;
	struct counted counted;

	(void)state;
	for (size_t eighths = 1; eighths < 8; eighths++) {
		write_file(&r, bytes, size / 8 * eighths);
		if (!recorded_count(r.path, &counted))
			continue;
		/* The index, which nothing here needs, lies at the end. */
		assert_true(counted.damage > 0 || counted.kinds[READER_SPAN] == 2400);
		most = counted.kinds[READER_SPAN] > most ? counted.kinds[READER_SPAN] : most;
	}
	assert_in_range(most, 500, 2400);
	free(bytes);
	recorded_remove(&r);
}

/* Each page in turn is overwritten: the rest is read. */
static void damaged_pages_are_passed_over(void **state)
{
	uint8_t *bytes, saved[4096];
	struct recorded r;
	size_t size = whole_file(&r, &bytes), read = 0;
	struct counted counted;

	(void)state;
	for (size_t page = 1; page < size / 4096; page++) {
		memcpy(saved, bytes + page * 4096, 4096);
		memset(bytes + page * 4096, 0xa5, 4096);
		write_file(&r, bytes, size);
		if (recorded_count(r.path, &counted))
			read += counted.kinds[READER_SPAN] > 1200;
		memcpy(bytes + page * 4096, saved, 4096);
	}
	/* But for a few pages that stand for many, most is there. */
	assert_true(read * 4 > size / 4096 * 3);
	free(bytes);
	recorded_remove(&r);
}

static void others_are_refused(void **state)
{
	char *text = NULL;
	size_t length;
	FILE *said = open_memstream(&text, &length);
	struct recorded r;
	uint8_t *bytes;
	size_t size = whole_file(&r, &bytes);
	struct counted counted;
	struct capture *capture;

	(void)state;
	diag_set_stream(said);
	bytes[63] = 200;
	write_file(&r, bytes, size);
	assert_false(recorded_count(r.path, &counted));
	fflush(said);
	assert_non_null(strstr(text, "newer lapse"));
	write_file(&r, (const uint8_t *)"hello", 5);
	assert_false(recorded_count(r.path, &counted));
	/* And not overwritten either. */
	assert_int_equal(capture_new(&(struct capture_options){.queue_bytes = 1 << 20}, &capture), 0);
	assert_int_not_equal(capture_begin(capture, r.path), 0);
	write_file(&r, (const uint8_t *)"", 0);
	assert_int_equal(capture_begin(capture, r.path), 0);
	capture_free(capture);
	fclose(said);
	diag_set_stream(NULL);
	free(text);
	free(bytes);
	recorded_remove(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(a_crash_loses_the_last_tick),
		cmocka_unit_test(a_full_disk_stops_the_recording),
		cmocka_unit_test(what_is_left_of_a_cut_file_is_read),
		cmocka_unit_test(damaged_pages_are_passed_over),
		cmocka_unit_test(others_are_refused),
	};

	return cmocka_run_group_tests(tests, recorded_quietly, NULL);
}
