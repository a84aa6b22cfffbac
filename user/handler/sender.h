/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread that sends what HTTP handlers have to send. Each has a channel: a bounded queue, one request at
 * a time, tries that are repeated with growing pauses. No channel waits for another, and nobody for the
 * thread.
 */
#ifndef LAPSE_HANDLER_SENDER_H
#define LAPSE_HANDLER_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define SENDER_QUEUE 64
#define SENDER_TRIES 10

struct sender;
struct sender_channel;

struct sender_channel_options {
	const struct config_handler *handler; /* must outlive the channel */
	const char *path;		      /* behind the address */
	bool latest; /* what is sent says all: it takes the place of what waits still */
};

/* Makes @sender (where it is NULL) and a channel of it. 0, or -errno with *why. */
int sender_open(struct sender **sender, const struct sender_channel_options *options,
		struct sender_channel **channel, const char **why);

/* Queues @body, which is taken in any case. False: there is no room, it is dropped. */
bool sender_push(struct sender_channel *channel, char *body);

/* Has @channel begin nothing more, and forget what waits: another one says it. */
void sender_silence(struct sender_channel *channel);

struct sender_counts {
	uint64_t tries, failures, retries;
	size_t waiting; /* queued, or being sent */
};
struct sender_counts sender_counts(struct sender_channel *channel);

/* The last reason for which a try failed, and whether it is made again; false: none since the last call. */
bool sender_trouble(struct sender_channel *channel, char *reason, size_t size, bool *again);

/* Ends the thread, wherever it is, and releases all channels. NULL is fine. */
void sender_free(struct sender *sender);

#endif
