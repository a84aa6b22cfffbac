# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel itself says that programs take of a call: steadier than the call's own cost, most of which is the way
into the kernel and back. It counts with two readings of a clock for each run, which are in each row."""

import contextlib
import ctypes
import glob
import os
import platform

from common import BPFTRACE_HIST, FUNCLATENCY, Fail, absent, apart, detach, floor, lapse, table, timing_floor, together
from cost import PATH, STAT, STREAM, Cost
from figures import in_turn, middle, rounds, spread, times_spread

KIND = "push"
CALLS = 50000
BPF_NUMBER = {"x86_64": 321, "aarch64": 280}
BPF_ENABLE_STATS = 32
BPF_STATS_RUN_TIME = 0


@contextlib.contextmanager
def run_times_counted():
    """From here on, until it is closed or this process ends."""
    which = ctypes.c_uint32(BPF_STATS_RUN_TIME)
    fd = ctypes.CDLL(None).syscall(BPF_NUMBER[platform.machine()], BPF_ENABLE_STATS, ctypes.byref(which),
                                   ctypes.sizeof(which))
    if fd < 0:
        raise Fail("the kernel does not count what programs take")
    try:
        yield
    finally:
        os.close(fd)


def programs_of(pid):
    """Nanoseconds in each of the programs that the process holds, by their numbers."""
    found = {}
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
            if "run_time_ns" in lines:
                found[int(lines["prog_id"])] = int(lines["run_time_ns"])
    return found


def time_in_programs(case, target, tool):
    """Nanoseconds a call; None without the tool."""
    if not tool.there():
        return None
    tracer = tool.attach(case, target.pid, PATH, f"empty_{KIND}")
    before = programs_of(tracer.pid)
    target.batch(KIND, CALLS)
    after = programs_of(tracer.pid)
    detach(tracer)
    return sum(ns - before.get(number, 0) for number, ns in after.items()) / CALLS


def run(case):
    target = case.started(Cost())
    apart(target)
    empty = floor()
    tools = [lapse(STAT, "stat"), lapse(STREAM, "trace", "--no-why", "--slower", "0ns", "-o", "/dev/null"),
             empty, timing_floor(), FUNCLATENCY, BPFTRACE_HIST]
    took = {tool.name: [] for tool in tools}
    with run_times_counted():
        for done in rounds(30, most=9):
            for tool in in_turn(tools, done):
                took[tool.name].append(time_in_programs(case, target, tool))
    together()

    def beyond(name):
        return [None if ns is None else ns - nothing for ns, nothing in zip(took[name], took[empty.name])]

    table("time in programs, by the kernel's own count: ns a call, entry and return",
          ["", "ns", "beyond the empty program's", "times lapse stat's"],
          [[tool.name, spread(took[tool.name]), middle(beyond(tool.name)),
            times_spread(took[tool.name], took[STAT])] for tool in tools],
          [f"medians of {done + 1} paired rounds of {CALLS:,} calls, and the middle half of them; with the clock that the kernel "
           "reads before and after each run, which the empty program's row is made of", *absent(tools)])
