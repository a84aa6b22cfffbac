// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void window_init(struct window *window, unsigned bits)
{
	memset(window, 0, sizeof(*window));
	window->bits = bits;
}

static struct window_tick *at(const struct window *w, uint64_t position)
{
	return &w->queue[position & (w->size - 1)];
}

/* LAPSE_VALUES, where the window holds values. */
static struct value_extremes *values_at(const struct window *w, uint64_t position)
{
	return w->values[position & (w->size - 1)];
}

void window_free(struct window *window)
{
	size_t i;

	for (; window->head != window->tail; window->head++)
		free(at(window, window->head)->buckets);
	for (i = 0; i < window->n_views; i++)
		histogram_free(&window->views[i].histogram);
	free(window->views);
	free(window->queue);
	free(window->values);
	window_init(window, window->bits);
}

static int add_view(struct window *w, const struct window_view *wanted)
{
	struct window_view *views = realloc(w->views, (w->n_views + 1) * sizeof(*views));

	if (!views)
		return -ENOMEM;
	w->views = views;
	views[w->n_views] = *wanted;
	histogram_init(&views[w->n_views].histogram, w->bits);
	return (int)w->n_views++;
}

int window_view(struct window *window, const struct window_view *wanted)
{
	struct window_view view = *wanted;
	size_t i;

	view.ticks = view.ticks ? view.ticks : 1;
	view.max_ticks = view.max_ticks > view.ticks ? view.max_ticks : view.ticks;
	for (i = 0; i < window->n_views; i++) {
		const struct window_view *v = &window->views[i];

		if (v->ticks == view.ticks && v->max_ticks == view.max_ticks && v->needed == view.needed &&
		    v->samples == view.samples && view.samples != SAMPLES_NONE)
			return (int)i;
	}
	return add_view(window, &view);
}

/* The newest tick with spans, if what comes late in tick @number belongs to it. */
static struct window_tick *late_tick(struct window *w, uint64_t number)
{
	struct window_tick *last;

	if (w->head == w->tail)
		return NULL;
	last = at(w, w->tail - 1);
	return last->number + 1 < number ? NULL : last;
}

void window_settle(struct window *window, uint64_t number, uint64_t min, uint64_t max)
{
	struct window_tick *last = late_tick(window, number);

	if (!last)
		return;
	extremes_settle(&window->newest, min, max);
	extremes_get(&window->newest, &last->min, &last->max);
}

void window_settle_value(struct window *window, uint64_t number, size_t value, int64_t min, int64_t max)
{
	struct window_tick *last = late_tick(window, number);

	if (last)
		value_extremes_settle(&values_at(window, window->tail - 1)[value], min, max);
}

void window_expect_value(struct window *window, const struct value_tally *more, size_t value, int64_t last)
{
	value_extremes_expect(&values_at(window, window->tail - 1)[value], more->count, more->sum, last);
}

static void copy_ticks(const struct window *w, struct window *bigger)
{
	for (uint64_t p = w->head; p != w->tail; p++) {
		*at(bigger, p) = *at(w, p);
		if (w->values)
			memcpy(values_at(bigger, p), values_at(w, p), sizeof(*w->values));
	}
}

static int grow(struct window *w)
{
	struct window bigger = *w;

	bigger.size = w->size ? w->size * 2 : 8;
	bigger.queue = calloc(bigger.size, sizeof(*bigger.queue));
	bigger.values = w->values ? calloc(bigger.size, sizeof(*bigger.values)) : NULL;
	if (!bigger.queue || (w->values && !bigger.values)) {
		free(bigger.queue);
		free(bigger.values);
		return -ENOMEM;
	}
	copy_ticks(w, &bigger);
	free(w->queue);
	free(w->values);
	*w = bigger;
	return 0;
}

int window_hold_values(struct window *window)
{
	struct window *w = window;

	if (w->values)
		return 0;
	if (!w->size && grow(w))
		return -ENOMEM;
	w->values = calloc(w->size, sizeof(*w->values));
	return w->values ? 0 : -ENOMEM;
}

