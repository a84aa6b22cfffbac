// SPDX-License-Identifier: GPL-2.0-or-later
/* Which waits a thread remembers: held against all that it ever had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/blocks.h"

#define ROUNDS 2000
#define WAITS  300

struct history {
	struct lapse_block wait[WAITS];
	size_t n;
	struct lapse_blocks kept;
};

static void wait_for(struct history *history, uint32_t cause, uint64_t duration_ns)
{
	struct lapse_block *wait = &history->wait[history->n++];

	*wait = (struct lapse_block){.end_ns = 1000 * history->n, .duration_ns = duration_ns, .cause = cause};
	blocks_add(&history->kept, wait, 1);
}

/* The longest since @since, of all but cause @but; duration 0: there is none. */
static struct lapse_block longest(const struct history *history, uint64_t since, uint32_t but)
{
	struct lapse_block found = {.cause = LAPSE_CAUSES};

	for (size_t i = 0; i < history->n; i++)
		if (history->wait[i].end_ns >= since && history->wait[i].cause != but &&
		    history->wait[i].duration_ns > found.duration_ns)
			found = history->wait[i];
	return found;
}

static bool is_lost(const struct lapse_block *block)
{
	return !block->duration_ns && block->end_ns;
}

/* Both answers for a span that began at @since; true: one of them was not known. */
static bool holds(struct history *history, uint64_t since)
{
	struct lapse_block got, other;
	struct lapse_block wanted = longest(history, since, LAPSE_CAUSES);

	blocks_longest(&history->kept, since, &got);
	blocks_other(&history->kept, since, 1, &other);
	if (is_lost(&got))
		return true;
	assert_int_equal(got.duration_ns, wanted.duration_ns);
	if (is_lost(&other))
		return true;
	/* Of two that are as long either may be the longest. */
	assert_int_equal(other.duration_ns, longest(history, since, got.cause).duration_ns);
	return false;
}

static bool holds_everywhere(struct history *history)
{
	bool lost = false;

	for (size_t i = 0; i <= history->n; i++)
		lost |= holds(history, 1000 * i + 1);
	return lost;
}

static void whatever_comes(void **state)
{
	static struct history history;
	size_t known = 0;

	(void)state;
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		int n = 1 + rand() % (round % 2 ? 12 : WAITS);

		memset(&history, 0, sizeof(history));
		for (int i = 0; i < n; i++)
			wait_for(&history, (uint32_t)rand() % LAPSE_CAUSES, 1 + (uint64_t)rand() % 1000);
		known += !holds_everywhere(&history);
		/* The outermost span's are known in any case. */
		assert_false(holds(&history, 1));
	}
	assert_true(known > ROUNDS / 4);
}

/* Ever shorter ones are the most that can be asked for. */
static void more_than_there_is_room_for(void **state)
{
	struct history history = {.n = 0};
	struct lapse_block got;

	(void)state;
	for (uint64_t i = 0; i < LAPSE_BLOCKS; i++)
		wait_for(&history, LAPSE_LOCK, 1000 - i);
	assert_false(holds_everywhere(&history));
	for (uint64_t i = LAPSE_BLOCKS; i < 100; i++)
		wait_for(&history, LAPSE_LOCK, 1000 - i);
	assert_true(holds_everywhere(&history));
	assert_false(holds(&history, 1));
	/* Those that began before one that was lost, and have none that is as long, are told so. */
	blocks_longest(&history.kept, 1000 * 50, &got);
	assert_true(is_lost(&got));
	/* The last ones are known. */
	for (size_t i = 0; i < 5; i++)
		assert_false(holds(&history, 1000 * (history.n - i)));
	/* A longer one answers for all again. */
	wait_for(&history, LAPSE_LOCK, 2000);
	blocks_longest(&history.kept, 1000 * 50, &got);
	assert_int_equal(got.duration_ns, 2000);
}

static void of_an_outermost_span(void **state)
{
	struct history history = {.n = 0};
	struct lapse_block got, late = {.end_ns = 900000, .duration_ns = 7, .cause = LAPSE_DISK};

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		wait_for(&history, LAPSE_LOCK, 1000 - i);
	/* One that began later: all that was before is forgotten, with what was lost. */
	blocks_add(&history.kept, &late, 800000);
	blocks_longest(&history.kept, 800000, &got);
	assert_int_equal(got.cause, LAPSE_DISK);
	assert_int_equal(got.duration_ns, 7);
	blocks_longest(&history.kept, 950000, &got);
	assert_int_equal(got.duration_ns, 0);
	assert_false(is_lost(&got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_comes),
		cmocka_unit_test(more_than_there_is_room_for),
		cmocka_unit_test(of_an_outermost_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
