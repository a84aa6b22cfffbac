// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

/* ---- gathered on the way ------------------------------------------------------------------------ */

static void keep(struct report *report, int err)
{
	report->error = report->error ? report->error : err;
}

static void on_violation(void *context, const struct violation *violation)
{
	struct report *report = context;
	struct report_violation *to;

	if (report->n_violations == REPORT_VIOLATIONS) {
		report->more_violations++;
		return;
	}
	if (!report->violations)
		report->violations = calloc(REPORT_VIOLATIONS, sizeof(*report->violations));
	if (!report->violations) {
		keep(report, -ENOMEM);
		return;
	}
	to = &report->violations[report->n_violations++];
	to->violation = *violation;
	to->has_why = violation->why != NULL;
	if (violation->why)
		to->why = *violation->why;
	to->violation.why = NULL;
}

static void on_alert(void *context, const struct alert *alert)
{
	struct report *report = context;
	struct alert *grown = reallocarray(report->alerts, report->n_alerts + 1, sizeof(*grown));

	if (!grown) {
		keep(report, -ENOMEM);
		return;
	}
	report->alerts = grown;
	report->alerts[report->n_alerts++] = *alert;
}

static void take_tick(struct report *report, const struct reader_event *event)
{
	const struct tick *tick = event->tick;
	struct report_head *head = &report->head;

	if (!head->begin_ns) {
		head->begin_ns = tick->period_ns && tick->period_ns <= tick->now_ns
					 ? tick->now_ns - tick->period_ns
					 : (uint64_t)reader_number(report->reader, FACT_START_NS,
								   (int64_t)tick->now_ns);
		heat_init(&report->heat, head->begin_ns,
			  (uint64_t)reader_number(report->reader, FACT_TICK_NS, 0));
	}
	if (tick->now_ns > head->end_ns)
		head->end_ns = tick->now_ns;
	head->lost += event->lost;
	head->not_streamed = tick->self.not_streamed;
	for (size_t i = 0; i < tick->n_components; i++) {
		const struct tick_component *c = &tick->components[i];
		uint32_t row = replay_number(report->replay, c->component);

		if (row != UINT32_MAX)
			keep(report, heat_add(&report->heat, row, tick->now_ns, c->buckets, c->n_buckets,
					      report->bucket_bits));
	}
}

static void take_span(struct report *report, const struct reader_event *event)
{
	/* It may be the head of more, which is not to be changed but for this. */
	struct lapse_span *span = (struct lapse_span *)(uintptr_t)event->span;
	uint32_t recorded = span->component, row = replay_number(report->replay, recorded);

	report->head.spans++;
	if (row == UINT32_MAX || event->kind != READER_SPAN || span->flags & LAPSE_SPAN_UNTIMED)
		return;
	span->component = row;
	if (!(span->flags & LAPSE_SPAN_ENDLESS))
		keep(report, slowest_add(&report->slowest, span, event->stack_brief, event->stack));
	keep(report, offcpu_add(&report->offcpu, span, event->stack));
	keep(report, peers_add(&report->peers, span));
	span->component = recorded;
}

static void take(struct report *report, const struct reader_event *event)
{
	switch (event->kind) {
	case READER_SPAN:
	case READER_CONNECT:
		take_span(report, event);
		break;
	case READER_TICK:
		take_tick(report, event);
		break;
	case READER_ALERT:
		report->n_recorded_alerts++;
		break;
	case READER_COMPONENT:
	case READER_CONTRACT:
	case READER_PROCESS:
	case READER_VIOLATION:
		break;
	}
}

/* ---- made --------------------------------------------------------------------------------------- */

static int read_contracts(struct report *report)
{
	const struct capture_contract *recorded = reader_contract(report->reader);
	int err;

	if (!recorded)
		return 0;
	err = config_parse(recorded->path, recorded->text, strlen(recorded->text), &report->config);
	report->has_config = !err;
	/* Of a damaged file: the figures are there all the same. */
	if (err && err != -ENOMEM) {
		diag_warn("the recorded contracts cannot be read: what was promised is left out");
		err = 0;
	}
	return err;
}

