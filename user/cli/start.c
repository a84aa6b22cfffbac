// SPDX-License-Identifier: GPL-2.0-or-later
/* From a plan to attached probes: the monitor knows the contracts, the tracer their limits. */
#include "cli/session_parts.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/output_file.h"
#include "cli/waits.h"
#include "probe/halted.h"

/* As many pids as fit are named in a message. */
#define PIDS_SHOWN 128
#define EVERY	   "every "

static int64_t epoch_offset(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (int64_t)(wall.tv_sec * NSEC_PER_SEC + wall.tv_nsec) - (int64_t)clock_now_ns();
}

/* Only what has a thread of its own has causes. */
static bool has_threads(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_places; i++)
		if (!plan->components[plan->places[i].component].wait)
			return true;
	return plan->n_syscalls || plan->awaits;
}

static bool wants_why(const struct session *session)
{
	bool by_itself = session->kind != SESSION_STAT;

	if (session->tcp || !has_threads(&session->plan))
		return false;
	return session->options->why == WHY_ON || (by_itself && session->options->why == WHY_AUTO);
}

static int open_output(struct session *session)
{
	const struct options *options = session->options;
	int code;

	session->output = options->json ? &output_json : &output_text;
	session->show = (struct output_options){
		.unit = options->unit,
		.timestamps = options->timestamps,
		.histogram = session->kind != SESSION_WATCH && !session->tcp,
		.tcp = session->tcp,
		.why = wants_why(session),
	};
	code = output_file_open(options, &session->show);
	session->output_to = session->show.stream;
	if (!code && session->config && session_box_output(session, session->config)) {
		diag_error("out of memory");
		return EXIT_NOT_ATTACHED;
	}
	return code;
}

int session_box_output(struct session *session, const struct config *config)
{
	if (!config->n_handlers || session->outbox)
		return 0;
	return output_file_open_box(&session->show, &session->outbox);
}

/* ---- the monitor ------------------------------------------------------------------------------- */

static const struct config_component *config_component(const struct session *session, size_t component)
{
	if (!session->config)
		return NULL;
	return &session->config->components[session->plan.components[component].spec];
}

/* Whether a probe of its own tells this component's hits from misses. */
static bool has_feeder(const struct session *session, size_t component, enum plan_feeds feeds)
{
	for (size_t i = 0; i < session->plan.n_components; i++)
		if (session->plan.components[i].feeds == feeds &&
		    session->plan.components[i].fed == component)
			return true;
	return false;
}

static bool is_of_tcp(const struct plan *plan, size_t component)
{
	for (size_t i = 0; i < plan->n_tcps; i++)
		if (plan->tcps[i].rule.component == component)
			return true;
	return false;
}

/* What a contract says of a marker's values has its place before the program names it: by the place the
 * kernel knows the limits. */
static void name_promised(struct plan_component *planned, const struct contract *contract)
{
	const char *names[LAPSE_VALUES];
	size_t n = contract_values(contract, names, LAPSE_VALUES);

	for (size_t i = 0; i < n && i < LAPSE_VALUES; i++)
		snprintf(planned->value_name[i], LAPSE_VALUE_NAME, "%s", names[i]);
}

static int add_component(struct session *session, size_t i)
{
	struct plan_component *planned = &session->plan.components[i];
	const struct config_component *config = config_component(session, i);
	struct monitor_component component = {
		.name = planned->name,
		.function = planned->function,
		.object = planned->object,
		.window = config ? config->window : window_spec_default(),
		.contract = config ? &config->contract : NULL,
		.outcome_unknown = !planned->has_errors,
		.untimed = planned->untimed,
		.has_cache = planned->has_cache || has_feeder(session, i, FEEDS_CACHE),
		.tcp = is_of_tcp(&session->plan, i),
		.spare = session->n_groups && is_of_tcp(&session->plan, i),
		.cache_apart = has_feeder(session, i, FEEDS_CACHE),
		.connects = has_feeder(session, i, FEEDS_CONNECTS),
	};
	int number;

	if (planned->marker && config)
		name_promised(planned, &config->contract);
	for (int value = 0; value < LAPSE_VALUES; value++)
		component.value_name[value] = *planned->value_name[value] ? planned->value_name[value] : NULL;
	number = monitor_add(session->monitor, &component);
	if (number >= 0)
		recorder_component(session, (size_t)number, &component);
	return number < 0 ? number : 0;
}

