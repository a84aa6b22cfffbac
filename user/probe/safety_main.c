// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/safety.h"

#include <errno.h>

#include "probe/resolver.h"

static const struct mapped_file *main_file(const struct process *process)
{
	for (size_t i = 0; i < process->n_files; i++)
		if (process->files[i].main)
			return &process->files[i];
	return NULL;
}

int safety_of_main(const struct process *process, struct safety *safety)
{
	const struct mapped_file *file = main_file(process);
	struct resolver resolver;
	struct view view;
	int err;

	if (!file)
		return -ENOENT;
	err = resolver_init(&resolver);
	if (err)
		return err;
	err = resolver_view(&resolver, process, &view);
	if (!err) {
		err = resolver_safety(&resolver, &view, file, false, false, safety);
		view_free(&view);
	}
	resolver_free(&resolver);
	return err;
}
