// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/stack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "stack/kallsyms.h"
#include "stack/unwinder.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define KALLSYMS    "/proc/kallsyms"
/* Remarks that may follow the frames of a piece. */
#define REMARKS_MAX 2
#define FRAMES_MAX  512

struct known_process {
	pid_t pid;
	struct space *space;
	UT_hash_handle hh;
};

struct stack_symbols {
	struct pool *pool;
	struct binaries binaries;
	struct known_process *processes; /* by pid; those used last are the last */
	struct kallsyms kernel;
	bool kernel_read;
	int kernel_err;
	uint64_t unwind_ns;
};

struct stack_symbols *stack_symbols_new(void)
{
	struct stack_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->pool = symbols->binaries.pool = pool_new();
	if (!symbols->pool) {
		stack_symbols_free(symbols);
		return NULL;
	}
	return symbols;
}

static void let_go(struct stack_symbols *symbols, struct known_process *process)
{
	HASH_DEL(symbols->processes, process);
	space_free(process->space);
	free(process);
}

void stack_symbols_free(struct stack_symbols *symbols)
{
	struct known_process *process, *next;

	if (!symbols)
		return;
	HASH_ITER (hh, symbols->processes, process, next)
		let_go(symbols, process);
	binaries_free(&symbols->binaries);
	kallsyms_free(&symbols->kernel);
	pool_free(symbols->pool);
	free(symbols);
}

static bool add_process(struct stack_symbols *symbols, struct known_process *process)
{
	HASH_ADD(hh, symbols->processes, pid, sizeof(process->pid), process);
	return process->hh.tbl;
}

static struct known_process *new_process(struct stack_symbols *symbols, pid_t pid)
{
	struct known_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->pid = pid;
	process->space = space_new(&symbols->binaries, pid);
	if (process->space && add_process(symbols, process))
		return process;
	space_free(process->space);
	free(process);
	return NULL;
}

/* What is known of @pid, as the latest used; NULL where memory is out. */
static struct space *space_of(struct stack_symbols *symbols, pid_t pid)
{
	struct known_process *process;

	HASH_FIND(hh, symbols->processes, &pid, sizeof(pid), process);
	if (process) {
		HASH_DEL(symbols->processes, process);
		/* What could not be read may be now, as when it was just replacing its image. */
		if (process->space->err)
			space_find(process->space, &symbols->binaries, 0);
		if (add_process(symbols, process))
			return process->space;
		space_free(process->space);
		free(process);
		return NULL;
	}
	if (HASH_COUNT(symbols->processes) >= STACK_PROCESSES_MAX)
		let_go(symbols, symbols->processes);
	process = new_process(symbols, pid);
	return process ? process->space : NULL;
}

int stack_symbols_prime(struct stack_symbols *symbols, pid_t pid)
{
	struct space *space;

	stack_symbols_forget(symbols, pid);
	space = space_of(symbols, pid);
	return space ? space->err : -ENOMEM;
}

void stack_symbols_forget(struct stack_symbols *symbols, pid_t pid)
{
	struct known_process *process;

	HASH_FIND(hh, symbols->processes, &pid, sizeof(pid), process);
	if (process)
		let_go(symbols, process);
}

static struct stack_frame remark(const char *text)
{
	return (struct stack_frame){.name = text, .file = "", .build_id = ""};
}

/* ---- The kernel ------------------------------------------------------------------------------- */

/* What keeps its functions from being named, or NULL. */
static const char *kernel_hindrance(struct stack_symbols *symbols)
{
	if (!symbols->kernel_read)
		symbols->kernel_err = kallsyms_read(&symbols->kernel, KALLSYMS);
	symbols->kernel_read = true;
	if (symbols->kernel_err)
		return pool_format(symbols->pool, "[kernel: cannot read " KALLSYMS ": %s]",
				   strerror(-symbols->kernel_err));
	return symbols->kernel.hidden ? "[kernel: hidden by kptr_restrict]" : NULL;
}

static void name_kernel(struct stack_symbols *symbols, uint64_t addr, bool exact, struct stack_frame *frame)
{
	const struct kernel_symbol *symbol = kallsyms_find(&symbols->kernel, exact ? addr : addr - 1);

	*frame = remark("[unknown: no kernel symbol there]");
	frame->addr = addr;
	frame->file = "[kernel]";
	if (!symbol)
		return;
	frame->named = true;
	frame->name = symbol->name;
	frame->offset = addr - symbol->addr;
	if (symbol->module)
		frame->file = pool_format(symbols->pool, "[%s]", symbol->module);
}

