// SPDX-License-Identifier: GPL-2.0-or-later
/* Every field of every object. Names are stable; new fields may be added at the end of a table. */
#include <math.h>

#include "base/units.h"
#include "output/json_parts.h"
#include "output/json_table.h"
#include "output/words.h"

#define AT(root, type, member) \
	.from = root, .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define KNOWN(type, member) .known = offsetof(type, member), .nullable = true
#define NAMES(list)	    .names = list, .n_names = sizeof(list) / sizeof(*list)
#define TABLE(id, type, rows, about)   \
	const struct json_table id = { \
		.name = type, .fields = rows, .n_fields = sizeof(rows) / sizeof(*rows), .help = about}

#define STATS(member)	  AT(FROM_STATS, struct stats, member)
#define COMPONENT(member) AT(FROM_COMPONENT, struct component_snapshot, member)
#define SNAPSHOT(member)  AT(FROM_SNAPSHOT, struct snapshot, member)
#define SPAN(member)	  AT(FROM_SPAN, struct lapse_span, member)
#define VIOLATION(member) AT(FROM_VIOLATION, struct violation, member)
#define ALERT(member)	  AT(FROM_ALERT, struct alert, member)
#define HANDLER(member)	  AT(FROM_HANDLER, struct handler_stats, member)
#define OBJECTIVE(member) AT(FROM_OBJECTIVE, struct objective_state, member)

#define TIMED_OUT "keyed spans only: given up after their timeout; abandoned has them too"

/* ---- window, and what final says of a component ---------------------------------------- */

static const struct json_field trend_fields[] = {
	{"latency", JSON_KIND_NAME, COMPONENT(latency_trend), NAMES(trend_names), .nullable = true},
	{"errors", JSON_KIND_NAME, COMPONENT(error_trend), NAMES(trend_names), .nullable = true},
	{"throughput", JSON_KIND_NAME, COMPONENT(throughput_trend), NAMES(trend_names), .nullable = true},
};
static TABLE(trend_table, "trend", trend_fields, "the last quarter of the window against the one before");

/* clang-format off */
#define WINDOW_FIELDS \
	{"component", JSON_KIND_TEXT, COMPONENT(name)}, \
	{"interval_s", JSON_KIND_SECONDS, STATS(covered_ns), .help = "the time that the figures cover"}, \
	{"count", JSON_KIND_COUNT, STATS(count), .help = "spans that ended"}, \
	{"errors", JSON_KIND_COUNT, STATS(errors), KNOWN(struct stats, has_errors)}, \
	{"rate_per_s", JSON_KIND_NUMBER, STATS(rate_per_s), .nullable = true}, \
	{"avg_ns", JSON_KIND_NUMBER, STATS(avg_ns), .nullable = true}, \
	{"p50_ns", JSON_KIND_COUNT, STATS(p50_ns), KNOWN(struct stats, has_percentiles)}, \
	{"p90_ns", JSON_KIND_COUNT, STATS(p90_ns), KNOWN(struct stats, has_percentiles)}, \
	{"p95_ns", JSON_KIND_COUNT, STATS(p95_ns), KNOWN(struct stats, has_percentiles)}, \
	{"p99_ns", JSON_KIND_COUNT, STATS(p99_ns), KNOWN(struct stats, has_percentiles)}, \
	{"p999_ns", JSON_KIND_COUNT, STATS(p999_ns), KNOWN(struct stats, has_percentiles)}, \
	{"max_ns", JSON_KIND_COUNT, STATS(max_ns), KNOWN(struct stats, has_extremes), \
	 .help = "exact; where an interruption hid that of the newest second, the middle of its bucket"}, \
	{"in_flight", JSON_KIND_COUNT, COMPONENT(in_flight), .help = "spans that have not ended yet"}, \
	{"oldest_in_flight_ns", JSON_KIND_COUNT, COMPONENT(oldest_in_flight_ns), \
	 KNOWN(struct component_snapshot, has_oldest), .help = "age of the oldest of them"}, \
	{"cache_hit_rate", JSON_KIND_NUMBER, STATS(cache_hit_rate), .nullable = true, .help = "a fraction"}, \
	{"values", JSON_KIND_GET, .get = json_get_values, .schema = json_schema_values, \
	 .help = "captured values by name; min and max are known a second late"}, \
	{"trend", JSON_KIND_OBJECT, .table = &trend_table}, \
	{"health", JSON_KIND_NUMBER, COMPONENT(health), .nullable = true, .help = "0 to 100"}, \
	{"verdict", JSON_KIND_NAME, COMPONENT(verdict), NAMES(verdict_names), .nullable = true}
