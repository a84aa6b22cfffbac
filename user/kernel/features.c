// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/features.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/diag.h"
#include "kernel/empty_program.h"

static const char *const kind_names[ATTACH_KINDS] = {
	[ATTACH_AUTO] = "auto",
	[ATTACH_SESSION] = "session",
	[ATTACH_MULTI] = "multi",
	[ATTACH_PERF] = "perf",
};

const char *attach_kind_name(enum attach_kind kind)
{
	return kind_names[kind];
}

int attach_kind_parse(const char *name)
{
	for (int kind = 0; kind < ATTACH_KINDS; kind++)
		if (!strcmp(name, kind_names[kind]))
			return kind;
	return -1;
}

/*
 * The kernel looks at the attach type before it looks at the path: for "/", which is no regular
 * file, a kernel that knows the type answers EBADF and one that does not EINVAL.
 */
static bool attach_type_known(enum bpf_attach_type type)
{
	unsigned long offset = 0;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .uprobe_multi.path = "/", .uprobe_multi.offsets = &offset,
		    .uprobe_multi.cnt = 1);
	int prog = empty_program_load(type);
	int link;

	if (prog < 0)
		return false;
	link = bpf_link_create(prog, -1, type, &opts);
	close(prog);
	if (link >= 0)
		close(link);
	return link == -EBADF;
}

void features_probe(struct features *features)
{
	int prog = empty_program_load(0);

	*features = (struct features){.btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0};
	if (prog < 0) {
		features->bpf = prog;
		return;
	}
	close(prog);
	features->ring = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
	features->multi = attach_type_known(BPF_TRACE_UPROBE_MULTI);
	features->session = attach_type_known(BPF_TRACE_UPROBE_SESSION);
	features->cookie =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 1;
	/* The programs for kernels without cookies leave it alone where it is (5.12 to 5.14), too. */
	features->task_storage =
		features->cookie &&
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_task_storage_get, NULL) == 1;
}

int features_choose(const struct features *features, enum attach_kind wanted)
{
	bool has[ATTACH_KINDS] = {
		[ATTACH_SESSION] = features->session,
		[ATTACH_MULTI] = features->multi,
		[ATTACH_PERF] = features->ring,
	};

	if (wanted != ATTACH_AUTO) {
		if (has[wanted])
			return wanted;
		diag_error(
			"this kernel has no uprobe attachment '%s'; leave out --attach, or see: lapse doctor",
			attach_kind_name(wanted));
		return -EOPNOTSUPP;
	}
	for (int kind = ATTACH_SESSION; kind < ATTACH_KINDS; kind++)
		if (has[kind])
			return kind;
	diag_error("this kernel has no BPF ring buffer (Linux 5.10 or newer is needed)");
	return -EOPNOTSUPP;
}

bool features_capable(int number)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[number / 32].effective & (1U << (number % 32));
}

void features_explain(const struct features *features, int error, const char *what)
{
	bool admin = features_capable(CAP_SYS_ADMIN);

	if (!features->btf)
		diag_error("%s: the kernel has no BTF (/sys/kernel/btf/vmlinux); a kernel with "
			   "CONFIG_DEBUG_INFO_BTF is needed",
			   what);
	else if ((error == -EPERM || error == -EACCES) && !admin && !features_capable(CAP_BPF))
		diag_error("%s: not permitted; run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE "
			   "(some kernels: CAP_SYS_ADMIN)",
			   what);
	else if (error == -EPERM || error == -EACCES)
		diag_error("%s: %s; see: lapse doctor", what, strerror(-error));
	else
		diag_error("%s: %s", what, strerror(-error));
}
