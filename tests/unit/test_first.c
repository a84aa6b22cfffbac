// SPDX-License-Identifier: GPL-2.0-or-later
/* The first minute's pure parts: which function of a stack matters, what time is charged to, what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <asm/unistd.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "first/report.h"
#include "stack/sockets.h"

#define PROGRAM "/usr/bin/shop"
#define LIBC	"/usr/lib/x86_64-linux-gnu/libc.so.6"

static struct stack_frame frame(const char *name, const char *file)
{
	return (struct stack_frame){
		.name = name, .named = *name != '[', .addr = 1, .file = file, .build_id = ""};
}

/* ---- places ------------------------------------------------------------------------------------------ */

static struct first_place describe(bool waits, const struct stack_frame *frames, size_t n)
{
	struct first_place place;

	place_describe(frames, n, waits, &place);
	return place;
}

static void the_program_s_own_nearest_function(void **state)
{
	const struct stack_frame frames[] = {
		frame("__lll_lock_wait", LIBC),
		frame("pthread_mutex_lock", LIBC),
		frame("std::mutex::lock", PROGRAM),
		frame("match_order", PROGRAM),
		frame("serve", PROGRAM),
		frame("start_thread", LIBC),
	};
	struct first_place place = describe(true, frames, 6);

	(void)state;
	assert_string_equal(place.name, "match_order");
	assert_string_equal(place.brief, "match_order <- serve");
	assert_int_equal(place.n_functions, 2);
	assert_string_equal(place.functions[1], "serve");
	assert_string_equal(place.files[0], PROGRAM);
	assert_false(place.condition);
}

static void a_condition_is_known_by_its_function(void **state)
{
	const struct stack_frame frames[] = {
		frame("[unknown: libc.so.6 has no symbol there]", LIBC),
		frame("pthread_cond_wait", LIBC),
		frame("pool_run", PROGRAM),
	};

	(void)state;
	assert_true(describe(true, frames, 3).condition);
	assert_false(describe(true, frames + 2, 1).condition);
}

/* What it waits for stands further out than what does the waiting; what runs there is not waiting. */
static void a_known_wait(void **state)
{
	const struct stack_frame frames[] = {
		frame("epoll_wait", LIBC),   frame("WaitLatch", PROGRAM),   frame("Helper", PROGRAM),
		frame("ProcSleep", PROGRAM), frame("heap_update", PROGRAM),
	};
	struct first_place place = describe(true, frames, 5);

	(void)state;
	assert_string_equal(place.name, "ProcSleep");
	assert_string_equal(place.brief, "ProcSleep <- heap_update");
	assert_int_equal(place.known->kind, KNOWN_WAIT);
	assert_int_equal(place.known->cause, LAPSE_LOCK);
	place = describe(false, frames, 5);
	assert_null(place.known);
	assert_string_equal(place.name, "Helper");
}

/* All that a session of PostgreSQL does is called from where its server waits for clients. */
static void work_below_what_waits_for_work(void **state)
{
	const struct stack_frame frames[] = {
		frame("fdatasync", LIBC),
		frame("XLogFlush", PROGRAM),
		frame("PostmasterMain", PROGRAM),
	};

	(void)state;
	assert_string_equal(describe(true, frames, 3).name, "XLogFlush");
	assert_string_equal(describe(true, frames + 2, 1).name, "PostmasterMain");
}

static void scripts_come_first(void **state)
{
	const struct stack_frame frames[] = {
		frame("v8::internal::Runtime_Something", "/usr/bin/node"),
		frame("JS:*rebuild /srv/app.js:3:1", ""),
		frame("JS:~listOnTimeout node:internal/timers:1:1", ""),
		frame("Builtins_JSEntry", "/usr/bin/node"),
		frame("uv_run", "/usr/bin/node"),
	};
	struct first_place place = describe(false, frames, 5);

	(void)state;
	assert_string_equal(place.name, "JS:*rebuild /srv/app.js:3:1");
	assert_string_equal(place.brief, "JS:*rebuild /srv/app.js:3:1");
	assert_int_equal(place.n_functions, 0);
	assert_false(place.interpreted);
}

