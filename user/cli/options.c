// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options_parts.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "base/units.h"
#include "kernel/tracer.h"

#define LIVE	(VERB_STAT | VERB_TRACE | VERB_WATCH | VERB_TCP)
#define TRACING (LIVE | VERB_RECORD)
#define TARGETS (TRACING | VERB_LIST | VERB_CHECK | VERB_DOCTOR | VERB_FIRST)

struct option_row {
	const char *name;
	int key; /* a letter, or a number above any letter */
	const char *argument;
	const char *help;
	unsigned verbs;
	/* 0, or -EINVAL after a message. */
	int (*apply)(struct options *options, const char *value);
};

static int add_pids(struct options *options, const char *value)
{
	pid_t *more, *all;
	size_t n;
	int err = target_parse_pids(value, &more, &n);

	if (err)
		return err;
	all = realloc(options->target.pids, (options->target.n_pids + n) * sizeof(*all));
	if (all) {
		memcpy(all + options->target.n_pids, more, n * sizeof(*all));
		options->target.pids = all;
		options->target.n_pids += n;
	}
	free(more);
	return all ? 0 : -ENOMEM;
}

static int set_exe(struct options *options, const char *value)
{
	options->target.exe = value;
	return *value ? 0 : option_bad("exe", value, "a path");
}

static int set_comm(struct options *options, const char *value)
{
	options->target.comm = value;
	return *value && strlen(value) < LAPSE_COMM_LEN
		       ? 0
		       : option_bad("comm", value, "a command name of at most 15 characters");
}

static int set_group(struct options *options, enum cgroup_by by, const char *option, const char *value)
{
	const char *wanted;

	if (options->target.cgroup.by != CGROUP_NONE) {
		diag_error("--%s: one of --cgroup, --unit and --container at a time, and once", option);
		return -EINVAL;
	}
	if (cgroup_rule_parse(by, value, &options->target.cgroup, &wanted))
		return option_bad(option, value, wanted);
	return 0;
}

static int set_cgroup(struct options *options, const char *value)
{
	return set_group(options, CGROUP_PATH, "cgroup", value);
}

static int set_unit(struct options *options, const char *value)
{
	return set_group(options, CGROUP_UNIT, "unit", value);
}

static int set_container(struct options *options, const char *value)
{
	return set_group(options, CGROUP_CONTAINER, "container", value);
}

static int set_follow(struct options *options, const char *value)
{
	(void)value;
	options->target.follow = true;
	return 0;
}

static int set_tid(struct options *options, const char *value)
{
	char *end;
	long tid = strtol(value, &end, 10);

	options->tid = tid;
	return *value && !*end && tid > 0
		       ? 0
		       : option_bad("tid", value, "a thread id; ps -L -p PID shows them as LWP");
}

static int set_duration(struct options *options, const char *value)
{
	return option_seconds("duration", value, 1, &options->duration_ns);
}

static int set_interval(struct options *options, const char *value)
{
	options->interval_given = true;
	if (option_seconds("interval", value, 100 * NSEC_PER_MSEC, &options->interval_ns))
		return -EINVAL;
	if (options->interval_ns > NSEC_PER_SEC && options->interval_ns % NSEC_PER_SEC)
		return option_bad("interval", value, "whole seconds, which it is above one; write 1s, 2s");
	return 0;
}

static int set_slower(struct options *options, const char *value)
{
	options->slower_given = true;
	return option_duration("slower", value, "30ms, or 0 for every call", &options->slower_ns);
}

static int set_ms(struct options *options, const char *value)
{
	(void)value;
	options->unit = UNIT_MS;
	return 0;
}

static int set_us(struct options *options, const char *value)
{
	(void)value;
	options->unit = UNIT_US;
	return 0;
}

static int set_timestamps(struct options *options, const char *value)
{
	(void)value;
	options->timestamps = true;
	return 0;
}

static int set_verbose(struct options *options, const char *value)
{
	(void)options;
	(void)value;
	diag_set_verbose(true);
	return 0;
}

