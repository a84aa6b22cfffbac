// SPDX-License-Identifier: GPL-2.0-or-later
/* Which TCP spans are meant: their kind, the peer and the own port. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "probe/spec_parts.h"

/* An IPv4 address behind ::ffff: has this many bits in front of it. */
#define V4_PREFIX 96

/* RFC 1035: without the final dot. */
#define NAME_MAX_LENGTH 253

static const char *const kinds[LAPSE_TCP_KINDS] = {
	[LAPSE_TCP_CONNECT] = "connect", [LAPSE_TCP_REQUEST] = "request",     [LAPSE_TCP_SERVE] = "serve",
	[LAPSE_TCP_ACCEPT] = "accept",	 [LAPSE_TCP_HANDSHAKE] = "handshake",
};

#define ALL_KINDS "write tcp:connect, tcp:request, tcp:serve, tcp:accept or tcp:handshake"

const char *spec_tcp_kind(enum lapse_tcp_kind kind)
{
	return kinds[kind];
}

/* ---- kinds ------------------------------------------------------------------------------------- */

static int unknown_kind(const struct spec_piece *word)
{
	struct spec_guess guess;

	spec_guess_start(&guess, word);
	for (int i = 0; i < LAPSE_TCP_KINDS; i++)
		text_nearest_offer(&guess.nearest, kinds[i]);
	return spec_wrong(word, spec_guess_hint(&guess, ALL_KINDS), "unknown kind of TCP span '%.*s'",
			  SPEC_SHOW(word));
}

int spec_parse_tcp(struct probe_spec *spec, struct spec_piece *rest)
{
	struct spec_piece word = spec_cut(rest, spec_word_length(rest));

	if (word.at == word.end)
		return spec_wrong(&word, ALL_KINDS, "the kind of TCP span is missing");
	for (int i = 0; i < LAPSE_TCP_KINDS; i++) {
		if (!spec_equals(&word, kinds[i]))
			continue;
		spec->tcp.kind = i;
		return 0;
	}
	return unknown_kind(&word);
}

/* ---- numbers ----------------------------------------------------------------------------------- */

/* Digits that are all of @piece, up to @max. */
static bool parse_number(const struct spec_piece *piece, unsigned max, unsigned *number)
{
	*number = 0;
	for (size_t i = piece->at; i < piece->end; i++) {
		if (!isdigit((unsigned char)piece->text[i]))
			return false;
		*number = *number * 10 + (piece->text[i] - '0');
		if (*number > max)
			return false;
	}
	return piece->at < piece->end;
}

int spec_parse_port(struct spec_piece piece, uint16_t *port)
{
	unsigned number;

	if (piece.at == piece.end)
		return spec_wrong(&piece, NULL, "the port is missing");
	if (!parse_number(&piece, UINT16_MAX, &number) || !number)
		return spec_wrong(&piece, "ports are 1 to 65535", "'%.*s' is no port", SPEC_SHOW(&piece));
	*port = number;
	return 0;
}

/* The bits behind "/"; @address: what stands before it. */
static int parse_prefix(const struct spec_piece *piece, unsigned bits, const struct spec_piece *address,
			unsigned *prefix)
{
	char hint[96];

	if (parse_number(piece, bits, prefix))
		return 0;
	snprintf(hint, sizeof(hint), "it is a number of leading bits, 0 to %u", bits);
	return spec_wrong(piece, hint, "'%.*s' is no prefix of the address %.*s", SPEC_SHOW(piece),
			  SPEC_SHOW(address));
}

/* ---- addresses --------------------------------------------------------------------------------- */

/* The bits behind the prefix do not count. */
static void clear_tail(uint8_t *ip, unsigned prefix)
{
	for (unsigned bit = prefix; bit < 128; bit++)
		ip[bit / 8] &= ~(0x80 >> bit % 8);
}

