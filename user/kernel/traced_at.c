// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What iterators' programs and those of typed tracepoints stand at, the kernel has among its types. The
 * number is found here, as those of bpf/kfunc.h are: for a program of their type libbpf reads all of the
 * types. So until it is loaded it passes for another one.
 */
#include "kernel/tracer_parts.h"

#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *section, *type; /* how the names begin */
	uint32_t kind;
	enum bpf_attach_type attach;
} kinds[LAPSE_TRACED_KINDS] = {
	{"iter/", "bpf_iter_", BTF_KIND_FUNC, BPF_TRACE_ITER},
	{"tp_btf/", "btf_trace_", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP},
};

static int number_of(const struct kernel_types *types, const char *section)
{
	char name[64];

	for (int i = 0; i < LAPSE_TRACED_KINDS; i++) {
		size_t length = strlen(kinds[i].section);

		if (strncmp(section, kinds[i].section, length))
			continue;
		snprintf(name, sizeof(name), "%s%s", kinds[i].type, section + length);
		return kernel_type_find(types, name, kinds[i].kind);
	}
	return -ENOENT;
}

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	int id = number_of((const struct kernel_types *)cookie, bpf_program__section_name(program));

	if (id < 0)
		return id;
	options->attach_btf_id = id;
	return bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
}

void traced_at_register(struct tracer *tracer)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .cookie = (long)&tracer->kernel_types,
		    .prog_prepare_load_fn = prepare);

	for (int i = 0; i < LAPSE_TRACED_KINDS; i++)
		tracer->traced_at[i] = libbpf_register_prog_handler(
			kinds[i].section, BPF_PROG_TYPE_SOCKET_FILTER, kinds[i].attach, &options);
}

void traced_at_unregister(struct tracer *tracer)
{
	for (int i = 0; i < LAPSE_TRACED_KINDS; i++) {
		if (tracer->traced_at[i] > 0)
			libbpf_unregister_prog_handler(tracer->traced_at[i]);
		tracer->traced_at[i] = 0;
	}
}
