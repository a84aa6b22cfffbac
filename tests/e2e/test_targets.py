# SPDX-License-Identifier: GPL-2.0-or-later
"""Which processes are meant, and which file a function comes from."""

import json
import os
import shutil
import subprocess
import time

from harness import (TARGETS, Target, case, check, conserved, counted, equal, lossless, need, wait_until)

BESIDE = True  # harness.py


def _traced(t, target, probe="work_push", calls=500, who=None):
    tracer = t.stat(who or target.pid, probe)
    target.go()
    equal(target.done()["calls"], calls, "calls")
    tracer.stop()
    counted(tracer.component(probe), calls, probe)
    lossless(tracer.final())
    target.finish()
    return tracer


@case()
def shared_library(t):
    """Three processes named by -p a,b,c; a fourth one uses the library too and is not meant."""
    meant = [t.target("libcalls", calls) for calls in (100, 200, 300)]
    other = t.target("libcalls", 1000)
    tracer = t.stat(",".join(str(target.pid) for target in meant), "libshared:shared_work")
    for target in [other, *meant]:
        target.go()
    for target in [other, *meant]:
        target.done()
    tracer.stop()
    counted(tracer.component("shared_work"), 600, "shared_work")
    lossless(tracer.final())
    for target in [other, *meant]:
        target.finish()


@case()
def pids_with_blanks(t):
    pair = [t.target("libcalls", 50), t.target("libcalls", 70)]
    tracer = t.stat(" ".join(str(target.pid) for target in pair), "libshared.so:shared_work")
    for target in pair:
        target.go()
        target.done()
    tracer.stop()
    counted(tracer.component("shared_work"), 120, "shared_work")
    for target in pair:
        target.finish()


@case()
def library_by_path(t):
    target = t.target("libcalls", 80)
    path = os.path.join(TARGETS, "libshared.so")
    tracer = t.stat(target.pid, f"uprobe:{path}:shared_work")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("shared_work"), 80, "shared_work")
    target.finish()


@case()
def other_process_is_not_counted(t):
    meant, other = (t.target("timed", "--calls", 300, "--ns", "5us") for _ in range(2))
    tracer = t.stat(meant.pid, "work_push")
    other.go()
    other.done()
    meant.go()
    meant.done()
    tracer.stop()
    counted(tracer.component("work_push"), 300, "work_push")
    meant.finish()
    other.finish()


@case()
def other_process_beside_system_calls(t):
    """System calls are filtered by the programs, of which those at the places know nothing: their links do it."""
    meant, other = (t.target("timed", "--calls", 300, "--ns", "5us") for _ in range(2))
    tracer = t.stat(meant.pid, "work_push", "syscall:write")
    for target in (other, meant):
        target.go()
        target.done()
    tracer.stop()
    counted(tracer.component("work_push"), 300, "work_push")
    counted(tracer.component("write"), 1, "lines that it has written")
    meant.finish()
    other.finish()


@case()
def binary_deleted(t):
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("doomed"))
    target = t.target(path, "--calls", 500, "--ns", "5us")
    os.unlink(path)
    _traced(t, target)


@case()
def binary_replaced(t):
    """Another program lies under the name now; the running one's functions are meant."""
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("service"))
    target = t.target(path, "--calls", 500, "--ns", "5us")
    shutil.copy(os.path.join(TARGETS, "jumper"), t.path("next"))
    os.replace(t.path("next"), path)
    _traced(t, target)


@case()
def other_namespaces(t):
    """A target in mount and PID namespaces of its own; its file is to be seen only in there."""
    need("unshare")
    os.mkdir(t.path("mnt"))
    inside = t.path("mnt/timed")
    script = (f"mount -t tmpfs none {t.path('mnt')} && cp {TARGETS}/timed {inside} && "
              f"exec {inside} --calls 500 --ns 5us")
    target = t.started(Target(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation",
                               "private", "sh", "-c", script]))
    equal(target.inner_pid, 1, "PID inside of the namespace")
    with open(f"/proc/{target.pid}/task/{target.pid}/children", encoding="ascii") as file:
        pid = int(file.read().split()[0])
    check(not os.path.exists(inside), "the file can be seen from outside")
    _traced(t, target, who=pid)


