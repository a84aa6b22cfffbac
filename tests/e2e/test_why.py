# SPDX-License-Identifier: GPL-2.0-or-later
"""Why calls were slow: each cause by itself, in a program that knows what it waits for."""

import os
import signal
import subprocess
import sys
import time

from harness import case, check, conserved, equal, seen_to_come_back, within

# What each function waits for.
CAUSES = {"wait_lock": "lock", "wait_disk": "disk", "wait_net": "net", "wait_net_poll": "net", "wait_timeout": "poll",
          "wait_handoff": "handoff", "wait_sleep": "sleep", "compute": "on-cpu"}
FIELDS = {"on-cpu": "on_cpu_ns"}


def _traced(t, *arguments, threads=1, calls=40, ns="4ms", outer=("everything",)):
    target = t.target("waits", t.path("file"), "--threads", threads, "--calls", calls, "--ns", ns)
    tracer = t.lapse("trace", "-p", target.pid, "--slower", "1us", "--json", *CAUSES, "rebuild_index", *outer,
                     *arguments)
    return target, tracer


def _spans(tracer, name):
    return [span for span in tracer.objects("span") if span["component"] == name and not span["open"]]


def _all(tracer, name):
    """The shares of all spans together."""
    band = tracer.component(name)["causes"][0]
    equal(band["slowest"], 1.0, "the first band")
    return band["parts"]


def _right_causes(t, tracer, calls):
    for name, cause in CAUSES.items():
        parts = _all(tracer, name)
        equal(tracer.component(name)["causes"][0]["count"], calls, f"spans of {name} with a cause")
        # Whatever it waits for, others may run when it could.
        explained = parts[cause] + parts["runq"] + (0 if cause == "on-cpu" else parts["on-cpu"])
        t.note(f"{name}: {cause} {parts[cause]:.3f}, runq {parts['runq']:.3f}, on-cpu {parts['on-cpu']:.3f}")
        check(explained >= 0.95, f"{name} is explained by {cause}: {parts}")
        most = max((part for part in parts if part not in ("runq", "on-cpu") or part == cause), key=parts.get)
        equal(most, cause, f"what {name} mostly waits for")


@case(60)
def each_cause(t):
    target, tracer = _traced(t)
    target.go()
    truth = target.done()
    tracer.stop()
    conserved(tracer.final())
    _right_causes(t, tracer, truth["calls"])
    for name, cause in CAUSES.items():
        key = FIELDS.get(cause, f"{cause}_ns")
        spent = sum(span["cause"][key] + span["cause"]["runq_ns"] for span in _spans(tracer, name))
        if cause != "on-cpu":
            spent += sum(span["cause"]["on_cpu_ns"] for span in _spans(tracer, name))
        known = truth[{"wait_net_poll": "net_poll", "compute": "compute", "wait_timeout": "timeout"}.get(
            name, name.removeprefix("wait_")) + "_ns"]
        # An fsync is short, and behind a write that is measured with it.
        within(spent, known * 0.9, known * (2 if cause == "disk" else 1.1), f"{name}'s wait by its own clock")
    target.finish()


@case(90)
def each_cause_of_sixteen_threads(t):
    target, tracer = _traced(t, threads=16, calls=10)
    target.go()
    truth = target.done()
    tracer.stop()
    conserved(tracer.final())
    _right_causes(t, tracer, truth["calls"])
    target.finish()


@case(60)
def parts_add_up(t):
    """Of nested calls too: the outer one has all that the inner ones have."""
    target, tracer = _traced(t, calls=20)
    target.go()
    target.done()
    tracer.stop()
    for name in [*CAUSES, "everything"]:
        for span in _spans(tracer, name):
            room = max(span["duration_ns"] * 0.01, 20000)
            within(sum(span["cause"].values()), span["duration_ns"] - room, span["duration_ns"] + room, name)
    whole = _all(tracer, "everything")
    for cause in ("lock", "net", "poll", "handoff", "sleep", "on-cpu"):
        check(whole[cause] > 0.02, f"everything has its part of {cause}: {whole}")
    target.finish()


