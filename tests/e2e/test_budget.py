# SPDX-License-Identifier: GPL-2.0-or-later
"""What probes may take of the target's CPU time."""

import os

from harness import case, check, conserved, equal, wait_until


def taken_away(t, *options):
    target = t.target("hot", "--calls", 30000000, "--rate", 10000000)
    tracer = t.stat(target.pid, "hot*", *options)
    target.go()
    took = tracer.wait_line(r"1 component is not measured any more, whose probes took ([\d.]+) .*: hot \d", tracer.err)
    check(float(took[1]) <= 100, f"they took {took[1]} % of all its time")
    truth = target.done(60)
    tracer.stop()
    final = tracer.final()
    conserved(final)
    # The other one of the glob keeps its probe, and loses no call while the links are made anew.
    equal(final["components"]["hot_cool"]["count"], truth["cool"], "count of hot_cool")
    check(0 < final["components"]["hot"]["count"] < truth["calls"], "hot was measured to the end")
    equal(final["components"]["hot_cool"]["detached"], False, "hot_cool was taken away")
    equal(final["components"]["hot"]["detached"], True, "hot is marked")
    equal([w["detached"] for w in tracer.objects("window") if w["component"] == "hot"][-1], True, "its last row")
    target.finish()


@case()
def glob_probes_over_budget_are_taken_away(t):
    taken_away(t)


@case()
def with_links_that_cannot_leave_a_return_alone(t):
    taken_away(t, "--attach=multi")


@case(beside=True)
def a_named_probe_over_budget_is_kept(t):
    target = t.target("hot", "--calls", 1500000)
    tracer = t.stat(target.pid, "hot")
    target.go()
    truth = target.done(60)
    tracer.stop()
    equal(tracer.component("hot")["count"], truth["calls"], "count")
    warnings = [line for line in tracer.err if "of the target's CPU time" in line]
    equal(len(warnings), 1, "warnings of its price")
    target.finish()


GLOB = """lapse: 1
components:
  all: {measure: "hot*", contract: {max_latency: 100s}}
"""


@case()
def a_promise_without_its_probes_is_unknown(t):
    """What was not seen to the end is not held; the report says why."""
    target = t.target("hot", "--calls", 30000000, "--rate", 10000000)
    tracer = t.lapse("watch", t.write("glob.yaml", GLOB), "-p", target.pid, "--json", "-i", "1")
    target.go()
    tracer.wait_line(r"1 component is not measured any more", tracer.err)
    # The next figures know it.
    tracer.wait_line(r'"detached":\s*true', tracer.out)
    tracer.stop(code=3)
    final = tracer.final()
    equal(final["verdict"], "unknown", "verdict")
    check("taken away" in final["components"]["all"]["contract"]["max_latency"]["why_unknown"], "no reason is given")
    target.end()


TOLD = r"^lapse: (?:warning: )?\d+ components? (?:is|are) not measured any more, whose probes took .*: {} \d"


@case()
def a_named_probe_goes_where_a_limit_was_set(t):
    """hot_cool, a component beside it, is measured to the end and loses no call."""
    target = t.target("hot", "--calls", 30000000, "--rate", 10000000)
    # hot_cool takes some 3 %.
    tracer = t.stat(target.pid, "hot", "hot_cool", "--max-overhead", "20%")
    target.go()
    tracer.wait_line(TOLD.format("hot"), tracer.err)
    truth = target.done(60)
    tracer.stop()
    final = tracer.final()
    conserved(final)
    equal(final["components"]["hot_cool"]["count"], truth["cool"], "count of hot_cool")
    check(0 < final["components"]["hot"]["count"] < truth["calls"], "hot was measured to the end")
    equal([final["components"][name]["detached"] for name in ("hot", "hot_cool")], [True, False], "taken away")
    target.finish()


