// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "output/words.h"

int report_frames(const char *stack, struct report_frames *frames)
{
	char *rest, *at;
	size_t n = 1;

	*frames = (struct report_frames){0};
	if (!stack)
		return 0;
	for (at = strchr(stack, '\n'); at; at = strchr(at + 1, '\n'))
		n++;
	frames->text = strdup(stack);
	frames->at = calloc(n, sizeof(*frames->at));
	if (!frames->text || !frames->at) {
		report_frames_free(frames);
		return -ENOMEM;
	}
	for (rest = frames->text; (at = strsep(&rest, "\n"));)
		if (*at)
			frames->at[frames->n++] = at;
	return 0;
}

void report_frames_free(struct report_frames *frames)
{
	free(frames->at);
	free(frames->text);
	*frames = (struct report_frames){0};
}

const char *report_time(const struct report *report, uint64_t ns, char buffer[REPORT_TIME])
{
	int64_t wall = report->snapshot->epoch_ns + (int64_t)ns;
	time_t seconds = wall / (int64_t)NSEC_PER_SEC;
	struct tm tm = {0};
	size_t length;

	gmtime_r(&seconds, &tm);
	length = strftime(buffer, REPORT_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buffer + length, REPORT_TIME - length, ".%09uZ", (unsigned)(wall % (int64_t)NSEC_PER_SEC));
	return buffer;
}

struct report_peer report_peer_row(const struct report *report, const struct peer_row *row)
{
	static const char *const roles[] = {
		[PEER_WAIT] = "wait", [PEER_REQUEST] = "request", [PEER_CONNECT] = "connect"};
	struct report_peer peer = {.component = report_component(report, row->component),
				   .what = roles[row->role],
				   .count = row->count,
				   .ns = row->ns,
				   .max_ns = row->max_ns};

	_Static_assert(sizeof(peer.peer) == ADDRESS_SIZE, "room for an address");
	word_address(&row->peer, peer.peer);
	return peer;
}

struct report_wait report_wait_row(const struct report *report, const struct offcpu_row *row,
				   const struct report_frames *frames)
{
	return (struct report_wait){.component = report_component(report, row->component),
				    .cause = cause_names[row->cause],
				    .count = row->count,
				    .ns = row->ns,
				    .frames = frames->at,
				    .n_frames = frames->n};
}
