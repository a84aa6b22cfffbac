# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames: nesting, recursion, longjmp, tail calls, jumps; every entry is accounted for."""

from harness import case, check, conserved, counted, equal, lossless, percentile, read_truth, wait_until, within


def _recursion(t, depth, rounds, threads=1):
    target = t.target("deep", "--depth", depth, "--rounds", rounds, "--threads", threads)
    tracer = t.stat(target.pid, "deep")
    target.go()
    equal(target.done()["calls"], depth * rounds * threads, "calls")
    tracer.stop()
    target.finish()
    return tracer


@case()
def recursion_40(t):
    tracer = _recursion(t, 40, 250)
    counted(tracer.component("deep"), 10000, "deep")
    lossless(tracer.final())


@case()
def recursion_40_threads(t):
    tracer = _recursion(t, 40, 100, 8)
    counted(tracer.component("deep"), 32000, "deep")
    lossless(tracer.final())


@case()
def recursion_100(t):
    """The kernel keeps 64 return probes a thread; the rest is too deep, to the unit."""
    tracer = _recursion(t, 100, 50, 2)
    final = tracer.final()
    integrity = final["integrity"]
    counted(tracer.component("deep"), 64 * 100, "deep")
    equal(integrity["entries"], 100 * 100, "entries")
    equal(integrity["too_deep"], 36 * 100, "too deep")
    conserved(final)


@case()
def recursion_65(t):
    tracer = _recursion(t, 65, 100)
    equal(tracer.final()["integrity"]["too_deep"], 100, "too deep")
    conserved(tracer.final())


@case()
def longjmp(t):
    target = t.target("jumper", "--rounds", 1000)
    tracer = t.stat(target.pid, *(f"nest_{level}" for level in range(1, 6)))
    target.go()
    truth = target.done()
    tracer.stop()
    final = tracer.final()
    for level in range(1, 6):
        counted(tracer.component(f"nest_{level}"), truth["returns"][level - 1], f"nest_{level}")
    integrity = final["integrity"]
    entries, returns = sum(truth["entries"]), sum(truth["returns"])
    equal(integrity["entries"], entries, "entries")
    equal(integrity["returns"], returns, "returns")
    # The frames of the last jump lie there until the thread calls again or ends.
    equal(integrity["abandoned"] + integrity["in_flight"], entries - returns, "abandoned and in flight")
    within(integrity["in_flight"], 0, 5, "in flight")
    conserved(final)
    target.finish()


@case()
def longjmp_durations_are_sane(t):
    """A frame that was jumped out of must not give its start to a later call."""
    target = t.target("jumper", "--rounds", 1000)
    tracer = t.stat(target.pid, "nest_1", "nest_2", "nest_3")
    target.go()
    target.done()
    tracer.stop()
    for name in ("nest_1", "nest_2", "nest_3"):
        component = tracer.component(name)
        check(component["p50_ns"] < 100000, f"{name}: median {component['p50_ns']} ns")
        check(component["max_ns"] < 1000000000, f"{name}: maximum {component['max_ns']} ns")
    target.finish()


@case()
def tail_calls(t):
    target = t.target("jumper", "--rounds", 1000)
    tracer = t.stat(target.pid, "tail_a", "tail_b")
    target.go()
    truth = target.done()
    tracer.stop()
    counted(tracer.component("tail_a"), truth["tail_a"], "tail_a")
    counted(tracer.component("tail_b"), truth["tail_b"], "tail_b")
    lossless(tracer.final())
    target.finish()


@case()
def jump_to_own_entry(t):
    target = t.target("jumper", "--rounds", 1000)
    tracer = t.stat(target.pid, "self_jump")
    target.go()
    truth = target.done()
    tracer.stop()
    final = tracer.final()
    counted(tracer.component("self_jump"), truth["self_jump"], "self_jump")
    conserved(final)
    equal(final["integrity"]["abandoned"], 0, "abandoned")
    target.finish()


def _taken_away_in_the_midst(t, kind):
    """Probes go one after the other: what is called or returns meanwhile is none of theirs any more."""
    threads = 6
    target = t.target("timed", "--work", "parent", "--threads", threads, "--children", 10, "--ns", "30us",
                      "--calls", 30000)
    target.go()
    for _ in range(4):
        # The children's probes, named first, go first.
        tracer = t.stat(target.pid, f"--attach={kind}", "child", "parent")
        wait_until(lambda: tracer.objects("window"), "the first second")
        tracer.stop()
        integrity = tracer.final()["integrity"]
        conserved(tracer.final())
        equal(integrity["abandoned"], 0, "calls that were left")
        within(integrity["in_flight"], 1, 2 * threads, "calls in flight")
        within(tracer.component("parent")["in_flight"], 1, threads, "parents in flight")


@case(beside=False)
def session_taken_away_in_the_midst(t):
    _taken_away_in_the_midst(t, "session")


@case(beside=False)
def multi_taken_away_in_the_midst(t):
    _taken_away_in_the_midst(t, "multi")


@case(beside=False)
def perf_taken_away_in_the_midst(t):
    _taken_away_in_the_midst(t, "perf")


@case()
def parent_is_corrected(t):
    """A parent's span does not hold what the probes on its children cost: its median is nearer
    to the children's own sum than to what the clock said, by far."""
    children = 50
    target = t.target("timed", "--work", "parent", "--children", children, "--calls", 300, "--ns", "1us",
                      "--log", t.path("log"))
    tracer = t.stat(target.pid, "parent", "child")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("parent"), 300, "parent")
    counted(tracer.component("child"), 300 * children, "child")
    truth = read_truth(t.path("log"))
    net = percentile([d for _, d, _ in truth["parent_net"]], 0.5)
    gross = percentile([d for _, d, _ in truth["parent"]], 0.5)
    got = tracer.component("parent")["p50_ns"]
    t.note(f"children {net} ns, clock {gross} ns, reported {got} ns")
    check(gross > net, "the probes cost nothing?")
    within(got, net - (gross - net) * 0.5, net + (gross - net) * 0.5, "median of parent")
    target.finish()


@case()
def recursive_durations_nest(t):
    target = t.target("timed", "--work", "recurse", "--depth", 20, "--calls", 100, "--ns", "200us")
    tracer = t.stat(target.pid, "recurse")
    target.go()
    target.done()
    tracer.stop()
    component = tracer.component("recurse")
    counted(component, 2000, "recurse")
    # Ten probes' cost is taken out of the median; what each is believed to cost hangs on how busy the
    # machine was when it was measured.
    within(component["p50_ns"], 185000, 400000, "median of recurse")
    target.finish()
