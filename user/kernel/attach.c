// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Places become links: one link a file, process and program where the kernel takes many places a
 * link, one a place with perf events. Links are kept in one list and released together; the kernel
 * releases them too when lapse is killed, since nothing is pinned.
 */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/diag.h"
#include "kernel/batch.h"
#include "kernel/refused.h"
#include "kernel/told.h"

static int attach_multi(struct tracer *tracer, const struct bpf_program *program, pid_t pid, const char *path,
			const struct batch *batch, bool session, bool retprobe)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = batch->offsets, .cookies = batch->cookies,
		    .ref_ctr_offsets = batch->semaphores, .cnt = batch->n, .session = session,
		    .retprobe = retprobe);

	return tracer_keep_link(tracer, bpf_program__attach_uprobe_multi(program, pid, path, NULL, &opts),
				pid);
}

/* Where programs go on whose probes have a cookie; -1: @program needs none. */
static int next_of(const struct lapse_bpf *skel, const struct bpf_program *program)
{
	if (program == skel->progs.place_perf)
		return LAPSE_NEXT_PLACE;
	if (program == skel->progs.return_perf)
		return LAPSE_NEXT_RETURN;
	return program == skel->progs.marker_perf ? LAPSE_NEXT_MARKER : -1;
}

/* On kernels without attach cookies. */
static int attach_told(struct tracer *tracer, enum lapse_next next, pid_t pid, const char *path,
		       const struct batch *batch, bool retprobe)
{
	const struct told_maps maps = {
		.passed = bpf_map__fd(tracer->skel->maps.cookie_passed),
		.next = bpf_map__fd(tracer->skel->maps.cookie_next),
	};
	int err = 0;

	for (size_t i = 0; i < batch->n && !err; i++) {
		const struct told_place place = {
			.pid = pid,
			.path = path,
			.offset = batch->offsets[i],
			.semaphore = batch->semaphores ? batch->semaphores[i] : 0,
			.retprobe = retprobe,
		};

		err = links_keep_event(tracer, told_attach(&maps, &place, next, batch->cookies[i]), pid);
	}
	return err;
}

static int attach_perf(struct tracer *tracer, const struct bpf_program *program, pid_t pid, const char *path,
		       const struct batch *batch, bool retprobe)
{
	int next = next_of(tracer->skel, program), err = 0;

	if (!tracer->features.cookie && next >= 0)
		return attach_told(tracer, next, pid, path, batch, retprobe);
	for (size_t i = 0; i < batch->n && !err; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = batch->cookies[i],
			    .ref_ctr_offset = batch->semaphores ? batch->semaphores[i] : 0,
			    .retprobe = retprobe);

		err = tracer_keep_link(
			tracer, bpf_program__attach_uprobe_opts(program, pid, path, batch->offsets[i], &opts),
			pid);
	}
	return err;
}

/* Entries whose return the kernel hands over. The return programs come first, so that no span is
 * begun that nothing would end. */
static int attach_returning(struct tracer *tracer, pid_t pid, const char *path, const struct batch *batch)
{
	struct lapse_bpf *skel = tracer->skel;
	int err;

	if (!batch->n)
		return 0;
	if (tracer->kind == ATTACH_SESSION)
		return attach_multi(tracer, skel->progs.span_session, pid, path, batch, true, false);
	if (tracer->kind == ATTACH_MULTI) {
		err = attach_multi(tracer, skel->progs.return_multi, pid, path, batch, false, true);
		if (!err)
			err = attach_multi(tracer, skel->progs.place_multi, pid, path, batch, false, false);
		return err;
	}
	err = attach_perf(tracer, skel->progs.return_perf, pid, path, batch, true);
	if (!err)
		err = attach_perf(tracer, skel->progs.place_perf, pid, path, batch, false);
	return err;
}

/* Return instructions, and the entries that they end. */
static int attach_plain(struct tracer *tracer, pid_t pid, const char *path, const struct batch *batch)
{
	struct lapse_bpf *skel = tracer->skel;

	if (!batch->n)
		return 0;
	if (tracer->kind == ATTACH_PERF)
		return attach_perf(tracer, skel->progs.place_perf, pid, path, batch, false);
	if (tracer->kind == ATTACH_SESSION)
		return attach_multi(tracer, skel->progs.span_session, pid, path, batch, true, false);
	return attach_multi(tracer, skel->progs.place_multi, pid, path, batch, false, false);
}

