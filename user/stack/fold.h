/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stacks as one string each. Names stay as the target has them: whoever prints them escapes them. */
#ifndef LAPSE_STACK_FOLD_H
#define LAPSE_STACK_FOLD_H

#include "stack/frame.h"

/* "function+0x1f", the name alone without an offset; "[unknown: redis-server is stripped] at
 * redis-server+0x5f3a1, build-id 0a1b..." without a name. Returns @buffer. */
const char *stack_frame_text(const struct stack_frame *frame, char *buffer, size_t size);

/*
 * The form that flame graphs are made of: "main;serve;read;ksys_read_[k]", outermost first, those of the
 * kernel last and marked. Frames come innermost first. To be freed; NULL where memory is out. A ';' in a
 * name becomes ':'.
 */
char *stack_fold(const struct stack_frame *user, size_t n_user, const struct stack_frame *kernel,
		 size_t n_kernel);

/*
 * The innermost @depth functions in one line, "pthread_mutex_lock <- handle_order": without what a
 * library calls within itself (leading "__") and what has no name, as long as something else follows.
 * Returns @buffer, "" where there are no frames.
 */
const char *stack_brief(const struct stack_frame *frames, size_t n, size_t depth, char *buffer, size_t size);

#endif