static int start_monitor(struct session *session)
{
	struct monitor_sink sink = session_sink;
	struct monitor_options options = {
		.start_ns = clock_now_ns(),
		.epoch_ns = epoch_offset(),
		.tick_ns = session->tick_ns,
		.interval_ns = session->options->interval_ns,
		.bucket_bits = tracer_bucket_bits(session->plan.n_components + session->n_groups),
		.exit_severity = session->options->fail_on,
		.system = session->config ? &session->config->system : NULL,
		.system_promised = session->config && session->config->system_promised,
	};
	int err = 0;

	sink.context = session;
	session->start_ns = options.start_ns;
	session->monitor = monitor_new(&options, &sink);
	if (!session->monitor)
		return -ENOMEM;
	while (session->n_monitored < session->plan.n_components &&
	       session->plan.components[session->n_monitored].feeds == FEEDS_ITSELF)
		session->n_monitored++;
	for (size_t i = 0; i < session->n_monitored && !err; i++)
		err = add_component(session, i);
	return err;
}

/* ---- the tracer --------------------------------------------------------------------------------- */

static void without_limits(struct tracer_component *component)
{
	for (int level = 0; level < LAPSE_LEVELS; level++)
		component->level_ns[level] = UINT64_MAX;
}

/* What only feeds another component has the limits that are set for that, or none. */
static void describe_feeder(const struct session *session, const struct plan_component *planned,
			    struct tracer_component *component)
{
	if (planned->feeds == FEEDS_CONNECTS)
		monitor_kernel_connect_levels(session->monitor, planned->fed, component->level_ns);
	else
		without_limits(component);
}

/* The limits of its values, which the kernel judges. */
static void describe_values(const struct session *session, size_t i, struct plan_component *planned)
{
	for (int value = 0; value < LAPSE_VALUES; value++)
		if (*planned->value_name[value])
			monitor_kernel_value_levels(session->monitor, i, planned->value_name[value],
						    (int64_t *)planned->rules.value[value].above,
						    (int64_t *)planned->rules.value[value].below);
}

/* What is recorded is sent span by span. */
static uint32_t streamed(const struct session *session)
{
	return session->recorder ? LAPSE_COMP_STREAM : 0;
}

/* In trace, every span over --slower is worth a wakeup; in watch, the contract's limits say which. */
void session_describe(struct session *session, size_t i, struct tracer_component *component)
{
	const struct config_component *config = config_component(session, i);
	struct plan_component *planned = &session->plan.components[i];

	component->send_ns = UINT64_MAX;
	component->flags = planned->flags | streamed(session);
	component->rules = planned->has_rules ? &planned->rules : NULL;
	component->marker = planned->marker;
	component->wait = planned->wait;
	component->targets = session->targets ? session->targets[planned->spec] : LAPSE_ALL_TARGETS;
	component->feeds = planned->feeds;
	component->fed = planned->feeds == FEEDS_ITSELF ? NO_COMPONENT : planned->fed;
	for (int value = 0; value < LAPSE_VALUES; value++)
		component->value_name[value] =
			*planned->value_name[value] ? planned->value_name[value] : NULL;
	if (i >= session->n_monitored) {
		describe_feeder(session, planned, component);
		return;
	}
	monitor_kernel_levels(session->monitor, i, component->level_ns);
	describe_values(session, i, planned);
	component->recent_len = config ? config->window.last : 0;
	if (session->kind == SESSION_TRACE)
		component->level_ns[LAPSE_LEVEL_WARNING] = session->options->slower_ns;
	/* Of slow calls stacks are wanted, promised or not. */
	if (session->recorder)
		component->send_ns = session->options->slower_ns;
}

/* What a group of connections takes. */
static void describe_group(const struct session *session, struct tracer_component *component)
{
	*component = (struct tracer_component){
		.send_ns = UINT64_MAX,
		.flags = streamed(session),
		.fed = NO_COMPONENT,
		.targets = LAPSE_ALL_TARGETS,
	};
	without_limits(component);
	if (session->kind == SESSION_TRACE)
		component->level_ns[LAPSE_LEVEL_WARNING] = session->options->slower_ns;
}

static unsigned classes_used(const struct plan *plan)
{
	unsigned classes = 0;

	for (size_t i = 0; i < plan->n_places; i++)
		if (plan->places[i].role != LAPSE_ROLE_RETINS)
			classes |= 1U << plan->places[i].cls;
	if (plan->n_usdts)
		classes |= 1U << LAPSE_CLASS_EMULATED;
	if (plan->n_syscalls)
		classes |= 1U << LAPSE_CLASS_SYSCALL;
	return classes;
}

