# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that hang: what is said of them while they do, and that each counts once."""

import json
import socket
import sys

from harness import Target, case, check, conserved, equal, wait_until, within

BESIDE = True  # harness.py

# Longer than two ticks, whenever it begins.
HANG = "3s"


class Hang:
    """One call of KIND that hangs, seen by trace; SPANS are what was said before it returned."""

    def __init__(self, t, kind, *probes, ns=HANG):
        self.target = t.target("causes", kind, "--calls", 1, "--ns", ns, "--file", t.path("file"))
        self.function = kind if kind == "burn" else f"wait_{kind}"
        self.tracer = t.lapse("trace", "-p", self.target.pid, self.function, *probes, "--slower", "100ms", "--json")
        self.target.go()
        self.truth = self.target.done(seconds=60)
        wait_until(lambda: self.of(self.function, False), "the span of the call that returned")
        self.tracer.stop()
        self.spans = self.of(self.function, True)
        check(len(self.spans) >= 2, f"said while it hangs: {len(self.spans)} times")
        equal(len(self.of(self.function, False)), 1, "spans that returned")
        final = self.tracer.final()
        conserved(final)
        equal(final["components"][self.function]["count"], 1, "calls")
        equal(final["components"][self.function]["hung"], [], "calls that hang at the end")
        self.target.finish()

    def of(self, component, is_open):
        return [span for span in self.tracer.objects("span")
                if span["component"] == component and span["open"] == is_open]


def _adds_up(spans):
    for span in spans:
        parts = sum(span["cause"].values())
        within(parts - span["duration_ns"], -span["duration_ns"] / 100 - 20e3, span["duration_ns"] / 100 + 20e3,
               f"what {span['cause']} lacks of {span['duration_ns']}")


def _blocked(spans, cause):
    """In each look it waits for CAUSE, ever longer, and the wait is nearly all of its age."""
    _adds_up(spans)
    ages = [span["duration_ns"] for span in spans]
    equal(ages, sorted(ages), "ages")
    for span in spans:
        equal((span["now"]["state"], span["now"]["cause"]), ("blocked", cause), "state and cause")
        check(span["cause"][f"{cause}_ns"] > 0.8 * span["duration_ns"], f"{cause} of {span['cause']}")
        within(span["now"]["for_ns"], span["cause"][f"{cause}_ns"] * 0.99, span["duration_ns"], "the present wait")
        check(span["ok"] is None and span["longest_wait"]["waker"] is None, f"nothing has ended: {span}")


def _inside(spans, *functions):
    """Some function by each of these words stands in the stack and in the short form, innermost first."""
    for span in spans:
        stack, at = span["now"]["stack"], -1
        for function in functions:
            found = [i for i, frame in enumerate(stack) if function in frame and i > at]
            check(found, f"{function} in {stack}")
            at = found[0]
        check(any(function in span["now"]["place"] for function in functions), f"place: {span['now']['place']}")


@case()
def in_a_mutex(t):
    hang = Hang(t, "lock", "rebuild_index")
    _blocked(hang.spans, "lock")
    _inside(hang.spans, "futex", "lock_wait", "pthread_mutex_lock", "wait_lock")
    for span in hang.spans:
        holder = span["now"]["holder"]
        equal((holder["comm"], holder["component"]), ("holder", "rebuild_index"), "who holds it now")
    holders = hang.of("rebuild_index", True)
    check(len(holders) >= 2, "the holder hangs too")
    _blocked(holders, "sleep")
    # Once it has returned it is known who held it, in the first line of the report.
    band = hang.tracer.component("wait_lock")["causes"][-1]
    equal([(named["cause"], named["by"], named["name"]) for named in band["named"]][:1],
          [("lock", "component", "rebuild_index")], "who held it")
    check(band["named"][0]["share"] > 0.95, f"for how much of it: {band['named']}")
    check("lock (held by rebuild_index)" in band["text"], band["text"])


@case()
def in_an_answer(t):
    hang = Hang(t, "net")
    _blocked(hang.spans, "net")
    _inside(hang.spans, "tcp_recvmsg", "recv", "wait_net")
    peers = {span["now"]["peer"] for span in hang.spans}
    equal(len(peers), 1, f"remote ends {peers}")
    check(peers.pop().startswith("127.0.0.1:"), "the remote end's address")
    band = hang.tracer.component("wait_net")["causes"][-1]
    equal([(named["cause"], named["by"], named["name"]) for named in band["named"]][:1],
          [("net", "peer", hang.spans[0]["now"]["peer"])], "the peer")


def _polls(t, kind):
    """What a poll waits for is told before it has ended."""
    hang = Hang(t, kind)
    _blocked(hang.spans, "poll")
    ended = hang.of(f"wait_{kind}", False)[0]["longest_wait"]
    check(ended["cause"] == "net" and ended["peer"], f"what it was in the end: {ended}")
    for span in hang.spans:
        equal((span["now"]["peer"], span["now"]["peers"]), (ended["peer"], 1), "whom it waits for")


@case()
def in_a_poll(t):
    _polls(t, "net_poll")


