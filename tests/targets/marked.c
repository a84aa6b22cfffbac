// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Marks with lapse.h what it does, and knows it in truth.
 *
 *     marked [--calls N] [--ns D] [--slow-every K] [--slow D] [--fail-every K] [--hit-every K]
 *            [--threads T] [--gap D] [--limit D] [--log FILE]
 *
 * A call takes D, the K-th of --slow-every the other D; the K-th of --fail-every fails, the K-th of
 * --hit-every finds its token cached. Whoever is driven out takes longer: "over_within" counts the calls that
 * took --limit within their span marked_rpc, and "over_around" those that took it with its two ends. A call
 * is marked in each way that there is:
 *
 *     marked_rpc     a span, and the value batch_size
 *     marked_db      the duration that the program has measured: the truth's very figures
 *     marked_token   hits and misses
 *     marked_login   an error of no length for each call that fails
 *     marked_plugin  by a name known at run time: a span, a hit or miss, and the value depth
 */
#include "common.h"
#include "lapse.h"

#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>

struct options {
	const char *log_path;
	const char *plugin;
	long calls, threads;
	long slow_every, fail_every, hit_every; /* 0: none */
	uint64_t ns, slow_ns, gap_ns, limit_ns;
};

struct tally {
	long errors, hits, slow, over_within, over_around;
	long long values_sum;
	uint64_t sum_ns;
};

struct worker {
	pthread_t thread;
	struct log log;
	struct tally tally;
};

static struct options opt = {
	.plugin = "marked_plugin",
	.calls = 1000,
	.threads = 1,
	.ns = 20000,
	.slow_ns = 8000000,
	.limit_ns = 5000000,
};

static pthread_barrier_t start_line;

static bool is_one_of(long call, long every)
{
	return every > 0 && call % every == every - 1;
}

/* Negative ones too: -3 .. 6. */
static long batch_size(long call)
{
	return call % 10 - 3;
}

/* Returns how long it took in truth. */
static uint64_t mark_spans(struct worker *me, uint64_t ns, bool ok)
{
	uint64_t start = now_ns(), took;
	lapse_span_t plugin = lapse_named_begin();
	lapse_span_t rpc = LAPSE_BEGIN(marked_rpc);

	took = busy_wait(start, ns) - start;
	LAPSE_END(marked_rpc, rpc, ok);
	me->tally.over_within += took >= opt.limit_ns;
	me->tally.over_around += now_ns() - start >= opt.limit_ns;
	lapse_named_end(opt.plugin, plugin, ok);
	LAPSE_LATENCY(marked_db, took, ok);
	log_add(&me->log, "marked_rpc", start, took);
	return took;
}

static void mark_rest(long batch, bool ok, bool hit)
{
	LAPSE_VALUE(marked_rpc, "batch_size", batch);
	lapse_named_value(opt.plugin, "depth", batch);
	LAPSE_CACHE(marked_token, hit);
	lapse_named_cache(opt.plugin, hit);
	if (!ok)
		LAPSE_ERROR(marked_login);
}

static void call(struct worker *me, long number)
{
	bool slow = is_one_of(number, opt.slow_every);
	bool ok = !is_one_of(number, opt.fail_every);
	bool hit = is_one_of(number, opt.hit_every);

	me->tally.sum_ns += mark_spans(me, slow ? opt.slow_ns : opt.ns, ok);
	mark_rest(batch_size(number), ok, hit);
	me->tally.slow += slow;
	me->tally.errors += !ok;
	me->tally.hits += hit;
	me->tally.values_sum += batch_size(number);
}

static void *run(void *arg)
{
	struct worker *me = arg;
	long i;

	log_reserve(&me->log, (size_t)opt.calls);
	pthread_barrier_wait(&start_line); /* all are there: ready */
	pthread_barrier_wait(&start_line); /* go */
	for (i = 0; i < opt.calls; i++) {
		call(me, i);
		if (opt.gap_ns)
			busy_wait(now_ns(), opt.gap_ns);
	}
	return NULL;
}

