# SPDX-License-Identifier: GPL-2.0-or-later
"""From the start of a tool to its probes in place, and from ^C to its end."""

import os
import subprocess
import threading
import time

import cost
from common import (BPFTRACE_HIST, FUNCLATENCY, LAPSE, ROOT, BUILD, Code, Fail, Target, absent, detach, floor,
                    function_bytes, lapse, table)
from figures import at_least, at_most, in_turn, middle, ratios, rounds, times_spread

MANY = 5000
# Each probe of bpftrace is a perf event, released one after the other.
PEER_FUNCTIONS = 10
CAUSES = "lapse trace, causes told"


def build_many():
    """The test target with more functions; None where it cannot be built."""
    path = os.path.join(BUILD, "bench", f"many-{MANY}")
    source = path + ".c"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(source, "w", encoding="ascii") as file:
        subprocess.run([os.path.join(ROOT, "tests/targets/gen-many"), str(MANY)], stdout=file, check=True)
    made = subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-D_GNU_SOURCE", f"-I{ROOT}/tests/targets",
                           "-o", path, source], capture_output=True, check=False)
    if made.returncode:
        raise Fail("tests/targets/gen-many's program does not build")
    return path


class Run:
    """One start and end of a tool, in seconds. From outside, all tools alike, by what stands in the target's
    code: the first probe, the last, and both again when they go; and lapse's own word that it traces."""

    def __init__(self, case, tool, pid, path, names, pattern=None):
        code = Code(pid, path, names)
        start = time.monotonic()
        process = tool.start(case, pid, path, pattern or names[0])
        first = code.wait_first(process) - start
        self.attached = code.wait_probed(process, seconds=60) - start
        self.attaching = self.attached - first
        self.said = None
        if tool.program == LAPSE:
            process.wait_line(r"^lapse: tracing", process.err)
            self.said = time.monotonic() - start
        time.sleep(0.5)
        self.removed, self.gone = self._end(process, code)
        code.close()

    @staticmethod
    def _end(process, code):
        """From ^C until the probes have gone from the code, and to the tool's end."""
        gone = []
        start = time.monotonic()
        watcher = threading.Thread(target=lambda: gone.append(code.wait_bare(60)))
        watcher.start()
        took = detach(process, 60)
        watcher.join()
        return gone[0] - start, took

    @property
    def waited(self):
        """What the user waits for: lapse's word, the peers' probes."""
        return self.said or self.attached


def each(runs, what):
    return [getattr(run, what) for run in runs]


def milli(runs, what):
    return [seconds and seconds * 1000 for seconds in each(runs, what)]


def row(name, runs, base):
    return [name, *(middle(milli(runs, what)) for what in ("attached", "said", "attaching", "removed", "gone")),
            *(times_spread(each(runs, what), each(base, what)) for what in ("waited", "gone"))]


HEADER = ["", "probed", "said so", "first to last probe", "^C to no probe", "^C to end"]


def quicker(wanted, runs, base, what):
    return at_least(f"{wanted}, >= 4x", 4, ratios(each(runs, what), each(base, what)))


def one_function(case):
    target = case.started(cost.Cost())
    tools = [lapse("lapse stat", "stat"), lapse(CAUSES, "trace", "--slower", "30ms", "-o", "/dev/null"), floor(), FUNCLATENCY,
             BPFTRACE_HIST]
    figures = {tool.name: [] for tool in tools}
    for done in rounds(30, most=11):
        for tool in in_turn(tools, done):
            if tool.there():
                figures[tool.name].append(Run(case, tool, target.pid, cost.PATH, ["empty_push"]))
    base, newest = figures[tools[0].name], figures[BPFTRACE_HIST.name]
    table("one function: ms from start to attached, and from ^C to the end",
          [*HEADER, "attached/lapse's", "end/lapse's"], [row(tool.name, figures[tool.name], base) for tool in tools],
          [*absent(tools),
           f"medians of {len(base)} paired rounds; of ratios also the middle half",
           quicker("start to attached: quicker than the newest bpftrace that runs", newest, base, "waited"),
           quicker("start to attached, causes told: quicker than it", newest, figures[CAUSES], "waited"),
           quicker("^C to the end: quicker than it", newest, base, "gone")])


def many_functions(case):
    path = build_many()
    target = case.started(Target([path]))
    names = sorted(name for name in function_bytes(path) if name.startswith("fn_"))
    tool = lapse("lapse stat", "stat", "--yes")
    figures = {"all": [], "lapse": [], "bpftrace": []}
    for _ in rounds(25, most=3, least=1):
        some = target.pid, path, names[:PEER_FUNCTIONS], "fn_000*"
        figures["all"].append(Run(case, tool, target.pid, path, names, "fn_*"))
        figures["lapse"].append(Run(case, tool, *some))
        if BPFTRACE_HIST.there():
            figures["bpftrace"].append(Run(case, BPFTRACE_HIST, *some))
    base = figures["lapse"]
    rows = [row(f"lapse stat, {len(names):,} functions", figures["all"], base),
            row(f"lapse stat, {PEER_FUNCTIONS}", base, base),
            row(f"{BPFTRACE_HIST.name}, {PEER_FUNCTIONS}", figures["bpftrace"], base)]
    table("functions by glob: ms from start to attached, and from ^C to the end (funclatency takes no glob)",
          [*HEADER, f"attached/lapse's {PEER_FUNCTIONS}", f"end/lapse's {PEER_FUNCTIONS}"], rows,
          [*absent([BPFTRACE_HIST]),
           f"medians of {len(base)} paired rounds; of ratios also the middle half",
           at_most(f"{len(names):,} functions attached <= 60 ms, first to last probe", 60,
                   milli(figures["all"], "attaching"), " ms"),
           at_most(f"{len(names):,} functions detached <= 100 ms, ^C to no probe", 100,
                   milli(figures["all"], "removed"), " ms")])


def run(case):
    one_function(case)
    many_functions(case)
