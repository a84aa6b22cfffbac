/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where lapse's own functions lie in its own file, for probes that it sets on itself. */
#ifndef LAPSE_SELF_OFFSET_H
#define LAPSE_SELF_OFFSET_H

#include <stdint.h>

/* The offset in /proc/self/exe of @address, which lies in the program's text. 0 or -ENOENT. */
int self_offset(const void *address, uint64_t *offset);

#endif
