/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What user space sets before the programs are loaded; constants to the verifier. */
#ifndef LAPSE_BPF_CONFIG_H
#define LAPSE_BPF_CONFIG_H

#include "bpf/frame.h"

enum lapse_filter {
	LAPSE_FILTER_TGID = 1 << 0, /* thread groups in the map tgids */
	LAPSE_FILTER_EXE = 1 << 1,  /* executables in the map exes */
	LAPSE_FILTER_COMM = 1 << 2, /* names of group leaders in the map comms */
};

/* What the maps of the filter hold: of which targets a process is, a bit each; a component has those that it
 * is measured in. */
#define LAPSE_TARGETS	  64
#define LAPSE_ALL_TARGETS (~0ULL)

/* A group leader's name, padded with zeros. */
struct lapse_comm {
	char text[LAPSE_COMM_LEN];
};

/* Kernels without attach cookies: where the program of a place goes on. */
enum lapse_next { LAPSE_NEXT_PLACE, LAPSE_NEXT_RETURN, LAPSE_NEXT_MARKER, LAPSE_NEXTS };

/* Frames that can share a slot: of functions that reach one another by tail calls, and of the components that
 * measure them. With more of them a return is not found again, and says so. */
#define LAPSE_SLOT_SHARERS 32

/* In the map judged: the process is measured by other means; no return probe any more. */
#define LAPSE_JUDGED_UNSAFE (-0x7fffffffffffffffLL - 1)

/* Calls of the dynamic linker's hook while a program starts: libraries are added, all are there. */
#define LAPSE_LOADS_AT_START 2

/* An executable, by the inode that the kernel holds. */
struct lapse_exe {
	__u64 ino;
	__u64 dev; /* as the kernel encodes it: major << 20 | minor */
};

/* Before atomic instructions that give what they found: a number that is taken. */
struct lapse_claim {
	__u64 series;
	__u64 number;
};

/* Of each series, so many are remembered: nobody is so far behind. */
#define LAPSE_CLAIMS_KEPT 256

/* A process that is not meant, as long as the filter is the same; they share slots by their number. */
struct lapse_stranger {
	__u32 tgid;
	__u32 generation;
};
#define LAPSE_STRANGERS 1024

/* Components, counted from 1, that a system call has to do with; 0: none. */
struct lapse_syscall {
	__u32 span; /* its calls are spans of this one */
	__u32 loop; /* it ends a turn of this one's event loop, and begins the next */
};

/* What goes on on a processor: who is woken there now is woken by that. */
struct lapse_ready {
	__u64 sk; /* the socket that has become readable last, and when */
	__u64 time_ns;
	__u64 by_task;	      /* the thread that ran when the socket became readable */
	__u64 block_ns;	      /* when a request to a block device was done last */
	__u64 block_by_task;  /* the thread that ran then */
	__u64 run_queue;      /* where the processor has its own; 0: not looked for yet */
	__u32 softirq, timer; /* bool: it serves a soft interrupt, a timer; if its own count is not known */
	__u32 by_interrupt;   /* what it served when the socket became readable: enum serves */
	__u32 by_softirq;     /* which one that was */
};

/* A stretch of time for which threads of one process had a processor. */
struct lapse_run {
	__u64 end_ns;
	__u64 cgroup;
	__u32 pid; /* 0: nobody had it */
	__u32 pad;
	char comm[LAPSE_COMM_LEN];
};

/* The last ones of a processor, while somebody wanted to know. */
#define LAPSE_RUNS 128
struct lapse_runs {
	__u32 last; /* counts on; the index is its remainder */
	__u32 pad;
	struct lapse_run run[LAPSE_RUNS];
};

/* A stack that is to be looked at: of which block of whose, and where that thread will be then. */
struct lapse_piece_due {
	__u64 thread; /* its pid_tgid */
	__u64 off_ns; /* 0: none */
	__u64 ip, sp;
	__u64 piece; /* bool: it is to be copied, too */
};

/* A port that a traced process listens on. */
struct lapse_port {
	__u64 net; /* the kernel's address of its network namespace */
	__u16 port;
	__u16 pad[3];
};

struct lapse_listener {
	__u32 pid;
	__u32 sockets; /* that listen there */
	char comm[LAPSE_COMM_LEN];
	__u64 targets; /* that it is of */
};

/* Components that one connection's spans can belong to, of all kinds together. */
#define LAPSE_SOCKET_PAIRS 8

/* What is known of a connection besides enum lapse_tcp_flag, in the same bits. */
enum lapse_socket_flag {
	LAPSE_SOCKET_KNOWN = 1 << 8,	/* its first bytes have been looked at */
	LAPSE_SOCKET_OPENING = 1 << 9,	/* what it exchanges belongs to the opening of TLS */
	LAPSE_SOCKET_SENT = 1 << 10,	/* send_end holds */
	LAPSE_SOCKET_CLOSED = 1 << 12,	/* closed in the midst of connect(), which will say why */
	LAPSE_SOCKET_WAITING = 1 << 13, /* it was in the accept queue before tracing began */
	LAPSE_SOCKET_QUICK = 1 << 14,	/* accept() had it before the kernel told that it is established */
};

/* A connection of a traced process, by the kernel's address of its struct sock. Its events come under the
 * socket's lock, so that its own room serves as theirs. */
struct lapse_socket {
	__u64 sk;	  /* that address */
	__u64 connect_ns; /* the SYN was sent; 0: it is not being opened */
	__u64 queued_ns;  /* established, and not accepted yet; else 0 */
	__u64 since_ns;	  /* established, where that was seen; else 0 */
	__u64 open_ns;	  /* begin of the exchange that waits for its answer; 0: none */
	__u64 answer_ns;  /* clients: first byte of that answer, which is unread; else 0 */
	__u64 attempt_ns; /* a send that found no room; else 0 */
	__u64 retransmit_ns;
	__u64 cost_ns; /* what programs spent on it, and its component does not know yet */
	__u64 targets; /* that its process is of */
	__u32 pid, tid;
	char comm[LAPSE_COMM_LEN];
	struct lapse_address own, peer;
	__u32 flags;
	__u32 kind;	   /* enum lapse_tcp_kind of the open exchange */
	__u32 attempt_seq; /* where that send would have begun */
	__u32 send_end;	   /* sequence number behind the message that was sent last */
	__u32 answer_seq;  /* clients: where the answer begins; servers: behind what was seen to arrive */
	__u32 begin_sent, begin_received, begin_retrans;
	__u32 begin_read,
		begin_write; /* what had arrived and been handed over by then, as sequence numbers */
	__u32 seen_sent, seen_received, seen_retrans; /* counted so far */
	__u32 pipelined;
	__u32 generation; /* of the rules that its pairs come from */
	__u32 accepts;	  /* that found nothing to end: its beginning was being noted */
	__u32 noted;	  /* beginnings of the wait for accept() */
	__u32 n_pairs;
	__u32 pair[LAPSE_SOCKET_PAIRS]; /* kind << 24 | component */
	struct lapse_facts facts;	/* of the span that is being recorded */
	struct lapse_tcp tcp;
};

/* A goroutine: its process, and the address of its runtime.g there. */
struct lapse_goroutine {
	__u64 pid;
	__u64 g;
};

#endif
