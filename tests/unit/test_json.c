// SPDX-License-Identifier: GPL-2.0-or-later
/* The JSON output: each line parsed back, and held against the schema that lapse itself prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <malloc.h>

#include "json_schema.h"
#include "output/json_table.h"
#include "sample_snapshot.h"
#include "why.h"

struct fixture {
	struct sample sample;
	json_t *schema;
};

static json_t *read_schema(void)
{
	char *text;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	json_t *schema;

	assert_int_equal(output_json_schema(stream, NULL, 0), 0);
	fclose(stream);
	schema = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(schema);
	free(text);
	return schema;
}

static int setup(void **state)
{
	struct fixture *fixture = malloc(sizeof(*fixture));

	sample_init(&fixture->sample);
	fixture->schema = read_schema();
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	sample_end(&fixture->sample);
	json_decref(fixture->schema);
	free(fixture);
	return 0;
}

static const json_t *schema_of(const struct fixture *fixture, const char *type)
{
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(fixture->schema, "oneOf"), i,
			   one) if (strcmp(json_string_value(json_object_get(one, "title")), type) ==
				    0) return one;
	fail_msg("no schema for %s", type);
	return NULL;
}

/* Whether the library would have written the same, byte for byte, but for what ends the line. */
static void same_as_of_library(const json_t *object, const char *line)
{
	char *text = json_dumps(object, JSON_DUMP_FLAGS);

	assert_true(strlen(line) - strlen(text) <= 1);
	assert_memory_equal(line, text, strlen(text));
	free(text);
}

/* The one line that was written, as an object that fits its schema. */
static json_t *parse_line(struct fixture *fixture, const char *line)
{
	json_error_t error;
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	const char *type;

	if (!object)
		fail_msg("%s: %s", error.text, line);
	same_as_of_library(object, line);
	type = json_string_value(json_object_get(object, "type"));
	schema_check(schema_of(fixture, type), object, type);
	return object;
}

static json_t *written(struct fixture *fixture)
{
	const char *text = sample_text(&fixture->sample);

	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	return parse_line(fixture, text);
}

/* ---- the objects ---------------------------------------------------------------------------- */

static void window(void **state)
{
	struct fixture *fixture = *state;
	struct sample *sample = &fixture->sample;
	json_t *object;

	sample->snapshot.n_components = 1;
	assert_int_equal(output_json.interval(&sample->options, &sample->snapshot), 0);
	assert_string_equal(
		sample_text(sample),
		"{\"v\":1,\"type\":\"window\",\"time\":\"2023-11-14T22:13:22.000000000Z\",\"component\":"
		"\"endToEnd\","
		"\"interval_s\":1.0,\"count\":1200,\"errors\":3,\"rate_per_s\":1200.0,\"avg_ns\":12500000.0,"
		"\"p50_ns\":11000000,\"p90_ns\":15200000,\"p95_ns\":17000000,\"p99_ns\":28100000,"
		"\"p999_ns\":64000000,\"max_ns\":71200000,\"in_flight\":2,\"oldest_in_flight_ns\":1200000000,"
		"\"cache_hit_rate\":null,\"values\":{},\"trend\":{\"latency\":\"increasing\",\"errors\":"
		"\"stable\","
		"\"throughput\":null},\"health\":93.4,\"verdict\":\"violated\",\"detached\":false,"
		"\"tcp\":null}\n");
	sample->snapshot.components = &sample->components[1];
	output_json.interval(&sample->options, &sample->snapshot);
	object = written(fixture);
	assert_true(json_is_null(json_object_get(object, "p50_ns")));
	assert_true(json_is_null(json_object_get(object, "rate_per_s")));
	assert_true(json_is_null(json_object_get(object, "oldest_in_flight_ns")));
	assert_true(json_is_null(json_object_get(object, "health")));
	json_decref(object);
}

static void two_windows(void **state)
{
	struct fixture *fixture = *state;
	char *text, *second;

	output_json.interval(&fixture->sample.options, &fixture->sample.snapshot);
	text = strdup(sample_text(&fixture->sample));
	second = strchr(text, '\n') + 1;
	json_decref(parse_line(fixture, second));
	second[-1] = '\0';
	json_decref(parse_line(fixture, text));
	free(text);
}

