// SPDX-License-Identifier: GPL-2.0-or-later
/* Which processes are meant by their control group. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cgroup.h"

#define ID16  "0123456789abcdef"
#define ID    ID16 ID16 ID16 ID16
#define OTHER "012345678fabcdef" ID16 ID16 ID16

static bool matches(enum cgroup_by by, const char *given, const char *lines)
{
	struct cgroup_rule rule;
	const char *wanted;

	assert_int_equal(cgroup_rule_parse(by, given, &rule, &wanted), 0);
	return cgroup_rule_matches(&rule, lines);
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(matches(CGROUP_PATH, "/a.slice/b", "0::/a.slice/b\n"));
	assert_true(matches(CGROUP_PATH, "/a.slice/b/", "0::/a.slice/b\n"));
	assert_true(matches(CGROUP_PATH, "/a.slice", "0::/a.slice/b/c\n"));
	assert_true(matches(CGROUP_PATH, "/", "0::/\n"));
	assert_true(matches(CGROUP_PATH, "/", "0::/a\n"));
	assert_false(matches(CGROUP_PATH, "/a", "0::/ab\n"));
	assert_false(matches(CGROUP_PATH, "/a", "0::/b/a\n"));
	assert_false(matches(CGROUP_PATH, "/a/b", "0::/a\n"));
	assert_false(matches(CGROUP_PATH, "/a", "0::/../a\n"));
	/* Colons belong to the path. */
	assert_true(matches(CGROUP_PATH, "/x:y", "0::/x:y/z"));
}

static void test_hierarchies(void **state)
{
	static const char lines[] = "9:name=systemd:/sys/web\n4:memory:/mem\n2:cpu,cpuacct:/cpu\n0::/two\n";

	(void)state;
	assert_true(matches(CGROUP_PATH, "/sys", lines));
	assert_true(matches(CGROUP_PATH, "/mem", lines));
	assert_true(matches(CGROUP_PATH, "/cpu", lines));
	assert_true(matches(CGROUP_PATH, "/two", lines));
	assert_false(matches(CGROUP_PATH, "/web", lines));
	assert_true(matches(CGROUP_UNIT, "web.service", "1:name=systemd:/system.slice/web.service\n0::/\n"));
}

static void test_units(void **state)
{
	static const char user[] = "0::/user.slice/user-7.slice/user@7.service/app.slice/sync.service\n";

	(void)state;
	assert_true(matches(CGROUP_UNIT, "web", "0::/system.slice/web.service\n"));
	assert_true(matches(CGROUP_UNIT, "web.service", "0::/system.slice/web.service/workers\n"));
	assert_false(matches(CGROUP_UNIT, "web", "0::/system.slice/myweb.service\n"));
	assert_false(matches(CGROUP_UNIT, "web", "0::/system.slice/web.service.d\n"));
	assert_false(matches(CGROUP_UNIT, "web", "0::/system.slice/web\n"));
	assert_true(matches(CGROUP_UNIT, "session-1.scope", "0::/user.slice/session-1.scope\n"));
	assert_true(matches(CGROUP_UNIT, "sync", user));
	assert_true(matches(CGROUP_UNIT, "user@7", user));
	assert_true(matches(CGROUP_UNIT, "app.slice", user));
	assert_true(matches(CGROUP_UNIT, "db@1.2", "0::/system.slice/db@1.2.service\n"));
}

static void test_containers(void **state)
{
	static const char *const lines[] = {
		"0::/system.slice/docker-" ID ".scope\n",
		"0::/docker/" ID "\n",
		"9:name=systemd:/docker/" ID "/init\n0::/\n",
		"0::/machine.slice/libpod-" ID ".scope/container\n",
		"0::/kubepods.slice/kubepods-pod12.slice/cri-containerd-" ID ".scope\n",
		"0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID "\n",
		"0::/kubepods/besteffort/pod1234/" ID "\n",
		"0::/kubepods.slice/crio-" ID ".scope\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_true(matches(CGROUP_CONTAINER, "0123", lines[i]));
		assert_true(matches(CGROUP_CONTAINER, "0123456789ABC", lines[i]));
		assert_true(matches(CGROUP_CONTAINER, ID, lines[i]));
		assert_false(matches(CGROUP_CONTAINER, "1234", lines[i]));
		assert_false(matches(CGROUP_CONTAINER, OTHER, lines[i]));
	}
}

