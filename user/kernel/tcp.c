// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP: which programs watch it on this kernel, whose connections they are for, and what they counted. */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "base/diag.h"
#include "bpf/config.h"

/* Connections that can be known at once; some 700 bytes each. */
#define MAX_SOCKETS 16384

/* What the kernel must have for a program, besides its backend. */
enum needs {
	NEEDS_NOTHING,
	NEEDS_FUNCTION,
	NEEDS_TWO_ARGUMENTS,
	NEEDS_FOUR_ARGUMENTS,
	NEEDS_TRACEPOINT,
	LACKS_TRACEPOINT,
	WITH_EVENTS, /* it is one of perf's: preempted.h */
	WITHOUT_EVENTS,
	WITH_CALLS, /* system calls have events of their own: that of the program's section, or what */
	WITHOUT_CALLS
};

/* What it tells of. */
enum part {
	PART_CONNECTIONS, /* that they are opened */
	PART_ACCEPTS,	  /* that they are accepted: nothing to who measures connects alone */
	PART_DATA,	  /* what is sent and read on them ... */
	PART_DATA_ENTRY	  /* ... where a function begins */
};

struct tcp_program {
	const char *name;
	enum tcp_backend backend; /* TCP_AUTO: of all */
	enum needs needs;
	const char *what; /* the function or tracepoint needed */
	enum part part;
};

