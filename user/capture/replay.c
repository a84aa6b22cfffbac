// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "capture/relevel.h"

#define NOWHERE UINT32_MAX

/* A component of the recording, and what it is in the monitor. */
struct part {
	uint32_t number; /* in the monitor; NOWHERE: not there yet, or it only feeds another */
	const struct config_component *contract; /* NULL: none is about it */
	struct relevel *relevel;		 /* NULL: as recorded */
};

/* What the monitor has, by its numbers. */
struct monitored {
	const char *name;
	struct window_spec window;
};

/* Contracts that took the place of others: the monitor has their labels. */
struct renewed {
	struct renewed *next;
	struct config config;
};

struct replay {
	struct reader *reader;
	struct replay_options options;
	struct monitor *monitor;
	struct part *parts;
	size_t n_parts;
	struct monitored *monitored;
	size_t n_monitored;
	struct renewed *renewed;
	bool contract_seen; /* the first, which it began with */
	bool rest_added;    /* contracts that nothing recorded is about */
	bool lost;
	/* The tick at hand, by the monitor's numbers. */
	struct tick_component *components;
	struct lapse_span *open;
	struct hung_span *hung;
	size_t open_room, hung_room;
};

/* ---- which contract is about what ------------------------------------------------------------------ */

static bool is_taken(const struct replay *r, const struct config_component *contract)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (r->parts[i].contract == contract)
			return true;
	return false;
}

static bool same_name(const struct config_component *contract, const struct capture_component *recorded)
{
	return !strcmp(contract->name, recorded->monitored.name);
}

/* The probe as it was asked for; modifiers may follow it. */
static bool same_probe(const struct config_component *contract, const struct capture_component *recorded)
{
	size_t length = strlen(contract->measure);
	const char *probe = recorded->probe;

	if (probe && !strncmp(probe, contract->measure, length) && (!probe[length] || probe[length] == ' '))
		return true;
	return recorded->monitored.function && !strcmp(recorded->monitored.function, contract->measure);
}

static void match(struct replay *r,
		  bool (*same)(const struct config_component *, const struct capture_component *))
{
	const struct config *config = r->options.config;

	for (size_t i = 0; config && i < config->n_components; i++) {
		const struct config_component *contract = &config->components[i];

		for (size_t j = 0; j < r->n_parts && !is_taken(r, contract); j++) {
			const struct capture_component *recorded = reader_component(r->reader, (uint32_t)j);

			if (!recorded->feeds && !r->parts[j].contract && same(contract, recorded))
				r->parts[j].contract = contract;
		}
	}
}

static void say_unmatched(const struct replay *r)
{
	const struct config *config = r->options.config;

	for (size_t i = 0; config && i < config->n_components; i++)
		if (!is_taken(r, &config->components[i]))
			diag_at(config->path, config->components[i].name_mark.line,
				config->components[i].name_mark.column,
				"component '%s' is not in the recording, by its name or by its probe",
				config->components[i].name);
}

/* ---- made ------------------------------------------------------------------------------------------- */

int replay_new(struct reader *reader, const struct replay_options *options, const struct monitor_sink *sink,
	       struct replay **replay)
{
	struct replay *r = calloc(1, sizeof(*r));
	struct monitor_options monitor = reader_options(reader);

	if (!r)
		return -ENOMEM;
	r->reader = reader;
	r->options = *options;
	r->n_parts = reader_n_components(reader);
	r->parts = calloc(r->n_parts + 1, sizeof(*r->parts));
	r->monitored = calloc(r->n_parts + (options->config ? options->config->n_components : 0) + 1,
			      sizeof(*r->monitored));
	r->components = calloc(r->n_parts + 1, sizeof(*r->components));
	for (size_t i = 0; r->parts && i < r->n_parts; i++)
		r->parts[i].number = NOWHERE;
	if (options->config) {
		monitor.system = &options->config->system;
		monitor.system_promised = options->config->system_promised;
	}
	if (options->has_severity)
		monitor.exit_severity = options->exit_severity;
	r->monitor = monitor_new(&monitor, sink);
	if (!r->parts || !r->monitored || !r->components || !r->monitor) {
		replay_free(r);
		return -ENOMEM;
	}
	monitor_start(r->monitor, monitor.start_ns);
	match(r, same_name);
	match(r, same_probe);
	say_unmatched(r);
	*replay = r;
	return 0;
}

void replay_free(struct replay *replay)
{
	for (size_t i = 0; replay->parts && i < replay->n_parts; i++)
		relevel_free(replay->parts[i].relevel);
	monitor_free(replay->monitor);
	while (replay->renewed) {
		struct renewed *next = replay->renewed->next;

		config_free(&replay->renewed->config);
		free(replay->renewed);
		replay->renewed = next;
	}
	free(replay->parts);
	free(replay->monitored);
	free(replay->components);
	free(replay->open);
	free(replay->hung);
	free(replay);
}

