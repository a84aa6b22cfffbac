# SPDX-License-Identifier: GPL-2.0-or-later
"""What an order of the sample pipeline takes longer under all of contracts/trading.yaml, causes told."""

import os
import time

from common import (LAPSE, ROOT, TARGETS, Process, Target, Tool, detach, floor, median, number, rounds, table,
                    target_line)
from harness import percentile, read_truth

CONTRACTS = os.path.join(ROOT, "contracts", "trading.yaml")
PATH = os.path.join(TARGETS, "pipeline")
PHASE = 1.5  # seconds of each: what a host has to do meanwhile is in few of them
LIMIT_US, AIM_US = 100, 10
# Of orders that wait for nobody what is added is seen as it is; the others wait for timers and for each other, too.
FAST = 0.1
CPUCLOCK_SCHED = 2  # linux/posix-timers.h
# What the contracts have probed; @: a mark, whose return tells nothing.
PROBED = ("validate_token", "cache_lookup", "rpc_call", "optimize_batch", "http_request", "@order_received",
          "@order_confirmed")


def watch(name, *options):
    return Tool(name, LAPSE, lambda pid, _path, _functions: [LAPSE, "watch", CONTRACTS, *options, "-p", pid])


WATCH = watch("lapse watch, causes told")
TOOLS = (WATCH, watch("lapse watch --no-why", "--no-why"), floor())


def cpu_ns(pid):
    """Of all its threads, ended ones too: the clock that clock_getcpuclockid(3) gives for it."""
    return time.clock_gettime_ns(~pid << 3 | CPUCLOCK_SCHED)


class Phase:
    """From now on for PHASE seconds."""

    def __init__(self, pid):
        before, self.start = cpu_ns(pid), time.monotonic_ns()
        time.sleep(PHASE)
        self.end, self.cpu_ns = time.monotonic_ns(), cpu_ns(pid) - before

    def durations(self, records):
        """In microseconds, of what began and ended in the phase."""
        return [ns / 1000 for start, ns, _ in records if self.start <= start and start + ns <= self.end]


def phase_with(case, target, tool):
    """What came before the tool's probes stood, and after it was told to end, is in no phase."""
    tracer = tool.attach(case, target.pid, PATH, *PROBED, kind=Process)
    phase = Phase(target.pid)
    detach(tracer)
    return phase


def measured(case):
    """Rounds of phases in one run, None being without a tool, and the pipeline's own log of it."""
    log = case.path("log")
    target = case.started(Target([PATH, "--seconds", 600, "--log", log]))
    Phase(target.pid)
    tools = [tool for tool in TOOLS if tool.there()]
    phases = [{None: Phase(target.pid), **{tool: phase_with(case, target, tool) for tool in tools}}
              for _ in rounds(90, most=16, least=3)]
    target.signal(15)
    target.wait()
    return phases, read_truth(log)


def added(pairs, q):
    """Paired by round, in microseconds."""
    return [percentile(watched, q) - percentile(bare, q) for bare, watched in pairs]


def quarters(values):
    """The middle half of them."""
    ordered, quarter = sorted(values), len(values) // 4
    return ordered[quarter], ordered[-1 - quarter]


def pairs_of(phases, records, tool):
    pairs = [(phase[None].durations(records), phase[tool].durations(records)) for phase in phases]
    return pairs if all(bare and watched for bare, watched in pairs) else None


def row(name, pairs):
    bare = [value for one, _ in pairs for value in one]
    watched = [value for _, one in pairs for value in one]
    more = added(pairs, FAST)
    return [name, len(watched), number(median(bare)), number(median(watched)), number(median(more), digits=1),
            f"{min(more):.1f}..{max(more):.1f}", *(number(median(added(pairs, q)), digits=1) for q in (0.5, 0.99))]


def cpu_per_order(phase, records):
    return phase.cpu_ns / 1000 / len(phase.durations(records))


def row_by_tool(tool, phases, records):
    pairs = pairs_of(phases, records, tool)
    more = added(pairs, FAST)
    cpu = [cpu_per_order(phase[tool], records) - cpu_per_order(phase[None], records) for phase in phases]
    return [tool.name, number(median(more)), "{:.0f}..{:.0f}".format(*quarters(more)), number(median(added(pairs, 0.5))),
            number(median(cpu)), "{:.0f}..{:.0f}".format(*quarters(cpu))]


def verdict(wanted, limit, more):
    """Rounds that differ by more than what is asked for tell of the machine, not of lapse."""
    low, high = quarters(more)
    if high - low > 2 * LIMIT_US:
        return target_line(wanted, f"rounds differ by {high - low:,.0f} us: too busy a machine to tell", None)
    return target_line(wanted, number(median(more), " us", 1), median(more) <= limit)


def run(case):
    phases, log = measured(case)
    pairs = {name: pairs_of(phases, log[name], WATCH) for name in log}
    order = added(pairs["end_to_end"], FAST)
    table("the sample pipeline under all of contracts/trading.yaml, causes told, by its own clock: us",
          ["", "watched", "p50 bare", "p50 watched", "added to p10", "in rounds", "to p50", "to p99"],
          [row(name, both) for name, both in pairs.items() if both],
          [f"{len(phases)} paired rounds, {PHASE} s with and {PHASE} s without lapse in one run; targets are for the "
           "quickest tenth of the orders, which did not wait for others",
           verdict(f"added to an order < {LIMIT_US} us", LIMIT_US, order), verdict(f"aim: {AIM_US} us", AIM_US, order)])
    table("what is added to an order, end_to_end, and by what: us",
          ["", "to p10", "middle half", "to p50", "CPU time of the pipeline", "middle half"],
          [row_by_tool(tool, phases, log["end_to_end"]) for tool in TOOLS if tool.there()],
          ["same rounds; the empty programs stand where lapse's do: what the kernel takes to get there and back; "
           "orders come eight at a time to these processors, so that each waits for what is added to the others"])
