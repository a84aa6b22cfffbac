// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel keeps, read into a tick: differences of histograms, sums of cells, open spans. */
#include "kernel/drainer.h"
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "monitor/extremes.h"

static void add_cell(struct tick_counters *sum, const struct lapse_cell *cell)
{
	sum->entries += cell->entries;
	sum->returns += cell->returns;
	sum->errors += cell->errors;
	sum->sum_ns += cell->sum_ns;
	sum->sum_raw_ns += cell->sum_raw_ns;
	for (int level = 0; level < LAPSE_LEVELS; level++)
		sum->level[level] += cell->level[level];
	sum->too_deep += cell->too_deep;
	sum->abandoned += cell->abandoned + cell->timed_out;
	sum->timed_out += cell->timed_out;
	sum->jumps += cell->jumps;
	sum->stray += cell->stray;
	sum->maps_full += cell->maps_full;
	sum->ring_dropped += cell->ring_dropped;
	/* What if() did not mean once the outcome was known has been no span at all. */
	sum->entries -= cell->filtered;
	sum->restarted += cell->restarted;
	sum->unmatched_end += cell->unmatched_end;
	sum->hits += cell->hits;
	sum->misses += cell->misses;
}

static int keep_delta(struct tracer *tracer, uint32_t bucket, uint32_t count)
{
	if (tracer->n_deltas == tracer->max_deltas) {
		size_t max = tracer->max_deltas ? 2 * tracer->max_deltas : 4096;
		struct bucket_delta *grown = realloc(tracer->deltas, max * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		tracer->deltas = grown;
		tracer->max_deltas = max;
	}
	tracer->deltas[tracer->n_deltas++] = (struct bucket_delta){.index = bucket, .count = count};
	return 0;
}

/* The buckets are 32 bits wide and may wrap: differences are taken in 32 bits. */
static int read_histogram(struct tracer *tracer, size_t component)
{
	unsigned shards = 1U << tracer->shard_bits;
	size_t stride = tracer->histogram_stride / sizeof(uint32_t);
	size_t first = (component << tracer->shard_bits) * stride;
	volatile const uint32_t *now = (const uint32_t *)(void *)tracer->histograms + first;
	uint32_t *seen = tracer->seen + first;
	int err = 0;

	for (uint32_t bucket = 0; bucket <= LAPSE_BUCKETS(tracer->bucket_bits) && !err; bucket++) {
		uint32_t count = 0;

		for (unsigned shard = 0; shard < shards; shard++) {
			uint32_t value = now[shard * stride + bucket];

			count += value - seen[shard * stride + bucket];
			seen[shard * stride + bucket] = value;
		}
		if (count)
			err = keep_delta(tracer, bucket, count);
	}
	return err;
}

/* The extremes of slot @tick over all shards; the slot is emptied, so that its marks may wrap. */
static void take_slot(struct tracer *tracer, size_t component, uint64_t tick, uint64_t *max, uint64_t *min)
{
	uint64_t mark = (tick + 1) << LAPSE_SLOT_SHIFT;
	uint32_t slot = tick & (LAPSE_TICK_SLOTS - 1);

	for (unsigned shard = 0; shard < 1U << tracer->shard_bits; shard++) {
		struct lapse_cell *cell = tracer_cell(tracer, component, shard);
		uint64_t high = __atomic_exchange_n(&cell->slot_max[slot], 0, __ATOMIC_RELAXED);
		uint64_t low = __atomic_exchange_n(&cell->slot_min[slot], 0, __ATOMIC_RELAXED);

		if ((high & ~LAPSE_SLOT_MASK) == mark && (high & LAPSE_SLOT_MASK) > *max)
			*max = high & LAPSE_SLOT_MASK;
		if ((low & ~LAPSE_SLOT_MASK) == mark && LAPSE_SLOT_MASK - (low & LAPSE_SLOT_MASK) < *min)
			*min = LAPSE_SLOT_MASK - (low & LAPSE_SLOT_MASK);
	}
}

/*
 * Extremes of every tick that is over for a whole tick. A program that was preempted between its
 * clock reading and its store still finds its slot: it is read one tick late.
 */
static void read_extremes(struct tracer *tracer, size_t component, uint64_t now_tick, uint64_t end_tick,
			  struct tick_component *out)
{
	uint64_t from = tracer->memory[component].next_slot_tick;

	out->late_max_ns = 0;
	out->late_min_ns = UINT64_MAX;
	if (from + LAPSE_TICK_SLOTS <= now_tick)
		from = now_tick - LAPSE_TICK_SLOTS + 1;
	for (uint64_t tick = from; tick < end_tick; tick++)
		take_slot(tracer, component, tick, &out->late_max_ns, &out->late_min_ns);
	values_read(tracer, component, from, end_tick, out);
	if (end_tick > tracer->memory[component].next_slot_tick)
		tracer->memory[component].next_slot_tick = end_tick;
}

/*
 * The extremes of what @out's buckets hold, which were read before: every span raises its slot before it is
 * counted. Of the tick before it may be what ended when that was just over; mostly it lies in other buckets.
 */
static void peek_slot(const struct tracer *tracer, const struct lapse_cell *cell, uint32_t slot,
		      const struct bucket_delta *buckets, struct tick_component *out)
{
	uint64_t high = __atomic_load_n(&cell->slot_max[slot], __ATOMIC_RELAXED) & LAPSE_SLOT_MASK;
	uint64_t low = __atomic_load_n(&cell->slot_min[slot], __ATOMIC_RELAXED);

	if (high > out->max_ns && extremes_fit(high, buckets[out->n_buckets - 1].index, tracer->bucket_bits))
		out->max_ns = high;
	if (!low)
		return;
	low = LAPSE_SLOT_MASK - (low & LAPSE_SLOT_MASK);
	if ((!out->min_ns || low < out->min_ns) && extremes_fit(low, buckets[0].index, tracer->bucket_bits))
		out->min_ns = low;
}

static void peek_extremes(const struct tracer *tracer, size_t component, const struct bucket_delta *buckets,
			  struct tick_component *out)
{
	for (unsigned shard = 0; out->n_buckets && shard < 1U << tracer->shard_bits; shard++)
		for (uint32_t slot = 0; slot < LAPSE_TICK_SLOTS; slot++)
			peek_slot(tracer, tracer_cell(tracer, component, shard), slot, buckets, out);
}

/* The newest durations of a count window, oldest first. */
static void read_recent(struct tracer *tracer, size_t component, uint64_t *copy, struct tick_component *out)
{
	const struct component_memory *memory = &tracer->memory[component];
	uint64_t total = __atomic_load_n(&tracer_cell(tracer, component, 0)->recent_pos, __ATOMIC_ACQUIRE);
	size_t n = total < memory->recent_len ? total : memory->recent_len;

	for (size_t i = 0; i < n; i++) {
		size_t at = (total - n + i) % memory->recent_len;

		copy[i] = ((volatile uint64_t *)tracer->recent)[memory->recent_base + at];
	}
	out->recent = n ? copy : NULL;
	out->n_recent = n;
	out->recent_total = total;
}

/* The dearest class of a component's places, for what the kernel does not add up itself. */
static struct lapse_cost dearest(const struct tracer *tracer, size_t component)
{
	struct lapse_cost cost = {0};

	for (int cls = 0; cls < LAPSE_CLASSES; cls++)
		if (tracer->memory[component].classes & 1U << cls &&
		    tracer->skel->bss->costs[cls].total_ns > cost.total_ns)
			cost = tracer->skel->bss->costs[cls];
	return cost;
}

/* Hits of a component, and what they cost: spans that returned by their own class, and the rest
 * (entries that have not, returns that end nothing) by the dearest. */
static void add_cost(const struct tracer *tracer, size_t component, struct tick_self *self)
{
	struct lapse_cost cost = dearest(tracer, component);
	uint64_t entries = 0, returns = 0, idle = 0;

	for (unsigned shard = 0; shard < 1U << tracer->shard_bits; shard++) {
		const struct lapse_cell *cell = tracer_cell(tracer, component, shard);

		entries += cell->entries;
		returns += cell->returns + cell->filtered;
		idle += cell->idle + cell->stray + cell->unmatched_end;
		self->probe_ns += cell->cost_ns;
	}
	self->hits += entries + returns + idle;
	if (entries > returns)
		self->probe_ns += (entries - returns) * cost.enter_ns;
	self->probe_ns += idle * (cost.total_ns - cost.enter_ns);
}

uint64_t tracer_component_cost(const struct tracer *tracer, size_t component)
{
	struct tick_self self = {0};

	add_cost(tracer, component, &self);
	return self.probe_ns;
}

/* Whether spans begin or end in it: a run of the others that is left out costs none. */
static bool measures(const struct tracer *tracer, const struct bpf_program *program)
{
	const struct lapse_bpf *skel = tracer->skel;
	const struct bpf_program *const others[] = {
		skel->progs.process_exec, skel->progs.process_exit,	  skel->progs.process_fork,
		skel->progs.process_move, skel->progs.libraries_multi,	  skel->progs.libraries_perf,
		skel->progs.open_frames,  skel->progs.process_exec_event, skel->progs.process_exit_event,
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (program == others[i])
			return false;
	return true;
}

/* Hits of kprobes that came while the processor was at another one's: no program was asked. The kernel tells
 * since 6.7. */
static uint64_t kprobe_missed(const struct kept_link *kept)
{
	struct bpf_link_info info = {0};
	__u32 length = sizeof(info);

	if (kept->kind != LINK_TCP || !kept->link ||
	    bpf_link_get_info_by_fd(bpf_link__fd(kept->link), &info, &length) ||
	    info.type != BPF_LINK_TYPE_PERF_EVENT)
		return 0;
	if (info.perf_event.type != BPF_PERF_EVENT_KPROBE && info.perf_event.type != BPF_PERF_EVENT_KRETPROBE)
		return 0;
	return info.perf_event.kprobe.missed;
}

/* Runs of programs that the kernel left out, which no counter of theirs can see. */
static uint64_t kernel_missed(const struct tracer *tracer)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, tracer->skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 length = sizeof(info);

		if (measures(tracer, program) && bpf_program__fd(program) >= 0 &&
		    !bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &length))
			missed += info.recursion_misses;
	}
	for (size_t i = 0; i < tracer->n_links; i++)
		missed += kprobe_missed(&tracer->links[i]);
	return missed;
}

