// SPDX-License-Identifier: GPL-2.0-or-later
/* What a report gathers on its way through a recording, and how the page escapes what is in it. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "report/heat.h"
#include "report/html.h"
#include "report/offcpu.h"
#include "report/peers.h"
#include "report/rows.h"
#include "report/slowest.h"

#define SEC 1000000000ULL

/* ---- over time ----------------------------------------------------------------------------------- */

static struct bucket_delta bucket(uint64_t ns, uint32_t count)
{
	return (struct bucket_delta){(uint16_t)lapse_bucket(ns, LAPSE_BUCKET_BITS_FINE), count};
}

static void columns(void **state)
{
	struct bucket_delta fast = bucket(1000000, 99), slow = bucket(64000000, 1);
	const struct bucket_delta both[] = {fast, slow};
	const struct heat_cell *cell;
	struct heat heat;
	size_t first, last;

	(void)state;
	heat_init(&heat, 100 * SEC, SEC);
	assert_int_equal(heat_add(&heat, 2, 101 * SEC, both, 2, LAPSE_BUCKET_BITS_FINE), 0);
	assert_int_equal(heat_add(&heat, 2, 103 * SEC, &fast, 1, LAPSE_BUCKET_BITS_FINE), 0);
	assert_int_equal(heat.n, 3);
	assert_null(heat_cell(&heat, 2, 1));
	assert_null(heat_cell(&heat, 0, 0));
	cell = heat_cell(&heat, 2, 0);
	assert_int_equal(cell->count, 100);
	assert_in_range(heat_quantile(cell, 990), 970000, 1040000);
	assert_in_range(heat_quantile(cell, 1000), 62000000, 66000000);
	assert_true(heat_rows(&heat, 2, &first, &last));
	assert_int_equal(first, lapse_bucket(1000000, HEAT_BITS));
	assert_int_equal(last, lapse_bucket(64000000, HEAT_BITS));
	heat_free(&heat);
}

/* A long recording has wider columns, and nothing gets lost. */
static void columns_widen(void **state)
{
	struct bucket_delta one = bucket(5000, 1);
	struct heat heat;
	uint64_t count = 0;

	(void)state;
	heat_init(&heat, 100 * SEC, SEC);
	for (uint64_t i = 1; i <= 1000; i++)
		assert_int_equal(heat_add(&heat, 0, (100 + i) * SEC, &one, 1, LAPSE_BUCKET_BITS_FINE), 0);
	assert_int_equal(heat.width_ns, 8 * SEC);
	assert_int_equal(heat.n, 125);
	for (size_t i = 0; i < heat.n; i++) {
		assert_int_equal(heat_cell(&heat, 0, i)->count, 8);
		count += heat_cell(&heat, 0, i)->count;
	}
	assert_int_equal(count, 1000);
	/* A clock out of a damaged file. */
	assert_int_equal(heat_add(&heat, 0, UINT64_MAX, &one, 1, LAPSE_BUCKET_BITS_FINE), 0);
	assert_in_range(heat.n, 1, HEAT_COLUMNS);
	heat_free(&heat);
}

/* ---- calls ------------------------------------------------------------------------------------------ */

static struct lapse_why_span waited(uint32_t component, uint64_t ns, uint64_t longest)
{
	struct lapse_why_span span = {
		.span = {.component = component, .duration_ns = ns, .start_ns = ns, .flags = LAPSE_SPAN_WHY}};

	span.why.ns[LAPSE_NET] = ns / 2;
	span.why.longest = (struct lapse_block){.duration_ns = longest, .cause = LAPSE_NET};
	span.why.longest.peer.port = 5432;
	return span;
}