static bool read_address(const struct spec_piece *address, int family, uint8_t *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (address->end - address->at >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", SPEC_SHOW(address));
	if (family == AF_INET6)
		return inet_pton(AF_INET6, text, ip) == 1;
	ip[10] = ip[11] = 0xff;
	return inet_pton(AF_INET, text, ip + 12) == 1;
}

/* ADDRESS ['/' PREFIX], which is all of @host. */
static int parse_address(struct spec_tcp *tcp, const struct spec_piece *host, int family)
{
	const char *slash = memchr(host->text + host->at, '/', host->end - host->at);
	struct spec_piece address = *host, tail = {host->text, host->end, host->end};
	unsigned bits = family == AF_INET ? 32 : 128, prefix = bits;
	int err = 0;

	if (slash) {
		address.end = slash - host->text;
		tail.at = address.end + 1;
	}
	if (!read_address(&address, family, tcp->ip))
		return spec_wrong(
			&address, family == AF_INET ? "write it as 10.0.0.5" : "write it as fe80::1",
			"'%.*s' is no %s address", SPEC_SHOW(&address), family == AF_INET ? "IPv4" : "IPv6");
	if (slash)
		err = parse_prefix(&tail, bits, &address, &prefix);
	if (err)
		return err;
	tcp->prefix = family == AF_INET ? V4_PREFIX + prefix : prefix;
	clear_tail(tcp->ip, tcp->prefix);
	return 0;
}

/* ---- names ------------------------------------------------------------------------------------- */

static int check_name(const struct spec_piece *name)
{
	const char *slash = memchr(name->text + name->at, '/', name->end - name->at);
	struct spec_piece prefix = {name->text, slash ? slash - name->text : 0, name->end};

	if (slash)
		return spec_wrong(&prefix, "give the address instead of the name",
				  "only addresses have a prefix");
	if (name->end - name->at > NAME_MAX_LENGTH)
		return spec_wrong(name, NULL, "a host's name has at most %d characters", NAME_MAX_LENGTH);
	for (size_t i = name->at; i < name->end; i++)
		if (!isalnum((unsigned char)name->text[i]) && !strchr("-._", name->text[i]))
			return spec_wrong(name,
					  "write such as peer=10.0.0.5:5432, peer=[::1]:80 or peer=db.local",
					  "'%.*s' is no host", SPEC_SHOW(name));
	return 0;
}

static int parse_name(struct spec_tcp *tcp, const struct spec_piece *name)
{
	unsigned port;
	char hint[64];
	int err;

	if (parse_number(name, UINT16_MAX, &port)) {
		snprintf(hint, sizeof(hint), "a port of any host is peer=*:%u", port);
		return spec_wrong(name, hint, "'%.*s' is no host", SPEC_SHOW(name));
	}
	err = check_name(name);
	if (err)
		return err;
	tcp->host_at = name->at;
	tcp->host = spec_copy(name);
	return tcp->host ? 0 : -ENOMEM;
}

/* ---- peers ------------------------------------------------------------------------------------- */

static size_t count(const struct spec_piece *piece, char letter)
{
	size_t n = 0;

	for (size_t i = piece->at; i < piece->end; i++)
		n += piece->text[i] == letter;
	return n;
}

/* Digits, dots and a prefix: nothing else can be meant. */
static bool is_v4(const struct spec_piece *host)
{
	size_t i = host->at;

	while (i < host->end && (isdigit((unsigned char)host->text[i]) || host->text[i] == '.'))
		i++;
	return i > host->at && (i == host->end || host->text[i] == '/') && count(host, '.');
}

static int parse_host(struct spec_tcp *tcp, const struct spec_piece *host)
{
	if (host->at == host->end)
		return spec_wrong(host, "any host is *", "the peer's address is missing");
	if (spec_equals(host, "*"))
		return 0;
	if (count(host, ':'))
		return parse_address(tcp, host, AF_INET6);
	return is_v4(host) ? parse_address(tcp, host, AF_INET) : parse_name(tcp, host);
}

/* '[' IPV6 ']' [':' PORT] */
static int parse_bracketed(struct spec_tcp *tcp, struct spec_piece peer)
{
	const char *close = memchr(peer.text + peer.at, ']', peer.end - peer.at);
	struct spec_piece host = {peer.text, peer.at + 1, 0};
	int err;

	if (!close)
		return spec_wrong(&peer, "write peer=[::1]:80", "the closing bracket is missing");
	host.end = close - peer.text;
	peer.at = host.end + 1;
	err = parse_address(tcp, &host, AF_INET6);
	if (err || peer.at == peer.end)
		return err;
	if (peer.text[peer.at] != ':')
		return spec_wrong(&peer, "write peer=[::1]:80 or peer=[fe80::/10]:80",
				  "unexpected text after the address");
	peer.at++;
	return spec_parse_port(peer, &tcp->peer_port);
}

int spec_parse_peer(struct spec_tcp *tcp, struct spec_piece peer)
{
	struct spec_piece host = peer, port = peer;
	int err;

	if (peer.at == peer.end)
		return spec_wrong(&peer, "write such as peer=10.0.0.5:5432", "the peer is missing");
	tcp->peer = spec_copy(&peer);
	if (!tcp->peer)
		return -ENOMEM;
	if (peer.text[peer.at] == '[')
		return parse_bracketed(tcp, peer);
	/* With more colons than one it is an IPv6 address alone. */
	if (count(&peer, ':') != 1)
		return parse_host(tcp, &host);
	host.end = (const char *)memchr(peer.text + peer.at, ':', peer.end - peer.at) - peer.text;
	port.at = host.end + 1;
	err = parse_host(tcp, &host);
	return err ?: spec_parse_port(port, &tcp->peer_port);
}
