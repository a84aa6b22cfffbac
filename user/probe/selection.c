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

size_t target_parts(const struct target_selection *selection, const struct target_selection **parts)
{
	*parts = selection->n_parts ? selection->parts : selection;
	return selection->n_parts ? selection->n_parts : 1;
}

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

static bool is_open(const struct target_selection *part)
{
	return part->exe || part->comm || part->cgroup.by != CGROUP_NONE;
}

static bool has_exe(const struct target_selection *part)
{
	return part->exe;
}

static bool has_group(const struct target_selection *part)
{
	return part->cgroup.by != CGROUP_NONE;
}

static bool any_part(const struct target_selection *selection,
		     bool (*is)(const struct target_selection *part))
{
	const struct target_selection *parts;
	size_t n = target_parts(selection, &parts);

	for (size_t i = 0; i < n; i++)
		if (is(&parts[i]))
			return true;
	return false;
}

bool target_is_open(const struct target_selection *selection)
{
	return any_part(selection, is_open);
}

bool target_has_exe(const struct target_selection *selection)
{
	return any_part(selection, has_exe);
}

bool target_has_groups(const struct target_selection *selection)
{
	return any_part(selection, has_group);
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
	snprintf(buffer, size, "process %s %.*s", words[rule->by],
		 rule->by == CGROUP_CONTAINER ? SHORT_ID : (int)sizeof(name), name);
	return buffer;
}

static const char *describe_pids(const struct target_selection *selection, char *buffer, size_t size)
{
	int length = snprintf(buffer, size, "process among");

	for (size_t i = 0; i < selection->n_pids && (size_t)length < size; i++)
		length += snprintf(buffer + length, size - (size_t)length, "%s%d", i ? ", " : " ",
				   selection->pids[i]);
	return buffer;
}

const char *target_describe(const struct target_selection *selection, char *buffer, size_t size)
{
	char name[512];

	if (selection->n_parts)
		snprintf(buffer, size, "process of the %zu targets", selection->n_parts);
	else if (selection->cgroup.by != CGROUP_NONE)
		describe_group(&selection->cgroup, buffer, size);
	else if (selection->n_pids)
		describe_pids(selection, buffer, size);
	else
		snprintf(buffer, size, "process %s %s", selection->exe ? "of" : "called",
			 text_escape(selection->exe ?: selection->comm, name, sizeof(name)));
	return buffer;
}

static int settle(struct target_selection *part)
{
	if (part->cgroup.by == CGROUP_CONTAINER)
		return cgroups_find_container(&part->cgroup);
	if (part->cgroup.by == CGROUP_PATH)
		cgroups_strip_mount(&part->cgroup);
	return 0;
}

int target_settle(struct target_selection *selection)
{
	int err = settle(selection);

	for (size_t i = 0; i < selection->n_parts && !err; i++)
		err = settle(&selection->parts[i]);
	return err;
}

const char *target_why_none(const struct target_selection *selection, char *buffer, size_t size)
{
	char name[CGROUP_NAME], safe[CGROUP_NAME];

	*buffer = '\0';
	if (target_has_groups(selection) && cgroups_namespaced())
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
	char who[TARGET_WORDS], why[TARGET_WORDS];

	diag_error("no %s is running%s", target_describe(selection, who, sizeof(who)),
		   target_why_none(selection, why, sizeof(why)));
}
