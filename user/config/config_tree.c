// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/config_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/diag.h"

/* The schema is six levels deep; more can only be a mistake, or an attack on the stack. */
#define DEPTH_MAX   16
/* Keys are looked up by walking, which is quick as long as they are few. */
#define ENTRIES_MAX 4096

struct reader {
	const char *path;
	const char *text;
	size_t length;
	yaml_parser_t parser;
};

static struct config_mark mark_of(const yaml_mark_t *mark)
{
	return (struct config_mark){mark->line + 1, mark->column + 1};
}

#define bad(reader, mark, ...)                                                    \
	({                                                                        \
		diag_at((reader)->path, (mark).line, (mark).column, __VA_ARGS__); \
		-EINVAL;                                                          \
	})

/* The reader's errors (bytes that are no text) come with an offset only. */
static struct config_mark mark_at(const struct reader *reader, size_t offset)
{
	struct config_mark mark = {1, 1};

	for (size_t i = 0; i < offset && i < reader->length; i++) {
		mark.column++;
		if (reader->text[i] == '\n')
			mark = (struct config_mark){mark.line + 1, 1};
	}
	return mark;
}

/* Where @line begins, counted from 0; the end of the text if it has none. */
static const char *line_at(const struct reader *reader, size_t line)
{
	const char *at = reader->text, *end = at + reader->length;

	for (; at < end && line; at++)
		line -= *at == '\n';
	return at;
}

/* Whether @line begins with blanks among which there is a tab. */
static bool has_tab_before(const struct reader *reader, size_t line)
{
	const char *at = line_at(reader, line), *end = reader->text + reader->length;

	while (at < end && *at == ' ')
		at++;
	return at < end && *at == '\t';
}

/* Whether the colon that is one too many is the first of its line: the key before it stands too far in. */
static bool is_misplaced_key(const struct reader *reader)
{
	const yaml_mark_t *mark = &reader->parser.problem_mark;
	const char *line = line_at(reader, mark->line);
	size_t left = (size_t)(reader->text + reader->length - line);

	return mark->column < left && !memchr(line, ':', mark->column);
}

static const char *syntax_hint(const struct reader *reader, const char *problem)
{
	static const char *const unquoted[] = {"mapping values are not allowed", "flow mapping",
					       "flow sequence", "cannot start any token",
					       "alphabetic or numeric character"};

	if (strstr(problem, "tab character") || (strstr(problem, "cannot start any token") &&
						 has_tab_before(reader, reader->parser.problem_mark.line)))
		return "; indent by spaces, not by tabs";
	if (strstr(problem, "did not find expected key") ||
	    (strstr(problem, "mapping values are not allowed") && is_misplaced_key(reader)))
		return "; indent this line like those that it belongs to";
	for (size_t i = 0; i < sizeof(unquoted) / sizeof(*unquoted); i++)
		if (strstr(problem, unquoted[i]))
			return "; where a probe or '*' is meant, quote this";
	return "";
}

static int syntax_error(const struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "not YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return bad(reader, mark_at(reader, parser->problem_offset), "%s", problem);
	/* The end of the file is not where anything is to be mended. */
	if (parser->context && strstr(parser->context, "quoted scalar") && strstr(problem, "end of stream"))
		return bad(reader, mark_of(&parser->context_mark), "the quote that begins here has no end");
	return bad(reader, mark_of(&parser->problem_mark), "%s%s", problem, syntax_hint(reader, problem));
}

static int next(struct reader *reader, yaml_event_t *event)
{
	return yaml_parser_parse(&reader->parser, event) ? 0 : syntax_error(reader);
}

static int build(struct reader *reader, const yaml_event_t *event, unsigned depth, struct tree_node *node);

static bool is_null(const struct tree_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; node->plain && i < sizeof(nulls) / sizeof(*nulls); i++)
		if (strcmp(node->text, nulls[i]) == 0)
			return true;
	return false;
}

