// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of objectives: one row a kind, and the function that judges it at a tick. */
#include "monitor/objective.h"

#include <math.h>
#include <string.h>

#include "monitor/rank.h"

typedef enum judgement judge_function(const struct objective *, const struct objective_input *, double *);
static judge_function judge_percentile, judge_error_rate, judge_failure_rate, judge_hit_rate,
	judge_throughput, judge_mean, judge_memory, judge_pool, judge_uptime, judge_backlog;

struct row {
	struct objective_kind_info info;
	judge_function *judge; /* NULL: span by span, or by what it burns */
};

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

#define ERROR_RATE(id, name, type, system, judge, about)  \
	{                                                 \
		{.kind = id,                              \
		 .key = name,                             \
		 .violation = type,                       \
		 .quantity = QUANTITY_RATE,               \
		 .source = SOURCE_OUTCOMES,               \
		 .severity_rule = SEVERITY_BY_ERROR_RATE, \
		 .upper = true,                           \
		 .of_system = system,                     \
		 .help = about},                          \
			judge                             \
	}

#define VALUE(id, name, is_upper)                              \
	{                                                      \
		{.kind = id,                                   \
		 .key = name,                                  \
		 .violation = "VALUE_VIOLATION",               \
		 .quantity = QUANTITY_COUNT,                   \
		 .source = SOURCE_VALUE,                       \
		 .upper = is_upper,                            \
		 .per_span = true,                             \
		 .names_value = true,                          \
		 .help = "every captured value of this name"}, \
			NULL                                   \
	}

