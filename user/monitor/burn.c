// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/burn.h"

#include <math.h>
#include <string.h>

#include "monitor/rank.h"

#define MIN_NS	  (60 * 1000000000ULL)
#define HOUR_NS	  (60 * MIN_NS)
#define DAY_NS	  (24 * HOUR_NS)
#define PERIOD_NS (30 * DAY_NS)

static const struct burn_pair pairs[BURN_PAIRS] = {
	{HOUR_NS, 5 * MIN_NS, 14.4, SEV_CRITICAL},
	{6 * HOUR_NS, 30 * MIN_NS, 6, SEV_CRITICAL},
	{3 * DAY_NS, 6 * HOUR_NS, 1, SEV_WARNING},
};

static uint64_t scaled(uint64_t ns, uint64_t period_ns)
{
	return period_ns < PERIOD_NS ? (uint64_t)((unsigned __int128)ns * period_ns / PERIOD_NS) : ns;
}

struct burn_pair burn_pair(size_t i, uint64_t period_ns)
{
	struct burn_pair pair = pairs[i];

	pair.long_ns = scaled(pair.long_ns, period_ns);
	pair.short_ns = scaled(pair.short_ns, period_ns);
	return pair;
}

/* ---- counting --------------------------------------------------------------------------------- */

static uint64_t whole_ticks(uint64_t ns, uint64_t tick_ns)
{
	return ns > tick_ns ? (ns + tick_ns - 1) / tick_ns * tick_ns : tick_ns;
}

static void init_window(struct burn_window *w, uint64_t length_ns, uint64_t tick_ns)
{
	w->length_ns = whole_ticks(length_ns, tick_ns);
	w->slot_ns = whole_ticks((w->length_ns + BURN_SLOTS - 2) / (BURN_SLOTS - 1), tick_ns);
}

void burn_init(struct burn *burn, const struct objective *objective, uint64_t tick_ns)
{
	memset(burn, 0, sizeof(*burn));
	burn->budget = objective->budget;
	for (size_t i = 0; i < BURN_PAIRS; i++) {
		struct burn_pair pair = burn_pair(i, objective->period_ns);

		init_window(&burn->windows[i][BURN_LONG], pair.long_ns, tick_ns);
		init_window(&burn->windows[i][BURN_SHORT], pair.short_ns, tick_ns);
	}
}

static void count_add(struct burn_count *to, const struct burn_count *more)
{
	to->bad += more->bad;
	to->total += more->total;
	to->lost += more->lost;
}

static void count_sub(struct burn_count *from, const struct burn_count *less)
{
	from->bad -= less->bad;
	from->total -= less->total;
	from->lost -= less->lost;
}

/* The slots that the window needs, and one that fills. */
static uint64_t slots_of(const struct burn_window *w)
{
	return (w->length_ns + w->slot_ns - 1) / w->slot_ns + 1;
}

/* Slots that the window has left behind go, those that come are empty. */
static void advance(struct burn_window *w, uint64_t slot)
{
	uint64_t n = slots_of(w);

	if (slot >= w->newest + n) {
		memset(w->slots, 0, sizeof(w->slots));
		memset(&w->sum, 0, sizeof(w->sum));
		w->newest = slot;
	}
	while (w->newest < slot) {
		struct burn_count *oldest = &w->slots[++w->newest % n];

		count_sub(&w->sum, oldest);
		*oldest = (struct burn_count){0};
	}
}

static void add(struct burn_window *w, uint64_t since_start_ns, const struct burn_count *more)
{
	advance(w, since_start_ns ? (since_start_ns - 1) / w->slot_ns : 0);
	count_add(&w->slots[w->newest % slots_of(w)], more);
	count_add(&w->sum, more);
}

void burn_add(struct burn *burn, uint64_t since_start_ns, const struct burn_count *more)
{
	for (size_t i = 0; i < BURN_PAIRS; i++) {
		add(&burn->windows[i][BURN_LONG], since_start_ns, more);
		add(&burn->windows[i][BURN_SHORT], since_start_ns, more);
	}
}

/* ---- judging ---------------------------------------------------------------------------------- */

/* How many times as many spans the window will hold as there are @total now. */
static double stretch(const struct burn_window *w, uint64_t since_start_ns)
{
	return since_start_ns && since_start_ns < w->length_ns ? (double)w->length_ns / (double)since_start_ns
							       : 1;
}

/* Of @total spans so many are @bad that the budget burns faster than @share of them says. */
static bool burns(const struct burn_window *w, uint64_t since_start_ns, double share, uint64_t bad)
{
	double total = (double)(w->sum.total + w->sum.lost) * stretch(w, since_start_ns);

	return (double)bad > limit_times(share, total);
}

static uint64_t needed(double share)
{
	double n = ceil(1 / share * (1 - 1e-9));

	return n > RANK_MIN_SAMPLES ? (uint64_t)n : RANK_MIN_SAMPLES;
}

static enum judgement judge_pair(const struct burn_window windows[BURN_LENGTHS], uint64_t since_start_ns,
				 double share)
{
	bool surely = true;

	for (int i = BURN_LONG; i < BURN_LENGTHS; i++) {
		const struct burn_window *w = &windows[i];

		if (w->sum.total < needed(share))
			return JUDGED_TOO_FEW;
		if (!burns(w, since_start_ns, share, w->sum.bad + w->sum.lost))
			return JUDGED_HELD;
		surely &= burns(w, since_start_ns, share, w->sum.bad);
	}
	return surely ? JUDGED_BREACHED : JUDGED_UNSURE;
}

static double rate_of(const struct burn *burn, const struct burn_window *w, uint64_t since_start_ns)
{
	double total = (double)w->sum.total * stretch(w, since_start_ns);

	return total > 0 ? (double)w->sum.bad / total / burn->budget : 0;
}

/* What is said more loudly: that it burns, that it may, that too little is known; that it does not. */
static int weight(enum judgement judgement)
{
	static const int weights[] = {
		[JUDGED_HELD] = 0, [JUDGED_TOO_FEW] = 1, [JUDGED_UNSURE] = 2, [JUDGED_BREACHED] = 3};

	return weights[judgement];
}

/* Whether @a says more of the budget than @b. */
static bool is_nearer(const struct burning *a, const struct burning *b)
{
	return a->rate / a->limit > b->rate / b->limit;
}

/* Of pairs that burn the first speaks, which is the fastest; where none does, the one that is nearest to it.
 * No budget can burn faster than all of its spans make it. */
enum judgement burn_judge(const struct burn *burn, uint64_t since_start_ns, struct burning *burning)
{
	enum judgement all = JUDGED_HELD;

	*burning = (struct burning){.rate = -1, .limit = 1};
	for (size_t i = 0; i < BURN_PAIRS; i++) {
		const struct burn_window *w = burn->windows[i];
		double share = pairs[i].rate * burn->budget;
		enum judgement judgement = share < 1 ? judge_pair(w, since_start_ns, share) : JUDGED_HELD;
		struct burning one = {rate_of(burn, &w[BURN_LONG], since_start_ns), pairs[i].rate,
				      pairs[i].severity, w[BURN_LONG].length_ns};

		if (weight(judgement) > weight(all) ||
		    (all != JUDGED_BREACHED && judgement == all && is_nearer(&one, burning)))
			*burning = one;
		all = weight(judgement) > weight(all) ? judgement : all;
	}
	return all;
}
