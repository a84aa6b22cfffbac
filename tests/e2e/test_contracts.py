# SPDX-License-Identifier: GPL-2.0-or-later
"""Contracts on the sample pipeline: verdicts, alerts, handlers."""

import json
import os
import re
import shutil
import signal

from harness import ROOT, TARGETS, Target, case, check, conserved, equal, read_truth, wait_until, within, work
from pipeline import start_pipeline

BESIDE = True  # harness.py


CONTRACT = """lapse: 1
window: {{last: 100}}
alerts: {{cooldown: {cooldown}, resolve_after: {resolve}}}
components:
  rpc:
    measure: rpc_call
    contract: {{max_latency: {limit}{more}}}
"""


def _contract(t, limit, more="", cooldown="3s", resolve="2s", handlers=""):
    text = CONTRACT.format(limit=limit, more=more, cooldown=cooldown, resolve=resolve)
    return t.write("contract.yaml", text + handlers)


def _watch(t, path, pid, *args):
    return t.lapse("watch", path, "-p", pid, "--json", "-i", "1", *args)


def _requests(tracer, name):
    windows = [w for w in tracer.objects("window") if w["component"] == name]
    return sum(w["count"] for w in windows)


@case()
def held(t):
    """Nothing takes ten seconds: held, 0."""
    pipeline = start_pipeline(t)
    tracer = _watch(t, _contract(t, "10s", ", max_p50: 5s"), pipeline.pid, "-d", "5")
    equal(tracer.wait(), 0, "exit code")
    final = tracer.final()
    equal(final["verdict"], "held", "verdict")
    check(final["components"]["rpc"]["count"] >= 100, "too few calls to judge by")
    equal(tracer.objects("violation"), [], "violations")
    conserved(final)
    pipeline.finish()


@case()
def violated(t):
    """Each tenth call is slow by far: 1, and as many violations as there were slow calls."""
    pipeline = start_pipeline(t)
    pipeline.order("slow rpc 400ms 10%")
    tracer = _watch(t, _contract(t, "200ms"), pipeline.pid, "-d", "5")
    equal(tracer.wait(), 1, "exit code")
    final = tracer.final()
    equal(final["verdict"], "violated", "verdict")
    pipeline.finish()
    slow = sum(1 for _, duration, _ in read_truth(pipeline.log)["rpc_call"] if duration > 200000000)
    within(final["components"]["rpc"]["violations"], 1, slow, "violations")
    conserved(final)


@case()
def unknown(t):
    """A percentile of too few calls is neither held nor broken: 3."""
    target = t.target("timed", "--calls", 5, "--ns", "1ms")
    path = t.write("contract.yaml", "lapse: 1\nwindow: {last: 100}\ncomponents:\n  w:\n    measure: work_push\n"
                   "    contract: {max_p99: 10s}\n")
    tracer = _watch(t, path, target.pid)
    target.go()
    target.done()
    tracer.stop(code=3)
    equal(tracer.final()["verdict"], "unknown", "verdict")
    target.finish()


@case()
def percentile_violated(t):
    """100 ms half of the time: p50 or at least p90 is broken, the span objective holds."""
    target = t.target("timed", "--calls", 60, "--ns", "10us,30ms")
    path = t.write("contract.yaml", "lapse: 1\nwindow: {last: 50}\ncomponents:\n  w:\n    measure: work_push\n"
                   "    contract: {max_latency: 10s, max_p90: 20ms}\n")
    tracer = _watch(t, path, target.pid)
    target.go()
    target.done()
    wait_until(lambda: any(v["violation"] == "PERCENTILE_VIOLATION" for v in tracer.objects("violation")),
               "a violation")
    tracer.stop(code=1)
    kinds = {v["violation"] for v in tracer.objects("violation")}
    equal(kinds, {"PERCENTILE_VIOLATION"}, "kinds of violation")
    target.finish()


