// SPDX-License-Identifier: GPL-2.0-or-later
/* Perf maps of just-in-time compilers, in pieces as they come: what is found lies where it says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stack/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(struct perf_map *map, uint64_t addr)
{
	struct perf_symbol symbol;

	if (!perf_map_find(map, addr, &symbol))
		return;
	if (addr - symbol.addr >= symbol.size || !*symbol.name || strchr(symbol.name, '\n'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t places[] = {0,	     1, 0xf, 0x10, 0x1000, 0x7f0000000000, UINT64_MAX - 1,
					  UINT64_MAX};
	struct perf_map *map = perf_map_new();
	size_t half = size ? data[0] % (size + 1) : 0;

	if (!map)
		abort();
	perf_map_parse(map, (const char *)data, half);
	look_up(map, 0x10);
	perf_map_parse(map, (const char *)data + half, size - half);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		look_up(map, places[i]);
	perf_map_free(map);
	return 0;
}
