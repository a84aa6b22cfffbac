// SPDX-License-Identifier: GPL-2.0-or-later
/* Which way to watch TCP this kernel takes: tried on the function that all sends pass, never by version. */
#include "kernel/features.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/diag.h"
#include "kernel/empty_program.h"
#include "kernel/kernel_types.h"
#include "kernel/preempted.h"

#define TRIED_FUNCTION "tcp_sendmsg_locked"

static const char *const backend_names[TCP_BACKENDS] = {
	[TCP_AUTO] = "auto",
	[TCP_FENTRY] = "fentry",
	[TCP_KPROBE] = "kprobe",
	[TCP_TRACEPOINT] = "tracepoint",
};

const char *tcp_backend_name(enum tcp_backend backend)
{
	return backend_names[backend];
}

int tcp_backend_parse(const char *name)
{
	for (int backend = 0; backend < TCP_BACKENDS; backend++)
		if (!strcmp(name, backend_names[backend]))
			return backend;
	return -1;
}

static int try_fentry(const struct kernel_types *kernel)
{
	int id = kernel ? kernel_type_find(kernel, TRIED_FUNCTION, BTF_KIND_FUNC)
			: libbpf_find_vmlinux_btf_id(TRIED_FUNCTION, BPF_TRACE_FENTRY);
	int program, link;

	if (id < 0)
		return id;
	program = empty_fentry_load(id);
	if (program < 0)
		return program;
	/* Its older name, which every kernel has that has fentry. */
	link = bpf_raw_tracepoint_open(NULL, program);
	close(program);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

/* The number by which perf events know kprobes; -ENOENT where the kernel has none. */
static int kprobe_type(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	int type = -ENOENT;

	if (!file)
		return -ENOENT;
	if (fscanf(file, "%d", &type) != 1)
		type = -ENOENT;
	fclose(file);
	return type;
}

static int try_kprobe(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config1 = (uint64_t)(uintptr_t)TRIED_FUNCTION,
	};
	int type = kprobe_type(), event;

	if (type < 0)
		return type;
	attr.type = type;
	event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return -errno;
	close(event);
	return 0;
}

int tcp_backend_try(enum tcp_backend backend, const struct kernel_types *kernel)
{
	switch (backend) {
	case TCP_FENTRY:
		return try_fentry(kernel);
	case TCP_KPROBE:
		return try_kprobe();
	default:
		return 0;
	}
}

bool tcp_data_by_kprobe(const struct kernel_types *types)
{
	return preempted_at_functions(types) && !try_kprobe();
}

int tcp_backend_choose(enum tcp_backend wanted, const struct kernel_types *kernel)
{
	int err;

	for (int backend = TCP_FENTRY; wanted == TCP_AUTO && backend < TCP_BACKENDS; backend++)
		if (!tcp_backend_try(backend, kernel))
			return backend;
	err = tcp_backend_try(wanted, kernel);
	if (!err)
		return wanted;
	diag_error("this kernel does not take TCP probes by %s (%s); leave out --tcp-backend, or see: lapse "
		   "doctor",
		   tcp_backend_name(wanted), strerror(-err));
	return -EOPNOTSUPP;
}
