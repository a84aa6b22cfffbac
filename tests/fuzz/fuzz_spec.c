// SPDX-License-Identifier: GPL-2.0-or-later
/* Probe specifications as anyone may type them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "bpf/frame.h"
#include "probe/names.h"
#include "probe/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was cut out must stand in the text where it is said to. */
static void check_cut(const char *text, const char *cut, size_t at)
{
	if (cut && (at > strlen(text) || strncmp(text + at, cut, strlen(cut)) != 0))
		abort();
}

static void check_operand(const char *text, const struct spec_operand *operand)
{
	if (operand->length == 0 || operand->at + operand->length > strlen(text) ||
	    operand->arg >= LAPSE_MAX_ARGS || operand->bytes > sizeof(uint64_t))
		abort();
}

static void check_condition(const char *text, const struct spec_condition *condition)
{
	if (condition->n > LAPSE_TESTS || condition->at + condition->length > strlen(text))
		abort();
	for (size_t i = 0; i < condition->n; i++)
		check_operand(text, &condition->test[i].operand);
}

static void check_modifiers(const char *text, const struct spec_modifiers *modifiers)
{
	check_condition(text, &modifiers->ok);
	check_condition(text, &modifiers->err);
	check_condition(text, &modifiers->hit);
	check_condition(text, &modifiers->only_if);
	if (modifiers->n_values > LAPSE_VALUES)
		abort();
	for (size_t i = 0; i < modifiers->n_values; i++) {
		check_operand(text, &modifiers->values[i].operand);
		if (strnlen(modifiers->values[i].name, LAPSE_VALUE_NAME) == LAPSE_VALUE_NAME)
			abort();
	}
}

/* Whatever is behind the prefix is zero, and there is an address or a name or neither. */
static void check_tcp(const char *text, const struct spec_tcp *tcp)
{
	check_cut(text, tcp->host, tcp->host_at);
	if (tcp->kind >= LAPSE_TCP_KINDS || tcp->prefix > 128 || (tcp->host && tcp->prefix) ||
	    (tcp->host && !tcp->peer))
		abort();
	for (unsigned bit = tcp->prefix; bit < 128; bit++)
		if (tcp->ip[bit / 8] & 0x80 >> bit % 8)
			abort();
}

static void check(const char *text, const struct probe_spec *spec)
{
	struct piece pieces[4];

	check_cut(text, spec->object, spec->object_at);
	check_cut(text, spec->function, spec->function_at);
	check_modifiers(text, &spec->modifiers);
	check_tcp(text, &spec->tcp);
	for (size_t i = 0; i < spec->n_keys; i++)
		check_operand(text, &spec->key[i]);
	if (spec->kind == SPEC_FUNCTION) {
		name_pieces(spec->function, pieces, 4);
		free(name_readable(spec->function, true));
	}
	for (int end = 0; spec->ends && end < LAPSE_ENDS; end++)
		check(text, &spec->ends[end]);
}

static void parse_by(int (*parse)(const char *text, struct probe_spec *spec), const char *text)
{
	struct probe_spec spec;

	if (parse(text, &spec))
		return;
	check(text, &spec);
	spec_free(&spec);
}

/* As many as were announced at most, each a function. */
static void parse_waits(const char *text)
{
	size_t room = spec_count_waits(text), n;
	struct probe_spec *specs = calloc(room, sizeof(*specs));

	if (!specs)
		return;
	spec_parse_waits(text, specs, &n);
	if (n > room)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (specs[i].kind != SPEC_FUNCTION || !specs[i].wait)
			abort();
		spec_free(&specs[i]);
	}
	free(specs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	char *text = malloc(size + 1);

	if (!null) {
		null = fopen("/dev/null", "w");
		diag_set_stream(null);
	}
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	parse_by(spec_parse, text);
	parse_by(spec_parse_tcp_filter, text);
	parse_waits(text);
	free(text);
	return 0;
}
