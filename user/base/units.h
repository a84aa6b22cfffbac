/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quantities as people write them, and back. Inside, times are nanoseconds and rates fractions.
 * Every parser takes the whole string, returns 0 or -EINVAL (malformed, no unit) or -ERANGE, and
 * leaves *out alone on failure. None of them prints: the caller knows the place.
 */
#ifndef LAPSE_UNITS_H
#define LAPSE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL

/* Nobody means more: a year. Twice as much, and a thousandfold as a figure, is still within 64 bits. */
#define DURATION_MAX_NS (366 * 86400 * NSEC_PER_SEC)

/* "30ms", "1.5s", "250us", "10ns", "5min", "2h", "30d"; a unit is needed. */
int units_parse_duration(const char *text, uint64_t *ns);
/* As above, but a bare number counts seconds: for -d and -i. */
int units_parse_seconds(const char *text, uint64_t *ns);
/* "0.95" or "95%": 0.0 to 1.0. */
int units_parse_rate(const char *text, double *fraction);
/* "100MB" (10^6), "100MiB" (2^20), "4096B". */
int units_parse_size(const char *text, uint64_t *bytes);
/* "1000/min", "50/s", "3/h", as events per second. */
int units_parse_throughput(const char *text, double *per_second);

/* The shortest exact-looking form with three significant digits: "12.3 us", "1.20 s", "850 ns".
 * Returns @buffer. */
const char *units_format_duration(uint64_t ns, char *buffer, size_t size);

#endif
