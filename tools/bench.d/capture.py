# SPDX-License-Identifier: GPL-2.0-or-later
"""Two hundred thousand calls a second for a minute, all of them recorded: what is lost, what it costs, how large."""

import os
import sqlite3
import time

from common import Target, detach, final, lapse, table
from figures import number, target_line
from rate import build_hot, children_cpu

RATE = 200000
SECONDS = 60


def run_once(case, hot, seconds, *options):
    path = case.path("bench.lapse")
    tool = lapse("lapse record", "record", "-o", path, "--json", "--max-rate", f"{5 * RATE}/s",
                 *options)
    target = case.started(Target([hot, "--calls", RATE * seconds, "--rate", RATE]))
    process = tool.attach(case, target.pid, hot, "hot")
    before = children_cpu()
    target.go()
    took = target.done(20 * seconds)["took_ns"] / 1e9
    ended = time.monotonic()
    detach(process, 300)
    closing = time.monotonic() - ended
    cpu = children_cpu() - before
    target.finish()
    report = final(process)
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT count(*) FROM span").fetchone()[0]
        left_out = db.execute("SELECT sum(not_streamed) FROM tick").fetchone()[0]
    size = os.path.getsize(path)
    os.unlink(path)
    return {"took": took, "cpu": cpu, "closing": closing, "rows": rows, "left_out": left_out, "size": size,
            "dropped": report["integrity"]["ring_dropped"], "lost": report["recording"]["lost"],
            "calls": report["components"]["hot"]["count"]}


def row(name, r):
    return [name, number(r["took"], " s", 1), f"{r['calls'] / r['took']:,.0f}/s", f"{r['rows']:,}",
            f"{r['dropped']:,} + {r['lost']:,} + {r['left_out']:,}", number(r["cpu"], " s", 1),
            number(r["closing"], " s", 1), number(r["size"] / r["rows"], " MB", 1) if r["rows"] else None]


def run(case):
    hot = build_hot()
    seconds = int(os.environ.get("CAPTURE_SECONDS", SECONDS))
    plain = run_once(case, hot, seconds, "--no-why")
    causes = run_once(case, hot, seconds)
    whole = all(r["rows"] == r["calls"] for r in (plain, causes))
    table(f"{RATE:,} calls a second for {seconds} s, recorded one by one",
          ["", "took", "reached", "in the file", "ring + queue + rate", "CPU of lapse", "closing", "per million"],
          [row("without causes", plain), row("with causes", causes)],
          [target_line("no call is lost", "lapse record", whole),
           "lost: on the ring + in the queue + above the rate that is streamed"])
