# SPDX-License-Identifier: GPL-2.0-or-later
"""Components of one contract file that are measured in processes of their own each."""

import os
import shutil

from harness import TARGETS, case, check, conserved, counted, equal, wait_until, work
from test_cgroups import RUN, Groups
from test_tcp import Pair

BESIDE = True  # harness.py


def _contract(t, components, target=None):
    """A file of NAME: (PROBE, TARGET or None) that promise what always holds."""
    lines = ["lapse: 1"] + ([f"target: {target}"] if target else []) + ["components:"]
    for name, (probe, own) in components.items():
        lines += [f"  {name}:", f"    measure: '{probe}'", "    contract: {max_latency: 100s}"]
        lines += [f"    target: {own}"] if own else []
    return t.write("contract.yaml", "\n".join(lines) + "\n")


def _timed(t, calls, program="timed"):
    return t.target(program, "--calls", calls, "--ns", "5us")


def _copy(t, name):
    return shutil.copy(os.path.join(TARGETS, "timed"), t.path(name))


def _counts(tracer, **counts):
    for name, count in counts.items():
        counted(tracer.component(name), count, name)
    conserved(tracer.final())


@case()
def one_function_of_two_processes(t):
    """The same function of the same file is a component of its own in each, by every attachment; a third process
    is none's."""
    for kind in ("session", "multi", "perf"):
        first, second, other = _timed(t, 100), _timed(t, 200), _timed(t, 1000)
        path = _contract(t, {"one": ("work_push", f"{{pid: {first.pid}}}"), "two": ("work_push", f"{{pid: {second.pid}}}")})
        tracer = t.lapse("watch", path, "--json", f"--attach={kind}", "--no-why")
        work(other, first, second)
        equal(tracer.wait(), 0, f"exit code with {kind}")
        _counts(tracer, one=100, two=200)


@case()
def several_processes_each(t):
    """A component of several processes, one that has the file's target, and one of whom both are a part."""
    pair = [_timed(t, 100), _timed(t, 50)]
    single = _timed(t, 7)
    numbers = ", ".join(str(target.pid) for target in pair)
    path = _contract(t, {"pair": ("work_push", f"{{pid: [{numbers}]}}"), "files": ("work_push", None),
                         "both": ("work_push", f"{{pid: [{pair[0].pid}, {single.pid}]}}")}, f"{{pid: {single.pid}}}")
    tracer = t.lapse("watch", path, "--json")
    work(*pair, single)
    tracer.wait()
    _counts(tracer, pair=150, files=7, both=107)


@case()
def each_way(t):
    """By unit, by name and by program, of which one is not there when tracing begins."""
    groups = Groups(t)
    unit = groups.make(f"lapse-parts{RUN}.service")
    named, program = _copy(t, f"lapset{RUN}"), _copy(t, "lapse-t-program")
    path = _contract(t, {"unit": ("work_push", f"{{unit: lapse-parts{RUN}}}"), "name": ("work_push", f"{{comm: lapset{RUN}}}"),
                         "program": ("work_push", f"{{exe: {program}}}")})
    of_unit = groups.target(unit, "timed", "--calls", 100, "--ns", "5us")
    of_name, other = _timed(t, 200, named), _timed(t, 1000)
    tracer = t.lapse("watch", path, "--json")
    of_program = _timed(t, 50, program)
    work(of_unit, of_name, other, of_program)
    tracer.stop(code=None)
    missed = tracer.final()["integrity"]["kernel_missed"]
    check(missed <= 50, "more was missed than the late program calls")
    _counts(tracer, unit=100, name=200, program=50 - missed)


