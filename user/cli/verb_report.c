// SPDX-License-Identifier: GPL-2.0-or-later
/* What a recording comes to, in one of many forms; and what changed from one to another. */
#include "cli/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "cli/output_file.h"
#include "report/compare.h"
#include "report/formats.h"

static int open_output(const struct options *options, bool binary, struct output_options *show)
{
	*show = (struct output_options){.unit = options->unit};
	if (binary && !options->output_path && isatty(STDOUT_FILENO)) {
		diag_error("a trace is nothing for a terminal: name a file with -o");
		return EXIT_USAGE;
	}
	return output_file_open(options, show);
}

static int close_output(struct output_options *show, int err)
{
	return output_file_close(show, err) ? EXIT_USAGE : EXIT_HELD;
}

/* In every form: text has it in its story, but others do not show. */
static void say_state(const struct report *report)
{
	if (!report->head.complete)
		diag_warn("%s was not ended in peace (lapse was killed, the disk was full, or it is still "
			  "being "
			  "written): it is shown as far as it goes",
			  report->head.path);
}

static int show_one(const struct options *options, const struct report_format *format, struct report *report)
{
	struct output_options show;
	int code = open_output(options, format->binary, &show);

	if (code)
		return code;
	return close_output(&show, format->render(report, &show));
}

static int show_both(const struct options *options, const struct report_format *format,
		     const struct report *report, const struct report *before)
{
	struct output_options show;
	int code = open_output(options, false, &show);

	if (code)
		return code;
	return close_output(&show, strcmp(format->name, "json") ? compare_text(before, report, &show)
								: compare_json(before, report, &show));
}

static int show(const struct options *options, const struct report_format *format, struct report *report)
{
	struct report *before;
	int code;

	say_state(report);
	if (!options->against)
		return show_one(options, format, report);
	if (report_make(options->against, &before))
		return EXIT_USAGE;
	say_state(before);
	code = show_both(options, format, report, before);
	report_free(before);
	return code;
}

static int report(const struct options *options)
{
	const struct report_format *format = report_format_by_name(options->format ?: "text");
	struct report *report;
	int code;

	if (options->n_operands != 1) {
		diag_error(options->n_operands == 2 ? "name one recording; two are compared by: lapse report "
						      "AFTER --against BEFORE"
						    : "name a recording: lapse report FILE");
		return EXIT_USAGE;
	}
	if (options->against && strcmp(format->name, "text") != 0 && strcmp(format->name, "json") != 0) {
		diag_error("--against writes text or JSON, not --%s", format->name);
		return EXIT_USAGE;
	}
	if (report_make(options->operands[0], &report))
		return EXIT_USAGE;
	code = show(options, format, report);
	report_free(report);
	return code;
}

int verb_report(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_REPORT,
		"lapse report",
		"FILE",
		"What a recording comes to: what was slow, when it began, and why. With --against: what has "
		"changed since another one.",
	};
	struct options options;
	int code = EXIT_USAGE;

	if (!options_parse(&usage, argc, argv, &options))
		code = report(&options);
	options_free(&options);
	return code;
}
