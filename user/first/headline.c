// SPDX-License-Identifier: GPL-2.0-or-later
/* The lines that explain. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "first/report.h"
#include "output/words.h"
#include "probe/syscalls.h"

/* Below a hundredth of the busy time a part explains nothing. */
#define SHOWN	     0.01
/* Busy for less than so much of the look, a process has nothing to explain; or not much. */
#define IDLE_SHARE   0.001
#define NEARLY_SHARE 0.05

void report_add(struct report_lines *lines, const char *fmt, ...)
{
	char line[REPORT_LINE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	for (size_t i = 0; i < lines->n; i++)
		if (!strcmp(lines->text[i], line))
			return;
	if (lines->n < REPORT_LINES)
		strcpy(lines->text[lines->n++], line);
}

bool report_is_idle(const struct first_look *look)
{
	return (double)look->busy_ns < IDLE_SHARE * (double)look->duration_ns;
}

static double share(const struct first_look *look, uint64_t ns)
{
	return look->busy_ns ? (double)ns / (double)look->busy_ns : 0;
}

struct ranked {
	unsigned part;
	uint64_t ns;
};

static int by_ns(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : 0;
}

/* The remote end that most of the waiting for the net was for, with a blank before it; "": not known. */
static const char *peer_of(const struct first_look *look, unsigned part, char buffer[ADDRESS_SIZE + 1])
{
	*buffer = '\0';
	if (part == LAPSE_NET && look->n_peers) {
		*buffer = ' ';
		word_address(&look->peers[0].key.peer, buffer + 1);
	}
	return buffer;
}

static size_t append_waits(const struct first_look *look, char *buffer, size_t length)
{
	struct ranked parts[FIRST_PARTS];
	const char *comma = "";
	char peer[ADDRESS_SIZE + 1];

	for (unsigned i = 0; i < FIRST_PARTS; i++)
		parts[i] = (struct ranked){i, i == FIRST_IDLE || i == FIRST_ON_CPU ? 0 : look->ns[i]};
	qsort(parts, FIRST_PARTS, sizeof(*parts), by_ns);
	for (unsigned i = 0; i < FIRST_PARTS && length < REPORT_LINE; i++) {
		if (share(look, parts[i].ns) < SHOWN)
			continue;
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, "%s%.0f %% %s%s", comma,
					   100 * share(look, parts[i].ns), first_part_names[parts[i].part],
					   peer_of(look, parts[i].part, peer));
		comma = ", ";
	}
	return length;
}

/* "all but idle, busy 2 % of the time; of that ", which the rest is about. */
static size_t append_idleness(const struct first_look *look, char *buffer)
{
	double busy = (double)look->busy_ns / (double)look->duration_ns;

	*buffer = '\0';
	if (busy >= NEARLY_SHARE)
		return 0;
	return (size_t)snprintf(buffer, REPORT_LINE, "all but idle, %.1f %% busy; of that ", 100 * busy);
}

const char *report_headline(const struct report *report, char buffer[REPORT_LINE])
{
	const struct first_look *look = report->look;
	double on_cpu = share(look, look->ns[FIRST_ON_CPU]);
	size_t length;

	if (report_is_idle(look) && report->halted) {
		snprintf(buffer, REPORT_LINE, "not idle but halted: %s", report->halted);
		return buffer;
	}
	if (report_is_idle(look)) {
		snprintf(buffer, REPORT_LINE, "idle: its thread%s waited for work",
			 look->n_threads == 1 ? "" : "s");
		return buffer;
	}
	length = append_idleness(look, buffer);
	if (on_cpu > 1 - SHOWN) {
		snprintf(buffer + length, REPORT_LINE - length, "%.0f %% of the busy time on-cpu",
			 100 * on_cpu);
		return buffer;
	}
	length += (size_t)snprintf(buffer + length, REPORT_LINE - length,
				   "%.0f %% of the busy time waiting: ", 100 * (1 - on_cpu));
	length = append_waits(look, buffer, length);
	if (length < REPORT_LINE)
		snprintf(buffer + length, REPORT_LINE - length, "; %.0f %% on-cpu", 100 * on_cpu);
	return buffer;
}

/* ---- culprits --------------------------------------------------------------------------------------- */

struct waker {
	const struct lapse_first_waker *thread;
	const struct first_stack *mostly; /* or NULL */
	uint64_t ns;
};

/* Who waits there, too, only passes on what another has begun. */
static bool is_fellow(const struct first_culprit *culprit, const struct waker *waker)
{
	return culprit->seen && waker->mostly &&
	       !strcmp(culprit->seen->place.name, waker->mostly->seen->place.name);
}

static bool weighs_more(const struct first_culprit *culprit, const struct waker *a, const struct waker *b)
{
	if (!b->thread || is_fellow(culprit, a) != is_fellow(culprit, b))
		return !b->thread || is_fellow(culprit, b);
	return a->ns > b->ns;
}

/* What thread @tid has ended of such waits of all threads. */
static uint64_t ended_by(const struct first_look *look, uint32_t tid, unsigned part)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < look->n_threads; i++)
		for (size_t k = 0; k < LAPSE_FIRST_WAKERS; k++)
			if (look->threads[i].seen.waker[k].tid == tid &&
			    look->threads[i].seen.waker[k].part == part)
				ns += look->threads[i].seen.waker[k].ns;
	return ns;
}

