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
	 .help = "how the kernel executes the instruction that the probe stands on"},
	{"entry_price", OUTPUT_TEXT, .nullable = true, .help = "the same of its entry"},
	{"moved_by", OUTPUT_COUNT, .help = "bytes from its entry to the probe"},
	{"stays", OUTPUT_TEXT, .nullable = true, .help = "why a probe is single-stepped; null: it is not"},
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
static const struct output_field placement_fields[] = {
	{"object", OUTPUT_TEXT, .help = "the file"},
	{"functions", OUTPUT_COUNT, .help = "that it has"},
	{"looked_at", OUTPUT_COUNT, .help = "those of them that were, evenly spread"},
	{"cheap", OUTPUT_COUNT, .help = "the kernel emulates what stands at the entry"},
	{"moved", OUTPUT_COUNT, .help = "it does where the probe is moved to"},
	{"single_stepped", OUTPUT_COUNT, .help = "there is no such place"},
	{"refused", OUTPUT_COUNT, .help = "no probe can stand there"},
};
static const struct output_field check_fields[] = {
	{"name", OUTPUT_TEXT, .help = "what was looked at"},
	{"ok", OUTPUT_BOOL, .help = "it is as it should be"},
	{"needed", OUTPUT_BOOL, .help = "without it nothing can be traced"},
	{"found", OUTPUT_TEXT, .help = "in words"},
	{"mend", OUTPUT_TEXT, .nullable = true, .help = "what would help"},
};
static const struct output_field first_fields[] = {
	{"subject", OUTPUT_TEXT, .help = "which processes"},
	{"headline", OUTPUT_TEXT, .help = "what it comes to"},
	{"duration_ns", OUTPUT_COUNT, .help = "of the look"},
	{"threads", OUTPUT_COUNT, .help = "that were seen"},
	{"busy_ns", OUTPUT_COUNT, .help = "their time together, without waiting for work"},
	{"lost", OUTPUT_COUNT, .help = "samples, threads and peers that found no room"},
};
static const struct output_field first_culprit_fields[] = {
	{"cause", OUTPUT_TEXT, .help = "what its time goes to"},
	{"duration_ns", OUTPUT_COUNT, .help = "of all threads together"},
	{"pid", OUTPUT_COUNT, .help = "of the thread that has most of it"},
	{"tid", OUTPUT_COUNT, .help = "that thread"},
	{"function", OUTPUT_TEXT, .nullable = true, .help = "the program's own that is nearest"},
	{"text", OUTPUT_TEXT, .help = "in words"},
};
static const struct output_field first_thread_fields[] = {
	{"pid", OUTPUT_COUNT, .help = "its process"},
	{"tid", OUTPUT_COUNT, .help = "its id"},
	{"comm", OUTPUT_TEXT, .help = "its name"},
	{"wall_ns", OUTPUT_COUNT, .help = "looked at; the others add up to it"},
	{"on_cpu_ns", OUTPUT_COUNT, .help = "it ran"},
	{"runq_ns", OUTPUT_COUNT, .help = "runnable, while something else ran"},
	{"throttled_ns", OUTPUT_COUNT, .help = "its cgroup's quota was spent"},
	{"lock_ns", OUTPUT_COUNT, .help = "waited for a lock"},
	{"disk_ns", OUTPUT_COUNT, .help = "for a disk"},
	{"net_ns", OUTPUT_COUNT, .help = "for a peer"},
	{"handoff_ns", OUTPUT_COUNT, .help = "for another thread or process"},
	{"poll_ns", OUTPUT_COUNT, .help = "in polls that timed out"},
	{"sleep_ns", OUTPUT_COUNT, .help = "it slept"},
	{"fault_ns", OUTPUT_COUNT, .help = "for a page"},
	{"other_ns", OUTPUT_COUNT, .help = "for something else"},
	{"idle_ns", OUTPUT_COUNT, .help = "for work"},
	{"turns", OUTPUT_COUNT, .help = "of its event loop"},
	{"longest_turn_ns", OUTPUT_COUNT, .help = "from one poll to the next"},
};
static const struct output_field first_rival_fields[] = {
	{"tid", OUTPUT_COUNT, .help = "the thread that was kept from running"},
	{"pid", OUTPUT_COUNT, .help = "the process that ran instead"},
	{"comm", OUTPUT_TEXT, .help = "its name"},
	{"duration_ns", OUTPUT_COUNT, .help = "for so long"},
};
static const struct output_field first_stack_fields[] = {
	{"pid", OUTPUT_COUNT, .help = "the process"},
	{"tid", OUTPUT_COUNT, .help = "the thread"},
	{"cause", OUTPUT_TEXT, .help = "what it is charged to"},
	{"duration_ns", OUTPUT_COUNT, .help = "estimated from samples"},
	{"function", OUTPUT_TEXT, .help = "the program's own that is nearest"},
	{"stack", OUTPUT_TEXT, .help = "folded, outermost first, the system call last"},
};
static const struct output_field first_peer_fields[] = {
	{"pid", OUTPUT_COUNT, .help = "the process that waited"},
	{"peer", OUTPUT_TEXT, .help = "the remote end"},
	{"count", OUTPUT_COUNT, .help = "waits"},
	{"duration_ns", OUTPUT_COUNT, .help = "together"},
	{"longest_ns", OUTPUT_COUNT, .help = "the longest of them"},
};
static const struct output_field first_command_fields[] = {
	{"command", OUTPUT_TEXT, .help = "ready to be typed"},
};
static const struct output_field first_blind_fields[] = {
	{"text", OUTPUT_TEXT, .help = "what could not be seen"},
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
	[JSON_LINE_PLACEMENT] = OBJECT("placement", placement_fields,
				       "doctor: where probes of a file's functions would stand"),
	[JSON_LINE_CHECK] = OBJECT("check", check_fields, "doctor: one finding"),
	[JSON_LINE_FIRST] = OBJECT("first", first_fields, "first minute: what it comes to"),
	[JSON_LINE_FIRST_CULPRIT] = OBJECT("first_culprit", first_culprit_fields,
					   "first minute: where busy time goes, the most first"),
	[JSON_LINE_FIRST_THREAD] =
		OBJECT("first_thread", first_thread_fields, "first minute: a thread's time by cause"),
	[JSON_LINE_FIRST_RIVAL] =
		OBJECT("first_rival", first_rival_fields, "first minute: who ran instead of a thread"),
	[JSON_LINE_FIRST_STACK] = OBJECT("first_stack", first_stack_fields, "first minute: a stack"),
	[JSON_LINE_FIRST_PEER] =
		OBJECT("first_peer", first_peer_fields, "first minute: a remote end that was waited for"),
	[JSON_LINE_FIRST_COMMAND] =
		OBJECT("first_command", first_command_fields, "first minute: what to measure next"),
	[JSON_LINE_FIRST_BLIND] =
		OBJECT("first_blind", first_blind_fields, "first minute: what cannot be seen so"),
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
