// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/traits.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/symtab.h"

enum { IMPORTED = 1, DEFINED = 2, EITHER = 3 };

struct rule {
	const char *symbol;
	int how;
	uint32_t traits;
};

/*
 * In the order of strcmp(). A definition tells less than an import: static programs define what unwinds,
 * whether they use it or not. What switches stacks is in them only if it is used.
 */
static const struct rule rules[] = {
	{"ASYNC_init_thread", IMPORTED, TRAIT_ASYNC_USER},
	{"ASYNC_start_job", IMPORTED, TRAIT_ASYNC_USER},
	/* Compiled code that calls into the virtual machine does not say from where: that is read off the
	   stack. */
	{"JNI_CreateJavaVM", DEFINED, TRAIT_WALKS},
	{"_Unwind_ForcedUnwind", IMPORTED, TRAIT_CATCHES},
	{"_Unwind_RaiseException", IMPORTED, TRAIT_CATCHES},
	{"_Unwind_Resume", IMPORTED, TRAIT_CLEANUPS},
	{"_Unwind_SetIP", IMPORTED, TRAIT_CATCHES},
	{"__cxa_begin_catch", EITHER, TRAIT_CATCHES},
	{"__dmd_personality_v0", EITHER, TRAIT_CATCHES},
	{"__gcc_personality_v0", IMPORTED, TRAIT_CLEANUPS | TRAIT_HANDLERS},
	{"__gdc_personality_v0", EITHER, TRAIT_CATCHES},
	{"__gnat_begin_handler", EITHER, TRAIT_CATCHES},
	{"__gnat_eh_personality", EITHER, TRAIT_CATCHES},
	{"__gnat_personality_v0", EITHER, TRAIT_CATCHES},
	{"__gnu_objc_personality_v0", EITHER, TRAIT_CATCHES},
	{"__gxx_personality_v0", EITHER, TRAIT_CLEANUPS},
	{"__objc_personality_v0", EITHER, TRAIT_CATCHES},
	{"__pthread_register_cancel", IMPORTED, TRAIT_HANDLERS},
	{"__pthread_register_cancel_defer", IMPORTED, TRAIT_HANDLERS},
	{"_d_eh_enter_catch", EITHER, TRAIT_CATCHES},
	{"_d_eh_personality", EITHER, TRAIT_CATCHES},
	{"_pthread_cleanup_push", IMPORTED, TRAIT_HANDLERS},
	{"_pthread_cleanup_push_defer", IMPORTED, TRAIT_HANDLERS},
	{"caml_frametable", DEFINED, TRAIT_WALKS},
	{"caml_perform", EITHER, TRAIT_SWITCHES},
	{"co_create", EITHER, TRAIT_SWITCHES},
	{"co_swapcontext", EITHER, TRAIT_SWITCHES},
	{"co_switch", EITHER, TRAIT_SWITCHES},
	{"coctx_swap", EITHER, TRAIT_SWITCHES},
	{"coroutine_transfer", EITHER, TRAIT_SWITCHES},
	{"hs_main", EITHER, TRAIT_HASKELL},
	{"jump_fcontext", EITHER, TRAIT_SWITCHES},
	{"make_fcontext", EITHER, TRAIT_SWITCHES},
	{"makecontext", EITHER, TRAIT_SWITCHES},
	{"objc_begin_catch", EITHER, TRAIT_CATCHES},
	{"ontop_fcontext", EITHER, TRAIT_SWITCHES},
	{"pthread_cancel", IMPORTED, TRAIT_CANCELS},
	{"pthread_exit", IMPORTED, TRAIT_CANCELS},
	{"runtime.morestack", DEFINED, TRAIT_GO},
	{"rust_eh_personality", EITHER, TRAIT_CATCHES},
	{"setcontext", EITHER, TRAIT_SWITCHES},
	/* Handlers on a stack of their own: the kernel takes what lies below them for left. */
	{"sigaltstack", EITHER, TRAIT_ALTSTACK},
	{"slp_switch", DEFINED, TRAIT_SWITCHES},
	{"stg_upd_frame_info", EITHER, TRAIT_HASKELL},
	{"swapcontext", EITHER, TRAIT_SWITCHES},
	{"zend_fiber_switch_context", EITHER, TRAIT_SWITCHES},
};

