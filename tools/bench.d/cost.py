# SPDX-License-Identifier: GPL-2.0-or-later
"""What a probed call costs the target: entry and return together, for each kind of function."""

import os
import subprocess

from common import (BPFTRACE_HIST, FUNCLATENCY, TARGETS, Target, absent, apart, detach, floor, lapse, peer, perf_record,
                    table, timing_floor, together)
from figures import at_least, at_most, half, in_turn, median, middle, ratio, ratios, rounds, times

PATH = os.path.join(TARGETS, "cost")
KINDS = ("push", "nop5", "endbr", "mov", "stepped")
CALLS = {"push": 2000, "nop5": 2000, "endbr": 2000, "mov": 2000, "stepped": 300}
BATCHES = 20
HEADER = ["", "push", "", "nop5", "", "endbr64", "", "mov", "", "stepped", ""]
STAT, STREAM = "lapse stat", "lapse trace, each span"


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
    stream = ("trace", "--no-why", "--slower", "0ns", "-o", "/dev/null")
    return [lapse(STAT, "stat"),
            lapse("lapse stat --attach=multi", "stat", "--attach=multi"),
            lapse("lapse stat --attach=perf", "stat", "--attach=perf"),
            lapse(STREAM, *stream),
            floor(), timing_floor(), FUNCLATENCY, BPFTRACE_HIST, perf_record(case.dir)]


# ---- uftrace -------------------------------------------------------------------------------


def uftrace_recorded(directory, kind):
    """Whether it has patched the function at all: it passes over what it cannot patch."""
    report = subprocess.run([peer("uftrace"), "report", "-d", directory], capture_output=True, text=True, check=False)
    return f"empty_{kind}" in report.stdout


def uftrace_cost(case, bare, kind):
    """It cannot join a process that runs: the target is started by it, its functions patched."""
    directory = case.path(f"uftrace-{kind}")
    target = case.started(Cost([peer("uftrace"), "record", "-P", f"empty_{kind}", "-d", directory, "--no-event",
                                "--no-libcall", PATH]))
    patched = target.ns_per_call(kind)
    target.finish()
    return patched - bare.ns_per_call(kind) if uftrace_recorded(directory, kind) else None


def uftrace_costs(case, target):
    if not peer("uftrace"):
        return {}
    return {kind: uftrace_cost(case, target, kind) for kind in KINDS}


# ---- the table -----------------------------------------------------------------------------


def cheapest(cost, base, others, kind):
    """How much cheaper the base is than the cheapest of the others, by round."""
    found = [ratios(cost[name, kind], cost[base, kind]) for name in others]
    return min(filter(None, found), key=median, default=[])


def verdicts(cost, peers):
    push = {name: ratios(cost[name, "push"], cost[STAT, "push"]) for name in (*peers, STREAM)}
    lines = [at_least("cheaper than funclatency, >= 1.15x", 1.15, push[FUNCLATENCY.name]),
             at_least("cheaper than the newest bpftrace that runs, >= 1.3x", 1.3, push[BPFTRACE_HIST.name])]
    lines += [at_least(f"a function that begins with {words}: cheaper than each peer, >= 8x", 8,
                       cheapest(cost, STAT, peers, kind))
              for kind, words in (("endbr", "endbr64"), ("mov", "mov"))]
    lines.append(at_most("streaming each span against lapse's own histogram <= 1.10x", 1.10, push[STREAM], "x", 2))
    return lines


def row(cost, name, base=STAT):
    return [name] + [text for kind in KINDS for text in
                     (middle(cost[name, kind]), times(ratio(cost[name, kind], cost[base, kind])))]


def halves(cost, name, base=STAT):
    return [name] + [text for kind in KINDS for text in
                     (half(cost[name, kind]), half(ratios(cost[name, kind], cost[base, kind]), digits=2))]


def run(case):
    target = case.started(Cost())
    apart(target)
    tools = all_tools(case)
    cost = {(tool.name, kind): [] for tool in tools for kind in KINDS}
    for done in rounds(170, most=9):
        for kind in KINDS:
            for tool in in_turn(tools, done):
                cost[tool.name, kind].append(probed_cost(case, target, tool, kind))
    together()
    patched = "uftrace, which starts the program"
    by_uftrace = uftrace_costs(case, target)
    cost.update({(patched, kind): [by_uftrace.get(kind)] for kind in KINDS})
    bare = ", ".join(f"{kind} {target.ns_per_call(kind):.1f}" for kind in KINDS)
    notes = [f"bare calls: {bare} ns; CPU time, median of {done + 1} paired rounds; the target and the tracers on "
             "processors of their own",
             *absent(tools), *([] if peer("uftrace") else ["uftrace: not installed here; tools/deps bench brings it"])]
    peers = (FUNCLATENCY.name, BPFTRACE_HIST.name, "perf record")
    table("cost of a probe, entry and return: ns a call beyond the bare one, and how many times lapse stat's",
          HEADER, [row(cost, name) for name in [*(tool.name for tool in tools), patched]],
          notes + verdicts(cost, peers))
    table("the middle half of the rounds of that: ns a call, and how many times lapse stat's in the same round",
          HEADER, [halves(cost, tool.name) for tool in tools])