static void read_self(struct tracer *tracer, struct tick_self *self, const struct usage_sum *target)
{
	for (size_t i = 0; i < tracer->n_components; i++)
		add_cost(tracer, i, self);
	self->ns_per_hit = self->hits ? (double)self->probe_ns / (double)self->hits : NAN;
	self->ring_dropped = tracer->skel->bss->records_dropped;
	self->kernel_missed =
		kernel_missed(tracer) + tracer->skel->bss->unsafe_skipped + tracer->skel->bss->tcp_lost;
	self->not_streamed = tracer->skel->bss->not_streamed;
	self->values_unnamed = tracer->skel->bss->values_unnamed;
	self->stacks_lost = tracer->skel->bss->stacks_lost;
	self->target_cpu_ns = target->cpu_ns;
	if (self->target_cpu_ns < USAGE_RESOLVED_NS)
		self->target_cpu_ns = 0;
	self->tracer_cpu_ns = usage_own_ns();
	self->tracer_rss_bytes = usage_own_rss();
	self->delivery_p50_ns = drainer_delay(tracer->drainer, 0.5);
	self->delivery_p99_ns = drainer_delay(tracer->drainer, 0.99);
}

static int read_component(struct tracer *tracer, size_t component, bool last, uint64_t now_tick,
			  uint64_t end_tick, uint64_t *recent)
{
	struct tick_component *out = &tracer->ticked[component];
	struct component_memory *memory = &tracer->memory[component];
	int err = 0;

	*out = (struct tick_component){.component = component, .detached = memory->dropped};
	for (unsigned shard = 0; shard < 1U << tracer->shard_bits; shard++)
		add_cell(&out->counters, tracer_cell(tracer, component, shard));
	out->counters.abandoned += tracer->dead[component];
	/* Histograms are large and most of many components are quiet. */
	out->n_buckets = tracer->n_deltas;
	if (last || out->counters.returns != memory->seen_returns)
		err = read_histogram(tracer, component);
	out->n_buckets = tracer->n_deltas - out->n_buckets;
	memory->seen_returns = out->counters.returns;
	read_extremes(tracer, component, now_tick, end_tick, out);
	peek_extremes(tracer, component, tracer->deltas + tracer->n_deltas - out->n_buckets, out);
	read_recent(tracer, component, recent, out);
	tcp_read(tracer, component, out);
	return err ?: why_read(tracer, component, out);
}

