/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the model know of each other: what is judged, and what is told of it. */
#ifndef LAPSE_TEST_MODEL_PARTS_H
#define LAPSE_TEST_MODEL_PARTS_H

#include "model.h"

/* Ticks [from, n_ticks), or the newest spans. */
struct model_stretch {
	const struct model_component *c;
	size_t from;
	size_t span_from, span_to;
};

enum model_found { MODEL_TOO_FEW, MODEL_UNSURE, MODEL_HELD, MODEL_BREACHED };

/* model.c: doubled whenever it is full */
void *model_grown(void *array, size_t n, size_t size);

/* model_facts.c */
size_t model_spans_before(const struct model_component *c, size_t tick);
struct model_stretch model_stretch_of(const struct model_component *c, size_t from);
uint64_t model_covered(const struct model_stretch *s);
uint64_t model_length(const struct model_stretch *s);
uint64_t model_lost(const struct model_stretch *s);
uint64_t model_errors_in(const struct model_stretch *s);
uint64_t model_look_ups(const struct model_stretch *s, uint64_t *hits);
uint64_t model_connects_in(const struct model_stretch *s, uint64_t *failed);
uint64_t model_values_in(const struct model_stretch *s, const char *name, int64_t *sum);
uint64_t model_samples_in(const struct model_stretch *s, enum objective_kind kind);
unsigned model_permille_of(enum objective_kind kind);
bool model_is_budget(enum objective_kind kind);
uint64_t model_samples_needed(const struct objective *o);
struct model_stretch model_back(const struct model_component *c, enum objective_kind kind, uint64_t ns,
				uint64_t needed, uint64_t most_ns);
bool model_from_newest(const struct model_component *c, const struct objective *o);
struct model_stretch model_window_of(const struct model_component *c, const struct objective *o);
struct model_stretch model_shown(const struct model_component *c);

/* model_objective.c, model_budget.c */
enum model_found model_upper(bool breached, bool least_breaches, bool most_breaches);
enum model_found model_found(const struct model_component *c, struct model_objective *o, double *measured,
			     uint64_t *window_ns);
enum model_found model_budget(const struct model_component *c, struct model_objective *o, double *measured,
			      uint64_t *window_ns);

/* model_judge.c */
double model_latency_limit(const struct model_component *c);
enum objective_kind model_type(enum objective_kind kind);
bool model_is_upper(enum objective_kind kind);
struct model_finding model_grade(const struct model_component *c, const struct model_objective *o,
				 double measured);
void model_violations(struct model_component *c, struct model_objective *o, uint64_t n);
void model_judge(struct model_component *c);

/* model_alert.c; true: it was held back. */
bool model_breach(struct model_component *c, const struct model_objective *o, const struct model_finding *f);
void model_not_calm(struct model_component *c, enum objective_kind type);
void model_alerts_tick(struct model_component *c);
void model_tell_span(struct model_component *c, const struct model_span *span);
void model_tell_connect(struct model_component *c, const struct model_connect *connect, uint64_t end_ns);
void model_tell_open(struct model_component *c, const struct model_span *open, size_t n);
void model_tell_untold(struct model_component *c);

#endif
