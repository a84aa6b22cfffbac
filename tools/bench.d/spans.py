# SPDX-License-Identifier: GPL-2.0-or-later
"""What is reported against what was: an empty function, and functions that log their own durations."""

import bisect
import os
import re
import time

import cost
from common import FUNCLATENCY, TARGETS, Target, bpftrace, detach, final, histogram_rows, lapse, objects, table
from figures import median, number, ratio, said, times
from harness import percentile, read_truth

TIMED = os.path.join(TARGETS, "timed")
ERROR_MEDIAN_NS, ERROR_NS, ERROR_SHARE = 2000, 5000, 0.02
PERCENTILES = {"p50_ns": 0.5, "p90_ns": 0.9, "p99_ns": 0.99}


# ---- an empty function ---------------------------------------------------------------------


def middle(rows):
    """The bucket that holds the median, as text where it is wide."""
    half = sum(count for _, _, count in rows) / 2
    for low, high, count in rows:
        half -= count
        if half <= 0:
            return number((low + high) / 2) if high - low <= 100 else f"{low:,}..{high:,}"
    return None


def said_by_lapse(process):
    return number(final(process)["components"].popitem()[1]["p50_ns"])


def said_by_bpftrace(process):
    return middle(histogram_rows(process.out, r"^\[(\d+), (\d+)\) +(\d+)"))


def said_by_funclatency(process):
    return middle(histogram_rows(process.out, r"^ *(\d+) -> (\d+) +: (\d+)"))


def empty_functions(case):
    target = case.started(cost.Cost())
    tools = [(lapse("lapse", "stat", "--json"), said_by_lapse),
             (bpftrace("@ = lhist(DURATION, 0, 90000, 100);"), said_by_bpftrace),
             (FUNCLATENCY, said_by_funclatency)]
    rows = []
    for kind in cost.KINDS:
        row = [kind]
        for tool, read_said in tools:
            if not tool.there():
                row.append(None)
                continue
            process = tool.attach(case, target.pid, cost.PATH, f"empty_{kind}")
            target.ns_per_call(kind)
            detach(process)
            row.append(read_said(process))
        rows.append(row)
    table("what an empty function is said to take: p50 in ns, or its bucket (in truth 1 to 5)",
          ["begins with", "lapse", "bpftrace", "funclatency"], rows)


# ---- functions that log their durations ----------------------------------------------------


def by_thread(records):
    threads = {}
    for start, duration, tid in records:
        threads.setdefault(tid, []).append((start, duration))
    return {tid: sorted(rows) for tid, rows in threads.items()}


def joined(truth, spans):
    """(true, reported) durations: a span belongs to the first clock reading after its start."""
    pairs = []
    for tid, rows in by_thread(spans).items():
        known = truth.get(tid, [])
        starts = [start for start, _ in known]
        used = set()
        for start, duration in rows:
            at = bisect.bisect_left(starts, start)
            if at < len(known) and at not in used:
                used.add(at)
                pairs.append((known[at][1], duration))
    return pairs


def spans_of_lapse(process, name):
    return [(int(span["start_ns"]), span["duration_ns"], span["tid"])
            for span in objects(process, "span") if span["component"] == name and not span["open"]]


def spans_of_bpftrace(process, _name):
    """Its clock counts suspension too."""
    ahead = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    ahead = ahead if ahead > 1000000 else 0
    return [(int(match[2]) - ahead, int(match[3]), int(match[1]))
            for match in map(re.compile(r"^(\d+) (\d+) (\d+)$").search, process.out) if match]


def as_logged(name):
    """The truth where nothing but the function's own probe disturbs: its own clock."""
    return lambda log, _bare: by_thread(log[name])


def parents(log, bare):
    """The children's own durations, and what the parent adds where no child is probed."""
    added = median([whole[1] - net[1] for whole, net in zip(bare["parent"], bare["parent_net"])])
    return by_thread([(start, duration + added, tid) for start, duration, tid in log["parent_net"]])


def chains(rows, depth):
    """The calls of each recursion, outermost first."""
    rows = sorted(rows)
    return [rows[i:i + depth] for i in range(0, len(rows), depth)]


def growth(records, depth):
    """What a level's clock shows beyond that of the next level in, as a rule."""
    return median([outer[1] - inner[1] for chain in chains(records, depth)
                   for outer, inner in zip(chain, chain[1:])])


DEPTH = 40


def level_cost(log, bare):
    """What the probe of a level takes, in ns."""
    return growth(log["recurse"], DEPTH) - growth(bare["recurse"], DEPTH)


def recursions(log, bare, depth=DEPTH):
    """Its own clock, less what the probes of the levels further in have put into it."""
    probe = level_cost(log, bare)
    return by_thread([(start, duration - probe * (depth - 1 - level), tid)
                      for chain in chains(log["recurse"], depth)
                      for level, (start, duration, tid) in enumerate(chain)])