/* clang-format on */

#define DETACHED_FIELD                                                               \
	{                                                                            \
		"detached", JSON_KIND_BOOL, COMPONENT(detached),                     \
			.help = "its probes were too dear, and have been taken away" \
	}

static const struct json_field window_fields[] = {
	WINDOW_FIELDS,
	DETACHED_FIELD,
	{"tcp", JSON_KIND_GET, .get = json_get_tcp, .schema = json_schema_tcp,
	 .help = "what its connections did"},
};
TABLE(json_window, "window", window_fields, "one component in one reporting interval");

static const struct json_field component_fields[] = {
	WINDOW_FIELDS,
	{"min_ns", JSON_KIND_COUNT, STATS(min_ns), KNOWN(struct stats, has_extremes)},
	{"function", JSON_KIND_TEXT, COMPONENT(function), .nullable = true},
	{"object", JSON_KIND_TEXT, COMPONENT(object), .nullable = true, .help = "the file of the function"},
	{"contract", JSON_KIND_GET, .get = json_get_contract, .schema = json_schema_contract,
	 .help = "objectives by their keys"},
	{"withdrawn", JSON_KIND_GET, .get = json_get_withdrawn, .schema = json_schema_withdrawn,
	 .help = "objectives that were violated, and then taken back or given another limit"},
	{"violations", JSON_KIND_COUNT, COMPONENT(violations)},
	{"histogram", JSON_KIND_GET, .get = json_get_histogram, .schema = json_schema_histogram,
	 .help = "occupied buckets: [low_ns, high_ns, count], high exclusive, null in the overflow bucket"},
	{"raw_avg_ns", JSON_KIND_NUMBER, COMPONENT(raw_avg_ns), .nullable = true,
	 .help = "before what the probes cost was taken out"},
	{"entries", JSON_KIND_COUNT, COMPONENT(entries),
	 .help = "returns + in_flight + too_deep + abandoned + jumps + maps_full + restarted"},
	{"returns", JSON_KIND_COUNT, COMPONENT(returns)},
	{"too_deep", JSON_KIND_COUNT, COMPONENT(too_deep)},
	{"abandoned", JSON_KIND_COUNT, COMPONENT(abandoned)},
	{"jumps", JSON_KIND_COUNT, COMPONENT(jumps)},
	{"error_rate", JSON_KIND_NUMBER, STATS(error_rate), .nullable = true},
	{"cache_hits", JSON_KIND_COUNT, STATS(hits)},
	{"cache_misses", JSON_KIND_COUNT, STATS(misses)},
	{"maps_full", JSON_KIND_COUNT, COMPONENT(maps_full)},
	{"restarted", JSON_KIND_COUNT, COMPONENT(restarted), .help = "keyed spans only"},
	{"unmatched_end", JSON_KIND_COUNT, COMPONENT(unmatched_end), .help = "keyed spans only"},
	{"timed_out", JSON_KIND_COUNT, COMPONENT(timed_out), .help = TIMED_OUT},
	{"connections_unseen", JSON_KIND_BOOL, COMPONENT(connects_unseen),
	 .help = "the probe of its connections has shown none, neither new nor standing"},
	DETACHED_FIELD,
	{"tcp", JSON_KIND_GET, .get = json_get_tcp, .schema = json_schema_tcp,
	 .help = "what its connections did"},
	{"causes", JSON_KIND_GET, .get = json_get_causes, .schema = json_schema_causes,
	 .help = "what all spans, the slowest tenth and the slowest hundredth spent their time on, as "
		 "fractions; who was seen to end the waits, and for what share of them"},
	{"hung", JSON_KIND_GET, .get = json_get_hung, .schema = json_schema_hung,
	 .help = "in flight past their limit at the end: the oldest ten, and where they are"},
	{"hung_more", JSON_KIND_COUNT, COMPONENT(hung_more), .help = "how many there are besides"},
};
TABLE(json_component, "component", component_fields, "one component since the start");

