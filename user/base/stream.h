/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a stream could not be written. */
#ifndef LAPSE_STREAM_H
#define LAPSE_STREAM_H

#include <stdio.h>

/* Writes what @stream still holds. 0, or -errno if that fails or an earlier write has failed. */
int stream_flush(FILE *stream);

#endif
