// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening, sizing, loading and releasing; attaching, ticking and calibrating have their own files. */
#include "kernel/tracer_parts.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/diag.h"
#include "bpf/buckets.h"
#include "bpf/config.h"
#include "kernel/core_types.h"
#include "kernel/old_object.h"

#define MAX_SHARD_BITS	3
/* More than those that are named: of the calibration, and of what they fork and do not mean. */
#define SPARE_PROCESSES 1024

unsigned tracer_bucket_bits(size_t n_components)
{
	return n_components > LAPSE_FINE_COMPONENTS ? LAPSE_BUCKET_BITS_COARSE : LAPSE_BUCKET_BITS_FINE;
}

/* libbpf's own words are for its developers: with -v only. */
int tracer_print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level > LIBBPF_INFO || !diag_verbose())
		return 0;
	return vfprintf(stderr, format, args);
}

static unsigned shard_bits(void)
{
	int cpus = libbpf_num_possible_cpus();
	unsigned bits = 0;

	while (bits < MAX_SHARD_BITS && (1 << bits) < cpus)
		bits++;
	return bits;
}

static void set_constants(struct tracer *tracer)
{
	const struct tracer_options *options = &tracer->options;
	struct lapse_bpf__rodata *constants = tracer->skel->rodata;

	constants->cfg_shard_bits = tracer->shard_bits;
	constants->cfg_shard_mask = (1U << tracer->shard_bits) - 1;
	constants->cfg_bucket_bits = tracer->bucket_bits;
	constants->cfg_overflow = LAPSE_BUCKETS(tracer->bucket_bits);
	constants->cfg_tick_ns = options->tick_ns;
	constants->cfg_ring_bytes = options->ring_bytes;
	constants->cfg_stream_a_slice = options->stream_rate * LAPSE_STREAM_SLICE_NS / NSEC_PER_SEC;
	constants->cfg_filters = LAPSE_FILTER_TGID | (options->by_exe ? LAPSE_FILTER_EXE : 0) |
				 (options->by_comm ? LAPSE_FILTER_COMM : 0);
	constants->cfg_anyone = options->by_exe || options->by_comm;
	constants->cfg_processes = constants->cfg_anyone || options->follow;
	constants->cfg_follow = options->follow;
	constants->cfg_groups = options->groups;
	constants->cfg_targets = options->apart;
	constants->cfg_rules = tracer->n_rules || tracer->n_markers;
	constants->cfg_edges = options->edges;
}

static size_t histogram_bytes(const struct tracer *tracer)
{
	return (LAPSE_BUCKETS(tracer->bucket_bits) + 1) * sizeof(uint32_t);
}

/* Memory that programs have the kernel get for them while they run it warns of, before task storage: what
 * they may need is there from the beginning. */
static int set_stacks(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	int err;

	if (tracer->features.cookie)
		return bpf_map__set_autocreate(skel->maps.stacks_by_thread, false);
	err = bpf_map__set_autocreate(skel->maps.stacks, false);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.stacks_by_thread, MAX_THREADS);
	if (!err)
		err = bpf_map__set_map_flags(skel->maps.goroutines, 0);
	if (!err && tracer->goroutines)
		err = bpf_map__set_max_entries(skel->maps.goroutines, MAX_THREADS);
	return err;
}

/* Whoever may still come needs as much room as the maps have; where the processes are known from the
 * beginning, a start need not make it. */
static int set_processes(struct tracer *tracer)
{
	const struct tracer_options *options = &tracer->options;
	struct lapse_bpf *skel = tracer->skel;
	size_t n = options->n_pids + SPARE_PROCESSES;
	int err;

	if (!options->n_pids || options->by_exe || options->by_comm || options->follow || options->groups ||
	    n >= bpf_map__max_entries(skel->maps.tgids))
		return 0;
	err = bpf_map__set_max_entries(skel->maps.tgids, n);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.loads, n);
	return err ?: bpf_map__set_max_entries(skel->maps.judged, n);
}

