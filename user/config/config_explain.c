// SPDX-License-Identifier: GPL-2.0-or-later
/* A contract file in words, for `check`. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "config/config.h"
#include "monitor/objective.h"

#define WORD_SIZE 32
#define NAME_SIZE 512

static const char *duration(uint64_t ns, char word[WORD_SIZE])
{
	return units_format_duration(ns, word, WORD_SIZE);
}

static const char *safe(const char *text, char name[NAME_SIZE])
{
	return text_escape(text, name, NAME_SIZE);
}

static void figure(FILE *out, enum quantity quantity, double value)
{
	char word[WORD_SIZE];

	switch (quantity) {
	case QUANTITY_DURATION:
		fputs(duration((uint64_t)value, word), out);
		break;
	case QUANTITY_RATE:
		fprintf(out, "%g %%", value * 100);
		break;
	case QUANTITY_THROUGHPUT:
		fprintf(out, "%g/s", value);
		break;
	case QUANTITY_SIZE:
		fprintf(out, "%g MB", value / 1e6);
		break;
	case QUANTITY_COUNT:
	case QUANTITY_BURN:
		fprintf(out, "%g", value);
		break;
	}
}

static void explain_window(FILE *out, const struct window_spec *window)
{
	char word[WORD_SIZE];

	if (window->last)
		fprintf(out, "the last %" PRIu32 " spans", window->last);
	else
		fprintf(out, "%s", duration(window->duration_ns, word));
}

static void explain_multiple(FILE *out, const struct objective *objective, const char *what,
			     double multiplier)
{
	const struct objective_kind_info *info = objective_info(objective->kind);

	fprintf(out, ", %s %s ", what, info->upper ? "above" : "below");
	figure(out, info->quantity, limit_at(objective, multiplier));
}

static void explain_multipliers(FILE *out, const struct objective *objective,
				const struct thresholds *thresholds)
{
	if (objective->limit == 0) {
		fputs(", always critical", out);
		return;
	}
	if (thresholds->warning_multiplier != 1)
		explain_multiple(out, objective, "warned of", thresholds->warning_multiplier);
	explain_multiple(out, objective, "critical", thresholds->critical_multiplier);
}

static void explain_severity(FILE *out, const struct objective *objective,
			     const struct thresholds *thresholds)
{
	const struct objective_kind_info *info = objective_info(objective->kind);

	if (objective->has_severity) {
		fprintf(out, ", always %s", config_severity_names[objective->severity]);
		return;
	}
	switch (info->severity_rule) {
	case SEVERITY_BY_RATIO:
		explain_multipliers(out, objective, thresholds);
		break;
	case SEVERITY_BY_ERROR_RATE:
		fputs(", critical above ", out);
		figure(out, info->quantity, thresholds->critical_error_rate);
		break;
	case SEVERITY_BY_UPTIME:
		fputs(", warned of below ", out);
		figure(out, info->quantity, fmax(thresholds->warning_uptime, objective->limit));
		fputs(", critical below ", out);
		figure(out, info->quantity, thresholds->critical_uptime);
		break;
	case SEVERITY_BY_BURN:
		break;
	case SEVERITY_WARNING:
		fputs(", always warning", out);
		break;
	}
}

static void explain_conditions(FILE *out, const struct objective *objective)
{
	char word[WORD_SIZE];

	if (objective->since_start)
		fputs(", since the start", out);
	if (objective->over_ns)
		fprintf(out, ", over %s", duration(objective->over_ns, word));
	else if (objective_info(objective->kind)->by_period)
		fputs(", over a minute, or the window if that is longer", out);
	if (objective->min_samples)
		fprintf(out, ", judged from %" PRIu64 " spans on", objective->min_samples);
	if (objective->for_ns)
		fprintf(out, ", an alert when breached for %s", duration(objective->for_ns, word));
	if (objective->breaches)
		fprintf(out, ", an alert on breach %" PRIu32 " within %s", objective->breaches,
			duration(objective->breaches_ns, word));
}

static void explain_pairs(FILE *out, const struct objective *objective)
{
	char word[WORD_SIZE];

	for (size_t i = 0; i < BURN_PAIRS; i++) {
		struct burn_pair pair = burn_pair(i, objective->period_ns);

		/* Not even if all of its spans were bad. */
		if (pair.rate * objective->budget >= 1)
			continue;
		fprintf(out, "      %s when over %s",
			config_severity_names[objective->has_severity ? objective->severity : pair.severity],
			duration(pair.long_ns, word));
		fprintf(out, " and over the last %s it burns more than %g times too fast\n",
			duration(pair.short_ns, word), pair.rate);
	}
}

