# SPDX-License-Identifier: GPL-2.0-or-later
"""A million calls a second from two threads: what is counted, what is lost, and what it costs."""

import re
import resource
import time

from common import (BPFTRACE_HIST, FUNCLATENCY, ROOT, Fail, Target, absent, build, cpu_seconds, detach, final,
                    histogram_rows, lapse, table)
from figures import in_turn, middle, number, rounds, target_line, times_spread

CALLS = 1000000


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def counted_by_lapse(process, _path):
    return final(process)["components"]["hot"]["count"], None


def on_the_ring(process, path):
    """Spans written, spans counted as dropped, and calls that were not over the limit of 0 ns."""
    written, report = 0, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if '"span"' in line and '"open":false' in line.replace(" ", ""):
                written += 1
            elif '"final"' in line:
                process.out.append(line)
    report = final(process)
    component = report["components"]["hot"]
    nothing = sum(count for low, _, count in component["histogram"] if low == 0)
    return component["count"], (written, report["integrity"]["ring_dropped"], nothing)


def counted_by_peer(pattern):
    return lambda process, _path: (sum(count for _, _, count in histogram_rows(process.out, pattern)), None)


def bpftrace_count(process, _path):
    """Its bounds are written short, 1K for 1024: only the counts matter."""
    found = (re.match(r"^\[[^)\]]*[)\]] +(\d+) ", line) for line in process.out)
    return sum(int(match[1]) for match in found if match), None


def build_hot():
    """With a nop to stand on: as built for the tests the function is one ret, which is single-stepped."""
    path = build("tests/targets/hot.c", f"-I{ROOT}/tests/targets", "-fpatchable-function-entry=1",
                 "-lpthread")
    if not path:
        raise Fail("tests/targets/hot.c does not build")
    return path


def run_once(case, hot, tool, read_counts):
    """What the target says it took in seconds, the tracer's CPU seconds, and the counts."""
    target = case.started(Target([hot, "--calls", CALLS, "--rate", CALLS]))
    path = case.path("out")
    if not tool:
        target.go()
        took = target.done(60)["took_ns"] / 1e9
        target.finish()
        return took, None, None
    process = tool.attach(case, target.pid, hot, "hot")
    before = cpu_seconds(process.pid)
    target.go()
    took = target.done(60)["took_ns"] / 1e9
    reaped = children_cpu()
    detach(process, 60)
    cpu = children_cpu() - reaped - before
    target.finish()
    return took, cpu, read_counts(process, path)


def tools_of(case):
    ring = ("trace", "--slower", "0ns", "--json", "-o", case.path("out"))
    return [(None, None),
            (lapse("lapse stat", "stat", "--json"), counted_by_lapse),
            (lapse("lapse trace, each call", *ring), on_the_ring),
            (FUNCLATENCY, counted_by_peer(r"^ *(\d+) -> (\d+) +: (\d+)")),
            (BPFTRACE_HIST, bpftrace_count)]


def row(name, figures, base):
    if not figures:
        return [name, None, None, None, None, None]
    took, cpu, counts = zip(*figures)
    missing, ring = None, None
    if counts[0]:
        missing = max((abs(CALLS - count) for count, _ in counts))
        if counts[0][1]:
            ring = "{:,} + {:,} (+ {:,})".format(*counts[-1][1])
    return [name, middle(took, " s", 2), middle(cpu, " s", 2), number(missing), ring, times_spread(took, base)]


def exact(figures):
    """Counts without a call too few, and the ring's law: written + dropped + those of 0 ns = calls."""
    counts = [counts for name in figures if name.startswith("lapse") for _, _, counts in figures[name]]
    return (all(count == CALLS for count, _ in counts),
            all(sum(ring) == CALLS for _, ring in counts if ring))


def run(case):
    hot = build_hot()
    tools = tools_of(case)
    figures = {tool.name if tool else "untraced": [] for tool, _ in tools}
    for done in rounds(35, most=3, least=1):
        for tool, read in in_turn(tools, done):
            if tool and not tool.there():
                continue
            figures[tool.name if tool else "untraced"].append(run_once(case, hot, tool, read))
            time.sleep(0.05)
    base = [took for took, _, _ in figures["lapse stat"]]
    counts_met, ring_met = exact(figures)
    table(f"{CALLS:,} calls in a second wanted, from two threads",
          ["", "took", "CPU of tracer", "calls missed", "ring: read + lost (+ of 0 ns)", "took/lapse stat's"],
          [row(name, figures[name], base) for name in figures],
          [*absent(tool for tool, _ in tools), target_line("counts exact", "lapse", counts_met),
           target_line("every span is read or counted as lost", "lapse trace", ring_met)])
