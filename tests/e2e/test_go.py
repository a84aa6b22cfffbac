# SPDX-License-Identifier: GPL-2.0-or-later
"""Go functions: exact counts while stacks move, goroutines change threads and panics unwind."""

import os
import signal

from harness import (Lapse, case, check, conserved, counted, equal, histogram_count, lossless, percentile,
                     read_truth, wait_until, within)

BESIDE = True  # harness.py

# A longer load of the HTTP server: LAPSE_GO_SECONDS=60.
SECONDS = int(os.environ.get("LAPSE_GO_SECONDS", "4"))

BUILDS = ["gowork", "gowork.stripped", "gowork.pie", "gowork.cgo"]


def _run(t, args, probes, build="gowork", options=(), seconds=60):
    """One run under stat: the tracer with its final report, and the truth."""
    target = t.target(build, *args)
    tracer = t.lapse("stat", "-p", target.pid, *probes, "--json", *options)
    target.go()
    truth = target.done(seconds)
    tracer.stop()
    target.finish()
    return tracer, truth


def _attachments(run):
    for attach in (["--attach=session"], ["--attach=multi"], ["--attach=perf"]):
        run(attach)


def _median_error(t, tracer, component, truth):
    """The median against the target's own clock."""
    true = percentile([duration for _, duration, _ in truth], 0.5)
    seen = tracer.component(component)["p50_ns"]
    t.note(f"{component}: median {seen} ns, by its own clock {true} ns")
    within(seen, 0.9 * true - 10000, 1.1 * true + 10000, f"median of {component}")


@case(120, beside=False)
def methods_and_leaves(t):
    for build in BUILDS:
        log = t.path(build)
        tracer, truth = _run(t, ["--log", log, "plain", 400], ["main.(*worker).handle", "main.leaf"], build)
        lossless(tracer.final())
        counted(tracer.component("main.(*worker).handle"), truth["handle"], f"the method of {build}")
        counted(tracer.component("main.leaf"), truth["leaf"], f"the function without a stack check of {build}")
        _median_error(t, tracer, "main.(*worker).handle", read_truth(log)["handle"])


@case(180)
def moving_stacks(t):
    for build in BUILDS:
        tracer, truth = _run(t, ["grow", 400], ["main.grow"], build)
        lossless(tracer.final())
        counted(tracer.component("main.grow"), truth["grow"], f"calls on growing stacks of {build}")

    def attached(options):
        tracer, truth = _run(t, ["grow", 400], ["main.grow"], options=options)
        lossless(tracer.final())
        counted(tracer.component("main.grow"), truth["grow"], f"calls on growing stacks, {options[0]}")

    _attachments(attached)


@case(120, beside=False)
def moving_threads(t):
    def attached(options):
        log = t.path("log")
        tracer, truth = _run(t, ["--log", log, "move", 400], ["main.wander"], options=options)
        lossless(tracer.final())
        check(truth["threads"] > 1, "no goroutine changed its thread")
        counted(tracer.component("main.wander"), truth["wander"], f"calls that wait, {options[0]}")
        _median_error(t, tracer, "main.wander", read_truth(log)["wander"])

    _attachments(attached)


@case(120, beside=False)
def panics(t):
    """What recovers has returned; what a panic ended never has, and has no figure."""

    def attached(options):
        log = t.path("log")
        probes = ["main.guarded", "main.failing", "main.guardedLoop"]
        tracer, truth = _run(t, ["--log", log, "panic", 400], probes, options=options)
        final = tracer.final()
        conserved(final)
        counted(tracer.component("main.guarded"), truth["guarded"], "calls that recover")
        counted(tracer.component("main.guardedLoop"), truth["guarded_loop"], "calls that recover elsewhere")
        equal(tracer.component("main.failing")["count"], 0, "calls that panicked and have a figure")
        equal(final["integrity"]["in_flight"], 0, "calls that panicked and are in flight")
        check(final["integrity"]["abandoned"] > truth["guarded"], "calls that panicked are not abandoned")
        _median_error(t, tracer, "main.guarded", read_truth(log)["guarded"])

    _attachments(attached)


