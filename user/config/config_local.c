// SPDX-License-Identifier: GPL-2.0-or-later
/* What handlers do on this machine: programs, signals, files, the log, sockets. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>

#include "base/diag.h"
#include "base/text.h"
#include "config/config_schema.h"

/* ---- exec ------------------------------------------------------------------------------------------- */

static int check_argv(const struct config_walk *walk, const struct tree_node *list)
{
	if (!list->n_entries)
		return config_bad(walk, list->mark, "'exec' is an empty list");
	for (size_t i = 0; i < list->n_entries; i++)
		if (list->entries[i].value.kind != TREE_SCALAR)
			return config_bad(walk, list->entries[i].value.mark,
					  "an argument of 'exec' is text, not %s",
					  tree_kind_name(list->entries[i].value.kind));
	if (*list->entries[0].value.text != '/')
		return config_bad(walk, list->entries[0].value.mark,
				  "'%s': the program of 'exec' is an absolute path",
				  list->entries[0].value.text);
	return 0;
}

int config_apply_exec(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;
	size_t n = entry->value.n_entries;
	int err;

	if (entry->value.kind != TREE_SEQUENCE)
		return config_wrong(walk, row, entry);
	err = check_argv(walk, &entry->value);
	if (err)
		return err;
	handler->kind = HANDLER_EXEC;
	handler->argv = calloc(n + 1, sizeof(*handler->argv));
	for (size_t i = 0; handler->argv && i < n; i++) {
		handler->argv[i] = strdup(entry->value.entries[i].value.text);
		if (!handler->argv[i])
			return -ENOMEM;
	}
	return handler->argv ? 0 : -ENOMEM;
}

/* ---- signal ------------------------------------------------------------------------------------------ */

static int signal_by_name(const char *name, struct text_nearest *nearest)
{
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	nearest->wanted = name;
	for (int number = 1; number < SIGRTMIN; number++) {
		const char *known = sigabbrev_np(number);

		if (known && strcmp(known, name) == 0)
			return number;
		if (known)
			text_nearest_offer(nearest, known);
	}
	return 0;
}

int config_apply_signal(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;
	struct text_nearest nearest = {0};
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	handler->kind = HANDLER_SIGNAL;
	handler->signal = signal_by_name(entry->value.text, &nearest);
	if (handler->signal == SIGKILL || handler->signal == SIGSTOP)
		return config_bad(walk, entry->value.mark, "no program can catch %s", entry->value.text);
	if (handler->signal)
		return 0;
	if (nearest.best)
		return config_bad(walk, entry->value.mark, "no signal '%s', nearest is '%s'",
				  entry->value.text, nearest.best);
	return config_wrong(walk, row, entry);
}

/* ---- file --------------------------------------------------------------------------------------------- */

static int apply_path(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, struct config_handler *handler)
{
	struct config_row text = *row;

	text.offset = offsetof(struct config_handler, path);
	return config_apply_text(walk, &text, entry, handler);
}

int config_apply_file(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;

	handler->kind = HANDLER_FILE;
	return apply_path(walk, row, entry, handler);
}

/* ---- syslog ------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int facility;
} facilities[] = {
	{"daemon", LOG_DAEMON}, {"user", LOG_USER},	{"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},
	{"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},
	{"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

int config_apply_syslog(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	handler->kind = HANDLER_SYSLOG;
	for (size_t i = 0; i < sizeof(facilities) / sizeof(*facilities); i++) {
		if (strcmp(facilities[i].name, entry->value.text) != 0)
			continue;
		handler->facility = facilities[i].facility;
		return 0;
	}
	return config_bad(walk, entry->value.mark,
			  "no facility '%s' for this: daemon, user, or local0 to local7", entry->value.text);
}

/* ---- socket ------------------------------------------------------------------------------------------- */

int config_apply_socket(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	if (*entry->value.text != '/')
		return config_wrong(walk, row, entry);
	if (strlen(entry->value.text) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return config_bad(walk, entry->value.mark, "the path of a socket has at most %zu bytes",
				  sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	handler->kind = HANDLER_SOCKET;
	return apply_path(walk, row, entry, handler);
}

int config_apply_socket_mode(const struct config_walk *walk, const struct config_row *row,
			     const struct tree_entry *entry, void *into)
{
	const char *text = entry->value.text;
	int err = config_want_scalar(walk, row, entry);

	if (err)
		return err;
	if (!*text || strlen(text) > 4 || text[strspn(text, "01234567")] ||
	    (strlen(text) == 4 && *text != '0'))
		return config_wrong(walk, row, entry);
	*(unsigned *)((char *)into + row->offset) = (unsigned)strtoul(text, NULL, 8);
	return 0;
}