@case()
def violations_are_exact(t):
    """Counted in the kernel: of 2,000 calls each fifth breaks the limit, give or take those
    that were descheduled."""
    target = t.target("timed", "--calls", 2000, "--ns", "20us,20us,20us,20us,3ms", "--log", t.path("log"))
    path = t.write("contract.yaml", "lapse: 1\nwindow: {last: 100}\ncomponents:\n  w:\n    measure: work_push\n"
                   "    contract: {max_latency: 2ms}\n")
    tracer = _watch(t, path, target.pid)
    target.go()
    target.done()
    tracer.stop(code=1)
    target.finish()
    truth = [d for _, d, _ in read_truth(t.path("log"))["work_push"]]
    surely = sum(1 for d in truth if d > 2020000)
    perhaps = sum(1 for d in truth if d > 1900000)
    within(tracer.component("w")["violations"], surely, perhaps + 20, "violations")


@case(90)
def held_back_are_exact(t):
    """Whatever the ticks fall on: what was announced and what was held back are all violations."""
    target = t.target("timed", "--calls", 40000, "--ns", "100us")
    path = t.write("contract.yaml", "lapse: 1\nalerts: {cooldown: 60s, resolve_after: 5s}\ncomponents:\n  rpc:\n"
                   "    measure: work_push\n    contract: {max_latency: {limit: 50us, severity: warning}}\n")
    tracer = _watch(t, path, target.pid)
    target.go()
    target.done(seconds=60)
    resolved = wait_until(lambda: _alerts(tracer, "resolved"), "the resolution")[0]
    tracer.stop(code=1)
    equal(len(_alerts(tracer, "firing")), 1, "announcements")
    violations = tracer.component("rpc")["violations"]
    equal(1 + resolved["held_back"], violations, "announced and held back")
    equal(resolved["violations"], violations, "violations of the alert")
    dropped = tracer.final()["integrity"]["ring_dropped"]
    within(len(tracer.objects("violation")), violations - dropped, violations, f"told singly; {dropped} dropped")
    target.finish()


def _alerts(tracer, state=None):
    return [a for a in tracer.objects("alert")
            if a["component"] == "rpc" and a["violation"] == "LATENCY_VIOLATION" and state in (None, a["state"])]


@case(90)
def alert_goes_its_way(t):
    """Firing, escalated at once, held back in between, resolved; the handlers are told."""
    told = t.path("told.jsonl")
    script = t.write("handler", f"#!/bin/sh\ncat >> {t.path('exec.jsonl')}\necho >> {t.path('exec.jsonl')}\n", 0o755)
    open(t.path("exec.jsonl"), "w", encoding="ascii").close()
    os.chmod(t.path("exec.jsonl"), 0o666)
    handlers = (f"handlers:\n  - {{when: '*', file: \"{told}\", resolved: true}}\n"
                f"  - {{when: LATENCY_VIOLATION, component: rpc, exec: [\"{script}\"], timeout: 5s, resolved: true}}\n")
    pipeline = start_pipeline(t)
    tracer = _watch(t, _contract(t, "200ms", cooldown="30s", handlers=handlers), pipeline.pid)
    wait_until(lambda: _requests(tracer, "rpc") > 50, "calls")
    equal(_alerts(tracer), [], "alerts of the healthy pipeline")

    pipeline.order("slow rpc 280ms 10%")
    firing = wait_until(lambda: _alerts(tracer, "firing"), "an alert")
    equal(firing[0]["severity"], "warning", "severity")
    check(firing[0]["measured"] > firing[0]["limit"] == 200000000, f"measured or limit: {firing[0]}")

    pipeline.order("slow rpc 600ms 10%")
    escalated = wait_until(lambda: _alerts(tracer, "escalated"), "the escalation")
    equal(escalated[0]["severity"], "critical", "severity")

    pipeline.order("heal")
    resolved = wait_until(lambda: _alerts(tracer, "resolved"), "the resolution")
    tracer.stop(code=1)
    equal([a["state"] for a in _alerts(tracer)], ["firing", "escalated", "resolved"], "states")
    check(resolved[0]["held_back"] > 0, "nothing was held back under the cooldown")
    equal(tracer.final()["alerts"], [], "alerts that still fire")
    conserved(tracer.final())

    def states(path):
        with open(path, encoding="utf-8") as file:
            return [json.loads(line)["state"] for line in file if line.strip()]

    equal(states(told), ["firing", "escalated", "resolved"], "what the file handler was told")
    wait_until(lambda: len(states(t.path("exec.jsonl"))) >= 3, "the program's third call")
    equal(sorted(states(t.path("exec.jsonl"))), ["escalated", "firing", "resolved"], "what the program was told")
    pipeline.finish()