@case()
def by_exe_present_and_future(t):
    path = shutil.copy(os.path.join(TARGETS, "spawner"), t.path("spawner"))
    first = t.target(path, "--children", 3, "--calls", 100, "--own", 7)
    tracer = t.lapse("stat", "--exe", path, "child_work", "--json")
    second = t.target(path, "--children", 2, "--calls", 50, "--exec")
    for target in (first, second):
        target.go()
        target.done()
    tracer.stop()
    counted(tracer.component("child_work"), 3 * 100 + 7 + 2 * 50, "child_work")
    conserved(tracer.final())
    first.finish()
    second.finish()


@case()
def by_comm(t):
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("lapse-t-comm"))
    target = t.target(path, "--calls", 200, "--ns", "5us")
    tracer = t.lapse("stat", "--comm", "lapse-t-comm", "work_push", "--json")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("work_push"), 200, "work_push")
    target.finish()


@case()
def by_comm_that_comes_later(t):
    """It waits for the first process of that name; a restarted one is picked up, of a new file too, but for what
    is missed, and told, until its libraries have been judged."""
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("lapse-t-later"))
    tracer = t.lapse("stat", "--comm", "lapse-t-later", "work_push", "--json", wait=False)
    tracer.wait_line("waiting for a process called lapse-t-later", tracer.err)
    first = t.target(path, "--calls", 200, "--ns", "5us")
    tracer.tracing()
    first.go()
    first.done()
    first.finish()
    second = t.target(path, "--calls", 100, "--ns", "5us")
    second.go()
    second.done()
    second.finish()
    os.unlink(path)
    shutil.copy(os.path.join(TARGETS, "timed"), path)
    third = t.target(path, "--calls", 50, "--ns", "5us")
    tracer.wait_line(f"tracing 1 more probe in PID {third.pid}", tracer.err)
    third.go()
    third.done()
    tracer.stop()
    missed = tracer.final()["integrity"]["kernel_missed"]
    check(missed < 50, "all calls of the new file were missed")
    counted(tracer.component("work_push"), 350 - missed, "work_push")
    equal(len([line for line in tracer.err if "waiting" in line]), 1, "lines that say what it waits for")
    third.finish()


@case()
def by_comm_that_never_comes(t):
    tracer = t.lapse_ends("stat", "--comm", "lapse-t-never", "work_push", "-d", "300ms")
    equal(tracer.popen.returncode, 4, "exit code when the time is up")
    check("before the time was up" in tracer.err[-1], tracer.last_words())
    tracer = t.lapse("stat", "--comm", "lapse-t-never", "work_push", wait=False)
    tracer.wait_line("waiting for a process", tracer.err)
    tracer.stop(code=130)


@case()
def by_exe_restarted(t):
    """The same for --exe, whose first process comes later too. A new file is known by its first process
    only: what that calls before its libraries have been judged is missed, and counted so."""
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("restarted"))
    tracer = t.lapse("stat", "--exe", path, "work_push", "--json")
    for calls in (200, 100):
        target = t.target(path, "--calls", calls, "--ns", "5us")
        target.go()
        target.done()
        target.finish()
    os.unlink(path)
    shutil.copy(os.path.join(TARGETS, "timed"), path)
    third = t.target(path, "--calls", 50, "--ns", "5us")
    tracer.wait_line(f"tracing 1 more probe in PID {third.pid}", tracer.err)
    third.go()
    third.done()
    third.finish()
    fourth = t.target(path, "--calls", 25, "--ns", "5us")
    fourth.go()
    fourth.done()
    tracer.stop()
    # How many depends on how soon lapse gets a processor to judge by.
    missed = tracer.final()["integrity"]["kernel_missed"]
    check(missed < 375, "all calls were missed")
    counted(tracer.component("work_push"), 375 - missed, "work_push")
    fourth.finish()


