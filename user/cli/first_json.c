// SPDX-License-Identifier: GPL-2.0-or-later
/* One kind of object for each table of the text: their fields stand in json_line.c. */
#include "cli/first_json.h"

#include <errno.h>
#include <stdio.h>

#include "cli/json_line.h"
#include "output/words.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static int head(const struct report *report)
{
	const struct first_look *look = report->look;
	char line[REPORT_LINE];

	return json_line_write(JSON_LINE_FIRST,
			       (json_t *const[]){json_line_text(report->subject),
						 json_line_text(report_headline(report, line)),
						 number(look->duration_ns), number(look->n_threads),
						 number(look->busy_ns), number(look->lost)});
}

static int culprits(const struct report *report)
{
	const struct first_look *look = report->look;
	char line[REPORT_LINE];
	int err = 0;

	for (size_t i = 0; i < look->n_culprits && !err; i++) {
		const struct first_culprit *culprit = &look->culprits[i];
		const char *function = culprit->seen ? culprit->seen->place.name : NULL;

		err = json_line_write(
			JSON_LINE_FIRST_CULPRIT,
			(json_t *const[]){json_line_text(first_part_names[culprit->part]),
					  number(culprit->ns), number(culprit->pid), number(culprit->tid),
					  json_line_text(function),
					  json_line_text(report_culprit(report, culprit, line))});
	}
	return err;
}

static int thread(const struct first_thread *thread)
{
	const uint64_t *ns = thread->ns;

	return json_line_write(
		JSON_LINE_FIRST_THREAD,
		(json_t *const[]){number(thread->seen.pid), number(thread->seen.tid),
				  json_line_text(thread->seen.comm), number(thread->wall_ns),
				  number(ns[FIRST_ON_CPU]), number(ns[LAPSE_RUNQ]),
				  number(ns[LAPSE_THROTTLED]), number(ns[LAPSE_LOCK]), number(ns[LAPSE_DISK]),
				  number(ns[LAPSE_NET]), number(ns[LAPSE_HANDOFF]), number(ns[LAPSE_POLL]),
				  number(ns[LAPSE_SLEEP]), number(ns[LAPSE_FAULT]), number(ns[LAPSE_OTHER]),
				  number(ns[FIRST_IDLE]), number(thread->seen.turns.count),
				  number(thread->seen.turns.longest_ns)});
}

static int rivals(const struct first_thread *thread)
{
	int err = 0;

	for (size_t i = 0; i < LAPSE_RIVALS && !err; i++) {
		const struct lapse_rival *rival = &thread->seen.rival[i];

		if (rival->ns)
			err = json_line_write(JSON_LINE_FIRST_RIVAL,
					      (json_t *const[]){number(thread->seen.tid), number(rival->pid),
								json_line_text(rival->comm),
								number(rival->ns)});
	}
	return err;
}

static int threads(const struct first_look *look)
{
	int err = 0;

	for (size_t i = 0; i < look->n_threads && !err; i++)
		err = thread(&look->threads[i]) ?: rivals(&look->threads[i]);
	return err;
}

static int stacks(const struct first_look *look)
{
	int err = 0;

	for (size_t i = 0; i < look->n_stacks && !err; i++) {
		const struct first_stack *stack = &look->stacks[i];

		err = json_line_write(JSON_LINE_FIRST_STACK,
				      (json_t *const[]){number(stack->pid), number(stack->tid),
							json_line_text(first_part_names[stack->becomes]),
							number(stack->ns),
							json_line_text(stack->seen->place.name),
							json_line_text(stack->seen->folded)});
	}
	return err;
}

static int peers(const struct first_look *look)
{
	char address[ADDRESS_SIZE];
	int err = 0;

	for (size_t i = 0; i < look->n_peers && !err; i++) {
		const struct first_peer *peer = &look->peers[i];

		err = json_line_write(
			JSON_LINE_FIRST_PEER,
			(json_t *const[]){
				number(peer->key.pid), json_line_text(word_address(&peer->key.peer, address)),
				number(peer->sum.count), number(peer->sum.ns), number(peer->sum.longest_ns)});
	}
	return err;
}

static int lines(enum json_line kind, const struct report_lines *lines)
{
	int err = 0;

	for (size_t i = 0; i < lines->n && !err; i++)
		err = json_line_write(kind, (json_t *const[]){json_line_text(lines->text[i])});
	return err;
}

int first_json(const struct report *report)
{
	int err = head(report);

	if (!err)
		err = culprits(report) ?: threads(report->look) ?: stacks(report->look) ?: peers(report->look);
	if (!err)
		err = lines(JSON_LINE_FIRST_COMMAND, &report->commands)
			      ?: lines(JSON_LINE_FIRST_BLIND, &report->blind);
	return fflush(stdout) ? -errno : err;
}
