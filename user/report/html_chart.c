// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A component over time, in three pictures with one time axis: how many calls took how long (the heatmap),
 * percentiles, and what was broken and announced. Widths are shares of the page's, so that it needs no script
 * to fit a phone; heights and letters are pixels.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "output/words.h"
#include "report/html.h"

#define SHADES	       8
/* Rows of the heatmap: a quarter of an octave. */
#define ROW_BITS       2
#define MERGED	       (1U << (HEAT_BITS - ROW_BITS))
#define ROWS_LEAST     8
/* A limit that is farther from all durations is told in words, and the picture is not stretched for it. */
#define OCTAVES_BEYOND 6

/* What the pictures of a component have in common. */
struct axes {
	const struct report *report;
	uint32_t component;
	size_t columns;
	size_t first, n; /* rows */
};

static size_t row_of(uint64_t ns)
{
	return lapse_bucket(ns, HEAT_BITS) / MERGED;
}

/* Where @ns stands, from 0 at the top to 1; beyond, outside of that. */
static double height_of(const struct axes *a, double ns)
{
	uint32_t row = (uint32_t)row_of(ns > 0 ? (uint64_t)ns : 0);
	double low = (double)lapse_bucket_low(row * MERGED, HEAT_BITS);
	double high = (double)lapse_bucket_low((row + 1) * MERGED, HEAT_BITS);
	double at = (double)row + (high > low ? (ns - low) / (high - low) : 0);

	return 1 - (at - (double)a->first) / (double)a->n;
}

/* ---- what is promised of durations -------------------------------------------------------------- */

static bool is_limit(const struct objective_state *state)
{
	const struct objective_kind_info *info = objective_info(state->objective.kind);

	return info->quantity == QUANTITY_DURATION && info->source == SOURCE_DURATIONS;
}

static void widen_for_limits(struct axes *a)
{
	const struct component_snapshot *c = &a->report->snapshot->components[a->component];
	size_t last = a->first + a->n - 1, beyond = OCTAVES_BEYOND << ROW_BITS;

	for (size_t i = 0; i < c->n_objectives; i++) {
		size_t row;

		if (!is_limit(&c->objectives[i]))
			continue;
		row = row_of((uint64_t)c->objectives[i].objective.limit);
		if (row < a->first && a->first - row <= beyond)
			a->first = row;
		if (row + 1 > last && row <= last + beyond)
			last = row + 1;
	}
	a->n = last - a->first + 1;
}

/* Limits on durations that a component can have promised: one of each kind, mostly. */
#define LIMITS_MOST 16
/* From one line of text to the next, in pixels, as page.css has the letters and the pictures' heights. */
#define LINE_PX	    13
#define HEAT_PX	    240
#define LINES_PX    170

struct drawn_limit {
	const struct objective *objective;
	double y;	   /* from 0 at the top to 1 */
	bool above, below; /* it lies outside */
};

static int by_height(const void *a, const void *b)
{
	const struct drawn_limit *x = a, *y = b;

	return (x->y > y->y) - (x->y < y->y)
		       ?: (x->objective->limit < y->objective->limit) -
				  (x->objective->limit > y->objective->limit);
}

static size_t find_limits(const struct axes *a, struct drawn_limit found[LIMITS_MOST])
{
	const struct component_snapshot *c = &a->report->snapshot->components[a->component];
	size_t n = 0;

	for (size_t i = 0; i < c->n_objectives && n < LIMITS_MOST; i++) {
		const struct objective *o = &c->objectives[i].objective;
		double y = height_of(a, o->limit);

		if (is_limit(&c->objectives[i]))
			found[n++] = (struct drawn_limit){o, y < 0 ? 0 : y > 1 ? 1 : y, y<0, y> 1};
	}
	qsort(found, n, sizeof(*found), by_height);
	return n;
}

