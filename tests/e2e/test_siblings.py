# SPDX-License-Identifier: GPL-2.0-or-later
"""Several components of one function: each counts on its own, none takes the other's frames for left ones."""

from harness import case, check, conserved, counted, equal, lossless, percentile, read_truth, within

BESIDE = True  # harness.py

KINDS = ("session", "multi", "perf")


def _twice(*functions):
    return [f"{name}={function}" for function in functions for name in (function, f"{function}_too")]


def _recursion(t, depth, rounds):
    for kind in KINDS:
        target = t.target("deep", "--depth", depth, "--rounds", rounds, "--threads", 2)
        tracer = t.stat(target.pid, *_twice("deep"), f"--attach={kind}")
        target.go()
        target.done()
        tracer.stop()
        target.finish()
        yield kind, tracer


@case()
def recursion(t):
    for kind, tracer in _recursion(t, 20, 100):
        for name in ("deep", "deep_too"):
            counted(tracer.component(name), 20 * 100 * 2, f"{name}, {kind}")
        lossless(tracer.final())


@case()
def recursion_beyond_the_frames(t):
    """Both have 64 frames together; what finds no room is too deep, and nothing else."""
    for kind, tracer in _recursion(t, 50, 20):
        final = tracer.final()
        for name in ("deep", "deep_too"):
            counted(tracer.component(name), 32 * 20 * 2, f"{name}, {kind}")
        equal(final["integrity"]["too_deep"], 2 * 18 * 20 * 2, f"too deep, {kind}")
        conserved(final)


@case()
def longjmp(t):
    levels = [f"nest_{level}" for level in range(1, 6)]
    for kind in KINDS:
        target = t.target("jumper", "--rounds", 1000)
        tracer = t.stat(target.pid, *_twice(*levels), f"--attach={kind}")
        target.go()
        truth = target.done()
        tracer.stop()
        final = tracer.final()
        for level, function in enumerate(levels):
            for name in (function, f"{function}_too"):
                counted(tracer.component(name), truth["returns"][level], f"{name}, {kind}")
                check(tracer.component(name)["max_ns"] < 1000000000, f"a false duration of {name}, {kind}")
        entries, returns = 2 * sum(truth["entries"]), 2 * sum(truth["returns"])
        integrity = final["integrity"]
        equal(integrity["entries"], entries, f"entries, {kind}")
        equal(integrity["abandoned"] + integrity["in_flight"], entries - returns, f"abandoned, {kind}")
        within(integrity["in_flight"], 0, 10, f"in flight, {kind}")
        conserved(final)
        target.finish()


@case()
def longjmp_from_calls_that_one_of_them_means(t):
    """Which of them has a frame changes from call to call, and so does who finds what was left."""
    for kind in KINDS:
        target = t.target("jumper", "--rounds", 1000)
        tracer = t.stat(target.pid, "jumped=nest_1 if(int arg1 != 0)", "all=nest_1", "back=nest_1 if(int arg1 == 0)",
                        f"--attach={kind}")
        target.go()
        truth = target.done()
        tracer.stop()
        final = tracer.final()
        counted(tracer.component("all"), truth["returns"][0], f"all, {kind}")
        counted(tracer.component("back"), truth["returns"][0], f"back, {kind}")
        counted(tracer.component("jumped"), 0, f"jumped, {kind}")
        check(tracer.component("all")["max_ns"] < 1000000000, f"a false duration, {kind}")
        equal(final["integrity"]["entries"], 2 * truth["entries"][0], f"entries, {kind}")
        conserved(final)
        target.finish()


@case()
def jumps(t):
    """Tail calls and jumps to the own entry."""
    for kind in KINDS:
        target = t.target("jumper", "--rounds", 1000)
        tracer = t.stat(target.pid, *_twice("tail_a", "tail_b", "self_jump"), f"--attach={kind}")
        target.go()
        truth = target.done()
        tracer.stop()
        for function in ("tail_a", "tail_b", "self_jump"):
            for name in (function, f"{function}_too"):
                counted(tracer.component(name), truth[function], f"{name}, {kind}")
        conserved(tracer.final())
        equal(tracer.final()["integrity"]["abandoned"], 0, f"abandoned, {kind}")
        target.finish()


