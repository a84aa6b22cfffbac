/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a socket is made deaf: what comes to it is lost, as if the network had lost it. */
#ifndef TARGETS_DEAF_H
#define TARGETS_DEAF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Of a connection or a listener. 0, or -1 with errno. */
static inline int deafen(int fd, bool deaf)
{
	struct sock_filter drop = {.code = BPF_RET | BPF_K, .k = 0};
	struct sock_fprog program = {.len = 1, .filter = &drop};

	return setsockopt(fd, SOL_SOCKET, deaf ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &program,
			  sizeof(program));
}

#endif
