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
};

struct exec_pool;

struct handler {
	const struct config_handler *config;
	const char *file; /* the contract file, for messages */
	unsigned said;	  /* enum handler_trouble */
	int fd;		  /* HANDLER_FILE */
	bool torn;	  /* HANDLER_FILE: the last line is incomplete */
	struct exec_pool *pool;
};

/* An alert on its way to a handler; nothing here outlives the call. */
struct handler_event {
	const struct alert *alert;
	const char *component;
	const char *json;
};

struct handler_kind {
	/* What can be known to fail fails here, after a message. Returns 0 or -errno. */
	int (*start)(struct handler *handler);
	void (*tell)(struct handler *handler, const struct handler_event *event);
	void (*stop)(struct handler *handler); /* may be NULL */
};

extern const struct handler_kind handler_file, handler_exec;

/* Warns of @trouble, the first time only. */
#define handler_say(handler, trouble, ...)          \
	do {                                        \
		if (!((handler)->said & (trouble))) \
			diag_warn(__VA_ARGS__);     \
		(handler)->said |= (trouble);       \
	} while (0)

/* Programs that run: NULL when out of memory. */
struct exec_pool *exec_pool_new(void);
void exec_pool_tick(struct exec_pool *pool, uint64_t now_ns);
/* Waits until all have ended, at most @limit_ns, then ends them. NULL is fine. */
void exec_pool_free(struct exec_pool *pool, uint64_t limit_ns);

/*
 * Starts @argv in a process group of its own with @environment and @input on its standard input,
 * without privilege. Never blocks. Returns its process number, or -errno.
 */
pid_t handler_spawn(char *const argv[], char *const environment[], const char *input);

#endif
