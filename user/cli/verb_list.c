// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/verbs.h"

#include <errno.h>
#include <string.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "base/text.h"
#include "cli/json_line.h"
#include "cli/options.h"
#include "probe/list.h"

struct listing {
	bool json;
	size_t shown;
	size_t unjudged;
	const char *object; /* the file of the row before */
};

static int show_json(const struct list_entry *entry)
{
	json_t *const values[] = {
		json_line_text(entry->function), json_line_text(entry->symbol),
		json_line_text(entry->object),	 json_integer(entry->offset),
		json_integer(entry->size),	 json_line_text(entry->method),
		json_line_text(entry->price),	 json_line_text(entry->entry_price),
		json_integer(entry->moved_by),	 json_line_text(entry->stays),
		json_line_text(entry->why),	 json_boolean(entry->judged),
	};

	return json_line_write(JSON_LINE_FUNCTION, values);
}

static int show_mark_json(const struct list_mark *mark)
{
	json_t *const file = json_line_text(mark->file), *const name = json_line_text(
								 mark->named ? NULL : mark->name);
	json_t *const marker[] = {name, file};

	if (mark->marker)
		return json_line_write(JSON_LINE_MARKER, marker);
	return json_line_write(JSON_LINE_USDT,
			       (json_t *const[]){json_line_text(mark->provider), name,
						 json_integer((json_int_t)mark->n_args), file});
}

/* "single-stepped", "emulated +4": at the entry, or so many bytes behind it. */
static const char *price_words(const struct list_entry *entry, char words[32])
{
	if (!entry->price || !entry->moved_by)
		return entry->price ?: "-";
	snprintf(words, 32, "%s +%llu", entry->price, (unsigned long long)entry->moved_by);
	return words;
}

static int show_text(struct listing *listing, const struct list_entry *entry)
{
	char name[1024], why[256] = "", price[32];

	if (!listing->object || strcmp(listing->object, entry->object))
		printf("%s%s\n%10s  %-18s  %-14s  %s\n", listing->object ? "\n" : "",
		       text_escape(entry->object, name, sizeof(name)), "BYTES", "PROBED BY", "ENTRY",
		       "FUNCTION");
	listing->object = entry->object;
	printf("%10llu  %-18s  %-14s  %s", (unsigned long long)entry->size, entry->method ?: "-",
	       price_words(entry, price), text_escape(entry->function, name, sizeof(name)));
	if (entry->why)
		printf("  (%s)", text_escape(entry->why, why, sizeof(why)));
	if (entry->stays)
		printf("\n%32s└ %s", "", entry->stays);
	return putchar('\n') == EOF ? -errno : 0;
}

static int show_mark_text(struct listing *listing, const struct list_mark *mark)
{
	char provider[256], name[1024];

	if (!listing->object || strcmp(listing->object, mark->file))
		printf("%s%s\n%10s  %s\n", listing->object ? "\n" : "",
		       text_escape(mark->file, name, sizeof(name)), "ARGUMENTS", "MARK");
	listing->object = mark->file;
	text_escape(mark->name, name, sizeof(name));
	if (mark->named)
		printf("%10s  marker:NAME  (any NAME: the program gives it while it runs)", "-");
	else if (mark->marker)
		printf("%10s  marker:%s", "-", name);
	else
		printf("%10zu  usdt:%s:%s", mark->n_args,
		       text_escape(mark->provider, provider, sizeof(provider)), name);
	return putchar('\n') == EOF ? -errno : 0;
}

static int show(void *context, const struct list_entry *entry)
{
	struct listing *listing = context;

	listing->shown++;
	listing->unjudged += !entry->judged;
	return listing->json ? show_json(entry) : show_text(listing, entry);
}

static int show_mark(void *context, const struct list_mark *mark)
{
	struct listing *listing = context;

	listing->shown++;
	return listing->json ? show_mark_json(mark) : show_mark_text(listing, mark);
}

static int list_process(const struct process *process, const struct options *options)
{
	const char *pattern = options->n_operands ? options->operands[0] : NULL;
	struct listing listing = {.json = options->json};
	int err = list_functions(process, pattern, show, &listing);

	if (!err)
		err = list_marks(process, pattern, show_mark, &listing);
	if (fflush(stdout))
		err = -errno;
	if (err)
		return err == -EPIPE ? EXIT_HELD : EXIT_NOT_ATTACHED;
	if (!listing.shown) {
		diag_error("no function or mark of process %d matches '%s'", process->pid, pattern ?: "*");
		return EXIT_NOT_ATTACHED;
	}
	if (listing.unjudged)
		diag_note(
			"these were too many to look into each: which of them cannot be probed, and at what "
			"price the others, a pattern tells that leaves %d functions or fewer",
			LIST_JUDGED_MAX);
	return EXIT_HELD;
}

static int list(struct options *options)
{
	struct process *processes;
	size_t n;
	int code;

	if (options->n_operands > 1) {
		diag_error("one pattern at a time: lapse list -p PID 'name*'");
		return EXIT_USAGE;
	}
	if (!target_ways(&options->target)) {
		diag_error("which process? lapse list -p PID [PATTERN]");
		return EXIT_USAGE;
	}
	if (target_check_ways(&options->target))
		return EXIT_USAGE;
	if (target_settle(&options->target) || target_find(&options->target, &processes, &n))
		return EXIT_NOT_ATTACHED;
	if (!n) {
		target_say_none(&options->target);
		return EXIT_NOT_ATTACHED;
	}
	code = list_process(&processes[0], options);
	target_free(processes, n);
	return code;
}

int verb_list(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_LIST,
		"lapse list",
		"[PATTERN]",
		"Lists the functions of a process that match PATTERN (handle_*, libssl:SSL_*, :main*), how "
		"each "
		"would be probed, and why not where it would not; and its marks, usdt:PROVIDER:NAME and "
		"marker:NAME.",
	};
	struct options options;
	int code = EXIT_USAGE;

	if (!options_parse(&usage, argc, argv, &options))
		code = list(&options);
	options_free(&options);
	return code;
}