static int feed(struct report *report)
{
	const struct replay_options options = {.config = report->has_config ? &report->config : NULL,
					       .as_recorded = true};
	const struct monitor_sink sink = {on_violation, on_alert, NULL, report};
	struct reader_event event;
	int more = replay_new(report->reader, &options, &sink, &report->replay);

	if (more)
		return more;
	while ((more = replay_next(report->replay, &event)) > 0 && !report->error)
		take(report, &event);
	if (more < 0)
		diag_warn("the recording could not be read to its end: %s", strerror(-more));
	replay_end(report->replay);
	report->snapshot = monitor_snapshot_full(replay_monitor(report->replay));
	return report->snapshot ? report->error : -ENOMEM;
}

static void fill_head(struct report *report)
{
	struct report_head *head = &report->head;

	head->command = reader_fact(report->reader, "command");
	head->host = reader_fact(report->reader, "host");
	head->kernel = reader_fact(report->reader, "kernel");
	head->complete = reader_is_complete(report->reader);
	head->damage = reader_damage(report->reader);
	head->story = (const char *const *)report->story;
	head->n_story = report->n_story;
}

static int make(struct report *report)
{
	int err = read_contracts(report);

	report->slowest.most = REPORT_SLOWEST;
	report->bucket_bits = reader_options(report->reader).bucket_bits;
	err = err ?: feed(report);
	err = err ?: slowest_sort(&report->slowest);
	err = err ?: offcpu_sort(&report->offcpu);
	err = err ?: peers_sort(&report->peers);
	if (err)
		return err;
	fill_head(report);
	err = report_tell(report);
	fill_head(report);
	return err;
}

int report_make(const char *path, struct report **report)
{
	struct report *r = calloc(1, sizeof(*r));
	int err = r ? reader_open(path, &r->reader) : -ENOMEM;

	if (r && err) {
		free(r);
		return err;
	}
	if (r) {
		r->head.path = path;
		err = make(r);
	}
	if (err) {
		diag_error("cannot report of %s: %s", path, strerror(-err));
		if (r)
			report_free(r);
		return err;
	}
	*report = r;
	return 0;
}

void report_free(struct report *report)
{
	heat_free(&report->heat);
	slowest_free(&report->slowest);
	offcpu_free(&report->offcpu);
	peers_free(&report->peers);
	for (size_t i = 0; i < report->n_story; i++)
		free(report->story[i]);
	free(report->story);
	free(report->alerts);
	free(report->violations);
	if (report->replay)
		replay_free(report->replay);
	if (report->has_config)
		config_free(&report->config);
	reader_close(report->reader);
	free(report);
}

/* ---- asked -------------------------------------------------------------------------------------- */

struct violation report_violation(const struct report_violation *kept)
{
	struct violation violation = kept->violation;

	violation.why = kept->has_why ? &kept->why : NULL;
	return violation;
}

const char *report_component(const struct report *report, uint32_t component)
{
	const struct snapshot *snapshot = report->snapshot;

	/* Behind the last one stands that of all together. */
	return component <= snapshot->n_components ? snapshot->components[component].name : "?";
}

bool report_slice(const struct report *report, uint32_t component, size_t column, struct report_slice *slice)
{
	const struct heat *heat = &report->heat;
	const struct heat_cell *cell = heat_cell(heat, component, column);

	if (!cell)
		return false;
	*slice = (struct report_slice){.component = report_component(report, component),
				       .begin_ns = heat->begin_ns + column * heat->width_ns,
				       .width_ns = heat->width_ns,
				       .count = cell->count,
				       .p50_ns = heat_quantile(cell, 500),
				       .p90_ns = heat_quantile(cell, 900),
				       .p99_ns = heat_quantile(cell, 990),
				       .max_ns = heat_quantile(cell, 1000)};
	return true;
}
