// SPDX-License-Identifier: GPL-2.0-or-later
/* What the model tells of: span by span, and the alerts of section 6. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"

#define DAY_NS (24 * 3600 * 1000000000ULL)

enum event { FIRING, ESCALATED, RESOLVED };

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A question mark stands for what the manual leaves open. */
static void print(const char *format, double value, FILE *out)
{
	if (isnan(value))
		fputs(" ?", out);
	else
		fprintf(out, format, value);
}

static void announce(struct model_component *c, struct model_alert *a, enum event event, uint64_t now)
{
	const struct model_finding *f = &a->last;
	FILE *out = c->model->out;

	fprintf(out, "alert %d %u %d %d", (int)event, c->id, (int)a->kind, a->severity);
	print(" %.0f", f->measured, out);
	fprintf(out, " %.0f %llu %llu %llu %llu %llu %d %d\n", a->limit, (unsigned long long)now,
		(unsigned long long)a->since_ns, (unsigned long long)a->held_back,
		(unsigned long long)a->violations, (unsigned long long)f->window_ns, f->approach, f->open);
	a->held_back = 0;
	a->announcements++;
}

static int rank(bool approach, int severity)
{
	return approach ? 0 : severity;
}

/* Whether the newest breaches, with the @n of now, lie close together; *@before: how many came earlier. */
static bool enough(struct model_objective *o, uint64_t n, uint64_t now, uint64_t *before)
{
	uint64_t near = 0, fresh = n, wanted = o->objective.breaches;

	*before = 0;
	if (wanted < 2)
		return true;
	for (size_t i = o->n_times; i && near + 1 < wanted; i--, near++)
		if (o->times[i - 1] + o->objective.breaches_ns < now)
			break;
	o->times = realloc(o->times, (o->n_times + n + 1) * sizeof(*o->times));
	if (!o->times)
		abort();
	while (n--)
		o->times[o->n_times++] = now;
	*before = near;
	return near + fresh >= wanted;
}

static void speak(struct model_component *c, struct model_alert *a, const struct model_objective *o,
		  const struct model_finding *f, uint64_t now)
{
	bool escalated = a->told && rank(f->approach, (int)f->severity) > rank(a->last.approach, a->severity);

	a->held_back += f->n ? f->n - 1 : 0;
	a->held_back -= f->held;
	a->severity = (int)f->severity;
	a->kind = o->objective.kind;
	a->limit = f->limit;
	a->last = *f;
	announce(c, a, escalated ? ESCALATED : FIRING, now);
	a->told = a->ever = true;
	a->announced_ns = now;
}

bool model_breach(struct model_component *c, const struct model_objective *o, const struct model_finding *f)
{
	struct model_alert *a = &c->alert[model_type(o->objective.kind)];
	uint64_t now = later(f->time_ns, a->not_calm_ns), before;
	bool quiet = f->severity == SEV_NOTICE && !f->approach;

	if (!a->firing) {
		if (quiet || !enough((struct model_objective *)o, f->n, now, &before))
			return false;
		a->firing = true;
		a->told = false;
		a->since_ns = now;
		a->violations = before + (!f->n && !f->approach);
		a->held_back += before;
	}
	a->not_calm_ns = a->last_violation_ns = now;
	a->violations += f->n;
	if (!quiet &&
	    (!a->ever || rank(f->approach, (int)f->severity) > rank(a->last.approach, a->severity) ||
	     ((f->n || f->approach) && now - a->announced_ns >= c->policy.cooldown_ns))) {
		speak(c, a, o, f, now);
		return false;
	}
	a->held_back += f->n;
	return true;
}

void model_not_calm(struct model_component *c, enum objective_kind type)
{
	if (c->alert[type].firing)
		c->alert[type].not_calm_ns = later(c->alert[type].not_calm_ns, c->model->now_ns);
}

static void clear_times(struct model_component *c, enum objective_kind type)
{
	for (size_t i = 0; i < c->n_objectives; i++)
		if (model_type(c->objective[i].objective.kind) == type)
			c->objective[i].n_times = 0;
}

void model_alerts_tick(struct model_component *c)
{
	uint64_t now = c->model->now_ns;

	for (int type = 0; type < OBJ_KINDS; type++) {
		struct model_alert *a = &c->alert[type];

		if (a->firing && now >= a->not_calm_ns + c->policy.resolve_after_ns) {
			a->firing = false;
			clear_times(c, (enum objective_kind)type);
			if (a->told || a->violations)
				announce(c, a, RESOLVED, now);
		}
		if (a->ever && now >= a->last_violation_ns + DAY_NS) {
			memset(a, 0, sizeof(*a));
			clear_times(c, (enum objective_kind)type);
		}
	}
}

/* ---- span by span ----------------------------------------------------------------------------------- */

/* One span, or @n that nobody saw singly, measured @measured beyond the limit of @o. */
static bool tell(struct model_component *c, struct model_objective *o, const struct model_finding *f)
{
	if (f->breach) {
		model_violations(c, o, f->n);
		o->violated |= (int)f->severity >= c->model->exit_severity;
	}
	return model_breach(c, o, f);
}

