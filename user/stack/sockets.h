/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The remote ends of a process's TCP connections, as /proc tells them. */
#ifndef LAPSE_STACK_SOCKETS_H
#define LAPSE_STACK_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bpf/event.h"

/* Connections of a search; beyond them others are not looked for. */
#define SOCKETS_MAX 1024

struct socket_found {
	uint16_t own_port;
	struct lapse_address peer;
};

struct socket_search {
	unsigned long inodes[SOCKETS_MAX]; /* of the sockets that are looked for, in ascending order */
	size_t n;
	struct socket_found found[SOCKETS_MAX]; /* those that are connections, established or being opened */
	size_t n_found;
	uint8_t listening[65536 / 8]; /* by port */
	uint8_t own[65536 / 8];	      /* ports of sockets that are looked for */
};

/* Goes through @table, of the form of /proc/net/tcp and tcp6. */
void sockets_read(FILE *table, struct socket_search *search);

/* Whether a client opened connection @i of those found: nobody listens on its own port. */
bool sockets_is_client(const struct socket_search *search, size_t i);

struct socket_peers {
	struct lapse_address peer; /* the first of them */
	uint32_t n;		   /* how many there are, each once */
	bool opened;		   /* the process itself has opened the connections */
};

/* The remote ends of those among @n descriptors of @pid that are connections which the process has opened, or
 * if there are none, has accepted. */
struct socket_peers sockets_peers(pid_t pid, const int *fds, size_t n);

/* The ports of a search's sockets that somebody listens on, in ascending order, at most @max; how many. */
size_t sockets_served(const struct socket_search *search, uint16_t *ports, size_t max);

/* Those at which @pid serves clients: it listens there, or has connections that were accepted there. */
size_t sockets_serving(pid_t pid, uint16_t *ports, size_t max);

#endif
