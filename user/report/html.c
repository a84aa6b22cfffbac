// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/html.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/text.h"
#include "output/why_words.h"
#include "report/formats.h"
#include "report_page.h"

/* Components with pictures; the table has all. */
#define COMPONENTS_SHOWN 24
#define ALERTS_SHOWN	 200
#define ALERTS_OPEN	 8 /* more are folded away at first */

void html_text(FILE *out, const char *text)
{
	char safe[NAME_SIZE];

	for (const char *at = text_escape(text, safe, sizeof(safe)); *at; at++) {
		switch (*at) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*at, out);
		}
	}
}

void html_name(FILE *out, const char *name)
{
	fputs("<code>", out);
	html_text(out, name);
	fputs("</code>", out);
}

/* ---- the beginning ------------------------------------------------------------------------------ */

static int make_nonce(char nonce[33])
{
	unsigned char random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -errno;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(nonce + 2 * i, 3, "%02x", random[i]);
	return 0;
}

static void begin(FILE *out, const struct report *report, const char *nonce)
{
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
	      out);
	fprintf(out,
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
		"'nonce-%s'; "
		"script-src 'nonce-%s'; base-uri 'none'; form-action 'none'\">\n<title>",
		nonce, nonce);
	html_text(out, report->head.path);
	fprintf(out, " - lapse</title>\n<style nonce=\"%s\">\n%s</style>\n</head>\n<body>\n", nonce,
		page_css);
}

static void fact(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(out, "<dt>%s</dt><dd>", name);
	html_name(out, value);
	fputs("</dd>\n", out);
}

