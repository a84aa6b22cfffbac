// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of addresses, in the kernel and in this process, and stacks as strings. */
#include "fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "stack/fold.h"
#include "stack/kallsyms.h"
#include "stack/perf_map.h"
#include "stack/pool.h"
#include "stack/stack.h"

#define NAMED(text)                                                                  \
	{                                                                            \
		.name = (text), .named = true, .addr = 1, .file = "", .build_id = "" \
	}

static struct stack_symbols *symbols;

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

static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void read_kallsyms(struct kallsyms *kallsyms, const char *text)
{
	char path[] = "/tmp/lapse-kallsyms.XXXXXX";

	write_file(path, text);
	assert_int_equal(kallsyms_read(kallsyms, path), 0);
	unlink(path);
}

static void expect_kernel(const struct kallsyms *kallsyms, uint64_t addr, const char *name,
			  const char *module)
{
	const struct kernel_symbol *symbol = kallsyms_find(kallsyms, addr);

	if (!name) {
		assert_null(symbol);
		return;
	}
	assert_non_null(symbol);
	assert_string_equal(symbol->name, name);
	if (module)
		assert_string_equal(symbol->module, module);
	else
		assert_null(symbol->module);
}

static void test_kallsyms(void **state)
{
	struct kallsyms kallsyms;

	(void)state;
	read_kallsyms(&kallsyms, "0000000000000000 A fixed_percpu_data\n"
				 "ffffffff81001000 t __do_read\n"
				 "ffffffff81000000 T _stext\n"
				 "ffffffff81001000 T ksys_read\n"
				 "ffffffff81001000 W _ksys_read\n"
				 "rubbish\n"
				 "ffffffff81002000\n"
				 "ffffffff81002000 t\n"
				 "ffffffff81002000 D data\n"
				 "ffffffffc0000000 t ext4_read\t[ext4]\n"
				 "ffffffffc0000100 t bpf_prog_1234_filter\t[bpf]");
	assert_false(kallsyms.hidden);
	expect_kernel(&kallsyms, 0xffffffff80ffffff, NULL, NULL);
	expect_kernel(&kallsyms, 0xffffffff81000000, "_stext", NULL);
	expect_kernel(&kallsyms, 0xffffffff81000fff, "_stext", NULL);
	expect_kernel(&kallsyms, 0xffffffff81001004, "ksys_read", NULL);
	expect_kernel(&kallsyms, 0xffffffff81002004, NULL, NULL);
	expect_kernel(&kallsyms, 0xffffffffc0000004, "ext4_read", "ext4");
	expect_kernel(&kallsyms, 0xffffffffc0000104, "bpf_prog_1234_filter", "bpf");
	/* Too far behind the last: another's code that the file did not list. */
	expect_kernel(&kallsyms, 0xffffffffc0000100 + KERNEL_FUNCTION_MAX, NULL, NULL);
	expect_kernel(&kallsyms, 0, NULL, NULL);
	kallsyms_free(&kallsyms);
}

static void test_kallsyms_hidden(void **state)
{
	struct kallsyms kallsyms;

	(void)state;
	read_kallsyms(&kallsyms, "0000000000000000 T _stext\n0000000000000000 T ksys_read\n");
	assert_true(kallsyms.hidden);
	expect_kernel(&kallsyms, 0x1000, NULL, NULL);
	kallsyms_free(&kallsyms);
	read_kallsyms(&kallsyms, "");
	assert_false(kallsyms.hidden);
	kallsyms_free(&kallsyms);
	assert_int_equal(kallsyms_read(&kallsyms, "/tmp/lapse/no/such/file"), -ENOENT);
	kallsyms_free(&kallsyms);
}

/* The kernel that runs: named, or one remark for all. */
static void test_this_kernel(void **state)
{
	struct stack_frame frames[2];
	struct kallsyms kallsyms;
	uint64_t addrs[2];
	size_t i = 0;

	(void)state;
	assert_int_equal(kallsyms_read(&kallsyms, "/proc/kallsyms"), 0);
	if (kallsyms.n == 0) {
		assert_int_equal(stack_symbols_kernel(symbols, (uint64_t[]){4096, 4096}, 2, frames), 1);
		assert_string_equal(frames[0].name, "[kernel: hidden by kptr_restrict]");
		kallsyms_free(&kallsyms);
		return;
	}
	while (i < kallsyms.n && strcmp(kallsyms.symbols[i].name, "schedule") != 0)
		i++;
	assert_true(i < kallsyms.n);
	addrs[0] = kallsyms.symbols[i].addr;
	addrs[1] = kallsyms.symbols[i].addr + 5;
	assert_int_equal(stack_symbols_kernel(symbols, addrs, 2, frames), 2);
	for (size_t k = 0; k < 2; k++) {
		assert_string_equal(frames[k].name, "schedule");
		assert_string_equal(frames[k].file, "[kernel]");
	}
	assert_int_equal(frames[1].offset, 5);
	kallsyms_free(&kallsyms);
}