static void tell_measured(struct model_component *c, struct model_objective *o, double measured,
			  uint64_t time_ns)
{
	struct model_finding f = model_grade(c, o, measured);

	if (!f.breach && !f.approach)
		return;
	f.n = f.breach;
	f.time_ns = time_ns;
	tell(c, o, &f);
}

/* The value of @span that @o is about. */
static bool value_of(const struct model_component *c, const struct model_objective *o,
		     const struct model_span *span, double *value)
{
	for (int v = 0; v < LAPSE_VALUES; v++)
		if (c->value_name[v] && !strcmp(c->value_name[v], o->objective.value) &&
		    span->values & 1u << v) {
			*value = (double)span->value[v];
			return true;
		}
	return false;
}

static bool measure(const struct model_component *c, const struct model_objective *o,
		    const struct model_span *span, double *measured)
{
	switch (o->objective.kind) {
	case OBJ_MAX_LATENCY:
		*measured = (double)span->ns;
		return true;
	case OBJ_MAX_VALUE:
	case OBJ_MIN_VALUE:
		return value_of(c, o, span, measured);
	default:
		return false;
	}
}

static struct model_open *found_open(struct model_component *c, const struct model_span *span)
{
	for (size_t i = 0; i < c->n_open; i++)
		if (c->open[i].tid == span->tid && c->open[i].start_ns == span->start_ns)
			return &c->open[i];
	return NULL;
}

/* One that was told of while it was in flight is the same violation still, but may have become worse. */
static void tell_again(struct model_component *c, struct model_objective *o, struct model_open *open,
		       struct model_finding *f)
{
	const struct model_alert *a = &c->alert[OBJ_MAX_LATENCY];

	open->severity = (int)f->severity;
	f->n = 0;
	f->held = open->held == a->announcements + 1;
	if (!tell(c, o, f))
		open->held = 0;
}

void model_tell_span(struct model_component *c, const struct model_span *span)
{
	double measured;

	for (size_t i = 0; i < c->n_objectives; i++) {
		struct model_objective *o = &c->objective[i];
		struct model_open *open = o->objective.kind == OBJ_MAX_LATENCY ? found_open(c, span) : NULL;

		if (!measure(c, o, span, &measured))
			continue;
		if (open) {
			struct model_finding f = model_grade(c, o, measured);

			f.time_ns = span->start_ns + span->ns;
			tell_again(c, o, open, &f);
			*open = c->open[--c->n_open];
			continue;
		}
		tell_measured(c, o, measured, span->start_ns + span->ns);
	}
}

void model_tell_connect(struct model_component *c, const struct model_connect *connect, uint64_t end_ns)
{
	for (size_t i = 0; i < c->n_objectives; i++)
		if (c->objective[i].objective.kind == OBJ_MAX_CONNECTION_TIME)
			tell_measured(c, &c->objective[i], (double)connect->ns, end_ns);
}

static void tell_one_open(struct model_component *c, struct model_objective *o, const struct model_span *span)
{
	struct model_finding f = model_grade(c, o, (double)span->ns);
	struct model_open *open = found_open(c, span);

	if (!f.breach)
		return;
	f.open = true;
	f.time_ns = c->model->now_ns;
	if (open && (int)f.severity > open->severity) {
		tell_again(c, o, open, &f);
	} else if (!open) {
		f.n = f.breach;
		open = &c->open[c->n_open++];
		*open = (struct model_open){
			.tid = span->tid, .start_ns = span->start_ns, .severity = (int)f.severity};
		if (tell(c, o, &f))
			open->held = c->alert[OBJ_MAX_LATENCY].announcements + 1;
	}
	model_not_calm(c, OBJ_MAX_LATENCY);
}

void model_tell_open(struct model_component *c, const struct model_span *open, size_t n)
{
	for (size_t i = 0; i < c->n_objectives; i++)
		for (size_t k = 0; c->objective[i].objective.kind == OBJ_MAX_LATENCY && k < n; k++)
			tell_one_open(c, &c->objective[i], &open[k]);
}

/* Those of this tick whose records were lost: counted together, by the worst of them. */
static void tell_counted(struct model_component *c, struct model_objective *o, double measured,
			 struct model_finding *sum)
{
	struct model_finding f = model_grade(c, o, measured);

	if (!f.breach) {
		sum->approach |= f.approach && !sum->n;
		return;
	}
	if (!sum->n || f.severity > sum->severity)
		sum->severity = f.severity;
	sum->approach = false;
	sum->breach = true;
	sum->n++;
}

void model_tell_untold(struct model_component *c)
{
	double measured;

	for (size_t i = 0; i < c->n_objectives; i++) {
		struct model_objective *o = &c->objective[i];
		struct model_finding sum = {.severity = SEV_WARNING,
					    .limit = o->objective.limit,
					    .measured = NAN,
					    .time_ns = c->model->now_ns};

		for (size_t k = c->counted; k < c->n_spans; k++)
			if (!c->spans[k].told && measure(c, o, &c->spans[k], &measured))
				tell_counted(c, o, measured, &sum);
		for (size_t k = c->connects_counted;
		     o->objective.kind == OBJ_MAX_CONNECTION_TIME && k < c->n_connects; k++)
			if (!c->connects[k].told)
				tell_counted(c, o, (double)c->connects[k].ns, &sum);
		if (sum.n || sum.approach)
			tell(c, o, &sum);
	}
}
