// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/first.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/diag.h"
#include "kernel/tracer_parts.h"

/* Samples a second, of each processor; of many processors together not more than of so few. */
#define SAMPLES_HZ     99
#define SAMPLED_FULLY  8
#define SAMPLES_HZ_MIN 9

#define MORE_THREADS	1024
#define MAX_PEERS	4096
#define PIECES_BYTES	(4U << 20)
#define MAX_FIRST_LINKS 64

struct first_tracer {
	struct features features;
	struct lapse_bpf *skel;
	struct ring_buffer *ring;
	size_t room;
	uint64_t hz;
	struct bpf_link *links[MAX_FIRST_LINKS];
	size_t n_links;
	struct bpf_link **timers; /* one a processor */
	int n_timers;
	void (*take)(void *context, const struct lapse_look *piece);
	void *context;
};

void first_leave_out(struct lapse_bpf *skel)
{
	bpf_program__set_autoload(skel->progs.first_switch, false);
	bpf_program__set_autoload(skel->progs.first_waking, false);
	bpf_program__set_autoload(skel->progs.first_begin, false);
	bpf_program__set_autoload(skel->progs.first_fork, false);
	bpf_program__set_autoload(skel->progs.first_sample, false);
	bpf_map__set_autocreate(skel->maps.first_threads, false);
	bpf_map__set_autocreate(skel->maps.first_peers, false);
	bpf_map__set_autocreate(skel->maps.first_looks, false);
	bpf_map__set_autocreate(skel->maps.first_wanted, false);
}

/* ---- loaded ------------------------------------------------------------------------------- */

/* Nothing but what the first minute needs. */
static void choose(struct first_tracer *tracer, bool follow)
{
	struct lapse_bpf *skel = tracer->skel;
	struct bpf_map *const needed[] = {skel->maps.first_threads, skel->maps.first_peers,
					  skel->maps.first_looks,   skel->maps.first_wanted,
					  skel->maps.tgids,	    skel->maps.why_calls,
					  skel->maps.why_ready,	    skel->maps.why_runs};
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, skel->obj) bpf_program__set_autoload(program, false);
	bpf_object__for_each_map(map, skel->obj) if (!bpf_map__is_internal(map))
		bpf_map__set_autocreate(map, false);
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		bpf_map__set_autocreate(needed[i], true);
	why_choose_wakes(skel, true);
	/* Threads of the process may poll from before. */
	skel->data_waiting->why_polling = 1;
	bpf_program__set_autoload(skel->progs.first_switch, true);
	bpf_program__set_autoload(skel->progs.first_waking, true);
	bpf_program__set_autoload(skel->progs.first_begin, true);
	bpf_program__set_autoload(skel->progs.first_sample, true);
	bpf_program__set_autoload(skel->progs.first_fork, follow);
}

static int size(struct first_tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;

	return bpf_map__set_max_entries(skel->maps.first_threads, (uint32_t)tracer->room)
		       ?: bpf_map__set_max_entries(skel->maps.first_peers, MAX_PEERS)
		       ?: bpf_map__set_max_entries(skel->maps.first_looks, PIECES_BYTES);
}

static int take_piece(void *context, void *data, size_t size)
{
	struct first_tracer *tracer = context;

	if (size >= sizeof(struct lapse_look))
		tracer->take(tracer->context, data);
	return 0;
}

static int load(struct first_tracer *tracer, const struct first_tracer_options *options)
{
	int err;

	err = tracer_open_object(&tracer->features, &tracer->skel);
	if (err)
		return err;
	choose(tracer, options->follow);
	tracer->skel->rodata->cfg_futex = __NR_futex;
	err = size(tracer) ?: lapse_bpf__load(tracer->skel);
	if (err) {
		features_explain(&tracer->features, err, "cannot load the programs into the kernel");
		return err;
	}
	tracer->ring =
		ring_buffer__new(bpf_map__fd(tracer->skel->maps.first_looks), take_piece, tracer, NULL);
	if (!tracer->ring)
		return -errno;
	return why_set_calls(tracer->skel)
		       ?: tracer_name_pids(tracer->skel, options->pids, NULL, options->n_pids);
}

/* ---- attached ----------------------------------------------------------------------------- */

static int keep(void *context, struct bpf_link *link)
{
	struct first_tracer *tracer = context;

	if (!link)
		return -errno;
	tracer->links[tracer->n_links++] = link;
	return 0;
}

static int attach_tracepoints(struct first_tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	/* As in why_attach(). */
	const struct bpf_program *programs[] = {skel->progs.first_fork, skel->progs.first_waking,
						skel->progs.first_switch};
	int err = why_attach_wakes(skel, keep, tracer)
			  ?: why_attach_each(programs, sizeof(programs) / sizeof(*programs), keep, tracer);

	if (err)
		features_explain(&tracer->features, err, "cannot attach to the kernel's scheduler");
	return err;
}

static uint64_t sampling_hz(int cpus)
{
	uint64_t hz = cpus > SAMPLED_FULLY ? SAMPLES_HZ * SAMPLED_FULLY / (uint64_t)cpus : SAMPLES_HZ;

	return hz < SAMPLES_HZ_MIN ? SAMPLES_HZ_MIN : hz;
}

static int attach_timer(struct first_tracer *tracer, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = tracer->hz,
	};
	int event = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	struct bpf_link *link;

	/* A processor that is not there, or is switched off. */
	if (event < 0)
		return errno == ENODEV ? 0 : -errno;
	link = bpf_program__attach_perf_event(tracer->skel->progs.first_sample, event);
	if (!link) {
		int err = -errno;

		close(event);
		return err;
	}
	tracer->timers[tracer->n_timers++] = link;
	return 0;
}

