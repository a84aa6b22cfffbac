// SPDX-License-Identifier: GPL-2.0-or-later
/* What a selection of processes says, in words and for good. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "probe/cgroups.h"
#include "probe/target.h"

/* Digits of a container's id that tools show. */
#define SHORT_ID 12

unsigned target_ways(const struct target_selection *selection)
{
	return !!selection->n_pids + !!selection->exe + !!selection->comm +
	       (selection->cgroup.by != CGROUP_NONE);
}

int target_check_ways(const struct target_selection *selection)
{
	if (target_ways(selection) <= 1)
		return 0;
	diag_error("give one of -p, --exe, --comm, --cgroup, --unit and --container");
	return -EINVAL;
}

bool target_is_open(const struct target_selection *selection)
{
	return selection->exe || selection->comm || selection->cgroup.by != CGROUP_NONE;
}

static const char *describe_group(const struct cgroup_rule *rule, char *buffer, size_t size)
{
	static const char *const words[] = {
		[CGROUP_PATH] = "in control group",
		[CGROUP_UNIT] = "of unit",
		[CGROUP_CONTAINER] = "of container",
	};
	char name[CGROUP_NAME];

	text_escape(rule->name, name, sizeof(name));
	snprintf(buffer, size, "every process %s %.*s", words[rule->by],
		 rule->by == CGROUP_CONTAINER ? SHORT_ID : (int)sizeof(name), name);
	return buffer;
}

static const char *describe_pids(const struct target_selection *selection, char *buffer, size_t size)
{
	int length = snprintf(buffer, size, "process%s", selection->n_pids > 1 ? "es" : "");

	for (size_t i = 0; i < selection->n_pids && (size_t)length < size; i++)
		length += snprintf(buffer + length, size - (size_t)length, "%s%d", i ? ", " : " ",
				   selection->pids[i]);
	return buffer;
}

const char *target_describe(const struct target_selection *selection, char *buffer, size_t size)
{
	char name[512];

	if (selection->cgroup.by != CGROUP_NONE)
		return describe_group(&selection->cgroup, buffer, size);
	if (selection->n_pids)
		return describe_pids(selection, buffer, size);
	snprintf(buffer, size, "every process %s %s", selection->exe ? "of" : "called",
		 text_escape(selection->exe ?: selection->comm, name, sizeof(name)));
	return buffer;
}

int target_settle(struct target_selection *selection)
{
	if (selection->cgroup.by == CGROUP_CONTAINER)
		return cgroups_find_container(&selection->cgroup);
	if (selection->cgroup.by == CGROUP_PATH)
		cgroups_strip_mount(&selection->cgroup);
	return 0;
}

const char *target_why_none(const struct target_selection *selection, char *buffer, size_t size)
{
	char name[CGROUP_NAME], safe[CGROUP_NAME];

	*buffer = '\0';
	if (selection->cgroup.by != CGROUP_NONE && cgroups_namespaced())
		snprintf(buffer, size,
			 "; lapse is in a cgroup namespace of its own, and paths begin at its root: run it "
			 "outside of its container to see others");
	else if (selection->cgroup.by == CGROUP_UNIT &&
		 cgroups_nearest_unit(&selection->cgroup, name, sizeof(name)))
		snprintf(buffer, size, "; nearest is '%s'", text_escape(name, safe, sizeof(safe)));
	return buffer;
}

void target_say_none(const struct target_selection *selection)
{
	char who[CGROUP_NAME + 64], why[CGROUP_NAME + 64];

	/* "every process ..." */
	target_describe(selection, who, sizeof(who));
	diag_error("no%s is running%s", who + strlen("every"), target_why_none(selection, why, sizeof(why)));
}
