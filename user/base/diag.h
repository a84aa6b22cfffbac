/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to the person at the terminal: stderr, one style, each reported once by the
 * function that detects it; callers pass the -errno on.
 *
 *   lapse: no process 4242
 *   lapse: contracts.yaml:7:5: unknown key 'max_latancy', nearest is 'max_latency'
 *   lapse: unknown function
 *       handle_odrer --slower
 *       ^~~~~~~~~~~~ nearest is 'handle_order'
 */
#ifndef LAPSE_DIAG_H
#define LAPSE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LAPSE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Where messages go; NULL sets stderr again. Tests read them from a memory stream. */
void diag_set_stream(FILE *stream);

/* Debug messages are printed only when this was set. */
void diag_set_verbose(bool verbose);
bool diag_verbose(void);

/* "lapse: ..." and a newline. Control characters are escaped. */
void diag_error(const char *fmt, ...) LAPSE_PRINTF(1, 2);
/* "lapse: warning: ..." */
void diag_warn(const char *fmt, ...) LAPSE_PRINTF(1, 2);
/* "lapse: ...", for what is neither wrong nor doubtful. */
void diag_note(const char *fmt, ...) LAPSE_PRINTF(1, 2);
/* "lapse: debug: ...", with -v. */
void diag_debug(const char *fmt, ...) LAPSE_PRINTF(1, 2);

/* "lapse: file:line:column: ..."; line and column count from 1. */
void diag_at(const char *file, size_t line, size_t column, const char *fmt, ...) LAPSE_PRINTF(4, 5);

/*
 * "lapse: ..." and below it @text with @length characters from @at underlined, followed by
 * @hint where it is not NULL.
 */
void diag_caret(const char *text, size_t at, size_t length, const char *hint, const char *fmt, ...)
	LAPSE_PRINTF(5, 6);

#endif
