// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "probe/arrange.h"
#include "probe/build.h"
#include "probe/imagine.h"
#include "probe/marks.h"
#include "probe/planning.h"
#include "probe/syscalls.h"
#include "probe/tcp.h"

/* Refused functions that are named; the rest is counted. */
#define REFUSALS_SHOWN 5

/* The strictest verdict of all processes that map the file: its places serve them all. */
static struct safety strictest(const struct planning *p, const struct hit *hit)
{
	struct safety worst = hit->safety;

	for (size_t i = 0; i < p->n_hits; i++) {
		const struct safety *safety = &p->hits[i].safety;
		bool switches = worst.switches || safety->switches;

		if (!planning_same_file(&p->hits[i].resolved, &hit->resolved))
			continue;
		if (safety->verdict > worst.verdict)
			worst = *safety;
		worst.switches = switches;
	}
	return worst;
}

static int build_hits(struct planning *p, struct build *build)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n_hits; i++) {
		const struct hit *hit = &p->hits[i];
		struct safety safety;
		size_t file;

		if (!planning_seen_before(p, hit)) {
			safety = strictest(p, hit);
			err = build_add(build, &p->wants[hit->want], &hit->resolved, &safety);
		}
		file = build_find_file(build->plan, &hit->resolved.file->id);
		if (!err && !build->plan->for_all && hit->pid && file < build->plan->n_files)
			err = build_add_pid(&build->plan->files[file], hit->pid);
	}
	return err;
}

/* A component whose places come with a library. */
static int declare_pending(struct planning *p, struct build *build)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n_specs; i++) {
		size_t component;

		if (!p->pending[i])
			continue;
		build->plan->awaits = true;
		err = build_whole(build, i, "", &component);
	}
	return err;
}

/* Marks, in the files of the processes of its targets. */
static int build_marks(struct planning *p, struct build *build, size_t spec)
{
	struct view *views = calloc(p->n_views + 1, sizeof(*views));
	size_t n = 0;
	int err;

	if (!views)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_views; i++)
		if (plan_looks_in(p->options, spec, p->views[i].process))
			views[n++] = p->views[i];
	if (n)
		err = marks_plan(build, spec, views, n);
	else
		err = MARKS_COME_LATER;
	if (!n)
		planning_await_process(p, spec);
	free(views);
	return err;
}

/* What is no function: marks in files, system calls, connections. */
static int build_others(struct planning *p, struct build *build)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n_specs; i++) {
		switch (p->specs[i].kind) {
		case SPEC_SYSCALL:
		case SPEC_LOOP:
			err = syscalls_plan(build, i);
			break;
		case SPEC_TCP:
			err = tcp_plan(build, i);
			break;
		case SPEC_FUNCTION:
			break;
		default:
			err = build_marks(p, build, i);
		}
		if (err == MARKS_COME_LATER) {
			p->pending[i] = true;
			err = 0;
		}
		if (err == -ENOENT) {
			p->failed[i] = true;
			p->failed_err = err;
			err = 0;
		}
	}
	return err;
}

/* A span with one of its two places only would never end, or never begin. */
static bool is_broken(const struct planning *p, const struct plan *plan, size_t component)
{
	size_t spec = plan->components[component].spec;

	if (p->specs[spec].kind != SPEC_SPAN)
		return false;
	return p->failed[spec] ||
	       (!p->pending[spec] && plan_edges(plan, component) != (LAPSE_EDGE_START | LAPSE_EDGE_END));
}

/* Chooses what is only half there, and what would feed it. */
static void choose_dropped(struct planning *p, const struct plan *plan, bool *dropped)
{
	size_t first_fed = p->n_specs - p->options->n_fed;

	for (size_t i = 0; i < plan->n_components; i++) {
		dropped[i] = is_broken(p, plan, i);
		if (dropped[i])
			p->planned[plan->components[i].spec] = false;
	}
	for (size_t i = 0; i < plan->n_components; i++) {
		size_t spec = plan->components[i].spec;

		if (spec >= first_fed && !p->planned[p->options->fed[spec - first_fed].spec])
			dropped[i] = true;
	}
}

