// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of `stat`: a row a component and interval; it only ever appends. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/units.h"
#include "output/compose.h"
#include "output/text_parts.h"
#include "output/words.h"

#define HEADER_EVERY 20

/* All text goes to one terminal, so there is one table. */
static struct {
	unsigned rows; /* since the header; 0: none was printed */
	enum time_unit unit;
	bool error_rate, cache, values; /* has these columns */
	bool p90, p999, trend;		/* what a narrow terminal has no room for */
	unsigned width;			/* of the terminal when the header was written */
} table;

void text_table_reset(void)
{
	table.rows = 0;
}

/* Ms where every known median is long enough to lose nothing by it; else us. */
static enum time_unit pick_unit(const struct snapshot *snapshot)
{
	enum time_unit unit = UNIT_US;

	for (size_t i = 0; i < snapshot->n_components; i++) {
		const struct stats *stats = &snapshot->components[i].interval;

		if (!stats->has_percentiles)
			continue;
		if (stats->p50_ns < 10 * NSEC_PER_MSEC)
			return UNIT_US;
		unit = UNIT_MS;
	}
	return unit;
}

/* Columns for what only some components have stand where there is one of them. */
static void choose_columns(const struct snapshot *snapshot)
{
	table.error_rate = snapshot->system.has_errors;
	table.cache = table.values = false;
	for (size_t i = 0; i < snapshot->n_components; i++) {
		table.cache |= snapshot->components[i].has_cache;
		table.values |= snapshot->components[i].interval.n_values > 0;
	}
}

/* What the columns that always stand take, and the name at the end; and what each of the others takes. */
#define FIXED_WIDTH	 (8 + 10 + 7 + 3 * 10 + 1)
#define NAME_WIDTH	 20
#define SHARE_WIDTH	 7
#define PERCENTILE_WIDTH 10
#define TREND_WIDTH	 (11 + 7)
#define TIME_WIDTH	 9

/* A row that is broken into two cannot be read down its columns: some go, those that are missed least first.
 */
static void fit_columns(const struct output_options *options)
{
	int room = options->width ? (int)options->width : INT_MAX;

	room -= FIXED_WIDTH + NAME_WIDTH + (options->timestamps ? TIME_WIDTH : 0) +
		(table.error_rate + table.cache) * SHARE_WIDTH + (table.values ? VALUES_WIDTH + 1 : 0);
	table.width = options->width;
	table.p999 = text_fits(&room, PERCENTILE_WIDTH);
	table.p90 = text_fits(&room, PERCENTILE_WIDTH);
	table.trend = text_fits(&room, TREND_WIDTH);
}

/* Whether column @i of a row's durations is there. */
static bool has_column(size_t i)
{
	return i == 1 ? table.p90 : i == 3 ? table.p999 : true;
}

/* A program with markers has named its first value: the column begins there. */
static bool lacks_values(const struct snapshot *snapshot, uint32_t i)
{
	return !table.values && snapshot->components[i].interval.n_values;
}

static void header(FILE *out, const struct output_options *options, const struct snapshot *snapshot)
{
	static const char *const columns[] = {"p50", "p90", "p99", "p99.9", "MAX"};
	const char *unit;
	char title[WORD_SIZE];

	table.unit = options->unit == UNIT_AUTO ? pick_unit(snapshot) : options->unit;
	unit = table.unit == UNIT_MS ? "ms" : "us";
	choose_columns(snapshot);
	fit_columns(options);
	if (options->timestamps)
		fprintf(out, "%-8s ", "TIME");
	fprintf(out, "%8s %9s %6s", "COUNT", "RATE/s", "ERR");
	if (table.error_rate)
		fprintf(out, " %6s", "ERR%");
	if (table.cache)
		fprintf(out, " %6s", "CACHE%");
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		if (!has_column(i))
			continue;
		snprintf(title, sizeof(title), "%s(%s)", columns[i], unit);
		fprintf(out, " %9s", title);
	}
	if (table.trend)
		fprintf(out, " %-10s %6s", "TREND", "HEALTH");
	if (table.values)
		fprintf(out, " %-*s", VALUES_WIDTH, "VALUES");
	fputs(" FUNC\n", out);
}

static void figure(FILE *out, bool known, uint64_t ns)
{
	char word[WORD_SIZE];

	fprintf(out, " %9s", known ? word_in_unit(ns, table.unit, word) : "-");
}

static void latencies(FILE *out, const struct stats *stats)
{
	figure(out, stats->has_percentiles, stats->p50_ns);
	if (table.p90)
		figure(out, stats->has_percentiles, stats->p90_ns);
	figure(out, stats->has_percentiles, stats->p99_ns);
	if (table.p999)
		figure(out, stats->has_percentiles, stats->p999_ns);
	figure(out, stats->has_extremes, stats->max_ns);
}

static const char *decimal(double value, int digits, char word[WORD_SIZE])
{
	if (isnan(value))
		return "-";
	snprintf(word, WORD_SIZE, "%.*f", digits, value);
	return word;
}

/* The mean of each captured value in the interval. */
static const char *captured(const struct stats *stats, char values[NAME_SIZE])
{
	char word[WORD_SIZE];

	*values = '\0';
	for (size_t i = 0; i < stats->n_values; i++)
		if (stats->values[i].count)
			word_captured(stats->values[i].name, word_number(stats->values[i].mean, word),
				      values);
	return *values ? values : "-";
}

static void row(FILE *out, const struct output_options *options, const struct snapshot *snapshot, uint32_t i)
{
	const struct component_snapshot *component = &snapshot->components[i];
	const struct stats *stats = &component->interval;
	char word[WORD_SIZE], name[NAME_SIZE];

	if (options->timestamps)
		fprintf(out, "%-8s ", word_clock_short(snapshot, snapshot->system.now_ns, word));
	fprintf(out, "%8" PRIu64 " %9s", stats->count, decimal(stats->rate_per_s, 1, word));
	fprintf(out, " %6s", decimal(stats->has_errors ? (double)stats->errors : NAN, 0, word));
	if (table.error_rate)
		fprintf(out, " %6s", decimal(stats->error_rate * 100, 2, word));
	if (table.cache)
		fprintf(out, " %6s", decimal(stats->cache_hit_rate * 100, 2, word));
	latencies(out, stats);
	if (table.trend)
		fprintf(out, " %-10s %6s",
			component->detached ? "detached" : output_trend_name(component->latency_trend),
			decimal(component->health, 0, word));
	if (table.values)
		fprintf(out, " %-*s", VALUES_WIDTH, captured(stats, name));
	fprintf(out, " %s\n", word_component(snapshot, i, name));
}

static void rows(FILE *out, const struct output_options *options, const struct snapshot *snapshot)
{
	uint32_t *shown;
	size_t more, n = text_shown(snapshot, true, &shown, &more);

	for (size_t i = 0; i < n; i++) {
		if (table.rows % HEADER_EVERY == 0 || table.width != options->width ||
		    lacks_values(snapshot, shown[i])) {
			header(out, options, snapshot);
			table.rows = 0;
		}
		table.rows++;
		row(out, options, snapshot, shown[i]);
	}
	if (more)
		fprintf(out, "(and %zu more functions with less time spent in them)\n", more);
	free(shown);
}

int text_table_interval(const struct output_options *options, const struct snapshot *snapshot)
{
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	rows(compose.file, options, snapshot);
	/* Rows of one interval belong together; timestamps show that by themselves. */
	if (snapshot->n_components > 1 && !options->timestamps)
		fputc('\n', compose.file);
	return compose_write(&compose, options->stream);
}
