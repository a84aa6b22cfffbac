// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/causes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "monitor/explain.h"

const double cause_shares[CAUSE_BANDS] = {1, 0.1, 0.01};

/* What is shown as 100 %. */
#define EVERYTHING 0.995

/* ---- kept ------------------------------------------------------------------------------------------ */

static void free_mark(struct causes_mark *mark)
{
	why_rows_free(&mark->rows);
	free(mark->names);
}

void causes_free(struct causes *causes)
{
	for (size_t i = 0; i < causes->n_marks; i++)
		free_mark(&causes->mark[i]);
	if (causes->state)
		why_rows_free(&causes->state->rows);
	free(causes->state);
	free(causes->names);
}

static void drop_oldest(struct causes *causes)
{
	free_mark(&causes->mark[0]);
	memmove(&causes->mark[0], &causes->mark[1], --causes->n_marks * sizeof(causes->mark[0]));
}

static int mark(struct causes *causes, uint64_t tick)
{
	struct causes_mark new = {.tick = tick};

	if (!why_rows_copy(&new.rows, &causes->state->rows))
		return -ENOMEM;
	if (causes->n_marks == CAUSES_MARKS)
		drop_oldest(causes);
	causes->mark[causes->n_marks++] = new;
	return 0;
}

int causes_watch_windows(struct causes *causes, uint64_t tick)
{
	if (causes->state)
		return mark(causes, tick);
	causes->mark[0] = (struct causes_mark){.tick = tick};
	causes->n_marks = 1;
	return 0;
}

static bool is_due(const struct causes *causes, uint64_t tick)
{
	uint64_t spacing = causes->spacing ? causes->spacing : 1;

	return causes->n_marks && tick >= causes->mark[causes->n_marks - 1].tick + spacing;
}

int causes_take(struct causes *causes, const struct why_rows *rows, uint64_t tick)
{
	if (!rows->kept || (!causes->state && !rows->n))
		return 0;
	if (!causes->state)
		causes->state = calloc(1, sizeof(*causes->state));
	if (!causes->state || !why_rows_copy(&causes->state->rows, rows))
		return -ENOMEM;
	causes->state->stale = true;
	return is_due(causes, tick) ? mark(causes, tick) : 0;
}

static void name(struct names **names, const struct lapse_span *span)
{
	if (!*names)
		*names = calloc(1, sizeof(**names));
	if (*names)
		explain_names(span, *names);
}

void causes_span(struct causes *causes, const struct lapse_span *span)
{
	if (!span_why(span))
		return;
	name(&causes->names, span);
	if (causes->n_marks)
		name(&causes->mark[causes->n_marks - 1].names, span);
}

/* ---- bands ------------------------------------------------------------------------------------------- */

static const struct why_rows the_start;

/* Row @i since @before. */
static struct lapse_why_row row_since(const struct why_rows *rows, const struct why_rows *before, size_t i)
{
	struct lapse_why_row row = *why_row(rows, i);
	const struct lapse_why_row *less = why_row(before, i);

	row.count -= less->count;
	row.sum_ns -= less->sum_ns;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		row.ns[cause] -= less->ns[cause];
	return row;
}

static void add_row(struct lapse_why_row *sum, const struct lapse_why_row *row)
{
	sum->count += row->count;
	sum->sum_ns += row->sum_ns;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		sum->ns[cause] += row->ns[cause];
}

static double count_of(const struct why_rows *rows, const struct why_rows *before)
{
	uint64_t count = 0;

	for (size_t i = 0; i < LAPSE_WHY_ROWS; i++)
		count += why_row(rows, i)->count - why_row(before, i)->count;
	return (double)count;
}

/* The rows from the slowest down to where they hold @wanted spans, but none below @least; *from is the
 * last of them. */
static struct lapse_why_row slowest(const struct why_rows *rows, const struct why_rows *before, double wanted,
				    uint32_t least, uint32_t *from)
{
	struct lapse_why_row sum = {0};

	*from = LAPSE_WHY_ROWS;
	while (*from > least && (double)sum.count < wanted) {
		struct lapse_why_row row = row_since(rows, before, --*from);

		add_row(&sum, &row);
	}
	return sum;
}