/* What programs tell of themselves through lapse.h. */
static int attach_markers(struct tracer *tracer, pid_t pid, const char *path, const struct batch *batch)
{
	struct lapse_bpf *skel = tracer->skel;

	if (!batch->n)
		return 0;
	if (tracer->kind == ATTACH_PERF)
		return attach_perf(tracer, skel->progs.marker_perf, pid, path, batch, false);
	return attach_multi(tracer, skel->progs.marker_multi, pid, path, batch, false, false);
}

int attach_function(struct tracer *tracer, pid_t pid, const char *path, uint64_t offset, uint64_t cookie)
{
	unsigned long at = offset;
	__u64 with = cookie;
	struct batch batch = {.offsets = &at, .cookies = &with, .n = 1};

	if (LAPSE_COOKIE_ROLE(cookie) == LAPSE_ROLE_ENTRY)
		return attach_returning(tracer, pid, path, &batch);
	return attach_plain(tracer, pid, path, &batch);
}

/* Which places go into the same links. */
struct lot {
	enum {
		LOT_NAMED, /* those that were asked for by their names, ... */
		LOT_ONE,   /* ... but for what one of them has alone, where it may be taken away; */
		LOT_GLOBS, /* those of globs, whose links are made anew without some of them */
	} kind;
	uint32_t component; /* LOT_ONE */
};

/* What ends spans comes before what begins them. */
static const struct {
	enum lapse_role role;
	batch_attach attach;
} attach_order[] = {
	{LAPSE_ROLE_RETINS, attach_plain},	 {LAPSE_ROLE_HERE, attach_plain},
	{LAPSE_ROLE_ENTRY_RETINS, attach_plain}, {LAPSE_ROLE_ENTRY, attach_returning},
	{LAPSE_ROLE_MARKER, attach_markers},	 {LAPSE_ROLE_MARKER_NAMED, attach_markers},
};
#define N_ATTACH_ORDER (sizeof(attach_order) / sizeof(*attach_order))

static int attach_file(struct tracer *tracer, const struct plan_file *file, pid_t pid,
		       const struct batches *batches)
{
	int err = 0;

	for (size_t i = 0; i < N_ATTACH_ORDER && !err; i++)
		err = attach_order[i].attach(tracer, pid, file->access, &batches->role[attach_order[i].role]);
	if (err == -ESRCH && pid > 0)
		diag_error("process %d has ended before it could be probed", pid);
	else if (err && !refused(err))
		diag_error("cannot probe %s: %s", file->name, strerror(-err));
	return err;
}

static uint64_t cookie_of(const struct tracer *tracer, const struct place *place, struct lot lot)
{
	uint8_t edge = place->edge | (place->shared ? LAPSE_EDGE_SHARED : 0);

	if (lot.kind == LOT_GLOBS)
		edge |= LAPSE_EDGE_GLOB | tracer->generation;
	return LAPSE_COOKIE(place->component, edge, place->role, place->cls, place->function & 0xffff);
}

/* Whether @place is probed; what ends the spans of others too stays when its own component is dropped.
 * Without causes nothing is charged to waits. */
static bool needed(const struct tracer *tracer, const struct place *place)
{
	if ((place->edge & LAPSE_EDGE_MASK) == LAPSE_EDGE_WAIT && !tracer->options.why)
		return false;
	return !tracer->memory[place->component].dropped ||
	       (place->role == LAPSE_ROLE_RETINS && place->shared);
}

/*
 * The kernel calls what stands at one place in the reverse order of attaching. Where a span goes from return
 * to return of one function the end has to come before the start: at a return probe it does, its end being
 * attached last. Return instructions take frames off from the uppermost, which has to be the end's.
 */
static bool is_late(const struct place *place)
{
	return place->role == LAPSE_ROLE_ENTRY_RETINS && (place->edge & LAPSE_EDGE_MASK) == LAPSE_EDGE_START;
}

static bool is_in(const struct tracer *tracer, const struct plan *plan, const struct place *place,
		  struct lot lot)
{
	bool glob = plan->components[place->component].glob;
	bool alone = tracer->options.droppable && !place->shared;

	if (lot.kind == LOT_ONE)
		return !glob && alone && place->component == lot.component;
	return lot.kind == LOT_GLOBS ? glob : !glob && !alone;
}

static void collect_place(struct tracer *tracer, const struct place *place, struct lot lot,
			  struct batches *batches)
{
	tracer->memory[place->component].classes |= 1U << place->cls;
	tracer->components[place->component].flags |= place->flags;
	batch_add(&batches->role[place->role], place->offset, place->semaphore,
		  cookie_of(tracer, place, lot));
}

/* The places of a plan that are to be attached, by number. */
struct stretch {
	size_t first, end;
};

