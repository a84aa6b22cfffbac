// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/feed.h"

#define WHERE_ORDERED " WITHOUT ROWID"

#define SPAN_COLUMNS                                                                                   \
	"component INTEGER, thread INTEGER, start_ns INTEGER, duration_ns INTEGER, probe_ns INTEGER, " \
	"flags INTEGER, ret INTEGER, value0 INTEGER, value1 INTEGER, value2 INTEGER, value3 INTEGER"
#define CAUSE_COLUMNS                                                                               \
	"runq_ns INTEGER, throttled_ns INTEGER, lock_ns INTEGER, disk_ns INTEGER, net_ns INTEGER, " \
	"handoff_ns INTEGER, poll_ns INTEGER, sleep_ns INTEGER, fault_ns INTEGER, other_ns INTEGER"
#define LEVEL_COLUMNS "notice INTEGER, warning INTEGER, critical INTEGER"

const struct schema_table schema_tables[] = {
	{"fact", "CREATE TABLE fact(name TEXT PRIMARY KEY, value)" WHERE_ORDERED, NULL, 0, 0},
	{"cause", "CREATE TABLE cause(id INTEGER PRIMARY KEY, name TEXT)", NULL, 0, 0},
	{"contract", "CREATE TABLE contract(seq INTEGER PRIMARY KEY, path TEXT, text TEXT)", NULL, 0, 0},
	{"component",
	 "CREATE TABLE component(id INTEGER PRIMARY KEY, seq INTEGER, name TEXT, function TEXT, object TEXT, "
	 "probe TEXT, places INTEGER, feeds TEXT, fed INTEGER, window_last INTEGER, window_ns INTEGER, "
	 "window_max_ns INTEGER, outcome_unknown INTEGER, untimed INTEGER, has_cache INTEGER, "
	 "cache_apart INTEGER, tcp INTEGER, connects INTEGER, spare INTEGER, value0 TEXT, value1 TEXT, "
	 "value2 TEXT, value3 "
	 "TEXT, "
	 "notice_ns INTEGER, warning_ns INTEGER, critical_ns INTEGER)",
	 NULL, 0, 0},
	{"thread", "CREATE TABLE thread(id INTEGER PRIMARY KEY, pid INTEGER, tid INTEGER, comm TEXT)", NULL,
	 0, 1},
	{"address", "CREATE TABLE address(id INTEGER PRIMARY KEY, ip TEXT, port INTEGER, bytes BLOB)", NULL,
	 0, 1},
	{"stack", "CREATE TABLE stack(id INTEGER PRIMARY KEY, brief TEXT, frames TEXT)", NULL, 0, 1},
	{"process",
	 "CREATE TABLE process(seq INTEGER PRIMARY KEY, time_ns INTEGER, event TEXT, pid INTEGER, parent "
	 "INTEGER, code INTEGER, comm TEXT, exe TEXT)",
	 "seq", 0, 0},
	{"span", "CREATE TABLE span(seq INTEGER PRIMARY KEY, " SPAN_COLUMNS ")", "seq", 0, 0},
	{"open", "CREATE TABLE open(seq INTEGER PRIMARY KEY, tick INTEGER, " SPAN_COLUMNS ")", "seq", 0, 0},
	{"why", "CREATE TABLE why(span INTEGER PRIMARY KEY, " CAUSE_COLUMNS ")", "span", 0, 0},
	{"wait",
	 "CREATE TABLE wait(span INTEGER, longest INTEGER, cause INTEGER, duration_ns INTEGER, end_ns "
	 "INTEGER, "
	 "declared INTEGER, piece INTEGER, peer INTEGER, waker INTEGER, waker_component INTEGER, "
	 "interrupt INTEGER, stack INTEGER, PRIMARY KEY(span, longest))" WHERE_ORDERED,
	 "span", 0, 0},
	{"rival",
	 "CREATE TABLE rival(span INTEGER, slot INTEGER, ns INTEGER, thread INTEGER, cgroup INTEGER, "
	 "PRIMARY KEY(span, slot))" WHERE_ORDERED,
	 "span", 0, 0},
	{"tcp",
	 "CREATE TABLE tcp(span INTEGER PRIMARY KEY, kind INTEGER, own INTEGER, peer INTEGER, sent INTEGER, "
	 "received INTEGER, network_ns INTEGER, unread_ns INTEGER, srtt_us INTEGER, min_rtt_us INTEGER, "
	 "retransmits INTEGER, pipelined INTEGER, flags INTEGER, error INTEGER)",
	 "span", 0, 0},
	{"hung",
	 "CREATE TABLE hung(span INTEGER PRIMARY KEY, state INTEGER, cause INTEGER, for_ns INTEGER, "
	 "since_ns INTEGER, peer INTEGER, holder INTEGER, holder_component INTEGER, place TEXT, "
	 "stack INTEGER)",
	 "span", 0, 0},
	{"tick",
	 "CREATE TABLE tick(seq INTEGER PRIMARY KEY, number INTEGER, now_ns INTEGER, period_ns INTEGER, "
	 "open_known INTEGER, "
	 "lost_records INTEGER, lost_ticks INTEGER, ns_per_hit REAL, tracer_rss_bytes INTEGER, "
	 "delivery_p50_ns REAL, delivery_p99_ns REAL, "
	 "kernel_missed INTEGER, values_unnamed INTEGER, stacks_lost INTEGER, ring_dropped INTEGER, "
	 "not_streamed INTEGER, hits INTEGER, probe_ns INTEGER, target_cpu_ns INTEGER, "
	 "tracer_cpu_ns INTEGER)",
	 "seq", 0, 0},
	{"figures",
	 "CREATE TABLE figures(tick INTEGER, component INTEGER, running INTEGER, detached INTEGER, "
	 "resident_bytes INTEGER, "
	 "entries INTEGER, returns INTEGER, errors INTEGER, sum_ns INTEGER, sum_raw_ns "
	 "INTEGER, " LEVEL_COLUMNS
	 ", too_deep INTEGER, abandoned INTEGER, jumps INTEGER, stray INTEGER, maps_full INTEGER, "
	 "ring_dropped INTEGER, restarted INTEGER, unmatched_end INTEGER, timed_out INTEGER, hits INTEGER, "
	 "misses INTEGER, cache_lost INTEGER, recent_total INTEGER, late_min_ns INTEGER, late_max_ns "
	 "INTEGER, "
	 "histogram BLOB, recent BLOB, causes BLOB, PRIMARY KEY(tick, component))" WHERE_ORDERED,
	 "tick", 1, 0},
	{"value",
	 "CREATE TABLE value(tick INTEGER, component INTEGER, slot INTEGER, name TEXT, last INTEGER, "
	 "count INTEGER, sum INTEGER, above_notice INTEGER, above_warning INTEGER, above_critical INTEGER, "
	 "below_notice INTEGER, below_warning INTEGER, below_critical INTEGER, late_min INTEGER, "
	 "late_max INTEGER, PRIMARY KEY(tick, component, slot))" WHERE_ORDERED,
	 "tick", 1, 0},
	{"connections",
	 "CREATE TABLE connections(tick INTEGER, component INTEGER, sent INTEGER, received INTEGER, "
	 "retransmits INTEGER, pipelined INTEGER, network_ns INTEGER, unread_ns INTEGER, opened INTEGER, "
	 "mux INTEGER, srtt_us INTEGER, srtt_n INTEGER, before INTEGER, min_rtt_us INTEGER, "
	 "PRIMARY KEY(tick, component))" WHERE_ORDERED,
	 "tick", 1, 0},
	{"connects",
	 "CREATE TABLE connects(tick INTEGER, component INTEGER, opened INTEGER, failed "
	 "INTEGER, " LEVEL_COLUMNS ", lost INTEGER, before INTEGER, ring_dropped INTEGER, late_max_ns "
	 "INTEGER, PRIMARY KEY(tick, component))" WHERE_ORDERED,
	 "tick", 1, 0},
	{"violation",
	 "CREATE TABLE violation(seq INTEGER PRIMARY KEY, time_ns INTEGER, component INTEGER, violation "
	 "TEXT, "
	 "objective TEXT, severity TEXT, value TEXT, measured REAL, promised REAL, open INTEGER, pid "
	 "INTEGER, "
	 "tid INTEGER, comm TEXT)",
	 "seq", 0, 0},
	{"alert",
	 "CREATE TABLE alert(seq INTEGER PRIMARY KEY, time_ns INTEGER, state TEXT, component INTEGER, "
	 "violation TEXT, severity TEXT, measured REAL, promised REAL, held_back INTEGER, violations "
	 "INTEGER, "
	 "since_ns INTEGER, json TEXT)",
	 "seq", 0, 0},
};
const size_t schema_n_tables = sizeof(schema_tables) / sizeof(*schema_tables);

