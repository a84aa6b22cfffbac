// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/figures.h"

#include <math.h>
#include <string.h>

void figures_init(struct figures *figures, unsigned bits)
{
	memset(figures, 0, sizeof(*figures));
	histogram_init(&figures->histogram, bits);
}

void figures_free(struct figures *figures)
{
	histogram_free(&figures->histogram);
}

int figures_add(struct figures *figures, const struct tally *tally, const struct tick_component *input,
		const struct extremes_bounds *bounds)
{
	tally_add(&figures->tally, tally);
	if (bounds)
		extremes_expect(&figures->extremes, bounds);
	return histogram_add(&figures->histogram, input->buckets, input->n_buckets);
}

void figures_add_tcp(struct figures *figures, const struct tick_tcp *more)
{
	struct tick_tcp *sum = &figures->tcp;

	sum->sent += more->sent;
	sum->received += more->received;
	sum->retransmits += more->retransmits;
	sum->pipelined += more->pipelined;
	sum->network_ns += more->network_ns;
	sum->unread_ns += more->unread_ns;
	sum->opened += more->opened;
	sum->mux += more->mux;
	sum->srtt_us += more->srtt_us;
	sum->srtt_n += more->srtt_n;
	sum->min_rtt_us = more->min_rtt_us;
}

static double mean(uint64_t sum, uint64_t n)
{
	return n ? (double)sum / (double)n : NAN;
}

static struct tcp_stats tcp_stats(const struct tick_tcp *tcp, uint64_t spans)
{
	return (struct tcp_stats){
		.opened = tcp->opened,
		.mux = tcp->mux,
		.sent = tcp->sent,
		.received = tcp->received,
		.retransmits = tcp->retransmits,
		.pipelined = tcp->pipelined,
		.network_ns = mean(tcp->network_ns, spans),
		.unread_ns = mean(tcp->unread_ns, spans),
		.srtt_ns = mean(tcp->srtt_us * 1000, tcp->srtt_n),
		.has_min_rtt = tcp->min_rtt_us,
		.min_rtt_ns = tcp->min_rtt_us * 1000,
	};
}

void figures_clear(struct figures *figures)
{
	struct histogram histogram = figures->histogram;

	histogram_clear(&histogram);
	*figures = (struct figures){.histogram = histogram};
}

struct stats figures_stats(const struct figures *figures)
{
	const struct tally *t = &figures->tally;
	struct samples samples = samples_of_histogram(&figures->histogram, &figures->extremes);
	struct stats stats = {0};

	stats_count(&stats, t->count, t->errors, t->sum_ns, figures->covered_ns);
	stats_cache(&stats, t->hits, t->misses);
	samples_describe(&samples, &stats);
	stats.tcp = tcp_stats(&figures->tcp, t->count);
	return stats;
}
