/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LAPSE_VERDICT_CODE_H
#define LAPSE_VERDICT_CODE_H

#include "base/exit_code.h"
#include "monitor/contract.h"

/* The exit code that a verdict is. */
static inline int verdict_code(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_VIOLATED:
		return EXIT_VIOLATED;
	case VERDICT_UNKNOWN:
		return EXIT_UNKNOWN;
	default:
		return EXIT_HELD;
	}
}

#endif
