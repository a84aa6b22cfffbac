// SPDX-License-Identifier: GPL-2.0-or-later
/* What contract files say of handlers and labels. */
#include <signal.h>
#include <syslog.h>

#include "tests/unit/config.h"

static const struct bad_file bad[] = {
	{FLOW "handlers: {}\n", "3:11: 'handlers' takes a list of handlers, not a mapping"},
	{FLOW "handlers: [x]\n", "3:12: a value where a mapping belongs"},
	{FLOW "handlers: [{file: x}]\n", "3:12: 'when' is missing"},
	{FLOW "handlers: [{when: *, file: x}]\n", "quote this"},
	{FLOW "handlers: [{when: '*'}]\n", "3:12: a handler takes exactly one of exec, signal, "
					   "file"},
	{FLOW "handlers: [{when: '*', file: x, exec: [/x]}]\n", "3:12: a handler takes exactly one of"},
	{FLOW "handlers: [{when: '*', file: x, timeout: 5s}]\n",
	 "3:33: 'timeout' belongs to exec, webhook and alertmanager"},
	{FLOW "handlers: [{when: '*', exec: /x}]\n", "3:30: '/x' is not what 'exec' takes: a list"},
	{FLOW "handlers: [{when: '*', exec: []}]\n", "3:30: 'exec' is an empty list"},
	{FLOW "handlers: [{when: '*', exec: [x]}]\n", "3:31: 'x': the program of 'exec' is an absolute path"},
	{FLOW "handlers: [{when: '*', exec: [/x, [y]]}]\n",
	 "3:35: an argument of 'exec' is text, not a list"},
	{FLOW "handlers: [{when: '*', exec: [/x], timeout: 5}]\n", "3:45: '5' has no unit"},
	{FLOW "handlers: [{when: LATENCY_VIOLATON, file: x}]\n",
	 "3:19: unknown violation type 'LATENCY_VIOLATON', nearest is 'LATENCY_VIOLATION'"},
	{FLOW "handlers: [{when: x, file: x}]\n",
	 "3:19: unknown violation type 'x'; write such as LATENCY_VIOLATION, or '*' for all"},
	{FLOW "handlers: [{when: latency, file: x}]\n",
	 "3:19: unknown violation type 'latency', nearest is 'LATENCY_VIOLATION'"},
	{FLOW "handlers: [{when: max_p99, file: x}]\n",
	 "3:19: unknown violation type 'max_p99', nearest is 'PERCENTILE_VIOLATION'"},
	{FLOW "handlers: [{when: BACKLOG, file: x}]\n",
	 "3:19: unknown violation type 'BACKLOG', nearest is 'BACKLOG_VIOLATION'"},
	{FLOW "handlers: [{when: '*', component: b, file: x}]\n", "3:35: no component 'b'"},
	{FLOW "handlers: [{when: '*', min_severity: high, file: x}]\n",
	 "3:38: 'high' is not what 'min_severity'"},
	{FLOW "handlers: [{when: '*', resolved: yes, file: x}]\n",
	 "3:34: 'yes' is not what 'resolved' takes: true or false"},
	{FLOW "handlers: [{when: '*', alertmanager: x}]\n",
	 "3:38: 'x' is not what 'alertmanager' takes: an address"},
	{FLOW "handlers: [{when: [], file: x}]\n", "3:19: 'when' is an empty list"},
	{FLOW "handlers: [{when: [LATENCY_VIOLATION, x], file: x}]\n", "3:39: unknown violation type 'x'"},
	{FLOW "handlers: [{when: '*', component: [a, b], file: x}]\n", "3:39: no component 'b'"},
	{FLOW "handlers: [{when: '*', exce: [/x]}]\n", "3:24: unknown key 'exce', nearest is 'exec'"},
	{FLOW "handlers: [{when: '*', signal: USR3}]\n", "3:32: no signal 'USR3', nearest is 'USR1'"},
	{FLOW "handlers: [{when: '*', signal: 10}]\n",
	 "3:32: '10' is not what 'signal' takes: the name of a signal"},
	{FLOW "handlers: [{when: '*', signal: KILL}]\n", "3:32: no program can catch KILL"},
	{FLOW "handlers: [{when: '*', syslog: kern}]\n",
	 "3:32: no facility 'kern' for this: daemon, user, or local0"},
	{FLOW "handlers: [{when: '*', syslog: user, resolved: true}]\n",
	 "3:38: 'resolved' belongs to exec, signal and file; the others are always told"},
	{FLOW "handlers: [{when: '*', socket: x}]\n",
	 "3:32: 'x' is not what 'socket' takes: an absolute path"},
	{FLOW "handlers: [{when: '*', socket: /x, mode: 0868}]\n",
	 "3:42: '0868' is not what 'mode' takes: an octal mode"},
	{FLOW "handlers: [{when: '*', file: /x, mode: 0600}]\n", "3:34: 'mode' belongs to socket"},
	{FLOW "handlers: [{when: '*', webhook: 'ftp://x/'}]\n",
	 "3:33: 'ftp://x/' is not what 'webhook' takes: an address"},
	{FLOW "handlers: [{when: '*', webhook: 'http:///x'}]\n",
	 "3:33: 'http:///x' is not what 'webhook' takes"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x/ y'}]\n",
	 "3:33: 'http://x/ y' is not what 'webhook' takes"},
	{FLOW "handlers: [{when: '*', webhook: 'http://u:p@x/'}]\n",
	 "3:33: a password in the URL would be seen"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x', resend: 1s}]\n",
	 "3:45: 'resend' belongs to alertmanager"},
	{FLOW "handlers: [{when: '*', alertmanager: 'http://x', resend: 5min}]\n",
	 "3:58: '5min' is out of bounds"},
	{FLOW "handlers: [{when: '*', file: /x, tls_config: {}}]\n",
	 "3:34: 'tls_config' belongs to webhook and alertmanager"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x', authorization: {type: x}}]\n",
	 "3:45: 'authorization' takes exactly one of credentials and credentials_file"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x', authorization: {credential: x}}]\n",
	 "3:61: unknown key 'credential', nearest is 'credentials'"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x', authorization: {type: basic, credentials: x}}]\n",
	 "3:45: type 'basic': give basic_auth for that"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x', authorization: {credentials: \"a\\nb\"}}]\n",
	 "3:74: a control character in 'credentials'"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x', basic_auth: {username: x}}]\n",
	 "3:45: 'basic_auth' takes exactly one of password and password_file"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x', basic_auth: {password: x}}]\n",
	 "3:57: 'username' is missing"},
	{FLOW "handlers: [{when: '*', webhook: 'http://x', authorization: {credentials: x}, "
	      "basic_auth: {username: x, password: y}}]\n",
	 "3:78: 'basic_auth' beside 'authorization': one of them"},
	{FLOW "handlers: [{when: '*', webhook: 'https://x', tls_config: {cert_file: x}}]\n",
	 "3:46: cert_file and key_file go together"},
	{FLOW "handlers: [{when: '*', webhook: 'https://x', tls_config: {server_name: 'a/b'}}]\n",
	 "3:46: server_name 'a/b' is no name of a host"},
	/* labels */
	{FLOW "labels: [x]\n", "3:9: 'labels' takes a mapping such as {team: payments}, not a list"},
	{FLOW "labels: {a-b: x}\n", "3:10: 'a-b': such a name has letters, digits and underscores"},
	{FLOW "labels: {1a: x}\n", "3:10: '1a': such a name"},
	{FLOW "labels: {severity: x}\n", "3:10: 'severity' is what lapse itself says of an alert"},
	{FLOW "annotations: {a: [x]}\n", "3:18: 'a' takes text, not a list"},
	{"lapse: 1\ncomponents: {a: {measure: f, labels: {component: x}}}\n",
	 "2:39: 'component' is what lapse itself"},
};