static void name_limit(FILE *out, const struct drawn_limit *limit, double y)
{
	char what[NAME_SIZE], word[WORD_SIZE];

	fprintf(out, "<text class=\"limit\" x=\"100%%\" dx=\"-4\" y=\"%.0f\" text-anchor=\"end\">", y);
	html_text(out, word_objective(limit->objective->kind, objective_value(limit->objective), what));
	fprintf(out, " %s%s</text>\n", word_duration(limit->objective->limit, word),
		limit->above   ? " (above)"
		: limit->below ? " (below)"
			       : "");
}

/* Names stand apart, however close the limits are: above their line if there is room, else below it or
 * further down.
 */
static void limits(FILE *out, const struct axes *a, double height)
{
	struct drawn_limit found[LIMITS_MOST];
	size_t n = find_limits(a, found);
	double least = LINE_PX;

	for (size_t i = 0; i < n; i++) {
		const struct drawn_limit *limit = &found[i];
		double y = limit->y * height - 4;

		if (!limit->above && !limit->below)
			fprintf(out,
				"<line class=\"limit\" x1=\"0\" x2=\"100%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>",
				limit->y * 100, limit->y * 100);
		y = y < least ? fmax(least, limit->y * height + LINE_PX) : y;
		name_limit(out, limit, y);
		least = y + LINE_PX;
	}
}

/* ---- axes --------------------------------------------------------------------------------------- */

/* At durations to write at the side: decades, with steps between them where there are few. */
static void at_durations(FILE *out, const struct axes *a, void (*put)(FILE *out, double y, double ns))
{
	static const double steps[] = {1, 2, 5};
	size_t stride = a->n > 4 * 10 ? 3 : 1; /* rows an octave: 4 */

	for (double decade = 1; decade < 1e13; decade *= 10)
		for (size_t i = 0; i < 3; i += stride) {
			double y = height_of(a, decade * steps[i]);

			if (y > 0.04 && y < 0.98)
				put(out, y * 100, decade * steps[i]);
		}
}