static void code_without_names_says_so(void **state)
{
	const struct stack_frame jit[] = {
		frame("[jit]", ""), frame("Builtins_JSEntry", "/usr/bin/node"),
		frame("v8::Function::Call", "/usr/bin/node"),
		frame("llhttp__internal_execute",
		      "/usr/bin/node"), /* has called it, and does nothing itself */
	};
	const struct stack_frame native[] = {
		frame("sha512_block_data_order", "/usr/bin/node"),
		frame("[jit]", ""),
	};
	const struct stack_frame stripped[] = {
		frame("read", LIBC),
		frame("[unknown: shop is stripped]", PROGRAM),
	};
	struct first_place place = describe(false, jit, 3);

	(void)state;
	assert_true(place.interpreted);
	assert_non_null(strstr(place.name, "no names"));
	place = describe(false, jit, 4);
	assert_true(place.interpreted);
	assert_non_null(strstr(place.name, "no names"));
	place = describe(false, native, 2);
	assert_string_equal(place.name, "sha512_block_data_order");
	place = describe(true, stripped, 2);
	assert_true(place.stripped);
	assert_string_equal(place.name, "[unknown: shop is stripped]");
	place = describe(true, stripped, 0);
	assert_non_null(strstr(place.name, "was not read"));
	assert_false(place.stripped);
}

/* ---- looks -----------------------------------------------------------------------------------------------
 */

#define BEGIN 1000000000ULL
#define TOOK  (10 * NSEC_PER_SEC)

static void add_threads(struct first_look *look, size_t n)
{
	look->threads = calloc(n, sizeof(*look->threads));
	look->n_threads = n;
	look->duration_ns = TOOK;
	for (size_t i = 0; i < n; i++) {
		struct lapse_first *seen = &look->threads[i].seen;

		seen->begun_ns = BEGIN;
		seen->pid = 100;
		seen->tid = 100 + (uint32_t)i;
		seen->n_ended = 7;
		strcpy(seen->comm, "worker");
	}
}

static void sample(struct first_look *look, uint32_t tid, unsigned part, int32_t call, uint64_t weight,
		   const char *function)
{
	struct first_place place = {.name = function, .brief = ""};
	struct first_stack stack = {.pid = 100, .tid = tid, .part = part, .call = call, .weight_ns = weight};

	if (!strcmp(function, "pool_run"))
		place.condition = true;
	if (!strcmp(function, "ProcSleep")) {
		const struct stack_frame frames[] = {frame("ProcSleep", PROGRAM)};

		place_describe(frames, 1, true, &place);
	}
	stack.seen = look_seen(look, part != FIRST_ON_CPU, strdup(function), &place);
	assert_int_equal(look_add(look, &stack), 0);
}

static void counted(struct first_look *look, size_t thread, unsigned part, uint64_t ns)
{
	look->threads[thread].seen.part[part] = (struct lapse_first_sum){ns, 1, ns};
}

static const struct first_thread *thread_of(const struct first_look *look, uint32_t tid)
{
	const struct first_thread *thread = look_thread(look, tid);
	uint64_t sum = 0;

	assert_non_null(thread);
	for (unsigned part = 0; part < FIRST_PARTS; part++)
		sum += thread->ns[part];
	assert_int_equal(sum, thread->wall_ns);
	return thread;
}

/* Six seconds of locks were sampled twice as often in one function as in the other. */
static void samples_divide_what_was_counted(void **state)
{
	struct first_look look = {0};

	(void)state;
	add_threads(&look, 1);
	counted(&look, 0, LAPSE_LOCK, 6 * NSEC_PER_SEC);
	sample(&look, 100, LAPSE_LOCK, __NR_futex, 10, "match_order");
	sample(&look, 100, LAPSE_LOCK, __NR_futex, 10, "match_order");
	sample(&look, 100, LAPSE_LOCK, __NR_futex, 10, "pool_run");
	assert_int_equal(look.n_stacks, 2);
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_int_equal(thread_of(&look, 100)->ns[LAPSE_LOCK], 4 * NSEC_PER_SEC);
	assert_int_equal(thread_of(&look, 100)->ns[FIRST_IDLE], 2 * NSEC_PER_SEC);
	assert_int_equal(thread_of(&look, 100)->ns[FIRST_ON_CPU], 4 * NSEC_PER_SEC);
	assert_int_equal(look.busy_ns, 8 * NSEC_PER_SEC);
	assert_int_equal(look.culprits[0].ns, 4 * NSEC_PER_SEC);
	look_free(&look);
}