size_t stack_symbols_kernel(struct stack_symbols *symbols, const uint64_t *addrs, size_t n,
			    struct stack_frame *frames)
{
	const char *hindrance = n ? kernel_hindrance(symbols) : NULL;

	if (hindrance) {
		frames[0] = remark(hindrance);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		name_kernel(symbols, addrs[i], i == 0, &frames[i]);
	return n;
}

/* ---- Processes -------------------------------------------------------------------------------- */

/* What keeps its addresses from being named at all, or NULL. */
static const char *process_hindrance(struct stack_symbols *symbols, const struct space *space)
{
	if (!space)
		return "[unknown: out of memory]";
	if (space->err == -ESRCH)
		return "[unknown: the process had ended before its mappings were read]";
	if (space->err)
		return pool_format(symbols->pool, "[unknown: cannot read /proc/%d/maps: %s]", space->pid,
				   strerror(-space->err));
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Why a function of a file that can be read has no name. */
static const char *why_nameless(struct stack_symbols *symbols, const struct range *range,
				const struct object *object)
{
	const char *base = base_name(range->name);

	if (!range->executable)
		return pool_format(symbols->pool, "[unknown: not in the code of %s]", base);
	if (!object->has_symtab)
		return pool_format(symbols->pool, "[unknown: %s is stripped]", base);
	return pool_format(symbols->pool, "[unknown: %s has no symbol there]", base);
}

/* Code that was made in memory: its maker may have said what it is. */
static void name_jit(struct stack_symbols *symbols, struct space *space, const struct range *range,
		     uint64_t at, struct stack_frame *frame)
{
	struct perf_symbol symbol;
	bool found;

	if (!range->executable) {
		frame->name = "[unknown: anonymous memory]";
		return;
	}
	found = perf_map_find(space->jit, at, &symbol) ||
		(perf_map_update(space->jit) && perf_map_find(space->jit, at, &symbol));
	frame->name = found ? pool_keep(symbols->pool, symbol.name) : "[jit]";
	frame->named = found;
	frame->offset = found ? frame->addr - symbol.addr : 0;
}

static void name_in_file(struct stack_symbols *symbols, struct space *space, const struct range *range,
			 uint64_t at, struct stack_frame *frame)
{
	uint64_t place = at - range->start + range->offset, within;
	const struct object *object;
	const char *name;
	int err;

	object = binary_object(range->binary, &err);
	if (!object && err == -ENOEXEC) {
		name_jit(symbols, space, range, at, frame);
		return;
	}
	if (!object) {
		frame->name = pool_format(symbols->pool, "[unknown: cannot open %s: %s]", range->name,
					  strerror(-err));
		return;
	}
	frame->build_id = binary_build_id(&symbols->binaries, range->binary);
	name = binary_function(&symbols->binaries, range->binary, place, &within);
	frame->named = name;
	frame->name = name ? name : why_nameless(symbols, range, object);
	frame->offset = name ? within + (frame->addr - at) : 0;
	frame->linked = binary_address(range->binary, place);
}

static void name_user(struct stack_symbols *symbols, struct space *space, const struct code_address *address,
		      struct stack_frame *frame)
{
	uint64_t at = address->exact ? address->addr : address->addr - 1;
	const struct range *range = space_find(space, &symbols->binaries, at);

	*frame = remark("[unknown: nothing is mapped there]");
	frame->addr = address->addr;
	if (!range)
		return;
	frame->file = range->name;
	if (range->binary)
		name_in_file(symbols, space, range, at, frame);
	else if (*range->name == '/')
		frame->name = pool_format(symbols->pool, "[unknown: not in the code of %s]",
					  base_name(range->name));
	else
		name_jit(symbols, space, range, at, frame);
}

size_t stack_symbols_user(struct stack_symbols *symbols, pid_t pid, const uint64_t *addrs, size_t n,
			  struct stack_frame *frames)
{
	struct space *space = n ? space_of(symbols, pid) : NULL;
	const char *hindrance = n ? process_hindrance(symbols, space) : NULL;

	if (hindrance) {
		frames[0] = remark(hindrance);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		name_user(symbols, space, &(struct code_address){addrs[i], i == 0}, &frames[i]);
	return n;
}

/* ---- Pieces ----------------------------------------------------------------------------------- */

static size_t unwind(struct space *space, const struct stack_piece *piece, uint64_t budget_ns,
		     struct code_address *addrs, size_t max, struct unwound *unwound)
{
	*unwound = (struct unwound){.ending = ENDING_FAILED};
	if (!space->unwinder)
		space->unwinder = unwinder_new(space);
	if (space->unwinder)
		return unwinder_run(space->unwinder, piece, budget_ns, addrs, max, unwound);
	addrs[0] = (struct code_address){piece->ip, true};
	return 1;
}

/* As above; where it left what is known of the mappings, once more with what is mapped now. */
static size_t unwind_now(struct stack_symbols *symbols, struct space *space, const struct stack_piece *piece,
			 uint64_t budget_ns, struct code_address *addrs, size_t max, struct unwound *unwound)
{
	size_t n = unwind(space, piece, budget_ns, addrs, max, unwound);

	if (unwound->ending == ENDING_NO_CODE && !space_known(space, unwound->addr) &&
	    space_find(space, &symbols->binaries, unwound->addr))
		n = unwind(space, piece, budget_ns, addrs, max, unwound);
	return n;
}

static const char *missing_callers(struct stack_symbols *symbols, const struct space *space,
				   const struct stack_piece *piece, uint64_t budget_ns,
				   const struct unwound *unwound)
{
	const struct range *range;

	switch (unwound->ending) {
	case ENDING_WHOLE:
		return NULL;
	case ENDING_PIECE:
		return pool_format(symbols->pool, "[truncated: only %zu bytes of the stack were copied]",
				   piece->size - piece->below);
	case ENDING_FRAMES:
		return "[truncated: too many frames]";
	case ENDING_BUDGET:
		return pool_format(symbols->pool, "[truncated: unwinding took more than %" PRIu64 " us]",
				   (uint64_t)(budget_ns / NSEC_PER_USEC));
	case ENDING_NO_CODE:
		return "[truncated: a return address is not in any code]";
	case ENDING_NO_RULE:
		range = space_known(space, unwound->addr);
		return pool_format(symbols->pool, "[truncated: no unwind rule in %s]",
				   range && *range->name ? base_name(range->name) : "anonymous memory");
	case ENDING_OTHER_CPU:
		return "[truncated: 32-bit code is not unwound]";
	case ENDING_FAILED:
		break;
	}
	return "[truncated: out of memory]";
}

/* Appends what is to be said of the frames as a whole. */
static size_t add_remarks(struct stack_symbols *symbols, const char *missing, const struct unwound *unwound,
			  struct stack_frame *frames)
{
	size_t n = 0;

	if (unwound->opaque && unwound->opaque_err != -ENOEXEC)
		frames[n++] = remark(pool_format(symbols->pool, "[by frame pointers: cannot open %s: %s]",
						 unwound->opaque, strerror(-unwound->opaque_err)));
	if (missing)
		frames[n++] = remark(missing);
	return n;
}

uint64_t stack_symbols_unwind_ns(const struct stack_symbols *symbols)
{
	return symbols->unwind_ns;
}

size_t stack_symbols_unwind(struct stack_symbols *symbols, pid_t pid, const struct stack_piece *piece,
			    uint64_t budget_ns, struct stack_frame *frames, size_t max)
{
	struct space *space = space_of(symbols, pid);
	const char *hindrance = process_hindrance(symbols, space), *missing;
	struct code_address addrs[FRAMES_MAX];
	struct unwound unwound;
	size_t n, remarks;

	if (hindrance) {
		frames[0] = remark(hindrance);
		return 1;
	}
	max = max - REMARKS_MAX < FRAMES_MAX ? max - REMARKS_MAX : FRAMES_MAX;
	n = unwind_now(symbols, space, piece, budget_ns, addrs, max, &unwound);
	/* Naming may read the mappings anew, and nothing of the old ones is left then. */
	missing = missing_callers(symbols, space, piece, budget_ns, &unwound);
	symbols->unwind_ns += unwound.spent_ns;
	remarks = add_remarks(symbols, missing, &unwound, &frames[n]);
	for (size_t i = 0; i < n; i++)
		name_user(symbols, space, &addrs[i], &frames[i]);
	return n + remarks;
}
