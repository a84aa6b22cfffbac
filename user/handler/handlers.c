// SPDX-License-Identifier: GPL-2.0-or-later
/* All handlers together: who wants which alert, who takes the place of whom, and how they end. */
#include "handler/handler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/units.h"
#include "handler/handler_kind.h"
#include "handler/sender.h"

#define POLL_NS	 (10 * NSEC_PER_MSEC)
/* Beyond the time limit of a try: for what that is made of, and for what comes after it. */
#define SLACK_NS NSEC_PER_SEC

/* An alert: of one component and one violation type. */
struct told_key {
	uint32_t component;
	const char *violation;
};

struct handlers {
	struct sender *sender; /* NULL: nobody needs it */
	struct handler_targets targets;
	struct handler_stats *stats; /* for handlers_stats() */
	bool hurried;		     /* what is dropped has been said */
	size_t n;
	struct handler list[];
};

static const struct handler_kind *const kinds[HANDLER_KINDS] = {
	[HANDLER_EXEC] = &handler_exec,
	[HANDLER_SIGNAL] = &handler_signal,
	[HANDLER_FILE] = &handler_file,
	[HANDLER_SYSLOG] = &handler_syslog,
	[HANDLER_SOCKET] = &handler_socket,
	[HANDLER_WEBHOOK] = &handler_webhook,
	[HANDLER_ALERTMANAGER] = &handler_alertmanager,
};

static const struct handler_kind *kind_of(const struct handler *handler)
{
	return kinds[handler->config->kind];
}

const char *handler_state_name(enum alert_event event)
{
	static const char *const names[] = {"firing", "escalated", "resolved"};

	return names[event];
}

uint64_t handler_now(void)
{
	return clock_now_ns();
}

/* ---- start --------------------------------------------------------------------------------------- */

/* That of the same kind and target which nobody else takes the place of; NULL: none. */
static struct handler *predecessor(struct handlers *before, const struct handlers *handlers,
				   const struct handler *handler)
{
	for (size_t i = 0; before && i < before->n; i++) {
		struct handler *old = &before->list[i];
		bool taken = false;

		for (size_t j = 0; j < handlers->n; j++)
			taken |= handlers->list[j].before == old;
		if (!taken && old->config->kind == handler->config->kind && handler->config->path &&
		    strcmp(old->config->path, handler->config->path) == 0)
			return old;
	}
	return NULL;
}

static int start_all(const struct config *config, struct handlers *before, struct handlers *handlers)
{
	int err = 0;

	for (size_t i = 0; !err && i < config->n_handlers; i++) {
		struct handler *handler = &handlers->list[i];

		*handler = (struct handler){
			.config = &config->handlers[i],
			.file = config->path,
			.targets = &handlers->targets,
			.sender = &handlers->sender,
			.fd = -1,
		};
		handler->stats.kind = config_handler_name(handler->config->kind);
		handler->stats.target = handler->config->path ?: "";
		handler->before = predecessor(before, handlers, handler);
		handlers->n++;
		err = kind_of(handler)->start(handler);
	}
	return err;
}

static void copy_told(struct handler *handler)
{
	const struct handler *before = handler->before;

	handler->told = calloc(before->n_told + 1, sizeof(*handler->told));
	handler->n_told = handler->told ? before->n_told : 0;
	if (handler->n_told)
		memcpy(handler->told, before->told, before->n_told * sizeof(*handler->told));
}

void handlers_take_over(struct handlers *handlers)
{
	for (size_t i = 0; i < handlers->n; i++) {
		struct handler *handler = &handlers->list[i];

		handler->anew = !handler->before;
		if (handler->anew)
			continue;
		copy_told(handler);
		if (kind_of(handler)->inherit)
			kind_of(handler)->inherit(handler);
		/* It ends before this one does. */
		handler->before = NULL;
	}
}

static void release(struct handlers *handlers)
{
	for (size_t i = 0; i < handlers->n; i++) {
		struct handler *handler = &handlers->list[i];

		if (kind_of(handler)->stop)
			kind_of(handler)->stop(handler);
		free(handler->told);
	}
	sender_free(handlers->sender);
	free(handlers->stats);
	free(handlers);
}

int handlers_start(const struct config *config, const struct handler_targets *targets,
		   struct handlers *before, struct handlers **handlers)
{
	struct handlers *made = calloc(1, sizeof(*made) + config->n_handlers * sizeof(*made->list));
	int err;

	*handlers = NULL;
	if (!made)
		return -ENOMEM;
	if (targets)
		made->targets = *targets;
	made->stats = calloc(config->n_handlers + 1, sizeof(*made->stats));
	err = made->stats ? start_all(config, before, made) : -ENOMEM;
	if (err) {
		release(made);
		return err;
	}
	*handlers = made;
	return 0;
}

void handlers_check(const struct config *config)
{
	char why[CHECK_WORDS];

	for (size_t i = 0; i < config->n_handlers; i++) {
		const struct config_handler *handler = &config->handlers[i];
		int (*check)(const struct config_handler *, char *, size_t) = kinds[handler->kind]->check;

		if (!check || !check(handler, why, sizeof(why)))
			continue;
		diag_warn("%s:%zu:%zu: %s; lapse watch would not begin here", config->path,
			  handler->mark.line, handler->mark.column, why);
	}
}

