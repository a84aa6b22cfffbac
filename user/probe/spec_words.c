// SPDX-License-Identifier: GPL-2.0-or-later
/* The modifiers behind a measure. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "bpf/frame.h"
#include "probe/spec_parts.h"

/* System calls pass their arguments in registers only. */
#define SYSCALL_ARGS 6

/* What is known of the probe, and of its modifiers so far. */
struct modifying {
	struct probe_spec *spec;
	struct spec_scope scope;
	unsigned given; /* bits: of the table */
};

/* ---- value() --------------------------------------------------------------------------------- */

static int check_value_name(const struct modifying *m, const struct spec_piece *name)
{
	const struct spec_modifiers *modifiers = &m->spec->modifiers;

	if (name->end - name->at >= LAPSE_VALUE_NAME)
		return spec_wrong(name, NULL, "a value's name has at most %d characters",
				  LAPSE_VALUE_NAME - 1);
	for (size_t i = 0; i < modifiers->n_values; i++)
		if (spec_equals(name, modifiers->values[i].name))
			return spec_wrong(name, "give it another name", "there is a value '%.*s' already",
					  SPEC_SHOW(name));
	if (modifiers->n_values == LAPSE_VALUES)
		return spec_wrong(name, NULL, "a probe has at most %d values", LAPSE_VALUES);
	return 0;
}

/* NAME '=' */
static int parse_value_name(const struct modifying *m, struct spec_piece *rest, struct spec_value *value)
{
	struct spec_piece whole = *rest, name;

	spec_skip_blanks(rest);
	name = spec_cut(rest, spec_word_length(rest));
	spec_skip_blanks(rest);
	if (!spec_starts(rest, "=") || spec_starts(rest, "=="))
		return spec_wrong(&whole, "write value(NAME=int arg1)", "a value needs a name");
	spec_cut(rest, 1);
	if (name.at == name.end || isdigit((unsigned char)name.text[name.at]))
		return spec_wrong(&name, NULL,
				  "a value's name is made of letters, digits and '_', "
				  "with no digit in front");
	memcpy(value->name, name.text + name.at,
	       name.end - name.at < LAPSE_VALUE_NAME ? name.end - name.at : LAPSE_VALUE_NAME - 1);
	return check_value_name(m, &name);
}

static int parse_value(struct modifying *m, struct spec_piece inside)
{
	struct spec_modifiers *modifiers = &m->spec->modifiers;
	struct spec_value value = {0};
	struct spec_type type;
	int err = parse_value_name(m, &inside, &value);

	if (!err)
		err = spec_parse_operand(&inside, &m->scope, &value.operand, &type);
	if (err)
		return err;
	spec_skip_blanks(&inside);
	if (inside.at < inside.end)
		return spec_wrong(&inside, "write value(NAME=int arg1)", "unexpected text after the value");
	modifiers->values[modifiers->n_values++] = value;
	return 0;
}

/* ---- timeout= -------------------------------------------------------------------------------- */

static int parse_timeout(struct modifying *m, struct spec_piece inside)
{
	uint64_t *timeout = &m->spec->modifiers.timeout_ns;
	char *duration;
	int err;

	if (m->spec->kind != SPEC_SPAN)
		return spec_wrong(&inside, "leave it out", "'timeout=' is for 'span:' probes");
	duration = spec_copy(&inside);
	if (!duration)
		return -ENOMEM;
	err = units_parse_duration(duration, timeout);
	free(duration);
	if (err == -ERANGE)
		return spec_wrong(&inside, "write 24h or less", "that is too long a time");
	if (err)
		return spec_wrong(&inside, "write a number and its unit, such as 500ms, 5s or 2min",
				  "'%.*s' is no duration", SPEC_SHOW(&inside));
	if (*timeout == 0)
		return spec_wrong(&inside, "write 1ms or more", "a timeout is longer than nothing");
	return 0;
}

/* ---- peer= and port= ------------------------------------------------------------------------- */

static int parse_peer(struct modifying *m, struct spec_piece inside)
{
	return spec_parse_peer(&m->spec->tcp, inside);
}