static int attach_timers(struct first_tracer *tracer)
{
	int cpus = libbpf_num_possible_cpus(), err = 0;

	tracer->hz = sampling_hz(cpus);
	tracer->timers = calloc((size_t)cpus, sizeof(*tracer->timers));
	if (!tracer->timers)
		return -ENOMEM;
	for (int cpu = 0; cpu < cpus && !err; cpu++)
		err = attach_timer(tracer, cpu);
	if (err)
		features_explain(&tracer->features, err, "cannot start a sampling timer");
	return err;
}

/* Reading the iterator to its end is what runs it. */
static int take_in_threads(struct first_tracer *tracer)
{
	struct bpf_link *link = bpf_program__attach_iter(tracer->skel->progs.first_begin, NULL);
	int iterator = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char nothing[64];
	int err = iterator < 0 ? -errno : 0;

	while (!err && read(iterator, nothing, sizeof(nothing)) > 0)
		;
	if (iterator >= 0)
		close(iterator);
	bpf_link__destroy(link);
	if (err)
		features_explain(&tracer->features, err, "cannot read the kernel's list of threads");
	return err;
}

static int check(struct first_tracer *tracer)
{
	features_probe(&tracer->features);
	if (tracer->features.bpf || !tracer->features.btf) {
		features_explain(&tracer->features, tracer->features.bpf, "cannot trace");
		return tracer->features.bpf ?: -EOPNOTSUPP;
	}
	return 0;
}

int first_tracer_open(const struct first_tracer_options *options, struct first_tracer **out)
{
	struct first_tracer *tracer = calloc(1, sizeof(*tracer));
	int err;

	*out = tracer;
	if (!tracer)
		return -ENOMEM;
	libbpf_set_print(tracer_print_libbpf);
	tracer->room = 2 * options->n_threads + MORE_THREADS;
	err = check(tracer);
	if (!err)
		err = load(tracer, options);
	if (!err)
		err = attach_tracepoints(tracer);
	if (!err)
		err = attach_timers(tracer);
	return err ?: take_in_threads(tracer);
}

int first_tracer_join(struct first_tracer *tracer, pid_t pid)
{
	int err = tracer_name_pids(tracer->skel, &pid, NULL, 1);

	/* Without room for it the others are looked at all the same. */
	return err == -E2BIG ? 0 : err ?: take_in_threads(tracer);
}

/* ---- read ----------------------------------------------------------------------------------- */

uint64_t first_tracer_period_ns(const struct first_tracer *tracer)
{
	return NSEC_PER_SEC / tracer->hz;
}

void first_tracer_drain(struct first_tracer *tracer,
			void (*take)(void *context, const struct lapse_look *piece), void *context)
{
	tracer->take = take;
	tracer->context = context;
	ring_buffer__consume(tracer->ring);
}

void first_tracer_look_begins(struct first_tracer *tracer)
{
	__atomic_store_n(&tracer->skel->bss->first_looked_ns, UINT64_MAX, __ATOMIC_RELEASE);
}

void first_tracer_look_ends(struct first_tracer *tracer)
{
	__atomic_store_n(&tracer->skel->bss->first_looked_ns, clock_now_ns(), __ATOMIC_RELEASE);
}

size_t first_tracer_tids(const struct first_tracer *tracer, uint32_t *tids, size_t max)
{
	const struct bpf_map *map = tracer->skel->maps.first_threads;
	uint32_t *last = NULL;
	size_t n = 0;

	while (n < max && !bpf_map__get_next_key(map, last, &tids[n], sizeof(*tids)))
		last = &tids[n++];
	return n;
}

bool first_tracer_thread(const struct first_tracer *tracer, uint32_t tid, struct lapse_first *first)
{
	return !bpf_map__lookup_elem(tracer->skel->maps.first_threads, &tid, sizeof(tid), first,
				     sizeof(*first), 0);
}

void first_tracer_want(struct first_tracer *tracer, uint32_t tid)
{
	uint8_t one = 1;

	/* Without room there are others to sample. */
	(void)bpf_map__update_elem(tracer->skel->maps.first_wanted, &tid, sizeof(tid), &one, sizeof(one),
				   BPF_ANY);
}

static void release(struct first_tracer *tracer)
{
	for (size_t i = 0; i < tracer->n_links; i++)
		bpf_link__destroy(tracer->links[i]);
	for (int i = 0; i < tracer->n_timers; i++)
		bpf_link__destroy(tracer->timers[i]);
	tracer->n_links = 0;
	tracer->n_timers = 0;
}

uint64_t first_tracer_stop(struct first_tracer *tracer)
{
	uint64_t now = clock_now_ns();

	/* Links go one after the other, and slowly. */
	*(volatile uint32_t *)&tracer->skel->bss->first_over = 1;
	release(tracer);
	return now;
}

size_t first_tracer_peers(const struct first_tracer *tracer, struct first_peer *peers, size_t max)
{
	const struct bpf_map *map = tracer->skel->maps.first_peers;
	struct lapse_first_peer *last = NULL;
	size_t n = 0;

	while (n < max && !bpf_map__get_next_key(map, last, &peers[n].key, sizeof(peers[n].key))) {
		last = &peers[n].key;
		if (!bpf_map__lookup_elem(map, last, sizeof(*last), &peers[n].sum, sizeof(peers[n].sum), 0))
			n++;
	}
	return n;
}

uint64_t first_tracer_lost(const struct first_tracer *tracer)
{
	return tracer->skel->bss->first_lost;
}

size_t first_tracer_room(const struct first_tracer *tracer)
{
	return tracer->room;
}

void first_tracer_free(struct first_tracer *tracer)
{
	if (!tracer)
		return;
	release(tracer);
	free(tracer->timers);
	ring_buffer__free(tracer->ring);
	lapse_bpf__destroy(tracer->skel);
	free(tracer);
}