@case()
def system_calls_go_too(t):
    """A thread that does nothing but call the kernel; its other probe stays."""
    script = "import os, sys\nprint('ready', os.getpid(), flush=True)\nsys.stdin.readline()\n" \
             "while True:\n    for _ in range(10000): os.getppid()\n    os.sched_yield()\n"
    target = t.target("/usr/bin/python3", "-c", script)
    tracer = t.stat(target.pid, "syscall:getppid", "syscall:sched_yield", "--max-overhead", "1%")
    target.go()
    tracer.wait_line(TOLD.format("getppid"), tracer.err)
    # What is counted after the tick that knows it is counted to the end.
    tracer.wait_line(r'"component":\s*"getppid".*"detached":\s*true', tracer.out)
    before = tracer.objects("window")
    tracer.stop()
    final = tracer.final()
    conserved(final)
    equal(final["components"]["sched_yield"]["detached"], False, "sched_yield was taken away")
    last = [w for w in before if w["component"] == "sched_yield"]
    check(final["components"]["sched_yield"]["count"] > sum(w["count"] for w in last[:-1]), "sched_yield stopped")
    target.end()


@case()
def tcp_goes_as_a_whole(t):
    answerer = t.target("answerer", "--listen", "127.0.0.1")
    port = int(answerer.wait_line(r"^listening (\d+)")[1])
    asker = t.target("asker", "127.0.0.1", port, "plain", "--connections", 4, "--calls", 1000000)
    tracer = t.lapse("stat", "-p", asker.pid, "request=tcp:request", "connect=tcp:connect", "--max-overhead", "0.01%",
                     "--json")
    asker.go()
    tracer.wait_line(TOLD.format("tcp"), tracer.err)
    tracer.wait_line(r"nothing is measured any more", tracer.err)
    tracer.stop()
    final = tracer.final()
    equal([final["components"][name]["detached"] for name in ("request", "connect")], [True, True], "taken away")
    asker.end()
    answerer.end()


@case()
def a_promise_without_its_named_probe_is_unknown(t):
    target = t.target("hot", "--calls", 30000000, "--rate", 10000000)
    tracer = t.lapse("watch", t.write("named.yaml", GLOB.replace("hot*", "hot")), "-p", target.pid, "--json",
                     "--max-overhead=2%", "-i", "1")
    target.go()
    tracer.wait_line(TOLD.format("all"), tracer.err)
    tracer.wait_line(r'"detached":\s*true', tracer.out)
    tracer.stop(code=3)
    check("taken away" in tracer.final()["components"]["all"]["contract"]["max_latency"]["why_unknown"], "no reason")
    target.end()


@case()
def limits_that_are_none(t):
    for value in ("0", "150%", "fast"):
        tracer = t.lapse_ends("stat", "-p", os.getpid(), "f", f"--max-overhead={value}")
        equal(tracer.popen.returncode, 2, f"exit code of {value}")
        check(any("--max-overhead" in line and "2%" in line for line in tracer.err), f"no remedy for {value}")


STEADY = """lapse: 1
components:
  w: {measure: work_push, contract: {min_throughput: {limit: 50/s, over: 3s}}}
"""


@case()
def nothing_is_too_little_once_probes_are_gone(t):
    """Calls that are no longer seen are not missing: no alert, and no lower rate."""
    target = t.target("timed", "--calls", 100000, "--ns", "20us", "--gap", "1ms")
    tracer = t.lapse("watch", t.write("steady.yaml", STEADY), "-p", target.pid, "--json", "-i", "1", "--max-overhead", "0.01%")
    target.go()
    tracer.wait_line(r"1 component is not measured any more", tracer.err, 40)
    seen = len(tracer.objects("window"))
    wait_until(lambda: len(tracer.objects("window")) > seen + 5, "ticks without probes")
    tracer.stop(code=3)
    equal(tracer.objects("alert"), [], "alerts")
    final = tracer.final()
    equal(final["components"]["w"]["contract"]["min_throughput"]["violations"], 0, "violations")
    check(final["components"]["w"]["rate_per_s"] > 0.75 * max(w["rate_per_s"] for w in tracer.objects("window")), "its rate")
    target.end()
