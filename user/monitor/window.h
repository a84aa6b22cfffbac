/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recent past of a component: a queue of those ticks in which something happened, and views
 * on its newest part. A view is a number of whole ticks that slides by a tick and reaches back,
 * up to a bound, until it holds the samples that an objective needs.
 */
#ifndef LAPSE_MONITOR_WINDOW_H
#define LAPSE_MONITOR_WINDOW_H

#include "monitor/extremes.h"
#include "monitor/histogram.h"
#include "monitor/value_extremes.h"

struct tally {
	uint64_t count, errors, sum_ns;
	uint64_t lost; /* spans that tracing missed: they ended, or began, unseen */
	uint64_t hits, misses, cache_lost;
	uint64_t opened, not_opened, opening_lost; /* connections */
	struct value_tally {
		uint64_t count;
		uint64_t sum; /* signed, modulo 2^64 */
	} value[LAPSE_VALUES];
};

void tally_add(struct tally *to, const struct tally *more);

/* What a view counts when it reaches back for enough samples. */
enum window_samples {
	SAMPLES_DURATIONS,
	SAMPLES_SPANS,	  /* with a duration or without */
	SAMPLES_ATTEMPTS, /* spans, and connections that could not be opened */
	SAMPLES_LOOKUPS,
	SAMPLES_VALUE,				     /* of the first captured value; + 1 of the second ... */
	SAMPLES_NONE = SAMPLES_VALUE + LAPSE_VALUES, /* of a captured value that is not known yet */
};

struct window_tick {
	uint64_t number; /* of the tick */
	struct tally tally;
	uint64_t min, max; /* as far as known; ~0 and 0: no span */
	struct bucket_delta *buckets;
	size_t n_buckets;
	uint64_t samples; /* in the buckets */
};

struct window_view {
	uint64_t ticks, max_ticks; /* wanted, and how far it may reach back */
	uint64_t needed;	   /* samples */
	unsigned samples;	   /* enum window_samples */
	uint64_t first;		   /* number of its oldest tick */
	uint64_t position;	   /* in the queue, of its oldest tick with spans */
	struct tally tally;
	struct histogram histogram;
};

struct window {
	unsigned bits;
	struct window_tick *queue;		       /* at position % size */
	struct value_extremes (*values)[LAPSE_VALUES]; /* of those ticks; NULL: of a component without */
	uint64_t head, tail;	/* positions of the oldest and behind the newest; they only grow */
	size_t size;		/* a power of two */
	struct extremes newest; /* of the newest tick: not settled yet, maybe */
	struct window_view *views;
	size_t n_views;
};

void window_init(struct window *window, unsigned bits);
void window_free(struct window *window);

/* There is a captured value from now on. Others, which are most, spare its room. 0 or -ENOMEM. */
int window_hold_values(struct window *window);

/* The number of the view with the first four of @wanted's figures, made if there is none; first is
 * the number of the tick to come. -ENOMEM. */
int window_view(struct window *window, const struct window_view *wanted);

/* Exact extremes of the tick before @number, or of what @number has held so far. */
void window_settle(struct window *window, uint64_t number, uint64_t min, uint64_t max);
/* The same of captured value @value, where values are held. */
void window_settle_value(struct window *window, uint64_t number, size_t value, int64_t min, int64_t max);
/* Adds what happened in tick @number (buckets are copied), also to what it held already; @bounds are those of
 * the buckets, NULL where there are none ... */
int window_add(struct window *window, uint64_t number, const struct tally *tally,
	       const struct tick_component *input, const struct extremes_bounds *bounds);
/* ... of captured value @value, counted in it by window_add(), the newest @last ... */
void window_expect_value(struct window *window, const struct value_tally *more, size_t value, int64_t last);
/* ... and slides all views so that they end with it. Each tick, after window_add() if any. */
void window_slide(struct window *window, uint64_t number);

/* Makes room in the views of @other for what @window holds. 0 or -ENOMEM. */
int window_reserve(const struct window *window, struct window *other);
/*
 * Has @window the views of @other, which has nothing but them, filled with what @window holds of the ticks up
 * to
 * @number; @other gets its own. There is room in those, by window_reserve(). What no view of @window had
 * reached is not known to it any more.
 */
void window_take_views(struct window *window, struct window *other, uint64_t number);

struct extremes window_extremes(const struct window *window, const struct window_view *view);
struct value_extremes window_value(const struct window *window, const struct window_view *view, size_t value);
/* Sums over the ticks from @first to @last that the queue still holds. */
struct tally window_sum(const struct window *window, uint64_t first, uint64_t last);

#endif