static void bad_files(void **state)
{
	(void)state;
	check_bad(bad, sizeof(bad) / sizeof(*bad));
}

/* A budget of latencies is one type with the single ones. */
#define OF_LATENCY (1U << OBJ_MAX_LATENCY | 1U << OBJ_LATENCY_BUDGET)

static void handlers(void **state)
{
	struct config config;
	const struct config_handler *handler;

	(void)state;
	parse_good(HANDLERS, &config);
	assert_int_equal(config.n_handlers, 2);
	handler = config.handlers;
	assert_int_equal(handler[0].kind, HANDLER_EXEC);
	assert_int_equal(handler[0].when, OF_LATENCY);
	assert_string_equal(handler[0].components[0], "a");
	assert_null(handler[0].components[1]);
	assert_int_equal(handler[0].min_severity, SEV_CRITICAL);
	assert_true(handler[0].resolved);
	assert_string_equal(handler[0].argv[1], "--fast");
	assert_string_equal(handler[0].argv[2], "1");
	assert_null(handler[0].argv[3]);
	assert_int_equal(handler[0].timeout_ns, 2500 * MS);
	assert_int_equal(handler[0].mark.line, 4);
	assert_int_equal(handler[0].mark.column, 5);
	assert_int_equal(handler[1].kind, HANDLER_FILE);
	assert_int_equal(handler[1].when, (1ULL << OBJ_KINDS) - 1);
	assert_null(handler[1].components);
	assert_int_equal(handler[1].min_severity, SEV_NOTICE);
	assert_false(handler[1].resolved);
	assert_string_equal(handler[1].path, "alerts.jsonl");
	config_free(&config);
}

