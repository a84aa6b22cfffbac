# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls and turns of event loops, in programs that time or count these themselves."""

import os
import subprocess

from harness import TARGETS, Skip, Target, case, check, conserved, counted, equal, lossless, need, wait_until, within

PYTHON = "/usr/bin/python3"


@case()
def syncs_by_the_program_s_own_clock(t):
    """fsync and fdatasync of two threads at once. The program's clock is read around the calls and has the
    probes' cost in it, which lapse takes out."""
    target = t.target("syncer", t.path("file"), "--threads", 2)
    tracer = t.stat(target.pid, "syscall:fsync", "syscall:fdatasync")
    target.go()
    truth = target.done()
    tracer.stop()
    lossless(tracer.final())
    whole, data = tracer.component("fsync"), tracer.component("fdatasync")
    counted(whole, truth["calls"] + truth["failed"], "fsync")
    counted(data, truth["calls"], "fdatasync")
    equal((whole["errors"], data["errors"]), (truth["failed"], 0), "errors")
    for got, name in ((whole, "fsync_ns"), (data, "fdatasync_ns")):
        within(got["p50_ns"], truth[name] * 0.85 - 3000, truth[name] * 1.05, f"median by {name}")
        t.note(f"median {got['p50_ns']} ns, by the program {truth[name]} ns")
    target.finish()


@case()
def turns_without_symbols(t):
    """A loop has no function to be found: it is measured in a file of which nothing is left but its code."""
    path = os.path.join(TARGETS, "turner")
    if not os.path.exists(path):
        raise Skip("turner is not built")
    subprocess.run([need("strip"), "--strip-all", "-R", ".comment", "-R", ".eh_frame*", "-o", t.path("bare"), path],
                   check=True)
    target = t.target(t.path("bare"), "--calls", 100)
    tracer = t.stat(target.pid, "loop", "nap=syscall:clock_nanosleep")
    target.go()
    truth = target.done()
    tracer.stop()
    conserved(tracer.final())
    counted(tracer.component("loop"), truth["turns"], "turns")
    counted(tracer.component("nap"), truth["calls"], "naps")
    within(tracer.component("loop")["p50_ns"], truth["turn_ns"] * 0.95, truth["turn_ns"] * 1.05, "median turn")
    target.finish()


SIGNALS = """import os, signal, sys, time

seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
for _ in range(500):
    signal.raise_signal(signal.SIGUSR1)
for _ in range(20):
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    time.sleep(0.02)
print(f"done seen={len(seen)}", flush=True)
sys.stdin.readline()
"""


@case()
def returns_from_handlers(t):
    """The kernel does not say which system call it was that ends then, and its value is that of the one that was
    interrupted, EINTR for instance."""
    target = t.started(Target([need(PYTHON), "-I", t.write("signals.py", SIGNALS)]))
    tracer = t.stat(target.pid, "syscall:rt_sigreturn", "syscall:tgkill")
    target.go()
    truth = target.done()
    tracer.stop()
    conserved(tracer.final())
    equal(truth["seen"], 520, "signals")
    returns = tracer.component("rt_sigreturn")
    counted(returns, truth["seen"], "returns from the handler")
    equal((returns["in_flight"], returns["errors"]), (0, 0), "returns in flight, and errors")
    target.finish()


ASYNCIO = """import asyncio, os, sys, time

loop = asyncio.new_event_loop()
waits, before, longest, shortest = 0, 0, 0, 1 << 63
select = loop._selector.select


def counting_select(timeout=None):
    global waits
    waits += 1
    return select(timeout)


def block(left):
    global longest, shortest
    start = time.monotonic_ns()
    while time.monotonic_ns() - start < 60e6:
        pass
    took = time.monotonic_ns() - start
    longest, shortest = max(longest, took), min(shortest, took)
    if left:
        loop.call_later(0.01, block, left - 1)
    else:
        print(f"done waits={waits - before} longest_ns={longest} shortest_ns={shortest}", flush=True)


def told():
    global before
    if sys.stdin.readline():
        before = waits
        loop.call_soon(block, 4)
    else:
        loop.stop()


loop._selector.select = counting_select
loop.add_reader(0, told)
loop.call_soon(lambda: print("ready", os.getpid(), flush=True))
loop.run_forever()
"""


def _waits(pid):
    """Whether the thread sleeps in epoll_wait, which is where a turn has ended."""
    with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
        return file.read().split()[0] == "232"


def _asyncio(t):
    if os.uname().machine != "x86_64":
        raise Skip("only x86-64's number of epoll_wait is known here")
    target = t.started(Target([need(PYTHON), "-I", t.write("loop.py", ASYNCIO)]))
    wait_until(lambda: _waits(target.pid), "the first wait")
    return target


@case()
def turns_of_asyncio(t):
    """Each wait that Python enters ends a turn; five callbacks hold the loop for 60 ms each."""
    target = _asyncio(t)
    tracer = t.stat(target.pid, "loop")
    target.go()
    truth = target.done()
    wait_until(lambda: _waits(target.pid), "the last wait")
    tracer.stop()
    lossless(tracer.final())
    turns = tracer.component("loop")
    # The wait that the program is in now came after its report.
    counted(turns, truth["waits"] + 1, "turns")
    blocked = [bucket for bucket in turns["histogram"] if bucket[0] >= 50e6]
    equal(sum(n for _, _, n in blocked), 5, "turns that blocked")
    # Whoever is driven out outside of its callback has a longer turn than it knows: not each of five has.
    low, high, _ = blocked[0]
    check(low <= truth["shortest_ns"] * 1.1 and truth["shortest_ns"] <= high,
          f"the shortest of them: {low} .. {high}, in truth {truth}")
    check(turns["max_ns"] >= truth["longest_ns"], f"longest turn: {turns['max_ns']}, in truth {truth}")
    target.finish()


@case()
def turns_and_waits_at_once(t):
    """One probe sees a thread work and the other wait: every wait that is entered ends a turn."""
    target = _asyncio(t)
    tracer = t.stat(target.pid, "loop", "wait=syscall:epoll_wait")
    target.go()
    truth = target.done()
    wait_until(lambda: _waits(target.pid), "the last wait")
    tracer.stop()
    final = tracer.final()
    lossless(final)
    turns, wait = final["components"]["loop"], final["components"]["wait"]
    counted(turns, truth["waits"] + 1, "turns")
    counted(wait, truth["waits"], "waits that have ended")
    equal(wait["in_flight"], 1, "waits in flight")
    target.finish()


WITHOUT_END = """import os, select, sys

poll = select.poll()
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
print("goes", flush=True)
while True:
    poll.poll(0)
"""


@case()
def the_end_amid_calls(t):
    """The links at entries and exits go one after the other, and what only one of them has seen is no loss."""
    target = t.target(PYTHON, "-c", WITHOUT_END)
    tracer = t.stat(target.pid, "loop", "wait=syscall:poll", "-i", "100ms")
    target.go()
    target.wait_line("^goes")
    wait_until(lambda: any(w["count"] for w in tracer.objects("window")), "turns of the loop")
    tracer.stop()
    final = tracer.final()
    lossless(final)
    for name in ("loop", "wait"):
        equal(final["components"][name]["abandoned"], 0, f"{name} without an end")
    equal(sum(final["components"][name]["in_flight"] for name in ("loop", "wait")), 1, "in flight at the end")
    target.end()