/* Those of file @number, and what their components have to know of them. Gives how many, or -ENOMEM. */
static int collect(struct tracer *tracer, const struct plan *plan, size_t number, struct stretch stretch,
		   struct lot lot, struct batches *batches)
{
	int err = 0, n = 0;

	for (int role = 0; role < LAPSE_ROLES && !err; role++)
		err = batch_new(&batches->role[role], stretch.end - stretch.first);
	if (err)
		return err;
	for (int late = 0; late <= 1; late++)
		for (size_t i = stretch.first; i < stretch.end; i++) {
			const struct place *place = &plan->places[i];

			if (place->file != number || !is_in(tracer, plan, place, lot) ||
			    is_late(place) != late || !needed(tracer, place))
				continue;
			collect_place(tracer, place, lot, batches);
			n++;
		}
	return n;
}

/* Whether the places of @file are probed for everyone, with a filter in the programs. */
static bool for_everyone(const struct tracer *tracer, const struct plan_file *file)
{
	return tracer->pid_filter_broken || tracer->options.follow || !file->n_pids;
}

/* One of those that its places are probed for. */
static pid_t pid_of(const struct tracer *tracer, const struct plan_file *file, pid_t only)
{
	if (only)
		return only;
	return for_everyone(tracer, file) ? -1 : file->pids[0];
}

/* For @only, or for all pids of the file, or for everyone and a filter in the programs. */
static int attach_batches(struct tracer *tracer, const struct plan_file *file, const struct batches *batches,
			  pid_t only)
{
	int err = 0;

	if (for_everyone(tracer, file) && !only)
		return attach_file(tracer, file, -1, batches);
	if (only)
		return attach_file(tracer, file, only, batches);
	for (size_t i = 0; i < file->n_pids && !err; i++)
		err = attach_file(tracer, file, file->pids[i], batches);
	return err;
}

static bool any_left(const struct tracer *tracer, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_components; i++)
		if (!tracer->memory[i].dropped)
			return true;
	return false;
}

/* The component of the place at @offset is left out. 0, or -ENOEXEC: it was the last one. */
static int leave_out(struct tracer *tracer, const struct plan *plan, const char *file, uint32_t component,
		     uint64_t offset)
{
	const char *name = plan->components[component].name;

	tracer->memory[component].dropped = true;
	if (any_left(tracer, plan)) {
		diag_warn("going on without %s of %s: the kernel does not probe its instruction at %#" PRIx64,
			  name, file, offset);
		return 0;
	}
	diag_error("%s of %s needs a probe where the kernel takes none, at %#" PRIx64 ": measure its caller",
		   name, file, offset);
	return -ENOEXEC;
}

/* Finds the first place of @batches that the kernel refuses, and leaves its component out; 0 or -ENOEXEC. */
static int leave_one_out(struct tracer *tracer, const struct plan *plan, const struct plan_file *file,
			 const struct batches *batches, pid_t pid)
{
	for (size_t i = 0; i < N_ATTACH_ORDER; i++) {
		const struct batch *batch = &batches->role[attach_order[i].role];
		ssize_t first = refused_first(tracer, pid, file->access, batch, attach_order[i].attach);

		if (first < 0)
			continue;
		return leave_out(tracer, plan, file->name, LAPSE_COOKIE_COMPONENT(batch->cookies[first]),
				 batch->offsets[first]);
	}
	diag_error("cannot probe %s: the kernel refuses some of it; name fewer functions", file->name);
	return -ENOEXEC;
}

/* -EAGAIN: one component was left out. */
static int attach_lot_once(struct tracer *tracer, const struct plan *plan, size_t number,
			   struct stretch stretch, pid_t only, struct lot lot)
{
	const struct plan_file *file = &plan->files[number];
	size_t from = tracer->n_links;
	struct batches batches = {0};
	int n = collect(tracer, plan, number, stretch, lot, &batches);
	int err = n > 0 ? attach_batches(tracer, file, &batches, only) : n;

	if (refused(err)) {
		links_release_from(tracer, from);
		err = leave_one_out(tracer, plan, file, &batches, pid_of(tracer, file, only)) ?: -EAGAIN;
	}
	for (int role = 0; role < LAPSE_ROLES; role++)
		batch_free(&batches.role[role]);
	return err;
}

static int attach_lot(struct tracer *tracer, const struct plan *plan, size_t number, struct stretch stretch,
		      pid_t only, struct lot lot)
{
	int err;

	while ((err = attach_lot_once(tracer, plan, number, stretch, only, lot)) == -EAGAIN)
		;
	return err;
}