LACKING = """lapse: 1
components:
  rpc:
    measure: rpc_call
    contract: {max_latency: 10s}
  lost:
    measure: %s
    contract: {max_latency: 10s}
"""


@case()
def a_component_that_cannot_be_measured(t):
    """A promise that nobody looks at is not held: an error at the start, by name and reason."""
    pipeline = start_pipeline(t)
    for probe, reason in (("rpc_cal", "nearest is 'rpc_call'"), ("RPC_CALL", "nearest is 'rpc_call'"),
                          ("rpc_call+0x10", "name the one that has this address"),
                          ('"span:rpc_call(arg0)..rpc_none(arg0)"', "unknown function 'rpc_none'")):
        path = t.write("lacking.yaml", LACKING % probe)
        for verb in ("watch", "check"):
            run = t.lapse_ends(verb, path, "-p", pipeline.pid)
            equal(run.popen.returncode, 4, f"exit code of {verb} with {probe}")
            said = "\n".join(run.err)
            check("component 'lost' cannot be measured" in said and reason in said, f"{verb} said: {said}")
            check(re.search(r"lacking.yaml:\d+:\d+: component 'lost'", said), f"{verb} names no place: {said}")
    pipeline.finish()


@case()
def handlers_without_resolved(t):
    """Resolutions only where they are asked for."""
    told = t.path("told.jsonl")
    pipeline = start_pipeline(t)
    handlers = f"handlers:\n  - {{when: '*', file: \"{told}\"}}\n"
    tracer = _watch(t, _contract(t, "200ms", handlers=handlers), pipeline.pid)
    pipeline.order("slow rpc 280ms 10%")
    wait_until(lambda: _alerts(tracer, "firing"), "an alert")
    pipeline.order("heal")
    wait_until(lambda: _alerts(tracer, "resolved"), "the resolution")
    tracer.stop(code=1)
    with open(told, encoding="utf-8") as file:
        states = {json.loads(line)["state"] for line in file}
    check("resolved" not in states and "firing" in states, f"told of {states}")
    pipeline.finish()


@case()
def open_call_violates(t):
    """A call that hangs past its limit is a violation before it returns, and not a second one
    when it does."""
    target = t.target("timed", "--calls", 1, "--ns", "5s")
    path = t.write("contract.yaml", "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n"
                   "    contract: {max_latency: 500ms}\n")
    tracer = _watch(t, path, target.pid)
    target.go()
    wait_until(lambda: [v for v in tracer.objects("violation") if v["open"]], "an open violation")
    check(not any(line.startswith("done") for line in target.out), "the call has already returned")
    target.done()
    tracer.stop(code=1)
    equal(tracer.component("w")["violations"], 1, "violations")
    target.finish()


@case()
def trading_contract(t):
    """The contract as it is delivered, on the pipeline that it is for."""
    pipeline = start_pipeline(t)
    pipeline.order("slow rpc 60ms 20%")
    tracer = _watch(t, os.path.join(ROOT, "contracts", "trading.yaml"), pipeline.pid, "-d", "6")
    equal(tracer.wait(), 1, "exit code")
    final = tracer.final()
    equal(sorted(final["components"]), ["batchOptimizer", "endToEnd", "httpClient", "rpcConnection", "tokenValidator"],
          "components")
    equal(final["system"]["components_fed"], 5, "components fed")
    check(final["components"]["rpcConnection"]["violations"] > 0, "rpcConnection did not violate")
    check(final["components"]["endToEnd"]["violations"] > 0, "endToEnd did not violate")
    # A thousand seconds are not over.
    verdicts = {key: final["components"][name]["contract"][key]["verdict"]
                for name, key in (("batchOptimizer", "max_memory"), ("endToEnd", "min_uptime"))}
    equal(verdicts, {"max_memory": "held", "min_uptime": "unknown"}, "verdicts")
    conserved(final)
    pipeline.finish()


