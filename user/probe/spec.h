/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probe specifications as a person types them (the grammar of the manual):
 *
 *   PROBE    := [NAME '='] MEASURE (blank MODIFIER)*
 *   MEASURE  := FUNCTION | 'span:' PLACE '..' PLACE | 'loop' | 'syscall:' NAME
 *             | 'usdt:' PROVIDER ':' MARK | 'marker:' COMPONENT | 'tcp:' KIND
 *   KIND     := 'connect' | 'request' | 'serve' | 'accept' | 'handshake'
 *   FUNCTION := FUNC | ':' FUNC | OBJECT ':' FUNC | ['uprobe:'] '/' PATH ':' FUNC
 *   PLACE    := FUNCTION [':return'] '(' KEYS ')' | 'usdt:' PROVIDER ':' MARK '(' KEYS ')'
 *   KEYS     := KEY [',' KEY]            KEY := argN | ret | tid
 *   MODIFIER := 'ok(' EXPR ')' | 'err(' EXPR ')' | 'hit(' EXPR ')' | 'if(' EXPR ')'
 *             | 'value(' NAME '=' [TYPE] (argN | ret) ')' | 'timeout=' DURATION
 *             | 'peer=' PEER | 'port=' PORT
 *   PEER     := HOST [':' PORT] | IPV6 ['/' BITS] | '[' IPV6 ['/' BITS] ']' [':' PORT]
 *   HOST     := '*' | IPV4 ['/' BITS] | a name to be looked up
 *   EXPR     := TEST ('&&' TEST){0,3}    TEST := [TYPE] (argN | ret) OP CONSTANT
 *   OP       := '==' | '!=' | '<' | '<=' | '>' | '>=' | '&'
 *
 * FUNC may be a glob. A colon that stands alone parts object from function, so that C++ names
 * ("libx:ns::f") pass. NAME is recognized only as the first token, and never "peer" or "port". argN
 * counts integer and pointer arguments from 0. TCP spans have 'peer=' and 'port=' (the own one) and no other
 * modifier, and no other probe has these. TYPE is one of C's and stdint.h's integer types, size_t,
 * bool, char, or any pointer ("void *").
 *
 * Functions that are waits (spec_wait.c), which are no probes:
 *
 *   WAIT     := CAUSE '=' FUNCTION (',' FUNCTION)*
 *   CAUSE    := 'lock' | 'disk' | 'net' | 'handoff' | 'sleep' | 'other'
 */
#ifndef LAPSE_SPEC_H
#define LAPSE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

enum spec_kind {
	SPEC_FUNCTION,
	SPEC_SPAN,    /* from .ends[0] to .ends[1] */
	SPEC_USDT,    /* .object: provider; .function: mark */
	SPEC_MARKER,  /* .function: the component in the program */
	SPEC_SYSCALL, /* .function: its name */
	SPEC_LOOP,
	SPEC_TCP, /* .tcp */
};

/* What the part before the colon says. */
enum spec_object {
	SPEC_OBJECT_ANY,  /* none given: the main binary first, then any mapped file */
	SPEC_OBJECT_MAIN, /* ":FUNC" */
	SPEC_OBJECT_NAME, /* a program's or library's name: libssl, libssl.so.3 */
	SPEC_OBJECT_PATH, /* an absolute path, as the target sees it */
};

enum spec_source { SPEC_ARG, SPEC_RET, SPEC_TID };

/* "int arg1". Without a type .bytes is 0: debug information says, else it is a long. */
struct spec_operand {
	enum spec_source source;
	uint8_t arg; /* of SPEC_ARG */
	uint8_t bytes;
	bool is_signed;
	size_t at, length; /* in the text, for carets */
};

struct spec_test {
	struct spec_operand operand;
	enum lapse_op op;
	int64_t constant;
};

struct spec_condition {
	size_t n; /* 0: not given */
	struct spec_test test[LAPSE_TESTS];
	size_t at, length; /* the modifier in the text */
};

struct spec_value {
	char name[LAPSE_VALUE_NAME];
	struct spec_operand operand;
};

struct spec_modifiers {
	struct spec_condition ok, err, hit, only_if;
	struct spec_value values[LAPSE_VALUES];
	size_t n_values;
	uint64_t timeout_ns; /* spans only; 60 s */
};

/* The connections of a tcp: probe. */
struct spec_tcp {
	enum lapse_tcp_kind kind;
	char *peer;		      /* as typed, or NULL: any */
	char *host;		      /* a name that is still to be looked up, or NULL: .ip has it */
	size_t host_at;		      /* in the text, for carets */
	uint8_t ip[16];		      /* in IPv6 form, IPv4 as ::ffff:a.b.c.d; zero behind the prefix */
	uint8_t prefix;		      /* leading bits of .ip that count, of 128; 0: any address */
	uint16_t peer_port, own_port; /* 0: any */
};

struct probe_spec {
	char *text; /* as typed, for messages */
	struct {
		char *path; /* the contract file's; NULL: typed on the command line */
		size_t line, column;
	} place;
	char *name; /* NAME, or NULL */
	enum spec_kind kind;
	enum spec_object object_kind;
	char *object;
	char *function;
	size_t object_at, function_at; /* where these stand in text, for carets */
	bool glob;
	struct spec_modifiers modifiers;
	struct spec_tcp tcp;   /* of SPEC_TCP */
	enum lapse_cause wait; /* a function that is a wait: what blocks inside is charged to this; else 0 */

	/* Of a place of a span: */
	bool at_return; /* where the function returns, else where it is entered */
	struct spec_operand key[LAPSE_KEYS];
	size_t n_keys;

	struct probe_spec *ends; /* SPEC_SPAN: two places, of kind SPEC_FUNCTION or SPEC_USDT */
};

/*
 * Parses @text into @spec, which the caller releases with spec_free(). Returns 0, -EINVAL after a
 * message with a caret under the offending piece, or -ENOMEM.
 */
int spec_parse(const char *text, struct probe_spec *spec);
/* The same for connections of any kind: @text is made of 'peer=' and 'port=' alone, or empty. */
int spec_parse_tcp_filter(const char *text, struct probe_spec *spec);
/* How many functions the WAIT @text names. */
size_t spec_count_waits(const char *text);
/* Parses @text into so many specifications; *n of them are to be released, also on failure. */
int spec_parse_waits(const char *text, struct probe_spec *specs, size_t *n);
/* The same for one function and its cause. */
int spec_parse_wait(enum lapse_cause cause, const char *function, struct probe_spec *spec);
void spec_free(struct probe_spec *spec);

/* "connect", "request" and so on. */
const char *spec_tcp_kind(enum lapse_tcp_kind kind);

#endif
