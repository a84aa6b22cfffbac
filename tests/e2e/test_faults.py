# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong is said, with the exit code of the manual; nothing fails with 0."""

import json
import os
import re
import signal
import subprocess
import time

from harness import (BUILD, LAPSE, Process, case, check, conserved, equal, need, wait_until)

BESIDE = True  # harness.py

FINE = """lapse: 1
components:
  c:
    measure: work_push
    contract: {max_latency: 10s}
"""


def _says(tracer, *patterns):
    text = "\n".join(tracer.err)
    check(text.strip(), "nothing on standard error")
    for pattern in patterns:
        check(re.search(pattern, text), f"standard error lacks {pattern!r}: {text}")


def _refused(t, code, patterns, *args):
    tracer = t.lapse_ends(*args)
    equal(tracer.popen.returncode, code, f"exit code of lapse {' '.join(map(str, args))}; {tracer.last_words()}")
    equal(tracer.out, [], "standard output")
    _says(tracer, *patterns)
    return tracer


def _idle(t):
    return t.target("timed", "--calls", 10)


def _gone_pid():
    with subprocess.Popen(["true"]) as child:
        child.wait()
        return child.pid


@case()
def no_such_pid(t):
    pid = _gone_pid()
    _refused(t, 4, [str(pid)], "stat", "-p", pid, "work_push")


@case()
def no_process_at_all(t):
    """A thread of the kernel's, a zombie, a thread of a process: each is told what it is."""
    with subprocess.Popen(["true"]) as zombie:
        wait_until(lambda: open(f"/proc/{zombie.pid}/stat", encoding="utf-8").read().split(") ")[1][0] == "Z",
                   "a zombie")
        target = t.target("timed", "--calls", 10, "--threads", 2)
        thread = max(int(tid) for tid in os.listdir(f"/proc/{target.pid}/task"))
        check(thread != target.pid, "no second thread")
        for pid, words in ((2, "thread of the kernel's"), (zombie.pid, "has ended"),
                           (thread, f"is a thread of process {target.pid}: give -p {target.pid}, or -t {thread}")):
            for verb in (["stat", "work_push"], ["list"]):
                _refused(t, 4, [words], *verb, "-p", pid)


@case()
def a_process_without_its_first_thread(t):
    """It looks like a zombie, and works on."""
    python = t.process(need("python3"), "-c", "import ctypes, threading\n"
                       "threading.Thread(target=input).start()\n"
                       "ctypes.CDLL(None).pthread_exit(None)")
    wait_until(lambda: "Z (zombie)" in open(f"/proc/{python.pid}/status", encoding="utf-8").read(), "its end")
    for verb in (["stat", "libc:read"], ["list"], []):
        _refused(t, 4, [f"process {python.pid} goes on without its first thread"], *verb, "-p", python.pid)


@case()
def a_process_that_loses_its_first_thread(t):
    """Events of perf go with it, which is said; other attachments go on."""
    for kind, end in (("perf", "goes on without its first thread, with which its probes went"), ("multi", None)):
        python = t.process(need("python3"), "-c", "import ctypes, threading, time\n"
                           "threading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(int, 1)]).start()\n"
                           "input()\n"
                           "ctypes.CDLL(None).pthread_exit(None)")
        wait_until(lambda: len(os.listdir(f"/proc/{python.pid}/task")) == 2, "its threads")
        tracer = t.lapse("stat", "-p", python.pid, "libc:clock_nanosleep", "--attach", kind, "--json")
        python.send("\n")
        wait_until(lambda: "Z (zombie)" in open(f"/proc/{python.pid}/status", encoding="utf-8").read(), "its end")
        if end:
            equal(tracer.wait(), 0, "exit code")
            check(end in tracer.final()["end_reason"], tracer.final()["end_reason"])
            continue
        seen = len(tracer.objects("window"))
        wait_until(lambda: any(w["count"] for w in tracer.objects("window")[seen + 1:]), "calls after it")
        tracer.stop()


@case()
def digits_for_a_probe(t):
    target = _idle(t)
    _refused(t, 2, ["did you mean -p"], "stat", "-p", target.pid, "41822")


