// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/want.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int wants_list(const struct probe_spec *specs, size_t n_specs, struct want **wants, size_t *n)
{
	struct want *list = calloc(2 * n_specs + 1, sizeof(*list));

	*wants = list;
	*n = 0;
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n_specs; i++) {
		const struct probe_spec *spec = &specs[i];

		if (spec->kind == SPEC_FUNCTION)
			list[(*n)++] = (struct want){i, spec, spec->wait ? LAPSE_EDGE_WAIT : LAPSE_EDGE_NONE};
		for (int end = 0; end < LAPSE_ENDS && spec->kind == SPEC_SPAN; end++)
			if (spec->ends[end].kind == SPEC_FUNCTION)
				list[(*n)++] = (struct want){i, &spec->ends[end],
							     end ? LAPSE_EDGE_END : LAPSE_EDGE_START};
	}
	return 0;
}

static bool uses_args(const struct spec_condition *condition)
{
	for (size_t i = 0; i < condition->n; i++)
		if (condition->test[i].operand.source == SPEC_ARG)
			return true;
	return false;
}

static bool modifiers_use_args(const struct spec_modifiers *modifiers)
{
	for (size_t i = 0; i < modifiers->n_values; i++)
		if (modifiers->values[i].operand.source == SPEC_ARG)
			return true;
	return uses_args(&modifiers->ok) || uses_args(&modifiers->err) || uses_args(&modifiers->hit) ||
	       uses_args(&modifiers->only_if);
}

bool want_needs_args(const struct want *want, const struct probe_spec *specs)
{
	for (size_t i = 0; i < want->place->n_keys; i++)
		if (want->place->key[i].source == SPEC_ARG)
			return true;
	return want->edge != LAPSE_EDGE_END && modifiers_use_args(&specs[want->spec].modifiers);
}

static char *end_name(const struct probe_spec *end)
{
	char *name = NULL;

	if (end->kind == SPEC_USDT)
		return asprintf(&name, "%s:%s", end->object, end->function) < 0 ? NULL : name;
	return strdup(end->function);
}

static char *span_name(const struct probe_spec *spec)
{
	char *start = end_name(&spec->ends[LAPSE_END_START]), *end = end_name(&spec->ends[LAPSE_END_END]);
	char *name = NULL;

	if (start && end && asprintf(&name, "%s..%s", start, end) < 0)
		name = NULL;
	free(start);
	free(end);
	return name;
}

/* "tcp:serve 10.0.0.5 :8080" */
static char *tcp_name(const struct spec_tcp *tcp)
{
	const char *peer = tcp->peer ?: "", *blank = tcp->peer ? " " : "";
	char own[8] = "", *name;

	if (tcp->own_port)
		snprintf(own, sizeof(own), " :%u", tcp->own_port);
	return asprintf(&name, "tcp:%s%s%s%s", spec_tcp_kind(tcp->kind), blank, peer, own) < 0 ? NULL : name;
}

char *want_component_name(const struct probe_spec *spec)
{
	switch (spec->kind) {
	case SPEC_SPAN:
		return span_name(spec);
	case SPEC_LOOP:
		return strdup("loop");
	case SPEC_USDT:
		return end_name(spec);
	case SPEC_TCP:
		return tcp_name(&spec->tcp);
	default:
		return strdup(spec->function);
	}
}
