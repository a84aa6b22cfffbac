// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes out of /proc: this one, its children, and lines of maps. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/diag.h"
#include "probe/maps.h"

static bool parse(const char *text, char line[256], struct maps_line *parsed)
{
	snprintf(line, 256, "%s", text);
	return maps_parse_line(line, parsed);
}

static void test_maps_lines(void **state)
{
	struct maps_line parsed;
	char line[256];

	(void)state;
	assert_true(parse("7f00-8f00 r-xp 00001000 fe:01 42    /usr/lib/lib x.so\n", line, &parsed));
	assert_string_equal(parsed.name, "/usr/lib/lib x.so");
	assert_int_equal(parsed.start, 0x7f00);
	assert_int_equal(parsed.end, 0x8f00);
	assert_int_equal(parsed.offset, 0x1000);
	assert_int_equal(parsed.ino, 42);
	assert_true(parsed.executable);
	assert_false(parsed.deleted);
	assert_true(parse("1000-2000 r--p 00000000 00:1f 7 /a (deleted)\n", line, &parsed));
	assert_string_equal(parsed.name, "/a");
	assert_true(parsed.deleted);
	assert_false(parsed.executable);
}

static void test_other_lines(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"7ffc-7ffd rw-p 00000000 00:00 0 [stack]\n",
		"7ffc-7ffd r-xp 00000000 00:00 0\n",
		"7ffc-7ffd r-xp\n",
		"zz-yy r-xp 00000000 00:00 0 /a\n",
		"7ffc-7ffd r-xp 00000000 00:00 0 anon_inode:[x]\n",
	};
	struct maps_line parsed;
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(parse(lines[i], line, &parsed));
}

static const struct mapped_file *main_file(const struct process *process)
{
	for (size_t i = 0; i < process->n_files; i++) {
		if (process->files[i].main)
			return &process->files[i];
	}
	return NULL;
}

static void test_this_process(void **state)
{
	const struct mapped_file *file;
	struct process self;
	struct stat st, opened;

	(void)state;
	assert_int_equal(process_read(getpid(), &self), 0);
	assert_int_equal(self.pid, getpid());
	assert_int_equal(self.uid, geteuid());
	file = main_file(&self);
	assert_non_null(file);
	assert_true(file->executable);
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_int_equal(file->id.ino, st.st_ino);
	assert_int_equal(file->id.dev, st.st_dev);
	for (size_t i = 0; i < self.n_files; i++) {
		assert_int_equal(stat(self.files[i].access, &opened), 0);
		assert_int_equal(opened.st_ino, self.files[i].id.ino);
		assert_int_equal(opened.st_dev, self.files[i].id.dev);
	}
	process_free(&self);
	assert_int_equal(process_read(INT_MAX, &self), -ESRCH);
}

/* A library that was mapped and then replaced on disk is still opened as it was. */
static void test_replaced_file(void **state)
{
	char path[] = "/tmp/lapse-test-XXXXXX", other[] = "/tmp/lapse-test-XXXXXX";
	int fd = mkstemp(path), fd2 = mkstemp(other);
	struct stat original, st;
	struct process self;
	bool found = false;
	void *map;

	(void)state;
	assert_int_equal(ftruncate(fd, 4096), 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(map != MAP_FAILED);
	fstat(fd, &original);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(process_read(getpid(), &self), 0);
	for (size_t i = 0; i < self.n_files; i++) {
		if (strcmp(self.files[i].name, path) != 0)
			continue;
		found = true;
		assert_true(self.files[i].deleted);
		assert_int_equal(self.files[i].id.ino, original.st_ino);
		if (geteuid() == 0) {
			assert_int_equal(stat(self.files[i].access, &st), 0);
			assert_int_equal(st.st_ino, original.st_ino);
		}
	}
	assert_true(found);
	process_free(&self);
	munmap(map, 4096);
	close(fd);
	close(fd2);
	unlink(path);
}

static void test_follow(void **state)
{
	int tell[2], hold[2];
	struct target_selection selection = {.n_pids = 1, .follow = true};
	struct process *found;
	pid_t self = getpid(), child;
	size_t n;
	char c;

	(void)state;
	assert_int_equal(pipe(tell) | pipe(hold), 0);
	child = fork();
	if (child == 0) {
		/* A child with a child of its own, both waiting for the end of the pipe. */
		fork();
		close(hold[1]);
		if (write(tell[1], "x", 1) == 1 && read(hold[0], &c, 1) == 0)
			while (wait(NULL) > 0)
				;
		_exit(0);
	}
	assert_int_equal(read(tell[0], &c, 1), 1);
	assert_int_equal(read(tell[0], &c, 1), 1);
	selection.pids = &self;
	assert_int_equal(target_find(&selection, &found, &n), 0);
	assert_int_equal(n, 3);
	assert_true(found[0].pid < found[1].pid && found[1].pid < found[2].pid);
	target_free(found, n);
	close(hold[1]);
	waitpid(child, NULL, 0);
	close(hold[0]);
	close(tell[0]);
	close(tell[1]);
}

static void test_selection(void **state)
{
	struct target_selection by_exe = {.exe = "/proc/self/exe"};
	struct target_selection by_comm = {.comm = "a name of no process"};
	struct process self, *found;
	pid_t none = INT_MAX;
	struct target_selection by_pid = {.pids = &none, .n_pids = 1};
	FILE *stream;
	char *said = NULL;
	size_t n, size;

	(void)state;
	assert_int_equal(process_read(getpid(), &self), 0);
	assert_true(target_matches(&by_exe, &self));
	assert_false(target_matches(&by_comm, &self));
	by_comm.comm = self.comm;
	assert_true(target_matches(&by_comm, &self));
	by_exe.exe = self.exe;
	assert_true(target_matches(&by_exe, &self));
	process_free(&self);
	by_comm.comm = "a name of no process";
	assert_int_equal(target_find(&by_comm, &found, &n), 0);
	assert_int_equal(n, 0);
	target_free(found, n);
	stream = open_memstream(&said, &size);
	diag_set_stream(stream);
	assert_int_equal(target_find(&by_pid, &found, &n), -ESRCH);
	diag_set_stream(NULL);
	fclose(stream);
	assert_non_null(strstr(said, "no process 2147483647"));
	free(said);
}

static void test_pids(void **state)
{
	static const char *const wrong[] = {"", " ", "a", "1,a", "0", "-1", "1;2", "99999999999", "1.5"};
	FILE *null = fopen("/dev/null", "w");
	pid_t *pids;
	size_t n;

	(void)state;
	assert_int_equal(target_parse_pids("12, 34\t56,\n", &pids, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(pids[0], 12);
	assert_int_equal(pids[2], 56);
	free(pids);
	diag_set_stream(null);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(target_parse_pids(wrong[i], &pids, &n), -EINVAL);
		assert_null(pids);
	}
	diag_set_stream(NULL);
	fclose(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps_lines),   cmocka_unit_test(test_other_lines),
		cmocka_unit_test(test_this_process), cmocka_unit_test(test_replaced_file),
		cmocka_unit_test(test_follow),	     cmocka_unit_test(test_selection),
		cmocka_unit_test(test_pids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
