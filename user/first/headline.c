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

/* ", ended by checkout/4183, mostly in rebuild_index": of the longest such wait. */
static size_t append_waker(const struct first_look *look, const struct lapse_waker *waker, char *buffer,
			   size_t length)
{
	const struct first_stack *mostly;
	char comm[64], name[256];

	if (waker->interrupt != LAPSE_NO_INTERRUPT || !waker->tid || length >= REPORT_LINE)
		return length;
	length += (size_t)snprintf(buffer + length, REPORT_LINE - length, ", ended by %s/%u",
				   text_escape(waker->comm, comm, sizeof(comm)), waker->tid);
	mostly = look_mostly(look, waker->tid);
	if (mostly && length < REPORT_LINE)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, ", mostly in %s",
					   text_escape(mostly->seen->place.name, name, sizeof(name)));
	return length;
}

/* The longest wait of what the culprit was counted as, in the thread that has most of it. */
static const struct lapse_block *longest_of(const struct first_look *look,
					    const struct first_culprit *culprit)
{
	const struct first_thread *thread = look_thread(look, culprit->tid);
	unsigned part = culprit->part;

	if (!thread || part >= LAPSE_FIRST_PARTS)
		return NULL;
	/* A lock that is waited for in a poll was counted as what ended that. */
	if (culprit->seen && culprit->seen->place.known && !thread->seen.longest[part].duration_ns)
		part = thread->seen.longest[LAPSE_HANDOFF].duration_ns ? LAPSE_HANDOFF : LAPSE_POLL;
	return thread->seen.longest[part].duration_ns ? &thread->seen.longest[part] : NULL;
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
	if (call && length < REPORT_LINE)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, " [%s]", call);
	return length;
}

static size_t append_rival(const struct first_look *look, char *buffer, size_t length)
{
	const struct lapse_rival *most = NULL;
	char comm[64];

	for (size_t i = 0; i < look->n_threads; i++)
		for (size_t k = 0; k < LAPSE_RIVALS; k++)
			if (!most || look->threads[i].seen.rival[k].ns > most->ns)
				most = &look->threads[i].seen.rival[k];
	if (most && most->ns)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, "while %s/%u ran",
					   text_escape(most->comm, comm, sizeof(comm)), most->pid);
	return length;
}

const char *report_culprit(const struct report *report, const struct first_culprit *culprit,
			   char buffer[REPORT_LINE])
{
	const struct first_look *look = report->look;
	const struct lapse_block *longest = longest_of(look, culprit);
	char word[WORD_SIZE], address[ADDRESS_SIZE];
	size_t length;

	length = (size_t)snprintf(buffer, REPORT_LINE, "%3.0f %%  %-9s ", 100 * share(look, culprit->ns),
				  first_part_names[culprit->part]);
	length = culprit->part == LAPSE_RUNQ ? append_rival(look, buffer, length)
					     : append_where(culprit, buffer, length);
	if (longest && length < REPORT_LINE && longest->peer.port)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, ", %s",
					   word_address(&longest->peer, address));
	if (longest && length < REPORT_LINE && culprit->part != LAPSE_RUNQ)
		length += (size_t)snprintf(buffer + length, REPORT_LINE - length, ", longest %s",
					   units_format_duration(longest->duration_ns, word, sizeof(word)));
	if (longest && culprit->part != LAPSE_RUNQ)
		append_waker(look, &longest->waker, buffer, length);
	return buffer;
}
