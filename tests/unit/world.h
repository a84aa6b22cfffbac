/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random contracts and random streams of events, a world of its own for each seed: what happens is told to
 * the monitor on its bench and to the model alike, and never depends on what they say.
 */
#ifndef LAPSE_TEST_WORLD_H
#define LAPSE_TEST_WORLD_H

#include "rig.h"

#include "model.h"

/* ---- chance ---------------------------------------------------------------------------------------- */

static uint64_t chance_state;

static inline uint64_t chance(uint64_t below)
{
	/* splitmix64 */
	uint64_t x = chance_state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) % below;
}

#define ONE_OF(...) \
	(((const double[]){__VA_ARGS__})[chance(sizeof((double[]){__VA_ARGS__}) / sizeof(double))])

/* ---- a world ----------------------------------------------------------------------------------------- */

/* How a component behaves for a while. */
struct mood {
	unsigned rate;	  /* spans a tick, about */
	unsigned slow;	  /* of them slower than usual, percent */
	unsigned failing; /* percent */
	unsigned missing; /* look-ups that miss, percent */
	unsigned opening; /* connections opened, percent of spans */
	unsigned hanging; /* percent of ticks in which a span begins to hang */
	uint64_t ticks;	  /* left */
};

struct actor {
	struct mood mood;
	struct model_component *model;
	struct rig_component *rig;
	struct model_span hanging[8]; /* in flight; ns is not known yet */
	size_t n_hanging;
	uint64_t hits, misses, lost, last_end_ns;
};

struct world {
	struct rig rig;
	struct model model;
	struct actor actor[MODEL_MOST];
	size_t n;
	FILE *out;
	char *text;
	size_t length;
	size_t told; /* bytes of both texts that were compared */
	size_t rig_told;
	bool loses_records, loses_spans, has_late_ticks, hangs;
	uint32_t next_tid;
	uint64_t seed;
	unsigned tick;
};

static inline struct objective latency(void)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = ONE_OF(5e6, 3e7, 1e8)};

	if (!chance(3)) {
		o.breaches = 2 + (uint32_t)chance(3);
		o.breaches_ns = (1 + chance(10)) * SEC;
	}
	return o;
}

static inline struct objective over_window(enum objective_kind kind, double limit)
{
	struct objective o = {.kind = kind, .limit = limit};

	if (!chance(4))
		o.for_ns = (1 + chance(8)) * SEC;
	if (!chance(4))
		o.over_ns = (1 + chance(30)) * SEC;
	if (!chance(4) && kind != OBJ_MIN_THROUGHPUT && kind != OBJ_MAX_BACKLOG)
		o.min_samples = 2 + chance(40);
	return o;
}

/* The same promise by a budget. */
static inline struct objective budget(enum objective_kind kind, double limit)
{
	struct objective o = {.kind = kind,
			      .limit = 1,
			      .span_limit = limit,
			      .budget = ONE_OF(0.01, 0.05, 0.1, 0.5),
			      .period_ns = (uint64_t)ONE_OF(1, 1, 5, 48, 24 * 30, 24 * 90) * 3600 * SEC};

	if (!chance(4))
		o.for_ns = (1 + chance(8)) * SEC;
	return o;
}

static inline struct objective of_value(enum objective_kind kind)
{
	struct objective o = {.kind = kind, .limit = ONE_OF(5, 20, 50)};

	strcpy(o.value, "depth");
	return o;
}