/* What goes on at the end is counted as far as it has come; after the wake it waits for a processor. */
static void what_is_open_counts(void **state)
{
	struct first_look look = {0};
	struct lapse_first *seen;

	(void)state;
	add_threads(&look, 2);
	seen = &look.threads[0].seen;
	seen->now.cause = LAPSE_DISK;
	seen->off_ns = BEGIN + 4 * NSEC_PER_SEC;
	seen->woken_ns = BEGIN + 9 * NSEC_PER_SEC;
	look.threads[1].seen.ended_ns = BEGIN + 3 * NSEC_PER_SEC;
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_int_equal(thread_of(&look, 100)->ns[LAPSE_DISK], 5 * NSEC_PER_SEC);
	assert_int_equal(thread_of(&look, 100)->ns[LAPSE_RUNQ], 1 * NSEC_PER_SEC);
	assert_int_equal(thread_of(&look, 100)->ns[FIRST_ON_CPU], 4 * NSEC_PER_SEC);
	assert_int_equal(thread_of(&look, 101)->wall_ns, 3 * NSEC_PER_SEC);
	look_free(&look);
}

static unsigned charged(unsigned part, int32_t call, const char *function, bool asleep)
{
	struct first_look look = {0};
	unsigned becomes;

	add_threads(&look, 1);
	look.threads[0].seen.n_ended = !asleep;
	counted(&look, 0, part, TOOK);
	sample(&look, 100, part, call, 10, function);
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	becomes = look.stacks[0].becomes;
	assert_int_equal(thread_of(&look, 100)->ns[becomes], TOOK);
	look_free(&look);
	return becomes;
}

static void waiting_for_work_is_idle(void **state)
{
	(void)state;
	assert_int_equal(charged(LAPSE_POLL, __NR_epoll_wait, "serve", false), FIRST_IDLE);
	assert_int_equal(charged(LAPSE_HANDOFF, __NR_epoll_wait, "serve", false), FIRST_IDLE);
	assert_int_equal(charged(LAPSE_LOCK, __NR_futex, "pool_run", false), FIRST_IDLE);
	assert_int_equal(charged(LAPSE_FIRST_CLIENTS, __NR_accept, "serve", false), FIRST_IDLE);
	assert_int_equal(charged(LAPSE_HANDOFF, __NR_read, "await", true), FIRST_IDLE);
	assert_int_equal(charged(LAPSE_SLEEP, __NR_clock_nanosleep, "housekeep", true), FIRST_IDLE);
}

static void waiting_in_the_midst_of_work_is_not(void **state)
{
	(void)state;
	assert_int_equal(charged(LAPSE_HANDOFF, __NR_poll, "ask", false), LAPSE_HANDOFF);
	assert_int_equal(charged(LAPSE_HANDOFF, __NR_read, "await", false), LAPSE_HANDOFF);
	assert_int_equal(charged(LAPSE_LOCK, __NR_futex, "match_order", true), LAPSE_LOCK);
	assert_int_equal(charged(LAPSE_NET, __NR_epoll_wait, "ask", true), LAPSE_NET);
	assert_int_equal(charged(LAPSE_SLEEP, __NR_clock_nanosleep, "housekeep", false), LAPSE_SLEEP);
}

/* Where libraries have no names the futex itself tells; a lock for readers and writers looks like a
 * condition. */
static void what_a_futex_is(void **state)
{
	struct first_place plain = {.name = "serve"}, shared = {.name = "read_table", .shared_lock = true};
	struct first_stack stack = {.tid = 100, .part = LAPSE_LOCK, .call = __NR_futex, .weight_ns = 10};
	struct first_look look = {0};

	(void)state;
	add_threads(&look, 1);
	counted(&look, 0, LAPSE_LOCK, 9 * NSEC_PER_SEC);
	stack.seen = look_seen(&look, true, strdup("serve"), &plain);
	look_add(&look, &stack);
	stack.condition = true;
	look_add(&look, &stack);
	stack.seen = look_seen(&look, true, strdup("read_table"), &shared);
	look_add(&look, &stack);
	assert_int_equal(look.n_stacks, 3);
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_int_equal(thread_of(&look, 100)->ns[FIRST_IDLE], 3 * NSEC_PER_SEC);
	assert_int_equal(thread_of(&look, 100)->ns[LAPSE_LOCK], 6 * NSEC_PER_SEC);
	look_free(&look);
}