/* Drops what is only half there, and brings the rest into its order. */
static int arrange(struct planning *p, struct plan *plan)
{
	bool *dropped = calloc(plan->n_components + 1, sizeof(*dropped));
	const struct arranging how = {
		.dropped = dropped,
		.first_fed = p->n_specs - p->options->n_fed,
		.fed = p->options->fed,
	};
	int err;

	if (!dropped)
		return -ENOMEM;
	choose_dropped(p, plan, dropped);
	err = arrange_components(plan, &how);
	free(dropped);
	return err;
}

static void report_refusals(const struct build *build, bool fatal)
{
	for (size_t i = 0; i < build->n_refusals && i < REFUSALS_SHOWN; i++) {
		if (fatal)
			diag_error("%s", build->refusals[i].text);
		else
			diag_warn("%s", build->refusals[i].text);
	}
	if (build->n_refusals > REFUSALS_SHOWN)
		diag_warn("%zu more functions cannot be measured", build->n_refusals - REFUSALS_SHOWN);
}

static size_t count_missing(const struct planning *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_specs; i++)
		n += !p->planned[i];
	return n;
}

/* Without one of the functions that are waits, what it would explain were charged to something else. */
static bool misses_wait(const struct planning *p)
{
	for (size_t i = 0; i < p->n_specs; i++)
		if (p->specs[i].wait && !p->planned[i])
			return true;
	return false;
}

static bool measures_any(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_components; i++)
		if (!plan->components[i].wait)
			return true;
	return false;
}

static void name_unmeasured(const struct probe_spec *spec)
{
	static const char words[] = "component '%s' cannot be measured by '%s'";
	const char *name = spec->name ?: spec->text;

	if (spec->place.path)
		diag_at(spec->place.path, spec->place.line, spec->place.column, words, name, spec->text);
	else
		diag_error(words, name, spec->text);
}

/* Where a contract hangs on each of them: says which cannot be measured. */
static void name_missing(const struct planning *p)
{
	for (size_t i = 0; i < p->n_specs; i++) {
		if (p->planned[i])
			continue;
		if (p->specs[i].wait)
			diag_error("'%s' cannot be told as a wait", p->specs[i].text);
		else
			name_unmeasured(&p->specs[i]);
	}
}

/* Reports what was left out: warnings as long as what is left is worth measuring. */
static int report(const struct planning *p, const struct build *build)
{
	size_t missing = count_missing(p);
	bool fatal = !measures_any(build->plan) || misses_wait(p) || (p->options->whole && missing);

	report_refusals(build, fatal);
	if (!fatal) {
		if (missing)
			diag_warn("going on without %zu of %zu probes", missing, p->n_specs);
		return 0;
	}
	if (p->options->whole)
		name_missing(p);
	if (build->n_refusals)
		return build->refusals[0].err;
	return p->failed_err ? p->failed_err : -ENOENT;
}

static int make(struct planning *p, struct plan *plan)
{
	struct build build = {
		.plan = plan,
		.resolver = &p->resolver,
		.specs = p->specs,
		.options = p->options,
		.planned = p->planned,
	};
	int err = 0;

	for (size_t i = 0; !err && i < p->n_wants; i++)
		err = planning_resolve(p, i);
	if (!err)
		err = build_hits(p, &build);
	if (!err)
		err = build_others(p, &build);
	if (!err)
		err = declare_pending(p, &build);
	if (!err)
		err = build_unique_names(plan);
	if (!err)
		err = arrange(p, plan) ?: report(p, &build);
	build_release(&build);
	return err;
}

int plan_make(const struct probe_spec *specs, size_t n_specs, const struct target_selection *selection,
	      const struct process *processes, size_t n_processes, const struct plan_options *options,
	      struct plan *plan)
{
	struct process *all;
	struct planning p;
	size_t n_all;
	int err = syscalls_check(specs, n_specs);

	memset(plan, 0, sizeof(*plan));
	if (!err)
		err = imagine_absent(selection, processes, n_processes, &all, &n_all);
	if (err)
		return err;
	if (!n_all) {
		diag_error("no process to probe");
		imagine_free(all, n_processes, n_all);
		return -ENOENT;
	}
	plan->for_all = target_is_open(selection);
	err = planning_init(&p, specs, n_specs, all, n_all, options);
	if (!err)
		err = make(&p, plan);
	planning_free(&p);
	imagine_free(all, n_processes, n_all);
	if (err)
		plan_free(plan);
	return err;
}