static const struct tcp_program programs[] = {
	{"tcp_state_tp", TCP_AUTO, WITHOUT_EVENTS, NULL, PART_CONNECTIONS},
	{"tcp_state_event", TCP_AUTO, WITH_EVENTS, NULL, PART_CONNECTIONS},
	{"tcp_retransmit_tp", TCP_AUTO, WITHOUT_EVENTS, NULL, PART_DATA},
	{"tcp_retransmit_event", TCP_AUTO, WITH_EVENTS, NULL, PART_DATA},

	{"tcp_send_fentry", TCP_FENTRY, NEEDS_NOTHING, NULL, PART_DATA_ENTRY},
	{"tcp_room_fexit", TCP_FENTRY, NEEDS_NOTHING, NULL, PART_DATA},
	{"tcp_sendpage_fentry", TCP_FENTRY, NEEDS_FUNCTION, "do_tcp_sendpages", PART_DATA_ENTRY},
	{"tcp_arrive_fentry", TCP_FENTRY, NEEDS_NOTHING, NULL, PART_DATA_ENTRY},
	{"tcp_arrive_late_fentry", TCP_FENTRY, NEEDS_NOTHING, NULL, PART_DATA_ENTRY},
	{"tcp_read_fentry", TCP_FENTRY, NEEDS_NOTHING, NULL, PART_DATA_ENTRY},
	{"tcp_accept4_fexit", TCP_FENTRY, NEEDS_FOUR_ARGUMENTS, "inet_csk_accept", PART_ACCEPTS},
	{"tcp_accept2_fexit", TCP_FENTRY, NEEDS_TWO_ARGUMENTS, "inet_csk_accept", PART_ACCEPTS},
	{"tcp_connect4_fexit", TCP_FENTRY, NEEDS_NOTHING, NULL, PART_CONNECTIONS},
	{"tcp_connect6_fexit", TCP_FENTRY, NEEDS_FUNCTION, "tcp_v6_connect", PART_CONNECTIONS},

	{"tcp_send_kprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_DATA_ENTRY},
	{"tcp_room_kretprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_DATA},
	{"tcp_room_kprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_DATA},
	{"tcp_sendpage_kprobe", TCP_KPROBE, NEEDS_FUNCTION, "do_tcp_sendpages", PART_DATA_ENTRY},
	{"tcp_arrive_kprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_DATA_ENTRY},
	{"tcp_arrive_late_kprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_DATA_ENTRY},
	{"tcp_read_kprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_DATA_ENTRY},
	{"tcp_accept_kretprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_ACCEPTS},
	{"tcp_connect4_kretprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_CONNECTIONS},
	{"tcp_connect6_kretprobe", TCP_KPROBE, NEEDS_FUNCTION, "tcp_v6_connect", PART_CONNECTIONS},
	{"tcp_connect4_kprobe", TCP_KPROBE, NEEDS_NOTHING, NULL, PART_CONNECTIONS},
	{"tcp_connect6_kprobe", TCP_KPROBE, NEEDS_FUNCTION, "tcp_v6_connect", PART_CONNECTIONS},

	{"tcp_send_tp", TCP_TRACEPOINT, NEEDS_TRACEPOINT, "tcp_sendmsg_locked", PART_DATA},
	{"tcp_segment_tp", TCP_TRACEPOINT, LACKS_TRACEPOINT, "tcp_sendmsg_locked", PART_DATA},
	{"tcp_arrive_tp", TCP_TRACEPOINT, WITHOUT_EVENTS, NULL, PART_DATA},
	{"tcp_arrive_event", TCP_TRACEPOINT, WITH_EVENTS, NULL, PART_DATA},
	{"tcp_read_tp", TCP_TRACEPOINT, WITHOUT_EVENTS, NULL, PART_DATA},
	{"tcp_read_event", TCP_TRACEPOINT, WITH_EVENTS, NULL, PART_DATA},
	{"tcp_connect_exit_event", TCP_TRACEPOINT, WITH_CALLS, NULL, PART_CONNECTIONS},
	{"tcp_accept_exit_event", TCP_TRACEPOINT, WITH_CALLS, NULL, PART_ACCEPTS},
	{"tcp_accept_exit_event", TCP_TRACEPOINT, WITH_CALLS, "syscalls/sys_exit_accept4", PART_ACCEPTS},
	{"tcp_connect_enter_event", TCP_TRACEPOINT, WITH_CALLS, NULL, PART_CONNECTIONS},
	{"tcp_call_exit", TCP_TRACEPOINT, WITHOUT_CALLS, NULL, PART_CONNECTIONS},
	{"tcp_call_enter", TCP_TRACEPOINT, WITHOUT_CALLS, NULL, PART_CONNECTIONS},
};
#define N_PROGRAMS (sizeof(programs) / sizeof(*programs))

/* ---- what the kernel has ---------------------------------------------------------------------------- */

static bool kernel_has(const struct tracer *tracer, const struct tcp_program *program)
{
	const struct kernel_types *types = &tracer->kernel_types;

	switch (program->needs) {
	case NEEDS_FUNCTION:
		return kernel_function_arguments(types, program->what) >= 0;
	case NEEDS_TWO_ARGUMENTS:
		return kernel_function_arguments(types, program->what) == 2;
	case NEEDS_FOUR_ARGUMENTS:
		return kernel_function_arguments(types, program->what) == 4;
	case NEEDS_TRACEPOINT:
		return kernel_tracepoint_arguments(types, program->what) >= 0;
	case LACKS_TRACEPOINT:
		return kernel_tracepoint_arguments(types, program->what) < 0;
	case WITH_EVENTS:
		return tracer->events;
	case WITHOUT_EVENTS:
		return !tracer->events;
	case WITH_CALLS:
		return tracer->call_events;
	case WITHOUT_CALLS:
		return !tracer->call_events;
	default:
		return true;
	}
}

static struct bpf_program *program_of(const struct tracer *tracer, const struct tcp_program *program)
{
	return bpf_object__find_program_by_name(tracer->skel->obj, program->name);
}

/* By which way it is seen. */
static enum tcp_backend backend_for(const struct tracer *tracer, enum part part)
{
	return part == PART_DATA_ENTRY && tracer->tcp_data_by_kprobe ? TCP_KPROBE : tracer->tcp_backend;
}

static bool is_meant(const struct tracer *tracer, const struct tcp_program *program)
{
	return tracer->options.tcp &&
	       (program->backend == TCP_AUTO || program->backend == backend_for(tracer, program->part)) &&
	       (program->part == PART_CONNECTIONS || tracer->options.tcp_data) && kernel_has(tracer, program);
}

int tcp_choose_programs(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	const struct kernel_types *types = &tracer->kernel_types;
	int backend = TCP_AUTO;

	if (tracer->options.tcp)
		backend = tcp_backend_choose(tracer->options.tcp_backend, types);
	if (backend < 0)
		return backend;
	tracer->tcp_backend = backend;
	tracer->tcp_data_by_kprobe = backend == TCP_FENTRY && tcp_data_by_kprobe(types);
	for (size_t i = 0; i < N_PROGRAMS; i++)
		bpf_program__set_autoload(program_of(tracer, &programs[i]), is_meant(tracer, &programs[i]));
	bpf_program__set_autoload(skel->progs.tcp_open_files, tracer->options.tcp);
	bpf_program__set_autoload(skel->progs.tcp_waiting, tracer->options.tcp);
	return 0;
}

enum tcp_backend tracer_tcp_backend(const struct tracer *tracer)
{
	return tracer->tcp_backend;
}

/* ---- maps --------------------------------------------------------------------------------------------- */

static size_t n_cells(const struct tracer *tracer)
{
	return (tracer->n_components + LAPSE_CLASSES) << tracer->shard_bits;
}

int tcp_size(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	int err = 0;

	if (!tracer->options.tcp)
		return 0;
	err = bpf_map__set_max_entries(skel->maps.sockets, MAX_SOCKETS);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.tcp_cells, n_cells(tracer));
	skel->bss->tcp_first_group = tracer->n_components - tracer->options.n_groups;
	skel->bss->tcp_next_group = skel->bss->tcp_first_group;
	skel->bss->tcp_n_groups = tracer->options.n_groups;
	return err;
}

int tcp_map(struct tracer *tracer)
{
	if (!tracer->options.tcp)
		return 0;
	tracer->tcp_cells = tracer_map_array(tracer->skel->maps.tcp_cells, sizeof(struct lapse_tcp_cell),
					     n_cells(tracer));
	return tracer->tcp_cells ? 0 : -ENOMEM;
}

void tcp_unmap(struct tracer *tracer)
{
	tracer_unmap_array(tracer->tcp_cells, sizeof(struct lapse_tcp_cell), n_cells(tracer));
}

int tracer_tcp_rules(struct tracer *tracer, const struct plan *plan)
{
	struct lapse_bpf *skel = tracer->skel;
	int err = 0;

	if (plan->n_tcps > LAPSE_TCP_RULES)
		return -E2BIG;
	for (uint32_t i = 0; i < plan->n_tcps && !err; i++)
		err = bpf_map__update_elem(skel->maps.tcp_rules, &i, sizeof(i), &plan->tcps[i].rule,
					   sizeof(plan->tcps[i].rule), BPF_ANY);
	skel->bss->tcp_n_rules = plan->n_tcps;
	__atomic_fetch_add(&skel->bss->tcp_generation, 1, __ATOMIC_RELEASE);
	return err;
}

/* ---- attached -------------------------------------------------------------------------------------------
 */

/* Has an iterator go over everything once; it writes nothing. */
static int walk(struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	char nothing[64];
	int fd, err = 0;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		err = fd;
	while (!err && read(fd, nothing, sizeof(nothing)) > 0)
		;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return err;
}

/* First the ports that are listened on, by which those that wait there are known. */
int tracer_tcp_adopt(struct tracer *tracer)
{
	int err;

	if (!tracer->options.tcp)
		return 0;
	err = walk(tracer->skel->progs.tcp_open_files);
	return err ?: walk(tracer->skel->progs.tcp_waiting);
}

static struct bpf_link *attach_program(const struct tracer *tracer, const struct tcp_program *meant)
{
	struct bpf_program *program = program_of(tracer, meant);

	return events_attach(tracer->tracefs, program, meant->needs == WITH_CALLS ? meant->what : NULL);
}

static int attach_programs(struct tracer *tracer)
{
	size_t from = tracer->n_links;
	int err = 0;

	for (size_t i = 0; i < N_PROGRAMS && !err; i++)
		if (bpf_program__autoload(program_of(tracer, &programs[i])))
			err = tracer_keep_link(tracer, attach_program(tracer, &programs[i]), -1);
	links_mark(tracer, from, LINK_TCP, NO_COMPONENT);
	return err;
}

int tcp_attach(struct tracer *tracer, const struct plan *plan)
{
	int err;

	if (!tracer->options.tcp || tracer->last_tick_ns)
		return 0;
	err = tracer_tcp_rules(tracer, plan);
	if (!err)
		err = attach_programs(tracer);
	if (!err)
		err = tracer_tcp_adopt(tracer);
	if (err)
		features_explain(&tracer->features, err, "cannot attach to the kernel's TCP");
	return err;
}

/* ---- read ------------------------------------------------------------------------------------------------
 */

int tracer_tcp_group(const struct tracer *tracer, uint32_t component, struct lapse_tcp_group *group)
{
	if (!tracer->options.n_groups)
		return -ENOENT;
	return bpf_map__lookup_elem(tracer->skel->maps.tcp_members, &component, sizeof(component), group,
				    sizeof(*group), 0);
}

void tcp_take_groups(struct tracer *tracer)
{
	struct lapse_tcp_group group;

	while (tracer->options.n_groups && tracer->n_told < tracer->n_components &&
	       !tracer_tcp_group(tracer, tracer->n_told, &group))
		tracer->n_told++;
}

static void add_cell(struct tick_tcp *sum, const struct lapse_tcp_cell *cell)
{
	sum->sent += cell->sent;
	sum->received += cell->received;
	sum->retransmits += cell->retransmits;
	sum->pipelined += cell->pipelined;
	sum->network_ns += cell->network_ns;
	sum->unread_ns += cell->unread_ns;
	sum->opened += cell->opened;
	sum->mux += cell->mux;
	sum->before += cell->before;
	sum->srtt_us += cell->srtt_us;
	sum->srtt_n += cell->srtt_n;
	if (cell->min_rtt_us && (!sum->min_rtt_us || cell->min_rtt_us < sum->min_rtt_us))
		sum->min_rtt_us = cell->min_rtt_us;
}

void tcp_read(const struct tracer *tracer, size_t component, struct tick_component *out)
{
	for (unsigned shard = 0; tracer->tcp_cells && shard < 1U << tracer->shard_bits; shard++)
		add_cell(&out->tcp, &tracer->tcp_cells[component << tracer->shard_bits | shard]);
}