@case()
def by_exe_nobody_else(t):
    """While no process runs the file, no other one's system calls and libraries count."""
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("notyet"))
    other = t.process("/bin/sh", "-c", "while :; do echo; done", stdout=subprocess.DEVNULL)
    tracer = t.lapse_ends("stat", "--exe", path, "syscall:write", "-d", "500ms", "--json")
    equal(tracer.component("write")["count"], 0, "system calls of others")
    tracer = t.lapse("stat", "--exe", path, "call=libc:write", "syscall:write", "--json")
    target = t.target(path, "--calls", 10)
    target.go()
    target.done()
    tracer.stop()
    # Two lines: that it is ready, and that it is done.
    equal(tracer.component("write")["count"], 2, "system calls of its own")
    check(tracer.component("call")["count"] <= 2, "calls of others")
    other.end()
    target.finish()


@case()
def children_are_not_meant_by_pid(t):
    target = t.target("spawner", "--children", 3, "--calls", 100, "--own", 7)
    tracer = t.stat(target.pid, "child_work")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("child_work"), 7, "child_work")
    target.finish()


@case()
def children_that_are_not_meant_are_told_of(t):
    target = t.target("spawner", "--early", "--children", 3, "--calls", 100, "--own", 7)
    tracer = t.stat(target.pid, "child_work")
    tracer.wait_line(rf"process {target.pid} has 3 descendants that run the same program; --follow measures them too$",
                     tracer.err)
    target.go()
    target.done()
    tracer.stop()
    target.finish()


def _follows(t, *how):
    target = t.target("spawner", "--children", 3, "--calls", 100, "--own", 7, *how)
    return target, t.lapse("stat", "-p", target.pid, "--follow", "child_work", "--json")


def _follows_to_the_end(t, *how):
    target, tracer = _follows(t, *how)
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("child_work"), 307, "child_work")
    target.finish()


@case()
def follow_children(t):
    _follows_to_the_end(t)


@case()
def follow_children_that_execute(t):
    _follows_to_the_end(t, "--exec")


@case()
def follow_children_that_are_there(t):
    _follows_to_the_end(t, "--early")


@case()
def follow_ends_with_the_target(t):
    target, tracer = _follows(t)
    target.go()
    target.done()
    target.finish()
    equal(tracer.wait(), 0, "exit code")
    counted(tracer.component("child_work"), 307, "child_work")


@case()
def follow_lasts_as_long_as_the_children(t):
    """The command ends before its children: its status is handed on once they have ended too."""
    tracer = t.lapse("stat", "child_work", "--follow", "-o", t.path("data"), "--json", "--",
                     os.path.join(TARGETS, "spawner"), "--orphans", 7, "--own", 5, "--children", 3, "--calls",
                     100, stdin=-1)
    command = int(tracer.wait_line(r"^ready (\d+)")[1])
    tracer.send("go\n")
    wait_until(lambda: not os.path.exists(f"/proc/{command}"), "the command to end")
    time.sleep(1.5)  # a tick and more
    check(tracer.running(), "it ended before the children")
    tracer.popen.stdin.close()
    equal(tracer.wait(), 7, "exit code")
    with open(t.path("data"), encoding="utf-8") as data:
        final = json.loads(data.readlines()[-1])
    counted(final["components"]["child_work"], 305, "child_work")
    conserved(final)


@case()
def follow_goes_with_pids(t):
    tracer = t.lapse_ends("stat", "--exe", os.path.join(TARGETS, "spawner"), "--follow", "child_work")
    equal(tracer.popen.returncode, 2, "exit code")
    check("--follow goes with -p" in tracer.err[-1], tracer.last_words())


@case()
def cxx_names(t):
    target = t.target("names")
    probes = {"check=trade::risk::check": 80, "limit=trade::engine::limit": 50,
              "int=trade::engine::match(int)": 10, "double=trade::engine::match(double)": 20}
    tracer = t.stat(target.pid, *probes)
    target.go()
    target.done()
    tracer.stop()
    for probe, count in probes.items():
        name = probe.split("=")[0]
        counted(tracer.component(name), count, probe)
    target.finish()


