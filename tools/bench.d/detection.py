# SPDX-License-Identifier: GPL-2.0-or-later
"""From the return of a slow call, by the target's own clock, to the line about it in a pipe, and to the alert that
a handler is given: as a line in a FIFO (`file`), or as a program that has been started (`exec`)."""

import bisect
import datetime
import json
import os
import re
import shutil
import time

from common import LAPSE, TARGETS, Fail, Process, Target, bpftrace, build, detach, final, lapse, table
from figures import at_most, in_turn, middle, rounds, spread, times_spread
from harness import percentile, read_truth

TIMED = os.path.join(TARGETS, "timed")
WORK = ["--work", "push", "--calls", "300", "--ns", "1500us", "--gap", "3ms"]
GAP_NS = 3000000
# Programs are started one a breach: so far apart that none waits for another.
SELDOM = ["--work", "push", "--calls", "30", "--ns", "1500us", "--gap", "200ms"]
HOGS = 6
IDLE, BUSY = "idle", f"beside {HOGS} busy threads"

# Every breach is announced anew.
CONTRACT = """lapse: 1
alerts: {{cooldown: 1ms, resolve_after: 1s}}
components:
  work:
    measure: work_push
    contract: {{max_latency: 1ms}}
handlers:
  - {{when: '*', {handler}}}
"""


def stamped_lines(lines):
    found, moment = [], None
    for line in lines:
        stamp, tab, text = line.partition("\t")
        moment = int(stamp) if tab else moment
        found.append((moment, text if tab else line))
    return found


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
        return stamped_lines(self._process.out)


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


def taken_from_the_slow(log):
    """Microseconds, of each call but the last: until the pause begins, and what else is no pause."""
    calls = sorted(log)
    return [(after[0] - call[0] - call[1] - GAP_NS) / 1000 for call, after in zip(calls, calls[1:])]


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
    calls = read_truth(log)["work_push"]
    return delays(stamped.lines(), start_of, calls), percentile(taken_from_the_slow(calls), 0.5)


LINE, START = "a line in a FIFO", "a program's start"


# ---- alerts --------------------------------------------------------------------------------


def end_of_alert(line):
    """Of the call that it is about, by the monotonic clock."""
    alert = json.loads(line)
    if alert["state"] == "resolved":
        return None
    whole, _, rest = alert["time"].rstrip("Z").partition(".")
    wall = int(datetime.datetime.fromisoformat(whole + "+00:00").timestamp()) * 1000000000 + int(rest.ljust(9, "0"))
    return wall - (time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC))


def alert_delays(arrivals, log):
    """In microseconds, of each call that an alert came of."""
    ends = sorted(start + duration for start, duration, _ in log)
    found = []
    for moment, line in arrivals:
        end = end_of_alert(line)
        at = bisect.bisect_left(ends, end - 500000) if end else len(ends)
        if at < len(ends) and abs(ends[at] - end) < 500000:
            found.append((moment - ends[at]) / 1000)
    return found


def watched(case, handler, work, meanwhile):
    """What MEANWHILE finds of a target's calls under a contract with HANDLER, their log, and what lapse says of its own
    delivery: p50 and p99, in microseconds."""
    log = case.path("log")
    target = case.started(Target([TIMED, *work, "--log", log]))
    contract = case.write("contract.yaml", CONTRACT.format(handler=handler))
    tracer = case.started(Process([LAPSE, "watch", contract, "-p", target.pid, "--json"]))
    tracer.wait_line(r"^lapse: tracing", tracer.err)
    target.go()
    target.done(60)
    time.sleep(0.2)
    tracer.signal(2)
    tracer.wait()
    target.finish()
    overhead = final(tracer)["overhead"]
    return meanwhile(), read_truth(log)["work_push"], [overhead[f"delivery_{q}_ns"] / 1000 for q in ("p50", "p99")]


