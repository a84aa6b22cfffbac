// SPDX-License-Identifier: GPL-2.0-or-later
#include "handler/sender.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/thread_start.h"
#include "base/units.h"
#include "handler/handler_kind.h"
#include "handler/http.h"

/* The pause before the second try, and the longest. */
#define PAUSE_FIRST_NS (250 * NSEC_PER_MSEC)
#define PAUSE_MAX_NS   (30 * NSEC_PER_SEC)
#define AFTER_MAX_S    60
/* The thread looks around at least so often. */
#define POLL_MS	       1000

struct sender_channel {
	struct sender *sender;
	const struct config_handler *handler;
	struct http_request request;
	bool latest;
	char *queue[SENDER_QUEUE]; /* a ring */
	size_t first, n;
	char *sending; /* the thread's: in flight, or to be tried again */
	bool in_flight;
	bool silent;	/* begins nothing more */
	unsigned tries; /* of what is being sent */
	uint64_t next_ns;
	uint64_t n_tries, n_failures, n_retries;
	char reason[CURL_ERROR_SIZE];
	bool news, again; /* the reason is new; and the try is made again */
	struct sender_channel *next;
};

struct sender {
	const struct http_library *curl;
	CURLM *multi;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that channels hold, but for their requests */
	bool ending;
	struct sender_channel *channels;
};

/* ---- one channel, by the thread, under the lock ------------------------------------------------------ */

/* Between half and all of what doubles with each try, so that many that failed together part. */
static uint64_t pause_before(unsigned tries)
{
	uint64_t pause = PAUSE_FIRST_NS, random = 0;

	for (unsigned i = 1; i < tries && pause < PAUSE_MAX_NS; i++)
		pause *= 2;
	pause = pause < PAUSE_MAX_NS ? pause : PAUSE_MAX_NS;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0;
	return pause / 2 + random % (pause / 2 + 1);
}

static char *take_first(struct sender_channel *channel)
{
	char *body = channel->queue[channel->first];

	channel->first = (channel->first + 1) % SENDER_QUEUE;
	channel->n--;
	return body;
}

/* That something was given up is told even if something else fails before anyone has asked. */
static void tell_reason(struct sender_channel *channel, bool again)
{
	if (channel->news && !channel->again)
		return;
	memcpy(channel->reason, channel->request.reason, sizeof(channel->reason));
	channel->news = true;
	channel->again = again;
}

static void forget_body(struct sender_channel *channel)
{
	free(channel->sending);
	channel->sending = NULL;
	channel->tries = 0;
}

static void try_later(struct sender_channel *channel, long after_s)
{
	uint64_t after_ns = (uint64_t)(after_s < AFTER_MAX_S ? after_s : AFTER_MAX_S) * NSEC_PER_SEC;
	uint64_t pause = pause_before(channel->tries);

	channel->next_ns = handler_now() + (pause > after_ns ? pause : after_ns);
}

static void conclude(struct sender_channel *channel, enum http_outcome outcome, long after_s)
{
	bool again = outcome == HTTP_AGAIN && channel->tries < SENDER_TRIES;

	channel->in_flight = false;
	if (outcome == HTTP_DONE || channel->silent) {
		forget_body(channel);
		return;
	}
	tell_reason(channel, again);
	if (again) {
		try_later(channel, after_s);
		return;
	}
	channel->n_failures++;
	forget_body(channel);
}

/* What says all takes the place of what is to be tried again, but not of its pause. */
static void freshen(struct sender_channel *channel)
{
	if (!channel->latest || !channel->n || !channel->sending)
		return;
	free(channel->sending);
	channel->sending = take_first(channel);
}

static void begin(struct sender_channel *channel)
{
	struct sender *sender = channel->sender;

	if (!channel->sending)
		channel->sending = take_first(channel);
	channel->n_tries += !channel->tries;
	channel->n_retries += channel->tries > 0;
	channel->tries++;
	if (!http_request_post(&channel->request, channel->handler, channel->sending) ||
	    sender->curl->multi_add_handle(sender->multi, channel->request.easy) != CURLM_OK) {
		conclude(channel, HTTP_AGAIN, 0);
		return;
	}
	channel->in_flight = true;
}

/* ---- the thread ---------------------------------------------------------------------------------------- */

