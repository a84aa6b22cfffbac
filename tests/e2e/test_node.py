# SPDX-License-Identifier: GPL-2.0-or-later
"""Node's event loop, against what perf_hooks measures of it in the same run."""

import os

from harness import ROOT, Target, case, check, conserved, counted, equal, need, within

SCRIPT = os.path.join(ROOT, "tests/targets/stalls.js")
STALLS = (60, 120, 80, 60)


def _stalls(t, *words):
    """What lapse tells of Node's loop, and Node itself; only the main thread's is meant."""
    target = t.started(Target([need("node"), SCRIPT, *STALLS]))
    tracer = t.lapse(words[0], "-t", target.pid, "loop", "--json", *words[1:])
    target.go()
    truth = target.done()
    tracer.stop()
    conserved(tracer.final())
    target.finish()
    equal(truth["stalls"], len(STALLS), "stalls")
    return tracer, truth


@case()
def stalls_of_the_loop(t):
    """A stall is one turn: as many long turns as stalls, the longest as long as the longest stall. Node's
    monitor tells the time between firings of a timer, which is the turn and up to two milliseconds of
    its own; what else holds the process up is in both."""
    tracer, truth = _stalls(t, "stat")
    turns = tracer.component("loop")
    counted(turns, turns["entries"] - turns["in_flight"], "turns")
    check(turns["count"] >= truth["turns"], f"{turns['count']} turns; {truth['turns']} by libuv")
    long = sum(n for low, _, n in turns["histogram"] if low >= truth["half_ns"])
    within(long, truth["stalls"], max(truth["stalls"], truth["long_delays"]), "long turns")
    within(turns["max_ns"], truth["longest_ns"] * 0.99, truth["max_delay_ns"] * 1.05, "longest turn")
    t.note(f"{long} long turns of {turns['count']}; {truth['long_delays']} long delays of {truth['delays']} by Node; "
           f"longest {turns['max_ns'] / 1e6:.2f} ms, {truth['max_delay_ns'] / 1e6:.2f} ms by Node, stalled for "
           f"{truth['longest_ns'] / 1e6:.2f} ms")


@case()
def each_stall_as_it_happens(t):
    """trace has a line for each."""
    tracer, truth = _stalls(t, "trace", "--slower", f"{min(STALLS) / 2}ms")
    spans = [span["duration_ns"] for span in tracer.objects("span") if not span["open"]]
    within(len(spans), len(STALLS), max(len(STALLS), truth["long_delays"]), "slow turns")
    for span, stall in zip(sorted(spans)[-len(STALLS):], sorted(STALLS)):
        within(span, stall * 1e6 * 0.99, stall * 1e6 * 1.5, f"turn with a stall of {stall} ms")
