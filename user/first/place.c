// SPDX-License-Identifier: GPL-2.0-or-later
#include "first/place.h"

#include <stdio.h>
#include <string.h>

#include "bpf/event.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct known_place known[] = {
	{"ProcSleep", KNOWN_WAIT, LAPSE_LOCK, "SELECT pg_blocking_pids(PID) tells who holds it"},
	{"LWLockAcquire", KNOWN_WAIT, LAPSE_LOCK, NULL},
	{"LWLockAcquireOrWait", KNOWN_WAIT, LAPSE_LOCK, NULL},
	{"LockBufferForCleanup", KNOWN_WAIT, LAPSE_LOCK, NULL},
	{"SyncRepWaitForLSN", KNOWN_WAIT, LAPSE_NET, "a synchronous standby has to confirm"},
	{"pg_sleep", KNOWN_WAIT, LAPSE_SLEEP, NULL},
	{"secure_read", KNOWN_IDLE, 0, NULL},
	{"ServerLoop", KNOWN_IDLE, 0, NULL},
	{"PostmasterMain", KNOWN_IDLE, 0, NULL},
	{"BackgroundWriterMain", KNOWN_IDLE, 0, NULL},
	{"CheckpointerMain", KNOWN_IDLE, 0, NULL},
	{"WalWriterMain", KNOWN_IDLE, 0, NULL},
	{"AutoVacLauncherMain", KNOWN_IDLE, 0, NULL},
	{"ApplyLauncherMain", KNOWN_IDLE, 0, NULL},
	{"PgArchiverMain", KNOWN_IDLE, 0, NULL},
	{"SysLoggerMain", KNOWN_IDLE, 0, NULL},
	{"uv__io_poll", KNOWN_IDLE, 0, NULL},
	{"uv_cond_wait", KNOWN_IDLE, 0, NULL},
	{"uv_sem_wait", KNOWN_IDLE, 0, NULL},
	{"aeApiPoll", KNOWN_IDLE, 0, NULL},
	{"bioProcessBackgroundJobs", KNOWN_IDLE, 0, NULL},
	{"ngx_epoll_process_events", KNOWN_IDLE, 0, NULL},
	{"event_base_loop", KNOWN_IDLE, 0, NULL},
	{"ev_run", KNOWN_IDLE, 0, NULL},
	{"g_main_loop_run", KNOWN_IDLE, 0, NULL},
	{"runtime.findRunnable", KNOWN_IDLE, 0, NULL},
	{"runtime.findrunnable", KNOWN_IDLE, 0, NULL},
	{"runtime.stopm", KNOWN_IDLE, 0, NULL},
	{"runtime.mPark", KNOWN_IDLE, 0, NULL},
	{"runtime.sysmon", KNOWN_IDLE, 0, NULL},
};

/* Beginnings of the functions in which glibc waits for what another thread has to do. */
static const char *const conditions[] = {
	"pthread_cond_",     "__pthread_cond_",	  "___pthread_cond_",	 "sem_wait",
	"sem_timedwait",     "sem_clockwait",	  "__new_sem_wait",	 "pthread_join",
	"pthread_timedjoin", "pthread_clockjoin", "__pthread_clockjoin", "__pthread_timedjoin",
};

/* Files, and beginnings of functions, that only lead from a program to what it waits for. */
static const char *const runtimes[] = {
	"libc.so", "libc-", "libpthread", "ld-linux", "ld-",	     "libstdc++",   "libgcc_s", "libm.so",
	"librt",   "libdl", "libc++",	  "libmusl",  "libjemalloc", "libtcmalloc", "[vdso]",	"[kernel]",
};
static const char *const plumbing[] = {
	"std::",   "__gnu_cxx::", "boost::asio::", "operator new", "WaitEventSetWait", "WaitLatch",
	"uv_",	   "uv__",	  "v8::",	   "node::",	   "runtime.",	       "core::",
	"alloc::", "pthread_",	  "Builtin:",	   "Builtins_",	   "__libc_start",     "_start",
	"[",
};
static const char *const javascript[] = {"JS:", "LazyCompile:", "Function:", "Script:", "Eval:"};

