// SPDX-License-Identifier: GPL-2.0-or-later
/* Specifications of TCP spans: kinds, peers and ports, and what is said of wrong ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/diag.h"
#include "probe/spec.h"

/* What one comes to. .ip: as inet_ntop() writes it. */
struct meant {
	enum lapse_tcp_kind kind;
	const char *peer, *host, *ip;
	unsigned prefix, peer_port, own_port;
};

static void same_text(const char *is, const char *meant)
{
	if (meant)
		assert_string_equal(is, meant);
	else
		assert_null(is);
}

static void is_meant(const struct spec_tcp *tcp, const struct meant *meant)
{
	char ip[INET6_ADDRSTRLEN];

	assert_int_equal(tcp->kind, meant->kind);
	same_text(tcp->peer, meant->peer);
	same_text(tcp->host, meant->host);
	inet_ntop(AF_INET6, tcp->ip, ip, sizeof(ip));
	assert_string_equal(ip, meant->ip ?: "::");
	assert_int_equal(tcp->prefix, meant->prefix);
	assert_int_equal(tcp->peer_port, meant->peer_port);
	assert_int_equal(tcp->own_port, meant->own_port);
}

#define PARSES(text, ...) parses(text, &(struct meant){__VA_ARGS__})

static void parses(const char *text, const struct meant *meant)
{
	struct probe_spec spec;

	if (spec_parse(text, &spec))
		fail_msg("'%s' was refused", text);
	assert_int_equal(spec.kind, SPEC_TCP);
	assert_string_equal(spec.text, text);
	is_meant(&spec.tcp, meant);
	if (meant->host)
		assert_int_equal(strncmp(text + spec.tcp.host_at, meant->host, strlen(meant->host)), 0);
	spec_free(&spec);
}

typedef int parser(const char *text, struct probe_spec *spec);

/* It is refused, with @message and @caret: the caret's column, where that begins with blanks. */
static void fails_by(parser *parse, const char *text, const char *message, const char *caret)
{
	struct probe_spec spec;
	char *said = NULL;
	const char *found;
	size_t size = 0;
	FILE *stream = open_memstream(&said, &size);

	diag_set_stream(stream);
	assert_int_equal(parse(text, &spec), -EINVAL);
	diag_set_stream(NULL);
	fclose(stream);
	found = strstr(said, caret);
	if (!strstr(said, message) || !found || (*caret == ' ' && found[-1] != '\n'))
		fail_msg("'%s' gave:\n%s", text, said);
	free(said);
}

static void fails(const char *text, const char *message, const char *caret)
{
	fails_by(spec_parse, text, message, caret);
}

static void test_kinds(void **state)
{
	(void)state;
	PARSES("tcp:connect", .kind = LAPSE_TCP_CONNECT);
	PARSES("tcp:request", .kind = LAPSE_TCP_REQUEST);
	PARSES(" tcp:serve ", .kind = LAPSE_TCP_SERVE);
	PARSES("a=tcp:accept", .kind = LAPSE_TCP_ACCEPT);
	PARSES("tcp:handshake", .kind = LAPSE_TCP_HANDSHAKE);
	for (int kind = 0; kind < LAPSE_TCP_KINDS; kind++) {
		char text[32];

		snprintf(text, sizeof(text), "tcp:%s", spec_tcp_kind(kind));
		PARSES(text, .kind = kind);
	}
}

static void test_v4(void **state)
{
	(void)state;
	PARSES("tcp:request peer=127.0.0.1:8899", .kind = LAPSE_TCP_REQUEST, .peer = "127.0.0.1:8899",
	       .ip = "::ffff:127.0.0.1", .prefix = 128, .peer_port = 8899);
	PARSES("tcp:connect peer=10.0.0.0/8", .peer = "10.0.0.0/8", .ip = "::ffff:10.0.0.0", .prefix = 104);
	PARSES("tcp:connect peer=10.1.2.3/8:443", .peer = "10.1.2.3/8:443", .ip = "::ffff:10.0.0.0",
	       .prefix = 104, .peer_port = 443);
	PARSES("tcp:connect peer=192.168.7.255/23", .peer = "192.168.7.255/23", .ip = "::ffff:192.168.6.0",
	       .prefix = 119);
	PARSES("tcp:connect peer=1.2.3.4/32", .peer = "1.2.3.4/32", .ip = "::ffff:1.2.3.4", .prefix = 128);
	/* Every IPv4 address, and no IPv6 one. */
	PARSES("tcp:connect peer=0.0.0.0/0", .peer = "0.0.0.0/0", .ip = "::ffff:0.0.0.0", .prefix = 96);
}

