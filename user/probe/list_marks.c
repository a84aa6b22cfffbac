// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "probe/list_pattern.h"
#include "probe/resolver.h"
#include "probe/usdt.h"

/* Longer names are cut before they are compared. */
#define LABEL_SIZE 512

struct listing {
	struct resolver resolver;
	struct view view;
	struct list_pattern pattern;
	int (*each)(void *context, const struct list_mark *mark);
	void *context;
};

/* By its own name, as PROVIDER:NAME, or as the probe that is typed for it. */
static bool is_meant(const struct listing *listing, const struct mapped_file *file,
		     const struct usdt_note *note, bool marker)
{
	char label[LABEL_SIZE];
	int kind = marker ? snprintf(label, sizeof(label), "marker:%s", note->name)
			  : snprintf(label, sizeof(label), "usdt:%s:%s", note->provider, note->name);

	if (kind < 0)
		return false;
	if (list_pattern_label(&listing->pattern, label) ||
	    list_pattern_label(&listing->pattern, label + (marker ? 0 : strlen("usdt:"))))
		return true;
	return list_pattern_file(&listing->pattern, file) && list_pattern_name(&listing->pattern, note->name);
}

static int show(struct listing *listing, const struct mapped_file *file, const struct object *object,
		const struct usdt_note *note)
{
	struct list_mark mark = {
		.provider = note->provider,
		.name = note->name,
		.file = file->name,
		.n_args = note->n_args,
		.marker = usdt_is_marker(object, note),
		.named = usdt_is_named_marker(note),
	};

	return is_meant(listing, file, note, mark.marker) ? listing->each(listing->context, &mark) : 0;
}

static int list_file(struct listing *listing, const struct mapped_file *file)
{
	const struct object *object;
	struct usdt_note *notes;
	size_t n;
	int err;

	object = resolver_object(&listing->resolver, file, &err);
	if (!object)
		return err == -ENOMEM ? err : 0;
	err = usdt_list(object, &notes, &n);
	if (err)
		return err;
	for (size_t i = 0; !err && i < n; i++) {
		/* Inlined copies have notes of their own. */
		if (usdt_find(notes, n, 0, notes[i].provider, notes[i].name) == i)
			err = show(listing, file, object, &notes[i]);
	}
	usdt_free(notes, n);
	return err;
}

int list_marks(const struct process *process, const char *pattern,
	       int (*each)(void *context, const struct list_mark *mark), void *context)
{
	struct listing listing = {.each = each, .context = context};
	int err = resolver_init(&listing.resolver);

	if (!err)
		err = list_pattern_parse(pattern, &listing.pattern);
	if (!err)
		err = resolver_view(&listing.resolver, process, &listing.view);
	for (size_t i = 0; !err && i < listing.view.n_files; i++)
		err = list_file(&listing, listing.view.files[i]);
	view_free(&listing.view);
	list_pattern_free(&listing.pattern);
	resolver_free(&listing.resolver);
	if (err == -ENOMEM)
		diag_error("out of memory");
	return err;
}