static void slowest_few(void **state)
{
	struct slowest slowest = {.most = 3};

	(void)state;
	for (uint64_t i = 0; i < 20; i++) {
		struct lapse_why_span span = waited(1, (i * 7) % 20 + 1, 0);

		assert_int_equal(slowest_add(&slowest, &span.span, "a <- b", i == 17 ? "a\nb\nc" : NULL), 0);
	}
	assert_int_equal(slowest_sort(&slowest), 0);
	assert_int_equal(slowest.n_sorted, 3);
	assert_int_equal(slowest.sorted[0]->span.span.duration_ns, 20);
	assert_int_equal(slowest.sorted[2]->span.span.duration_ns, 18);
	/* 17 * 7 % 20 is 19. */
	assert_int_equal(slowest.sorted[0]->stack.n, 3);
	assert_string_equal(slowest.sorted[0]->stack.frames[2].text, "c");
	assert_string_equal(slowest.sorted[0]->stack.brief, "a <- b");
	assert_int_equal(slowest.sorted[1]->stack.n, 0);
	slowest_free(&slowest);
}

static void places(void **state)
{
	struct lapse_why_span a = waited(0, 1000, 400), b = waited(0, 2000, 900), c = waited(3, 600, 300);
	struct offcpu offcpu = {0};

	(void)state;
	assert_int_equal(offcpu_add(&offcpu, &a.span, "recv+0x64\nserve+0x1\nmain"), 0);
	assert_int_equal(offcpu_add(&offcpu, &b.span, "recv+0x70\nserve+0x1\nmain"), 0);
	assert_int_equal(offcpu_add(&offcpu, &c.span, NULL), 0);
	assert_int_equal(offcpu_sort(&offcpu), 0);
	assert_int_equal(offcpu.n, 3);
	assert_string_equal(offcpu.rows[0].stack, "recv\nserve\nmain");
	assert_int_equal(offcpu.rows[0].ns, 1300);
	assert_int_equal(offcpu.rows[0].count, 2);
	/* What is left of component 3, of which there is no stack, and of component 0. */
	assert_null(offcpu.rows[1].stack);
	assert_int_equal(offcpu.rows[1].component, 3);
	assert_int_equal(offcpu.rows[1].ns, 300);
	assert_int_equal(offcpu.rows[2].ns, 200);
	offcpu_free(&offcpu);
}

static void remote_ends(void **state)
{
	struct lapse_why_span a = waited(0, 1000, 400), b = waited(0, 2000, 900);
	struct lapse_tcp_span request = {
		.span = {.component = 1, .duration_ns = 5000, .flags = LAPSE_SPAN_TCP},
		.tcp = {.kind = LAPSE_TCP_REQUEST, .peer = {.port = 80}}};
	struct peers peers = {0};

	(void)state;
	assert_int_equal(peers_add(&peers, &a.span), 0);
	assert_int_equal(peers_add(&peers, &b.span), 0);
	assert_int_equal(peers_add(&peers, &request.span), 0);
	assert_int_equal(peers_sort(&peers), 0);
	assert_int_equal(peers.n, 2);
	assert_int_equal(peers.rows[0].role, PEER_REQUEST);
	assert_int_equal(peers.rows[1].count, 2);
	assert_int_equal(peers.rows[1].ns, 1300);
	assert_int_equal(peers.rows[1].max_ns, 900);
	peers_free(&peers);
}

/* ---- words ------------------------------------------------------------------------------------------ */

static void escaped(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	html_text(out, "<b a=\"1\" c='2'>&amp;\x1b[31m\xff</b>");
	fclose(out);
	assert_string_equal(text, "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;\\x1b[31m\\xff&lt;/b&gt;");
	free(text);
}

static void frames(void **state)
{
	struct report_frames frames;

	(void)state;
	assert_int_equal(report_frames("a\n\nb\n", &frames), 0);
	assert_int_equal(frames.n, 2);
	assert_string_equal(frames.at[1], "b");
	report_frames_free(&frames);
	assert_int_equal(report_frames(NULL, &frames), 0);
	assert_int_equal(frames.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns), cmocka_unit_test(columns_widen), cmocka_unit_test(slowest_few),
		cmocka_unit_test(places),  cmocka_unit_test(remote_ends),   cmocka_unit_test(escaped),
		cmocka_unit_test(frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
