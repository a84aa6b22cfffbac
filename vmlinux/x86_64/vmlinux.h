/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's types that the BPF programs name, and of those only the members in use. Every
 * access is relocated at load time (preserve_access_index), so order and offsets here mean nothing; a
 * member that the running kernel lacks makes the load fail.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;
typedef int pid_t;
typedef _Bool bool;
typedef unsigned int dev_t;

enum { false = 0, true = 1 };

/* A helper that kernels before 5.17 lack. */
enum bpf_func_id { BPF_FUNC_loop = 181 };

/* From the BPF user-space interface, which does not change. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};

enum {
	BPF_F_NO_PREALLOC = 1U << 0,
	BPF_F_USER_STACK = 1U << 8,
	BPF_F_FAST_STACK_CMP = 1U << 9,
	BPF_F_MMAPABLE = 1U << 10,
};

enum {
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};

enum {
	BPF_RB_AVAIL_DATA = 0,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r15, r14, r13, r12;
	unsigned long bp, bx;
	unsigned long r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di;
	unsigned long orig_ax;
	unsigned long ip, cs, flags, sp, ss;
};

typedef struct {
	int counter;
} atomic_t;

struct super_block {
	dev_t s_dev;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct xol_area {
	unsigned long vaddr;
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct mm_struct {
	struct file *exe_file;
	struct uprobes_state uprobes_state;
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
};

struct thread_info {
	__u32 status;
};

struct rq {
	int cpu;
};

struct cfs_rq {
	struct rq *rq;
};

struct kernel_stat {
	unsigned int softirqs[10];
};

struct pcpu_hot { /* from 6.2 until 6.14 */
	int preempt_count;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
	unsigned char sched_delayed; /* since 6.12 */
};

struct sched_info {
	unsigned long long run_delay;
};

struct bpf_local_storage;

/* A call whose return address a return probe has taken from the stack. */
struct return_instance {
	unsigned long stack;
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances;
};

struct task_struct {
	struct thread_info thread_info;
	void *stack;
	unsigned int on_rq; /* unsigned: from 7.3 on it is a byte */
	struct sched_entity se;
	struct sched_info sched_info;
	struct bpf_local_storage *bpf_storage; /* since 5.11 */
	pid_t pid;
	pid_t tgid;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct files_struct *files;
	struct signal_struct *signal;
	int exit_code;
	int exit_state;
	int on_cpu;
	char comm[16];
	unsigned int __state;
	unsigned in_iowait : 1;
	unsigned frozen : 1;
	bool throttled;
	struct uprobe_task *utask;
	struct css_set *cgroups;
};

/* The state's name before 5.14. */
struct task_struct___state {
	long state;
};

/* An int until 7.2, a byte since: only loads of what has no sign are made as wide as the field is. */
struct task_struct___on_rq {
	unsigned int on_rq;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct net;

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	long unsigned int skc_flags;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

typedef enum {
	SS_FREE,
	SS_UNCONNECTED,
} socket_state;

struct socket {
	socket_state state;
	struct sock *sk;
};

struct sock {
	struct sock_common __sk_common;
	int sk_wmem_queued;
	int sk_sndbuf;
	__u16 sk_protocol;
	int sk_err;
	u8 sk_shutdown;
	struct socket *sk_socket;
};

struct inet_bind_bucket {
	signed char fastreuse;
};

struct inet_connection_sock {
	struct inet_bind_bucket *icsk_bind_hash;
};

struct minmax_sample {
	u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	u32 rcv_nxt;
	u32 copied_seq;
	u32 write_seq;
	u32 srtt_us;
	struct minmax rtt_min;
	u32 total_retrans;
	u64 bytes_received;
};

struct sk_buff {
	struct sock *sk;
	unsigned int len;
	char cb[48];
	unsigned char *head;
	unsigned char *data;
	__u16 transport_header;
};

struct tcp_skb_cb {
	__u32 seq;
};

struct iovec {
	void *iov_base;
	unsigned long iov_len;
};

/* ubuf from 6.0 on; __iov, which was iov, from 6.4; iter_type, which was type, from 5.14. */
struct iov_iter {
	u8 iter_type;
	unsigned long iov_offset;
	const struct iovec *__iov;
	void *ubuf;
	unsigned long count;
};

struct iov_iter___iov {
	const struct iovec *iov;
};

struct iov_iter___type {
	unsigned int type;
};

enum iter_type {
	ITER_IOVEC,
	ITER_UBUF,
};

struct msghdr {
	struct iov_iter msg_iter;
};

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#pragma clang attribute pop

#endif
