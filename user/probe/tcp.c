// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

/* ---- names ------------------------------------------------------------------------------------- */

static bool ip_of(const struct sockaddr *address, uint8_t ip[16])
{
	memset(ip, 0, 16);
	if (address->sa_family == AF_INET6) {
		memcpy(ip, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
		return true;
	}
	ip[10] = ip[11] = 0xff;
	memcpy(ip + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	return address->sa_family == AF_INET;
}

static void add_address(struct tcp_addresses *found, const uint8_t ip[16])
{
	for (size_t i = 0; i < found->n; i++)
		if (memcmp(found->ip[i], ip, 16) == 0)
			return;
	if (found->n == LAPSE_TCP_RULES)
		found->left_out++;
	else
		memcpy(found->ip[found->n++], ip, 16);
}

const char *tcp_lookup(const char *host, struct tcp_addresses *found)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	uint8_t ip[16];
	int code = getaddrinfo(host, NULL, &hints, &list);

	memset(found, 0, sizeof(*found));
	if (code)
		return code == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(code);
	for (const struct addrinfo *at = list; at; at = at->ai_next)
		if (ip_of(at->ai_addr, ip))
			add_address(found, ip);
	freeaddrinfo(list);
	return found->n ? NULL : gai_strerror(EAI_NONAME);
}

static int not_found(const struct probe_spec *spec, const char *why)
{
	diag_caret(spec->text, spec->tcp.host_at, strlen(spec->tcp.host), NULL, "'%s' is not found: %s",
		   spec->tcp.host, why);
	return -ENOENT;
}

/* ---- rules ------------------------------------------------------------------------------------- */

static int add_rule(struct plan *plan, const struct plan_tcp *tcp)
{
	struct plan_tcp *grown;

	if (plan->n_tcps == LAPSE_TCP_RULES)
		return -E2BIG;
	grown = reallocarray(plan->tcps, plan->n_tcps + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	plan->tcps = grown;
	grown[plan->n_tcps++] = *tcp;
	return 0;
}

static int too_many(const struct probe_spec *spec)
{
	diag_error("'%s': over %d addresses of peers in all; give fewer, or a network such as 10.0.0.0/8",
		   spec->text, LAPSE_TCP_RULES);
	return -E2BIG;
}

/* Of an address that was typed, or of none. */
static struct plan_tcp plain_rule(const struct spec_tcp *tcp, size_t spec)
{
	struct plan_tcp plain = {
		.rule =
			{
				.kind = tcp->kind,
				.prefix = tcp->prefix,
				.own_port = tcp->own_port,
				.peer_port = tcp->peer_port,
			},
		.spec = spec,
	};

	memcpy(plain.rule.peer, tcp->ip, sizeof(plain.rule.peer));
	return plain;
}

/* Adds @rule, once for each address if it is of a name. */
static int add_rules(struct plan *plan, struct plan_tcp rule, const struct tcp_addresses *addresses,
		     const struct probe_spec *spec)
{
	int err = 0;

	if (!spec->tcp.host)
		err = add_rule(plan, &rule);
	for (size_t i = 0; spec->tcp.host && i < addresses->n && !err; i++) {
		memcpy(rule.rule.peer, addresses->ip[i], sizeof(rule.rule.peer));
		rule.rule.prefix = 128;
		err = add_rule(plan, &rule);
	}
	if (!err && addresses->left_out)
		err = -E2BIG;
	return err == -E2BIG ? too_many(spec) : err;
}

static int look_up(const struct probe_spec *spec, struct tcp_addresses *addresses)
{
	const char *why = spec->tcp.host ? tcp_lookup(spec->tcp.host, addresses) : NULL;

	return why ? not_found(spec, why) : 0;
}

/* ---- specifications ---------------------------------------------------------------------------- */

int tcp_plan(struct build *build, size_t index)
{
	const struct probe_spec *spec = &build->specs[index];
	struct plan_tcp rule = plain_rule(&spec->tcp, index);
	struct tcp_addresses addresses = {0};
	size_t component;
	int err = look_up(spec, &addresses);

	if (!err)
		err = build_whole(build, index, "kernel", &component);
	if (err)
		return err;
	rule.rule.component = component;
	return add_rules(build->plan, rule, &addresses, spec);
}

/* ---- groups ------------------------------------------------------------------------------------ */

/* The component of all spans of @kind that no group has. */
static int add_others(struct plan *plan, enum lapse_tcp_kind kind, size_t spec, size_t *component)
{
	const struct probe_spec plain = {.kind = SPEC_TCP, .tcp.kind = kind};
	struct build build = {.plan = plan, .specs = &plain};
	int err = build_whole(&build, 0, "kernel", component);

	build_release(&build);
	if (!err)
		plan->components[*component].spec = spec;
	return err;
}

int tcp_plan_groups(struct plan *plan, unsigned kinds, const struct probe_spec *filter, size_t spec)
{
	const struct probe_spec none = {.kind = SPEC_TCP, .text = (char *)"tcp:"};
	const struct probe_spec *meant = filter ? filter : &none;
	struct tcp_addresses addresses = {0};
	int err = look_up(meant, &addresses);

	for (int kind = 0; kind < LAPSE_TCP_KINDS && !err; kind++) {
		struct plan_tcp rule = plain_rule(&meant->tcp, spec);
		size_t component;

		if (!(kinds & 1U << kind))
			continue;
		err = add_others(plan, kind, spec, &component);
		if (err)
			break;
		rule.rule.kind = kind;
		rule.rule.grouped = true;
		rule.rule.component = component;
		err = add_rules(plan, rule, &addresses, meant);
	}
	return err ?: build_unique_names(plan);
}

/* ---- names that have moved --------------------------------------------------------------------- */

static bool has_rule(const struct plan *plan, const struct plan_tcp *wanted)
{
	for (size_t i = 0; i < plan->n_tcps; i++)
		if (plan->tcps[i].rule.component == wanted->rule.component &&
		    plan->tcps[i].rule.kind == wanted->rule.kind &&
		    memcmp(plan->tcps[i].rule.peer, wanted->rule.peer, sizeof(wanted->rule.peer)) == 0)
			return true;
	return false;
}

/* Adds @ip for each component of the specification, after the model of the rules that it has. */
static int add_moved(struct plan *plan, size_t spec, const uint8_t ip[16], size_t n_before)
{
	int added = 0, err = 0;

	for (size_t i = 0; i < n_before && !err; i++) {
		struct plan_tcp rule = plan->tcps[i];

		memcpy(rule.rule.peer, ip, sizeof(rule.rule.peer));
		if (rule.spec != spec || has_rule(plan, &rule))
			continue;
		err = add_rule(plan, &rule);
		added |= !err;
	}
	return err ? err : added;
}

int tcp_add_addresses(struct plan *plan, size_t spec, const struct tcp_addresses *addresses)
{
	size_t n_before = plan->n_tcps;
	int err = 0;

	for (size_t i = 0; i < addresses->n && err >= 0; i++)
		err = add_moved(plan, spec, addresses->ip[i], n_before);
	if (err < 0)
		return err;
	return addresses->left_out ? -E2BIG : plan->n_tcps > n_before;
}