#define BUDGET(id, name, type, what, about)         \
	{                                           \
		{.kind = id,                        \
		 .key = name,                       \
		 .violation = type,                 \
		 .quantity = QUANTITY_BURN,         \
		 .source = what,                    \
		 .severity_rule = SEVERITY_BY_BURN, \
		 .upper = true,                     \
		 .by_burn = true,                   \
		 .help = about},                    \
			NULL                        \
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
	[OBJ_MAX_ERROR_RATE] =
		ERROR_RATE(OBJ_MAX_ERROR_RATE, "max_error_rate", "ERROR_RATE_VIOLATION", false,
			   judge_error_rate, "the share of spans that failed, over the window"),
	[OBJ_MAX_FAILURE_RATE] = ERROR_RATE(
		OBJ_MAX_FAILURE_RATE, "max_failure_rate", "FAILURE_RATE_VIOLATION", false, judge_failure_rate,
		"the share of spans that failed, and of connections that could not be opened, over "
		"the window"),
	[OBJ_MIN_CACHE_HIT_RATE] = {{.kind = OBJ_MIN_CACHE_HIT_RATE,
				     .key = "min_cache_hit_rate",
				     .violation = "CACHE_HIT_RATE_VIOLATION",
				     .quantity = QUANTITY_RATE,
				     .source = SOURCE_CACHE,
				     .severity_rule = SEVERITY_WARNING,
				     .help = "the share of the cache's look-ups that hit, over the window"},
				    judge_hit_rate},
	[OBJ_MIN_THROUGHPUT] = {{.kind = OBJ_MIN_THROUGHPUT,
				 .key = "min_throughput",
				 .violation = "THROUGHPUT_VIOLATION",
				 .quantity = QUANTITY_THROUGHPUT,
				 .source = SOURCE_SPANS,
				 .by_period = true,
				 .help = "spans that ended in a unit of time"},
				judge_throughput},
	[OBJ_MIN_BATCH_SIZE] = {{.kind = OBJ_MIN_BATCH_SIZE,
				 .key = "min_batch_size",
				 .violation = "BATCH_SIZE_VIOLATION",
				 .quantity = QUANTITY_COUNT,
				 .source = SOURCE_VALUE,
				 .value = "batch_size",
				 .help = "the mean of the captured value batch_size over the window"},
				judge_mean},
	[OBJ_MAX_MEMORY] =
		{{.kind = OBJ_MAX_MEMORY,
		  .key = "max_memory",
		  .violation = "MEMORY_VIOLATION",
		  .quantity = QUANTITY_SIZE,
		  .source = SOURCE_MEMORY,
		  .upper = true,
		  .at_tick = true,
		  .help = "what its processes have in memory, or the captured value memory, each second"},
		 judge_memory},
	[OBJ_MIN_POOL_EFFICIENCY] =
		{{.kind = OBJ_MIN_POOL_EFFICIENCY,
		  .key = "min_pool_efficiency",
		  .violation = "POOL_EFFICIENCY_VIOLATION",
		  .quantity = QUANTITY_RATE,
		  .source = SOURCE_REUSE,
		  .help = "the share of spans for which no connection was opened, over the "
			  "window"},
		 judge_pool},
	[OBJ_MAX_CONNECTION_TIME] = {{.kind = OBJ_MAX_CONNECTION_TIME,
				      .key = "max_connection_time",
				      .violation = "CONNECTION_TIME_VIOLATION",
				      .quantity = QUANTITY_DURATION,
				      .source = SOURCE_CONNECTS,
				      .upper = true,
				      .per_span = true,
				      .help = "how long each connection took to be opened"},
				     NULL},
	[OBJ_MIN_UPTIME] = {{.kind = OBJ_MIN_UPTIME,
			     .key = "min_uptime",
			     .violation = "UPTIME_VIOLATION",
			     .quantity = QUANTITY_RATE,
			     .source = SOURCE_SPANS,
			     .severity_rule = SEVERITY_BY_UPTIME,
			     .by_ticks = true,
			     .help = "the share of seconds in which it was up"},
			    judge_uptime},
	[OBJ_MAX_BACKLOG] = {{.kind = OBJ_MAX_BACKLOG,
			      .key = "max_backlog",
			      .violation = "BACKLOG_VIOLATION",
			      .quantity = QUANTITY_COUNT,
			      .source = SOURCE_OPEN,
			      .upper = true,
			      .at_tick = true,
			      .help = "spans in flight, each second; of tcp:accept, the accept queue"},
			     judge_backlog},
	[OBJ_MAX_VALUE] = VALUE(OBJ_MAX_VALUE, "max_value", true),
	[OBJ_MIN_VALUE] = VALUE(OBJ_MIN_VALUE, "min_value", false),
	[OBJ_MAX_SYSTEM_ERROR_RATE] =
		ERROR_RATE(OBJ_MAX_SYSTEM_ERROR_RATE, "max_error_rate", "SYSTEM_ERROR_RATE_VIOLATION", true,
			   judge_error_rate, "the share of failed spans among those of all components"),
	[OBJ_LATENCY_BUDGET] =
		BUDGET(OBJ_LATENCY_BUDGET, "max_latency", "LATENCY_VIOLATION", SOURCE_DURATIONS,
		       "how fast too many slow spans use up what the target leaves"),
	[OBJ_ERROR_BUDGET] =
		BUDGET(OBJ_ERROR_BUDGET, "max_error_rate", "ERROR_RATE_VIOLATION", SOURCE_OUTCOMES,
		       "how fast too many failed spans use up the share that may fail"),
	[OBJ_FAILURE_BUDGET] =
		BUDGET(OBJ_FAILURE_BUDGET, "max_failure_rate", "FAILURE_RATE_VIOLATION", SOURCE_OUTCOMES,
		       "how fast too many failed spans and connections use up the share that may fail"),
};

const struct objective_kind_info *objective_info(enum objective_kind kind)
{
	return &rows[kind].info;
}

const struct objective_kind_info *objective_by_key(const char *key)
{
	size_t i;

	for (i = 0; i < OBJ_KINDS; i++) {
		if (!rows[i].info.of_system && !rows[i].info.by_burn && !strcmp(rows[i].info.key, key))
			return &rows[i].info;
	}
	return NULL;
}

