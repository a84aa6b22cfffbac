/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Remote ends: those that calls waited for, and those of connections. */
#ifndef LAPSE_REPORT_PEERS_H
#define LAPSE_REPORT_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

/* That are told apart; what comes besides is left out. */
#define PEERS_MOST 5000

enum peer_role { PEER_WAIT, PEER_REQUEST, PEER_CONNECT };

struct peer_row {
	uint32_t component; /* its row */
	uint32_t role;	    /* enum peer_role */
	struct lapse_address peer;
	uint64_t count, ns, max_ns;
};

struct peers {
	struct peer_known *known; /* a hash */
	size_t n_known;
	struct peer_row *rows; /* after peers_sort(): the longest first */
	size_t n;
};

void peers_free(struct peers *peers);

/* 0 or -ENOMEM. */
int peers_add(struct peers *peers, const struct lapse_span *span);
/* After the last one. 0 or -ENOMEM. */
int peers_sort(struct peers *peers);

#endif