static int set_json(struct options *options, const char *value)
{
	(void)value;
	options->json = true;
	return 0;
}

/* One form at a time. */
static int set_format(struct options *options, const char *name)
{
	if (options->format && strcmp(options->format, name) != 0) {
		diag_error("--%s and --%s at once: name one form", options->format, name);
		return -EINVAL;
	}
	options->format = name;
	return 0;
}

static int set_html(struct options *options, const char *value)
{
	(void)value;
	return set_format(options, "html");
}

static int set_trace(struct options *options, const char *value)
{
	(void)value;
	return set_format(options, "trace");
}

static int set_folded(struct options *options, const char *value)
{
	(void)value;
	return set_format(options, "folded");
}

static int set_hlog(struct options *options, const char *value)
{
	(void)value;
	return set_format(options, "hlog");
}

static int set_csv(struct options *options, const char *value)
{
	(void)value;
	return set_format(options, "csv");
}

static int set_report_json(struct options *options, const char *value)
{
	(void)value;
	return set_format(options, "json");
}

static int set_against(struct options *options, const char *value)
{
	options->against = value;
	return 0;
}

static int set_color(struct options *options, const char *value)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (int choice = COLOR_AUTO; choice <= COLOR_NEVER; choice++) {
		if (!strcmp(value, names[choice])) {
			options->color = choice;
			return 0;
		}
	}
	return option_bad("color", value, "auto, always or never");
}

static int set_output(struct options *options, const char *value)
{
	options->output_path = value;
	return 0;
}

static int set_attach(struct options *options, const char *value)
{
	int kind = attach_kind_parse(value);

	if (kind < 0)
		return option_bad("attach", value, "auto, session, multi or perf");
	options->attach = kind;
	return 0;
}

static int set_tcp_backend(struct options *options, const char *value)
{
	int backend = tcp_backend_parse(value);

	if (backend < 0)
		return option_bad("tcp-backend", value, "auto, fentry, kprobe or tracepoint");
	options->tcp_backend = backend;
	return 0;
}

static int set_why(struct options *options, const char *value)
{
	(void)value;
	options->why = WHY_ON;
	return 0;
}

static int set_no_why(struct options *options, const char *value)
{
	(void)value;
	options->why = WHY_OFF;
	return 0;
}