/* Some may come with a library that is not there yet. */
static bool wants_usdts(const struct session *session)
{
	for (size_t i = 0; i < session->n_specs; i++) {
		const struct probe_spec *spec = &session->specs[i];

		if (spec->kind == SPEC_USDT)
			return true;
		for (int end = 0; end < LAPSE_ENDS && spec->kind == SPEC_SPAN; end++)
			if (spec->ends[end].kind == SPEC_USDT)
				return true;
	}
	return false;
}

/* Functions and markers, as far as there are any or may come later. */
static bool wants_places(const struct session *session)
{
	for (size_t i = 0; i < session->n_specs; i++)
		if (session->specs[i].kind != SPEC_TCP && session->specs[i].kind != SPEC_SYSCALL &&
		    session->specs[i].kind != SPEC_LOOP)
			return true;
	return false;
}

/* Places that are no function's beginning and end. */
static bool wants_edges(const struct session *session)
{
	for (size_t i = 0; i < session->n_specs; i++)
		if (session->specs[i].kind == SPEC_SPAN || session->specs[i].kind == SPEC_USDT ||
		    session->specs[i].wait)
			return true;
	return false;
}

/* More of connections than that they are opened. */
static bool wants_tcp_data(const struct session *session)
{
	for (size_t i = 0; i < session->plan.n_tcps; i++)
		if (session->plan.tcps[i].rule.kind != LAPSE_TCP_CONNECT)
			return true;
	return false;
}

/* What is recorded is many times what is sent otherwise. */
static size_t ring_bytes(const struct session *session)
{
	if (session->options->ring_bytes)
		return session->options->ring_bytes;
	return session->recorder ? RING_SIZE_RECORDING : RING_SIZE_DEFAULT;
}

static int open_tracer(struct session *session)
{
	size_t n_planned = session->plan.n_components, n = n_planned + session->n_groups;
	struct tracer_component *components = calloc(n, sizeof(*components));
	struct tracer_options options = {
		.attach = session->options->attach,
		.ring_bytes = ring_bytes(session),
		.realtime = !session->options->no_realtime,
		.tick_ns = session->tick_ns,
		.why = wants_why(session),
		.waits = wants_why(session) && waits_planned(&session->plan),
		.stream_rate = session->options->stream_rate,
		.stack_bytes = session->kind == SESSION_TRACE || session->recorder
				       ? session->options->stack_bytes
				       : 0,
		.places = wants_places(session),
		.usdts = wants_usdts(session),
		.edges = wants_edges(session),
		.syscalls = session->plan.n_syscalls,
		.tcp = session->plan.n_tcps,
		.tcp_data = wants_tcp_data(session),
		.tcp_backend = session->options->tcp_backend,
		.n_groups = session->n_groups,
		.droppable = session->options->max_overhead > 0,
		.tid = session->options->tid,
	};
	int err = components ? 0 : -ENOMEM;

	if (!err)
		err = targets_describe(session, &options);
	for (size_t i = 0; i < n_planned && !err; i++)
		session_describe(session, i, &components[i]);
	for (size_t i = n_planned; i < n && !err; i++)
		describe_group(session, &components[i]);
	if (!err)
		err = tracer_open(&options, components, n, &session->tracer);
	if (!err)
		tracer_prepare(session->tracer, classes_used(&session->plan));
	if (!err)
		err = tracer_load(session->tracer);
	if (!err)
		err = targets_want(session);
	free(components);
	return err;
}

static const struct place *entry_of(const struct plan *plan, size_t component)
{
	for (size_t i = 0; i < plan->n_places; i++)
		if (plan->places[i].component == component && plan->places[i].role != LAPSE_ROLE_RETINS)
			return &plan->places[i];
	return NULL;
}

/* Components of which each is named; of more only how many. */
#define PRICES_SAID 3

/* The entry of component @i if there is something dear about it: probes on its return instructions, or one
 * that the kernel single-steps. Those of globs are many, and seen to by the budget. */
static const struct place *dear_entry(const struct plan *plan, size_t i)
{
	const struct plan_component *component = &plan->components[i];
	const struct place *entry = component->glob && !component->retins ? NULL : entry_of(plan, i);

	return entry && (component->retins || entry->stays) ? entry : NULL;
}

