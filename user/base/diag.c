// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* The terminal is one a process, and so is this. */
static FILE *diag_stream;
static bool diag_is_verbose;

void diag_set_stream(FILE *stream)
{
	diag_stream = stream;
}

void diag_set_verbose(bool verbose)
{
	diag_is_verbose = verbose;
}

bool diag_verbose(void)
{
	return diag_is_verbose;
}

static FILE *stream(void)
{
	return diag_stream ? diag_stream : stderr;
}

/* @text escaped, to be freed; NULL when out of memory. An escaped byte takes four. */
static char *escaped(const char *text)
{
	size_t size = strlen(text) * 4 + 5;
	char *copy = malloc(size);

	if (copy)
		text_escape(text, copy, size);
	return copy;
}

static void put_escaped(const char *text)
{
	char *copy = escaped(text);

	fputs(copy ? copy : "(out of memory)", stream());
	free(copy);
}

/* The message after its prefix, and the newline. */
static LAPSE_PRINTF(1, 0) void put_message(const char *fmt, va_list args)
{
	char *message;

	if (vasprintf(&message, fmt, args) < 0)
		message = NULL;
	put_escaped(message ? message : fmt);
	free(message);
	fputc('\n', stream());
}

static LAPSE_PRINTF(2, 0) void say(const char *prefix, const char *fmt, va_list args)
{
	fputs(prefix, stream());
	put_message(fmt, args);
	fflush(stream());
}

void diag_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("lapse: ", fmt, args);
	va_end(args);
}

void diag_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("lapse: warning: ", fmt, args);
	va_end(args);
}

void diag_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("lapse: ", fmt, args);
	va_end(args);
}

void diag_debug(const char *fmt, ...)
{
	va_list args;

	if (!diag_is_verbose)
		return;
	va_start(args, fmt);
	say("lapse: debug: ", fmt, args);
	va_end(args);
}

void diag_at(const char *file, size_t line, size_t column, const char *fmt, ...)
{
	va_list args;

	fputs("lapse: ", stream());
	put_escaped(file);
	fprintf(stream(), ":%zu:%zu: ", line, column);
	va_start(args, fmt);
	put_message(fmt, args);
	va_end(args);
	fflush(stream());
}

/* Columns that the first @length bytes of @text take once escaped; UTF-8 tails take none. */
static size_t columns(const char *text, size_t length)
{
	char *piece = strndup(text, length);
	char *shown = piece ? escaped(piece) : NULL;
	size_t n = 0, i;

	for (i = 0; shown && shown[i]; i++)
		n += ((unsigned char)shown[i] >> 6) != 2;
	free(shown);
	free(piece);
	return n;
}

static void put_repeated(char c, size_t n)
{
	while (n--)
		fputc(c, stream());
}

static void put_underline(const char *text, size_t at, size_t length, const char *hint)
{
	size_t width = columns(text + at, length);

	put_repeated(' ', 4 + columns(text, at));
	fputc('^', stream());
	put_repeated('~', width ? width - 1 : 0);
	if (hint) {
		fputc(' ', stream());
		put_escaped(hint);
	}
	fputc('\n', stream());
}

void diag_caret(const char *text, size_t at, size_t length, const char *hint, const char *fmt, ...)
{
	size_t whole = strlen(text);
	va_list args;

	at = at < whole ? at : whole;
	length = length < whole - at ? length : whole - at;
	va_start(args, fmt);
	say("lapse: ", fmt, args);
	va_end(args);
	put_repeated(' ', 4);
	put_escaped(text);
	fputc('\n', stream());
	put_underline(text, at, length, hint);
	fflush(stream());
}
