// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines of /proc/PID/cgroup and what a person says of them, from foreign bytes: what is found is right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cgroup.h"

static void check_part(void *context, const char *part)
{
	(void)context;
	if (!*part || strpbrk(part, "/\n"))
		abort();
}

static void match(enum cgroup_by by, const char *given, const char *lines)
{
	char id[CGROUP_CONTAINER_ID + 1];
	struct cgroup_rule rule;
	const char *wanted = NULL;

	if (cgroup_rule_parse(by, given, &rule, &wanted)) {
		if (!wanted)
			abort();
		return;
	}
	if (!cgroup_rule_container(&rule, lines, id))
		return;
	if (strlen(id) != CGROUP_CONTAINER_ID || strncmp(id, rule.name, strlen(rule.name)) ||
	    !cgroup_rule_matches(&rule, lines))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is given ends with the first zero; the lines follow. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *given = strndup((const char *)data, size), *lines;
	size_t length = given ? strlen(given) : 0;

	if (!given)
		return 0;
	lines = length < size ? strndup((const char *)data + length + 1, size - length - 1) : strdup("");
	if (lines) {
		for (enum cgroup_by by = CGROUP_PATH; by <= CGROUP_CONTAINER; by++)
			match(by, given, lines);
		cgroup_each_part(lines, check_part, NULL);
	}
	free(lines);
	free(given);
	return 0;
}