static int set_sizes(struct tracer *tracer)
{
	size_t n = tracer->n_components + LAPSE_CLASSES;
	size_t sharded = n << tracer->shard_bits;
	struct lapse_bpf *skel = tracer->skel;
	int err;

	err = bpf_map__set_max_entries(skel->maps.components, n);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.cells, sharded);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.histograms, sharded);
	if (!err)
		err = bpf_map__set_value_size(skel->maps.histograms, histogram_bytes(tracer));
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.recent, tracer->n_recent ? tracer->n_recent : 1);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.events, tracer->options.ring_bytes);
	if (!err)
		err = rules_size(tracer) ?: tcp_size(tracer) ?: why_size(tracer) ?: set_processes(tracer);
	if (err)
		return err;
	return set_stacks(tracer);
}

/* Room for what the ticks compare with and hand out. */
static int allocate(struct tracer *tracer, const struct tracer_component *components)
{
	size_t n = tracer->n_components, sharded = n << tracer->shard_bits;

	tracer->histogram_stride = (histogram_bytes(tracer) + 7) & ~(size_t)7; /* the kernel's rounding */
	tracer->memory = calloc(n, sizeof(*tracer->memory));
	tracer->ticked = calloc(n, sizeof(*tracer->ticked));
	tracer->seen = calloc(sharded, tracer->histogram_stride);
	tracer->recent_copy = calloc(tracer->n_recent + 1, sizeof(uint64_t));
	tracer->wanted = calloc(n, sizeof(*components));
	tracer->dead = calloc(n, sizeof(uint64_t));
	tracer->usage = usage_new();
	if (!tracer->wanted || !tracer->dead || !tracer->memory || !tracer->ticked || !tracer->seen ||
	    !tracer->recent_copy || !tracer->usage)
		return -ENOMEM;
	memcpy(tracer->wanted, components, n * sizeof(*components));
	rules_count(tracer, components);
	for (size_t i = 0, base = 0; i < n; i++) {
		tracer->memory[i].recent_base = base;
		tracer->memory[i].recent_len = components[i].recent_len;
		base += components[i].recent_len;
	}
	return 0;
}

void *tracer_map_array(const struct bpf_map *map, size_t value_size, size_t n)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t bytes = (value_size * n + page - 1) & ~(page - 1);
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return at == MAP_FAILED ? NULL : at;
}

static int map_arrays(struct tracer *tracer)
{
	size_t n = tracer->n_components + LAPSE_CLASSES, sharded = n << tracer->shard_bits;
	struct lapse_bpf *skel = tracer->skel;

	tracer->components = tracer_map_array(skel->maps.components, sizeof(struct lapse_component), n);
	tracer->cells = tracer_map_array(skel->maps.cells, sizeof(struct lapse_cell), sharded);
	tracer->histograms = tracer_map_array(skel->maps.histograms, tracer->histogram_stride, sharded);
	tracer->recent = tracer_map_array(skel->maps.recent, sizeof(uint64_t),
					  tracer->n_recent ? tracer->n_recent : 1);
	if (!tracer->components || !tracer->cells || !tracer->histograms || !tracer->recent)
		return -ENOMEM;
	return rules_map(tracer) ?: tcp_map(tracer) ?: why_map(tracer);
}

/* The calibration's components, which come last, have no limits; neither has anything yet. */
static void set_components(struct tracer *tracer)
{
	for (size_t i = 0; i < tracer->n_components + LAPSE_CLASSES; i++) {
		struct lapse_component *component = &tracer->components[i];

		component->send_ns = UINT64_MAX;
		component->block_ns = UINT64_MAX;
		component->targets = LAPSE_ALL_TARGETS;
		for (int level = 0; level < LAPSE_LEVELS; level++)
			component->level_ns[level] = UINT64_MAX;
	}
	for (size_t i = 0; i < tracer->n_components; i++) {
		struct lapse_component *component = &tracer->components[i];

		memcpy(component->level_ns, tracer->wanted[i].level_ns, sizeof(component->level_ns));
		component->send_ns = tracer->wanted[i].send_ns;
		component->flags = tracer->wanted[i].flags;
		component->wait = tracer->wanted[i].wait;
		component->targets = tracer->wanted[i].targets;
		component->recent_base = tracer->memory[i].recent_base;
		component->recent_len = tracer->memory[i].recent_len;
	}
	pieces_set_limits(tracer, tracer->wanted);
}