static int parse_port(struct modifying *m, struct spec_piece inside)
{
	return spec_parse_port(inside, &m->spec->tcp.own_port);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define CONDITION(member) offsetof(struct spec_modifiers, member)

static const struct modifier {
	const char *name; /* as messages have it */
	/* @inside: what stands in the parentheses, or behind the '='. NULL: a condition, ... */
	int (*parse)(struct modifying *m, struct spec_piece inside);
	size_t condition; /* ... which goes there */
	bool repeats;
} table[] = {
	{"ok()", NULL, CONDITION(ok), false},	{"err()", NULL, CONDITION(err), false},
	{"hit()", NULL, CONDITION(hit), false}, {"if()", NULL, CONDITION(only_if), false},
	{"value()", parse_value, 0, true},	{"timeout=", parse_timeout, 0, false},
	{"peer=", parse_peer, 0, false},	{"port=", parse_port, 0, false},
};
#define N_MODIFIERS (sizeof(table) / sizeof(*table))

#define ALL_MODIFIERS "modifiers are ok(), err(), hit(), if(), value() and timeout="
#define TCP_MODIFIERS "modifiers of TCP spans are peer=HOST[:PORT] and port=PORT"

static bool is_of_tcp(const struct modifier *modifier)
{
	return modifier->parse == parse_peer || modifier->parse == parse_port;
}

static const char *all_modifiers(const struct modifying *m)
{
	return m->spec->kind == SPEC_TCP ? TCP_MODIFIERS : ALL_MODIFIERS;
}

static bool has_parentheses(const struct modifier *modifier)
{
	return modifier->name[strlen(modifier->name) - 1] == ')';
}

/* How much of the name opens the modifier: up to the parenthesis or the '='. */
static size_t opening(const struct modifier *modifier)
{
	return strlen(modifier->name) - has_parentheses(modifier);
}

/* The modifier that is opened at @text, or NULL. */
static const struct modifier *find_modifier(const char *text)
{
	for (size_t i = 0; i < N_MODIFIERS; i++)
		if (strncmp(text, table[i].name, opening(&table[i])) == 0)
			return &table[i];
	return NULL;
}

bool spec_is_modifier(const char *text)
{
	for (size_t i = 0; i < N_MODIFIERS; i++) {
		size_t word = opening(&table[i]) - 1;

		/* With blanks in between it is no modifier, but it was meant as one. */
		if (strncmp(text, table[i].name, word) == 0 &&
		    text[word + strspn(text + word, " ")] == table[i].name[word])
			return true;
	}
	return false;
}

/* ---- what cannot be -------------------------------------------------------------------------- */

/* @word: with its '(' or '='. */
static int no_modifier(const struct modifying *m, const struct spec_piece *word)
{
	const char *close = word->text[word->end - 1] == '(' ? ")" : "";
	struct spec_guess guess;

	spec_guess_start(&guess, word);
	strncat(guess.wanted, close, sizeof(guess.wanted) - strlen(guess.wanted) - 1);
	for (size_t i = 0; i < N_MODIFIERS; i++)
		if (is_of_tcp(&table[i]) == (m->spec->kind == SPEC_TCP))
			text_nearest_offer(&guess.nearest, table[i].name);
	return spec_wrong(word, spec_guess_hint(&guess, all_modifiers(m)), "unknown modifier '%.*s%s'",
			  SPEC_SHOW(word), close);
}

static int unknown(const struct modifying *m, struct spec_piece rest)
{
	struct spec_piece word = rest;

	word.end = rest.at + spec_word_length(&rest);
	if (rest.text[word.end] == ' ' && spec_is_modifier(rest.text + rest.at))
		return spec_wrong(&word, "write it without the blank", "unexpected blank after '%.*s'",
				  SPEC_SHOW(&word));
	if (word.end == word.at || word.end == rest.end || !strchr("(=", rest.text[word.end]))
		return spec_wrong(&rest, all_modifiers(m), "unexpected text after the probe");
	word.end++;
	return no_modifier(m, &word);
}

/* What a protocol above TCP says of failures is not seen. */
static int check_tcp(const struct modifying *m, const struct modifier *modifier, struct spec_piece whole)
{
	bool tcp = m->spec->kind == SPEC_TCP;

	if (tcp == is_of_tcp(modifier) || modifier->parse == parse_timeout)
		return 0;
	if (tcp)
		return spec_wrong(&whole, "leave it out, or measure a function",
				  "a TCP span has no arguments and returns nothing; it fails where the "
				  "connection does");
	return spec_wrong(&whole, "write such as 'tcp:request peer=10.0.0.5:5432'",
			  "'%s' is for 'tcp:' probes", modifier->name);
}

static int check_allowed(const struct modifying *m, const struct modifier *modifier, struct spec_piece whole)
{
	int err = check_tcp(m, modifier, whole);

	if (err)
		return err;
	if (m->spec->kind == SPEC_MARKER)
		return spec_wrong(
			&whole, "leave it out",
			"a marker says by itself what failed, what was a hit and what its values are");
	if (m->spec->kind == SPEC_LOOP)
		return spec_wrong(&whole, "leave it out",
				  "a turn of a loop has no arguments and returns nothing");
	if (!modifier->repeats && m->given & 1U << (modifier - table))
		return spec_wrong(&whole, modifier->parse ? NULL : "join its tests by &&",
				  "'%s' is given twice", modifier->name);
	return 0;
}

/* ---- one after the other --------------------------------------------------------------------- */

/* "'x'" or "'\x'" at @at: how much of @rest to pass over, so that ')' in it closes nothing. */
static size_t quoted(const struct spec_piece *rest, size_t at)
{
	size_t length = at + 1 < rest->end && rest->text[at + 1] == '\\' ? 4 : 3;

	return rest->text[at] == '\'' && at + length <= rest->end && rest->text[at + length - 1] == '\''
		       ? length
		       : 1;
}

/* Where the parenthesis before @from is closed, or the end of @rest. */
static size_t find_close(const struct spec_piece *rest, size_t from)
{
	int depth = 1;

	for (size_t i = from; i < rest->end; i += quoted(rest, i)) {
		if (rest->text[i] == '(')
			depth++;
		else if (rest->text[i] == ')' && --depth == 0)
			return i;
	}
	return rest->end;
}

static size_t find_blank(const struct spec_piece *rest, size_t from)
{
	while (from < rest->end && !isspace((unsigned char)rest->text[from]))
		from++;
	return from;
}

/* Cuts the modifier off @rest; *inside is its EXPR or DURATION. */
static int cut_modifier(const struct modifier *modifier, struct spec_piece *rest, struct spec_piece *whole,
			struct spec_piece *inside)
{
	size_t from = rest->at + opening(modifier);
	bool parentheses = has_parentheses(modifier);
	size_t to = parentheses ? find_close(rest, from) : find_blank(rest, from);

	if (parentheses && to == rest->end)
		return spec_wrong(rest, "the closing parenthesis is missing", "incomplete modifier");
	*inside = (struct spec_piece){rest->text, from, to};
	*whole = spec_cut(rest, to + parentheses - rest->at);
	return 0;
}

static int parse_condition(struct modifying *m, const struct modifier *modifier, struct spec_piece whole,
			   struct spec_piece inside)
{
	struct spec_condition *condition =
		(struct spec_condition *)((char *)&m->spec->modifiers + modifier->condition);

	condition->at = whole.at;
	condition->length = whole.end - whole.at;
	return spec_parse_expr(inside, &m->scope, condition);
}

static int parse_modifier(struct modifying *m, struct spec_piece *rest)
{
	const struct modifier *modifier = find_modifier(rest->text + rest->at);
	struct spec_piece whole, inside;
	int err;

	if (!modifier)
		return unknown(m, *rest);
	err = cut_modifier(modifier, rest, &whole, &inside);
	if (!err)
		err = check_allowed(m, modifier, whole);
	if (err)
		return err;
	m->given |= 1U << (modifier - table);
	return modifier->parse ? modifier->parse(m, inside) : parse_condition(m, modifier, whole, inside);
}

/* Of a span the start has the arguments, and the end the return value. */
static void scope_of_span(const struct probe_spec *spec, struct spec_scope *scope)
{
	const struct probe_spec *start = &spec->ends[LAPSE_END_START];

	for (size_t i = 0; i < start->n_keys; i++)
		if (start->key[i].source == SPEC_ARG)
			scope->used |= 1U << start->key[i].arg;
	if (spec->ends[LAPSE_END_END].at_return)
		return;
	scope->no_ret = "this span does not end where a function returns";
	scope->hint = "write ..FUNC:return(KEY)";
}

static struct spec_scope scope_of(const struct probe_spec *spec)
{
	struct spec_scope scope = {.n_args = LAPSE_MAX_ARGS};

	if (spec->kind == SPEC_SPAN)
		scope_of_span(spec, &scope);
	else if (spec->kind == SPEC_USDT)
		scope.no_ret = "a mark returns nothing";
	else if (spec->kind == SPEC_SYSCALL)
		scope.n_args = SYSCALL_ARGS;
	return scope;
}

int spec_parse_modifiers(struct probe_spec *spec, struct spec_piece rest)
{
	struct modifying m = {.spec = spec, .scope = scope_of(spec)};
	int err = 0;

	while (!err && rest.at < rest.end) {
		size_t at = rest.at;

		spec_skip_blanks(&rest);
		if (at && rest.at == at)
			return spec_wrong(&rest, NULL,
					  "unexpected text; a blank stands before each modifier");
		err = parse_modifier(&m, &rest);
	}
	return err;
}