static const struct json_field objective_fields[] = {
	{"limit", JSON_KIND_NUMBER, OBJECTIVE(objective.limit)},
	{"unit", JSON_KIND_UNIT, OBJECTIVE(objective.kind)},
	{"violation", JSON_KIND_VIOLATION, OBJECTIVE(objective.kind)},
	{"measured", JSON_KIND_NUMBER, OBJECTIVE(measured), .nullable = true, .help = "the last figure"},
	{"worst", JSON_KIND_NUMBER, OBJECTIVE(worst), .nullable = true},
	{"violations", JSON_KIND_COUNT, OBJECTIVE(violations)},
	{"verdict", JSON_KIND_NAME, OBJECTIVE(verdict), NAMES(verdict_names), .nullable = true},
	{"why_unknown", JSON_KIND_TEXT, OBJECTIVE(why_unknown), .nullable = true},
	{"spans_needed", JSON_KIND_COUNT, OBJECTIVE(spans_needed),
	 .help = "in the window, where there are too few to judge by; else 0"},
	{"value", JSON_KIND_GET, .get = json_get_objective_value, .schema = json_schema_text_or_null,
	 .help = "the captured value that it is about"},
};
TABLE(json_objective, "objective", objective_fields, "one objective of a contract");

static const struct json_field withdrawn_fields[] = {
	{"objective", JSON_KIND_GET, .get = json_get_objective_key, .schema = json_schema_text_or_null,
	 .help = "its key in the contract"},
	{"limit", JSON_KIND_NUMBER, OBJECTIVE(objective.limit)},
	{"unit", JSON_KIND_UNIT, OBJECTIVE(objective.kind)},
	{"violation", JSON_KIND_VIOLATION, OBJECTIVE(objective.kind)},
	{"worst", JSON_KIND_NUMBER, OBJECTIVE(worst), .nullable = true},
	{"violations", JSON_KIND_COUNT, OBJECTIVE(violations), .help = "up to then"},
	{"until", JSON_KIND_TIME, OBJECTIVE(until_ns), .help = "when it was withdrawn"},
};
TABLE(json_withdrawn, "withdrawn", withdrawn_fields, "an objective that is no longer promised so");

/* ---- events ------------------------------------------------------------------------------ */

static const struct json_field span_fields[] = {
	{"component", JSON_KIND_TEXT, COMPONENT(name)},
	{"pid", JSON_KIND_COUNT, SPAN(pid)},
	{"tid", JSON_KIND_ID, SPAN(tid), .nullable = true,
	 .help = "null: a goroutine has no thread of its own"},
	{"comm", JSON_KIND_GET, .get = json_get_span_comm, .schema = json_schema_text},
	{"start", JSON_KIND_TIME, SPAN(start_ns)},
	{"start_ns", JSON_KIND_DIGITS, SPAN(start_ns), .help = "CLOCK_MONOTONIC"},
	{"duration_ns", JSON_KIND_COUNT, SPAN(duration_ns), .help = "the age where the span is open"},
	{"ok", JSON_KIND_GET, .get = json_get_span_ok, .schema = json_schema_bool_or_null},
	{"ret", JSON_KIND_GET, .get = json_get_span_ret, .schema = json_schema_integer_or_null,
	 .help = "the return value's register, signed"},
	{"open", JSON_KIND_GET, .get = json_get_span_open, .schema = json_schema_bool,
	 .help = "has not ended yet"},
	{"values", JSON_KIND_GET, .get = json_get_span_values, .schema = json_schema_span_values,
	 .help = "captured values by name"},
	{"raw_ns", JSON_KIND_COUNT, SPAN(raw_ns), .help = "before what the probes cost was taken out"},
	{"peer", JSON_KIND_GET, .get = json_get_span_peer, .schema = json_schema_text_or_null,
	 .help = "the remote end of the connection"},
	{"tcp", JSON_KIND_GET, .get = json_get_span_tcp, .schema = json_schema_span_tcp,
	 .help = "what is known of its connection"},
	{"cause", JSON_KIND_PRINT, .print = json_print_cause, .schema = json_schema_cause,
	 .help = "what its thread spent the time on; null: not known"},
	{"ran_instead", JSON_KIND_GET, .get = json_get_ran_instead, .schema = json_schema_ran_instead,
	 .help = "who ran while its thread could have"},
	{"longest_wait", JSON_KIND_PRINT, .print = json_print_longest_wait,
	 .schema = json_schema_longest_wait},
	{"now", JSON_KIND_PRINT, .print = json_print_span_now, .schema = json_schema_now,
	 .help = "where its thread is, if it is open past the limit"},
};
TABLE(json_span, "span", span_fields, "a slow, failed or still open span");