static void test_no_containers(void **state)
{
	static const char *const lines[] = {
		"0::/docker/0123456789ab\n",			  /* an id is whole */
		"0::/docker/0" ID "\n",				  /* or longer than any */
		"0::/docker/web" ID "\n",			  /* runs into something else */
		"0::/machine.slice/libpod-conmon-" ID ".scope\n", /* is no part of it */
		"0::/lxc.payload.0123\n",
		"0::/process_api/" ID16 ID16 "\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_false(matches(CGROUP_CONTAINER, "0123", lines[i]));
}

static void test_container_ids(void **state)
{
	struct cgroup_rule rule;
	const char *wanted;
	char id[CGROUP_CONTAINER_ID + 1];

	(void)state;
	assert_int_equal(cgroup_rule_parse(CGROUP_CONTAINER, "0123", &rule, &wanted), 0);
	assert_true(cgroup_rule_container(&rule, "0::/a\n1:x:/docker-" OTHER ".scope/b\n", id));
	assert_string_equal(id, OTHER);
	assert_false(cgroup_rule_container(&rule, "0::/a\n", id));
}

static void test_bad_lines(void **state)
{
	static const char *const lines[] = {"",	      "\n",  "0\n",   "0:\n",  "0::\n",
					    "0::a\n", ":\n", "a:b\n", "::\n\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_false(matches(CGROUP_PATH, "/", lines[i]));
		assert_false(matches(CGROUP_UNIT, "a", lines[i]));
	}
	assert_true(matches(CGROUP_PATH, "/a", "nonsense\n0::/a"));
}

static void test_what_cannot_be_meant(void **state)
{
	static const struct {
		enum cgroup_by by;
		const char *text;
	} bad[] = {
		{CGROUP_PATH, ""},	   {CGROUP_PATH, "a/b"},	  {CGROUP_UNIT, ""},
		{CGROUP_UNIT, "a/b"},	   {CGROUP_UNIT, "backup.timer"}, {CGROUP_UNIT, "multi-user.target"},
		{CGROUP_CONTAINER, ""},	   {CGROUP_CONTAINER, "012"},	  {CGROUP_CONTAINER, "012g"},
		{CGROUP_CONTAINER, "web"}, {CGROUP_CONTAINER, ID "0"},
	};
	char lengthy[2 * CGROUP_NAME] = "/";
	struct cgroup_rule rule;
	const char *wanted;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		wanted = NULL;
		assert_int_equal(cgroup_rule_parse(bad[i].by, bad[i].text, &rule, &wanted), -EINVAL);
		assert_non_null(wanted);
	}
	memset(lengthy + 1, 'a', sizeof(lengthy) - 2);
	assert_int_equal(cgroup_rule_parse(CGROUP_PATH, lengthy, &rule, &wanted), -EINVAL);
	assert_int_equal(cgroup_rule_parse(CGROUP_UNIT, lengthy + 1, &rule, &wanted), -EINVAL);
}

static void collect(void *context, const char *part)
{
	strcat(context, part);
	strcat(context, " ");
}

static void test_parts(void **state)
{
	char parts[128] = "";

	(void)state;
	cgroup_each_part("1:cpu:/a//b\n0::/\n0::/c:d\n", collect, parts);
	assert_string_equal(parts, "a b c:d ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),	      cmocka_unit_test(test_hierarchies),
		cmocka_unit_test(test_units),	      cmocka_unit_test(test_containers),
		cmocka_unit_test(test_no_containers), cmocka_unit_test(test_container_ids),
		cmocka_unit_test(test_bad_lines),     cmocka_unit_test(test_what_cannot_be_meant),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