struct monitor *replay_monitor(const struct replay *replay)
{
	return replay->monitor;
}

uint32_t replay_number(const struct replay *replay, uint32_t recorded)
{
	return recorded < replay->n_parts ? replay->parts[recorded].number : NOWHERE;
}

/* ---- components --------------------------------------------------------------------------------------- */

/* The limits by which openings of its connections were counted. */
static const uint64_t *connect_levels(const struct replay *r, uint32_t id)
{
	static const uint64_t none[LAPSE_LEVELS] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

	for (uint32_t i = 0; i < r->n_parts; i++) {
		const struct capture_component *recorded = reader_component(r->reader, i);

		if (recorded->feeds && recorded->fed == id &&
		    !strcmp(recorded->feeds, CAPTURE_FEEDS_CONNECTIONS))
			return recorded->level_ns;
	}
	return none;
}

static int add_monitored(struct replay *r, const struct monitor_component *wanted)
{
	int number = monitor_add(r->monitor, wanted);

	if (number >= 0)
		r->monitored[r->n_monitored++] = (struct monitored){wanted->name, wanted->window};
	return number;
}

static int add(struct replay *r, const struct capture_component *recorded)
{
	bool reloaded = reader_is_reloaded(r->reader);
	struct part *part = &r->parts[recorded->id];
	struct monitor_component wanted = recorded->monitored;
	int number;

	if (part->contract) {
		wanted.name = part->contract->name;
		wanted.window = part->contract->window;
		wanted.contract = &part->contract->contract;
	}
	number = add_monitored(r, &wanted);
	if (number < 0)
		return number;
	part->number = (uint32_t)number;
	if (r->options.as_recorded)
		return 0;
	part->relevel = relevel_new(r->monitor, part->number, &wanted, reader_options(r->reader).bucket_bits,
				    reloaded ? NULL : recorded->level_ns,
				    reloaded ? NULL : connect_levels(r, recorded->id));
	return part->relevel ? 0 : -ENOMEM;
}

/* What is promised of what was not recorded is not known to hold. */
static int add_rest(struct replay *r)
{
	const struct config *config = r->options.config;
	int number = 0;

	r->rest_added = true;
	for (size_t i = 0; config && i < config->n_components && number >= 0; i++) {
		const struct config_component *contract = &config->components[i];
		struct monitor_component wanted = {
			.name = contract->name, .window = contract->window, .contract = &contract->contract};

		if (!is_taken(r, contract))
			number = add_monitored(r, &wanted);
	}
	return number < 0 ? number : 0;
}

/* ---- contracts that were read anew ------------------------------------------------------------------- */

static struct monitor_promise promise_of(const struct monitored *monitored, const struct config *config)
{
	struct monitor_promise promise = {.window = monitored->window};

	for (size_t i = 0; i < config->n_components; i++) {
		const struct config_component *contract = &config->components[i];

		if (strcmp(contract->name, monitored->name) != 0)
			continue;
		promise.window = contract->window;
		promise.contract = &contract->contract;
	}
	/* That is what is measured, and stays. */
	promise.window.last = monitored->window.last;
	return promise;
}

static int renew(struct replay *r, const struct config *config)
{
	struct monitor_promise *promises = calloc(r->n_monitored + 1, sizeof(*promises));
	int err;

	if (!promises)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_monitored; i++)
		promises[i] = promise_of(&r->monitored[i], config);
	err = monitor_renew(r->monitor, promises, &config->system, config->system_promised);
	free(promises);
	return err;
}

static int feed_contract(struct replay *r, const struct capture_contract *contract)
{
	struct renewed *renewed;
	int err;

	if (!r->contract_seen || !r->options.as_recorded || !contract->path || !contract->text) {
		r->contract_seen = true;
		return 0;
	}
	renewed = calloc(1, sizeof(*renewed));
	if (!renewed)
		return -ENOMEM;
	err = config_parse(contract->path, contract->text, strlen(contract->text), &renewed->config);
	if (err) {
		free(renewed);
		return err;
	}
	renewed->next = r->renewed;
	r->renewed = renewed;
	return renew(r, &renewed->config);
}

/* ---- events ---------------------------------------------------------------------------------------------
 */

static struct part *part_of(const struct replay *r, uint32_t component)
{
	return component < r->n_parts && r->parts[component].number != NOWHERE ? &r->parts[component] : NULL;
}