/* One of kind number @i; of each there is one at most. */
static inline struct objective promise(unsigned i)
{
	switch (i) {
	case 0:
		return chance(3) ? latency() : budget(OBJ_LATENCY_BUDGET, ONE_OF(5e6, 3e7));
	case 1:
		return over_window(OBJ_MAX_P50, ONE_OF(1e6, 2.5e6, 1e7));
	case 2:
		return over_window(OBJ_MAX_P95, ONE_OF(1e7, 3e7));
	case 3:
		return over_window(OBJ_MAX_P99, ONE_OF(2e7, 8e7));
	case 4:
		if (!chance(3))
			return budget(OBJ_ERROR_BUDGET, 0);
		return over_window(OBJ_MAX_ERROR_RATE, ONE_OF(0.01, 0.05, 0.2));
	case 5:
		if (!chance(3))
			return budget(OBJ_FAILURE_BUDGET, 0);
		return over_window(OBJ_MAX_FAILURE_RATE, ONE_OF(0.05, 0.1));
	case 6:
		return over_window(OBJ_MIN_CACHE_HIT_RATE, ONE_OF(0.5, 0.8, 0.95));
	case 7:
		return over_window(OBJ_MIN_THROUGHPUT, ONE_OF(2, 10));
	case 8:
		return over_window(OBJ_MIN_BATCH_SIZE, ONE_OF(5, 12));
	case 9:
		return over_window(OBJ_MIN_POOL_EFFICIENCY, ONE_OF(0.5, 0.8));
	case 10:
		return (struct objective){.kind = OBJ_MAX_CONNECTION_TIME, .limit = 5e7};
	case 11:
		return (struct objective){
			.kind = OBJ_MAX_BACKLOG, .limit = ONE_OF(1, 2), .for_ns = chance(3) * SEC};
	case 12:
		return of_value(OBJ_MAX_VALUE);
	case 13:
		return of_value(OBJ_MIN_VALUE);
	case 14:
		return over_window(OBJ_MIN_UPTIME, ONE_OF(0.8, 0.9, 0.95, 0.99));
	default:
		return (struct objective){.kind = OBJ_MAX_MEMORY, .limit = 1e8, .for_ns = chance(3) * SEC};
	}
}
#define PROMISES 16

static inline struct thresholds some_thresholds(void)
{
	struct thresholds t = thresholds_default();

	if (chance(2))
		return t;
	t.warning_multiplier = ONE_OF(0.8, 1, 1.5);
	t.critical_multiplier = ONE_OF(1.5, 2, 4);
	t.critical_error_rate = ONE_OF(0.02, 0.1, 0.3);
	t.critical_uptime = ONE_OF(0.5, 0.9, 0.99);
	t.warning_uptime = ONE_OF(0.9, 0.97, 0.995);
	return t;
}

static inline struct alert_policy some_policy(void)
{
	struct alert_policy p = alert_policy_default();

	if (chance(2))
		return p;
	p.cooldown_ns = chance(3) ? chance(20) * SEC : 0;
	p.resolve_after_ns = (1 + chance(20)) * SEC;
	return p;
}

static inline struct window_spec some_window(void)
{
	struct window_spec w = window_spec_default();

	if (!chance(3))
		w.last = 100 + (uint32_t)chance(200);
	else if (chance(2))
		w.duration_ns = (1 + chance(20)) * SEC;
	if (chance(2))
		w.max_ns = (20 + chance(60)) * SEC;
	return w;
}

static inline size_t some_objectives(struct objective *objectives, bool approaches)
{
	bool taken[PROMISES] = {false};
	size_t n = 1 + chance(5), i;

	for (i = 0; i < n; i++) {
		unsigned kind = (unsigned)chance(PROMISES);

		while (taken[kind])
			kind = (kind + 1) % PROMISES;
		taken[kind] = true;
		objectives[i] = promise(kind);
		if (!chance(6)) {
			objectives[i].has_severity = true;
			objectives[i].severity = (enum severity)chance(3);
		}
		/* What an approach is to the n-th breach is not said. */
		if (approaches)
			objectives[i].breaches = 0;
	}
	return n;
}

static inline void add_actor(struct world *w)
{
	static const char *const names[LAPSE_VALUES] = {"batch_size", "depth"};
	struct objective objectives[MODEL_OBJECTIVES];
	struct contract contract = {.thresholds = some_thresholds(), .alerts = some_policy()};
	struct window_spec window = some_window();
	struct monitor_component wanted = {
		.name = "c", .function = "f", .window = window, .contract = &contract};
	struct actor *a = &w->actor[w->n++];

	contract.objectives = objectives;
	contract.n_objectives = some_objectives(objectives, contract.thresholds.warning_multiplier < 1);
	memcpy(wanted.value_name, names, sizeof(names));
	a->rig = rig_add_as(&w->rig, &wanted);
	a->model = model_add(&w->model, &window, &contract, names);
}