static void test_v6(void **state)
{
	(void)state;
	PARSES("tcp:connect peer=::1", .peer = "::1", .ip = "::1", .prefix = 128);
	PARSES("tcp:connect peer=[::1]:80", .peer = "[::1]:80", .ip = "::1", .prefix = 128, .peer_port = 80);
	PARSES("tcp:connect peer=[::1]", .peer = "[::1]", .ip = "::1", .prefix = 128);
	PARSES("tcp:connect peer=fe80::/10", .peer = "fe80::/10", .ip = "fe80::", .prefix = 10);
	PARSES("tcp:connect peer=[febf:1::2/10]:65535", .peer = "[febf:1::2/10]:65535",
	       .ip = "fe80::", .prefix = 10, .peer_port = 65535);
	PARSES("tcp:connect peer=::ffff:10.0.0.5", .peer = "::ffff:10.0.0.5", .ip = "::ffff:10.0.0.5",
	       .prefix = 128);
	PARSES("tcp:connect peer=::/0", .peer = "::/0", .ip = "::");
}

static void test_names(void **state)
{
	(void)state;
	PARSES("tcp:request peer=db.local:5432", .kind = LAPSE_TCP_REQUEST, .peer = "db.local:5432",
	       .host = "db.local", .peer_port = 5432);
	PARSES("rpc=tcp:request peer=localhost", .kind = LAPSE_TCP_REQUEST, .peer = "localhost",
	       .host = "localhost");
	PARSES("tcp:connect peer=4.db_1-a.example", .peer = "4.db_1-a.example", .host = "4.db_1-a.example");
	PARSES("tcp:connect peer=*:5432", .peer = "*:5432", .peer_port = 5432);
	PARSES("tcp:connect peer=*", .peer = "*");
}

static void test_ports(void **state)
{
	(void)state;
	PARSES("tcp:serve port=8080", .kind = LAPSE_TCP_SERVE, .own_port = 8080);
	PARSES("tcp:serve port=1 peer=::1", .kind = LAPSE_TCP_SERVE, .own_port = 1, .peer = "::1",
	       .ip = "::1", .prefix = 128);
	PARSES("tcp:serve  peer=[::1]:2  port=65535 ", .kind = LAPSE_TCP_SERVE, .own_port = 65535,
	       .peer = "[::1]:2", .ip = "::1", .prefix = 128, .peer_port = 2);
	fails("tcp:serve port=", "the port is missing", "                   ^\n");
	fails("tcp:serve port=0", "'0' is no port", "                   ^ ports are 1 to 65535");
	fails("tcp:serve port=65536", "is no port", "                   ^~~~~ ports are");
	fails("tcp:serve port=99999999999999999999", "is no port", "                   ^~~~~");
	fails("tcp:serve port=http", "'http' is no port", "                   ^~~~ ports are");
	fails("tcp:serve port=80 port=81", "'port=' is given twice", "                      ^~~~~~~\n");
	fails("tcp:serve port =80", "unexpected blank after 'port'", "              ^~~~ write it without");
}

static void test_kinds_wrong(void **state)
{
	(void)state;
	fails("tcp:", "the kind of TCP span is missing", "        ^ write tcp:connect, ");
	fails("tcp: connect", "the kind of TCP span is missing", "        ^ write");
	fails("tcp:conect", "unknown kind of TCP span 'conect'", "        ^~~~~~ nearest is 'connect'");
	fails("n=tcp:retransmit peer=::1", "unknown kind", "          ^~~~~~~~~~ write tcp:connect, ");
	fails("tcp:CONNECT", "unknown kind of TCP span 'CONNECT'", "        ^~~~~~~");
	fails("tcp:connect,", "a blank stands before each modifier", "               ^\n");
	fails("tcp:connect 10.0.0.1", "unexpected text",
	      "                ^~~~~~~~ modifiers of TCP spans are");
	fails("span:tcp:connect(arg0)..g(arg0)", "'tcp:' is no place of a span", "         ^~~~ write");
}

