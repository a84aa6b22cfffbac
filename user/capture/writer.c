// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/writer_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"

/* ---- failures ------------------------------------------------------------------------------------ */

static void fail(struct writer *w, int code)
{
	const char *why = code == SQLITE_FULL ? "the disk is full" : sqlite3_errmsg(w->db);

	/* The file system's own word says more than "disk I/O error". */
	if ((code & 0xff) == SQLITE_IOERR && sqlite3_system_errno(w->db))
		why = strerror(sqlite3_system_errno(w->db));
	w->failure = strdup(why);
	if (!w->failure)
		w->failure = strdup("");
}

void writer_check(struct writer *writer, int code)
{
	if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW || writer->failure)
		return;
	fail(writer, code);
}

void writer_execute(struct writer *writer, const char *sql)
{
	if (!writer->failure)
		writer_check(writer, sqlite3_exec(writer->db, sql, NULL, NULL, NULL));
}

const char *writer_failure(const struct writer *writer)
{
	return writer->failure;
}

struct writer_figures writer_figures(const struct writer *writer)
{
	return writer->figures;
}

/* ---- the file ------------------------------------------------------------------------------------ */

/* Whether it is a file that holds nothing which is not lapse's. Devices and pipes may be read as empty files.
 */
static bool may_replace(int fd)
{
	char head[72];
	uint32_t application;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	n = pread(fd, head, sizeof(head), 0);
	if (n == 0)
		return true;
	if (n != sizeof(head) || memcmp(head, "SQLite format 3", 16) != 0)
		return false;
	memcpy(&application, head + 68, sizeof(application));
	return ntohl(application) == SCHEMA_APPLICATION;
}

static void remove_beside(const char *path, const char *suffix)
{
	char *name;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return;
	unlink(name);
	free(name);
}

static int replace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool may = fd >= 0 && may_replace(fd);
	bool busy = may && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	if (may && !busy) {
		remove_beside(path, "-wal");
		remove_beside(path, "-shm");
		return unlink(path) ? -errno : 0;
	}
	if (busy)
		diag_error("%s is being written by another lapse", path);
	else
		diag_error("%s is there already, and is no recording: name another file", path);
	return -EEXIST;
}

/* The descriptor holds the lock, and is closed last: closing any drops the locks that SQLite has. */
static int create(const char *path)
{
	int fd = -1, err = 0;

	for (int i = 0; i < 2 && fd < 0 && !err; i++) {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno == EEXIST)
			err = replace(path);
		else if (fd < 0)
			err = -errno;
	}
	if (err && err != -EEXIST)
		diag_error("cannot write %s: %s", path, strerror(-err));
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
	return err ? err : fd;
}

/* ---- the tables ---------------------------------------------------------------------------------- */

static void make_tables(struct writer *w)
{
	static const char *const causes[LAPSE_CAUSES] = {"runq",    "throttled", "lock",  "disk",  "net",
							 "handoff", "poll",	 "sleep", "fault", "other"};
	char sql[128];

	for (size_t i = 0; i < schema_n_tables; i++)
		writer_execute(w, schema_tables[i].sql);
	writer_execute(w, schema_views);
	for (int i = 0; i < LAPSE_CAUSES; i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO cause VALUES(%d, '%s')", i, causes[i]);
		writer_execute(w, sql);
	}
}

static void prepare(struct writer *w)
{
	for (int i = 0; i < SCHEMA_ROWS && !w->failure; i++) {
		char *sql = schema_insert(&schema_rows[i]);

		writer_check(w, sql ? sqlite3_prepare_v3(w->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
							 &w->insert[i], NULL)
				    : SQLITE_NOMEM);
		free(sql);
	}
	if (!w->failure)
		writer_check(w, intern_open(&w->intern, w->db));
}

/* Tracing waits for this: what the disk has of an empty file is no matter. */
static void set_up(struct writer *w)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "PRAGMA synchronous = OFF; PRAGMA application_id = %d; PRAGMA user_version = %d;"
		 "PRAGMA journal_mode = WAL; PRAGMA cache_size = -16384;",
		 SCHEMA_APPLICATION, SCHEMA_VERSION);
	writer_execute(w, sql);
	writer_execute(w, "BEGIN");
	make_tables(w);
	writer_execute(w, "COMMIT");
	writer_execute(w, "PRAGMA synchronous = NORMAL");
	prepare(w);
}

static void release(struct writer *w)
{
	for (int i = 0; i < SCHEMA_ROWS; i++)
		sqlite3_finalize(w->insert[i]);
	intern_close(&w->intern);
	sqlite3_close(w->db);
	if (w->lock >= 0)
		close(w->lock);
	for (size_t i = 0; i < sizeof(w->blob) / sizeof(*w->blob); i++)
		bytes_free(&w->blob[i]);
	base_free(&w->base);
	free(w->ticks);
	free(w->failure);
	free(w);
}

