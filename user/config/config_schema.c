// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/config_schema.h"

#include <errno.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/units.h"

#define SEC ((double)NSEC_PER_SEC)
#define DAY (86400 * SEC)

#define OF(type, member)  .offset = offsetof(type, member)
#define BOUNDS(low, high) .min = low, .max = high

#define DURATION    "a duration such as 10s or 250ms"
#define RATE	    "a share such as 0.95 or 95%"
#define MAPPING	    "a mapping"
#define TEXT	    "text"
#define FUNCTIONS   "a function, or a list of them"
#define URL	    "an address such as http://127.0.0.1:9093"
#define LABELS	    "a mapping such as {team: payments}"
#define ANNOTATIONS "a mapping such as {runbook_url: \"https://...\"}"
#define TEST	    "a test such as \"int ret < 0\""

/* clang-format off */
const struct config_row config_rows[] = {
	{IN_FILE, "lapse", config_apply_version, .required = true, .takes = "the version of this format, 1",
	 .help = "the version of the format; 1"},

	{IN_FILE, "target", config_apply_target, OF(struct config, target), .inside = IN_TARGET, .takes = MAPPING,
	 .help = "what is traced, unless -p says it"},
	{IN_COMPONENT, "target", config_apply_target, OF(struct config_component, target), .inside = IN_TARGET,
	 .takes = MAPPING, .help = "where this component alone is measured; the file's"},
	{IN_TARGET, "exe", config_apply_text, OF(struct config_target, exe), .takes = TEXT,
	 .help = "every process of this executable"},
	{IN_TARGET, "comm", config_apply_comm, OF(struct config_target, comm), .takes = "a name of at most 15 bytes",
	 .help = "every process of this name"},
	{IN_TARGET, "pid", config_apply_pids, .takes = "a process number, or a list of them",
	 .help = "these processes"},
	{IN_TARGET, "cgroup", config_apply_group, OF(struct config_target, cgroup), .by = CGROUP_PATH,
	 .takes = "the path of a control group, such as /system.slice/web.service",
	 .help = "every process in this control group or below it"},
	{IN_TARGET, "unit", config_apply_group, OF(struct config_target, cgroup), .by = CGROUP_UNIT,
	 .takes = "the name of a unit of systemd, such as nginx.service", .help = "every process of this unit"},
	{IN_TARGET, "container", config_apply_group, OF(struct config_target, cgroup), .by = CGROUP_CONTAINER,
	 .takes = "the beginning of a container's id", .help = "every process of this container"},

	{IN_FILE, "max_window", config_apply_ticks, OF(struct config, window.max_ns), BOUNDS(SEC, WINDOW_MAX_NS),
	 .takes = DURATION, .help = "how far back a window reaches for enough spans; 10min"},
	{IN_COMPONENT, "max_window", config_apply_ticks, OF(struct config_component, window.max_ns),
	 BOUNDS(SEC, WINDOW_MAX_NS), .takes = DURATION, .help = "the same for one component; the file's"},
	{IN_FILE, "window", config_apply_window, OF(struct config, window), .inside = IN_WINDOW,
	 .takes = "a duration such as 10s, or {last: 100}",
	 .help = "the recent past that percentiles are taken over; 10s"},
	{IN_COMPONENT, "window", config_apply_window, OF(struct config_component, window), .inside = IN_WINDOW,
	 .takes = "a duration such as 10s, or {last: 100}", .help = "the same for one component; the file's"},
	{IN_WINDOW, "last", config_apply_u32, OF(struct window_spec, last), BOUNDS(2, WINDOW_MAX_LAST),
	 .required = true, .takes = "a count of spans", .help = "the newest spans"},

	{IN_FILE, "thresholds", config_apply_thresholds, OF(struct config, thresholds), .inside = IN_THRESHOLDS,
	 .takes = MAPPING, .help = "from where a breach is a warning, from where it is critical"},
	{IN_COMPONENT, "thresholds", config_apply_thresholds, OF(struct config_component, contract.thresholds),
	 .inside = IN_THRESHOLDS, .takes = MAPPING, .help = "the same for one component; the file's, key by key"},
	{IN_THRESHOLDS, "warning", config_apply_mapping, .inside = IN_WARNING, .takes = MAPPING,
	 .help = "figures from which an alert is a warning"},
	{IN_THRESHOLDS, "critical", config_apply_mapping, .inside = IN_CRITICAL, .takes = MAPPING,
	 .help = "figures from which an alert is critical"},
	{IN_WARNING, "latency_multiplier", config_apply_number, OF(struct thresholds, warning_multiplier),
	 BOUNDS(0.001, 1000), .takes = "a number such as 1.5", .help = "times the limit; 1.0"},
	{IN_WARNING, "uptime", config_apply_rate, OF(struct thresholds, warning_uptime), BOUNDS(1e-9, 1),
	 .takes = RATE, .help = "below it, a warning; 99.5%"},
	{IN_CRITICAL, "latency_multiplier", config_apply_number, OF(struct thresholds, critical_multiplier),
	 BOUNDS(0.001, 1000), .takes = "a number such as 2.0", .help = "times the limit; 2.0"},
	{IN_CRITICAL, "error_rate", config_apply_rate, OF(struct thresholds, critical_error_rate), BOUNDS(1e-9, 1),
	 .takes = RATE, .help = "above it, critical; 10%"},
	{IN_CRITICAL, "uptime", config_apply_rate, OF(struct thresholds, critical_uptime), BOUNDS(1e-9, 1),
	 .takes = RATE, .help = "below it, critical; 99%"},

	{IN_FILE, "alerts", config_apply_mapping, OF(struct config, alerts), .inside = IN_ALERTS, .takes = MAPPING,
	 .help = "how often an alert is announced"},
	{IN_COMPONENT, "alerts", config_apply_mapping, OF(struct config_component, contract.alerts),
	 .inside = IN_ALERTS, .takes = MAPPING, .help = "the same for one component; the file's, key by key"},
	{IN_ALERTS, "cooldown", config_apply_duration, OF(struct alert_policy, cooldown_ns), BOUNDS(0, DAY),
	 .takes = DURATION, .help = "further violations are counted that long, not announced; 60s"},
	{IN_ALERTS, "resolve_after", config_apply_duration, OF(struct alert_policy, resolve_after_ns),
	 BOUNDS(SEC, DAY), .takes = DURATION, .help = "without a breach that long an alert ends; 30s"},

	{IN_FILE, "labels", config_apply_labels, OF(struct config, labels), .takes = LABELS,
	 .help = "go with every alert, and say whom it is for"},
	{IN_COMPONENT, "labels", config_apply_labels, OF(struct config_component, contract.labels), .takes = LABELS,
	 .help = "the same for one component; the file's, key by key"},
	{IN_FILE, "annotations", config_apply_labels, OF(struct config, annotations), .takes = ANNOTATIONS,
	 .help = "go with every alert, and tell people more"},
	{IN_COMPONENT, "annotations", config_apply_labels, OF(struct config_component, contract.annotations),
	 .takes = ANNOTATIONS, .help = "the same for one component; the file's, key by key"},

	{IN_FILE, "system", config_apply_system, .inside = IN_SYSTEM, .takes = MAPPING,
	 .help = "what all components promise together"},
	{IN_SYSTEM, "max_error_rate", config_apply_system_rate, .required = true, .takes = RATE,
	 .help = "the share of failed spans among those of all components; 5% over 5min"},

	{IN_FILE, "components", config_apply_components, .required = true,
	 .takes = "a mapping of names to components", .help = "what is measured, and what it promises"},
	{IN_COMPONENT, "measure", config_apply_measure, .required = true, .takes = "a probe",
	 .help = "the probe whose spans these are"},
	{IN_COMPONENT, "ok", config_apply_modifier, .takes = TEST, .help = "spans that do not pass it have failed"},
	{IN_COMPONENT, "err", config_apply_modifier, .takes = TEST, .help = "spans that pass it have failed"},
	{IN_COMPONENT, "hit", config_apply_modifier, .takes = TEST,
	 .help = "each span is a look-up of a cache; those that pass it have hit"},
	{IN_COMPONENT, "if", config_apply_modifier, .takes = TEST, .help = "only spans that pass it are measured"},
	{IN_COMPONENT, "values", config_apply_values, .takes = "a mapping such as {batch_size: \"int arg1\"}",
	 .help = "captured with each span"},
	{IN_COMPONENT, "timeout", config_apply_timeout, BOUNDS(SEC / 1000, DAY), .takes = DURATION,
	 .help = "a span from place to place that is open for longer is given up; 60s"},
	{IN_COMPONENT, "cache", config_apply_mapping, .inside = IN_CACHE,
	 .takes = "a mapping such as {measure: FUNC, hit: \"ret != 0\"}", .help = "a cache that the component uses"},
	{IN_CACHE, "measure", config_apply_cache_measure, .required = true, .takes = "a probe",
	 .help = "the probe whose spans are look-ups"},
	{IN_CACHE, "hit", config_apply_cache_hit, .required = true, .takes = TEST,
	 .help = "look-ups that pass it have hit"},
	{IN_COMPONENT, "connections", config_apply_connections, .takes = "a probe such as \"tcp:connect peer=10.0.0.5\"",
	 .help = "the probe whose spans are the openings of the component's connections"},
	{IN_COMPONENT, "contract", config_apply_contract, .takes = "a mapping of objectives",
	 .help = "what the component promises"},
	{IN_OBJECTIVE, "limit", config_apply_limit, .required = true, .takes = "the objective's limit",
	 .help = "the figure that must not be passed"},
	{IN_OBJECTIVE, "for", config_apply_duration, OF(struct objective, for_ns), BOUNDS(SEC, DAY),
	 .takes = DURATION, .help = "all but span objectives: an alert only when breached that long; at once"},
	{IN_OBJECTIVE, "over", config_apply_ticks, OF(struct objective, over_ns), BOUNDS(SEC, DAY),
	 .takes = DURATION, .help = "window objectives: a window of its own; the component's"},
	{IN_OBJECTIVE, "mode", config_apply_mode, .takes = "budget",
	 .help = "an alert on the rate at which the error budget burns, instead of on single breaches"},
	{IN_OBJECTIVE, "target", config_apply_rate, OF(struct objective, target), BOUNDS(0, 1), .takes = RATE,
	 .help = "mode budget: the share of spans that are to be within the limit"},
	{IN_OBJECTIVE, "period", config_apply_duration, OF(struct objective, period_ns), BOUNDS(3600 * SEC, 366 * DAY),
	 .takes = "a duration such as 30d", .help = "mode budget: what the budget is for; 30d"},
	{IN_OBJECTIVE, "since", config_apply_since, .takes = "start",
	 .help = "the system's error rate: over all time, not a window"},
	{IN_OBJECTIVE, "min_samples", config_apply_u64, OF(struct objective, min_samples), BOUNDS(2, 1e9),
	 .takes = "a count of spans", .help = "window objectives: with fewer the verdict is unknown; by the limit"},
	{IN_OBJECTIVE, "severity", config_apply_objective_severity, .takes = "notice, warning or critical",
	 .help = "of every breach; by the thresholds"},
	{IN_OBJECTIVE, "breaches", config_apply_breaches, .takes = "a count and a time such as 3/10s",
	 .help = "span objectives: an alert on the third breach within ten seconds; on the first"},

	{IN_FILE, "waits", config_apply_waits, .inside = IN_WAITS,
	 .takes = "a mapping of causes to functions such as {lock: [ProcSleep, LWLockAcquire]}",
	 .help = "functions that are waits: what blocks inside is charged to the cause"},
	{IN_WAITS, "lock", config_apply_wait, .cause = LAPSE_LOCK, .takes = FUNCTIONS, .help = "for what another holds"},
	{IN_WAITS, "disk", config_apply_wait, .cause = LAPSE_DISK, .takes = FUNCTIONS, .help = "for the disk"},
	{IN_WAITS, "net", config_apply_wait, .cause = LAPSE_NET, .takes = FUNCTIONS, .help = "for a peer"},
	{IN_WAITS, "handoff", config_apply_wait, .cause = LAPSE_HANDOFF, .takes = FUNCTIONS,
	 .help = "for the word of another thread or process"},
	{IN_WAITS, "sleep", config_apply_wait, .cause = LAPSE_SLEEP, .takes = FUNCTIONS, .help = "for time to pass"},
	{IN_WAITS, "other", config_apply_wait, .cause = LAPSE_OTHER, .takes = FUNCTIONS, .help = "for anything else"},

	{IN_FILE, "handlers", config_apply_handlers, .takes = "a list of handlers",
	 .help = "what an alert sets off"},
	{IN_HANDLER, "when", config_apply_when, .required = true,
	 .takes = "'*', a type of violation, or a list of them", .help = "the alerts that are meant"},
	{IN_HANDLER, "component", config_apply_handler_component,
	 .takes = "the name of a component, or a list of them", .help = "only alerts of these; of all"},
	{IN_HANDLER, "min_severity", config_apply_severity, OF(struct config_handler, min_severity),
	 .takes = "notice, warning or critical", .help = "only alerts at least as severe; all"},
	{IN_HANDLER, "resolved", config_apply_bool, OF(struct config_handler, resolved), .takes = "true or false",
	 .help = "exec, signal and file: told of the end of an alert too; false"},
	{IN_HANDLER, "exec", config_apply_exec, .takes = "a list such as [/usr/local/bin/page, now]",
	 .help = "runs a program with the alert as JSON on its standard input"},
	{IN_HANDLER, "timeout", config_apply_duration, OF(struct config_handler, timeout_ns),
	 BOUNDS(SEC / 10, 3600 * SEC), .takes = DURATION,
	 .help = "exec, webhook and alertmanager: ended after that long; 5s"},
	{IN_HANDLER, "signal", config_apply_signal, .takes = "the name of a signal such as USR2",
	 .help = "sends the target a signal that it catches"},
	{IN_HANDLER, "file", config_apply_file, .takes = "a path", .help = "appends the alert as a line of JSON"},
	{IN_HANDLER, "syslog", config_apply_syslog, .takes = "a facility such as daemon",
	 .help = "logs the alert: to systemd's journal with its fields, else to /dev/log"},
	{IN_HANDLER, "socket", config_apply_socket, .takes = "an absolute path",
	 .help = "listens there; every reader gets the alerts as lines of JSON"},
	{IN_HANDLER, "mode", config_apply_socket_mode, OF(struct config_handler, mode), .takes = "an octal mode such as 0660",
	 .help = "socket: who may read, by writing to it; 0600"},
	{IN_HANDLER, "group", config_apply_text, OF(struct config_handler, group), .takes = "a group",
	 .help = "socket: whose it is; lapse's own"},
	{IN_HANDLER, "webhook", config_apply_webhook, .takes = URL, .help = "posts the alert's JSON there"},
	{IN_HANDLER, "alertmanager", config_apply_alertmanager, .takes = URL,
	 .help = "tells a Prometheus Alertmanager, again and again while the alert fires"},
	{IN_HANDLER, "resend", config_apply_duration, OF(struct config_handler, resend_ns), BOUNDS(SEC, 240 * SEC),
	 .takes = DURATION, .help = "alertmanager: how often it is told again; 1min"},
	{IN_HANDLER, "authorization", config_apply_authorization, OF(struct config_handler, http),
	 .inside = IN_AUTHORIZATION, .takes = "a mapping such as {credentials_file: /etc/lapse/token}",
	 .help = "webhook and alertmanager: sent as the header of that name"},
	{IN_HANDLER, "basic_auth", config_apply_basic_auth, OF(struct config_handler, http), .inside = IN_BASIC_AUTH,
	 .takes = "a mapping such as {username: lapse, password_file: /etc/lapse/password}",
	 .help = "webhook and alertmanager: HTTP's basic authentication"},
	{IN_HANDLER, "tls_config", config_apply_tls, OF(struct config_handler, http), .inside = IN_TLS,
	 .takes = "a mapping such as {ca_file: /etc/lapse/ca.pem}", .help = "webhook and alertmanager: of https"},
	{IN_AUTHORIZATION, "type", config_apply_secret, OF(struct config_http, authorization), .takes = "one word",
	 .help = "of authorization; Bearer"},
	{IN_AUTHORIZATION, "credentials", config_apply_secret, OF(struct config_http, credentials), .takes = TEXT,
	 .help = "a token"},
	{IN_AUTHORIZATION, "credentials_file", config_apply_text, OF(struct config_http, credentials_file),
	 .takes = "a path", .help = "a file with it, read anew for each request"},
	{IN_BASIC_AUTH, "username", config_apply_secret, OF(struct config_http, username), .required = true,
	 .takes = TEXT, .help = "a name"},
	{IN_BASIC_AUTH, "password", config_apply_secret, OF(struct config_http, password), .takes = TEXT,
	 .help = "a password"},
	{IN_BASIC_AUTH, "password_file", config_apply_text, OF(struct config_http, password_file), .takes = "a path",
	 .help = "a file with it, read anew for each request"},
	{IN_TLS, "ca_file", config_apply_text, OF(struct config_http, ca_file), .takes = "a path",
	 .help = "certificates that the server's is checked by; the system's"},
	{IN_TLS, "cert_file", config_apply_text, OF(struct config_http, cert_file), .takes = "a path",
	 .help = "lapse's own certificate"},
	{IN_TLS, "key_file", config_apply_text, OF(struct config_http, key_file), .takes = "a path",
	 .help = "and its key"},
	{IN_TLS, "server_name", config_apply_text, OF(struct config_http, server_name), .takes = "a name of a host",
	 .help = "that the server's certificate is of; the URL's"},
	{IN_TLS, "insecure_skip_verify", config_apply_bool, OF(struct config_http, insecure_skip_verify),
	 .takes = "true or false", .help = "any certificate will do; false"},
};
/* clang-format on */
const size_t config_n_rows = sizeof(config_rows) / sizeof(*config_rows);

