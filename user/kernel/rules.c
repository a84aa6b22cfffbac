// SPDX-License-Identifier: GPL-2.0-or-later
/* What components capture and judge, and the names that programs know them by, into the kernel. */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool captures_values(const struct tracer_component *component)
{
	if (component->marker)
		return true;
	for (int i = 0; component->rules && i < LAPSE_VALUES; i++)
		if (component->rules->value[i].operand.from != LAPSE_FROM_NONE)
			return true;
	return false;
}

void rules_count(struct tracer *tracer, const struct tracer_component *components)
{
	for (size_t i = 0; i < tracer->n_components; i++) {
		const struct tracer_component *component = &components[i];
		struct component_memory *memory = &tracer->memory[i];

		memory->value_base = NO_VALUES;
		if (component->rules)
			tracer->n_rules = tracer->n_components;
		if (component->rules && (component->rules->flags & LAPSE_RULE_KEYED))
			tracer->keyed = true;
		if (component->flags & LAPSE_COMP_GOROUTINES)
			tracer->goroutines = true;
		if (component->marker)
			tracer->n_markers++;
		if (!captures_values(component))
			continue;
		memory->value_base = tracer->n_values;
		memory->named_values = component->marker;
		tracer->n_values += LAPSE_VALUES;
	}
}

static size_t at_least_one(size_t n)
{
	return n ? n : 1;
}

int rules_size(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	const struct {
		struct bpf_map *map;
		size_t n;
	} sizes[] = {
		{skel->maps.rules, tracer->n_rules},
		{skel->maps.value_cells, tracer->n_values << tracer->shard_bits},
		{skel->maps.keyed, tracer->keyed ? MAX_KEYED : 0},
		{skel->maps.goroutines, tracer->goroutines ? MAX_GOROUTINES : 0},
		{skel->maps.marker_names, tracer->n_markers},
		{skel->maps.value_names, tracer->n_markers * LAPSE_VALUES},
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) && !err; i++)
		err = bpf_map__set_max_entries(sizes[i].map, at_least_one(sizes[i].n));
	return err;
}

int rules_map(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;

	tracer->rules =
		tracer_map_array(skel->maps.rules, sizeof(struct lapse_rules), at_least_one(tracer->n_rules));
	tracer->value_cells = tracer_map_array(skel->maps.value_cells, sizeof(struct lapse_value_cell),
					       at_least_one(tracer->n_values << tracer->shard_bits));
	return tracer->rules && tracer->value_cells ? 0 : -ENOMEM;
}

void rules_unmap(struct tracer *tracer)
{
	tracer_unmap_array(tracer->rules, sizeof(struct lapse_rules), at_least_one(tracer->n_rules));
	tracer_unmap_array(tracer->value_cells, sizeof(struct lapse_value_cell),
			   at_least_one(tracer->n_values << tracer->shard_bits));
}

/* A value that a contract has a limit for has its place before the program names it. */
static int name_values(struct tracer *tracer, uint32_t component)
{
	const struct tracer_component *wanted = &tracer->wanted[component];
	struct lapse_rules *rules = &tracer->rules[component];
	int err = 0;

	for (uint32_t i = 0; i < LAPSE_VALUES && wanted->value_name[i] && *wanted->value_name[i] && !err;
	     i++) {
		struct lapse_value_key key = {.component = component};

		strncpy(key.name, wanted->value_name[i], sizeof(key.name) - 1);
		err = bpf_map__update_elem(tracer->skel->maps.value_names, &key, sizeof(key), &i, sizeof(i),
					   BPF_ANY);
		rules->n_names = i + 1;
	}
	return err;
}

static int name_marker(struct tracer *tracer, uint32_t component)
{
	struct lapse_name name = {0};

	strncpy(name.text, tracer->wanted[component].marker, sizeof(name.text) - 1);
	return bpf_map__update_elem(tracer->skel->maps.marker_names, &name, sizeof(name), &component,
				    sizeof(component), BPF_ANY);
}

static uint32_t capture_in_use(uint8_t argument)
{
	if (argument >= LAPSE_MAX_ARGS)
		return 0;
	return argument < LAPSE_REGISTER_ARGS ? LAPSE_RULE_CAPTURES
					      : LAPSE_RULE_CAPTURES | LAPSE_RULE_STACK_ARGS;
}

/* Flags of what @rules has, so that the programs look at nothing else. */
static uint32_t rules_in_use(const struct lapse_rules *rules)
{
	uint32_t flags = rules->flags;

	for (int i = 0; i < LAPSE_CAPTURES; i++)
		flags |= capture_in_use(rules->capture[LAPSE_END_START][i]) |
			 capture_in_use(rules->capture[LAPSE_END_END][i]);
	if (rules->if_entry.n)
		flags |= LAPSE_RULE_IF_ENTRY;
	if (rules->if_return.n)
		flags |= LAPSE_RULE_IF_RETURN;
	for (int i = 0; i < LAPSE_VALUES; i++)
		if (rules->value[i].operand.from != LAPSE_FROM_NONE)
			flags |= (uint32_t)LAPSE_RULE_VALUE << i;
	return flags;
}

void rules_set_limits(struct tracer *tracer, size_t component, const struct lapse_rules *wanted)
{
	struct lapse_rules *rules = &tracer->rules[component];

	for (int i = 0; i < LAPSE_VALUES; i++) {
		memcpy(rules->value[i].above, wanted->value[i].above, sizeof(rules->value[i].above));
		memcpy(rules->value[i].below, wanted->value[i].below, sizeof(rules->value[i].below));
	}
}

int rules_set(struct tracer *tracer)
{
	int err = 0;

	for (size_t i = 0; i < tracer->n_components && tracer->n_rules && !err; i++) {
		const struct tracer_component *wanted = &tracer->wanted[i];

		if (!wanted->rules)
			continue;
		tracer->rules[i] = *wanted->rules;
		tracer->rules[i].value_base = tracer->memory[i].value_base;
		tracer->rules[i].flags = rules_in_use(wanted->rules);
		/* A marker's rules may only hold its values' limits. */
		if (tracer->rules[i].flags)
			tracer->components[i].flags |= LAPSE_COMP_RULES;
		if (wanted->marker)
			err = name_marker(tracer, i) ?: name_values(tracer, i);
	}
	return err;
}
