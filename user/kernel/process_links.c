// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's news of processes: threads that end, programs that are replaced, children. */
#include "kernel/tracer_parts.h"

#include <errno.h>

/* These stay until the last figures have been read: a thread that ends before that takes its frames
 * with it, and they have to be counted. */
static int attach_process_program(struct tracer *tracer, const struct bpf_program *program)
{
	struct bpf_link *link;

	if (!bpf_program__autoload(program))
		return 0;
	link = events_attach(tracer->tracefs, program, NULL);
	if (!link)
		return -errno;
	tracer->process_links[tracer->n_process_links++] = link;
	return 0;
}

/* What keeps the frames right when threads end and programs are replaced. */
int attach_processes(struct tracer *tracer)
{
	const struct lapse_bpf *skel = tracer->skel;
	const struct bpf_program *const programs[] = {
		skel->progs.process_exit,	skel->progs.process_exit_event, skel->progs.process_exec,
		skel->progs.process_exec_event, skel->progs.process_fork,	skel->progs.process_move,
	};
	int err = 0;

	if (tracer->n_process_links)
		return 0;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs) && !err; i++)
		err = attach_process_program(tracer, programs[i]);
	if (!err && tracer_has_frames(tracer))
		err = open_frames_attach(tracer);
	return err;
}
