// SPDX-License-Identifier: GPL-2.0-or-later
/* Every call that was recorded one by one, a row each (RFC 4180). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "monitor/explain.h"
#include "output/words.h"
#include "report/formats.h"
#include "report/rows.h"

/* Text of the target. A spreadsheet takes some beginnings as formulas: these get a quote before them. */
static void text(FILE *out, const char *value)
{
	char safe[NAME_SIZE];

	text_escape(value, safe, sizeof(safe));
	fputs(*safe && strchr("=+-@", *safe) ? ",\"'" : ",\"", out);
	for (const char *at = safe; *at; at++) {
		if (*at == '"')
			fputc('"', out);
		fputc(*at, out);
	}
	fputc('"', out);
}

static void comm(FILE *out, const char from[LAPSE_COMM_LEN])
{
	char whole[LAPSE_COMM_LEN + 1] = {0};

	memcpy(whole, from, LAPSE_COMM_LEN);
	text(out, whole);
}

static void header(FILE *out)
{
	fputs("start,start_ns,component,pid,tid,comm,duration_ns,ended,failed,ret,peer", out);
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		fprintf(out, ",%s_ns", cause_names[cause]);
	fputs(",on_cpu_ns,longest_wait,longest_wait_ns,longest_wait_in,longest_wait_peer\r\n", out);
}

static void address(FILE *out, const struct lapse_address *of)
{
	char words[ADDRESS_SIZE];

	if (of && of->port)
		text(out, word_address(of, words));
	else
		fputc(',', out);
}

static void causes(FILE *out, const struct lapse_span *span, const char *brief)
{
	const struct lapse_why *why = span_why(span);
	uint64_t ns[LAPSE_CAUSES + 1];

	if (!span_causes(span, ns)) {
		for (int cause = 0; cause <= LAPSE_CAUSES + 4; cause++)
			fputc(',', out);
		return;
	}
	for (int cause = 0; cause <= LAPSE_CAUSES; cause++)
		fprintf(out, ",%" PRIu64, ns[cause]);
	if (!why->longest.duration_ns || why->longest.cause >= LAPSE_CAUSES) {
		fputs(",,,,", out);
		return;
	}
	fprintf(out, ",%s,%" PRIu64, cause_names[why->longest.cause], (uint64_t)why->longest.duration_ns);
	text(out, brief ?: "");
	address(out, &why->longest.peer);
}

static void row(FILE *out, const struct report *report, const struct reader_event *event)
{
	const struct lapse_span *span = event->span;
	const struct lapse_tcp *tcp = span_tcp(span);
	char start[REPORT_TIME];

	fprintf(out, "%s,%" PRIu64, report_time(report, span->start_ns, start), (uint64_t)span->start_ns);
	text(out, event->component ? event->component->monitored.name : "?");
	fprintf(out, ",%u,%u", span->pid, span->tid);
	comm(out, span->comm);
	fprintf(out, ",%" PRIu64 ",%d,%d,", (uint64_t)span->duration_ns, !(span->flags & LAPSE_SPAN_ENDLESS),
		!!(span->flags & LAPSE_SPAN_ERROR));
	if (span->flags & LAPSE_SPAN_RET)
		fprintf(out, "%" PRId64, (int64_t)span->ret);
	address(out, tcp ? &tcp->peer : NULL);
	causes(out, span, event->stack_brief);
	fputs("\r\n", out);
}

int report_csv(struct report *report, const struct output_options *show)
{
	struct reader_event event;
	int more = reader_rewind(report->reader);

	header(show->stream);
	while (!more && (more = reader_next(report->reader, &event)) > 0) {
		if (event.kind == READER_SPAN || event.kind == READER_CONNECT)
			row(show->stream, report, &event);
		more = ferror(show->stream) ? -EIO : 0;
	}
	return more;
}
