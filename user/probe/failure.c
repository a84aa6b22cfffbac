// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "probe/hosted.h"
#include "probe/inlined.h"

#define HINT_SIZE 512

static void caret_at_function(const struct probe_spec *spec, const char *hint, const char *format, ...)
	LAPSE_PRINTF(3, 4);

static void caret_at_function(const struct probe_spec *spec, const char *hint, const char *format, ...)
{
	char message[HINT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	diag_caret(spec->text, spec->function_at, strlen(spec->function), hint, "%s", message);
}

bool failure_nearest_kind(const char *object, char *hint, size_t size)
{
	static const char *const kinds[] = {"span", "usdt", "marker", "syscall", "loop", "uprobe"};
	struct text_nearest nearest = {.wanted = object};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && !strchr(object, '.'); i++)
		text_nearest_offer(&nearest, kinds[i]);
	if (nearest.best)
		snprintf(hint, size, "nearest is '%s:'; a library is called by its whole name, %s.so:FUNC",
			 nearest.best, object);
	return nearest.best;
}

bool failure_nearest_object(const struct view *view, const char *object, char *hint, size_t size)
{
	struct text_nearest nearest = {.wanted = object};

	*hint = '\0';
	for (size_t i = 0; i < view->n_files; i++) {
		char *base = strdup(path_base(view->files[i]->name));

		if (!base)
			break;
		base[strcspn(base, ".")] = '\0';
		text_nearest_offer(&nearest, base);
		if (nearest.best == base)
			snprintf(hint, size, "nearest is '%s'", path_base(view->files[i]->name));
		free(base);
		/* The distance is all that is needed of it. */
		if (nearest.best)
			nearest.best = "";
	}
	return *hint;
}

static void report_no_object(const struct view *view, const struct probe_spec *spec,
			     const struct failure *failure)
{
	char hint[HINT_SIZE];
	pid_t pid = view->process->pid;
	bool near;

	if (spec->object_kind == SPEC_OBJECT_PATH) {
		diag_caret(spec->text, spec->object_at, strlen(spec->object), NULL, "%s: %s", spec->object,
			   strerror(-failure->err));
		return;
	}
	if (!spec->object) {
		diag_error("process %d maps no program", pid);
		return;
	}
	near = failure_nearest_kind(spec->object, hint, sizeof(hint)) ||
	       failure_nearest_object(view, spec->object, hint, sizeof(hint));
	if (pid)
		diag_caret(spec->text, spec->object_at, strlen(spec->object), near ? hint : NULL,
			   "process %d (%s) has no file '%s' mapped", pid, view->process->comm, spec->object);
	else
		diag_caret(spec->text, spec->object_at, strlen(spec->object), near ? hint : NULL,
			   "'%s' is not among the program's files", spec->object);
}

/* The nearest name in the file that was meant, else in all of them. */
static void find_nearest(struct resolver *resolver, const struct view *view, const struct probe_spec *spec,
			 const struct failure *failure, char hint[HINT_SIZE])
{
	struct text_nearest nearest = {.wanted = spec->function};
	char *owned = NULL;
	int err;

	hint[0] = '\0';
	for (size_t i = 0; i < view->n_files && (!nearest.best || nearest.distance > 0); i++) {
		const struct mapped_file *file = view->files[i];
		const struct object *object;
		size_t before = nearest.best ? nearest.distance : SIZE_MAX;

		if (spec->object_kind != SPEC_OBJECT_ANY && file != failure->file)
			continue;
		object = resolver_object(resolver, file, &err);
		if (!object)
			continue;
		symbols_nearest(object, &nearest, &owned);
		if (nearest.best && nearest.distance < before)
			snprintf(hint, HINT_SIZE, "nearest is '%s' in %s", nearest.best,
				 path_base(file->name));
	}
	free(owned);
}

/* Where it stands in the file, or how far from its beginning. */
static bool is_address(const char *function)
{
	return strncmp(function, "0x", 2) == 0 || strstr(function, "+0x");
}

/* What was meant where a kind's colon was doubled, which makes it a namespace of C++'s, or an address was
 * given; NULL: nothing. */
