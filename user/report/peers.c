// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "monitor/explain.h"
#include "output/words.h"

struct peer_key {
	uint32_t component, role;
	uint8_t ip[16];
	uint32_t port;
};

struct peer_known {
	UT_hash_handle hh;
	struct peer_key key;
	struct peer_row row;
};

void peers_free(struct peers *peers)
{
	struct peer_known *known, *next;

	HASH_ITER (hh, peers->known, known, next) {
		HASH_DEL(peers->known, known);
		free(known);
	}
	free(peers->rows);
	*peers = (struct peers){0};
}

static struct peer_known *known_of(struct peers *peers, const struct peer_key *key,
				   const struct lapse_address *peer)
{
	struct peer_known *known;

	HASH_FIND(hh, peers->known, key, sizeof(*key), known);
	if (known || peers->n_known == PEERS_MOST)
		return known;
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->key = *key;
	known->row = (struct peer_row){.component = key->component, .role = key->role, .peer = *peer};
	HASH_ADD(hh, peers->known, key, sizeof(known->key), known);
	peers->n_known++;
	return known;
}

static int count(struct peers *peers, uint32_t component, enum peer_role role,
		 const struct lapse_address *peer, uint64_t ns)
{
	struct peer_key key = {.component = component, .role = role, .port = peer->port};
	struct peer_known *known;

	if (!peer->port || !ns)
		return 0;
	memcpy(key.ip, peer->ip, sizeof(key.ip));
	known = known_of(peers, &key, peer);
	if (!known)
		return peers->n_known < PEERS_MOST ? -ENOMEM : 0;
	known->row.count++;
	known->row.ns += ns;
	if (ns > known->row.max_ns)
		known->row.max_ns = ns;
	return 0;
}

/* Whose connections it is of; those that others open have a port a connection. */
static int add_connection(struct peers *peers, const struct lapse_span *span)
{
	const struct lapse_tcp *tcp = span_tcp(span);

	if (tcp && tcp->kind == LAPSE_TCP_REQUEST)
		return count(peers, span->component, PEER_REQUEST, &tcp->peer, span->duration_ns);
	if (tcp && tcp->kind == LAPSE_TCP_CONNECT)
		return count(peers, span->component, PEER_CONNECT, &tcp->peer, span->duration_ns);
	return 0;
}

int peers_add(struct peers *peers, const struct lapse_span *span)
{
	const struct lapse_block *other = &((const struct lapse_why_span *)(const void *)span)->other;
	const struct lapse_why *why = span_why(span);
	int err = add_connection(peers, span);

	if (err || !why)
		return err;
	err = count(peers, span->component, PEER_WAIT, &why->longest.peer, why->longest.duration_ns);
	return err ?: count(peers, span->component, PEER_WAIT, &other->peer, other->duration_ns);
}

static int longest_first(const void *a, const void *b)
{
	const struct peer_row *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	return x->component < y->component ? -1 : x->component > y->component;
}

int peers_sort(struct peers *peers)
{
	struct peer_known *known, *next;

	peers->rows = calloc(peers->n_known + 1, sizeof(*peers->rows));
	if (!peers->rows)
		return -ENOMEM;
	HASH_ITER (hh, peers->known, known, next)
		peers->rows[peers->n++] = known->row;
	qsort(peers->rows, peers->n, sizeof(*peers->rows), longest_first);
	return 0;
}
