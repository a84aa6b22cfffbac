/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads, addresses and stacks stand once in a recording, and are referred to by number. */
#ifndef LAPSE_CAPTURE_INTERN_H
#define LAPSE_CAPTURE_INTERN_H

#include "bpf/event.h"
#include "capture/sql.h"

enum intern_table { INTERN_THREAD, INTERN_ADDRESS, INTERN_STACK, INTERN_TABLES };

struct interned;
struct intern {
	struct interned *known[INTERN_TABLES];
	sqlite3_stmt *insert[INTERN_TABLES];
	int64_t next[INTERN_TABLES], oldest[INTERN_TABLES];
	int code; /* the first that was not SQLITE_OK */
};

/* SQLITE_OK, or what SQLite says. */
int intern_open(struct intern *intern, sqlite3 *db);
void intern_close(struct intern *intern);
/* Forgets all that is known, but not the numbers; what had smaller ones is at most in use by what was written
 * so far. */
void intern_renew(struct intern *intern);

/* The number, from 1; 0: there is nothing to name, or it failed. */
int64_t intern_thread(struct intern *intern, uint32_t pid, uint32_t tid, const char comm[LAPSE_COMM_LEN]);
int64_t intern_address(struct intern *intern, const struct lapse_address *address);
/* @stack: its short form, and then a function a line. */
int64_t intern_stack(struct intern *intern, const char *stack);

#endif