@case()
def globs(t):
    target = t.target("jumper", "--rounds", 100)
    tracer = t.stat(target.pid, "nest_*")
    equal(tracer.probes, 5, "probes")
    target.go()
    truth = target.done()
    tracer.stop()
    for level in range(1, 6):
        counted(tracer.component(f"nest_{level}"), truth["returns"][level - 1], f"nest_{level}")
    target.finish()


@case()
def command(t):
    """A command that lapse starts: its first call is seen and its exit code handed on."""
    tracer = t.lapse("stat", "work_push", "--json", "-d", "30", "--", os.path.join(TARGETS, "timed"),
                     "--calls", "50", stdin=-1)
    tracer.send("go\n")
    tracer.popen.stdin.close()
    equal(tracer.wait(), 0, "exit code")
    objects = [line for line in tracer.out if line.startswith("{")]
    check(objects and '"type":"final"' in objects[-1].replace(" ", ""), "no final object")
    check('"count":50' in objects[-1].replace(" ", ""), "50 calls are not in the final object")


@case()
def command_status(t):
    tracer = t.lapse_ends("stat", "work_push", "--", os.path.join(TARGETS, "timed"), "--calls", "1")
    # Its standard input is empty: it ends with 2 before any work.
    equal(tracer.popen.returncode, 2, "exit code")


@case()
def another_program(t):
    """A process of -p executes another file: that is said, and what it has of the probes is measured."""
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("another"))
    shell = t.process("/bin/bash", "-c", f"trap : USR1; echo ready; read line; exec {path} --calls 100 --ns 5us")
    shell.wait_line("^ready")
    tracer = t.stat(shell.pid, "libc:read", "syscall:write")
    shell.send("\n")
    tracer.wait_line(rf"process {shell.pid} runs {path} now", tracer.err)
    shell.wait_line(r"^ready \d+")
    shell.send("go\n")
    shell.wait_line("^done")
    tracer.stop()
    check(tracer.component("write")["count"] >= 2, "its system calls are not seen")
    conserved(tracer.final())


@case()
def an_upgraded_program(t):
    """The file is replaced while the process runs, which then executes the new one in its place."""
    path = shutil.copy(os.path.join(TARGETS, "timed"), t.path("upgraded"))
    shell = t.process("/bin/bash", "-c", f"echo ready; read line; (read line; echo go) | {path} --calls 100 "
                                         f"--ns 5us; read line; exec {path} --calls 70 --ns 5us")
    shell.wait_line("^ready$")
    tracer = t.stat(shell.pid, f"{path}:work_push", "libc:getpid", "--follow")
    shell.send("\n")
    shell.wait_line(r"^ready \d+")
    os.unlink(path)
    shutil.copy(os.path.join(TARGETS, "timed"), path)
    shell.send("go\n")
    shell.wait_line("^done")
    shell.send("\n")
    tracer.wait_line(rf"process {shell.pid} runs {path} now", tracer.err)
    tracer.wait_line(rf"tracing 1 more probe in PID {shell.pid}\b", tracer.err)
    shell.wait_line(rf"^ready {shell.pid}")
    shell.send("go\n")
    t.wait_until(lambda: len([line for line in shell.out if line.startswith("done")]) == 2, "the second run")
    tracer.stop()
    missed = tracer.final()["integrity"]["kernel_missed"]
    counted(tracer.component("work_push"), 170 - missed, "work_push")


@case()
def executed_by_another_thread(t):
    """The thread takes the first one's place, and the probes are made anew for it."""
    for kind in ("session", "multi", "perf"):
        target = t.target("spawner", "--own", 70, "--thread")
        tracer = t.stat(target.pid, "child_work", f"--attach={kind}")
        target.go()
        tracer.wait_line("from another thread than its first", tracer.err)
        t.wait_until(lambda lines=target.out: len([line for line in lines if line.startswith("ready")]) == 2, "its start")
        target.go()
        target.done()
        tracer.stop()
        counted(tracer.component("child_work"), 140, "child_work")
        conserved(tracer.final())
