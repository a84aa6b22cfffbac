// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/list_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "probe/resolver.h"

/* The colon that parts object and name, or NULL: one that is no half of "::". In a path the last counts. */
static const char *find_colon(const char *text)
{
	const char *found = NULL;

	for (const char *c = text; *c && *c != '(' && *c != '<'; c++) {
		if (*c != ':' || c[1] == ':' || (c > text && c[-1] == ':'))
			continue;
		found = c;
		if (*text != '/')
			break;
	}
	return found;
}

int list_pattern_parse(const char *text, struct list_pattern *pattern)
{
	const char *colon;

	*pattern = (struct list_pattern){.text = text ?: "*", .name = text ?: "*"};
	colon = find_colon(pattern->text);
	if (!colon)
		return 0;
	if (strncmp(pattern->text, "uprobe:/", strlen("uprobe:/")) == 0)
		return list_pattern_parse(text + strlen("uprobe:"), pattern);
	pattern->name = colon + 1;
	pattern->object = strndup(pattern->text, (size_t)(colon - pattern->text));
	return pattern->object ? 0 : -ENOMEM;
}

void list_pattern_free(struct list_pattern *pattern)
{
	free(pattern->object);
	memset(pattern, 0, sizeof(*pattern));
}

/* The length of a library's name without what tells its version: libssl.so.3, libc-2.31.so; 0: no library. */
static size_t plain_length(const char *base)
{
	const char *end = strstr(base, ".so");

	for (const char *c = base; end && c < end; c++) {
		if (*c == '-' && isdigit((unsigned char)c[1]))
			return (size_t)(c - base);
	}
	return end ? (size_t)(end - base) : 0;
}

/* Whether the file @base is what a person calls @wanted, a glob: libssl for libssl.so.3. */
static bool is_called(const char *base, const char *wanted)
{
	char plain[NAME_MAX + 1];
	size_t length = plain_length(base);

	if (text_glob_match(wanted, base))
		return true;
	if (!length || length >= sizeof(plain))
		return false;
	memcpy(plain, base, length);
	plain[length] = '\0';
	return text_glob_match(wanted, plain);
}

bool list_pattern_file(const struct list_pattern *pattern, const struct mapped_file *file)
{
	if (!pattern->object)
		return true;
	if (!*pattern->object)
		return file->main;
	if (*pattern->object == '/')
		return text_glob_match(pattern->object, file->name);
	return is_called(path_base(file->name), pattern->object);
}

bool list_pattern_name(const struct list_pattern *pattern, const char *name)
{
	return text_glob_match(pattern->name, name);
}

bool list_pattern_label(const struct list_pattern *pattern, const char *label)
{
	return text_glob_match(pattern->text, label);
}