int writer_open(const char *path, uint64_t max_bytes, uint64_t max_time_ns, struct writer **writer)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->max_bytes = max_bytes;
	w->max_time_ns = max_time_ns;
	w->lock = create(path);
	if (w->lock < 0) {
		int err = w->lock;

		release(w);
		return err;
	}
	writer_check(w, sqlite3_open_v2(path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (!w->failure)
		set_up(w);
	if (w->failure) {
		diag_error("cannot write %s: %s", path, w->failure);
		release(w);
		/* There is nothing in it. */
		unlink(path);
		remove_beside(path, "-wal");
		remove_beside(path, "-shm");
		return -EIO;
	}
	*writer = w;
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------------- */

static uint64_t pragma_number(struct writer *w, const char *pragma)
{
	sqlite3_stmt *statement = NULL;
	uint64_t value = 0;

	if (!sqlite3_prepare_v2(w->db, pragma, -1, &statement, NULL) && sqlite3_step(statement) == SQLITE_ROW)
		value = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

/* Bytes a row of the index takes, and some more. */
#define INDEX_ROW_BYTES 24

/* An index that would not fit is not made: what is recorded goes first. */
static bool index_fits(struct writer *w)
{
	uint64_t spans = pragma_number(w, "SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM span");

	return !w->max_bytes || w->figures.bytes + spans * INDEX_ROW_BYTES <= w->max_bytes;
}

static void finish(struct writer *w, bool complete)
{
	struct sql_row row = sql_row(w->insert[ROW_FACT]);

	if (w->failure)
		return;
	if (complete) {
		sql_put_text(&row, FACT_COMPLETE);
		sql_put(&row, 1);
		writer_check(w, sql_insert(&row));
	}
	if (w->in_transaction)
		writer_execute(w, "COMMIT");
	w->figures.bytes = pragma_number(w, "PRAGMA page_count") * pragma_number(w, "PRAGMA page_size");
	if (index_fits(w))
		writer_execute(w, schema_indexes);
}

void writer_close(struct writer *writer, bool complete)
{
	finish(writer, complete);
	for (int i = 0; i < SCHEMA_ROWS; i++) {
		sqlite3_finalize(writer->insert[i]);
		writer->insert[i] = NULL;
	}
	intern_close(&writer->intern);
	/* One file alone, that can be read wherever it is copied to. */
	writer_execute(writer, "PRAGMA journal_mode = DELETE");
	release(writer);
}

/* ---- messages ------------------------------------------------------------------------------------ */

void writer_begin_at(struct writer *writer, const struct tape_message *tick)
{
	struct bytes_in in = {.at = tick->bytes, .end = tick->bytes + tick->length};
	struct message_tick whole;

	if (!message_tick(&in, &whole)) {
		base_take(&writer->base, &whole.tick);
		writer->base.lost_records = whole.lost.records;
		writer->base.lost_ticks = whole.lost.ticks;
	}
	message_tick_free(&whole);
}

static void commit(struct writer *w, const struct tape_message *message)
{
	if (!w->in_transaction)
		return;
	if (message->time_ns)
		writer_trim(w, (int64_t)message->seq, message->time_ns);
	writer_execute(w, "COMMIT");
	if (w->failure)
		return;
	w->in_transaction = false;
	w->figures.bytes = pragma_number(w, "PRAGMA page_count") * pragma_number(w, "PRAGMA page_size");
	w->committed = w->figures;
	w->spans_since = 0;
}

/* What was committed is kept, and nothing else counts as written. */
static void undo(struct writer *w)
{
	sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	w->figures = w->committed;
	w->figures.undone = w->spans_since;
}

/* Ticks are always written; what is told one by one only as far as the file may grow. */
static bool may_take(struct writer *w, const struct tape_message *message)
{
	if (message->kind == MESSAGE_SPAN)
		return writer_has_room(w, (int64_t)message->seq, message_span_is_rare(message));
	return message->kind != MESSAGE_VIOLATION || writer_has_room(w, (int64_t)message->seq, true);
}

void writer_take(struct writer *writer, const struct tape_message *message)
{
	if (writer->failure)
		return;
	if (message->kind == MESSAGE_COMMIT) {
		commit(writer, message);
	} else {
		if (!writer->in_transaction)
			writer_execute(writer, "BEGIN");
		writer->in_transaction = true;
		if (may_take(writer, message))
			writer_rows(writer, message);
		else
			writer->figures.left_out++;
	}
	if (writer->failure)
		undo(writer);
}
