# SPDX-License-Identifier: GPL-2.0-or-later
"""PostgreSQL's own marks against its extension pg_stat_statements.

query__start and query__done are where a backend takes up a simple query and has answered it. What
pg_stat_statements calls the execution is within query__execute__start and query__execute__done.
"""

import os
import pwd
import subprocess

from harness import Skip, case, counted, equal, free_port, lossless, need, wait_until, within

PG = "/usr/lib/postgresql/15/bin"
EXTENSION = "/usr/share/postgresql/15/extension/pg_stat_statements.control"

QUERY = "usdt:postgresql:query__"
WHOLE = f"whole=span:{QUERY}start(tid)..{QUERY}done(tid)"
EXECUTED = f"executed=span:{QUERY}execute__start(tid)..{QUERY}execute__done(tid)"


class Server:
    """An own instance, in the folder of the case, under the user that the package has made."""

    def __init__(self, t, *settings):
        need("runuser", "setpriv", f"{PG}/initdb", f"{PG}/pgbench", EXTENSION)
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            raise Skip("no user postgres") from None
        folder = t.path("pg")
        os.mkdir(folder)
        os.chown(folder, user.pw_uid, user.pw_gid)
        subprocess.run(["runuser", "-u", "postgres", "--", f"{PG}/initdb", "-D", f"{folder}/data", "-A", "trust",
                        "-N", "-E", "UTF8", "--locale", "C"], capture_output=True, check=True, timeout=60)
        self.t = t
        self.where = ["-h", "127.0.0.1", "-p", str(free_port()), "-U", "postgres"]
        options = [word for setting in (
            "listen_addresses=127.0.0.1", "autovacuum=off", "max_parallel_workers_per_gather=0",
            "shared_preload_libraries=pg_stat_statements", *settings) for word in ("-c", setting)]
        # setpriv executes in place, so that the handle is the server's own.
        self.process = t.process("setpriv", "--reuid", user.pw_uid, "--regid", user.pw_gid, "--clear-groups",
                                 f"{PG}/postgres", "-D", f"{folder}/data", "-p", self.where[3], "-k", folder,
                                 *options, cwd=folder)
        wait_until(lambda: "ready to accept connections" in "\n".join(self.process.err), "PostgreSQL")

    def sql(self, text):
        run = subprocess.run([f"{PG}/psql", "-X", "-A", "-t", *self.where, "-c", text, "postgres"],
                             capture_output=True, text=True, timeout=30, check=False)
        equal(run.returncode, 0, f"exit code of psql ({run.stderr[-200:]})")
        return [line.split("|") for line in run.stdout.splitlines()]

    def waits_for_lock(self, backend):
        """Until it does."""
        query = f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {backend}"
        wait_until(lambda: self.sql(query) == [["Lock"]], "the session to wait")

    def bench(self, script, *options):
        run = subprocess.run([f"{PG}/pgbench", *self.where, "-n", "-f", self.t.write("script.sql", script),
                              *options, "postgres"], capture_output=True, text=True, timeout=60, check=False)
        equal(run.returncode, 0, f"exit code of pgbench ({run.stderr[-200:]})")

    def traced(self, *words):
        """The backends are children that are still to come."""
        return self.t.stat(self.process.pid, *words, "--follow")

    def statements(self, like):
        """Calls and nanoseconds of execution of the statements that are LIKE that."""
        calls, milliseconds = self.sql("SELECT sum(calls), sum(total_exec_time) FROM pg_stat_statements "
                                       f"WHERE query LIKE '{like}'")[0]
        return int(calls), float(milliseconds) * 1e6


@case(120)
def statements_by_marks(t):
    """Backends that start under the probes; each statement is one query, however it is asked for."""
    server = Server(t, "fsync=off")
    server.sql("CREATE EXTENSION pg_stat_statements")
    server.sql("SELECT pg_stat_statements_reset()")
    tracer = server.traced(WHOLE, EXECUTED, f"begun={QUERY}start", f"ended={QUERY}done")
    server.bench("SELECT 1 AS one;\nSELECT count(*) AS counted FROM generate_series(1, 20000);\n",
                 "-c", "3", "-t", "60")
    tracer.stop()
    calls, spent = server.statements("SELECT % AS %ed FROM generate%")
    quick, _ = server.statements("SELECT $1 AS one")
    equal((calls, quick), (180, 180), "statements by pg_stat_statements")
    lossless(tracer.final())
    for name in ("whole", "executed"):
        counted(tracer.component(name), calls + quick, name)
    for name in ("begun", "ended"):
        equal(tracer.component(name)["count"], calls + quick, name)
        equal(tracer.component(name)["p50_ns"], None, f"a duration of {name}")
    # The quick ones take next to no time of all that is spent.
    executed, whole = (tracer.component(name)["avg_ns"] * 2 for name in ("executed", "whole"))
    mean = spent / calls
    within(executed, mean * 0.97, mean * 1.15, "mean of a query's execution")
    within(whole, executed, executed * 1.5, "mean of whole queries")
    t.note(f"{calls + quick} statements; mean {executed / 1e6:.3f} ms executed, {whole / 1e6:.3f} ms whole, "
           f"{mean / 1e6:.3f} ms by pg_stat_statements")


@case(120)
def marks_within_their_function(t):
    """PortalRun, of which query__execute__start and __done are the two ends: the same runs by either."""
    server = Server(t, "fsync=off")
    tracer = server.traced("PortalRun", EXECUTED)
    server.bench("SELECT pg_sleep(0.01);\n", "-c", "2", "-t", "50")
    tracer.stop()
    lossless(tracer.final())
    function, marks = tracer.component("PortalRun"), tracer.component("executed")
    counted(function, 100, "PortalRun")
    counted(marks, 100, "spans between the marks")
    within(function["avg_ns"] / marks["avg_ns"], 0.99, 1.05, "function's mean in terms of the marks'")
    t.note(f"mean {function['avg_ns'] / 1e6:.3f} ms by the function, {marks['avg_ns'] / 1e6:.3f} ms by the marks")


def _syncs(server):
    """Syncs and their time, when those that have done some have ended: then they tell."""
    wait_until(lambda: server.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
               == [["1"]], "the other backends to end")
    syncs, milliseconds = server.sql("SELECT wal_sync, wal_sync_time FROM pg_stat_wal")[0]
    return int(syncs), float(milliseconds) * 1e6


@case(120)
def a_sync_for_each_commit(t):
    """Each commit that has written syncs the log, once, while one client works alone; pg_stat_wal
    counts and times that too."""
    server = Server(t, "wal_sync_method=fdatasync", "track_wal_io_timing=on", "wal_writer_delay=10s",
                    "wal_level=minimal", "max_wal_senders=0")
    server.sql("CREATE TABLE t (i int)")
    before = _syncs(server)
    tracer = server.traced("syscall:fdatasync")
    server.bench("INSERT INTO t VALUES (1);\n", "-c", "1", "-t", "200")
    tracer.stop()
    syncs, spent = (now - then for now, then in zip(_syncs(server), before))
    lossless(tracer.final())
    got = tracer.component("fdatasync")
    counted(got, syncs, "fdatasync")
    within(syncs, 200, 220, "syncs by pg_stat_wal")
    within(got["avg_ns"], spent / syncs * 0.8 - 3000, spent / syncs * 1.05, "mean sync")
    t.note(f"{syncs} syncs by both, mean {got['avg_ns'] / 1e3:.1f} us, by PostgreSQL {spent / syncs / 1e3:.1f} us")
