/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the model know of each other: what is judged, and what is told of it. */
#ifndef LAPSE_TEST_MODEL_PARTS_H
#define LAPSE_TEST_MODEL_PARTS_H

#include "model.h"

/* model.c */
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
