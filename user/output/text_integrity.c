// SPDX-License-Identifier: GPL-2.0-or-later
/* The lines about lapse itself: what it lost, and what it cost. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>

#include "base/text.h"
#include "output/text_parts.h"
#include "output/words.h"

/* Each loss with what it does to the figures. */
static const struct loss {
	size_t offset;
	const char *what;
} losses[] = {
	{offsetof(struct integrity, unwound),
	 "abandoned (longjmp, exception, end of the thread or process, probe taken away): not measured"},
	{offsetof(struct integrity, timed_out),
	 "keyed spans given up, open for longer than their timeout=: not measured"},
	{offsetof(struct integrity, too_deep), "nested too deep: not measured"},
	{offsetof(struct integrity, maps_full), "found the kernel's maps full: not measured"},
	{offsetof(struct integrity, stray), "returns without an entry: not measured"},
	{offsetof(struct integrity, restarted), "keyed spans begun anew before they ended: not measured"},
	{offsetof(struct integrity, unmatched_end),
	 "ends of keyed spans that were not open (begun unseen, or given up): not measured"},
	{offsetof(struct integrity, kernel_missed),
	 "probe hits missed by the kernel, or while a new library was judged: not measured"},
	{offsetof(struct integrity, values_unnamed),
	 "values of markers under more than four names a component: not kept"},
	{offsetof(struct integrity, stacks_lost),
	 "stacks of waits that could not be kept: the waits are counted"},
	{offsetof(struct integrity, lines_dropped),
	 "lines of the output that its reader did not take in time: not written"},
	{offsetof(struct integrity, ring_dropped), "ring-buffer drops: single spans lost, counts are exact"},
};
/* A glob may leave thousands without a hit. */
#define UNFED_NAMED 8

#define N_LOSSES (sizeof(losses) / sizeof(*losses))

static uint64_t loss_count(const struct integrity *integrity, size_t i)
{
	return *(const uint64_t *)((const char *)integrity + losses[i].offset);
}

static void unfed_name(FILE *out, const char *kind, const char *name, size_t *n)
{
	if ((*n)++ < UNFED_NAMED)
		fprintf(out, "%s%s%s", *n == 1 ? " (no hit: " : ", ", kind, name);
}

/* Probes without a hit: components' own, and those of their connections. */
static void unfed(FILE *out, const struct snapshot *snapshot)
{
	char name[NAME_SIZE];
	size_t n = 0;

	for (uint32_t i = 0; i < snapshot->n_components; i++) {
		const struct component_snapshot *component = &snapshot->components[i];

		if (!component->fed && !component->unused)
			unfed_name(out, "", word_component(snapshot, i, name), &n);
		if (component->connects_unseen)
			unfed_name(out, "connections of ", word_component(snapshot, i, name), &n);
	}
	if (n > UNFED_NAMED)
		fprintf(out, " and %zu more", n - UNFED_NAMED);
	if (n)
		fputc(')', out);
}

static void term(FILE *out, uint64_t count, const char *what)
{
	if (count)
		fprintf(out, " + %" PRIu64 " %s", count, what);
}

/* Until all has ended, counters are not read at one moment with what is open. */
static const char *difference(const struct snapshot *snapshot)
{
	return snapshot->end_reason ? "UNACCOUNTED" : "on their way";
}

/* Every entry must be found again somewhere. */
static void conservation(FILE *out, const struct snapshot *snapshot)
{
	const struct integrity *integrity = &snapshot->integrity;

	fprintf(out, "    %" PRIu64 " entries = %" PRIu64 " returns + %" PRIu64 " in flight",
		integrity->entries, integrity->returns, integrity->in_flight);
	term(out, integrity->too_deep, "too deep");
	term(out, integrity->abandoned, "abandoned");
	term(out, integrity->jumps, "jumps");
	term(out, integrity->maps_full, "without memory");
	term(out, integrity->restarted, "restarted");
	if (integrity->unaccounted)
		fprintf(out, " %c %" PRIu64 " %s", integrity->unaccounted < 0 ? '-' : '+',
			integrity->unaccounted < 0 ? -(uint64_t)integrity->unaccounted
						   : (uint64_t)integrity->unaccounted,
			difference(snapshot));
	fputc('\n', out);
}

void text_integrity(FILE *out, const struct snapshot *snapshot)
{
	const struct integrity *integrity = &snapshot->integrity;
	bool lossless = !integrity->unaccounted || !snapshot->end_reason;

	fprintf(out, "integrity: %zu of %zu components fed", snapshot->system.components_fed,
		snapshot->system.components_declared);
	unfed(out, snapshot);
	fputc('\n', out);
	conservation(out, snapshot);
	for (size_t i = 0; i < N_LOSSES; i++) {
		if (!loss_count(integrity, i))
			continue;
		lossless = false;
		fprintf(out, "    %" PRIu64 " %s\n", loss_count(integrity, i), losses[i].what);
	}
	if (lossless)
		fputs("    no losses\n", out);
}

void text_overhead(FILE *out, const struct overhead *overhead)
{
	char word[WORD_SIZE];

	fprintf(out, "cost: %s", word_count(overhead->hits, "probe hit", word));
	if (!isnan(overhead->ns_per_hit))
		fprintf(out, " at %s", word_duration(overhead->ns_per_hit, word));
	if (!isnan(overhead->target_cpu_share))
		fprintf(out, ", %s of the target's CPU time", word_share(overhead->target_cpu_share, word));
	fprintf(out, "; lapse itself %s of CPU, %.1f MB\n", word_duration(overhead->tracer_cpu_s * 1e9, word),
		(double)overhead->tracer_rss_bytes / 1e6);
}

void text_recording(FILE *out, const struct recording *recording)
{
	char word[WORD_SIZE], safe[NAME_SIZE];

	if (!recording)
		return;
	if (!recording->path) {
		fprintf(out, "recorded: nothing%s%s\n",
			recording->stopped ? ": " : " happened that was to be",
			recording->stopped ? text_escape(recording->stopped, safe, sizeof(safe)) : "");
		return;
	}
	fprintf(out, "recorded: %s, %.1f MB, in %s", word_count(recording->spans, "span", word),
		(double)recording->bytes / 1e6, text_escape(recording->path, safe, sizeof(safe)));
	if (recording->files > 1)
		fprintf(out, ", the last of %" PRIu64 " incidents", recording->files);
	fputc('\n', out);
	if (recording->dropped_ticks)
		fprintf(out, "    %" PRIu64 " of the oldest ticks gave way to newer ones\n",
			recording->dropped_ticks);
	if (recording->lost)
		fprintf(out,
			"    %" PRIu64 " records lost on their way into it: the alerts that they would "
			"have set off again may be others\n",
			recording->lost);
	if (recording->stopped)
		fprintf(out, "    recording STOPPED before the end: %s\n",
			text_escape(recording->stopped, safe, sizeof(safe)));
}