def told_by_line(case, stamp):
    path = case.path("fifo")
    os.mkfifo(path)
    reader = case.started(Process(["sh", "-c", 'exec "$0" <"$1"', stamp, path]))
    keeper = os.open(path, os.O_WRONLY)  # the reader's file does not end before all is over

    def lines():
        os.close(keeper)
        reader.wait()
        return stamped_lines(reader.out)

    arrivals, calls, delivery = watched(case, f'file: "{path}"', WORK, lines)
    os.unlink(path)
    return alert_delays(arrivals, calls), delivery


def told_by_start(case, started):
    path = case.write("alerts", "", 0o666)
    program = shutil.copy(started, case.path("started"))

    def lines():
        with open(path, encoding="utf-8") as file:
            return stamped_lines(file.read().splitlines())

    arrivals, calls, delivery = watched(case, f'exec: ["{program}", "{path}"]', SELDOM, lines)
    return alert_delays(arrivals, calls), delivery


def measure_alerts(case, stamp, started, seconds):
    """By handler, of each run: the alerts' delays, and lapse's own word of its delivery."""
    ways = {LINE: lambda: told_by_line(case, stamp), START: lambda: told_by_start(case, started)}
    delays_of, delivery = {name: [] for name in ways}, {name: [] for name in ways}
    for done in rounds(seconds, most=5, least=1):
        for name, measure in in_turn(ways.items(), done):
            told, own = measure()
            delays_of[name].append(told)
            delivery[name].append(own)
    return delays_of, delivery


# ---- where the thread runs that takes breaches in -------------------------------------------


ELSEWHERE, IN_PLACE = "on another processor, as by itself", "kept on that of who was slow"
BARE = {"other": "bare wake-up, on another processor", "same": "bare wake-up, on the same one"}


