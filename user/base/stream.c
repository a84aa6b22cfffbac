// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/stream.h"

#include <errno.h>

int stream_flush(FILE *stream)
{
	errno = 0;
	if (!fflush(stream) && !ferror(stream))
		return 0;
	/* Of an earlier failure the reason is not kept: the next one has it too. */
	if (!errno && putc('\n', stream) != EOF)
		fflush(stream);
	return -(errno ?: EIO);
}
