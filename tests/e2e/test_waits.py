# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions that are declared to be waits: what blocks inside is charged to the cause that they are given."""

import os

from harness import LAPSE, case, check, conserved, equal, within
from test_causes import Run, _is_slow_for, _woken_by

NS = 2_000_000
ROUNDS = 50


class Told:
    """Spans of whole() in a run of the target "waiting", and its truth."""

    def __init__(self, t, what, *waits, program="waiting", probes=("whole",), components=None, lapse=()):
        target = t.target(program, what, "--rounds", ROUNDS, "--ns", f"{NS}ns")
        declared = [word for wait in waits for word in ("--wait", wait)]
        self.tracer = t.lapse("trace", "-p", target.pid, *probes, *declared, "--slower", "1ns", "--json", *lapse)
        target.go()
        self.truth = target.done()
        self.tracer.stop()
        target.finish()
        conserved(self.tracer.final())
        equal(sorted(self.tracer.final()["components"]), sorted(components or probes), "components: a wait is none")

    def spans(self, component="whole"):
        return [span for span in self.tracer.objects("span") if span["component"] == component and not span["open"]]

    def total(self, cause, component="whole"):
        return sum(span["cause"][f"{cause}_ns"] for span in self.spans(component))

    def has(self, t, naps, **parts):
        """PARTS: what each cause has, by the truth's name for it; NAPS: of each, how many a round. The program's
        clock has what the thread waited for a processor besides."""
        equal(len(self.spans()), ROUNDS, "spans of whole")
        for span in self.spans():
            within(sum(span["cause"].values()) - span["duration_ns"], -max(20e3, span["duration_ns"] / 100),
                   max(20e3, span["duration_ns"] / 100), f"what {span['cause']} lacks of {span['duration_ns']}")
        for (cause, place), n in zip(parts.items(), naps):
            t.note(f"{cause} {self.total(cause) / 1e6:.1f} ms, {place} by the program's clock "
                   f"{self.truth[f'{place}_ns'] / 1e6:.1f} ms")
            within(self.total(cause), n * ROUNDS * NS * 0.99, self.truth[f"{place}_ns"], f"{cause} for {place}")
        for cause in ("lock", "disk", "net", "handoff", "poll", "sleep", "other"):
            if cause not in parts:
                within(self.total(cause), 0, 0.01 * ROUNDS * NS, f"{cause}, which nothing is charged to")


@case()
def innermost_wait_decides(t):
    Told(t, "nested", "lock=outer_wait", "net=inner_wait").has(t, (2, 1, 1), lock="outer", net="inner", sleep="beside")


@case()
def waits_inside_belong_to_the_outer_one(t):
    told = Told(t, "nested", "lock=outer_wait")
    within(told.total("lock"), 3 * ROUNDS * NS * 0.99, told.truth["outer_ns"] + told.truth["inner_ns"], "lock")
    within(told.total("sleep"), ROUNDS * NS * 0.99, told.truth["beside_ns"], "sleep")


@case()
def a_wait_that_calls_itself(t):
    Told(t, "again", "lock=inner_wait").has(t, (3, 1), lock="inner", sleep="beside")


@case()
def a_wait_that_a_longjmp_leaves(t):
    """What comes after it is beside it, above its place on the stack and below."""
    Told(t, "jump", "lock=left_wait").has(t, (1, 2), lock="outer", sleep="beside")


@case()
def a_wait_that_an_exception_leaves(t):
    Told(t, "jump", "lock=left_wait", program="waiting_cxx").has(t, (1, 2), lock="outer", sleep="beside")


@case()
def a_wait_that_ends_in_another_function(t):
    Told(t, "tail", "lock=tail_wait").has(t, (1, 1), lock="outer", sleep="beside")


@case()
def a_wait_by_return_instructions(t):
    Told(t, "nested", "lock=outer_wait", "net=inner_wait", program="waiting_cxx").has(
        t, (2, 1, 1), lock="outer", net="inner", sleep="beside")


@case()
def a_wait_by_other_attachments(t):
    for kind in ("multi", "perf"):
        Told(t, "nested", "lock=outer_wait", "net=inner_wait", lapse=["--attach", kind]).has(
            t, (2, 1, 1), lock="outer", net="inner", sleep="beside")


