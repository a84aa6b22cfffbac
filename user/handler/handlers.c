// SPDX-License-Identifier: GPL-2.0-or-later
#include "handler/handler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "handler/handler_kind.h"

struct handlers {
	struct exec_pool *pool;
	size_t n;
	struct handler list[];
};

static const struct handler_kind *const kinds[] = {
	[HANDLER_EXEC] = &handler_exec,
	[HANDLER_FILE] = &handler_file,
};

static int start_all(const struct config *config, struct handlers *handlers)
{
	for (size_t i = 0; i < config->n_handlers; i++) {
		struct handler *handler = &handlers->list[i];
		int err;

		*handler = (struct handler){
			.config = &config->handlers[i],
			.file = config->path,
			.fd = -1,
			.pool = handlers->pool,
		};
		err = kinds[handler->config->kind]->start(handler);
		if (err)
			return err;
		handlers->n++;
	}
	return 0;
}

int handlers_start(const struct config *config, struct handlers **handlers)
{
	struct handlers *made = calloc(1, sizeof(*made) + config->n_handlers * sizeof(*made->list));
	int err;

	*handlers = NULL;
	if (!made)
		return -ENOMEM;
	made->pool = exec_pool_new();
	err = made->pool ? start_all(config, made) : -ENOMEM;
	if (err) {
		handlers_stop(made);
		return err;
	}
	*handlers = made;
	return 0;
}

/* Five objectives share the violation type of percentiles, so types are compared. */
static bool same_violation(enum objective_kind a, enum objective_kind b)
{
	return strcmp(objective_info(a)->violation, objective_info(b)->violation) == 0;
}

static bool wants(const struct config_handler *handler, const struct alert *alert, const char *component)
{
	if (!handler->any && !same_violation(handler->when, alert->kind))
		return false;
	if (handler->component && strcmp(handler->component, component) != 0)
		return false;
	if (alert->event == ALERT_EVENT_RESOLVED && !handler->resolved)
		return false;
	return alert->severity >= handler->min_severity;
}

void handlers_tell(struct handlers *handlers, const struct alert *alert, const char *component_name,
		   const char *json)
{
	const struct handler_event event = {alert, component_name, json};

	for (size_t i = 0; i < handlers->n; i++) {
		struct handler *handler = &handlers->list[i];

		if (wants(handler->config, alert, component_name))
			kinds[handler->config->kind]->tell(handler, &event);
	}
}

void handlers_tick(struct handlers *handlers, uint64_t now_ns)
{
	exec_pool_tick(handlers->pool, now_ns);
}

static uint64_t longest_limit(const struct handlers *handlers)
{
	uint64_t limit = 0;

	for (size_t i = 0; i < handlers->n; i++)
		if (handlers->list[i].config->timeout_ns > limit)
			limit = handlers->list[i].config->timeout_ns;
	return limit;
}

void handlers_stop(struct handlers *handlers)
{
	if (!handlers)
		return;
	exec_pool_free(handlers->pool, longest_limit(handlers));
	for (size_t i = 0; i < handlers->n; i++) {
		struct handler *handler = &handlers->list[i];

		if (kinds[handler->config->kind]->stop)
			kinds[handler->config->kind]->stop(handler);
	}
	free(handlers);
}