#define TIME_OF(ns)                                                                                 \
	"strftime('%Y-%m-%d %H:%M:%f', (" ns " + (SELECT value FROM fact WHERE name = 'epoch_ns'))" \
	" / 1e9, 'unixepoch')"

const char schema_views[] = "CREATE VIEW spans AS SELECT s.seq, " TIME_OF(
	"s.start_ns") " AS started, c.name AS component, "
		      "s.duration_ns / 1e6 AS ms, s.flags >> 1 & 1 AS failed, s.flags & 1 AS breach, s.ret, "
		      "t.pid, t.tid, "
		      "t.comm, CASE WHEN s.flags & 1024 THEN (s.duration_ns - coalesce(w.runq_ns + "
		      "w.throttled_ns + "
		      "w.lock_ns + w.disk_ns + w.net_ns + w.handoff_ns + w.poll_ns + w.sleep_ns + w.fault_ns "
		      "+ w.other_ns, "
		      "0)) / 1e6 END AS on_cpu_ms, k.name AS longest_wait, l.duration_ns / 1e6 AS wait_ms, "
		      "wt.comm AS ended_by, a.ip || ':' || a.port AS wait_peer, f.brief AS wait_in "
		      "FROM span s JOIN component c ON c.id = s.component LEFT JOIN thread t ON t.id = "
		      "s.thread "
		      "LEFT JOIN why w ON w.span = s.seq LEFT JOIN wait l ON l.span = s.seq AND l.longest = "
		      "1 "
		      "LEFT JOIN cause k ON k.id = l.cause LEFT JOIN thread wt ON wt.id = l.waker "
		      "LEFT JOIN address a ON a.id = l.peer LEFT JOIN stack f ON f.id = l.stack;"
		      "CREATE VIEW seconds AS SELECT k.seq AS tick, " TIME_OF(
			      "k.now_ns") " AS time, c.name AS component, "
					  "f.returns AS calls, f.errors, f.sum_ns / 1e6 / nullif(f.returns, "
					  "0) AS mean_ms, "
					  "f.warning + f.critical AS breaches, f.late_max_ns / 1e6 AS "
					  "slowest_before_ms "
					  "FROM tick k JOIN figures f ON f.tick = k.seq JOIN component c ON "
					  "c.id = f.component;"
					  "CREATE VIEW alerts AS SELECT a.seq, " TIME_OF(
						  "a.time_ns") " AS time, a.state, "
							       "coalesce(c.name, 'system') AS component, "
							       "a.violation, a.severity, a.measured, "
							       "a.promised, "
							       "a.held_back FROM alert a LEFT JOIN component "
							       "c ON c.id = a.component;";

