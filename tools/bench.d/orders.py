# SPDX-License-Identifier: GPL-2.0-or-later
"""What an order of the sample pipeline takes longer under all of contracts/trading.yaml, causes told."""

import os
import time

from common import BUILD, LAPSE, ROOT, TARGETS, Process, Tool, detach, floor, table
from figures import at_most, half, in_turn, median, middle, number, quarters, rounds, target_line
from harness import percentile, read_truth
from pipeline import start_pipeline

CONTRACTS = os.path.join(ROOT, "contracts", "trading.yaml")
PATH = os.path.join(TARGETS, "pipeline")
PHASE = 1.5  # seconds of each: what a host has to do meanwhile is in few of them
LIMIT_US, AIM_US = 100, 10
# How the orders come. One by one nobody waits for another, and what is added is seen as it is, in the middle of all.
# Eight at a time, which is how the pipeline works by itself, they wait for processors and for the batch that they have
# together: what is added to seven others is added to an order, too. The quickest tenth has least of that.
ONE, EIGHT = "one by one", "eight at a time"
TOGETHER = {ONE: 1, EIGHT: 8}
LOOKED_AT = {ONE: 0.5, EIGHT: 0.1}
CPUCLOCK_SCHED = 2  # linux/posix-timers.h
# What the contracts have probed; @: a mark, whose return tells nothing.
PROBED = ("validate_token", "cache_lookup", "rpc_call", "optimize_batch", "http_request", "@order_received",
          "@order_confirmed")


def watch(name, *options, contracts=lambda: CONTRACTS):
    return Tool(name, LAPSE, lambda pid, _path, _functions: [LAPSE, "watch", contracts(), *options, "-p", pid])


def without_connections():
    """The contracts' file but for what is promised of connections."""
    path = os.path.join(BUILD, "bench", "without_connections.yaml")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(CONTRACTS, encoding="utf-8") as whole, open(path, "w", encoding="utf-8") as part:
        part.writelines(line for line in whole
                        if line.split(":")[0].strip() not in ("connections", "min_pool_efficiency", "max_connection_time"))
    return path


WATCH = watch("lapse watch, causes told")
# Where lapse has programs that find causes.
OF_CAUSES = ("sched_switch", "sched_waking", "sk_data_ready")
TOOLS = (WATCH, watch("lapse watch --no-why", "--no-why"),
         watch("the same, connections not followed", "--no-why", contracts=without_connections), floor(),
         floor("empty programs, also where causes are found", OF_CAUSES))


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


def phase_of(case, target, tool):
    return phase_with(case, target, tool) if tool else Phase(target.pid)


def one_round(case, target, tools, done):
    """The phases of each way for orders to come, None being without a tool."""
    phases = {}
    for how in TOGETHER:
        target.order(f"burst {TOGETHER[how]}", f"batch {TOGETHER[how]}")
        phases[how] = {tool: phase_of(case, target, tool) for tool in in_turn([None, *tools], done)}
    return phases


def measured(case):
    """Rounds of phases in one run, and the pipeline's own log of it."""
    target = start_pipeline(case, "--seconds", 900)
    Phase(target.pid)
    tools = [tool for tool in TOOLS if tool.there()]
    phases = [one_round(case, target, tools, done) for done in rounds(250, most=12, least=3)]
    target.finish()
    return phases, read_truth(target.log)


def added(pairs, q):
    """Paired by round, in microseconds."""
    return [percentile(watched, q) - percentile(bare, q) for bare, watched in pairs]


def pairs_of(phases, records, tool):
    pairs = [(phase[None].durations(records), phase[tool].durations(records)) for phase in phases]
    return pairs if all(bare and watched for bare, watched in pairs) else None


def row(name, pairs, how):
    bare = [value for one, _ in pairs for value in one]
    watched = [value for _, one in pairs for value in one]
    more = added(pairs, LOOKED_AT[how])
    return [name, len(watched), number(median(bare)), number(median(watched)),
            *(middle(added(pairs, q), digits=1) for q in (0.1, 0.5, 0.99)), half(more, digits=1)]


def cpu_per_order(phase, records):
    return phase.cpu_ns / 1000 / len(phase.durations(records))


def row_by_tool(tool, phases, records):
    pairs = pairs_of(phases, records, tool)
    cpu = [cpu_per_order(phase[tool], records) - cpu_per_order(phase[None], records) for phase in phases]
    return [tool.name, *(text for q in (0.1, 0.5)
                         for text in (middle(added(pairs, q)), half(added(pairs, q)))), middle(cpu), half(cpu)]


def verdict(wanted, limit, more):
    """Rounds that differ by more than what is asked for tell of the machine, not of lapse."""
    low, high = quarters(more)
    if high - low > 2 * LIMIT_US:
        return target_line(wanted, f"rounds differ by {high - low:,.0f} us: too busy a machine to tell", None)
    return at_most(wanted, limit, more, " us", 1)


def verdicts(order, how):
    lines = [verdict(f"added to an order, {how}, < {LIMIT_US} us", LIMIT_US, order)]
    if how == ONE:
        lines.append(verdict(f"aim: {AIM_US} us", AIM_US, order))
    return lines


def tables(phases, log, how):
    pairs = {name: pairs_of(phases, log[name], WATCH) for name in log}
    order = added(pairs["end_to_end"], LOOKED_AT[how])
    which = "the median" if how == ONE else "the quickest tenth"
    table(f"the sample pipeline under all of contracts/trading.yaml, causes told, by its own clock: us; orders come {how}",
          ["", "watched", "p50 bare", "p50 watched", "added to p10", "to p50", "to p99", "middle half of rounds"],
          [row(name, both, how) for name, both in pairs.items() if both],
          [f"{len(phases)} paired rounds, {PHASE} s with and {PHASE} s without lapse in one run, a hundred orders a second; "
           f"targets and the last column are for {which}", *verdicts(order, how)])
    table(f"what is added to an order, end_to_end, and by what: us; orders come {how}",
          ["", "to p10", "middle half", "to p50", "middle half", "CPU time of the pipeline", "middle half"],
          [row_by_tool(tool, phases, log["end_to_end"]) for tool in TOOLS if tool.there()],
          ["same rounds; the empty programs stand where lapse's do: what the kernel takes to get there and back"])


def run(case):
    phases, log = measured(case)
    for how in TOGETHER:
        tables([one[how] for one in phases], log, how)
