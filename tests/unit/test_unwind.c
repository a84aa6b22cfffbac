// SPDX-License-Identifier: GPL-2.0-or-later
/* Stacks of a child whose chain of calls is known, with and without frame pointers. */
#include "blocked.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "stack/fold.h"

#define FRAMES 64

static struct stack_symbols *symbols;
static struct stack_frame frames[FRAMES];
static struct blocked child;

static size_t unwind(void)
{
	return stack_symbols_unwind(symbols, child.pid, &child.piece, STACK_BUDGET_NS, frames, FRAMES);
}

/* Where @name is among the frames, from the @from-th on. */
static size_t find(size_t n, size_t from, const char *name)
{
	for (size_t i = from; i < n; i++) {
		if (strcmp(frames[i].name, name) == 0)
			return i;
	}
	fail_msg("%s is not in %s", name, stack_fold(frames, n, NULL, 0));
	return n;
}

/* The chain stands there, from the wait on, one call after the other, without a remark. */
static size_t expect_chain(size_t n)
{
	static const char *const names[] = {"await_answer", "check_risk", "handle_order"};
	size_t at = find(n, 0, names[0]);

	assert_true(at >= 1);
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(frames[at + i].name, names[i]);
	if (!frames[n - 1].addr)
		fail_msg("not whole: %s", stack_fold(frames, n, NULL, 0));
	return at + 3;
}

static int begin(void **state)
{
	(void)state;
	symbols = stack_symbols_new();
	return symbols ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	stack_symbols_free(symbols);
	return 0;
}

static void expect_main(const char *name)
{
	size_t n;

	blocked_open(&child, name, NULL);
	n = unwind();
	assert_string_equal(frames[expect_chain(n)].name, "main");
	assert_string_equal(frames[n - 1].name, "_start");
	/* Once more, with everything known. */
	assert_int_equal(unwind(), n);
	expect_chain(n);
	blocked_end(&child);
}

static void test_without_frame_pointers(void **state)
{
	(void)state;
	expect_main("chain");
}

static void test_with_frame_pointers(void **state)
{
	(void)state;
	expect_main("chain.fp");
}

static void test_packed_symbols(void **state)
{
	size_t n;

	(void)state;
	blocked_open(&child, "chain.minidebug", NULL);
	n = unwind();
	assert_string_equal(frames[expect_chain(n)].name, "main");
	blocked_end(&child);
}

static void test_stripped(void **state)
{
	size_t n, at;

	(void)state;
	blocked_open(&child, "chain.stripped", NULL);
	n = unwind();
	at = find(n, 0, "[unknown: chain.stripped is stripped]");
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(frames[at + i].name, frames[at].name);
	assert_non_null(strstr(frames[at].file, "/chain.stripped"));
	assert_int_equal(strlen(frames[at].build_id), 40);
	assert_false(frames[at].named);
	assert_true(frames[n - 1].addr);
	blocked_end(&child);
}

static void test_thread(void **state)
{
	(void)state;
	blocked_open(&child, "chain", "thread");
	assert_string_equal(frames[expect_chain(unwind())].name, "work");
	blocked_end(&child);
}

/* The interrupted function is found behind the frame that the kernel built for the handler. */
static void test_signal(void **state)
{
	size_t n, at;

	(void)state;
	blocked_open(&child, "chain", "signal");
	n = unwind();
	at = find(n, find(n, 0, "await_answer"), "on_signal");
	/* The handler returns to the beginning of that code, where the C library's symbols tell. */
	if (frames[at + 1].named)
		assert_int_equal(frames[at + 1].offset, 0);
	at = find(n, find(n, at, "check_risk"), "handle_order");
	assert_string_equal(frames[at + 1].name, "main");
	assert_true(frames[n - 1].addr);
	blocked_end(&child);
}

static void test_short_piece(void **state)
{
	size_t n;

	(void)state;
	blocked_open(&child, "chain", NULL);
	child.piece.size = 128;
	n = unwind();
	find(n, 0, "await_answer");
	assert_string_equal(frames[n - 1].name, "[truncated: only 128 bytes of the stack were copied]");
	assert_int_equal(frames[n - 1].addr, 0);
	child.piece.size = 0;
	n = unwind();
	assert_string_equal(frames[n - 1].name, "[truncated: only 0 bytes of the stack were copied]");
	assert_true(n >= 2);
	blocked_end(&child);
}

/* Of a piece that begins below the stack pointer: where a register that was taken off the stack still lies.
 */
static void test_below(void **state)
{
	static char bytes[PIECE_SIZE];
	size_t n;

	(void)state;
	blocked_open(&child, "chain", NULL);
	memcpy(bytes + 128, child.bytes, sizeof(bytes) - 128);
	child.piece.bytes = bytes;
	child.piece.below = 128;
	assert_string_equal(frames[expect_chain(unwind())].name, "main");
	child.piece.size = 256;
	n = unwind();
	assert_string_equal(frames[n - 1].name, "[truncated: only 128 bytes of the stack were copied]");
	blocked_end(&child);
}

