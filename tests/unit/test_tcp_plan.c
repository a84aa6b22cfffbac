// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans of TCP spans: components, the rules of their connections, names that are looked up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/diag.h"
#include "probe/lookup.h"
#include "probe/tcp.h"

static struct process self;

struct made {
	struct plan plan;
	struct probe_spec specs[4];
	size_t n;
	int err;
	char *said;
};

static struct made make(const struct plan_options *options, size_t n, const char *const *texts)
{
	struct target_selection selection = {.pids = &self.pid, .n_pids = 1};
	struct made made = {.n = n};
	size_t size;
	FILE *stream = open_memstream(&made.said, &size);

	diag_set_stream(stream);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(spec_parse(texts[i], &made.specs[i]), 0);
	made.err = plan_make(made.specs, n, &selection, &self, 1, options, &made.plan);
	diag_set_stream(NULL);
	fclose(stream);
	return made;
}

#define MAKE(options, ...) \
	make(options, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static void done(struct made *made)
{
	plan_free(&made->plan);
	for (size_t i = 0; i < made->n; i++)
		spec_free(&made->specs[i]);
	free(made->said);
}

static const struct plan_options plain;

/* @peer: as inet_ntop() writes it. */
static void is_rule(const struct plan_tcp *tcp, unsigned component, enum lapse_tcp_kind kind,
		    const char *peer, unsigned prefix)
{
	char ip[INET6_ADDRSTRLEN];

	assert_int_equal(tcp->rule.component, component);
	assert_int_equal(tcp->rule.kind, kind);
	inet_ntop(AF_INET6, tcp->rule.peer, ip, sizeof(ip));
	assert_string_equal(ip, peer);
	assert_int_equal(tcp->rule.prefix, prefix);
}

static void test_one(void **state)
{
	struct made made = MAKE(&plain, "tcp:request peer=10.0.0.5/8:5432 port=77");
	const struct plan *plan = &made.plan;

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(plan->n_components, 1);
	assert_string_equal(plan->components[0].name, "tcp:request 10.0.0.5/8:5432 :77");
	assert_string_equal(plan->components[0].object, "kernel");
	assert_true(plan->components[0].has_errors);
	assert_false(plan->components[0].untimed);
	assert_false(plan->components[0].has_rules);
	assert_int_equal(plan->n_tcps, 1);
	is_rule(&plan->tcps[0], 0, LAPSE_TCP_REQUEST, "::ffff:10.0.0.0", 104);
	assert_int_equal(plan->tcps[0].rule.peer_port, 5432);
	assert_int_equal(plan->tcps[0].rule.own_port, 77);
	assert_int_equal(plan->tcps[0].rule.grouped, 0);
	assert_false(plan_awaits(plan, 0));
	assert_int_equal(plan->n_places + plan->n_syscalls + plan->n_usdts + plan->n_files, 0);
	done(&made);
}

static void test_names_of_components(void **state)
{
	struct made made =
		MAKE(&plain, "tcp:connect", "tcp:serve port=80", "a=tcp:accept peer=::1", "tcp:connect");
	const struct plan_component *components = made.plan.components;

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.n_components, 4);
	assert_string_equal(components[1].name, "tcp:serve :80");
	assert_string_equal(components[2].name, "a");
	assert_string_equal(components[2].function, "tcp:accept ::1");
	assert_string_not_equal(components[0].name, components[3].name);
	assert_true(components[0].has_errors);
	assert_false(components[1].has_errors);
	assert_false(components[2].has_errors);
	done(&made);
}

static void test_looked_up(void **state)
{
	struct made made = MAKE(&plain, "tcp:connect peer=localhost:9");
	bool v4 = false, v6 = false;

	(void)state;
	assert_int_equal(made.err, 0);
	assert_string_equal(made.plan.components[0].name, "tcp:connect localhost:9");
	assert_in_range(made.plan.n_tcps, 1, 2);
	for (size_t i = 0; i < made.plan.n_tcps; i++) {
		char ip[INET6_ADDRSTRLEN];

		inet_ntop(AF_INET6, made.plan.tcps[i].rule.peer, ip, sizeof(ip));
		v4 |= strcmp(ip, "::ffff:127.0.0.1") == 0;
		v6 |= strcmp(ip, "::1") == 0;
		assert_int_equal(made.plan.tcps[i].rule.prefix, 128);
		assert_int_equal(made.plan.tcps[i].rule.peer_port, 9);
		assert_int_equal(made.plan.tcps[i].spec, 0);
	}
	assert_int_equal(v4 + v6, made.plan.n_tcps);
	done(&made);
}

