// SPDX-License-Identifier: GPL-2.0-or-later
/* Causes of spans: the scheduler's programs, what system calls are charged to, and what was counted. */
#include "kernel/tracer_parts.h"

#include <asm/unistd.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "bpf/config.h"
#include "kernel/interrupts.h"

/* Stacks of blocks that are kept at once. */
#define MAX_STACKS 16384

static const struct {
	uint32_t nr, call; /* enum lapse_call */
} calls[] = {
	{__NR_futex, LAPSE_CALL_LOCK},
	{__NR_flock, LAPSE_CALL_LOCK},
	{__NR_fsync, LAPSE_CALL_DISK},
	{__NR_fdatasync, LAPSE_CALL_DISK},
	{__NR_sync_file_range, LAPSE_CALL_DISK},
	{__NR_syncfs, LAPSE_CALL_DISK},
	{__NR_sync, LAPSE_CALL_DISK},
	{__NR_msync, LAPSE_CALL_DISK},
	{__NR_nanosleep, LAPSE_CALL_SLEEP},
	{__NR_clock_nanosleep, LAPSE_CALL_SLEEP},
	{__NR_poll, LAPSE_CALL_POLL},
	{__NR_ppoll, LAPSE_CALL_POLL},
	{__NR_select, LAPSE_CALL_POLL},
	{__NR_pselect6, LAPSE_CALL_POLL},
	{__NR_epoll_wait, LAPSE_CALL_POLL},
	{__NR_epoll_pwait, LAPSE_CALL_POLL},
	{__NR_epoll_pwait2, LAPSE_CALL_POLL},
	{__NR_read, LAPSE_CALL_FD},
	{__NR_readv, LAPSE_CALL_FD},
	{__NR_pread64, LAPSE_CALL_FD},
	{__NR_preadv, LAPSE_CALL_FD},
	{__NR_preadv2, LAPSE_CALL_FD},
	{__NR_write, LAPSE_CALL_FD},
	{__NR_writev, LAPSE_CALL_FD},
	{__NR_pwrite64, LAPSE_CALL_FD},
	{__NR_pwritev, LAPSE_CALL_FD},
	{__NR_pwritev2, LAPSE_CALL_FD},
	{__NR_sendfile, LAPSE_CALL_FD},
	{__NR_recvfrom, LAPSE_CALL_FD},
	{__NR_recvmsg, LAPSE_CALL_FD},
	{__NR_recvmmsg, LAPSE_CALL_FD},
	{__NR_sendto, LAPSE_CALL_FD},
	{__NR_sendmsg, LAPSE_CALL_FD},
	{__NR_sendmmsg, LAPSE_CALL_FD},
	{__NR_connect, LAPSE_CALL_FD},
	{__NR_accept, LAPSE_CALL_FD},
	{__NR_accept4, LAPSE_CALL_FD},
};
#define N_CALLS (sizeof(calls) / sizeof(*calls))

/* ---- what the kernel has ------------------------------------------------------------ */

static void choose_wakes(struct lapse_bpf *skel, const struct kernel_types *types, bool on)
{
	struct interrupts counted = on ? interrupts_counted(types) : (struct interrupts){0};
	bool around = on && !counted.distance;
	bool ready = on && kernel_tracepoint_arguments(types, "sk_data_ready") > 0;

	skel->rodata->cfg_interrupts = counted.distance;
	skel->rodata->cfg_softirqs = counted.softirqs;
	skel->rodata->cfg_hardirqs = counted.hardirqs;
	skel->rodata->cfg_switch_state = on && kernel_tracepoint_arguments(types, "sched_switch") == 4;
	bpf_program__set_autoload(skel->progs.why_ready_tp, ready);
	bpf_program__set_autoload(skel->progs.why_segment_tp, on && !ready);
	bpf_program__set_autoload(skel->progs.why_state_tp, on);
	bpf_program__set_autoload(skel->progs.why_softirq_enter, around);
	bpf_program__set_autoload(skel->progs.why_softirq_leave, around);
	bpf_program__set_autoload(skel->progs.why_timer_enter, around);
	bpf_program__set_autoload(skel->progs.why_timer_leave, around);
	bpf_program__set_autoload(skel->progs.why_block_done, on);
}

void why_choose_wakes(struct lapse_bpf *skel, bool on)
{
	struct kernel_types types = {0};

	if (on)
		kernel_types_open(&types);
	choose_wakes(skel, &types, on);
	kernel_types_close(&types);
}

void why_choose_programs(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	const struct kernel_types *types = &tracer->kernel_types;
	bool on = tracer->options.why;

	skel->rodata->cfg_why = on;
	skel->rodata->cfg_waits = on && tracer->options.waits;
	bpf_program__set_autoload(skel->progs.why_switch, on);
	bpf_program__set_autoload(skel->progs.why_waking, on);
	choose_wakes(skel, types, on);
	pieces_choose_programs(tracer, on && kernel_tracepoint_arguments(types, "irq_work_entry") > 0);
}

/* ---- maps ------------------------------------------------------------ */

static size_t n_rows(const struct tracer *tracer)
{
	return (tracer->n_components + LAPSE_CLASSES) * LAPSE_WHY_ROWS;
}

/* What threads have waited lies where their frames do. */
static int size_waits(const struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;

	if (tracer->features.cookie)
		return bpf_map__set_autocreate(skel->maps.waits_by_thread, false);
	return bpf_map__set_autocreate(skel->maps.thread_waits, false)
		       ?: bpf_map__set_max_entries(skel->maps.waits_by_thread, MAX_THREADS);
}