static bool begins_with_any(const char *text, const char *const *beginnings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(text, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool place_is_runtime(const char *file)
{
	return begins_with_any(base_name(file), runtimes, N(runtimes));
}

static bool is_javascript(const struct stack_frame *frame)
{
	return frame->named && begins_with_any(frame->name, javascript, N(javascript)) &&
	       !strstr(frame->name, " node:");
}

/* The program's own function; @lenient: one of its run-time's will do. */
static bool is_own(const struct stack_frame *frame, bool lenient)
{
	if (!frame->named || place_is_runtime(frame->file))
		return false;
	return lenient || !begins_with_any(frame->name, plumbing, N(plumbing));
}

/* How far a frame is from telling what the program does: 0 is best; beyond those nothing is told. */
enum { TELLS_SCRIPT, TELLS_OWN, TELLS_RUNTIME, TELLS_NOTHING };

static bool tells(const struct stack_frame *frame, int how)
{
	return how == TELLS_SCRIPT ? is_javascript(frame) : is_own(frame, how == TELLS_RUNTIME);
}

static size_t find_telling(const struct stack_frame *frames, size_t n, int *how)
{
	for (*how = TELLS_SCRIPT; *how < TELLS_NOTHING; ++*how)
		for (size_t i = 0; i < n; i++)
			if (tells(&frames[i], *how))
				return i;
	return n;
}

static const struct known_place *find_known(const struct stack_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < N(known) && frames[i].named; k++)
			if (!strcmp(frames[i].name, known[k].function))
				return &known[k];
	return NULL;
}

static bool is_condition(const struct stack_frame *frame)
{
	return frame->named && begins_with_any(frame->name, conditions, N(conditions));
}

static void add_function(struct first_place *place, const struct stack_frame *frame)
{
	if (place->n_functions == PLACE_FUNCTIONS || *frame->file != '/' || is_javascript(frame))
		return;
	for (size_t i = 0; i < place->n_functions; i++)
		if (!strcmp(place->functions[i], frame->name))
			return;
	place->functions[place->n_functions] = frame->name;
	place->files[place->n_functions++] = frame->file;
}

static void brief(struct first_place *place, const struct stack_frame *frames, size_t n)
{
	size_t length = 0, shown = 0;

	for (size_t i = 0; i < n && shown < PLACE_FUNCTIONS && length < sizeof(place->brief); i++) {
		if (!tells(&frames[i], TELLS_OWN) || strstr(frames[i].name, " node:"))
			continue;
		length += (size_t)snprintf(place->brief + length, sizeof(place->brief) - length, "%s%s",
					   shown++ ? " <- " : "", frames[i].name);
	}
}

/* The innermost frame of code that was made at run time, or @n. */
static size_t find_made(const struct stack_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(frames[i].name, "[jit]") || strstr(frames[i].name, "InterpreterEntryTrampoline"))
			return i;
	return n;
}

static void note_reasons(struct first_place *place, const struct stack_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		place->condition |= is_condition(&frames[i]);
		place->shared_lock |= frames[i].named && strstr(frames[i].name, "pthread_rwlock_");
		place->cut |= !frames[i].addr;
	}
}

/* Why there is no name: of code that was made at run time, or of the first function outside the libraries. */
static const char *nameless(const struct first_place *place, const struct stack_frame *frames, size_t n)
{
	if (place->interpreted)
		return "[code made at run time, which has no names]";
	for (size_t i = 0; i < n; i++)
		if (frames[i].addr && !place_is_runtime(frames[i].file))
			return frames[i].name;
	return n ? frames[0].name : "[unknown: its stack was not read]";
}

void place_describe(const struct stack_frame *frames, size_t n, bool waits, struct first_place *place)
{
	size_t made = find_made(frames, n), at, known_at;
	int how;

	memset(place, 0, sizeof(*place));
	note_reasons(place, frames, n);
	place->interpreted = made < n;
	place->known = waits ? find_known(frames, n) : NULL;
	at = find_telling(frames, n, &how);
	/* Of code without names its run-time's functions tell nothing, nor does who has called it. */
	if (place->interpreted && (how == TELLS_RUNTIME || (how == TELLS_OWN && made < at)))
		at = n;
	for (known_at = 0; place->known && strcmp(frames[known_at].name, place->known->function); known_at++)
		;
	/* What it waits for is known: whatever is further in only does the waiting. Not so in what waits for
	 * work, from which all work is called. */
	if (place->known && ((place->known->kind == KNOWN_WAIT && known_at > at) || how >= TELLS_RUNTIME))
		at = known_at;
	place->name = at < n ? frames[at].name : nameless(place, frames, n);
	place->interpreted &= at == n;
	place->stripped = at == n && n && !place->interpreted;
	for (size_t i = at; i < n; i++)
		if (tells(&frames[i], TELLS_OWN))
			add_function(place, &frames[i]);
	brief(place, frames + at, n - at);
}
