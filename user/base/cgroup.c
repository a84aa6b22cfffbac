// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONTAINER_PREFIX_MIN 4
/* The helper that holds a container's terminal is no part of it: "libpod-conmon-ID.scope". */
#define CONMON		     "conmon-"

/* A piece of somebody else's text. */
struct piece {
	const char *at;
	size_t length;
};

static bool piece_is(struct piece piece, const char *text)
{
	return piece.length == strlen(text) && !memcmp(piece.at, text, piece.length);
}

/* ---- what is meant ---------------------------------------------------------------------------- */

static int set_name(struct cgroup_rule *rule, const char *name, size_t length, const char *suffix)
{
	if (length + strlen(suffix) >= sizeof(rule->name))
		return -EINVAL;
	snprintf(rule->name, sizeof(rule->name), "%.*s%s", (int)length, name, suffix);
	return 0;
}

static int parse_path(const char *text, struct cgroup_rule *rule)
{
	size_t length = strlen(text);

	while (length > 1 && text[length - 1] == '/')
		length--;
	return *text == '/' ? set_name(rule, text, length, "") : -EINVAL;
}

/* Units of other kinds have no processes; what ends in none of these is a service, as for systemctl. */
static int parse_unit(const char *text, struct cgroup_rule *rule)
{
	static const char *const with_processes[] = {"service", "scope", "slice", "socket", "mount", "swap"};
	static const char *const without[] = {"target", "timer", "path", "device", "automount"};
	const char *dot = strrchr(text, '.');

	if (!*text || strchr(text, '/'))
		return -EINVAL;
	for (size_t i = 0; dot && i < sizeof(without) / sizeof(*without); i++)
		if (!strcmp(dot + 1, without[i]))
			return -EINVAL;
	for (size_t i = 0; dot && i < sizeof(with_processes) / sizeof(*with_processes); i++)
		if (!strcmp(dot + 1, with_processes[i]))
			return set_name(rule, text, strlen(text), "");
	return set_name(rule, text, strlen(text), ".service");
}

static int parse_container(const char *text, struct cgroup_rule *rule)
{
	size_t length = strlen(text);

	if (length < CONTAINER_PREFIX_MIN || length > CGROUP_CONTAINER_ID)
		return -EINVAL;
	for (size_t i = 0; i <= length; i++) {
		if (text[i] && !isxdigit((unsigned char)text[i]))
			return -EINVAL;
		rule->name[i] = (char)tolower((unsigned char)text[i]);
	}
	return 0;
}

int cgroup_rule_parse(enum cgroup_by by, const char *text, struct cgroup_rule *rule, const char **wanted)
{
	static const struct {
		int (*parse)(const char *text, struct cgroup_rule *rule);
		const char *wanted;
	} kinds[] = {
		[CGROUP_PATH] = {parse_path,
				 "the path of a control group, such as /system.slice/web.service"},
		[CGROUP_UNIT] = {parse_unit, "the name of a unit that has processes, such as nginx.service"},
		[CGROUP_CONTAINER] = {parse_container,
				      "the beginning of a container's id, at least 4 of its 64 hexadecimal "
				      "digits (containers with names, as LXC's, are meant by their cgroup)"},
	};

	*wanted = kinds[by].wanted;
	*rule = (struct cgroup_rule){.by = by};
	return kinds[by].parse(text, rule);
}

/* ---- who is ------------------------------------------------------------------------------------ */

/* The path of the line at *@lines, which moves on to the next one. False: there is none. */
static bool next_path(const char **lines, struct piece *path)
{
	while (**lines) {
		const char *line = *lines;
		size_t length = strcspn(line, "\n");
		const char *colon = memchr(line, ':', length);

		*lines = line + length + (line[length] == '\n');
		if (colon)
			colon = memchr(colon + 1, ':', (size_t)(line + length - colon - 1));
		if (!colon || colon[1] != '/')
			continue;
		*path = (struct piece){colon + 1, (size_t)(line + length - colon - 1)};
		return true;
	}
	return false;
}

/* What stands between slashes at the beginning of @path, which becomes the rest. */
static bool next_part(struct piece *path, struct piece *part)
{
	while (path->length && *path->at == '/') {
		path->at++;
		path->length--;
	}
	*part = (struct piece){path->at, 0};
	while (part->length < path->length && path->at[part->length] != '/')
		part->length++;
	path->at += part->length;
	path->length -= part->length;
	return part->length;
}

static bool path_is_below(struct piece path, const char *group)
{
	size_t length = strlen(group);

	if (!strcmp(group, "/"))
		return true;
	return path.length >= length && !memcmp(path.at, group, length) &&
	       (path.length == length || path.at[length] == '/');
}

/*
 * The id in "docker-ID.scope", "cri-containerd-ID.scope", "kubepods-besteffort-podX.slice:cri-containerd:ID"
 * or "ID" alone, where it is whole.
 */
static bool part_container(struct piece part, struct piece *id)
{
	static const char scope[] = ".scope";
	size_t tail = sizeof(scope) - 1;

	if (part.length > tail && !memcmp(part.at + part.length - tail, scope, tail))
		part.length -= tail;
	if (part.length < CGROUP_CONTAINER_ID)
		return false;
	*id = (struct piece){part.at + part.length - CGROUP_CONTAINER_ID, CGROUP_CONTAINER_ID};
	for (size_t i = 0; i < id->length; i++)
		if (!isxdigit((unsigned char)id->at[i]))
			return false;
	if (id->at == part.at)
		return true;
	tail = sizeof(CONMON) - 1;
	if ((size_t)(id->at - part.at) >= tail && !memcmp(id->at - tail, CONMON, tail))
		return false;
	return id->at[-1] == '-' || id->at[-1] == ':';
}

static bool part_matches(const struct cgroup_rule *rule, struct piece part, struct piece *id)
{
	if (rule->by == CGROUP_UNIT)
		return piece_is(part, rule->name);
	return part_container(part, id) && !memcmp(id->at, rule->name, strlen(rule->name));
}

static bool path_matches(const struct cgroup_rule *rule, struct piece path, struct piece *id)
{
	struct piece part;

	if (rule->by == CGROUP_PATH)
		return path_is_below(path, rule->name);
	while (next_part(&path, &part))
		if (part_matches(rule, part, id))
			return true;
	return false;
}

static bool lines_match(const struct cgroup_rule *rule, const char *lines, struct piece *id)
{
	struct piece path;

	while (rule->by != CGROUP_NONE && next_path(&lines, &path))
		if (path_matches(rule, path, id))
			return true;
	return false;
}

bool cgroup_rule_matches(const struct cgroup_rule *rule, const char *lines)
{
	struct piece id;

	return lines_match(rule, lines, &id);
}

bool cgroup_rule_container(const struct cgroup_rule *rule, const char *lines,
			   char id[CGROUP_CONTAINER_ID + 1])
{
	struct piece found;

	if (rule->by != CGROUP_CONTAINER || !lines_match(rule, lines, &found))
		return false;
	snprintf(id, CGROUP_CONTAINER_ID + 1, "%.*s", (int)found.length, found.at);
	return true;
}

void cgroup_each_part(const char *lines, void (*each)(void *context, const char *part), void *context)
{
	struct piece path, part;
	char name[CGROUP_NAME];

	while (next_path(&lines, &path)) {
		while (next_part(&path, &part)) {
			snprintf(name, sizeof(name), "%.*s", (int)part.length, part.at);
			each(context, name);
		}
	}
}
