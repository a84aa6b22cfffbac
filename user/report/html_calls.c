// SPDX-License-Identifier: GPL-2.0-or-later
/* What calls spent their time on: together by how slow they were, and the slowest one by one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/explain.h"
#include "output/text_parts.h"
#include "output/why_words.h"
#include "report/html.h"
#include "report/rows.h"

/* Of a bar's width: less has no room for its name. */
#define NAMED 0.09

#define PEERS_SHOWN 50

static void bar(FILE *out, const struct cause_band *band, const char *words)
{
	double x = 0;

	fputs("<svg class=\"bar\" role=\"img\" aria-label=\"", out);
	html_text(out, words);
	fputs("\">\n", out);
	for (int cause = 0; cause <= LAPSE_CAUSES; cause++) {
		double share = band->part[cause];

		if (!(share > 0.001))
			continue;
		fprintf(out,
			"<svg x=\"%.2f%%\" width=\"%.2f%%\" height=\"24\"><rect class=\"seg %s\" "
			"width=\"100%%\" "
			"height=\"24\"/>",
			x * 100, share * 100, cause_names[cause]);
		if (share >= NAMED)
			fprintf(out, "<text class=\"in\" x=\"4\" y=\"16\">%s</text>", cause_names[cause]);
		fputs("</svg>\n", out);
		x += share;
	}
	fputs("</svg>\n", out);
}

void html_causes(FILE *out, const struct report *report, uint32_t component)
{
	const struct component_snapshot *c = &report->snapshot->components[component];
	char words[NAME_SIZE], which[WORD_SIZE], count[WORD_SIZE], mean[WORD_SIZE];

	if (!c->n_bands)
		return;
	fputs("<h3>What calls spent their time on</h3>\n", out);
	for (size_t i = c->n_bands; i-- > 0;) {
		const struct cause_band *band = &c->bands[i];

		if (!band->count)
			continue;
		word_causes(report->snapshot, band, words);
		fprintf(out, "<p>%s%s (%s, %s each): ", band->share == 1 ? "" : "the ",
			word_band(band, which), word_count(band->count, "call", count),
			word_duration(band->mean_ns, mean));
		html_text(out, words);
		fputs("</p>\n", out);
		bar(out, band, words);
	}
}

/* ---- the slowest -------------------------------------------------------------------------------- */

/* Lines that the text output has below a call. */
static void wait_lines(FILE *out, const struct report *report, const struct slow_span *slow)
{
	char *text = NULL, *rest, *line;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return;
	text_longest_wait(to, report->snapshot, &slow->span.span, slow->stack.n ? &slow->stack : NULL);
	fclose(to);
	for (rest = text; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " ");
		if (!*line)
			continue;
		fputs("<p>", out);
		html_text(out, line);
		fputs("</p>\n", out);
	}
	free(text);
}

static void stack(FILE *out, const struct output_stack *stack)
{
	if (!stack->n)
		return;
	fputs("<p class=\"dim\">waiting in, innermost first:</p>\n<ol class=\"frames\">\n", out);
	for (size_t i = 0; i < stack->n; i++) {
		fputs("<li>", out);
		html_text(out, stack->frames[i].text);
		fputs("</li>\n", out);
	}
	fputs("</ol>\n", out);
}

static void call(FILE *out, const struct report *report, const struct slow_span *slow)
{
	const struct lapse_span *span = &slow->span.span;
	char comm[LAPSE_COMM_LEN + 1] = {0}, at[WORD_SIZE], took[WORD_SIZE], causes[NAME_SIZE];
	const char *words;

	memcpy(comm, span->comm, LAPSE_COMM_LEN);
	fprintf(out, "<details><summary>%s at %s in ", word_duration((double)span->duration_ns, took),
		word_clock(report->snapshot, span->start_ns, at));
	html_name(out, comm);
	fprintf(out, "/%u%s: <span class=\"dim\">", span->tid ?: span->pid,
		span->flags & LAPSE_SPAN_ERROR ? ", failed" : "");
	words = text_causes(UNIT_MS, span, causes);
	html_text(out, words == causes ? causes : "what it waited for is not known");
	fputs(words == causes ? " (ms)</span></summary>\n" : "</span></summary>\n", out);
	wait_lines(out, report, slow);
	stack(out, &slow->stack);
	fputs("</details>\n", out);
}

void html_slowest(FILE *out, const struct report *report, uint32_t component)
{
	bool any = false;

	for (size_t i = 0; i < report->slowest.n_sorted; i++) {
		const struct slow_span *slow = report->slowest.sorted[i];

		if (slow->span.span.component != component)
			continue;
		if (!any)
			fputs("<h3>The slowest calls</h3>\n", out);
		any = true;
		call(out, report, slow);
	}
}

/* ---- remote ends -------------------------------------------------------------------------------- */

static void peer(FILE *out, const struct report *report, const struct peer_row *row)
{
	struct report_peer p = report_peer_row(report, row);
	char all[WORD_SIZE], most[WORD_SIZE];

	fputs("<tr><td>", out);
	html_name(out, p.peer);
	fprintf(out, "</td><td>%s</td><td>", p.what);
	html_name(out, p.component);
	fprintf(out,
		"</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
		p.count, word_duration((double)p.ns, all), word_duration((double)p.max_ns, most));
}

void html_peers(FILE *out, const struct report *report)
{
	if (!report->peers.n)
		return;
	fputs("<section id=\"peers\">\n<h2>Remote ends</h2>\n<div class=\"scroll\" tabindex=\"0\" "
	      "role=\"region\" "
	      "aria-label=\"remote ends\">\n<table>\n<thead><tr><th>peer</th><th>seen "
	      "as</th><th>component</th>"
	      "<th class=\"n\">count</th><th class=\"n\">time</th><th class=\"n\">longest</th></tr></thead>\n"
	      "<tbody>\n",
	      out);
	for (size_t i = 0; i < report->peers.n && i < PEERS_SHOWN; i++)
		peer(out, report, &report->peers.rows[i]);
	fputs("</tbody>\n</table>\n</div>\n</section>\n", out);
}
