// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/json_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

json_t *json_line_new(const char *type)
{
	char text[64], zoned[80];
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(zoned, sizeof(zoned), "%s.%09ldZ", text, now.tv_nsec);
	return json_pack("{s:i, s:s, s:s}", "v", 1, "type", type, "time", zoned);
}

int json_line_write(json_t *object)
{
	int err = json_dumpf(object, stdout, JSON_COMPACT) || putchar('\n') == EOF ? -errno : 0;

	json_decref(object);
	return err;
}
