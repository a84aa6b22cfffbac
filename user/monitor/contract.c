// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/contract.h"

#include <math.h>
#include <string.h>

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
	return (struct window_spec){.duration_ns = 10 * SEC_NS, .max_ns = WINDOW_MAX_NS};
}

struct objective objective_system_default(void)
{
	return (struct objective){.kind = OBJ_MAX_SYSTEM_ERROR_RATE, .limit = 0.05, .over_ns = 300 * SEC_NS};
}

static bool is_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

size_t contract_values(const struct contract *contract, const char **names, size_t most)
{
	size_t n = 0, i;

	for (i = 0; i < contract->n_objectives; i++) {
		const char *value = objective_value(&contract->objectives[i]);

		if (!value || is_among(value, names, n < most ? n : most))
			continue;
		if (n < most)
			names[n] = value;
		n++;
	}
	return n;
}

/* 2.3 * 100 is 229.99999999999997 as a double, and 230 would be above it: whole figures that a
 * product only just misses are meant. */
static double whole_if_near(double x)
{
	double whole = nearbyint(x);

	return fabs(x - whole) < 1e-9 * fabs(x) ? whole : x;
}

double limit_times(double limit, double multiplier)
{
	return whole_if_near(limit * multiplier);
}

/* Beyond the limit lie greater magnitudes, and there it is multiplied; below a positive lower limit and
 * above a negative upper one they are smaller, and it is divided. */
double limit_at(const struct objective *objective, double multiplier)
{
	double limit = objective->limit;

	if (objective_info(objective->kind)->upper == (limit >= 0))
		return whole_if_near(limit * multiplier);
	return whole_if_near(limit / multiplier);
}

double limit_critical(const struct objective *objective, const struct thresholds *thresholds)
{
	return limit_at(objective, fmax(thresholds->critical_multiplier, thresholds->warning_multiplier));
}

/* @measured is beyond @multiplier times the limit, as 0 is under any lower limit above 0. */
static bool beyond(const struct objective *objective, double measured, double multiplier)
{
	double at = limit_at(objective, multiplier);

	return objective_info(objective->kind)->upper ? measured > at : measured < at;
}

static enum severity severity_by_ratio(const struct objective *objective, const struct thresholds *thresholds,
				       double measured)
{
	double warning = thresholds->warning_multiplier;

	if (beyond(objective, measured, fmax(thresholds->critical_multiplier, warning)))
		return SEV_CRITICAL;
	return warning > 1.0 && !beyond(objective, measured, warning) ? SEV_NOTICE : SEV_WARNING;
}

/* Shares written in percent need not be the nearest double to the same share of two counts. */
static enum severity severity_by_error_rate(const struct thresholds *thresholds, double measured)
{
	return measured > thresholds->critical_error_rate * (1 + 1e-9) ? SEV_CRITICAL : SEV_WARNING;
}

static enum severity severity_by_uptime(const struct thresholds *thresholds, double measured)
{
	return measured < thresholds->critical_uptime * (1 - 1e-9) ? SEV_CRITICAL : SEV_WARNING;
}

enum severity severity_of(const struct objective *objective, const struct thresholds *thresholds,
			  double measured)
{
	if (objective->has_severity)
		return objective->severity;
	switch (objective_info(objective->kind)->severity_rule) {
	case SEVERITY_BY_RATIO:
		return severity_by_ratio(objective, thresholds, measured);
	case SEVERITY_BY_ERROR_RATE:
		return severity_by_error_rate(thresholds, measured);
	case SEVERITY_BY_UPTIME:
		return severity_by_uptime(thresholds, measured);
	case SEVERITY_BY_BURN:
	case SEVERITY_WARNING:
		break;
	}
	return SEV_WARNING;
}
