/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a poll that has not ended waits for: the remote end of a connection among its descriptors. What ends a
 * poll tells its cause, and this one has no end yet; the peer may be dead.
 */
#ifndef LAPSE_FIRST_SOCKETS_H
#define LAPSE_FIRST_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bpf/event.h"

struct socket_search {
	unsigned long inode;
	bool found; /* a connection, established or being opened */
	uint16_t own_port;
	struct lapse_address peer;
	uint8_t listening[65536 / 8]; /* by port */
};

/* Goes through @table, of the form of /proc/net/tcp and tcp6. */
void sockets_read(FILE *table, struct socket_search *search);

/* Whether a client opened it: nobody listens on its own port. */
bool sockets_is_client(const struct socket_search *search);

/*
 * The peer of the first of @n descriptors in the array of poll(2) at @fds in the memory of @pid that is a TCP
 * connection which the process itself has opened. false: there is none, or it cannot be told.
 */
bool sockets_polled(pid_t pid, uint64_t fds, uint64_t n, struct lapse_address *peer);

#endif