static uint64_t abandoned(const struct tracer *tracer)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < tracer->n_components << tracer->shard_bits; i++)
		sum += tracer->cells[i].abandoned + tracer->cells[i].timed_out;
	return sum;
}

/* In the last figures a thread that ends meanwhile must not stand on both sides, or on none. */
static int read_open(struct tracer *tracer, uint64_t now_ns, bool last)
{
	uint64_t before;
	int err, tries = 0;

	do {
		before = abandoned(tracer);
		err = open_frames_read(tracer, now_ns);
	} while (last && !err && abandoned(tracer) != before && ++tries < 100);
	return err;
}

static void feed_cache(struct tick_component *fed, const struct tick_counters *counters)
{
	fed->counters.hits += counters->hits;
	fed->counters.misses += counters->misses;
	fed->cache_lost += counters->too_deep + counters->maps_full;
}

/* An attempt that the program gave up has failed too. */
static void feed_connects(struct tick_component *fed, const struct tick_component *feeder)
{
	const struct tick_counters *counters = &feeder->counters;

	fed->connects = (struct tick_connects){
		.opened = counters->returns - counters->errors,
		.failed = counters->errors + counters->abandoned,
		.lost = counters->too_deep + counters->maps_full + counters->stray,
		.before = feeder->tcp.before,
		.ring_dropped = counters->ring_dropped,
		.late_max_ns = feeder->late_max_ns,
	};
	memcpy(fed->connects.level, counters->level, sizeof(counters->level));
}