static int attach_globs(struct tracer *tracer, const struct plan *plan, size_t number, struct stretch stretch,
			pid_t only)
{
	size_t from = tracer->n_links;
	int err = attach_lot(tracer, plan, number, stretch, only, (struct lot){.kind = LOT_GLOBS});

	links_mark(tracer, from, LINK_GLOBS, NO_COMPONENT);
	return err;
}

/* The components that may be taken away one by one. */
static int attach_ones(struct tracer *tracer, const struct plan *plan, size_t number, struct stretch stretch,
		       pid_t only)
{
	int err = 0;

	for (uint32_t i = 0; i < plan->n_components && !err && tracer->options.droppable; i++) {
		size_t from = tracer->n_links;

		if (plan->components[i].glob)
			continue;
		err = attach_lot(tracer, plan, number, stretch, only, (struct lot){LOT_ONE, i});
		links_mark(tracer, from, LINK_PLACES, i);
	}
	return err;
}

static int attach_places(struct tracer *tracer, const struct plan *plan, size_t number,
			 struct stretch stretch, pid_t only)
{
	int err = attach_lot(tracer, plan, number, stretch, only, (struct lot){.kind = LOT_NAMED});

	if (!err)
		err = attach_ones(tracer, plan, number, stretch, only);
	return err ?: attach_globs(tracer, plan, number, stretch, only);
}

int attach_all_globs(struct tracer *tracer, const struct plan *plan)
{
	const struct stretch all = {0, plan->n_places};
	int err = 0;

	for (size_t number = 0; number < plan->n_files && !err; number++)
		err = attach_globs(tracer, plan, number, all, 0);
	return err;
}

/* Without attach cookies a mark is known by its address in the process alone. */
static int usdt_refused(const struct plan_usdt *usdt, const struct plan_file *file, const char *how)
{
	diag_error("cannot probe usdt:%s:%s of %s: this kernel (before Linux 5.15) has marks only %s",
		   usdt->provider, usdt->name, file->name, how);
	return -EOPNOTSUPP;
}

static int attach_usdt(struct tracer *tracer, const struct plan_file *file, const struct plan_usdt *usdt,
		       pid_t pid)
{
	uint64_t cookie = LAPSE_COOKIE(usdt->component, usdt->edge, LAPSE_ROLE_HERE, LAPSE_CLASS_EMULATED, 0);
	LIBBPF_OPTS(bpf_usdt_opts, opts, .usdt_cookie = cookie);
	int err;

	if (!tracer->features.cookie && pid < 0)
		return usdt_refused(usdt, file, "by address, in processes that are named by -p");
	err = tracer_keep_link(tracer,
			       bpf_program__attach_usdt(tracer->skel->progs.usdt_edge, pid, file->access,
							usdt->provider, usdt->name, &opts),
			       pid);
	links_mark(tracer, tracer->n_links - !err, LINK_USDTS, usdt->component);
	if (err == -EEXIST && !tracer->features.cookie)
		return usdt_refused(usdt, file, "once an address, for one process and component");
	if (err)
		diag_error("cannot probe usdt:%s:%s of %s: %s", usdt->provider, usdt->name, file->name,
			   strerror(-err));
	return err;
}

static int attach_usdts(struct tracer *tracer, const struct plan *plan, size_t first)
{
	int err = 0;

	for (size_t i = first; i < plan->n_usdts && !err; i++) {
		const struct plan_usdt *usdt = &plan->usdts[i];
		const struct plan_file *file = &plan->files[usdt->file];

		if (tracer->memory[usdt->component].dropped)
			continue;
		tracer->memory[usdt->component].classes |= 1U << LAPSE_CLASS_EMULATED;
		if (for_everyone(tracer, file))
			err = attach_usdt(tracer, file, usdt, -1);
		for (size_t j = 0; j < file->n_pids && !err && !for_everyone(tracer, file); j++)
			err = attach_usdt(tracer, file, usdt, file->pids[j]);
	}
	return err;
}

static int attach_syscalls(struct tracer *tracer, const struct plan *plan)
{
	int err = 0;

	for (size_t i = 0; i < plan->n_syscalls && !err; i++) {
		const struct plan_syscall *syscall = &plan->syscalls[i];

		tracer->memory[syscall->component].classes |= 1U << LAPSE_CLASS_SYSCALL;
		err = syscalls_set(tracer, syscall->nr, syscall->loop ? NO_COMPONENT : syscall->component,
				   syscall->loop ? syscall->component : NO_COMPONENT);
	}
	if (!err)
		err = syscalls_attach(tracer);
	if (err)
		features_explain(&tracer->features, err, "cannot attach to the kernel's system calls");
	return err;
}

static int attach_files(struct tracer *tracer, const struct plan *plan, size_t from, size_t to,
			struct stretch stretch, pid_t pid)
{
	int err = 0;

