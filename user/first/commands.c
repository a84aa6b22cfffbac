// SPDX-License-Identifier: GPL-2.0-or-later
/* Ready commands: what to measure next, made of what was seen and checked to be probe-able. */
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "first/report.h"
#include "output/words.h"
#include "probe/list.h"
#include "stack/sockets.h"

#define MAX_FUNCTIONS 4
#define MAX_PEERS     2
#define MAX_SERVERS   2
#define MAX_SERVED    2 /* ports of each */
/* A turn below this keeps nobody waiting. */
#define LONG_TURN_NS  (10 * NSEC_PER_MSEC)

/* Letters that a shell takes as they are. */
static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:./+-=,";

/* A limit that the longest of them breaks and the short ones do not, as --slower takes it. */
static const char *slower_than(uint64_t longest_ns)
{
	if (longest_ns > 200 * NSEC_PER_MSEC)
		return "100ms";
	if (longest_ns > 20 * NSEC_PER_MSEC)
		return "10ms";
	return longest_ns > 2 * NSEC_PER_MSEC ? "1ms" : "100us";
}

/* What --slower is best for calls of a culprit's function. */
static const char *slower_of(const struct first_look *look, const struct first_culprit *culprit)
{
	const struct first_thread *thread = look_thread(look, culprit->tid);

	if (!thread || culprit->part >= LAPSE_FIRST_PARTS)
		return "1ms";
	return slower_than(thread->seen.part[culprit->part].longest_ns ?: culprit->most_ns);
}

/* ---- functions --------------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct search {
	const char *function, *file;
	bool found;
};

static int take(void *context, const struct list_entry *entry)
{
	struct search *search = context;

	size_t length = strlen(search->function);

	/* The list has the parameters, too. */
	if (strncmp(entry->function, search->function, length) != 0 ||
	    (entry->function[length] && entry->function[length] != '(') ||
	    strcmp(entry->object, base_name(search->file)) != 0)
		return 0;
	search->found = entry->method;
	return search->found;
}

/* What a specification would take for something else. */
static bool is_plain_name(const char *function)
{
	return !strpbrk(function, "*? '\"()[]\\`$;\n") && !strstr(function, "..");
}

static bool can_probe(const struct process *process, const char *function, const char *file)
{
	struct search search = {.function = function, .file = file};

	if (!is_plain_name(function) || place_is_runtime(file))
		return false;
	return list_functions(process, function, take, &search) >= 0 && search.found;
}

/* "FUNC" in the program itself, "libfoo:FUNC" in a library. */
static void specify(const struct process *process, const char *function, const char *file,
		    char spec[REPORT_LINE])
{
	const char *base = base_name(file), *end = strstr(base, ".so");

	if (end && strcmp(file, process->exe) != 0)
		snprintf(spec, REPORT_LINE, "%.*s:%s", (int)(end - base), base, function);
	else
		snprintf(spec, REPORT_LINE, "%s", function);
}

/* One of a kind: the first, which is about most of the time. */
static void add_command(struct report *report, uint32_t pid, const char *spec, const char *slower)
{
	const char *quote = strspn(spec, plain) == strlen(spec) ? "" : "'";
	char command[REPORT_LINE];
	int length = snprintf(command, sizeof(command), "lapse trace -p %u %s%s%s --slower ", pid, quote,
			      spec, quote);

	for (size_t i = 0; i < report->commands.n; i++)
		if (!strncmp(report->commands.text[i], command, (size_t)length))
			return;
	report_add(&report->commands, "%s%s", command, slower);
}

/* The function that matters, or the nearest of its callers that can be probed. */
static bool add_function(struct report *report, const struct first_culprit *culprit)
{
	const struct first_place *place = &culprit->seen->place;
	struct process process;
	char spec[REPORT_LINE];
	size_t i = 0;

	if (process_read((pid_t)culprit->pid, &process))
		return false;
	while (i < place->n_functions && !can_probe(&process, place->functions[i], place->files[i]))
		i++;
	if (i < place->n_functions) {
		specify(&process, place->functions[i], place->files[i], spec);
		add_command(report, culprit->pid, spec, slower_of(report->look, culprit));
	}
	process_free(&process);
	return i < place->n_functions;
}

static void add_functions(struct report *report)
{
	const struct first_look *look = report->look;

	for (size_t i = 0, n = 0; i < look->n_culprits && n < MAX_FUNCTIONS; i++)
		if (look->culprits[i].seen && (double)look->culprits[i].ns > 0.01 * (double)look->busy_ns)
			n += add_function(report, &look->culprits[i]);
}

/* ---- peers and loops ------------------------------------------------------------------------------------
 */

static void add_peers(struct report *report)
{
	const struct first_look *look = report->look;
	char address[ADDRESS_SIZE], spec[REPORT_LINE];

	for (size_t i = 0; i < look->n_peers && i < MAX_PEERS; i++) {
		const struct first_peer *peer = &look->peers[i];

		snprintf(spec, sizeof(spec), "tcp:request peer=%s", word_address(&peer->key.peer, address));
		add_command(report, peer->key.pid, spec, slower_than(peer->sum.longest_ns));
	}
}

/* At which of its own ports the process of @thread, which has waited for clients, serves them. */
static void add_served_by(struct report *report, const struct first_thread *thread)
{
	uint64_t longest_ns = thread->seen.turns.longest_ns;
	uint16_t ports[MAX_SERVED];
	char spec[REPORT_LINE];
	size_t n = sockets_serving((pid_t)thread->seen.pid, ports, MAX_SERVED);

	for (size_t i = 0; i < n; i++) {
		snprintf(spec, sizeof(spec), "tcp:serve port=%u", ports[i]);
		add_command(report, thread->seen.pid, spec, longest_ns ? slower_than(longest_ns) : "1ms");
	}
}

static bool is_among(const uint32_t *pids, size_t n, uint32_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Of the processes with the busiest threads. */
static void add_served(struct report *report)
{
	const struct first_look *look = report->look;
	uint32_t asked[MAX_SERVERS];
	size_t n = 0;

	for (size_t i = 0; i < look->n_threads && n < MAX_SERVERS; i++) {
		const struct lapse_first *seen = &look->threads[i].seen;

		if (!seen->part[LAPSE_FIRST_CLIENTS].count || is_among(asked, n, seen->pid))
			continue;
		asked[n++] = seen->pid;
		add_served_by(report, &look->threads[i]);
	}
}

static void add_loop(struct report *report)
{
	const struct first_look *look = report->look;
	const struct first_thread *longest = NULL;

	for (size_t i = 0; i < look->n_threads; i++)
		if (!longest || look->threads[i].seen.turns.longest_ns > longest->seen.turns.longest_ns)
			longest = &look->threads[i];
	if (longest && longest->seen.turns.longest_ns >= LONG_TURN_NS)
		add_command(report, longest->seen.pid, "loop", slower_than(longest->seen.turns.longest_ns));
}

void report_commands(struct report *report)
{
	const struct first_look *look = report->look;

	add_functions(report);
	add_peers(report);
	add_served(report);
	add_loop(report);
	if (report->commands.n || !look->n_threads)
		return;
	report_add(&report->commands, "lapse list -p %u", look->threads[0].seen.pid);
	report_add(&report->commands, "lapse tcp -p %u", look->threads[0].seen.pid);
}
