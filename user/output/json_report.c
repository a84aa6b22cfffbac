// SPDX-License-Identifier: GPL-2.0-or-later
/* The objects of reports. */
#include "output/json_parts.h"
#include "output/report_rows.h"

#define ROW(type, key, name, json) \
	key, json, .from = FROM_REPORT, .offset = offsetof(type, name), .size = sizeof(((type *)0)->name)
#define HEAD(key, json)	 ROW(struct report_head, #key, key, json)
#define SLICE(key, json) ROW(struct report_slice, #key, key, json)
#define WAIT(key, json)	 ROW(struct report_wait, #key, key, json)
#define PEER(key, json)	 ROW(struct report_peer, #key, key, json)
#define SHIFT(key, json) ROW(struct report_shift, #key, key, json)
#define CAUSE(key, json) ROW(struct report_cause_shift, #key, key, json)
#define TABLE(id, type, rows, about)   \
	const struct json_table id = { \
		.name = type, .fields = rows, .n_fields = sizeof(rows) / sizeof(*rows), .help = about}

static json_t *texts(const char *const *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < n; i++)
		json_array_append_new(array, json_text(list[i]));
	return array;
}

static json_t *texts_schema(void)
{
	return json_pack("{s:s,s:{s:s}}", "type", "array", "items", "type", "string");
}

static json_t *get_story(const struct json_source *source)
{
	const struct report_head *head = source->from[FROM_REPORT];

	return texts(head->story, head->n_story);
}

static json_t *get_stack(const struct json_source *source)
{
	const struct report_wait *wait = source->from[FROM_REPORT];

	return texts(wait->frames, wait->n_frames);
}

static json_t *get_peer(const struct json_source *source)
{
	return json_text(((const struct report_peer *)source->from[FROM_REPORT])->peer);
}

static const struct json_field head_fields[] = {
	{HEAD(path, JSON_KIND_TEXT), .help = "of the recording"},
	{HEAD(command, JSON_KIND_TEXT), .nullable = true, .help = "that made it"},
	{HEAD(host, JSON_KIND_TEXT), .nullable = true},
	{HEAD(kernel, JSON_KIND_TEXT), .nullable = true},
	{ROW(struct report_head, "begin", begin_ns, JSON_KIND_TIME)},
	{ROW(struct report_head, "end", end_ns, JSON_KIND_TIME)},
	{HEAD(spans, JSON_KIND_COUNT), .help = "recorded one by one"},
	{HEAD(not_streamed, JSON_KIND_COUNT), .help = "calls above the rate that is recorded one by one"},
	{HEAD(lost, JSON_KIND_COUNT), .help = "records that found no room on their way into it"},
	{HEAD(damage, JSON_KIND_COUNT), .help = "places in it that could not be read"},
	{HEAD(complete, JSON_KIND_BOOL), .help = "it was ended in peace"},
	{"story", JSON_KIND_GET, .get = get_story, .schema = texts_schema,
	 .help = "what was slow, when it began, and why"},
};
static TABLE(head_table, "report", head_fields, "a recording as a whole");

static const struct json_field slice_fields[] = {
	{SLICE(component, JSON_KIND_TEXT)},
	{ROW(struct report_slice, "interval_s", width_ns, JSON_KIND_SECONDS),
	 .help = "its length, from time on"},
	{SLICE(count, JSON_KIND_COUNT), .help = "spans that ended in it"},
	{SLICE(p50_ns, JSON_KIND_COUNT), .help = "within 3.1 %, as the others"},
	{SLICE(p90_ns, JSON_KIND_COUNT)},
	{SLICE(p99_ns, JSON_KIND_COUNT)},
	{SLICE(max_ns, JSON_KIND_COUNT)},
};
static TABLE(slice_table, "slice", slice_fields, "one component in a stretch of a recording");

static const struct json_field wait_fields[] = {
	{WAIT(component, JSON_KIND_TEXT)},
	{WAIT(cause, JSON_KIND_TEXT)},
	{WAIT(count, JSON_KIND_COUNT), .help = "spans whose longest wait it was"},
	{ROW(struct report_wait, "duration_ns", ns, JSON_KIND_COUNT), .help = "of these waits together"},
	{"stack", JSON_KIND_GET, .get = get_stack, .schema = texts_schema,
	 .help = "innermost first; empty: the time of this cause for which none was recorded"},
};
static TABLE(wait_table, "wait", wait_fields, "what the spans of a recording waited for in one place");

static const struct json_field peer_fields[] = {
	{PEER(component, JSON_KIND_TEXT)},
	{PEER(what, JSON_KIND_TEXT),
	 .help = "wait: spans waited for it; request, connect: spans of connections"},
	{"peer", JSON_KIND_GET, .get = get_peer, .schema = json_schema_text, .help = "address and port"},
	{PEER(count, JSON_KIND_COUNT)},
	{ROW(struct report_peer, "duration_ns", ns, JSON_KIND_COUNT), .help = "of these together"},
	{PEER(max_ns, JSON_KIND_COUNT)},
};
static TABLE(peer_table, "peer", peer_fields, "a remote end in a recording");

static const struct json_field shift_fields[] = {
	{SHIFT(component, JSON_KIND_TEXT)},
	{SHIFT(quantile, JSON_KIND_NUMBER)},
	{SHIFT(before_count, JSON_KIND_COUNT), .help = "spans in the recording that is compared against"},
	{SHIFT(after_count, JSON_KIND_COUNT)},
	{SHIFT(before_ns, JSON_KIND_NUMBER), .nullable = true},
	{SHIFT(after_ns, JSON_KIND_NUMBER), .nullable = true},
	{SHIFT(shift_ns, JSON_KIND_NUMBER), .nullable = true, .help = "after less before"},
	{SHIFT(low_ns, JSON_KIND_NUMBER), .nullable = true,
	 .help = "of the 95 % confidence interval of the shift; null: too few spans to tell"},
	{SHIFT(high_ns, JSON_KIND_NUMBER), .nullable = true},
	{SHIFT(shifted, JSON_KIND_BOOL), .help = "the interval does not hold 0"},
};
static TABLE(shift_table, "shift", shift_fields, "a percentile in two recordings");

static const struct json_field cause_fields[] = {
	{CAUSE(component, JSON_KIND_TEXT)},
	{CAUSE(cause, JSON_KIND_TEXT)},
	{CAUSE(share, JSON_KIND_NUMBER), .help = "of the slowest spans that it is about: 1, 0.1 or 0.01"},
	{CAUSE(before_share, JSON_KIND_NUMBER), .help = "of all spans, as many as these are"},
	{CAUSE(after_share, JSON_KIND_NUMBER)},
	{CAUSE(before_ns, JSON_KIND_NUMBER), .help = "of a span's time, in the mean"},
	{CAUSE(after_ns, JSON_KIND_NUMBER)},
	{CAUSE(shift_ns, JSON_KIND_NUMBER)},
};
static TABLE(cause_table, "cause_shift", cause_fields, "what spans spent their time on, in two recordings");

const struct json_table *const json_report_tables[REPORT_ROWS] = {
	[REPORT_HEAD] = &head_table, [REPORT_SLICE] = &slice_table, [REPORT_WAIT] = &wait_table,
	[REPORT_PEER] = &peer_table, [REPORT_SHIFT] = &shift_table, [REPORT_CAUSE_SHIFT] = &cause_table,
};