static void test_peers_wrong(void **state)
{
	(void)state;
	fails("tcp:connect peer=", "the peer is missing", "                     ^ write such as");
	fails("tcp:connect peer=:80", "the peer's address is missing",
	      "                     ^ any host is *");
	fails("tcp:connect peer=a:", "the port is missing", "                       ^\n");
	fails("tcp:connect peer=a:x", "'x' is no port", "                       ^ ports are");
	fails("tcp:connect peer=8899", "'8899' is no host",
	      "                     ^~~~ a port of any host is peer=*:8899");
	fails("tcp:connect peer=10.0.0.256", "is no IPv4 address", "                     ^~~~~~~~~~ write");
	fails("tcp:connect peer=10.0.0", "'10.0.0' is no IPv4 address", "                     ^~~~~~");
	fails("tcp:connect peer=10.0.0.0/33", "'33' is no prefix of the address 10.0.0.0",
	      "                              ^~ it is a number of leading bits, 0 to 32");
	fails("tcp:connect peer=10.0.0.0/", "is no prefix", "                              ^ it is");
	fails("tcp:connect peer=10.0.0.0/8/8", "'8/8' is no prefix", "                              ^~~");
	fails("tcp:connect peer=10.0.0.0/255.0.0.0", "is no prefix",
	      "                              ^~~~~~~~~");
	fails("tcp:connect peer=fe80::/129", "'129' is no prefix", "0 to 128");
	fails("tcp:connect peer=fe80::x", "'fe80::x' is no IPv6 address", "                     ^~~~~~~");
	fails("tcp:connect peer=fe80::1%eth0", "is no IPv6 address", "                     ^~~~~~~~~~~~");
	fails("tcp:connect peer=[::1", "closing bracket is missing", "                     ^~~~ write");
	fails("tcp:connect peer=[10.0.0.1]:80", "is no IPv6 address", "                      ^~~~~~~~ ");
	fails("tcp:connect peer=[::1]80", "after the address", "                          ^~ write");
	fails("tcp:connect peer=[fe80::]/10:80", "after the address", "peer=[fe80::/10]:80");
	fails("tcp:connect peer=[::1]:", "the port is missing", "                           ^\n");
	fails("tcp:connect peer=db.local/24", "only addresses have a prefix",
	      "                             ^~~ give the address");
	fails("tcp:connect peer=http://db:80", "is no IPv6 address", "                     ^~~~");
	fails("tcp:connect peer=a(b)", "'a(b)' is no host", "                     ^~~~ write such as");
	fails("tcp:connect peer=::1 peer=::2", "'peer=' is given twice", "                         ^~~~~~~~");
}

static void test_modifiers_wrong(void **state)
{
	(void)state;
	fails("tcp:connect err(ret < 0)", "no arguments and returns nothing",
	      "                ^~~~~~~~~~~~ leave it out");
	fails("tcp:request ok(int ret == 0)", "it fails where the connection does", "                ^~~~");
	fails("tcp:request hit(arg0 == 1)", "no arguments", "                ^~~~~~~~~~~~~~ leave it out");
	fails("tcp:request if(arg0 == 1)", "no arguments", "                ^~~~~~~~~~~~~ leave it out");
	fails("tcp:request peer=::1 value(x=arg0)", "no arguments", "                         ^~~~~~~~~~~~~");
	fails("tcp:request timeout=1s", "'timeout=' is for 'span:' probes",
	      "                        ^~ leave");
	fails("tcp:request per=::1", "unknown modifier 'per='", "                ^~~~ nearest is 'peer='");
	fails("tcp:request eror(ret < 0)", "unknown modifier 'eror()'", "^~~~~ modifiers of TCP spans are");
	fails("f peer=10.0.0.1", "'peer=' is for 'tcp:' probes",
	      "      ^~~~~~~~~~~~~ write such as 'tcp:request");
	fails("f ok(ret == 0) port=80", "'port=' is for 'tcp:' probes", "                   ^~~~~~~ ");
	fails("loop port=80", "'port=' is for 'tcp:' probes", "         ^~~~~~~ ");
	fails("peer=10.0.0.1", "a modifier without its probe",
	      "    ^~~~~~~~~~~~~ quote both together: 'tcp:");
	fails("port=80", "a modifier without its probe", "    ^~~~~~~ quote both");
}

static void test_filter(void **state)
{
	struct probe_spec spec;

	(void)state;
	assert_int_equal(spec_parse_tcp_filter("peer=db:5432 port=7", &spec), 0);
	assert_int_equal(spec.kind, SPEC_TCP);
	is_meant(&spec.tcp,
		 &(struct meant){.peer = "db:5432", .host = "db", .peer_port = 5432, .own_port = 7});
	spec_free(&spec);
	assert_int_equal(spec_parse_tcp_filter(" ", &spec), 0);
	is_meant(&spec.tcp, &(struct meant){.peer = NULL});
	spec_free(&spec);
	fails_by(spec_parse_tcp_filter, "per=a", "unknown modifier", "    ^~~~ nearest is 'peer='");
	fails_by(spec_parse_tcp_filter, "request", "unexpected text", "    ^~~~~~~ modifiers of TCP spans");
	fails_by(spec_parse_tcp_filter, "port=80 err(ret < 0)", "no arguments", "            ^~~");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),	    cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v6),	    cmocka_unit_test(test_names),
		cmocka_unit_test(test_ports),	    cmocka_unit_test(test_kinds_wrong),
		cmocka_unit_test(test_peers_wrong), cmocka_unit_test(test_modifiers_wrong),
		cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
