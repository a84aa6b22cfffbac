/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of "causes" share; main.c says what it is for. */
#ifndef CAUSES_CAUSES_H
#define CAUSES_CAUSES_H

#include "common.h"

#include <pthread.h>
#include <semaphore.h>

enum cause { LOCK, DISK, NET, HANDOFF, POLL, SLEEP, FAULT, CAUSES };

#define PAGE 4096L

/* A moment of a thread. */
struct moment {
	uint64_t wall, ran, runq;
	long waits; /* how often it has given its processor up so far, to wait */
};

struct call {
	struct moment start, end;
	uint64_t blocked[CAUSES];
	uint64_t stolen; /* without a wait: a virtual processor that did not run */
};

struct worker {
	pthread_t thread, partner;
	long number;
	pid_t tid, partner_tid;
	int schedstat;
	struct call *calls, *now;
	pthread_mutex_t mutex;
	sem_t wanted, held; /* the partner's work is wanted; it holds the mutex */
	int event, pipe[2], sock, file, fault;
	int sock_set, event_set, empty_set; /* what epoll waits for */
	char *pages, *block;
};

struct kind {
	const char *name, *function;
	void (*prepare)(struct worker *me); /* before each call */
	void (*call)(struct worker *me);
	const char *partner; /* name of a thread that each worker has */
	void (*assist)(struct worker *me);
};

/* As the options have it. */
extern const struct kind *kind;
extern const char *path, *log_path;
extern long n_threads, n_calls, n_pages, n_rivals;
extern uint64_t part_ns;
extern int processor; /* where it gets crowded */

/* ---- truth.c ---------------------------------------------------------------------------------------- */

/* Ends the program when something is not @good. */
void must(int good, const char *what);
void nap(uint64_t ns);

/* What the thread has run, by the kernel. */
uint64_t ran_ns(void);

/* The first moment that is asked for is the call's start, the last one its end: both lie within the call, so
 * that what comes over the thread at a probe is not in its truth. */
struct moment now_of(struct worker *me);

/* What the thread spent since @from without running or waiting for a processor was for @cause, if it gave its
 * processor up. Else the host of a virtual machine took that away: of time that is stolen from its processors
 * the kernel says that nobody has run. */
void blocked(struct worker *me, enum cause cause, struct moment from);

/* Writes --log, if that is wanted. */
void log_all(const struct worker *workers);
void tell(const struct worker *workers, int port, uint64_t rivals_ns);

/* ---- waits.c: what the partners do (assist), what is before each call (want), the calls --------------- */

void assist_lock(struct worker *me);
void assist_long_lock(struct worker *me);
void want_lock(struct worker *me);
void assist_handoff(struct worker *me);
void wait_lock(struct worker *me);
void wait_sleep(struct worker *me);
void wait_epoll_timeout(struct worker *me);
void wait_handoff(struct worker *me);
void wait_handoff_pipe(struct worker *me);
void wait_handoff_poll(struct worker *me);
void mixture(struct worker *me);
void nested(struct worker *me);
void shadowed(struct worker *me);

/* Waits with epoll for what the set has, on behalf of @cause. */
void await(struct worker *me, int set, enum cause cause);

/* ---- net.c ------------------------------------------------------------------------------------------ */

/* The peer's port; it ends when it has lost all its connections. */
int start_peer(void);
void connect_peer(struct worker *me, int port);

/* Asks the peer and waits for its answer. */
void await_answer(struct worker *me);
void wait_net(struct worker *me);
void wait_net_poll(struct worker *me);
void wait_net_epoll(struct worker *me);

/* ---- disk.c ----------------------------------------------------------------------------------------- */

/* The worker's own file, of --pages, on the disk; @flags besides those of open. */
void open_file(struct worker *me, int flags);
void map_file(struct worker *me);

/* Memory whose pages the partner fills in. */
void map_handled(struct worker *me);
void drop_pages(struct worker *me);
void want_pages(struct worker *me);
void assist_userfault(struct worker *me);
void wait_disk(struct worker *me);
void wait_fsync(struct worker *me);
void wait_fault(struct worker *me);
void wait_userfault(struct worker *me);

/* ---- compute.c -------------------------------------------------------------------------------------- */

/* Runs for --ns of the processor's time, however long that takes. */
void compute(void);

void burn(struct worker *me);
void wait_runq(struct worker *me);
void crowded(struct worker *me);

/* To the crowded processor. */
void pin(void);
void start_rivals(void);

/* What they have run in all. */
uint64_t end_rivals(void);

#endif
