// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "config/config_schema.h"

/* Far more than any contract needs; a wrong path should not fill the memory. */
#define FILE_MAX (1 << 20)

/* Without a word in the file it is watched all the same. */
static int add_system(struct config *config)
{
	if (!config->system.objectives) {
		config->system.objectives = calloc(1, sizeof(*config->system.objectives));
		if (!config->system.objectives)
			return -ENOMEM;
		*config->system.objectives = objective_system_default();
	}
	config->system.n_objectives = 1;
	config->system.thresholds = config->thresholds;
	config->system.alerts = config->alerts;
	config->system.labels = config->labels;
	config->system.annotations = config->annotations;
	return 0;
}

static int fill(const char *path, const char *text, size_t length, struct config *config)
{
	struct config_walk walk = {path, config};
	struct tree_node root;
	int err = tree_read(path, text, length, &root);

	if (err)
		return err;
	config->path = strdup(path);
	config->text = strndup(text, length);
	err = config->path && config->text ? config_walk_mapping(&walk, &root, IN_FILE, config) : -ENOMEM;
	tree_free(&root);
	return err ? err : add_system(config);
}

int config_parse(const char *path, const char *text, size_t length, struct config *config)
{
	int err;

	*config = (struct config){
		.window = window_spec_default(),
		.thresholds = thresholds_default(),
		.alerts = alert_policy_default(),
	};
	err = fill(path, text, length, config);
	if (err == -ENOMEM)
		diag_error("%s: out of memory", path);
	if (err)
		config_free(config);
	return err;
}

/* What @fd holds, to be freed. */
static int read_whole(const char *path, int fd, char **text, size_t *length)
{
	ssize_t n = 1;

	*length = 0;
	*text = malloc(FILE_MAX + 1);
	if (!*text)
		return -ENOMEM;
	while (n && *length <= FILE_MAX) {
		n = read(fd, *text + *length, FILE_MAX + 1 - *length);
		if (n < 0 && errno != EINTR) {
			int err = -errno;

			diag_error("%s: %s", path, strerror(errno));
			return err;
		}
		*length += n > 0 ? (size_t)n : 0;
	}
	if (*length <= FILE_MAX)
		return 0;
	diag_error("%s: larger than %d bytes, so no contract file", path, FILE_MAX);
	return -EINVAL;
}

/* Whoever may write the file may run programs by it. */
static int check_owner(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		diag_error("%s has handlers, and others may write it: chmod go-w %s", path, path);
		return -EPERM;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		diag_error("%s has handlers, and belongs to user %u, neither you nor root: chown %u %s && "
			   "chmod go-w "
			   "%s",
			   path, st.st_uid, geteuid(), path, path);
		return -EPERM;
	}
	return 0;
}

static int read_open(const char *path, int fd, struct config *config)
{
	char *text = NULL;
	size_t length;
	int err = read_whole(path, fd, &text, &length);

	if (!err)
		err = config_parse(path, text, length, config);
	free(text);
	if (err || !config->n_handlers)
		return err;
	err = check_owner(path, fd);
	if (err)
		config_free(config);
	return err;
}

int config_read(const char *path, struct config *config)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), err;

	*config = (struct config){0};
	if (fd < 0) {
		err = -errno;
		diag_error("%s: %s", path, strerror(-err));
		return err;
	}
	err = read_open(path, fd, config);
	close(fd);
	return err;
}

bool config_names_target(const struct config_target *target)
{
	return target->n_pids || target->exe || target->comm || target->cgroup.by != CGROUP_NONE;
}

static void free_target(struct config_target *target)
{
	free(target->pids);
	free(target->exe);
	free(target->comm);
}

static void free_component(struct config_component *component)
{
	free_target(&component->target);
	for (size_t i = 0; i < component->n_modifiers; i++)
		free(component->modifiers[i].text);
	free(component->modifiers);
	free(component->cache.text);
	free(component->cache_hit.text);
	free(component->connections.text);
	free(component->name);
	free(component->measure);
	free(component->contract.objectives);
	config_labels_free(&component->contract.labels);
	config_labels_free(&component->contract.annotations);
	free(component->objective_marks);
}

static void free_components(struct config *config)
{
	for (size_t i = 0; i < config->n_components; i++)
		free_component(&config->components[i]);
	free(config->components);
}

static void free_waits(struct config *config)
{
	for (size_t i = 0; i < config->n_waits; i++)
		free(config->waits[i].function.text);
	free(config->waits);
}

static void free_handlers(struct config *config)
{
	for (size_t i = 0; i < config->n_handlers; i++) {
		struct config_handler *handler = &config->handlers[i];

		for (char **arg = handler->argv; arg && *arg; arg++)
			free(*arg);
		free(handler->argv);
		for (char **component = handler->components; component && *component; component++)
			free(*component);
		free(handler->components);
		free(handler->path);
		free(handler->group);
		config_http_free(&handler->http);
	}
	free(config->handlers);
}

void config_free(struct config *config)
{
	free_components(config);
	free_waits(config);
	free_handlers(config);
	free(config->system.objectives);
	free_target(&config->target);
	config_labels_free(&config->labels);
	config_labels_free(&config->annotations);
	free(config->path);
	free(config->text);
	*config = (struct config){0};
}
