// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans for this very process, whose functions and their addresses are known. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/diag.h"
#include "bpf/event.h"
#include "probe/list.h"
#include "probe/plan.h"

#define KEPT __attribute__((noinline, used))

/* The second jumps to the third at its end, which returns at two places. */
int mark_first(int x);
int mark_second(int x);
int mark_third(int x);
int mark_alias(int x) __attribute__((alias("mark_first")));
void mark_never(void);
int late_mark(int x, int y);

KEPT int mark_first(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

__asm__(".text\n"
	".globl mark_third\n"
	".type mark_third, @function\n"
	"mark_third:\n"
	"	mov %edi, %eax\n"
	"	push %rbx\n"
	"	pop %rbx\n"
	"	test %eax, %eax\n"
	"	je 1f\n"
	"	ret\n"
	"1:	inc %eax\n"
	"	ret\n"
	".size mark_third, . - mark_third\n"
	".globl mark_second\n"
	".type mark_second, @function\n"
	"mark_second:\n"
	"	push %rbx\n"
	"	pop %rbx\n"
	"	jmp mark_third\n"
	".size mark_second, . - mark_second\n"
	/* Its argument is gone where a probe is cheap. */
	".globl late_mark\n"
	".type late_mark, @function\n"
	"late_mark:\n"
	"	mov %esi, %edi\n"
	"	push %rbx\n"
	"	pop %rbx\n"
	"	mov %edi, %eax\n"
	"	ret\n"
	".size late_mark, . - late_mark\n"
	".globl mark_never\n"
	".type mark_never, @function\n"
	"mark_never:\n"
	"	push %rbx\n"
	"	ud2\n"
	".size mark_never, . - mark_never\n");

static struct process self;
static const struct mapped_file *own_file;

struct made {
	struct plan plan;
	struct probe_spec specs[4];
	size_t n;
	int err;
	char *said;
};

static struct made make(const struct plan_options *options, const char *a, const char *b)
{
	struct target_selection selection = {.pids = &self.pid, .n_pids = 1};
	struct made made = {.n = b ? 2 : 1};
	size_t size;
	FILE *stream = open_memstream(&made.said, &size);

	diag_set_stream(stream);
	assert_int_equal(spec_parse(a, &made.specs[0]), 0);
	if (b)
		assert_int_equal(spec_parse(b, &made.specs[1]), 0);
	made.err = plan_make(made.specs, made.n, &selection, &self, 1, options, &made.plan);
	diag_set_stream(NULL);
	fclose(stream);
	return made;
}

static void done(struct made *made)
{
	plan_free(&made->plan);
	for (size_t i = 0; i < made->n; i++)
		spec_free(&made->specs[i]);
	free(made->said);
}

static uint64_t offset_of(const void *function)
{
	return (uint64_t)(uintptr_t)function - own_file->start + own_file->offset;
}

static const struct plan_options forced = {.force_uretprobe = true};
static const struct plan_options whole = {.force_uretprobe = true, .whole = true};
static const struct plan_options by_insns = {.seccomp_kills = true};

static void test_one_function(void **state)
{
	struct made made = make(&forced, "mark_first", NULL);
	const struct plan *plan = &made.plan;

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(plan->n_components, 1);
	assert_string_equal(plan->components[0].name, "mark_first");
	assert_int_equal(plan->components[0].n_places, 1);
	assert_false(plan->components[0].retins);
	assert_null(plan->components[0].why);
	assert_int_equal(plan->n_files, 1);
	assert_int_equal(plan->files[0].id.ino, own_file->id.ino);
	assert_int_equal(plan->files[0].n_pids, 1);
	assert_int_equal(plan->files[0].pids[0], getpid());
	assert_int_equal(plan->n_places, 1);
	assert_int_equal(plan->places[0].entry, offset_of(mark_first));
	assert_int_equal(plan->places[0].role, LAPSE_ROLE_ENTRY);
	done(&made);
}

static void test_moved_place(void **state)
{
	struct made made = make(&forced, ":mark_third", NULL);

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.places[0].entry, offset_of(mark_third));
	assert_int_equal(made.plan.places[0].offset, offset_of(mark_third) + 2);
	assert_int_equal(made.plan.places[0].cls, LAPSE_CLASS_EMULATED);
	assert_true(made.plan.places[0].args_intact);
	done(&made);
}

static void test_aliases(void **state)
{
	struct made made = make(&forced, "mark_first", "b=mark_alias");

	(void)state;
	assert_int_equal(made.err, 0);
	/* Two components of one function: each has a place of its own, at one offset. */
	assert_int_equal(made.plan.n_components, 2);
	assert_int_equal(made.plan.n_places, 2);
	assert_int_equal(made.plan.places[0].offset, made.plan.places[1].offset);
	assert_int_equal(made.plan.places[0].function, made.plan.places[1].function);
	assert_true(made.plan.places[0].shared && made.plan.places[1].shared);
	done(&made);
	made = make(&forced, "x=mark_*", NULL);
	/* One component counts it once. */
	assert_int_equal(made.plan.n_places, 4);
	for (size_t i = 0; i < made.plan.n_places; i++)
		assert_false(made.plan.places[i].shared);
	done(&made);
}