static struct stack_frame name_of(uint64_t addr)
{
	struct stack_frame frame;

	assert_int_equal(stack_symbols_user(symbols, getpid(), &addr, 1, &frame), 1);
	assert_int_equal(frame.addr, addr);
	return frame;
}

static void test_own_function(void **state)
{
	struct stack_frame frame = name_of((uint64_t)(uintptr_t)test_own_function + 4);
	char path[PATH_MAX] = "";
	char text[64];

	(void)state;
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_true(frame.named);
	assert_string_equal(frame.file, path);
	assert_int_equal(strlen(frame.build_id), 40);
	assert_string_equal(stack_frame_text(&frame, text, sizeof(text)), "test_own_function+0x4");
}

/* What has no name has what it takes to find it. */
static void test_place_without_name(void **state)
{
	struct stack_frame frame = {.name = "[unknown: server is stripped]",
				    .addr = 0x55555555f1a0,
				    .file = "/usr/bin/server",
				    .linked = 0xa1a0,
				    .build_id = "0a1b2c"};
	char text[128];

	(void)state;
	assert_string_equal(stack_frame_text(&frame, text, sizeof(text)),
			    "[unknown: server is stripped] at server+0xa1a0, build-id 0a1b2c");
	frame.build_id = "";
	assert_string_equal(stack_frame_text(&frame, text, sizeof(text)),
			    "[unknown: server is stripped] at server+0xa1a0");
}

/* A return address lies behind the call, which may be the last instruction of its function. */
static void test_return_address(void **state)
{
	uint64_t start = (uint64_t)(uintptr_t)test_return_address;
	uint64_t addrs[] = {start, start};
	struct stack_frame frames[2];

	(void)state;
	assert_int_equal(stack_symbols_user(symbols, getpid(), addrs, 2, frames), 2);
	assert_string_equal(frames[0].name, "test_return_address");
	assert_string_not_equal(frames[1].name, "test_return_address");
}

/* Names that mean ill stay what they are: outputs escape them. */
#define HOSTILE "evil\x1b[2J;name"
#ifdef __clang__
int hostile(int x) __asm__(HOSTILE);
#else
int hostile(int x) __asm__("\"" HOSTILE "\"");
#endif
__attribute__((noinline, used)) int hostile(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static void test_hostile_name(void **state)
{
	struct stack_frame frame = name_of((uint64_t)(uintptr_t)hostile);
	char *folded;

	(void)state;
	assert_string_equal(frame.name, HOSTILE);
	folded = stack_fold(&frame, 1, NULL, 0);
	assert_string_equal(folded, "evil\x1b[2J:name");
	free(folded);
}

static void test_vdso(void **state)
{
	void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD), *function;
	struct stack_frame frame;

	(void)state;
	if (!vdso)
		skip();
	function = dlsym(vdso, "__vdso_clock_gettime");
	assert_non_null(function);
	frame = name_of((uint64_t)(uintptr_t)function + 1);
	assert_string_equal(frame.file, "[vdso]");
	assert_true(frame.named);
	assert_non_null(strstr(frame.name, "clock_gettime"));
	dlclose(vdso);
}

/* Loaded after the mappings were read. */
static void test_loaded_later(void **state)
{
	char path[PATH_MAX];
	void *library, *function;

	(void)state;
	assert_int_equal(stack_symbols_prime(symbols, getpid()), 0);
	fixture_path("libshared.so", path);
	library = dlopen(path, RTLD_NOW);
	assert_non_null(library);
	function = dlsym(library, "shared_work");
	assert_non_null(function);
	assert_string_equal(name_of((uint64_t)(uintptr_t)function + 1).name, "shared_work");
	dlclose(library);
}

static void test_memory(void **state)
{
	char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *data = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(code != MAP_FAILED && data != MAP_FAILED);
	assert_string_equal(name_of((uint64_t)(uintptr_t)code).name, "[jit]");
	assert_string_equal(name_of((uint64_t)(uintptr_t)data).name, "[unknown: anonymous memory]");
	assert_string_equal(name_of(8).name, "[unknown: nothing is mapped there]");
	munmap(code, 4096);
	munmap(data, 4096);
}

/* What the program itself says of the code that it makes, while it makes it. */
static void test_jit(void **state)
{
	char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), path[64];
	struct stack_frame frame;
	FILE *map;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "wx");
	assert_non_null(map);
	fprintf(map, "%lx 40 LazyCompile:serve app.js:1\n", (unsigned long)code);
	fflush(map);
	frame = name_of((uint64_t)(uintptr_t)code + 0x10);
	assert_string_equal(frame.name, "LazyCompile:serve app.js:1");
	assert_int_equal(frame.offset, 0x10);
	assert_string_equal(name_of((uint64_t)(uintptr_t)code + 0x40).name, "[jit]");
	fprintf(map, "%lx 40 later\n", (unsigned long)code + 0x40);
	fflush(map);
	assert_string_equal(name_of((uint64_t)(uintptr_t)code + 0x40).name, "later");
	fclose(map);
	unlink(path);
	munmap(code, 4096);
}

