/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small trading pipeline: bursts of orders go through validation, a remote call, a batch
 * optimizer and an HTTP venue, and are confirmed on another thread.
 *
 *     generator ─► incoming ─► workers: handle_order ─► confirmed ─► confirmer
 *                                │  validate_token, rpc_call, update_book, http_request
 *                                └► batcher: optimize_batch
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common.h"

#define BURST	  8	      /* orders that arrive together, at most, and workers */
#define ORDER_GAP 10000000ULL /* between two orders, on average */

/* ---- orders (order.c) ---- */

struct order {
	struct order *next;
	long id;
	uint64_t token;
	uint64_t received_ns;
	int status; /* 0 or a negative errno */
	int quote;  /* the remote side's answer */
	double quantity;
	bool batched; /* the optimizer is through with it */
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct order *head, **tail;
	bool closed;
};

void queue_init(struct queue *queue);
void queue_put(struct queue *queue, struct order *order);
struct order *queue_take(struct queue *queue); /* waits; NULL: closed and empty */
void queue_close(struct queue *queue);

void order_received(struct order *order);
void order_confirmed(struct order *order);
int handle_order(struct order *order);

void orders_start(void);
void orders_stop(void); /* every order on its way is confirmed first */
long orders_confirmed(void);
long orders_failed(void);

/* ---- the parts of an order's way ---- */

int validate_token(uint64_t token);		     /* token.c; 0 or -EACCES */
int cache_lookup(uint64_t token);		     /* 1: hit */
int rpc_call(int method, int argument, int *result); /* rpc.c; 0 or a negative errno */
int pool_get(void);
void pool_put(int slot);
void pool_drop_idle(void);
int optimize_batch(struct order **batch, int n);      /* batch.c */
int batch_submit(struct order *order);		      /* waits for its batch; 0 or a negative errno */
int http_request(const char *path, const char *body); /* http.c; the status, or a negative errno */
void update_book(struct order *order, int lots);      /* book.c */
void rebuild_index(void);

void rpc_start(int port, int n_endpoints);
void rpc_stop(void);
int rpc_port(void);
void http_start(int port);
void http_stop(void);
int http_port(void);
void batch_start(void);
void batch_stop(void);
void book_start(void);
void book_stop(void);

/* ---- the remote side's endpoints (endpoints.c): one is in use, all are measured ---- */

#define MAX_ENDPOINTS 4

void endpoints_start(int port, int n, bool (*serve)(int fd, int number));
void endpoints_stop(void);
int endpoint_current(void);
int endpoint_port(int endpoint);
void endpoint_took(int endpoint, uint64_t ns);
int endpoint_fastest(void);
void endpoint_use(int endpoint);

/* ---- faults (faults.c): what the control commands set ---- */

enum part {
	PART_VALIDATE,
	PART_RPC,
	PART_BATCH,
	PART_HTTP,
	PART_ORDER,
	PART_LOCK,
	PART_CACHE,
	PART_KEEP,
	PART_ARRIVAL,
	PARTS
};

uint64_t fault_delay(enum part part); /* 0: healthy this time */
bool fault_fails(enum part part);
void faults_heal(void);

/* A part by its name; -1: there is none. */
int fault_part(const char *name);
/* These return NULL, or what is wrong. A missing share is all. */
const char *fault_slow(int part, const char *duration, const char *share);
const char *fault_fail(int part, const char *share);

/* ---- commands (commands.c) ---- */

const char *command_obey(char *line); /* NULL, or what is wrong with it */
int order_lots(void);
int batch_limit(void);
int burst_size(void);

/* ---- the true durations (truth.c) ---- */

void truth_init(const char *path, size_t records);
void truth_add(const char *name, uint64_t start_ns, uint64_t end_ns, long result);
void truth_write(void);

/* ---- loopback TCP and time (net.c) ---- */

int listen_loopback(int port, int *actual);
int connect_loopback(int port);
bool send_all(int fd, const void *data, size_t len);
bool read_all(int fd, void *data, size_t len);

struct server {
	pthread_t thread;
	int listen_fd, port, number;
	bool (*serve)(int fd, int number); /* one request; false: the connection is over */
};

void server_start(struct server *server, int port, bool (*serve)(int fd, int number), int number);
void server_stop(struct server *server);
/* What comes to the listener is lost for so long, as if the network had lost it. */
void server_deaf(struct server *server, uint64_t ns);
void http_deaf(uint64_t ns);
void sleep_ns(uint64_t ns);
void start_thread(pthread_t *thread, void *(*run)(void *), void *arg, const char *name);

#endif
