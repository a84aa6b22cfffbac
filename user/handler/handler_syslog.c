// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logs each alert: to systemd's journal by its native protocol, which keeps fields apart, where it listens;
 * else to /dev/log as one line. Datagrams that are never waited for: a log that is full loses the alert,
 * counted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "handler/handler_kind.h"

#define JOURNAL "/run/systemd/journal/socket"
#define DEV_LOG "/dev/log"

static int start(struct handler *handler)
{
	handler->stats.target = access(JOURNAL, F_OK) ? DEV_LOG : JOURNAL;
	if (access(handler->stats.target, F_OK))
		return handler_bad(handler, -ENOENT, "syslog: neither %s nor %s is there", JOURNAL, DEV_LOG);
	handler->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return handler->fd < 0 ? handler_bad(handler, -errno, "syslog: %s", strerror(errno)) : 0;
}

/* What has ended is worth no alarm. */
static int priority_of(const struct alert *alert)
{
	static const int priorities[] = {LOG_NOTICE, LOG_WARNING, LOG_CRIT};

	return alert->event == ALERT_EVENT_RESOLVED ? LOG_NOTICE : priorities[alert->severity];
}

/* A field whose value has no newline: names from a program's symbols are escaped in both texts. */
static void field(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=", name);
	for (; *value; value++)
		fputc(*value == '\n' ? ' ' : *value, out);
	fputc('\n', out);
}

static void write_journal(FILE *out, const struct handler *handler, const struct handler_event *event)
{
	const struct alert *alert = event->alert;

	field(out, "MESSAGE", event->text);
	fprintf(out, "PRIORITY=%d\nSYSLOG_FACILITY=%d\n", priority_of(alert), handler->config->facility >> 3);
	field(out, "SYSLOG_IDENTIFIER", "lapse");
	field(out, "LAPSE_STATE", handler_state_name(alert->event));
	field(out, "LAPSE_COMPONENT", event->component);
	field(out, "LAPSE_VIOLATION", objective_info(alert->kind)->violation);
	field(out, "LAPSE_SEVERITY", config_severity_names[alert->severity]);
	field(out, "LAPSE_ALERT", event->json);
}

static void write_line(FILE *out, const struct handler *handler, const struct handler_event *event)
{
	time_t now = time(NULL);
	char stamp[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	fprintf(out, "<%d>%s lapse[%d]: %s", handler->config->facility | priority_of(event->alert), stamp,
		(int)getpid(), event->text);
}

static int send_to(const struct handler *handler, const char *path, const char *text, size_t length)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return sendto(handler->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
		      sizeof(address)) < 0
		       ? -errno
		       : 0;
}

static int log_by(const struct handler *handler, const struct handler_event *event, const char *path,
		  void (*write)(FILE *out, const struct handler *handler, const struct handler_event *event))
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int err;

	if (!out)
		return -ENOMEM;
	write(out, handler, event);
	err = fclose(out) ? -ENOMEM : send_to(handler, path, text, length);
	free(text);
	return err;
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	int err = log_by(handler, event, JOURNAL, write_journal);

	if (err == -ENOENT || err == -ECONNREFUSED)
		err = log_by(handler, event, DEV_LOG, write_line);
	handler->stats.runs++;
	handler->stats.failures += err && err != -EAGAIN;
	handler->stats.drops += err == -EAGAIN;
	if (err)
		handler_say(handler, TROUBLE_WRITE, "syslog: an alert could not be logged: %s",
			    strerror(-err));
}

static void stop(struct handler *handler)
{
	if (handler->fd >= 0)
		close(handler->fd);
}

const struct handler_kind handler_syslog = {.start = start, .tell = tell, .stop = stop};