@case()
def filters(t):
    """Hits and misses of one function, by their arguments."""
    calls = 3000
    for kind in KINDS:
        target = t.target("values", "--calls", calls)
        tracer = t.stat(target.pid, "hits=take_many if(long arg7 >= 900)", "misses=take_many if(long arg7 < 900)",
                        "all=take_many", f"--attach={kind}")
        target.go()
        target.done()
        tracer.stop()
        counts = {name: tracer.component(name)["count"] for name in ("hits", "misses", "all")}
        equal(counts["all"], calls, f"all, {kind}")
        equal(counts["hits"] + counts["misses"], calls, f"hits and misses, {kind}")
        check(0 < counts["hits"] < calls, f"hits, {kind}: {counts}")
        conserved(tracer.final())
        target.finish()


@case()
def return_of_a_function_and_a_span(t):
    """A function, and spans that begin and end where it returns."""
    for kind in KINDS:
        target = t.target("keyed", "--jobs", 500)
        tracer = t.stat(target.pid, "job_begin", "call=span:job_begin(arg0)..job_begin:return(arg0)",
                        "job=span:job_begin:return(arg0)..job_end:return(arg0)", f"--attach={kind}")
        target.go()
        truth = target.done()
        tracer.stop()
        for name in ("job_begin", "call"):
            counted(tracer.component(name), truth["begun"], f"{name}, {kind}")
        equal(tracer.component("job")["count"], truth["ended"], f"job, {kind}")
        conserved(tracer.final())
        target.finish()


@case()
def from_return_to_return(t):
    """Both ends at one return: what has been is ended before what comes is begun."""
    for kind in KINDS:
        target = t.target("values", "--calls", 1000)
        tracer = t.stat(target.pid, "period=span:give_long:return(tid)..give_long:return(tid)", f"--attach={kind}")
        target.go()
        target.done()
        tracer.stop()
        equal(tracer.component("period")["count"], 999, f"count, {kind}")
        equal(tracer.final()["integrity"]["restarted"], 0, f"restarted, {kind}")
        target.finish()


@case()
def by_return_instructions(t):
    """One instruction ends the frames of all of them; an exception leaves all of them."""
    for kind in KINDS:
        target = t.target("thrower", 999)
        tracer = t.stat(target.pid, *_twice("outer", "inner"), "call=span:outer(arg0)..outer:return(ret)",
                        f"--attach={kind}")
        target.go()
        truth = target.done()
        tracer.stop()
        final = tracer.final()
        for name in ("outer", "outer_too", "inner", "inner_too"):
            counted(tracer.component(name), truth["returned"], f"{name}, {kind}")
        equal(final["integrity"]["entries"], 5 * truth["calls"], f"entries, {kind}")
        conserved(final)
        target.finish()


@case()
def on_fibers(t):
    """Frames that are found by their slots, wherever they stand."""
    target = t.target("fibers", 500)
    tracer = t.stat(target.pid, *_twice("switching"))
    target.go()
    target.done()
    tracer.stop()
    for name in ("switching", "switching_too"):
        counted(tracer.component(name), 1000, name)
    lossless(tracer.final())
    target.finish()


@case()
def periods_by_return_instructions(t):
    target = t.target("thrower", 999)
    tracer = t.stat(target.pid, "period=span:outer:return(tid)..outer:return(tid)")
    target.go()
    truth = target.done()
    tracer.stop()
    equal(tracer.component("period")["count"], truth["returned"] - 1, "count")
    equal(tracer.final()["integrity"]["restarted"], 0, "restarted")
    target.finish()


