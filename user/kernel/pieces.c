// SPDX-License-Identifier: GPL-2.0-or-later
/* Stacks of threads that were blocked: for which waits they are wanted, how copies come, and those that came
 * last. */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for a second's largest ones, if nobody takes them. */
#define RING_BYTES (1024 * 1024)

/* Which blocks may make a span of @wanted slow; UINT64_MAX: none, since no span of it is sent for that. */
static uint64_t block_limit(const struct tracer_component *wanted)
{
	uint64_t lowest = wanted->send_ns;

	for (int level = 0; level < LAPSE_LEVELS; level++)
		if (wanted->level_ns[level] < lowest)
			lowest = wanted->level_ns[level];
	return lowest == UINT64_MAX ? lowest : lowest / LAPSE_BLOCK_PART;
}

void pieces_set_limits(struct tracer *tracer, const struct tracer_component *wanted)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < tracer->n_components; i++) {
		struct lapse_component *component = &tracer->components[i];

		component->block_ns = block_limit(&wanted[i]);
		if (component->block_ns < least)
			least = component->block_ns;
	}
	tracer->skel->bss->stacks_ns = least;
}

static bool some_limit(const struct tracer *tracer)
{
	for (size_t i = 0; i < tracer->n_components; i++)
		if (block_limit(&tracer->wanted[i]) != UINT64_MAX)
			return true;
	return false;
}

void pieces_choose_programs(struct tracer *tracer, bool interrupts)
{
	struct lapse_bpf *skel = tracer->skel;

	tracer->stacks_on = interrupts && some_limit(tracer);
	tracer->pieces_on = tracer->stacks_on && tracer->options.stack_bytes;
	bpf_program__set_autoload(skel->progs.why_piece, tracer->stacks_on);
	skel->rodata->cfg_piece_bytes = tracer->pieces_on ? tracer->options.stack_bytes : 0;
	if (!tracer->stacks_on)
		return;
	skel->rodata->cfg_piece_rings = piece_rings_wanted();
	skel->rodata->cfg_stacks_a_second = TRACER_STACKS_A_SECOND;
	skel->rodata->cfg_pieces_a_second = TRACER_PIECES_A_SECOND;
}

/* ---- kept ------------------------------------------------------------ */

/* Puts the return addresses back that return probes hid. */
static void unhide(struct lapse_piece *piece)
{
	for (uint32_t i = 0; i < piece->n_hidden && i < LAPSE_HIDDEN_RETURNS; i++) {
		uint64_t at = piece->hidden[i].slot - piece->sp + LAPSE_PIECE_BELOW;

		if (piece->size >= sizeof(uint64_t) && at <= piece->size - sizeof(uint64_t))
			memcpy(piece->bytes + at, &piece->hidden[i].addr, sizeof(uint64_t));
	}
}

/* In place of the one that came first. */
static int keep(void *context, void *data, size_t size)
{
	struct tracer *tracer = context;
	const struct lapse_piece *came = data;
	struct lapse_piece **slot = &tracer->pieces[tracer->n_pieces % MAX_PIECES];
	struct lapse_piece *piece;

	if (size < sizeof(*came) || size - sizeof(*came) < came->size)
		return 0;
	piece = malloc(sizeof(*piece) + came->size);
	if (!piece)
		return 0;
	memcpy(piece, came, sizeof(*piece) + came->size);
	unhide(piece);
	free(*slot);
	*slot = piece;
	tracer->n_pieces++;
	return 0;
}

void pieces_drain(struct tracer *tracer)
{
	if (tracer->piece_ring)
		ring_buffer__consume(tracer->piece_ring);
}

static const struct lapse_piece *find(const struct tracer *tracer, uint32_t tid, uint64_t off_ns)
{
	for (size_t i = 0; i < MAX_PIECES; i++) {
		const struct lapse_piece *piece = tracer->pieces[i];

		if (piece && piece->tid == tid && piece->off_ns == off_ns)
			return piece;
	}
	return NULL;
}

const struct lapse_piece *tracer_piece(struct tracer *tracer, uint32_t tid, uint64_t off_ns)
{
	const struct lapse_piece *piece = find(tracer, tid, off_ns);

	if (piece)
		return piece;
	/* It is on its ring before the span is on the other one, but that may have been read first. */
	pieces_drain(tracer);
	return find(tracer, tid, off_ns);
}

bool tracer_copies_stacks(const struct tracer *tracer)
{
	return tracer->pieces_on;
}

uint64_t tracer_stacks_over_budget(const struct tracer *tracer)
{
	return tracer->pieces_on ? tracer->skel->bss->pieces_over_budget : 0;
}

/* ---- rings ------------------------------------------------------------ */

static int take_in(struct tracer *tracer, int ring)
{
	if (tracer->piece_ring)
		return ring_buffer__add(tracer->piece_ring, ring, keep, tracer);
	tracer->piece_ring = ring_buffer__new(ring, keep, tracer, NULL);
	return tracer->piece_ring ? 0 : -errno;
}

int pieces_open(struct tracer *tracer)
{
	/* Without copies they serve to ask for interrupts alone. */
	uint32_t bytes = tracer->pieces_on ? RING_BYTES : (uint32_t)sysconf(_SC_PAGESIZE);
	struct piece_rings *rings = &tracer->piece_rings;
	int err;

	if (!tracer->stacks_on)
		return 0;
	err = piece_rings_make(rings, tracer->skel->rodata->cfg_piece_rings, bytes);
	for (uint32_t i = 0; i < rings->n && !err; i++)
		err = take_in(tracer, rings->ring[i]);
	if (!err)
		piece_rings_hand_out(rings, bpf_map__fd(tracer->skel->maps.piece_rings));
	return err;
}

int pieces_await(struct tracer *tracer)
{
	return piece_rings_await(&tracer->piece_rings);
}

void pieces_close(struct tracer *tracer)
{
	pieces_await(tracer);
	ring_buffer__free(tracer->piece_ring);
	for (size_t i = 0; i < MAX_PIECES; i++)
		free(tracer->pieces[i]);
}
