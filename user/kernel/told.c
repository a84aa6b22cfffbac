// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/told.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

/* perf_event_attr.config of a uprobe: where the offset of its semaphore is. */
#define SEMAPHORE_SHIFT 32

#define MOVE(dst, src)                                                              \
	{                                                                           \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = dst, .src_reg = src \
	}
#define SET(dst, value)                                                           \
	{                                                                         \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = dst, .imm = value \
	}
#define CALL(function)                                      \
	{                                                   \
		.code = BPF_JMP | BPF_CALL, .imm = function \
	}
#define WIDE(dst, kind, low, high)                                                        \
	{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = dst, .src_reg = kind, .imm = low}, \
	{                                                                                 \
		.imm = high                                                               \
	}

static int load_teller(const struct told_maps *maps, enum lapse_next next, uint64_t cookie)
{
	const struct bpf_insn code[] = {
		MOVE(BPF_REG_6, BPF_REG_1),
		/* *(u32 *)(r10 - 4) = 0, the only index of the map */
		{.code = BPF_ST | BPF_W | BPF_MEM, .dst_reg = BPF_REG_10, .off = -4},
		MOVE(BPF_REG_2, BPF_REG_10),
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4},
		WIDE(BPF_REG_1, BPF_PSEUDO_MAP_FD, maps->passed, 0),
		CALL(BPF_FUNC_map_lookup_elem),
		/* if (!r0) goto the last but one */
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 8},
		WIDE(BPF_REG_1, 0, (__s32)cookie, (__s32)(cookie >> 32)),
		{.code = BPF_STX | BPF_DW | BPF_MEM, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1},
		MOVE(BPF_REG_1, BPF_REG_6),
		WIDE(BPF_REG_2, BPF_PSEUDO_MAP_FD, maps->next, 0),
		SET(BPF_REG_3, next),
		CALL(BPF_FUNC_tail_call),
		SET(BPF_REG_0, 0),
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "lapse_teller", "GPL", code,
			     sizeof(code) / sizeof(code[0]), NULL);
}

/* A number that the kernel shows of its uprobes as perf events. */
static int uprobe_property(const char *name, const char *format)
{
	char path[64];
	int value;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/uprobe/%s", name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fscanf(file, format, &value) != 1)
		value = -EINVAL;
	fclose(file);
	return value;
}

static int open_event(const struct told_place *place)
{
	int type = uprobe_property("type", "%d"), bit = uprobe_property("format/retprobe", "config:%d");
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config1 = (uint64_t)(uintptr_t)place->path,
		.config2 = place->offset,
	};
	int event;

	if (type < 0 || bit < 0)
		return type < 0 ? type : bit;
	attr.type = type;
	attr.config = place->semaphore << SEMAPHORE_SHIFT | (place->retprobe ? 1ULL << bit : 0);
	event = syscall(SYS_perf_event_open, &attr, place->pid, place->pid < 0 ? 0 : -1, -1,
			PERF_FLAG_FD_CLOEXEC);
	return event < 0 ? -errno : event;
}

int told_attach(const struct told_maps *maps, const struct told_place *place, enum lapse_next next,
		uint64_t cookie)
{
	int program = load_teller(maps, next, cookie), event, err = 0;

	if (program < 0)
		return program;
	event = open_event(place);
	if (event >= 0 &&
	    (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) || ioctl(event, PERF_EVENT_IOC_ENABLE)))
		err = -errno;
	/* The event holds it. */
	close(program);
	if (!err)
		return event;
	close(event);
	return err;
}