static const struct json_field violation_fields[] = {
	{"component", JSON_KIND_TEXT, COMPONENT(name)},
	{"violation", JSON_KIND_VIOLATION, VIOLATION(kind)},
	{"severity", JSON_KIND_NAME, VIOLATION(severity), NAMES(severity_names)},
	{"measured", JSON_KIND_NUMBER, VIOLATION(measured), .nullable = true},
	{"limit", JSON_KIND_NUMBER, VIOLATION(limit), .nullable = true},
	{"unit", JSON_KIND_UNIT, VIOLATION(kind)},
	{"open", JSON_KIND_BOOL, VIOLATION(open), .help = "by a span that has not ended yet"},
	{"objective", JSON_KIND_OBJECTIVE, VIOLATION(kind)},
	{"pid", JSON_KIND_ID, VIOLATION(pid), .nullable = true, .help = "null: not one span's"},
	{"tid", JSON_KIND_ID, VIOLATION(tid), .nullable = true},
	{"value", JSON_KIND_TEXT, VIOLATION(value), .nullable = true,
	 .help = "the captured value that it is about"},
	{"cause", JSON_KIND_GET, .get = json_get_violation_cause, .schema = json_schema_band,
	 .help = "what the span, or the slowest of the window, spent its time on; null: not known"},
	{"now", JSON_KIND_GET, .get = json_get_violation_now, .schema = json_schema_now,
	 .help = "where the thread is, if the span is open"},
};
TABLE(json_violation, "violation", violation_fields, "one breach of one objective");

static const struct json_field alert_fields[] = {
	{"state", JSON_KIND_NAME, ALERT(event), NAMES(alert_event_names)},
	{"component", JSON_KIND_TEXT, COMPONENT(name)},
	{"violation", JSON_KIND_VIOLATION, ALERT(kind)},
	{"severity", JSON_KIND_NAME, ALERT(severity), NAMES(severity_names)},
	{"measured", JSON_KIND_NUMBER, ALERT(measured), .nullable = true},
	{"limit", JSON_KIND_NUMBER, ALERT(limit), .nullable = true},
	{"unit", JSON_KIND_UNIT, ALERT(kind)},
	{"held_back", JSON_KIND_COUNT, ALERT(held_back),
	 .help = "violations since the last announcement that were not announced"},
	{"since", JSON_KIND_TIME, ALERT(since_ns)},
	{"objective", JSON_KIND_OBJECTIVE, ALERT(kind)},
	{"violations", JSON_KIND_COUNT, ALERT(violations), .help = "since it began to fire"},
	{"window_s", JSON_KIND_SECONDS, ALERT(window_ns), .help = "covered; 0: judged span by span"},
	{"approach", JSON_KIND_BOOL, ALERT(approach), .help = "below the limit still"},
	{"open", JSON_KIND_BOOL, ALERT(open)},
	{"pid", JSON_KIND_ID, ALERT(pid), .nullable = true, .help = "null: not one span's"},
	{"tid", JSON_KIND_ID, ALERT(tid), .nullable = true},
	{"value", JSON_KIND_TEXT, ALERT(value), .nullable = true,
	 .help = "the captured value that it is about"},
	{"cause", JSON_KIND_GET, .get = json_get_alert_cause, .schema = json_schema_band,
	 .help = "what the span, or the slowest of the window, spent its time on; null: not known"},
	{"now", JSON_KIND_GET, .get = json_get_alert_now, .schema = json_schema_now,
	 .help = "where the thread is, if the span is open"},
	{"labels", JSON_KIND_GET, .get = json_get_labels, .schema = json_schema_labels,
	 .help = "what the contract file says it is to carry"},
	{"annotations", JSON_KIND_GET, .get = json_get_annotations, .schema = json_schema_labels,
	 .help = "the same, for people"},
};
TABLE(json_alert, "alert", alert_fields, "violations of one component and type, as announced");