static int add_wait(struct options *options, const char *value)
{
	const char **all = reallocarray(options->waits, options->n_waits + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	options->waits = all;
	all[options->n_waits++] = value;
	return 0;
}

static int set_stack_size(struct options *options, const char *value)
{
	uint64_t bytes = 0;

	if (strcmp(value, "0") != 0 && units_parse_size(value, &bytes))
		return option_bad("stack-size", value, "a size with a unit; write 8KiB, or 0 for none");
	if (bytes > LAPSE_PIECE_MAX)
		return option_bad("stack-size", value, "a size up to 16KiB; write 8KiB, or 0 for none");
	options->stack_bytes = ((uint32_t)bytes + TRACER_STACK_STEP - 1) & ~(TRACER_STACK_STEP - 1);
	return 0;
}

static int set_no_realtime(struct options *options, const char *value)
{
	(void)value;
	options->no_realtime = true;
	return 0;
}

static int set_max_overhead(struct options *options, const char *value)
{
	if (units_parse_rate(value, &options->max_overhead) || options->max_overhead <= 0 ||
	    options->max_overhead > 1)
		return option_bad("max-overhead", value,
				  "a share of the target's CPU time; write 2% or 0.02");
	return 0;
}

/* The kernel wants pages, and a power of two of them. */
static int set_ring_size(struct options *options, const char *value)
{
	uint64_t bytes = 0, power = RING_SIZE_MIN;

	if (units_parse_size(value, &bytes) || bytes > RING_SIZE_MAX)
		return option_bad("ring-size", value, "a size up to 1GiB; write 16MiB");
	while (power < bytes)
		power *= 2;
	options->ring_bytes = power;
	return 0;
}

static int set_yes(struct options *options, const char *value)
{
	(void)value;
	options->yes = true;
	return 0;
}

static int set_merge(struct options *options, const char *value)
{
	options->merge = value;
	return 0;
}

static int set_force(struct options *options, const char *value)
{
	(void)value;
	options->force_uretprobe = true;
	return 0;
}

static int set_fail_on(struct options *options, const char *value)
{
	options->fail_on_given = true;
	return option_severity("fail-on", value, &options->fail_on);
}

enum {
	KEY_EXE = 256,
	KEY_MAX_OVERHEAD,
	KEY_NO_REALTIME,
	KEY_RING_SIZE,
	KEY_COMM,
	KEY_CGROUP,
	KEY_UNIT,
	KEY_CONTAINER,
	KEY_FOLLOW,
	KEY_SLOWER,
	KEY_JSON,
	KEY_COLOR,
	KEY_ATTACH,
	KEY_YES,
	KEY_MERGE,
	KEY_FORCE,
	KEY_FAIL_ON,
	KEY_TCP_BACKEND,
	KEY_WHY,
	KEY_NO_WHY,
	KEY_WAIT,
	KEY_STACK_SIZE,
	KEY_CAPTURE,
	KEY_KEEP,
	KEY_KEEP_SIZE,
	KEY_ON,
	KEY_AFTER,
	KEY_MAX_INCIDENTS,
	KEY_MAX_SIZE,
	KEY_MAX_TIME,
	KEY_MAX_RATE,
	KEY_HTML,
	KEY_TRACE,
	KEY_FOLDED,
	KEY_HLOG,
	KEY_CSV,
	KEY_AGAINST,
};

static const struct option_row rows[] = {
	{"pid", 'p', "PID[,PID...]", "trace these processes, all their threads", TARGETS, add_pids},
	{"exe", KEY_EXE, "PATH", "trace every process that runs PATH, now and later", TARGETS, set_exe},
	{"comm", KEY_COMM, "NAME", "trace every process with this command name, now and later", TARGETS,
	 set_comm},
	{"cgroup", KEY_CGROUP, "PATH", "trace every process in this control group or below, now and later",
	 TARGETS, set_cgroup},
	{"unit", KEY_UNIT, "NAME[.service]", "trace every process of this unit of systemd, now and later",
	 TARGETS, set_unit},
	{"container", KEY_CONTAINER, "IDPREFIX",
	 "trace every process of the container whose id begins so, now and later", TARGETS, set_container},
	{"follow", KEY_FOLLOW, NULL, "with -p: children too, now and later", TRACING | VERB_FIRST,
	 set_follow},
	{"tid", 't', "TID", "this thread alone", TRACING, set_tid},
	{"duration", 'd', "TIME", "stop after TIME (seconds, or with a unit)", TRACING | VERB_FIRST,
	 set_duration},
	{"interval", 'i', "TIME", "report every TIME (default 1 s)", TRACING, set_interval},
	{"slower", KEY_SLOWER, "TIME", "show calls longer than TIME (default 1ms)", VERB_TRACE | VERB_TCP,
	 set_slower},
	{"slower", KEY_SLOWER, "TIME", "calls longer than TIME are always recorded one by one (default 1ms)",
	 VERB_RECORD, set_slower},
	{"milliseconds", 'm', NULL, "show milliseconds", TRACING | VERB_REPLAY | VERB_REPORT, set_ms},
	{"microseconds", 'u', NULL, "show microseconds", TRACING | VERB_REPLAY | VERB_REPORT, set_us},
	{"timestamp", 'T', NULL, "show the time of day", TRACING, set_timestamps},
	{"json", KEY_JSON, NULL, "write JSON, an object a line (lapse --json-schema)",
	 TRACING | VERB_LIST | VERB_DOCTOR | VERB_FIRST | VERB_REPLAY, set_json},
	{"json", KEY_JSON, NULL, "write JSON, an object a line (lapse --json-schema)", VERB_REPORT,
	 set_report_json},
	{"html", KEY_HTML, NULL, "write one page for a browser, which needs nothing else", VERB_REPORT,
	 set_html},
	{"trace", KEY_TRACE, NULL, "write a trace for Perfetto: every call and what it waited for",
	 VERB_REPORT, set_trace},
	{"folded", KEY_FOLDED, NULL, "write stacks of waits for flame graphs, in microseconds", VERB_REPORT,
	 set_folded},
	{"hlog", KEY_HLOG, NULL, "write an HdrHistogram log", VERB_REPORT, set_hlog},
	{"csv", KEY_CSV, NULL, "write a row for each call that was recorded one by one", VERB_REPORT,
	 set_csv},
	{"against", KEY_AGAINST, "FILE", "show what has changed since this recording", VERB_REPORT,
	 set_against},
	{"output", 'o', "FILE", "write the data to FILE instead of stdout", LIVE | VERB_REPLAY | VERB_REPORT,
	 set_output},
	{"output", 'o', "FILE", "the recording; with --keep the folder that incidents are written to",
	 VERB_RECORD, option_set_capture},
	{"capture", KEY_CAPTURE, "FILE", "record it too, to FILE: see lapse record", LIVE,
	 option_set_capture},
	{"contracts", 'c', "CONTRACTS.yaml", "enforce these meanwhile; what they measure needs no PROBE",
	 VERB_RECORD, option_set_contracts},
	{"keep", KEY_KEEP, "TIME",
	 "keep the last TIME in memory, and write it when a violation or SIGUSR2 comes", VERB_RECORD,
	 option_set_keep},
	{"keep-size", KEY_KEEP_SIZE, "SIZE", "with --keep: of memory, at most (default 256MiB)", VERB_RECORD,
	 option_set_keep_size},
	{"on", KEY_ON, "SEVERITY", "with --keep: violations that write (default critical)", VERB_RECORD,
	 option_set_keep_on},
	{"after", KEY_AFTER, "TIME", "with --keep: write what follows for TIME, too (default 10s)",
	 VERB_RECORD, option_set_after},
	{"max-incidents", KEY_MAX_INCIDENTS, "N", "with --keep: write so many files, then none (default 20)",
	 VERB_RECORD, option_set_max_incidents},
	{"max-size", KEY_MAX_SIZE, "SIZE", "of the recording: the oldest gives way beyond it", TRACING,
	 option_set_max_size},
	{"max-time", KEY_MAX_TIME, "TIME", "that the recording reaches back: the oldest gives way", TRACING,
	 option_set_max_time},
	{"max-rate", KEY_MAX_RATE, "RATE",
	 "record calls one by one up to RATE (default 300000/s); above it the slow and failed ones and "
	 "samples",
	 TRACING, option_set_max_rate},
	{"color", KEY_COLOR, "WHEN", "auto, always or never", TRACING | VERB_REPLAY | VERB_REPORT, set_color},
	{"fail-on", KEY_FAIL_ON, "SEVERITY",
	 "breaches below notice, warning or critical leave the exit code alone",
	 VERB_WATCH | VERB_RECORD | VERB_REPLAY, set_fail_on},
	{"yes", KEY_YES, NULL, "a glob over 100 functions is meant", TRACING, set_yes},
	{"merge", KEY_MERGE, "NAME", "one component NAME for all that the globs match",
	 VERB_STAT | VERB_TRACE | VERB_RECORD, set_merge},
	{"attach", KEY_ATTACH, "KIND", "auto, session, multi or perf", TRACING, set_attach},
	{"tcp-backend", KEY_TCP_BACKEND, "KIND", "auto, fentry, kprobe or tracepoint", TRACING,
	 set_tcp_backend},
	{"why", KEY_WHY, NULL, "tell what calls waited for (default in trace and watch)", TRACING & ~VERB_TCP,
	 set_why},
	{"no-why", KEY_NO_WHY, NULL, "do not", TRACING & ~VERB_TCP, set_no_why},
	{"wait", KEY_WAIT, "CAUSE=FUNC[,FUNC...]",
	 "what blocks inside FUNC is charged to lock, disk, net, handoff, sleep or other",
	 TRACING & ~VERB_TCP, add_wait},
	{"stack-size", KEY_STACK_SIZE, "SIZE",
	 "copy SIZE of a thread's stack after a long wait, to find callers without frame pointers (default "
	 "16KiB; 0: none)",
	 VERB_TRACE | VERB_RECORD, set_stack_size},
	{"max-overhead", KEY_MAX_OVERHEAD, "SHARE",
	 "take the dearest probes away once all together cost more of the target's CPU time, say 2%", TRACING,
	 set_max_overhead},
	{"ring-size", KEY_RING_SIZE, "SIZE",
	 "room for single calls on their way from the kernel (default 4MiB), rounded up to a power of two",
	 TRACING, set_ring_size},
	{"no-realtime", KEY_NO_REALTIME, NULL,
	 "take breaches in as a usual thread; else a thread that does nothing else runs ahead of others "
	 "(SCHED_FIFO, 1)",
	 TRACING, set_no_realtime},
	{"force-uretprobe", KEY_FORCE, NULL,
	 "use return probes even where exceptions or fibers in the target would then kill it", TRACING,
	 set_force},
	{"verbose", 'v', NULL, "say what is done", TARGETS | VERB_REPLAY | VERB_REPORT, set_verbose},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

struct parse {
	const struct verb_usage *usage;
	struct options *options;
};

static error_t parse_one(int key, char *value, struct argp_state *state)
{
	struct parse *parse = state->input;
	struct options *options = parse->options;

	if (key == ARGP_KEY_ARG) {
		options->operands[options->n_operands++] = value;
		return 0;
	}
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].key == key && (rows[i].verbs & parse->usage->bit))
			return -rows[i].apply(options, value);
	return ARGP_ERR_UNKNOWN;
}

