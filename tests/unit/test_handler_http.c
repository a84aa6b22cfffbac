// SPDX-License-Identifier: GPL-2.0-or-later
/* Webhooks and Alertmanagers, before a server of the test's own: it answers as it is told to, one connection
 * at a time, and keeps what it was sent. */
#include <arpa/inet.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "tests/unit/handler.h"

#define REQUESTS 64

struct server {
	int listener;
	unsigned short port;
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_bool ending;
	bool silent;
	const int *statuses; /* of the first answers, ended by 0; then 200 */
	char *request[REQUESTS];
	size_t n, answered;
	struct server *next;
};

/* Those of the test that runs. What one that fails leaves here its teardown ends. */
static struct server *servers;

static size_t wanted_length(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "\r\ncontent-length: ");

	return end && length ? (size_t)(end + 4 - request) + strtoul(length + 18, NULL, 10) : SIZE_MAX;
}

/* One request, or NULL where the other side has gone or the server ends. */
static char *receive(struct server *server, int fd)
{
	char *text = calloc(1, TEXT_SIZE);
	size_t length = 0;

	while (length < wanted_length(text)) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t n = poll(&ready, 1, 10) > 0 ? recv(fd, text + length, TEXT_SIZE - 1 - length, 0) : -2;

		if (n == 0 || n == -1 || server->ending) {
			free(text);
			return NULL;
		}
		length += n > 0 ? (size_t)n : 0;
	}
	return text;
}

static int next_status(struct server *server)
{
	for (size_t i = 0; server->statuses && server->statuses[i]; i++)
		if (i == server->answered)
			return server->statuses[i];
	return 200;
}

static void keep(struct server *server, char *request)
{
	pthread_mutex_lock(&server->lock);
	assert_true(server->n < REQUESTS);
	server->request[server->n++] = request;
	pthread_mutex_unlock(&server->lock);
}

static void serve(struct server *server, int fd)
{
	char *request;

	while ((request = receive(server, fd))) {
		char answer[128];

		keep(server, request);
		while (server->silent && !server->ending)
			poll(NULL, 0, 5);
		if (server->ending)
			return;
		snprintf(answer, sizeof(answer), "HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok",
			 next_status(server));
		server->answered++;
		send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	}
}

static void *run(void *context)
{
	struct server *server = context;

	while (!server->ending) {
		struct pollfd ready = {.fd = server->listener, .events = POLLIN};
		int fd = poll(&ready, 1, 5) > 0 ? accept(server->listener, NULL, NULL) : -1;

		if (fd < 0)
			continue;
		serve(server, fd);
		close(fd);
	}
	return NULL;
}

static struct server *server_open(void)
{
	struct server *server = calloc(1, sizeof(*server));
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server->listener, 16), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
	server->port = ntohs(address.sin_port);
	pthread_mutex_init(&server->lock, NULL);
	assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
	server->next = servers;
	servers = server;
	return server;
}

static void servers_close(void)
{
	while (servers) {
		struct server *server = servers;

		servers = server->next;
		server->ending = true;
		pthread_join(server->thread, NULL);
		close(server->listener);
		for (size_t i = 0; i < server->n; i++)
			free(server->request[i]);
		free(server);
	}
}

static int end(void **state)
{
	teardown(state);
	servers_close();
	return 0;
}

static size_t received(struct server *server)
{
	size_t n;

	pthread_mutex_lock(&server->lock);
	n = server->n;
	pthread_mutex_unlock(&server->lock);
	return n;
}

/* Ticks, @ahead of the clock, until the server has got @n requests. */
static void wait_received(struct fixture *f, struct server *server, size_t n, uint64_t ahead)
{
	uint64_t end = now() + PATIENCE;

	while (received(server) < n) {
		if (now() > end)
			fail_msg("got %zu of %zu requests; said %s", received(server), n, said(f));
		handlers_tick(f->handlers, now() + ahead);
		poll(NULL, 0, 2);
	}
}

/* Waits until nothing is left to be sent. */
static void wait_idle(struct fixture *f)
{
	uint64_t end = now() + PATIENCE;

	while (stats(f).waiting && now() < end)
		poll(NULL, 0, 2);
	assert_int_equal(stats(f).waiting, 0);
	handlers_tick(f->handlers, now());
}

static const char *body_of(const struct server *server, size_t i)
{
	return strstr(server->request[i], "\r\n\r\n") + 4;
}

static void use_http(struct fixture *f, struct server *server, enum config_handler_kind kind,
		     const char *path)
{
	snprintf(f->out, sizeof(f->out), "http://127.0.0.1:%u%s", server->port, path);
	f->handler[0].kind = kind;
	f->handler[0].argv = NULL;
	f->handler[0].path = f->out;
	f->handler[0].timeout_ns = 10 * SEC;
	f->handler[0].resolved = true;
	start(f);
}