@case()
def waits_by_a_pattern(t):
    told = Told(t, "nested", "lock=*er_wait")
    within(told.total("lock"), 3 * ROUNDS * NS * 0.99, told.truth["outer_ns"] + told.truth["inner_ns"], "lock")
    within(told.total("sleep"), ROUNDS * NS * 0.99, told.truth["beside_ns"], "sleep")


@case()
def waits_of_calls_that_are_only_counted(t):
    target = t.target("waiting", "nested", "--rounds", ROUNDS, "--ns", f"{NS}ns")
    tracer = t.stat(target.pid, "whole", "--why", "--wait", "lock=outer_wait")
    target.go()
    target.done()
    tracer.stop()
    parts = tracer.component("whole")["causes"][0]["parts"]
    within(parts["lock"] / parts["sleep"], 2.5, 3.5, f"three naps are lock, for one that is sleep, of {parts}")
    target.finish()


@case()
def a_wait_that_is_measured_too(t):
    told = Told(t, "nested", "lock=outer_wait,whole", probes=("whole", "outer_wait"))
    within(told.total("lock"), 4 * ROUNDS * NS * 0.99, 1e12, "lock of whole")
    equal(told.total("sleep"), 0, "sleep of whole")
    within(told.total("lock", "outer_wait"), 3 * ROUNDS * NS * 0.99,
           told.truth["outer_ns"] + told.truth["inner_ns"], "lock of outer_wait")


@case()
def outside_of_spans_nothing_is_charged(t):
    told = Told(t, "outside", "lock=outer_wait")
    told.has(t, (1,), sleep="beside")
    equal(told.total("lock"), 0, "lock")


@case()
def a_span_that_begins_inside_of_a_wait(t):
    """A system call in it is a span of its own, which has the wait's cause; others have their own."""
    name = "clock_nanosleep"
    told = Told(t, "outside", "lock=outer_wait", probes=(f"{name}=syscall:{name}",), components=(name,))
    equal(len(told.spans(name)), 4 * ROUNDS, "system calls")
    within(told.total("lock", name), 3 * ROUNDS * NS * 0.99, told.truth["outer_ns"] + told.truth["inner_ns"], "lock")
    within(told.total("sleep", name), ROUNDS * NS * 0.99, told.truth["beside_ns"], "sleep")


@case()
def their_probes_cost_is_none_of_the_span_s(t):
    """Hundreds of calls of a wait that does nothing: what their probes took is taken out of each span, as far as
    it has so much."""
    told = Told(t, "busy", "lock=hot_wait")
    overhead = told.tracer.final()["overhead"]
    probes = overhead["hits"] * overhead["ns_per_hit"] / ROUNDS
    check(overhead["hits"] > 2 * 400 * ROUNDS, f"hits of the wait's probes are counted: {overhead}")
    spans = told.spans()
    equal(max((span["duration_ns"] for span in spans), default=0), told.tracer.component("whole")["max_ns"],
          "most that is left of a call; those of which nothing is are not slower than 1 ns")
    whole = told.tracer.component("whole")
    unseen = whole["raw_avg_ns"] * ROUNDS - sum(span["raw_ns"] for span in spans)
    check(unseen <= 1.25 * probes * (ROUNDS - len(spans)) + ROUNDS,
          f"{unseen} ns of calls of which nothing is left, {probes} being the probes' of each")
    t.note(f"{len(spans)} of {ROUNDS} calls have something left; the probes took {probes:.0f} ns of each")
    for span in spans:
        taken = span["raw_ns"] - span["duration_ns"]
        check(taken >= 0.8 * probes or span["duration_ns"] == 0, f"{taken} ns of {span['raw_ns']} are the probes', of {probes}")


@case(60)
def waker_of_a_wait(t):
    """A poll that another thread ends, in a function that is a wait for a lock: who ended it is told still, with the
    span that it was in, be it in a wait itself."""
    run = Run(t, "handoff_poll", 4, 400, "--ns", "2ms", probes=["pass_word"],
              lapse=["--wait", "lock=wait_handoff_poll", "--wait", "other=pass_word"])
    for call in run.calls:
        call.blocked["lock"], call.blocked["handoff"] = call.blocked["handoff"], 0
    _is_slow_for(t, run, "lock")
    _woken_by(run, "lock", "passer", "pass_word")


