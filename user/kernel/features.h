/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this kernel and this user allow, found by trying, never by version. */
#ifndef LAPSE_FEATURES_H
#define LAPSE_FEATURES_H

#include <stdbool.h>

struct kernel_types;

enum attach_kind { ATTACH_AUTO, ATTACH_SESSION, ATTACH_MULTI, ATTACH_PERF, ATTACH_KINDS };

/* "auto", "session", "multi", "perf" and back; -1 for another name. */
const char *attach_kind_name(enum attach_kind kind);
int attach_kind_parse(const char *name);

/* How the kernel's TCP is watched. */
enum tcp_backend { TCP_AUTO, TCP_FENTRY, TCP_KPROBE, TCP_TRACEPOINT, TCP_BACKENDS };

/* "auto", "fentry", "kprobe", "tracepoint" and back; -1 for another name. */
const char *tcp_backend_name(enum tcp_backend backend);
int tcp_backend_parse(const char *name);

/* Whether this kernel takes @backend: a program is loaded and attached for a moment. 0 or -errno. @kernel:
 * its types, where they have been read; else NULL. */
int tcp_backend_try(enum tcp_backend backend, const struct kernel_types *kernel);

/* Whether what is sent and read is seen by kprobes where the backend is fentry: the kernel might preempt the
 * programs of functions, and miss what comes meanwhile. */
bool tcp_data_by_kprobe(const struct kernel_types *kernel);

/* The cheapest that this kernel takes, or @wanted; -EOPNOTSUPP after a message if it is not to be had. */
int tcp_backend_choose(enum tcp_backend wanted, const struct kernel_types *kernel);

struct features {
	int bpf;	   /* 0, or -errno: programs can be loaded */
	bool btf;	   /* the kernel describes its types */
	bool ring;	   /* the way to user space */
	bool session;	   /* uprobe.session */
	bool multi;	   /* uprobe.multi */
	bool task_storage; /* in use beside cookies; else hashes are */
	bool cookie;	   /* attach cookies for perf-event uprobes; without them lapse tells them itself */
};

/* Finds out; some milliseconds. Needs the rights to load programs, else only .bpf says why not. */
void features_probe(struct features *features);

/* The best kind that @features has, or -EOPNOTSUPP after a message. @wanted forces one. */
int features_choose(const struct features *features, enum attach_kind wanted);

/* Explains a failure to load or attach: which capability, sysctl or missing kernel part. Prints. */
void features_explain(const struct features *features, int error, const char *what);

/* Whether the effective set holds capability @number (linux/capability.h). */
bool features_capable(int number);

#endif
