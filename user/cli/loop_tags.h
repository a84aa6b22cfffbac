/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What woke the loop. */
#ifndef LAPSE_LOOP_TAGS_H
#define LAPSE_LOOP_TAGS_H

enum loop_tag {
	LOOP_RING,
	LOOP_TIMER,
	LOOP_SIGNAL,
	LOOP_PIDFD, /* and the index of the process, added */
};

#endif