const char schema_indexes[] = "CREATE INDEX IF NOT EXISTS span_slow ON span(component, duration_ns)";

/* ---- figures that only grow ------------------------------------------------------------------------ */

#define FIELDS(name, list) const struct schema_fields name = {list, sizeof(list) / sizeof(*list)}
#define C(column, member)                                       \
	{                                                       \
		column, offsetof(struct tick_component, member) \
	}
#define T(column)                                          \
	{                                                  \
#column, offsetof(struct tick_tcp, column) \
	}
#define V(column, member)                                   \
	{                                                   \
		column, offsetof(struct tick_value, member) \
	}
#define N(column, member)                                      \
	{                                                      \
		column, offsetof(struct tick_connects, member) \
	}
#define S(column, member)                                  \
	{                                                  \
		column, offsetof(struct tick_self, member) \
	}

static const struct schema_field figures[] = {
	C("entries", counters.entries),
	C("returns", counters.returns),
	C("errors", counters.errors),
	C("sum_ns", counters.sum_ns),
	C("sum_raw_ns", counters.sum_raw_ns),
	C("notice", counters.level[LAPSE_LEVEL_NOTICE]),
	C("warning", counters.level[LAPSE_LEVEL_WARNING]),
	C("critical", counters.level[LAPSE_LEVEL_CRITICAL]),
	C("too_deep", counters.too_deep),
	C("abandoned", counters.abandoned),
	C("jumps", counters.jumps),
	C("stray", counters.stray),
	C("maps_full", counters.maps_full),
	C("ring_dropped", counters.ring_dropped),
	C("restarted", counters.restarted),
	C("unmatched_end", counters.unmatched_end),
	C("timed_out", counters.timed_out),
	C("hits", counters.hits),
	C("misses", counters.misses),
	C("cache_lost", cache_lost),
	C("recent_total", recent_total),
};
FIELDS(schema_figures, figures);

