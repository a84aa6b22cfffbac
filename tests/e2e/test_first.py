# SPDX-License-Identifier: GPL-2.0-or-later
"""The first minute: no probe is named, and the culprit stands in the first ten lines; what is proposed works."""

import os
import re
import shlex
import signal
import time

from harness import (LAPSE, ROOT, Process, Target, case, check, equal, free_port, instead_of, need, processors, wait_until,
                     within)
from test_postgres import PG, Server
from test_verbs import _keep_to_schema
from test_why_servers import Session

BESIDE = True  # harness.py

BLOCKER = os.path.join(ROOT, "tests/targets/blocker.js")


def _look(t, *words, seconds=3):
    """A look's report; it is there whatever was found."""
    tracer = t.lapse_ends(*words, "-d", seconds, seconds=60)
    equal(tracer.popen.returncode, 0, f"exit code of lapse; {tracer.last_words()}")
    check(tracer.out, "it said nothing")
    return tracer.out


def _stands_first(lines, *patterns):
    """One of the first ten lines has all of them."""
    check(any(all(re.search(pattern, line) for pattern in patterns) for line in lines[:10]),
          f"no line with {patterns} among the first ten:\n" + "\n".join(lines[:10]))


def _commands(lines):
    at = next((i for i, line in enumerate(lines) if line == "PROBE NEXT"), None)
    check(at is not None, "no ready commands")
    found = []
    for line in lines[at + 1:]:
        if not line.startswith("  lapse "):
            break
        found.append(shlex.split(line))
    check(found, "no ready commands")
    return found


def _paste(t, command, until=None):
    """Types @command as it stands, but that it ends by itself; it traces, and shows a line that has UNTIL."""
    equal(command[0], "lapse", "the program of a ready command")
    if command[1] == "list":
        equal(t.lapse_ends(*command[1:], seconds=60).popen.returncode, 0, f"exit code of {command}")
        return
    tracer = t.lapse_ends(*command[1:], "-d", 2, seconds=60)
    equal(tracer.popen.returncode, 0, f"exit code of {command}; {tracer.last_words()}")
    tracer.wait_line(r"^lapse: tracing \d+ probe", tracer.err)
    if until:
        tracer.wait_line(until)


# ---- a service in C++ ----------------------------------------------------------------------------


@case(beside=False)
def a_mutex_that_is_held_too_long(t):
    """Who waits, where, and who ended that, with what that one does all the time; a pool of idle threads is not
    in the way."""
    target = t.target("service", "lock")
    lines = _look(t, "-p", target.pid)
    _stands_first(lines, r"^service \(PID \d+\): \d+ % of the busy time waiting: \d+ % lock")
    _stands_first(lines, "lock", "in shop::OrderBook::match_order", r"ended by rebuilder/\d+",
                  "mostly in shop::OrderBook::rebuild_index")
    check(any(re.search(r"6  pool +idle 100 %", line) for line in lines), "the pool is not idle:\n" + "\n".join(lines))
    commands = _commands(lines)
    equal(commands[0][:5], ["lapse", "trace", "-p", str(target.pid), "shop::OrderBook::match_order"],
          "the first ready command")
    _paste(t, commands[0], until="lock.*match_order")
    for command in commands[1:]:
        _paste(t, command)
    target.finish()


@case(beside=False)
def waits_of_microseconds(t):
    """Waits that are over before their stacks are read have them all the same: the next ones stand for them."""
    target = t.target("service", "hot")
    tracer = t.lapse_ends("-p", target.pid, "-d", 3, "--json", seconds=60)
    stacks = [stack for stack in tracer.objects("first_stack") if stack["cause"] == "handoff"]
    named = {name: sum(stack["duration_ns"] for stack in stacks if stack["function"] == f"shop::{name}")
             for name in ("OrderBook::ask_warehouse", "warehouse")}
    total = sum(stack["duration_ns"] for stack in stacks)
    check(total > 0 and all(named.values()), f"of {total} ns of waits {named} have a function")
    within(sum(named.values()), 0.9 * total, total, "waits whose function is known")
    t.note(f"{total / 1e9:.2f} s, {named}")
    target.finish()


@case(beside=False)
def a_function_that_computes_too_much(t):
    target = t.target("service", "slow")
    lines = _look(t, "-p", target.pid)
    _stands_first(lines, "on-cpu", "in shop::OrderBook::price_order")
    commands = _commands(lines)
    check(["lapse", "trace", "-p", str(target.pid), "shop::OrderBook::price_order"] in [c[:5] for c in commands],
          f"price_order is not proposed, but {commands}")
    for command in commands:
        _paste(t, command, until="price_order" if "price_order" in command[4] else None)
    target.finish()


