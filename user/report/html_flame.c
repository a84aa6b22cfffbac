// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Off-CPU time as a flame graph that hangs: the components at the top, callers above what they call, the
 * cause at the bottom. Widths are shares of all the time that calls waited.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/words.h"
#include "report/html.h"
#include "report/rows.h"

#define LEVELS_MOST  100
#define LEVEL_PX     20
/* Narrower frames are left out, and what hangs below them; the table has the longest. */
#define SHARE_LEAST  0.001
#define PLACES_SHOWN 20

struct node {
	const char *name; /* the offcpu row's component, a frame, or a cause: owned elsewhere or .own */
	char *own;
	uint64_t ns;
	struct node *child, *next;
};

static struct node *child_of(struct node *parent, const char *name)
{
	struct node **at;

	for (at = &parent->child; *at; at = &(*at)->next)
		if (!strcmp((*at)->name, name))
			return *at;
	*at = calloc(1, sizeof(**at));
	if (!*at)
		return NULL;
	(*at)->own = strdup(name);
	(*at)->name = (*at)->own ?: "";
	return *at;
}

static void free_nodes(struct node *node)
{
	while (node) {
		struct node *next = node->next;

		free_nodes(node->child);
		free(node->own);
		free(node);
		node = next;
	}
}

static int add(struct node *root, const struct report *report, const struct offcpu_row *row)
{
	struct report_frames frames;
	struct node *at = child_of(root, report_component(report, row->component));
	char cause[WORD_SIZE];
	int err = at ? report_frames(row->stack, &frames) : -ENOMEM;

	if (err)
		return err;
	root->ns += row->ns;
	at->ns += row->ns;
	for (size_t i = frames.n; i-- > 0 && at;) {
		at = child_of(at, frames.at[i]);
		if (at)
			at->ns += row->ns;
	}
	report_frames_free(&frames);
	snprintf(cause, sizeof(cause), "[%s]", cause_names[row->cause]);
	at = at ? child_of(at, cause) : NULL;
	if (at)
		at->ns += row->ns;
	return at ? 0 : -ENOMEM;
}

/* ---- drawn -------------------------------------------------------------------------------------- */

static size_t depth_of(const struct node *node, uint64_t least)
{
	size_t deepest = 0;

	for (; node; node = node->next)
		if (node->ns >= least) {
			size_t depth = 1 + depth_of(node->child, least);

			deepest = depth > deepest ? depth : deepest;
		}
	return deepest;
}

/* A cause stands in its color. */
static const char *style_of(const char *name)
{
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		if (*name == '[' && !strncmp(name + 1, cause_names[cause], strlen(cause_names[cause])) &&
		    !strcmp(name + 1 + strlen(cause_names[cause]), "]"))
			return cause_names[cause];
	return "frame";
}

static void frame(FILE *out, const struct node *node, double x, double w, size_t level)
{
	char word[WORD_SIZE], share[WORD_SIZE];

	fprintf(out,
		"<g class=\"k\" role=\"img\" tabindex=\"%d\" data-x=\"%.6f\" data-w=\"%.6f\" "
		"data-level=\"%zu\" "
		"aria-label=\"",
		level || x > 0 ? -1 : 0, x, w, level);
	html_text(out, node->name);
	fprintf(out,
		": %s, %s\"><svg x=\"%.4f%%\" y=\"%zu\" width=\"%.4f%%\" height=\"%d\"><rect class=\"%s\" "
		"width=\"100%%\" height=\"%d\"/>",
		word_duration((double)node->ns, word), word_share(w, share), x * 100, level * LEVEL_PX,
		w * 100, LEVEL_PX - 1, style_of(node->name), LEVEL_PX - 1);
	fprintf(out, "<text class=\"%s\" x=\"3\" y=\"14\">",
		strcmp(style_of(node->name), "frame") ? "in" : "");
	html_text(out, node->name);
	fputs("</text></svg></g>\n", out);
}

static void draw(FILE *out, const struct node *node, double x, uint64_t whole, size_t level)
{
	for (; node; node = node->next) {
		double w = (double)node->ns / (double)whole;

		if (w >= SHARE_LEAST && level < LEVELS_MOST) {
			frame(out, node, x, w, level);
			draw(out, node->child, x, whole, level + 1);
		}
		x += w;
	}
}

static void place(FILE *out, const struct report *report, const struct offcpu_row *row)
{
	struct report_frames frames;
	char word[WORD_SIZE];

	if (report_frames(row->stack, &frames))
		return;
	fprintf(out, "<tr><td class=\"n\">%s</td><td>%s</td><td>", word_duration((double)row->ns, word),
		cause_names[row->cause]);
	html_name(out, report_component(report, row->component));
	fputs("</td><td>", out);
	for (size_t i = 0; i < frames.n && i < 8; i++) {
		fputs(i ? " \u2190 " : "", out);
		html_text(out, frames.at[i]);
	}
	fputs(frames.n ? "</td></tr>\n" : "no stack was recorded</td></tr>\n", out);
	report_frames_free(&frames);
}

static void table(FILE *out, const struct report *report)
{
	fputs("<details><summary>As a table</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
	      "aria-label=\"waits\">\n<table>\n<thead><tr><th "
	      "class=\"n\">time</th><th>cause</th><th>component</th>"
	      "<th>innermost first</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = 0; i < report->offcpu.n && i < PLACES_SHOWN; i++)
		place(out, report, &report->offcpu.rows[i]);
	fputs("</tbody>\n</table>\n</div>\n</details>\n", out);
}

int html_flame(FILE *out, const struct report *report)
{
	struct node root = {.name = "all"};
	int err = 0;

	for (size_t i = 0; i < report->offcpu.n && !err; i++)
		err = add(&root, report, &report->offcpu.rows[i]);
	if (!err && root.ns) {
		size_t depth = depth_of(root.child, (uint64_t)(SHARE_LEAST * (double)root.ns));

		depth = depth < LEVELS_MOST ? depth : LEVELS_MOST;
		fputs("<section id=\"offcpu\">\n<h2>Where calls waited</h2>\n<figure>\n"
		      "<figcaption>Off-CPU time by component, callers above callees</figcaption>\n"
		      "<p class=\"dim\">A click or Enter zooms into a frame, the same again goes back; arrow "
		      "keys move.</p>\n"
		      "<p class=\"detail\" aria-live=\"polite\"></p>\n",
		      out);
		fprintf(out,
			"<svg class=\"chart flame\" data-chart=\"flame\" role=\"group\" aria-label=\"flame "
			"graph of "
			"off-CPU time\" height=\"%zu\">\n",
			depth * LEVEL_PX);
		draw(out, root.child, 0, root.ns, 0);
		fputs("</svg>\n", out);
		table(out, report);
		fputs("</figure>\n</section>\n", out);
	}
	free_nodes(root.child);
	return err;
}
