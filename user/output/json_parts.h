/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields that are more than a value at an offset, and how the schema describes them. */
#ifndef LAPSE_JSON_PARTS_H
#define LAPSE_JSON_PARTS_H

#include "output/json_table.h"

/* Parts of `final`. */
extern const struct json_table json_component, json_objective, json_withdrawn, json_handler;

/* Each makes the value of one field; NULL: no memory. */
json_t *json_get_values(const struct json_source *source);
json_t *json_get_span_values(const struct json_source *source);
json_t *json_get_objective_value(const struct json_source *source);
json_t *json_get_objective_key(const struct json_source *source);
json_t *json_get_withdrawn(const struct json_source *source);
json_t *json_get_contract(const struct json_source *source);
json_t *json_get_system_contract(const struct json_source *source);
json_t *json_get_histogram(const struct json_source *source);
json_t *json_get_alerts(const struct json_source *source);
json_t *json_get_span_comm(const struct json_source *source);
json_t *json_get_span_ok(const struct json_source *source);
json_t *json_get_span_ret(const struct json_source *source);
json_t *json_get_span_open(const struct json_source *source);
json_t *json_get_span_peer(const struct json_source *source);
json_t *json_get_span_tcp(const struct json_source *source);
json_t *json_get_tcp(const struct json_source *source);
json_t *json_get_ran_instead(const struct json_source *source);
json_t *json_get_causes(const struct json_source *source);
json_t *json_get_violation_cause(const struct json_source *source);
json_t *json_get_violation_now(const struct json_source *source);
json_t *json_get_alert_cause(const struct json_source *source);
json_t *json_get_alert_now(const struct json_source *source);
json_t *json_get_labels(const struct json_source *source);
json_t *json_get_annotations(const struct json_source *source);
json_t *json_get_handlers(const struct json_source *source);
json_t *json_get_hung(const struct json_source *source);
json_t *json_get_recording(const struct json_source *source);

/* Each writes it; 0 or -ENOMEM. */
int json_print_components(FILE *out, const struct json_source *source);
int json_print_cause(FILE *out, const struct json_source *source);
int json_print_longest_wait(FILE *out, const struct json_source *source);
int json_print_span_now(FILE *out, const struct json_source *source);

json_t *json_schema_text(void);
json_t *json_schema_text_or_null(void);
json_t *json_schema_bool(void);
json_t *json_schema_bool_or_null(void);
json_t *json_schema_integer_or_null(void);
json_t *json_schema_values(void);
json_t *json_schema_span_values(void);
json_t *json_schema_contract(void);
json_t *json_schema_withdrawn(void);
json_t *json_schema_histogram(void);
json_t *json_schema_components(void);
json_t *json_schema_alerts(void);
json_t *json_schema_span_tcp(void);
json_t *json_schema_tcp(void);
json_t *json_schema_cause(void);
json_t *json_schema_ran_instead(void);
json_t *json_schema_longest_wait(void);
json_t *json_schema_causes(void);
json_t *json_schema_band(void);
json_t *json_schema_now(void);
json_t *json_schema_hung(void);
json_t *json_schema_labels(void);
json_t *json_schema_handlers(void);
json_t *json_schema_recording(void);

/* The source for @component's row, or for an alert of it; figures since the start. */
struct json_source json_source_component(const struct snapshot *snapshot, uint32_t component);

#endif