@case(60)
def who_ended_it(t):
    """Each function by itself: of a call around them all a thread keeps a few of the longest waits only."""
    target, tracer = _traced(t, calls=20, outer=())
    target.go()
    truth = target.done()
    tracer.stop()
    waits = {name: [span["longest_wait"] for span in _spans(tracer, name) if span["longest_wait"]] for name in CAUSES}
    locks = [wait for wait in waits["wait_lock"] if wait["cause"] == "lock" and wait["waker"]]
    check(len(locks) > 10, f"waits for the lock with a waker: {len(locks)}")
    equal({(wait["waker"]["comm"], wait["waker"]["component"]) for wait in locks}, {("waits", "rebuild_index")},
          "who let the lock go")
    for name in ("wait_net", "wait_net_poll"):
        nets = [wait for wait in waits[name] if wait["cause"] == "net"]
        equal({wait["peer"] for wait in nets}, {f"127.0.0.1:{truth['port']}"}, f"remote ends of {name}")
    posts = [wait for wait in waits["wait_handoff"] if wait["cause"] == "handoff" and wait["waker"]]
    equal({wait["waker"]["comm"] for wait in posts}, {"waits"}, "who passed the word")
    equal(len(waits["wait_sleep"]), 20, "sleeps with a longest wait")
    stacks = [wait["stack"] for wait in seen_to_come_back(waits["wait_sleep"])]
    # libc keeps no frame pointer, so that the function that called it is not seen, but its caller is.
    check(all(any(frame.startswith("everything+") for frame in stack) for stack in stacks),
          f"where it slept: {stacks[:2]}")
    check(all(any("nanosleep" in frame for frame in stack) for stack in stacks), f"in what: {stacks[:2]}")
    sleeps = [wait["waker"]["interrupt"] for wait in waits["wait_sleep"] if wait["waker"]]
    equal(set(sleeps), {"a timer"}, "what ended the sleeps")
    target.finish()


@case(60)
def rivals_for_a_processor(t):
    """Two on one processor: what is preempted is never called blocked, and somebody is named."""
    target, tracer = _traced(t, calls=15, ns="20ms")
    processor = min(os.sched_getaffinity(0))
    for tid in os.listdir(f"/proc/{target.pid}/task"):
        os.sched_setaffinity(int(tid), {processor})
    rival = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        os.sched_setaffinity(rival.pid, {processor})
        target.go()
        target.done()
        tracer.stop()
    finally:
        rival.kill()
        rival.wait()
    parts = _all(tracer, "compute")
    check(parts["runq"] > 0.2, f"it waits for the processor: {parts}")
    check(parts["runq"] + parts["on-cpu"] > 0.98, f"and for nothing else: {parts}")
    # Whoever gave the processor up to it at last: the rival, or what else ran there.
    named = {each["pid"] for span in _spans(tracer, "compute") for each in span["ran_instead"]}
    check(named and 0 not in named, f"who ran instead: {named}")
    target.finish()


def _way(stack):
    """Which functions of "paths" it leads through."""
    return [function for function in (frame.split("+")[0] for frame in stack) if function in ("left", "right")]


@case(90, beside=True)
def stacks_of_all_sorts(t):
    """More of them than are kept at once: the last ones are told as well as the first."""
    target = t.target("paths", 24000)
    tracer = t.lapse("trace", "-p", target.pid, "path", "--slower", "1ns", "--json")
    target.go()
    truth = target.done()
    tracer.stop()
    # A map that forgets what was used least may have no room for the moment.
    within(tracer.final()["integrity"]["stacks_lost"], 0, truth["calls"] / 1000, "stacks that were lost")
    spans = sorted(_spans(tracer, "path"), key=lambda span: int(span["start_ns"]))
    equal(len(spans) + tracer.final()["integrity"]["ring_dropped"], truth["calls"], "spans")
    # A timer that ends before its thread has left the processor makes no wait.
    waits = [(number, span["longest_wait"]["stack"]) for number, span in enumerate(spans) if span["longest_wait"]]
    whole = [number for number, stack in waits if any("nanosleep" in frame for frame in stack) and len(_way(stack)) == 16]
    # So many a second are looked at (TRACER_STACKS_A_SECOND); a quick machine has more.
    over = [number for number, stack in waits if any("over the budget of 10000 waits a second" in frame for frame in stack)]
    a_second = len(spans) / ((int(spans[-1]["start_ns"]) - int(spans[0]["start_ns"])) / 1e9)
    t.note(f"{a_second:.0f} waits a second, {len(over)} of them beyond the budget")
    check(not over or a_second > 9000, f"{len(over)} were not looked at, with {a_second:.0f} a second")
    check(len(whole) + len(over) >= 0.95 * len(waits), f"{len(whole)} of {len(waits)} waits have their stack")
    for number, stack in waits:
        if len(spans) == truth["calls"] and _way(stack):
            equal(_way(stack), ["right" if number >> level & 1 else "left" for level in reversed(range(16))],
                  f"way of call {number}")
    target.finish()