static void test_not_found(void **state)
{
	struct made made = MAKE(&plain, "tcp:connect peer=nobody.invalid:9");

	(void)state;
	assert_int_equal(made.err, -ENOENT);
	assert_non_null(strstr(made.said, "'nobody.invalid' is not found: "));
	assert_non_null(strstr(made.said, "\n                     ^~~~~~~~~~~~~~\n"));
	assert_int_equal(made.plan.n_components, 0);
	done(&made);
	made = MAKE(&plain, "tcp:connect peer=nobody.invalid:9", "tcp:serve");
	assert_int_equal(made.err, 0);
	assert_int_equal(made.plan.n_components, 1);
	assert_non_null(strstr(made.said, "going on without 1 of 2 probes"));
	done(&made);
}

/* A feeder goes behind the others, and its rule with it. */
static void test_feeders_last(void **state)
{
	const struct plan_fed fed[] = {{0, FEEDS_CONNECTS}};
	const struct plan_options options = {.fed = fed, .n_fed = 1};
	struct made made = MAKE(&options, "tcp:request", "tcp:connect");

	(void)state;
	assert_int_equal(made.err, 0);
	is_rule(&made.plan.tcps[0], 0, LAPSE_TCP_REQUEST, "::", 0);
	is_rule(&made.plan.tcps[1], 1, LAPSE_TCP_CONNECT, "::", 0);
	assert_int_equal(made.plan.components[1].feeds, FEEDS_CONNECTS);
	assert_int_equal(made.plan.components[1].fed, 0);
	done(&made);
}

static void test_groups(void **state)
{
	struct probe_spec filter;
	struct plan plan = {0};

	(void)state;
	assert_int_equal(spec_parse_tcp_filter("peer=10.0.0.0/8 port=80", &filter), 0);
	assert_int_equal(tcp_plan_groups(&plan, 1 << LAPSE_TCP_REQUEST | 1 << LAPSE_TCP_SERVE, &filter, 3),
			 0);
	assert_int_equal(plan.n_components, 2);
	assert_string_equal(plan.components[0].name, "tcp:request");
	assert_string_equal(plan.components[1].name, "tcp:serve");
	assert_int_equal(plan.components[1].spec, 3);
	assert_int_equal(plan.n_tcps, 2);
	is_rule(&plan.tcps[0], 0, LAPSE_TCP_REQUEST, "::ffff:10.0.0.0", 104);
	is_rule(&plan.tcps[1], 1, LAPSE_TCP_SERVE, "::ffff:10.0.0.0", 104);
	for (size_t i = 0; i < plan.n_tcps; i++) {
		assert_int_equal(plan.tcps[i].rule.grouped, 1);
		assert_int_equal(plan.tcps[i].rule.own_port, 80);
		assert_int_equal(plan.tcps[i].spec, 3);
	}
	plan_free(&plan);
	spec_free(&filter);
}

static void test_groups_beside_others(void **state)
{
	struct made made = MAKE(&plain, "loop");

	(void)state;
	assert_int_equal(made.err, 0);
	assert_int_equal(tcp_plan_groups(&made.plan, 1 << LAPSE_TCP_CONNECT, NULL, 0), 0);
	assert_int_equal(made.plan.n_components, 2);
	assert_string_equal(made.plan.components[0].name, "loop");
	is_rule(&made.plan.tcps[0], 1, LAPSE_TCP_CONNECT, "::", 0);
	done(&made);
}

/* ---- names that move ------------------------------------------------------------------------- */

/* 10.0.0.LAST, for each. */
static struct tcp_addresses addresses_of(size_t n, const uint8_t *last)
{
	struct tcp_addresses addresses = {.n = n};

	for (size_t i = 0; i < n; i++) {
		addresses.ip[i][10] = addresses.ip[i][11] = 0xff;
		addresses.ip[i][12] = 10;
		addresses.ip[i][15] = last[i];
	}
	return addresses;
}

#define ADDRESSES(...) addresses_of(sizeof((uint8_t[]){__VA_ARGS__}), (const uint8_t[]){__VA_ARGS__})

static void test_moved(void **state)
{
	struct made made = MAKE(&plain, "tcp:connect", "a=tcp:request peer=127.0.0.1:7");
	struct tcp_addresses moved = ADDRESSES(1, 2);
	struct plan *plan = &made.plan;

	(void)state;
	assert_int_equal(tcp_add_addresses(plan, 1, &moved), 1);
	assert_int_equal(plan->n_tcps, 4);
	is_rule(&plan->tcps[1], 1, LAPSE_TCP_REQUEST, "::ffff:127.0.0.1", 128);
	is_rule(&plan->tcps[2], 1, LAPSE_TCP_REQUEST, "::ffff:10.0.0.1", 128);
	is_rule(&plan->tcps[3], 1, LAPSE_TCP_REQUEST, "::ffff:10.0.0.2", 128);
	assert_int_equal(plan->tcps[3].rule.peer_port, 7);
	/* Known already; those that are gone stay. */
	moved = ADDRESSES(2);
	assert_int_equal(tcp_add_addresses(plan, 1, &moved), 0);
	assert_int_equal(plan->n_tcps, 4);
	done(&made);
}