@case()
def pipeline_counts(t):
    """Counts of all parts agree with the pipeline's own log, orders in flight aside."""
    pipeline = start_pipeline(t, "--hold")
    parts = ["validate_token", "rpc_call", "optimize_batch", "http_request", "handle_order"]
    tracer = t.stat(pipeline.pid, *parts)
    pipeline.send("go\n")
    wait_until(lambda: _requests(tracer, "handle_order") > 200, "orders")
    pipeline.finish()
    equal(tracer.wait(), 0, "exit code")
    truth = read_truth(pipeline.log)
    for part in parts:
        equal(tracer.component(part)["count"], len(truth[part]), f"count of {part}")
    conserved(tracer.final())


@case()
def violated_on_interrupt(t):
    """Ctrl-C ends with the verdict's code."""
    pipeline = start_pipeline(t)
    pipeline.order("slow rpc 400ms 50%")
    tracer = _watch(t, _contract(t, "200ms"), pipeline.pid)
    wait_until(lambda: tracer.objects("violation"), "a violation")
    tracer.stop(signal.SIGTERM, 1)
    pipeline.finish()


@case()
def target_dies_under_watch(t):
    """The final report and the verdict come when the target ends."""
    pipeline = start_pipeline(t)
    tracer = _watch(t, _contract(t, "10s"), pipeline.pid)
    wait_until(lambda: _requests(tracer, "rpc") > 50, "calls")
    pipeline.signal(signal.SIGKILL)
    check(tracer.wait() in (0, 3), f"exit code {tracer.popen.returncode}")
    check(tracer.final()["end_reason"], "no reason for the end")


@case()
def system_health_line(t):
    """Every ten seconds."""
    pipeline = start_pipeline(t)
    tracer = _watch(t, _contract(t, "10s"), pipeline.pid)
    wait_until(lambda: tracer.objects("health"), "the health line", 15)
    health = tracer.objects("health")[0]
    check(health["requests"] > 100, f"health line: {health}")
    equal(health["active_alerts"], 0, "active alerts")
    tracer.stop()
    pipeline.finish()


def _firing(tracer, violation):
    return [a for a in tracer.objects("alert") if a["violation"] == violation and a["state"] == "firing"]


@case()
def budget_burns(t):
    """A third of the calls are slow: no single one is a violation, but the budget of 1 % burns; then it is over."""
    target = t.target("timed", "--calls", 1000000, "--ns", "10us,10us,5ms")
    path = t.write("contract.yaml", "lapse: 1\nalerts: {resolve_after: 1s}\ncomponents:\n  w:\n    measure: work_push\n"
                   "    contract: {max_latency: {limit: 2ms, mode: budget, target: 99%, period: 1h}}\n")
    tracer = _watch(t, path, target.pid)
    target.go()
    wait_until(lambda: _firing(tracer, "LATENCY_VIOLATION"), "an alert")
    target.signal(signal.SIGSTOP)
    alert = _firing(tracer, "LATENCY_VIOLATION")[0]
    equal((alert["severity"], alert["unit"], alert["limit"]), ("critical", "burn_rate", 14.4), "the alert")
    check(14.4 < alert["measured"] <= 100, f"a burn rate of {alert['measured']}")
    tracer.stop(code=1)
    final = tracer.final()
    equal(final["verdict"], "violated", "verdict")
    # One a second in which it burns, though the slow calls were hundreds.
    seconds = final["system"]["observed_s"]
    within(final["components"]["w"]["violations"], 1, seconds + 1, "violations")
    equal([v for v in tracer.objects("violation") if v["unit"] != "burn_rate"], [], "violations by single calls")
    target.signal(signal.SIGCONT)
    target.end()


@case()
def budget_lasts(t):
    """One call in 50 is slow, and 10 % may be."""
    target = t.target("timed", "--calls", 3000, "--ns", ",".join(["10us"] * 31 + ["20ms"]))
    path = t.write("contract.yaml", "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n"
                   "    contract: {max_latency: {limit: 15ms, mode: budget, target: 90%, period: 1h}}\n")
    tracer = _watch(t, path, target.pid)
    target.go()
    target.done()
    wait_until(lambda: _requests(tracer, "w") == 3000, "all calls to be shown")
    tracer.stop()
    equal(tracer.final()["verdict"], "held", "verdict")
    equal(tracer.objects("violation"), [], "violations")
    target.finish()


