// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What this host allows. Each check is one row: what it is, what was found, and the command that
 * mends it where something is missing.
 */
#include "cli/verbs.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "base/text.h"
#include "cli/json_line.h"
#include "cli/options.h"
#include "handler/handler.h"
#include "kernel/features.h"
#include "kernel/kernel_types.h"
#include "kernel/selftest.h"
#include "probe/halted.h"
#include "probe/safety.h"
#include "probe/shares.h"

struct finding {
	const char *name;
	bool ok;
	bool needed; /* without it nothing can be traced */
	char found[256];
	const char *mend; /* NULL: nothing to do, or nothing that helps */
};

struct doctor {
	bool json;
	bool able;
};

static void report_json(const struct finding *finding)
{
	json_t *const values[] = {
		json_line_text(finding->name),
		json_boolean(finding->ok),
		json_boolean(finding->needed),
		json_line_text(finding->found),
		json_line_text(finding->ok ? NULL : finding->mend),
	};

	json_line_write(JSON_LINE_CHECK, values);
}

static void report(struct doctor *doctor, const struct finding *finding)
{
	if (finding->needed && !finding->ok)
		doctor->able = false;
	if (!doctor->json) {
		printf("%-4s %-22s %s\n",
		       finding->ok	 ? "ok"
		       : finding->needed ? "NO"
					 : "-",
		       finding->name, finding->found);
		if (!finding->ok && finding->mend)
			printf("     %-22s mend: %s\n", "", finding->mend);
		return;
	}
	report_json(finding);
}

static void say(struct doctor *doctor, const char *name, bool ok, bool needed, const char *mend,
		const char *format, ...) LAPSE_PRINTF(6, 7);

static void say(struct doctor *doctor, const char *name, bool ok, bool needed, const char *mend,
		const char *format, ...)
{
	struct finding finding = {.name = name, .ok = ok, .needed = needed, .mend = mend};
	va_list args;

	va_start(args, format);
	vsnprintf(finding.found, sizeof(finding.found), format, args);
	va_end(args);
	report(doctor, &finding);
}

/* ---- the host ------------------------------------------------------------------------------------ */

static int read_number(const char *path, int otherwise)
{
	FILE *file = fopen(path, "re");
	int value;

	if (!file)
		return otherwise;
	if (fscanf(file, "%d", &value) != 1)
		value = otherwise;
	fclose(file);
	return value;
}

static void check_rights(struct doctor *doctor)
{
	static const struct {
		int number;
		const char *name, *use;
	} capabilities[] = {
		{CAP_BPF, "CAP_BPF", "load programs"},
		{CAP_PERFMON, "CAP_PERFMON", "attach them"},
		{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "read other users' /proc entries"},
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
		 "open files of other mount namespaces, perf events on Debian"},
	};
	bool admin = features_capable(CAP_SYS_ADMIN);

	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		bool has = features_capable(capabilities[i].number);

		say(doctor, capabilities[i].name, has || admin, capabilities[i].number != CAP_SYS_ADMIN,
		    "run lapse as root: sudo lapse ...", "%s: to %s", has ? "held" : "not held",
		    capabilities[i].use);
	}
}

static void check_kernel(struct doctor *doctor, const struct features *features)
{
	int paranoid = read_number("/proc/sys/kernel/perf_event_paranoid", -1);
	struct utsname system;

	uname(&system);
	say(doctor, "kernel", true, false, NULL, "%s %s", system.release, system.machine);
	say(doctor, "BTF", features->btf, true, "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y",
	    features->btf ? "/sys/kernel/btf/vmlinux" : "none: programs cannot be fitted to this kernel");
	say(doctor, "BPF programs", !features->bpf, true, "run lapse as root: sudo lapse ...", "%s",
	    features->bpf ? strerror(-features->bpf) : "can be loaded");
	say(doctor, "perf_event_paranoid", paranoid < 3 || features_capable(CAP_SYS_ADMIN), false,
	    "sysctl kernel.perf_event_paranoid=2", "%d", paranoid);
}

/* What cannot be tried is not known. */
static const char *known(const struct features *features, bool has, const char *without)
{
	if (features->bpf)
		return "cannot be told without the right to load programs";
	return has ? "yes" : without;
}

static void check_attachments(struct doctor *doctor, const struct features *features)
{
	int kind = features->bpf ? ATTACH_AUTO : features_choose(features, ATTACH_AUTO);

	say(doctor, "ring buffer", features->ring, false, NULL, "%s",
	    known(features, features->ring, "no (Linux 5.8)"));
	say(doctor, "uprobe.session", features->session, false, NULL, "%s",
	    known(features, features->session, "no (Linux 6.14)"));
	say(doctor, "uprobe.multi", features->multi, false, NULL, "%s",
	    known(features, features->multi, "no (Linux 6.6)"));
	say(doctor, "attach cookies", features->cookie, false, NULL, "%s",
	    known(features, features->cookie, "no (Linux 5.15): a program at each place tells them"));
	say(doctor, "task storage", features->task_storage, false, NULL, "%s",
	    known(features, features->task_storage, "no: what is kept of threads lies in hashes"));
	if (!features->bpf)
		say(doctor, "attachment used", kind > 0, true, "boot Linux 5.10 or newer", "%s",
		    kind < 0 ? "none" : attach_kind_name(kind));
}