/* A probe that was moved past the arguments, and one that wants them, stand at one place. */
static void test_shared_place(void **state)
{
	const char *const moved = "a=late_mark", *const wants = "b=late_mark if(arg0 > 1)";

	(void)state;
	for (int order = 0; order <= 1; order++) {
		struct made made = make(&forced, order ? wants : moved, order ? moved : wants);

		assert_int_equal(made.err, 0);
		assert_int_equal(made.plan.n_places, 2);
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(made.plan.places[i].offset, offset_of(late_mark));
			assert_int_equal(made.plan.places[i].cls, LAPSE_CLASS_STEPPED);
		}
		done(&made);
	}
}

static void test_return_instructions(void **state)
{
	struct made made = make(&by_insns, "mark_second", "mark_third");
	const struct plan *plan = &made.plan;
	size_t ends = 0, entries = 0;

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(plan->n_components, 2);
	assert_true(plan->components[0].retins);
	assert_non_null(strstr(plan->components[0].why, "seccomp"));
	for (size_t i = 0; i < plan->n_places; i++) {
		const struct place *place = &plan->places[i];

		if (place->role == LAPSE_ROLE_RETINS) {
			ends++;
			assert_true(place->offset > offset_of(mark_third));
		} else {
			entries++;
			assert_int_equal(place->role, LAPSE_ROLE_ENTRY_RETINS);
			assert_int_equal(place->cls, LAPSE_CLASS_EMULATED_RETINS);
			assert_int_equal(!!(place->flags & LAPSE_COMP_TAIL_CALLS), place->component == 0);
		}
	}
	/* The two returns serve both. */
	assert_int_equal(ends, 2);
	assert_int_equal(entries, 2);
	done(&made);
}

static void test_never_returns(void **state)
{
	struct made made = make(&by_insns, "mark_never", NULL);

	(void)state;
	assert_int_equal(made.err, -EPERM);
	assert_non_null(strstr(made.said, "never returns"));
	done(&made);
	made = make(&by_insns, "mark_never", "mark_third");
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.n_components, 1);
	assert_non_null(strstr(made.said, "warning"));
	done(&made);
}

static void test_globs(void **state)
{
	struct plan_options merged = {.force_uretprobe = true, .merge = "all"};
	struct made made = make(&forced, "mark_*", NULL);

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.n_components, 4);
	done(&made);
	made = make(&merged, "mark_*", NULL);
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.n_components, 1);
	assert_string_equal(made.plan.components[0].name, "all");
	assert_int_equal(made.plan.components[0].n_places, 4);
	done(&made);
	made = make(&forced, "x=mark_*", NULL);
	assert_int_equal(made.plan.n_components, 1);
	assert_string_equal(made.plan.components[0].name, "x");
	done(&made);
	made = make(&forced, "libc:*", NULL);
	assert_int_equal(made.err, -E2BIG);
	assert_non_null(strstr(made.said, "--yes"));
	done(&made);
}

static void expect_failure(const char *probe, int err, const char *message)
{
	struct made made = make(&forced, probe, NULL);

	assert_int_equal(made.err, err);
	assert_int_equal(made.plan.n_components, 0);
	if (!strstr(made.said, message))
		fail_msg("'%s' said:\n%s", probe, made.said);
	done(&made);
}

static void test_failures(void **state)
{
	struct made made;

	(void)state;
	expect_failure("mark_fisrt", -ENOENT, "nearest is 'mark_first'");
	expect_failure("libd:f", -ENOENT, "no file 'libd'");
	expect_failure("usdt::x", -ENOENT, "write usdt:PROVIDER:MARK for a mark");
	expect_failure("syscall::read", -ENOENT, "write syscall:NAME for a system call");
	expect_failure("syscal:fsync", -ENOENT, "nearest is 'syscall:'");
	expect_failure("makrer:x", -ENOENT, "nearest is 'marker:'");
	expect_failure("mark_none*", -ENOENT, "no function of");
	expect_failure("/etc/passwd:f", -EINVAL, "not an ELF");
	expect_failure("/none:f", -ENOENT, "No such file");
	expect_failure("libc:strlen", -ENOENT, "IFUNC");
	made = make(&forced, "mark_first", "mark_none");
	assert_int_equal(made.err, 0);
	assert_non_null(strstr(made.said, "going on without 1 of 2"));
	done(&made);
}

static void expect_whole(const char *a, const char *b, int err, const char *message)
{
	struct made made = make(&whole, a, b);

	assert_int_equal(made.err, err);
	if (message && !strstr(made.said, message))
		fail_msg("'%s' and '%s' said:\n%s", a, b, made.said);
	done(&made);
}

