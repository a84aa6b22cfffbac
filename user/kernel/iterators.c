// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Iterators' programs name a function of the kernel's, whose number is found here, as those of bpf/kfunc.h
 * are: for a program of their type libbpf reads all of the kernel's types. So until it is loaded it passes
 * for another one.
 */
#include "kernel/tracer_parts.h"

#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#define SECTION "iter/"

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	const struct kernel_types *types = (const struct kernel_types *)cookie;
	char function[64];
	int id;

	snprintf(function, sizeof(function), "bpf_iter_%s",
		 bpf_program__section_name(program) + strlen(SECTION));
	id = kernel_type_find(types, function, BTF_KIND_FUNC);
	if (id < 0)
		return id;
	options->attach_btf_id = id;
	return bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
}

void iterators_register(struct tracer *tracer)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .cookie = (long)&tracer->kernel_types,
		    .prog_prepare_load_fn = prepare);

	tracer->iterators =
		libbpf_register_prog_handler(SECTION, BPF_PROG_TYPE_SOCKET_FILTER, BPF_TRACE_ITER, &options);
}

void iterators_unregister(struct tracer *tracer)
{
	if (tracer->iterators > 0)
		libbpf_unregister_prog_handler(tracer->iterators);
	tracer->iterators = 0;
}