void tracer_set_limits(struct tracer *tracer, const struct tracer_component *components)
{
	for (size_t i = 0; i < tracer->n_components; i++) {
		memcpy(tracer->components[i].level_ns, components[i].level_ns,
		       sizeof(components[i].level_ns));
		if (components[i].rules && tracer->n_rules)
			rules_set_limits(tracer, i, components[i].rules);
	}
	pieces_set_limits(tracer, components);
}

/* The kernel's encoding of a device number, which is not the one of stat(2). */
static struct lapse_exe exe_key(struct file_id id)
{
	return (struct lapse_exe){.ino = id.ino, .dev = (uint64_t)major(id.dev) << 20 | minor(id.dev)};
}

void tracer_filter(struct tracer *tracer)
{
	tracer->skel->bss->filter = tracer->filter;
	tracer->skel->bss->filter_places = links_filter(tracer) ? 0 : tracer->filter;
	tracer->skel->bss->filter_generation++;
	tracer->skel->bss->only_tid = tracer->options.tid;
}

/* Puts @targets to those that @map has of @key. 1 if there were none, 0, or -errno. */
static int add_targets(const struct bpf_map *map, const void *key, size_t key_size, uint64_t targets)
{
	uint64_t known = 0;
	int err = bpf_map__lookup_elem(map, key, key_size, &known, sizeof(known), 0);

	if (!err && (known | targets) == known)
		return 0;
	targets |= known;
	return bpf_map__update_elem(map, key, key_size, &targets, sizeof(targets), BPF_ANY) ?: err == -ENOENT;
}

int tracer_want_exe(struct tracer *tracer, struct file_id exe, uint64_t targets)
{
	struct lapse_exe key = exe_key(exe);
	int err = add_targets(tracer->skel->maps.exes, &key, sizeof(key), targets);

	tracer->filter |= LAPSE_FILTER_EXE;
	if (tracer->last_tick_ns)
		tracer_filter(tracer);
	return err < 0 ? err : 0;
}

int tracer_want_comm(struct tracer *tracer, const char *comm, uint64_t targets)
{
	struct lapse_comm key = {0};
	int err;

	strncpy(key.text, comm, sizeof(key.text) - 1);
	err = add_targets(tracer->skel->maps.comms, &key, sizeof(key), targets);
	return err < 0 ? err : 0;
}

int tracer_follow(struct tracer *tracer, pid_t pid, uint64_t targets)
{
	uint32_t key = pid;
	int err = add_targets(tracer->skel->maps.tgids, &key, sizeof(key), targets);

	/* It may be known as somebody who is not meant. */
	tracer->skel->bss->filter_generation++;
	return err;
}

int tracer_leave(struct tracer *tracer, pid_t pid, uint64_t targets)
{
	const struct bpf_map *tgids = tracer->skel->maps.tgids;
	uint32_t key = pid;
	uint64_t known;

	if (bpf_map__lookup_elem(tgids, &key, sizeof(key), &known, sizeof(known), 0))
		return 0;
	known &= ~targets;
	if (known)
		return bpf_map__update_elem(tgids, &key, sizeof(key), &known, sizeof(known), BPF_EXIST);
	return bpf_map__delete_elem(tgids, &key, sizeof(key), 0) ?: 1;
}

/* The exit program takes out who ends; one that was put in while it was ending would stay for ever. */
bool tracer_follows_any(struct tracer *tracer, bool (*runs)(pid_t pid))
{
	const struct bpf_map *tgids = tracer->skel->maps.tgids;
	uint32_t key;

	while (tracer->n_process_links && !bpf_map__get_next_key(tgids, NULL, &key, sizeof(key))) {
		if (runs((pid_t)key))
			return true;
		bpf_map__delete_elem(tgids, &key, sizeof(key), 0);
	}
	return false;
}

int tracer_name_pids(const struct lapse_bpf *skel, const pid_t *pids, const uint64_t *targets, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && err >= 0; i++)
		err = add_targets(skel->maps.tgids, &pids[i], sizeof(pids[i]), targets ? targets[i] : 1);
	return err < 0 ? err : 0;
}

void tracer_filter_pids(struct tracer *tracer)
{
	tracer->filter |= LAPSE_FILTER_TGID;
}

