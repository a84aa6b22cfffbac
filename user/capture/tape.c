// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/tape.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a rank leaves free, in eighths of the tape. */
static const unsigned reserve[] = {[TAPE_COMMON] = 2, [TAPE_RARE] = 1, [TAPE_NEEDED] = 0};

/* The reader is woken for a tick, and when so much has come. */
#define WORTH_WAKING(tape) ((tape)->size / 16)
/* What is read at once. */
#define BATCH_BYTES	   (1U << 20)

int tape_open(struct tape *tape, size_t size, uint64_t keep_ns)
{
	*tape = (struct tape){.size = size & ~7UL, .keep_ns = keep_ns, .end = UINT64_MAX};
	/* Pages that are never used cost nothing. */
	tape->ring =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (tape->ring == MAP_FAILED) {
		tape->ring = NULL;
		return -ENOMEM;
	}
	pthread_mutex_init(&tape->lock, NULL);
	pthread_cond_init(&tape->news, NULL);
	return 0;
}

void tape_close(struct tape *tape)
{
	if (!tape->ring)
		return;
	munmap(tape->ring, tape->size);
	pthread_mutex_destroy(&tape->lock);
	pthread_cond_destroy(&tape->news);
	tape->ring = NULL;
}

static struct tape_message *message_at(const struct tape *tape, uint64_t at)
{
	return (struct tape_message *)(void *)(tape->ring + at % tape->size);
}

const struct tape_message *tape_at(const struct tape *tape, uint64_t at)
{
	return message_at(tape, at);
}

/* ---- put ------------------------------------------------------------------------------------------- */

/* The end of the ring is too short for a head: it is skipped by everyone. */
static uint64_t skip_rest(const struct tape *tape, uint64_t at)
{
	uint64_t left = tape->size - at % tape->size;

	return left < sizeof(struct tape_message) ? at + left : at;
}

/* Where the oldest that may not go yet begins. */
static uint64_t held_from(const struct tape *tape)
{
	return tape->reading ? tape->cursor : tape->head;
}

static void drop_oldest(struct tape *tape, void (*evict)(void *, const struct tape_message *), void *context)
{
	const struct tape_message *oldest = message_at(tape, tape->tail);

	if (evict && oldest->kind != TAPE_PAD)
		evict(context, oldest);
	tape->tail = skip_rest(tape, tape->tail + oldest->size);
	if (tape->cursor < tape->tail)
		tape->cursor = tape->tail;
}

static bool make_room(struct tape *tape, uint64_t end, size_t most,
		      void (*evict)(void *, const struct tape_message *), void *context)
{
	bool whole = true; /* what is kept is whole ticks */

	while ((end - tape->tail > most || !whole) && tape->tail < held_from(tape)) {
		whole = !tape->keep_ns || message_at(tape, tape->tail)->time_ns;
		drop_oldest(tape, evict, context);
	}
	return end - tape->tail <= most;
}

/* The whole of a tick that ended before @before, as its message comes last. */
static void drop_old(struct tape *tape, uint64_t before, void (*evict)(void *, const struct tape_message *),
		     void *context)
{
	uint64_t at = tape->tail, upto = tape->tail;

	while (at < held_from(tape)) {
		const struct tape_message *message = message_at(tape, at);

		if (message->time_ns > before)
			break;
		at = skip_rest(tape, at + message->size);
		if (message->time_ns)
			upto = at;
	}
	while (tape->tail < upto)
		drop_oldest(tape, evict, context);
}

/* A message is in one piece: what is left of the ring's end is passed over. */
static uint64_t pad_to_begin(struct tape *tape, uint64_t at, size_t size)
{
	uint64_t left = tape->size - at % tape->size;

	if (left >= size)
		return at;
	*message_at(tape, at) = (struct tape_message){.size = (uint32_t)left, .kind = TAPE_PAD};
	return at + left;
}

/* What has been read to its end goes on at the beginning, which is in memory already. */
static void start_over(struct tape *tape)
{
	uint64_t used = tape->head % tape->size;

	if (!tape->reading || tape->keep_ns || !used || tape->tail != tape->head)
		return;
	tape->head += tape->size - used;
	tape->tail = tape->cursor = tape->head;
}