static const char *meant_kind(const char *function)
{
	static const struct {
		const char *prefix, *advice;
	} kinds[] = {
		{"usdt::", "write usdt:PROVIDER:MARK for a mark"},
		{"marker::", "write marker:COMPONENT for a marker"},
		{"syscall::", "write syscall:NAME for a system call"},
		{"span::", "write span:START(KEY)..END(KEY) for a span"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strncmp(function, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].advice;
	if (is_address(function))
		return "spans are of whole functions: name the one that has this address";
	return NULL;
}

/* That the function may be one of a program that the process runs by itself in @language, or NULL. */
static void say_hosted(const char *language)
{
	if (language)
		diag_note("functions of programs in %s cannot be probed by name: measure their event loop "
			  "(loop), "
			  "system calls (syscall:NAME), connections (lapse tcp), marks (lapse list shows "
			  "them) or "
			  "functions of what runs them",
			  language);
}

static void report_no_function(struct resolver *resolver, const struct view *view,
			       const struct probe_spec *spec, const struct failure *failure)
{
	const char *name = path_base(failure->file->name);
	char hint[HINT_SIZE], into[256], advice[HINT_SIZE];
	const struct object *object;
	const char *language;
	bool stripped;
	int err;

	object = resolver_object(resolver, failure->file, &err);
	language = spec->object_kind == SPEC_OBJECT_ANY ? hosted_language(view) : NULL;
	stripped = object && !object->has_symtab && !language;
	if (object && !spec->glob && inlined_find(object, spec->function, into, sizeof(into))) {
		snprintf(hint, sizeof(hint), "probe its caller%s%s, or build with noinline",
			 into[0] ? " " : "", into);
		caret_at_function(spec, hint, "'%s' was inlined away in %s", spec->function, name);
		return;
	}
	snprintf(advice, sizeof(advice),
		 "%s is stripped: install its debug symbols, or probe a function that it exports", name);
	if (spec->glob) {
		caret_at_function(spec, stripped ? advice : NULL, "no function of %s%s matches '%s'", name,
				  spec->object_kind == SPEC_OBJECT_ANY ? " or its libraries" : "",
				  spec->function);
		say_hosted(language);
		return;
	}
	if (meant_kind(spec->function)) {
		caret_at_function(spec, meant_kind(spec->function), "unknown function '%s'", spec->function);
		return;
	}
	find_nearest(resolver, view, spec, failure, hint);
	caret_at_function(spec, hint[0] ? hint : NULL, "unknown function '%s'", spec->function);
	say_hosted(language);
	if (stripped)
		diag_note("%s", advice);
	if (object && object->go.built)
		diag_note("Go inlines small functions, which are then no functions of %s any more: probe a "
			  "caller, or build with -gcflags=-l",
			  name);
}

static void report_unreadable(const struct probe_spec *spec, const struct failure *failure)
{
	const char *name = failure->file->name;

	if (failure->err == -ENOEXEC)
		caret_at_function(spec, NULL, "%s is not an ELF program or library", name);
	else
		caret_at_function(spec, NULL, "%s: %s", name, strerror(-failure->err));
}

int failure_report(struct resolver *resolver, const struct view *view, const struct probe_spec *spec,
		   const struct failure *failure)
{
	switch (failure->kind) {
	case FAILED_NO_OBJECT:
		report_no_object(view, spec, failure);
		return -ENOENT;
	case FAILED_UNREADABLE:
		report_unreadable(spec, failure);
		return failure->err == -ENOEXEC ? -EINVAL : failure->err;
	case FAILED_NO_FUNCTION:
		report_no_function(resolver, view, spec, failure);
		return -ENOENT;
	case FAILED_IFUNC:
		caret_at_function(spec, "probe its caller, or the variant by its own name",
				  "'%s' of %s is chosen among variants when the program is loaded (IFUNC): "
				  "its symbol is not what runs",
				  spec->function, path_base(failure->file->name));
		return -ENOENT;
	case FAILED_COLD:
		caret_at_function(spec, "probe the function itself",
				  "'%s' is a split-off part that is never called by itself", spec->function);
		return -ENOENT;
	}
	return -ENOENT;
}