static void explain_budget(FILE *out, const struct objective *objective)
{
	const struct objective_kind_info *info = objective_info(objective->kind);
	char word[WORD_SIZE];

	fprintf(out, "    %s ", info->key);
	if (objective->kind == OBJ_LATENCY_BUDGET)
		fprintf(out, "at most %s in %g %% of spans, so %g %% may be longer",
			duration((uint64_t)objective->span_limit, word), objective->target * 100,
			objective->budget * 100);
	else
		fprintf(out, "at most %g %%", objective->budget * 100);
	fprintf(out, ": a budget for %s (%s)", duration(objective->period_ns, word), info->violation);
	if (objective->for_ns)
		fprintf(out, ", an alert when breached for %s", duration(objective->for_ns, word));
	fputc('\n', out);
	explain_pairs(out, objective);
}

static void explain_objective(FILE *out, const struct objective *objective,
			      const struct thresholds *thresholds)
{
	const struct objective_kind_info *info = objective_info(objective->kind);

	char name[NAME_SIZE];

	if (info->by_burn) {
		explain_budget(out, objective);
		return;
	}
	fprintf(out, "    %s%s%s %s ", info->key, info->names_value ? " " : "",
		info->names_value ? safe(objective->value, name) : "", info->upper ? "at most" : "at least");
	figure(out, info->quantity, objective->limit);
	explain_severity(out, objective, thresholds);
	explain_conditions(out, objective);
	fprintf(out, ": %s (%s)\n", info->help, info->violation);
}

/* "every process of unit web.service", or of which number. */
static void name_target(FILE *out, const struct config_target *target)
{
	static const char *const groups[] = {
		[CGROUP_PATH] = "in control group",
		[CGROUP_UNIT] = "of unit",
		[CGROUP_CONTAINER] = "of the container whose id begins with",
	};
	char name[NAME_SIZE];

	if (target->exe)
		fprintf(out, "every process of %s", safe(target->exe, name));
	if (target->comm)
		fprintf(out, "every process named %s", safe(target->comm, name));
	if (target->cgroup.by != CGROUP_NONE)
		fprintf(out, "every process %s %s", groups[target->cgroup.by],
			safe(target->cgroup.name, name));
	for (size_t i = 0; i < target->n_pids; i++)
		fprintf(out, "%s%d", i ? ", " : "process ", (int)target->pids[i]);
}

static void explain_component(FILE *out, const struct config_component *component)
{
	const struct contract *contract = &component->contract;
	char name[NAME_SIZE], word[WORD_SIZE];

	fprintf(out, "%s", safe(component->name, name));
	fprintf(out, " measures %s", safe(component->measure, name));
	for (size_t i = 0; i < component->n_modifiers; i++)
		fprintf(out, " %s", safe(component->modifiers[i].text, name));
	if (component->cache.text) {
		fprintf(out, ", and its cache by %s", safe(component->cache.text, name));
		fprintf(out, " %s,", safe(component->cache_hit.text, name));
	}
	if (component->connections.text)
		fprintf(out, ", and its connections by %s,", safe(component->connections.text, name));
	if (config_names_target(&component->target)) {
		fputs(" in ", out);
		name_target(out, &component->target);
	}
	fputs(" over ", out);
	explain_window(out, &component->window);
	fputs(contract->n_objectives ? " and promises\n" : " and promises nothing\n", out);
	for (size_t i = 0; i < contract->n_objectives; i++)
		explain_objective(out, &contract->objectives[i], &contract->thresholds);
	if (!contract->n_objectives)
		return;
	fprintf(out,
		"    While an alert fires it is announced again after %s at the earliest, but when it turns "
		"critical",
		duration(contract->alerts.cooldown_ns, word));
	fprintf(out, "; it ends after %s without a breach.\n",
		duration(contract->alerts.resolve_after_ns, word));
}

