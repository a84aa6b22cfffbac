// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/loader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/event.h"
#include "probe/resolver.h"

/* What gdb's interface has called it since SVR4; both C libraries export it. */
#define HOOK "_dl_debug_state"

static bool is_loader(const struct mapped_file *file)
{
	const char *name = path_base(file->name);

	return !strncmp(name, "ld-", 3) || !strncmp(name, "ld.so", 5);
}

static const struct mapped_file *find_loader(const struct process *process)
{
	for (size_t i = 0; i < process->n_files; i++)
		if (is_loader(&process->files[i]))
			return &process->files[i];
	return NULL;
}

static int resolve_hook(struct resolver *resolver, const struct process *process,
			const struct mapped_file *file, uint64_t *offset)
{
	struct probe_spec spec = {
		.text = HOOK,
		.object_kind = SPEC_OBJECT_PATH,
		.object = file->name,
		.function = HOOK,
	};
	struct resolved resolved;
	struct failure failure;
	struct view view;
	int err = resolver_view(resolver, process, &view);

	if (err)
		return err;
	err = resolver_resolve(resolver, &view, &spec, 0, &resolved, &failure);
	if (!err && !resolved.matches->n)
		err = -ENOENT;
	if (!err)
		*offset = resolved.matches->list[0].function->offset;
	view_free(&view);
	return err;
}

int loader_hook(const struct process *process, const struct mapped_file **file, uint64_t *offset)
{
	struct resolver resolver;
	int err;

	*file = find_loader(process);
	if (!*file)
		return -ENOENT;
	err = resolver_init(&resolver);
	if (err)
		return err;
	err = resolve_hook(&resolver, process, *file, offset);
	resolver_free(&resolver);
	return err;
}

bool loader_may_load(const struct view *view)
{
	const struct mapped_file *file;
	uint64_t offset;

	if (view->process->pid)
		return !loader_hook(view->process, &file, &offset);
	for (size_t i = 0; i < view->n_files; i++)
		if (is_loader(view->files[i]))
			return true;
	return false;
}

static bool has_return_probes(const struct plan *plan, size_t file)
{
	for (size_t i = 0; i < plan->n_places; i++)
		if (plan->places[i].file == file && plan->places[i].role == LAPSE_ROLE_ENTRY)
			return true;
	return false;
}

static const struct mapped_file *mapping_of(const struct process *process, const struct file_id *id)
{
	for (size_t i = 0; i < process->n_files; i++)
		if (process->files[i].id.ino == id->ino && process->files[i].id.dev == id->dev)
			return &process->files[i];
	return NULL;
}

static int judge_files(struct resolver *resolver, const struct view *view, const struct plan *plan,
		       const struct process *process, const struct plan_options *options,
		       struct safety *safety)
{
	int err = 0;

	for (size_t i = 0; !err && i < plan->n_files; i++) {
		const struct mapped_file *file = mapping_of(process, &plan->files[i].id);

		if (!file || !has_return_probes(plan, i))
			continue;
		err = resolver_safety(resolver, view, file, options->force_uretprobe, options->seccomp_kills,
				      safety);
		if (!err && safety->verdict != SAFETY_RETURN_PROBE)
			return 1;
	}
	return err;
}

int loader_made_unsafe(const struct plan *plan, const struct process *process,
		       const struct plan_options *options, char *why, size_t size)
{
	struct safety safety = {0};
	struct resolver resolver;
	struct view view;
	int verdict = resolver_init(&resolver);

	if (verdict)
		return verdict;
	verdict = resolver_view(&resolver, process, &view);
	if (!verdict) {
		verdict = judge_files(&resolver, &view, plan, process, options, &safety);
		view_free(&view);
	}
	resolver_free(&resolver);
	snprintf(why, size, "%s", safety.why);
	return verdict;
}
