// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough to look its name up elsewhere. */
static void place_text(const struct stack_frame *frame, char *buffer, size_t size)
{
	const char *slash = strrchr(frame->file, '/');

	snprintf(buffer, size, "%s at %s+0x%" PRIx64 "%s%s", frame->name, slash ? slash + 1 : frame->file,
		 frame->linked, *frame->build_id ? ", build-id " : "", frame->build_id);
}

const char *stack_frame_text(const struct stack_frame *frame, char *buffer, size_t size)
{
	if (frame->linked && !frame->named)
		place_text(frame, buffer, size);
	else if (frame->offset)
		snprintf(buffer, size, "%s+0x%" PRIx64, frame->name, frame->offset);
	else
		snprintf(buffer, size, "%s", frame->name);
	return buffer;
}

static void fold_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc(*name == ';' ? ':' : *name, out);
}

static void fold_frames(FILE *out, const struct stack_frame *frames, size_t n, const char *mark)
{
	for (size_t i = n; i-- > 0;) {
		if (ftell(out) > 0)
			fputc(';', out);
		fold_name(out, frames[i].name);
		if (frames[i].named)
			fputs(mark, out);
	}
}

char *stack_fold(const struct stack_frame *user, size_t n_user, const struct stack_frame *kernel,
		 size_t n_kernel)
{
	char *folded = NULL;
	size_t size;
	FILE *out = open_memstream(&folded, &size);

	if (!out)
		return NULL;
	fold_frames(out, user, n_user, "");
	fold_frames(out, kernel, n_kernel, "_[k]");
	if (fclose(out)) {
		free(folded);
		return NULL;
	}
	return folded;
}

/* The first frame that tells a person something. */
static size_t first_telling(const struct stack_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (frames[i].named && strncmp(frames[i].name, "__", 2) != 0)
			return i;
	}
	return 0;
}

const char *stack_brief(const struct stack_frame *frames, size_t n, size_t depth, char *buffer, size_t size)
{
	size_t first = first_telling(frames, n), at = 0;

	*buffer = '\0';
	for (size_t i = first; i < n && i - first < depth && at < size; i++)
		at += (size_t)snprintf(buffer + at, size - at, "%s%s", i > first ? " <- " : "",
				       frames[i].name);
	return buffer;
}
