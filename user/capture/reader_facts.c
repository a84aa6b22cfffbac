// SPDX-License-Identifier: GPL-2.0-or-later
/* What is known of a recording as a whole. */
#include "capture/reader_parts.h"

#include <string.h>

#include "base/units.h"

static const struct named_fact *find_fact(const struct reader *reader, const char *name)
{
	const struct named_fact *facts = reader->facts.rows;

	for (size_t i = 0; i < reader->facts.n; i++)
		if (facts[i].name && !strcmp(facts[i].name, name))
			return &facts[i];
	return NULL;
}

const char *reader_fact(const struct reader *reader, const char *name)
{
	const struct named_fact *fact = find_fact(reader, name);

	return fact ? fact->value : NULL;
}

int64_t reader_number(const struct reader *reader, const char *name, int64_t otherwise)
{
	const struct named_fact *fact = find_fact(reader, name);

	return fact && fact->is_number ? fact->number : otherwise;
}

bool reader_fact_at(const struct reader *reader, size_t i, const char **name, const char **value)
{
	const struct named_fact *facts = reader->facts.rows;

	if (i >= reader->facts.n)
		return false;
	*name = facts[i].name ?: "";
	*value = facts[i].value ?: "";
	return true;
}

bool reader_is_complete(const struct reader *reader)
{
	return reader_number(reader, FACT_COMPLETE, 0) == 1;
}

const struct capture_component *reader_component(const struct reader *reader, uint32_t id)
{
	const struct component_row *rows = reader->components.rows;

	return id < reader->components.n ? &rows[id].component : NULL;
}

size_t reader_n_components(const struct reader *reader)
{
	return reader->components.n;
}

const struct capture_contract *reader_contract(const struct reader *reader)
{
	return reader->has_contract ? &reader->first_contract : NULL;
}

bool reader_is_reloaded(const struct reader *reader)
{
	return reader->reloaded;
}

size_t reader_damage(const struct reader *reader)
{
	return reader->damage;
}

bool reader_has_gaps(const struct reader *reader)
{
	return reader->has_gaps;
}

struct monitor_options reader_options(const struct reader *reader)
{
	int64_t start = reader_number(reader, FACT_START_NS, 0);
	int64_t tick = reader_number(reader, FACT_TICK_NS, (int64_t)NSEC_PER_SEC);
	int64_t severity = reader_number(reader, FACT_EXIT_SEVERITY, SEV_NOTICE);
	struct monitor_options options = {
		.start_ns = reader->start_ns ? reader->start_ns : (uint64_t)(start > 0 ? start : 0),
		.epoch_ns = reader_number(reader, FACT_EPOCH_NS, 0),
		.bucket_bits = reader->bucket_bits,
		.exit_severity =
			severity >= SEV_NOTICE && severity <= SEV_CRITICAL ? (uint32_t)severity : SEV_NOTICE,
	};

	/* What no lapse has recorded would make windows without a bound. */
	options.tick_ns = tick >= (int64_t)NSEC_PER_MSEC && tick <= (int64_t)NSEC_PER_SEC ? (uint64_t)tick
											  : NSEC_PER_SEC;
	options.interval_ns = (uint64_t)reader_number(reader, FACT_INTERVAL_NS, (int64_t)options.tick_ns);
	if (options.interval_ns < options.tick_ns)
		options.interval_ns = options.tick_ns;
	return options;
}
