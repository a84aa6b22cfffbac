// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/diag.h"
#include "probe/build.h"
#include "probe/failure.h"

#define GLOB_MAX       100
/* Refused functions that are named; the rest is counted. */
#define REFUSALS_SHOWN 5

/* A specification that was resolved in a process. */
struct hit {
	size_t spec;
	pid_t pid;
	struct resolved resolved;
	struct safety safety;
};

struct planning {
	struct resolver resolver;
	const struct probe_spec *specs;
	size_t n_specs;
	const struct plan_options *options;
	bool for_all; /* files are probed for all processes */
	struct view *views;
	size_t n_views;
	struct hit *hits;
	size_t n_hits, hits_capacity;
	size_t n_failed; /* specifications */
	int failed_err;
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
	if (!p->views)
		return -ENOMEM;
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
	free(p->hits);
	resolver_free(&p->resolver);
}

static int add_hit(struct planning *p, const struct view *view, size_t spec, const struct resolved *resolved)
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
	*hit = (struct hit){.spec = spec, .pid = view->process->pid, .resolved = *resolved};
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
		if (other->spec == hit->spec && same_file(&other->resolved, &hit->resolved))
			return true;
	}
	return false;
}

/* Resolves one specification in all processes. */
static int resolve_spec(struct planning *p, size_t index)
{
	const struct probe_spec *spec = &p->specs[index];
	const struct view *failed_in = NULL;
	struct failure first = {0};
	bool found = false;

	for (size_t i = 0; i < p->n_views; i++) {
		struct resolved resolved;
		struct failure failure;
		int err = resolver_resolve(&p->resolver, &p->views[i], spec, index, &resolved, &failure);

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
	if (found || !failed_in)
		return 0;
	p->n_failed++;
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
			err = build_add(build, hit->spec, &hit->resolved, &safety);
		}
		file = build_find_file(build->plan, &hit->resolved.file->id);
		if (!err && !p->for_all && hit->pid && file < build->plan->n_files)
			err = build_add_pid(&build->plan->files[file], hit->pid);
	}
	return err;
}

/* Reports what was left out: warnings as long as something is left to measure. */
static int report(const struct planning *p, const struct build *build)
{
	bool none = build->plan->n_places == 0;

	for (size_t i = 0; i < build->n_refusals && i < REFUSALS_SHOWN; i++) {
		if (none)
			diag_error("%s", build->refusals[i].text);
		else
			diag_warn("%s", build->refusals[i].text);
	}
	if (build->n_refusals > REFUSALS_SHOWN)
		diag_warn("%zu more functions cannot be measured", build->n_refusals - REFUSALS_SHOWN);
	if (p->n_failed && !none)
		diag_warn("going on without %zu of %zu probes", p->n_failed, p->n_specs);
	if (!none)
		return 0;
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
	};
	int err = 0;

	for (size_t i = 0; !err && i < p->n_specs; i++)
		err = resolve_spec(p, i);
	if (!err)
		err = build_hits(p, &build);
	if (!err)
		err = build_unique_names(plan);
	if (!err)
		err = report(p, &build);
	build_release(&build);
	return err;
}

/* Stands for the process that a program which is not running would be. */
static int imagine_process(const char *exe, struct process *process)
{
	char *path = realpath(exe, NULL);
	struct mapped_file *file;
	struct stat st;

	memset(process, 0, sizeof(*process));
	if (!path || stat(path, &st)) {
		diag_error("%s: %s", exe, strerror(errno));
		free(path);
		return errno == ENOMEM ? -ENOMEM : -ENOENT;
	}
	process->exe = path;
	process->files = file = calloc(1, sizeof(*file));
	if (file) {
		process->n_files = 1;
		*file = (struct mapped_file){
			.id = {.dev = st.st_dev, .ino = st.st_ino},
			.name = strdup(path),
			.access = strdup(path),
			.main = true,
			.executable = true,
		};
	}
	if (!file || !file->name || !file->access) {
		process_free(process);
		return -ENOMEM;
	}
	return 0;
}

int plan_make(const struct probe_spec *specs, size_t n_specs, const struct target_selection *selection,
	      const struct process *processes, size_t n_processes, const struct plan_options *options,
	      struct plan *plan)
{
	struct process imagined = {0};
	struct planning p;
	int err = 0;

	memset(plan, 0, sizeof(*plan));
	if (!n_processes) {
		if (!selection->exe) {
			diag_error("no process to probe");
			return -ENOENT;
		}
		err = imagine_process(selection->exe, &imagined);
		if (err)
			return err;
		processes = &imagined;
		n_processes = 1;
	}
	err = planning_init(&p, specs, n_specs, processes, n_processes, options);
	p.for_all = selection->exe || selection->comm;
	if (!err)
		err = make(&p, plan);
	planning_free(&p);
	process_free(&imagined);
	if (err)
		plan_free(plan);
	return err;
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_components; i++) {
		free(plan->components[i].name);
		free(plan->components[i].function);
		free(plan->components[i].object);
		free(plan->components[i].why);
	}
	for (size_t i = 0; i < plan->n_files; i++) {
		free(plan->files[i].name);
		free(plan->files[i].access);
		free(plan->files[i].pids);
	}
	free(plan->components);
	free(plan->files);
	free(plan->places);
	memset(plan, 0, sizeof(*plan));
}