static void add_tally(struct tally *sum, const struct tally *one)
{
	sum->errors += one->errors;
	sum->hits += one->hits;
	sum->slow += one->slow;
	sum->over_within += one->over_within;
	sum->over_around += one->over_around;
	sum->values_sum += one->values_sum;
	sum->sum_ns += one->sum_ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank, as lapse has it. */
static uint64_t median(const struct worker *workers)
{
	size_t n = 0, total = (size_t)(opt.calls * opt.threads), i;
	uint64_t *all = malloc(total * sizeof(*all)), result;
	long t;

	if (!all || !total)
		exit(2);
	for (t = 0; t < opt.threads; t++)
		for (i = 0; i < workers[t].log.len; i++)
			all[n++] = workers[t].log.records[i].dur_ns;
	qsort(all, n, sizeof(*all), compare);
	result = all[(n - 1) / 2];
	free(all);
	return result;
}

static void write_logs(const struct worker *workers)
{
	FILE *out = log_open(opt.log_path);
	long t;

	for (t = 0; t < opt.threads; t++)
		log_write(&workers[t].log, out);
	log_close(out);
}

static uint64_t duration_or_die(const char *text)
{
	uint64_t ns = parse_duration(text);

	if (ns == ~0ULL) {
		fprintf(stderr, "marked: bad duration %s\n", text);
		exit(2);
	}
	return ns;
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"calls", 1, NULL, 'c'},   {"ns", 1, NULL, 'n'},	 {"slow-every", 1, NULL, 'S'},
		{"slow", 1, NULL, 's'},	   {"fail-every", 1, NULL, 'f'}, {"hit-every", 1, NULL, 'h'},
		{"threads", 1, NULL, 't'}, {"gap", 1, NULL, 'g'},	 {"limit", 1, NULL, 'L'},
		{"log", 1, NULL, 'l'},	   {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			opt.calls = atol(optarg);
			break;
		case 'n':
			opt.ns = duration_or_die(optarg);
			break;
		case 'S':
			opt.slow_every = atol(optarg);
			break;
		case 's':
			opt.slow_ns = duration_or_die(optarg);
			break;
		case 'f':
			opt.fail_every = atol(optarg);
			break;
		case 'h':
			opt.hit_every = atol(optarg);
			break;
		case 't':
			opt.threads = atol(optarg);
			break;
		case 'g':
			opt.gap_ns = duration_or_die(optarg);
			break;
		case 'L':
			opt.limit_ns = duration_or_die(optarg);
			break;
		case 'l':
			opt.log_path = optarg;
			break;
		default:
			exit(2);
		}
	}
}

static void work(struct worker *workers, struct tally *sum)
{
	long t;

	for (t = 0; t < opt.threads; t++)
		if (pthread_create(&workers[t].thread, NULL, run, &workers[t]))
			exit(2);
	pthread_barrier_wait(&start_line);
	target_ready();
	pthread_barrier_wait(&start_line);
	for (t = 0; t < opt.threads; t++) {
		pthread_join(workers[t].thread, NULL);
		add_tally(sum, &workers[t].tally);
	}
}

int main(int argc, char **argv)
{
	struct worker *workers;
	struct tally sum = {0};
	long calls, t;

	parse_options(argc, argv);
	calls = opt.calls * opt.threads;
	workers = calloc((size_t)opt.threads, sizeof(*workers));
	if (!workers || pthread_barrier_init(&start_line, NULL, (unsigned int)opt.threads + 1))
		return 2;
	work(workers, &sum);
	if (opt.log_path)
		write_logs(workers);
	target_done("calls=%ld errors=%ld hits=%ld misses=%ld slow=%ld over_within=%ld over_around=%ld "
		    "values_sum=%lld sum_ns=%llu median_ns=%llu",
		    calls, sum.errors, sum.hits, calls - sum.hits, sum.slow, sum.over_within, sum.over_around,
		    sum.values_sum, (unsigned long long)sum.sum_ns, (unsigned long long)median(workers));
	for (t = 0; t < opt.threads; t++)
		free(workers[t].log.records);
	free(workers);
	return 0;
}