@case(beside=False)
def figures(t):
    """A sibling's programs are not a probe of their own: both have the function's own duration."""
    for kind in KINDS:
        target = t.target("timed", "--work", "push", "--calls", 2000, "--ns", "20us", "--log", t.path(kind))
        tracer = t.stat(target.pid, *_twice("work_push"), f"--attach={kind}")
        target.go()
        target.done()
        tracer.stop()
        truth = percentile([d for _, d, _ in read_truth(t.path(kind))["work_push"]], 0.5)
        for name in ("work_push", "work_push_too"):
            got = tracer.component(name)["p50_ns"]
            t.note(f"{kind}: the program's own clock {truth} ns, {name} {got} ns")
            within(got, truth - 2000, truth + 2000, f"median of {name}, {kind}")
        target.finish()


@case(beside=False)
def parent_is_corrected(t):
    """A parent's span is relieved of one probe for each child, whoever measures it besides."""
    for kind in KINDS:
        log = t.path(f"parent-{kind}")
        target = t.target("timed", "--work", "parent", "--children", 50, "--calls", 300, "--ns", "1us", "--log", log)
        tracer = t.stat(target.pid, "parent", *_twice("child"), f"--attach={kind}")
        target.go()
        target.done()
        tracer.stop()
        truth = read_truth(log)
        net = percentile([d for _, d, _ in truth["parent_net"]], 0.5)
        gross = percentile([d for _, d, _ in truth["parent"]], 0.5)
        got = tracer.component("parent")["p50_ns"]
        t.note(f"{kind}: children {net} ns, clock {gross} ns, reported {got} ns")
        within(got, net - (gross - net) * 0.5, net + (gross - net) * 0.5, f"median of parent, {kind}")
        target.finish()


CACHED = """lapse: 1
window: {last: 100}
components:
  lookup:
    measure: cache_get
    cache: {measure: cache_get, hit: "ret != 0"}
    contract: {max_latency: 10s, min_cache_hit_rate: %s}
  misses:
    measure: "cache_get if(ret == 0)"
    contract: {max_latency: 10s}
"""


@case()
def a_component_and_its_cache(t):
    """Two thirds are hits: one contract that holds and one that does not, on one function."""
    for rate, code in (("50%", 0), ("90%", 1)):
        target = t.target("values", "--calls", 3000)
        tracer = t.lapse("watch", t.write("cached.yaml", CACHED % rate), "-p", target.pid, "--json")
        target.go()
        target.done()
        tracer.stop(code=code)
        counted(tracer.component("lookup"), 3000, "lookup")
        counted(tracer.component("misses"), 1000, "misses")
        within(tracer.component("lookup")["cache_hit_rate"], 0.6, 0.7, "hit rate")
        conserved(tracer.final())
        target.finish()


# As bpf/config.h has it.
MOST = 32


def _components(t, n):
    return t.write(f"{n}.yaml", "lapse: 1\ncomponents:\n" + "".join(
        f"  c{i}: {{measure: work_push, contract: {{max_latency: 1h}}}}\n" for i in range(n)))


@case()
def as_many_as_can_be_told_apart(t):
    """One more is refused, where it stands, instead of being told as calls that did not return."""
    target = t.target("timed", "--calls", 30, "--ns", "1ms")
    path = _components(t, MOST + 1)
    tracer = t.lapse_ends("watch", path, "-p", target.pid, "-d", 1)
    equal(tracer.popen.returncode, 2, "exit code")
    check(any(f"{MOST} components measure it already" in line for line in tracer.err), tracer.last_words())
    check(any(line.startswith(f"lapse: {path}:{MOST + 3}:") and "cannot be measured" in line for line in tracer.err),
          tracer.last_words())
    tracer = t.lapse("watch", _components(t, MOST), "-p", target.pid, "--json")
    target.go()
    target.done()
    tracer.stop()
    final = tracer.final()
    lossless(final)
    equal({one["count"] for one in final["components"].values()}, {30}, "counts")
    target.finish()
