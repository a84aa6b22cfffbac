// SPDX-License-Identifier: GPL-2.0-or-later
/* Which of the programs are loaded: what the plan needs, in the form that the kernel takes; and which of them
 * others go on with. */
#include "kernel/preempted.h"
#include "kernel/tracer_parts.h"

/* Of a tracepoint's programs that take the same, the one that this kernel does not preempt. */
static void choose_either(const struct tracer *tracer, struct bpf_program *raw, struct bpf_program *event,
			  bool wanted)
{
	bpf_program__set_autoload(raw, wanted && !tracer->events);
	bpf_program__set_autoload(event, wanted && tracer->events);
}

int programs_choose(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	bool places = tracer->options.places, perf = tracer->kind == ATTACH_PERF;

	tracer->tracefs = events_open();
	tracer->events = preempted_at_tracepoints(&tracer->kernel_types) && events_there(tracer->tracefs);
	tracer->call_events = events_of_calls(tracer->tracefs);
	bpf_program__set_autoload(skel->progs.span_session, places && tracer->kind == ATTACH_SESSION);
	bpf_program__set_autoload(skel->progs.place_multi, places && tracer->kind == ATTACH_MULTI);
	bpf_program__set_autoload(skel->progs.libraries_multi, places && !perf);
	bpf_program__set_autoload(skel->progs.libraries_perf, places && perf);
	bpf_program__set_autoload(skel->progs.return_multi, places && tracer->kind == ATTACH_MULTI);
	bpf_program__set_autoload(skel->progs.place_perf, places && perf);
	bpf_program__set_autoload(skel->progs.return_perf, places && perf);
	bpf_program__set_autoload(skel->progs.open_frames, tracer_has_frames(tracer));
	choose_either(tracer, skel->progs.process_exit, skel->progs.process_exit_event, true);
	choose_either(tracer, skel->progs.process_exec, skel->progs.process_exec_event, true);
	bpf_program__set_autoload(skel->progs.marker_multi, tracer->n_markers && tracer->kind != ATTACH_PERF);
	bpf_program__set_autoload(skel->progs.marker_perf, tracer->n_markers && tracer->kind == ATTACH_PERF);
	bpf_program__set_autoload(skel->progs.usdt_edge, tracer->options.usdts);
	skel->rodata->cfg_turns = tracer->options.syscalls;
	choose_either(tracer, skel->progs.syscall_enter, skel->progs.syscall_enter_event,
		      tracer->options.syscalls);
	choose_either(tracer, skel->progs.syscall_exit, skel->progs.syscall_exit_event,
		      tracer->options.syscalls);
	bpf_program__set_autoload(skel->progs.process_fork, tracer->options.by_exe ||
								    tracer->options.by_comm ||
								    tracer->options.follow);
	bpf_program__set_autoload(skel->progs.process_move, tracer->options.groups);
	why_choose_programs(tracer);
	first_leave_out(skel);
	return tcp_choose_programs(tracer);
}

int programs_set_next(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	const struct bpf_program *next[LAPSE_NEXTS] = {
		[LAPSE_NEXT_PLACE] = skel->progs.place_perf,
		[LAPSE_NEXT_RETURN] = skel->progs.return_perf,
		[LAPSE_NEXT_MARKER] = skel->progs.marker_perf,
	};
	int err = 0;

	for (uint32_t i = 0; i < LAPSE_NEXTS && !err && !tracer->features.cookie; i++) {
		int program = bpf_program__fd(next[i]);

		if (bpf_program__autoload(next[i]))
			err = bpf_map__update_elem(skel->maps.cookie_next, &i, sizeof(i), &program,
						   sizeof(program), BPF_ANY);
	}
	return err;
}
