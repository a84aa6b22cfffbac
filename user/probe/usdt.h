/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statically defined marks of a file, as .note.stapsdt tells of them: those of SystemTap's sys/sdt.h
 * (USDT), and those of lapse.h, whose provider is "lapse" and whose name is the component.
 */
#ifndef LAPSE_USDT_H
#define LAPSE_USDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "probe/object.h"

struct usdt_note {
	const char *provider, *name; /* live as long as the object */
	const char *args;	     /* where the arguments are: "8@%rdi -4@$3" */
	size_t n_args;
	uint64_t addr;	    /* virtual, as linked */
	uint64_t offset;    /* in the file */
	uint64_t semaphore; /* in the file: where the kernel counts who listens; 0: none */
};

/*
 * Reads the notes of @object in the order of the file; of what is broken as many as are sound. One mark
 * may have several: inlined copies. Returns 0 or -ENOMEM. Release with usdt_free().
 */
int usdt_list(const struct object *object, struct usdt_note **notes, size_t *n);
void usdt_free(struct usdt_note *notes, size_t n);

/* The first note of that mark from the @from-th on, as an index; @n where there is none. */
size_t usdt_find(const struct usdt_note *notes, size_t n, size_t from, const char *provider,
		 const char *name);

/* Offers the names of the marks of @provider (NULL: of all) to *nearest. */
void usdt_nearest(const struct usdt_note *notes, size_t n, const char *provider,
		  struct text_nearest *nearest);

/* Whether @note is a marker of lapse.h in a version that is understood. */
bool usdt_is_marker(const struct object *object, const struct usdt_note *note);

/* Whether it is the marker that is told its component's name at run time. */
bool usdt_is_named_marker(const struct usdt_note *note);

#endif
