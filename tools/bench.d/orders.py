# SPDX-License-Identifier: GPL-2.0-or-later
"""What an order of the sample pipeline takes longer under all of contracts/trading.yaml, causes told."""

import os
import time

from common import LAPSE, ROOT, Process, TARGETS, Tool, detach, median, number, rounds, table, target_line
from harness import Target, percentile, read_truth

CONTRACTS = os.path.join(ROOT, "contracts", "trading.yaml")
PATH = os.path.join(TARGETS, "pipeline")
PHASE = 1.5  # seconds with, and seconds without: what a host has to do meanwhile is in few of them
LIMIT_US, AIM_US = 100, 10
# Of orders that wait for nobody what is added is seen as it is; the others wait for timers and for each other, too.
FAST = 0.1


def watch():
    return Tool("lapse watch", LAPSE, lambda pid, _path, _functions: [LAPSE, "watch", CONTRACTS, "-p", pid])


def bare_phase():
    start = time.monotonic_ns()
    time.sleep(PHASE)
    return start, time.monotonic_ns()


def watched_phase(case, target):
    """What came before lapse said that it traces, and after it was told to end, is in neither phase."""
    tracer = watch().start(case, target.pid, PATH, kind=Process)
    tracer.wait_line(r"^lapse: tracing", tracer.err)
    phase = bare_phase()
    detach(tracer)
    return phase


def durations(records, phase):
    """In microseconds, of what began and ended in the phase."""
    return [ns / 1000 for start, ns, _ in records if phase[0] <= start and start + ns <= phase[1]]


def measured(case):
    """Paired phases of one run, and the pipeline's own log of it."""
    log = case.path("log")
    target = case.started(Target([PATH, "--seconds", 600, "--log", log]))
    bare_phase()
    phases = []
    for _ in rounds(50, most=16, least=3):
        bare = bare_phase()
        phases.append((bare, watched_phase(case, target)))
    target.signal(15)
    target.wait()
    return phases, read_truth(log)


def added(pairs, q):
    """Paired by round, in microseconds."""
    return [percentile(watched, q) - percentile(bare, q) for bare, watched in pairs]


def row(name, pairs):
    bare = [value for one, _ in pairs for value in one]
    watched = [value for _, one in pairs for value in one]
    more = added(pairs, FAST)
    return [name, len(watched), number(median(bare)), number(median(watched)), number(median(more), digits=1),
            f"{min(more):.1f}..{max(more):.1f}", *(number(median(added(pairs, q)), digits=1) for q in (0.5, 0.99))]


def verdict(wanted, limit, more):
    """Rounds that differ by more than what is asked for tell of the machine, not of lapse."""
    got = median(more)
    quarter = len(more) // 4
    spread = sorted(more)[-1 - quarter] - sorted(more)[quarter]
    if spread > 2 * LIMIT_US:
        return target_line(wanted, f"rounds differ by {spread:,.0f} us: too busy a machine to tell", None)
    return target_line(wanted, number(got, " us", 1), got <= limit)


def run(case):
    phases, log = measured(case)
    pairs = {name: [(durations(log[name], bare), durations(log[name], watched)) for bare, watched in phases]
             for name in log}
    pairs = {name: both for name, both in pairs.items() if all(bare and watched for bare, watched in both)}
    order = added(pairs["end_to_end"], FAST)
    table("the sample pipeline under all of contracts/trading.yaml, causes told, by its own clock: us",
          ["", "watched", "p50 bare", "p50 watched", "added to p10", "in rounds", "to p50", "to p99"],
          [row(name, both) for name, both in pairs.items()],
          [f"{len(phases)} paired rounds, {PHASE} s with and {PHASE} s without lapse in one run; targets are for the "
           "quickest tenth of the orders, which did not wait for others",
           verdict(f"added to an order < {LIMIT_US} us", LIMIT_US, order), verdict(f"aim: {AIM_US} us", AIM_US, order)])