static void span(void **state)
{
	struct fixture *fixture = *state;
	struct lapse_span span = sample_span();
	json_t *object;

	output_json.span(&fixture->sample.options, &fixture->sample.snapshot, &span, NULL);
	object = written(fixture);
	assert_string_equal(json_string_value(json_object_get(object, "start_ns")), "1412000000");
	assert_string_equal(json_string_value(json_object_get(object, "start")),
			    "2023-11-14T22:13:21.412000000Z");
	assert_string_equal(json_string_value(json_object_get(object, "time")),
			    "2023-11-14T22:13:21.596300000Z");
	assert_int_equal(json_integer_value(json_object_get(object, "duration_ns")), 184200000);
	assert_true(json_is_false(json_object_get(object, "ok")));
	json_decref(object);
	span.flags = LAPSE_SPAN_OPEN;
	output_json.span(&fixture->sample.options, &fixture->sample.snapshot, &span, NULL);
	object = written(fixture);
	assert_true(json_is_null(json_object_get(object, "ok")));
	assert_true(json_is_null(json_object_get(object, "ret")));
	assert_true(json_is_true(json_object_get(object, "open")));
	json_decref(object);
}

/* An outcome that nothing tells is not a good one; a return value may be negative, or not known. */
static void outcomes(void **state)
{
	struct fixture *fixture = *state;
	struct component_snapshot *component = &fixture->sample.components[0];
	struct lapse_span span = sample_span();
	json_t *object;

	span.ret = UINT64_MAX;
	span.flags = LAPSE_SPAN_RET;
	output_json.span(&fixture->sample.options, &fixture->sample.snapshot, &span, NULL);
	object = written(fixture);
	assert_true(json_is_true(json_object_get(object, "ok")));
	assert_int_equal(json_integer_value(json_object_get(object, "ret")), -1);
	json_decref(object);
	span.flags = LAPSE_SPAN_BREACH;
	component->total.has_errors = false;
	output_json.span(&fixture->sample.options, &fixture->sample.snapshot, &span, NULL);
	object = written(fixture);
	assert_true(json_is_null(json_object_get(object, "ok")));
	assert_true(json_is_null(json_object_get(object, "ret")));
	json_decref(object);
}

static void captured_values(void **state)
{
	struct fixture *fixture = *state;
	struct component_snapshot *component = &fixture->sample.components[0];
	struct lapse_span span = sample_span();
	json_t *object, *values;

	component->value_name[1] = "batch_size";
	component->value_name[3] = "d\xff";
	span.values = 1U << 0 | 1U << 1 | 1U << 3;
	span.value[1] = 7;
	span.value[3] = -5;
	output_json.span(&fixture->sample.options, &fixture->sample.snapshot, &span, NULL);
	object = written(fixture);
	values = json_object_get(object, "values");
	assert_int_equal(json_object_size(values), 2);
	assert_int_equal(json_integer_value(json_object_get(values, "batch_size")), 7);
	assert_int_equal(json_integer_value(json_object_get(values, "d\\xff")), -5);
	json_decref(object);

	fixture->sample.snapshot.n_components = 1;
	component->interval.cache_hit_rate = 0.95;
	component->interval.n_values = 3;
	component->interval.values[0] = (struct value_stats){.name = "batch_size",
							     .count = 4,
							     .mean = 5.5,
							     .last = 7,
							     .has_extremes = true,
							     .min = -2,
							     .max = 9};
	component->interval.values[1] =
		(struct value_stats){.name = "late", .count = 4, .mean = 5, .last = 7};
	component->interval.values[2] = (struct value_stats){.name = "none", .mean = NAN};
	output_json.interval(&fixture->sample.options, &fixture->sample.snapshot);
	assert_non_null(strstr(
		sample_text(&fixture->sample),
		"\"cache_hit_rate\":0.95,\"values\":{\"batch_size\":{\"last\":7,\"min\":-2,\"mean\":5.5,"
		"\"max\":9},\"late\":{\"last\":7,\"min\":null,\"mean\":5.0,\"max\":null},"
		"\"none\":{\"last\":null,\"min\":null,\"mean\":null,\"max\":null}}"));
	output_json.interval(&fixture->sample.options, &fixture->sample.snapshot);
	json_decref(written(fixture));
}

