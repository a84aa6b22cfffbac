// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/words.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/units.h"

const char *const severity_names[3] = {"notice", "warning", "critical"};
const char *const verdict_names[4] = {NULL, "held", "violated", "unknown"};
const char *const trend_names[4] = {NULL, "stable", "increasing", "decreasing"};
const char *const alert_event_names[3] = {"firing", "escalated", "resolved"};

const char *output_severity_name(enum severity severity)
{
	return severity_names[severity];
}

const char *output_verdict_name(enum verdict verdict)
{
	return verdict_names[verdict] ? verdict_names[verdict] : "-";
}

const char *output_trend_name(enum trend trend)
{
	return trend_names[trend] ? trend_names[trend] : "-";
}

static int64_t clock_text(const struct snapshot *snapshot, uint64_t ns, char buffer[WORD_SIZE])
{
	int64_t wall = snapshot->epoch_ns + (int64_t)ns;
	time_t seconds = wall / (int64_t)NSEC_PER_SEC;
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	strftime(buffer, WORD_SIZE, "%H:%M:%S", &tm);
	return wall % (int64_t)NSEC_PER_SEC;
}

const char *word_clock(const struct snapshot *snapshot, uint64_t ns, char buffer[WORD_SIZE])
{
	int64_t rest = clock_text(snapshot, ns, buffer);
	size_t length = strlen(buffer);

	snprintf(buffer + length, WORD_SIZE - length, ".%03d", (int)(rest / (int64_t)NSEC_PER_MSEC));
	return buffer;
}

const char *word_clock_short(const struct snapshot *snapshot, uint64_t ns, char buffer[WORD_SIZE])
{
	clock_text(snapshot, ns, buffer);
	return buffer;
}

const char *word_duration(double ns, char buffer[WORD_SIZE])
{
	if (isnan(ns))
		return "-";
	return units_format_duration(ns > 0 ? (uint64_t)llround(ns) : 0, buffer, WORD_SIZE);
}

const char *word_in_unit(uint64_t ns, enum time_unit unit, char buffer[WORD_SIZE])
{
	if (unit == UNIT_MS)
		snprintf(buffer, WORD_SIZE, "%.*f", ns < NSEC_PER_MSEC ? 3 : 2, (double)ns / 1e6);
	else
		snprintf(buffer, WORD_SIZE, "%.1f", (double)ns / 1e3);
	return buffer;
}

const char *word_share(double fraction, char buffer[WORD_SIZE])
{
	if (isnan(fraction))
		return "-";
	snprintf(buffer, WORD_SIZE, "%.2f %%", fraction * 100);
	return buffer;
}

const char *word_number(double value, char buffer[WORD_SIZE])
{
	if (isnan(value))
		return "-";
	if (value == nearbyint(value) && fabs(value) < 1e15)
		snprintf(buffer, WORD_SIZE, "%.0f", value);
	else
		snprintf(buffer, WORD_SIZE, "%.4g", value);
	return buffer;
}

const char *word_quantity(enum objective_kind kind, double value, char buffer[WORD_SIZE])
{
	if (isnan(value))
		return "-";
	switch (objective_info(kind)->quantity) {
	case QUANTITY_DURATION:
		return word_duration(value, buffer);
	case QUANTITY_RATE:
		return word_share(value, buffer);
	case QUANTITY_THROUGHPUT:
		snprintf(buffer, WORD_SIZE, "%.4g/s", value);
		return buffer;
	case QUANTITY_SIZE:
		snprintf(buffer, WORD_SIZE, "%.4g MB", value / 1e6);
		return buffer;
	case QUANTITY_BURN:
		snprintf(buffer, WORD_SIZE, "%.3gx", value);
		return buffer;
	case QUANTITY_COUNT:
		break;
	}
	return word_number(value, buffer);
}

