# SPDX-License-Identifier: GPL-2.0-or-later
"""Every span, one by one, from the kernel to user space: what reading costs, and what is lost."""

import os

from common import BUILD, DEPS, ROOT, Fail, Process, Target, build, cpu_seconds, detach, final, lapse, table
from figures import at_most, in_turn, median, middle, number, rounds, spread, target_line
from rate import build_hot

SECONDS = 1
RATES = (1000000, 2000000)
LIBRARIES = ["-ldw", "-lelf", "-lz", "-llzma", "-lcapstone", "-liberty", "-lyaml", "-ljansson", "-lpthread", "-lm"]


def build_reader():
    """Lapse's own programs and reader, with nothing behind them."""
    path = build("tools/bench.d/ring.c", f"-I{ROOT}", f"-I{ROOT}/user", "-isystem", f"{DEPS}/usr/include",
                 os.path.join(BUILD, "liblapse.a"), f"{DEPS}/usr/lib64/libbpf.a", *LIBRARIES)
    if not path:
        raise Fail("tools/bench.d/ring.c does not build")
    return path


def reader(program, *usual):
    def start(case, pid):
        process = case.started(Process([program, pid, "hot", *usual]))
        process.wait_line("^ready")
        return process

    def end(process):
        process.popen.stdin.close()
        spans, dropped, cpu_ns = map(int, process.wait_line(r"^\d+ \d+ \d+$")[0].split())
        process.wait()
        return spans, dropped, cpu_ns / 1e9, spans

    return start, end


def trace():
    """A line for each that it gets: what is written is counted and thrown away."""
    tool = lapse("trace", "trace", "--no-why", "--slower", "0ns", "--json")
    before = {}

    def start(case, pid):
        process = tool.start(case, pid, None, "hot", kind=WithoutSpans)
        process.wait_line("^lapse: tracing", process.err)
        before[process.pid] = cpu_seconds(process.pid)
        return process

    def end(process):
        detach(process, 60)
        report = final(process)
        dropped = report["integrity"]["ring_dropped"]
        return report["components"]["hot"]["count"] - dropped, dropped, \
            report["overhead"]["tracer_cpu_s"] - before[process.pid], process.lines

    return start, end


class WithoutSpans(Process):
    """Of its output only the final object is kept, and how many lines on spans there were."""

    def __init__(self, argv, **popen):
        self.lines = None
        read_end, write_end = os.pipe()
        self._filter = Process(["awk", '/"type":"span"/ { n++; next } /"type":"final"/; END { print n + 0 }'],
                               stdin=read_end)
        os.close(read_end)
        super().__init__(argv, stdout=write_end, **popen)
        os.close(write_end)

    def wait(self, *args):
        code = super().wait(*args)
        self._filter.wait(60)
        *self.out[:], lines = self._filter.out
        self.lines = int(lines)
        return code


def run_once(case, hot, way, rate):
    """Spans lost, CPU seconds of the reader, calls a second that the target has made, spans taken one by one."""
    start, end = way
    calls = rate * SECONDS
    target = case.started(Target([hot, "--calls", calls, "--rate", rate]))
    process = start(case, target.pid)
    target.go()
    took = target.done(120)["took_ns"] / 1e9
    spans, dropped, cpu, taken = end(process)
    target.finish()
    if spans + dropped != calls:
        raise Fail(f"{spans:,} spans counted and {dropped:,} lost of {calls:,}")
    return dropped, cpu, calls / took, taken


def bare(case, program):
    """Milliseconds a million: records of that length from one thread to another, nothing traced."""
    process = case.started(Process([program, RATES[0] * SECONDS, RATES[0]]))
    took = int(process.wait_line(r"^\d+$", seconds=60)[0]) / 1e6
    process.wait()
    return took / SECONDS


def milli_a_million(figures):
    """Of the reader's CPU, by round."""
    return [cpu / taken * 1e9 for _, cpu, _, taken in figures]


def row(name, figures):
    dropped, _, rate, taken = zip(*figures)
    return [name, middle(rate), middle(taken), spread(milli_a_million(figures), digits=2), middle(dropped),
            middle([100 * lost / (lost + n) for lost, n in zip(dropped, taken)], " %", 2)]


def run(case):
    hot, program, writing = build_hot(), build_reader(), trace()
    records = build("tools/bench.d/records.c", f"-I{ROOT}", "-lpthread")
    ways = [(f"read, {rate:,} a second wanted", reader(program), rate) for rate in RATES]
    ways.append((f"read with --no-realtime, {RATES[0]:,}", reader(program, "usual"), RATES[0]))
    ways.append((f"trace --json, {RATES[0]:,} wanted", writing, RATES[0]))
    figures, floors = {name: [] for name, _, _ in ways}, []
    for done in rounds(25, most=5):
        floors.append(bare(case, records))
        for name, way, rate in in_turn(ways, done):
            figures[name].append(run_once(case, hot, way, rate))
    slow, fast, *_ = figures.values()
    lost, reached = (median(list(values)) for values in list(zip(*fast))[0::2])
    table("each span by itself through a ring of 4 MiB: what reading it costs, and what is lost; two threads",
          ["", "calls/s", "taken one by one", "reader's CPU, ms a million of them", "lost", "share"],
          [*(row(*item) for item in figures.items()),
           ["records of that length between two threads, nothing traced", number(RATES[0]), number(RATES[0]),
            spread(floors, digits=2), None, None]],
          ["read: lapse's programs and its reader, with nothing done with the spans; trace writes a line for each that it "
           "takes, and above the budget of streaming the kernel counts the rest",
           f"medians of {len(slow)} rounds, and the middle half of them",
           at_most(f"reading at {RATES[0]:,} a second <= 10 ms a million", 10, milli_a_million(slow), " ms", 2),
           target_line(f"nothing lost at {RATES[1]:,} a second, or as many as the processors get to",
                       f"{lost:,.0f} lost at {reached:,.0f}", lost == 0)])
