# SPDX-License-Identifier: GPL-2.0-or-later
"""What a probed call costs the target: entry and return together, for each kind of function."""

import os

from common import (BPFTRACE_HIST, FUNCLATENCY, TARGETS, Target, detach, floor, lapse, median, number,
                    perf_record, ratio, rounds, table, target_line, times)

PATH = os.path.join(TARGETS, "cost")
KINDS = ("push", "nop5", "endbr", "stepped")
CALLS = {"push": 2000, "nop5": 2000, "endbr": 2000, "stepped": 300}
BATCHES = 20


class Cost(Target):
    """The target that is asked for rounds."""

    def __init__(self):
        super().__init__([PATH])
        self.rounds = 0
        self.go()

    def batch(self, kind, calls):
        self.send(f"{kind} {calls}\n")
        self.rounds += 1
        return float(self.wait_line(rf"^round {self.rounds} {kind} (.*)")[1])

    def ns_per_call(self, kind):
        """The best of some batches: what runs beside only ever adds to it."""
        return min(self.batch(kind, CALLS[kind]) for _ in range(BATCHES))


def probed_cost(case, target, tool, kind):
    """What the tool's probe adds to a call, measured beside the bare call; None without the tool."""
    if not tool.there():
        return None
    bare = target.ns_per_call(kind)
    tracer = tool.attach(case, target.pid, PATH, f"empty_{kind}")
    probed = target.ns_per_call(kind)
    detach(tracer)
    return probed - bare


def all_tools(case):
    return [lapse("lapse stat", "stat"),
            lapse("lapse stat --attach=multi", "stat", "--attach=multi"),
            lapse("lapse stat --attach=perf", "stat", "--attach=perf"),
            floor(), FUNCLATENCY, BPFTRACE_HIST, perf_record(case.dir)]


def run(case):
    target = case.started(Cost())
    tools = all_tools(case)
    cost = {(tool.name, kind): [] for tool in tools for kind in KINDS}
    for done in rounds(50, most=5):
        for kind in KINDS:
            for tool in tools:
                cost[tool.name, kind].append(probed_cost(case, target, tool, kind))
    rows = [[tool.name] + [text for kind in KINDS for text in
                           (number(median(cost[tool.name, kind])),
                            times(ratio(cost[tool.name, kind], cost[tools[0].name, kind])))]
            for tool in tools]
    bare = ", ".join(f"{kind} {target.ns_per_call(kind):.1f}" for kind in KINDS)
    same = ratio(cost[tools[0].name, "endbr"], cost[tools[0].name, "push"])
    table("cost of a probe, entry and return: ns a call beyond the bare one, and how many times lapse stat's",
          ["", "push", "", "nop5", "", "endbr64", "", "stepped", ""], rows,
          [f"bare calls: {bare} ns; CPU time, median of {done + 1} paired rounds",
           target_line("endbr64 costs what push costs within 20 %", times(same),
                       None if same is None else abs(same - 1) <= 0.2)])
