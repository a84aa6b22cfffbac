# SPDX-License-Identifier: GPL-2.0-or-later
"""What markers of lapse.h cost the program: with nobody listening, below the threshold, and reported."""

import os

from common import TARGETS, Target, detach, lapse, peer, table
from figures import at_most, in_turn, ratios, rounds, spread, times_spread

PATH = os.path.join(TARGETS, "marked_cost")
CALLS = {"fast": 1000000, "probed": 3000}
BATCHES = 12


class Cost(Target):
    """The target that is asked for rounds."""

    def __init__(self, argv=(PATH,)):
        super().__init__(argv)
        self.rounds = 0
        self.go()

    def batch(self, kind, calls):
        self.send(f"{kind} {calls}\n")
        self.rounds += 1
        return float(self.wait_line(rf"^round {self.rounds} {kind} (.*)")[1])

    def ns_per_call(self, kind, speed="fast"):
        """The best of some batches: what runs beside only ever adds to it."""
        return min(self.batch(kind, CALLS[speed]) for _ in range(BATCHES))

    def beyond_bare(self, kind, speed="fast"):
        return self.ns_per_call(kind, speed) - self.ns_per_call("bare", speed)


def with_listener(case, target, kind, speed, tool, probe):
    """What a call of this kind costs while the tool listens."""
    tracer = tool.start(case, target.pid, PATH, probe)
    tracer.wait_line(r"^lapse: tracing", tracer.err)
    cost = target.beyond_bare(kind, speed)
    detach(tracer)
    return cost


def by_uftrace(case):
    """It patches entry and exit of the function in the program's own memory, from its start on."""
    if not peer("uftrace"):
        return None
    target = case.started(Cost([peer("uftrace"), "record", "-P", "marked_function", "-d", case.path("uftrace"),
                                "--no-event", "--no-libcall", PATH]))
    try:
        return target.ns_per_call("function", "probed") - target.ns_per_call("bare", "probed")
    finally:
        target.end()


STAT = lapse("lapse stat", "stat")
TRACE_SLOW = lapse("lapse trace --slower 1s", "trace", "--slower", "1s")
TRACE_ALL = lapse("lapse trace --slower 0ns", "trace", "--slower", "0ns", "--json")

# What is done, the kind of call, how many calls a batch, the listener, and what it listens to.
WAYS = [
    ("nobody listens", "marked", "fast", None, None),
    ("nobody listens, by name", "named", "fast", None, None),
    ("below the threshold", "marked", "fast", TRACE_SLOW, "marker:cost_span"),
    ("below the threshold, by name", "named", "fast", TRACE_SLOW, "marker:cost_named"),
    ("counted (stat)", "marked", "probed", STAT, "marker:cost_span"),
    ("counted, by name", "named", "probed", STAT, "marker:cost_named"),
    ("streamed (trace of all)", "marked", "probed", TRACE_ALL, "marker:cost_span"),
    ("a probe of the function (stat)", "function", "probed", STAT, "marked_function"),
]
FUNCTION = WAYS[-1][0]


def measure(case, target, way):
    _, kind, speed, tool, probe = way
    if not tool:
        return target.beyond_bare(kind, speed)
    return with_listener(case, target, kind, speed, tool, probe)


def verdicts(cost):
    share = ratios(cost["streamed (trace of all)"], cost[FUNCTION])
    return [at_most("nobody listens <= 3 ns", 3, cost["nobody listens"], " ns", 2),
            at_most("below the threshold <= 30 ns", 30, cost["below the threshold"], " ns", 1),
            at_most("streamed <= 0.5 of a probe of the function", 0.5, share, "x", 2)]


def run(case):
    target = case.started(Cost())
    cost = {way[0]: [] for way in WAYS}
    for done in rounds(40, most=5):
        for way in in_turn(WAYS, done):
            cost[way[0]].append(measure(case, target, way))
    cost["uftrace"] = [by_uftrace(case)]
    rows = [[name, spread(values, digits=1), times_spread(values, cost[FUNCTION])]
            for name, values in cost.items()]
    table("markers of lapse.h: ns that a span adds to a call, and of a probe of the usual kind",
          ["", "ns", "of the probe"], rows,
          [f"CPU time, medians of {done + 1} paired rounds, and the middle half of them", *verdicts(cost)])
