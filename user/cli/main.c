// SPDX-License-Identifier: GPL-2.0-or-later
/* A table of verbs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/exit_code.h"
#include "base/stream.h"
#include "base/text.h"
#include "cli/json_line.h"
#include "cli/verbs.h"
#include "output/output.h"

struct verb {
	const char *name;
	const char *operands;
	const char *help;
	int (*run)(int argc, char **argv);
};

static const struct verb verbs[] = {
	{"stat", "-p PID PROBE...", "count, rate, percentiles, trend and health each interval", verb_stat},
	{"trace", "-p PID PROBE... --slower 30ms", "a line for each slow call, as it happens", verb_trace},
	{"tcp", "-p PID [peer=HOST] [port=N]", "latency of connections, by port and peer", verb_tcp},
	{"watch", "CONTRACTS.yaml [-p PID]", "enforce contracts: the exit code is the verdict", verb_watch},
	{"record", "-p PID [PROBE...] -o FILE", "keep everything, to be read and judged later", verb_record},
	{"replay", "FILE [CONTRACTS.yaml]", "judge a recording again, by the same or other contracts",
	 verb_replay},
	{"report", "FILE [--html] [--against FILE]", "what a recording comes to: text, a page, a trace",
	 verb_report},
	{"list", "-p PID [PATTERN]", "what can be probed, and why not where not", verb_list},
	{"check", "CONTRACTS.yaml [-p PID]", "check and explain contracts and probes, attach nothing",
	 verb_check},
	{"doctor", "[-p PID]", "what this kernel, user and target allow, and what would mend it",
	 verb_doctor},
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int usage(FILE *stream)
{
	fprintf(stream, "Usage: lapse VERB [OPTION...]\n"
			"How slow are the functions of a live process, and was it promised otherwise?\n\n");
	fprintf(stream, "  lapse %-37s %s\n", "-p PID",
		"where its time goes in ten seconds, and what to probe next");
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(stream, "  lapse %-6s %-30s %s\n", verbs[i].name, verbs[i].operands, verbs[i].help);
	fprintf(stream, "\n  lapse VERB --help              the options of a verb\n"
			"  lapse -p PID --help            those of the first look\n"
			"  lapse --json-schema            the objects that --json writes\n"
			"  lapse --version\n");
	return stream == stdout ? EXIT_HELD : EXIT_USAGE;
}

static int schema(void)
{
	int err = output_json_schema(stdout, json_line_objects, JSON_LINES);

	if (err && err != -EPIPE)
		diag_error("cannot write the output: %s", strerror(-err));
	return err ? EXIT_USAGE : EXIT_HELD;
}

static int unknown(const char *word)
{
	struct text_nearest nearest = {.wanted = word};

	for (size_t i = 0; i < N_VERBS; i++)
		text_nearest_offer(&nearest, verbs[i].name);
	if (nearest.best)
		diag_error("unknown verb '%s', nearest is '%s'", word, nearest.best);
	else
		diag_error("unknown verb '%s'; see: lapse --help", word);
	return EXIT_USAGE;
}

/* A standard stream that is closed would be some file of ours before long, and what is meant for people
 * be written there: it gets a descriptor that refuses to be written. */
static void hold_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			_exit(EXIT_USAGE);
}

/* However it ends: what could not be written is an error, but for a reader that has had enough. */
static void close_output(void)
{
	int err = stream_flush(stdout);

	if (!err || err == -EPIPE)
		return;
	diag_error("cannot write the output: %s", strerror(-err));
	_exit(EXIT_USAGE);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "--usage";

	hold_streams();
	clock_begin();
	atexit(close_output);
	/* A reader of stdout that has gone shows as an error of the write. */
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < N_VERBS; i++)
		if (!strcmp(word, verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	if (!strcmp(word, "--help") || !strcmp(word, "help"))
		return usage(stdout);
	if (!strcmp(word, "--usage"))
		return usage(stderr);
	if (!strcmp(word, "--version")) {
		puts("lapse " LAPSE_VERSION);
		return EXIT_HELD;
	}
	if (!strcmp(word, "--json-schema"))
		return schema();
	if (*word == '-')
		return verb_first(argc, argv);
	return unknown(word);
}
