// SPDX-License-Identifier: GPL-2.0-or-later
/* What JSON says of connections. */
#include "output/json_parts.h"
#include "output/words.h"

#define AT(root, type, member) \
	.from = root, .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define TCP(member)   AT(FROM_TCP, struct lapse_tcp, member)
#define STATS(member) AT(FROM_STATS, struct stats, tcp.member)

static const char *const kind_names[] = {"connect", "request", "serve", "accept", "handshake"};

static const struct lapse_tcp *tcp_of(const struct json_source *source)
{
	return source->from[FROM_TCP];
}

static json_t *address(const struct lapse_address *address)
{
	char word[ADDRESS_SIZE];

	return json_string(word_address(address, word));
}

static json_t *get_own(const struct json_source *source)
{
	return address(&tcp_of(source)->own);
}

static json_t *get_peer(const struct json_source *source)
{
	return address(&tcp_of(source)->peer);
}

static json_t *round_trip(uint32_t us)
{
	return us == LAPSE_RTT_UNKNOWN ? json_null() : json_integer((json_int_t)us * 1000);
}

static json_t *get_srtt(const struct json_source *source)
{
	return round_trip(tcp_of(source)->srtt_us);
}

static json_t *get_min_rtt(const struct json_source *source)
{
	return round_trip(tcp_of(source)->min_rtt_us);
}

static json_t *flag(const struct json_source *source, enum lapse_tcp_flag bit)
{
	return json_boolean(tcp_of(source)->flags & bit);
}

static json_t *get_tls(const struct json_source *source)
{
	return flag(source, LAPSE_TCP_TLS);
}

static json_t *get_mux(const struct json_source *source)
{
	return flag(source, LAPSE_TCP_MUX);
}

static json_t *get_before(const struct json_source *source)
{
	return flag(source, LAPSE_TCP_BEFORE);
}

static json_t *get_error(const struct json_source *source)
{
	return tcp_of(source)->error ? json_integer(tcp_of(source)->error) : json_null();
}

static const struct json_field tcp_fields[] = {
	{"kind", JSON_KIND_NAME, TCP(kind), .names = kind_names, .n_names = LAPSE_TCP_KINDS},
	{"own", JSON_KIND_GET, .get = get_own, .schema = json_schema_text},
	{"peer", JSON_KIND_GET, .get = get_peer, .schema = json_schema_text},
	{"sent", JSON_KIND_COUNT, TCP(sent),
	 .help = "bytes; of a serve, those handed over with the answer's first"},
	{"received", JSON_KIND_COUNT, TCP(received), .help = "bytes that had arrived when it was recorded"},
	{"network_ns", JSON_KIND_COUNT, TCP(network_ns),
	 .help = "of a request's duration: round trip and retransmission; the rest is the peer's"},
	{"unread_ns", JSON_KIND_COUNT, TCP(unread_ns),
	 .help = "after the request's end: how long the answer waited to be read"},
	{"srtt_ns", JSON_KIND_GET, .get = get_srtt, .schema = json_schema_integer_or_null},
	{"min_rtt_ns", JSON_KIND_GET, .get = get_min_rtt, .schema = json_schema_integer_or_null},
	{"retransmits", JSON_KIND_COUNT, TCP(retransmits), .help = "segments sent again meanwhile"},
	{"pipelined", JSON_KIND_COUNT, TCP(pipelined), .help = "further sends while it was unanswered"},
	{"tls", JSON_KIND_GET, .get = get_tls, .schema = json_schema_bool},
	{"mux", JSON_KIND_GET, .get = get_mux, .schema = json_schema_bool,
	 .help = "it carries several requests at once"},
	{"before", JSON_KIND_GET, .get = get_before, .schema = json_schema_bool,
	 .help = "it is older than the tracing"},
	{"error", JSON_KIND_GET, .get = get_error, .schema = json_schema_integer_or_null,
	 .help = "errno of what failed"},
};
static const struct json_table tcp_table = {
	.name = "tcp",
	.fields = tcp_fields,
	.n_fields = sizeof(tcp_fields) / sizeof(*tcp_fields),
	.help = "what a span has of its connection; null: it is of none",
};

static json_t *get_lowest(const struct json_source *source)
{
	const struct stats *stats = source->from[FROM_STATS];

	return stats->tcp.has_min_rtt ? json_integer((json_int_t)stats->tcp.min_rtt_ns) : json_null();
}

static const struct json_field stats_fields[] = {
	{"opened", JSON_KIND_COUNT, STATS(opened), .help = "connections that began"},
	{"mux", JSON_KIND_COUNT, STATS(mux), .help = "of them: carry several requests at once"},
	{"sent", JSON_KIND_COUNT, STATS(sent), .help = "bytes"},
	{"received", JSON_KIND_COUNT, STATS(received), .help = "bytes"},
	{"retransmits", JSON_KIND_COUNT, STATS(retransmits)},
	{"pipelined", JSON_KIND_COUNT, STATS(pipelined)},
	{"network_avg_ns", JSON_KIND_NUMBER, STATS(network_ns), .nullable = true},
	{"unread_avg_ns", JSON_KIND_NUMBER, STATS(unread_ns), .nullable = true},
	{"srtt_ns", JSON_KIND_NUMBER, STATS(srtt_ns), .nullable = true, .help = "mean over the spans"},
	{"min_rtt_ns", JSON_KIND_GET, .get = get_lowest, .schema = json_schema_integer_or_null,
	 .help = "since the start"},
};
static const struct json_table stats_table = {
	.name = "connections",
	.fields = stats_fields,
	.n_fields = sizeof(stats_fields) / sizeof(*stats_fields),
	.help = "what connections did; null: the component has none",
};

/* ---- the fields that hold them -------------------------------------------------------------------- */

json_t *json_get_span_peer(const struct json_source *source)
{
	const struct lapse_tcp *tcp = span_tcp(source->from[FROM_SPAN]);

	return tcp ? address(&tcp->peer) : json_null();
}

json_t *json_get_span_tcp(const struct json_source *source)
{
	struct json_source one = *source;

	one.from[FROM_TCP] = span_tcp(source->from[FROM_SPAN]);
	return one.from[FROM_TCP] ? json_object_of(&tcp_table, &one) : json_null();
}

json_t *json_get_tcp(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];

	return component->tcp ? json_object_of(&stats_table, source) : json_null();
}

static json_t *or_null(json_t *schema)
{
	json_object_set_new(schema, "type", json_pack("[s,s]", "object", "null"));
	return schema;
}

json_t *json_schema_span_tcp(void)
{
	return or_null(json_table_schema(&tcp_table, false));
}

json_t *json_schema_tcp(void)
{
	return or_null(json_table_schema(&stats_table, false));
}