int why_size(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	int err;

	if (!tracer->options.why)
		return bpf_map__set_autocreate(skel->maps.thread_waits, false)
			       ?: bpf_map__set_autocreate(skel->maps.waits_by_thread, false)
			       ?: bpf_map__set_autocreate(skel->maps.piece_rings, false);
	err = bpf_map__set_max_entries(skel->maps.why_rows, n_rows(tracer)) ?: size_waits(tracer);
	return err ?: bpf_map__set_max_entries(skel->maps.why_stacks, MAX_STACKS);
}

int why_set_calls(const struct lapse_bpf *skel)
{
	int err = 0;

	for (size_t i = 0; i < N_CALLS && !err; i++)
		err = bpf_map__update_elem(skel->maps.why_calls, &calls[i].nr, sizeof(calls[i].nr),
					   &calls[i].call, sizeof(calls[i].call), BPF_ANY);
	return err;
}

int why_map(struct tracer *tracer)
{
	if (!tracer->options.why)
		return 0;
	tracer->why_rows =
		tracer_map_array(tracer->skel->maps.why_rows, sizeof(struct lapse_why_row), n_rows(tracer));
	return tracer->why_rows ? why_set_calls(tracer->skel) : -ENOMEM;
}

void why_unmap(struct tracer *tracer)
{
	tracer_unmap_array(tracer->why_rows, sizeof(struct lapse_why_row), n_rows(tracer));
	free(tracer->why_copy);
}

/* ---- attached ------------------------------------------------------------ */

/* libbpf goes by the section, and may have been told of another type by it: traced_at.c. */
static struct bpf_link *attach_one(const struct bpf_program *program)
{
	return bpf_program__type(program) == BPF_PROG_TYPE_TRACING ? bpf_program__attach_trace(program)
								   : bpf_program__attach(program);
}

int why_attach_each(const struct bpf_program *const *programs, size_t n,
		    int (*keep)(void *context, struct bpf_link *link), void *context)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		if (bpf_program__autoload(programs[i]))
			err = keep(context, attach_one(programs[i]));
	return err;
}

int why_attach_wakes(struct lapse_bpf *skel, int (*keep)(void *context, struct bpf_link *link), void *context)
{
	const struct bpf_program *programs[] = {
		skel->progs.why_softirq_leave, skel->progs.why_softirq_enter, skel->progs.why_timer_leave,
		skel->progs.why_timer_enter,   skel->progs.why_block_done,    skel->progs.why_ready_tp,
		skel->progs.why_segment_tp,    skel->progs.why_state_tp,
	};

	return why_attach_each(programs, sizeof(programs) / sizeof(*programs), keep, context);
}

static int keep(void *tracer, struct bpf_link *link)
{
	return tracer_keep_link(tracer, link, -1);
}

int why_attach(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	/* What tells who wakes comes before the wakes, and these before the switches. */
	const struct bpf_program *programs[] = {skel->progs.why_waking, skel->progs.why_piece,
						skel->progs.why_switch};
	int err;

	if (!tracer->options.why || tracer->last_tick_ns)
		return 0;
	err = pieces_await(tracer);
	if (err) {
		features_explain(&tracer->features, err, "cannot share memory with the programs");
		return err;
	}
	err = why_attach_wakes(skel, keep, tracer)
		      ?: why_attach_each(programs, sizeof(programs) / sizeof(*programs), keep, tracer);
	if (err)
		features_explain(&tracer->features, err, "cannot attach to the kernel's scheduler");
	return err;
}

/* ---- read ------------------------------------------------------------ */

static bool make_room(struct tracer *tracer, size_t n)
{
	size_t room = 2 * (tracer->n_why_copied + n);
	struct lapse_why_row *grown;

	if (tracer->n_why_copied + n <= tracer->why_room)
		return true;
	grown = reallocarray(tracer->why_copy, room, sizeof(*grown));
	if (!grown)
		return false;
	tracer->why_copy = grown;
	tracer->why_room = room;
	return true;
}

int why_read(struct tracer *tracer, size_t component, struct tick_component *out)
{
	struct why_rows now = {.kept = tracer->why_rows != NULL};

	/* Pages of the map that nobody has counted in are not even looked at: then they take no memory here.
	 */
	if (now.kept && out->counters.returns)
		now = why_rows_of(tracer->why_rows + component * LAPSE_WHY_ROWS);
	if (!make_room(tracer, now.n))
		return -ENOMEM;
	if (now.n)
		memcpy(tracer->why_copy + tracer->n_why_copied, now.row, now.n * sizeof(*now.row));
	tracer->n_why_copied += now.n;
	out->causes = now;
	return 0;
}

void why_place(struct tracer *tracer)
{
	struct lapse_why_row *row = tracer->why_copy;

	for (size_t i = 0; i < tracer->n_components; i++) {
		tracer->ticked[i].causes.row = row;
		if (row)
			row += tracer->ticked[i].causes.n;
	}
	tracer->n_why_copied = 0;
}

int tracer_stack(const struct tracer *tracer, int32_t number, uint64_t frames[LAPSE_STACK_DEPTH])
{
	struct lapse_trace trace;
	uint32_t key = number;
	int n = 0;

	if (number < 0 || !tracer->options.why)
		return 0;
	if (bpf_map__lookup_elem(tracer->skel->maps.why_stacks, &key, sizeof(key), &trace, sizeof(trace), 0))
		return 0;
	while (n < LAPSE_STACK_DEPTH && trace.frame[n])
		n++;
	memcpy(frames, trace.frame, (size_t)n * sizeof(*frames));
	return n;
}
