// SPDX-License-Identifier: GPL-2.0-or-later
/* Symbols that do not lie in the file itself, or packed. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "probe/symbols.h"

static size_t count(const struct object *object, const char *name)
{
	struct matches matches;
	size_t n;

	assert_int_equal(symbols_match(object, name, false, &matches), 0);
	n = matches.n;
	matches_free(&matches);
	return n;
}

static void test_none(void **state)
{
	struct object *object = fixture_open("timed.stripped");

	(void)state;
	assert_false(object->has_symtab);
	assert_null(object->debug);
	assert_int_equal(count(object, "work_push"), 0);
	object_close(object);
}

static void test_packed(void **state)
{
	struct object *object = fixture_open("timed.minidebug");

	(void)state;
	assert_true(object->has_symtab);
	assert_non_null(object->debug_image);
	assert_null(object->debug_path);
	assert_int_equal(count(object, "work_push"), 1);
	assert_int_equal(count(object, "main"), 1);
	object_close(object);
}

static void test_linked(void **state)
{
	struct object *by_id = fixture_open("timed.linked");
	struct object *by_checksum = fixture_open("timed.crc");

	(void)state;
	assert_non_null(strstr(by_id->debug_path, "/timed.linked.debug"));
	assert_int_equal(count(by_id, "work_push"), 1);
	assert_non_null(strstr(by_checksum->debug_path, "/.debug/timed.crc.debug"));
	assert_int_equal(count(by_checksum, "work_push"), 1);
	object_close(by_id);
	object_close(by_checksum);
}

static void test_nowhere(void **state)
{
	char path[PATH_MAX];
	struct object *object;
	int err;

	(void)state;
	fixture_path("timed.linked", path);
	object = object_open(path, NULL, &err);
	assert_non_null(object);
	assert_null(object->debug);
	object_close(object);
}

/* A copy of a fixture with the bytes at the middle of what @mark begins turned over. */
static struct object *open_damaged(const char *name, const char *mark, size_t length)
{
	char path[PATH_MAX], *bytes = NULL, *at;
	int fd = memfd_create("damaged", MFD_CLOEXEC), err;
	struct object *object;
	size_t size = 0;
	FILE *in;

	fixture_path(name, path);
	in = fopen(path, "re");
	assert_non_null(in);
	bytes = malloc(1 << 20);
	assert_non_null(bytes);
	size = fread(bytes, 1, 1 << 20, in);
	fclose(in);
	at = memmem(bytes, size, mark, length);
	assert_non_null(at);
	for (int i = 64; i < 128; i++)
		at[i] = (char)~at[i];
	assert_int_equal(write(fd, bytes, size), size);
	free(bytes);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	object = object_open(path, "", &err);
	assert_non_null(object);
	close(fd);
	return object;
}

static void test_broken_pack(void **state)
{
	struct object *object = open_damaged("timed.minidebug",
					     "\xfd"
					     "7zXZ",
					     5);

	(void)state;
	assert_null(object->debug);
	assert_false(object->has_symtab);
	object_close(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),	    cmocka_unit_test(test_packed),
		cmocka_unit_test(test_linked),	    cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_broken_pack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