static const struct config_row *find_row(enum config_context context, const char *key)
{
	for (size_t i = 0; i < config_n_rows; i++)
		if (config_rows[i].in & context && strcmp(config_rows[i].key, key) == 0)
			return &config_rows[i];
	return NULL;
}

static int unknown_key(const struct config_walk *walk, enum config_context context,
		       const struct tree_entry *entry)
{
	struct text_nearest nearest = {.wanted = entry->key};

	if (strpbrk(entry->key, "(){}:"))
		return config_bad(walk, entry->mark,
				  "unknown key '%s'; where this is a part of a probe, quote the whole probe",
				  entry->key);
	for (size_t i = 0; i < config_n_rows; i++)
		if (config_rows[i].in & context)
			text_nearest_offer(&nearest, config_rows[i].key);
	if (nearest.best)
		return config_bad(walk, entry->mark, "unknown key '%s', nearest is '%s'", entry->key,
				  nearest.best);
	return config_bad(walk, entry->mark, "unknown key '%s'", entry->key);
}

static int check_keys(const struct config_walk *walk, const struct tree_node *node,
		      enum config_context context)
{
	for (size_t i = 0; i < node->n_entries; i++)
		if (!find_row(context, node->entries[i].key))
			return unknown_key(walk, context, &node->entries[i]);
	return 0;
}

int config_walk_mapping(const struct config_walk *walk, const struct tree_node *node,
			enum config_context context, void *into)
{
	int err;

	if (node->kind != TREE_MAPPING)
		return config_bad(walk, node->mark, "%s where a mapping belongs", tree_kind_name(node->kind));
	err = check_keys(walk, node, context);
	for (size_t i = 0; !err && i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];
		const struct tree_entry *entry = row->in & context ? tree_find(node, row->key) : NULL;

		if (entry)
			err = row->apply(walk, row, entry, into);
		else if (row->in & context && row->required)
			err = config_bad(walk, node->mark, "'%s' is missing: %s", row->key, row->help);
	}
	return err;
}
