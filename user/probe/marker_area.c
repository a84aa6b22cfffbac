// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/marker_area.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "probe/maps.h"

#define AREA_MAGIC   0x1a95
#define AREA_VERSION 1

/* As sdk/lapse.h lays it out. */
struct marker_area {
	uint16_t semaphore; /* the kernel counts in it */
	uint16_t magic;
	uint32_t version;
	uint64_t threshold_cycles;
};

/* Where @offset of the file lies in the process's memory. */
static int find_address(pid_t pid, const struct file_id *id, uint64_t offset, uint64_t *address)
{
	char path[32], *line = NULL;
	size_t size = 0;
	int err = -ENOENT;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (err && getline(&line, &size, maps) > 0) {
		struct maps_line parsed;

		if (!maps_parse_line(line, &parsed) || parsed.ino != id->ino || parsed.executable ||
		    offset < parsed.offset || offset - parsed.offset >= parsed.end - parsed.start)
			continue;
		*address = parsed.start + (offset - parsed.offset);
		err = 0;
	}
	free(line);
	fclose(maps);
	return err;
}

static int set_at(int memory, uint64_t address, uint64_t cycles)
{
	struct marker_area area;

	if (pread(memory, &area, sizeof(area), (off_t)address) != sizeof(area))
		return -EIO;
	if (area.magic != AREA_MAGIC || area.version != AREA_VERSION)
		return -ENOENT;
	/* Someone listens already, who knows how many: nobody may lose what he wants to hear of. */
	if (cycles && area.semaphore && area.threshold_cycles <= cycles)
		return -EBUSY;
	address += offsetof(struct marker_area, threshold_cycles);
	return pwrite(memory, &cycles, sizeof(cycles), (off_t)address) == sizeof(cycles) ? 0 : -EIO;
}

int marker_area_set(pid_t pid, const struct file_id *id, uint64_t offset, uint64_t cycles)
{
	uint64_t address = 0;
	char path[32];
	int memory, err = find_address(pid, id, offset, &address);

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	memory = open(path, O_RDWR | O_CLOEXEC);
	if (memory < 0)
		return -errno;
	err = set_at(memory, address, cycles);
	close(memory);
	return err;
}
