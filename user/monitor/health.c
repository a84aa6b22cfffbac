// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/health.h"

#include <math.h>

double health_of(const struct health_input *input)
{
	double health = 100;

	if (!input->has_data)
		return NAN;
	/* Comparisons with NAN are false: what is not known or not promised costs nothing. */
	if (input->avg_ns > input->max_latency_ns)
		health -= fmin(50, (input->avg_ns / input->max_latency_ns - 1) * 100);
	if (input->error_rate > input->max_error_rate)
		health -= fmin(30, input->error_rate * 100);
	health -= fmin(20, 5.0 * (double)input->violations);
	return fmax(health, 0);
}
