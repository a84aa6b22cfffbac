/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at the threads of some processes again and again: at those that run through the kernel's timer, at
 * those that wait by reading their stacks while they do. A wait that lasts over several looks is read once.
 */
#ifndef LAPSE_FIRST_SAMPLER_H
#define LAPSE_FIRST_SAMPLER_H

#include "first/look.h"

struct sampler;

/* How often it should be called. */
#define SAMPLER_PERIOD_NS (20 * 1000 * 1000ULL)

/* NULL where memory is out. @look is filled; both tracer and look outlive the sampler, whose stacks' names
 * @look goes on using until sampler_free(). */
struct sampler *sampler_new(struct first_tracer *tracer, struct first_look *look);

/* Reads what @pid maps. 0 or -errno, without a message. */
int sampler_prime(struct sampler *sampler, pid_t pid);

/* A look at @now_ns. 0 or -ENOMEM. */
int sampler_look(struct sampler *sampler, uint64_t now_ns);

/* The kernel's side has stopped: takes over what it has counted. 0 or -ENOMEM. */
int sampler_finish(struct sampler *sampler);

void sampler_free(struct sampler *sampler);

#endif
