// SPDX-License-Identifier: GPL-2.0-or-later
/* A plan grows with the processes that appear after it was made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event.h"
#include "base/diag.h"
#include "probe/build.h"
#include "probe/marks.h"

struct extension {
	struct build build;
	struct resolver resolver;
	struct view view;
	size_t known_files; /* those that the plan had before */
	pid_t pid;
};

/* Whether the file's places end spans by return probes. */
static bool has_return_probes(const struct plan *plan, size_t file)
{
	for (size_t i = 0; i < plan->n_places; i++) {
		if (plan->places[i].file == file && plan->places[i].role == LAPSE_ROLE_ENTRY)
			return true;
	}
	return false;
}

/* A file that is probed already: only the process is new. */
static int extend_known(struct extension *e, size_t index, const struct safety *safety)
{
	struct plan_file *file = &e->build.plan->files[index];

	if (safety->verdict != SAFETY_RETURN_PROBE && has_return_probes(e->build.plan, index)) {
		diag_warn("process %d: %s; the return probes in %s are not safe there%s", e->pid, safety->why,
			  path_base(file->name), e->build.plan->for_all ? "" : ", so it is left out");
		return 0;
	}
	return e->build.plan->for_all ? 0 : build_add_pid(file, e->pid);
}

/* Whether @file has places of the @spec-th specification already. */
static bool file_has(const struct plan *plan, size_t file, size_t spec)
{
	for (size_t i = 0; i < plan->n_places; i++)
		if (plan->places[i].file == file && plan->components[plan->places[i].component].spec == spec)
			return true;
	return false;
}

static int extend_want(struct extension *e, const struct want *want, size_t number)
{
	struct plan *plan = e->build.plan;
	const struct plan_options *options = e->build.options;
	struct resolved resolved;
	struct failure failure;
	struct safety safety;
	size_t index;
	int err = resolver_resolve(&e->resolver, &e->view, want->place, number, &resolved, &failure);

	if (err == -ENOMEM)
		return err;
	if (err) {
		diag_debug("process %d has nothing for '%s'", e->pid, want->place->text);
		return 0;
	}
	err = resolver_safety(&e->resolver, &e->view, resolved.file, options->force_uretprobe,
			      options->seccomp_kills, &safety);
	if (err)
		return err;
	index = build_find_file(plan, &resolved.file->id);
	if (index < e->known_files && file_has(plan, index, want->spec))
		return extend_known(e, index, &safety);
	err = build_add(&e->build, want, &resolved, &safety);
	index = build_find_file(plan, &resolved.file->id);
	if (err || index == plan->n_files || e->build.plan->for_all)
		return err;
	return build_add_pid(&plan->files[index], e->pid);
}

static int extend_all(struct extension *e, size_t n_specs)
{
	struct want *wants = NULL;
	size_t n_wants = 0;
	int err = build_index(&e->build);

	if (!err)
		err = wants_list(e->build.specs, n_specs, &wants, &n_wants);
	for (size_t i = 0; !err && i < n_wants; i++)
		if (plan_looks_in(e->build.options, wants[i].spec, e->view.process))
			err = extend_want(e, &wants[i], i);
	for (size_t i = 0; !err && i < n_specs; i++)
		if (plan_looks_in(e->build.options, i, e->view.process))
			err = marks_extend(&e->build, i, &e->view);
	free(wants);
	for (size_t i = 0; !err && i < e->build.n_refusals; i++)
		diag_warn("process %d: %s", e->pid, e->build.refusals[i].text);
	return err;
}

int plan_extend(struct plan *plan, const struct probe_spec *specs, size_t n_specs,
		const struct process *process, const struct plan_options *options, size_t *first_place,
		size_t *new_files)
{
	struct extension e = {
		.build = {.plan = plan, .specs = specs, .options = options, .extend = true},
		.known_files = plan->n_files,
		.pid = process->pid,
	};
	int err;

	*first_place = plan->n_places;
	*new_files = 0;
	for (size_t i = 0; i < plan->n_files; i++)
		plan->files[i].n_served = plan->files[i].n_pids;
	e.build.resolver = &e.resolver;
	err = resolver_init(&e.resolver);
	if (!err)
		err = resolver_view(&e.resolver, process, &e.view);
	if (!err)
		err = extend_all(&e, n_specs);
	*new_files = plan->n_files - e.known_files;
	build_release(&e.build);
	view_free(&e.view);
	resolver_free(&e.resolver);
	if (err)
		diag_error("process %d: %s", e.pid, strerror(-err));
	return err;
}