/* A session of PostgreSQL that waits for another's lock, in a poll that has not ended or that the other
 * ended. */
static void a_lock_in_a_poll(void **state)
{
	(void)state;
	assert_int_equal(charged(LAPSE_POLL, __NR_epoll_wait, "ProcSleep", true), LAPSE_LOCK);
	assert_int_equal(charged(LAPSE_HANDOFF, __NR_epoll_wait, "ProcSleep", false), LAPSE_LOCK);
}

/* A peer that never answers is waited for, by a read or a poll, until the end. */
static void a_peer_that_never_answers(void **state)
{
	struct first_look look = {0};
	struct lapse_first *seen;

	(void)state;
	add_threads(&look, 1);
	seen = &look.threads[0].seen;
	seen->n_ended = 0;
	seen->off_ns = BEGIN;
	seen->now.cause = LAPSE_NET;
	seen->now.peer = (struct lapse_address){.ip = {[15] = 1}, .port = 80};
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_int_equal(thread_of(&look, 100)->ns[LAPSE_NET], TOOK);
	assert_int_equal(look.n_peers, 1);
	assert_int_equal(look.peers[0].sum.longest_ns, TOOK);
	look_free(&look);
}

static const char sockets[] =
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	"   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 549 1 0 "
	"100\n"
	"   1: 0100007F:07E8 0100007F:CA34 01 00000000:00000000 03:000008B7 00000000     0        0 31 3 0\n"
	"   2: 0100007F:CA34 0501000A:1538 01 00000000:00000000 03:000008B7 00000000     0        0 32 3 0\n"
	"   3: 0100007F:CA35 0501000A:1538 06 00000000:00000000 03:000008B7 00000000     0        0 33 3 0\n"
	"garbage\n"
	"   4: 0000000000000000FFFF00000100007F:9C40 B80D01200000000000000000010000FF:0050 02 "
	"00000000:00000000 00:00000000 00000000 0 0 34 1 0\n";

static struct socket_search search;

static void search_for(unsigned long first, unsigned long last)
{
	FILE *table = fmemopen((void *)(uintptr_t)sockets, strlen(sockets), "r");

	memset(&search, 0, sizeof(search));
	for (unsigned long inode = first; inode <= last; inode++)
		search.inodes[search.n++] = inode;
	sockets_read(table, &search);
	fclose(table);
}

/* Accepted connections share the port that is listened on; those that are over are none. */
static void sockets_by_inode(void **state)
{
	static const uint8_t four[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 0, [14] = 1, [15] = 5};
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, [12] = 0xff, [15] = 1};

	(void)state;
	search_for(31, 36);
	assert_int_equal(search.n_found, 3);
	assert_false(sockets_is_client(&search, 0));
	assert_int_equal(search.found[0].peer.port, 0xca34);
	assert_true(sockets_is_client(&search, 1));
	assert_memory_equal(search.found[1].peer.ip, four, 16);
	assert_int_equal(search.found[1].peer.port, 5432);
	assert_true(sockets_is_client(&search, 2));
	assert_memory_equal(search.found[2].peer.ip, six, 16);
	assert_int_equal(search.found[2].peer.port, 80);
	search_for(35, 36);
	assert_int_equal(search.n_found, 0);
}

/* A server's port is that of what listens, and of what was accepted there by one that listens itself no more.
 */
static void ports_that_are_served(void **state)
{
	uint16_t ports[4];

	(void)state;
	search_for(549, 549);
	assert_int_equal(search.n_found, 0);
	assert_int_equal(sockets_served(&search, ports, 4), 1);
	assert_int_equal(ports[0], 0x7e8);
	search_for(31, 31);
	assert_int_equal(sockets_served(&search, ports, 4), 1);
	assert_int_equal(ports[0], 0x7e8);
	search_for(32, 34);
	assert_int_equal(sockets_served(&search, ports, 4), 0);
}