@case()
def unknown_function(t):
    target = _idle(t)
    _refused(t, 4, ["work_pusch", "work_push\\b"], "stat", "-p", target.pid, "work_pusch")


@case()
def functions_of_a_program_in_python(t):
    """They are none of its files': what can be measured instead is said."""
    python = t.process("/bin/sh", "-c", f"exec {need('python3')} -c 'input()'")
    wait_until(lambda: "python" in os.readlink(f"/proc/{python.pid}/exe"), "Python")
    for name in ("do_GET", "do_G*"):
        tracer = t.lapse_ends("stat", "-p", python.pid, name)
        equal(tracer.popen.returncode, 4, "exit code")
        _says(tracer, "functions of programs in Python cannot be probed by name.*loop.*syscall:NAME")
        check("stripped" not in "\n".join(tracer.err), "it advises debug symbols")


@case()
def unknown_library(t):
    target = _idle(t)
    _refused(t, 4, ["libv:", "libc"], "stat", "-p", target.pid, "libv:work_push")


@case()
def library_that_has_still_to_come(t):
    """Named like nothing that is mapped: it may be loaded later."""
    target = _idle(t)
    tracer = t.stat(target.pid, "libnone:work_push")
    check(any("libnone has not been loaded" in line for line in tracer.err), "it does not say what it waits for")
    tracer.stop(code=130)


@case()
def glob_without_match(t):
    target = _idle(t)
    _refused(t, 4, ["nothing_"], "stat", "-p", target.pid, "nothing_*")


@case()
def one_unknown_among_many(t):
    """One function that is not there warns; the others are traced."""
    target = t.target("timed", "--calls", 10)
    tracer = t.stat(target.pid, "work_push", "no_such_function")
    equal(tracer.probes, 1, "probes")
    check("no_such_function" in "\n".join(tracer.err), "it does not name the missing one")
    target.go()
    target.done()
    tracer.stop()
    equal(tracer.component("work_push")["count"], 10, "count")
    target.finish()


@case()
def bad_probe(t):
    """With a caret under the offending piece."""
    target = _idle(t)
    _refused(t, 2, [r"\^"], "stat", "-p", target.pid, "work_push err(int ret <)")


@case()
def bad_modifier(t):
    target = _idle(t)
    _refused(t, 2, [r"\^"], "stat", "-p", target.pid, "work_push erm(int ret < 0)")


@case()
def bad_duration(t):
    target = _idle(t)
    for flag, value in (("-d", "soon"), ("-i", "1lightyear"), ("-d", "-3"), ("-d", "")):
        _refused(t, 2, [], "stat", "-p", target.pid, "work_push", flag, value)
    _refused(t, 2, [], "trace", "-p", target.pid, "work_push", "--slower", "30")


@case()
def usage_errors(t):
    target = _idle(t)
    _refused(t, 2, [], "stat", "work_push")
    _refused(t, 2, ["frobnicate"], "frobnicate")
    _refused(t, 2, ["--no-such-option"], "stat", "-p", target.pid, "work_push", "--no-such-option")
    _refused(t, 2, [], "stat", "-p", "12x", "work_push")
    _refused(t, 2, [], "watch")
    _refused(t, 2, ["--comm"], "stat", "--comm", "", "work_push")
    _refused(t, 2, ["--exe"], "stat", "--exe", "", "work_push")


@case()
def help_and_version(t):
    for flag in ("--help", "--version"):
        tracer = t.lapse_ends(flag)
        equal(tracer.popen.returncode, 0, f"exit code of {flag}")
        check(tracer.out, f"{flag} says nothing on standard output")


