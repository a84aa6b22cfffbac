# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGHUP takes the contract file anew, whole or not at all; SIGUSR1 prints the report and goes on."""

import json
import os
import signal
import socket

from harness import case, check, conserved, equal, wait_until
from pipeline import Pipeline
from test_handlers import _Server

BESIDE = True  # harness.py

CONTRACT = """lapse: 1
alerts: {{cooldown: {cooldown}, resolve_after: 1s}}
components:
  rpc:
    measure: {measure}
    contract: {contract}
{more}"""


def _write(t, contract, more="", measure="rpc_call", cooldown="1h"):
    return t.write("contract.yaml", CONTRACT.format(contract=contract, more=more, measure=measure, cooldown=cooldown))


class _Watched:
    def __init__(self, t, contract, more="", options=("--json",), cooldown="1h"):
        self.t = t
        self.pipeline = t.started(Pipeline(t))
        self.tracer = t.lapse("watch", _write(t, contract, more, cooldown=cooldown), "-p", self.pipeline.pid,
                              "-i", "1", *options)

    def reload(self, answer="was read anew"):
        """Waits until lapse has said ANSWER once more."""

        def said():
            return [line for line in self.tracer.err if answer in line]

        before = len(said())
        self.tracer.signal(signal.SIGHUP)
        return wait_until(lambda: said()[before:], f"'{answer}' after {self.tracer.err}")

    def calls(self):
        return sum(w["count"] for w in self.tracer.objects("window"))

    def more_calls(self, n=20):
        before = self.calls()
        wait_until(lambda: self.calls() >= before + n, "more calls")

    def violations(self):
        return self.tracer.objects("violation")

    def alerts(self, state):
        return [a for a in self.tracer.objects("alert") if a["state"] == state]


@case(90)
def another_limit_counts_at_once(t):
    """Here and in the kernel, in both directions; what was measured and violated before stays."""
    run = _Watched(t, "{max_latency: 10s}")
    run.more_calls()
    equal(run.violations(), [], "violations of ten seconds")
    _write(t, "{max_latency: 100us}")
    run.reload()
    first = wait_until(run.violations, "a violation")[0]
    equal(first["limit"], 100000, "its limit")
    check(first["pid"] is not None, "the kernel did not send the span: it goes by the old limit")
    run.more_calls()
    _write(t, "{max_latency: 10s}")
    run.reload()
    wait_until(lambda: run.alerts("resolved"), "the end of the alert")
    held = len(run.violations())
    run.more_calls()
    equal(len(run.violations()), held, "violations once the limit was ten seconds again")
    run.tracer.stop(code=1)
    rpc = run.tracer.component("rpc")
    equal(rpc["violations"], held, "violations counted against those told")
    equal(rpc["contract"]["max_latency"]["limit"], 10e9, "limit at the end")
    check(rpc["count"] >= run.calls() and rpc["count"] >= 60, f"calls of the whole run: {rpc['count']}")
    equal(len(run.alerts("firing")), 1, "announcements")
    conserved(run.tracer.final())


@case()
def another_limit_of_a_value(t):
    """The kernel judges captured values, too."""
    text = ("lapse: 1\ncomponents:\n  v:\n    measure: give_int\n    values: {n: \"long arg0\"}\n"
            "    contract: {max_value: {n: %d}}\n")
    target = t.target("values", "--calls", 1000)
    tracer = t.lapse("watch", t.write("contract.yaml", text % 1000000), "-p", target.pid, "--json")
    t.write("contract.yaml", text % 0)
    tracer.signal(signal.SIGHUP)
    tracer.wait_line("was read anew", tracer.err)
    target.go()
    positive = 1000 - target.done()["negative"]
    violations = wait_until(lambda: tracer.objects("violation"), "a violation")
    equal((violations[0]["limit"], violations[0]["value"]), (0, "n"), "limit and value")
    check(violations[0]["pid"] is not None, "the kernel did not send the span: it goes by the old limit")
    tracer.stop(code=1)
    counted = tracer.component("v")["violations"]
    check(0 < counted <= positive, f"{counted} violations of at most {positive}")


