// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The floor under every uprobe tool: a program that does nothing, at a function's entry and return.
 *
 *     floor PID FILE OFFSET      until a signal
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	/* r0 = 0; exit */
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load, .expected_attach_type = BPF_TRACE_UPROBE_SESSION);
	LIBBPF_OPTS(bpf_link_create_opts, link);
	unsigned long offset;
	int program;

	if (argc != 4)
		return 2;
	offset = strtoul(argv[3], NULL, 0);
	link.uprobe_multi.path = argv[2];
	link.uprobe_multi.offsets = &offset;
	link.uprobe_multi.cnt = 1;
	link.uprobe_multi.pid = (unsigned int)atoi(argv[1]);
	program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "floor", "GPL", nothing,
				sizeof(nothing) / sizeof(*nothing), &load);
	if (program < 0 || bpf_link_create(program, 0, BPF_TRACE_UPROBE_SESSION, &link) < 0) {
		perror("floor");
		return 1;
	}
	return pause();
}
