/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The code of one function: its bytes, those of its cold parts, and what surrounds it. */
#ifndef LAPSE_BODY_H
#define LAPSE_BODY_H

#include "probe/decode.h"
#include "probe/object.h"

#define BODY_MAX_PARTS 4
#define BODY_MAX_SIZE  (1024 * 1024)

struct part {
	uint64_t addr;
	uint8_t *bytes;
	size_t size;
};

/* parts[0] is the function itself; tests fill the struct by hand. */
struct body {
	struct part parts[BODY_MAX_PARTS];
	size_t n_parts;
	bool sized;    /* it is known where the function ends */
	bool handlers; /* there may be code that only exceptions lead to */
	bool go;       /* compiled by Go: arguments are in its registers */

	/* Memory beyond the parts: returns how many bytes there were. */
	size_t (*read)(const void *context, uint64_t addr, void *buffer, size_t size);
	bool (*is_code)(const void *context, uint64_t addr);
	bool (*is_function)(const void *context, uint64_t addr);
	/* The name of the function that starts at @addr, or NULL. */
	const char *(*symbol)(const void *context, uint64_t addr);
	/* Where the piece of code that holds @addr starts, 0: not known. */
	uint64_t (*unit)(const void *context, uint64_t addr);
	const void *context;
};

/*
 * Reads the code of @function. Returns 0, -ENOMEM, or -E2BIG or -EIO where there is none to
 * judge. Release with body_free().
 */
int body_load(const struct object *object, const struct function *function, struct body *body);
void body_free(struct body *body);

/* The part that holds @addr, or NULL. */
const struct part *body_part(const struct body *body, uint64_t addr);

/*
 * Decodes the instruction at @addr, in the parts or beyond. False where there is none.
 */
bool body_insn(const struct body *body, struct decoder *decoder, uint64_t addr, struct insn *insn,
	       struct insn_effects *effects);

#endif
