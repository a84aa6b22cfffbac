// SPDX-License-Identifier: GPL-2.0-or-later
/* The report as text: what explains first, then the tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "first/report.h"
#include "output/words.h"

#define CULPRITS_SHOWN 5
#define GROUPS_SHOWN   12
#define STACKS_SHOWN   5
#define PEERS_SHOWN    5
#define RIVALS_SHOWN   5
#define TURNS_SHOWN    5
#define SHOWN	       0.005

/* Threads of one process and one name. */
struct group {
	uint32_t pid;
	const char *comm;
	size_t n;
	uint64_t wall_ns;
	uint64_t ns[FIRST_PARTS];
};

/* ---- what explains ------------------------------------------------------------------------------------ */

static void print_culprits(const struct report *report, FILE *out)
{
	const struct first_look *look = report->look;
	char line[REPORT_LINE];
	size_t shown = 0;

	for (size_t i = 0; i < look->n_culprits && shown < CULPRITS_SHOWN; i++) {
		const struct first_culprit *culprit = &look->culprits[i];

		if ((double)culprit->ns < SHOWN * (double)look->busy_ns)
			break;
		fprintf(out, "  %s\n", report_culprit(report, culprit, line));
		if (culprit->seen && culprit->seen->place.known && culprit->seen->place.known->hint)
			fprintf(out, "                    (%s)\n", culprit->seen->place.known->hint);
		shown++;
	}
}

static void print_head(const struct report *report, FILE *out)
{
	const struct first_look *look = report->look;
	char line[REPORT_LINE], subject[256], took[32], busy[32];

	fprintf(out, "%s: %s\n", text_escape(report->subject, subject, sizeof(subject)),
		report_headline(report, line));
	fprintf(out, "  looked for %s at %zu thread%s; busy %s together, the rest they waited for work\n",
		units_format_duration(look->duration_ns, took, sizeof(took)), look->n_threads,
		look->n_threads == 1 ? "" : "s", units_format_duration(look->busy_ns, busy, sizeof(busy)));
	if (!report_is_idle(look))
		print_culprits(report, out);
}

/* ---- threads ------------------------------------------------------------------------------------------- */

static struct group *group_of(struct group *groups, size_t *n, const struct first_thread *thread)
{
	for (size_t i = 0; i < *n; i++)
		if (groups[i].pid == thread->seen.pid && !strcmp(groups[i].comm, thread->seen.comm))
			return &groups[i];
	groups[*n] = (struct group){.pid = thread->seen.pid, .comm = thread->seen.comm};
	return &groups[(*n)++];
}

/* The processor first, idle last. */
static unsigned part_in_order(unsigned i)
{
	if (i == 0)
		return FIRST_ON_CPU;
	return i == FIRST_PARTS - 1 ? FIRST_IDLE : i - 1;
}

static void print_group(const struct group *group, FILE *out)
{
	char comm[64];

	fprintf(out, "%9u %7zu  %-15s ", group->pid, group->n, text_escape(group->comm, comm, sizeof(comm)));
	for (unsigned i = 0; i < FIRST_PARTS; i++) {
		unsigned part = part_in_order(i);
		double share = group->wall_ns ? (double)group->ns[part] / (double)group->wall_ns : 0;

		if (share >= SHOWN)
			fprintf(out, " %s %.0f %%", first_part_names[part], 100 * share);
	}
	fputc('\n', out);
}

static void print_threads(const struct first_look *look, FILE *out)
{
	struct group *groups = calloc(look->n_threads + 1, sizeof(*groups));
	size_t n = 0;

	for (size_t i = 0; i < look->n_threads && groups; i++) {
		const struct first_thread *thread = &look->threads[i];
		struct group *group = group_of(groups, &n, thread);

		group->n++;
		group->wall_ns += thread->wall_ns;
		for (unsigned part = 0; part < FIRST_PARTS; part++)
			group->ns[part] += thread->ns[part];
	}
	fprintf(out, "\n%9s %7s  %-15s  %s\n", "PID", "THREADS", "NAME", "TIME BY CAUSE");
	for (size_t i = 0; i < n && i < GROUPS_SHOWN; i++)
		print_group(&groups[i], out);
	if (n > GROUPS_SHOWN)
		fprintf(out, "%9s and %zu more names, less busy\n", "", n - GROUPS_SHOWN);
	free(groups);
}

