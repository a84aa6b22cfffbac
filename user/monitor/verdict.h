/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Held, violated, or not known, and what of that goes first. */
#ifndef LAPSE_MONITOR_VERDICT_H
#define LAPSE_MONITOR_VERDICT_H

#include "monitor/component.h"

/* A reason that can be outlasted: there are fewer than objective_samples_needed(). */
extern const char verdict_too_few[];

/* Sets *@why to the reason where it is unknown, else to NULL. */
enum verdict verdict_of_objective(const struct component *component, const struct objective_run *run,
				  const char **why);
/* Violated goes before unknown, unknown before held. */
enum verdict verdict_worse(enum verdict a, enum verdict b);

#endif
