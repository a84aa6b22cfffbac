// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/sockets.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* linux/tcp_states.h */
#define ESTABLISHED 1
#define SYN_SENT    2
#define LISTENS	    10

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

static int by_number(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static bool is_wanted(const struct socket_search *search, unsigned long inode)
{
	return bsearch(&inode, search->inodes, search->n, sizeof(inode), by_number);
}

static void add_port(uint8_t *ports, unsigned port)
{
	ports[port / 8] |= (uint8_t)(1 << port % 8);
}

static bool has_port(const uint8_t *ports, unsigned port)
{
	return ports[port / 8] & 1 << port % 8;
}

static void take_line(const char *line, struct socket_search *search)
{
	unsigned own_port, peer_port, state;
	struct socket_found *found;
	unsigned long inode;
	char peer[40];

	if (sscanf(line, "%*d: %*[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %*s %*s %lu", &own_port, peer,
		   &peer_port, &state, &inode) != 5 ||
	    own_port > UINT16_MAX || peer_port > UINT16_MAX)
		return;
	if (state == LISTENS)
		add_port(search->listening, own_port);
	if ((state != ESTABLISHED && state != SYN_SENT && state != LISTENS) || !is_wanted(search, inode))
		return;
	add_port(search->own, own_port);
	if (state == LISTENS || search->n_found == SOCKETS_MAX)
		return;
	found = &search->found[search->n_found++];
	found->own_port = (uint16_t)own_port;
	parse_address(peer, (uint16_t)peer_port, &found->peer);
}

void sockets_read(FILE *table, struct socket_search *search)
{
	char line[512];

	while (fgets(line, sizeof(line), table))
		take_line(line, search);
}

bool sockets_is_client(const struct socket_search *search, size_t i)
{
	return !has_port(search->listening, search->found[i].own_port);
}

static void add_inode(pid_t pid, int fd, struct socket_search *search)
{
	char path[64], target[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	if (search->n < SOCKETS_MAX && sscanf(target, "socket:[%lu]", &search->inodes[search->n]) == 1)
		search->n++;
}

static void read_tables(pid_t pid, struct socket_search *search)
{
	static const char *const tables[] = {"tcp", "tcp6"};
	char path[64];

	qsort(search->inodes, search->n, sizeof(*search->inodes), by_number);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		FILE *table;

		snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, tables[i]);
		table = fopen(path, "re");
		if (!table)
			continue;
		sockets_read(table, search);
		fclose(table);
	}
}

/* Connection @i is the first with its remote end among those that were opened by clients, or not. */
static bool is_first(const struct socket_search *search, size_t i, bool opened)
{
	if (sockets_is_client(search, i) != opened)
		return false;
	for (size_t j = 0; j < i; j++)
		if (sockets_is_client(search, j) == opened &&
		    !memcmp(&search->found[j].peer, &search->found[i].peer, sizeof(search->found[i].peer)))
			return false;
	return true;
}

static struct socket_peers peers_of(const struct socket_search *search, bool opened)
{
	struct socket_peers peers = {.opened = opened};

	for (size_t i = 0; i < search->n_found; i++)
		if (is_first(search, i, opened) && !peers.n++)
			peers.peer = search->found[i].peer;
	return peers;
}

struct socket_peers sockets_peers(pid_t pid, const int *fds, size_t n)
{
	struct socket_search *search = calloc(1, sizeof(*search));
	struct socket_peers peers = {.n = 0};

	for (size_t i = 0; search && i < n; i++)
		add_inode(pid, fds[i], search);
	if (search && search->n) {
		read_tables(pid, search);
		peers = peers_of(search, true);
		if (!peers.n)
			peers = peers_of(search, false);
	}
	free(search);
	return peers;
}

size_t sockets_served(const struct socket_search *search, uint16_t *ports, size_t max)
{
	size_t n = 0;

	for (unsigned port = 1; port <= UINT16_MAX && n < max; port++)
		if (has_port(search->own, port) && has_port(search->listening, port))
			ports[n++] = (uint16_t)port;
	return n;
}

static void add_inodes(pid_t pid, struct socket_search *search)
{
	struct dirent *entry;
	char path[64];
	DIR *files;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	files = opendir(path);
	while (files && (entry = readdir(files)))
		if (*entry->d_name != '.')
			add_inode(pid, atoi(entry->d_name), search);
	if (files)
		closedir(files);
}

size_t sockets_serving(pid_t pid, uint16_t *ports, size_t max)
{
	struct socket_search *search = calloc(1, sizeof(*search));
	size_t n = 0;

	if (search)
		add_inodes(pid, search);
	if (search && search->n) {
		read_tables(pid, search);
		n = sockets_served(search, ports, max);
	}
	free(search);
	return n;
}
