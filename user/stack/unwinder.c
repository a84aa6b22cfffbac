// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/unwinder.h"

#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "stack/stack.h"

/* The numbers that DWARF gives to registers of x86-64: rbp, and behind it rsp. */
#define DWARF_RBP   6
/* libdwfl wants the number of a thread; there is one at a time. */
#define ANY_THREAD  1
/* The callers of a thread lie no further up than this. */
#define STACK_REACH (64UL * 1024 * 1024)
/* A chain of frame pointers begins with 0, and no memory is mapped this low. */
#define NO_MEMORY   4096

/* One run. */
struct run {
	const struct stack_piece *piece;
	uint64_t budget_ns, begun_ns;
	struct code_address *addrs;
	size_t n, max;
	uint64_t missed; /* the first address since the last frame that was not in the piece */
	bool has_missed;
	bool has_lost; /* what an earlier frame missed, and may have been wanted later */
	struct unwound *unwound;
};

struct unwinder {
	Dwfl *dwfl;
	Elf *machine; /* tells libdwfl the architecture, which it would else ask of the first file it can open
		       */
	struct space *space;
	struct run *run;
};

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* Opens what has not been opened before at the expense of nobody: it serves all stacks to come. */
static const struct object *open_unbilled(struct unwinder *unwinder, struct binary *binary, int *err)
{
	uint64_t before = cpu_ns();
	const struct object *object = binary_object(binary, err);

	if (unwinder->run)
		unwinder->run->begun_ns += cpu_ns() - before;
	return object;
}

/* Lends libdwfl the file that is open already, whatever path led to it. */
static int find_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **file_name,
		    Elf **elf)
{
	struct unwinder *unwinder = *userdata;
	const struct range *range = space_known(unwinder->space, base);
	const struct object *object = NULL;
	int err;

	(void)module;
	(void)name;
	(void)file_name;
	if (range && range->binary)
		object = open_unbilled(unwinder, range->binary, &err);
	if (object)
		*elf = elf_begin(object->fd, ELF_C_READ, object->elf);
	return -1;
}

static int find_no_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			     const char *file_name, const char *link, GElf_Word crc, char **debuginfo)
{
	(void)module;
	(void)userdata;
	(void)name;
	(void)base;
	(void)file_name;
	(void)link;
	(void)crc;
	(void)debuginfo;
	return -1;
}

static const Dwfl_Callbacks files = {
	.find_elf = find_elf,
	.find_debuginfo = find_no_debuginfo,
};

/* Memory that the chain begins below, or rubbish. */
static bool read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *result, void *arg)
{
	struct run *run = ((struct unwinder *)arg)->run;
	uint64_t start = run->piece->sp - run->piece->below, at = addr - start;

	(void)dwfl;
	if (addr < start || run->piece->size < sizeof(*result) || at > run->piece->size - sizeof(*result)) {
		/* Where the rules fail, frame pointers are tried: what the rules wanted tells more. */
		if (!run->has_missed)
			run->missed = addr;
		run->has_missed = true;
		return false;
	}
	memcpy(result, (const char *)run->piece->bytes + at, sizeof(*result));
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct stack_piece *piece = ((struct unwinder *)arg)->run->piece;
	const Dwarf_Word registers[] = {piece->bp, piece->sp};

	dwfl_thread_state_register_pc(thread, piece->ip);
	return dwfl_thread_state_registers(thread, DWARF_RBP, 2, registers);
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl;
	(void)tid;
	*thread_arg = arg;
	return true;
}

/* libdwfl insists on it. */
static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	(void)dwfl;
	(void)arg;
	(void)thread_arg;
	return 0;
}

static const Dwfl_Thread_Callbacks threads = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

static int set_userdata(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, void *arg)
{
	(void)module;
	(void)name;
	(void)base;
	*userdata = arg;
	return DWARF_CB_OK;
}

/* The mappings of files as they were read; the vdso is not among them. */
static bool report_files(Dwfl *dwfl, const struct space *space)
{
	FILE *maps = space->files && *space->files ? fmemopen(space->files, strlen(space->files), "r") : NULL;
	bool reported = maps && dwfl_linux_proc_maps_report(dwfl, maps) == 0;

	if (maps)
		fclose(maps);
	for (size_t i = 0; i < space->n; i++) {
		const struct range *range = &space->ranges[i];

		if (range->binary && strcmp(range->name, "[vdso]") == 0)
			dwfl_report_module(dwfl, range->name, range->start, range->end);
	}
	return reported;
}

/* A file of nothing but a header. */
static Elf *machine_elf(void)
{
	static Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(header),
	};

	return elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_memory((char *)&header, sizeof(header));
}