@case()
def uptime_breached(t):
    """Every validation fails: the component is down, second by second; and the system with it."""
    pipeline = start_pipeline(t)
    path = t.write("contract.yaml", "lapse: 1\nsystem: {max_error_rate: 100%}\ncomponents:\n  v:\n"
                   "    measure: validate_token\n    err: \"int ret != 0\"\n"
                   "    contract: {min_uptime: {limit: 90%, over: 10s}}\n")
    tracer = _watch(t, path, pipeline.pid)
    wait_until(lambda: _requests(tracer, "v") > 20, "some calls")
    equal(tracer.objects("alert"), [], "alerts while it is up")
    pipeline.order("fail validate 100%")
    wait_until(lambda: any(a["severity"] == "critical" for a in tracer.objects("alert")), "a critical alert")
    tracer.stop(code=1)
    final = tracer.final()
    alert = [a for a in tracer.objects("alert") if a["severity"] == "critical"][0]
    equal((alert["violation"], alert["unit"], alert["limit"]), ("UPTIME_VIOLATION", "fraction", 0.9), "the alert")
    check(alert["measured"] < 0.9, f"an uptime of {alert['measured']}")
    check(0 <= final["system"]["uptime"] < 1, f"the system's uptime is {final['system']['uptime']}")
    pipeline.finish()


@case()
def uptime_of_what_ends(t):
    """A program that ends in mid-second was up to its end; one that was killed is down while others are waited for."""
    contracts = t.write("contract.yaml", "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n"
                        "    contract: {min_uptime: 60%}\n")
    for calls in (70, 160, 310):
        path = t.path(f"{calls}.lapse")
        target = t.target("timed", "--calls", calls, "--gap", "10ms")
        tracer = t.lapse("watch", contracts, "-p", target.pid, "--json", "--capture", path)
        work(target)
        tracer.wait()
        again = t.lapse_ends("replay", path, "--json")
        for which in (tracer, again):
            # Of less than half a second nothing is said.
            check(which.final()["system"]["uptime"] in (1, None if calls == 70 else 1), f"the uptime of {calls} calls")
            equal(which.objects("alert"), [], f"alerts over {calls} calls")


@case()
def uptime_of_what_is_killed(t):
    """What has died stays down while there may be another one."""
    program = shutil.copy(os.path.join(TARGETS, "timed"), t.path("killed"))
    target = t.started(Target([program, "--calls", 100000, "--gap", "10ms"]))
    tracer = t.lapse("stat", "--exe", program, "work_push", "--json", "-i", "1")
    tracer.tracing()
    target.go()
    wait_until(lambda: sum(w["count"] for w in tracer.objects("window")) > 50, "calls")
    target.signal(signal.SIGKILL)
    target.wait()
    n = len(tracer.objects("window"))
    wait_until(lambda: len(tracer.objects("window")) >= n + 4, "seconds after it")
    tracer.stop()
    seconds = tracer.final()["system"]["observed_s"]
    within(tracer.final()["system"]["uptime"] * seconds, 1, seconds - 2, "seconds up")


def _resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@case()
def memory_measured(t):
    """What the process has in memory, as /proc tells of it."""
    target = t.target("timed", "--calls", 100000, "--ns", "1ms")
    path = t.write("contract.yaml", "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n"
                   "    contract: {max_memory: 100kB}\n  v:\n    measure: work_endbr\n    contract: {max_memory: 10GB}\n")
    tracer = _watch(t, path, target.pid)
    target.go()
    wait_until(lambda: _firing(tracer, "MEMORY_VIOLATION"), "an alert")
    alert, resident = _firing(tracer, "MEMORY_VIOLATION")[0], _resident(target.pid)
    equal((alert["component"], alert["severity"], alert["unit"], alert["limit"]), ("w", "critical", "bytes", 100000),
          "the alert")
    within(alert["measured"], resident / 2, resident * 2, "bytes")
    tracer.stop(code=1)
    components = tracer.final()["components"]
    equal(components["v"]["verdict"], "held", "verdict of the one that may have 10 GB")
    target.end()
