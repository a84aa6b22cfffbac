// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections in text: a table of its own, and what spans and reports say of them. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "output/compose.h"
#include "output/text_parts.h"
#include "output/words.h"

#define HEADER_EVERY 20

static unsigned rows; /* since the header; 0: none was printed */

/* What a narrow terminal has no room for. */
static struct {
	bool network, retransmits, opened, bytes, srtt, unread;
	unsigned width; /* of the terminal when the header was written */
} has;

/* What the columns that always stand take, and the name at the end; and what each of the others takes. */
#define FIXED_WIDTH  (8 + 10 + 6 + 3 * 11 + 1)
#define NAME_WIDTH   20
#define FIGURE_WIDTH 11
#define COUNT_WIDTH  7
#define BYTES_WIDTH  20
#define TIME_WIDTH   9

/* A row that is broken into two cannot be read down its columns: some go, those that are missed least first.
 */
static void fit_columns(const struct output_options *options)
{
	int room = options->width ? (int)options->width : INT_MAX;

	room -= FIXED_WIDTH + NAME_WIDTH + (options->timestamps ? TIME_WIDTH : 0);
	has.width = options->width;
	has.network = text_fits(&room, FIGURE_WIDTH);
	has.retransmits = text_fits(&room, COUNT_WIDTH);
	has.opened = text_fits(&room, COUNT_WIDTH);
	has.unread = text_fits(&room, FIGURE_WIDTH);
	has.srtt = text_fits(&room, FIGURE_WIDTH);
	has.bytes = text_fits(&room, BYTES_WIDTH);
}

void text_tcp_reset(void)
{
	rows = 0;
}

static enum time_unit unit_of(const struct output_options *options)
{
	return options->unit == UNIT_US ? UNIT_US : UNIT_MS;
}

static void header(FILE *out, const struct output_options *options)
{
	static const char *const columns[] = {"p50", "p99", "MAX", "NET", "UNREAD", "SRTT"};
	const char *unit = unit_of(options) == UNIT_US ? "us" : "ms";
	char title[WORD_SIZE];
	bool shown[] = {true, true, true, false, false, false};

	fit_columns(options);
	shown[3] = has.network;
	shown[4] = has.unread;
	shown[5] = has.srtt;
	if (options->timestamps)
		fprintf(out, "%-8s ", "TIME");
	fprintf(out, "%8s %9s %5s", "COUNT", "RATE/s", "ERR");
	if (has.opened)
		fprintf(out, " %6s", "OPENED");
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		if (!shown[i])
			continue;
		snprintf(title, sizeof(title), "%s(%s)", columns[i], unit);
		fprintf(out, " %10s", title);
	}
	if (has.retransmits)
		fprintf(out, " %6s", "RETRAN");
	if (has.bytes)
		fprintf(out, " %9s %9s", "SENT", "RECEIVED");
	fputs(" WHAT\n", out);
}

static void figure(FILE *out, const struct output_options *options, bool known, double ns)
{
	char word[WORD_SIZE];

	fprintf(out, " %10s", known ? word_in_unit((uint64_t)ns, unit_of(options), word) : "-");
}

static void mean(FILE *out, const struct output_options *options, double ns)
{
	figure(out, options, !isnan(ns), isnan(ns) ? 0 : ns);
}

