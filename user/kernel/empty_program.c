// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/empty_program.h"

#include <bpf/bpf.h>

/* r0 = 0; exit */
static const struct bpf_insn code[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};
#define CODE_LENGTH (sizeof(code) / sizeof(code[0]))

int empty_program_load(enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type);

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "lapse_try", "GPL", code, CODE_LENGTH, &opts);
}

int empty_fentry_load(__u32 function)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = function);

	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "lapse_try", "GPL", code, CODE_LENGTH, &opts);
}