/* One objective a captured value, and the contract of all components. */
static void contracts(void **state)
{
	struct fixture *fixture = *state;
	struct sample *sample = &fixture->sample;
	json_t *object, *contract;

	sample->objectives[1] =
		(struct objective_state){.objective = {.kind = OBJ_MAX_VALUE, .limit = 50, .value = "depth"},
					 .measured = 7,
					 .worst = 9};
	sample->components[2].objectives = &sample->objectives[0];
	sample->components[2].n_objectives = 1;
	sample->objectives[0].objective.kind = OBJ_MAX_SYSTEM_ERROR_RATE;
	sample->snapshot.integrity.restarted = 3;
	sample->snapshot.integrity.unmatched_end = 4;
	output_json.final(&sample->options, &sample->snapshot);
	object = written(fixture);
	contract = json_object_get(
		json_object_get(json_object_get(json_object_get(object, "components"), "endToEnd"),
				"contract"),
		"max_value.depth");
	assert_string_equal(json_string_value(json_object_get(contract, "value")), "depth");
	assert_string_equal(json_string_value(json_object_get(contract, "violation")), "VALUE_VIOLATION");
	contract = json_object_get(json_object_get(json_object_get(object, "system"), "contract"),
				   "max_error_rate");
	assert_string_equal(json_string_value(json_object_get(contract, "violation")),
			    "SYSTEM_ERROR_RATE_VIOLATION");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(object, "integrity"), "restarted")), 3);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(object, "integrity"), "unmatched_end")),
		4);
	json_decref(object);
}

static void violation_of_the_whole(void **state)
{
	struct fixture *fixture = *state;
	struct violation v = sample_violation();
	json_t *object;

	v.component = 2;
	v.kind = OBJ_MAX_SYSTEM_ERROR_RATE;
	v.measured = 0.07;
	output_json.violation(&fixture->sample.options, &fixture->sample.snapshot, &v);
	object = written(fixture);
	assert_string_equal(json_string_value(json_object_get(object, "component")), "system");
	assert_string_equal(json_string_value(json_object_get(object, "unit")), "fraction");
	assert_true(json_is_null(json_object_get(object, "value")));
	json_decref(object);
}

static void hostile_names(void **state)
{
	struct fixture *fixture = *state;
	struct lapse_span span = sample_span();
	json_t *object;

	memcpy(span.comm, "a\xff\033\"\\b\0\0\0\0\0\0\0\0\0", sizeof(span.comm));
	fixture->sample.components[0].name = "gr\xc3\xbc\xc3\x9f\x1b";
	output_json.span(&fixture->sample.options, &fixture->sample.snapshot, &span, NULL);
	object = written(fixture);
	assert_non_null(strstr(json_string_value(json_object_get(object, "comm")), "\\xff"));
	assert_string_equal(json_string_value(json_object_get(object, "component")),
			    "gr\xc3\xbc\xc3\x9f\x1b");
	json_decref(object);
}