static int set_filter(struct tracer *tracer)
{
	const struct tracer_options *options = &tracer->options;
	bool listed = options->n_pids && (options->syscalls || options->tcp || options->apart);

	if (options->follow || listed)
		tracer_filter_pids(tracer);
	/* Even if no file is known yet: without a filter everyone would be meant. */
	if (options->by_exe)
		tracer->filter |= LAPSE_FILTER_EXE;
	if (options->by_comm)
		tracer->filter |= LAPSE_FILTER_COMM;
	return tracer_name_pids(tracer->skel, options->pids, options->targets, options->n_pids);
}

int tracer_open(const struct tracer_options *options, const struct tracer_component *components,
		size_t n_components, struct tracer **out)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));
	int kind;

	*out = tracer;
	if (!tracer)
		return -ENOMEM;
	libbpf_set_print(tracer_print_libbpf);
	tracer->options = *options;
	tracer->child.commands = tracer->child.answers = -1;
	tracer->n_components = n_components;
	tracer->bucket_bits = tracer_bucket_bits(n_components);
	tracer->shard_bits = shard_bits();
	for (size_t i = 0; i < n_components; i++) {
		tracer->n_recent += components[i].recent_len;
		tracer->n_told += components[i].fed == NO_COMPONENT;
	}
	tracer->n_told -= options->n_groups;
	tsc_begin(tracer);
	features_probe(&tracer->features);
	if (tracer->features.bpf || !tracer->features.btf) {
		features_explain(&tracer->features, tracer->features.bpf, "cannot trace");
		return tracer->features.bpf ?: -EOPNOTSUPP;
	}
	kind = features_choose(&tracer->features, options->attach);
	if (kind < 0)
		return kind;
	tracer->kind = kind;
	return allocate(tracer, components);
}

/* libbpf reads the types as it loads: the file has to stay until then. */
static int open_with_types(struct tracer *tracer)
{
	char path[CORE_TYPES_PATH];
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = path);
	int err;

	tracer->types_fd = core_types_open(path);
	if (tracer->types_fd < 0)
		return tracer->types_fd;
	traced_at_register(tracer);
	err = bpf_object__open_skeleton(tracer->skel->skeleton, &options);
	return err ?: core_types_fill(tracer->types_fd, &tracer->kernel_types, tracer->skel->obj);
}

/* The object for this kernel, behind the one skeleton. */
static int new_skeleton(const struct features *features, struct lapse_bpf **out)
{
	struct lapse_bpf *skel = calloc(1, sizeof(*skel));
	int err;

	*out = skel;
	if (!skel)
		return -ENOMEM;
	err = lapse_bpf__create_skeleton(skel);
	if (err)
		return err;
	if (!features->cookie)
		skel->skeleton->data = (void *)old_object(&skel->skeleton->data_sz);
	return 0;
}

int tracer_open_object(const struct features *features, struct lapse_bpf **out)
{
	int err = new_skeleton(features, out);

	return err ?: bpf_object__open_skeleton((*out)->skeleton, NULL);
}

/* Where the kernel's types cannot be read libbpf finds that out, too. */
static int open_object(struct tracer *tracer)
{
	int err = new_skeleton(&tracer->features, &tracer->skel);

	if (err)
		return err;
	if (!kernel_types_open(&tracer->kernel_types))
		return open_with_types(tracer);
	/* It needs to know a function of the kernel's. */
	if (tracer->kind == ATTACH_SESSION)
		tracer->kind = ATTACH_MULTI;
	return bpf_object__open_skeleton(tracer->skel->skeleton, NULL);
}

/* Its bytes lie in the program's file, from where they come again if anybody should want them. */
static void forget_object(const struct tracer *tracer)
{
	size_t page = sysconf(_SC_PAGESIZE), size = tracer->skel->skeleton->data_sz;
	uintptr_t at = ((uintptr_t)tracer->skel->skeleton->data + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)tracer->skel->skeleton->data + size) & ~(page - 1);

	if (end > at)
		madvise((void *)at, end - at, MADV_DONTNEED);
}

/* What only loading needs. */
static void forget_types(struct tracer *tracer)
{
	traced_at_unregister(tracer);
	kernel_types_close(&tracer->kernel_types);
	if (tracer->types_fd > 0)
		close(tracer->types_fd);
	tracer->types_fd = 0;
}

