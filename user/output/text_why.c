// SPDX-License-Identifier: GPL-2.0-or-later
/* Why spans were slow, in text: a column, a line below the row, and a line of the report. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "monitor/explain.h"
#include "output/compose.h"
#include "output/text_parts.h"
#include "output/why_words.h"

/* Below a hundredth of the span a cause explains nothing. */
#define SHOWN 0.01

struct part {
	const char *name;
	double value;
};

static int by_value(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->value < y->value ? 1 : x->value > y->value ? -1 : 0;
}

/* "lock 171.0  net 10.8  on-cpu 2.1", the largest first. */
const char *text_causes(enum time_unit unit, const struct lapse_span *span, char words[NAME_SIZE])
{
	struct part parts[LAPSE_CAUSES + 1];
	uint64_t ns[LAPSE_CAUSES + 1];
	char word[WORD_SIZE];
	size_t length = 0;

	*words = '\0';
	if (!span_causes(span, ns))
		return "-";
	for (int cause = 0; cause <= LAPSE_CAUSES; cause++)
		parts[cause] = (struct part){cause_names[cause], (double)ns[cause]};
	qsort(parts, LAPSE_CAUSES + 1, sizeof(*parts), by_value);
	for (int i = 0; i <= LAPSE_CAUSES && length < NAME_SIZE; i++)
		if (parts[i].value > 0 && parts[i].value >= SHOWN * (double)span->duration_ns)
			length += (size_t)snprintf(words + length, NAME_SIZE - length, "%s%s %s",
						   length ? "  " : "", parts[i].name,
						   word_in_unit((uint64_t)parts[i].value, unit, word));
	return *words ? words : "-";
}

static const struct lapse_rival *most_of(const struct lapse_why *why)
{
	const struct lapse_rival *most = why->rival;

	for (int i = 1; i < LAPSE_RIVALS; i++)
		if (why->rival[i].ns > most->ns)
			most = &why->rival[i];
	return most;
}

static void rival(FILE *out, const struct lapse_why *why, uint64_t duration_ns)
{
	const struct lapse_rival *most = most_of(why);
	char comm[LAPSE_COMM_LEN + 1] = {0}, safe[NAME_SIZE];

	if (!most->pid || (double)why->ns[LAPSE_RUNQ] < SHOWN * (double)duration_ns)
		return;
	memcpy(comm, most->comm, LAPSE_COMM_LEN);
	fprintf(out, "%17s%s/%u ran instead\n", "", text_escape(comm, safe, sizeof(safe)), most->pid);
}

static void waker(FILE *out, const struct snapshot *snapshot, const struct lapse_waker *waker)
{
	char comm[LAPSE_COMM_LEN + 1] = {0}, safe[NAME_SIZE];

	if (waker->interrupt == LAPSE_INTERRUPT_UNKNOWN)
		return;
	if (waker->interrupt) {
		fprintf(out, ", ended by %s", interrupt_names[waker->interrupt]);
		return;
	}
	memcpy(comm, waker->comm, LAPSE_COMM_LEN);
	fprintf(out, ", ended by %s/%u", text_escape(comm, safe, sizeof(safe)), waker->tid);
	if (waker->component)
		fprintf(out, " (%s)", word_component(snapshot, waker->component - 1, safe));
}

/* "└ now blocked for 3.00 s of lock in futex_wait_queue <- pthread_mutex_lock" */
static void present(FILE *out, const struct snapshot *snapshot, const struct lapse_span *span)
{
	char words[NAME_SIZE];

	if (*word_now(snapshot, span_now(span), words))
		fprintf(out, "%13s\u2514 now %s\n", "", words);
}

/* "└ 171.0 ms of lock in pthread_mutex_lock, ended by checkout/41833 (rebuild_index)" */
static void longest(FILE *out, const struct snapshot *snapshot, const struct lapse_block *block,
		    const struct output_stack *stack)
{
	char word[WORD_SIZE], address[ADDRESS_SIZE], where[NAME_SIZE];

	fprintf(out, "%13s\u2514 %s of %s", "", word_duration((double)block->duration_ns, word),
		cause_names[block->cause]);
	if (block->peer.port)
		fprintf(out, " on %s", word_address(&block->peer, address));
	if (stack && *stack->brief)
		fprintf(out, " in %s", text_escape(stack->brief, where, sizeof(where)));
	waker(out, snapshot, &block->waker);
	fputc('\n', out);
}

/* More waits followed than the kernel's side remembers, and this one's were among them. */
static bool longest_is_lost(const struct lapse_block *block)
{
	return !block->duration_ns && block->end_ns;
}

void text_longest_wait(FILE *out, const struct snapshot *snapshot, const struct lapse_span *span,
		       const struct output_stack *stack)
{
	const struct lapse_why *why = span_why(span);

	if (span_now(span))
		present(out, snapshot, span);
	else if (why && longest_is_lost(&why->longest))
		fprintf(out, "%13s\u2514 its longest wait is not known: too many came after it\n", "");
	else if (why && (double)why->longest.duration_ns >= SHOWN * (double)span->duration_ns &&
		 why->longest.duration_ns)
		longest(out, snapshot, &why->longest, stack);
	if (why)
		rival(out, why, span->duration_ns);
}

/* "the slowest 1 % (12 spans, 204 ms each): 78 % lock (held by rebuild_index), 15 % net 10.0.1.5:5432" */
static void band(FILE *out, const struct snapshot *snapshot, const struct cause_band *band)
{
	char words[NAME_SIZE], which[WORD_SIZE], count[WORD_SIZE], mean[WORD_SIZE];

	fprintf(out, "%s (%s, %s each): %s\n", word_band(band, which), word_count(band->count, "span", count),
		word_duration(band->mean_ns, mean), word_causes(snapshot, band, words));
}

/* The slowest stand in the first line: they are what people look for. */
bool text_first_band(FILE *out, const struct snapshot *snapshot, const struct component_snapshot *component)
{
	if (component->n_bands)
		band(out, snapshot, &component->bands[component->n_bands - 1]);
	return component->n_bands;
}

void text_other_bands(FILE *out, const struct snapshot *snapshot, const struct component_snapshot *component)
{
	for (size_t i = component->n_bands; i-- > 1;) {
		fputs("    ", out);
		band(out, snapshot, &component->bands[i - 1]);
	}
}

static void hung(FILE *out, const struct snapshot *snapshot, const struct hung *hung)
{
	char age[WORD_SIZE], words[NAME_SIZE], safe[NAME_SIZE], comm[LAPSE_COMM_LEN + 1] = {0};

	memcpy(comm, hung->comm, LAPSE_COMM_LEN);
	fprintf(out, "    open for %s", word_duration((double)hung->age_ns, age));
	if (hung->tid)
		fprintf(out, " in %s/%u", text_escape(comm, safe, sizeof(safe)), hung->tid);
	else
		fprintf(out, " in a goroutine of %u", hung->pid);
	if (*word_explanation(snapshot, &hung->why, words))
		fprintf(out, ": %s", words);
	fputc('\n', out);
}

void text_hung(FILE *out, const struct snapshot *snapshot, const struct component_snapshot *component)
{
	char word[WORD_SIZE];

	for (size_t i = 0; i < component->n_hung; i++)
		hung(out, snapshot, &component->hung[i]);
	if (component->hung_more)
		fprintf(out, "    and %s more past the limit\n",
			word_count(component->hung_more, "open span", word));
}
