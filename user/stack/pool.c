// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/pool.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define OUT_OF_MEMORY "[unknown: out of memory]"

struct kept {
	UT_hash_handle hh;
	char text[];
};

struct pool {
	struct kept *strings;
	size_t bytes;
};

struct pool *pool_new(void)
{
	return calloc(1, sizeof(struct pool));
}

void pool_free(struct pool *pool)
{
	struct kept *kept, *next;

	if (!pool)
		return;
	HASH_ITER (hh, pool->strings, kept, next) {
		HASH_DEL(pool->strings, kept);
		free(kept);
	}
	free(pool);
}

static const char *add(struct pool *pool, const char *text, size_t length)
{
	struct kept *kept;

	if (length > POOL_BYTES_MAX - pool->bytes)
		return "[unknown: too many names]";
	kept = calloc(1, sizeof(*kept) + length + 1);
	if (!kept)
		return OUT_OF_MEMORY;
	memcpy(kept->text, text, length);
	HASH_ADD_KEYPTR(hh, pool->strings, kept->text, length, kept);
	if (!kept->hh.tbl) {
		free(kept);
		return OUT_OF_MEMORY;
	}
	pool->bytes += length;
	return kept->text;
}

const char *pool_keep(struct pool *pool, const char *text)
{
	size_t length = strlen(text);
	struct kept *kept;

	HASH_FIND(hh, pool->strings, text, length, kept);
	return kept ? kept->text : add(pool, text, length);
}

const char *pool_format(struct pool *pool, const char *fmt, ...)
{
	char text[PATH_MAX + 256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return pool_keep(pool, text);
}