@case()
def without_it(t):
    target, tracer = _traced(t, "--no-why", calls=5)
    target.go()
    target.done()
    tracer.stop()
    equal({span["cause"] for span in _spans(tracer, "wait_sleep")}, {None}, "causes")
    equal(tracer.component("wait_sleep")["causes"], None, "causes of all")
    target.finish()


@case()
def in_words(t):
    target = t.target("waits", t.path("file"), "--calls", 10, "--ns", "4ms")
    tracer = t.lapse("trace", "-p", target.pid, "--slower", "1ms", "wait_lock", "rebuild_index")
    target.go()
    target.done()
    tracer.stop()
    text = "\n".join(tracer.out)
    # Where no band of the slowest differs from all, that one has no lines of its own.
    for words in (" CAUSE ", " lock ", "ended by waits/", "(rebuild_index)", " all ("):
        check(words in text, f"'{words}' in\n{text}")
    target.finish()


def _told_to_have_run(t, name, spans):
    """Calls that waited by the kernel's count, which they return, and by lapse not half of that, nor once. Its host may
    have had the processor for most of the time, which the count has for a wait and lapse for the call's own."""
    waited = [span for span in spans if span["ret"] > 5e5]
    t.note(f"{len(waited)} of {len(spans)} calls of {name} waited")
    check(len(waited) > len(spans) / 2, f"{len(waited)} of {len(spans)} calls of {name} waited")
    return [span for span in waited if not span["longest_wait"] and
            span["duration_ns"] - span["cause"]["on_cpu_ns"] < span["ret"] / 2]


@case(60)
def wakes_outside_of_all_spans(t):
    """A wake that came before a span says nothing about the span's own, of which the kernel may show nothing: it need
    not run programs in the context of a processor's idle thread."""
    target = t.target("waits", t.path("file"), "--threads", 6, "--calls", 1000, "--ns", "1ms")
    tracer = t.lapse("trace", "-p", target.pid, "--slower", "1us", "--json", "wait_sleep", "wait_timeout")
    target.go()
    target.done()
    tracer.stop()
    for name in ("wait_sleep", "wait_timeout"):
        wrong = _told_to_have_run(t, name, _spans(tracer, name))
        equal(wrong[:1], [], f"{len(wrong)} calls of {name} that waited 1 ms and are told to have run")
    target.finish()


@case(240)
def causes_from_the_first_call_on(t):
    """No call is measured before its waits are: it would be told to have run all the time."""
    spans = {name: [] for name in ("wait_net", "wait_timeout", "wait_handoff", "wait_sleep")}
    target = t.target("waits", t.path("file"), "--threads", 32, "--calls", 2000, "--ns", "1ms")
    target.go()
    for _ in range(3):
        tracer = t.lapse("trace", "-p", target.pid, "--slower", "1us", "--json", *spans, "-d", "0.2")
        # It has a share of the processors like each of so many threads, and some thousand stacks to tell.
        equal(tracer.wait(60), 0, "exit code")
        for name, of_all in spans.items():
            of_all += _spans(tracer, name)
    for name, of_all in spans.items():
        wrong = _told_to_have_run(t, name, of_all)
        equal(wrong[:1], [], f"{len(wrong)} calls of {name} that waited 1 ms and are told to have run")
    target.end()


@case(60)
def stopped_while_it_ran(t):
    """What stops a thread that computes is no page fault, and nobody else's work either."""
    target = t.target("timed", "--calls", 30, "--ns", "60ms")
    tracer = t.lapse("trace", "-p", target.pid, "work_push", "--slower", "150ms", "--json")
    target.go()
    for _ in range(5):
        target.signal(signal.SIGSTOP)
        time.sleep(0.2)
        target.signal(signal.SIGCONT)
        time.sleep(0.1)
    target.done()
    tracer.stop()
    spans = [span["cause"] for span in _spans(tracer, "work_push")]
    check(len(spans) >= 3, f"{len(spans)} calls were stopped")
    for cause in spans:
        within(cause["other_ns"], 15e7, 1e9, f"what it was stopped, of {cause}")
        within(cause["fault_ns"], 0, 3e7, f"page faults, of {cause}")
    target.finish()