static void append(struct tape *tape, const struct tape_message *head, const void *bytes, size_t size)
{
	struct tape_message *to;

	tape->head = pad_to_begin(tape, tape->head, size);
	to = message_at(tape, tape->head);
	*to = *head;
	to->size = (uint32_t)size;
	memcpy(to->bytes, bytes, head->length);
	tape->head = skip_rest(tape, tape->head + size);
	if (head->time_ns)
		tape->newest_ns = head->time_ns;
}

bool tape_put(struct tape *tape, const struct tape_message *head, const void *bytes, enum tape_rank rank,
	      void (*evict)(void *context, const struct tape_message *message), void *context)
{
	size_t size = (sizeof(*head) + head->length + 7) & ~7UL;
	size_t most = tape->size - tape->size / 8 * (tape->keep_ns ? 0 : reserve[rank]);
	uint64_t left, end;
	bool fits;

	pthread_mutex_lock(&tape->lock);
	start_over(tape);
	left = tape->size - tape->head % tape->size;
	end = tape->head + size + (left < size ? left : 0);
	fits = size <= tape->size / 4 && make_room(tape, end + sizeof(*head), most, evict, context);
	if (fits) {
		append(tape, head, bytes, size);
		if (tape->keep_ns && head->time_ns > tape->keep_ns)
			drop_old(tape, head->time_ns - tape->keep_ns, evict, context);
		if (tape->reading && (head->time_ns || tape->head - tape->cursor > WORTH_WAKING(tape)))
			pthread_cond_signal(&tape->news);
	}
	pthread_mutex_unlock(&tape->lock);
	return fits;
}

/* ---- read ------------------------------------------------------------------------------------------ */

void tape_rewind(struct tape *tape)
{
	pthread_mutex_lock(&tape->lock);
	tape->cursor = tape->tail;
	tape->end = UINT64_MAX;
	tape->reading = true;
	pthread_mutex_unlock(&tape->lock);
}

void tape_finish(struct tape *tape)
{
	pthread_mutex_lock(&tape->lock);
	tape->end = tape->head;
	pthread_cond_signal(&tape->news);
	pthread_mutex_unlock(&tape->lock);
}

void tape_abandon(struct tape *tape)
{
	pthread_mutex_lock(&tape->lock);
	tape->reading = false;
	pthread_mutex_unlock(&tape->lock);
}

bool tape_wait(struct tape *tape, uint64_t *from, uint64_t *to)
{
	uint64_t end;

	pthread_mutex_lock(&tape->lock);
	while (tape->cursor == tape->head && tape->end == UINT64_MAX)
		pthread_cond_wait(&tape->news, &tape->lock);
	end = tape->end < tape->head ? tape->end : tape->head;
	*from = *to = tape->cursor;
	while (*to < end && *to - *from < BATCH_BYTES)
		*to = skip_rest(tape, *to + message_at(tape, *to)->size);
	pthread_mutex_unlock(&tape->lock);
	return *from < *to;
}

/* Gives whole pages back that lie between, and hold nothing else. */
static void give_back(const struct tape *tape, uint64_t from, uint64_t to)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t begin = from % tape->size, end = begin + (to - from);

	if (end > tape->size)
		end = tape->size;
	/* The page before was read to its end, unless the newest messages have come round to it. */
	begin = tape->head + page > from + tape->size ? (begin + page - 1) & ~(page - 1)
						      : begin & ~(page - 1);
	if (begin < TAPE_WARM)
		begin = TAPE_WARM;
	end &= ~(page - 1);
	if (begin < end)
		madvise(tape->ring + begin, end - begin, MADV_DONTNEED);
}

void tape_advance(struct tape *tape, uint64_t to)
{
	pthread_mutex_lock(&tape->lock);
	if (!tape->keep_ns) {
		give_back(tape, tape->tail, to);
		tape->tail = to;
	}
	tape->cursor = to;
	pthread_mutex_unlock(&tape->lock);
}

size_t tape_used(struct tape *tape)
{
	size_t used;

	pthread_mutex_lock(&tape->lock);
	used = tape->head - tape->tail;
	pthread_mutex_unlock(&tape->lock);
	return used;
}
