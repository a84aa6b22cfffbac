/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a value fits a schema: as much of JSON Schema as lapse's tables use. */
#ifndef TESTS_JSON_SCHEMA_H
#define TESTS_JSON_SCHEMA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>

static inline bool is_type(const json_t *value, const char *type)
{
	return (strcmp(type, "object") == 0 && json_is_object(value)) ||
	       (strcmp(type, "array") == 0 && json_is_array(value)) ||
	       (strcmp(type, "string") == 0 && json_is_string(value)) ||
	       (strcmp(type, "integer") == 0 && json_is_integer(value)) ||
	       (strcmp(type, "number") == 0 && json_is_number(value)) ||
	       (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
	       (strcmp(type, "null") == 0 && json_is_null(value));
}

static inline bool type_fits(const json_t *type, const json_t *value)
{
	size_t i;
	json_t *one;

	if (!type)
		return true;
	if (json_is_string(type))
		return is_type(value, json_string_value(type));
	json_array_foreach(type, i, one) if (is_type(value, json_string_value(one))) return true;
	return false;
}

static inline bool enum_fits(const json_t *list, const json_t *value)
{
	size_t i;
	json_t *one;

	if (!list)
		return true;
	json_array_foreach(list, i, one) if (json_equal(one, value)) return true;
	return false;
}

static inline bool pattern_fits(const json_t *pattern, const json_t *value)
{
	regex_t regex;
	bool fits;

	if (!pattern || !json_is_string(value))
		return true;
	assert_int_equal(regcomp(&regex, json_string_value(pattern), REG_EXTENDED | REG_NOSUB), 0);
	fits = regexec(&regex, json_string_value(value), 0, NULL, 0) == 0;
	regfree(&regex);
	return fits;
}

static inline void schema_check(const json_t *schema, json_t *value, const char *where);

static inline void schema_check_object(const json_t *schema, json_t *value, const char *where)
{
	json_t *properties = json_object_get(schema, "properties"), *one;
	json_t *others = json_object_get(schema, "additionalProperties");
	const char *key;
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i,
			   one) if (!json_object_get(value, json_string_value(one)))
		fail_msg("%s has no %s", where, json_string_value(one));
	json_object_foreach(value, key, one)
	{
		const json_t *property = json_object_get(properties, key) ?: others;

		if (!property)
			fail_msg("%s: %s is not in the schema", where, key);
		schema_check(property, one, key);
	}
}

static inline void schema_check(const json_t *schema, json_t *value, const char *where)
{
	size_t i;
	json_t *one, *constant = json_object_get(schema, "const");

	if (!type_fits(json_object_get(schema, "type"), value))
		fail_msg("%s has the wrong type", where);
	if (!enum_fits(json_object_get(schema, "enum"), value))
		fail_msg("%s is none of the names", where);
	if (!pattern_fits(json_object_get(schema, "pattern"), value))
		fail_msg("%s does not match its pattern", where);
	if (constant && !json_equal(constant, value))
		fail_msg("%s is not the constant", where);
	if (json_is_object(value))
		schema_check_object(schema, value, where);
	json_array_foreach(value, i, one) schema_check(json_object_get(schema, "items"), one, where);
}

#endif