RANGE = ["--ns", "5us..400us"]
# What is traced (the first is judged), the truth, the target's options, and from where on spans travel:
# children that do not are what a parent has as a rule.
WORKS = [
    ("1 thread", ["work_push"], as_logged("work_push"), ["--work", "push", "--calls", "3000", *RANGE], "0ns"),
    ("endbr64", ["work_endbr"], as_logged("work_endbr"),
     ["--work", "endbr", "--calls", "3000", *RANGE], "0ns"),
    ("nop5", ["work_nop5"], as_logged("work_nop5"), ["--work", "nop5", "--calls", "3000", *RANGE], "0ns"),
    ("single-stepped", ["work_stepped"], as_logged("work_stepped"),
     ["--work", "stepped", "--calls", "3000", *RANGE], "0ns"),
    ("32 threads", ["work_push"], as_logged("work_push"),
     ["--work", "push", "--calls", "100", "--threads", "32", *RANGE], "0ns"),
    ("recursion 40 deep", ["recurse"], recursions,
     ["--work", "recurse", "--calls", "100", "--depth", DEPTH, "--gap", "500us", *RANGE], "0ns"),
    ("parent of 10 probed", ["parent", "child"], parents,
     ["--work", "parent", "--calls", "300", "--children", "10", "--gap", "200us",
      "--ns", "20us..50us"], "100us"),
]


def worked(case, options, tool=None, functions=()):
    """Lets the target work, traced by a tool or bare: its log, and the tool's process."""
    log = case.path("log")
    target = case.started(Target([TIMED, *options, "--log", log]))
    tracer = tool and tool.attach(case, target.pid, TIMED, *functions)
    target.go()
    target.done()
    if tracer:
        time.sleep(0.1)  # for what is still in buffers
        detach(tracer)
    target.finish()
    return read_truth(log), tracer


def errors_of(pairs):
    return [abs(reported - true) for true, reported in pairs]


def near(pairs):
    """The share within the target's bounds, in per cent."""
    good = sum(1 for true, reported in pairs
               if abs(reported - true) <= max(ERROR_NS, ERROR_SHARE * true))
    return 100 * good / len(pairs) if pairs else None


def row_of(label, tool, pairs, expected):
    errors = errors_of(pairs)
    return [label, tool.name, f"{len(pairs)}/{expected}", number(errors and percentile(errors, 0.5) or None),
            number(errors and percentile(errors, 0.9) or None), number(near(pairs), "%", 1)]


def percentile_errors(process, name, true):
    """Of lapse's figures against the log's, in per cent."""
    component = final(process)["components"][name]
    return [100 * (component[key] / percentile(true, q) - 1) for key, q in PERCENTILES.items()]


def traced(case, work, bare, tool, read_spans):
    """Pairs, how many there should be, and the tool's process."""
    _, functions, truth_of, options, _ = work
    log, process = worked(case, options, tool, functions)
    truth = truth_of(log, bare)
    return joined(truth, read_spans(process, functions[0])), sum(map(len, truth.values()))


LEVELS = []  # of the runs of recursion: what a level's probe took, and what lapse reckons with, in ns


def percentiles_of(case, work, bare):
    """Of lapse stat, which sends no spans, as errors against the log's in per cent: medians of some runs."""
    _, functions, truth_of, options, _ = work
    runs = []
    for _ in range(3):
        log, process = worked(case, options, lapse("lapse", "stat", "--json"), functions)
        if truth_of is recursions:
            LEVELS.append((level_cost(log, bare), 2 * final(process)["overhead"]["ns_per_hit"]))
        truth = truth_of(log, bare)
        true = [duration for calls in truth.values() for _, duration in calls]
        runs.append(percentile_errors(process, functions[0], true))
    return [median(errors) for errors in zip(*runs)]


def judge(case, work):
    """The rows of a work, and lapse's pairs and percentiles."""
    label, _, truth_of, options, slower = work
    tools = [(lapse("lapse", "trace", "--json", "--slower", slower), spans_of_lapse),
             (bpftrace(r'printf("%d %llu %llu\n", tid, START, DURATION);', "-q"), spans_of_bpftrace)]
    bare = worked(case, options)[0] if truth_of in (parents, recursions) else None
    rows, first = [], None
    for tool, read_spans in tools:
        if not tool.there():
            continue
        pairs, expected = traced(case, work, bare, tool, read_spans)
        first = first or pairs
        rows.append(row_of("" if rows else label, tool, pairs, expected))
        rows[-1].append(times(ratio([median(errors_of(pairs))], [median(errors_of(first))])))
    return rows, first, percentiles_of(case, work, bare)


def levels_note():
    took, reckoned = (median(column) for column in zip(*LEVELS))
    return [f"recursion: a level's probe took {number(took)} ns and lapse reckons with {number(reckoned)}, measured a moment "
            f"before with something else between two calls: {DEPTH} entries in a row, then {DEPTH} returns, are what a "
            "processor learns best"]


def logged_functions(case):
    rows, verdicts = [], []
    for work in WORKS:
        more, pairs, percentiles = judge(case, work)
        rows += more
        met = percentile(errors_of(pairs), 0.5) <= ERROR_MEDIAN_NS and near(pairs) >= 90
        verdicts.append([work[0], said(met), *(f"{error:+.2f} %" for error in percentiles),
                         said(max(map(abs, percentiles)) <= 1)])
    table("single spans against the function's own clock: |error| in ns",
          ["", "", "spans", "median", "p90", "in 5 us or 2 %", "median/lapse's"], rows, levels_note())
    table("targets: |error| of spans median <= 2 us, p90 <= 5 us or 2 %; percentiles of lapse stat within 1 %",
          ["", "spans", "p50", "p90", "p99", "percentiles"], verdicts)


def run(case):
    empty_functions(case)
    logged_functions(case)
