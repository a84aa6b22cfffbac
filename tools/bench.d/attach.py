# SPDX-License-Identifier: GPL-2.0-or-later
"""From the start of a tool to its probes in place, and from ^C to its end."""

import os
import time

import cost
from common import (BPFTRACE_HIST, FUNCLATENCY, LAPSE, TARGETS, Code, Target, detach, floor,
                    function_bytes, lapse, median, number, ratio, rounds, table, target_line, times)

MANY = os.path.join(TARGETS, "many")
# Each probe of bpftrace is a perf event, released one after the other.
PEER_FUNCTIONS = 10


def timed_run(case, tool, pid, path, names, pattern=None):
    """Seconds to the breakpoints in the target's code, to lapse's own word, and from ^C to the end."""
    code = Code(pid, path, names)
    start = time.monotonic()
    process = tool.start(case, pid, path, pattern or names[0])
    attached = code.wait_probed(process, seconds=60) - start
    code.close()
    said = None
    if tool.program == LAPSE:
        process.wait_line(r"^lapse: tracing", process.err)
        said = time.monotonic() - start
    else:
        time.sleep(0.5)
    return attached, said, detach(process, 60)


def row(name, figures, base):
    """The last column compares what the user waits for: lapse's word, the peers' probes."""
    attached, said, gone = zip(*figures)
    waited = [said_at or at for at, said_at, _ in figures]
    milli = [number(value and value * 1000) for value in (median(attached), median(said), median(gone))]
    return [name, *milli, times(ratio(waited, base))], waited


def one_function(case):
    target = case.started(cost.Cost())
    tools = [lapse("lapse stat", "stat"), floor(), FUNCLATENCY, BPFTRACE_HIST]
    tools = [tool for tool in tools if tool.there()]
    figures = {tool.name: [] for tool in tools}
    for _ in rounds(20, most=7):
        for tool in tools:
            figures[tool.name].append(timed_run(case, tool, target.pid, cost.PATH, ["empty_push"]))
    base = row("", figures[tools[0].name], [])[1]
    rows = [row(tool.name, figures[tool.name], base)[0] for tool in tools]
    table("one function: ms from start to attached, and from ^C to the end",
          ["", "probed", "said so", "^C to end", "attached/lapse's"], rows,
          [target_line("start to attached < 0.3 s", number(median(base), " s", 3), median(base) < 0.3)])


def many_functions(case):
    target = case.started(Target([MANY]))
    names = sorted(name for name in function_bytes(MANY) if name.startswith("fn_"))
    tool = lapse("lapse stat", "stat", "--yes")
    figures = {"all": [], "lapse": [], "bpftrace": []}
    for _ in rounds(25, most=3, least=1):
        some = target.pid, MANY, names[:PEER_FUNCTIONS], "fn_000*"
        figures["all"].append(timed_run(case, tool, target.pid, MANY, names, "fn_*"))
        figures["lapse"].append(timed_run(case, tool, *some))
        if BPFTRACE_HIST.there():
            figures["bpftrace"].append(timed_run(case, BPFTRACE_HIST, *some))
    base = row("", figures["lapse"], [])[1]
    rows = [row(f"lapse stat, {len(names):,} functions", figures["all"], base)[0],
            row(f"lapse stat, {PEER_FUNCTIONS}", figures["lapse"], base)[0]]
    if figures["bpftrace"]:
        rows.append(row(f"bpftrace, {PEER_FUNCTIONS}", figures["bpftrace"], base)[0])
    attached = median([said for _, said, _ in figures["all"]])
    gone = median([gone for _, _, gone in figures["all"]])
    table("functions by glob: ms from start to attached, and from ^C to the end (funclatency takes no glob)",
          ["", "probed", "said so", "^C to end", f"attached/lapse's {PEER_FUNCTIONS}"], rows,
          [target_line(f"{len(names):,} functions attached < 3 s", number(attached, " s", 2), attached < 3),
           target_line(f"{len(names):,} functions detached < 1 s", number(gone, " s", 2), gone < 1)])


def run(case):
    one_function(case)
    many_functions(case)
