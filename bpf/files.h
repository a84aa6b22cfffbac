/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a process's file descriptor to what it stands for. */
#ifndef LAPSE_BPF_FILES_H
#define LAPSE_BPF_FILES_H

#include "bpf/thread.h"

/* linux/stat.h */
#define S_IFMT	 00170000
#define S_IFSOCK 0140000
#define S_IFIFO	 0010000

/* The file that @task, of those that FIELD() is for, knows as @fd. */
static __always_inline struct file *file_of_fd(struct task_struct *task, __u32 fd)
{
	struct files_struct *open = FIELD(task, files);
	struct fdtable *table = FIELD(open, fdt);
	struct file **files = FIELD(table, fd), *file = NULL;

	if (fd >= FIELD(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

/* The socket behind @file; NULL: it is none. */
static __always_inline struct socket *socket_of_file(struct file *file)
{
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	return BPF_CORE_READ(file, private_data);
}

#endif