/* A plain scalar with such a character in a key was meant as a probe: YAML cut it at a comma or colon. */
static bool looks_like_probe(const char *key)
{
	return strpbrk(key, "(){}:*<>=") != NULL;
}

static int check_entry(const struct reader *reader, const struct tree_entry *entry)
{
	if (entry->value.kind != TREE_SCALAR || !is_null(&entry->value))
		return 0;
	if (!entry->key)
		return bad(reader, entry->value.mark,
			   "an empty value in a list; where null is meant, quote it");
	if (looks_like_probe(entry->key))
		return bad(
			reader, entry->mark,
			"'%s' became a key of its own: a probe with commas, colons or braces needs quotes, "
			"quote this",
			entry->key);
	return bad(reader, entry->mark,
		   "'%s' has no value; leave the key out, or quote '%s' where text is meant", entry->key,
		   entry->value.text);
}

static int no_extras(const struct reader *reader, const yaml_event_t *event, const yaml_char_t *anchor,
		     const yaml_char_t *tag)
{
	struct config_mark mark = mark_of(&event->start_mark);

	if (anchor)
		return bad(reader, mark,
			   "anchor '&%s': anchors are not part of a contract file; where text is meant, "
			   "quote this",
			   (const char *)anchor);
	if (tag)
		return bad(reader, mark,
			   "tag '%s': tags are not part of a contract file; where text is meant, quote this",
			   (const char *)tag);
	return 0;
}

static int build_scalar(const struct reader *reader, const yaml_event_t *event, struct tree_node *node)
{
	const char *value = (const char *)event->data.scalar.value;
	int err = no_extras(reader, event, event->data.scalar.anchor, event->data.scalar.tag);

	if (err)
		return err;
	if (strlen(value) != event->data.scalar.length)
		return bad(reader, node->mark, "a zero byte in a value");
	node->kind = TREE_SCALAR;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = strdup(value);
	return node->text ? 0 : -ENOMEM;
}

