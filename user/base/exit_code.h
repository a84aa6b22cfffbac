/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit codes of every verb, by the manual. */
#ifndef LAPSE_EXIT_CODE_H
#define LAPSE_EXIT_CODE_H

enum exit_code {
	EXIT_HELD = 0,
	EXIT_VIOLATED = 1,
	EXIT_USAGE = 2,
	EXIT_UNKNOWN = 3,
	EXIT_NOT_ATTACHED = 4,
	EXIT_INTERRUPTED = 130, /* only before anything was measured */
};

#endif