@case()
def nothing_to_do(t):
    """An idle process is said to be idle; there is no empty table, and something to go on with."""
    target = t.target("service", "idle")
    lines = _look(t, "-p", target.pid, seconds=1)
    _stands_first(lines, r"^service \(PID \d+\): idle: its threads waited for work$")
    check(any("idle 100 %" in line for line in lines), "no thread is shown")
    titles = [i for i, line in enumerate(lines) if line.isupper()]
    check(all(i + 1 < len(lines) and lines[i + 1] for i in titles), "a table is empty:\n" + "\n".join(lines))
    for command in _commands(lines):
        _paste(t, command)
    target.finish()


# ---- causes that are known ---------------------------------------------------------------------------


def _cause(t, kind, part, peer=None, *options):
    """The worker's time, which is all spent so."""
    target = t.target("causes", kind, "--calls", 100000, "--ns", "20ms", "--file", t.path("file"), *options)
    target.go()
    tracer = t.lapse_ends("-p", target.pid, "-d", 2, "--json", seconds=60)
    threads = {thread["tid"]: thread for thread in tracer.objects("first_thread")}
    for thread in threads.values():
        parts = sum(value for key, value in thread.items() if key.endswith("_ns") and key not in
                    ("wall_ns", "longest_turn_ns"))
        within(parts, thread["wall_ns"] * 0.999, thread["wall_ns"] * 1.001, f"sum of the parts of {thread}")
    culprit = next(c for c in tracer.objects("first_culprit") if c["cause"] == part)
    busy = tracer.objects("first")[0]["busy_ns"]
    t.note(f"{culprit['text']}; busy {busy / 1e9:.2f} s")
    worker = threads[culprit["tid"]]
    slow = worker["wall_ns"] - worker["runq_ns"] - worker["on_cpu_ns"] - worker["idle_ns"]
    within(worker[f"{part}_ns"], 0.9 * slow, worker["wall_ns"], f"{part} of {worker}")
    return target, tracer, culprit


@case()
def a_holder_of_a_mutex(t):
    _, _, culprit = _cause(t, "lock", "lock")
    check("wait_lock" in culprit["text"] and re.search(r"ended by holder/\d+", culprit["text"]), culprit["text"])


@case()
def a_peer_that_takes_its_time(t):
    """By recv, and by a poll before it: the peer is named, and proposed."""
    for kind in ("net", "net_poll", "net_epoll"):
        target, tracer, culprit = _cause(t, kind, "net")
        peers = tracer.objects("first_peer")
        equal(len(peers), 1, f"peers of {kind}")
        check(re.match(r"127\.0\.0\.1:\d+$", peers[0]["peer"]), f"the peer is {peers[0]}")
        check(peers[0]["peer"] in culprit["text"] and f"wait_{kind}" in culprit["text"], culprit["text"])
        commands = [shlex.split(o["command"]) for o in tracer.objects("first_command")]
        request = next((c for c in commands if "tcp:request" in c[4]), None)
        equal(request and request[4], f"tcp:request peer={peers[0]['peer']}", "what is proposed for the peer")
        if kind == "net":
            _paste(t, request, until=r"\d")
        target.end()


@case()
def other_waits(t):
    for kind, part in (("sleep", "sleep"), ("handoff", "handoff"), ("handoff_pipe", "handoff")):
        target, _, culprit = _cause(t, kind, part)
        check(f"wait_{kind}" in culprit["text"] or "await_word" in culprit["text"], culprit["text"])
        target.end()


# ---- Node -------------------------------------------------------------------------------------------------


def _node(t, *options):
    target = t.started(Target([need("node"), *options, BLOCKER], cwd=t.dir))
    lines = _look(t, "-p", target.pid)
    loop = [command for command in _commands(lines) if command[4:5] == ["loop"]]
    equal(len(loop), 1, "proposals to time the loop")
    _paste(t, loop[0], until="loop")
    check(any("TURNS OF EVENT LOOPS" in line for line in lines), "no turns of the loop")
    target.finish()
    return lines


@case(beside=False)
def a_function_that_blocks_node(t):
    """By the names that Node writes down."""
    lines = _node(t, "--perf-basic-prof")
    _stands_first(lines, "on-cpu", r"rebuildCache .*blocker\.js:\d+")


@case(beside=False)
def node_that_writes_no_names(t):
    """What can be said without: that it computes in code without names, how to get them, how long turns are."""
    lines = _node(t)
    _stands_first(lines, "on-cpu", r"in \[code made at run time, which has no names\]")
    check(any("--perf-basic-prof" in line for line in lines), "no word of how to get names")


