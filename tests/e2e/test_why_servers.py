# SPDX-License-Identifier: GPL-2.0-or-later
"""Why calls of real servers and clients were slow: a row's lock, a command that sleeps, a peer that dawdles."""

import http.client
import os
import time

from harness import ROOT, case, check, conserved, equal, need, within
from test_nginx import Nginx
from test_postgres import PG, Server
from test_redis import _redis

MOST = 0.95  # of a slow span, that its cause has at least


def _slow(tracer, component, least_ns):
    return [span for span in tracer.objects("span")
            if span["component"] == component and not span["open"] and span["duration_ns"] >= least_ns]


def _mostly(span, cause, of_ns):
    """The cause has nearly all of the time that is known to have been spent so, and what the machine then let it
    wait for a processor."""
    check(span["cause"], f"no causes of {span}")
    within(span["cause"][f"{cause}_ns"], MOST * of_ns - span["cause"]["runq_ns"], span["duration_ns"],
           f"{cause} among {span['cause']}")
    equal(span["longest_wait"]["cause"], cause, "cause of the longest wait")


# ---- PostgreSQL --------------------------------------------------------------------------------


class Session:
    """psql, whose backend is known; a statement at a time."""

    def __init__(self, t, server):
        self.process = t.process(f"{PG}/psql", "-X", "-A", "-t", "-q", *server.where, "postgres")
        self.process.send("SELECT 'backend=' || pg_backend_pid();\n")
        self.backend = int(self.process.wait_line(r"^backend=(\d+)")[1])

    def say(self, text):
        self.process.send(text + "\n")

    def do(self, text, mark):
        self.say(f"{text}\n\\echo {mark}")
        self.process.wait_line(f"^{mark}$")

    def leave(self):
        self.process.popen.stdin.close()
        self.process.wait()


def _row_lock(t, *options):
    """One session updates a row that the other has; (the span of the one that waits, the other's backend)."""
    server = Server(t, "fsync=off")
    server.sql("CREATE TABLE t (i int, n int); INSERT INTO t VALUES (1, 0)")
    holder, waiter = Session(t, server), Session(t, server)
    tracer = t.lapse("trace", "-p", f"{holder.backend},{waiter.backend}", "PortalRun", "CommitTransactionCommand",
                     "--slower", "1us", "--json", *options)
    holder.do("BEGIN; UPDATE t SET n = n + 1 WHERE i = 1;", "updated")
    waiter.say("UPDATE t SET n = n + 1 WHERE i = 1;\n\\echo got it")
    server.waits_for_lock(waiter.backend)
    start = time.monotonic_ns()
    time.sleep(0.3)
    held = time.monotonic_ns() - start
    holder.do("COMMIT;", "committed")
    waiter.process.wait_line("^got it$")
    tracer.stop()
    conserved(tracer.final())
    spans = [span for span in _slow(tracer, "PortalRun", held) if span["pid"] == waiter.backend]
    equal(len(spans), 1, "slow updates")
    for session in (holder, waiter):
        session.leave()
    return spans[0], holder.backend, held


def _ended_by(span, backend):
    waker = span["longest_wait"]["waker"]
    equal((waker["comm"], waker["tid"]), ("postgres", backend), "who ended the wait")
    equal(waker["component"], "CommitTransactionCommand", "the span that the waker was in")


@case(120)
def a_row_s_lock_by_what_ends_it(t):
    """Without more than the system call and what ends it, the word of another process was waited for."""
    span, backend, held = _row_lock(t)
    _mostly(span, "handoff", held)
    _ended_by(span, backend)


@case(120)
def a_row_s_lock_by_its_function(t):
    """The waiter sits in epoll_wait; ProcSleep says what for."""
    span, backend, held = _row_lock(t, "--wait", "lock=ProcSleep")
    _mostly(span, "lock", held)
    _ended_by(span, backend)


