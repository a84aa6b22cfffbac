/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has a processor while a measured thread waits for one.
 *
 * As long as one waits, anywhere, each processor notes its runs: who had it, and until when. A thread that
 * gets a processor credits each process with what it ran there since the thread has been runnable. So the
 * times of one wait are disjoint, and never more than the wait; what the processor was idle, what is older
 * than the runs that are kept, and what the thread waited on another processor before it was moved is
 * credited to nobody. It is assumed that a thread gets the processor that it waited for: one that is moved
 * has waited for the other one, too, but what ran on this one is what it was moved in favour of, and its own
 * list is at hand.
 *
 * A thread keeps LAPSE_RIVALS of them. Each has a weight, too, which decides who is to be forgotten: a
 * process that finds no place takes as much from all weights as it has run, and gets the place of who has
 * none left. So a process that ran for more than the (LAPSE_RIVALS + 1)th part of all is kept, whatever else
 * came and went. A place's time only grows, whoever has it: a frame remembers it as at its entry, and the
 * difference at the return is the span's own.
 */
#ifndef LAPSE_BPF_RIVALS_H
#define LAPSE_BPF_RIVALS_H

#include "bpf/compat.h"

/* ---- what a processor notes -----------------------------------------------------------------------------
 */

/* Whether any measured thread waits for a processor: then it is worth while to note who runs. */
static __always_inline bool rivals_wanted(void)
{
	return *(volatile __u64 *)&why_waiting;
}

/* A measured thread begins to wait for a processor. */
static __always_inline void rivals_want(struct lapse_waits *waits)
{
	if (waits->counted)
		return;
	waits->counted = 1;
	ADD(why_waiting, 1);
}

/* ... and has got one. */
static __always_inline void rivals_unwant(struct lapse_waits *waits)
{
	if (!waits->counted)
		return;
	waits->counted = 0;
	ADD(why_waiting, -1);
}

/* @run is the current process's, whose name is its first thread's: others may have names of their own. */
VERIFIED_ONCE int run_begin(struct lapse_run *run)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!run)
		return 0;
	run->pid = bpf_get_current_pid_tgid() >> 32;
	run->cgroup = bpf_get_current_cgroup_id();
	BPF_CORE_READ_INTO(&run->comm, task, group_leader, comm);
	return 0;
}

/* The current task leaves the processor: the runs there, with its own as the last; NULL: not known. */
static __always_inline struct lapse_runs *run_note(__u64 now)
{
	__u32 zero = 0, pid = bpf_get_current_pid_tgid() >> 32;
	struct lapse_runs *runs = bpf_map_lookup_elem(&why_runs, &zero);
	struct lapse_run *run;

	if (!runs)
		return NULL;
	run = &runs->run[runs->last & (LAPSE_RUNS - 1)];
	/* Threads of one process, one after the other. */
	if (run->pid != pid) {
		runs->last++;
		run = &runs->run[runs->last & (LAPSE_RUNS - 1)];
		run_begin(run);
	}
	run->end_ns = now;
	return runs;
}

/* ---- what a thread keeps --------------------------------------------------------------------------------
 */

/* The place of process @pid, or else the one with the least weight. */
static __always_inline struct lapse_place *place_for(struct lapse_waits *waits, __u32 pid)
{
	__u32 at = 0;

	for (__u32 i = 0; i < LAPSE_RIVALS; i++) {
		if (waits->place[i].pid == pid)
			return &waits->place[i];
		if (waits->place[i].weight < waits->place[at & (LAPSE_RIVALS - 1)].weight)
			at = i;
	}
	return &waits->place[at & (LAPSE_RIVALS - 1)];
}

static __always_inline void place_take(struct lapse_place *place, const struct lapse_run *run)
{
	place->since_ns = place->ns;
	place->pid = run->pid;
	place->cgroup = run->cgroup;
	__builtin_memcpy(place->comm, run->comm, sizeof(place->comm));
}

