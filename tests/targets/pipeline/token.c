// SPDX-License-Identifier: GPL-2.0-or-later
/* The validator: checks a token's signature, which costs CPU, and remembers who was good. */
#include "pipeline.h"

#include <errno.h>
#include <stdatomic.h>

#define CACHE_SLOTS  1024
#define HIT_WORK_NS  120000
#define MISS_WORK_NS 200000

static _Atomic uint64_t cache[CACHE_SLOTS];

PROBED int cache_lookup(uint64_t token)
{
	uint64_t start = now_ns();
	int hit = !fault_fails(PART_CACHE) && atomic_load(&cache[token % CACHE_SLOTS]) == token;

	truth_add("cache_lookup", start, now_ns(), hit);
	return hit;
}

PROBED int validate_token(uint64_t token)
{
	uint64_t start = now_ns(), delay;
	int result = 0;

	if (cache_lookup(token)) {
		busy_wait(now_ns(), HIT_WORK_NS);
	} else {
		busy_wait(now_ns(), MISS_WORK_NS);
		atomic_store(&cache[token % CACHE_SLOTS], token);
	}
	delay = fault_delay(PART_VALIDATE);
	if (delay)
		sleep_ns(delay);
	if (fault_fails(PART_VALIDATE))
		result = -EACCES;
	truth_add("validate_token", start, now_ns(), result);
	return result;
}
