// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "probe/arrange.h"
#include "probe/build.h"
#include "probe/failure.h"
#include "probe/imagine.h"
#include "probe/loader.h"
#include "probe/marks.h"
#include "probe/syscalls.h"
#include "probe/tcp.h"

#define GLOB_MAX       100
/* Refused functions that are named; the rest is counted. */
#define REFUSALS_SHOWN 5

/* A function that was resolved in a process. */
struct hit {
	size_t want;
	pid_t pid;
	struct resolved resolved;
	struct safety safety;
};

struct planning {
	struct resolver resolver;
	const struct probe_spec *specs;
	size_t n_specs;
	struct want *wants;
	size_t n_wants;
	const struct plan_options *options;
	struct view *views;
	size_t n_views;
	struct hit *hits;
	size_t n_hits, hits_capacity;
	int failed_err; /* of what is nowhere */
	bool *pending;	/* by specification: its library has still to come */
	bool *failed;	/* by specification: it, or one of its ends, is nowhere */
	bool *planned;	/* by specification: it has a component */
};

static int planning_init(struct planning *p, const struct probe_spec *specs, size_t n_specs,
			 const struct process *processes, size_t n_processes,
			 const struct plan_options *options)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->specs = specs;
	p->n_specs = n_specs;
	p->options = options;
	p->views = calloc(n_processes ? n_processes : 1, sizeof(*p->views));
	p->pending = calloc(n_specs + 1, sizeof(*p->pending));
	p->failed = calloc(n_specs + 1, sizeof(*p->failed));
	p->planned = calloc(n_specs + 1, sizeof(*p->planned));
	if (!p->views || !p->pending || !p->failed || !p->planned)
		return -ENOMEM;
	err = wants_list(specs, n_specs, &p->wants, &p->n_wants);
	if (!err)
		err = resolver_init(&p->resolver);
	for (; !err && p->n_views < n_processes; p->n_views++)
		err = resolver_view(&p->resolver, &processes[p->n_views], &p->views[p->n_views]);
	return err;
}

static void planning_free(struct planning *p)
{
	for (size_t i = 0; i < p->n_views; i++)
		view_free(&p->views[i]);
	free(p->views);
	free(p->pending);
	free(p->failed);
	free(p->planned);
	free(p->wants);
	free(p->hits);
	resolver_free(&p->resolver);
}

static int add_hit(struct planning *p, const struct view *view, size_t want, const struct resolved *resolved)
{
	struct hit *hit;

	if (p->n_hits == p->hits_capacity) {
		size_t capacity = p->hits_capacity ? p->hits_capacity * 2 : 16;

		hit = reallocarray(p->hits, capacity, sizeof(*hit));
		if (!hit)
			return -ENOMEM;
		p->hits = hit;
		p->hits_capacity = capacity;
	}
	hit = &p->hits[p->n_hits++];
	*hit = (struct hit){.want = want, .pid = view->process->pid, .resolved = *resolved};
	return resolver_safety(&p->resolver, view, resolved->file, p->options->force_uretprobe,
			       p->options->seccomp_kills, &hit->safety);
}

static int check_glob(const struct planning *p, const struct probe_spec *spec,
		      const struct resolved *resolved)
{
	if (!spec->glob || resolved->matches->n <= GLOB_MAX || p->options->yes)
		return 0;
	diag_caret(spec->text, spec->function_at, strlen(spec->function), "--yes if all of them are meant",
		   "'%s' matches %zu functions of %s", spec->function, resolved->matches->n,
		   path_base(resolved->file->name));
	return -E2BIG;
}

/* Says what a person would not expect of the choice that was made. */
static void note_choice(const struct probe_spec *spec, const struct resolved *resolved)
{
	const struct matches *matches = resolved->matches;
	const char *name = path_base(resolved->file->name);
	size_t clones = 0;

	if (resolved->n_others)
		diag_note("%s is taken from %s; %zu other mapped file%s %s it too", spec->function, name,
			  resolved->n_others, resolved->n_others > 1 ? "s" : "",
			  resolved->n_others > 1 ? "have" : "has");
	if (matches->n_ifuncs)
		diag_note("%s: left out %zu of %s, chosen among variants when the program is loaded (IFUNC)",
			  spec->function, matches->n_ifuncs, name);
	if (spec->glob)
		return;
	for (size_t i = 0; i < matches->n; i++) {
		const struct match *match = &matches->list[i];

		if (match->clone == CLONE_NONE || strcmp(match->function->symbol, spec->function) == 0)
			continue;
		clones++;
		diag_note("%s: the compiler made %s of it, which is probed%s", spec->function,
			  match->function->symbol,
			  match->clone == CLONE_PART ? " (the part that was not inlined)" : "");
	}
	if (matches->n - clones > 1)
		diag_note("%s: %zu functions of that name in %s, measured together", spec->function,
			  matches->n - clones, name);
	if (matches->parts)
		diag_note("%s: calls that were inlined up to its outlined part are not seen", spec->function);
}