const struct objective_kind_info *objective_by_budget(enum objective_kind kind)
{
	for (size_t i = 0; i < OBJ_KINDS; i++)
		if (rows[i].info.by_burn && !strcmp(rows[i].info.key, rows[kind].info.key))
			return &rows[i].info;
	return NULL;
}

double objective_duration(const struct objective *objective)
{
	return objective->kind == OBJ_LATENCY_BUDGET ? objective->span_limit : objective->limit;
}

const char *objective_value(const struct objective *objective)
{
	const struct objective_kind_info *info = objective_info(objective->kind);

	return info->names_value ? objective->value : info->value;
}

/* ---- samples ---------------------------------------------------------------------------------- */

/* ceil(1 / @share), where a share that was written in percent may lie a hair beside it. */
static uint64_t for_share(double share)
{
	double needed = 1 / share;

	return (uint64_t)ceil(needed - needed * 1e-9);
}

/* A rate of all or nothing has no share to be seen. */
static uint64_t for_rate(const struct objective *objective, bool upper)
{
	double share = upper ? objective->limit : 1 - objective->limit;
	uint64_t needed = share > 0 && share < 1 ? for_share(share) : 0;

	return needed > RANK_MIN_SAMPLES ? needed : RANK_MIN_SAMPLES;
}

uint64_t objective_samples_needed(const struct objective *objective)
{
	const struct objective_kind_info *info = objective_info(objective->kind);

	if (info->per_span || info->at_tick || info->by_period || info->by_burn)
		return 0;
	if (objective->min_samples)
		return objective->min_samples;
	if (info->by_ticks)
		return objective->limit < 1 ? for_share(1 - objective->limit) : 1;
	if (info->quantity == QUANTITY_RATE)
		return for_rate(objective, info->upper);
	return info->quantile > 0 ? rank_samples_needed(rank_permille(info->quantile)) : RANK_MIN_SAMPLES;
}

/* ---- judging ----------------------------------------------------------------------------------- */

/* What the worst and the best that lost spans may have been would make of it; at least one is so. */
static enum judgement judgement_of(bool may_breach, bool may_hold)
{
	if (may_breach && may_hold)
		return JUDGED_UNSURE;
	return may_breach ? JUDGED_BREACHED : JUDGED_HELD;
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
	return judgement_of(may_breach, may_hold);
}

/* @part of @whole is more than the limit; with counts, because 7 / 1000 is above 0.7 / 100 as doubles. */
static bool share_above(uint64_t part, uint64_t whole, double limit)
{
	return (double)part > limit_times(limit, (double)whole);
}

static bool share_below(uint64_t part, uint64_t whole, double limit)
{
	return (double)part < limit_times(limit, (double)whole);
}

/* Lost spans may all have failed, or none of them. */
static enum judgement judge_error_rate(const struct objective *objective, const struct objective_input *input,
				       double *measured)
{
	uint64_t all = input->count + input->lost;

	if (!input->count || input->count < objective_samples_needed(objective))
		return JUDGED_TOO_FEW;
	*measured = (double)input->errors / (double)input->count;
	return judgement_of(share_above(input->errors + input->lost, all, objective->limit),
			    !share_above(input->errors, all, objective->limit));
}

/* The same, with connections that could not be opened as failures more. */
static enum judgement judge_failure_rate(const struct objective *objective,
					 const struct objective_input *input, double *measured)
{
	struct objective_input all = *input;

	all.count += input->not_opened;
	all.errors += input->not_opened;
	all.lost += input->opening_lost;
	return judge_error_rate(objective, &all, measured);
}