@case()
def in_an_epoll(t):
    _polls(t, "net_epoll")


@case()
def in_a_poll_of_nobody(t):
    hang = Hang(t, "handoff_poll")
    for span in hang.spans:
        equal((span["now"]["cause"], span["now"]["peer"], span["now"]["peers"]), ("poll", None, None), "no remote end")


# Waits for any of its connections, of which two have one remote end.
POLLER = """
import select, socket, sys
connections = [socket.create_connection(("127.0.0.1", int(port))) for port in sys.argv[2:]]
print("ready", __import__("os").getpid(), flush=True)
sys.stdin.readline()
if sys.argv[1] == "select":
    select.select(connections, [], [])
else:
    poll = select.epoll() if sys.argv[1] == "epoll" else select.poll()
    for connection in connections:
        poll.register(connection.fileno(), select.POLLIN)
    poll.poll()
"""


@case()
def in_a_poll_of_several(t):
    """How many they are, each counted once, whatever the call."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, one, other)]
        for kind, call in (("poll", "poll"), ("epoll", "epoll_wait"), ("select", "pselect6|select")):
            for n, peers in ((2, 1), (3, 2)):
                _hangs_in(t, kind, call, ports[:n], peers)


def _hangs_in(t, kind, calls, ports, peers):
    target = t.started(Target([sys.executable, "-c", POLLER, kind, *map(str, ports)]))
    tracer = t.lapse("trace", "-p", target.pid, *(f"syscall:{call}" for call in calls.split("|")), "--slower", "100ms",
                     "--json")
    target.go()
    wait_until(lambda: any(span["now"] for span in tracer.objects("span")), f"a {kind} that hangs")
    span = next(span for span in tracer.objects("span") if span["now"])
    equal(span["now"]["peers"], peers, f"remote ends of {kind}")
    equal(span["now"]["peer"], f"127.0.0.1:{ports[0]}" if peers == 1 else None, "the one")
    tracer.stop()
    target.end()


@case()
def in_a_sleep(t):
    hang = Hang(t, "sleep")
    _blocked(hang.spans, "sleep")
    _inside(hang.spans, "nanosleep", "clock_nanosleep", "wait_sleep")
    equal(hang.tracer.component("wait_sleep")["causes"][-1]["named"], [], "who ended it")


@case(120, beside=False)
def on_the_processor(t):
    """Its time is the processor's, or that of those who have it meanwhile; it is blocked nowhere."""
    hang = Hang(t, "burn")
    _adds_up(hang.spans)
    for span in hang.spans:
        check(span["now"]["state"] in ("on-cpu", "runnable"), f"state {span['now']}")
        spent = span["cause"]["on_cpu_ns"] + span["cause"]["runq_ns"] + span["cause"]["throttled_ns"]
        check(spent > 0.95 * span["duration_ns"], f"computing: {span['cause']}")
        equal(span["now"]["cause"], None, "what it waits for")
    check(any(span["now"]["place"] for span in hang.spans), "where it computes")


@case()
def still_hanging_at_the_end(t):
    """The report tells where it is, in JSON and in words."""
    target = t.target("causes", "sleep", "--calls", 1, "--ns", "60s")
    as_json = t.lapse("trace", "-p", target.pid, "wait_sleep", "--slower", "100ms", "--json")
    in_words = t.lapse("trace", "-p", target.pid, "wait_sleep", "--slower", "100ms")
    target.go()
    wait_until(lambda: as_json.objects("span"), "a span that hangs")
    in_words.wait_line("now blocked for .* of sleep in .*nanosleep")
    as_json.stop()
    in_words.stop()
    final = as_json.final()
    conserved(final)
    equal(final["integrity"]["in_flight"], 1, "in flight")
    hung = final["components"]["wait_sleep"]["hung"]
    equal([(each["tid"] != 0, each["now"]["state"], each["now"]["cause"]) for each in hung],
          [(True, "blocked", "sleep")], "what hangs")
    check("nanosleep" in hung[0]["now"]["place"] and hung[0]["cause"]["parts"]["sleep"] > 0.9, f"where: {hung}")
    text = "\n".join(in_words.out)
    check("    open for " in text and " % sleep; now blocked for " in text, text)
    target.end()


@case()
def in_a_deep_recursion(t):
    """All of its calls are known, however much there is to tell of one thread."""
    target = t.target("deep", "--depth", 60, "--rounds", 1, "--pause", "60s")
    tracer = t.lapse("trace", "-p", target.pid, "deep", "--slower", "100ms", "--json")
    target.go()
    wait_until(lambda: any(span["now"] for span in tracer.objects("span")), "spans that hang")
    tracer.stop()
    final = tracer.final()
    conserved(final)
    hung = final["components"]["deep"]
    equal((final["integrity"]["in_flight"], len(hung["hung"]) + hung["hung_more"]), (60, 60), "calls that hang")
    check(all(each["now"]["cause"] == "sleep" for each in hung["hung"]), f"where: {hung['hung']}")
    target.end()


