// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The floor under every tool: programs that do nothing, at the entries and returns of functions; or, with
 * --timing, as little as adds up how long calls take: a reading of the clock at each end, the first one kept
 * where the kernel keeps such for a session, and one addition.
 *
 *     floor [--timing] PID FILE OFFSET...   until a signal; @OFFSET: at the entry alone; tp:NAME: at a raw
 *                                           tracepoint
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PLACES 64

struct places {
	unsigned long offset[MAX_PLACES];
	unsigned int n;
};

/* A program that gives @result. Its descriptor, or -errno. */
static int load(enum bpf_prog_type type, int result, struct bpf_prog_load_opts *opts)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = result},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(type, "floor", "GPL", nothing, sizeof(nothing) / sizeof(*nothing), opts);
}

static int attach_tracepoint(const char *name)
{
	int program = load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL);

	return program < 0 ? program : bpf_raw_tracepoint_open(name, program);
}

/* The number of a function of the kernel's, for programs; 0: it has none such, or does not tell. */
static int kernel_function(const struct btf *types, const char *name)
{
	int number = types ? btf__find_by_name_kind(types, name, BTF_KIND_FUNC) : 0;

	return number > 0 ? number : 0;
}

/* Times calls. Its descriptor, or -errno. */
static int load_timing(struct bpf_prog_load_opts *opts)
{
	struct btf *types = btf__load_vmlinux_btf();
	int is_return = kernel_function(types, "bpf_session_is_return");
	int cookie = kernel_function(types, "bpf_session_cookie");
	int sum = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sum_ns", sizeof(int), sizeof(long), 1, NULL);
	const struct bpf_insn code[] = {
		/* r6 = context, r7 = whether the function returns, r8 = where the session's word lies */
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = is_return},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_7, .src_reg = BPF_REG_0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_6},
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = cookie},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_8, .src_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns},
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_7, .off = 2},
		/* entry: the word is the time */
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_8, .src_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_JA, .off = 5},
		/* return: the sum grows by what has passed */
		{.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_8},
		{.code = BPF_ALU64 | BPF_SUB | BPF_X, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1},
		{.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = sum},
		{.code = 0},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_0, .imm = BPF_ADD},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	btf__free(types);
	if (sum < 0)
		return sum;
	if (!is_return || !cookie) {
		errno = ENOTSUP;
		return -ENOTSUP;
	}
	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "floor", "GPL", code, sizeof(code) / sizeof(*code), opts);
}

/* With a program that gives @result: of an entry, 1 leaves the return alone; or with one that times the calls.
 * 0, or -errno. */
static int attach(const char *pid, const char *path, const struct places *places, int result, int timing)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_UPROBE_SESSION);
	LIBBPF_OPTS(bpf_link_create_opts, link);
	int program;

	if (!places->n)
		return 0;
	link.uprobe_multi.path = path;
	link.uprobe_multi.offsets = places->offset;
	link.uprobe_multi.cnt = places->n;
	link.uprobe_multi.pid = (unsigned int)atoi(pid);
	program = timing ? load_timing(&opts) : load(BPF_PROG_TYPE_KPROBE, result, &opts);
	if (program < 0)
		return program;
	program = bpf_link_create(program, 0, BPF_TRACE_UPROBE_SESSION, &link);
	return program < 0 ? program : 0;
}

int main(int argc, char **argv)
{
	struct places both = {.n = 0}, entries = {.n = 0};
	int timing = argc > 1 && !strcmp(argv[1], "--timing"), err = 0;

	argc -= timing;
	argv += timing;
	if (argc < 4 || argc - 3 > MAX_PLACES)
		return 2;
	for (int i = 3; i < argc && !err; i++) {
		struct places *places = *argv[i] == '@' ? &entries : &both;

		if (!strncmp(argv[i], "tp:", 3))
			err = attach_tracepoint(argv[i] + 3) < 0;
		else
			places->offset[places->n++] = strtoul(argv[i] + (*argv[i] == '@'), NULL, 0);
	}
	if (err || attach(argv[1], argv[2], &both, 0, timing) || attach(argv[1], argv[2], &entries, 1, 0)) {
		perror("floor");
		return 1;
	}
	return pause();
}