/* "What blocks inside ProcSleep counts as lock." */
static void explain_waits(FILE *out, const struct config *config)
{
	char name[NAME_SIZE];

	if (config->n_waits)
		fputc('\n', out);
	for (size_t i = 0; i < config->n_waits; i++) {
		const struct config_wait *wait = &config->waits[i];

		fprintf(out, "Of slow spans, what blocks inside %s counts as %s.\n",
			safe(wait->function.text, name), wait->cause_name);
	}
}

static void explain_system(FILE *out, const struct config *config)
{
	if (config->system.objectives->limit >= 1) {
		fputs("\nAll components together promise nothing: up to 100 % of their spans may fail.\n",
		      out);
		return;
	}
	fprintf(out, "\nAll components together promise%s\n",
		config->system_promised ? "" : ", where failed spans can be told,");
	explain_objective(out, config->system.objectives, &config->system.thresholds);
}

static void explain_target(FILE *out, const struct config_target *target)
{
	if (!config_names_target(target))
		return;
	fputs("Traced: ", out);
	name_target(out, target);
	fputs(".\n", out);
}

/* Each violation type once. */
static void explain_when(FILE *out, uint64_t when)
{
	const char *between = "";

	if (when == config_violation_kinds("*")) {
		fputs("every alert", out);
		return;
	}
	for (int kind = 0; kind < OBJ_KINDS; kind++) {
		const char *violation = objective_info((enum objective_kind)kind)->violation;

		if (!(when & 1ULL << kind))
			continue;
		fprintf(out, "%s%s", between, violation);
		when &= ~config_violation_kinds(violation);
		between = ", ";
	}
}

static void explain_wanted(FILE *out, const struct config_handler *handler)
{
	static const char *const least[] = {"", " from warning on", " when critical"};
	char name[NAME_SIZE];

	fputs("On ", out);
	explain_when(out, handler->when);
	fputs(least[handler->min_severity], out);
	for (char **component = handler->components; component && *component; component++)
		fprintf(out, "%s%s", component == handler->components ? " of " : ", ",
			safe(*component, name));
	if (handler->resolved)
		fputs(", and when it ends,", out);
}

static void explain_http(FILE *out, const struct config_handler *handler)
{
	char name[NAME_SIZE], word[WORD_SIZE];

	if (handler->kind == HANDLER_WEBHOOK)
		fprintf(out, " its JSON is posted to %s", safe(handler->path, name));
	else
		fprintf(out, " the Alertmanager at %s is told", safe(handler->path, name));
	if (handler->kind == HANDLER_ALERTMANAGER)
		fprintf(out, ", again each %s", duration(handler->resend_ns, word));
	fprintf(out, " (at most %s a try).\n", duration(handler->timeout_ns, word));
}

static void explain_exec(FILE *out, const struct config_handler *handler)
{
	char name[NAME_SIZE], word[WORD_SIZE];

	fputs(" this is run:", out);
	for (char **arg = handler->argv; *arg; arg++)
		fprintf(out, " %s", safe(*arg, name));
	fprintf(out, " (at most %s).\n", duration(handler->timeout_ns, word));
}

static void explain_handler(FILE *out, const struct config_handler *handler)
{
	char name[NAME_SIZE];

	explain_wanted(out, handler);
	switch (handler->kind) {
	case HANDLER_FILE:
		fprintf(out, " a line is appended to %s.\n", safe(handler->path, name));
		break;
	case HANDLER_SIGNAL:
		fprintf(out, " the target is sent SIG%s, if it catches that.\n",
			sigabbrev_np(handler->signal));
		break;
	case HANDLER_SYSLOG:
		fputs(" it is logged.\n", out);
		break;
	case HANDLER_SOCKET:
		fprintf(out, " the readers of socket %s get a line.\n", safe(handler->path, name));
		break;
	case HANDLER_WEBHOOK:
	case HANDLER_ALERTMANAGER:
		explain_http(out, handler);
		break;
	default:
		explain_exec(out, handler);
	}
}

void config_explain(const struct config *config, FILE *out)
{
	explain_target(out, &config->target);
	for (size_t i = 0; i < config->n_components; i++) {
		fputc('\n', out);
		explain_component(out, &config->components[i]);
	}
	explain_system(out, config);
	explain_waits(out, config);
	if (config->n_handlers)
		fputc('\n', out);
	for (size_t i = 0; i < config->n_handlers; i++)
		explain_handler(out, &config->handlers[i]);
}