# ---- said wrongly ------------------------------------------------------------------------------


def _refused(t, code, words, *arguments):
    tracer = t.lapse_ends(*arguments)
    equal(tracer.popen.returncode, code, f"exit code of {arguments}")
    text = tracer.last_words()
    check(words in text, f"no {words!r} in {text!r}")


@case()
def waits_that_cannot_be(t):
    target = t.target("waiting", "nested")
    whole = ("-p", target.pid, "whole", "-d", "1")
    _refused(t, 2, "nearest is 'lock'", "trace", *whole, "--wait", "lok=outer_wait")
    _refused(t, 2, "a wait without its cause", "trace", *whole, "--wait", "outer_wait")
    _refused(t, 2, "a wait is a function and nothing else", "trace", *whole, "--wait", "lock=syscall:futex")
    _refused(t, 2, "twice", "trace", *whole, "--wait", "lock=outer_wait", "--wait", "net=outer_wait")
    _refused(t, 4, "nearest is 'outer_wait'", "trace", *whole, "--wait", "lock=outr_wait")
    _refused(t, 2, "--no-why", "trace", *whole, "--no-why", "--wait", "lock=outer_wait")
    _refused(t, 2, "needs --why", "stat", *whole, "--wait", "lock=outer_wait")
    _refused(t, 2, "needs a probe", "trace", "-p", target.pid, "-d", "1", "--wait", "lock=outer_wait")
    target.go()
    target.done()
    target.finish()


@case()
def a_wait_of_goroutines(t):
    """They leave their threads when they block: nothing can be charged, which is said."""
    target = t.target("gowork", "hold", 20)
    tracer = t.lapse_ends("trace", "-p", target.pid, "main.held", "--wait", "lock=main.held", "-d", "100ms")
    text = "\n".join(tracer.err)
    check("main.held runs on stacks that its thread leaves" in text, f"no word of that in {text!r}")
    target.go()
    target.done()
    target.finish()


CONTRACT = """lapse: 1
components:
  whole: {measure: whole, contract: {max_latency: 1us}}
waits: {lock: [outer_wait], net: inner_wait}
"""


def _contract(t, text):
    path = t.path("contract.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


@case()
def waits_of_a_contract(t):
    target = t.target("waiting", "nested", "--rounds", ROUNDS, "--ns", f"{NS}ns")
    checked = t.lapse_ends("check", _contract(t, CONTRACT), "-p", target.pid)
    equal(checked.popen.returncode, 0, "exit code of check")
    text = "\n".join(checked.out)
    for words in ("blocks inside outer_wait counts as lock", "blocks inside inner_wait counts as net",
                  "wait outer_wait: outer_wait in waiting, by a return probe"):
        check(words in text, f"no {words!r} in {text!r}")
    tracer = t.lapse("watch", _contract(t, CONTRACT), "-p", target.pid, "--json")
    target.go()
    target.done()
    tracer.stop(code=1)
    parts = tracer.component("whole")["causes"][0]["parts"]
    within(parts["lock"] / parts["sleep"], 1.6, 2.4, f"two naps are lock, for one that is sleep, of {parts}")
    within(parts["net"] / parts["sleep"], 0.7, 1.4, f"one nap is net, for one that is sleep, of {parts}")
    target.finish()


@case()
def waits_of_a_contract_that_cannot_be(t):
    target = t.target("waiting", "nested")
    for wrong, code, words in (("lok: outer_wait", 2, ":4:9: unknown key 'lok', nearest is 'lock'"),
                               ("lock: []", 2, ":4:"), ("lock: outr_wait", 4, "nearest is 'outer_wait'"),
                               ("lock: [outer_wait, 'syscall:x']", 2, ":4:28: a wait for 'lock'"),
                               ("lock: outer_wait, net: outer_wait", 2, "is a wait for 'lock' already")):
        text = CONTRACT.replace("lock: [outer_wait], net: inner_wait", wrong)
        _refused(t, code, words, "check", _contract(t, text), "-p", target.pid)
    target.go()
    target.done()
    target.finish()