@case()
def panics_of_some(t):
    """All calls that if() means panic; those that it leaves out return from the same place of the stack."""
    for attach in ("session", "multi", "perf"):
        tracer, truth = _run(t, ["panic", 400], ["main.half if(long arg0 == 0)"], options=[f"--attach={attach}"])
        conserved(tracer.final())
        equal(tracer.component("main.half")["count"], 0, f"calls that panicked and have a figure, {attach}")
        equal(tracer.final()["integrity"]["abandoned"], truth["guarded"] // 2, "calls that panicked")


@case()
def ended_goroutines(t):
    """They never return, and must not be in flight for ever."""
    target = t.target("gowork", "exit", 300)
    tracer = t.stat(target.pid, "main.leaving", "-i", "0.2")
    target.go()
    truth = target.done()
    wait_until(lambda: tracer.objects("window") and tracer.objects("window")[-1]["in_flight"] == 0,
               "ended goroutines to be no longer in flight")
    tracer.stop()
    target.finish()
    final = tracer.final()
    conserved(final)
    equal(final["integrity"]["entries"], truth["leaving"], "entries")
    equal(final["integrity"]["abandoned"], truth["leaving"], "abandoned")


@case()
def lingering_goroutines(t):
    """Each is a violation while it is open, and no second one when it returns, maybe in another thread."""
    target = t.target("gowork", "linger", 50)
    path = t.write("contract.yaml", "lapse: 1\ncomponents:\n  l:\n    measure: main.linger\n"
                   "    contract: {max_latency: 200ms}\n")
    tracer = t.lapse("watch", path, "-p", target.pid, "--json")
    target.go()
    truth = target.done()
    tracer.stop(code=1)
    target.finish()
    lossless(tracer.final())
    counted(tracer.component("l"), truth["linger"], "calls")
    equal(tracer.component("l")["violations"], truth["linger"], "violations")
    opened = [v for v in tracer.objects("violation") if v["open"]]
    check(opened, "no violation by a call in flight")
    check(all(v["tid"] is None and v["pid"] == target.pid for v in opened), "a goroutine with a thread")


@case()
def held_goroutines(t):
    """They wait within the call, at first sight like those that will never return."""
    target = t.target("gowork", "hold", 200)
    tracer = t.stat(target.pid, "main.held", "-i", "0.2")
    target.go()
    target.done()
    wait_until(lambda: tracer.objects("window") and tracer.objects("window")[-1]["in_flight"] == 200
               and tracer.objects("window")[-1]["oldest_in_flight_ns"] > 1e9, "all to be in flight for long")
    tracer.stop()
    target.finish()
    final = tracer.final()
    conserved(final)
    equal(final["integrity"]["in_flight"], 200, "in flight at the end")


@case()
def arguments_and_results(t):
    for build in ("gowork", "gowork.stripped"):
        probe = "main.compute err(long ret != 0) value(n=long arg0) value(scale=char arg1) value(length=arg3)"
        tracer, truth = _run(t, ["args", 700], [probe], build)
        lossless(tracer.final())
        component = tracer.component("main.compute")
        counted(component, truth["compute"], "calls")
        equal(component["errors"], truth["failed"], "failed calls")
        values = component["values"]
        equal((values["n"]["min"], values["n"]["max"]), (0, 699), "least and greatest first argument")
        equal(values["n"]["mean"], truth["sum"] / truth["compute"], "mean of the first argument")
        equal((values["scale"]["min"], values["scale"]["max"]), (-99, 0), "second argument, of one byte")
        equal((values["length"]["min"], values["length"]["max"]), (4, 4), "length of the string")


@case()
def filtered_by_argument(t):
    tracer, truth = _run(t, ["args", 700], ["main.compute if(long arg0 < 100)"])
    lossless(tracer.final())
    counted(tracer.component("main.compute"), 100, "calls that if() means")


@case(90 + 3 * SECONDS)
def http_server(t):
    """A handler under load, against its own log."""
    for build in ("gowork", "gowork.stripped"):
        log = t.path(build)
        tracer, truth = _run(t, ["--log", log, "http", SECONDS * 1000], ["main.(*server).handle", "main.grow"],
                             build, seconds=SECONDS + 40)
        lossless(tracer.final())
        equal(truth["good"], truth["handle"], "good answers")
        counted(tracer.component("main.(*server).handle"), truth["handle"], "requests")
        counted(tracer.component("main.grow"), truth["grow"], "calls on the handler's stack")
        t.note(f"{build}: {truth['handle']} requests in {SECONDS} s, "
               f"{histogram_count(tracer.component('main.grow'))} calls of grow")


@case()
def trace_and_glob(t):
    target = t.target("gowork", "plain", 100)
    tracer = t.lapse("trace", "-p", target.pid, "main.(*worker).*", "--slower", "1us", "--json")
    target.go()
    truth = target.done()
    tracer.stop()
    target.finish()
    spans = [s for s in tracer.objects("span") if not s["open"]]
    equal(len(spans), truth["handle"], "spans of the method that the pattern found")


def _refused(t, pid, probe, words):
    tracer = t.started(Lapse(["stat", "-p", pid, probe], wait=False))
    equal(tracer.wait(), 4, f"exit code for {probe}")
    check(any(words in line for line in tracer.err), f"{probe}: no '{words}' in {tracer.err}")


@case()
def refusals(t):
    target = t.target("gowork", "plain", 10)
    _refused(t, target.pid, "runtime.gopark", "Go's runtime")
    _refused(t, target.pid, "internal/bytealg.Index.abi0", "assembly")
    tracer = t.lapse_ends("stat", "-p", target.pid, "main.handel")
    check(tracer.wait() != 0, "an unknown function was accepted")
    check(any("Go inlines small functions" in line for line in tracer.err), f"no word of inlining: {tracer.err}")
    target.go()
    equal(target.done()["handle"], 10, "calls")
    target.finish()


@case()
def listed(t):
    for build in ("gowork", "gowork.stripped"):
        target = t.target(build, "plain", 1)
        tracer = t.lapse_ends("list", "-p", target.pid, "main.(*worker).handle")
        equal(tracer.popen.returncode, 0, "exit code of list")
        check(any("return instructions" in line and line.split()[3] == "emulated" and "main.(*worker).handle" in line
                  for line in tracer.out), f"{build}: {tracer.out}")
        target.signal(signal.SIGTERM)