static void on_this_machine(void **state)
{
	const struct config_handler *handler;
	struct config config;

	(void)state;
	parse_good(FLOW "handlers:\n"
			"  - {when: [LATENCY_VIOLATION, PERCENTILE_VIOLATION], component: [a, system], "
			"signal: SIGUSR2}\n"
			"  - {when: '*', syslog: local7}\n"
			"  - {when: '*', socket: /run/x, mode: 0660, group: adm}\n"
			"  - {when: '*', socket: /run/y}\n",
		   &config);
	handler = config.handlers;
	assert_int_equal(handler[0].kind, HANDLER_SIGNAL);
	assert_int_equal(handler[0].signal, SIGUSR2);
	assert_int_equal(handler[0].when, OF_LATENCY | 1U << OBJ_MAX_P50 | 1U << OBJ_MAX_P90 |
						  1U << OBJ_MAX_P95 | 1U << OBJ_MAX_P99 | 1U << OBJ_MAX_P999);
	assert_string_equal(handler[0].components[1], "system");
	assert_false(handler[0].resolved);
	assert_int_equal(handler[1].kind, HANDLER_SYSLOG);
	assert_int_equal(handler[1].facility, LOG_LOCAL7);
	assert_true(handler[1].resolved);
	assert_int_equal(handler[2].kind, HANDLER_SOCKET);
	assert_string_equal(handler[2].path, "/run/x");
	assert_int_equal(handler[2].mode, 0660);
	assert_string_equal(handler[2].group, "adm");
	assert_int_equal(handler[3].mode, 0600);
	assert_null(handler[3].group);
	config_free(&config);
}