static inline void world_begin(struct world *w, uint64_t seed)
{
	struct objective promised = objective_system_default();
	struct contract all = {.objectives = &promised, .n_objectives = 1};
	struct monitor_options options;

	memset(w, 0, sizeof(*w));
	chance_state = seed;
	w->seed = seed;
	w->out = open_memstream(&w->text, &w->length);
	promised.limit = ONE_OF(0.01, 0.05, 0.2);
	promised.over_ns = chance(3) ? (10 + chance(100)) * SEC : 0;
	promised.since_start = !promised.over_ns;
	all.thresholds = some_thresholds();
	all.alerts = some_policy();
	options = (struct monitor_options){.bucket_bits = LAPSE_BUCKET_BITS_FINE,
					   .exit_severity = (uint32_t)chance(3),
					   .system = &all,
					   .system_promised = true};
	rig_begin_with(&w->rig, options);
	model_begin(&w->model, w->rig.now_ns, (int)options.exit_severity, &all);
	w->model.out = w->out;
	w->loses_records = chance(2);
	w->loses_spans = !chance(4);
	w->has_late_ticks = !chance(3);
	w->hangs = !w->loses_records && chance(2);
	for (size_t n = 1 + chance(2); n; n--)
		add_actor(w);
}

static inline void world_end(struct world *w)
{
	rig_end(&w->rig);
	model_end(&w->model);
	fclose(w->out);
	free(w->text);
}

/* ---- what happens -------------------------------------------------------------------------------------- */

static inline void change_mood(struct mood *m)
{
	static const unsigned rates[] = {0, 1, 3, 10, 40};
	static const unsigned shares[] = {0, 0, 1, 5, 30, 80};

	*m = (struct mood){
		.rate = rates[chance(5)],
		.slow = shares[chance(6)],
		.failing = shares[chance(6)],
		.missing = shares[chance(6)],
		.opening = shares[chance(6)],
		.hanging = shares[chance(6)] / 2,
		.ticks = 1 + chance(50),
	};
}

static inline bool by_chance(unsigned percent)
{
	return chance(100) < percent;
}

/* Often exactly at a limit, or right beside it. */
static inline uint64_t some_duration(const struct mood *m)
{
	uint64_t ns = by_chance(m->slow) ? chance(200 * MS) : chance(4 * MS);

	if (!chance(8))
		ns = (uint64_t)ONE_OF(5e6, 1e7, 3e7, 4.5e7, 6e7, 1e8, 2e8) + chance(3) - 1;
	return ns;
}

/* The kernel's part of a span that ends, and the record if it comes. */
static inline void ends(struct world *w, struct actor *a, struct model_span *span)
{
	uint32_t id = a->model->id;
	struct lapse_span record = rig_span(&w->rig, id, span->tid, span->start_ns, span->ns);

	span->told = !w->loses_records || chance(3);
	rig_ended(a->rig, span->ns, span->error);
	for (int v = 0; v < 2; v++)
		if (span->values & 1u << v)
			rig_value(a->rig, v, span->value[v]);
	record.values = span->values;
	memcpy(record.value, span->value, sizeof(record.value));
	record.flags = span->error ? LAPSE_SPAN_ERROR : 0;
	if (span->told)
		assert_int_equal(monitor_span(w->rig.monitor, &record), 0);
	else
		a->rig->counters.ring_dropped++;
	model_span(a->model, span);
}

/* At some time in the tick that runs; threads' records need not come in the order of their ends. */
static inline uint64_t some_end(const struct world *w, uint64_t period)
{
	return w->rig.now_ns + 1 + chance(period - 1);
}

static inline void one_span(struct world *w, struct actor *a, uint64_t period)
{
	struct model_span span = {.tid = ++w->next_tid,
				  .ns = some_duration(&a->mood),
				  .error = by_chance(a->mood.failing),
				  .values = (unsigned)chance(4)};

	span.start_ns = some_end(w, period) - span.ns;
	span.value[0] = (int64_t)chance(by_chance(a->mood.slow) ? 8 : 30);
	span.value[1] = (int64_t)chance(by_chance(a->mood.slow) ? 120 : 21);
	ends(w, a, &span);
}