static void grid(FILE *out, double y, double ns)
{
	(void)ns;
	fprintf(out, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>\n", y, y);
}

static void label(FILE *out, double y, double ns)
{
	char word[WORD_SIZE];

	fprintf(out, "<text class=\"label\" x=\"4\" y=\"%.2f%%\" dy=\"-2\">%s</text>\n", y,
		word_duration(ns, word));
}

static void times(FILE *out, const struct axes *a)
{
	const struct heat *heat = &a->report->heat;
	char word[WORD_SIZE];

	fputs("<div class=\"axis\">", out);
	for (int i = 0; i <= 2; i++)
		fprintf(out, "<span>%s</span>",
			word_clock_short(a->report->snapshot,
					 heat->begin_ns + a->columns * heat->width_ns * (uint64_t)i / 2,
					 word));
	fputs("</div>\n", out);
}

/* ---- columns: what the keyboard and the pointer find -------------------------------------------- */

static size_t broken_in(const struct axes *a, size_t column)
{
	const struct heat *heat = &a->report->heat;
	size_t n = 0;

	for (size_t i = 0; i < a->report->n_violations; i++) {
		const struct violation *v = &a->report->violations[i].violation;

		n += v->component == a->component && v->time_ns > heat->begin_ns &&
		     (v->time_ns - heat->begin_ns - 1) / heat->width_ns == column;
	}
	return n;
}

static void column_words(FILE *out, const struct axes *a, size_t column)
{
	const struct report *report = a->report;
	struct report_slice slice;
	char at[WORD_SIZE], p50[WORD_SIZE], p90[WORD_SIZE], p99[WORD_SIZE], most[WORD_SIZE], count[WORD_SIZE];
	size_t broken = broken_in(a, column);

	word_clock_short(report->snapshot, report->heat.begin_ns + column * report->heat.width_ns, at);
	if (report_slice(report, a->component, column, &slice))
		fprintf(out, "%s: %s, p50 %s, p90 %s, p99 %s, max %s", at,
			word_count(slice.count, "call", count), word_duration((double)slice.p50_ns, p50),
			word_duration((double)slice.p90_ns, p90), word_duration((double)slice.p99_ns, p99),
			word_duration((double)slice.max_ns, most));
	else
		fprintf(out, "%s: no call ended", at);
	if (broken)
		fprintf(out, ", %s", word_count(broken, "violation", count));
}

static void columns(FILE *out, const struct axes *a)
{
	for (size_t column = 0; column < a->columns; column++) {
		fprintf(out,
			"<rect class=\"col k\" role=\"img\" tabindex=\"%d\" x=\"%.3f%%\" y=\"0\" "
			"width=\"%.3f%%\" height=\"100%%\" aria-label=\"",
			column ? -1 : 0, 100.0 * (double)column / (double)a->columns,
			100.0 / (double)a->columns);
		column_words(out, a, column);
		fputs("\"/>\n", out);
	}
}

static void begin_svg(FILE *out, const struct axes *a, const char *kind, const char *about)
{
	fprintf(out, "<svg class=\"chart %s\" data-chart=\"%s\" role=\"group\" aria-label=\"%s of ", kind,
		kind, about);
	html_text(out, report_component(a->report, a->component));
	fputs("; arrow keys move along the time\">\n", out);
}

/* ---- the heatmap -------------------------------------------------------------------------------- */

static uint64_t calls_in(const struct heat_cell *cell, size_t row)
{
	uint64_t n = 0;

	for (size_t i = row * MERGED; i < (row + 1) * MERGED && i < HEAT_ROWS; i++)
		n += cell->row[i];
	return n;
}

static uint64_t most_calls(const struct axes *a)
{
	uint64_t most = 1;

	for (size_t column = 0; column < a->columns; column++) {
		const struct heat_cell *cell = heat_cell(&a->report->heat, a->component, column);

		for (size_t row = a->first; cell && row < a->first + a->n; row++)
			if (calls_in(cell, row) > most)
				most = calls_in(cell, row);
	}
	return most;
}

/* By powers: one call is seen beside thousands. */
static int shade_of(uint64_t calls, uint64_t most)
{
	if (most < 2)
		return SHADES;
	return 1 + (int)floor((SHADES - 1) * log((double)calls) / log((double)most) + 1e-9);
}

static void cells(FILE *out, const struct axes *a, int shade, uint64_t most)
{
	fprintf(out, "<path class=\"h%d\" d=\"", shade);
	for (size_t column = 0; column < a->columns; column++) {
		const struct heat_cell *cell = heat_cell(&a->report->heat, a->component, column);

		for (size_t row = 0; cell && row < a->n; row++) {
			uint64_t calls = calls_in(cell, a->first + row);

			if (calls && shade_of(calls, most) == shade)
				fprintf(out, "M%zu %zuh1v1h-1z", column, a->n - 1 - row);
		}
	}
	fputs("\"/>\n", out);
}

static void shades(FILE *out, uint64_t most)
{
	char word[WORD_SIZE];

	fputs("<ul class=\"legend\"><li>calls in a cell:</li>", out);
	for (int shade = 1; shade <= SHADES; shade += (SHADES - 1))
		fprintf(out,
			"<li><svg aria-hidden=\"true\"><rect class=\"h%d\" width=\"28\" "
			"height=\"12\"/></svg>%s</li>",
			shade, shade == 1 ? "1" : word_number((double)most, word));
	fputs("</ul>\n", out);
}

static void heatmap(FILE *out, const struct axes *a)
{
	uint64_t most = most_calls(a);

	fputs("<figure>\n<figcaption>How many calls took how long</figcaption>\n", out);
	begin_svg(out, a, "heat", "Latency heatmap");
	fprintf(out,
		"<svg width=\"100%%\" height=\"100%%\" viewBox=\"0 0 %zu %zu\" preserveAspectRatio=\"none\" "
		"shape-rendering=\"crispEdges\" aria-hidden=\"true\">\n",
		a->columns, a->n);
	for (int shade = 1; shade <= SHADES; shade++)
		cells(out, a, shade, most);
	fputs("</svg>\n", out);
	at_durations(out, a, grid);
	at_durations(out, a, label);
	limits(out, a, HEAT_PX);
	columns(out, a);
	fputs("</svg>\n", out);
	times(out, a);
	fputs("<p class=\"detail\" aria-live=\"polite\"></p>\n", out);
	shades(out, most);
	fputs("</figure>\n", out);
}

/* ---- percentiles -------------------------------------------------------------------------------- */

struct line {
	const char *style, *label;
	size_t offset; /* in struct report_slice */
};
static const struct line lines[] = {
	{"q50", "p50", offsetof(struct report_slice, p50_ns)},
	{"q90", "p90", offsetof(struct report_slice, p90_ns)},
	{"q99", "p99", offsetof(struct report_slice, p99_ns)},
	{"qmax", "max", offsetof(struct report_slice, max_ns)},
};
#define N_LINES (sizeof(lines) / sizeof(*lines))

/* Where no call ended there is a gap. */
static void polyline(FILE *out, const struct axes *a, const struct line *line)
{
	bool drawing = false;

	fprintf(out, "<path class=\"q %s\" d=\"", line->style);
	for (size_t column = 0; column < a->columns; column++) {
		struct report_slice slice;
		uint64_t ns;
		double y;

		if (!report_slice(a->report, a->component, column, &slice)) {
			drawing = false;
			continue;
		}
		memcpy(&ns, (const char *)&slice + line->offset, sizeof(ns));
		y = 100 * height_of(a, (double)ns);
		/* A point by itself is drawn as a short line. */
		fprintf(out, drawing ? "L%.1f %.2f" : "M%.1f %.2fh.01", (double)column + 0.5, y);
		drawing = true;
	}
	fputs("\"/>\n", out);
}

static void percentiles(FILE *out, const struct axes *a)
{
	fputs("<figure>\n<figcaption>Percentiles, and what was broken</figcaption>\n<ul class=\"legend\">",
	      out);
	for (size_t i = 0; i < N_LINES; i++)
		fprintf(out,
			"<li><svg aria-hidden=\"true\"><path class=\"q %s\" d=\"M1 6h26\"/></svg>%s</li>",
			lines[i].style, lines[i].label);
	fputs("</ul>\n", out);
	begin_svg(out, a, "lines", "Percentiles");
	at_durations(out, a, grid);
	fprintf(out,
		"<svg width=\"100%%\" height=\"100%%\" viewBox=\"0 0 %zu 100\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\">\n",
		a->columns);
	for (size_t i = N_LINES; i-- > 0;)
		polyline(out, a, &lines[i]);
	fputs("</svg>\n", out);
	at_durations(out, a, label);
	limits(out, a, LINES_PX);
	columns(out, a);
	fputs("</svg>\n", out);
}

/* ---- violations and alerts ---------------------------------------------------------------------- */

static double place_of(const struct axes *a, uint64_t ns)
{
	const struct heat *heat = &a->report->heat;
	double whole = (double)a->columns * (double)heat->width_ns;

	return ns > heat->begin_ns ? fmin(100 * (double)(ns - heat->begin_ns) / whole, 100) : 0;
}

/* Taller, the more severe. */
static void violations(FILE *out, const struct axes *a)
{
	static const int height[] = {[SEV_NOTICE] = 6, [SEV_WARNING] = 10, [SEV_CRITICAL] = 16};
	double last[3] = {-1, -1, -1};

	for (size_t i = 0; i < a->report->n_violations; i++) {
		const struct violation *v = &a->report->violations[i].violation;
		double x = place_of(a, v->time_ns);

		/* Those that fall into one place are one line. */
		if (v->component != a->component || x - last[v->severity] < 0.1)
			continue;
		last[v->severity] = x;
		fprintf(out, "<line class=\"violation\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"33\" y2=\"%d\"/>\n",
			x, x, 33 - height[v->severity]);
	}
}

static void announcements(FILE *out, const struct axes *a)
{
	static const char *const marks[] = {[ALERT_EVENT_FIRING] = "\u25b2",
					    [ALERT_EVENT_ESCALATED] = "\u25c6",
					    [ALERT_EVENT_RESOLVED] = "\u25bd"};
	char at[WORD_SIZE], measured[WORD_SIZE], limit[WORD_SIZE];
	bool any = false;

	for (size_t i = 0; i < a->report->n_alerts; i++) {
		const struct alert *alert = &a->report->alerts[i];

		if (alert->component != a->component)
			continue;
		fprintf(out,
			"<text class=\"alert k\" role=\"img\" tabindex=\"%d\" x=\"%.2f%%\" y=\"14\" "
			"text-anchor=\"%s\" aria-label=\"%s: alert %s, %s, %s: %s against %s\">%s</text>\n",
			any ? -1 : 0, place_of(a, alert->time_ns),
			place_of(a, alert->time_ns) < 3	   ? "start"
			: place_of(a, alert->time_ns) > 97 ? "end"
							   : "middle",
			word_clock(a->report->snapshot, alert->time_ns, at), alert_event_names[alert->event],
			severity_names[alert->severity], objective_info(alert->kind)->violation,
			word_quantity(alert->kind, alert->measured, measured),
			word_quantity(alert->kind, alert->limit, limit), marks[alert->event]);
		any = true;
	}
}

static void events(FILE *out, const struct axes *a)
{
	begin_svg(out, a, "events", "Violations and alerts");
	violations(out, a);
	announcements(out, a);
	fputs("</svg>\n", out);
	times(out, a);
	fputs("<p class=\"detail\" aria-live=\"polite\"></p>\n"
	      "<ul class=\"legend\"><li>\u2502 violation, taller: more severe</li><li>\u25b2 alert fires</li>"
	      "<li>\u25c6 escalates</li><li>\u25bd is resolved</li></ul>\n",
	      out);
}

/* ---- as a table --------------------------------------------------------------------------------- */

static void table(FILE *out, const struct axes *a)
{
	struct report_slice slice;
	char at[WORD_SIZE], word[4][WORD_SIZE];

	fputs("<details><summary>As a table</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
	      "aria-label=\"over time\">\n<table>\n<thead><tr><th class=\"n\">time</th><th "
	      "class=\"n\">calls</th>"
	      "<th class=\"n\">p50</th><th class=\"n\">p90</th><th class=\"n\">p99</th><th "
	      "class=\"n\">max</th>"
	      "<th class=\"n\">violations</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t column = 0; column < a->columns; column++) {
		if (!report_slice(a->report, a->component, column, &slice))
			continue;
		fprintf(out,
			"<tr><td class=\"n\">%s</td><td class=\"n\">%" PRIu64
			"</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td><td class=\"n\">%zu</td></tr>\n",
			word_clock_short(a->report->snapshot, slice.begin_ns, at), slice.count,
			word_duration((double)slice.p50_ns, word[0]),
			word_duration((double)slice.p90_ns, word[1]),
			word_duration((double)slice.p99_ns, word[2]),
			word_duration((double)slice.max_ns, word[3]), broken_in(a, column));
	}
	fputs("</tbody>\n</table>\n</div>\n</details>\n", out);
}

void html_over_time(FILE *out, const struct report *report, uint32_t component)
{
	struct axes a = {.report = report, .component = component, .columns = report->heat.n};
	size_t first, last;

	if (!heat_rows(&report->heat, component, &first, &last)) {
		fputs("<p class=\"dim\">No call with a duration ended.</p>\n", out);
		return;
	}
	a.first = first / MERGED;
	a.n = last / MERGED - a.first + 1;
	if (a.n < ROWS_LEAST)
		a.n = ROWS_LEAST;
	widen_for_limits(&a);
	heatmap(out, &a);
	percentiles(out, &a);
	events(out, &a);
	table(out, &a);
	fputs("</figure>\n", out);
}