@case(beside=False)
def two_causes_have_their_names(t):
    """A call that waits for a lock longest, and for a peer too: both are named, each for its part."""
    target = t.target("causes", "mixture", "--calls", 20, "--ns", "4ms")
    tracer = t.lapse("trace", "-p", target.pid, "mixture", "rebuild_index", "--slower", "1ms", "--json")
    target.go()
    target.done()
    tracer.stop()
    # One that is open at a tick is shown then, too.
    spans = [span for span in tracer.objects("span") if span["component"] == "mixture" and not span["open"]]
    equal(len(spans), 20, "spans")
    band = tracer.component("mixture")["causes"][0]
    named = {each["cause"]: each for each in band["named"]}
    equal((named["lock"]["by"], named["lock"]["name"]), ("component", "rebuild_index"), "the lock")
    check(named["lock"]["share"] > 0.9, f"all of the lock's waits were seen: {named}")
    # Two waits for answers a call, of which at most one is sent, and the sleeps may be longer than that.
    if "net" in named:
        equal(named["net"]["by"], "peer", "the peer")
        within(named["net"]["share"], 0.01, 0.8, "a part of its waits was seen")
        check(" of it 127.0.0.1:" in band["text"], band["text"])
    target.finish()


@case()
def left_by_longjmp(t):
    """What longjmp has left does not hang, however long its frames lie there past the limit."""
    target = t.target("jumper", "--rounds", 1000, "--pause", "150ms")
    path = t.write("contract.yaml", "lapse: 1\ncomponents:\n" + "".join(
        f"  nest_{level}:\n    measure: nest_{level}\n    contract: {{max_latency: 60ms}}\n"
        for level in range(1, 6)))
    tracer = t.lapse("watch", path, "-p", target.pid, "--json", "-d", "4")
    target.go()
    tracer.wait()
    check(tracer.final()["integrity"]["abandoned"] > 20, "frames that were left")
    # A machine that lets a call of nothing wait for long is busy indeed; then it returns, or jumps, late.
    violations = [violation for violation in tracer.objects("violation") if violation["open"]]
    check(len(violations) <= 1, f"frames that were left, said to hang: {violations}")
    conserved(tracer.final())
    target.end()


CONTRACT = """lapse: 1
components:
  waiting:
    measure: wait_lock
    contract:
      max_latency: 500ms
      max_p50: {limit: 10ms, min_samples: 2}
  holding:
    measure: rebuild_index
handlers:
  - {when: '*', file: ALERTS}
"""


@case()
def alerts_say_why(t):
    """Of the call that hangs before it returns, of the percentile with the holder's name; counted once each."""
    alerts = t.path("alerts")
    target = t.target("causes", "lock", "--calls", 2, "--ns", "2500ms")
    path = t.write("contract.yaml", CONTRACT.replace("ALERTS", alerts))
    as_json = t.lapse("watch", path, "-p", target.pid, "--json")
    in_words = t.lapse("watch", path, "-p", target.pid)
    target.go()
    target.done(seconds=60)
    for tracer in (as_json, in_words):
        tracer.wait_line("PERCENTILE_VIOLATION")
        tracer.stop(code=1)
    told = {alert["violation"]: alert for alert in reversed(as_json.objects("alert")) if alert["state"] == "firing"}
    _alert_of_hang(told["LATENCY_VIOLATION"])
    window = told["PERCENTILE_VIOLATION"]
    check(window["cause"]["parts"]["lock"] > 0.8 and window["now"] is None, f"why: {window}")
    equal(window["cause"]["slowest"], 0.5, "the share of spans beyond the median")
    check("lock (held by holding)" in window["cause"]["text"], f"who held it: {window['cause']}")
    contract = as_json.component("waiting")["contract"]
    equal(contract["max_latency"]["violations"], 2, "violations, each once")
    equal(len([violation for violation in as_json.objects("violation")
               if violation["violation"] == "LATENCY_VIOLATION" and violation["cause"]]), 2, "told with their cause")
    with open(alerts, encoding="utf-8") as file:
        handled = [json.loads(line) for line in file]
    check(handled and all(alert["cause"]["text"] for alert in handled), f"what the handler got: {handled}")
    in_words.wait_line(r"ALERT firing \w+ LATENCY_VIOLATION waiting: .*still open, by causes/\d+: \d+ % lock.*; "
                       r"now blocked for .* of lock in .*pthread_mutex_lock")
    in_words.wait_line(r"ALERT firing \w+ PERCENTILE_VIOLATION waiting .*% lock \(held by holding\)")
    in_words.wait_line(r"^waiting: .*% lock \(held by holding\)")
    target.finish()


def _alert_of_hang(alert):
    check(alert["open"] and alert["cause"]["parts"]["lock"] > 0.8, f"why: {alert}")
    equal((alert["now"]["state"], alert["now"]["cause"]), ("blocked", "lock"), "where it is")
    equal(alert["now"]["holder"]["component"], "holding", "who holds it")
    check("% lock (held by holding)" in alert["cause"]["text"], f"in one phrase: {alert['cause']}")
    check("wait_lock" in alert["now"]["place"], f"in what: {alert['now']}")
