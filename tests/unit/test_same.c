// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same sequence gives the same alerts and the same final report, byte for byte: however often snapshots
 * are looked at meanwhile, and in whatever order a tick names its components.
 */
#include "world.h"

#include "output/output.h"

/* All that was told, and both reports of the end. */
static char *lived(uint64_t seed, bool unobserved, bool backwards)
{
	static struct world w;
	struct output_options options = {.histogram = true, .why = true};
	char *text;
	size_t length;
	uint64_t ticks;

	world_begin(&w, seed);
	w.rig.unobserved = unobserved;
	w.rig.backwards = backwards;
	for (ticks = 30 + chance(100); ticks; ticks--) {
		world_step(&w);
		if (!unobserved)
			rig_snapshot(&w.rig);
	}
	monitor_end(w.rig.monitor, "interrupted");
	fflush(w.rig.out);
	options.stream = open_memstream(&text, &length);
	assert_non_null(options.stream);
	fputs(w.rig.text, options.stream);
	assert_int_equal(output_json.interval(&options, rig_snapshot(&w.rig)), 0);
	assert_int_equal(output_json.final(&options, rig_snapshot(&w.rig)), 0);
	assert_int_equal(output_text.final(&options, rig_snapshot(&w.rig)), 0);
	fclose(options.stream);
	world_end(&w);
	return text;
}

static size_t first_difference(const char *a, const char *b)
{
	size_t i = 0;

	while (a[i] && a[i] == b[i])
		i++;
	return i;
}

static void same(uint64_t seed, bool unobserved, bool backwards)
{
	char *once = lived(seed, false, false), *again = lived(seed, unobserved, backwards);
	size_t at = first_difference(once, again), from = at > 100 ? at - 100 : 0;

	if (once[at] || again[at])
		fail_msg("seed %llu: '%.200s' and '%.200s'", (unsigned long long)seed, once + from,
			 again + from);
	/* It was not nothing. */
	assert_non_null(strstr(once, "\"type\":\"final\""));
	free(once);
	free(again);
}

static void fed_twice(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		same(seed, false, false);
}

static void looked_at_or_not(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		same(seed, true, false);
}

static void in_another_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		same(seed, false, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fed_twice),
		cmocka_unit_test(looked_at_or_not),
		cmocka_unit_test(in_another_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