static struct tree_entry *add_entry(struct tree_node *node)
{
	struct tree_entry *grown = reallocarray(node->entries, node->n_entries + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	node->entries = grown;
	grown += node->n_entries++;
	*grown = (struct tree_entry){0};
	return grown;
}

static int build_next(struct reader *reader, unsigned depth, struct tree_node *node)
{
	yaml_event_t event;
	int err = next(reader, &event);

	if (err)
		return err;
	err = build(reader, &event, depth, node);
	yaml_event_delete(&event);
	return err;
}

static int add_item(struct reader *reader, const yaml_event_t *event, unsigned depth, struct tree_node *node)
{
	struct tree_entry *entry = add_entry(node);
	int err = entry ? build(reader, event, depth, &entry->value) : -ENOMEM;

	return err ? err : check_entry(reader, entry);
}

static int add_pair(struct reader *reader, const yaml_event_t *event, unsigned depth, struct tree_node *node)
{
	struct config_mark mark = mark_of(&event->start_mark);
	const struct tree_entry *before;
	struct tree_node key = {.mark = mark};
	struct tree_entry *entry;
	int err;

	if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
		return bad(reader, mark,
			   "a key must be a word, not a mapping or list; where a probe is meant, "
			   "quote this");
	err = build(reader, event, depth, &key);
	if (err)
		return err;
	before = tree_find(node, key.text);
	if (before) {
		err = bad(reader, mark, "duplicate key '%s', first on line %zu", key.text, before->mark.line);
		free(key.text);
		return err;
	}
	entry = add_entry(node);
	if (!entry) {
		free(key.text);
		return -ENOMEM;
	}
	entry->key = key.text;
	entry->mark = mark;
	err = build_next(reader, depth, &entry->value);
	return err ? err : check_entry(reader, entry);
}

/* Reads up to the end of the mapping or sequence that has begun. */
static int build_entries(struct reader *reader, unsigned depth, struct tree_node *node)
{
	int err = 0;

	if (depth > DEPTH_MAX)
		return bad(reader, node->mark, "nested more than %d levels deep", DEPTH_MAX);
	while (!err) {
		yaml_event_t event;

		if (node->n_entries > ENTRIES_MAX)
			return bad(
				reader, node->mark,
				"more than %d entries in one %s; share them out over several files, and run "
				"lapse once for each",
				ENTRIES_MAX, node->kind == TREE_MAPPING ? "mapping" : "list");
		err = next(reader, &event);
		if (err)
			break;
		if (event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			break;
		}
		err = node->kind == TREE_MAPPING ? add_pair(reader, &event, depth + 1, node)
						 : add_item(reader, &event, depth + 1, node);
		yaml_event_delete(&event);
	}
	return err;
}

static int build(struct reader *reader, const yaml_event_t *event, unsigned depth, struct tree_node *node)
{
	int err;

	node->mark = mark_of(&event->start_mark);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return build_scalar(reader, event, node);
	case YAML_SEQUENCE_START_EVENT:
		node->kind = TREE_SEQUENCE;
		err = no_extras(reader, event, event->data.sequence_start.anchor,
				event->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		node->kind = TREE_MAPPING;
		err = no_extras(reader, event, event->data.mapping_start.anchor,
				event->data.mapping_start.tag);
		break;
	default:
		return bad(reader, node->mark,
			   "aliases are not part of a contract file; where a glob is meant, quote this");
	}
	return err ? err : build_entries(reader, depth, node);
}

/* Expects an event of @type. */
static int expect(struct reader *reader, yaml_event_type_t type, const char *otherwise)
{
	yaml_event_t event;
	int err = next(reader, &event);

	if (err)
		return err;
	if (event.type != type)
		err = bad(reader, mark_of(&event.start_mark), "%s", otherwise);
	yaml_event_delete(&event);
	return err;
}

static int read_stream(struct reader *reader, struct tree_node *root)
{
	int err = expect(reader, YAML_STREAM_START_EVENT, "not YAML");

	if (!err)
		err = expect(reader, YAML_DOCUMENT_START_EVENT,
			     "the file is empty; a contract file begins with 'lapse: 1'");
	if (!err)
		err = build_next(reader, 0, root);
	if (!err)
		err = expect(reader, YAML_DOCUMENT_END_EVENT, "not YAML");
	if (!err)
		err = expect(reader, YAML_STREAM_END_EVENT, "several documents in one file; one is allowed");
	return err;
}

/* Some editors put a byte order mark first. The parser takes it for a column, so that the first line would
 * stand further in than those below. */
static size_t mark_length(const char *text, size_t length)
{
	static const char mark[] = {'\xef', '\xbb', '\xbf'};

	return length >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
}

int tree_read(const char *path, const char *text, size_t length, struct tree_node *root)
{
	size_t skipped = mark_length(text, length);
	struct reader reader = {.path = path, .text = text + skipped, .length = length - skipped};
	int err;

	*root = (struct tree_node){0};
	if (!yaml_parser_initialize(&reader.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)reader.text, reader.length);
	err = read_stream(&reader, root);
	yaml_parser_delete(&reader.parser);
	if (err)
		tree_free(root);
	return err;
}

void tree_free(struct tree_node *node)
{
	for (size_t i = 0; i < node->n_entries; i++) {
		free(node->entries[i].key);
		tree_free(&node->entries[i].value);
	}
	free(node->entries);
	free(node->text);
	*node = (struct tree_node){0};
}

const struct tree_entry *tree_find(const struct tree_node *node, const char *key)
{
	for (size_t i = 0; i < node->n_entries; i++)
		if (strcmp(node->entries[i].key, key) == 0)
			return &node->entries[i];
	return NULL;
}

const char *tree_kind_name(enum tree_kind kind)
{
	static const char *const names[] = {"a value", "a list", "a mapping"};

	return names[kind];
}
