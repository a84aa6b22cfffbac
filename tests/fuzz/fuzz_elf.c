// SPDX-License-Identifier: GPL-2.0-or-later
/* ELF files that mean ill: all that is read of a mapped file, and what is concluded from it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/go_safety.h"
#include "probe/inlined.h"
#include "probe/placement.h"
#include "probe/retins.h"
#include "probe/symbols.h"
#include "probe/traits.h"
#include "probe/types.h"
#include "probe/usdt.h"

/* Functions of one file that are looked into. */
#define FUNCTIONS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct object *object, struct decoder *decoder)
{
	struct function_types types;
	const struct safety otherwise = {.verdict = SAFETY_RETURN_INSNS};
	struct retins retins;
	struct body body;

	for (size_t i = 0; i < object->n_functions && i < FUNCTIONS_MAX; i++) {
		const struct function *function = &object->functions[i];
		struct placement placement;

		if (body_load(object, function, &body) == 0) {
			placement_choose(&body, decoder, false, &placement);
			body_free(&body);
		}
		retins_find(object, function, decoder, &retins);
		go_safety(&otherwise, object, function);
		types_of(object, function, &types);
	}
}

static void read_marks(const struct object *object)
{
	struct text_nearest nearest = {.wanted = "checkout"};
	struct usdt_note *notes;
	size_t n;

	if (usdt_list(object, &notes, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		usdt_find(notes, n, i, notes[i].provider, notes[i].name);
		usdt_is_marker(object, &notes[i]);
	}
	usdt_nearest(notes, n, NULL, &nearest);
	usdt_free(notes, n);
}

static void look_up(const struct object *object)
{
	static const char *const patterns[] = {"main", "*", "ns::f", "*::f(int)", "_Z*", "main.(*t).*"};
	struct text_nearest nearest = {.wanted = "handle_order"};
	struct matches matches;
	char into[64], *owned = NULL;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (symbols_match(object, patterns[i], text_is_glob(patterns[i]), &matches) == 0)
			matches_free(&matches);
	}
	symbols_nearest(object, &nearest, &owned);
	free(owned);
	inlined_find(object, "main", into, sizeof(into));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decoder *decoder;
	struct object *object;
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC), err;

	if (!decoder)
		decoder = decoder_new();
	if (fd < 0 || !decoder)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size) {
		traits_read(path, "libfuzz.so");
		object = object_open(path, "", &err);
		if (object) {
			judge(object, decoder);
			look_up(object);
			read_marks(object);
			object_close(object);
		}
	}
	close(fd);
	return 0;
}
