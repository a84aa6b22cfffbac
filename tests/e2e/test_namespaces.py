# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes in mount and PID namespaces of their own, whose files are to be seen only in there."""

import ctypes
import datetime
import os
import time

from harness import TARGETS, Target, case, check, conserved, counted, equal, need, wait_until, within

BESIDE = True  # harness.py


NAME = f"lapse{os.getpid()}"  # of the file inside


def _inside(t, program, *arguments):
    """PROGRAM as process 1 of its namespace: it, its PID here, and where its file lies in there."""
    need("unshare")
    os.makedirs(t.path("mnt"), exist_ok=True)
    path = t.path(f"mnt/{NAME}")
    script = (f"mount -t tmpfs none {t.path('mnt')} && cp {TARGETS}/{program} {path} && "
              f"exec {path} {' '.join(str(word) for word in arguments)}")
    target = t.started(Target(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                               "--propagation", "private", "sh", "-c", script]))
    equal(target.inner_pid, 1, "PID inside of the namespace")
    with open(f"/proc/{target.pid}/task/{target.pid}/children", encoding="ascii") as file:
        pid = int(file.read().split()[0])
    check(not os.path.exists(path), "the file can be seen from outside")
    return target, pid, path


@case()
def listed(t):
    target, pid, path = _inside(t, "timed", "--calls", 1)
    listing = t.lapse_ends("list", "-p", pid, "work_push")
    equal(listing.popen.returncode, 0, "exit code")
    check(NAME in listing.out[0], f"the file in {listing.out}")
    check(any(line.split()[-1] == "work_push" for line in listing.out), f"the function in {listing.out}")
    target.finish(2)


@case()
def traced_with_stacks(t):
    """Callers are named out of the file inside; so is the process, by its number outside."""
    target, pid, path = _inside(t, "unframed", "sleep", 8, "5ms")
    tracer = t.lapse("trace", "-p", pid, "handle_order", "--slower", "2ms", "--json")
    target.go()
    target.done()
    tracer.stop()
    spans = [span for span in tracer.objects("span") if not span["open"]]
    equal(len(spans), 8, "slow calls")
    check(all(span["pid"] == pid for span in spans), "the process of a span")
    frames = [frame for span in spans for frame in span["longest_wait"]["frames"] if frame["file"] == path]
    names = {frame["name"] for frame in frames}
    check({"await_sleep", "check_risk", "handle_order"} <= names, f"functions of the file inside: {names}")
    conserved(tracer.final())
    target.finish()


@case()
def by_name_and_file(t):
    """By the name, and by the path that the file has in there."""
    for option in ("--comm", "--exe"):
        target, _, path = _inside(t, "timed", "--calls", 100, "--ns", "5us")
        tracer = t.lapse("stat", option, NAME if option == "--comm" else path, "work_push", "--json")
        target.go()
        target.done()
        tracer.stop()
        counted(tracer.component("work_push"), 100, f"work_push by {option}")
        target.finish()


@case()
def first_minute(t):
    """What runs there is named, and so are its callers."""
    target, pid, path = _inside(t, "timed", "--calls", 400, "--ns", "5ms")
    target.go()
    first = t.lapse_ends("-p", pid, "-d", "1")
    equal(first.popen.returncode, 0, "exit code")
    check(any("work_push" in line for line in first.out[:10]), "\n".join(first.out[:10]))
    check(any(f"lapse trace -p {pid} timed_body" in line for line in first.out), "\n".join(first.out))
    target.done()
    target.finish()


CLONE_NEWTIME = 0x80


def _ahead():
    """In a child, before it runs its program: a monotonic clock of its own."""
    if ctypes.CDLL(None).unshare(CLONE_NEWTIME):
        raise OSError("no clock of its own")
    with open("/proc/self/timens_offsets", "w", encoding="ascii") as file:
        file.write("monotonic 5000 0\n")


@case()
def another_clock(t):
    """In a time namespace of lapse's own the kernel's times are another clock's than the one that it reads."""
    target = t.target("timed", "--calls", 5, "--ns", "3ms")
    tracer = t.lapse("trace", "-p", target.pid, "work_push", "--slower", "1ms", "--json", preexec_fn=_ahead)
    target.go()
    target.done()
    tracer.stop()
    spans = tracer.objects("span")
    equal(len(spans), 5, "slow calls")
    for span in spans:
        at = datetime.datetime.fromisoformat(span["time"][:19] + "+00:00").timestamp()
        within(at - time.time(), -60, 5, "a call's time from now")
        within(int(span["start_ns"]) - time.clock_gettime_ns(time.CLOCK_MONOTONIC), -60e9, 0, "its start from now")
    within(tracer.final()["system"]["observed_s"], 0, 60, "observed")
    target.finish()