static bool prepare(struct unwinder *unwinder)
{
	unwinder->machine = machine_elf();
	unwinder->dwfl = dwfl_begin(&files);
	if (!unwinder->machine || !unwinder->dwfl)
		return false;
	dwfl_report_begin(unwinder->dwfl);
	return report_files(unwinder->dwfl, unwinder->space) &&
	       dwfl_report_end(unwinder->dwfl, NULL, NULL) == 0 &&
	       dwfl_getmodules(unwinder->dwfl, set_userdata, unwinder, 0) == 0 &&
	       dwfl_attach_state(unwinder->dwfl, unwinder->machine, unwinder->space->pid, &threads, unwinder);
}

struct unwinder *unwinder_new(struct space *space)
{
	struct unwinder *unwinder = calloc(1, sizeof(*unwinder));

	if (!unwinder)
		return NULL;
	unwinder->space = space;
	if (!prepare(unwinder)) {
		unwinder_free(unwinder);
		return NULL;
	}
	return unwinder;
}

void unwinder_free(struct unwinder *unwinder)
{
	if (!unwinder)
		return;
	dwfl_end(unwinder->dwfl);
	elf_end(unwinder->machine);
	free(unwinder);
}

static int end(struct run *run, enum ending ending, uint64_t addr)
{
	run->unwound->ending = ending;
	run->unwound->addr = addr;
	return DWARF_CB_ABORT;
}

/* Notes a file whose rules cannot be had; false where its code is not even of this architecture. */
static bool look_at_file(struct unwinder *unwinder, const struct range *range)
{
	struct unwound *unwound = unwinder->run->unwound;
	const struct object *object;
	int err;

	if (!range->binary)
		return true;
	object = open_unbilled(unwinder, range->binary, &err);
	if (object)
		return object->x86_64;
	if (!unwound->opaque) {
		unwound->opaque = range->name;
		unwound->opaque_err = err;
	}
	return true;
}

static int take_frame(Dwfl_Frame *frame, void *arg)
{
	struct unwinder *unwinder = arg;
	struct run *run = unwinder->run;
	const struct range *range;
	Dwarf_Addr pc;
	bool exact;

	/* The question for the place may already look for the caller. */
	run->has_lost |= run->has_missed;
	run->has_missed = false;
	if (!dwfl_frame_pc(frame, &pc, &exact))
		return end(run, ENDING_NO_RULE, 0);
	if (!pc)
		return end(run, ENDING_WHOLE, 0);
	range = space_known(unwinder->space, exact ? pc : pc - 1);
	if (!range || !range->executable)
		return end(run, ENDING_NO_CODE, pc);
	if (run->n == run->max)
		return end(run, ENDING_FRAMES, pc);
	run->addrs[run->n++] = (struct code_address){pc, exact};
	if (!look_at_file(unwinder, range))
		return end(run, ENDING_OTHER_CPU, pc);
	if (cpu_ns() - run->begun_ns > run->budget_ns)
		return end(run, ENDING_BUDGET, pc);
	return DWARF_CB_OK;
}

/*
 * What it means that there is no caller of the last frame. libdwfl takes a return address that it
 * could not read for one that the rules call undefined, as they do where a stack begins.
 */
static enum ending why_stopped(const struct run *run, bool failed)
{
	const struct stack_piece *piece = run->piece;

	if (!run->has_missed)
		return failed || run->has_lost ? ENDING_NO_RULE : ENDING_WHOLE;
	if (run->missed < NO_MEMORY)
		return ENDING_WHOLE;
	return run->missed >= piece->sp && run->missed - piece->sp < STACK_REACH ? ENDING_PIECE
										 : ENDING_NO_RULE;
}

/*
 * Mends what libdwfl says of the frames around a signal: exact are, by its word, the handler and the frame
 * that the kernel made for it, always neighbours; in truth that frame and the function that was interrupted.
 */
static void mend_exact(struct code_address *addrs, size_t n)
{
	bool before = false, long_before = false;

	for (size_t i = 0; i < n; i++) {
		bool said = addrs[i].exact, next = i + 1 < n && addrs[i + 1].exact;

		addrs[i].exact = i == 0 || (said && !next) || (!said && before && long_before);
		long_before = before;
		before = said;
	}
}

size_t unwinder_run(struct unwinder *unwinder, const struct stack_piece *piece, uint64_t budget_ns,
		    struct code_address *addrs, size_t max, struct unwound *unwound)
{
	struct run run = {
		.piece = piece,
		.budget_ns = budget_ns,
		.begun_ns = cpu_ns(),
		.addrs = addrs,
		.max = max,
		.unwound = unwound,
	};

	int stopped;

	memset(unwound, 0, sizeof(*unwound));
	unwinder->run = &run;
	stopped = dwfl_getthread_frames(unwinder->dwfl, ANY_THREAD, take_frame, unwinder);
	if (stopped != DWARF_CB_ABORT)
		end(&run, why_stopped(&run, stopped != 0), run.n ? addrs[run.n - 1].addr : piece->ip);
	unwinder->run = NULL;
	unwound->spent_ns = cpu_ns() - run.begun_ns;
	mend_exact(addrs, run.n);
	return run.n;
}