const char *word_count(uint64_t count, const char *noun, char buffer[WORD_SIZE])
{
	snprintf(buffer, WORD_SIZE, "%" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
	return buffer;
}

const char *word_objective(enum objective_kind kind, const char *value, char buffer[NAME_SIZE])
{
	const struct objective_kind_info *info = objective_info(kind);
	char safe[NAME_SIZE];

	if (!info->names_value || !value)
		snprintf(buffer, NAME_SIZE, "%s", info->key);
	else
		snprintf(buffer, NAME_SIZE, "%s %.64s", info->key, text_escape(value, safe, sizeof(safe)));
	return buffer;
}

void word_captured(const char *name, const char *value, char values[NAME_SIZE])
{
	size_t length = strlen(values);
	char safe[NAME_SIZE];

	snprintf(values + length, NAME_SIZE - length, "%s%.96s=%s", length ? "," : "",
		 text_escape(name, safe, sizeof(safe)), value);
}

const char *word_component(const struct snapshot *snapshot, uint32_t component, char buffer[NAME_SIZE])
{
	if (component > snapshot->n_components)
		return "?";
	return text_escape(snapshot->components[component].name, buffer, NAME_SIZE);
}

/* The duration is corrected for the probes' cost; the clock's own figure, where there is one, says when. */
uint64_t span_end_ns(const struct lapse_span *span)
{
	return span->start_ns + (span->raw_ns > span->duration_ns ? span->raw_ns : span->duration_ns);
}

const char *word_color(const struct output_options *options, enum severity severity)
{
	static const char *const colors[3] = {"\033[36m", "\033[33m", "\033[1;31m"};

	return options->color ? colors[severity] : "";
}

const char *word_verdict_color(const struct output_options *options, enum verdict verdict)
{
	static const char *const colors[4] = {"", "\033[32m", "\033[1;31m", "\033[33m"};

	return options->color ? colors[verdict] : "";
}

const char *word_plain(const struct output_options *options)
{
	return options->color ? "\033[0m" : "";
}

const char *word_address(const struct lapse_address *address, char buffer[ADDRESS_SIZE])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = !memcmp(address->ip, mapped, sizeof(mapped));
	char ip[INET6_ADDRSTRLEN] = "?";

	inet_ntop(v4 ? AF_INET : AF_INET6, address->ip + (v4 ? 12 : 0), ip, sizeof(ip));
	snprintf(buffer, ADDRESS_SIZE, v4 ? "%s:%u" : "[%s]:%u", ip, address->port);
	return buffer;
}

const char *word_bytes(uint64_t bytes, char buffer[WORD_SIZE])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1000 && i + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1000;
		i++;
	}
	snprintf(buffer, WORD_SIZE, i ? "%.1f %s" : "%.0f %s", value, units[i]);
	return buffer;
}

const struct lapse_tcp *span_tcp(const struct lapse_span *span)
{
	if (!(span->flags & LAPSE_SPAN_TCP))
		return NULL;
	return &((const struct lapse_tcp_span *)(const void *)span)->tcp;
}

const char *const cause_names[LAPSE_CAUSES + 1] = {
	[LAPSE_RUNQ] = "runq",	   [LAPSE_THROTTLED] = "throttled",
	[LAPSE_LOCK] = "lock",	   [LAPSE_DISK] = "disk",
	[LAPSE_NET] = "net",	   [LAPSE_HANDOFF] = "handoff",
	[LAPSE_POLL] = "poll",	   [LAPSE_SLEEP] = "sleep",
	[LAPSE_FAULT] = "fault",   [LAPSE_OTHER] = "other",
	[LAPSE_CAUSES] = "on-cpu",
};

const char *const interrupt_names[LAPSE_INTERRUPT_UNKNOWN] = {
	[LAPSE_NO_INTERRUPT] = "none",
	[LAPSE_INTERRUPT_NET] = "network receive",
	[LAPSE_INTERRUPT_TIMER] = "a timer",
	[LAPSE_INTERRUPT_BLOCK] = "block completion",
	[LAPSE_INTERRUPT_OTHER] = "an interrupt",
};
