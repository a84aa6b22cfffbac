// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/planning.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "probe/failure.h"
#include "probe/loader.h"

#define GLOB_MAX 100

int planning_init(struct planning *p, const struct probe_spec *specs, size_t n_specs,
		  const struct process *processes, size_t n_processes, const struct plan_options *options)
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

void planning_free(struct planning *p)
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

bool planning_same_file(const struct resolved *a, const struct resolved *b)
{
	return a->file->id.ino == b->file->id.ino && a->file->id.dev == b->file->id.dev;
}

bool planning_seen_before(const struct planning *p, const struct hit *hit)
{
	for (const struct hit *other = p->hits; other < hit; other++) {
		if (other->want == hit->want && planning_same_file(&other->resolved, &hit->resolved))
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

void planning_await_process(struct planning *p, size_t spec)
{
	if (!p->pending[spec])
		diag_note("nobody runs yet that %s is measured in: it will be when somebody does",
			  p->specs[spec].name ?: p->specs[spec].text);
	p->pending[spec] = true;
}

int planning_resolve(struct planning *p, size_t index)
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
		if (!planning_seen_before(p, &p->hits[p->n_hits - 1]))
			note_choice(spec, &resolved);
	}
	if (found)
		return 0;
	if (!failed_in) {
		planning_await_process(p, p->wants[index].spec);
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
