// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/usdt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/section.h"

#define NOTE_NAME    "stapsdt"
#define NOTE_TYPE    3
#define NOTES_MAX    65536
#define LAPSE_NAME   "lapse"
#define NAMED_MARK   "named"
#define AREA_MAGIC   0x1a95
#define AREA_VERSION 1

/* What a note begins with; its name and its description follow, each padded to four bytes. */
struct note_header {
	uint32_t name_size, description_size, type;
};

/* What the description begins with; three strings follow. */
struct note_addresses {
	uint64_t mark, base, semaphore;
};

/* The area that the semaphore of a marker of lapse.h is the first field of. */
struct marker_area {
	uint16_t semaphore, magic;
	uint32_t version;
	uint64_t threshold_cycles;
};

struct reading {
	const struct object *object;
	uint64_t base; /* where .stapsdt.base lies; 0: not known */
	struct usdt_note *list;
	size_t n, capacity;
};

/* The string at *@at of what ends at @end; moves *@at behind it. NULL where it does not end. */
static const char *next_string(const char **at, const char *end)
{
	const char *start = *at, *stop = start < end ? memchr(start, '\0', (size_t)(end - start)) : NULL;

	if (!stop)
		return NULL;
	*at = stop + 1;
	return start;
}

/* Arguments are parted by blanks; within one, brackets may hold some. */
static size_t count_args(const char *args)
{
	size_t n = 0;
	int depth = 0;
	bool inside = false;

	for (const char *c = args; *c; c++) {
		if (*c == '[' || *c == '(')
			depth++;
		else if (*c == ']' || *c == ')')
			depth--;
		if (*c == ' ' && depth <= 0) {
			inside = false;
		} else if (!inside) {
			inside = true;
			n++;
		}
	}
	return n;
}

static bool parse(const struct reading *reading, const char *at, const char *end, struct usdt_note *note)
{
	struct note_addresses addresses;
	uint64_t moved;

	if ((size_t)(end - at) < sizeof(addresses))
		return false;
	memcpy(&addresses, at, sizeof(addresses));
	at += sizeof(addresses);
	note->provider = next_string(&at, end);
	note->name = note->provider ? next_string(&at, end) : NULL;
	note->args = note->name ? next_string(&at, end) : NULL;
	if (!note->args || !*note->provider || !*note->name)
		return false;
	/* Prelink moves the file's addresses and leaves those in notes. */
	moved = reading->base && addresses.base ? reading->base - addresses.base : 0;
	note->addr = addresses.mark + moved;
	note->n_args = count_args(note->args);
	if (!object_code(reading->object, note->addr) ||
	    !object_offset(reading->object, note->addr, &note->offset))
		return false;
	return !addresses.semaphore ||
	       object_offset(reading->object, addresses.semaphore + moved, &note->semaphore);
}

static int add(struct reading *reading, const struct usdt_note *note)
{
	if (reading->n == reading->capacity) {
		size_t capacity = reading->capacity ? reading->capacity * 2 : 16;
		struct usdt_note *list = reallocarray(reading->list, capacity, sizeof(*list));

		if (!list)
			return -ENOMEM;
		reading->list = list;
		reading->capacity = capacity;
	}
	reading->list[reading->n++] = *note;
	return 0;
}

/* @size rounded up to what notes are aligned to. */
static size_t padded(uint32_t size)
{
	return ((size_t)size + 3) & ~(size_t)3;
}

static int read_notes(struct reading *reading, const struct section *section)
{
	size_t at = 0;
	int err = 0;

	while (!err && reading->n < NOTES_MAX && section->size - at >= sizeof(struct note_header)) {
		const char *name, *description;
		struct usdt_note note = {0};
		struct note_header header;

		memcpy(&header, section->bytes + at, sizeof(header));
		at += sizeof(header);
		if (padded(header.name_size) > section->size - at)
			break;
		name = (const char *)section->bytes + at;
		at += padded(header.name_size);
		if (header.description_size > section->size - at)
			break;
		description = (const char *)section->bytes + at;
		if (header.type == NOTE_TYPE && header.name_size == sizeof(NOTE_NAME) &&
		    memcmp(name, NOTE_NAME, sizeof(NOTE_NAME)) == 0 &&
		    parse(reading, description, description + header.description_size, &note))
			err = add(reading, &note);
		/* The last one's padding may be missing. */
		if (padded(header.description_size) > section->size - at)
			break;
		at += padded(header.description_size);
	}
	return err;
}

int usdt_list(const struct object *object, struct usdt_note **notes, size_t *n)
{
	struct reading reading = {.object = object};
	struct section section;
	int err = 0;

	*notes = NULL;
	*n = 0;
	if (!object->x86_64)
		return 0;
	if (section_find(object->elf, ".stapsdt.base", &section))
		reading.base = section.addr;
	if (section_find(object->elf, ".note.stapsdt", &section) && section.size)
		err = read_notes(&reading, &section);
	if (err) {
		usdt_free(reading.list, reading.n);
		return err;
	}
	*notes = reading.list;
	*n = reading.n;
	return 0;
}

void usdt_free(struct usdt_note *notes, size_t n)
{
	(void)n;
	free(notes);
}

size_t usdt_find(const struct usdt_note *notes, size_t n, size_t from, const char *provider, const char *name)
{
	for (size_t i = from; i < n; i++) {
		if (strcmp(notes[i].provider, provider) == 0 && strcmp(notes[i].name, name) == 0)
			return i;
	}
	return n;
}

void usdt_nearest(const struct usdt_note *notes, size_t n, const char *provider, struct text_nearest *nearest)
{
	for (size_t i = 0; i < n; i++) {
		if (!provider || strcmp(notes[i].provider, provider) == 0)
			text_nearest_offer(nearest, notes[i].name);
	}
}

bool usdt_is_marker(const struct object *object, const struct usdt_note *note)
{
	struct marker_area area;

	if (strcmp(note->provider, LAPSE_NAME) != 0 || !note->semaphore ||
	    pread(object->fd, &area, sizeof(area), (off_t)note->semaphore) != sizeof(area))
		return false;
	return area.magic == AREA_MAGIC && area.version == AREA_VERSION;
}

bool usdt_is_named_marker(const struct usdt_note *note)
{
	return strcmp(note->provider, LAPSE_NAME) == 0 && strcmp(note->name, NAMED_MARK) == 0;
}
