// SPDX-License-Identifier: GPL-2.0-or-later
/* What enters the monitor, and what comes of it, on its way into a recording. */
#include "cli/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/units.h"

/* Between the loop and the disk, of memory that is in use only while the disk is behind: four million spans.
 */
#define QUEUE_BYTES (512ULL << 20)

/* Waits that are shorter have no stack in words: to name one costs more than most are worth. */
#define STACK_WAIT_NS NSEC_PER_MSEC

int recorder_new(struct session *session)
{
	const struct options *options = session->options;
	struct capture_options wanted = {
		.queue_bytes = options->keep_ns ? options->keep_bytes : QUEUE_BYTES,
		.keep_ns = options->keep_ns,
		.max_bytes = options->max_bytes,
		.max_time_ns = options->max_time_ns,
	};
	int code = options->capture_path && options->keep_ns ? flight_prepare(session) : 0;

	if (!options->capture_path || code)
		return code;
	session->recorder = calloc(1, sizeof(*session->recorder));
	if (!session->recorder || capture_new(&wanted, &session->recorder->capture)) {
		diag_error("out of memory");
		return EXIT_NOT_ATTACHED;
	}
	if (options->keep_ns)
		return 0;
	if (capture_begin(session->recorder->capture, options->capture_path))
		return EXIT_USAGE;
	session->recorder->made = options->capture_path;
	return 0;
}

static void free_stacks(struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->n_stacks; i++)
		free(recorder->stacks[i]);
	free(recorder->stacks);
	recorder->stacks = NULL;
	recorder->n_stacks = 0;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	capture_free(recorder->capture);
	/* What could not be traced has left nothing to keep. */
	if (recorder->made)
		unlink(recorder->made);
	free_stacks(recorder);
	free(recorder->flight.wanted);
	free(recorder);
}

/* ---- what is measured, and where --------------------------------------------------------------------- */

/* As a shell takes it for one word. */
static void put_word(FILE *out, const char *word)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
	bool quoted = !*word || word[strspn(word, plain)];

	if (quoted)
		putc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	if (quoted)
		putc('\'', out);
}

/* The command, as far as it fits, so that it can be given again. */
static void record_command(struct capture *capture)
{
	char words[4096], *text = NULL;
	FILE *file = fopen("/proc/self/cmdline", "re");
	size_t n = file ? fread(words, 1, sizeof(words) - 1, file) : 0, size;
	FILE *out = open_memstream(&text, &size);

	words[n] = '\0';
	if (file)
		fclose(file);
	for (const char *word = words; out && word < words + n; word += strlen(word) + 1) {
		fputs(word > words ? " " : "", out);
		put_word(out, word);
	}
	if (out && !fclose(out))
		capture_fact(capture, "command", text);
	free(text);
}