/* ---- stacks ------------------------------------------------------------------------------------------- */

/* The same stack in all threads that have it. */
struct merged {
	const struct first_stack *stack;
	uint64_t ns;
	size_t n;
};

static int by_merged_ns(const void *a, const void *b)
{
	const struct merged *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : 0;
}

static void merge(struct merged *merged, size_t *n, const struct first_stack *stack)
{
	size_t at = 0;

	while (at < *n &&
	       (merged[at].stack->seen != stack->seen || merged[at].stack->becomes != stack->becomes))
		at++;
	if (at == *n)
		merged[(*n)++] = (struct merged){.stack = stack};
	merged[at].ns += stack->ns;
	merged[at].n++;
}

static void print_merged(const struct merged *merged, FILE *out)
{
	char folded[2048], word[32];

	fprintf(out, "%12s  %-9s %7zu  %s\n", units_format_duration(merged->ns, word, sizeof(word)),
		first_part_names[merged->stack->becomes], merged->n,
		text_escape(merged->stack->seen->folded, folded, sizeof(folded)));
}

static void print_stacks(const struct first_look *look, bool on_cpu, FILE *out)
{
	struct merged *merged = calloc(look->n_stacks + 1, sizeof(*merged));
	size_t n = 0;

	for (size_t i = 0; i < look->n_stacks && merged; i++) {
		const struct first_stack *stack = &look->stacks[i];

		if (stack->becomes != FIRST_IDLE && (stack->becomes == FIRST_ON_CPU) == on_cpu && stack->ns)
			merge(merged, &n, stack);
	}
	if (n) {
		qsort(merged, n, sizeof(*merged), by_merged_ns);
		fprintf(out, "\n%12s  %-9s %7s  %s\n", "TIME", "CAUSE", "THREADS",
			on_cpu ? "TOP STACKS ON THE PROCESSOR" : "TOP STACKS OFF THE PROCESSOR");
	}
	for (size_t i = 0; i < n && i < STACKS_SHOWN; i++)
		print_merged(&merged[i], out);
	free(merged);
}

/* ---- peers, turns, rivals --------------------------------------------------------------------------- */

static void print_peers(const struct first_look *look, FILE *out)
{
	char address[ADDRESS_SIZE], total[32], longest[32];

	if (look->n_peers)
		fprintf(out, "\n%12s %12s %8s  %s\n", "TIME", "LONGEST", "WAITS", "SLOWEST PEERS");
	for (size_t i = 0; i < look->n_peers && i < PEERS_SHOWN; i++) {
		const struct first_peer *peer = &look->peers[i];

		fprintf(out, "%12s %12s %8llu  %s\n",
			units_format_duration(peer->sum.ns, total, sizeof(total)),
			units_format_duration(peer->sum.longest_ns, longest, sizeof(longest)),
			(unsigned long long)peer->sum.count, word_address(&peer->key.peer, address));
	}
}

static int by_longest_turn(const void *a, const void *b)
{
	const struct first_thread *const *x = a, *const *y = b;
	uint64_t left = (*x)->seen.turns.longest_ns, right = (*y)->seen.turns.longest_ns;

	return left < right ? 1 : left > right ? -1 : 0;
}