/* Numbers that can be taken at once: of recent spans twice what is remembered, and of values' names. */
static size_t n_claims(const struct tracer *tracer)
{
	size_t n = tracer->n_markers * LAPSE_VALUES + 1;

	for (size_t i = 0; i < tracer->n_components; i++)
		if (tracer->memory[i].recent_len)
			n += 2 * LAPSE_CLAIMS_KEPT;
	return n;
}

/* What the programs need of maps that only kernels without attach cookies have in use. */
static int set_old_maps(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	bool old = !tracer->features.cookie;
	int err = bpf_map__set_autocreate(skel->maps.claims, old);

	if (!err)
		err = bpf_map__set_max_entries(skel->maps.claims, n_claims(tracer));
	if (!err)
		err = bpf_map__set_autocreate(skel->maps.cookie_passed, old);
	return err ?: bpf_map__set_autocreate(skel->maps.cookie_next, old);
}

static int open_and_load(struct tracer *tracer)
{
	int err = open_object(tracer) ?: programs_choose(tracer);

	if (err)
		return err;
	set_constants(tracer);
	err = kfuncs_set(tracer) ?: set_sizes(tracer) ?: set_old_maps(tracer);
	if (!err)
		err = lapse_bpf__load(tracer->skel);
	if (err)
		features_explain(&tracer->features, err, "cannot load the programs into the kernel");
	return err;
}

static int share(struct tracer *tracer)
{
	int err = map_arrays(tracer) ?: programs_set_next(tracer) ?: set_filter(tracer);

	if (err)
		return err;
	set_components(tracer);
	return rules_set(tracer) ?: ring_open(tracer) ?: pieces_open(tracer);
}

int tracer_load(struct tracer *tracer)
{
	int err = open_and_load(tracer);

	forget_types(tracer);
	if (err)
		return err;
	forget_object(tracer);
	err = share(tracer);
	if (err)
		features_explain(&tracer->features, err, "cannot share memory with the programs");
	return err;
}

void tracer_unmap_array(void *at, size_t value_size, size_t n)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (at)
		munmap(at, (value_size * n + page - 1) & ~(page - 1));
}

static void unmap_arrays(struct tracer *tracer)
{
	size_t n = tracer->n_components + LAPSE_CLASSES, sharded = n << tracer->shard_bits;

	tracer_unmap_array(tracer->components, sizeof(struct lapse_component), n);
	tracer_unmap_array(tracer->cells, sizeof(struct lapse_cell), sharded);
	tracer_unmap_array(tracer->histograms, tracer->histogram_stride, sharded);
	tracer_unmap_array(tracer->recent, sizeof(uint64_t), tracer->n_recent ? tracer->n_recent : 1);
	rules_unmap(tracer);
	tcp_unmap(tracer);
	why_unmap(tracer);
}

void tracer_detach(struct tracer *tracer)
{
	if (tracer->look == LOOK_TICK && tracer->n_links)
		open_frames_settle(tracer);
	links_release_from(tracer, 0);
}

void tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	calibration_drop(tracer);
	tracer_detach(tracer);
	links_await(tracer);
	ring_close(tracer);
	pieces_close(tracer);
	bpf_link__destroy(tracer->iterator);
	for (size_t i = 0; i < tracer->n_process_links; i++)
		bpf_link__destroy(tracer->process_links[i]);
	unmap_arrays(tracer);
	lapse_bpf__destroy(tracer->skel);
	events_close(tracer->tracefs);
	usage_free(tracer->usage);
	free(tracer->links);
	free(tracer->wanted);
	free(tracer->memory);
	free(tracer->ticked);
	free(tracer->seen);
	free(tracer->deltas);
	free(tracer->recent_copy);
	free(tracer->open);
	free(tracer->hung);
	free(tracer->timed_out);
	free(tracer->dead);
	free(tracer->loaders);
	free(tracer);
}

enum attach_kind tracer_attach_kind(const struct tracer *tracer)
{
	return tracer->kind;
}

const struct lapse_cost *tracer_cost(const struct tracer *tracer, enum lapse_class cls)
{
	return &tracer->skel->bss->costs[cls];
}