@case(90)
def a_new_objective_sees_the_window(t):
    """A percentile that is promised only now is judged by the spans of before."""
    run = _Watched(t, "{max_latency: 10s}", "window: 5min\n")
    run.more_calls(200)
    before = run.calls()
    _write(t, "{max_latency: 10s, max_p50: {limit: 10us, min_samples: 200}}", "window: 5min\n")
    run.reload()
    wait_until(run.violations, "a violation")
    since = run.calls() - before
    run.tracer.stop(code=1)
    equal({v["violation"] for v in run.violations()}, {"PERCENTILE_VIOLATION"}, "violations")
    check(since < 200, f"{since} calls since are enough to judge by: nothing is shown")


@case(90)
def an_alert_in_progress_goes_on(t):
    """It is not announced anew, and its end knows the violations of before; one that nothing is promised of
    any more is resolved."""
    run = _Watched(t, "{max_latency: 100us}")
    firing = wait_until(lambda: run.alerts("firing"), "an alert")[0]
    run.more_calls()
    told = len(run.violations())
    _write(t, "{max_latency: 100us, max_p99: 10s}")
    run.reload()
    run.more_calls()
    check(len(run.violations()) > told, "no violation after the reload")
    equal(len(run.alerts("firing")), 1, "announcements")
    _write(t, "{max_p99: 10s}")
    run.reload()
    resolved = wait_until(lambda: run.alerts("resolved"), "the end of the alert")[0]
    equal(resolved["since"], firing["since"], "its beginning")
    check(resolved["violations"] > told, "the violations of before are forgotten")
    count = len(run.violations())
    run.more_calls()
    equal(len(run.violations()), count, "violations when nothing is promised any more")
    run.tracer.stop(code=1)
    rpc = run.tracer.component("rpc")
    equal(rpc["violations"], count, "violations")
    equal(run.tracer.final()["verdict"], "violated", "verdict")
    equal([(w["objective"], w["limit"], w["violations"]) for w in rpc["withdrawn"]], [("max_latency", 100000, count)],
          "what the verdict is of")
    check(firing["since"] < rpc["withdrawn"][0]["until"] <= resolved["time"], f"withdrawn: {rpc['withdrawn']}")


@case()
def the_report_says_what_was_withdrawn(t):
    """The verdict stays violated, and there is a line that says what was."""
    run = _Watched(t, "{max_latency: 100us}", options=())
    run.tracer.wait_line("LATENCY_VIOLATION", run.tracer.out)
    _write(t, "{max_p99: 10s}")
    run.reload()
    run.tracer.stop(code=1)
    run.tracer.wait_line(r"max_latency +100 us +\S+ \S+ +\d+  violated: promised until \d\d:\d\d:\d\d$",
                         run.tracer.out)


