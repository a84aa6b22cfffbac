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
	why_rows_free(&causes->marked);
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

static void add_row(struct lapse_why_row *sum, const struct lapse_why_row *row)
{
	sum->count += row->count;
	sum->sum_ns += row->sum_ns;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		sum->ns[cause] += row->ns[cause];
}

static void subtract_row(struct lapse_why_row *sum, const struct lapse_why_row *row)
{
	sum->count -= row->count;
	sum->sum_ns -= row->sum_ns;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		sum->ns[cause] -= row->ns[cause];
}

/* Adds what has been counted since the last mark to @all, which are LAPSE_WHY_ROWS. */
static void add_since_marked(const struct causes *causes, struct lapse_why_row *all)
{
	const struct why_rows *now = &causes->state->rows, *before = &causes->marked;

	for (uint32_t i = 0; i < now->n; i++)
		add_row(&all[now->first + i], &now->row[i]);
	for (uint32_t i = 0; i < before->n; i++)
		subtract_row(&all[before->first + i], &before->row[i]);
}

/* The last mark's stretch ends now. 0 or -ENOMEM. */
static int end_stretch(struct causes *causes)
{
	struct lapse_why_row all[LAPSE_WHY_ROWS] = {0};
	struct causes_mark *last = causes->n_marks ? &causes->mark[causes->n_marks - 1] : NULL;
	struct why_rows counted;

	if (!last)
		return 0;
	add_since_marked(causes, all);
	counted = why_rows_of_stretch(all);
	return why_rows_copy(&last->rows, &counted) ? 0 : -ENOMEM;
}

static int mark(struct causes *causes, uint64_t tick)
{
	int err = end_stretch(causes);

	if (err)
		return err;
	/* Without memory the stretch has not ended: what has come since stands for it still. */
	if (!why_rows_copy(&causes->marked, &causes->state->rows)) {
		if (causes->n_marks)
			why_rows_free(&causes->mark[causes->n_marks - 1].rows);
		return -ENOMEM;
	}
	if (causes->n_marks == CAUSES_MARKS)
		drop_oldest(causes);
	causes->mark[causes->n_marks++] = (struct causes_mark){.tick = tick};
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

static double count_of(const struct why_rows *rows)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < rows->n; i++)
		count += rows->row[i].count;
	return (double)count;
}

/* The rows from the slowest down to where they hold @wanted spans, but none below @least; *from is the
 * last of them. */
static struct lapse_why_row slowest(const struct why_rows *rows, double wanted, uint32_t least,
				    uint32_t *from)
{
	struct lapse_why_row sum = {0};

	*from = LAPSE_WHY_ROWS;
	while (*from > least && (double)sum.count < wanted)
		add_row(&sum, why_row(rows, --*from));
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
	double all = count_of(rows);
	size_t n = 0;

	for (size_t i = 0; i < CAUSE_BANDS && all * cause_shares[i] >= 1; i++) {
		uint32_t from;
		struct lapse_why_row sum = slowest(rows, all * cause_shares[i], 0, &from);

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
	struct lapse_why_row counted[LAPSE_WHY_ROWS] = {0};
	const struct why_rows rows = {.row = counted, .n = LAPSE_WHY_ROWS};
	const struct names *lists[CAUSES_MARKS];
	struct lapse_why_row sum;
	uint32_t from;
	double all;

	for (size_t i = since; i < causes->n_marks; i++) {
		const struct why_rows *stretch = &causes->mark[i].rows;

		for (uint32_t j = 0; j < stretch->n; j++)
			add_row(&counted[stretch->first + j], &stretch->row[j]);
		lists[i - since] = causes->mark[i].names;
	}
	add_since_marked(causes, counted);
	all = count_of(&rows);
	sum = slowest(&rows, all * share, least, &from);
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
