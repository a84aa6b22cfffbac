# SPDX-License-Identifier: GPL-2.0-or-later
"""From the return of a slow call, by the target's own clock, to the line about it in a pipe."""

import bisect
import json
import os
import re
import time

from common import (TARGETS, Fail, Process, Target, bpftrace, build, detach, lapse, median, number,
                    ratio, rounds, table, times)
from harness import percentile, read_truth

TIMED = os.path.join(TARGETS, "timed")
WORK = ["--work", "push", "--calls", "150", "--ns", "1500us", "--gap", "3ms"]
HOGS = 4


class Stamped:
    """The other end of a tracer's standard output, where its lines are stamped as they come."""

    def __init__(self, case, program):
        read_end, self._write_end = os.pipe()
        self._process = case.started(Process([program], stdin=read_end))
        os.close(read_end)

    def tracer(self, argv, **popen):
        process = Process(argv, stdout=self._write_end, **popen)
        os.close(self._write_end)
        return process

    def lines(self):
        """(moment, line), once the tracer has ended. Lines that came together have one moment."""
        self._process.wait()
        found, moment = [], None
        for line in self._process.out:
            stamp, tab, text = line.partition("\t")
            moment = int(stamp) if tab else moment
            found.append((moment, text if tab else line))
        return found


def start_of_lapse(line):
    thing = json.loads(line)
    return int(thing["start_ns"]) if thing["type"] == "span" and not thing["open"] else None


def start_of_bpftrace(line):
    match = re.match(r"(\d+)$", line)
    ahead = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return int(match[1]) - (ahead if ahead > 1000000 else 0) if match else None


def delays(arrivals, start_of, log):
    """In microseconds, of each call that was told of."""
    calls = sorted((start, start + duration) for start, duration, _ in log)
    starts = [start for start, _ in calls]
    found = []
    for moment, line in arrivals:
        start = start_of(line)
        at = bisect.bisect_left(starts, start) if start else len(starts)
        if at < len(starts) and starts[at] - start < 1000000:
            found.append((moment - calls[at][1]) / 1000)
    return found


def measured(case, stamp, tool, start_of):
    log = case.path("log")
    stamped = Stamped(case, stamp)
    target = case.started(Target([TIMED, *WORK, "--log", log]))
    tracer = tool.attach(case, target.pid, TIMED, "work_push", kind=stamped.tracer)
    target.go()
    target.done(60)
    time.sleep(0.2)
    detach(tracer)
    target.finish()
    return delays(stamped.lines(), start_of, read_truth(log)["work_push"])


def start_hogs(case):
    return [case.started(Process(["sh", "-c", "while :; do :; done"], name="hog")) for _ in range(HOGS)]


def measure_all(case, stamp, tools, seconds):
    found = {tool.name: [] for tool, _ in tools}
    for _ in rounds(seconds, most=3, least=1):
        for tool, start_of in tools:
            found[tool.name].append(measured(case, stamp, tool, start_of))
    return found


def rows_of(label, found):
    middles = {name: [percentile(run, 0.5) for run in runs if run] for name, runs in found.items()}
    base = next(iter(middles.values()))
    return [[f"{label}, {name}", sum(map(len, runs)), number(median(middles[name]), digits=1),
             number(median([percentile(run, 0.99) for run in runs if run]), digits=1),
             times(ratio(middles[name], base))] for name, runs in found.items()]


def run(case):
    stamp = build("tools/bench.d/stamp.c")
    if not stamp:
        raise Fail("tools/bench.d/stamp.c does not build")
    tools = [(lapse("lapse trace", "trace", "--slower", "1ms", "--json"), start_of_lapse),
             (bpftrace(r'if (DURATION > 1000000) { printf("%llu\n", START); }', "-q", "-B", "none"),
              start_of_bpftrace)]
    tools = [(tool, start_of) for tool, start_of in tools if tool.there()]
    idle = measure_all(case, stamp, tools, 12)
    hogs = start_hogs(case)
    busy = measure_all(case, stamp, tools, 25)
    for hog in hogs:
        hog.end()
    table("detection: us from the return of a slow call to the line about it in a pipe",
          ["", "lines", "p50", "p99", "p50/lapse's"],
          rows_of("idle", idle) + rows_of(f"beside {HOGS} CPU hogs", busy))
