// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of objectives: one row a kind, and the function that judges it over the window. */
#include "monitor/objective.h"

#include <string.h>

#include "monitor/rank.h"

struct row {
	struct objective_kind_info info;
	/* NULL: span by span. */
	enum judgement (*judge)(const struct objective *, const struct objective_input *, double *measured);
};

static enum judgement judge_percentile(const struct objective *, const struct objective_input *, double *);

#define PERCENTILE(id, name, q)                                            \
	{                                                                  \
		{.kind = id,                                               \
		 .key = "max_" name,                                       \
		 .violation = "PERCENTILE_VIOLATION",                      \
		 .quantity = QUANTITY_DURATION,                            \
		 .upper = true,                                            \
		 .quantile = q,                                            \
		 .help = "the " name " of the durations over the window"}, \
			judge_percentile                                   \
	}

static const struct row rows[OBJ_KINDS] = {
	[OBJ_MAX_LATENCY] = {{.kind = OBJ_MAX_LATENCY,
			      .key = "max_latency",
			      .violation = "LATENCY_VIOLATION",
			      .quantity = QUANTITY_DURATION,
			      .upper = true,
			      .per_span = true,
			      .help = "every span's duration, and the age of one still in flight"},
			     NULL},
	[OBJ_MAX_P50] = PERCENTILE(OBJ_MAX_P50, "p50", 0.50),
	[OBJ_MAX_P90] = PERCENTILE(OBJ_MAX_P90, "p90", 0.90),
	[OBJ_MAX_P95] = PERCENTILE(OBJ_MAX_P95, "p95", 0.95),
	[OBJ_MAX_P99] = PERCENTILE(OBJ_MAX_P99, "p99", 0.99),
	[OBJ_MAX_P999] = PERCENTILE(OBJ_MAX_P999, "p999", 0.999),
};

const struct objective_kind_info *objective_info(enum objective_kind kind)
{
	return &rows[kind].info;
}

const struct objective_kind_info *objective_by_key(const char *key)
{
	size_t i;

	for (i = 0; i < OBJ_KINDS; i++) {
		if (!strcmp(rows[i].info.key, key))
			return &rows[i].info;
	}
	return NULL;
}

uint64_t objective_samples_needed(const struct objective *objective)
{
	const struct objective_kind_info *info = objective_info(objective->kind);

	if (info->per_span)
		return 0;
	if (objective->min_samples)
		return objective->min_samples;
	return rank_samples_needed(rank_permille(info->quantile));
}

/*
 * Of @lost spans no duration is known. Were all of them slow, the wanted rank would move up in
 * what was seen, maybe past its end; were all fast, it would move down. Both must agree with what
 * was seen, or nothing is claimed.
 */
static enum judgement judge_percentile(const struct objective *objective, const struct objective_input *input,
				       double *measured)
{
	unsigned permille = rank_permille(objective_info(objective->kind)->quantile);
	const struct samples *s = &input->samples;
	uint64_t with_lost = rank_of(permille, s->n + input->lost);
	bool may_hold, may_breach;

	if (s->n < 2 || s->n < objective_samples_needed(objective))
		return JUDGED_TOO_FEW;
	*measured = (double)samples_at(s, rank_of(permille, s->n));
	if (!input->lost)
		return *measured > objective->limit ? JUDGED_BREACHED : JUDGED_HELD;
	may_breach = with_lost > s->n || (double)samples_at(s, with_lost) > objective->limit;
	may_hold = with_lost <= input->lost ||
		   (double)samples_at(s, with_lost - input->lost) <= objective->limit;
	if (may_breach && may_hold)
		return JUDGED_UNSURE;
	return may_breach ? JUDGED_BREACHED : JUDGED_HELD;
}

enum judgement objective_judge(const struct objective *objective, const struct objective_input *input,
			       double *measured)
{
	return rows[objective->kind].judge(objective, input, measured);
}
