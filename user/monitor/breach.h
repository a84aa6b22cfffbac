/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One finding, on its way from where it was judged to the log, the sink and the alerts. */
#ifndef LAPSE_MONITOR_BREACH_H
#define LAPSE_MONITOR_BREACH_H

#include "monitor/snapshot.h"

struct breach {
	struct violation violation;
	uint64_t n;    /* violations that it stands for; 0: of one that was counted before */
	bool held;     /* n is 0: it is one of those held back since the last announcement */
	bool approach; /* near the limit, not beyond it: no violation */
	uint64_t window_ns;
};

#endif