static bool same_file(const struct resolved *a, const struct resolved *b)
{
	return a->file->id.ino == b->file->id.ino && a->file->id.dev == b->file->id.dev;
}

/* Whether an earlier hit of the same specification is in the same file. */
static bool seen_before(const struct planning *p, const struct hit *hit)
{
	for (const struct hit *other = p->hits; other < hit; other++) {
		if (other->want == hit->want && same_file(&other->resolved, &hit->resolved))
			return true;
	}
	return false;
}

/* Whether a library may bring the function later: it is named as nothing else is, and the program can load
 * libraries. */
static bool may_come(const struct view *view, const struct probe_spec *place, const struct failure *failure)
{
	char hint[256];

	if (failure->kind != FAILED_NO_OBJECT || place->object_kind != SPEC_OBJECT_NAME)
		return false;
	return !failure_nearest_kind(place->object, hint, sizeof(hint)) &&
	       !failure_nearest_object(view, place->object, hint, sizeof(hint)) && loader_may_load(view);
}

static void await(struct planning *p, size_t spec, const struct probe_spec *place)
{
	p->pending[spec] = true;
	diag_warn("%s has not been loaded: %s will be measured when it is", place->object, place->function);
}

/* No process of its targets is there yet. */
static void await_process(struct planning *p, size_t spec)
{
	if (!p->pending[spec])
		diag_note("nobody runs yet that %s is measured in: it will be when somebody does",
			  p->specs[spec].name ?: p->specs[spec].text);
	p->pending[spec] = true;
}

/* Resolves one function in all processes of its targets. */
static int resolve_want(struct planning *p, size_t index)
{
	const struct probe_spec *spec = p->wants[index].place;
	const struct view *failed_in = NULL;
	struct failure first = {0};
	bool found = false;

	for (size_t i = 0; i < p->n_views; i++) {
		struct resolved resolved;
		struct failure failure;
		int err;

		if (!plan_looks_in(p->options, p->wants[index].spec, p->views[i].process))
			continue;
		err = resolver_resolve(&p->resolver, &p->views[i], spec, index, &resolved, &failure);
		if (err == -ENOMEM)
			return err;
		if (err) {
			if (!failed_in)
				first = failure;
			failed_in = failed_in ? failed_in : &p->views[i];
			continue;
		}
		err = check_glob(p, spec, &resolved);
		if (!err)
			err = add_hit(p, &p->views[i], index, &resolved);
		if (err)
			return err;
		found = true;
		if (!seen_before(p, &p->hits[p->n_hits - 1]))
			note_choice(spec, &resolved);
	}
	if (found)
		return 0;
	if (!failed_in) {
		await_process(p, p->wants[index].spec);
		return 0;
	}
	if (may_come(failed_in, spec, &first)) {
		await(p, p->wants[index].spec, spec);
		return 0;
	}
	p->failed[p->wants[index].spec] = true;
	p->failed_err = failure_report(&p->resolver, failed_in, spec, &first);
	return 0;
}

/* The strictest verdict of all processes that map the file: its places serve them all. */
static struct safety strictest(const struct planning *p, const struct hit *hit)
{
	struct safety worst = hit->safety;

	for (size_t i = 0; i < p->n_hits; i++) {
		const struct safety *safety = &p->hits[i].safety;
		bool switches = worst.switches || safety->switches;

		if (!same_file(&p->hits[i].resolved, &hit->resolved))
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

		if (!seen_before(p, hit)) {
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
		await_process(p, spec);
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

/* Where a contract hangs on each of them: says which cannot be measured. */
static void name_missing(const struct planning *p)
{
	for (size_t i = 0; i < p->n_specs; i++) {
		if (p->planned[i])
			continue;
		if (p->specs[i].wait)
			diag_error("'%s' cannot be told as a wait", p->specs[i].text);
		else
			diag_error("component '%s' cannot be measured by '%s'",
				   p->specs[i].name ?: p->specs[i].text, p->specs[i].text);
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
		err = resolve_want(p, i);
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
