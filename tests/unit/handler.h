/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers under test: a folder of their own, real files and programs. Time limits are reached by telling the
 * handlers a later time, and everything is waited for by looking, within a generous bound. */
#ifndef LAPSE_TEST_HANDLER_H
#define LAPSE_TEST_HANDLER_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "handler/handler.h"

#define SEC	  1000000000ULL
#define PATIENCE  (20 * SEC)
#define TEXT_SIZE 65536

#define UNUSED __attribute__((unused))

struct fixture {
	char folder[64], program[96], out[96];
	struct config config;
	struct config_handler handler[2];
	char *argv[4];
	struct handler_targets targets;
	struct handlers *handlers;
	FILE *said_stream;
	char *said;
	size_t said_length;
};

static UNUSED int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/lapse-handler-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	assert_int_equal(chmod(f->folder, 0777), 0); /* the program runs as another user */
	snprintf(f->program, sizeof(f->program), "%s/program", f->folder);
	snprintf(f->out, sizeof(f->out), "%s/out", f->folder);
	f->argv[0] = f->program;
	f->argv[1] = f->out;
	f->handler[0] = (struct config_handler){
		.kind = HANDLER_EXEC,
		.when = config_violation_kinds("*"),
		.argv = f->argv,
		.timeout_ns = 3600 * SEC,
		.resend_ns = 60 * SEC,
		.mode = 0600,
		.mark = {7, 5},
	};
	f->config = (struct config){.path = "t.yaml", .handlers = f->handler, .n_handlers = 1};
	f->said_stream = open_memstream(&f->said, &f->said_length);
	diag_set_stream(f->said_stream);
	*state = f;
	return 0;
}

/* No test's end is worth waiting for: what one that failed leaves unsent may have an hour left. */
static UNUSED int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	f->handler[0].timeout_ns = f->handler[1].timeout_ns = 0;
	handlers_stop(f->handlers);
	diag_set_stream(NULL);
	fclose(f->said_stream);
	free(f->said);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* Makes the program a shell script. */
static UNUSED void script(struct fixture *f, const char *text)
{
	FILE *file = fopen(f->program, "we");

	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	assert_int_equal(chmod(f->program, 0755), 0);
}

static UNUSED void use_file(struct fixture *f)
{
	f->handler[0].kind = HANDLER_FILE;
	f->handler[0].argv = NULL;
	f->handler[0].path = f->out;
}

static UNUSED void start(struct fixture *f)
{
	assert_int_equal(handlers_start(&f->config, &f->targets, NULL, &f->handlers), 0);
}

static UNUSED struct alert an_alert(void)
{
	return (struct alert){.kind = OBJ_MAX_LATENCY, .severity = SEV_CRITICAL};
}

static UNUSED void tell(struct fixture *f, const struct alert *alert, const char *json)
{
	handlers_tell(f->handlers, alert, "endToEnd", json, "ALERT words for people");
}

static UNUSED const char *said(struct fixture *f)
{
	fflush(f->said_stream);
	return f->said ? f->said : "";
}

static UNUSED uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
}

static UNUSED const char *contents(const char *path)
{
	static char text[TEXT_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Ticks, @ahead of the clock, until @path has @text in it, or lapse has said @text (path NULL). */
static UNUSED void wait_for(struct fixture *f, const char *path, const char *text, uint64_t ahead)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	uint64_t end = now() + PATIENCE;

	while (!strstr(path ? contents(path) : said(f), text)) {
		if (now() > end)
			fail_msg("never saw %s; said %s", text, said(f));
		handlers_tick(f->handlers, now() + ahead);
		nanosleep(&pause, NULL);
	}
}

static UNUSED struct handler_stats stats(struct fixture *f)
{
	size_t n;
	const struct handler_stats *all = handlers_stats(f->handlers, &n);

	assert_int_equal(n, f->config.n_handlers);
	return all[0];
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