/* Lost look-ups may all have missed, or all have hit. */
static enum judgement judge_hit_rate(const struct objective *objective, const struct objective_input *input,
				     double *measured)
{
	uint64_t n = input->hits + input->misses, all = n + input->cache_lost;

	if (!n || n < objective_samples_needed(objective))
		return JUDGED_TOO_FEW;
	*measured = (double)input->hits / (double)n;
	return judgement_of(share_below(input->hits, all, objective->limit),
			    !share_below(input->hits + input->cache_lost, all, objective->limit));
}

/* Lost spans may have ended in time, or not at all. */
static enum judgement judge_throughput(const struct objective *objective, const struct objective_input *input,
				       double *measured)
{
	double wanted = limit_times(objective->limit, (double)input->covered_ns / 1e9);

	if (!input->full)
		return JUDGED_TOO_FEW;
	*measured = (double)input->count / ((double)input->covered_ns / 1e9);
	return judgement_of((double)input->count < wanted, (double)(input->count + input->lost) >= wanted);
}

/* A lost batch may have been empty; it may also have been so large that the mean holds after all. */
static enum judgement judge_mean(const struct objective *objective, const struct objective_input *input,
				 double *measured)
{
	double sum = (double)input->value_sum, all = (double)(input->n_values + input->lost);

	if (!input->n_values || input->n_values < objective_samples_needed(objective))
		return JUDGED_TOO_FEW;
	*measured = sum / (double)input->n_values;
	return judgement_of(sum < limit_times(objective->limit, all),
			    input->lost || *measured >= objective->limit);
}

/* Spans that found a connection open: all but one for each that was opened. */
static uint64_t reused(uint64_t spans, uint64_t opened)
{
	return spans > opened ? spans - opened : 0;
}

/*
 * Connections whose opening was lost may have been opened, or not; spans that were lost may have ended. Where
 * no connection was ever seen, none is opened because all are reused, or because the probe is about others:
 * that cannot be told.
 */
static enum judgement judge_pool(const struct objective *objective, const struct objective_input *input,
				 double *measured)
{
	uint64_t n = input->count, all = n + input->lost, opened = input->opened;

	if (!n || n < objective_samples_needed(objective) || !input->connections_seen)
		return JUDGED_TOO_FEW;
	*measured = (double)reused(n, opened) / (double)n;
	return judgement_of(share_below(reused(n, opened + input->opening_lost), n, objective->limit),
			    !share_below(reused(all, opened), all, objective->limit));
}

static enum judgement judge_memory(const struct objective *objective, const struct objective_input *input,
				   double *measured)
{
	if (isnan(input->memory))
		return JUDGED_TOO_FEW;
	*measured = input->memory;
	return *measured > objective->limit ? JUDGED_BREACHED : JUDGED_HELD;
}

/*
 * A share of too few seconds says nothing, unless it would be too low even if it were up in all that are
 * missing: then that share is what is measured.
 */
static enum judgement judge_uptime(const struct objective *objective, const struct objective_input *input,
				   double *measured)
{
	uint64_t needed = objective_samples_needed(objective), n = input->ticks, up = input->ticks_up;
	bool enough = n && (n >= needed || input->all_ticks);

	if (!enough) {
		up += needed - n;
		n = needed;
	}
	*measured = (double)(up + input->ticks_doubtful) / (double)n;
	if (enough)
		return judgement_of(share_below(up, n, objective->limit),
				    !share_below(up + input->ticks_doubtful, n, objective->limit));
	return share_below(up + input->ticks_doubtful, n, objective->limit) ? JUDGED_BREACHED
									    : JUDGED_TOO_FEW;
}

/* Lost spans may be in flight still. */
static enum judgement judge_backlog(const struct objective *objective, const struct objective_input *input,
				    double *measured)
{
	*measured = (double)input->in_flight;
	return judgement_of((double)(input->in_flight + input->lost) > objective->limit,
			    *measured <= objective->limit);
}

enum judgement objective_judge(const struct objective *objective, const struct objective_input *input,
			       double *measured)
{
	return rows[objective->kind].judge(objective, input, measured);
}