BAD_FILES = {
    "syntax": ("lapse: 1\ncomponents: [\n", None),
    "unknown key": ("lapse: 1\ncomponents:\n  c:\n    measure: work_push\n    contrat: {max_latency: 1ms}\n", (5, 5)),
    "bare limit": ("lapse: 1\ncomponents:\n  c:\n    measure: work_push\n    contract: {max_latency: 30}\n", (5, 29)),
    "negative limit": ("lapse: 1\ncomponents:\n  c:\n    measure: work_push\n    contract: {max_latency: 0ms}\n", (5, 29)),
    "duplicate key": ("lapse: 1\nlapse: 1\n" + FINE[9:], (2, 1)),
    "null": ("lapse: 1\ncomponents:\n  c:\n    measure:\n    contract: {max_latency: 1ms}\n", (4, None)),
    "alias": ("lapse: 1\ncomponents:\n  c: &a\n    measure: work_push\n    contract: {max_latency: 1ms}\n", (3, None)),
    "unquoted probe": ("lapse: 1\ncomponents:\n  c: {measure: ns::f(int, long), contract: {max_latency: 1ms}}\n",
                       (3, None)),
    "no components": ("lapse: 1\n", None),
    "other version": ("lapse: 99\n" + FINE[9:], (1, 8)),
}


@case()
def bad_contract_files(t):
    """Each with file, line and column."""
    target = _idle(t)
    wrong = []
    for name, (text, place) in BAD_FILES.items():
        path = t.write("bad.yaml", text)
        tracer = t.lapse_ends("watch", path, "-p", target.pid)
        said = "\n".join(tracer.err)
        if tracer.popen.returncode != 2:
            wrong.append(f"{name}: exit code {tracer.popen.returncode}")
        found = re.search(r"bad\.yaml:(\d+):(\d+)", said)
        if not found:
            wrong.append(f"{name}: no line and column in {said!r}")
        elif place and (int(found[1]) != place[0] or place[1] not in (None, int(found[2]))):
            wrong.append(f"{name}: {found[0]} instead of {place}")
    check(not wrong, "; ".join(wrong))


@case()
def no_contract_file(t):
    target = _idle(t)
    _refused(t, 2, ["missing.yaml"], "watch", t.path("missing.yaml"), "-p", target.pid)


@case()
def contract_for_nobody(t):
    """No target in the file and none on the command line."""
    _refused(t, 2, [], "watch", t.write("c.yaml", FINE))


@case()
def handlers_in_a_file_that_others_may_write(t):
    target = _idle(t)
    path = t.write("c.yaml", FINE + "handlers:\n  - {when: '*', file: /dev/null}\n", 0o666)
    _refused(t, 2, ["writ"], "watch", path, "-p", target.pid)


@case()
def closed_output(t):
    """Like `lapse stat … | head -1`: it ends soon, by itself, and the target lives."""
    target = t.target("timed", "--calls", 2000, "--ns", "1ms")
    reader, writer = os.pipe()
    tracer = t.started(Process([LAPSE, "stat", "-p", target.pid, "work_push", "-i", "1"], stdin=subprocess.DEVNULL,
                               stdout=writer))
    os.close(writer)
    tracer.wait_line(r"^lapse: tracing", tracer.err)
    os.close(reader)
    target.go()
    code = tracer.wait()
    check(code != 0, "exit code 0 though nothing could be written")
    target.done()
    target.finish()


@case()
def output_that_nobody_reads(t):
    """A full pipe whose reader is asleep: it can be ended all the same, and the target lives."""
    target = t.target("timed", "--calls", 3000, "--ns", "5us")
    reader, writer = os.pipe()
    tracer = t.started(Process([LAPSE, "trace", "-p", target.pid, "work_push", "--slower", "1us"],
                               stdin=subprocess.DEVNULL, stdout=writer))
    os.close(writer)
    tracer.wait_line(r"^lapse: tracing", tracer.err)
    target.go()
    target.done()
    tracer.signal(signal.SIGTERM)
    equal(tracer.wait(), 2, "exit code")
    os.close(reader)
    target.finish()


WATCHED = """lapse: 1
alerts: {cooldown: 1ms}
components:
  quick: {measure: work_push, contract: {max_latency: 1us}}
  late: {measure: parent, contract: {max_latency: 10us}}
handlers:
  - {when: LATENCY_VIOLATION, file: "%s"}
"""


