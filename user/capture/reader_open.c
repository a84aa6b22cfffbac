// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens a recording, and reads what is read as a whole. */
#include "capture/reader_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/text.h"
#include "bpf/buckets.h"

#define LIST_MOST (1U << 23)

/* Of the head of SQLite's files. */
#define HEAD_JOURNAL 18
#define JOURNAL_WAL  2

void *list_add(struct list *list, size_t size)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		void *grown = room <= LIST_MOST ? realloc(list->rows, room * size) : NULL;

		if (!grown)
			return NULL;
		list->rows = grown;
		list->room = room;
	}
	return memset((char *)list->rows + size * list->n++, 0, size);
}

/* Whatever stood in these, verdicts are the same without it. */
static bool explains_alone(const char *what)
{
	static const char *const known[] = {"cause", "causes", "thread", "address",   "stack", "process",
					    "why",   "wait",   "rival",	 "violation", "alert", "hung"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(what, known[i]))
			return true;
	return false;
}

void reader_damaged(struct reader *reader, const char *what, const char *why)
{
	char safe[256], place[256];

	reader->damage++;
	reader->has_gaps |= !explains_alone(what);
	diag_warn("%s is damaged: %s: %s; the rest is read", text_escape(reader->path, safe, sizeof(safe)),
		  what, text_escape(why, place, sizeof(place)));
}

/* ---- the file ------------------------------------------------------------------------------------ */

