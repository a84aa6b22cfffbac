// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/json_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"

static const struct output_field function_fields[] = {
	{"function", OUTPUT_TEXT, .help = "demangled"},
	{"symbol", OUTPUT_TEXT, .nullable = true, .help = "as the file has it"},
	{"object", OUTPUT_TEXT, .nullable = true, .help = "the file"},
	{"offset", OUTPUT_COUNT, .help = "in the file"},
	{"size", OUTPUT_COUNT, .help = "bytes"},
	{"method", OUTPUT_TEXT, .nullable = true,
	 .help = "how its return is seen; null: it cannot be probed"},
	{"price", OUTPUT_TEXT, .nullable = true,
	 .help = "how the kernel executes the instruction at its entry"},
	{"why", OUTPUT_TEXT, .nullable = true, .help = "why not otherwise"},
	{"judged", OUTPUT_BOOL, .help = "false: too many to look into each; said of its file"},
};
static const struct output_field marker_fields[] = {
	{"component", OUTPUT_TEXT, .nullable = true, .help = "null: the program gives names while it runs"},
	{"file", OUTPUT_TEXT, .nullable = true, .help = "that has it"},
};
static const struct output_field usdt_fields[] = {
	{"provider", OUTPUT_TEXT, .nullable = true, .help = "the first part of its name"},
	{"name", OUTPUT_TEXT, .nullable = true, .help = "the second part"},
	{"arguments", OUTPUT_COUNT, .help = "how many it has"},
	{"file", OUTPUT_TEXT, .nullable = true, .help = "that has it"},
};
static const struct output_field check_fields[] = {
	{"name", OUTPUT_TEXT, .help = "what was looked at"},
	{"ok", OUTPUT_BOOL, .help = "it is as it should be"},
	{"needed", OUTPUT_BOOL, .help = "without it nothing can be traced"},
	{"found", OUTPUT_TEXT, .help = "in words"},
	{"mend", OUTPUT_TEXT, .nullable = true, .help = "what would help"},
};

#define OBJECT(name, rows, about)                                 \
	{                                                         \
		name, about, rows, sizeof(rows) / sizeof(*(rows)) \
	}
const struct output_object json_line_objects[JSON_LINES] = {
	[JSON_LINE_FUNCTION] =
		OBJECT("function", function_fields, "list: a function and how it would be probed"),
	[JSON_LINE_MARKER] = OBJECT("marker", marker_fields, "list: a component that a program marks"),
	[JSON_LINE_USDT] = OBJECT("usdt", usdt_fields, "list: a mark that a program was built with"),
	[JSON_LINE_CHECK] = OBJECT("check", check_fields, "doctor: one finding"),
};

static json_t *head(const char *type)
{
	char text[64], zoned[80];
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(zoned, sizeof(zoned), "%s.%09ldZ", text, now.tv_nsec);
	return json_pack("{s:i, s:s, s:s}", "v", 1, "type", type, "time", zoned);
}

int json_line_write(enum json_line line, json_t *const *values)
{
	const struct output_object *about = &json_line_objects[line];
	json_t *object = head(about->type);
	int err;

	for (size_t i = 0; i < about->n_fields; i++)
		json_object_set_new(object, about->fields[i].key, values[i]);
	err = json_dumpf(object, stdout, JSON_COMPACT) || putchar('\n') == EOF ? -errno : 0;
	json_decref(object);
	return err;
}

json_t *json_line_text(const char *text)
{
	char safe[1024];

	return text ? json_string(text_escape(text, safe, sizeof(safe))) : json_null();
}
