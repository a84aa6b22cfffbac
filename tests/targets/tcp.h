/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What asker.c and answerer.c share: the messages that they exchange, durations that forked workers keep
 * together, and how a socket is made deaf.
 *
 * Both run on one machine and have one clock, and messages carry its time: so the answerer knows when what
 * it answers was sent, and when the connection stood that it accepts.
 */
#ifndef TARGETS_TCP_H
#define TARGETS_TCP_H

#include "common.h"
#include "deaf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- messages ------------------------------------------------------------------------------ */

#define HEAD_LEN 5 /* as a record of TLS begins, which a question may have to look like */
#define HEAD	 "ASKER"

enum ask_flag {
	ASK_SENDFILE = 1 << 0,	/* answered by sendfile */
	ASK_LATE_READ = 1 << 1, /* the answerer waits before it reads the body */
	ASK_UNTIMED = 1 << 2,	/* is part of a batch: when the batch was complete nobody knows */
	ASK_LEAVE = 1 << 3,	/* the answerer closes after the delay instead of answering */
	ASK_RESET = 1 << 4,	/* the same by a reset, and it hears nothing before */
};

struct question {
	char head[HEAD_LEN];
	uint8_t flags;	     /* enum ask_flag */
	uint16_t number;     /* of the connection's questions, from 0 */
	uint32_t body_len;   /* bytes that follow */
	uint32_t answer_len; /* of the answer's body */
	uint64_t delay_ns;   /* until it is answered */
	uint64_t stood_ns;   /* when the asker knew the connection to stand */
	uint64_t sent_ns;    /* last, for it may be written later than the rest */
} __attribute__((packed));

struct answer {
	char head[HEAD_LEN];
	uint8_t pad[3];
	uint32_t body_len;
	uint64_t took_ns; /* from the question's reading to now */
	uint64_t sent_ns;
} __attribute__((packed));

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum tls_record { TLS_CIPHER = 0x14, TLS_HANDSHAKE = 0x16, TLS_DATA = 0x17 };

/* The last byte of the hello: which of TLS's versions is meant. */
enum tls_version { TLS_1_2 = 12, TLS_1_3 = 13 };

static inline void tls_head(char *head, enum tls_record type, size_t len)
{
	head[0] = (char)type;
	head[1] = 3;
	head[2] = type == TLS_HANDSHAKE ? 1 : 3;
	head[3] = (char)(len >> 8);
	head[4] = (char)len;
}

static inline size_t tls_record_len(const char *head)
{
	return (size_t)(uint8_t)head[3] << 8 | (uint8_t)head[4];
}

/* A record whose body is nothing but FILL. Returns its whole length. */
static inline size_t tls_record(char *at, enum tls_record type, size_t len, int fill)
{
	tls_head(at, type, len);
	memset(at + HEAD_LEN, fill, len);
	return HEAD_LEN + len;
}

/* ---- asked of the answerer by another way ---------------------------------------------------- */

struct wish {
	uint16_t port; /* the connection's at the asker; 0: the listening socket */
	uint8_t deaf;  /* bool */
};

static inline socklen_t wish_address(struct sockaddr_un *address, int port)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
					    "lapse-answerer-%d", port));
}

/* ---- durations ------------------------------------------------------------------------------- */

#define MAX_KEPT 65536

struct kept {
	_Atomic uint32_t n;
	uint64_t ns[MAX_KEPT];
};

static inline void keep(struct kept *kept, uint64_t ns)
{
	uint32_t i = kept->n++;

	if (i < MAX_KEPT)
		kept->ns[i] = ns;
}

static inline int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank; 0 of nothing. */
static inline unsigned long long median_of(struct kept *kept)
{
	if (!kept->n)
		return 0;
	qsort(kept->ns, kept->n, sizeof(*kept->ns), compare_ns);
	return kept->ns[(kept->n - 1) / 2];
}

static inline unsigned long long mean_of(const struct kept *kept)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < kept->n; i++)
		sum += kept->ns[i];
	return kept->n ? sum / kept->n : 0;
}

/* Also for processes that are forked from now on. */
static inline void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return memory;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static inline void need_ok(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(2);
}

static inline void nap(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	while (ns && nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* TEXT is an address of either family; its length in *len. */
static inline struct sockaddr_storage address_of(const char *text, int port, socklen_t *len)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	bool is_v6 = strchr(text, ':');

	*len = is_v6 ? sizeof(*v6) : sizeof(*v4);
	if (is_v6)
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	else
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, text,
		      is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) != 1) {
		fprintf(stderr, "%s is no address\n", text);
		exit(2);
	}
	return address;
}

/* The port lies at the same place in both families. */
static inline int port_of(const struct sockaddr_storage *address)
{
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static inline int own_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	need_ok(!getsockname(fd, (struct sockaddr *)&address, &len), "getsockname");
	return port_of(&address);
}

static inline void no_delay(int fd)
{
	int one = 1;

	need_ok(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
}

/* Whatever arrives at a deaf socket is dropped, as if it were lost on the way. */
static inline void set_deaf(int fd, bool deaf)
{
	need_ok(!deafen(fd, deaf), "socket filter");
}

/* Until the peer has acknowledged everything. */
static inline void await_acknowledged(int fd)
{
	int unsent;

	do
		need_ok(!ioctl(fd, SIOCOUTQ, &unsent), "SIOCOUTQ");
	while (unsent && !usleep(200));
}

static inline uint32_t retransmits_of(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	need_ok(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info.tcpi_total_retrans;
}

/* False at the end of the stream. */
static inline bool read_all(int fd, void *to, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = recv(fd, (char *)to + have, len - have, 0);

		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

static inline bool skip_all(int fd, size_t len)
{
	static __thread char rubbish[65536];

	while (len) {
		size_t part = len < sizeof(rubbish) ? len : sizeof(rubbish);

		if (!read_all(fd, rubbish, part))
			return false;
		len -= part;
	}
	return true;
}

static inline void write_all(int fd, const void *from, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)from + done, len - done, MSG_NOSIGNAL);

		need_ok(n > 0, "send");
		done += (size_t)n;
	}
}

/* Of the answerer at @port; returns when it has done it. */
static inline void wish_for(int port, int connection_port, bool deaf)
{
	static int fd = -1;
	struct wish wish = {.port = (uint16_t)connection_port, .deaf = deaf};
	struct sockaddr_un to;
	socklen_t len = wish_address(&to, port);
	char done;

	if (fd < 0) {
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		need_ok(fd >= 0 && !connect(fd, (struct sockaddr *)&to, len), "wishes");
	}
	need_ok(send(fd, &wish, sizeof(wish), MSG_NOSIGNAL) == sizeof(wish), "wish");
	need_ok(recv(fd, &done, 1, 0) == 1, "wish's reply");
}

/* Reads @n records and heeds none. */
static inline void take_records(int fd, int n)
{
	char head[HEAD_LEN];

	while (n--)
		need_ok(read_all(fd, head, HEAD_LEN) && skip_all(fd, tls_record_len(head)), "record");
}

#endif
