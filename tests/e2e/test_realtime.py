# SPDX-License-Identifier: GPL-2.0-or-later
"""One thread of lapse takes breaches in ahead of all usual threads, and nothing else of it does."""

import ctypes
import os
import resource
import signal
import time

from harness import Fail, case, check, conserved, equal, wait_until

BESIDE = True  # harness.py

PR_CAPBSET_DROP, CAP_SYS_NICE = 24, 23

CONTRACT = """lapse: 1
components:
  work: {measure: work_push, contract: {max_latency: 1ms}}
handlers:
  - {when: '*', exec: ["%s"]}
"""


def _watched(t, *options, **popen):
    """A target of whose calls each second one is a breach."""
    target = t.target("timed", "--calls", 200, "--ns", "10us,2ms", "--gap", "1ms")
    told = t.write("told", "", 0o666)
    handler = t.write("handler", f"#!/bin/sh\nchrt -p $$ >{told}\n", 0o755)
    path = t.write("contract.yaml", CONTRACT % handler)
    return target, t.lapse("watch", path, "-p", target.pid, "--json", *options, **popen), told


def _policies(tracer):
    """Name -> policy of each of its threads."""
    found = {}
    for tid in map(int, os.listdir(f"/proc/{tracer.pid}/task")):
        with open(f"/proc/{tracer.pid}/task/{tid}/comm", encoding="ascii") as file:
            found[file.read().strip()] = os.sched_getscheduler(tid)
    return found


def _all_usual(tracer):
    policies = _policies(tracer)
    check("lapse-drain" not in policies, f"threads: {policies}")
    equal(set(policies.values()), {os.SCHED_OTHER}, f"policies, {policies}")


def _ended(target, tracer):
    target.go()
    target.done()
    return _stopped(target, tracer)


def _stopped(target, tracer):
    tracer.stop(code=1)
    target.finish()
    conserved(tracer.final())
    check(tracer.component("work")["violations"] >= 100, f"violations: {tracer.component('work')['violations']}")
    return tracer.final()["overhead"]


@case()
def the_draining_thread_alone_runs_ahead(t):
    target, tracer, told = _watched(t)
    policies = _policies(tracer)
    equal(policies.pop("lapse-drain"), os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, "policy of the draining thread")
    equal(set(policies.values()), {os.SCHED_OTHER}, f"policies of the others, {policies}")
    equal(resource.prlimit(tracer.pid, resource.RLIMIT_RTTIME)[0], 20000, "microseconds that it may run without a rest")
    overhead = _ended(target, tracer)
    check(0 < overhead["delivery_p50_ns"] <= overhead["delivery_p99_ns"], f"delivery: {overhead}")
    t.note(f"breaches were taken in after {overhead['delivery_p50_ns'] / 1e3:.1f} us, "
           f"p99 {overhead['delivery_p99_ns'] / 1e3:.1f} us")
    wait_until(lambda: os.path.getsize(told), "the handler")
    with open(told, encoding="ascii") as file:
        check("SCHED_OTHER" in file.read(), "the handler does not run as others do")


def _draining(tracer):
    """The draining thread: its number, and what the kernel says of it."""
    for tid in os.listdir(f"/proc/{tracer.pid}/task"):
        with open(f"/proc/{tracer.pid}/task/{tid}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        if status["Name"].strip() == "lapse-drain":
            return int(tid), status
    raise Fail("no draining thread")


def _wakings(tracer):
    """How often it has gone to sleep so far."""
    return int(_draining(tracer)[1]["voluntary_ctxt_switches"])


@case()
def it_leaves_the_processor_that_breaches_come_from(t):
    target, tracer, _ = _watched(t)
    tid, _ = _draining(tracer)
    allowed = os.sched_getaffinity(tid)
    check(len(allowed) > 1, "one processor is not enough for this")
    shared = min(allowed)
    for thread in [*map(int, os.listdir(f"/proc/{target.pid}/task")), tid]:
        os.sched_setaffinity(thread, {shared})
    target.go()
    target.done()
    equal(os.sched_getaffinity(tid), allowed - {shared}, "the processors left to it")
    _stopped(target, tracer)


@case()
def a_storm_of_breaches_seldom_wakes_it(t):
    """It looks once a millisecond by itself; those who breach wake it each other millisecond, not five times in each."""
    target = t.target("timed", "--calls", 200000, "--ns", "1us")
    tracer = t.lapse("trace", "--no-why", "-p", target.pid, "work_push", "--slower", "0ns", "--json")
    before, start = _wakings(tracer), time.monotonic()
    target.go()
    target.done()
    wakings, ms = _wakings(tracer) - before, (time.monotonic() - start) * 1e3
    tracer.stop()
    target.finish()
    t.note(f"woken {wakings} times in {ms:.0f} ms")
    check(0 < wakings <= 2 * ms + 50, f"woken {wakings} times in {ms:.0f} ms")
    conserved(tracer.final())


@case()
def not_where_it_is_not_wanted(t):
    target, tracer, _ = _watched(t, "--no-realtime")
    _all_usual(tracer)
    equal(_ended(target, tracer)["delivery_p50_ns"], None, "delivery, which nobody measures")


def _without_the_right():
    """In the child: CAP_SYS_NICE is not among what the next program can get."""
    check(ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_NICE, 0, 0, 0) == 0, "PR_CAPBSET_DROP")


@case()
def not_where_it_is_not_allowed(t):
    """Records are taken in all the same."""
    target, tracer, _ = _watched(t, preexec_fn=_without_the_right)
    _all_usual(tracer)
    equal(_ended(target, tracer)["delivery_p50_ns"], None, "delivery, which nobody measures")


@case()
def one_that_runs_for_long_has_to_share(t):
    """The kernel tells it so by SIGXCPU; it goes on as a usual thread."""
    target, tracer, _ = _watched(t)
    tracer.signal(signal.SIGXCPU)
    wait_until(lambda: _policies(tracer)["lapse-drain"] == os.SCHED_OTHER, "it to be a usual thread")
    check(_ended(target, tracer)["delivery_p50_ns"] > 0, "it took nothing in any more")