/* ---- alerts ---------------------------------------------------------------------------------------- */

static bool wants_component(const struct config_handler *handler, const char *component)
{
	for (char **wanted = handler->components; wanted && *wanted; wanted++)
		if (strcmp(*wanted, component) == 0)
			return true;
	return !handler->components;
}

static struct told_key *find_told(const struct handler *handler, const struct alert *alert)
{
	const char *violation = objective_info(alert->kind)->violation;

	for (size_t i = 0; i < handler->n_told; i++)
		if (handler->told[i].component == alert->component &&
		    strcmp(handler->told[i].violation, violation) == 0)
			return &handler->told[i];
	return NULL;
}

/* There are as many keys as there are alerts at once. Without memory the end is told by its severity. */
static void remember(struct handler *handler, const struct alert *alert)
{
	struct told_key *grown;

	if (!handler->config->resolved || find_told(handler, alert))
		return;
	grown = reallocarray(handler->told, handler->n_told + 1, sizeof(*grown));
	if (!grown)
		return;
	handler->told = grown;
	grown[handler->n_told++] =
		(struct told_key){alert->component, objective_info(alert->kind)->violation};
}

static bool forget(struct handler *handler, const struct alert *alert)
{
	struct told_key *key = find_told(handler, alert);

	if (key)
		*key = handler->told[--handler->n_told];
	return key;
}

/* The end of an alert is told to whom it was told of, whatever its severity has come to since. */
static bool wants(struct handler *handler, const struct alert *alert, const char *component)
{
	const struct config_handler *config = handler->config;
	bool severe = alert->severity >= config->min_severity;

	if (!(config->when & 1ULL << alert->kind) || !wants_component(config, component))
		return false;
	if (alert->event == ALERT_EVENT_RESOLVED)
		return config->resolved && (forget(handler, alert) || severe);
	if (severe)
		remember(handler, alert);
	return severe;
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	if (wants(handler, event->alert, event->component))
		kind_of(handler)->tell(handler, event);
}

void handlers_tell(struct handlers *handlers, const struct alert *alert, const char *component_name,
		   const char *json, const char *text)
{
	const struct handler_event event = {alert, component_name, json, text};

	for (size_t i = 0; i < handlers->n; i++)
		tell(&handlers->list[i], &event);
}

void handlers_tell_standing(struct handlers *handlers, const struct alert *alert, const char *component_name,
			    const char *json, const char *text)
{
	const struct handler_event event = {alert, component_name, json, text};

	for (size_t i = 0; i < handlers->n; i++)
		if (handlers->list[i].anew && kind_of(&handlers->list[i])->keeps_account)
			tell(&handlers->list[i], &event);
}

void handlers_tick(struct handlers *handlers, uint64_t now_ns)
{
	for (size_t i = 0; i < handlers->n; i++)
		if (kind_of(&handlers->list[i])->tick)
			kind_of(&handlers->list[i])->tick(&handlers->list[i], now_ns);
}

const struct handler_stats *handlers_stats(struct handlers *handlers, size_t *n)
{
	for (size_t i = 0; i < handlers->n; i++) {
		if (kind_of(&handlers->list[i])->count)
			kind_of(&handlers->list[i])->count(&handlers->list[i]);
		handlers->stats[i] = handlers->list[i].stats;
	}
	*n = handlers->n;
	return handlers->stats;
}

/* ---- the end ---------------------------------------------------------------------------------------- */

bool handlers_busy(struct handlers *handlers, uint64_t since_ns, uint64_t now_ns)
{
	for (size_t i = 0; i < handlers->n; i++) {
		struct handler *handler = &handlers->list[i];

		if (now_ns < since_ns + handler->config->timeout_ns + SLACK_NS && kind_of(handler)->busy &&
		    kind_of(handler)->busy(handler))
			return true;
	}
	return false;
}

static void say_dropped(struct handlers *handlers)
{
	for (size_t i = 0; i < handlers->n; i++) {
		struct handler *handler = &handlers->list[i];

		if (kind_of(handler)->count)
			kind_of(handler)->count(handler);
		if (handler->stats.waiting)
			diag_warn("handler %s %s: %llu alert%s dropped: there is no time left for %s",
				  handler->stats.kind, handler->stats.target,
				  (unsigned long long)handler->stats.waiting,
				  handler->stats.waiting == 1 ? " is" : "s are",
				  handler->stats.waiting == 1 ? "it" : "them");
	}
}

void handlers_hurry(struct handlers *handlers)
{
	say_dropped(handlers);
	handlers->hurried = true;
	for (size_t i = 0; i < handlers->n; i++)
		if (kind_of(&handlers->list[i])->hurry)
			kind_of(&handlers->list[i])->hurry(&handlers->list[i]);
}

void handlers_stop(struct handlers *handlers)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	uint64_t begin = handler_now();

	if (!handlers)
		return;
	while (handlers_busy(handlers, begin, handler_now())) {
		handlers_tick(handlers, handler_now());
		nanosleep(&pause, NULL);
	}
	handlers_tick(handlers, handler_now());
	if (!handlers->hurried)
		say_dropped(handlers);
	release(handlers);
}
