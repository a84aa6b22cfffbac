/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reader's insides, shared by its files. */
#ifndef LAPSE_CAPTURE_READER_PARTS_H
#define LAPSE_CAPTURE_READER_PARTS_H

#include "capture/base.h"
#include "capture/cursor.h"
#include "capture/message.h"
#include "capture/reader.h"

struct named_fact {
	char *name, *value;
	bool is_number;
	int64_t number;
};

struct component_row {
	struct capture_component component;
	uint64_t seq;
	char *text[5 + LAPSE_VALUES];
};

/* What others refer to by number, in its order. */
struct known_thread {
	int64_t id;
	uint32_t pid, tid;
	char comm[LAPSE_COMM_LEN];
};
struct known_address {
	int64_t id;
	struct lapse_address address;
};
struct known_stack {
	int64_t id;
	char *brief, *frames;
};

struct list {
	void *rows;
	size_t n, room, size;
};

struct reader {
	sqlite3 *db;
	int lock;
	char *path;
	struct list facts, components, threads, addresses, stacks;
	size_t next_component;
	struct component_row **by_seq;
	char *contract_text[2], *event_text[4];
	struct capture_contract first_contract;
	bool has_contract, reloaded;
	struct cursor table[SCHEMA_ROWS];
	size_t said[SCHEMA_ROWS];
	size_t damage;
	bool has_gaps;
	uint64_t as_made; /* a bit a table of the schema */
	unsigned bucket_bits;
	uint64_t start_ns;
	/* The event at hand. */
	struct base base;
	union message_span span;
	struct capture_contract contract;
	struct capture_process process;
	struct reader_violation violation;
	struct reader_alert alert;
	char value[LAPSE_VALUE_NAME];
	struct tick tick;
	struct tick_component *components_now;
	struct bucket_delta *buckets;
	size_t buckets_room;
	struct list open, hung;
	struct list open_stacks; /* int64_t: numbers of stacks */
};

/* Appends a zeroed row; NULL: no memory, or too many. */
void *list_add(struct list *list, size_t size);

/* reader_open.c */
void reader_damaged(struct reader *reader, const char *what, const char *why);
/* Whether the table is there as it should be: others are not touched. */
bool reader_has(const struct reader *reader, const char *table);

/* reader.c */
void reader_open_tables(struct reader *reader);

/* reader_spans.c: the span whose columns @row has from its component on, with all that belongs to @seq. The
 * number of its stack, or 0. */
int64_t reader_take_span(struct reader *reader, struct sql_row *row, int64_t seq, union message_span *span);
const struct known_stack *reader_stack(const struct reader *reader, int64_t id);

/* reader_ticks.c. 0 or -ENOMEM. */
int reader_take_tick(struct reader *reader, struct reader_event *event);

#endif