/* The thread that has ended most of the waits that were counted as @part in the culprit's thread. */
static struct waker waker_of(const struct first_look *look, const struct first_culprit *culprit,
			     unsigned part)
{
	const struct first_thread *thread = look_thread(look, culprit->tid);
	struct waker most = {0};

	for (size_t k = 0; thread && k < LAPSE_FIRST_WAKERS; k++) {
		const struct lapse_first_waker *by = &thread->seen.waker[k];
		struct waker waker = {by, look_mostly(look, by->tid), ended_by(look, by->tid, part)};

		if (by->ns && by->part == part && weighs_more(culprit, &waker, &most))
			most = waker;
	}
	return most;
}

/* ", ended by checkout/4183, mostly in rebuild_index" */
static size_t append_waker(const struct first_look *look, const struct first_culprit *culprit, unsigned part,
			   char *buffer, size_t length)
{
	struct waker waker = waker_of(look, culprit, part);
	char comm[64], name[256];

	if (!waker.thread || length >= REPORT_LINE)
		return length;
	length += (size_t)snprintf(buffer + length, REPORT_LINE - length, ", ended by %s/%u",
				   text_escape(waker.thread->comm, comm, sizeof(comm)), waker.thread->tid);
	if (waker.mostly && length < REPORT_LINE)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, ", mostly in %s",
					   text_escape(waker.mostly->seen->place.name, name, sizeof(name)));
	return length;
}

/* What the kernel's side has counted the culprit as: a lock that is waited for in a poll, as what ended that.
 * What runs it has not counted: nobody ends that. */
static unsigned counted_as(const struct first_thread *thread, const struct first_culprit *culprit)
{
	if (!culprit->seen || !culprit->seen->place.known || culprit->part >= LAPSE_FIRST_PARTS ||
	    thread->seen.part[culprit->part].ns)
		return culprit->part;
	return thread->seen.part[LAPSE_HANDOFF].ns ? LAPSE_HANDOFF : LAPSE_POLL;
}

static size_t append_where(const struct first_culprit *culprit, char *buffer, size_t length)
{
	const char *call = syscall_name(culprit->call);
	char name[2 * PLACE_NAME];

	if (culprit->seen)
		length +=
			(size_t)snprintf(buffer + length, REPORT_LINE - length, "in %s",
					 text_escape(*culprit->seen->place.brief ? culprit->seen->place.brief
										 : culprit->seen->place.name,
						     name, sizeof(name)));
	else
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length,
					   "too short, or too seldom, for its stacks to be seen");
	if (call && length < REPORT_LINE)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, " [%s]", call);
	return length;
}

/* What process @pid has run while any of the threads was runnable. */
static uint64_t ran_instead(const struct first_look *look, uint32_t pid)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < look->n_threads; i++)
		for (size_t k = 0; k < LAPSE_RIVALS; k++)
			if (look->threads[i].seen.rival[k].pid == pid)
				ns += look->threads[i].seen.rival[k].ns;
	return ns;
}

static void append_rival(const struct first_look *look, char *buffer, size_t length)
{
	const struct lapse_rival *most = NULL;
	uint64_t ns, most_ns = 0;
	char comm[64];

	for (size_t i = 0; i < LAPSE_RIVALS * look->n_threads; i++) {
		const struct lapse_rival *rival =
			&look->threads[i / LAPSE_RIVALS].seen.rival[i % LAPSE_RIVALS];

		ns = rival->ns ? ran_instead(look, rival->pid) : 0;
		if (ns > most_ns) {
			most = rival;
			most_ns = ns;
		}
	}
	if (most)
		snprintf(buffer + length, REPORT_LINE - length, "while %s/%u ran, for %.0f %% of it",
			 text_escape(most->comm, comm, sizeof(comm)), most->pid,
			 100 * (double)most_ns / (double)look->ns[LAPSE_RUNQ]);
}

/* Of the waits in the thread that has most of them. */
static void append_waits_of(const struct first_look *look, const struct first_culprit *culprit, char *buffer,
			    size_t length)
{
	const struct first_thread *thread = look_thread(look, culprit->tid);
	unsigned part = thread ? counted_as(thread, culprit) : culprit->part;
	const struct lapse_block *longest;
	char word[WORD_SIZE], address[ADDRESS_SIZE];

	if (!thread || part >= LAPSE_FIRST_PARTS || part == LAPSE_RUNQ)
		return;
	longest = &thread->seen.longest[part];
	if (longest->peer.port && length < REPORT_LINE)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, ", %s",
					   word_address(&longest->peer, address));
	if (longest->duration_ns && length < REPORT_LINE)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, ", longest %s",
					   units_format_duration(longest->duration_ns, word, sizeof(word)));
	append_waker(look, culprit, part, buffer, length);
}

const char *report_culprit(const struct report *report, const struct first_culprit *culprit,
			   char buffer[REPORT_LINE])
{
	const struct first_look *look = report->look;
	size_t length;

	length = (size_t)snprintf(buffer, REPORT_LINE, "%3.0f %%  %-9s ", 100 * share(look, culprit->ns),
				  first_part_names[culprit->part]);
	if (culprit->part == LAPSE_RUNQ) {
		append_rival(look, buffer, length);
		return buffer;
	}
	length = append_where(culprit, buffer, length);
	append_waits_of(look, culprit, buffer, length);
	return buffer;
}