/* Credits the process of @run with @ns. */
VERIFIED_ONCE int rival_credit(struct lapse_waits *waits, const struct lapse_run *run, __u64 ns)
{
	struct lapse_place *place;
	__u64 least = 0;

	if (!waits || !run)
		return 0;
	waits->places = 1;
	place = place_for(waits, run->pid);
	if (place->pid != run->pid) {
		least = place->weight < ns ? place->weight : ns;
		for (__u32 i = 0; i < LAPSE_RIVALS; i++)
			waits->place[i].weight -= least;
		if (place->weight)
			return 0;
		place_take(place, run);
	}
	place->ns += ns;
	place->weight += ns - least;
	return 0;
}

/* What run @at of @runs had of the time from @woken on; @older: whether earlier ones may have some, too. */
static __always_inline __u64 run_since(const struct lapse_runs *runs, __u32 at, __u64 woken, bool *older)
{
	const struct lapse_run *run = &runs->run[at & (LAPSE_RUNS - 1)];
	__u64 before = runs->run[(at - 1) & (LAPSE_RUNS - 1)].end_ns;
	__u64 begin = before > woken ? before : woken;

	*older = before > woken;
	return run->pid && run->end_ns > begin ? run->end_ns - begin : 0;
}

/* Whom a thread credits that has been runnable since @woken_ns. */
struct crediting {
	struct lapse_waits *waits;
	const struct lapse_runs *runs;
	__u64 woken_ns;
};

/* With the @n-th run before the last one. */
static long credit_one(__u32 n, void *context)
{
	const struct crediting *crediting = context;
	const struct lapse_runs *runs = crediting->runs;
	__u32 at = runs->last - n;
	bool older;
	__u64 ns = run_since(runs, at, crediting->woken_ns, &older);

	if (ns)
		rival_credit(crediting->waits, &runs->run[at & (LAPSE_RUNS - 1)], ns);
	return !older;
}

/* Credits who ran on this processor from @woken on, until now, when the last of @runs has ended. */
static __always_inline void rivals_credit(struct lapse_waits *waits, const struct lapse_runs *runs,
					  __u64 woken)
{
	struct crediting crediting = {waits, runs, woken};

	loop_until(LAPSE_RUNS - 1, credit_one, &crediting);
}

/* ---- of a span ------------------------------------------------------------------------------------------
 */

/* Most threads wait for no processor: their places are not even looked at. */
static __always_inline void rivals_forget(struct lapse_waits *waits)
{
	if (!waits->places)
		return;
	waits->places = 0;
	__builtin_memset(waits->place, 0, sizeof(waits->place));
}

/* A span begins: its @before keeps what each place has. */
static __always_inline void rivals_keep(const struct lapse_waits *waits, struct lapse_before *before)
{
	__builtin_memset(before->place, 0, sizeof(before->place));
	if (!waits->places)
		return;
	/* Rounded up: nobody gets more than it ran. */
	for (int i = 0; i < LAPSE_RIVALS; i++)
		before->place[i] = (waits->place[i].ns + (1 << LAPSE_PLACE_SHIFT) - 1) >> LAPSE_PLACE_SHIFT;
}

/* Fills @rivals with what ran since @before was kept. */
static __always_inline void rivals_take(const struct lapse_waits *waits, const struct lapse_before *before,
					struct lapse_rival rivals[LAPSE_RIVALS])
{
	for (int i = 0; i < LAPSE_RIVALS; i++) {
		const struct lapse_place *place = &waits->place[i];
		__u64 from = (__u64)before->place[i] << LAPSE_PLACE_SHIFT;

		if (from < place->since_ns)
			from = place->since_ns;
		rivals[i].ns = place->ns > from ? place->ns - from : 0;
		rivals[i].pid = rivals[i].ns ? place->pid : 0;
		rivals[i].pad = 0;
		rivals[i].cgroup = place->cgroup;
		__builtin_memcpy(rivals[i].comm, place->comm, sizeof(rivals[i].comm));
	}
}

#endif