static bool doctor_data_by_kprobe(void)
{
	struct kernel_types types = {0};
	bool answer;

	kernel_types_open(&types);
	answer = tcp_data_by_kprobe(&types);
	kernel_types_close(&types);
	return answer;
}

/* Which way to watch connections the kernel takes, cheapest first. */
static void check_tcp(struct doctor *doctor, const struct features *features)
{
	enum tcp_backend used = TCP_AUTO;
	char name[32];

	for (enum tcp_backend backend = TCP_FENTRY; backend < TCP_BACKENDS && !features->bpf; backend++) {
		int err = tcp_backend_try(backend, NULL);

		if (!err && used == TCP_AUTO)
			used = backend;
		snprintf(name, sizeof(name), "tcp %s", tcp_backend_name(backend));
		say(doctor, name, !err, false, NULL, "%s", err ? strerror(-err) : "yes");
	}
	if (!features->bpf)
		say(doctor, "tcp backend used", true, false, NULL, "%s%s", tcp_backend_name(used),
		    used == TCP_FENTRY && doctor_data_by_kprobe()
			    ? "; what is sent and read by kprobe, whose programs are not preempted"
			    : "");
}

static void check_handlers(struct doctor *doctor)
{
	const char *lacking = handlers_http_lacking();

	say(doctor, "webhook, alertmanager", !lacking, false, "apt-get install libcurl4", "%s",
	    lacking ?: "can be used");
}

/* ---- the target ------------------------------------------------------------------------------------ */

static int report_shares(void *context, const struct placement_shares *shares)
{
	const struct doctor *doctor = context;
	double n = (double)shares->looked_at;
	json_t *values[7];

	if (!doctor->json) {
		printf("     %-22s %zu functions: %.0f %% cheap as they begin, %.0f %% by moving the probe, "
		       "%.0f %% single-stepped\n",
		       shares->object, shares->functions, 100 * (double)shares->cheap / n,
		       100 * (double)shares->moved / n, 100 * (double)shares->stepped / n);
		return 0;
	}
	values[0] = json_line_text(shares->object);
	values[1] = json_integer((json_int_t)shares->functions);
	values[2] = json_integer((json_int_t)shares->looked_at);
	values[3] = json_integer((json_int_t)shares->cheap);
	values[4] = json_integer((json_int_t)shares->moved);
	values[5] = json_integer((json_int_t)shares->stepped);
	values[6] = json_integer((json_int_t)shares->refused);
	return json_line_write(JSON_LINE_PLACEMENT, values);
}

static void say_safety(struct doctor *doctor, const struct safety *safety)
{
	say(doctor, "return probes", safety->verdict == SAFETY_RETURN_PROBE, false, NULL, "%s%s",
	    safety->verdict == SAFETY_RETURN_PROBE   ? "nothing can unwind past a function of its main binary"
	    : safety->verdict == SAFETY_RETURN_INSNS ? "return instructions are used: "
						     : "refused: ",
	    safety->why);
}

static void check_process(struct doctor *doctor, const struct process *process)
{
	struct safety safety;
	char exe[512], why[HALTED_WHY];

	say(doctor, "process", true, false, NULL, "%d (%s)", process->pid,
	    text_escape(process->exe, exe, 200));
	if (halted(process->pid, why))
		say(doctor, "runs freely", false, false, NULL, "no: it %s", why);
	if (selftest_has_seccomp(process->pid)) {
		bool kills = selftest_seccomp_kills(ATTACH_AUTO);

		say(doctor, "seccomp filter", !kills, false, NULL, "%s",
		    kills ? "would kill it at a return probe: return instructions are used"
			  : "there is one; return probes pass it on this kernel");
	}
	if (!safety_of_main(process, &safety))
		say_safety(doctor, &safety);
	say(doctor, "places of probes", true, false, NULL,
	    "a single-stepped one costs about ten times a cheap one");
	placement_shares(process, report_shares, doctor);
}

static int check_targets(struct doctor *doctor, struct options *options)
{
	struct process *processes;
	size_t n;

	if (!target_ways(&options->target))
		return 0;
	if (target_check_ways(&options->target))
		return EXIT_USAGE;
	if (target_settle(&options->target) || target_find(&options->target, &processes, &n))
		return EXIT_NOT_ATTACHED;
	if (!n) {
		target_say_none(&options->target);
		return EXIT_NOT_ATTACHED;
	}
	for (size_t i = 0; i < n; i++)
		check_process(doctor, &processes[i]);
	target_free(processes, n);
	return 0;
}

int verb_doctor(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_DOCTOR,
		"lapse doctor",
		"",
		"Says what this kernel and this user allow, which attachment will be used, and what would "
		"mend what "
		"is missing; with a target, what is special about it.",
	};
	struct features features;
	struct options options;
	struct doctor doctor = {.able = true};
	int code = EXIT_USAGE;

	if (!options_parse(&usage, argc, argv, &options)) {
		doctor.json = options.json;
		features_probe(&features);
		check_rights(&doctor);
		check_kernel(&doctor, &features);
		check_attachments(&doctor, &features);
		check_tcp(&doctor, &features);
		check_handlers(&doctor);
		code = check_targets(&doctor, &options);
		if (!code && !doctor.able)
			code = EXIT_NOT_ATTACHED;
	}
	options_free(&options);
	return code;
}