# ---- PostgreSQL ---------------------------------------------------------------------------------------------


@case(180)
def a_row_s_lock(t):
    """The session that waits sits in epoll_wait, like the one that has nothing to do."""
    server = Server(t, "fsync=off")
    server.sql("CREATE TABLE t (i int, n int); INSERT INTO t VALUES (1, 0)")
    holder, waiter = Session(t, server), Session(t, server)
    holder.do("BEGIN; UPDATE t SET n = n + 1 WHERE i = 1;", "updated")
    waiter.say("UPDATE t SET n = n + 1 WHERE i = 1;\n\\echo got it")
    wait_until(lambda: server.sql("SELECT wait_event_type FROM pg_stat_activity WHERE pid = "
                                  f"{waiter.backend}") == [["Lock"]], "the session to wait")
    lines = _look(t, "-p", f"{holder.backend},{waiter.backend}")
    _stands_first(lines, r"% lock")
    _stands_first(lines, "lock", "in ProcSleep <- .*XactLockTableWait <- heap_update", r"\[epoll_wait\]")
    _stands_first(lines, "pg_blocking_pids")
    check(any(re.search(rf"{holder.backend} +1  postgres +idle 100 %", line) for line in lines),
          "the other session is not idle:\n" + "\n".join(lines))
    for command in _commands(lines):
        equal(command[3], str(waiter.backend), "whom a ready command is for")
        _paste(t, command)
    holder.do("COMMIT;", "committed")
    for session in (holder, waiter):
        session.leave()


@case(180, beside=False)
def waits_that_are_many(t):
    """Sessions that wait for a row's lock, and for much else, hundreds of times between two looks: each time it is the
    lock, and every wait has a place."""
    server = Server(t)
    server.sql("CREATE TABLE t (i int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0)")
    bench = t.process(f"{PG}/pgbench", *server.where, "-n", "-f",
                      t.write("lock.sql", "UPDATE t SET n = n + 1 WHERE i = 1;\n"), "-c", 3, "-j", 1, "-T", 60, "postgres")
    wait_until(lambda: server.sql("SELECT n > 100 FROM t") == [["t"]], "the sessions to be at it")
    tracer = t.lapse_ends("--exe", os.path.realpath(f"{PG}/postgres"), "-d", 3, "--json", seconds=60)
    sessions = [o for o in tracer.objects("first_thread") if o["lock_ns"] + o["handoff_ns"] > 0.1 * o["wall_ns"]]
    equal(len(sessions), 3, "sessions that wait for each other")
    for o in sessions:
        check(o["handoff_ns"] < 0.1 * o["lock_ns"], f"a session's lock is another's word: {o}")
        t.note(f"{o['lock_ns'] / 1e6:.0f} ms lock, {o['handoff_ns'] / 1e6:.0f} ms handoff")
    texts = [o["text"] for o in tracer.objects("first_culprit")]
    check(not any(re.search(r"%  [\w-]+ *(,|$)", text) for text in texts), f"a place is missing: {texts}")
    bench.end()


@case(180, beside=False)
def a_slow_query(t):
    """What it computes, of a program whose own symbols are stripped, and that was built without frame pointers;
    all processes of the server are looked at."""
    server = Server(t, "fsync=off", "jit=off")
    session = Session(t, server)
    session.say("SELECT count(*) FROM generate_series(1, 100000000) a WHERE md5(a::text) < '0';")
    wait_until(lambda: server.sql(f"SELECT state FROM pg_stat_activity WHERE pid = {session.backend}") == [["active"]],
               "the query to begin")
    lines = _look(t, "-p", server.process.pid, "--follow", seconds=5)
    _stands_first(lines, "on-cpu", "in .*(ExecMakeTableFunctionResult|tuplestore|md5|ExecScan|generate_series)")
    commands = _commands(lines)
    equal(commands[0][3], str(session.backend), "whom the first ready command is for")
    _paste(t, commands[0])
    session.process.end()


@case(120)
def an_answer_that_does_not_come(t):
    """psql polls its connection for as long as lapse looks: nothing ends the poll, so nothing tells its cause, but
    for what it polls. It may have begun before."""
    server = Server(t, "fsync=off")
    session = Session(t, server)
    session.say("SELECT pg_sleep(60);")
    wait_until(lambda: server.sql(f"SELECT wait_event FROM pg_stat_activity WHERE pid = {session.backend}") ==
               [["PgSleep"]], "the session to sleep")
    lines = _look(t, "-p", session.process.pid)
    _stands_first(lines, rf"\d+ % net 127\.0\.0\.1:{server.where[3]}")
    check(["lapse", "trace", "-p", str(session.process.pid), f"tcp:request peer=127.0.0.1:{server.where[3]}"] in
          [command[:5] for command in _commands(lines)], "the peer is not proposed")
    session.process.end()


