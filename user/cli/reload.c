// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SIGHUP: the contract file is read anew, and taken whole or not at all. What is measured stays as it is, so
 * a file that measures something else is refused; what is promised of it changes, here and in the kernel, and
 * the handlers are replaced.
 */
#include "cli/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/measures.h"

/* Handlers that have still to do what they were told, and the file that they are of. */
struct retired {
	struct handlers *handlers;
	struct config *config; /* NULL: the first one, which is not ours */
	uint64_t since_ns;
	bool hurried; /* its time is up */
	struct retired *next;
};

/* ---- what would have to be measured otherwise ------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return !a == !b && (!a || strcmp(a, b) == 0);
}

static bool same_probe(const struct config_component *a, const struct config_component *b)
{
	if (!same_text(a->measure, b->measure) || !same_text(a->cache.text, b->cache.text) ||
	    !same_text(a->cache_hit.text, b->cache_hit.text) ||
	    !same_text(a->connections.text, b->connections.text) || a->n_modifiers != b->n_modifiers)
		return false;
	for (size_t i = 0; i < a->n_modifiers; i++)
		if (!same_text(a->modifiers[i].text, b->modifiers[i].text))
			return false;
	return true;
}

#define RESTART "restart lapse for this"

#define refuse(config, mark, ...)                                                 \
	({                                                                        \
		diag_at((config)->path, (mark).line, (mark).column, __VA_ARGS__); \
		-EINVAL;                                                          \
	})

static bool same_target(const struct config_target *a, const struct config_target *b)
{
	return same_text(a->exe, b->exe) && same_text(a->comm, b->comm) && a->cgroup.by == b->cgroup.by &&
	       strcmp(a->cgroup.name, b->cgroup.name) == 0 && a->n_pids == b->n_pids &&
	       (!a->n_pids || memcmp(a->pids, b->pids, a->n_pids * sizeof(*a->pids)) == 0);
}

static int check_component(const struct config *new, const struct config_component *component,
			   const struct config_component *before)
{
	if (!same_probe(component, before))
		return refuse(new, component->name_mark, "component '%s' is measured otherwise: " RESTART,
			      component->name);
	if (!same_target(&component->target, &before->target))
		return refuse(new, component->name_mark, "component '%s' has another target: " RESTART,
			      component->name);
	if (component->window.last != before->window.last)
		return refuse(new, component->name_mark,
			      "component '%s' has another window of newest spans: " RESTART, component->name);
	return 0;
}

static struct config_component *find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_components; i++)
		if (strcmp(config->components[i].name, name) == 0)
			return &config->components[i];
	return NULL;
}

static int check_components(const struct config *new, const struct config *old)
{
	for (size_t i = 0; i < new->n_components; i++) {
		const struct config_component *component = &new->components[i];
		const struct config_component *before = find(old, component->name);
		int err = before ? check_component(new, component, before)
				 : refuse(new, component->name_mark, "component '%s' is new: " RESTART,
					  component->name);

		if (err)
			return err;
	}
	for (size_t i = 0; i < old->n_components; i++) {
		if (find(new, old->components[i].name))
			continue;
		diag_error("%s: component '%s' is gone: " RESTART, new->path, old->components[i].name);
		return -EINVAL;
	}
	return 0;
}

static bool same_waits(const struct config *a, const struct config *b)
{
	if (a->n_waits != b->n_waits)
		return false;
	for (size_t i = 0; i < a->n_waits; i++)
		if (a->waits[i].cause != b->waits[i].cause ||
		    !same_text(a->waits[i].function.text, b->waits[i].function.text))
			return false;
	return true;
}

/* The programs know a marker's promised values from the start on. */
static int check_marker(const struct config *new, const struct plan_component *planned,
			const struct config_component *component)
{
	const char *names[LAPSE_VALUES];
	size_t n = contract_values(&component->contract, names, LAPSE_VALUES);

	for (size_t i = 0; planned->marker && i < n && i < LAPSE_VALUES; i++) {
		bool known = false;

		for (int value = 0; value < LAPSE_VALUES; value++)
			known |= strcmp(planned->value_name[value], names[i]) == 0;
		if (!known)
			return refuse(new, component->name_mark,
				      "component '%s' promises something of '%s', which it did not: " RESTART,
				      component->name, names[i]);
	}
	return 0;
}

/* The order of the components is that in which they are measured, whatever the new file's is. */
static int order_components(struct config *new, const struct config *old)
{
	struct config_component *ordered = calloc(old->n_components, sizeof(*ordered));

	if (!ordered)
		return -ENOMEM;
	for (size_t i = 0; i < old->n_components; i++)
		ordered[i] = *find(new, old->components[i].name);
	free(new->components);
	new->components = ordered;
	return 0;
}