static void test_limits(void **state)
{
	size_t n;

	(void)state;
	blocked_open(&child, "chain", NULL);
	n = stack_symbols_unwind(symbols, child.pid, &child.piece, 0, frames, FRAMES);
	assert_int_equal(n, 2);
	assert_string_equal(frames[1].name, "[truncated: unwinding took more than 0 us]");
	n = stack_symbols_unwind(symbols, child.pid, &child.piece, STACK_BUDGET_NS, frames, 5);
	assert_int_equal(n, 4);
	assert_string_equal(frames[3].name, "[truncated: too many frames]");
	blocked_end(&child);
}

/* Registers that lead nowhere. */
static void test_rubbish(void **state)
{
	size_t n;

	(void)state;
	blocked_open(&child, "chain", NULL);
	memset(child.bytes, 0x41, sizeof(child.bytes));
	n = unwind();
	assert_string_equal(frames[n - 1].name, "[truncated: a return address is not in any code]");
	child.piece.ip = 0x4141414141414141;
	assert_int_equal(unwind(), 1);
	assert_string_equal(frames[0].name, "[truncated: a return address is not in any code]");
	child.piece.sp = UINT64_MAX - 8;
	assert_int_equal(unwind(), 1);
	blocked_end(&child);
}

static void test_process_gone(void **state)
{
	size_t n;

	(void)state;
	blocked_open(&child, "chain", NULL);
	assert_int_equal(stack_symbols_prime(symbols, child.pid), 0);
	blocked_end(&child);
	n = unwind();
	assert_string_equal(frames[expect_chain(n)].name, "main");
	stack_symbols_forget(symbols, child.pid);
	assert_int_equal(unwind(), 1);
	assert_string_equal(frames[0].name, "[unknown: the process had ended before its mappings were read]");
}

static void copy_file(const char *name, const char *to)
{
	char from[PATH_MAX], bytes[4096];
	ssize_t n;
	int in, out;

	fixture_path(name, from);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

/* Its file is gone, and then it is too. */
static void test_deleted(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/lapse-chain.%d", getpid());
	copy_file("chain", path);
	blocked_run(&child, path, NULL, NULL);
	unlink(path);
	assert_int_equal(stack_symbols_prime(symbols, child.pid), 0);
	blocked_end(&child);
	assert_string_equal(frames[expect_chain(unwind())].name, "main");
}

static char hidden_folder[64], hidden_path[96];

/* Another view of the file system, where the program lies on a disk of its own. */
static int hide(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", hidden_folder, "tmpfs", 0, NULL))
		return -1;
	copy_file("chain", hidden_path);
	return 0;
}

static void test_other_mounts(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(hidden_folder, sizeof(hidden_folder), "/tmp/lapse-mount.%d", getpid());
	snprintf(hidden_path, sizeof(hidden_path), "%s/chain", hidden_folder);
	assert_int_equal(mkdir(hidden_folder, 0755), 0);
	blocked_run(&child, hidden_path, NULL, hide);
	assert_int_equal(access(hidden_path, F_OK), -1);
	assert_int_equal(stack_symbols_prime(symbols, child.pid), 0);
	assert_string_equal(frames[expect_chain(unwind())].name, "main");
	blocked_end(&child);
	stack_symbols_free(symbols);
	symbols = stack_symbols_new();
	rmdir(hidden_folder);
}

/* The addresses alone, as the kernel's own walk along frame pointers gives them. */
static void test_addresses(void **state)
{
	struct stack_frame again[FRAMES];
	uint64_t addrs[FRAMES];
	size_t n;

	(void)state;
	blocked_open(&child, "chain.fp", NULL);
	n = unwind();
	for (size_t i = 0; i < n; i++)
		addrs[i] = frames[i].addr;
	assert_int_equal(stack_symbols_user(symbols, child.pid, addrs, n, again), n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(again[i].name, frames[i].name);
		assert_int_equal(again[i].offset, frames[i].offset);
	}
	blocked_end(&child);
}

/* Files that cannot be opened have no rules: frame pointers are followed, and it is said. */
static void test_unreadable(void **state)
{
	struct rlimit before, none = {0};
	size_t n;

	(void)state;
	blocked_open(&child, "chain.fp", NULL);
	assert_int_equal(stack_symbols_prime(symbols, child.pid), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	n = unwind();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(n > 3);
	assert_true(frames[2].addr);
	assert_non_null(strstr(frames[2].name, "[unknown: cannot open /"));
	for (size_t i = 0; i < n && frames[i].addr; i++)
		assert_false(frames[i].named);
	while (frames[n - 1].addr == 0 && !strstr(frames[n - 1].name, "[by frame pointers: cannot open /"))
		n--;
	assert_int_equal(frames[n - 1].addr, 0);
	/* Read anew, they are tried again. */
	assert_int_equal(stack_symbols_prime(symbols, child.pid), 0);
	expect_chain(unwind());
	blocked_end(&child);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)
	const struct CMUnitTest tests[] = {
		TEST(test_without_frame_pointers),
		TEST(test_with_frame_pointers),
		TEST(test_packed_symbols),
		TEST(test_stripped),
		TEST(test_thread),
		TEST(test_signal),
		TEST(test_short_piece),
		TEST(test_below),
		TEST(test_limits),
		TEST(test_rubbish),
		TEST(test_process_gone),
		TEST(test_deleted),
		TEST(test_other_mounts),
		TEST(test_addresses),
		TEST(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