static void row(FILE *out, const struct output_options *options, const struct snapshot *snapshot, uint32_t i)
{
	const struct stats *stats = &snapshot->components[i].interval;
	char word[WORD_SIZE], name[NAME_SIZE];

	if (options->timestamps)
		fprintf(out, "%-8s ", word_clock_short(snapshot, snapshot->system.now_ns, word));
	fprintf(out, "%8" PRIu64 " %9.1f", stats->count, isnan(stats->rate_per_s) ? 0 : stats->rate_per_s);
	fprintf(out, " %5" PRIu64, stats->errors);
	if (has.opened)
		fprintf(out, " %6" PRIu64, stats->tcp.opened);
	figure(out, options, stats->has_percentiles, (double)stats->p50_ns);
	figure(out, options, stats->has_percentiles, (double)stats->p99_ns);
	figure(out, options, stats->has_extremes, (double)stats->max_ns);
	if (has.network)
		mean(out, options, stats->tcp.network_ns);
	if (has.unread)
		mean(out, options, stats->tcp.unread_ns);
	if (has.srtt)
		mean(out, options, stats->tcp.srtt_ns);
	if (has.retransmits)
		fprintf(out, " %6" PRIu64, stats->tcp.retransmits);
	if (has.bytes) {
		fprintf(out, " %9s", word_bytes(stats->tcp.sent, word));
		fprintf(out, " %9s", word_bytes(stats->tcp.received, word));
	}
	fprintf(out, " %s\n", word_component(snapshot, i, name));
}

/* Something happened in the interval, or is still to come. */
static bool is_worth_a_row(const struct component_snapshot *component)
{
	const struct tcp_stats *tcp = &component->interval.tcp;

	return component->interval.count || component->in_flight || tcp->opened || tcp->retransmits ||
	       tcp->sent || tcp->received;
}

int text_tcp_interval(const struct output_options *options, const struct snapshot *snapshot)
{
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	for (uint32_t i = 0; i < snapshot->n_components; i++) {
		if (!is_worth_a_row(&snapshot->components[i]))
			continue;
		if (rows % HEADER_EVERY == 0 || has.width != options->width) {
			header(compose.file, options);
			rows = 0;
		}
		rows++;
		row(compose.file, options, snapshot, i);
	}
	return compose_write(&compose, options->stream);
}

static void add(char words[NAME_SIZE], const char *format, ...) LAPSE_PRINTF(2, 3);

static void add(char words[NAME_SIZE], const char *format, ...)
{
	size_t length = strlen(words);
	va_list args;

	va_start(args, format);
	vsnprintf(words + length, NAME_SIZE - length, format, args);
	va_end(args);
}

const char *text_tcp_span(enum time_unit unit, const struct lapse_span *span, const char *name,
			  char words[NAME_SIZE])
{
	const struct lapse_tcp *tcp = span_tcp(span);
	char word[ADDRESS_SIZE];

	*words = '\0';
	if (!tcp)
		return "-";
	if (!strstr(name, word_address(&tcp->peer, word)))
		add(words, "peer=%s ", word);
	if (tcp->kind == LAPSE_TCP_REQUEST) {
		add(words, "net=%s ", word_in_unit(tcp->network_ns, unit, word));
		add(words, "unread=%s ", word_in_unit(tcp->unread_ns, unit, word));
	}
	if (tcp->retransmits)
		add(words, "retransmits=%" PRIu32 " ", tcp->retransmits);
	if (tcp->pipelined)
		add(words, "pipelined=%" PRIu32 " ", tcp->pipelined);
	if (tcp->error)
		add(words, "(%s) ", strerrordesc_np(tcp->error) ?: "?");
	return *words ? words : "-";
}

void text_tcp_total(FILE *out, const struct tcp_stats *tcp)
{
	char word[WORD_SIZE];

	fprintf(out, "    tcp: %s opened", word_count(tcp->opened, "connection", word));
	fprintf(out, ", %s", word_count(tcp->retransmits, "retransmit", word));
	fprintf(out, ", sent %s", word_bytes(tcp->sent, word));
	fprintf(out, ", received %s", word_bytes(tcp->received, word));
	if (!isnan(tcp->srtt_ns))
		fprintf(out, ", round trip %s", word_duration(tcp->srtt_ns, word));
	if (tcp->has_min_rtt)
		fprintf(out, ", shortest %s", word_duration((double)tcp->min_rtt_ns, word));
	if (tcp->pipelined)
		fprintf(out, ", %s pipelined", word_count(tcp->pipelined, "send", word));
	if (tcp->mux)
		fprintf(out, "; %s with several requests at once: not measured",
			word_count(tcp->mux, "connection", word));
	fputc('\n', out);
}
