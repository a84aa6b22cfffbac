/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that were built for tests: those of tests/targets, beside the folder of the test's own program. */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/object.h"

static inline void fixture_path(const char *name, char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	assert_true(n > 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	n = (ssize_t)strlen(path);
	assert_true(snprintf(path + n, PATH_MAX - (size_t)n, "/../targets/%s", name) < PATH_MAX - (int)n);
}

static inline struct object *fixture_open(const char *name)
{
	char path[PATH_MAX];
	struct object *object;
	int err;

	fixture_path(name, path);
	object = object_open(path, "", &err);
	if (!object)
		fail_msg("%s: %s", path, strerror(-err));
	return object;
}

#endif