@case()
def alerts_do_not_wait_for_who_reads_the_output(t):
    """Nobody takes what is printed: a handler is told all the same, what found no room is counted, and it ends."""
    told = t.write("told", "", 0o666)
    contract = t.write("c.yaml", WATCHED % told)
    first = t.target("timed", "--calls", 60000, "--ns", "5us")
    late = t.target("timed", "--work", "parent", "--calls", 1, "--ns", "100us")
    reader, writer = os.pipe()
    tracer = t.started(Process([LAPSE, "watch", contract, "-p", first.pid, "-p", late.pid, "--json"],
                               stdin=subprocess.DEVNULL, stdout=writer))
    os.close(writer)
    tracer.wait_line(r"^lapse: tracing", tracer.err)
    first.go()
    first.done()
    late.go()
    late.done()

    def about_late():
        with open(told, encoding="utf-8") as file:
            return [line for line in file if '"late"' in line]

    wait_until(about_late, "the handler's line, while the output is full")
    tracer.signal(signal.SIGINT)
    with os.fdopen(reader, encoding="utf-8") as lines:
        final = json.loads(list(lines)[-1])
    equal(tracer.wait(), 1, "exit code")
    check(final["integrity"]["lines_dropped"] > 0, "no line found the box full")
    first.finish()
    late.finish()