def thread_of(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as file:
            if file.read().strip() == name:
                return int(tid)
    raise Fail(f"lapse has no thread {name}: what it does not run ahead of others with is not measured")


def apart_from_itself(tracer, cpus):
    """All but the draining thread may use every processor: that stays where lapse was started."""
    draining = thread_of(tracer.pid, "lapse-drain")
    for tid in map(int, os.listdir(f"/proc/{tracer.pid}/task")):
        if tid != draining:
            os.sched_setaffinity(tid, cpus)


def placed(case, in_place):
    """Delivery, and what a breach takes from the thread that was slow: p50, p99, p50, in microseconds."""
    cpus = os.sched_getaffinity(0)
    own = min(cpus)
    path = case.path("log")
    target = case.started(Target(["taskset", "-c", own, TIMED, *WORK, "--log", path]))
    contract = case.write("contract.yaml", CONTRACT.format(handler="file: /dev/null"))
    start = ["taskset", "-c", own] if in_place else []
    tracer = case.started(Process([*start, LAPSE, "watch", contract, "-p", target.pid, "--json"]))
    tracer.wait_line(r"^lapse: tracing", tracer.err)
    if in_place:
        apart_from_itself(tracer, cpus)
    target.go()
    target.done(60)
    tracer.signal(2)
    tracer.wait()
    target.finish()
    overhead = final(tracer)["overhead"]
    took = taken_from_the_slow(read_truth(path)["work_push"])
    return [overhead["delivery_p50_ns"] / 1000, overhead["delivery_p99_ns"] / 1000, percentile(took, 0.5)]


def woken_bare(case, program, where):
    process = case.started(Process([program, where]))
    figures = process.wait_line(r"^\d+ \d+ \d+$", seconds=60)[0].split()
    process.wait()
    return [int(figure) / 1000 for figure in figures]


def measure_places(case, seconds):
    """Label -> rounds of (p50, p99, taken), in turns: a host's processors are not the same at all times."""
    program = build("tools/bench.d/wake.c", "-lpthread")
    found = {label: [] for label in (ELSEWHERE, IN_PLACE, *BARE.values())}
    ways = {ELSEWHERE: lambda: placed(case, False), IN_PLACE: lambda: placed(case, True),
            **{label: lambda where=where: woken_bare(case, program, where) for where, label in BARE.items()}}
    for done in rounds(seconds, most=9, least=1):
        for label, measure in in_turn(ways.items(), done):
            found[label].append(measure())
    return found


def places_table(found):
    table("detection: us from the end of a slow call until a thread that runs ahead has it, on an idle machine",
          ["", "p50", "p99", "taken from who was slow"],
          [[label, *(spread(column, digits=1) for column in zip(*runs))] for label, runs in found.items()],
          ["taken from who was slow: at the median, until it goes on; under lapse with the probe itself, bare without",
           "bare: between two threads of one program with nothing traced, which is what this machine takes for it; "
           "in turns with the rows of lapse"])


def start_hogs(case):
    """In a session of their own, as another service is: the scheduler shares out among sessions first."""
    script = "trap 'kill $(jobs -p)' TERM; for i in $(seq $0); do while :; do :; done & done; wait"
    return case.started(Process(["bash", "-c", script, HOGS], name="hogs", start_new_session=True))


def measure_all(case, stamp, tools, seconds):
    found = {tool.name: [] for tool, _ in tools}
    taken = {tool.name: [] for tool, _ in tools}
    for done in rounds(seconds, most=3, least=1):
        for tool, start_of in in_turn(tools, done):
            told, took = measured(case, stamp, tool, start_of)
            found[tool.name].append(told)
            taken[tool.name].append(took)
    return found, taken


def rows_of(label, found, taken=None):
    middles = {name: [percentile(run, 0.5) for run in runs if run] for name, runs in found.items()}
    base = next(iter(middles.values()))
    return [[f"{label}, {name}", sum(map(len, runs)), spread(middles[name], digits=1),
             spread([percentile(run, 0.99) for run in runs if run], digits=1),
             times_spread(middles[name], base), *([middle(taken[name], digits=1)] if taken else [])]
            for name, runs in found.items()]


def delivery_table(found):
    """FOUND: where -> handler -> runs. Judged where a run has calls enough for a 99th percentile."""
    apart = {name: f"{work[3]} calls, {work[-1]} apart" for name, work in ((LINE, WORK), (START, SELDOM))}
    table("detection: us from the end of a slow call until lapse has it, by its own count",
          ["", "p50", "p99"],
          [[f"{where}, {apart[name]}", *(spread(column, digits=1) for column in zip(*runs))]
           for where, by_name in found.items() for name, runs in by_name.items()],
          [f"medians of the runs, and the middle half of them; of so few as {SELDOM[3]} calls the 99th percentile is the slowest one",
           *(at_most(f"p99 <= {limit} us {where}", limit, [p99 for _, p99 in found[where][LINE]], " us", 1)
             for where, limit in ((IDLE, 50), (BUSY, 200)))])


def run(case):
    stamp, started = build("tools/bench.d/stamp.c"), build("tools/bench.d/started.c")
    if not stamp or not started:
        raise Fail("the programs of tools/bench.d that take the time do not build")
    tools = [(lapse("lapse trace", "trace", "--slower", "1ms", "--json"), start_of_lapse),
             (bpftrace(r'if (DURATION > 1000000) { printf("%llu\n", START); }', "-q", "-B", "none"),
              start_of_bpftrace)]
    tools = [(tool, start_of) for tool, start_of in tools if tool.there()]
    lines, alerts, delivery = {}, {}, {}
    lines[IDLE] = measure_all(case, stamp, tools, 20)
    alerts[IDLE], delivery[IDLE] = measure_alerts(case, stamp, started, 50)
    places_table(measure_places(case, 45))
    hogs = start_hogs(case)
    lines[BUSY] = measure_all(case, stamp, tools, 30)
    alerts[BUSY], delivery[BUSY] = measure_alerts(case, stamp, started, 50)
    hogs.end()
    delivery_table(delivery)
    table("detection: us from the return of a slow call to the line about it in a pipe",
          ["", "lines", "p50", "p99", "p50/lapse's", "taken from who was slow"],
          [row for where, both in lines.items() for row in rows_of(where, *both)])
    table("detection: us from the return of a slow call to the alert that a handler is given",
          ["", "alerts", "p50", "p99", "p50/a line's"],
          [row for where, runs in alerts.items() for row in rows_of(where, runs)])