static void head(FILE *out, const struct report *report)
{
	const struct report_head *head = &report->head;
	char from[WORD_SIZE], to[WORD_SIZE], length[WORD_SIZE], count[WORD_SIZE];

	fputs("<header>\n<h1>Latency report: ", out);
	html_name(out, head->path);
	fputs("</h1>\n<dl>\n", out);
	if (head->begin_ns)
		fprintf(out, "<dt>time</dt><dd>%s to %s (%s)</dd>\n",
			word_clock_short(report->snapshot, head->begin_ns, from),
			word_clock_short(report->snapshot, head->end_ns, to),
			word_duration((double)(head->end_ns - head->begin_ns), length));
	fact(out, "host", head->host);
	fact(out, "kernel", head->kernel);
	fact(out, "command", head->command);
	fprintf(out, "<dt>recorded</dt><dd>%s one by one</dd>\n</dl>\n</header>\n<main>\n",
		word_count(head->spans, "call", count));
	fputs("<section id=\"story\">\n<h2>What happened</h2>\n<ul class=\"story\">\n", out);
	for (size_t i = 0; i < report->n_story; i++) {
		fputs("<li>", out);
		html_text(out, report->story[i]);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n</section>\n", out);
}

/* ---- components --------------------------------------------------------------------------------- */

static double time_spent(const struct component_snapshot *c)
{
	return isnan(c->total.avg_ns) ? 0 : c->total.avg_ns * (double)c->total.count;
}

/* Most violations first, then most time. */
static int by_weight(const void *a, const void *b, void *context)
{
	const struct snapshot *snapshot = context;
	const struct component_snapshot *x = &snapshot->components[*(const uint32_t *)a];
	const struct component_snapshot *y = &snapshot->components[*(const uint32_t *)b];

	if (x->violations != y->violations)
		return x->violations < y->violations ? 1 : -1;
	return time_spent(x) < time_spent(y) ? 1 : time_spent(x) > time_spent(y) ? -1 : 0;
}

static void percentile(FILE *out, bool known, uint64_t ns)
{
	char word[WORD_SIZE];

	fprintf(out, "<td class=\"n\">%s</td>", known ? word_duration((double)ns, word) : "-");
}

static void verdict(FILE *out, enum verdict verdict)
{
	const char *name = output_verdict_name(verdict);

	fprintf(out, "<td class=\"%s\">%s</td>", name, name);
}

static void component_row(FILE *out, const struct report *report, uint32_t i, bool has_section)
{
	const struct component_snapshot *c = &report->snapshot->components[i];

	fputs("<tr><td>", out);
	if (has_section)
		fprintf(out, "<a href=\"#component-%u\">", i);
	html_name(out, c->name);
	fprintf(out, "%s</td>", has_section ? "</a>" : "");
	verdict(out, c->verdict);
	fprintf(out, "<td class=\"n\">%" PRIu64 "</td>", c->total.count);
	percentile(out, c->total.has_percentiles, c->total.p50_ns);
	percentile(out, c->total.has_percentiles, c->total.p99_ns);
	percentile(out, c->total.has_extremes, c->total.max_ns);
	fprintf(out, "<td class=\"n\">%" PRIu64 "</td></tr>\n", c->violations);
}

static void component_table(FILE *out, const struct report *report, const uint32_t *order, size_t n_shown)
{
	fputs("<section id=\"components\">\n<h2>Components</h2>\n<div class=\"scroll\" tabindex=\"0\" "
	      "role=\"region\" "
	      "aria-label=\"components\">\n<table>\n<thead><tr><th>component</th><th>verdict</th><th "
	      "class=\"n\">calls</th>"
	      "<th class=\"n\">p50</th><th class=\"n\">p99</th><th class=\"n\">max</th><th "
	      "class=\"n\">broken</th>"
	      "</tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = 0; i < report->snapshot->n_components; i++)
		component_row(out, report, order[i], i < n_shown);
	fputs("</tbody>\n</table>\n</div>\n</section>\n", out);
}

static void objective(FILE *out, const struct report *report, const struct objective_state *state)
{
	char what[NAME_SIZE], limit[WORD_SIZE], worst[WORD_SIZE], until[WORD_SIZE];

	fputs("<tr><td>", out);
	html_text(out, word_objective(state->objective.kind, objective_value(&state->objective), what));
	if (state->until_ns)
		fprintf(out, " until %s", word_clock_short(report->snapshot, state->until_ns, until));
	fputs("</td>", out);
	verdict(out, state->verdict);
	fprintf(out, "<td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%" PRIu64 "</td></tr>\n",
		word_quantity(state->objective.kind, state->objective.limit, limit),
		word_quantity(state->objective.kind, state->worst, worst), state->violations);
}

static void objectives(FILE *out, const struct report *report, const struct component_snapshot *c)
{
	if (!c->n_objectives && !c->n_withdrawn)
		return;
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"what was "
	      "promised\">\n<table>\n"
	      "<thead><tr><th>promised</th><th>verdict</th><th class=\"n\">limit</th><th "
	      "class=\"n\">worst</th>"
	      "<th class=\"n\">broken</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = 0; i < c->n_objectives; i++)
		objective(out, report, &c->objectives[i]);
	for (size_t i = 0; i < c->n_withdrawn; i++)
		objective(out, report, &c->withdrawn[i]);
	fputs("</tbody>\n</table>\n</div>\n", out);
}

static void component(FILE *out, const struct report *report, uint32_t i)
{
	const struct component_snapshot *c = &report->snapshot->components[i];

	fprintf(out, "<section id=\"component-%u\" class=\"component\">\n<h2>", i);
	html_name(out, c->name);
	fputs("</h2>\n", out);
	objectives(out, report, c);
	html_over_time(out, report, i);
	html_causes(out, report, i);
	html_slowest(out, report, i);
	fputs("</section>\n", out);
}

/* ---- alerts ------------------------------------------------------------------------------------- */

static void alert(FILE *out, const struct report *report, const struct alert *alert)
{
	char at[WORD_SIZE], measured[WORD_SIZE], limit[WORD_SIZE], words[NAME_SIZE];

	fprintf(out, "<tr><td class=\"n\">%s</td><td>%s</td><td>%s</td><td>%s</td><td>",
		word_clock(report->snapshot, alert->time_ns, at), alert_event_names[alert->event],
		severity_names[alert->severity], objective_info(alert->kind)->violation);
	html_name(out, report_component(report, alert->component));
	fprintf(out, "</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"why\">",
		word_quantity(alert->kind, alert->measured, measured),
		word_quantity(alert->kind, alert->limit, limit));
	html_text(out, word_explanation(report->snapshot, &alert->why, words));
	fputs("</td></tr>\n", out);
}

static void alerts(FILE *out, const struct report *report)
{
	size_t shown = report->n_alerts < ALERTS_SHOWN ? report->n_alerts : ALERTS_SHOWN;
	char count[WORD_SIZE];

	if (!shown)
		return;
	fprintf(out, "<section id=\"alerts\">\n<h2>Alerts</h2>\n<details%s><summary>%s</summary>\n",
		shown <= ALERTS_OPEN ? " open" : "", word_count(report->n_alerts, "announcement", count));
	fputs("<div class=\"scroll\" tabindex=\"0\" "
	      "role=\"region\" "
	      "aria-label=\"alerts\">\n<table>\n<thead><tr><th class=\"n\">time</th><th>state</th>"
	      "<th>severity</th><th>type</th><th>component</th><th class=\"n\">measured</th>"
	      "<th class=\"n\">limit</th><th>why</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = 0; i < shown; i++)
		alert(out, report, &report->alerts[i]);
	fputs("</tbody>\n</table>\n</div>\n", out);
	if (shown < report->n_alerts)
		fprintf(out, "<p>and %zu more</p>\n", report->n_alerts - shown);
	fputs("</details>\n</section>\n", out);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int body(FILE *out, const struct report *report)
{
	const struct snapshot *snapshot = report->snapshot;
	size_t shown = snapshot->n_components < COMPONENTS_SHOWN ? snapshot->n_components : COMPONENTS_SHOWN;
	uint32_t *order = calloc(snapshot->n_components + 1, sizeof(*order));
	int err;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < snapshot->n_components; i++)
		order[i] = i;
	qsort_r(order, snapshot->n_components, sizeof(*order), by_weight, (void *)(uintptr_t)snapshot);
	head(out, report);
	component_table(out, report, order, shown);
	alerts(out, report);
	for (size_t i = 0; i < shown; i++)
		component(out, report, order[i]);
	html_peers(out, report);
	err = html_flame(out, report);
	free(order);
	return err;
}

int report_html(struct report *report, const struct output_options *show)
{
	char nonce[33];
	int err = make_nonce(nonce);

	if (err)
		return err;
	begin(show->stream, report, nonce);
	err = body(show->stream, report);
	fprintf(show->stream, "</main>\n<script nonce=\"%s\">\n%s</script>\n</body>\n</html>\n", nonce,
		page_js);
	return err ?: (ferror(show->stream) ? -EIO : 0);
}
