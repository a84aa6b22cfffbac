// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/hosted.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "probe/resolver.h"

#define N(list) (sizeof(list) / sizeof((list)[0]))

struct runtime {
	const char *file, *language; /* after the file's name a version may come */
};

/* Programs that are one. Others may have it as a library that matters to few of their functions. */
static const struct runtime programs[] = {
	{"node", "JavaScript"}, {"python", "Python"}, {"ruby", "Ruby"},	  {"perl", "Perl"},
	{"php", "PHP"},		{"php-fpm", "PHP"},   {"beam", "Erlang"},
};

/* Libraries that take the process over. */
static const struct runtime libraries[] = {
	{"libjvm", "Java"}, {"libcoreclr", ".NET"}, {"libnode", "JavaScript"}};

static bool is_runtime(const char *path, const struct runtime *runtime)
{
	const char *file = path_base(path);
	size_t length = strlen(runtime->file);

	return strncmp(file, runtime->file, length) == 0 &&
	       (!file[length] || isdigit((unsigned char)file[length]) || strchr(".-", file[length]));
}

const char *hosted_language(const struct view *view)
{
	for (size_t i = 0; i < N(programs); i++)
		if (view->process->exe && is_runtime(view->process->exe, &programs[i]))
			return programs[i].language;
	for (size_t i = 0; i < view->n_files; i++)
		for (size_t k = 0; k < N(libraries); k++)
			if (is_runtime(view->files[i]->name, &libraries[k]))
				return libraries[k].language;
	return NULL;
}