static const struct json_field health_fields[] = {
	{"observed_s", JSON_KIND_SECONDS, SNAPSHOT(system.observed_ns)},
	{"requests", JSON_KIND_COUNT, SNAPSHOT(system.requests)},
	{"error_rate", JSON_KIND_NUMBER, SNAPSHOT(system.error_rate), .nullable = true},
	{"avg_ns", JSON_KIND_NUMBER, SNAPSHOT(system.avg_ns), .nullable = true},
	{"active_alerts", JSON_KIND_COUNT, SNAPSHOT(system.active_alerts)},
	{"overall", JSON_KIND_NUMBER, SNAPSHOT(system.overall), .nullable = true, .help = "0 to 100"},
};
TABLE(json_health, "health", health_fields, "the whole, every 10 s");

/* ---- final --------------------------------------------------------------------------------- */

static const struct json_field system_fields[] = {
	{"observed_s", JSON_KIND_SECONDS, SNAPSHOT(system.observed_ns)},
	{"requests", JSON_KIND_COUNT, SNAPSHOT(system.requests)},
	{"errors", JSON_KIND_COUNT, SNAPSHOT(system.errors), KNOWN(struct snapshot, system.has_errors)},
	{"error_rate", JSON_KIND_NUMBER, SNAPSHOT(system.error_rate), .nullable = true},
	{"avg_ns", JSON_KIND_NUMBER, SNAPSHOT(system.avg_ns), .nullable = true},
	{"uptime", JSON_KIND_NUMBER, SNAPSHOT(system.uptime), .nullable = true, .help = "a fraction"},
	{"stolen_share", JSON_KIND_NUMBER, SNAPSHOT(system.stolen_share), .nullable = true,
	 .help = "of the processors' time, what the host gave to other machines: spans hold it as on-cpu; "
		 "null: not known before the end"},
	{"active_alerts", JSON_KIND_COUNT, SNAPSHOT(system.active_alerts)},
	{"overall", JSON_KIND_NUMBER, SNAPSHOT(system.overall), .nullable = true, .help = "0 to 100"},
	{"components_declared", JSON_KIND_COUNT, SNAPSHOT(system.components_declared)},
	{"components_fed", JSON_KIND_COUNT, SNAPSHOT(system.components_fed)},
	{"contract", JSON_KIND_GET, .get = json_get_system_contract, .schema = json_schema_contract,
	 .help = "what all components promise together"},
};
static TABLE(system_table, "system", system_fields, "all components together");

static const struct json_field integrity_fields[] = {
	{"entries", JSON_KIND_COUNT, SNAPSHOT(integrity.entries)},
	{"returns", JSON_KIND_COUNT, SNAPSHOT(integrity.returns)},
	{"in_flight", JSON_KIND_COUNT, SNAPSHOT(integrity.in_flight)},
	{"abandoned", JSON_KIND_COUNT, SNAPSHOT(integrity.abandoned)},
	{"jumps", JSON_KIND_COUNT, SNAPSHOT(integrity.jumps)},
	{"restarted", JSON_KIND_COUNT, SNAPSHOT(integrity.restarted), .help = "keyed spans only"},
	{"unmatched_end", JSON_KIND_COUNT, SNAPSHOT(integrity.unmatched_end), .help = "keyed spans only"},
	{"returns_without_entry", JSON_KIND_COUNT, SNAPSHOT(integrity.stray)},
	{"too_deep", JSON_KIND_COUNT, SNAPSHOT(integrity.too_deep)},
	{"maps_full", JSON_KIND_COUNT, SNAPSHOT(integrity.maps_full)},
	{"ring_dropped", JSON_KIND_COUNT, SNAPSHOT(integrity.ring_dropped)},
	{"kernel_missed", JSON_KIND_COUNT, SNAPSHOT(integrity.kernel_missed)},
	{"unaccounted", JSON_KIND_SIGNED, SNAPSHOT(integrity.unaccounted),
	 .help = "entries less everything they became; not 0 at the end: something is wrong; before, where "
		 "end_reason is null, they are not read at one moment"},
	{"timed_out", JSON_KIND_COUNT, SNAPSHOT(integrity.timed_out), .help = TIMED_OUT},
	{"values_unnamed", JSON_KIND_COUNT, SNAPSHOT(integrity.values_unnamed),
	 .help = "of markers, under more than four names a component: not kept"},
	{"stacks_lost", JSON_KIND_COUNT, SNAPSHOT(integrity.stacks_lost),
	 .help = "of waits, that could not be kept: the waits are counted"},
	{"lines_dropped", JSON_KIND_COUNT, SNAPSHOT(integrity.lines_dropped),
	 .help = "of the output, which its reader did not take in time, where handlers must not wait for it: "
		 "not written"},
};
static TABLE(integrity_table, "integrity", integrity_fields, "what can make the figures wrong");