static void span_with_its_wait(void **state)
{
	struct fixture *fixture = *state;
	const struct output_frame frames[] = {
		{.text = "futex_wait+0x1f",
		 .name = "futex_wait",
		 .file = "[kernel]",
		 .build_id = "",
		 .offset = 31},
		{.text = "say(\"\xc3\xbc\")\x1b+0x2",
		 .name = "say(\"\xc3\xbc\")\x1b",
		 .file = "/a\\b",
		 .build_id = "0f",
		 .offset = 2,
		 .address = 0x401002},
		{.text = "[unknown]", .name = "", .file = "", .build_id = ""},
	};
	const struct output_stack stack = {.frames = frames, .n = 3, .brief = ""};
	struct lapse_why_span span = why_span(0, 1412000000, 5000000, LAPSE_LOCK, 4000000);
	json_t *object, *wait, *frame;

	why_woken(&span, "hol\"der", 0);
	output_json.span(&fixture->sample.options, &fixture->sample.snapshot, &span.span, &stack);
	object = written(fixture);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "cause"), "lock_ns")),
			 4000000);
	wait = json_object_get(object, "longest_wait");
	assert_int_equal(json_array_size(json_object_get(wait, "stack")), 3);
	frame = json_array_get(json_object_get(wait, "frames"), 1);
	assert_string_equal(json_string_value(json_object_get(frame, "name")), "say(\"\xc3\xbc\")\x1b");
	assert_string_equal(json_string_value(json_object_get(frame, "file")), "/a\\b");
	assert_string_equal(json_string_value(json_object_get(frame, "address")), "0x401002");
	frame = json_array_get(json_object_get(wait, "frames"), 2);
	assert_true(json_is_null(json_object_get(frame, "name")));
	assert_true(json_is_null(json_object_get(frame, "offset")));
	assert_true(json_is_null(json_object_get(frame, "address")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(wait, "waker"), "comm")),
			    "hol\"der");
	json_decref(object);
	output_json.span(&fixture->sample.options, &fixture->sample.snapshot, &span.span, NULL);
	object = written(fixture);
	assert_int_equal(json_array_size(json_object_get(json_object_get(object, "longest_wait"), "stack")),
			 0);
	json_decref(object);
}

static void violation(void **state)
{
	struct fixture *fixture = *state;
	struct violation violation = sample_violation();
	json_t *object;

	output_json.violation(&fixture->sample.options, &fixture->sample.snapshot, &violation);
	object = written(fixture);
	assert_string_equal(json_string_value(json_object_get(object, "violation")), "LATENCY_VIOLATION");
	assert_string_equal(json_string_value(json_object_get(object, "unit")), "ns");
	assert_float_equal(json_real_value(json_object_get(object, "measured")), 71.2e6, 0);
	json_decref(object);
}

static void alert(void **state)
{
	struct fixture *fixture = *state;
	struct sample *sample = &fixture->sample;
	char *text = output_alert_json(&sample->snapshot, &sample->alert);
	json_t *object = parse_line(fixture, text), *same;

	assert_null(strchr(text, '\n'));
	assert_string_equal(json_string_value(json_object_get(object, "state")), "firing");
	assert_int_equal(json_integer_value(json_object_get(object, "held_back")), 12);
	output_json.alert(&sample->options, &sample->snapshot, &sample->alert);
	same = written(fixture);
	assert_true(json_equal(object, same));
	json_decref(object);
	json_decref(same);
	free(text);
}

static void health(void **state)
{
	struct fixture *fixture = *state;
	json_t *object;

	fixture->sample.snapshot.system.overall = NAN;
	output_json.health(&fixture->sample.options, &fixture->sample.snapshot);
	object = written(fixture);
	assert_true(json_is_null(json_object_get(object, "overall")));
	assert_float_equal(json_real_value(json_object_get(object, "observed_s")), 1.0, 0);
	json_decref(object);
}

static void final(void **state)
{
	struct fixture *fixture = *state;
	json_t *object, *component;
	int low, count;
	double limit;

	fixture->sample.histogram[2] = (struct histogram_row){1ULL << 42, UINT64_MAX, 1};
	output_json.final(&fixture->sample.options, &fixture->sample.snapshot);
	object = written(fixture);
	component = json_object_get(json_object_get(object, "components"), "endToEnd");
	assert_int_equal(json_unpack(component, "{s:{s:{s:F}}}", "contract", "max_latency", "limit", &limit),
			 0);
	assert_float_equal(limit, 30e6, 0);
	assert_int_equal(json_array_size(json_object_get(component, "histogram")), 3);
	json_unpack(json_array_get(json_object_get(component, "histogram"), 1), "[i,*,i]", &low, &count);
	assert_int_equal(low, 11 * MS);
	assert_true(
		json_is_null(json_array_get(json_array_get(json_object_get(component, "histogram"), 2), 1)));
	assert_int_equal(json_array_size(json_object_get(object, "alerts")), 1);
	assert_string_equal(json_string_value(json_object_get(object, "verdict")), "violated");
	json_decref(object);
}

