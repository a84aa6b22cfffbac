/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One frame of a stack, named. */
#ifndef LAPSE_STACK_FRAME_H
#define LAPSE_STACK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The strings live as long as the stack_symbols that made them and are never NULL. They come from the
 * target, byte by byte: whoever prints them escapes them.
 */
struct stack_frame {
	const char *name;     /* of the function, made readable; else in brackets why there is none */
	bool named;	      /* it is a function's */
	uint64_t offset;      /* of the address in the function; 0 where there is none */
	uint64_t addr;	      /* as it was given; 0: the frame is only a remark on the stack */
	const char *file;     /* as the target maps it, "[kernel]", "[MODULE]", or "" */
	uint64_t linked;      /* that address as the file is linked; 0: it is not in a file's code */
	const char *build_id; /* of the file, in hexadecimal, or "" */
};

#endif
