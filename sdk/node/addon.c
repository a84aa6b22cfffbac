/* SPDX-License-Identifier: MIT */
/*
 * lapse.h's calls with names known at run time, as a Node-API addon. index.js checks what it is given:
 * here arguments are taken as they are, and what is missing or of another type is empty or 0.
 */
#define NAPI_VERSION 6
#include <node_api.h>

#include <string.h>

#include "lapse.h"

/* What lapse keeps of a name, and more; the rest is cut. */
#define NAME_LEN 128

#define MAX_ARGS 3

struct args {
	size_t n;
	napi_value value[MAX_ARGS];
};

static struct args args_of(napi_env env, napi_callback_info info)
{
	struct args args = {.n = MAX_ARGS};

	if (napi_get_cb_info(env, info, &args.n, args.value, NULL, NULL) != napi_ok)
		args.n = 0;
	return args;
}

static const char *text(napi_env env, napi_value value, char *buffer)
{
	if (napi_get_value_string_utf8(env, value, buffer, NAME_LEN, NULL) != napi_ok)
		buffer[0] = '\0';
	return buffer;
}

static int64_t integer(napi_env env, napi_value value)
{
	int64_t result = 0;
	bool lossless;

	if (napi_get_value_bigint_int64(env, value, &result, &lossless) != napi_ok)
		napi_get_value_int64(env, value, &result);
	return result;
}

static int truth(napi_env env, napi_value value)
{
	bool result = false;

	napi_get_value_bool(env, value, &result);
	return result;
}

/* enabled() */
static napi_value enabled(napi_env env, napi_callback_info info)
{
	napi_value result = NULL;

	(void)info;
	napi_get_boolean(env, lapse_named_enabled() != 0, &result);
	return result;
}

/* begin(): a span, or undefined while nobody listens */
static napi_value begin(napi_env env, napi_callback_info info)
{
	lapse_span_t span = lapse_named_begin();
	napi_value result = NULL;

	(void)info;
	if (span)
		napi_create_bigint_uint64(env, span, &result);
	return result;
}

/* end(component, span, ok) */
static napi_value end(napi_env env, napi_callback_info info)
{
	struct args args = args_of(env, info);
	char component[NAME_LEN];

	lapse_named_end(text(env, args.value[0], component), (lapse_span_t)integer(env, args.value[1]),
			truth(env, args.value[2]));
	return NULL;
}

/* latency(component, ns, ok) */
static napi_value latency(napi_env env, napi_callback_info info)
{
	struct args args = args_of(env, info);
	char component[NAME_LEN];

	lapse_named_latency(text(env, args.value[0], component), (uint64_t)integer(env, args.value[1]),
			    truth(env, args.value[2]));
	return NULL;
}

/* error(component) */
static napi_value error(napi_env env, napi_callback_info info)
{
	struct args args = args_of(env, info);
	char component[NAME_LEN];

	lapse_named_error(text(env, args.value[0], component));
	return NULL;
}

/* cache(component, hit) */
static napi_value cache(napi_env env, napi_callback_info info)
{
	struct args args = args_of(env, info);
	char component[NAME_LEN];

	lapse_named_cache(text(env, args.value[0], component), truth(env, args.value[1]));
	return NULL;
}

/* value(component, name, n) */
static napi_value value(napi_env env, napi_callback_info info)
{
	struct args args = args_of(env, info);
	char component[NAME_LEN], name[NAME_LEN];

	lapse_named_value(text(env, args.value[0], component), text(env, args.value[1], name),
			  integer(env, args.value[2]));
	return NULL;
}

static napi_value init(napi_env env, napi_value exports)
{
	static const struct {
		const char *name;
		napi_callback call;
	} calls[] = {
		{"enabled", enabled}, {"begin", begin}, {"end", end},	  {"latency", latency},
		{"error", error},     {"cache", cache}, {"value", value},
	};
	napi_value function;
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (napi_create_function(env, calls[i].name, strlen(calls[i].name), calls[i].call, NULL,
					 &function) != napi_ok ||
		    napi_set_named_property(env, exports, calls[i].name, function) != napi_ok)
			return NULL;
	}
	return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