/* What a component only tells of another one. */
static void feed(struct tracer *tracer, size_t feeder)
{
	struct tick_component *fed = &tracer->ticked[tracer->wanted[feeder].fed];

	if (tracer->wanted[feeder].feeds == FEEDS_CACHE)
		feed_cache(fed, &tracer->ticked[feeder].counters);
	else if (tracer->wanted[feeder].feeds == FEEDS_CONNECTS)
		feed_connects(fed, &tracer->ticked[feeder]);
	fed->detached |= tracer->ticked[feeder].detached;
}

/* What was given up stands in the counters already. */
static int tell_timed_out(struct tracer *tracer, const struct tracer_records *records)
{
	int err = 0;

	for (size_t i = 0; i < tracer->n_timed_out && !err; i++)
		err = records->span(records->context, &tracer->timed_out[i]);
	tracer->n_timed_out = 0;
	return err;
}

static enum tick_running running_of(const struct usage_sum *target)
{
	if (target->alive)
		return TICK_RUNNING;
	return target->ended ? TICK_ENDED : TICK_IDLE;
}

int tracer_tick(struct tracer *tracer, uint64_t now_ns, bool last, const struct tracer_records *records,
		struct tick *tick)
{
	uint64_t now_tick = (last ? clock_now_ns() : now_ns) / tracer->options.tick_ns;
	uint64_t end_tick = last && now_ns == tracer->last_tick_ns ? now_tick + 1 : now_tick - 1;
	bool open_known = !read_open(tracer, now_ns, last);
	struct bucket_delta *deltas;
	int err = tell_timed_out(tracer, records);
	struct usage_sum target;

	tracer->n_deltas = 0;
	for (size_t i = 0; i < tracer->n_components && !err; i++)
		err = read_component(tracer, i, last, now_tick, end_tick,
				     tracer->recent_copy + tracer->memory[i].recent_base);
	if (err)
		return err;
	deltas = tracer->deltas;
	for (size_t i = 0; i < tracer->n_components; i++) {
		tracer->ticked[i].buckets = deltas;
		deltas += tracer->ticked[i].n_buckets;
	}
	why_place(tracer);
	tcp_take_groups(tracer);
	ring_catch_up(tracer, records);
	for (size_t i = tracer->n_told; i < tracer->n_components && tracer->wanted[i].fed != NO_COMPONENT;
	     i++)
		feed(tracer, i);
	*tick = (struct tick){
		.now_ns = now_ns,
		.period_ns = tracer->last_tick_ns ? now_ns - tracer->last_tick_ns : 0,
		.components = tracer->ticked,
		.n_components = tracer->n_told,
		.open = tracer->open,
		.n_open = tracer->n_open,
		.hung = tracer->hung,
		.n_hung = tracer->n_hung,
		.open_known = open_known,
	};
	target = usage_target(tracer->usage);
	read_self(tracer, &tick->self, &target);
	if (last)
		usage_processors(tracer->usage, &tick->self.processor_ticks, &tick->self.stolen_ticks);
	for (size_t i = 0; i < tracer->n_told; i++) {
		tracer->ticked[i].running = running_of(&target);
		tracer->ticked[i].resident_bytes = target.resident_bytes;
	}
	tsc_measure(tracer);
	tracer->last_tick_ns = now_ns;
	return 0;
}

int tracer_watch_usage(struct tracer *tracer, pid_t pid)
{
	return usage_watch(tracer->usage, pid);
}