static void record_host(struct capture *capture)
{
	struct utsname host;

	if (uname(&host))
		return;
	capture_fact(capture, "host", host.nodename);
	capture_fact(capture, "kernel", host.release);
	capture_fact(capture, "kernel_version", host.version);
	capture_fact(capture, "machine", host.machine);
	capture_fact_number(capture, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
}

static void record_run(struct session *session, struct capture *capture)
{
	const struct snapshot *snapshot = monitor_snapshot(session->monitor);

	capture_fact(capture, "lapse", LAPSE_VERSION);
	capture_fact_number(capture, FACT_START_NS, (int64_t)session->start_ns);
	capture_fact_number(capture, FACT_EPOCH_NS, snapshot ? snapshot->epoch_ns : 0);
	capture_fact_number(capture, FACT_TICK_NS, (int64_t)session->tick_ns);
	capture_fact_number(capture, FACT_INTERVAL_NS, (int64_t)session->options->interval_ns);
	capture_fact_number(capture, FACT_BUCKET_BITS,
			    tracer_bucket_bits(session->plan.n_components + session->n_groups));
	capture_fact_number(capture, FACT_EXIT_SEVERITY, session->options->fail_on);
	capture_fact_number(capture, "stream_rate", (int64_t)session->options->stream_rate);
	capture_fact_number(capture, "slower_ns", (int64_t)session->options->slower_ns);
	capture_fact_number(capture, "why", session->show.why);
	capture_fact(capture, "attached_by", attach_kind_name(tracer_attach_kind(session->tracer)));
}

static void without_limits(struct capture_component *component)
{
	for (int level = 0; level < LAPSE_LEVELS; level++)
		component->level_ns[level] = UINT64_MAX;
}

static void own_limits(const struct session *session, uint32_t number, struct capture_component *component)
{
	monitor_kernel_levels(session->monitor, number, component->level_ns);
	if (session->kind == SESSION_TRACE)
		component->level_ns[LAPSE_LEVEL_WARNING] = session->options->slower_ns;
}

static struct capture_component describe(const struct session *session, size_t i)
{
	const struct plan_component *planned = &session->plan.components[i];
	struct capture_component component = {
		.id = (uint32_t)i,
		.monitored = {.name = planned->name,
			      .function = planned->function,
			      .object = planned->object},
		.probe = planned->spec < session->n_specs ? session->specs[planned->spec].text : NULL,
		.places = planned->n_places,
	};

	without_limits(&component);
	return component;
}

/* One that only feeds another: its spans come, but have no figures of their own. */
static void record_feeder(struct session *session, size_t i)
{
	const struct plan_component *planned = &session->plan.components[i];
	struct capture_component component = describe(session, i);

	if (planned->feeds == FEEDS_CAUSES)
		component.feeds = "causes";
	else
		component.feeds =
			planned->feeds == FEEDS_CACHE ? CAPTURE_FEEDS_CACHE : CAPTURE_FEEDS_CONNECTIONS;
	component.fed = planned->fed;
	if (planned->feeds == FEEDS_CONNECTS)
		monitor_kernel_connect_levels(session->monitor, planned->fed, component.level_ns);
	capture_component(session->recorder->capture, &component);
}

/* Of the plan, or a group of connections: these have no probe of their own. */
void recorder_component(struct session *session, size_t number, const struct monitor_component *component)
{
	struct capture_component recorded = {.id = (uint32_t)number};

	if (!session->recorder)
		return;
	if (number < session->plan.n_components)
		recorded = describe(session, number);
	without_limits(&recorded);
	recorded.monitored = *component;
	recorded.monitored.contract = NULL;
	own_limits(session, (uint32_t)number, &recorded);
	capture_component(session->recorder->capture, &recorded);
}

static void record_processes(struct session *session)
{
	for (size_t i = 0; i < session->n_processes; i++) {
		const struct process *process = &session->processes[i];
		struct capture_process recorded = {.time_ns = session->start_ns,
						   .event = "traced",
						   .pid = (uint32_t)process->pid,
						   .exe = process->exe};

		memcpy(recorded.comm, process->comm, sizeof(recorded.comm));
		capture_process(session->recorder->capture, &recorded);
	}
}

void recorder_contract(struct session *session, const struct config *config)
{
	if (session->recorder && config)
		capture_contract(session->recorder->capture,
				 &(struct capture_contract){config->path, config->text});
}

void recorder_start(struct session *session)
{
	struct recorder *recorder = session->recorder;

	if (!recorder)
		return;
	record_run(session, recorder->capture);
	record_command(recorder->capture);
	record_host(recorder->capture);
	for (size_t i = session->n_monitored; i < session->plan.n_components; i++)
		record_feeder(session, i);
	record_processes(session);
	recorder_contract(session, session->config);
	recorder->started = true;
	recorder->made = NULL;
	capture_commit(recorder->capture, 0);
}

void recorder_process(struct session *session, const struct lapse_proc *record)
{
	static const char *const events[] = {
		[LAPSE_PROC_EXEC] = "exec", [LAPSE_PROC_EXIT] = "exit", [LAPSE_PROC_FORK] = "fork"};
	struct capture_process recorded = {.time_ns = record->time_ns,
					   .pid = record->pid,
					   .parent = record->event == LAPSE_PROC_FORK ? record->parent : 0,
					   .code = record->event == LAPSE_PROC_EXIT ? record->code : 0};

	if (!session->recorder || record->event >= sizeof(events) / sizeof(*events) || !events[record->event])
		return;
	recorded.event = events[record->event];
	memcpy(recorded.comm, record->comm, sizeof(recorded.comm));
	capture_process(session->recorder->capture, &recorded);
}

/* ---- the sequence ---------------------------------------------------------------------------------------
 */

/* "short form\nfunction\nfunction", to be freed; NULL: there is none. */
static char *stack_text(const struct output_stack *stack)
{
	char *text = NULL;
	size_t size;
	FILE *to = stack->n ? open_memstream(&text, &size) : NULL;

	if (!to)
		return NULL;
	fputs(stack->brief ?: "", to);
	for (size_t i = 0; i < stack->n; i++)
		fprintf(to, "\n%s", stack->frames[i].text);
	fclose(to);
	return text;
}

static bool deserves_stack(const struct lapse_span *span)
{
	const struct lapse_why_span *why = (const struct lapse_why_span *)(const void *)span;

	return span->flags & LAPSE_SPAN_WHY && why->why.longest.duration_ns >= STACK_WAIT_NS;
}

void recorder_span(struct session *session, const struct lapse_span *span)
{
	struct output_stack stack = {0};
	char *text;

	if (!session->recorder)
		return;
	if (deserves_stack(span))
		stack = stacks_of(session, span);
	text = stack_text(&stack);
	capture_span(session->recorder->capture, span, text);
	free(text);
}

static void name_open(struct session *session, const struct tick *tick)
{
	struct recorder *recorder = session->recorder;

	free_stacks(recorder);
	recorder->stacks = tick->n_hung ? calloc(tick->n_open, sizeof(*recorder->stacks)) : NULL;
	if (!recorder->stacks)
		return;
	recorder->n_stacks = tick->n_open;
	for (size_t i = 0; i < tick->n_open; i++) {
		const struct lapse_span *span = tick_open_span(tick, i);
		struct output_stack stack = {0};

		if (span->flags & LAPSE_SPAN_HUNG)
			stack = hung_stack(session, span);
		recorder->stacks[i] = stack_text(&stack);
	}
}

void recorder_tick(struct session *session, const struct tick *tick)
{
	struct recorder *recorder = session->recorder;

	if (!recorder)
		return;
	name_open(session, tick);
	capture_tick(recorder->capture, tick, (const char *const *)recorder->stacks);
	if (!tick->self.not_streamed || recorder->rate_said)
		return;
	recorder->rate_said = true;
	diag_note(
		"more than %llu calls a second: of those above that, the slow and failed ones and one in %d "
		"are recorded one by one; the histograms have all (--max-rate)",
		(unsigned long long)session->options->stream_rate, LAPSE_STREAM_SAMPLE);
}

/* ---- how it goes ------------------------------------------------------------------------------------------
 */

/* A second is larger than the file may be. */
static void say_left_out(struct recorder *recorder, const struct capture_figures *figures)
{
	if (!figures->left_out || recorder->left_out_said)
		return;
	recorder->left_out_said = true;
	diag_warn("more calls come in a second than --max-size has room for: the rest of them is not "
		  "recorded one "
		  "by one, only in the histograms; raise --max-size, or lower --max-rate");
}

static void say_troubles(struct recorder *recorder)
{
	struct capture_figures figures = capture_figures(recorder->capture);

	if (figures.failure && !recorder->failure_said)
		diag_warn("recording has stopped: %s; what %s has until then is kept, and tracing goes on",
			  figures.failure, figures.path);
	else if (figures.lost > figures.left_out && !recorder->loss_said && !figures.failure)
		diag_warn("records are lost on their way into the recording: the disk is slower than they "
			  "come");
	say_left_out(recorder, &figures);
	recorder->failure_said |= figures.failure != NULL;
	recorder->loss_said |= figures.lost > figures.left_out;
}

/* Why there is no file at all though something happened; NULL: there is one, or nothing did. */
static const char *unwritten(const struct recorder *recorder, const struct capture_figures *figures)
{
	return recorder->flight.unwritten && !figures->path ? "an incident could not be written" : NULL;
}

void recorder_count(struct session *session)
{
	struct recorder *recorder = session->recorder;
	struct capture_figures figures;

	if (!recorder)
		return;
	figures = capture_figures(recorder->capture);
	recorder->recording = (struct recording){
		.path = figures.path,
		.spans = figures.spans,
		.ticks = figures.ticks,
		.bytes = figures.bytes,
		.dropped_ticks = figures.dropped_ticks,
		.lost = figures.lost,
		.files = session->options->keep_ns ? recorder->flight.incidents : 1,
		.stopped = figures.failure ? figures.failure : unwritten(recorder, &figures),
	};
	monitor_recorded(session->monitor, &recorder->recording);
}

void recorder_commit(struct session *session, uint64_t now_ns)
{
	if (!session->recorder)
		return;
	capture_commit(session->recorder->capture, now_ns);
	say_troubles(session->recorder);
	if (session->options->keep_ns)
		flight_tick(session, now_ns);
}

void recorder_violation(struct session *session, const struct violation *violation)
{
	const struct snapshot *snapshot;
	char what[256];

	if (!session->recorder)
		return;
	capture_violation(session->recorder->capture, violation);
	if (!session->options->keep_ns || violation->severity < session->options->keep_on ||
	    session->recorder->flight.until_ns)
		return;
	snapshot = monitor_snapshot_of(session->monitor, violation->component);
	if (!snapshot)
		return;
	snprintf(what, sizeof(what), "%s of %s", objective_info(violation->kind)->violation,
		 snapshot->components[violation->component].name);
	flight_trigger(session, snapshot->components[violation->component].name, what);
}

void recorder_alert(struct session *session, const struct alert *alert, const char *json)
{
	if (session->recorder)
		capture_alert(session->recorder->capture, alert, json);
}

void recorder_trigger(struct session *session, const char *why)
{
	if (session->recorder && session->options->keep_ns)
		flight_trigger(session, why, why);
}

void recorder_finish(struct session *session)
{
	struct recorder *recorder = session->recorder;

	if (!recorder || !recorder->started)
		return;
	if (session->options->keep_ns) {
		flight_finish(session);
	} else {
		capture_end(recorder->capture, session->end_reason);
		capture_wait(recorder->capture);
	}
	say_troubles(recorder);
	recorder_count(session);
}