static void final_without_contracts(void **state)
{
	struct fixture *fixture = *state;
	json_t *object;

	fixture->sample.snapshot.verdict = VERDICT_NONE;
	fixture->sample.snapshot.n_components = 0;
	fixture->sample.snapshot.n_firing = 0;
	fixture->sample.snapshot.end_reason = NULL;
	fixture->sample.snapshot.integrity.unaccounted = -3;
	output_json.final(&fixture->sample.options, &fixture->sample.snapshot);
	object = written(fixture);
	assert_true(json_is_null(json_object_get(object, "verdict")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(object, "integrity"), "unaccounted")), -3);
	json_decref(object);
}

/* ---- final of very many components --------------------------------------------------------------- */

#define MANY	  300
#define MANY_ROWS 200
/* What one component with its rows takes as a tree, with room to spare; of all it would be 300 times that. */
#define ONE_TREE  (256 * 1024)

/* What jansson has at the moment, and had at most. */
static size_t live, peak;

static void *counted_malloc(size_t size)
{
	void *memory = malloc(size);

	live += malloc_usable_size(memory);
	peak = live > peak ? live : peak;
	return memory;
}

static void counted_free(void *memory)
{
	live -= malloc_usable_size(memory);
	free(memory);
}

/* @sample has MANY components like its first, the last but one without a call and the last not to be shown;
 * the whole comes after them. */
static struct component_snapshot *multiply(struct sample *sample, struct histogram_row *rows)
{
	struct component_snapshot *many = calloc(MANY + 1, sizeof(*many));
	static char names[MANY][32];

	for (size_t i = 0; i < MANY_ROWS; i++)
		rows[i] = (struct histogram_row){1000 * i, 1000 * i + 10, i + 1};
	for (size_t i = 0; i < MANY; i++) {
		many[i] = sample->components[0];
		snprintf(names[i], sizeof(names[i]), "gr\xfc\"n %zu\xc3\xbc", i);
		many[i].name = names[i];
		many[i].histogram = rows;
		many[i].n_histogram = i + 2 == MANY ? 0 : MANY_ROWS;
	}
	many[MANY - 1].unused = true;
	many[MANY] = sample->components[2];
	sample->snapshot.components = many;
	sample->snapshot.n_components = MANY;
	return many;
}

/* Never is more than one of them in memory but as text, and the text is that of one tree: read and written
 * again it is the same. */
static void final_of_many(void **state)
{
	struct fixture *fixture = *state;
	struct sample *sample = &fixture->sample;
	struct histogram_row rows[MANY_ROWS];
	struct component_snapshot *many = multiply(sample, rows);
	json_t *object;
	char *again;

	live = peak = 0;
	json_set_alloc_funcs(counted_malloc, counted_free);
	assert_int_equal(output_json.final(&sample->options, &sample->snapshot), 0);
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(live, 0);
	assert_in_range(peak, 1, ONE_TREE);

	fflush(sample->options.stream);
	object = parse_line(fixture, sample->text);
	assert_int_equal(json_object_size(json_object_get(object, "components")), MANY - 1);
	again = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
	assert_int_equal(sample->text[sample->length - 1], '\n');
	assert_int_equal(strlen(again), sample->length - 1);
	assert_memory_equal(again, sample->text, sample->length - 1);
	free(again);
	json_decref(object);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(window, setup, teardown),
		cmocka_unit_test_setup_teardown(two_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(span, setup, teardown),
		cmocka_unit_test_setup_teardown(outcomes, setup, teardown),
		cmocka_unit_test_setup_teardown(captured_values, setup, teardown),
		cmocka_unit_test_setup_teardown(contracts, setup, teardown),
		cmocka_unit_test_setup_teardown(violation_of_the_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_names, setup, teardown),
		cmocka_unit_test_setup_teardown(span_with_its_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(violation, setup, teardown),
		cmocka_unit_test_setup_teardown(alert, setup, teardown),
		cmocka_unit_test_setup_teardown(health, setup, teardown),
		cmocka_unit_test_setup_teardown(final, setup, teardown),
		cmocka_unit_test_setup_teardown(final_without_contracts, setup, teardown),
		cmocka_unit_test_setup_teardown(final_of_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