	tracer->skel->bss->renewing = 1;
	for (size_t number = from; number < to && !err; number++)
		err = attach_places(tracer, plan, number, stretch, pid);
	tracer->skel->bss->renewing = 0;
	return err;
}

int tracer_attach(struct tracer *tracer, const struct plan *plan, size_t first_place, size_t first_usdt)
{
	const struct stretch new = {first_place, plan->n_places};
	int err = attach_processes(tracer);

	if (err) {
		features_explain(&tracer->features, err, "cannot attach to the kernel's process events");
		return err;
	}
	tsc_measure(tracer);
	tracer_filter(tracer);
	/* Before any span can begin: of one that slept unseen all would be called on-cpu. */
	err = why_attach(tracer);
	if (!err)
		err = attach_files(tracer, plan, 0, plan->n_files, new, 0);
	if (!err)
		err = attach_usdts(tracer, plan, first_usdt);
	if (!err)
		err = attach_syscalls(tracer, plan);
	if (!err)
		err = tcp_attach(tracer, plan);
	if (!tracer->last_tick_ns)
		tracer->last_tick_ns = clock_now_ns();
	return err;
}

int tracer_attach_pid(struct tracer *tracer, const struct plan *plan, size_t file, pid_t pid,
		      size_t end_place, size_t end_usdt)
{
	const struct stretch known = {0, end_place};
	int err;

	if (for_everyone(tracer, &plan->files[file]))
		return 0;
	err = attach_files(tracer, plan, file, file + 1, known, pid);
	for (size_t i = 0; i < end_usdt && !err; i++)
		if (plan->usdts[i].file == file && !tracer->memory[plan->usdts[i].component].dropped)
			err = attach_usdt(tracer, &plan->files[file], &plan->usdts[i], pid);
	return err ?: 1;
}

static bool watched(struct tracer *tracer, struct file_id id, pid_t pid)
{
	for (size_t i = 0; i < tracer->n_loaders; i++)
		if (tracer->loaders[i].id.ino == id.ino && tracer->loaders[i].id.dev == id.dev &&
		    tracer->loaders[i].pid == pid)
			return true;
	return false;
}

static int remember_loader(struct tracer *tracer, struct file_id id, pid_t pid)
{
	struct watched_loader *loaders =
		reallocarray(tracer->loaders, tracer->n_loaders + 1, sizeof(*loaders));

	if (!loaders)
		return -ENOMEM;
	tracer->loaders = loaders;
	loaders[tracer->n_loaders++] = (struct watched_loader){id, pid};
	return 0;
}

int tracer_watch_libraries(struct tracer *tracer, const struct mapped_file *file, uint64_t offset, pid_t pid)
{
	struct lapse_bpf *skel = tracer->skel;
	unsigned long at = offset;
	__u64 cookie = 0;
	const struct batch batch = {.offsets = &at, .cookies = &cookie, .n = 1};
	int err;

	if (!tracer->options.places)
		return 0;
	if (tracer->pid_filter_broken)
		pid = -1;
	if (watched(tracer, file->id, pid))
		return 0;
	err = remember_loader(tracer, file->id, pid);
	if (err)
		return err;
	if (tracer->kind == ATTACH_PERF)
		err = attach_perf(tracer, skel->progs.libraries_perf, pid, file->access, &batch, false);
	else
		err = attach_multi(tracer, skel->progs.libraries_multi, pid, file->access, &batch, false,
				   false);
	return err ?: 1;
}

static void forget_loaders(struct tracer *tracer, pid_t pid)
{
	size_t kept = 0;

	for (size_t i = 0; i < tracer->n_loaders; i++)
		if (tracer->loaders[i].pid != pid)
			tracer->loaders[kept++] = tracer->loaders[i];
	tracer->n_loaders = kept;
}

static bool is_for(const struct plan_file *file, pid_t pid)
{
	for (size_t i = 0; i < file->n_pids; i++)
		if (file->pids[i] == pid)
			return true;
	return false;
}

static bool is_of_pid(const struct kept_link *link, pid_t pid)
{
	return link->pid == pid;
}

int tracer_attach_again(struct tracer *tracer, const struct plan *plan, pid_t pid)
{
	int err = 0;

	links_release_from(tracer, links_part(tracer, is_of_pid, pid));
	forget_loaders(tracer, pid);
	for (size_t i = 0; i < plan->n_files && err >= 0; i++)
		if (is_for(&plan->files[i], pid))
			err = tracer_attach_pid(tracer, plan, i, pid, plan->n_places, plan->n_usdts);
	return err < 0 ? err : 0;
}