static void fill_argp_options(unsigned verb, struct argp_option *out)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].verbs & verb)
			*out++ = (struct argp_option){
				.name = rows[i].name,
				.key = rows[i].key,
				.arg = rows[i].argument,
				.doc = rows[i].help,
			};
	*out = (struct argp_option){0};
}

/* Where "--" stands, or @argc. */
static int options_end(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			return i;
	return argc;
}

int options_parse(const struct verb_usage *usage, int argc, char **argv, struct options *options)
{
	struct argp_option table[N_ROWS + 1];
	struct argp argp = {table, parse_one, usage->operands, usage->about, NULL, NULL, NULL};
	struct parse parse = {usage, options};
	int end = options_end(argc, argv);
	int err;

	*options = (struct options){.interval_ns = NSEC_PER_SEC,
				    .slower_ns = NSEC_PER_MSEC,
				    .stack_bytes = LAPSE_PIECE_MAX,
				    .keep_bytes = KEEP_SIZE_DEFAULT,
				    .keep_on = SEV_CRITICAL,
				    .after_ns = 10 * NSEC_PER_SEC,
				    .max_incidents = 20,
				    .stream_rate = 300000};
	options->operands = calloc(argc + 1, sizeof(char *));
	if (!options->operands)
		return -ENOMEM;
	if (end < argc && end + 1 < argc)
		options->command = argv + end + 1;
	fill_argp_options(usage->bit, table);
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)usage->name;
	err = -argp_parse(&argp, end, argv, ARGP_IN_ORDER, NULL, &parse);
	if (err)
		return err;
	if (end < argc && !options->command) {
		diag_error("no command after --");
		return -EINVAL;
	}
	if (options->output_path && options->capture_path &&
	    !strcmp(options->output_path, options->capture_path)) {
		diag_error("-o and --capture name the same file: each takes one of its own");
		return -EINVAL;
	}
	return 0;
}

void options_free(struct options *options)
{
	free(options->operands);
	free(options->waits);
	free(options->target.pids);
}

bool options_colored(const struct options *options, FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");

	if (options->color != COLOR_AUTO)
		return options->color == COLOR_ALWAYS;
	return !(no_color && *no_color) && isatty(fileno(stream));
}