/* ---- what is said ------------------------------------------------------------------------------------- */

static void the_first_line_explains(void **state)
{
	struct first_look look = {0};
	struct report report = {.look = &look, .subject = "shop (PID 100)"};
	char line[REPORT_LINE];

	(void)state;
	add_threads(&look, 1);
	look.peers = calloc(1, sizeof(*look.peers));
	look.n_peers = 1;
	look.peers[0].key.peer = (struct lapse_address){
		.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 0, [14] = 1, [15] = 5}, .port = 5432};
	counted(&look, 0, LAPSE_LOCK, 62 * TOOK / 100);
	counted(&look, 0, LAPSE_NET, 33 * TOOK / 100);
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_string_equal(report_headline(&report, line),
			    "95 % of the busy time waiting: 62 % lock, 33 % net 10.0.1.5:5432; 5 % on-cpu");
	look_free(&look);
}

static void idle_is_said(void **state)
{
	struct first_look look = {0};
	struct report report = {.look = &look, .subject = "shop (PID 100)"};
	char line[REPORT_LINE];

	(void)state;
	add_threads(&look, 2);
	counted(&look, 0, LAPSE_POLL, TOOK);
	counted(&look, 1, LAPSE_FIRST_CLIENTS, TOOK);
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_true(report_is_idle(&look));
	assert_string_equal(report_headline(&report, line), "idle: its threads waited for work");
	report.halted = "process 7 is stopped by a signal: kill -CONT 7 lets it go on";
	assert_string_equal(
		report_headline(&report, line),
		"not idle but halted: process 7 is stopped by a signal: kill -CONT 7 lets it go on");
	look_free(&look);
}

/* Of those who ended the waits the one is named that did not itself wait there. */
static void who_ended_the_waits(void **state)
{
	struct first_look look = {0};
	struct report report = {.look = &look, .subject = "shop (PID 100)"};
	char line[REPORT_LINE];

	(void)state;
	add_threads(&look, 3);
	for (size_t i = 0; i < 2; i++)
		counted(&look, i, LAPSE_LOCK, TOOK);
	counted(&look, 2, LAPSE_SLEEP, TOOK / 2);
	sample(&look, 100, LAPSE_LOCK, __NR_futex, 10, "match_order");
	sample(&look, 101, LAPSE_LOCK, __NR_futex, 10, "match_order");
	sample(&look, 102, LAPSE_SLEEP, __NR_clock_nanosleep, 10, "rebuild_index");
	look.threads[0].seen.waker[0] =
		(struct lapse_first_waker){.ns = 8, .tid = 101, .part = LAPSE_LOCK, .comm = "worker"};
	look.threads[0].seen.waker[1] =
		(struct lapse_first_waker){.ns = 2, .tid = 102, .part = LAPSE_LOCK, .comm = "rebuilder"};
	look.threads[1].seen.waker[0] = look.threads[0].seen.waker[1];
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_string_equal(
		report_culprit(&report, &look.culprits[0], line),
		" 67 %  lock      in match_order [futex], ended by rebuilder/102, mostly in rebuild_index");
	look_free(&look);
}

/* What no sample has met has no function, and says so. */
static void a_place_that_is_not_known(void **state)
{
	struct first_look look = {0};
	struct report report = {.look = &look, .subject = "shop (PID 100)"};
	char line[REPORT_LINE];

	(void)state;
	add_threads(&look, 1);
	counted(&look, 0, LAPSE_DISK, TOOK);
	look.threads[0].seen.longest[LAPSE_DISK].duration_ns = TOOK / 1000;
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_string_equal(
		report_culprit(&report, &look.culprits[0], line),
		"100 %  disk      too short, or too seldom, for its stacks to be seen, longest 10.0 ms");
	look_free(&look);
}

/* The same stack runs, on its way into the wait, and waits: what is known of the wait is not of what ran,
 * which nobody ended. */
