// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/needed.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An executable and its loader: what is mapped when a program starts. */
#define STARTING_FILES 2
/* Libraries that are followed at most. */
#define NEEDED_MAX     256

struct needing {
	const struct process *process;
	int (*take)(void *context, struct mapped_file *file);
	void *context;
	char *names[NEEDED_MAX];
	size_t n_names;
	char *paths[NEEDED_MAX]; /* of those that were found */
	char *access[NEEDED_MAX];
	size_t n_paths;
};

int needed_file(const struct process *process, const char *path, struct mapped_file **file)
{
	char access[PATH_MAX];
	struct stat st, own;

	if (process->pid)
		snprintf(access, sizeof(access), "/proc/%d/root%s", process->pid, path);
	else
		snprintf(access, sizeof(access), "%s", path);
	if (stat(access, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	/* The plain path outlives the process. */
	if (stat(path, &own) == 0 && own.st_ino == st.st_ino && own.st_dev == st.st_dev)
		snprintf(access, sizeof(access), "%s", path);
	*file = calloc(1, sizeof(**file));
	if (!*file)
		return -ENOMEM;
	**file = (struct mapped_file){
		.id = {.dev = st.st_dev, .ino = st.st_ino},
		.name = strdup(path),
		.access = strdup(access),
		.executable = true,
	};
	if ((*file)->name && (*file)->access)
		return 0;
	free((*file)->name);
	free((*file)->access);
	free(*file);
	return -ENOMEM;
}

static bool known_name(const struct needing *needing, const char *name)
{
	for (size_t i = 0; i < needing->n_names; i++) {
		if (strcmp(needing->names[i], name) == 0)
			return true;
	}
	for (size_t i = 0; i < needing->process->n_files; i++) {
		const char *base = strrchr(needing->process->files[i].name, '/');

		if (base && strcmp(base + 1, name) == 0)
			return true;
	}
	return false;
}

/* Tries FOLDER/NAME; 0 where it is not there, 1 where it was taken. */
static int try_path(struct needing *needing, const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct mapped_file *file;
	int err;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path) ||
	    needed_file(needing->process, path, &file))
		return 0;
	needing->paths[needing->n_paths] = strdup(path);
	needing->access[needing->n_paths] = strdup(file->access);
	if (!needing->paths[needing->n_paths] || !needing->access[needing->n_paths]) {
		free(needing->paths[needing->n_paths]);
		free(needing->access[needing->n_paths]);
		free(file->name);
		free(file->access);
		free(file);
		return -ENOMEM;
	}
	needing->n_paths++;
	err = needing->take(needing->context, file);
	return err ? err : 1;
}

/* Writes the run path's next entry, with $ORIGIN replaced; returns what follows it. */
static const char *run_path_entry(const char *at, const char *origin, char folder[PATH_MAX])
{
	static const char *const tokens[] = {"$ORIGIN", "${ORIGIN}"};
	size_t length = strcspn(at, ":"), skip = 0;

	for (size_t i = 0; i < 2; i++) {
		if (strncmp(at, tokens[i], strlen(tokens[i])) == 0)
			skip = strlen(tokens[i]);
	}
	snprintf(folder, PATH_MAX, "%s%.*s", skip ? origin : "", (int)(length - skip), at + skip);
	return at[length] ? at + length + 1 : at + length;
}

static int find_library(struct needing *needing, const char *name, const char *run_path, const char *origin)
{
	static const char *const folders[] = {"/lib/x86_64-linux-gnu",
					      "/usr/lib/x86_64-linux-gnu",
					      "/lib64",
					      "/usr/lib64",
					      "/usr/local/lib",
					      "/lib",
					      "/usr/lib"};
	char folder[PATH_MAX];
	int found = 0;

	if (needing->n_names == NEEDED_MAX || needing->n_paths == NEEDED_MAX || known_name(needing, name))
		return 0;
	needing->names[needing->n_names] = strdup(name);
	if (!needing->names[needing->n_names])
		return -ENOMEM;
	needing->n_names++;
	while (!found && run_path && *run_path) {
		run_path = run_path_entry(run_path, origin, folder);
		found = try_path(needing, folder, name);
	}
	for (size_t i = 0; !found && i < sizeof(folders) / sizeof(folders[0]); i++)
		found = try_path(needing, folders[i], name);
	return found < 0 ? found : 0;
}

static Elf_Data *dynamic_section(Elf *elf, GElf_Shdr *shdr)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		if (gelf_getshdr(scn, shdr) && shdr->sh_type == SHT_DYNAMIC)
			return elf_getdata(scn, NULL);
	}
	return NULL;
}

static int read_dynamic(struct needing *needing, Elf *elf, const char *origin)
{
	GElf_Shdr shdr;
	Elf_Data *data = dynamic_section(elf, &shdr);
	const char *run_path = NULL, *name;
	GElf_Dyn dyn;
	int err = 0;

	for (int i = 0; data && gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		if (dyn.d_tag == DT_RUNPATH || (dyn.d_tag == DT_RPATH && !run_path))
			run_path = elf_strptr(elf, shdr.sh_link, dyn.d_un.d_val);
	}
	for (int i = 0; !err && data && gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		if (dyn.d_tag != DT_NEEDED)
			continue;
		name = elf_strptr(elf, shdr.sh_link, dyn.d_un.d_val);
		if (name && *name && !strchr(name, '/'))
			err = find_library(needing, name, run_path, origin);
	}
	return err;
}

static int read_needs(struct needing *needing, const char *path, const char *access)
{
	const char *slash = strrchr(path, '/');
	char *origin = strndup(path, slash ? (size_t)(slash - path) : 0);
	int fd = open(access, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = 0;
	Elf *elf = NULL;

	if (fd >= 0 && elf_version(EV_CURRENT) != EV_NONE)
		elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!origin)
		err = -ENOMEM;
	else if (elf && elf_kind(elf) == ELF_K_ELF)
		err = read_dynamic(needing, elf, origin);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
	free(origin);
	return err;
}

int needed_each(const struct process *process, int (*take)(void *context, struct mapped_file *file),
		void *context)
{
	struct needing needing = {.process = process, .take = take, .context = context};
	int err = 0;

	if (process->n_files > STARTING_FILES)
		return 0;
	for (size_t i = 0; !err && i < process->n_files; i++)
		err = read_needs(&needing, process->files[i].name, process->files[i].access);
	for (size_t i = 0; !err && i < needing.n_paths; i++)
		err = read_needs(&needing, needing.paths[i], needing.access[i]);
	for (size_t i = 0; i < needing.n_names; i++)
		free(needing.names[i]);
	for (size_t i = 0; i < needing.n_paths; i++) {
		free(needing.paths[i]);
		free(needing.access[i]);
	}
	return err;
}