static void parse(struct perf_map *map, const char *text)
{
	perf_map_parse(map, text, strlen(text));
}

static void expect_jit(struct perf_map *map, uint64_t addr, const char *name)
{
	struct perf_symbol symbol;

	assert_int_equal(perf_map_find(map, addr, &symbol), name != NULL);
	if (name)
		assert_string_equal(symbol.name, name);
}

static void test_perf_map(void **state)
{
	struct perf_map *map = perf_map_new();

	(void)state;
	assert_non_null(map);
	parse(map, "1000 10 one\n0x2000 0x10 with blanks in it\n1008 20 over");
	expect_jit(map, 0x1008, "one");
	/* The rest of the line comes with the next reading; the later of two entries counts. */
	parse(map, "written\n");
	expect_jit(map, 0x1007, "one");
	expect_jit(map, 0x1008, "overwritten");
	expect_jit(map, 0x1027, "overwritten");
	expect_jit(map, 0x1028, NULL);
	expect_jit(map, 0x200f, "with blanks in it");
	parse(map,
	      "3000 0 empty\n-3000 10 minus\n3000\n3000 10\n3000 10 \nfffffffffffffff8 10 wraps\n\n x\n");
	expect_jit(map, 0x3000, NULL);
	expect_jit(map, UINT64_MAX, NULL);
	perf_map_free(map);
	perf_map_free(NULL);
}

/* A file that another user has written in the process's name. */
static void test_foreign_perf_map(void **state)
{
	struct perf_map *map = perf_map_new();
	char path[64];
	FILE *file;

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	file = fopen(path, "wx");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_false(perf_map_open(map, getpid(), 0));
	assert_true(perf_map_open(map, getpid(), 65534));
	unlink(path);
	perf_map_free(map);
}

static void test_process_gone(void **state)
{
	struct stack_frame frames[2];

	(void)state;
	assert_int_equal(stack_symbols_prime(symbols, INT_MAX), -ESRCH);
	assert_int_equal(stack_symbols_user(symbols, INT_MAX, (uint64_t[]){4096, 8192}, 2, frames), 1);
	assert_string_equal(frames[0].name, "[unknown: the process had ended before its mappings were read]");
	assert_int_equal(stack_symbols_user(symbols, INT_MAX, NULL, 0, frames), 0);
	stack_symbols_forget(symbols, INT_MAX);
	stack_symbols_free(NULL);
}

static void test_fold(void **state)
{
	const struct stack_frame user[] = {
		NAMED("read"), {.name = "[unknown: x is stripped]"}, NAMED("main")};
	const struct stack_frame kernel[] = {NAMED("schedule"), NAMED("ksys_read")};
	char *folded = stack_fold(user, 3, kernel, 2);

	(void)state;
	assert_string_equal(folded, "main;[unknown: x is stripped];read;ksys_read_[k];schedule_[k]");
	free(folded);
	folded = stack_fold(NULL, 0, kernel, 1);
	assert_string_equal(folded, "schedule_[k]");
	free(folded);
	folded = stack_fold(NULL, 0, NULL, 0);
	assert_string_equal(folded, "");
	free(folded);
}

static void test_brief(void **state)
{
	const struct stack_frame frames[] = {
		{.name = "[unknown: libc.so.6 is stripped]"},
		NAMED("__lll_lock_wait"),
		NAMED("pthread_mutex_lock"),
		NAMED("handle_order"),
		NAMED("main"),
	};
	char text[64], small[12];

	(void)state;
	assert_string_equal(stack_brief(frames, 5, 2, text, sizeof(text)),
			    "pthread_mutex_lock <- handle_order");
	assert_string_equal(stack_brief(frames, 2, 2, text, sizeof(text)),
			    "[unknown: libc.so.6 is stripped] <- __lll_lock_wait");
	assert_string_equal(stack_brief(frames, 0, 2, text, sizeof(text)), "");
	assert_string_equal(stack_brief(frames, 5, 9, small, sizeof(small)), "pthread_mut");
}

static void test_pool(void **state)
{
	struct pool *pool = pool_new();
	const char *kept = pool_keep(pool, "handle_order");

	(void)state;
	assert_ptr_equal(pool_keep(pool, "handle_order"), kept);
	assert_ptr_equal(pool_format(pool, "%s_%s", "handle", "order"), kept);
	assert_string_not_equal(pool_keep(pool, ""), kept);
	pool_free(pool);
	pool_free(NULL);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kallsyms),
		cmocka_unit_test(test_kallsyms_hidden),
		TEST(test_this_kernel),
		TEST(test_own_function),
		TEST(test_place_without_name),
		TEST(test_return_address),
		TEST(test_hostile_name),
		TEST(test_vdso),
		TEST(test_loaded_later),
		TEST(test_memory),
		TEST(test_jit),
		cmocka_unit_test(test_perf_map),
		cmocka_unit_test(test_foreign_perf_map),
		TEST(test_process_gone),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_brief),
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
