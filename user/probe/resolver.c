// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "probe/needed.h"
#include "probe/traits.h"

struct known_file {
	struct file_id id;
	struct object *object;
	int err;
	bool opened, judged;
	uint32_t traits;
	UT_hash_handle hh;
};

struct known_match {
	size_t spec;
	const struct object *object;
	struct matches *matches;
};

int resolver_init(struct resolver *resolver)
{
	memset(resolver, 0, sizeof(*resolver));
	resolver->decoder = decoder_new();
	return resolver->decoder ? 0 : -ENOMEM;
}

static void free_extra(struct mapped_file *file)
{
	free(file->name);
	free(file->access);
	free(file);
}

void resolver_free(struct resolver *resolver)
{
	struct known_file *file, *next;

	for (size_t i = 0; i < resolver->n_cache; i++) {
		matches_free(resolver->cache[i].matches);
		free(resolver->cache[i].matches);
	}
	free(resolver->cache);
	HASH_ITER (hh, resolver->known, file, next) {
		HASH_DEL(resolver->known, file);
		object_close(file->object);
		free(file);
	}
	for (size_t i = 0; i < resolver->n_extra; i++)
		free_extra(resolver->extra[i]);
	free(resolver->extra);
	decoder_free(resolver->decoder);
	memset(resolver, 0, sizeof(*resolver));
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static struct known_file *known_file(struct resolver *resolver, const struct file_id *id)
{
	struct known_file *file;

	HASH_FIND(hh, resolver->known, id, sizeof(*id), file);
	if (file)
		return file;
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->id = *id;
	HASH_ADD(hh, resolver->known, id, sizeof(file->id), file);
	return file;
}

const struct object *resolver_object(struct resolver *resolver, const struct mapped_file *file, int *err)
{
	struct known_file *known = known_file(resolver, &file->id);

	if (!known) {
		*err = -ENOMEM;
		return NULL;
	}
	if (!known->opened) {
		known->object = object_open(file->access, "", &known->err);
		known->opened = true;
	}
	*err = known->err;
	return known->object;
}

/* Takes @file over, which must be allocated with its strings. */
static int add_extra(struct resolver *resolver, struct mapped_file *file)
{
	struct mapped_file **extra = reallocarray(resolver->extra, resolver->n_extra + 1, sizeof(*extra));

	if (!extra) {
		free_extra(file);
		return -ENOMEM;
	}
	resolver->extra = extra;
	extra[resolver->n_extra++] = file;
	return 0;
}

static int add_to_view(struct view *view, const struct mapped_file *file)
{
	const struct mapped_file **files = reallocarray(view->files, view->n_files + 1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	view->files = files;
	files[view->n_files++] = file;
	return 0;
}

struct needed_context {
	struct resolver *resolver;
	struct view *view;
};

static int take_needed(void *context, struct mapped_file *file)
{
	struct needed_context *needed = context;
	int err = add_extra(needed->resolver, file);

	return err ? err : add_to_view(needed->view, file);
}

int resolver_view(struct resolver *resolver, const struct process *process, struct view *view)
{
	struct needed_context context = {.resolver = resolver, .view = view};
	int err = 0;

	*view = (struct view){.process = process};
	for (size_t i = 0; !err && i < process->n_files; i++)
		err = add_to_view(view, &process->files[i]);
	if (!err)
		err = needed_each(process, take_needed, &context);
	if (err)
		view_free(view);
	return err;
}

void view_free(struct view *view)
{
	free(view->files);
	memset(view, 0, sizeof(*view));
}

/* The matches of a specification in a file, found once. */
static const struct matches *match_in(struct resolver *resolver, const struct object *object,
				      const struct probe_spec *spec, size_t index)
{
	struct known_match *entry;
	struct matches *matches;

	for (size_t i = 0; i < resolver->n_cache; i++) {
		entry = &resolver->cache[i];
		if (entry->spec == index && entry->object == object)
			return entry->matches;
	}
	if (resolver->n_cache == resolver->cache_capacity) {
		size_t capacity = resolver->cache_capacity ? resolver->cache_capacity * 2 : 32;

		entry = reallocarray(resolver->cache, capacity, sizeof(*entry));
		if (!entry)
			return NULL;
		resolver->cache = entry;
		resolver->cache_capacity = capacity;
	}
	matches = calloc(1, sizeof(*matches));
	if (!matches || symbols_match(object, spec->function, spec->glob, matches)) {
		free(matches);
		return NULL;
	}
	entry = &resolver->cache[resolver->n_cache++];
	*entry = (struct known_match){.spec = index, .object = object, .matches = matches};
	return matches;
}

/* Whether the file called @name is what a person calls @wanted: libssl for libssl.so.3. */
static bool object_named(const char *name, const char *wanted)
{
	const char *base = path_base(name);
	size_t length = strlen(wanted);

	if (strncmp(base, wanted, length) != 0)
		return false;
	return !base[length] || strncmp(base + length, ".so", 3) == 0 ||
	       (base[length] == '-' && base[length + 1] >= '0' && base[length + 1] <= '9' &&
		strstr(base, ".so"));
}

/* A file given by its path that no process of the target has mapped yet. */
static int unmapped_path(struct resolver *resolver, const struct view *view, const char *path,
			 const struct mapped_file **found)
{
	struct mapped_file *file;
	int err = needed_file(view->process, path, &file);

	if (err)
		return err;
	for (size_t i = 0; i < view->n_files; i++) {
		const struct file_id *id = &view->files[i]->id;

		if (id->ino == file->id.ino && id->dev == file->id.dev) {
			free_extra(file);
			*found = view->files[i];
			return 0;
		}
	}
	*found = file;
	return add_extra(resolver, file);
}

static int find_object(struct resolver *resolver, const struct view *view, const struct probe_spec *spec,
		       const struct mapped_file **found)
{
	for (size_t i = 0; i < view->n_files; i++) {
		const struct mapped_file *file = view->files[i];

		if ((spec->object_kind == SPEC_OBJECT_MAIN && file->main) ||
		    (spec->object_kind == SPEC_OBJECT_NAME && object_named(file->name, spec->object)) ||
		    (spec->object_kind == SPEC_OBJECT_PATH && strcmp(file->name, spec->object) == 0)) {
			*found = file;
			return 0;
		}
	}
	return spec->object_kind == SPEC_OBJECT_PATH ? unmapped_path(resolver, view, spec->object, found)
						     : -ENOENT;
}

/* Looks for the functions in one file. */
static int resolve_in(struct resolver *resolver, const struct mapped_file *file,
		      const struct probe_spec *spec, size_t index, struct resolved *resolved,
		      struct failure *failure)
{
	const struct matches *matches;

	*failure = (struct failure){.file = file};
	resolved->file = file;
	resolved->object = resolver_object(resolver, file, &failure->err);
	if (!resolved->object) {
		failure->kind = FAILED_UNREADABLE;
		return failure->err;
	}
	matches = match_in(resolver, resolved->object, spec, index);
	if (!matches)
		return -ENOMEM;
	resolved->matches = matches;
	if (matches->n)
		return 0;
	failure->kind = matches->n_ifuncs ? FAILED_IFUNC : matches->cold ? FAILED_COLD : FAILED_NO_FUNCTION;
	return -ENOENT;
}

static const struct mapped_file *main_file(const struct view *view)
{
	for (size_t i = 0; i < view->n_files; i++) {
		if (view->files[i]->main)
			return view->files[i];
	}
	return view->n_files ? view->files[0] : NULL;
}

/* Any mapped file: the first in the order of the maps, the C library only if no other has it. */
static int resolve_any(struct resolver *resolver, const struct view *view, const struct probe_spec *spec,
		       size_t index, struct resolved *resolved, struct failure *failure)
{
	const struct mapped_file *main = main_file(view);
	struct failure first = {.kind = FAILED_NO_OBJECT}, other;
	bool found = false, found_libc = false;
	int err = -ENOENT;

	if (main) {
		err = resolve_in(resolver, main, spec, index, resolved, &first);
		if (err != -ENOENT && err != -ENOEXEC)
			goto out;
	}
	resolved->n_others = 0;
	for (size_t i = 0; i < view->n_files; i++) {
		const struct mapped_file *file = view->files[i];
		bool libc = traits_of_name(file->name) & TRAIT_LIBC;
		struct resolved here = {0};

		if (file == main)
			continue;
		err = resolve_in(resolver, file, spec, index, &here, &other);
		if (err == -ENOMEM)
			return err;
		if (err && first.kind == FAILED_NO_FUNCTION &&
		    (other.kind == FAILED_IFUNC || other.kind == FAILED_COLD))
			first = other;
		if (err)
			continue;
		if (!found || (found_libc && !libc)) {
			here.n_others = resolved->n_others + found;
			*resolved = here;
			found_libc = libc;
		} else {
			resolved->n_others++;
		}
		found = true;
	}
	err = found ? 0 : -ENOENT;
out:
	*failure = first;
	return err;
}

int resolver_resolve(struct resolver *resolver, const struct view *view, const struct probe_spec *spec,
		     size_t index, struct resolved *resolved, struct failure *failure)
{
	const struct mapped_file *file;
	int err;

	memset(resolved, 0, sizeof(*resolved));
	if (spec->object_kind == SPEC_OBJECT_ANY)
		return resolve_any(resolver, view, spec, index, resolved, failure);
	err = find_object(resolver, view, spec, &file);
	if (err) {
		*failure = (struct failure){.kind = FAILED_NO_OBJECT, .err = err};
		return err;
	}
	return resolve_in(resolver, file, spec, index, resolved, failure);
}

static int traits_of(struct resolver *resolver, const struct mapped_file *file, uint32_t *traits)
{
	struct known_file *known = known_file(resolver, &file->id);

	if (!known)
		return -ENOMEM;
	if (!known->judged) {
		known->traits = traits_read(file->access, file->name);
		known->judged = true;
	}
	*traits = known->traits;
	return 0;
}

int resolver_safety(struct resolver *resolver, const struct view *view, const struct mapped_file *file,
		    bool force, bool seccomp_kills, struct safety *safety)
{
	struct safety_file own = {.name = file->name};
	struct safety_file *mapped = calloc(view->n_files ? view->n_files : 1, sizeof(*mapped));
	int err = mapped ? traits_of(resolver, file, &own.traits) : -ENOMEM;

	for (size_t i = 0; !err && i < view->n_files; i++) {
		mapped[i].name = view->files[i]->name;
		err = traits_of(resolver, view->files[i], &mapped[i].traits);
	}
	if (!err)
		*safety = safety_decide(&own, mapped, view->n_files, force, seccomp_kills);
	free(mapped);
	return err;
}