static void what_ran_has_no_ender(void **state)
{
	const struct stack_frame frames[] = {frame("ProcSleep", PROGRAM)};
	struct first_place ran, waited;
	struct first_look look = {0};
	struct report report = {.look = &look, .subject = "shop (PID 100)"};
	char line[REPORT_LINE];

	(void)state;
	place_describe(frames, 1, false, &ran);
	place_describe(frames, 1, true, &waited);
	assert_null(look_seen(&look, false, strdup("main;ProcSleep"), &ran)->place.known);
	assert_non_null(look_seen(&look, true, strdup("main;ProcSleep"), &waited)->place.known);
	add_threads(&look, 1);
	counted(&look, 0, LAPSE_HANDOFF, TOOK / 4);
	look.threads[0].seen.longest[LAPSE_HANDOFF].duration_ns = TOOK / 4;
	look.threads[0].seen.waker[0] =
		(struct lapse_first_waker){.ns = 8, .tid = 101, .part = LAPSE_HANDOFF, .comm = "worker"};
	sample(&look, 100, FIRST_ON_CPU, __NR_epoll_wait, 10, "ProcSleep");
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	assert_int_equal(look.culprits[0].part, FIRST_ON_CPU);
	assert_string_equal(report_culprit(&report, &look.culprits[0], line),
			    " 75 %  on-cpu    in ProcSleep [epoll_wait]");
	look_free(&look);
}

static char *printed(const struct report *report)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_print(report, out), 0);
	fclose(out);
	return text;
}

/* A table is there if it has rows; what comes from the target cannot command the terminal. */
static void no_table_is_empty(void **state)
{
	struct first_look look = {0};
	struct report report = {.look = &look, .subject = "shop (PID 100)"};
	char *text;

	(void)state;
	add_threads(&look, 2);
	counted(&look, 0, LAPSE_LOCK, TOOK);
	counted(&look, 1, LAPSE_RUNQ, TOOK / 2);
	strcpy(look.threads[1].seen.comm, "evil\033[2J");
	sample(&look, 100, LAPSE_LOCK, __NR_futex, 10, "match\033order");
	look.threads[1].seen.rival[0] = (struct lapse_rival){.ns = TOOK / 4, .pid = 7, .comm = "hog"};
	assert_int_equal(look_judge(&look, BEGIN + TOOK), 0);
	report_add(&report.blind, "nothing");
	text = printed(&report);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "match\\x1border [futex]"));
	assert_non_null(strstr(text, "50 %"));
	assert_non_null(strstr(text, "  hog\n"));
	assert_non_null(strstr(text, " 50 %           (others, and what is not known)\n"));
	assert_non_null(strstr(text, "TOP STACKS OFF THE PROCESSOR"));
	assert_null(strstr(text, "ON THE PROCESSOR"));
	assert_null(strstr(text, "SLOWEST PEERS"));
	assert_null(strstr(text, "TURNS"));
	assert_null(strstr(text, "PROBE NEXT"));
	free(text);
	look_free(&look);
}

static void no_line_is_said_twice(void **state)
{
	struct report_lines lines = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		report_add(&lines, "line %d", i % 20);
	assert_int_equal(lines.n, REPORT_LINES);
	assert_string_equal(lines.text[1], "line 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_s_own_nearest_function),
		cmocka_unit_test(a_condition_is_known_by_its_function),
		cmocka_unit_test(a_known_wait),
		cmocka_unit_test(work_below_what_waits_for_work),
		cmocka_unit_test(scripts_come_first),
		cmocka_unit_test(code_without_names_says_so),
		cmocka_unit_test(samples_divide_what_was_counted),
		cmocka_unit_test(what_is_open_counts),
		cmocka_unit_test(waiting_for_work_is_idle),
		cmocka_unit_test(waiting_in_the_midst_of_work_is_not),
		cmocka_unit_test(what_a_futex_is),
		cmocka_unit_test(a_lock_in_a_poll),
		cmocka_unit_test(a_peer_that_never_answers),
		cmocka_unit_test(sockets_by_inode),
		cmocka_unit_test(ports_that_are_served),
		cmocka_unit_test(the_first_line_explains),
		cmocka_unit_test(idle_is_said),
		cmocka_unit_test(who_ended_the_waits),
		cmocka_unit_test(a_place_that_is_not_known),
		cmocka_unit_test(what_ran_has_no_ender),
		cmocka_unit_test(no_table_is_empty),
		cmocka_unit_test(no_line_is_said_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
