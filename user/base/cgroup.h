/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes by the control group that they are in, as the lines of /proc/PID/cgroup have it: "0::/a/b" of the
 * one hierarchy of version 2, "9:name=systemd:/a/b" and the like of version 1. A process is meant if any of
 * its hierarchies says so. Text alone: nothing is read here.
 */
#ifndef LAPSE_CGROUP_H
#define LAPSE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

enum cgroup_by {
	CGROUP_NONE,
	CGROUP_PATH,	  /* this group, or one below it */
	CGROUP_UNIT,	  /* a part of the path is this unit of systemd, of the system's or a user's */
	CGROUP_CONTAINER, /* a part of the path is a container whose id begins so */
};

#define CGROUP_NAME	    1024
#define CGROUP_CONTAINER_ID 64 /* digits of a container's id */

struct cgroup_rule {
	enum cgroup_by by;
	char name[CGROUP_NAME];
};

/*
 * What @text, given by a person, says: a path without a slash at its end, a unit's whole name, digits in
 * lower case. 0, or -EINVAL, and *wanted says what should stand there.
 */
int cgroup_rule_parse(enum cgroup_by by, const char *text, struct cgroup_rule *rule, const char **wanted);

/* Whether a process with these @lines is meant; a path is meant as the lines write it. */
bool cgroup_rule_matches(const struct cgroup_rule *rule, const char *lines);

/* With CGROUP_CONTAINER: the whole id of the container that is meant, of a process with these @lines. */
bool cgroup_rule_container(const struct cgroup_rule *rule, const char *lines,
			   char id[CGROUP_CONTAINER_ID + 1]);

/* Calls @each with every part of every path in @lines, to look for names that are near. */
void cgroup_each_part(const char *lines, void (*each)(void *context, const char *part), void *context);

#endif