BROKEN = (
    ("lapse: 1\ncomponents: {rpc: {measure: rpc_call, contract: {max_latancy: 1s}}}\n",
     "contract.yaml:2:50: unknown objective 'max_latancy', nearest is 'max_latency'"),
    ("lapse: 1\ncomponents: {rpc: {measure: rpc_call}}\nhandlers: [{when: '*', fil: x}]\n",
     "contract.yaml:3:24: unknown key 'fil', nearest is 'file'"),
    ("lapse: 1\ncomponents: [", "contract.yaml:"),
    ("lapse: 1\ncomponents:\n  rpc: {measure: token_check, contract: {max_latency: 100us}}\n",
     "contract.yaml:3:3: component 'rpc' is measured otherwise: restart lapse for this"),
    ("lapse: 1\ncomponents:\n  rpc: {measure: rpc_call, err: \"int ret < 0\"}\n",
     "contract.yaml:3:3: component 'rpc' is measured otherwise: restart lapse for this"),
    ("lapse: 1\ncomponents:\n  rpc: {measure: rpc_call, window: {last: 50}}\n",
     "contract.yaml:3:3: component 'rpc' has another window of newest spans: restart lapse for this"),
    ("lapse: 1\ncomponents:\n  rpc: {measure: rpc_call}\n  more: {measure: rpc_call}\n",
     "contract.yaml:4:3: component 'more' is new: restart lapse for this"),
    ("lapse: 1\ncomponents:\n  other: {measure: rpc_call}\n",
     "contract.yaml:3:3: component 'other' is new: restart lapse for this"),
    ("lapse: 1\ntarget: {comm: x}\ncomponents:\n  rpc: {measure: rpc_call}\n",
     "contract.yaml: the target is another: restart lapse for this"),
    ("lapse: 1\ntarget: {unit: x}\ncomponents:\n  rpc: {measure: rpc_call}\n",
     "contract.yaml: the target is another: restart lapse for this"),
    ("lapse: 1\ncomponents:\n  rpc: {measure: rpc_call, target: {cgroup: /x}}\n",
     "contract.yaml:3:3: component 'rpc' has another target: restart lapse for this"),
    ("lapse: 1\nwaits: {lock: f}\ncomponents:\n  rpc: {measure: rpc_call}\n",
     "contract.yaml: the functions that are waits are others: restart lapse for this"),
    ("lapse: 1\ncomponents:\n  rpc: {measure: rpc_call, contract: {max_error_rate: 1%}}\n", "max_error_rate"),
    ("lapse: 1\ncomponents:\n  rpc: {measure: rpc_call, contract: {max_latency: 1us}}\n"
     "handlers: [{when: '*', file: /nonexistent/folder/x}]\n",
     "contract.yaml:4:12: handler file /nonexistent/folder/x: No such file or directory"),
)


@case(120)
def a_broken_file_changes_nothing(t):
    """What is wrong is said with its place; contracts and handlers stay, all of them."""
    told = t.path("told.jsonl")
    handlers = f"handlers: [{{when: '*', file: \"{told}\", resolved: true}}]\n"
    run = _Watched(t, "{max_latency: 100us}", handlers, cooldown="0s")
    wait_until(run.violations, "a violation")
    for text, reason in BROKEN:
        t.write("contract.yaml", text)
        seen = len(run.tracer.err)
        run.reload("is not taken: all contracts and handlers stay as they were")
        said = run.tracer.err[seen:]
        check(any(reason in line for line in said), f"for {text!r} said {said}")
    os.unlink(t.path("contract.yaml"))
    run.reload("is not taken")
    os.chmod(_write(t, "{max_latency: 1us}", handlers), 0o666)
    run.reload("is not taken")
    check(any("others may write it" in line for line in run.tracer.err), "that others may write it was not said")
    before = len(run.violations())
    wait_until(lambda: len(run.violations()) > before + 5, "violations of the old contract")
    run.tracer.stop(code=1)
    equal({v["limit"] for v in run.violations()}, {100000.0}, "limits")
    with open(told, encoding="utf-8") as file:
        equal([json.loads(line) for line in file], run.tracer.objects("alert"), "what the old handler was told")


@case(90)
def components_in_another_order(t):
    """Each keeps what is its own."""
    both = ("lapse: 1\ncomponents:\n  {0}: {{measure: {1}, contract: {{max_latency: {2}}}}}\n"
            "  {3}: {{measure: {4}, contract: {{max_latency: {5}}}}}\n")
    pipeline = t.started(Pipeline(t))
    path = t.write("contract.yaml", both.format("rpc", "rpc_call", "10s", "order", "handle_order", "20s"))
    tracer = t.lapse("watch", path, "-p", pipeline.pid, "--json", "-i", "1")
    t.write("contract.yaml", both.format("order", "handle_order", "22s", "rpc", "rpc_call", "11s"))
    tracer.signal(signal.SIGHUP)
    tracer.wait_line("was read anew: 2 components, 0 handlers", tracer.err)
    wait_until(lambda: all(sum(w["count"] for w in tracer.objects("window") if w["component"] == name) > 20
                           for name in ("rpc", "order")), "calls")
    tracer.stop(code=0)
    for name, function, limit in (("rpc", "rpc_call", 11e9), ("order", "handle_order", 22e9)):
        equal(tracer.component(name)["function"], function, f"function of {name}")
        equal(tracer.component(name)["contract"]["max_latency"]["limit"], limit, f"limit of {name}")