static const struct schema_field self[] = {
	S("kernel_missed", kernel_missed), S("values_unnamed", values_unnamed),
	S("stacks_lost", stacks_lost),	   S("ring_dropped", ring_dropped),
	S("not_streamed", not_streamed),   S("hits", hits),
	S("probe_ns", probe_ns),	   S("target_cpu_ns", target_cpu_ns),
	S("tracer_cpu_ns", tracer_cpu_ns),
};
FIELDS(schema_self, self);

static const struct schema_field tcp[] = {
	T(sent),   T(received), T(retransmits), T(pipelined), T(network_ns), T(unread_ns),
	T(opened), T(mux),	T(srtt_us),	T(srtt_n),    T(before),
};
FIELDS(schema_tcp, tcp);

static const struct schema_field connects[] = {
	N("opened", opened),
	N("failed", failed),
	N("notice", level[LAPSE_LEVEL_NOTICE]),
	N("warning", level[LAPSE_LEVEL_WARNING]),
	N("critical", level[LAPSE_LEVEL_CRITICAL]),
	N("lost", lost),
	N("before", before),
	N("ring_dropped", ring_dropped),
};
FIELDS(schema_connects, connects);

static const struct schema_field value[] = {
	V("count", count),
	V("sum", sum),
	V("above_notice", above[LAPSE_LEVEL_NOTICE]),
	V("above_warning", above[LAPSE_LEVEL_WARNING]),
	V("above_critical", above[LAPSE_LEVEL_CRITICAL]),
	V("below_notice", below[LAPSE_LEVEL_NOTICE]),
	V("below_warning", below[LAPSE_LEVEL_WARNING]),
	V("below_critical", below[LAPSE_LEVEL_CRITICAL]),
};
FIELDS(schema_value, value);

/* ---- rows ------------------------------------------------------------------------------------------ */

