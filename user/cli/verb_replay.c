// SPDX-License-Identifier: GPL-2.0-or-later
/* A recording judged again: what watch would have said of it. */
#include "cli/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "capture/replay.h"
#include "cli/output_file.h"
#include "cli/verdict_code.h"

struct verb_replay {
	const struct options *options;
	const struct output *output;
	struct output_options show;
	struct reader *reader;
	struct replay *replay;
	struct config config;
	bool has_config, as_recorded;
	int error; /* of the output */
	/* Alerts that came of it, and those that the recording has, one by one. */
	size_t n_alerts, n_recorded, n_same;
	char **told;
};

/* ---- what comes of it ------------------------------------------------------------------------------- */

static void keep(struct verb_replay *v, int err)
{
	v->error = v->error ? v->error : err;
}

static void on_violation(void *context, const struct violation *violation)
{
	struct verb_replay *v = context;

	if ((v->options->json || diag_verbose()) && !v->error)
		keep(v, v->output->violation(
				&v->show, monitor_names_of(replay_monitor(v->replay), violation->component),
				violation));
}

static void on_alert(void *context, const struct alert *alert)
{
	struct verb_replay *v = context;
	const struct snapshot *snapshot = monitor_snapshot_of(replay_monitor(v->replay), alert->component);
	char **told = reallocarray(v->told, v->n_alerts + 1, sizeof(*told));

	if (!v->error)
		keep(v, v->output->alert(&v->show, snapshot, alert));
	if (!told)
		return;
	v->told = told;
	v->told[v->n_alerts++] = output_alert_json(snapshot, alert);
}

static void on_health(void *context)
{
	struct verb_replay *v = context;

	if (v->has_config && !v->error)
		keep(v, v->output->health(&v->show, monitor_snapshot(replay_monitor(v->replay))));
}

/* In the recording an alert stands behind what set it off: it has come again by then. */
static void compare(struct verb_replay *v, const struct reader_alert *recorded)
{
	size_t i = v->n_recorded++;

	v->n_same += i < v->n_alerts && v->told[i] && recorded->json && !strcmp(v->told[i], recorded->json);
}

/* ---- contracts ---------------------------------------------------------------------------------------- */

static bool is_recorded(const struct verb_replay *v)
{
	const struct capture_contract *recorded = reader_contract(v->reader);

	return recorded && !reader_is_reloaded(v->reader) && !strcmp(recorded->text, v->config.text);
}

static int read_contracts(struct verb_replay *v)
{
	const struct capture_contract *recorded = reader_contract(v->reader);
	int err;

	if (v->options->n_operands > 1)
		err = config_read(v->options->operands[1], &v->config);
	else if (recorded)
		err = config_parse(recorded->path, recorded->text, strlen(recorded->text), &v->config);
	else
		return 0;
	if (err)
		return EXIT_USAGE;
	v->has_config = true;
	v->as_recorded = v->options->n_operands < 2 || is_recorded(v);
	return 0;
}

/* ---- the story ------------------------------------------------------------------------------------------
 */

static int open_output(struct verb_replay *v)
{
	const struct options *options = v->options;

	v->output = options->json ? &output_json : &output_text;
	v->show = (struct output_options){.unit = options->unit, .why = reader_number(v->reader, "why", 0)};
	return output_file_open(options, &v->show);
}

static int start(struct verb_replay *v)
{
	const struct replay_options options = {.config = v->has_config ? &v->config : NULL,
					       .as_recorded = v->as_recorded,
					       .has_severity = v->options->fail_on_given,
					       .exit_severity = v->options->fail_on};
	const struct monitor_sink sink = {on_violation, on_alert, on_health, v};

	if (!replay_new(v->reader, &options, &sink, &v->replay))
		return 0;
	diag_error("out of memory");
	return EXIT_UNKNOWN;
}

static int feed_all(struct verb_replay *v)
{
	struct reader_event event;
	int more;

	while ((more = replay_next(v->replay, &event)) > 0 && !v->error)
		if (event.kind == READER_ALERT)
			compare(v, event.alert);
	if (more < 0)
		diag_error("the recording could not be fed to its end: %s", strerror(-more));
	return more < 0 ? EXIT_UNKNOWN : 0;
}

static void say_state(const struct verb_replay *v)
{
	if (!reader_is_complete(v->reader))
		diag_warn(
			"the recording was not ended in peace (lapse was killed, the disk was full, or it is "
			"still being written): it is judged as far as it goes");
}

/* The same contracts must set off the same, but for what was lost. */
static void say_alerts(const struct verb_replay *v)
{
	if (!v->as_recorded)
		diag_note(v->n_alerts == 1 ? "%zu alert would have been told; it was recorded with %zu"
					   : "%zu alerts would have been told; it was recorded with %zu",
			  v->n_alerts, v->n_recorded);
	else if (v->n_same == v->n_recorded && v->n_same == v->n_alerts)
		diag_note(v->n_same == 1 ? "%zu alert, the same as recorded"
					 : "%zu alerts, the same as recorded",
			  v->n_same);
	else
		diag_note("%zu alerts, where %zu were recorded; %zu are the same", v->n_alerts, v->n_recorded,
			  v->n_same);
}

static int finish(struct verb_replay *v)
{
	const struct snapshot *snapshot;

	replay_end(v->replay);
	snapshot = monitor_snapshot_full(replay_monitor(v->replay));
	if (!snapshot)
		return EXIT_UNKNOWN;
	if (!v->error)
		keep(v, v->output->final(&v->show, snapshot));
	if (output_file_close(&v->show, v->error))
		return EXIT_USAGE;
	if (v->has_config)
		say_alerts(v);
	return v->has_config ? verdict_code(snapshot->verdict) : EXIT_HELD;
}

static int run(struct verb_replay *v)
{
	int code = open_output(v);

	say_state(v);
	code = code ?: read_contracts(v);
	code = code ?: start(v);
	code = code ?: feed_all(v);
	return code ?: finish(v);
}

static void release(struct verb_replay *v)
{
	if (v->replay)
		replay_free(v->replay);
	if (v->has_config)
		config_free(&v->config);
	output_file_close(&v->show, 0);
	for (size_t i = 0; i < v->n_alerts; i++)
		free(v->told[i]);
	free(v->told);
	reader_close(v->reader);
}

static int replay(const struct options *options)
{
	struct verb_replay v = {.options = options};
	int code;

	if (options->n_operands < 1 || options->n_operands > 2) {
		diag_error("name a recording, and contracts: lapse replay FILE [CONTRACTS.yaml]");
		return EXIT_USAGE;
	}
	if (reader_open(options->operands[0], &v.reader))
		return EXIT_USAGE;
	code = run(&v);
	release(&v);
	return code;
}

int verb_replay(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_REPLAY,
		"lapse replay",
		"FILE [CONTRACTS.yaml]",
		"Judges a recording again, by other contracts or (without any) those that it was recorded "
		"with; the exit code is the verdict.",
	};
	struct options options;
	int code = EXIT_USAGE;

	if (!options_parse(&usage, argc, argv, &options))
		code = replay(&options);
	options_free(&options);
	return code;
}