static int check(const struct session *session, struct config *new)
{
	const struct config *old = session->config;
	int err = check_components(new, old) ?: order_components(new, old);

	if (!err && !same_target(&new->target, &old->target)) {
		diag_error("%s: the target is another: " RESTART, new->path);
		err = -EINVAL;
	}
	if (!err && !same_waits(new, old)) {
		diag_error("%s: the functions that are waits are others: " RESTART, new->path);
		err = -EINVAL;
	}
	for (size_t i = 0; i < session->n_monitored && !err; i++)
		err = check_marker(new, &session->plan.components[i],
				   &new->components[session->plan.components[i].spec]);
	return err ?: measures_check_fed(new, session->specs, session->fed, session->n_fed);
}

/* ---- the change ---------------------------------------------------------------------------------------- */

static int renew_monitor(struct session *session, const struct config *new)
{
	struct monitor_promise *promises = calloc(session->n_monitored + 1, sizeof(*promises));
	int err = promises ? 0 : -ENOMEM;

	for (size_t i = 0; i < session->n_monitored && !err; i++) {
		const struct config_component *component = &new->components[session->plan.components[i].spec];

		promises[i] = (struct monitor_promise){component->window, &component->contract};
	}
	if (!err)
		err = monitor_renew(session->monitor, promises, &new->system, new->system_promised);
	free(promises);
	return err;
}

static void set_limits(struct session *session, struct tracer_component *components)
{
	for (size_t i = 0; i < session->plan.n_components; i++)
		session_describe(session, i, &components[i]);
	tracer_set_limits(session->tracer, components);
}

static void change(struct session *session, struct config *new, struct handlers *handlers,
		   struct retired *retired)
{
	*retired = (struct retired){session->handlers, session->reloaded, clock_now_ns(), false,
				    session->retired};
	session->retired = retired;
	handlers_take_over(handlers);
	session->handlers = handlers;
	session->config = session->reloaded = new;
}

/* What can fail comes first. */
static int take(struct session *session, struct config *new)
{
	const struct handler_targets targets = {addressees_open, session};
	struct tracer_component *components = calloc(session->plan.n_components + 1, sizeof(*components));
	struct retired *retired = calloc(1, sizeof(*retired));
	struct handlers *handlers = NULL;
	int err = components && retired ? 0 : -ENOMEM;

	if (!err)
		err = session_box_output(session, new);
	if (!err)
		err = handlers_start(new, &targets, session->handlers, &handlers);
	/* Before what comes of it. */
	if (!err)
		recorder_contract(session, new);
	if (!err)
		err = renew_monitor(session, new);
	if (!err) {
		change(session, new, handlers, retired);
		set_limits(session, components);
		present_standing(session);
	} else {
		handlers_stop(handlers);
		free(retired);
	}
	free(components);
	return err;
}

void reload(struct session *session)
{
	struct config *new = calloc(1, sizeof(*new));
	int err = new ? config_read(session->config->path, new) : -ENOMEM;

	if (!err)
		err = check(session, new) ?: take(session, new);
	if (err == -ENOMEM)
		diag_error("out of memory");
	if (!err) {
		diag_note("%s was read anew: %zu component%s, %zu handler%s", new->path, new->n_components,
			  new->n_components == 1 ? "" : "s", new->n_handlers,
			  new->n_handlers == 1 ? "" : "s");
		return;
	}
	diag_warn("%s is not taken: all contracts and handlers stay as they were", session->config->path);
	if (new)
		config_free(new);
	free(new);
}

/* ---- what was replaced -----------------------------------------------------------------------------------
 */

static void free_config(struct config *config)
{
	if (config)
		config_free(config);
	free(config);
}

static void end(struct retired *retired)
{
	handlers_stop(retired->handlers);
	free_config(retired->config);
	free(retired);
}

/* Has it time left, and something to do? When the time is up what is left gets as much again to end by
 * itself. */
static bool goes_on(struct retired *retired, uint64_t now_ns)
{
	handlers_tick(retired->handlers, now_ns);
	if (handlers_busy(retired->handlers, retired->since_ns, now_ns))
		return true;
	if (retired->hurried || !handlers_busy(retired->handlers, now_ns, now_ns))
		return false;
	handlers_hurry(retired->handlers);
	retired->hurried = true;
	retired->since_ns = now_ns;
	return true;
}

void reload_tick(struct session *session, uint64_t now_ns)
{
	for (struct retired **at = &session->retired; *at;) {
		struct retired *retired = *at;

		if (goes_on(retired, now_ns)) {
			at = &retired->next;
			continue;
		}
		*at = retired->next;
		end(retired);
	}
}

void reload_free(struct session *session)
{
	while (session->retired) {
		struct retired *next = session->retired->next;

		end(session->retired);
		session->retired = next;
	}
	free_config(session->reloaded);
	session->reloaded = NULL;
}