@case(120)
def waits_of_the_contract(t):
    """contracts/postgres.yaml knows what its backends wait for: a row's lock, and a statement that sleeps."""
    server = Server(t, "fsync=off")
    server.sql("CREATE TABLE t (i int, n int); INSERT INTO t VALUES (1, 0)")
    holder, waiter = Session(t, server), Session(t, server)
    contract = os.path.join(ROOT, "contracts", "postgres.yaml")
    equal(t.lapse_ends("check", contract, "-p", waiter.backend).popen.returncode, 0, "exit code of check")
    tracer = t.lapse("watch", contract, "-p", waiter.backend, "--json")
    holder.do("BEGIN; UPDATE t SET n = n + 1 WHERE i = 1;", "updated")
    waiter.say("UPDATE t SET n = n + 1 WHERE i = 1;\n\\echo got it")
    server.waits_for_lock(waiter.backend)
    time.sleep(0.4)
    holder.do("COMMIT;", "committed")
    waiter.process.wait_line("^got it$")
    waiter.do("SELECT pg_sleep(0.4);", "slept")
    tracer.stop(code=None)
    execute = tracer.component("execute")
    parts = execute["causes"][0]["parts"]
    t.note(f"of {execute['count']} executions: {parts}")
    check(parts["lock"] > 0.25 and parts["sleep"] > 0.25, f"lock and sleep among {parts}")
    within(sum(parts[cause] for cause in ("poll", "handoff", "other")), 0, 0.05, f"what the waits explain, of {parts}")
    for session in (holder, waiter):
        session.leave()


@case(120)
def psql_awaits_an_answer(t):
    """libpq polls its socket: the server is named."""
    server = Server(t, "fsync=off")
    session = Session(t, server)
    tracer = t.lapse("trace", "-p", session.process.pid, "libpq:PQgetResult", "--slower", "100ms", "--json")
    session.say("SELECT pg_sleep(0.3);\n\\echo slept")
    session.process.wait_line("^slept$")
    tracer.stop()
    spans = _slow(tracer, "PQgetResult", 300e6)
    equal(len(spans), 1, "slow answers")
    _mostly(spans[0], "net", 0.3e9)
    equal(spans[0]["longest_wait"]["peer"], f"127.0.0.1:{server.where[3]}", "the peer")
    session.leave()


# ---- redis, nginx, curl ------------------------------------------------------------------------


@case()
def redis_that_sleeps(t):
    process, client, _ = _redis(t, "--enable-debug-command", "yes")
    tracer = t.lapse("trace", "-p", process.pid, "call", "--slower", "100ms", "--json")
    client("DEBUG", "SLEEP", "0.3")
    tracer.stop()
    spans = _slow(tracer, "call", 300e6)
    equal(len(spans), 1, "slow commands")
    _mostly(spans[0], "sleep", 0.3e9)
    equal(spans[0]["longest_wait"]["waker"]["interrupt"], "a timer", "what ended it")


@case()
def nginx_before_a_slow_upstream(t):
    """A turn of nginx's loop waits in epoll for whichever of its sockets has something: it is the upstream."""
    nginx = Nginx(t)
    tracer = nginx.traced("trace", "ngx_process_events_and_timers", "--slower", "200ms")
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=20)
    connection.request("GET", "/slow/300")
    response = connection.getresponse()
    equal((response.status, response.read()), (200, b"ok\n"), "answer of nginx")
    connection.close()
    nginx.finish()
    tracer.stop()
    spans = [span for span in _slow(tracer, "ngx_process_events_and_timers", 200e6)
             if span["longest_wait"]["peer"] == f"127.0.0.1:{nginx.upstream}"]
    equal(len(spans), 1, f"turns that waited for the upstream, of {tracer.objects('span')}")
    _mostly(spans[0], "net", 0.9 * spans[0]["duration_ns"])


@case()
def curl_awaits_an_answer(t):
    """A program that ends with its answer, started under the tracer. While it waits it looks up now and then, for
    its own sake: such a poll is ended by its timeout, and so it is said."""
    nginx, curl = Nginx(t), need("curl")
    tracer = t.lapse_ends("trace", "libcurl:curl_easy_perform", "--slower", "50ms", "--json", "--", curl, "-s",
                          *[word for i, delay in enumerate((100, 400)) for word in
                            ("-o", t.path(f"answer{i}"), f"http://127.0.0.1:{nginx.upstream}/slow/{delay}")])
    spans = _slow(tracer, "curl_easy_perform", 100e6)
    equal(len(spans), 2, f"slow transfers; {tracer.last_words()}")
    short, long = sorted(spans, key=lambda span: span["duration_ns"])
    _mostly(short, "net", 0.1e9)
    equal(short["longest_wait"]["peer"], f"127.0.0.1:{nginx.upstream}", "the peer")
    within(sum(long["cause"][f"{cause}_ns"] for cause in ("net", "poll", "runq")), MOST * 0.4e9, long["duration_ns"],
           f"{long['cause']}")
    check(long["cause"]["net_ns"] > 0, f"no net among {long['cause']}")
    t.note(f"{long['cause']}")
