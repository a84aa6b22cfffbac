// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/maps.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DELETED " (deleted)"

bool maps_parse_line(char *line, struct maps_line *parsed)
{
	unsigned int major, minor;
	char perms[5];
	int at = 0;
	size_t length;

	memset(parsed, 0, sizeof(*parsed));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &parsed->start,
		   &parsed->end, perms, &parsed->offset, &major, &minor, &parsed->ino, &at) < 7 ||
	    at == 0 || line[at] != '/')
		return false;
	length = strcspn(line + at, "\n");
	line[at + length] = '\0';
	if (length > strlen(DELETED) && strcmp(line + at + length - strlen(DELETED), DELETED) == 0) {
		parsed->deleted = true;
		line[at + length - strlen(DELETED)] = '\0';
	}
	parsed->dev = makedev(major, minor);
	parsed->executable = strlen(perms) > 2 && perms[2] == 'x';
	parsed->name = line + at;
	return true;
}

/* Whether @path opens the inode of @id; fills the stat in. */
static bool opens(const char *path, const struct file_id *id, struct stat *st)
{
	return stat(path, st) == 0 && S_ISREG(st->st_mode) && st->st_ino == id->ino && st->st_dev == id->dev;
}

/*
 * Finds the most lasting path that opens the file of @line: its own name, the same under the
 * target's root, then the links of /proc, of which only map_files tells the truth without a
 * comparison. On some file systems maps shows another device than stat does, so what the link
 * opens is the measure where it can be opened.
 */
static char *find_access(pid_t pid, const struct maps_line *line, bool main, struct file_id *id)
{
	char link[PATH_MAX], exe[64], root[PATH_MAX];
	bool linked;
	struct stat st;

	snprintf(link, sizeof(link), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, line->start, line->end);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	linked = stat(link, &st) == 0;
	if (!linked && main && stat(exe, &st) == 0) {
		snprintf(link, sizeof(link), "%s", exe);
		linked = true;
	}
	if (linked)
		*id = (struct file_id){.dev = st.st_dev, .ino = st.st_ino};
	if (!line->deleted && opens(line->name, id, &st))
		return strdup(line->name);
	if (main && opens(exe, id, &st))
		return strdup(exe);
	if (linked)
		return strdup(link);
	if (snprintf(root, sizeof(root), "/proc/%d/root%s", pid, line->name) < (int)sizeof(root) &&
	    opens(root, id, &st))
		return strdup(root);
	/* Nothing proves it: the name under the target's root is the best guess, unless deleted. */
	if (!line->deleted && stat(root, &st) == 0 && st.st_ino == line->ino) {
		*id = (struct file_id){.dev = st.st_dev, .ino = st.st_ino};
		return strdup(root);
	}
	return strdup(link);
}

static struct mapped_file *find_mapped(struct process *process, const struct file_id *id, const char *name)
{
	for (size_t i = 0; i < process->n_files; i++) {
		struct mapped_file *file = &process->files[i];

		if (file->id.ino == id->ino && file->id.dev == id->dev && strcmp(file->name, name) == 0)
			return file;
	}
	return NULL;
}

static int add_file(struct process *process, size_t *capacity, const struct maps_line *line)
{
	struct file_id id = {.dev = line->dev, .ino = line->ino};
	struct mapped_file *file;

	if (find_mapped(process, &id, line->name))
		return 0;
	if (process->n_files == *capacity) {
		size_t grown = *capacity ? *capacity * 2 : 16;

		file = reallocarray(process->files, grown, sizeof(*file));
		if (!file)
			return -ENOMEM;
		process->files = file;
		*capacity = grown;
	}
	file = &process->files[process->n_files];
	*file = (struct mapped_file){
		.id = id,
		.name = strdup(line->name),
		.deleted = line->deleted,
		.executable = true,
		.main = process->exe && strcmp(process->exe, line->name) == 0,
		.start = line->start,
		.offset = line->offset,
	};
	if (!file->name)
		return -ENOMEM;
	process->n_files++;
	return 0;
}

/* A second pass, so that the first may compare the ids that maps shows. */
static int add_access(struct process *process, const struct maps_line *lines)
{
	for (size_t i = 0; i < process->n_files; i++) {
		struct mapped_file *file = &process->files[i];
		struct maps_line line = lines[i];

		line.name = file->name;
		file->access = find_access(process->pid, &line, file->main, &file->id);
		if (!file->access)
			return -ENOMEM;
	}
	return 0;
}

static int read_lines(struct process *process, FILE *maps, struct maps_line **lines)
{
	size_t capacity = 0, size = 0, kept = 0;
	struct maps_line parsed, *grown;
	char *text = NULL;
	int err = 0;

	while (!err && getline(&text, &size, maps) > 0) {
		if (!maps_parse_line(text, &parsed) || !parsed.executable)
			continue;
		err = add_file(process, &capacity, &parsed);
		if (err || process->n_files == kept)
			continue;
		grown = reallocarray(*lines, capacity, sizeof(**lines));
		if (!grown) {
			err = -ENOMEM;
			continue;
		}
		*lines = grown;
		(*lines)[kept] = parsed;
		kept = process->n_files;
	}
	free(text);
	return err;
}

int maps_read(struct process *process)
{
	struct maps_line *lines = NULL;
	char path[64];
	FILE *maps;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/maps", process->pid);
	maps = fopen(path, "re");
	if (!maps)
		return errno == ENOENT ? -ESRCH : -errno;
	err = read_lines(process, maps, &lines);
	fclose(maps);
	if (!err)
		err = add_access(process, lines);
	free(lines);
	return err;
}
