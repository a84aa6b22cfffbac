// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own numbers of the functions that programs call: bpf/kfunc.h. */
#include "kernel/tracer_parts.h"

#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/kfunc.h"

static const struct {
	const char *name;
	int arguments;
} functions[LAPSE_KFUNCS] = {
	[LAPSE_KFUNC_SESSION_IS_RETURN] = {"bpf_session_is_return", 0},
	[LAPSE_KFUNC_SESSION_IS_RETURN_OF] = {"bpf_session_is_return", 1},
	[LAPSE_KFUNC_RDONLY_CAST] = {"bpf_rdonly_cast", 2},
};

/* Those that some program calls, each looked for once. */
struct found {
	const struct kernel_types *types;
	int32_t number[LAPSE_KFUNCS]; /* 0: the kernel has none like it */
	bool looked[LAPSE_KFUNCS];
};

static int32_t number_of(struct found *found, int function)
{
	int id;

	if (found->looked[function])
		return found->number[function];
	found->looked[function] = true;
	id = kernel_type_find(found->types, functions[function].name, BTF_KIND_FUNC);
	if (id > 0 && kernel_function_takes(found->types, id) == functions[function].arguments)
		found->number[function] = id;
	return found->number[function];
}

static bool is_ours(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg && insn->imm >= LAPSE_KFUNC_CALL &&
	       insn->imm < LAPSE_KFUNC_CALL + LAPSE_KFUNCS;
}

/* Whether there is such a call. */
static bool set_all(struct bpf_insn *insns, size_t n, struct found *found)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		int32_t number = is_ours(&insns[i]) ? number_of(found, insns[i].imm - LAPSE_KFUNC_CALL) : 0;

		if (!number)
			continue;
		insns[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
		insns[i].imm = number;
		any = true;
	}
	return any;
}

static int set_in(struct bpf_program *program, struct found *found)
{
	size_t n = bpf_program__insn_cnt(program);
	struct bpf_insn *insns = malloc(n * sizeof(*insns));
	int err = 0;

	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(program), n * sizeof(*insns));
	if (set_all(insns, n, found))
		err = bpf_program__set_insns(program, insns, n);
	free(insns);
	return err;
}

/* The number of a type that bpf/run_context.h reads; 0: the kernel does not describe it. */
static __u32 struct_number(const struct found *found, const char *name)
{
	int id = kernel_type_find(found->types, name, BTF_KIND_STRUCT);

	return id > 0 ? (__u32)id : 0;
}

int kfuncs_set(struct tracer *tracer)
{
	struct found found = {.types = &tracer->kernel_types};
	struct bpf_program *program;
	int err = 0;

	bpf_object__for_each_program(program, tracer->skel->obj) if (!err && bpf_program__autoload(program))
		err = set_in(program, &found);
	for (int i = 0; i < LAPSE_KFUNCS; i++)
		if (found.number[i])
			tracer->skel->rodata->cfg_kfuncs |= 1U << i;
	if (found.number[LAPSE_KFUNC_RDONLY_CAST]) {
		tracer->skel->rodata->cfg_task = struct_number(&found, "task_struct");
		tracer->skel->rodata->cfg_run_context = struct_number(&found, "bpf_uprobe_multi_run_ctx");
	}
	return err;
}
