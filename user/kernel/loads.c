// SPDX-License-Identifier: GPL-2.0-or-later
/* How often processes have changed their libraries, and what has been judged of that. */
#include "kernel/tracer_parts.h"

int64_t tracer_library_changes(const struct tracer *tracer, pid_t pid)
{
	uint32_t key = pid;
	int64_t changes = 0;

	bpf_map__lookup_elem(tracer->skel->maps.loads, &key, sizeof(key), &changes, sizeof(changes), 0);
	return changes;
}

int tracer_judge(struct tracer *tracer, pid_t pid, int64_t changes)
{
	uint32_t key = pid;

	return bpf_map__update_elem(tracer->skel->maps.judged, &key, sizeof(key), &changes, sizeof(changes),
				    BPF_ANY);
}

/* Again if the hook has counted in between. */
void tracer_count_libraries(struct tracer *tracer, pid_t pid)
{
	uint32_t key = pid;
	int64_t none = 0;

	while (tracer_library_changes(tracer, pid) < 0)
		if (bpf_map__update_elem(tracer->skel->maps.loads, &key, sizeof(key), &none, sizeof(none),
					 BPF_EXIST))
			break;
}