static void test_full(void **state)
{
	struct made made = MAKE(&plain, "tcp:connect peer=10.0.0.255");
	struct tcp_addresses moved = {0};
	uint8_t last[LAPSE_TCP_RULES];

	(void)state;
	for (size_t i = 0; i < LAPSE_TCP_RULES; i++)
		last[i] = i;
	moved = addresses_of(LAPSE_TCP_RULES, last);
	assert_int_equal(tcp_add_addresses(&made.plan, 0, &moved), -E2BIG);
	assert_int_equal(made.plan.n_tcps, LAPSE_TCP_RULES);
	done(&made);
}

/* Polls until a look-up brings something, in steps of a millisecond. */
static int poll_until(struct lookup *lookup, uint64_t now, struct plan *plan)
{
	for (int tries = 0; tries < 30000; tries++) {
		int changed = lookup_poll(lookup, now, plan);

		if (changed)
			return changed;
		usleep(1000);
	}
	return 0;
}

/* The first address of the name is another one now. */
static void test_looked_up_again(void **state)
{
	struct made made = MAKE(&plain, "tcp:serve", "tcp:connect peer=localhost:9");
	struct plan *plan = &made.plan;
	size_t n = plan->n_tcps;
	struct lookup *lookup;

	(void)state;
	assert_int_equal(lookup_new(made.specs, made.n, 100, 60, &lookup), 0);
	assert_non_null(lookup);
	plan->tcps[1].rule.peer[12] = 99;
	assert_int_equal(lookup_poll(lookup, 159, plan), 0);
	assert_int_equal(poll_until(lookup, 160, plan), 1);
	assert_int_equal(plan->n_tcps, n + 1);
	assert_int_equal(plan->tcps[n].rule.component, 1);
	assert_int_equal(plan->tcps[n].rule.peer_port, 9);
	/* Not again before its time: nothing is under way now. */
	plan->n_tcps--;
	assert_int_equal(lookup_poll(lookup, 219, plan), 0);
	assert_int_equal(poll_until(lookup, 220, plan), 1);
	lookup_free(lookup);
	done(&made);
}

static void test_nothing_to_look_up(void **state)
{
	struct made made = MAKE(&plain, "tcp:serve", "tcp:connect peer=::1");
	struct lookup *lookup;

	(void)state;
	assert_int_equal(lookup_new(made.specs, made.n, 0, 60, &lookup), 0);
	assert_null(lookup);
	assert_int_equal(lookup_poll(lookup, 1000, &made.plan), 0);
	lookup_free(lookup);
	done(&made);
}

/* One that is left while it is under way, as the sanitizers see. */
static void test_left(void **state)
{
	struct made made = MAKE(&plain, "tcp:connect peer=localhost:9");
	struct lookup *lookup;

	(void)state;
	assert_int_equal(lookup_new(made.specs, made.n, 0, 60, &lookup), 0);
	assert_int_equal(lookup_poll(lookup, 60, &made.plan), 0);
	lookup_free(lookup);
	done(&made);
}

static void test_too_many_rules(void **state)
{
	struct probe_spec specs[LAPSE_TCP_RULES + 1];
	struct plan plan = {0};
	struct target_selection selection = {.pids = &self.pid, .n_pids = 1};
	char *said = NULL;
	size_t size;
	FILE *stream = open_memstream(&said, &size);

	(void)state;
	for (size_t i = 0; i <= LAPSE_TCP_RULES; i++)
		assert_int_equal(spec_parse("tcp:connect", &specs[i]), 0);
	diag_set_stream(stream);
	assert_int_equal(plan_make(specs, LAPSE_TCP_RULES + 1, &selection, &self, 1, &plain, &plan), -E2BIG);
	diag_set_stream(NULL);
	fclose(stream);
	assert_non_null(strstr(said, "over 64 addresses"));
	assert_int_equal(plan_make(specs, LAPSE_TCP_RULES, &selection, &self, 1, &plain, &plan), 0);
	plan_free(&plan);
	for (size_t i = 0; i <= LAPSE_TCP_RULES; i++)
		spec_free(&specs[i]);
	free(said);
}

static int set_up(void **state)
{
	(void)state;
	return process_read(getpid(), &self) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	process_free(&self);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_names_of_components),
		cmocka_unit_test(test_looked_up),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_feeders_last),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_groups_beside_others),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_looked_up_again),
		cmocka_unit_test(test_nothing_to_look_up),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_too_many_rules),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