/* Begins what is due; how long until something else is. */
static int begin_due(struct sender *sender)
{
	uint64_t now = handler_now(), wait = POLL_MS * NSEC_PER_MSEC;

	for (struct sender_channel *channel = sender->channels; channel; channel = channel->next) {
		if (channel->in_flight || (!channel->sending && !channel->n))
			continue;
		if (channel->sending && channel->next_ns > now) {
			wait = channel->next_ns - now < wait ? channel->next_ns - now : wait;
			continue;
		}
		freshen(channel);
		begin(channel);
		wait = channel->in_flight ? wait : 0;
	}
	return (int)((wait + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

static struct sender_channel *channel_of(struct sender *sender, const CURL *easy)
{
	struct sender_channel *channel = sender->channels;

	while (channel && channel->request.easy != easy)
		channel = channel->next;
	return channel;
}

static void take_ended(struct sender *sender)
{
	CURLMsg *message;
	int more;

	while ((message = sender->curl->multi_info_read(sender->multi, &more))) {
		struct sender_channel *channel = channel_of(sender, message->easy_handle);
		CURLcode code = message->data.result;
		enum http_outcome outcome;
		long after_s;

		sender->curl->multi_remove_handle(sender->multi, message->easy_handle);
		outcome = http_request_outcome(&channel->request, code, &after_s);
		conclude(channel, outcome, after_s);
	}
}

static void *run(void *context)
{
	struct sender *sender = context;
	int running, wait_ms;

	pthread_mutex_lock(&sender->lock);
	while (!sender->ending) {
		wait_ms = begin_due(sender);
		pthread_mutex_unlock(&sender->lock);
		sender->curl->multi_perform(sender->multi, &running);
		sender->curl->multi_poll(sender->multi, NULL, 0, wait_ms, NULL);
		sender->curl->multi_perform(sender->multi, &running);
		pthread_mutex_lock(&sender->lock);
		take_ended(sender);
	}
	pthread_mutex_unlock(&sender->lock);
	return NULL;
}

/* ---- from outside -------------------------------------------------------------------------------------- */

static int sender_new(struct sender **made, const char **why)
{
	const struct http_library *curl = http_load(why);
	struct sender *sender;
	int err;

	if (!curl)
		return -ENOSYS;
	*why = "out of memory";
	sender = calloc(1, sizeof(*sender));
	if (!sender)
		return -ENOMEM;
	sender->curl = curl;
	pthread_mutex_init(&sender->lock, NULL);
	sender->multi = curl->multi_init();
	err = sender->multi ? thread_start(&sender->thread, run, sender) : -ENOMEM;
	if (!err) {
		*made = sender;
		return 0;
	}
	if (sender->multi)
		curl->multi_cleanup(sender->multi);
	free(sender);
	return err;
}

int sender_open(struct sender **sender, const struct sender_channel_options *options,
		struct sender_channel **channel, const char **why)
{
	struct sender_channel *made;
	int err = *sender ? 0 : sender_new(sender, why);

	if (err)
		return err;
	*why = "out of memory";
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->sender = *sender;
	made->handler = options->handler;
	made->latest = options->latest;
	err = http_request_new((*sender)->curl, options->handler, options->path, &made->request);
	if (err) {
		free(made);
		return err;
	}
	pthread_mutex_lock(&(*sender)->lock);
	made->next = (*sender)->channels;
	(*sender)->channels = made;
	pthread_mutex_unlock(&(*sender)->lock);
	*channel = made;
	return 0;
}

bool sender_push(struct sender_channel *channel, char *body)
{
	struct sender *sender = channel->sender;
	bool room;

	pthread_mutex_lock(&sender->lock);
	while (channel->latest && channel->n)
		free(take_first(channel));
	room = channel->n < SENDER_QUEUE;
	if (room)
		channel->queue[(channel->first + channel->n++) % SENDER_QUEUE] = body;
	pthread_mutex_unlock(&sender->lock);
	if (!room)
		free(body);
	sender->curl->multi_wakeup(sender->multi);
	return room;
}

void sender_silence(struct sender_channel *channel)
{
	pthread_mutex_lock(&channel->sender->lock);
	channel->silent = true;
	while (channel->n)
		free(take_first(channel));
	if (!channel->in_flight)
		forget_body(channel);
	pthread_mutex_unlock(&channel->sender->lock);
}

struct sender_counts sender_counts(struct sender_channel *channel)
{
	struct sender_counts counts;

	pthread_mutex_lock(&channel->sender->lock);
	counts = (struct sender_counts){
		.tries = channel->n_tries,
		.failures = channel->n_failures,
		.retries = channel->n_retries,
		.waiting = channel->n + (channel->sending != NULL),
	};
	pthread_mutex_unlock(&channel->sender->lock);
	return counts;
}

bool sender_trouble(struct sender_channel *channel, char *reason, size_t size, bool *again)
{
	bool news;

	pthread_mutex_lock(&channel->sender->lock);
	news = channel->news;
	channel->news = false;
	*again = channel->again;
	strncpy(reason, channel->reason, size - 1);
	reason[size - 1] = '\0';
	pthread_mutex_unlock(&channel->sender->lock);
	return news;
}

static void free_channel(struct sender *sender, struct sender_channel *channel)
{
	if (channel->in_flight)
		sender->curl->multi_remove_handle(sender->multi, channel->request.easy);
	http_request_free(&channel->request);
	while (channel->n)
		free(take_first(channel));
	free(channel->sending);
	free(channel);
}

void sender_free(struct sender *sender)
{
	if (!sender)
		return;
	pthread_mutex_lock(&sender->lock);
	sender->ending = true;
	pthread_mutex_unlock(&sender->lock);
	sender->curl->multi_wakeup(sender->multi);
	pthread_join(sender->thread, NULL);
	while (sender->channels) {
		struct sender_channel *next = sender->channels->next;

		free_channel(sender, sender->channels);
		sender->channels = next;
	}
	sender->curl->multi_cleanup(sender->multi);
	pthread_mutex_destroy(&sender->lock);
	free(sender);
}
