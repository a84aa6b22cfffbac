/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP spans in a plan: their components, and which connections they come from. */
#ifndef LAPSE_TCP_H
#define LAPSE_TCP_H

#include "probe/build.h"

/* A host's addresses in IPv6 form, IPv4 as ::ffff:a.b.c.d; each once. */
struct tcp_addresses {
	uint8_t ip[LAPSE_TCP_RULES][16];
	size_t n;
	size_t left_out; /* those that found no room */
};

/*
 * Looks @host up, as long as that takes: IPv4 and IPv6. Returns NULL, or why there is no address, in the
 * words of the C library; a string that stays.
 */
const char *tcp_lookup(const char *host, struct tcp_addresses *found);

/*
 * Adds the @spec-th specification to the plan: a component, and a rule for each address. Returns 0, -ENOENT
 * (the name is not found) or -E2BIG (more rules than the kernel side holds) after a message, or -ENOMEM.
 */
int tcp_plan(struct build *build, size_t spec);

/*
 * Adds to @plan, which may be zeroed, a component for each of @kinds (bits: enum lapse_tcp_kind), "tcp:KIND",
 * whose spans are told apart by port and peer: the component itself has what finds no group. @filter, if not
 * NULL, says which connections (spec_parse_tcp_filter()); @spec is the number that it has among the
 * specifications, by which its name is looked up again. As tcp_plan().
 */
int tcp_plan_groups(struct plan *plan, unsigned kinds, const struct probe_spec *filter, size_t spec);

/*
 * The host of the @spec-th specification has these addresses now: those that the plan lacks are added behind
 * the others; none goes, as connections may still be open. Returns 1 if any was added, 0, -E2BIG (full: what
 * there was room for was added) or -ENOMEM.
 */
int tcp_add_addresses(struct plan *plan, size_t spec, const struct tcp_addresses *addresses);

#endif
