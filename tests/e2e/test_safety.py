# SPDX-License-Identifier: GPL-2.0-or-later
"""Tracing must not hurt: targets that unwind, switch stacks or are locked up behave as if
nobody watched, under each verb. lapse may refuse (exit 4); it may not kill."""

import re
import signal

from harness import Lapse, Skip, case, check, conserved, counted, equal

BESIDE = True  # harness.py

WATCH = """lapse: 1
window: {{last: 100}}
components:
{components}
"""
COMPONENT = """  c{n}:
    measure: "{probe}"
    contract: {{max_latency: 60s}}
"""


def _command(t, verb, pid, probes):
    if verb == "watch":
        text = WATCH.format(components="".join(COMPONENT.format(n=n, probe=p) for n, p in enumerate(probes)))
        return ["watch", t.write("contract.yaml", text), "-p", pid, "--json"]
    if verb == "trace":
        return ["trace", "-p", pid, *probes, "--slower", "1ns", "--json"]
    return ["stat", "-p", pid, *probes, "--json"]


def _attach(t, verb, pid, probes):
    """The tracer, once it traces; None where it refused, with its reason."""
    tracer = t.started(Lapse(_command(t, verb, pid, probes), wait=False))
    try:
        tracer.wait_line(r"^lapse: tracing \d+ probes?\b", tracer.err)
    except Exception:
        equal(tracer.wait(), 4, f"exit code of lapse {verb}; {tracer.last_words()}")
        check(tracer.err, "it refused without a word")
        return None
    return tracer


def _truth(t, name, args):
    target = t.target(name, *args)
    target.go()
    truth = target.done()
    target.finish()
    return truth


def _unharmed(t, name, probes, *args, refusal=False):
    """Same output and exit code as untraced, under each verb; returns the tracers of stat."""
    plain = _truth(t, name, args)
    stat = None
    for verb in ("stat", "trace", "watch"):
        target = t.target(name, *args)
        tracer = _attach(t, verb, target.pid, probes)
        if not tracer:
            check(refusal, f"lapse {verb} refused to trace {name}")
            t.note(f"{verb} refused")
        target.go()
        equal(target.done(), plain, f"what {name} did under {verb}")
        if tracer:
            check(tracer.running(), f"lapse {verb} ended early; {tracer.last_words()}")
            tracer.stop(signal.SIGINT, None)
            conserved(tracer.final())
            if verb == "stat":
                stat = tracer
        target.finish()
    return stat, plain


@case(120)
def cxx_exceptions(t):
    tracer, truth = _unharmed(t, "thrower", ["outer", "inner"])
    counted(tracer.component("outer"), truth["returned"], "outer")
    counted(tracer.component("inner"), truth["returned"], "inner")
    equal(tracer.final()["integrity"]["entries"], 2 * truth["calls"], "entries")


@case(120)
def rust_panics(t):
    tracer, truth = _unharmed(t, "panicker", ["panic_through"])
    counted(tracer.component("panic_through"), truth["returned"], "panic_through")
    equal(tracer.final()["integrity"]["entries"], truth["calls"], "entries")


@case(120)
def cancellation_with_cleanup(t):
    """Attached before the first cancellation, when no unwinder is mapped yet."""
    tracer, truth = _unharmed(t, "canceller", ["blocked"], refusal=True)
    equal(truth["cleanups"], truth["cancelled"], "clean-ups")
    if tracer:
        counted(tracer.component("blocked"), truth["returned"], "blocked")


@case(120)
def cancellation_plain(t):
    """The first cancellation loads libgcc_s: what is called until that has been judged is missed."""
    tracer, truth = _unharmed(t, "canceller_plain", ["blocked"], refusal=True)
    if tracer:
        integrity = tracer.final()["integrity"]
        equal(integrity["entries"] + integrity["kernel_missed"], truth["calls"], "entries and misses")
        check(tracer.component("blocked")["count"] <= truth["returned"], "more returns than there were")


@case(120)
def fibers(t):
    tracer, truth = _unharmed(t, "fibers", ["switching"], refusal=True)
    if tracer:
        equal(tracer.final()["integrity"]["entries"], truth["calls"], "entries")


@case(120)
def fibers_of_a_static_program(t):
    """It imports nothing: that it switches stacks shows in what it has of the C library's."""
    tracer, truth = _unharmed(t, "fibers.static", ["switching"])
    equal(tracer.final()["integrity"]["entries"], truth["calls"], "entries")


@case(120)
def go_server(t):
    tracer, truth = _unharmed(t, "goserver", ["main.handleWork", "main.grow"])
    counted(tracer.component("main.handleWork"), truth["calls"], "main.handleWork")


@case(120)
def seccomp_later(t):
    tracer, truth = _unharmed(t, "jailed", ["confined"], refusal=True)
    if tracer:
        counted(tracer.component("confined"), truth["calls"], "confined")


@case(120)
def seccomp_before(t):
    tracer, truth = _unharmed(t, "jailed", ["confined"], "1000", "early", refusal=True)
    if tracer:
        counted(tracer.component("confined"), truth["calls"], "confined")


@case(120)
def longjmp_and_jumps(t):
    _unharmed(t, "jumper", ["nest_1", "nest_5", "tail_a", "tail_b", "self_jump"])


@case(120)
def deep_recursion(t):
    _unharmed(t, "deep", ["deep"], "--depth", "100", "--rounds", "50")


