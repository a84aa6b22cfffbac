// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INSN_MAX_SIZE 15

static size_t read_object(const void *context, uint64_t addr, void *buffer, size_t size)
{
	return object_read(context, addr, buffer, size);
}

static bool code_of_object(const void *context, uint64_t addr)
{
	return object_code(context, addr) != NULL;
}

static bool function_of_object(const void *context, uint64_t addr)
{
	return object_function_at(context, addr) != NULL;
}

static const char *symbol_of_object(const void *context, uint64_t addr)
{
	const struct function *function = object_function_at(context, addr);

	return function ? function->symbol : NULL;
}

static uint64_t unit_of_object(const void *context, uint64_t addr)
{
	const struct code_unit *unit = code_unit_find(context, addr);

	return unit ? unit->addr : 0;
}

static int load_part(const struct object *object, const struct function *function, struct body *body)
{
	struct part *part = &body->parts[body->n_parts];
	uint64_t extent = object_function_extent(object, function);

	if (extent == 0)
		return -EIO;
	if (extent > BODY_MAX_SIZE)
		return -E2BIG;
	part->bytes = malloc(extent);
	if (!part->bytes)
		return -ENOMEM;
	part->addr = function->addr;
	part->size = object_read(object, function->addr, part->bytes, extent);
	body->n_parts++;
	return part->size == extent ? 0 : -EIO;
}

/* The index of the first cold part whose name begins with that of @function. */
static size_t first_cold(const struct object *object, const char *symbol)
{
	size_t low = 0, high = object->n_cold;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(object->cold[middle]->symbol, symbol) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int load_cold(const struct object *object, const struct function *function, struct body *body)
{
	size_t length = strlen(function->symbol);
	int err = 0;

	/* Code that no symbol names has no parts by name either. */
	if (!length)
		return 0;
	for (size_t i = first_cold(object, function->symbol);
	     !err && i < object->n_cold && body->n_parts < BODY_MAX_PARTS; i++) {
		const char *name = object->cold[i]->symbol;

		if (strncmp(name, function->symbol, length) != 0)
			break;
		if (strncmp(name + length, ".cold", strlen(".cold")) == 0)
			err = load_part(object, object->cold[i], body);
	}
	return err;
}

int body_load(const struct object *object, const struct function *function, struct body *body)
{
	int err;

	*body = (struct body){
		.sized = function->size != 0 || code_unit_find(object, function->addr),
		/* What a recovered panic goes on with in Go, no jump leads to either. */
		.handlers = object->has_handlers || function->go,
		.go = function->go == GO_FUNCTION,
		.read = read_object,
		.is_code = code_of_object,
		.is_function = function_of_object,
		.symbol = symbol_of_object,
		.unit = unit_of_object,
		.context = object,
	};
	err = object->x86_64 ? load_part(object, function, body) : -EIO;
	if (!err)
		err = load_cold(object, function, body);
	if (err)
		body_free(body);
	return err;
}

void body_free(struct body *body)
{
	for (size_t i = 0; i < body->n_parts; i++)
		free(body->parts[i].bytes);
	memset(body, 0, sizeof(*body));
}

const struct part *body_part(const struct body *body, uint64_t addr)
{
	for (size_t i = 0; i < body->n_parts; i++) {
		const struct part *part = &body->parts[i];

		if (addr >= part->addr && addr - part->addr < part->size)
			return part;
	}
	return NULL;
}

bool body_insn(const struct body *body, struct decoder *decoder, uint64_t addr, struct insn *insn,
	       struct insn_effects *effects)
{
	const struct part *part = body_part(body, addr);
	uint8_t bytes[INSN_MAX_SIZE];
	size_t size;

	if (part)
		return decoder_details(decoder, part->bytes + (addr - part->addr),
				       part->size - (addr - part->addr), addr, insn, effects);
	size = body->read ? body->read(body->context, addr, bytes, sizeof(bytes)) : 0;
	return size && decoder_details(decoder, bytes, size, addr, insn, effects);
}
