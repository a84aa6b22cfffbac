// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/go_safety.h"

#include <stdio.h>
#include <string.h>

/* From then on functions have their goroutine in r14, and their arguments in registers. */
#define REGISTERS_SINCE 17

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Its functions switch stacks, or run on a thread's own where r14 may be anything. */
static bool is_runtime(const char *symbol)
{
	return starts_with(symbol, "runtime.") || starts_with(symbol, "runtime/internal/") ||
	       starts_with(symbol, "internal/runtime/");
}

/* Functions of the old convention fetch their goroutine from the thread's storage: mov rcx, fs:[...]. */
static bool fetches_goroutine(const struct object *object, const struct function *function)
{
	static const uint8_t fetch[] = {0x64, 0x48, 0x8b};
	uint8_t bytes[sizeof(fetch)];

	return object_read(object, function->addr, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       memcmp(bytes, fetch, sizeof(fetch)) == 0;
}

static bool is_assembly(const struct object *object, const struct function *function)
{
	return function->go == GO_ASSEMBLY || ends_with(function->symbol, ".abi0") ||
	       fetches_goroutine(object, function);
}

static struct safety refused(const char *why)
{
	struct safety safety = {.verdict = SAFETY_REFUSED};

	snprintf(safety.why, sizeof(safety.why), "%s", why);
	return safety;
}

static struct safety refused_version(unsigned minor)
{
	struct safety safety = {.verdict = SAFETY_REFUSED};

	if (!minor)
		return refused("the version of Go that built it cannot be read, and before 1.17 functions do "
			       "not have their goroutine in a register");
	snprintf(safety.why, sizeof(safety.why),
		 "Go 1.%u built it, and before 1.17 functions do not have their goroutine in a register",
		 minor);
	return safety;
}

static struct safety judge(const struct safety *otherwise, const struct object *object,
			   const struct function *function)
{
	struct safety safety = *otherwise;

	if (object->go.minor < REGISTERS_SINCE)
		return refused_version(object->go.minor);
	if (is_runtime(function->symbol))
		return refused("it belongs to Go's runtime, which leaves the goroutine's stack");
	if (is_assembly(object, function))
		return refused("it is assembly, which need not have its goroutine in a register");
	safety.goroutine = true;
	/* What switches is the thread's stack, not the goroutine's. */
	safety.switches = false;
	return safety;
}

struct safety go_safety(const struct safety *otherwise, const struct object *object,
			const struct function *function)
{
	/* A return probe was forced. */
	if (!object->go.built || otherwise->verdict == SAFETY_RETURN_PROBE)
		return *otherwise;
	if (!object->go.has_table)
		return refused("the table that tells Go's functions from others cannot be read");
	return function->go == GO_NONE ? *otherwise : judge(otherwise, object, function);
}