# ---- Redis ---------------------------------------------------------------------------------------------------


@case(60, beside=False)
def a_server_s_clients(t):
    """They are no peers that it waits for, however often both ends meet on two processors; they are served, at the
    port that the server listens on."""
    need("redis-server", "redis-benchmark")
    port = free_port()
    server = t.process("redis-server", "--port", port, "--save", "", cwd=t.dir)
    server.wait_line("Ready to accept connections")
    clients = t.process("redis-benchmark", "-p", port, "-c", 4, "-n", 100000000, "-t", "get,set", "-q")
    tracer = t.lapse_ends("-p", server.pid, "-d", 8, "--json", seconds=60)
    equal(tracer.objects("first_peer"), [], "clients that are peers")
    commands = [shlex.split(o["command"]) for o in tracer.objects("first_command")]
    serve = [c for c in commands if c[4].startswith("tcp:")]
    equal([c[4] for c in serve], [f"tcp:serve port={port}"], "what is proposed for connections")
    serve[0][-1] = "1ns"
    _paste(t, serve[0], until=r"\d")
    clients.end()


# ---- how it is used ------------------------------------------------------------------------------------------


@case()
def enough_is_enough(t):
    """Ctrl-C ends the look with its report, and so does a terminal that goes, and the target's own end; signals that
    ask for something else do not end it."""
    target = t.target("service", "lock")
    for number in (signal.SIGINT, signal.SIGHUP):
        tracer = t.started(Process([LAPSE, "-p", str(target.pid), "-d", "1h"], name="lapse"))
        tracer.wait_line("^lapse: looking for", tracer.err)
        for other in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
            tracer.signal(other)
            time.sleep(0.2)
        check(tracer.running(), f"it has ended: {tracer.last_words()}")
        equal(len([line for line in tracer.err if "not for a first look" in line]), 1, "how often it says so")
        tracer.signal(number)
        equal(tracer.wait(), 0, f"exit code after {number.name}")
        check(tracer.out and "service" in tracer.out[0], f"no report after {number.name}")
    tracer = t.started(Process([LAPSE, "-p", str(target.pid), "-d", "1h"], name="lapse"))
    tracer.wait_line("^lapse: looking for", tracer.err)
    time.sleep(0.5)
    target.finish()
    equal(tracer.wait(), 0, "exit code after the target's end")
    check(tracer.out and "service" in tracer.out[0], "no report of a process that has ended")


@case()
def objects_as_the_schema_has_them(t):
    target = t.target("service", "lock")
    tracer = t.lapse_ends("-p", target.pid, "-d", 2, "--json", seconds=60)
    equal(tracer.objects()[0]["type"], "first", "the first object")
    seen = _keep_to_schema(t, tracer.objects())
    for kind in ("first_culprit", "first_thread", "first_stack", "first_command", "first_blind"):
        check(kind in seen, f"no object {kind}")
    target.finish()


@case()
def what_it_does_not_take(t):
    for words, code, said in (((), 2, "Usage"), (("-d", "3"), 2, "which process"), (("-p", "999999"), 4, "999999"),
                              (("-p", "1", "main"), 2, "name a verb")):
        tracer = t.lapse_ends(*words)
        equal(tracer.popen.returncode, code, f"exit code of lapse {words}")
        check(any(said in line for line in tracer.err), f"lapse {words} said {tracer.err}")


@case(beside=False)
def by_file_and_by_name(t):
    """Every process of it, those included that they start meanwhile."""
    target = t.target("service", "slow")
    exe = os.path.realpath(f"/proc/{target.pid}/exe")
    _stands_first(_look(t, "--exe", exe, seconds=2), "on-cpu", "price_order")
    _stands_first(_look(t, "--comm", "service", seconds=2), "on-cpu", "price_order")
    target.finish()


# ---- the machine ---------------------------------------------------------------------------------------


@case()
def what_the_host_kept_back(t):
    target, stat = t.target("timed", "--calls", 1, "--ns", "1ms"), t.path("stat")
    processors(stat, 100, 0, 100, 700, 0, 0, 0, 100)
    tracer = t.lapse("-p", target.pid, "-d", 1, wait=False, preexec_fn=lambda: instead_of("/proc/stat", stat))
    tracer.wait_line("looking for 1 s", tracer.err)
    processors(stat, 200, 50, 250, 1200, 0, 0, 0, 300)
    tracer.wait(60)
    tracer.wait_line("^  when the host kept processors back, 20.00 % of their time: on-cpu has its part of it$")
    target.go()
    target.done()
    target.finish()
