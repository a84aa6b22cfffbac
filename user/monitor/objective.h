/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How each kind of objective is judged, and limits multiplied as severities need them. */
#ifndef LAPSE_MONITOR_OBJECTIVE_H
#define LAPSE_MONITOR_OBJECTIVE_H

#include "monitor/contract.h"
#include "monitor/samples.h"

enum judgement {
	JUDGED_TOO_FEW, /* samples */
	JUDGED_UNSURE,	/* lost spans could have turned it */
	JUDGED_HELD,
	JUDGED_BREACHED,
};

/* What a window objective is judged by. */
struct objective_input {
	struct samples samples; /* durations */
	uint64_t count, errors; /* spans */
	uint64_t hits, misses, cache_lost;
	uint64_t opened, not_opened, opening_lost; /* connections */
	bool connections_seen;			   /* ever, opened or standing */
	uint64_t covered_ns;
	bool full;	   /* the whole period is covered, and the process ran all the time */
	uint64_t n_values; /* of the objective's captured value */
	int64_t value_sum;
	uint64_t in_flight;
	uint64_t lost;				  /* spans of the window that tracing missed */
	double memory;				  /* bytes; NAN: not known */
	uint64_t ticks, ticks_up, ticks_doubtful; /* observed, and what they were */
	bool all_ticks;				  /* no more of them will ever count */
};

/* Judges a window objective; sets *@measured unless there are too few samples. */
enum judgement objective_judge(const struct objective *objective, const struct objective_input *input,
			       double *measured);

/* Samples without which it is not judged; 0 for objectives that need no window. */
uint64_t objective_samples_needed(const struct objective *objective);

/* limit * multiplier, at a whole number where it is meant to be one. */
double limit_times(double limit, double multiplier);
/* Where @multiplier puts it: further up for an upper limit, further down for a lower one, whatever its
 * sign. A limit of 0 stays where it is. */
double limit_at(const struct objective *objective, double multiplier);
/* Beyond this a breach is critical. */
double limit_critical(const struct objective *objective, const struct thresholds *thresholds);

#endif