@case()
def component_that_waits_for_its_processes(t):
    """Nobody is in its unit yet; what comes there is measured, and nothing of it elsewhere."""
    groups = Groups(t)
    unit = groups.make(f"lapse-waits{RUN}.service")
    present = _timed(t, 100)
    path = _contract(t, {"present": ("work_push", f"{{pid: {present.pid}}}"), "late": ("work_push", f"{{unit: lapse-waits{RUN}}}")})
    tracer = t.lapse("watch", path, "--json")
    check(any("nobody runs yet that late is measured in" in line for line in tracer.err), tracer.last_words())
    late = groups.target(unit, "timed", "--calls", 100, "--ns", "5ms")
    tracer.wait_line(rf"tracing \d more probes? in PID {late.pid}", tracer.err)
    work(present, late)
    check(tracer.running(), "it ended with one of its processes")
    tracer.stop(code=None)
    missed = tracer.final()["integrity"]["kernel_missed"]
    check(missed < 100, "all was missed")
    _counts(tracer, present=100, late=100 - missed)


@case()
def system_calls_and_connections(t):
    """What is no function has targets too: a server's reads are not its client's."""
    pair = Pair(t, "plain", "--connections", 2, "--calls", 10)
    components = {"asked": ("tcp:request", f"{{pid: {pair.asker.pid}}}"), "served": ("tcp:serve", f"{{pid: {pair.answerer.pid}}}"),
                  "nobody": ("tcp:request", f"{{pid: {pair.answerer.pid}}}"),
                  "sends": ("syscall:sendto", f"{{pid: {pair.asker.pid}}}")}
    tracer = t.lapse("watch", _contract(t, components), "--json")
    pair.asker.go()
    pair.asker.done()
    pair.answerer.go()
    pair.answerer.done()
    tracer.stop(code=3)  # of nobody nothing is known
    _counts(tracer, asked=20, served=20, nobody=0)
    check(tracer.component("sends")["count"] >= 20, "sends of the client are missing")


@case()
def the_options_target(t):
    """-p takes the place of the file's target, not of a component's own."""
    own, given, other = _timed(t, 10), _timed(t, 20), _timed(t, 1000)
    path = _contract(t, {"own": ("work_push", f"{{pid: {own.pid}}}"), "files": ("work_push", None)}, f"{{pid: {other.pid}}}")
    tracer = t.lapse("watch", path, "-p", given.pid, "--json")
    work(other, own, given)
    tracer.wait()
    _counts(tracer, own=10, files=20)


@case()
def explained(t):
    """check says in words which processes are meant, and finds the probes in those."""
    first, second = _timed(t, 1), t.target("jumper")
    path = _contract(t, {"one": ("work_push", f"{{pid: {first.pid}}}"), "two": ("nest_1", f"{{comm: jumper}}"),
                         "three": ("work_push", "{unit: lapse-never-there}")})
    checked = t.lapse_ends("check", path)
    equal(checked.popen.returncode, 0, "exit code")
    text = "\n".join(checked.out)
    for words in (f"one measures work_push in process {first.pid}", "two measures nest_1 in every process named jumper",
                  "three measures work_push in every process of unit lapse-never-there.service",
                  f"now {first.pid} (timed)", f"{second.pid} (jumper)",
                  "every process of unit lapse-never-there.service; now there is none.", "one: work_push in timed",
                  "two: nest_1 in jumper"):
        check(words in text, f"no {words!r} in {text}")
    wrong = t.lapse_ends("check", _contract(t, {"one": ("nest_1", f"{{pid: {first.pid}}}"), "two": ("nest_1", "{comm: jumper}")}))
    equal(wrong.popen.returncode, 4, "exit code for a function that its own process does not have")
    check(any("component 'one' cannot be measured" in line for line in wrong.err), wrong.last_words())
    check(not any("component 'two'" in line for line in wrong.err), wrong.last_words())


@case()
def without_a_target(t):
    first = _timed(t, 1)
    path = _contract(t, {"one": ("work_push", f"{{pid: {first.pid}}}"), "two": ("work_push", None)})
    for verb in ("check", "watch"):
        ended = t.lapse_ends(verb, path)
        equal(ended.popen.returncode, 2, f"exit code of {verb}")
        check(any("contract.yaml:7:3: component 'two' has no target, and neither has the file" in line for line in ended.err), ended.last_words())
    ended = t.lapse_ends("watch", path, "-p", first.pid, "--follow")
    equal(ended.popen.returncode, 2, "exit code for --follow")
    check("--follow does not go with components" in ended.err[-1], ended.last_words())
