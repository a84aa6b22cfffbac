// SPDX-License-Identifier: GPL-2.0-or-later
/* What the pipeline can be told while it runs: a table of commands, and what they set besides faults. */
#include "pipeline.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define LOTS 100 /* of a usual order */

static atomic_int lots = LOTS, largest_batch = BURST, burst = BURST;
static char *taken; /* by "grow"; the main thread's alone */
static size_t taken_size;

int order_lots(void)
{
	return atomic_load(&lots);
}

int batch_limit(void)
{
	return atomic_load(&largest_batch);
}

int burst_size(void)
{
	return atomic_load(&burst);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* In KiB, as the kernel tells it. */
static long resident(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void note_resident(void)
{
	uint64_t now = now_ns();

	truth_add("resident", now, now, resident());
}

static void shrink(void)
{
	if (!taken)
		return;
	munmap(taken, taken_size);
	taken = NULL;
	note_resident();
}

/* "50MB" in bytes; 0 if it is none. */
static size_t parse_size(const char *text)
{
	char *end;
	double value = text ? strtod(text, &end) : 0;

	return value > 0 && !strcmp(end, "MB") ? (size_t)(value * 1e6) : 0;
}

static const char *grow(char **word)
{
	size_t size = parse_size(word[1]);
	char *more = MAP_FAILED;

	if (!size)
		return "a size is wanted, such as 50MB";
	shrink();
	more = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (more == MAP_FAILED)
		return "no memory";
	memset(more, 1, size);
	taken = more;
	taken_size = size;
	note_resident();
	return NULL;
}

/* ---- the others ------------------------------------------------------------------------------- */

static const char *slow(char **word)
{
	return fault_slow(fault_part(word[1]), word[2], word[3]);
}

static const char *fail(char **word)
{
	return fault_fail(fault_part(word[1]), word[2]);
}

static const char *lock(char **word)
{
	return fault_slow(PART_LOCK, word[1], word[2]);
}

static const char *set_number(atomic_int *what, const char *text, int most)
{
	int value = text ? atoi(text) : 0;

	if (value < 1 || value > most)
		return "a number is wanted";
	atomic_store(what, value);
	return NULL;
}

static const char *set_batch(char **word)
{
	return set_number(&largest_batch, word[1], BURST);
}

static const char *set_burst(char **word)
{
	return set_number(&burst, word[1], BURST);
}

static const char *set_lots(char **word)
{
	return set_number(&lots, word[1], 1000000);
}

static const char *deaf(char **word)
{
	uint64_t ns = word[1] ? parse_duration(word[1]) : ~0ULL;

	if (ns == ~0ULL)
		return "a duration with a unit is wanted, such as 500ms";
	http_deaf(ns);
	return NULL;
}

static const char *heal(char **word)
{
	(void)word;
	faults_heal();
	shrink();
	atomic_store(&lots, LOTS);
	atomic_store(&largest_batch, BURST);
	atomic_store(&burst, BURST);
	return NULL;
}

/* The old connections lead to an endpoint that is no good. */
static const char *fastest(char **word)
{
	int old = endpoint_current(), new = endpoint_fastest();

	(void)word;
	endpoint_use(new);
	pool_drop_idle();
	printf("endpoint %d on port %d instead of %d on port %d\n", new, endpoint_port(new), old,
	       endpoint_port(old));
	return NULL;
}

static const struct command {
	const char *name;
	const char *(*obey)(char **word); /* NULL, or what is wrong */
} commands[] = {
	{"slow", slow},	    {"fail", fail}, {"lock", lock}, {"batch", set_batch}, {"burst", set_burst},
	{"lots", set_lots}, {"grow", grow}, {"deaf", deaf}, {"heal", heal},	  {"fastest", fastest},
};

const char *command_obey(char *line)
{
	char *word[4] = {NULL}, *save = NULL;
	size_t i;

	for (i = 0; i < 4; i++) {
		word[i] = strtok_r(i ? NULL : line, " \t\r\n", &save);
		if (!word[i])
			break;
	}
	for (i = 0; word[0] && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(word[0], commands[i].name))
			return commands[i].obey(word);
	return "unknown: see the top of tests/targets/pipeline/main.c";
}
