// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/refused.h"

#include "kernel/tracer_parts.h"

#define NOT_SUPPORTED 524 /* ENOTSUPP, which is the kernel's own */

bool refused(int err)
{
	return err == -ENOEXEC || err == -NOT_SUPPORTED;
}

static bool has_one(struct tracer *tracer, pid_t pid, const char *path, const struct batch *batch,
		    batch_attach attach)
{
	size_t from = tracer->n_links;
	bool any = refused(attach(tracer, pid, path, batch));

	links_release_from(tracer, from);
	return any;
}

ssize_t refused_first(struct tracer *tracer, pid_t pid, const char *path, const struct batch *batch,
		      batch_attach attach)
{
	size_t first = 0, n = batch->n;

	if (!has_one(tracer, pid, path, batch, attach))
		return -1;
	while (n > 1) {
		const struct batch half = batch_part(batch, first, n / 2);

		if (has_one(tracer, pid, path, &half, attach)) {
			n = half.n;
		} else {
			first += half.n;
			n -= half.n;
		}
	}
	return (ssize_t)first;
}