/* Ended before the servers are. */
static void finish(struct fixture *f)
{
	handlers_stop(f->handlers);
	f->handlers = NULL;
}

/* ---- webhook ---------------------------------------------------------------------------------------- */

static void posted(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();

	use_http(f, server, HANDLER_WEBHOOK, "/hook?x=1");
	tell(f, &alert, "{\"v\":1}");
	alert.event = ALERT_EVENT_RESOLVED;
	tell(f, &alert, "{\"v\":2}");
	wait_received(f, server, 2, 0);
	wait_idle(f);
	assert_memory_equal(server->request[0], "POST /hook?x=1 HTTP/1.1\r\n", 25);
	assert_non_null(strcasestr(server->request[0], "\r\nContent-Type: application/json\r\n"));
	assert_null(strcasestr(server->request[0], "\r\nAuthorization:"));
	assert_string_equal(body_of(server, 0), "{\"v\":1}");
	assert_string_equal(body_of(server, 1), "{\"v\":2}");
	assert_int_equal(stats(f).runs, 2);
	assert_int_equal(stats(f).failures + stats(f).retries + stats(f).drops, 0);
	assert_non_null(strstr(stats(f).target, "/..."));
	assert_null(strstr(stats(f).target, "hook"));
	finish(f);
	assert_string_equal(said(f), "");
}

/* In the order in which they came, each until it is taken. */
static void tried_again(void **state)
{
	static const int statuses[] = {500, 429, 503, 0};
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();

	server->statuses = statuses;
	use_http(f, server, HANDLER_WEBHOOK, "/");
	tell(f, &alert, "1");
	tell(f, &alert, "2");
	wait_received(f, server, 5, 0);
	wait_idle(f);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(body_of(server, i), i < 4 ? "1" : "2");
	assert_int_equal(stats(f).runs, 2);
	assert_int_equal(stats(f).retries, 3);
	assert_int_equal(stats(f).failures, 0);
	assert_non_null(strstr(said(f), "answered with status "));
	assert_non_null(strstr(said(f), "it is tried again\n"));
	finish(f);
}

static void refused_is_not_tried_again(void **state)
{
	static const int statuses[] = {404, 302, 0};
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();

	server->statuses = statuses;
	use_http(f, server, HANDLER_WEBHOOK, "/");
	for (int i = 0; i < 3; i++)
		tell(f, &alert, "x");
	wait_received(f, server, 3, 0);
	wait_idle(f);
	assert_int_equal(stats(f).runs, 3);
	assert_int_equal(stats(f).failures, 2);
	assert_int_equal(stats(f).retries, 0);
	assert_non_null(strstr(said(f), "this alert is given up\n"));
	finish(f);
}

/* One that never answers: its queue is bounded, what is beyond is counted, and its end is not waited for
 * longer than its time limit says. */
static void never_answered(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();

	server->silent = true;
	f->handler[0].timeout_ns = 3600 * SEC;
	use_http(f, server, HANDLER_WEBHOOK, "/");
	tell(f, &alert, "x");
	wait_received(f, server, 1, 0);
	for (int i = 0; i < 70; i++)
		tell(f, &alert, "x");
	assert_int_equal(stats(f).waiting, 65);
	assert_int_equal(stats(f).drops, 6);
	assert_non_null(strstr(said(f), "too many alerts wait, some were dropped\n"));
	f->handler[0].timeout_ns = 0;
	handlers_stop(f->handlers);
	f->handlers = NULL;
	assert_non_null(strstr(said(f), ": 65 alerts are dropped: there is no time left for them\n"));
}

static void others_go_on(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *hanging = server_open(), *server = server_open();
	char url[64];

	hanging->silent = true;
	f->handler[1] = f->handler[0];
	f->handler[1].kind = HANDLER_WEBHOOK;
	f->handler[1].timeout_ns = 3600 * SEC;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", hanging->port);
	f->handler[1].path = url;
	f->config.n_handlers = 2;
	use_http(f, server, HANDLER_WEBHOOK, "/");
	for (int i = 0; i < 20; i++)
		tell(f, &alert, "x");
	wait_received(f, server, 20, 0);
	wait_received(f, hanging, 1, 0);
	wait_idle(f);
	assert_int_equal(received(hanging), 1);
	f->handler[1].timeout_ns = 0;
	finish(f);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	fputs(text, file);
	fclose(file);
}

