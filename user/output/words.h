/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures and names as the text output shows them. Functions that fill a buffer return it. */
#ifndef LAPSE_WORDS_H
#define LAPSE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "monitor/snapshot.h"
#include "output/output.h"

#define WORD_SIZE 32
#define NAME_SIZE 512

/* "[", an IPv6 address, "]:", a port. */
#define ADDRESS_SIZE 64

/* Names by number, as every output has them; NULL: not known. */
extern const char *const severity_names[3];
extern const char *const verdict_names[4];
extern const char *const trend_names[4];
extern const char *const alert_event_names[3];

/* "12:03:07.412" (or without the fraction), local time, of the monotonic @ns. */
const char *word_clock(const struct snapshot *snapshot, uint64_t ns, char buffer[WORD_SIZE]);
const char *word_clock_short(const struct snapshot *snapshot, uint64_t ns, char buffer[WORD_SIZE]);

/* "12.3 ms"; "-" for NAN. */
const char *word_duration(double ns, char buffer[WORD_SIZE]);

/* A duration in @unit without its name, for columns: ms with two decimals (three below 1 ms), us with one. */
const char *word_in_unit(uint64_t ns, enum time_unit unit, char buffer[WORD_SIZE]);

/* A measured value or limit with the unit of its objective. */
const char *word_quantity(enum objective_kind kind, double value, char buffer[WORD_SIZE]);

/* Whole numbers in full, others with four digits; "-" for NAN. */
const char *word_number(double value, char buffer[WORD_SIZE]);

/* "0.25 %"; "-" for NAN. */
/* Of the processors' time, what the host has to keep back to be worth a word: so much can make a call slow
 * that shows nothing else. */
#define WORD_STOLEN_LEAST 0.01

const char *word_share(double fraction, char buffer[WORD_SIZE]);

/* "17 violations", "1 violation". */
const char *word_count(uint64_t count, const char *noun, char buffer[WORD_SIZE]);

/* "max_p99", or with the captured value that it is about: "max_value batch_size". */
const char *word_objective(enum objective_kind kind, const char *value, char buffer[NAME_SIZE]);

/* Appends "batch_size=7" to @values, with a comma where there are some; and how wide their column is. */
void word_captured(const char *name, const char *value, char values[NAME_SIZE]);
#define VALUES_WIDTH 20

/* The component's name made safe for a terminal; a number that is none gives "?". */
const char *word_component(const struct snapshot *snapshot, uint32_t component, char buffer[NAME_SIZE]);

/* "10.0.0.5:5432", "[::1]:80"; IPv4 in its own form. */
const char *word_address(const struct lapse_address *address, char buffer[ADDRESS_SIZE]);
/* "1.2 MB": bytes, by thousands. */
const char *word_bytes(uint64_t bytes, char buffer[WORD_SIZE]);

/* Causes by enum lapse_cause, the last being the processor itself; interrupts by enum lapse_interrupt. */
extern const char *const cause_names[LAPSE_CAUSES + 1];
extern const char *const interrupt_names[LAPSE_INTERRUPT_UNKNOWN];

/* What @span has of its connection; NULL: it is of none. */
const struct lapse_tcp *span_tcp(const struct lapse_span *span);

/* The monotonic time at which @span ended, or was seen open. */
uint64_t span_end_ns(const struct lapse_span *span);

/* Colors, or nothing where they are off. */
const char *word_color(const struct output_options *options, enum severity severity);
const char *word_verdict_color(const struct output_options *options, enum verdict verdict);
const char *word_plain(const struct output_options *options);

#endif
