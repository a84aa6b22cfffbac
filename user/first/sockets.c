// SPDX-License-Identifier: GPL-2.0-or-later
#include "first/sockets.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* linux/tcp_states.h */
#define ESTABLISHED 1
#define SYN_SENT    2
#define LISTENS	    10

/* A client has one connection to wait for, and something to be woken by. */
#define FDS_MAX 4

/* The kernel prints the words of an address as the processor has them. */
static void parse_address(const char *hex, uint16_t port, struct lapse_address *address)
{
	size_t words = strlen(hex) / 8;

	memset(address, 0, sizeof(*address));
	address->port = port;
	if (words == 1)
		address->ip[10] = address->ip[11] = 0xff;
	for (size_t i = 0; i < words && i < 4; i++) {
		char digits[9] = "";
		uint32_t word;

		memcpy(digits, hex + 8 * i, 8);
		word = (uint32_t)strtoul(digits, NULL, 16);
		memcpy(address->ip + (words == 1 ? 12 : 4 * i), &word, sizeof(word));
	}
}

static void take_line(const char *line, struct socket_search *search)
{
	unsigned own_port, peer_port, state;
	unsigned long inode;
	char peer[40];

	if (sscanf(line, "%*d: %*[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %*s %*s %lu", &own_port, peer,
		   &peer_port, &state, &inode) != 5 ||
	    own_port > UINT16_MAX || peer_port > UINT16_MAX)
		return;
	if (state == LISTENS)
		search->listening[own_port / 8] |= (uint8_t)(1 << own_port % 8);
	if (inode != search->inode || (state != ESTABLISHED && state != SYN_SENT))
		return;
	search->found = true;
	search->own_port = (uint16_t)own_port;
	parse_address(peer, (uint16_t)peer_port, &search->peer);
}

void sockets_read(FILE *table, struct socket_search *search)
{
	char line[512];

	while (fgets(line, sizeof(line), table))
		take_line(line, search);
}

bool sockets_is_client(const struct socket_search *search)
{
	return search->found && !(search->listening[search->own_port / 8] & 1 << search->own_port % 8);
}

static bool peer_of_inode(pid_t pid, unsigned long inode, struct lapse_address *peer)
{
	static const char *const tables[] = {"tcp", "tcp6"};
	struct socket_search search = {.inode = inode};
	char path[64];

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		FILE *table;

		snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, tables[i]);
		table = fopen(path, "re");
		if (!table)
			continue;
		sockets_read(table, &search);
		fclose(table);
	}
	*peer = search.peer;
	return sockets_is_client(&search);
}

static bool peer_of_fd(pid_t pid, int fd, struct lapse_address *peer)
{
	char path[64], target[64];
	unsigned long inode;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	return sscanf(target, "socket:[%lu]", &inode) == 1 && peer_of_inode(pid, inode, peer);
}

bool sockets_polled(pid_t pid, uint64_t fds, uint64_t n, struct lapse_address *peer)
{
	struct pollfd polled[FDS_MAX];
	struct iovec local = {polled, n * sizeof(*polled)}, remote = {(void *)fds, n * sizeof(*polled)};

	if (!n || n > FDS_MAX || process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)local.iov_len)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (polled[i].fd >= 0 && peer_of_fd(pid, polled[i].fd, peer))
			return true;
	return false;
}
