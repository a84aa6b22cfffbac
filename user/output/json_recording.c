// SPDX-License-Identifier: GPL-2.0-or-later
/* What has been recorded, in the final object. */
#include "output/json_parts.h"

#define RECORDING(member, text)                                                               \
	{                                                                                     \
#member, JSON_KIND_COUNT, FROM_RECORDING, offsetof(struct recording, member), \
			sizeof(uint64_t), .help = text                                        \
	}

static const struct json_field fields[] = {
	{"path", JSON_KIND_TEXT, FROM_RECORDING, offsetof(struct recording, path), sizeof(const char *),
	 .nullable = true, .help = "of the file that was written last"},
	RECORDING(spans, "in it"),
	RECORDING(ticks, "in it"),
	RECORDING(bytes, "of it"),
	RECORDING(dropped_ticks, "the oldest, that gave way to newer ones"),
	RECORDING(lost, "records that found no room on their way into it"),
	RECORDING(files, "with --keep: incidents that were written"),
	{"stopped", JSON_KIND_TEXT, FROM_RECORDING, offsetof(struct recording, stopped), sizeof(const char *),
	 .nullable = true, .help = "why nothing more could be written"},
};
static const struct json_table recording_table = {.name = "recording",
						  .fields = fields,
						  .n_fields = sizeof(fields) / sizeof(*fields),
						  .help = "what was recorded"};

json_t *json_get_recording(const struct json_source *source)
{
	const struct snapshot *snapshot = source->from[FROM_SNAPSHOT];
	struct json_source one = *source;

	one.from[FROM_RECORDING] = snapshot->recording;
	return snapshot->recording ? json_object_of(&recording_table, &one) : json_null();
}

json_t *json_schema_recording(void)
{
	return json_pack("{s:[o,{s:s}]}", "anyOf", json_table_schema(&recording_table, false), "type",
			 "null");
}