/* Read anew each time. */
static void authorized(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();

	write_text(f->program, "secret-1\n");
	f->handler[0].http.authorization = "Bearer";
	f->handler[0].http.credentials_file = f->program;
	use_http(f, server, HANDLER_WEBHOOK, "/");
	tell(f, &alert, "x");
	wait_received(f, server, 1, 0);
	write_text(f->program, "secret-2\n");
	tell(f, &alert, "x");
	wait_received(f, server, 2, 0);
	wait_idle(f);
	assert_non_null(strstr(server->request[0], "\r\nAuthorization: Bearer secret-1\r\n"));
	assert_non_null(strstr(server->request[1], "\r\nAuthorization: Bearer secret-2\r\n"));
	finish(f);
}

static void basic(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();

	f->handler[0].http.username = "lapse";
	f->handler[0].http.password = "pass";
	use_http(f, server, HANDLER_WEBHOOK, "/");
	tell(f, &alert, "x");
	wait_received(f, server, 1, 0);
	wait_idle(f);
	assert_non_null(strstr(server->request[0], "\r\nAuthorization: Basic bGFwc2U6cGFzcw==\r\n"));
	finish(f);
}

static void secret_missing(void **state)
{
	struct fixture *f = *state;

	f->handler[0].kind = HANDLER_WEBHOOK;
	f->handler[0].path = "http://127.0.0.1:1/";
	f->handler[0].http.authorization = "Bearer";
	f->handler[0].http.credentials_file = "/nonexistent/token";
	assert_int_equal(handlers_start(&f->config, NULL, NULL, &f->handlers), -ENOENT);
	assert_string_equal(said(f), "lapse: t.yaml:7:5: /nonexistent/token: No such file or directory\n");
}

/* Nobody listens: it is tried again, and nothing waits for it. */
static void nobody_there(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();

	use_http(f, server, HANDLER_WEBHOOK, "/");
	servers_close();
	tell(f, &alert, "x");
	wait_for(f, NULL, "it is tried again\n", 0);
	assert_int_equal(stats(f).waiting, 1);
}

/* ---- alertmanager ------------------------------------------------------------------------------------ */

#define ALERT(state, severity, more)                                                                     \
	"{\"state\":\"" state                                                                            \
	"\",\"component\":\"endToEnd\",\"violation\":\"LATENCY_VIOLATION\",\"severity\":\"" severity     \
	"\",\"measured\":31000000.0,\"limit\":30000000.0,\"unit\":\"ns\",\"pid\":77,"                    \
	"\"since\":\"2026-11-28T10:00:00.000000000Z\",\"time\":\"2026-11-28T10:00:05.000000000Z\"," more \
	"\"labels\":{\"team\":\"x\"},\"annotations\":{\"runbook_url\":\"http://r/\"}}"
#define CAUSE "\"cause\":{\"text\":\"78 % lock\"},"

static json_t *alerts_of(const struct server *server, size_t i, size_t n)
{
	json_t *alerts = json_loads(body_of(server, i), 0, NULL);

	assert_non_null(alerts);
	assert_int_equal(json_array_size(alerts), n);
	return alerts;
}

static const char *text_at(const json_t *alert, const char *part, const char *key)
{
	const json_t *in = part ? json_object_get(alert, part) : alert;

	return json_string_value(json_object_get(in, key)) ?: "-";
}

/* That of severity @severity among @alerts. */
static const json_t *of_severity(const json_t *alerts, const char *severity)
{
	for (size_t i = 0; i < json_array_size(alerts); i++)
		if (!strcmp(text_at(json_array_get(alerts, i), "labels", "severity"), severity))
			return json_array_get(alerts, i);
	fail_msg("no alert of severity %s", severity);
	return NULL;
}

static void labels_identify(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();
	const json_t *one;
	json_t *alerts;

	use_http(f, server, HANDLER_ALERTMANAGER, "/prefix/");
	tell(f, &alert, ALERT("firing", "critical", CAUSE));
	wait_received(f, server, 1, 0);
	assert_memory_equal(server->request[0], "POST /prefix/api/v2/alerts HTTP/1.1\r\n", 37);
	alerts = alerts_of(server, 0, 1);
	one = json_array_get(alerts, 0);
	assert_int_equal(json_object_size(json_object_get(one, "labels")), 4);
	assert_string_equal(text_at(one, "labels", "alertname"), "LATENCY_VIOLATION");
	assert_string_equal(text_at(one, "labels", "component"), "endToEnd");
	assert_string_equal(text_at(one, "labels", "severity"), "critical");
	assert_string_equal(text_at(one, "labels", "team"), "x");
	assert_string_equal(text_at(one, "annotations", "measured"), "31000000 ns");
	assert_string_equal(text_at(one, "annotations", "limit"), "30000000 ns");
	assert_string_equal(text_at(one, "annotations", "cause"), "78 % lock");
	assert_string_equal(text_at(one, "annotations", "summary"), "ALERT words for people");
	assert_string_equal(text_at(one, "annotations", "runbook_url"), "http://r/");
	assert_string_equal(text_at(one, NULL, "startsAt"), "2026-11-28T10:00:00.000000000Z");
	assert_string_equal(text_at(one, NULL, "endsAt"), "-");
	json_decref(alerts);
	finish(f);
}

