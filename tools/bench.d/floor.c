// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The floor under every tool: programs that do nothing, at the entries and returns of functions.
 *
 *     floor PID FILE OFFSET...      until a signal; @OFFSET: at the entry alone; tp:NAME: at a raw tracepoint
 */
#include <bpf/bpf.h>
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
static int load(enum bpf_prog_type type, int result, const struct bpf_prog_load_opts *opts)
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

/* With a program that gives @result: of an entry, 1 leaves the return alone. 0, or -errno. */
static int attach(const char *pid, const char *path, const struct places *places, int result)
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
	program = load(BPF_PROG_TYPE_KPROBE, result, &opts);
	if (program < 0)
		return program;
	program = bpf_link_create(program, 0, BPF_TRACE_UPROBE_SESSION, &link);
	return program < 0 ? program : 0;
}

int main(int argc, char **argv)
{
	struct places both = {.n = 0}, entries = {.n = 0};
	int err = 0;

	if (argc < 4 || argc - 3 > MAX_PLACES)
		return 2;
	for (int i = 3; i < argc && !err; i++) {
		struct places *places = *argv[i] == '@' ? &entries : &both;

		if (!strncmp(argv[i], "tp:", 3))
			err = attach_tracepoint(argv[i] + 3) < 0;
		else
			places->offset[places->n++] = strtoul(argv[i] + (*argv[i] == '@'), NULL, 0);
	}
	if (err || attach(argv[1], argv[2], &both, 0) || attach(argv[1], argv[2], &entries, 1)) {
		perror("floor");
		return 1;
	}
	return pause();
}
