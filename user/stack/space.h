/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies where in a process: its mappings, as they were when they were read last. */
#ifndef LAPSE_STACK_SPACE_H
#define LAPSE_STACK_SPACE_H

#include "stack/binary.h"
#include "stack/perf_map.h"

struct unwinder;

struct range {
	uint64_t start, end, offset;
	bool executable;
	const char *name;      /* the file as the process maps it, "[vdso]", "[stack]", or "" */
	struct binary *binary; /* what is mapped there; NULL: memory without a file */
};

struct space {
	pid_t pid;
	int err;	      /* why nothing could be read, or 0 */
	struct range *ranges; /* by address */
	size_t n;
	char *files; /* those lines of /proc/PID/maps that map files */
	struct perf_map *jit;
	unsigned misses, patience;
	struct unwinder *unwinder; /* NULL until it is needed, or after the mappings changed */
};

/* Never NULL but where memory is out: a process that cannot be read has .err. space_free() after it. */
struct space *space_new(struct binaries *binaries, pid_t pid);
void space_free(struct space *space);

/* Reads the mappings anew; where that fails, what was known stays. Returns 0 or -errno. */
int space_read(struct space *space, struct binaries *binaries);

/*
 * The range that holds @addr, or NULL. What is not found may have been mapped since, so the mappings are
 * read anew; ever more rarely while that is in vain, because it is dear and addresses may be rubbish.
 */
const struct range *space_find(struct space *space, struct binaries *binaries, uint64_t addr);
/* As above, in what is known. */
const struct range *space_known(const struct space *space, uint64_t addr);

#endif