static void say_prices(const struct session *session)
{
	const struct plan *plan = &session->plan;
	size_t n = 0;

	for (size_t i = 0; i < plan->n_components; i++) {
		const struct place *entry = dear_entry(plan, i);
		bool retins = plan->components[i].retins;
		char price[32];

		if (!entry || n++ >= PRICES_SAID)
			continue;
		units_format_duration(tracer_cost(session->tracer, entry->cls)->total_ns, price,
				      sizeof(price));
		diag_note("%s %s, %s a call: %s", plan->components[i].name,
			  retins ? "is ended by probes on its return instructions"
				 : "has a probe that is single-stepped",
			  price, (retins ? plan->components[i].why : entry->stays) ?: "");
	}
	if (n > PRICES_SAID)
		diag_note("%zu more functions are as dear", n - PRICES_SAID);
}

static size_t count_entries(const struct session *session)
{
	const struct plan *plan = &session->plan;
	size_t n = 0;

	for (size_t i = 0; i < plan->n_places; i++)
		n += plan->places[i].role != LAPSE_ROLE_RETINS &&
		     !tracer_has_dropped(session->tracer, plan->places[i].component);
	for (size_t i = 0; i < plan->n_components; i++)
		n += is_of_tcp(plan, i);
	return n + plan->n_usdts + plan->n_syscalls;
}

static void say_tracing(const struct session *session)
{
	size_t n = count_entries(session);
	char where[TARGET_WORDS + sizeof(EVERY)] = EVERY, name[64];
	size_t length = 0;

	if (target_is_open(&session->selection))
		target_describe(&session->selection, where + strlen(EVERY), TARGET_WORDS);
	else
		*where = '\0';
	for (size_t i = 0; !*where && i < session->n_processes; i++)
		length += snprintf(name, sizeof(name), "%d", session->processes[i].pid) + 2;
	if (length && length < PIDS_SHOWN) {
		length = snprintf(where, sizeof(where), "PID ");
		for (size_t i = 0; i < session->n_processes; i++)
			length += snprintf(where + length, sizeof(where) - length, i ? ", %d" : "%d",
					   session->processes[i].pid);
	} else if (length) {
		snprintf(where, sizeof(where), "%zu processes", session->n_processes);
	}
	diag_note("tracing %zu probe%s in %s", n, n == 1 ? "" : "s", where);
}

/* What somebody holds makes no calls, or slow ones. */
static void say_halted(const struct session *session)
{
	char why[HALTED_WHY];

	for (size_t i = 0; i < session->n_processes; i++)
		if (halted(session->processes[i].pid, why))
			diag_warn("process %d %s", session->processes[i].pid, why);
}

static int attach(struct session *session)
{
	int err = open_tracer(session);

	if (!err)
		err = tracer_calibrate(session->tracer, classes_used(&session->plan));
	for (size_t i = 0; i < session->n_processes && !err; i++)
		markers_tell(session, &session->processes[i]);
	if (!err)
		err = tracer_attach(session->tracer, &session->plan, 0, 0);
	if (err)
		return EXIT_NOT_ATTACHED;
	if (processes_follow(session)) {
		diag_error("cannot follow the children");
		return EXIT_NOT_ATTACHED;
	}
	for (size_t i = 0; i < session->n_processes; i++) {
		libraries_watch(session, &session->processes[i], 0);
		tracer_watch_usage(session->tracer, session->processes[i].pid);
		stacks_prime(session, session->processes[i].pid);
	}
	say_prices(session);
	return 0;
}

int session_start(struct session *session)
{
	const struct handler_targets targets = {addressees_open, session};
	const struct options *options = session->options;
	int code;

	session->tick_ns = options->interval_ns < NSEC_PER_SEC ? options->interval_ns : NSEC_PER_SEC;
	code = open_output(session) ?: recorder_new(session);
	if (code)
		return code;
	if (start_monitor(session) || budget_new(session) || stacks_new(session) ||
	    lookup_new(session->specs, session->n_specs, clock_now_ns(), LOOKUP_PERIOD_NS,
		       &session->lookup)) {
		diag_error("out of memory");
		return EXIT_NOT_ATTACHED;
	}
	if (session->config && handlers_start(session->config, &targets, NULL, &session->handlers))
		return EXIT_USAGE;
	code = attach(session);
	if (!code)
		code = processes_watch(session);
	if (code)
		return code;
	session->start_ns = clock_now_ns();
	monitor_start(session->monitor, session->start_ns);
	recorder_start(session);
	say_tracing(session);
	tracer_settle(session->tracer);
	markers_say(session);
	if (command_release(&session->command)) {
		diag_error("cannot let the command go on: %s", strerror(errno));
		return EXIT_NOT_ATTACHED;
	}
	say_halted(session);
	/* A start needs more memory than all that follows, and leaves it in pieces. */
	malloc_trim(0);
	return 0;
}