static int64_t pragma(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = -1;

	if (!sqlite3_prepare_v2(db, sql, -1, &statement, NULL) && sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static void set_up(sqlite3 *db)
{
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	/* One that was cut short is opened all the same. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
	sqlite3_exec(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", NULL, NULL, NULL);
	sqlite3_busy_timeout(db, 2000);
}

/* Whoever writes it holds the lock. @db is not to be open yet: closing a file drops SQLite's own locks. */
static bool is_being_written(struct reader *reader)
{
	reader->lock = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return reader->lock >= 0 && flock(reader->lock, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

static int open_file(struct reader *reader)
{
	int code =
		sqlite3_open_v2(reader->path, &reader->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK && sqlite3_db_readonly(reader->db, "main") != 1) {
		set_up(reader->db);
		if (pragma(reader->db, "PRAGMA schema_version") >= 0)
			return 0;
	}
	/* What cannot be written is read as it lies there. */
	sqlite3_close(reader->db);
	reader->db = NULL;
	code = sqlite3_open_v2(reader->path, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK)
		set_up(reader->db);
	return code == SQLITE_OK ? 0 : -EACCES;
}

/* The number and the version stand in the file's head; SQLite need not be asked, who may not like the rest.
 */
static int check_head(const struct reader *reader)
{
	uint8_t head[100] = {0};
	ssize_t n = pread(reader->lock, head, sizeof(head), 0);
	uint32_t version = (uint32_t)head[60] << 24 | head[61] << 16 | head[62] << 8 | head[63];
	uint32_t application = (uint32_t)head[68] << 24 | head[69] << 16 | head[70] << 8 | head[71];

	if (n != sizeof(head) || memcmp(head, "SQLite format 3", 16) != 0 ||
	    application != SCHEMA_APPLICATION) {
		diag_error("%s is no recording of lapse", reader->path);
		return -EINVAL;
	}
	if (version <= SCHEMA_VERSION)
		return 0;
	diag_error("%s was recorded by a newer lapse: its format is version %u, and this one reads up to "
		   "version %d",
		   reader->path, version, SCHEMA_VERSION);
	return -EINVAL;
}

/*
 * Until it ends, a recording has its newest part in a log beside it, whose name is the file's with -wal.
 * Where the head says so, and there is none, somebody has copied the file alone; or lapse was killed, and
 * another program has put the log into the file. @db is not to be open yet: SQLite makes a log where there is
 * none.
 */
static bool is_without_log(const struct reader *reader)
{
	uint8_t journal = 0;
	struct stat st;
	char *name;
	bool without;

	if (pread(reader->lock, &journal, 1, HEAD_JOURNAL) != 1 || journal != JOURNAL_WAL)
		return false;
	if (asprintf(&name, "%s-wal", reader->path) < 0)
		return false;
	without = stat(name, &st) ? errno == ENOENT : st.st_size == 0;
	free(name);
	return without;
}

static int refuse_empty(const struct reader *reader)
{
	if (pragma(reader->db, "SELECT count(*) FROM sqlite_master") != 0)
		return 0;
	diag_error(
		"%s has nothing in it: what a recording has is in %s-wal beside it until it ends, and was "
		"not "
		"copied with it; read it where it is written, copy both files, or copy it when it has ended",
		reader->path, reader->path);
	return -EINVAL;
}

static void say_without_log(const struct reader *reader)
{
	if (!reader_is_complete(reader))
		diag_warn("%s may lack its newest part: if it was copied while lapse wrote it, that is in "
			  "%s-wal, "
			  "which is not here; read it where it is written, copy both files, or copy it when "
			  "it has "
			  "ended",
			  reader->path, reader->path);
}

static bool is_as_made(struct reader *reader, const struct schema_table *table)
{
	sqlite3_stmt *statement = NULL;
	bool same = false;
	int code = sqlite3_prepare_v2(reader->db,
				      "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", -1,
				      &statement, NULL);

	if (!code) {
		sqlite3_bind_text(statement, 1, table->name, -1, SQLITE_STATIC);
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_ROW && sqlite3_column_text(statement, 0))
		same = !strcmp((const char *)sqlite3_column_text(statement, 0), table->sql);
	if (!same)
		reader_damaged(reader, table->name,
			       code == SQLITE_ROW || code == SQLITE_DONE
				       ? "the table is not as lapse makes it"
				       : sqlite3_errmsg(reader->db));
	sqlite3_finalize(statement);
	return same;
}

bool reader_has(const struct reader *reader, const char *table)
{
	for (size_t i = 0; i < schema_n_tables; i++)
		if (!strcmp(schema_tables[i].name, table))
			return reader->as_made >> i & 1;
	return false;
}

/* ---- what is read as a whole ------------------------------------------------------------------------ */

static char *copy_text(struct sql_row *row)
{
	const char *text = sql_take_text(row);

	return text ? strdup(text) : NULL;
}

/* Rows of a small table, until one cannot be read. */
static int each_row(struct reader *reader, const char *table, const char *sql,
		    int (*take)(struct reader *, struct sql_row *))
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL), err = 0;

	while (!code && !err && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct sql_row row = sql_row(statement);

		err = take(reader, &row);
		code = SQLITE_OK;
	}
	if (!err && code != SQLITE_OK && code != SQLITE_DONE)
		reader_damaged(reader, table, sqlite3_errmsg(reader->db));
	sqlite3_finalize(statement);
	return err;
}

static int take_fact(struct reader *reader, struct sql_row *row)
{
	struct named_fact *fact = list_add(&reader->facts, sizeof(*fact));

	if (!fact)
		return -ENOMEM;
	fact->name = copy_text(row);
	fact->is_number = sqlite3_column_type(row->statement, row->column) == SQLITE_INTEGER;
	fact->number = sqlite3_column_int64(row->statement, row->column);
	fact->value = copy_text(row);
	return 0;
}

static uint64_t take_limit(struct sql_row *row)
{
	bool none = sql_is_null(row);
	int64_t value = sql_take(row);

	return none ? UINT64_MAX : (uint64_t)value;
}

/* A number that is no component's ends the list: what follows could not be told apart. */
static int take_component(struct reader *reader, struct sql_row *row)
{
	struct component_row *to;
	struct capture_component *c;
	int64_t id = sql_take(row);
	size_t n = 0;

	if (id != (int64_t)reader->components.n || id >= BASE_COMPONENTS_MOST) {
		reader_damaged(reader, "component", "numbers are missing");
		return -ECANCELED;
	}
	to = list_add(&reader->components, sizeof(*to));
	if (!to)
		return -ENOMEM;
	c = &to->component;
	c->id = (uint32_t)id;
	to->seq = (uint64_t)sql_take(row);
	c->monitored.name = to->text[n++] = copy_text(row);
	c->monitored.function = to->text[n++] = copy_text(row);
	c->monitored.object = to->text[n++] = copy_text(row);
	c->probe = to->text[n++] = copy_text(row);
	c->places = (uint64_t)sql_take(row);
	c->feeds = to->text[n++] = copy_text(row);
	c->fed = (uint32_t)sql_take(row);
	c->monitored.window.last = (uint32_t)sql_take(row);
	c->monitored.window.duration_ns = (uint64_t)sql_take(row);
	c->monitored.window.max_ns = (uint64_t)sql_take(row);
	c->monitored.outcome_unknown = sql_take(row);
	c->monitored.untimed = sql_take(row);
	c->monitored.has_cache = sql_take(row);
	c->monitored.cache_apart = sql_take(row);
	c->monitored.tcp = sql_take(row);
	c->monitored.connects = sql_take(row);
	c->monitored.spare = sql_take(row);
	for (int i = 0; i < LAPSE_VALUES; i++)
		c->monitored.value_name[i] = to->text[n++] = copy_text(row);
	for (int level = 0; level < LAPSE_LEVELS; level++)
		c->level_ns[level] = take_limit(row);
	if (!c->monitored.name)
		c->monitored.name = to->text[0] = strdup("?");
	return c->monitored.name ? 0 : -ENOMEM;
}

static int take_thread(struct reader *reader, struct sql_row *row)
{
	struct known_thread *thread = list_add(&reader->threads, sizeof(*thread));

	if (!thread)
		return -ENOMEM;
	thread->id = sql_take(row);
	thread->pid = (uint32_t)sql_take(row);
	thread->tid = (uint32_t)sql_take(row);
	sql_take_chars(row, thread->comm, sizeof(thread->comm));
	return 0;
}

static int take_address(struct reader *reader, struct sql_row *row)
{
	struct known_address *address = list_add(&reader->addresses, sizeof(*address));
	struct bytes_in ip;

	if (!address)
		return -ENOMEM;
	address->id = sql_take(row);
	address->address.port = (uint16_t)sql_take(row);
	ip = sql_take_blob(row);
	if (ip.at && ip.end - ip.at == sizeof(address->address.ip))
		memcpy(address->address.ip, ip.at, sizeof(address->address.ip));
	return 0;
}

static int take_stack(struct reader *reader, struct sql_row *row)
{
	struct known_stack *stack = list_add(&reader->stacks, sizeof(*stack));

	if (!stack)
		return -ENOMEM;
	stack->id = sql_take(row);
	stack->brief = copy_text(row);
	stack->frames = copy_text(row);
	return 0;
}

static int take_first_contract(struct reader *reader, struct sql_row *row)
{
	reader->contract_text[0] = copy_text(row);
	reader->contract_text[1] = copy_text(row);
	reader->has_contract = reader->contract_text[0] && reader->contract_text[1];
	reader->first_contract =
		(struct capture_contract){reader->contract_text[0], reader->contract_text[1]};
	return 0;
}

/* Of a file that was read anew meanwhile there are several. */
static int take_contracts(struct reader *reader, struct sql_row *row)
{
	reader->reloaded = sql_take(row) > 1;
	return 0;
}

static int take_start(struct reader *reader, struct sql_row *row)
{
	uint64_t now = (uint64_t)sql_take(row), period = (uint64_t)sql_take(row);
	int64_t number = sql_take(row);

	/* The first of all covers everything since the start. */
	if (number != 1 && period < now)
		reader->start_ns = now - period;
	return 0;
}

static const struct whole {
	const char *table, *sql;
	int (*take)(struct reader *, struct sql_row *);
} wholes[] = {
	{"fact", "SELECT name, value FROM fact ORDER BY name", take_fact},
	{"component",
	 "SELECT id, seq, name, function, object, probe, places, feeds, fed, window_last, window_ns, "
	 "window_max_ns, outcome_unknown, untimed, has_cache, cache_apart, tcp, connects, spare, value0, "
	 "value1, "
	 "value2, "
	 "value3, notice_ns, warning_ns, critical_ns FROM component ORDER BY id",
	 take_component},
	{"thread", "SELECT id, pid, tid, comm FROM thread ORDER BY id", take_thread},
	{"address", "SELECT id, port, bytes FROM address ORDER BY id", take_address},
	{"stack", "SELECT id, brief, frames FROM stack ORDER BY id", take_stack},
	{"contract", "SELECT path, text FROM contract ORDER BY seq LIMIT 1", take_first_contract},
	{"contract", "SELECT count(*) FROM contract", take_contracts},
	{"tick", "SELECT now_ns, period_ns, number FROM tick ORDER BY seq LIMIT 1", take_start},
};

static int read_wholes(struct reader *reader)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(wholes) / sizeof(*wholes) && !err; i++) {
		if (!reader_has(reader, wholes[i].table))
			continue;
		err = each_row(reader, wholes[i].table, wholes[i].sql, wholes[i].take);
		if (err == -ECANCELED)
			err = 0;
	}
	return err;
}

static int by_seq(const void *a, const void *b)
{
	const struct component_row *x = *(struct component_row *const *)a,
				   *y = *(struct component_row *const *)b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->component.id < y->component.id ? -1 : x->component.id > y->component.id;
}

/* Components whose spans only feed another one have no place in the monitor, and come behind those that do.
 */
static int order_components(struct reader *reader)
{
	struct component_row *rows = reader->components.rows;
	size_t n = reader->components.n;

	reader->by_seq = calloc(n + 1, sizeof(*reader->by_seq));
	reader->components_now = calloc(n + 1, sizeof(*reader->components_now));
	if (!reader->by_seq || !reader->components_now)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		reader->by_seq[i] = &rows[i];
	if (n)
		qsort(reader->by_seq, n, sizeof(*reader->by_seq), by_seq);
	return 0;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* After a crash nobody has made the indexes, which are for who asks by himself, and put the log into the
 * file. */
static void end_in_place(struct reader *reader)
{
	if (reader_is_complete(reader) || reader->damage || sqlite3_db_readonly(reader->db, "main"))
		return;
	sqlite3_exec(reader->db, schema_indexes, NULL, NULL, NULL);
	sqlite3_exec(reader->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
}

static int read_all(struct reader *reader, bool whole)
{
	int64_t bits;
	int err;

	for (size_t i = 0; i < schema_n_tables && i < 8 * sizeof(reader->as_made); i++)
		reader->as_made |= (uint64_t)is_as_made(reader, &schema_tables[i]) << i;
	err = read_wholes(reader) ?: order_components(reader);
	if (err)
		return err;
	bits = reader_number(reader, FACT_BUCKET_BITS, LAPSE_BUCKET_BITS_FINE);
	reader->bucket_bits =
		bits == LAPSE_BUCKET_BITS_COARSE ? LAPSE_BUCKET_BITS_COARSE : LAPSE_BUCKET_BITS_FINE;
	if (whole)
		end_in_place(reader);
	/* All is read as it is now, though somebody may be writing. */
	sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL);
	reader_open_tables(reader);
	return 0;
}

int reader_open(const char *path, struct reader **reader)
{
	struct reader *r = calloc(1, sizeof(*r));
	bool busy, without_log = false;
	int err;

	if (!r)
		return -ENOMEM;
	r->path = strdup(path);
	busy = r->path && is_being_written(r);
	err = !r->path ? -ENOMEM : r->lock < 0 ? -errno : 0;
	if (err && err != -ENOMEM)
		diag_error("cannot read %s: %s", path, strerror(-err));
	if (!err)
		err = check_head(r);
	if (!err) {
		without_log = !busy && is_without_log(r);
		err = open_file(r);
		if (err)
			diag_error("cannot read %s: %s", path, sqlite3_errmsg(r->db));
	}
	if (!err && without_log)
		err = refuse_empty(r);
	if (!err)
		err = read_all(r, !busy && !without_log);
	if (err) {
		reader_close(r);
		return err;
	}
	if (without_log)
		say_without_log(r);
	if (busy)
		diag_note("%s is still being written: what is in it so far is read", path);
	*reader = r;
	return 0;
}
