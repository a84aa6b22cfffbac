# SPDX-License-Identifier: GPL-2.0-or-later
"""Coming and going: how long it takes, what is left behind."""

import glob
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

from harness import (LAPSE, TARGETS, Skip, case, check, conserved, counted, equal, function_address, need, read_memory,
                     wait_until)

TIMED = f"{TARGETS}/timed"
NOTHING = 130  # the exit code of a run that is interrupted before anything was measured


def _anonymous(pid):
    """Bytes that the process has of its own."""
    with open(f"/proc/{pid}/status") as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


def _ticks(path):
    """Of a recording in progress."""
    with sqlite3.connect(path) as db:
        return db.execute("SELECT count(*) FROM tick").fetchone()[0]


@case(120)
def many_functions(t):
    """2,500 functions by a glob; the time is printed, and bounded only against the absurd."""
    target = t.target("many", 1)
    start = time.monotonic()
    tracer = t.stat(target.pid, "fn_*", "--yes")
    attached = time.monotonic()
    equal(tracer.probes, 2500, "probes")
    target.go()
    equal(target.done()["calls"], 2500, "calls")
    leave = time.monotonic()
    tracer.stop()
    left = time.monotonic()
    t.note(f"2500 functions: attached in {attached - start:.2f} s, left in {left - leave:.2f} s")
    equal(len(tracer.final()["components"]), 2500, "components")
    equal(sum(c["count"] for c in tracer.final()["components"].values()), 2500, "calls counted")
    conserved(tracer.final())
    check(attached - start < 20 and left - leave < 20, "attaching or leaving took 20 s")
    target.finish()


@case(120)
def many_functions_recorded(t):
    """What functions have no calls for takes no memory, beyond what the kernel has mapped for them."""
    target = t.target("many", 1)
    path = t.path("many.lapse")
    tracer = t.lapse("record", "-p", target.pid, "fn_*", "--yes", "-o", path, "--json")
    wait_until(lambda: _ticks(path), "the first second")
    quiet = _anonymous(tracer.popen.pid)
    target.go()
    target.done()
    tracer.stop()
    equal(sum(c["count"] for c in tracer.final()["components"].values()), 2500, "calls counted")
    t.note(f"2500 functions: {quiet / 1e6:.1f} MB before the first call")
    check(quiet < 60e6, f"{quiet} bytes of its own memory without any call")
    target.finish()


@case(60)
def many_functions_merged(t):
    target = t.target("many", 2)
    tracer = t.stat(target.pid, "fn_*", "--yes", "--merge", "all")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("all"), 5000, "all")
    target.finish()


@case()
def many_functions_need_a_yes(t):
    target = t.target("many", 1)
    tracer = t.lapse_ends("stat", "-p", target.pid, "fn_*")
    equal(tracer.popen.returncode, 2, "exit code")
    text = "\n".join(tracer.err)
    check("--yes" in text and "2500" in text.replace(",", ""), f"it names neither --yes nor 2500: {text}")
    target.go()
    target.done()
    target.finish()


def _without_the_refused(t, how, *probes):
    target = t.target("ported", 500)
    tracer = t.stat(target.pid, *probes, "--attach", how)
    equal(tracer.probes, 2, "probes")
    check("without port_read of" in "\n".join(tracer.err), "what was left out is not named")
    target.go()
    target.done()
    tracer.stop()
    for function in ("port_first", "port_second"):
        counted(tracer.component(function), 500, function)
    equal(tracer.component("port_read")["detached"], True, "port_read is detached")
    target.finish()


@case(120)
def what_the_kernel_refuses_is_left_out(t):
    """One instruction that it does not probe among many places: their link fails as a whole."""
    _without_the_refused(t, "auto", "port_*")
    _without_the_refused(t, "multi", "port_first", "port_read", "port_second")
    _without_the_refused(t, "perf", "port_*", "--force-uretprobe")


@case()
def nothing_but_what_the_kernel_refuses(t):
    target = t.target("ported", 1)
    tracer = t.lapse_ends("stat", "-p", target.pid, "port_read")
    equal(tracer.popen.returncode, 4, "exit code")
    check(re.search("port_read of .*: measure its caller", "\n".join(tracer.err)), "the function, or what to do, is not named")
    target.go()
    target.finish()


@case()
def one_function(t):
    target = t.target("timed", "--calls", 10)
    times = []
    for _ in range(3):
        start = time.monotonic()
        tracer = t.stat(target.pid, "work_push")
        times.append(time.monotonic() - start)
        tracer.stop(code=NOTHING)
    t.note(f"one function: attached in {min(times) * 1000:.0f} ms at best of 3")
    check(min(times) < 5, "attaching one function took 5 s")
    target.go()
    target.done()
    target.finish()


def _links():
    """id -> PIDs that hold it, of all BPF links."""
    text = subprocess.run([need("bpftool"), "-j", "link", "show"], capture_output=True, text=True, check=True,
                          timeout=20).stdout
    return {link["id"]: {p["pid"] for p in link.get("pids", [])} for link in json.loads(text or "[]")}