static const struct json_field overhead_fields[] = {
	{"hits", JSON_KIND_COUNT, SNAPSHOT(overhead.hits)},
	{"ns_per_hit", JSON_KIND_NUMBER, SNAPSHOT(overhead.ns_per_hit), .nullable = true},
	{"target_cpu_share", JSON_KIND_NUMBER, SNAPSHOT(overhead.target_cpu_share), .nullable = true,
	 .help = "a fraction"},
	{"tracer_cpu_s", JSON_KIND_NUMBER, SNAPSHOT(overhead.tracer_cpu_s), .nullable = true},
	{"tracer_rss_bytes", JSON_KIND_COUNT, SNAPSHOT(overhead.tracer_rss_bytes)},
	{"delivery_p50_ns", JSON_KIND_NUMBER, SNAPSHOT(overhead.delivery_p50_ns), .nullable = true,
	 .help = "from the end of a call beyond its limit until lapse has it"},
	{"delivery_p99_ns", JSON_KIND_NUMBER, SNAPSHOT(overhead.delivery_p99_ns), .nullable = true},
};
static TABLE(overhead_table, "overhead", overhead_fields, "what the tracing cost, measured");

static const struct json_field handler_fields[] = {
	{"kind", JSON_KIND_TEXT, HANDLER(kind), .help = "its key in the contract file"},
	{"target", JSON_KIND_TEXT, HANDLER(target), .help = "the path, program, address or signal"},
	{"runs", JSON_KIND_COUNT, HANDLER(runs), .help = "alerts that it acted on, or tried to"},
	{"failures", JSON_KIND_COUNT, HANDLER(failures), .help = "of them, those that came to nothing"},
	{"retries", JSON_KIND_COUNT, HANDLER(retries), .help = "deliveries that were tried again"},
	{"drops", JSON_KIND_COUNT, HANDLER(drops),
	 .help = "alerts, or readers of a socket, that there was no room or time for"},
	{"waiting", JSON_KIND_COUNT, HANDLER(waiting), .help = "alerts that it has still to act on"},
};
TABLE(json_handler, "handler", handler_fields, "what became of the alerts that a handler was told of");

static const struct json_field final_fields[] = {
	{"system", JSON_KIND_OBJECT, .table = &system_table},
	{"components", JSON_KIND_PRINT, .print = json_print_components, .schema = json_schema_components,
	 .help = "by name"},
	{"alerts", JSON_KIND_GET, .get = json_get_alerts, .schema = json_schema_alerts,
	 .help = "those that fire at the end"},
	{"integrity", JSON_KIND_OBJECT, .table = &integrity_table},
	{"overhead", JSON_KIND_OBJECT, .table = &overhead_table},
	{"verdict", JSON_KIND_NAME, SNAPSHOT(verdict), NAMES(verdict_names), .nullable = true,
	 .help = "null without contracts"},
	{"end_reason", JSON_KIND_TEXT, SNAPSHOT(end_reason), .nullable = true,
	 .help = "null: it goes on, and was asked for by SIGUSR1"},
	{"handlers", JSON_KIND_GET, .get = json_get_handlers, .schema = json_schema_handlers,
	 .help = "in the order of the contract file"},
	{"recording", JSON_KIND_GET, .get = json_get_recording, .schema = json_schema_recording,
	 .help = "what was recorded of it; null: nothing was to be"},
};
TABLE(json_final, "final", final_fields, "the whole since the start, at the end, and at each SIGUSR1");