static inline void look_up(struct actor *a, struct model_input *in)
{
	bool hit = !by_chance(a->mood.missing);

	in->hits += hit;
	in->misses += !hit;
}

static inline void open_connection(struct world *w, struct actor *a, uint64_t period)
{
	struct model_connect c = {.ns = some_duration(&a->mood),
				  .failed = by_chance(a->mood.failing / 2),
				  .told = !w->loses_records || chance(2)};
	uint64_t at = some_end(w, period);
	struct lapse_span record = rig_span(&w->rig, 9, ++w->next_tid, at - c.ns, c.ns);

	rig_connects(a->rig, 1, c.ns, c.failed);
	if (c.told)
		assert_int_equal(monitor_connect(w->rig.monitor, a->model->id, &record), 0);
	else
		a->rig->connects.ring_dropped++;
	model_connect(a->model, &c, at);
}

static inline void hang(struct world *w, struct actor *a, uint64_t period)
{
	struct model_span *h = a->hanging;
	size_t i;

	for (i = 0; i < a->n_hanging; i++) {
		if (chance(8))
			continue;
		h[i].ns = some_end(w, period) - h[i].start_ns;
		a->rig->counters.entries--;
		ends(w, a, &h[i]);
		h[i--] = h[--a->n_hanging];
	}
	if (!by_chance(a->mood.hanging) || a->n_hanging == 6)
		return;
	a->rig->counters.entries++;
	h[a->n_hanging++] =
		(struct model_span){.tid = ++w->next_tid, .start_ns = w->rig.now_ns + chance(period)};
}

static inline void act(struct world *w, struct actor *a, uint64_t period, struct model_input *in)
{
	if (!a->mood.ticks--)
		change_mood(&a->mood);
	if (w->hangs)
		hang(w, a, period);
	for (unsigned n = (unsigned)chance(2 * a->mood.rate + 1); n; n--) {
		one_span(w, a, period);
		if (chance(2))
			look_up(a, in);
		if (by_chance(a->mood.opening))
			open_connection(w, a, period);
	}
	rig_lookups(a->rig, in->hits, in->misses);
	in->lost = w->loses_spans && !chance(30) ? 1 + chance(4) : 0;
	a->rig->counters.too_deep += in->lost;
	a->rig->counters.entries += in->lost;
	in->running = a->mood.rate || chance(20);
	a->rig->idle = !in->running;
	in->ended = a->rig->ended = a->rig->idle && !chance(3);
	in->in_flight = a->n_hanging;
	in->resident = a->rig->resident = in->running ? (80 + chance(40) * (chance(4) == 0)) * 1000000 : 0;
}

static inline uint64_t some_period(const struct world *w)
{
	if (!w->has_late_ticks || chance(10))
		return SEC;
	return chance(2) ? SEC / 10 + chance(SEC / 4) : SEC + chance(4 * SEC);
}

/* Those in flight at the tick, with their ages. */
static inline void list_open(struct world *w, struct model_span open[MODEL_MOST][8], struct model_input *in,
			     uint64_t now)
{
	w->rig.n_open = 0;
	for (size_t i = 0; i < w->n; i++) {
		struct actor *a = &w->actor[i];

		for (size_t k = 0; k < a->n_hanging; k++) {
			open[i][k] = a->hanging[k];
			open[i][k].ns = now - a->hanging[k].start_ns;
			rig_open(&w->rig, (uint32_t)i, open[i][k].tid, open[i][k].start_ns, open[i][k].ns);
		}
		in[i].open = open[i];
		in[i].n_open = a->n_hanging;
	}
}

static inline void world_step(struct world *w)
{
	struct model_span open[MODEL_MOST][8];
	struct model_input in[MODEL_MOST] = {{0}};
	uint64_t period = some_period(w);

	for (size_t i = 0; i < w->n; i++)
		act(w, &w->actor[i], period, &in[i]);
	list_open(w, open, in, w->rig.now_ns + period);
	rig_tick_after(&w->rig, period);
	model_tick(&w->model, w->rig.now_ns, period, in);
	w->tick++;
}

#endif