static void print_turns(const struct first_look *look, FILE *out)
{
	const struct first_thread **turners = calloc(look->n_threads + 1, sizeof(struct first_thread *));
	char longest[32], total[32], comm[64];
	size_t n = 0;

	for (size_t i = 0; i < look->n_threads && turners; i++)
		if (look->threads[i].seen.turns.count)
			turners[n++] = &look->threads[i];
	if (n) {
		qsort(turners, n, sizeof(struct first_thread *), by_longest_turn);
		fprintf(out, "\n%12s %12s %8s %8s  %s\n", "LONGEST", "TOGETHER", "TURNS", "TID",
			"TURNS OF EVENT LOOPS, from one poll to the next");
	}
	for (size_t i = 0; i < n && i < TURNS_SHOWN; i++) {
		const struct lapse_first_sum *turns = &turners[i]->seen.turns;

		fprintf(out, "%12s %12s %8llu %8u  %s\n",
			units_format_duration(turns->longest_ns, longest, sizeof(longest)),
			units_format_duration(turns->ns, total, sizeof(total)),
			(unsigned long long)turns->count, turners[i]->seen.tid,
			text_escape(turners[i]->seen.comm, comm, sizeof(comm)));
	}
	free(turners);
}

static int rivals_by_ns(const void *a, const void *b)
{
	const struct lapse_rival *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : 0;
}

static void add_rival(struct lapse_rival *rivals, size_t *n, const struct lapse_rival *rival)
{
	for (size_t i = 0; i < *n; i++) {
		if (rivals[i].pid != rival->pid)
			continue;
		rivals[i].ns += rival->ns;
		return;
	}
	rivals[(*n)++] = *rival;
}

static void print_rival(const struct first_look *look, uint64_t ns, uint32_t pid, const char *name, FILE *out)
{
	char word[32], safe[64], number[16] = "";

	if (pid)
		snprintf(number, sizeof(number), "%u", pid);
	fprintf(out, "%12s %6.0f %% %8s  %s\n", units_format_duration(ns, word, sizeof(word)),
		100 * (double)ns / (double)(look->ns[LAPSE_RUNQ] ?: ns), number,
		text_escape(name, safe, sizeof(safe)));
}

static void print_rivals(const struct first_look *look, FILE *out)
{
	struct lapse_rival *rivals = calloc(LAPSE_RIVALS * look->n_threads + 1, sizeof(*rivals));
	uint64_t rest = look->ns[LAPSE_RUNQ];
	size_t n = 0;

	for (size_t i = 0; i < look->n_threads && rivals; i++)
		for (size_t k = 0; k < LAPSE_RIVALS; k++)
			if (look->threads[i].seen.rival[k].ns)
				add_rival(rivals, &n, &look->threads[i].seen.rival[k]);
	if (n) {
		qsort(rivals, n, sizeof(*rivals), rivals_by_ns);
		fprintf(out, "\n%12s %8s %8s  %s\n", "TIME", "OF RUNQ", "PID", "WHO RAN INSTEAD");
	}
	for (size_t i = 0; i < n && i < RIVALS_SHOWN; i++) {
		print_rival(look, rivals[i].ns, rivals[i].pid, rivals[i].comm, out);
		rest -= rivals[i].ns < rest ? rivals[i].ns : rest;
	}
	if (n && (double)rest > SHOWN * (double)look->ns[LAPSE_RUNQ])
		print_rival(look, rest, 0, "(others, and what is not known)", out);
	free(rivals);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static void print_lines(const struct report_lines *lines, const char *title, FILE *out)
{
	char line[2 * REPORT_LINE];

	if (lines->n)
		fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < lines->n; i++)
		fprintf(out, "  %s\n", text_escape(lines->text[i], line, sizeof(line)));
}

int report_print(const struct report *report, FILE *out)
{
	const struct first_look *look = report->look;

	print_head(report, out);
	print_threads(look, out);
	print_stacks(look, false, out);
	print_stacks(look, true, out);
	print_peers(look, out);
	print_turns(look, out);
	print_rivals(look, out);
	print_lines(&report->commands, "PROBE NEXT", out);
	print_lines(&report->blind, "NOT SEEN", out);
	return fflush(out) ? -errno : 0;
}
