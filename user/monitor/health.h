/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One figure from 0 to 100 for a component, as the manual defines it. */
#ifndef LAPSE_MONITOR_HEALTH_H
#define LAPSE_MONITOR_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

struct health_input {
	bool has_data;		       /* any span ever */
	double avg_ns, max_latency_ns; /* NAN: none */
	double error_rate, max_error_rate;
	uint64_t violations; /* of the last 5 minutes */
};

/* NAN without data. */
double health_of(const struct health_input *input);

#endif