static int feed_span(struct replay *r, const struct reader_event *event)
{
	/* It may be the head of more, which is not to be changed but for this. */
	struct lapse_span *span = (struct lapse_span *)(uintptr_t)event->span;
	struct part *part = part_of(r, span->component);
	uint32_t recorded = span->component;
	int err;

	if (!part)
		return 0;
	if (part->relevel)
		relevel_span(part->relevel, span);
	span->component = part->number;
	err = monitor_span(r->monitor, span);
	span->component = recorded;
	return err;
}

static int feed_connect(struct replay *r, const struct reader_event *event)
{
	struct part *part = part_of(r, event->component->fed);

	if (!part || strcmp(event->component->feeds, CAPTURE_FEEDS_CONNECTIONS) != 0)
		return 0;
	if (part->relevel)
		relevel_connect(part->relevel, event->span);
	return monitor_connect(r->monitor, part->number, event->span);
}

static size_t place_components(struct replay *r, const struct tick *tick)
{
	size_t n = 0;

	for (size_t i = 0; i < tick->n_components && n < r->n_parts; i++) {
		struct part *part = part_of(r, tick->components[i].component);

		if (!part)
			continue;
		r->components[n] = tick->components[i];
		if (part->relevel)
			relevel_tick(part->relevel, &r->components[n], r->lost);
		r->components[n++].component = part->number;
	}
	return n;
}

static int make_open_room(struct replay *r, const struct tick *tick)
{
	struct lapse_span *open = r->open;
	struct hung_span *hung = r->hung;

	if (tick->n_open > r->open_room || !open)
		open = reallocarray(open, tick->n_open + 1, sizeof(*open));
	r->open = open ? open : r->open;
	if (tick->n_hung > r->hung_room || !hung)
		hung = reallocarray(hung, tick->n_hung + 1, sizeof(*hung));
	r->hung = hung ? hung : r->hung;
	if (!open || !hung)
		return -ENOMEM;
	r->open_room = tick->n_open > r->open_room ? tick->n_open : r->open_room;
	r->hung_room = tick->n_hung > r->hung_room ? tick->n_hung : r->hung_room;
	return 0;
}

static int place_open(struct replay *r, const struct tick *from, struct tick *to)
{
	if (make_open_room(r, from))
		return -ENOMEM;
	to->n_open = to->n_hung = 0;
	for (size_t i = 0; i < from->n_open; i++) {
		struct part *part = part_of(r, from->open[i].component);

		if (!part)
			continue;
		r->open[to->n_open] = from->open[i];
		r->open[to->n_open++].component = part->number;
	}
	for (size_t i = 0; i < from->n_hung; i++) {
		struct part *part = part_of(r, from->hung[i].head.span.component);

		if (!part)
			continue;
		r->hung[to->n_hung] = from->hung[i];
		r->hung[to->n_hung++].head.span.component = part->number;
	}
	to->open = r->open;
	to->hung = r->hung;
	return 0;
}

static int feed_tick(struct replay *r, const struct reader_event *event)
{
	struct tick tick = *event->tick;
	int err = r->rest_added ? 0 : add_rest(r);

	r->lost |= event->lost > 0;
	tick.components = r->components;
	tick.n_components = place_components(r, event->tick);
	err = err ?: place_open(r, event->tick, &tick);
	return err ?: monitor_tick(r->monitor, &tick);
}

static int feed(struct replay *r, const struct reader_event *event)
{
	switch (event->kind) {
	case READER_COMPONENT:
		return event->component->feeds ? 0 : add(r, event->component);
	case READER_SPAN:
		return feed_span(r, event);
	case READER_CONNECT:
		return feed_connect(r, event);
	case READER_TICK:
		return feed_tick(r, event);
	case READER_CONTRACT:
		return feed_contract(r, event->contract);
	case READER_PROCESS:
	case READER_VIOLATION:
	case READER_ALERT:
		break;
	}
	return 0;
}

int replay_next(struct replay *replay, struct reader_event *event)
{
	int more = reader_next(replay->reader, event), err;

	if (more <= 0)
		return more;
	err = feed(replay, event);
	return err ? err : 1;
}

int replay_rest(struct replay *replay)
{
	struct reader_event event;
	int more;

	do
		more = replay_next(replay, &event);
	while (more > 0);
	return more;
}

void replay_end(struct replay *replay)
{
	const char *reason = reader_fact(replay->reader, FACT_END_REASON);

	if (!replay->rest_added)
		add_rest(replay);
	if (reader_has_gaps(replay->reader))
		monitor_has_gaps(replay->monitor, "parts of the recording cannot be read");
	monitor_end(replay->monitor, reason ? reason : "the recording ends here");
}
