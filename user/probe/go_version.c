// SPDX-License-Identifier: GPL-2.0-or-later
/* As src/debug/buildinfo/buildinfo.go of Go reads it. */
#include "probe/go_version.h"

#include <stdlib.h>
#include <string.h>

#include "probe/section.h"

#define MAGIC	    "\xff Go buildinf:"
#define POINTER_AT  14 /* the size of a pointer */
#define FLAGS_AT    15
#define FLAG_INLINE 2 /* the strings themselves follow (Go 1.18), not the addresses of their headers */
#define VERSION_AT  16
#define INLINE_AT   32
#define VERSION_MAX 64

/* A length in seven bits a byte; false where it is cut off or beyond a version's. */
static bool read_length(const struct section *section, size_t *at, size_t *length)
{
	*length = 0;
	for (unsigned shift = 0; shift < 14 && *at < section->size; shift += 7) {
		uint8_t byte = section->bytes[(*at)++];

		*length |= (size_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return *length < VERSION_MAX && *length <= section->size - *at;
	}
	return false;
}

static bool read_inline(const struct section *section, char version[VERSION_MAX])
{
	size_t at = INLINE_AT, length;

	if (!read_length(section, &at, &length))
		return false;
	memcpy(version, section->bytes + at, length);
	version[length] = '\0';
	return true;
}

/* A Go string: its address and its length, which lie where the section says. */
static bool read_pointed(const struct object *object, const struct section *section,
			 char version[VERSION_MAX])
{
	uint64_t header, string[2];

	memcpy(&header, section->bytes + VERSION_AT, sizeof(header));
	if (object_read(object, header, string, sizeof(string)) != sizeof(string) || string[1] >= VERSION_MAX)
		return false;
	version[string[1]] = '\0';
	return object_read(object, string[0], version, string[1]) == string[1];
}

/* "go1.19.8", "devel go1.21-a1b2c3 ..." */
static unsigned minor_of(const char *version)
{
	const char *found = strstr(version, "go1.");

	return found ? (unsigned)strtoul(found + strlen("go1."), NULL, 10) : 0;
}

unsigned go_version(const struct object *object)
{
	char version[VERSION_MAX];
	struct section section;
	bool known;

	if (!section_find(object->elf, ".go.buildinfo", &section) || section.size < INLINE_AT ||
	    memcmp(section.bytes, MAGIC, strlen(MAGIC)) != 0)
		return 0;
	if (section.bytes[FLAGS_AT] & FLAG_INLINE)
		known = read_inline(&section, version);
	else
		known = section.bytes[POINTER_AT] == sizeof(uint64_t) && !section.bytes[FLAGS_AT] &&
			read_pointed(object, &section, version);
	return known ? minor_of(version) : 0;
}
