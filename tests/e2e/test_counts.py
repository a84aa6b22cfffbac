# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts are exact: by first instruction, by thread, under load, beside a second tracer."""

import os
import signal

from harness import case, check, conserved, counted, equal, lossless, within


def _first_instruction(t, work, calls=2000):
    target = t.target("timed", "--work", work, "--calls", calls, "--ns", "2us")
    tracer = t.stat(target.pid, f"work_{work}")
    target.go()
    equal(target.done()["calls"], calls, "calls")
    tracer.stop()
    counted(tracer.component(f"work_{work}"), calls, f"work_{work}")
    lossless(tracer.final())
    target.finish()


@case()
def push(t):
    _first_instruction(t, "push")


@case()
def endbr(t):
    _first_instruction(t, "endbr")


@case()
def stepped(t):
    _first_instruction(t, "stepped")


@case()
def nop5(t):
    _first_instruction(t, "nop5")


@case()
def threads_32(t):
    target = t.target("timed", "--threads", 32, "--calls", 500, "--ns", "2us,10us")
    tracer = t.stat(target.pid, "work_push")
    target.go()
    calls = target.done()["calls"]
    tracer.stop()
    equal(calls, 16000, "calls")
    counted(tracer.component("work_push"), calls, "work_push")
    lossless(tracer.final())
    target.finish()


@case()
def million_calls(t):
    """Two threads, a million calls a second: the kernel's histogram misses none."""
    target = t.target("hot", "--calls", 1000000)
    tracer = t.stat(target.pid, "hot")
    target.go()
    equal(target.done(seconds=40)["calls"], 1000000, "calls")
    tracer.stop()
    counted(tracer.component("hot"), 1000000, "hot")
    lossless(tracer.final())
    target.finish()


@case()
def two_tracers_agree(t):
    target = t.target("hot", "--calls", 300000)
    one, two = t.stat(target.pid, "hot"), t.stat(target.pid, "hot")
    target.go()
    equal(target.done(seconds=40)["calls"], 300000, "calls")
    for tracer in (one, two):
        tracer.stop()
        counted(tracer.component("hot"), 300000, "hot")
        lossless(tracer.final())
    target.finish()


@case()
def ring_losses_are_counted(t):
    """Every single span asked for, faster than anything reads: those that are not shown are
    counted, and the histogram has them all."""
    calls = 200000
    target = t.target("timed", "--threads", 2, "--calls", calls // 2, "--ns", "500ns")
    tracer = t.lapse("trace", "-p", target.pid, "work_push", "--slower", "100ns", "--json")
    target.go()
    equal(target.done(seconds=40)["calls"], calls, "calls")
    tracer.stop()
    final = tracer.final()
    counted(tracer.component("work_push"), calls, "work_push")
    # One that was open at a tick is shown then, too.
    spans = len([span for span in tracer.objects("span") if not span["open"]])
    dropped = final["integrity"]["ring_dropped"]
    equal(spans + dropped, calls, f"spans shown ({spans}) and dropped ({dropped})")
    lossless(final)
    target.finish()


@case()
def windows_add_up(t):
    """The intervals' counts sum up to the final one."""
    target = t.target("timed", "--calls", 3000, "--ns", "1ms")
    tracer = t.lapse("stat", "-p", target.pid, "work_push", "-i", "1", "--json")
    target.go()
    equal(target.done()["calls"], 3000, "calls")
    tracer.stop()
    counted(tracer.component("work_push"), 3000, "work_push")
    windows = [w["count"] for w in tracer.objects("window") if w["component"] == "work_push"]
    check(len(windows) >= 2, f"{len(windows)} windows")
    within(sum(windows), 3000 - max(windows + [1000]), 3000, "sum of the windows")
    target.finish()


@case()
def calls_before_and_after_do_not_count(t):
    """A span that was open at the attach is neither an entry nor a return without one."""
    target = t.target("timed", "--calls", 400, "--ns", "10ms")
    target.go()
    tracer = t.lapse("stat", "-p", target.pid, "work_push", "-d", "1", "--json")
    equal(tracer.wait(), 0, "exit code")
    final = tracer.final()
    conserved(final)
    within(final["components"]["work_push"]["count"], 20, 120, "calls in about a second")
    check(final["integrity"]["in_flight"] <= 1, "more than one call in flight on one thread")
    target.done()
    target.finish()


@case()
def stripped_binary(t):
    """Without a symbol table there is nothing to find: it says so and attaches nothing."""
    target = t.target("timed.stripped", "--calls", 10)
    tracer = t.lapse_ends("stat", "-p", target.pid, "child")
    equal(tracer.popen.returncode, 4, "exit code")
    check("strip" in "\n".join(tracer.err), f"stderr says nothing about a stripped file: {tracer.err}")
    target.go()
    target.done()
    target.finish()


@case()
def several_components(t):
    target = t.target("timed", "--work", "parent", "--children", 5, "--calls", 200, "--ns", "5us")
    tracer = t.stat(target.pid, "parent", "kids=child")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("parent"), 200, "parent")
    counted(tracer.component("kids"), 1000, "child")
    lossless(tracer.final())
    target.finish()


@case()
def errors(t):
    """err() is judged in the kernel, call by call."""
    target = t.target("deep", "--depth", 10, "--rounds", 100)
    tracer = t.stat(target.pid, "deep err(long ret > 7)")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("deep"), 1000, "deep")
    equal(tracer.component("deep")["errors"], 300, "errors")
    target.finish()


def _unread(t, size):
    """Spans shown and dropped of 30,000 that are sent while nobody reads."""
    target = t.target("timed", "--calls", 30000, "--ns", "1us")
    tracer = t.lapse("trace", "-p", target.pid, "work_push", "--slower", "100ns", "--json", "--no-why",
                     f"--ring-size={size}")
    tracer.signal(signal.SIGSTOP)
    target.go()
    equal(target.done(seconds=40)["calls"], 30000, "calls")
    tracer.signal(signal.SIGCONT)
    tracer.stop()
    counted(tracer.component("work_push"), 30000, "work_push")
    shown = len([span for span in tracer.objects("span") if not span["open"]])
    dropped = tracer.final()["integrity"]["ring_dropped"]
    equal(shown + dropped, 30000, "shown and dropped")
    target.finish()
    return dropped


@case()
def the_ring_is_as_large_as_was_asked(t):
    check(_unread(t, "64KiB") > 0, "none was dropped")
    equal(_unread(t, "16MB"), 0, "dropped")
    for value in ("0", "2GiB", "16"):
        tracer = t.lapse_ends("stat", "-p", os.getpid(), "f", f"--ring-size={value}")
        equal(tracer.popen.returncode, 2, f"exit code of {value}")