/* What is left of the time the threads ran. A wait that began before the probe's own clock was read may be a
 * hair longer than the span. */
static void describe(struct cause_band *band, double share, double all, const struct lapse_why_row *sum)
{
	double rest = (double)sum->sum_ns;

	*band = (struct cause_band){.share = share, .held = (double)sum->count / all, .count = sum->count};
	band->mean_ns = (double)sum->sum_ns / (double)sum->count;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++) {
		band->part[cause] = sum->sum_ns ? (double)sum->ns[cause] / (double)sum->sum_ns : 0;
		rest -= (double)sum->ns[cause];
	}
	band->part[LAPSE_CAUSES] = sum->sum_ns && rest > 0 ? rest / (double)sum->sum_ns : 0;
}

/* A narrower band that comes to the same as the one before it would say nothing new. */
static bool says_more(const struct lapse_why_row *sum, double all, const struct cause_band *before)
{
	return sum->count < before->count && (double)sum->count < EVERYTHING * all;
}

static size_t describe_bands(const struct causes *causes, struct cause_band bands[CAUSE_BANDS])
{
	const struct why_rows *rows = &causes->state->rows;
	const struct names *lists[] = {causes->names};
	double all = count_of(rows, &the_start);
	size_t n = 0;

	for (size_t i = 0; i < CAUSE_BANDS && all * cause_shares[i] >= 1; i++) {
		uint32_t from;
		struct lapse_why_row sum = slowest(rows, &the_start, all * cause_shares[i], 0, &from);

		if (n && !says_more(&sum, all, &bands[n - 1]))
			continue;
		describe(&bands[n], cause_shares[i], all, &sum);
		names_describe(lists, 1, from, &bands[n++]);
	}
	return n;
}

size_t causes_bands(struct causes *causes, const struct cause_band **bands)
{
	struct causes_state *state = causes->state;

	if (!state)
		return 0;
	if (state->stale)
		state->n_bands = describe_bands(causes, state->bands);
	state->stale = false;
	*bands = state->bands;
	return state->n_bands;
}

/* ---- a stretch of time ------------------------------------------------------------------------------------
 */

/* The newest mark at or before the end of the tick before @first; else the oldest. */
static size_t mark_before(const struct causes *causes, uint64_t first)
{
	size_t i = causes->n_marks - 1;

	while (i > 0 && causes->mark[i].tick >= first)
		i--;
	return i;
}

static bool describe_since(const struct causes *causes, size_t since, double share, uint32_t least,
			   struct cause_band *band)
{
	const struct why_rows *before = &causes->mark[since].rows;
	const struct names *lists[CAUSES_MARKS];
	double all = count_of(&causes->state->rows, before);
	struct lapse_why_row sum;
	uint32_t from;

	for (size_t i = since; i < causes->n_marks; i++)
		lists[i - since] = causes->mark[i].names;
	sum = slowest(&causes->state->rows, before, all * share, least, &from);
	if (!sum.count)
		return false;
	describe(band, share, all, &sum);
	names_describe(lists, causes->n_marks - since, from, band);
	return true;
}

bool causes_of_window(struct causes *causes, double share, uint64_t first, uint64_t last,
		      struct cause_band *band)
{
	uint64_t ticks = last >= first ? last - first + 1 : 1;

	causes->spacing = (ticks + CAUSES_MARKS - 3) / (CAUSES_MARKS - 2);
	if (!causes->n_marks || !causes->state)
		return false;
	return describe_since(causes, mark_before(causes, first), share, 0, band);
}

bool causes_beyond(struct causes *causes, uint64_t limit_ns, uint64_t tick, struct cause_band *band)
{
	if (!causes->n_marks || !causes->state)
		return false;
	return describe_since(causes, mark_before(causes, tick), 1, lapse_bucket(limit_ns, LAPSE_WHY_BITS),
			      band);
}
