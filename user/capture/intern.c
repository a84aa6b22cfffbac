// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/intern.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

struct interned {
	int64_t id;
	UT_hash_handle hh;
	uint8_t key[];
};

/* Beyond this what is known is let go, and named anew as it comes. */
#define KNOWN_MOST 65536

static const char *const inserts[INTERN_TABLES] = {
	[INTERN_THREAD] = "INSERT OR REPLACE INTO thread(id, pid, tid, comm) VALUES(?,?,?,?)",
	[INTERN_ADDRESS] = "INSERT OR REPLACE INTO address(id, ip, port, bytes) VALUES(?,?,?,?)",
	[INTERN_STACK] = "INSERT OR REPLACE INTO stack(id, brief, frames) VALUES(?,?,?)",
};

int intern_open(struct intern *intern, sqlite3 *db)
{
	*intern = (struct intern){0};
	for (int table = 0; table < INTERN_TABLES; table++) {
		int code = sqlite3_prepare_v3(db, inserts[table], -1, SQLITE_PREPARE_PERSISTENT,
					      &intern->insert[table], NULL);

		if (code)
			return code;
		intern->next[table] = intern->oldest[table] = 1;
	}
	return SQLITE_OK;
}

static void forget(struct intern *intern, int table)
{
	struct interned *each, *next;

	HASH_ITER (hh, intern->known[table], each, next) {
		HASH_DEL(intern->known[table], each);
		free(each);
	}
}

void intern_close(struct intern *intern)
{
	for (int table = 0; table < INTERN_TABLES; table++) {
		forget(intern, table);
		sqlite3_finalize(intern->insert[table]);
	}
	*intern = (struct intern){0};
}

void intern_renew(struct intern *intern)
{
	for (int table = 0; table < INTERN_TABLES; table++) {
		forget(intern, table);
		intern->oldest[table] = intern->next[table];
	}
}

/* *known: it has been written already. 0: no memory. */
static int64_t number_of(struct intern *intern, enum intern_table table, const void *key, size_t size,
			 bool *known)
{
	struct interned *found;

	HASH_FIND(hh, intern->known[table], key, size, found);
	*known = found;
	if (found)
		return found->id;
	if (HASH_COUNT(intern->known[table]) >= KNOWN_MOST)
		forget(intern, table);
	found = malloc(sizeof(*found) + size);
	if (!found)
		return 0;
	memcpy(found->key, key, size);
	found->id = intern->next[table]++;
	HASH_ADD_KEYPTR(hh, intern->known[table], found->key, size, found);
	return found->id;
}

static void insert(struct intern *intern, struct sql_row *row)
{
	int code = sql_insert(row);

	intern->code = intern->code ? intern->code : code;
}

int64_t intern_thread(struct intern *intern, uint32_t pid, uint32_t tid, const char comm[LAPSE_COMM_LEN])
{
	struct sql_row row = sql_row(intern->insert[INTERN_THREAD]);
	struct {
		uint32_t pid, tid;
		char comm[LAPSE_COMM_LEN];
	} key = {pid, tid, ""};
	bool known;
	int64_t id;

	memcpy(key.comm, comm, strnlen(comm, LAPSE_COMM_LEN));
	if (!pid && !tid && !*key.comm)
		return 0;
	id = number_of(intern, INTERN_THREAD, &key, sizeof(key), &known);
	if (!id || known)
		return id;
	sql_put(&row, id);
	sql_put(&row, pid);
	sql_put(&row, tid);
	sql_put_chars(&row, key.comm, sizeof(key.comm));
	insert(intern, &row);
	return id;
}

/* As people write it: IPv4 is kept in its form for IPv6. */
static const char *address_text(const uint8_t ip[16], char *text, socklen_t size)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (!memcmp(ip, mapped, sizeof(mapped)))
		return inet_ntop(AF_INET, ip + 12, text, size);
	return inet_ntop(AF_INET6, ip, text, size);
}

int64_t intern_address(struct intern *intern, const struct lapse_address *address)
{
	static const struct lapse_address none;
	struct sql_row row = sql_row(intern->insert[INTERN_ADDRESS]);
	struct bytes_out ip = {.data = (uint8_t *)(uintptr_t)address->ip, .n = sizeof(address->ip)};
	char text[INET6_ADDRSTRLEN];
	bool known;
	int64_t id;

	if (!memcmp(address, &none, sizeof(none)))
		return 0;
	id = number_of(intern, INTERN_ADDRESS, address, sizeof(*address), &known);
	if (!id || known)
		return id;
	sql_put(&row, id);
	sql_put_text(&row, address_text(address->ip, text, sizeof(text)));
	sql_put(&row, address->port);
	sql_put_blob(&row, &ip);
	insert(intern, &row);
	return id;
}

int64_t intern_stack(struct intern *intern, const char *stack)
{
	struct sql_row row = sql_row(intern->insert[INTERN_STACK]);
	size_t brief;
	bool known;
	int64_t id;

	if (!stack)
		return 0;
	id = number_of(intern, INTERN_STACK, stack, strlen(stack), &known);
	if (!id || known)
		return id;
	brief = strcspn(stack, "\n");
	sql_put(&row, id);
	sql_put_chars(&row, stack, brief);
	sql_put_text(&row, stack[brief] ? stack + brief + 1 : "");
	insert(intern, &row);
	return id;
}