static void over_http(void **state)
{
	const struct config_handler *handler;
	struct config config;

	(void)state;
	parse_good(
		FLOW
		"handlers:\n"
		"  - {when: '*', webhook: 'https://x/y', timeout: 2s, authorization: {credentials: t},\n"
		"     tls_config: {ca_file: /ca, cert_file: /c, key_file: /k, server_name: n,\n"
		"                  insecure_skip_verify: true}}\n"
		"  - {when: '*', alertmanager: 'http://x:9093', basic_auth: {username: u, password_file: "
		"/p}}\n"
		"  - {when: '*', webhook: 'http://x', authorization: {type: Token, credentials_file: /t}}\n",
		&config);
	handler = config.handlers;
	assert_int_equal(handler[0].kind, HANDLER_WEBHOOK);
	assert_string_equal(handler[0].path, "https://x/y");
	assert_int_equal(handler[0].timeout_ns, 2 * SEC);
	assert_true(handler[0].resolved);
	assert_string_equal(handler[0].http.authorization, "Bearer");
	assert_string_equal(handler[0].http.credentials, "t");
	assert_string_equal(handler[0].http.ca_file, "/ca");
	assert_string_equal(handler[0].http.server_name, "n");
	assert_true(handler[0].http.insecure_skip_verify);
	assert_int_equal(handler[1].kind, HANDLER_ALERTMANAGER);
	assert_int_equal(handler[1].resend_ns, 60 * SEC);
	assert_int_equal(handler[1].timeout_ns, 5 * SEC);
	assert_string_equal(handler[1].http.username, "u");
	assert_string_equal(handler[1].http.password_file, "/p");
	assert_string_equal(handler[2].http.authorization, "Token");
	config_free(&config);
}

static const char *label_of(const struct label_set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->list[i].name, name))
			return set->list[i].value;
	return "-";
}

/* A component has the file's, but for those that it has itself; all together have the file's. */
static void labels(void **state)
{
	struct config config;

	(void)state;
	parse_good("lapse: 1\ncomponents:\n"
		   "  a: {measure: f, labels: {team: x, more: z}}\n"
		   "  b: {measure: g, annotations: {link: c}}\n"
		   "labels: {team: y, tier: gold}\nannotations: {link: b}\n",
		   &config);
	assert_int_equal(config.components[0].contract.labels.n, 3);
	assert_string_equal(label_of(&config.components[0].contract.labels, "team"), "x");
	assert_string_equal(label_of(&config.components[0].contract.labels, "tier"), "gold");
	assert_string_equal(label_of(&config.components[0].contract.annotations, "link"), "b");
	assert_string_equal(label_of(&config.components[1].contract.labels, "team"), "y");
	assert_string_equal(label_of(&config.components[1].contract.annotations, "link"), "c");
	assert_string_equal(label_of(&config.system.labels, "team"), "y");
	config_free(&config);
}

static void explained(void **state)
{
	struct config config;
	char *words;
	size_t length;
	FILE *stream = open_memstream(&words, &length);

	(void)state;
	parse_good(FLOW "handlers:\n"
			"  - {when: [LATENCY_VIOLATION, PERCENTILE_VIOLATION], component: [a, system], "
			"signal: USR2}\n"
			"  - {when: '*', syslog: user}\n"
			"  - {when: '*', socket: /run/x}\n"
			"  - {when: '*', webhook: 'http://x'}\n"
			"  - {when: '*', alertmanager: 'http://x'}\n",
		   &config);
	config_explain(&config, stream);
	fclose(stream);
	assert_non_null(strstr(words,
			       "On LATENCY_VIOLATION, PERCENTILE_VIOLATION of a, system the target is sent "
			       "SIGUSR2, if it catches that.\n"));
	assert_non_null(strstr(words, "On every alert, and when it ends, it is logged.\n"));
	assert_non_null(strstr(words, ", and when it ends, the readers of socket /run/x get a line.\n"));
	assert_non_null(strstr(
		words, ", and when it ends, its JSON is posted to http://x (at most 5.00 s a try).\n"));
	assert_non_null(strstr(words, " the Alertmanager at http://x is told, again each 60.0 s (at most"));
	free(words);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files), cmocka_unit_test(handlers), cmocka_unit_test(on_this_machine),
		cmocka_unit_test(over_http), cmocka_unit_test(labels),	 cmocka_unit_test(explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
