// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/imagine.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/diag.h"

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

static bool has_any(const struct target_selection *selection, const struct process *processes, size_t n,
		    uint64_t target)
{
	if (!selection->n_parts)
		return n;
	for (size_t i = 0; i < n; i++)
		if (processes[i].targets & target)
			return true;
	return false;
}

int imagine_absent(const struct target_selection *selection, const struct process *processes, size_t n,
		   struct process **all, size_t *n_all)
{
	const struct target_selection *parts;
	size_t n_parts = target_parts(selection, &parts);
	int err = 0;

	*n_all = n;
	*all = calloc(n + n_parts, sizeof(**all));
	if (!*all)
		return -ENOMEM;
	if (n)
		memcpy(*all, processes, n * sizeof(**all));
	for (size_t i = 0; i < n_parts && !err; i++) {
		if (!parts[i].exe || has_any(selection, processes, n, 1ULL << i))
			continue;
		err = imagine_process(parts[i].exe, &(*all)[*n_all]);
		if (!err)
			(*all)[(*n_all)++].targets = 1ULL << i;
	}
	if (err)
		imagine_free(*all, n, *n_all);
	return err;
}

void imagine_free(struct process *all, size_t n_real, size_t n_all)
{
	for (size_t i = n_real; i < n_all; i++)
		process_free(&all[i]);
	free(all);
}
