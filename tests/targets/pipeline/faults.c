// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Misbehaviour on command. A share is spread evenly (10 % is every tenth call), never drawn
 * by lot, so that tests repeat.
 */
#include "pipeline.h"

#include <stdatomic.h>

#define WHOLE 1000000 /* shares are in millionths */

struct fault {
	_Atomic uint64_t delay_ns;
	atomic_long slow_share, slow_calls;
	atomic_long fail_share, fail_calls;
};

static struct fault faults[PARTS];

static const char *const part_names[PARTS] = {
	[PART_VALIDATE] = "validate", [PART_RPC] = "rpc",     [PART_BATCH] = "batch",
	[PART_HTTP] = "http",	      [PART_ORDER] = "order", [PART_LOCK] = "lock",
	[PART_CACHE] = "cache",	      [PART_KEEP] = "keep",   [PART_ARRIVAL] = "arrival",
};

/* True for share millionths of the calls, as evenly as can be. */
static bool its_turn(atomic_long *calls, long share)
{
	long n;

	if (!share)
		return false;
	n = atomic_fetch_add(calls, 1);
	return (n + 1) * share / WHOLE > n * share / WHOLE;
}

uint64_t fault_delay(enum part part)
{
	struct fault *fault = &faults[part];

	return its_turn(&fault->slow_calls, atomic_load(&fault->slow_share)) ? atomic_load(&fault->delay_ns)
									     : 0;
}

bool fault_fails(enum part part)
{
	return its_turn(&faults[part].fail_calls, atomic_load(&faults[part].fail_share));
}

int fault_part(const char *name)
{
	int i;

	for (i = 0; name && i < PARTS; i++)
		if (!strcmp(part_names[i], name))
			return i;
	return -1;
}

/* "10%" in millionths; -1 if it is no share. A missing one is all. */
static long parse_share(const char *text)
{
	char *end;
	double value;

	if (!text)
		return WHOLE;
	value = strtod(text, &end);
	if (end == text || strcmp(end, "%") != 0 || value < 0 || value > 100)
		return -1;
	return (long)(value * WHOLE / 100 + 0.5);
}

const char *fault_slow(int part, const char *duration, const char *share_text)
{
	uint64_t ns = duration ? parse_duration(duration) : ~0ULL;
	long share = parse_share(share_text);

	if (part < 0 || part > PART_LOCK)
		return "no such part (validate, rpc, batch, http, order)";
	if (ns == ~0ULL)
		return "a duration with a unit is wanted, such as 40ms";
	if (share < 0)
		return "a share is wanted, such as 10%";
	atomic_store(&faults[part].delay_ns, ns);
	atomic_store(&faults[part].slow_calls, 0);
	atomic_store(&faults[part].slow_share, share);
	return NULL;
}

const char *fault_fail(int part, const char *share_text)
{
	long share = parse_share(share_text);

	if (part < 0 || part == PART_LOCK)
		return "no such part (validate, rpc, batch, http, order, cache, keep, arrival)";
	if (share < 0)
		return "a share is wanted, such as 10%";
	atomic_store(&faults[part].fail_calls, 0);
	atomic_store(&faults[part].fail_share, share);
	return NULL;
}

void faults_heal(void)
{
	int i;

	for (i = 0; i < PARTS; i++) {
		atomic_store(&faults[i].slow_share, 0);
		atomic_store(&faults[i].fail_share, 0);
	}
}
