# SPDX-License-Identifier: GPL-2.0-or-later
"""Marks of SystemTap's sys/sdt.h: counted, and as the ends of spans."""

import os
import shutil

from harness import TARGETS, Skip, Target, case, check, counted, equal, lossless, need, within

JOB = "job=span:usdt:lapsetest:begin(arg0)..usdt:lapsetest:end(arg0)"
TICK = "usdt:lapsetest:tick"

# Debian's own, whose marks were built in; others of this name have none.
PYTHON = "/usr/bin/python3"


def _run(t, target, *words, pid=None):
    """The final object and the truth; nobody listens any more when the target ends."""
    tracer = t.stat(pid or target.pid, *words)
    target.go()
    truth = target.done()
    tracer.stop()
    lossless(tracer.final())
    target.finish()
    equal(target.out[-1], "left 0", "semaphores at the end")
    return tracer.final()["components"], truth


def _jobs(t, target, *words, **options):
    """All that the target's marks tell, by whatever attachment WORDS want."""
    components, truth = _run(t, target, JOB, f"tick={TICK}", *words, **options)
    counted(components["job"], truth["jobs"], "jobs")
    equal(truth["listened"], 2 * truth["jobs"], "times that somebody listened")
    equal(components["tick"]["count"], truth["ticks"], "ticks")
    # The program's clock is read outside of the span; with the probes' cost in it.
    within(components["job"]["p50_ns"], truth["median_ns"] * 0.85 - 20000, truth["median_ns"] * 1.02, "median")
    return components["job"], truth


@case()
def counts_without_durations(t):
    """One mark stands at three places; each is counted, and the others' semaphores stay alone."""
    components, truth = _run(t, t.target("sdt", "--jobs", 500), TICK)
    tick = components["lapsetest:tick"]
    equal(tick["count"], truth["ticks"], "ticks")
    equal((tick["p50_ns"], tick["histogram"]), (None, []), "a duration")
    equal(truth["listened"], 0, "times that somebody listened to the other marks")


@case()
def spans_between_marks(t):
    job, truth = _jobs(t, t.target("sdt", "--jobs", 500, "--threads", 3))
    t.note(f"median {job['p50_ns']} ns, by the program {truth['median_ns']} ns")


@case()
def spans_by_perf(t):
    _jobs(t, t.target("sdt"), "--attach=perf")


@case()
def spans_by_multi(t):
    _jobs(t, t.target("sdt"), "--attach=multi")


@case()
def modifiers_of_marks(t):
    components, truth = _run(t, t.target("sdt", "--jobs", 400), JOB + " err(int arg1 < 0) value(size=int arg1)",
                             f"odd={TICK} if(arg0 & 1 && int arg1 == 2)", f"below={TICK} if(arg0 < 0)",
                             "kinds=usdt:lapsetest:kinds value(narrow=signed char arg0) value(wide=uint16_t arg1) "
                             "value(memory=int arg2) value(constant=int arg3)")
    # Arguments are those of the beginning.
    equal(components["job"]["values"]["size"]["mean"], 4.5, "mean size")
    per_thread = truth["per_thread"]
    equal(components["odd"]["count"], truth["jobs"] // 2, "ticks with an odd number")
    equal(components["below"]["count"], truth["jobs"] // 2 - truth["jobs"] // per_thread, "negative ticks")
    wanted = {"narrow": (-50, 49), "wide": (65535 - per_thread + 1, 65535), "memory": (1 - per_thread, 0),
              "constant": (7, 7)}
    got = {name: (value["min"], value["max"]) for name, value in components["kinds"]["values"].items()}
    equal(got, wanted, "extremes")


@case()
def marks_of_two_programs(t):
    """By file, one that is there and one that comes later; both map the same library."""
    path = shutil.copy(os.path.join(TARGETS, "sdt"), t.path("sdt-copy")) if os.path.exists(
        os.path.join(TARGETS, "sdt")) else None
    if not path:
        raise Skip("sdt is not built")
    shutil.copy(os.path.join(TARGETS, "libsdt.so"), t.dir)
    first = t.target(path, "--jobs", 100)
    tracer = t.lapse("stat", "--exe", path, JOB, f"tick={TICK}", "--json")
    second = t.target(path, "--jobs", 50)
    ticks = jobs = 0
    for target in (first, second):
        target.go()
        truth = target.done()
        equal(truth["listened"], 2 * truth["jobs"], "times that somebody listened")
        ticks, jobs = ticks + truth["ticks"], jobs + truth["jobs"]
    tracer.stop()
    lossless(tracer.final())
    counted(tracer.component("job"), jobs, "jobs")
    equal(tracer.component("tick")["count"], ticks, "ticks")
    for target in (first, second):
        target.finish()
        equal(target.out[-1], "left 0", "semaphores at the end")


@case()
def marks_in_other_namespaces(t):
    """Program and library are to be seen from within only."""
    need("unshare")
    if not os.path.exists(os.path.join(TARGETS, "sdt")):
        raise Skip("sdt is not built")
    os.mkdir(t.path("mnt"))
    script = (f"mount -t tmpfs none {t.path('mnt')} && cp {TARGETS}/sdt {TARGETS}/libsdt.so {t.path('mnt')} && "
              f"exec {t.path('mnt/sdt')} --jobs 200")
    target = t.started(Target(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation",
                               "private", "sh", "-c", script]))
    with open(f"/proc/{target.pid}/task/{target.pid}/children", encoding="ascii") as file:
        pid = int(file.read().split()[0])
    check(not os.path.exists(t.path("mnt/sdt")), "the file can be seen from outside")
    _jobs(t, target, pid=pid)


@case()
def marks_that_are_not_there(t):
    target = t.target("sdt")
    for probe, nearest in (("usdt:lapsetest:tock", "tick"),
                           ("span:usdt:lapsetest:begin(arg0)..usdt:lapsetest:ends(arg0)", "end")):
        tracer = t.lapse_ends("stat", "-p", target.pid, probe)
        equal(tracer.popen.returncode, 4, f"exit code of {probe}")
        check(any(f"'{nearest}'" in line for line in tracer.err), f"no nearest mark: {tracer.last_words()}")


SCRIPT = """import os, sys


def leaf(i):
    return i


def stem(n):
    for i in range(n):
        leaf(i)
    return n


print("ready", os.getpid(), flush=True)
sys.stdin.readline()
stem(700)
stem(300)
print("done calls=1000", flush=True)
sys.stdin.read()
"""


@case()
def python_functions(t):
    """Python's own mark of a function that returns, told apart by the line."""
    need(PYTHON)
    script = t.write("script.py", SCRIPT)
    target = t.started(Target([PYTHON, "-I", script]))
    lines = t.lapse_ends("list", "-p", target.pid, "usdt:python:*")
    if not any("function__return" in line for line in lines.out):
        raise Skip(f"{PYTHON} has no marks")
    mark = "usdt:python:function__return"
    tracer = t.stat(target.pid, f"leaf={mark} if(int arg2 == 5)", f"stem={mark} if(int arg2 == 11)", f"all={mark}")
    target.go()
    truth = target.done()
    tracer.stop()
    lossless(tracer.final())
    equal([tracer.component(name)["count"] for name in ("leaf", "stem")], [truth["calls"], 2], "calls")
    check(tracer.component("all")["count"] >= truth["calls"] + 2, "fewer functions than those two")
    target.finish()