const struct schema_row schema_rows[SCHEMA_ROWS] = {
#define SPAN_ROW \
	"component, thread, start_ns, duration_ns, probe_ns, flags, ret, value0, value1, value2, value3"
	[ROW_FACT] = {"fact", "name, value", NULL, NULL, true},
	[ROW_CONTRACT] = {"contract", "seq, path, text", NULL, NULL, true},
	[ROW_COMPONENT] = {"component",
			   "id, seq, name, function, object, probe, places, feeds, fed, window_last, "
			   "window_ns, window_max_ns, outcome_unknown, untimed, has_cache, cache_apart, "
			   "tcp, connects, spare, value0, value1, value2, value3, notice_ns, warning_ns, "
			   "critical_ns",
			   NULL, NULL, true},
	[ROW_PROCESS] = {"process", "seq, time_ns, event, pid, parent, code, comm, exe", NULL, NULL, true},
	[ROW_SPAN] = {"span", "seq, " SPAN_ROW, NULL, NULL, false},
	[ROW_OPEN] = {"open", "seq, tick, " SPAN_ROW, NULL, NULL, false},
	[ROW_WHY] = {"why",
		     "span, runq_ns, throttled_ns, lock_ns, disk_ns, net_ns, handoff_ns, poll_ns, "
		     "sleep_ns, fault_ns, other_ns",
		     NULL, NULL, false},
	[ROW_WAIT] = {"wait",
		      "span, longest, cause, duration_ns, end_ns, declared, piece, peer, waker, "
		      "waker_component, interrupt, stack",
		      NULL, NULL, false},
	[ROW_RIVAL] = {"rival", "span, slot, ns, thread, cgroup", NULL, NULL, false},
	[ROW_TCP] = {"tcp",
		     "span, kind, own, peer, sent, received, network_ns, unread_ns, srtt_us, min_rtt_us, "
		     "retransmits, pipelined, flags, error",
		     NULL, NULL, false},
	[ROW_HUNG] = {"hung",
		      "span, state, cause, for_ns, since_ns, peer, holder, holder_component, place, stack",
		      NULL, NULL, false},
	[ROW_TICK] = {"tick",
		      "seq, number, now_ns, period_ns, open_known, lost_records, lost_ticks, ns_per_hit, "
		      "tracer_rss_bytes, delivery_p50_ns, delivery_p99_ns",
		      &schema_self, NULL, false},
	[ROW_FIGURES] = {"figures",
			 "tick, component, running, detached, resident_bytes, late_min_ns, late_max_ns",
			 &schema_figures, "histogram, recent, causes", false},
	[ROW_VALUE] = {"value", "tick, component, slot, name, last, late_min, late_max", &schema_value, NULL,
		       false},
	[ROW_CONNECTIONS] = {"connections", "tick, component, min_rtt_us", &schema_tcp, NULL, false},
	[ROW_CONNECTS] = {"connects", "tick, component, late_max_ns", &schema_connects, NULL, false},
	[ROW_VIOLATION] = {"violation",
			   "seq, time_ns, component, violation, objective, severity, value, measured, "
			   "promised, open, pid, tid, comm",
			   NULL, NULL, false},
	[ROW_ALERT] = {"alert",
		       "seq, time_ns, state, component, violation, severity, measured, promised, "
		       "held_back, violations, since_ns, json",
		       NULL, NULL, false},
};

/* ---- statements ------------------------------------------------------------------------------------ */

static void columns(FILE *to, const struct schema_row *row)
{
	fputs(row->lead, to);
	for (size_t i = 0; row->fields && i < row->fields->n; i++)
		fprintf(to, ", %s", row->fields->fields[i].column);
	if (row->tail)
		fprintf(to, ", %s", row->tail);
}

char *schema_select(const struct schema_row *row, const char *rest)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	fputs("SELECT ", to);
	columns(to, row);
	fprintf(to, " FROM %s %s", row->table, rest);
	fclose(to);
	return text;
}

static size_t count_columns(const char *list)
{
	size_t n = list != NULL;

	for (; list && *list; list++)
		n += *list == ',';
	return n;
}

char *schema_insert(const struct schema_row *row)
{
	size_t size,
		n = count_columns(row->lead) + (row->fields ? row->fields->n : 0) + count_columns(row->tail);
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	fprintf(to, "INSERT %sINTO %s(", row->again ? "OR REPLACE " : "", row->table);
	columns(to, row);
	fputs(") VALUES(?", to);
	while (--n)
		fputs(",?", to);
	fputc(')', to);
	fclose(to);
	return text;
}

const char *const schema_severities[3] = {"notice", "warning", "critical"};
const char *const schema_alert_events[3] = {"firing", "escalated", "resolved"};