@case(120)
def attach_and_leave_repeatedly(t):
    """Probes come and go while the functions run; spans cut in two do no harm."""
    for name, probes, args in (("thrower", ["outer", "inner"], ["300000"]),
                               ("canceller", ["blocked"], ["20000"]),
                               ("hot", ["hot"], ["--calls", "3000000"])):
        target = t.target(name, *args)
        target.go()
        for _ in range(3):
            tracer = _attach(t, "stat", target.pid, probes)
            if not tracer:
                break
            t.wait_until(lambda lapse=tracer: lapse.objects("window") or not lapse.running(),
                         "a first window")
            tracer.stop(signal.SIGINT, None)
            conserved(tracer.final())
        truth = target.done(seconds=60)
        if name == "canceller":
            equal(truth["cleanups"], truth["cancelled"], "clean-ups")
        target.finish()


def _inside(t, what, rounds=50):
    return _unharmed(t, "inside", ["inside"], what, str(rounds), refusal=True)


@case(120)
def vector_instructions_come_first(t):
    """The kernel looks at their opcodes alone: a comparison would be skipped as a branch, or taken for a return."""
    with open("/proc/cpuinfo", encoding="ascii") as processors:
        if not re.search(r"^flags\b.*\bavx\b", processors.read(), re.MULTILINE):
            raise Skip("this processor has no vector instructions of that kind")
    tracer, truth = _unharmed(t, "vectors", ["compared_bytes", "compared_floats"])
    equal((truth["bytes"], truth["floats"]), (truth["calls"],) * 2, "right results")
    for function in ("compared_bytes", "compared_floats"):
        counted(tracer.component(function), truth["calls"], function)


@case(120)
def fork_inside(t):
    """The child comes back through the same function, with the parent's return probe on its
    stack; only the parent is meant."""
    tracer, truth = _inside(t, "fork")
    if tracer:
        counted(tracer.component("inside"), truth["returned"], "inside")


@case(120)
def spawn_inside(t):
    tracer, truth = _inside(t, "spawn")
    if tracer:
        counted(tracer.component("inside"), truth["returned"], "inside")


@case(120)
def exec_inside(t):
    """Fifty images one after the other under one PID; each leaves a call that never returns."""
    tracer, _ = _inside(t, "exec")
    if tracer:
        counted(tracer.component("inside"), 51, "inside")
        equal(tracer.final()["integrity"]["entries"], 101, "entries")


@case(120)
def thread_exit_inside(t):
    tracer, truth = _inside(t, "exit")
    if tracer:
        counted(tracer.component("inside"), truth["returned"], "inside")
        equal(tracer.final()["integrity"]["entries"], truth["entered"], "entries")


@case(120)
def jump_out_of_a_signal(t):
    tracer, truth = _inside(t, "sigjump")
    if tracer:
        counted(tracer.component("inside"), truth["returned"], "inside")
        equal(tracer.final()["integrity"]["entries"], truth["entered"], "entries")


@case(120)
def signal_on_another_stack(t):
    """The handler's frames lie above those that it interrupted."""
    tracer, truth = _inside(t, "altstack")
    if tracer:
        equal(tracer.final()["integrity"]["entries"], truth["entered"], "entries")


@case(120)
def unwinder_loaded_later(t):
    """No unwinder is mapped when the probes come; a C++ plug-in brings one and throws through
    the probed C function. What is called before the other probes are there is missed, and
    counted so."""
    tracer, truth = _unharmed(t, "plugger", ["through"], "20000")
    final = tracer.final()
    check(final["integrity"]["entries"] > 0, "not measured by return instructions afterwards")
    # Nothing goes unseen; what comes in the moment in which the one takes over from the other may be on both sides, and
    # how long that is depends on how soon lapse gets a processor.
    entries, missed = final["integrity"]["entries"], final["integrity"]["kernel_missed"]
    check(max(entries, missed) <= truth["calls"] <= entries + missed, f"{entries} entries, {missed} missed: {truth}")
    check("return instructions from now on" in tracer.last_words(), "it did not say so")


def _odd_function(t, name, probe, *args, refusal=True):
    """A function that is no call and return: probing it may be refused and must do no harm."""
    plain = _truth(t, name, args)
    target = t.target(name, *args)
    tracer = _attach(t, "stat", target.pid, [probe, "--yes"])
    check(tracer or refusal, f"it refused to trace {probe}")
    target.go()
    equal(target.done(), plain, f"what {name} did with {probe} probed")
    if tracer:
        tracer.stop(code=None)
        conserved(tracer.final())
    target.finish()


@case()
def setjmp_is_probed(t):
    """It returns more than once, to an address that it keeps a copy of."""
    _odd_function(t, "jumper", "libc:_setjmp", "--rounds", "100")


@case()
def sigsetjmp_is_probed(t):
    _odd_function(t, "inside", "libc:__sigsetjmp", "sigjump", "50")


@case()
def lazy_binding_is_probed(t):
    """There is no return address on the stack when it starts."""
    _odd_function(t, "timed", "ld-linux-x86-64:_dl_runtime_resolve*", "--calls", "100", "--threads", "2")


@case()
def signal_return_is_probed(t):
    """What is on the stack when it starts is a signal's frame."""
    _odd_function(t, "inside", "libc:__restore_rt", "altstack", "50")


@case()
def all_of_the_c_library_is_probed(t):
    _odd_function(t, "inside", "libc:*", "spawn", "20")


@case()
def all_of_the_math_library_is_probed(t):
    """It has functions for each sort of processor, with instructions that the kernel does not know."""
    _odd_function(t, "thrower", "libm:*", "300", refusal=False)


@case()
def all_of_the_loader_is_probed(t):
    _odd_function(t, "timed", "ld-linux-x86-64:*", "--calls", "100")


@case()
def all_of_a_program_is_probed(t):
    for name, args in (("timed", ["--calls", "200"]), ("jumper", ["--rounds", "100"]), ("thrower", ["300"])):
        _odd_function(t, name, "*", *args)
