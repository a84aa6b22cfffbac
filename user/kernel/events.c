// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/events.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#define SECTION "tracepoint/"

/* ---- tracefs ---------------------------------------------------------------------------------- */

static int open_folder(int at, const char *path)
{
	int folder = openat(at, path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	return folder < 0 ? -errno : folder;
}

static int configured(int context)
{
	return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? -1
								     : fsmount(context, FSMOUNT_CLOEXEC, 0);
}

/* The mount ends with the last file that is open in it. */
static int open_unmounted(void)
{
	int context = fsopen("tracefs", FSOPEN_CLOEXEC), mount = context < 0 ? -1 : configured(context);
	int folder = mount < 0 ? -errno : open_folder(mount, "events");

	if (mount >= 0)
		close(mount);
	if (context >= 0)
		close(context);
	return folder;
}

int events_open(void)
{
	static const char *const mounted[] = {"/sys/kernel/tracing/events",
					      "/sys/kernel/debug/tracing/events"};

	for (size_t i = 0; i < sizeof(mounted) / sizeof(*mounted); i++) {
		int folder = open_folder(AT_FDCWD, mounted[i]);

		if (folder >= 0)
			return folder;
	}
	return open_unmounted();
}

void events_close(int events)
{
	if (events > 0)
		close(events);
}

/* perf's number of "GROUP/NAME", or -errno. */
static int number_of(int events, const char *event)
{
	char path[128], text[16] = "";
	int file, n;

	if (events < 0)
		return events;
	if ((size_t)snprintf(path, sizeof(path), "%s/id", event) >= sizeof(path))
		return -ENAMETOOLONG;
	file = openat(events, path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	n = read(file, text, sizeof(text) - 1) > 0 ? atoi(text) : -EIO;
	close(file);
	return n;
}

bool events_there(int events)
{
	return number_of(events, "raw_syscalls/sys_enter") >= 0;
}

bool events_of_calls(int events)
{
	return number_of(events, "syscalls/sys_enter_connect") >= 0 &&
	       number_of(events, "syscalls/sys_exit_accept4") >= 0;
}

/* ---- attached ---------------------------------------------------------------------------------- */

/* On all processors: one event, on any of them, as its programs belong to the tracepoint itself. */
static int open_event(int number)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = (__u64)number,
	};
	int event = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	return event < 0 ? -errno : event;
}

struct bpf_link *events_attach(int events, const struct bpf_program *program, const char *event)
{
	const char *section = bpf_program__section_name(program);
	struct bpf_link *link;
	int fd;

	if (strncmp(section, SECTION, sizeof(SECTION) - 1))
		return bpf_program__attach(program);
	fd = number_of(events, event ?: section + sizeof(SECTION) - 1);
	fd = fd < 0 ? fd : open_event(fd);
	link = fd < 0 ? NULL : bpf_program__attach_perf_event(program, fd);
	if (fd < 0)
		errno = -fd;
	else if (!link)
		close(fd);
	return link;
}
