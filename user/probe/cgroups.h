/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control groups of this machine: whose they are, where they are mounted, what they are called. */
#ifndef LAPSE_CGROUPS_H
#define LAPSE_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cgroup.h"

/* Whether @rule means @pid, as it is now. */
bool cgroups_match(const struct cgroup_rule *rule, pid_t pid);

/* Takes the mount point off a path that a person has copied from there. */
void cgroups_strip_mount(struct cgroup_rule *rule);

/* Completes the beginning of a container's id. 0, or -ENOENT, -ENOTUNIQ or -ENOMEM after a message. */
int cgroups_find_container(struct cgroup_rule *rule);

/* The unit, of those that have processes, whose name is nearest to @rule's: true if any is near. */
bool cgroups_nearest_unit(const struct cgroup_rule *rule, char *name, size_t size);

/* Whether lapse sees the groups from the root of a namespace of its own. */
bool cgroups_namespaced(void);

#endif