/* Adds to those of @tick, in ascending order again. */
static int add_buckets(struct window_tick *tick, const struct bucket_delta *buckets, size_t n)
{
	struct bucket_delta *all;
	size_t i = 0, k = 0, size = 0;

	if (!n)
		return 0;
	all = malloc((tick->n_buckets + n) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	while (i < tick->n_buckets || k < n) {
		bool mine = i < tick->n_buckets && (k == n || tick->buckets[i].index <= buckets[k].index);
		struct bucket_delta delta = mine ? tick->buckets[i++] : buckets[k++];

		tick->samples += mine ? 0 : delta.count;
		if (size && all[size - 1].index == delta.index)
			all[size - 1].count += delta.count;
		else
			all[size++] = delta;
	}
	free(tick->buckets);
	tick->buckets = all;
	tick->n_buckets = size;
	return 0;
}

void tally_add(struct tally *to, const struct tally *more)
{
	to->count += more->count;
	to->errors += more->errors;
	to->sum_ns += more->sum_ns;
	to->lost += more->lost;
	to->hits += more->hits;
	to->misses += more->misses;
	to->cache_lost += more->cache_lost;
	to->opened += more->opened;
	to->not_opened += more->not_opened;
	to->opening_lost += more->opening_lost;
	for (size_t i = 0; i < LAPSE_VALUES; i++) {
		to->value[i].count += more->value[i].count;
		to->value[i].sum += more->value[i].sum;
	}
}

static void tally_sub(struct tally *from, const struct tally *t)
{
	from->count -= t->count;
	from->errors -= t->errors;
	from->sum_ns -= t->sum_ns;
	from->lost -= t->lost;
	from->hits -= t->hits;
	from->misses -= t->misses;
	from->cache_lost -= t->cache_lost;
	from->opened -= t->opened;
	from->not_opened -= t->not_opened;
	from->opening_lost -= t->opening_lost;
	for (size_t i = 0; i < LAPSE_VALUES; i++) {
		from->value[i].count -= t->value[i].count;
		from->value[i].sum -= t->value[i].sum;
	}
}

/* The tick @number, which is the newest one or becomes it; NULL when out of memory. */
static struct window_tick *newest(struct window *w, uint64_t number)
{
	if (w->tail != w->head && at(w, w->tail - 1)->number == number)
		return at(w, w->tail - 1);
	if (w->tail - w->head == w->size && grow(w))
		return NULL;
	*at(w, w->tail) = (struct window_tick){.number = number, .min = UINT64_MAX};
	if (w->values)
		memset(values_at(w, w->tail), 0, sizeof(*w->values));
	w->newest = (struct extremes){.min = UINT64_MAX};
	return at(w, w->tail++);
}

int window_add(struct window *window, uint64_t number, const struct tally *tally,
	       const struct tick_component *input, const struct extremes_bounds *bounds)
{
	struct window_tick *tick = newest(window, number);
	size_t i;

	if (!tick || add_buckets(tick, input->buckets, input->n_buckets))
		return -ENOMEM;
	if (bounds)
		extremes_expect(&window->newest, bounds);
	extremes_get(&window->newest, &tick->min, &tick->max);
	tally_add(&tick->tally, tally);
	for (i = 0; i < window->n_views; i++) {
		tally_add(&window->views[i].tally, tally);
		if (histogram_add(&window->views[i].histogram, input->buckets, input->n_buckets))
			return -ENOMEM;
	}
	return 0;
}

/* The tick @number if it is the oldest with spans in @view, else NULL: nothing happened in it. */
static const struct window_tick *oldest(const struct window *w, const struct window_view *v, uint64_t number)
{
	const struct window_tick *tick;

	if (v->position == w->tail)
		return NULL;
	tick = at(w, v->position);
	return tick->number == number ? tick : NULL;
}

static uint64_t samples_in(const struct tally *tally, uint64_t durations, unsigned samples)
{
	switch (samples) {
	case SAMPLES_DURATIONS:
		return durations;
	case SAMPLES_SPANS:
		return tally->count;
	case SAMPLES_ATTEMPTS:
		return tally->count + tally->not_opened;
	case SAMPLES_LOOKUPS:
		return tally->hits + tally->misses;
	case SAMPLES_NONE:
		return 0;
	default:
		return tally->value[samples - SAMPLES_VALUE].count;
	}
}

/*
 * The oldest tick may go when the view is longer than wanted and has enough samples without it.
 * As samples are only added at the other end, a tick that may go never has to come back.
 */
static bool may_drop(const struct window_view *v, const struct window_tick *tick, uint64_t number)
{
	uint64_t length = number - v->first + 1;
	uint64_t left = samples_in(&v->tally, v->histogram.total, v->samples);

	if (tick)
		left -= samples_in(&tick->tally, tick->samples, v->samples);
	return length > v->max_ticks || (length > v->ticks && left >= v->needed);
}

static void slide_view(const struct window *w, struct window_view *v, uint64_t number)
{
	for (; v->first <= number; v->first++) {
		const struct window_tick *tick = oldest(w, v, v->first);

		if (!may_drop(v, tick, number))
			break;
		if (!tick)
			continue;
		tally_sub(&v->tally, &tick->tally);
		histogram_sub(&v->histogram, tick->buckets, tick->n_buckets);
		v->position++;
	}
}

void window_slide(struct window *window, uint64_t number)
{
	uint64_t keep = window->tail;
	size_t i;

	for (i = 0; i < window->n_views; i++) {
		slide_view(window, &window->views[i], number);
		if (window->views[i].position < keep)
			keep = window->views[i].position;
	}
	for (; window->head != keep; window->head++)
		free(at(window, window->head)->buckets);
}

/* The oldest tick of which everything is known. */
static uint64_t known_from(const struct window *w, uint64_t number)
{
	uint64_t first = number + 1;
	size_t i;

	for (i = 0; i < w->n_views; i++)
		first = w->views[i].first < first ? w->views[i].first : first;
	return first;
}

int window_reserve(const struct window *window, struct window *other)
{
	uint32_t lo = UINT32_MAX, hi = 0;

	for (uint64_t p = window->head; p != window->tail; p++) {
		const struct window_tick *tick = at(window, p);

		if (!tick->n_buckets)
			continue;
		lo = tick->buckets[0].index < lo ? tick->buckets[0].index : lo;
		hi = tick->buckets[tick->n_buckets - 1].index >= hi
			     ? tick->buckets[tick->n_buckets - 1].index + 1U
			     : hi;
	}
	for (size_t i = 0; i < other->n_views && lo < hi; i++)
		if (histogram_reach(&other->views[i].histogram, lo, hi))
			return -ENOMEM;
	return 0;
}

static void fill_view(const struct window *w, struct window_view *v, uint64_t first)
{
	uint64_t p;

	v->first = first;
	v->position = w->tail;
	for (p = w->tail; p != w->head && at(w, p - 1)->number >= first; p--) {
		const struct window_tick *tick = at(w, p - 1);

		tally_add(&v->tally, &tick->tally);
		histogram_add(&v->histogram, tick->buckets, tick->n_buckets);
		v->position = p - 1;
	}
}

void window_take_views(struct window *window, struct window *other, uint64_t number)
{
	struct window_view *views = window->views;
	uint64_t first = known_from(window, number);
	size_t n = window->n_views, i;

	window->views = other->views;
	window->n_views = other->n_views;
	other->views = views;
	other->n_views = n;
	for (i = 0; i < window->n_views; i++)
		fill_view(window, &window->views[i], first);
	window_slide(window, number);
}

struct extremes window_extremes(const struct window *window, const struct window_view *view)
{
	struct extremes all = {.min = UINT64_MAX};
	uint64_t p;

	for (p = view->position; p != window->tail; p++) {
		const struct window_tick *tick = at(window, p);

		all.min = tick->min < all.min ? tick->min : all.min;
		all.max = tick->max > all.max ? tick->max : all.max;
		all.known |= tick->min <= tick->max;
	}
	return all;
}

struct value_extremes window_value(const struct window *window, const struct window_view *view, size_t value)
{
	struct value_extremes all = {0};
	uint64_t p;

	for (p = view->position; window->values && p != window->tail; p++)
		value_extremes_join(&all, &values_at(window, p)[value]);
	return all;
}

struct tally window_sum(const struct window *window, uint64_t first, uint64_t last)
{
	struct tally sum = {0};
	uint64_t p;

	for (p = window->tail; p != window->head && at(window, p - 1)->number >= first; p--) {
		if (at(window, p - 1)->number <= last)
			tally_add(&sum, &at(window, p - 1)->tally);
	}
	return sum;
}
