# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scheduler's programs, which find out why calls are slow, cost at each switch of the processor."""

import json
import os
import subprocess
import time

from common import Fail, Target, build, detach, lapse, peer, table
from figures import at_most, middle, rounds, spread
from harness import Skip

STATS = "/proc/sys/kernel/bpf_stats_enabled"
SWITCHES = 200000
WANTED_NS = 200

# What the handing thread is in, and what the rows call it.
KINDS = {"outside": "in no measured call", "inside": "in one: each switch a wait"}


class Switching(Target):
    """The target that is asked for rounds."""

    def __init__(self, path):
        super().__init__([path])
        self.path, self.rounds = path, 0

    def ns(self, kind):
        self.send(f"{kind} {SWITCHES // 2}\n")
        self.rounds += 1
        return float(self.wait_line(rf"^round {self.rounds} {kind} (.*)", seconds=60)[1])


class Counted:
    """The kernel counts what programs take, and did not before."""

    def __enter__(self):
        with open(STATS, encoding="ascii") as file:
            self.before = file.read()
        self._write("1")

    def __exit__(self, *_):
        self._write(self.before)

    @staticmethod
    def _write(text):
        with open(STATS, "w", encoding="ascii") as file:
            file.write(text)


def own_programs(pid):
    """Numbers of the programs that the process holds."""
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
                lines = dict(line.split(":", 1) for line in file if ":" in line)
        except OSError:
            continue
        if "prog_id" in lines and "prog_type" in lines:
            yield int(lines["prog_id"])


def counted(pid):
    """name -> (runs, ns) of the programs about causes."""
    own = set(own_programs(pid))
    listing = subprocess.run([peer("bpftool"), "-j", "prog", "show"], capture_output=True, check=True)
    return {each["name"]: (each.get("run_cnt", 0), each.get("run_time_ns", 0))
            for each in json.loads(listing.stdout) if each["id"] in own and each.get("name", "").startswith("why_")}


def switched():
    """Of all processors, since the start of the machine."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(next(line.split()[1] for line in file if line.startswith("ctxt ")))


def spent(pid, work):
    """What WORK took of the programs' time, in ns by name; how often the processor was switched; seconds."""
    before, switches, start = counted(pid), switched(), time.monotonic()
    work()
    seconds, switches, after = time.monotonic() - start, switched() - switches, counted(pid)
    if not after:
        raise Fail("the programs are not there")
    return {name: after[name][1] - before[name][1] for name in after}, switches, seconds


def per_switch(ns, switches, seconds):
    """Nanoseconds a switch, switches a second, and their product: the share of a processor."""
    whole = sum(ns.values())
    return whole / switches, switches / seconds, whole / seconds / 1e9


def nothing_measured(case, path):
    """A tracer whose target sleeps, and the pair that has never had a measured call beside it."""
    idle, busy = case.started(Switching(path)), case.started(Switching(path))
    tracer = lapse("lapse", "trace", "--slower", "1s").attach(case, idle.pid, path, "inside")
    with Counted():
        ns, switches, seconds = spent(tracer.pid, lambda: busy.ns("outside"))
    detach(tracer)
    return per_switch(ns, switches, seconds)


def measured(case, path, kind):
    """The pair itself is the target."""
    target = case.started(Switching(path))
    tracer = lapse("lapse", "trace", "--slower", "1s").attach(case, target.pid, path, "inside")
    with Counted():
        ns, switches, seconds = spent(tracer.pid, lambda: target.ns(kind))
    detach(tracer)
    return per_switch(ns, switches, seconds)


def row(name, figures):
    ns, rate, share = zip(*figures)
    return [name, spread(ns), middle(rate), spread([100 * each for each in share], " %", 2)]


def run(case):
    path = build("tools/bench.d/switches.c", "-fcf-protection=none", "-lpthread")
    if not path or not peer("bpftool") or not os.path.exists(STATS):
        raise Skip("needs bpftool, a compiler and a kernel that counts what programs take")
    found = {name: [] for name in ("of another process", *KINDS.values())}
    for done in rounds(40, most=5):
        found["of another process"].append(nothing_measured(case, path))
        for kind, name in KINDS.items():
            found[name].append(measured(case, path, kind))
    outside, other = ([ns for ns, _, _ in found[name]] for name in (KINDS["outside"], "of another process"))
    table("what finding causes costs at a switch of the processor, between two threads that do nothing else",
          ["the thread is", "ns a switch", "switches/s", "of a processor"],
          [row(name, figures) for name, figures in found.items()],
          [f"medians of {done + 1} rounds, and the middle half of them, as the kernel counts the programs' time: its clock "
           "is in it",
           at_most(f"in no measured call < {WANTED_NS} ns a switch", WANTED_NS, outside, " ns"),
           at_most(f"of another process < {WANTED_NS} ns a switch", WANTED_NS, other, " ns")])