/* A contract hangs on each of them. */
static void test_whole(void **state)
{
	(void)state;
	expect_whole("a=mark_first", "b=mark_third", 0, NULL);
	expect_whole("a=mark_first", "b=mark_none", -ENOENT, "component 'b' cannot be measured by");
	expect_whole("a=mark_first", "b=usdt:none:such", 0, "when");
	expect_whole("a=mark_first", "b=span:mark_first(arg0)..mark_none(arg0)", -ENOENT,
		     "component 'b' cannot be measured");
	expect_whole("a=mark_first", "b=libnone_that_may_come:f", 0, "will be measured when it is");
}

/* What can only be begun, or only be ended, is left out; the rest goes on. */
static void test_half_a_span(void **state)
{
	struct made made = make(&forced, "mark_first", "span:mark_none(arg0)..mark_third(arg0)");

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.n_components, 1);
	assert_string_equal(made.plan.components[0].name, "mark_first");
	assert_int_equal(made.plan.n_places, 1);
	assert_int_equal(made.plan.places[0].component, 0);
	assert_non_null(strstr(made.said, "going on without 1 of 2"));
	done(&made);
	made = make(&forced, "span:mark_first(arg0)..mark_none(arg0)", "mark_third");
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.n_components, 1);
	assert_int_equal(made.plan.n_places, 1);
	assert_string_equal(made.plan.components[0].name, "mark_third");
	assert_int_equal(made.plan.places[0].entry, offset_of(mark_third));
	done(&made);
	made = make(&forced, "span:mark_first(arg0)..mark_none(arg0)", NULL);
	assert_int_equal(made.err, -ENOENT);
	assert_int_equal(made.plan.n_components, 0);
	done(&made);
}

static void test_library(void **state)
{
	struct made made = make(&forced, "getpid", "libc:read");

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.n_files, 1);
	assert_int_equal(strncmp(made.plan.components[0].object, "libc", 4), 0);
	done(&made);
}

static void test_program_not_running(void **state)
{
	struct target_selection selection = {.exe = self.exe};
	struct probe_spec spec;
	struct plan plan;
	size_t first, files;

	(void)state;
	assert_int_equal(spec_parse("mark_first", &spec), 0);
	assert_int_equal(plan_make(&spec, 1, &selection, NULL, 0, &forced, &plan), 0);
	assert_int_equal(plan.n_places, 1);
	assert_int_equal(plan.files[0].n_pids, 0);
	/* It starts: nothing to add. */
	assert_int_equal(plan_extend(&plan, &spec, 1, &self, &forced, &first, &files), 0);
	assert_int_equal(first, 1);
	assert_int_equal(files, 0);
	assert_int_equal(plan.files[0].n_pids, 0);
	plan_free(&plan);
	spec_free(&spec);
}

static void test_extend(void **state)
{
	struct made made = make(&forced, "mark_first", NULL);
	struct process other = self;
	size_t first, files;

	(void)state;
	other.pid = 1;
	assert_int_equal(plan_extend(&made.plan, made.specs, 1, &other, &forced, &first, &files), 0);
	assert_int_equal(made.plan.files[0].n_pids, 2);
	assert_int_equal(files, 0);
	/* Return probes that would not be safe in a process are not given to it. */
	other.pid = 2;
	diag_set_stream(fopen("/dev/null", "w"));
	assert_int_equal(plan_extend(&made.plan, made.specs, 1, &other, &by_insns, &first, &files), 0);
	diag_set_stream(NULL);
	assert_int_equal(made.plan.files[0].n_pids, 2);
	/* The same program as another file. */
	made.plan.files[0].id.ino++;
	other.pid = 3;
	assert_int_equal(plan_extend(&made.plan, made.specs, 1, &other, &forced, &first, &files), 0);
	assert_int_equal(files, 1);
	assert_int_equal(first, 1);
	assert_int_equal(made.plan.n_places, 2);
	assert_int_equal(made.plan.places[1].component, 0);
	assert_int_equal(made.plan.places[1].file, 1);
	assert_int_equal(made.plan.files[1].pids[0], 3);
	done(&made);
}

static int note_entry(void *context, const struct list_entry *entry)
{
	size_t *found = context;

	(*found)++;
	assert_int_equal(strncmp(entry->function, "mark_", 5), 0);
	if (entry->method)
		assert_non_null(entry->price);
	else
		assert_non_null(entry->why);
	return strcmp(entry->function, "mark_third") == 0 ? 7 : 0;
}

static void test_list(void **state)
{
	size_t found = 0;

	(void)state;
	assert_int_equal(list_functions(&self, "mark_*", note_entry, &found), 7);
	assert_int_equal(found, 4);
	found = 0;
	assert_int_equal(list_functions(&self, "mark_second", note_entry, &found), 0);
	assert_int_equal(found, 1);
}

static int set_up(void **state)
{
	(void)state;
	if (process_read(getpid(), &self))
		return -1;
	for (size_t i = 0; i < self.n_files; i++) {
		if (self.files[i].main)
			own_file = &self.files[i];
	}
	return own_file ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	process_free(&self);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_function),
		cmocka_unit_test(test_moved_place),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_shared_place),
		cmocka_unit_test(test_return_instructions),
		cmocka_unit_test(test_never_returns),
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_half_a_span),
		cmocka_unit_test(test_library),
		cmocka_unit_test(test_program_not_running),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
