// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/debugdata.h"

#include <gelf.h>
#include <lzma.h>
#include <stdlib.h>

#include "probe/section.h"
#include "probe/symtab.h"

/* What it may unpack to, and what unpacking may take: the file claims neither truthfully. */
#define IMAGE_MAX   (256UL * 1024 * 1024)
#define MEMORY_MAX  (128UL * 1024 * 1024)
#define IMAGE_FIRST (64UL * 1024)

struct image {
	uint8_t *bytes;
	size_t size, capacity;
};

static bool grow(struct image *image)
{
	size_t capacity = image->capacity ? image->capacity * 2 : IMAGE_FIRST;
	uint8_t *bytes = capacity > IMAGE_MAX ? NULL : realloc(image->bytes, capacity);

	if (!bytes)
		return false;
	image->bytes = bytes;
	image->capacity = capacity;
	return true;
}

/* Unpacks to the end; false where the stream is broken or there is too much of it. */
static bool unpack(lzma_stream *stream, struct image *image)
{
	lzma_ret ret = LZMA_OK;

	while (ret == LZMA_OK) {
		if (image->size == image->capacity && !grow(image))
			return false;
		stream->next_out = image->bytes + image->size;
		stream->avail_out = image->capacity - image->size;
		ret = lzma_code(stream, LZMA_FINISH);
		image->size = image->capacity - stream->avail_out;
	}
	return ret == LZMA_STREAM_END;
}

static bool unpack_section(const struct section *section, struct image *image)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	bool done;

	if (!section->size || lzma_stream_decoder(&stream, MEMORY_MAX, 0) != LZMA_OK)
		return false;
	stream.next_in = section->bytes;
	stream.avail_in = section->size;
	done = unpack(&stream, image);
	lzma_end(&stream);
	return done;
}

void *debugdata_open(void *elf, void **image)
{
	struct image unpacked = {0};
	struct section section;
	Elf *mini = NULL;

	if (section_find(elf, ".gnu_debugdata", &section) && unpack_section(&section, &unpacked))
		mini = elf_memory((char *)unpacked.bytes, unpacked.size);
	if (mini && elf_kind(mini) == ELF_K_ELF && symtab_present(mini)) {
		*image = unpacked.bytes;
		return mini;
	}
	elf_end(mini);
	free(unpacked.bytes);
	return NULL;
}