/* While it fires each minute, when it has ended three times in all. */
static void sent_again(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();
	json_t *alerts;

	use_http(f, server, HANDLER_ALERTMANAGER, "");
	tell(f, &alert, ALERT("firing", "critical", ""));
	wait_received(f, server, 1, 0);
	wait_idle(f);
	wait_received(f, server, 2, 61 * SEC);
	wait_idle(f);
	assert_string_equal(body_of(server, 0), body_of(server, 1));
	alert.event = ALERT_EVENT_RESOLVED;
	tell(f, &alert, ALERT("resolved", "critical", ""));
	wait_received(f, server, 3, 0);
	wait_idle(f);
	wait_received(f, server, 4, 61 * SEC);
	wait_idle(f);
	wait_received(f, server, 5, 200 * SEC);
	wait_idle(f);
	for (size_t i = 2; i < 5; i++) {
		alerts = alerts_of(server, i, 1);
		assert_string_equal(text_at(json_array_get(alerts, 0), NULL, "endsAt"),
				    "2026-11-28T10:00:05.000000000Z");
		json_decref(alerts);
	}
	handlers_tick(f->handlers, now() + 1000 * SEC);
	handlers_tick(f->handlers, now() + 2000 * SEC);
	wait_idle(f);
	assert_int_equal(received(server), 5);
	finish(f);
}

/* Another severity is another alert there: the one before ends with it. */
static void escalation_ends_the_warning(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();
	json_t *alerts;

	use_http(f, server, HANDLER_ALERTMANAGER, "");
	alert.severity = SEV_WARNING;
	tell(f, &alert, ALERT("firing", "warning", ""));
	wait_received(f, server, 1, 0);
	wait_idle(f);
	alert.severity = SEV_CRITICAL;
	alert.event = ALERT_EVENT_ESCALATED;
	tell(f, &alert, ALERT("escalated", "critical", ""));
	wait_received(f, server, 2, 0);
	wait_idle(f);
	alerts = alerts_of(server, 1, 2);
	assert_string_equal(text_at(of_severity(alerts, "warning"), NULL, "endsAt"),
			    "2026-11-28T10:00:05.000000000Z");
	assert_string_equal(text_at(of_severity(alerts, "critical"), NULL, "endsAt"), "-");
	json_decref(alerts);
	alert.event = ALERT_EVENT_RESOLVED;
	tell(f, &alert, ALERT("resolved", "critical", ""));
	wait_received(f, server, 3, 0);
	alerts = alerts_of(server, 2, 2);
	assert_string_not_equal(text_at(of_severity(alerts, "critical"), NULL, "endsAt"), "-");
	json_decref(alerts);
	finish(f);
}

/* Who takes its place goes on with what fires; what the old one had to say still is said by the new one. */
static void handed_over(void **state)
{
	static const int statuses[] = {500, 0};
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct server *server = server_open();
	struct handlers *old;
	json_t *alerts;

	server->statuses = statuses;
	use_http(f, server, HANDLER_ALERTMANAGER, "");
	tell(f, &alert, ALERT("firing", "critical", ""));
	wait_for(f, NULL, "it is tried again\n", 0);
	old = f->handlers;
	assert_int_equal(handlers_start(&f->config, NULL, old, &f->handlers), 0);
	handlers_take_over(f->handlers);
	handlers_stop(old);
	assert_null(strstr(said(f), "dropped"));
	wait_received(f, server, 2, 0);
	wait_idle(f);
	alert.event = ALERT_EVENT_RESOLVED;
	tell(f, &alert, ALERT("resolved", "critical", ""));
	wait_received(f, server, 3, 0);
	alerts = alerts_of(server, 2, 1);
	assert_string_not_equal(text_at(json_array_get(alerts, 0), NULL, "endsAt"), "-");
	json_decref(alerts);
	finish(f);
}

#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(posted),	    HTTP_TEST(tried_again),    HTTP_TEST(refused_is_not_tried_again),
		HTTP_TEST(never_answered),  HTTP_TEST(others_go_on),   HTTP_TEST(authorized),
		HTTP_TEST(basic),	    HTTP_TEST(secret_missing), HTTP_TEST(nobody_there),
		HTTP_TEST(labels_identify), HTTP_TEST(sent_again),     HTTP_TEST(escalation_ends_the_warning),
		HTTP_TEST(handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