static int compare_rule(const void *key, const void *rule)
{
	return strcmp(key, ((const struct rule *)rule)->symbol);
}

uint32_t traits_of_symbol(const char *symbol, int defined)
{
	const struct rule *rule =
		bsearch(symbol, rules, sizeof(rules) / sizeof(rules[0]), sizeof(rules[0]), compare_rule);

	if (rule)
		return rule->how & (defined ? DEFINED : IMPORTED) ? rule->traits : 0;
	/* Rust: the panic machinery, whatever the mangling. */
	if (strncmp(symbol, "__rust_", 7) == 0 || strstr(symbol, "rust_begin_unwind") ||
	    strstr(symbol, "rust_panic"))
		return TRAIT_CATCHES;
	return 0;
}

static bool is_library(const char *base, const char *name)
{
	size_t length = strlen(name);

	return strncmp(base, name, length) == 0 && (base[length] == '.' || base[length] == '-');
}

uint32_t traits_of_name(const char *name)
{
	static const char *const libc[] = {"libc",  "libm",	"libpthread",	   "libdl",
					   "librt", "ld-linux", "ld-linux-x86-64", "ld-musl-x86_64"};
	static const char *const runtimes[] = {"libstdc++", "libgcc_s",	 "libc++",
					       "libc++abi", "libunwind", "libunwind-x86_64"};
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	for (size_t i = 0; i < sizeof(libc) / sizeof(libc[0]); i++) {
		if (is_library(base, libc[i]))
			return TRAIT_RUNTIME | TRAIT_LIBC;
	}
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		if (is_library(base, runtimes[i]))
			return TRAIT_RUNTIME;
	}
	return 0;
}

struct reading {
	uint32_t traits;
	bool malloc, operator_new, async, needs_others;
};

static int note_symbol(void *context, const char *symbol, bool defined)
{
	struct reading *reading = context;

	reading->traits |= traits_of_symbol(symbol, defined);
	if (defined && strcmp(symbol, "malloc") == 0)
		reading->malloc = true;
	if (defined && strcmp(symbol, "_Znwm") == 0)
		reading->operator_new = true;
	if (defined && strcmp(symbol, "ASYNC_start_job") == 0)
		reading->async = true;
	return 0;
}

static void note_sections(Elf *elf, struct reading *reading)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr))
			continue;
		if (shdr.sh_type == SHT_DYNAMIC)
			reading->needs_others = true;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (name && (strcmp(name, ".gopclntab") == 0 || strcmp(name, ".note.go.buildid") == 0))
			reading->traits |= TRAIT_GO;
	}
}

/* Turns what was read into what it means for the process. */
static uint32_t conclude(Elf *elf, const struct reading *reading, const char *name)
{
	uint32_t traits = reading->traits | traits_of_name(name);
	const char *slash = strrchr(name, '/');

	/* A replacement of malloc brings operator new, which throws: no one catches there. */
	if (reading->malloc && reading->operator_new)
		traits |= TRAIT_RUNTIME;
	if (reading->async)
		traits = (traits & ~(uint32_t)TRAIT_SWITCHES) | TRAIT_ASYNC_OWNER;
	if (reading->async || is_library(slash ? slash + 1 : name, "libssl"))
		traits &= ~(uint32_t)TRAIT_ASYNC_USER;
	/* A static program without symbols may hold anything. */
	if (!reading->needs_others && !symtab_present(elf) && !(traits & TRAIT_GO))
		traits |= TRAIT_CATCHES;
	return traits;
}

uint32_t traits_read(const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct reading reading = {0};
	uint32_t traits = 0;
	Elf *elf;

	if (fd < 0)
		return traits_of_name(name);
	elf = elf_version(EV_CURRENT) != EV_NONE ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		note_sections(elf, &reading);
		symtab_each(elf, note_symbol, &reading);
		traits = conclude(elf, &reading, name);
	}
	elf_end(elf);
	close(fd);
	return traits;
}
