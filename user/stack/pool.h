/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings that are kept once each, however often they come. */
#ifndef LAPSE_STACK_POOL_H
#define LAPSE_STACK_POOL_H

#include <stddef.h>

struct pool;

/* NULL where memory is out. Release with pool_free(). */
struct pool *pool_new(void);
void pool_free(struct pool *pool);

/* What is kept at most: a target may invent names without end. */
#define POOL_BYTES_MAX (64UL * 1024 * 1024)

/* A copy that lives as long as the pool; a remark in brackets where it is full or memory is out. */
const char *pool_keep(struct pool *pool, const char *text);
/* As above, printed. */
const char *pool_format(struct pool *pool, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
