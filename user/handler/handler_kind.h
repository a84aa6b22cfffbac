/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of handlers, one row and one file each. A new kind is a new row in handlers.c. */
#ifndef LAPSE_HANDLER_KIND_H
#define LAPSE_HANDLER_KIND_H

#include "handler/handler.h"

/* What is said once a handler, however often it happens. */
enum handler_trouble {
	TROUBLE_WRITE = 1 << 0,
	TROUBLE_START = 1 << 1,
	TROUBLE_STATUS = 1 << 2,
	TROUBLE_SIGNAL = 1 << 3,
	TROUBLE_TIMEOUT = 1 << 4,
	TROUBLE_DROPPED = 1 << 5,
	TROUBLE_RETRY = 1 << 6,
};

struct sender;

struct handler {
	const struct config_handler *config;
	const char *file; /* the contract file, for messages */
	const struct handler_targets *targets;
	struct sender **sender; /* of all HTTP handlers together; made by the first one */
	unsigned said;		/* enum handler_trouble */
	struct handler_stats stats;
	int fd;		       /* file, syslog, socket; -1: none */
	bool torn;	       /* file: the last line is incomplete */
	void *state;	       /* the kind's own */
	struct told_key *told; /* alerts that it was told of and that fire still */
	size_t n_told;
	bool anew;		/* it has taken nobody's place */
	struct handler *before; /* of the same kind and target, which it takes the place of; NULL: none */
};

/* An alert on its way to a handler; nothing here outlives the call. */
struct handler_event {
	const struct alert *alert;
	const char *component;
	const char *json, *text;
};

#define CHECK_WORDS 512

/* All but start and tell may be NULL. */
struct handler_kind {
	/* Why start() would fail, into @why, which has @size bytes; it opens and makes nothing. 0 or -errno.
	 */
	int (*check)(const struct config_handler *config, char *why, size_t size);
	bool keeps_account; /* of what fires: it is to know of that from when it is there */
	/* What can be known to fail fails here, after a message. Returns 0 or -errno. */
	int (*start)(struct handler *handler);
	void (*tell)(struct handler *handler, const struct handler_event *event);
	void (*tick)(struct handler *handler, uint64_t now_ns);
	/* Whether there is something left to do. */
	bool (*busy)(struct handler *handler);
	/* Drops what has not begun, and has the rest end soon. */
	void (*hurry)(struct handler *handler);
	/* Brings handler->stats up to date. */
	void (*count)(struct handler *handler);
	/* Takes over from handler->before what both have. Cannot fail. */
	void (*inherit)(struct handler *handler);
	/* Drops what is left to do, and releases everything; after a failed start, too. */
	void (*stop)(struct handler *handler);
};

extern const struct handler_kind handler_exec, handler_signal, handler_file, handler_syslog, handler_socket,
	handler_webhook, handler_alertmanager;

/* Prints a message at the handler's place in the file, and gives @err. */
#define handler_bad(handler, err, ...)                                                                 \
	({                                                                                             \
		int handler_err = (err);                                                               \
		diag_at((handler)->file, (handler)->config->mark.line, (handler)->config->mark.column, \
			__VA_ARGS__);                                                                  \
		handler_err;                                                                           \
	})

/* Warns of @trouble, the first time only. */
#define handler_say(handler, trouble, ...)          \
	do {                                        \
		if (!((handler)->said & (trouble))) \
			diag_warn(__VA_ARGS__);     \
		(handler)->said |= (trouble);       \
	} while (0)

/* As in `state` of the alert's JSON. */
const char *handler_state_name(enum alert_event event);

uint64_t handler_now(void);

/*
 * Starts @argv in a process group of its own with @environment and @input on its standard input,
 * without privilege. Never blocks. Returns its process number, or -errno.
 */
pid_t handler_spawn(char *const argv[], char *const environment[], const char *input);

/* Whether handler_spawn() could start @path, as far as its rights tell: 0 or -errno. */
int handler_may_execute(const char *path);

#endif