def _leaves_nothing(t, end):
    target = t.target("timed", "--calls", 200, "--ns", "20us", "--threads", 2)
    address = function_address(target.pid, TIMED, "work_push")
    original = read_memory(target.pid, address, 32)
    before = set(_links())
    tracer = t.stat(target.pid, "work_push")
    check(read_memory(target.pid, address, 32) != original, "no probe is to be seen in the target's memory")
    end(tracer)
    wait_until(lambda: read_memory(target.pid, address, 32) == original, "the target's code to be restored")
    # Links of other tracers on this machine have a holder.
    wait_until(lambda: not [i for i, pids in _links().items() if i not in before and not pids], "its links to go")
    target.go()
    equal(target.done()["calls"], 400, "calls")
    target.finish()


@case()
def killed_leaves_nothing(t):
    def end(tracer):
        tracer.signal(signal.SIGKILL)
        equal(tracer.wait(), -signal.SIGKILL, "exit code")

    _leaves_nothing(t, end)


@case()
def ended_leaves_nothing(t):
    _leaves_nothing(t, lambda tracer: tracer.stop(code=NOTHING))


@case()
def terminated_leaves_nothing(t):
    _leaves_nothing(t, lambda tracer: tracer.stop(signal.SIGTERM, NOTHING))


@case()
def killed_amid_calls(t):
    """SIGKILL while spans are open, with return probes on the stacks."""
    for _ in range(3):
        target = t.target("timed", "--calls", 300, "--ns", "3ms", "--threads", 4)
        tracer = t.stat(target.pid, "work_push")
        target.go()
        wait_until(lambda lapse=tracer: lapse.objects("window"), "a first window")
        tracer.signal(signal.SIGKILL)
        tracer.wait()
        equal(target.done()["calls"], 1200, "calls")
        target.finish()


@case()
def duration(t):
    """-d ends it by itself, with the final report."""
    target = t.target("timed", "--calls", 1)
    start = time.monotonic()
    tracer = t.lapse("stat", "-p", target.pid, "work_push", "-d", "2", "--json")
    equal(tracer.wait(), 0, "exit code")
    check(1.5 < time.monotonic() - start < 15, "-d 2 took something else")
    check(tracer.final()["components"]["work_push"]["count"] == 0, "calls that nobody made")
    target.go()
    target.done()
    target.finish()


def _probed_files(tracer):
    """Of the links that it holds, as far as the kernel tells."""
    files = []
    for path in glob.glob(f"/proc/{tracer.pid}/fdinfo/*"):
        try:
            with open(path, encoding="utf-8") as file:
                files += [line.split()[-1] for line in file if line.startswith("path:")]
        except FileNotFoundError:
            pass  # it has gone meanwhile
    return files


@case()
def calibration_leaves_nothing(t):
    """What it was done with, functions of the tracer's own, goes while the target is traced, not when all ends."""
    target = t.target("timed", "--calls", 300, "--ns", "5us")
    tracer = t.stat(target.pid, "work_push")
    if os.path.realpath(TIMED) not in _probed_files(tracer):
        raise Skip("links do not tell their files on this kernel")
    wait_until(lambda: os.path.realpath(LAPSE) not in _probed_files(tracer), "the calibration's links to go")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("work_push"), 300, "work_push")
    target.finish()


@case()
def calibration_for_a_library_leaves_nothing(t):
    """Exceptions of the one that comes have the function's return found in another way, whose cost is measured then."""
    target = t.target("plugger", 1000000)
    tracer = t.stat(target.pid, "through")
    if not _probed_files(tracer):
        raise Skip("links do not tell their files on this kernel")
    target.go()
    tracer.wait_line("return instructions", tracer.err)
    wait_until(lambda: os.path.realpath(LAPSE) not in _probed_files(tracer), "the calibration's links to go")
    wait_until(lambda: any(window["count"] for window in tracer.objects("window")), "a call that is measured")
    tracer.stop()
    conserved(tracer.final())


@case()
def calibration_for_a_library_of_one_thread(t):
    """The same where one thread alone is meant, which the process that is measured on has not."""
    target = t.target("plugger", 1000000)
    tracer = t.lapse("stat", "-t", target.pid, "through", "-v", "--json")

    def calibrated():
        return [line for line in tracer.err if "probe class" in line]

    equal(len(calibrated()), 1, f"classes at the start: {calibrated()}")
    target.go()
    tracer.wait_line("return instructions", tracer.err)
    wait_until(lambda: len(calibrated()) == 2, "the cost of the other way")
    wait_until(lambda: any(window["count"] for window in tracer.objects("window")), "a call that is measured")
    tracer.stop()
    conserved(tracer.final())
    check(not any("cannot calibrate" in line for line in tracer.err), f"said {tracer.err}")