@case(90)
def handlers_are_replaced(t):
    """What the old ones have begun they end; readers of a socket stay; a hanging one holds up nobody."""
    silent, server = _Server(t, [None] * 1000), _Server(t)
    path = t.path("alerts.sock")
    slow = t.write("slow", f"#!/bin/sh\nuntil [ -e {t.path('go')} ]; do sleep 0.01; done\necho x >> {t.path('ended')}\n",
                   0o755)
    open(t.path("ended"), "w", encoding="ascii").close()
    os.chmod(t.path("ended"), 0o666)
    run = _Watched(t, "{max_latency: 100us}",
                   f"handlers:\n  - {{when: '*', exec: [\"{slow}\"], timeout: 60s}}\n"
                   f"  - {{when: '*', webhook: 'http://127.0.0.1:{silent.port}', timeout: 1s}}\n"
                   f"  - {{when: '*', socket: \"{path}\"}}\n")
    wait_until(lambda: silent.requests, "the first alert at the silent webhook")
    reader = socket.socket(socket.AF_UNIX)
    reader.connect(path)
    t.defer(reader.close)
    _write(t, "{max_p50: {limit: 10us, min_samples: 20}}",
           f"handlers:\n  - {{when: '*', webhook: 'http://127.0.0.1:{server.port}'}}\n"
           f"  - {{when: '*', socket: \"{path}\"}}\n")
    run.reload("was read anew: 1 component, 2 handlers")
    wait_until(server.bodies, "an alert at the new webhook")
    equal(server.bodies()[0]["violation"], "PERCENTILE_VIOLATION", "what it was told of first")
    with open(t.path("go"), "w", encoding="ascii"):
        pass
    wait_until(lambda: os.path.getsize(t.path("ended")), "the end of the old program")
    run.tracer.wait_line(r"handler webhook http://127.0.0.1:\d+: 2 alerts are dropped: there is no time left",
                         run.tracer.err)
    run.tracer.stop(code=1)
    with reader.makefile("r", encoding="utf-8") as stream:
        lines = [json.loads(line) for line in stream]
    equal([line["violation"] for line in lines if line["state"] == "firing"], ["PERCENTILE_VIOLATION"],
          "what the reader was told of")
    equal([h["kind"] for h in run.tracer.final()["handlers"]], ["webhook", "socket"], "handlers of the report")


@case()
def report_at_usr1(t):
    """The whole report, as often as asked for, and the run goes on."""
    run = _Watched(t, "{max_latency: 10s}")
    run.more_calls()
    for n in (1, 2):
        run.tracer.signal(signal.SIGUSR1)
        wait_until(lambda: len(run.tracer.objects("final")) == n, f"report {n}")
        run.more_calls()
    run.tracer.stop(code=0)
    finals = run.tracer.objects("final")
    equal([f["end_reason"] for f in finals], [None, None, "interrupted"], "reasons to end")
    counts = [f["components"]["rpc"]["count"] for f in finals]
    check(0 < counts[0] < counts[1] < counts[2], f"calls that were reported: {counts}")


@case()
def report_of_other_verbs(t):
    """In words, on standard output, whatever the verb; SIGHUP ends those that have no contract file."""
    target = t.target("timed", "--calls", 5, "--ns", "1ms")
    tracer = t.lapse("stat", "-p", target.pid, "work_push")
    target.go()
    target.done()
    tracer.signal(signal.SIGUSR1)
    tracer.wait_line("^observed ")
    check(tracer.running(), "it has ended")
    tracer.signal(signal.SIGHUP)
    equal(tracer.wait(), 0, "exit code")
    check(any("ended: ended by signal 1" in line for line in tracer.out), "the reason of its end")
