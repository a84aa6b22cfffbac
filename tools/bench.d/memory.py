# SPDX-License-Identifier: GPL-2.0-or-later
"""What lapse has of memory while it watches ten components, from its start on."""

import os
import time

import common
from common import LAPSE, TARGETS, Target, Tool, detach, table
from figures import number, target_line

PATH = os.path.join(TARGETS, "pipeline")
MIB = 1 << 20
SAMPLES = 12
FUNCTIONS = ["order_confirmed", "handle_order", "validate_token", "cache_lookup", "rpc_call", "pool_get",
             "optimize_batch", "update_book", "http_request"]
# The tenth: what joins two threads.
SPAN = 'measure: "span:order_received(arg0)..order_confirmed(arg0)"'


def contracts(case):
    """Ten components, each with promises that it keeps, over a window of time."""
    measures = [f"measure: {name}" for name in FUNCTIONS] + [SPAN]
    lines = ["lapse: 1", "components:"]
    for i, measure in enumerate(measures):
        lines += [f"  part{i}:", f"    {measure}", "    contract: {max_latency: 20s, max_p99: 20s}"]
    path = case.path("ten.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    return path, len(measures)


def mapped(pid):
    """Bytes: resident, resident with each page of the kernel's maps once, and its own alone: what is not of files,
    nor of maps. The ring's pages are mapped twice in a row."""
    resident = once = own = 0
    of_map = False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if "-" in name:
                of_map = "bpf-map" in line
            elif name == "Rss":
                resident += int(rest.split()[0]) * 1024
                once += 0 if of_map else int(rest.split()[0]) * 1024
            elif name == "Pss" and of_map:
                once += int(rest.split()[0]) * 1024
            elif name == "Anonymous":
                own += int(rest.split()[0]) * 1024
    return resident, once, own


def sampled(pid, seconds):
    """(second, resident, each page once, its own) some times in so many seconds."""
    start, found = time.monotonic(), []
    for i in range(SAMPLES + 1):
        time.sleep(max(0, start + seconds * i / SAMPLES - time.monotonic()))
        found.append((time.monotonic() - start, *mapped(pid)))
    return found


def growth(samples):
    """Bytes more at the end than after a quarter, when everything has been used once."""
    return samples[-1][2] - samples[len(samples) // 4][2]


def run(case):
    path, n = contracts(case)
    target = case.started(Target([PATH, "--seconds", common.MEMORY_SECONDS + 60]))
    tool = Tool("lapse watch", LAPSE, lambda pid, _path, _functions: [LAPSE, "watch", path, "-p", pid, "-o", "/dev/null"])
    tracer = tool.start(case, target.pid, PATH)
    tracer.wait_line(r"^lapse: tracing", tracer.err)
    samples = sampled(tracer.pid, common.MEMORY_SECONDS)
    detach(tracer)
    target.signal(15)
    target.wait()
    most, more = max(pages for _, _, pages, _ in samples), growth(samples)
    table(f"memory of lapse watching {n} components of the sample pipeline, causes told: MiB",
          ["after", "resident", "each page once", "its own"],
          [[f"{sample[0]:.0f} s", *(number(size / MIB, digits=1) for size in sample[1:])] for sample in samples],
          ["resident has the kernel's ring twice, for its pages are mapped twice in a row; both have what is in use of "
           "the libraries, which others may use, too",
           target_line("<= 20 MB, each page once", number(most / 1e6, " MB", 1), most <= 20e6),
           target_line("not growing: within 1 % from the first quarter on", number(more / 1024, " KiB"),
                       more <= most / 100)])