@case()
def output_that_finds_no_room(t):
    target = _idle(t)
    pid = str(target.pid)
    contracts = t.write("fine.yaml", FINE)
    for words in (["list", "-p", pid], ["list", "-p", pid, "--json"], ["doctor"], ["doctor", "--json"],
                  ["check", contracts], ["--help"], ["--version"], ["--json-schema"], ["stat", "--help"],
                  ["stat", "-p", pid, "work_push", "-d", "300ms"], ["trace", "-p", pid, "work_push", "-d", "300ms"],
                  ["watch", "-p", pid, contracts, "-d", "300ms"]):
        for device in ("/dev/full", None):
            run = subprocess.run(["/bin/sh", "-c", f'exec "$0" "$@" >{device or "&-"}', LAPSE, *words],
                                 stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
            equal(run.returncode, 2, f"exit code of {' '.join(words)} > {device}; {run.stderr[-200:]}")
            check("cannot write the output: " + ("No space" if device else "Bad file") in run.stderr,
                  f"{' '.join(words)} > {device} said {run.stderr[-200:]!r}")


@case()
def unwritable_output(t):
    target = t.target("timed", "--calls", 10)
    with open("/dev/full", "w", encoding="ascii") as full:
        tracer = t.started(Process([LAPSE, "stat", "-p", target.pid, "work_push", "-d", "2"],
                                   stdin=subprocess.DEVNULL, stdout=full))
    code = tracer.wait()
    check(code != 0, "exit code 0 though nothing could be written")
    check(re.search("[Nn]o space|write|output", "\n".join(tracer.err)), f"it does not say why: {tracer.err}")
    target.go()
    target.done()
    target.finish()


@case()
def target_killed(t):
    """The target is gone in mid-run: a final report that names the cause."""
    target = t.target("timed", "--calls", 100000, "--ns", "1ms")
    tracer = t.stat(target.pid, "work_push")
    target.go()
    wait_until(lambda: any(w["count"] for w in tracer.objects("window")), "calls in a window")
    target.signal(signal.SIGKILL)
    target.wait()
    equal(tracer.wait(), 0, "exit code")
    final = tracer.final()
    conserved(final)
    check(final["components"]["work_push"]["count"] > 0, "no calls in the final report")
    check(final.get("end_reason") and str(target.pid) in final["end_reason"] + "\n".join(tracer.err),
          f"the cause is not named: {final.get('end_reason')!r}, {tracer.err}")


@case()
def target_killed_at_the_start(t):
    """Whenever it comes: what is said is that the process has ended."""
    for delay in range(0, 100, 10):
        target = _idle(t)
        tracer = t.lapse("stat", "-p", target.pid, "work_push", wait=False)
        t.wait_until(lambda lapse=tracer: os.path.exists(f"/proc/{lapse.pid}/maps"), "its start")
        time.sleep(delay / 1000)
        target.popen.kill()
        target.wait()
        check(tracer.wait() in (0, 4), f"exit code {tracer.popen.returncode}")
        said = "\n".join(tracer.err + tracer.out)
        check(re.search(rf"no process {target.pid}|process {target.pid} (has|was)", said), f"it said {said!r}")


@case()
def target_that_is_stopped(t):
    """What does not run must not look like what has nothing to do."""
    target = t.target("service", "idle")
    words = rf"process {target.pid} is stopped by a signal: kill -CONT {target.pid} lets it go on"
    target.signal(signal.SIGSTOP)
    wait_until(lambda: "T (stopped)" in open(f"/proc/{target.pid}/status", encoding="ascii").read(), "the stop")
    first = t.lapse_ends("-p", target.pid, "-d", "1s")
    first.wait_line(f"not idle but halted: {words}")
    t.lapse_ends("doctor", "-p", target.pid).wait_line("runs freely .*kill -CONT")
    tracer = t.lapse("stat", "-p", target.pid, "libc:malloc")
    tracer.wait_line(f"warning: {words}", tracer.err)
    tracer.wait_line(f"no call in 5 s: {words}", tracer.err)
    tracer.stop(signal.SIGINT, 130)
    target.signal(signal.SIGCONT)
    target.finish()


@case()
def target_that_another_traces(t):
    target = t.target("service", "idle")
    other = t.started(Process([need("strace"), "-o", "/dev/null", "-p", target.pid]))
    other.wait_line("attached", other.err)
    tracer = t.lapse("stat", "-p", target.pid, "libc:malloc")
    tracer.wait_line(rf"process {target.pid} is (traced|held) by strace/{other.pid} \(ptrace\)", tracer.err)
    tracer.stop(signal.SIGINT, 130)
    other.end()
    target.finish()


@case()
def target_ends(t):
    target = t.target("timed", "--calls", 100, "--ns", "10us")
    tracer = t.stat(target.pid, "work_push")
    target.go()
    target.done()
    target.finish()
    equal(tracer.wait(), 0, "exit code")
    equal(tracer.component("work_push")["count"], 100, "count")
    conserved(tracer.final())


@case()
def one_of_two_targets_ends(t):
    """It goes on as long as one is left."""
    one, two = (t.target("timed", "--calls", 100, "--ns", "10us") for _ in range(2))
    tracer = t.stat(f"{one.pid},{two.pid}", "work_push")
    one.go()
    one.done()
    one.finish()
    two.go()
    two.done()
    check(tracer.running(), "it ended with the first target")
    tracer.stop()
    equal(tracer.component("work_push")["count"], 200, "count")
    two.finish()


@case()
def interrupted_before_anything(t):
    """Nothing was measured: 130, with the final report all the same."""
    target = _idle(t)
    tracer = t.stat(target.pid, "work_push")
    tracer.stop(code=130)
    equal(tracer.component("work_push")["count"], 0, "count")


@case()
def without_privileges(t):
    """As an ordinary user: 4, and what is missing is named."""
    target = _idle(t)
    tracer = t.started(Process(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", LAPSE, "stat",
                                "-p", target.pid, "work_push"], stdin=subprocess.DEVNULL))
    code = tracer.wait()
    if code == 127 or not os.access(BUILD, os.X_OK):
        return
    equal(code, 4, f"exit code; {tracer.last_words()}")
    check(re.search("root|CAP_|permission|privilege", "\n".join(tracer.err), re.I), f"it says: {tracer.err}")


@case()
def hostile_name(t):
    """A command's name with escape sequences reaches the terminal defused."""
    import shutil
    from harness import TARGETS

    path = t.path("ev\x1b[31mil")
    shutil.copy(os.path.join(TARGETS, "timed"), path)
    target = t.target(path, "--calls", 5, "--ns", "2ms")
    tracer = t.lapse("trace", "-p", target.pid, "work_push", "--slower", "1ms")
    target.go()
    target.done()
    tracer.stop()
    check("\x1b[31m" not in "\n".join(tracer.out + tracer.err), "an escape sequence of the target came through")
    target.finish()
