// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections by port and peer: what `lapse tcp` measures, and `stat` and `trace` without a probe. Which
 * groups there are shows as they come; each becomes a component of the monitor then.
 */
#include "cli/session_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit_code.h"
#include "bpf/buckets.h"
#include "output/words.h"
#include "probe/tcp.h"

/* Groups that there is always room for, whatever else is measured. */
#define MIN_GROUPS 16

#define BIT(kind) (1U << (kind))
#define OF_TCP                                                                                            \
	(BIT(LAPSE_TCP_CONNECT) | BIT(LAPSE_TCP_REQUEST) | BIT(LAPSE_TCP_SERVE) | BIT(LAPSE_TCP_ACCEPT) | \
	 BIT(LAPSE_TCP_HANDSHAKE))
#define OF_NO_PROBE (BIT(LAPSE_TCP_REQUEST) | BIT(LAPSE_TCP_SERVE))

bool connections_wanted(const struct session *session)
{
	return session->tcp || (!session->config && !session->options->n_operands);
}

/* The words of `lapse tcp`, "peer=HOST" and "port=N", are one filter together. */
int connections_parse(struct session *session)
{
	char text[512] = "";
	size_t length = 0;
	int err;

	for (size_t i = 0; i < session->options->n_operands && length < sizeof(text); i++)
		length += snprintf(text + length, sizeof(text) - length, "%s%s", i ? " " : "",
				   session->options->operands[i]);
	if (length >= sizeof(text)) {
		diag_error("the filter is too long");
		return EXIT_USAGE;
	}
	session->connections_filtered = length;
	err = length ? spec_parse_tcp_filter(text, &session->connections) : 0;
	return err ? EXIT_USAGE : 0;
}

/* Without a probe the turns of event loops are measured, too: they need no symbols either. */
int connections_add_loop(struct session *session)
{
	session->specs = calloc(1, sizeof(*session->specs));
	if (!session->specs || spec_parse("loop", session->specs))
		return EXIT_NOT_ATTACHED;
	session->n_specs = 1;
	return 0;
}

int connections_plan(struct session *session)
{
	const struct probe_spec *filter = session->connections_filtered ? &session->connections : NULL;
	int err = tcp_plan_groups(&session->plan, session->tcp ? OF_TCP : OF_NO_PROBE, filter,
				  session->n_specs);

	session->n_groups = LAPSE_FINE_COMPONENTS > session->plan.n_components + MIN_GROUPS
				    ? LAPSE_FINE_COMPONENTS - session->plan.n_components
				    : MIN_GROUPS;
	return err;
}

/* "tcp:request 10.0.0.5:5432", "tcp:serve :8080" */
static void name_group(const struct session *session, const struct lapse_tcp_group *group, char *name,
		       size_t size)
{
	static const uint8_t none[16];
	const char *kind = spec_tcp_kind(session->plan.tcps[group->rule].rule.kind);
	struct lapse_address peer = {.port = group->port};
	char address[ADDRESS_SIZE];

	memcpy(peer.ip, group->peer, sizeof(peer.ip));
	if (memcmp(group->peer, none, sizeof(none)))
		snprintf(name, size, "tcp:%s %s", kind, word_address(&peer, address));
	else
		snprintf(name, size, "tcp:%s :%u", kind, group->port);
}

static int add_group(struct session *session, const struct lapse_tcp_group *group)
{
	enum lapse_tcp_kind kind = session->plan.tcps[group->rule].rule.kind;
	char name[ADDRESS_SIZE + 32];
	struct monitor_component component = {
		.name = name,
		.function = name,
		.object = "kernel",
		.window = window_spec_default(),
		.outcome_unknown = kind != LAPSE_TCP_CONNECT && kind != LAPSE_TCP_REQUEST,
		.tcp = true,
	};
	int number;

	name_group(session, group, name, sizeof(name));
	number = monitor_add(session->monitor, &component);
	if (number >= 0)
		recorder_component(session, (size_t)number, &component);
	return number < 0 ? number : 0;
}

int connections_learn(struct session *session, uint32_t component)
{
	struct lapse_tcp_group group;
	int err = 0;

	while (session->n_monitored <= component && !err) {
		err = tracer_tcp_group(session->tracer, session->n_monitored, &group);
		if (!err)
			err = add_group(session, &group);
		if (!err)
			session->n_monitored++;
	}
	return err;
}
