// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/contract.h"

#include <math.h>

#include "monitor/objective.h"

#define SEC_NS 1000000000ULL

struct thresholds thresholds_default(void)
{
	return (struct thresholds){
		.warning_multiplier = 1.0,
		.critical_multiplier = 2.0,
		.critical_error_rate = 0.10,
		.warning_uptime = 0.995,
		.critical_uptime = 0.99,
	};
}

struct alert_policy alert_policy_default(void)
{
	return (struct alert_policy){.cooldown_ns = 60 * SEC_NS, .resolve_after_ns = 30 * SEC_NS};
}

struct window_spec window_spec_default(void)
{
	return (struct window_spec){.duration_ns = 10 * SEC_NS, .max_ns = 600 * SEC_NS};
}

/* 2.3 * 100 is 229.99999999999997 as a double, and 230 would be above it: whole figures that a
 * product only just misses are meant. */
double limit_times(double limit, double multiplier)
{
	double product = limit * multiplier, whole = nearbyint(product);

	return fabs(product - whole) < 1e-9 * product ? whole : product;
}

double limit_critical(const struct objective *objective, const struct thresholds *thresholds)
{
	return limit_times(objective->limit,
			   fmax(thresholds->critical_multiplier, thresholds->warning_multiplier));
}

/* @measured is beyond @multiplier times the limit; 0 under a lower limit is beyond any. */
static bool beyond(const struct objective *objective, double measured, double multiplier)
{
	if (objective_info(objective->kind)->upper)
		return measured > limit_times(objective->limit, multiplier);
	return measured <= 0 || objective->limit > measured * multiplier;
}

enum severity severity_of(const struct objective *objective, const struct thresholds *thresholds,
			  double measured)
{
	if (objective->has_severity)
		return objective->severity;
	if (beyond(objective, measured,
		   fmax(thresholds->critical_multiplier, thresholds->warning_multiplier)))
		return SEV_CRITICAL;
	if (thresholds->warning_multiplier > 1.0 &&
	    !beyond(objective, measured, thresholds->warning_multiplier))
		return SEV_NOTICE;
	return SEV_WARNING;
}
