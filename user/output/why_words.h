/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explanations in words, the same in text and in JSON. Functions that fill a buffer return it. */
#ifndef LAPSE_WHY_WORDS_H
#define LAPSE_WHY_WORDS_H

#include "output/words.h"

/* "78 % lock (held by rebuild_index), 15 % net 10.0.1.5:5432", the largest first; "": not known. A name that
 * was not seen for all of it says for how much. */
/* "all" or "slowest 12 %": how much of all it is. */
const char *word_band(const struct cause_band *band, char buffer[WORD_SIZE]);
const char *word_causes(const struct snapshot *snapshot, const struct cause_band *band,
			char buffer[NAME_SIZE]);

/* "blocked for 3.00 s of lock in futex_wait_queue <- pthread_mutex_lock, held by checkout/41833
 * (rebuild_index)";
 * "": not known. */
const char *word_now(const struct snapshot *snapshot, const struct thread_now *now, char buffer[NAME_SIZE]);

/* Both: "99 % lock; now blocked ..."; "": nothing is known. */
const char *word_explanation(const struct snapshot *snapshot, const struct explanation *why,
			     char buffer[NAME_SIZE]);

/* Who it is, safe for a terminal. */
const char *word_cause_name(const struct snapshot *snapshot, const struct cause_name *name,
			    char buffer[NAME_SIZE]);

/* Names by enum thread_state; NULL: not known. */
extern const char *const thread_state_names[4];

#endif
