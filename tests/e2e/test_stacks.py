# SPDX-License-Identifier: GPL-2.0-or-later
"""Where slow calls waited: stacks through code that keeps no frame pointers."""

import json
import os
import re
import signal
import subprocess

from harness import TARGETS, bpf_objects, case, check, conserved, equal, need, seen_to_come_back, wait_until
from test_postgres import Server
from test_redis import _redis
from test_why_servers import Session

CHAIN = ["check_risk", "handle_order", "work", "start_thread"]


def _names(stack):
    """The functions; what stands in brackets stays whole."""
    return [frame if frame.startswith("[") else re.sub(r"\+0x[0-9a-f]+$", "", frame) for frame in stack]


def _traced(t, program, kind, *arguments, options=(), calls=8, duration="5ms"):
    """The stacks of the slow calls of unframed, and what lapse said."""
    target = t.target(program, kind, calls, duration, *arguments)
    probes = [] if program.endswith(".stripped") else ["handle_order"]
    tracer = t.lapse("trace", "-p", target.pid, "--slower", "2ms", "--json", *(probes or ["syscall:clock_nanosleep"]),
                     *options)
    target.go()
    target.done()
    tracer.stop()
    conserved(tracer.final())
    target.finish()
    spans = [span for span in tracer.objects("span") if not span["open"]]
    equal(len(spans), calls, "slow calls")
    seen = seen_to_come_back([span["longest_wait"] for span in spans])
    return [_names(wait["stack"]) for wait in seen], tracer.err


def _ends_with(stack, wanted):
    """One right after the other, and then only what libc begins threads with."""
    check(wanted[0] in stack, f"{wanted[0]} in {stack}")
    at = stack.index(wanted[0])
    equal(stack[at:at + len(wanted)], wanted, f"callers in {stack}")
    check(all("clone" in name for name in stack[at + len(wanted):]), f"the thread's beginning in {stack}")


@case()
def of_a_system_call(t):
    for stack in _traced(t, "unframed", "sleep")[0]:
        _ends_with(stack, ["await_sleep", *CHAIN])
        check("nanosleep" in "".join(stack[:stack.index("await_sleep")]), f"the system call in {stack}")


@case()
def of_a_lock(t):
    for stack in _traced(t, "unframed", "lock")[0]:
        _ends_with(stack, ["await_lock", *CHAIN])
        check(any("mutex_lock" in name for name in stack), f"the lock in {stack}")


@case()
def of_a_page_fault(t):
    """No system call ends there."""
    for stack in _traced(t, "unframed", "fault")[0]:
        _ends_with(stack, ["await_fault", *CHAIN])


@case()
def of_a_program_at_a_fixed_place(t):
    for stack in _traced(t, "unframed.no_pie", "sleep")[0]:
        _ends_with(stack, ["await_sleep", *CHAIN])


@case()
def without_names(t):
    """The callers are there, each with what a debugger needs to name it."""
    build_id = re.search(r"Build ID: ([0-9a-f]+)", subprocess.run(
        ["readelf", "-n", f"{TARGETS}/unframed.stripped"], capture_output=True, text=True, check=True).stdout)[1]
    symbols = subprocess.run(["nm", "-S", f"{TARGETS}/unframed"], capture_output=True, text=True, check=True).stdout
    ranges = {line.split()[3]: (int(line.split()[0], 16), int(line.split()[1], 16)) for line in symbols.splitlines()
              if len(line.split()) == 4}
    for stack in _traced(t, "unframed.stripped", "sleep")[0]:
        found = [re.fullmatch(r"\[unknown: unframed.stripped is stripped\] at unframed.stripped\+0x([0-9a-f]+), "
                              rf"build-id {build_id}", frame) for frame in stack]
        places = [int(match[1], 16) for match in found if match]
        names = [name for place in places for name, (start, size) in ranges.items() if start <= place < start + size]
        equal(names[-4:], ["await_sleep", "check_risk", "handle_order", "work"], f"functions at the places of {stack}")
        check(any("start_thread" in name for name in stack), f"the thread's beginning in {stack}")


@case()
def frames_in_pieces(t):
    """Beside the words, each frame in pieces, of named functions too: the file's build-id and the address in it."""
    build_id = re.search(r"Build ID: ([0-9a-f]+)", subprocess.run(
        ["readelf", "-n", f"{TARGETS}/unframed"], capture_output=True, text=True, check=True).stdout)[1]
    symbols = subprocess.run(["nm", "-S", f"{TARGETS}/unframed"], capture_output=True, text=True, check=True).stdout
    ranges = {line.split()[3]: (int(line.split()[0], 16), int(line.split()[1], 16)) for line in symbols.splitlines()
              if len(line.split()) == 4}
    target = t.target("unframed", "sleep", 4, "5ms")
    tracer = t.lapse("trace", "-p", target.pid, "--slower", "2ms", "--json", "handle_order")
    target.go()
    target.done()
    tracer.stop()
    target.finish()
    own = 0
    for wait in seen_to_come_back([span["longest_wait"] for span in tracer.objects("span")]):
        equal(len(wait["frames"]), len(wait["stack"]), "frames and texts")
        for frame, text in zip(wait["frames"], wait["stack"]):
            if frame["name"]:
                check(text.split("+0x")[0] == frame["name"], f"{text} is {frame}")
            if not (frame["file"] or "").endswith("/unframed"):
                continue
            own += 1
            equal(frame["build_id"], build_id, f"build-id of {text}")
            start, size = ranges[frame["name"]]
            address = int(frame["address"], 16)
            check(start <= address < start + size, f"{address:#x} is not in {frame['name']}")
            # A return address belongs to the call before it.
            check(address - start in (frame["offset"], frame["offset"] - 1), f"the offset of {frame}")
        kernel = [frame for frame in wait["frames"] if frame["file"] == "[kernel]"]
        check(kernel and all(frame["build_id"] is None and frame["address"] is None for frame in kernel),
              f"the kernel's frames in {wait['frames']}")
    check(own >= 4, f"only {own} frames of its own")


@case()
def deeper_than_what_is_copied(t):
    """Frame pointers lead nowhere either: it says so."""
    for stack in _traced(t, "unframed", "sleep", 20000)[0]:
        equal(stack[-2:], ["check_risk", "[truncated: only 16384 bytes of the stack were copied]"], "its end")


@case()
def less_is_copied_if_asked(t):
    for stack in _traced(t, "unframed", "sleep", 5000, options=["--stack-size", "4KiB"])[0]:
        equal(stack[-2:], ["check_risk", "[truncated: only 4096 bytes of the stack were copied]"], "its end")


@case()
def none_is_copied_if_asked(t):
    for stack in _traced(t, "unframed", "sleep", options=["--stack-size", "0"])[0]:
        equal(stack[-1], "[unknown: no frame pointers, and stacks are not copied]", "its end")
        check("handle_order" not in stack, f"a caller that cannot be known in {stack}")


@case()
def of_long_waits_alone(t):
    """A wait that could not have made its call slow costs no look: here of calls that are shown for their errors."""
    target = t.target("causes", "sleep", "--calls", 20, "--ns", "5ms")
    tracer = t.lapse("trace", "-p", target.pid, "wait_sleep err(long ret != 123456789)", "--slower", "10s", "--json")
    target.go()
    target.done()
    tracer.stop()
    target.finish()
    waits = [span["longest_wait"] for span in tracer.objects("span") if span["longest_wait"]]
    check(len(waits) >= 15, f"calls that failed, with their waits: {len(waits)}")
    for wait in seen_to_come_back(waits):
        equal(wait["cause"], "sleep", "the cause")
        equal(wait["stack"], ["[unknown: the wait was too short for its stack to be looked at]"], "its stack")


def _looked_at(tracer):
    """How many stacks were in the second in which the last one was."""
    number = next(one["id"] for one in bpf_objects(tracer, "map") if one["name"].endswith(".bss"))
    dump = json.loads(subprocess.run([need("bpftool"), "-j", "map", "dump", "id", str(number)], capture_output=True,
                                     text=True, check=True, timeout=20).stdout)
    variables = {name: value for section in dump[0]["formatted"]["value"].values() for variable in section
                 for name, value in variable.items()}
    return variables["stacks_taken"]


TWO_LIMITS = """lapse: 1
components:
  patient:
    measure: handle_order
    contract: {max_latency: %s}
  hasty:
    measure: %s
    contract: {max_latency: 2ms}
"""


def _looked_at_under(t, limit, inner, reloaded=None):
    target = t.target("unframed", "sleep", 4, "5ms")
    path = t.write("two.yaml", TWO_LIMITS % (limit, inner))
    tracer = t.lapse("watch", path, "-p", target.pid)
    if reloaded:
        t.write("two.yaml", TWO_LIMITS % (reloaded, inner))
        tracer.signal(signal.SIGHUP)
        tracer.wait_line("was read anew", tracer.err)
    target.go()
    target.done()
    looked_at = _looked_at(tracer)
    tracer.stop(code=None)
    target.finish()
    return looked_at


@case()
def of_waits_that_count_for_their_own_span(t):
    """What makes one function slow is nothing to another one's caller: no stack is looked at for it."""
    equal(_looked_at_under(t, "10s", "await_lock"), 0, "stacks, with the hasty one elsewhere")
    check(_looked_at_under(t, "10s", "check_risk") > 0, "no stack though the hasty one waits inside the patient one")
    check(_looked_at_under(t, "10s", "await_lock", reloaded="8ms") > 0, "no stack under the limit that was reloaded")


@case(90)
def more_than_the_budget(t):
    """What is not copied is counted, and said of each."""
    stacks, said = _traced(t, "unframed", "sleep", calls=250, duration="2500us")
    over = [stack for stack in stacks if stack[-1] == "[unknown: over the budget of 50 stacks a second]"]
    whole = [stack for stack in stacks if "handle_order" in stack]
    check(len(over) > 0 and len(whole) >= 50, f"{len(whole)} whole and {len(over)} over the budget of {len(stacks)}")
    counts = [int(match[1]) for line in said
              if (match := re.match(r"lapse: the stacks of (\d+) long waits were not copied", line))]
    check(len(counts) == 1 and counts[0] >= len(over), f"{len(over)} over the budget by {said}")
    others = [stack for stack in stacks if stack not in over and stack not in whole]
    equal(others, [], "stacks that are neither whole nor explained so")
    for stack in whole:
        _ends_with(stack, ["await_sleep", *CHAIN])


@case()
def of_a_process_that_has_ended(t):
    """It is over before the span is read: what it had mapped was read at the beginning."""
    target = t.target("unframed", "sleep", 1, "20ms")
    tracer = t.lapse("trace", "-p", target.pid, "--slower", "2ms", "--json", "handle_order")
    tracer.signal(19)
    target.go()
    target.done()
    target.finish()
    tracer.signal(18)
    tracer.wait()
    spans = tracer.objects("span")
    equal(len(spans), 1, "slow calls")
    _ends_with(_names(spans[0]["longest_wait"]["stack"]), ["await_sleep", *CHAIN])


@case()
def of_redis_as_it_is_distributed(t):
    process, client, _ = _redis(t, "--enable-debug-command", "yes")
    tracer = t.lapse("trace", "-p", process.pid, "call", "--slower", "100ms", "--json")
    client("DEBUG", "SLEEP", "0.3")
    tracer.stop()
    spans = [span for span in tracer.objects("span") if span["component"] == "call" and not span["open"]]
    equal(len(spans), 1, "slow commands")
    names = _names(spans[0]["longest_wait"]["stack"])
    equal([name for name in names if name in ("debugCommand", "call", "processCommand", "aeMain", "main", "_start")],
          ["debugCommand", "call", "processCommand", "aeMain", "main", "_start"], f"callers in {names}")


def _whole(tracer):
    """The stacks of waits that have ended, and could be unwound in the time there is for one."""
    stacks = [span["longest_wait"]["stack"] for span in tracer.objects("span") if not span["open"]]
    return [stack for stack in stacks if not stack[-1].startswith("[truncated: unwinding took")]


@case()
def of_code_made_at_run_time(t):
    """Node's compiler leaves no rules, but keeps frame pointers; what is C++ has rules, and keeps none. All is compiled
    at once: what is interpreted has no name of its own."""
    script = t.write("waits.js", """
        const cell = new Int32Array(new SharedArrayBuffer(4));
        function innerWait() { Atomics.wait(cell, 0, 0, 40); }
        function outerCall() { innerWait(); }
        function turn() { outerCall(); setTimeout(turn, 10); }
        turn();
        console.log("begun");
    """)
    node = t.process(need("node"), "--perf-basic-prof", "--always-sparkplug", script, cwd=os.path.dirname(script))
    t.defer(lambda: os.path.exists(f"/tmp/perf-{node.pid}.map") and os.unlink(f"/tmp/perf-{node.pid}.map"))
    node.wait_line("^begun$")
    tracer = t.lapse("trace", "-t", node.pid, "syscall:futex", "--slower", "20ms", "--json")
    # The first takes the longest: all rules of so large a program are read for it.
    wait_until(lambda: _whole(tracer), "a slow wait whose stack was unwound in its time")
    tracer.stop()
    names = _names(_whole(tracer)[0])
    wanted = ["innerWait", "outerCall", "turn", "uv__run_timers", "node::Start", "_start"]
    found = [want for name in names for want in wanted if want in re.split(r"[\s(^*~]", name)]
    equal(found, wanted, f"callers in {names}")


@case(120)
def of_a_row_s_lock(t):
    server = Server(t, "fsync=off")
    server.sql("CREATE TABLE t (i int, n int); INSERT INTO t VALUES (1, 0)")
    holder, waiter = Session(t, server), Session(t, server)
    tracer = t.lapse("trace", "-p", waiter.backend, "PortalRun", "--slower", "100ms", "--json")
    holder.do("BEGIN; UPDATE t SET n = n + 1 WHERE i = 1;", "updated")
    waiter.say("UPDATE t SET n = n + 1 WHERE i = 1;\n\\echo got it")
    # The waiter is in its lock's queue: then it waits for as long as this takes.
    for _ in range(3):
        server.sql("SELECT pg_sleep(0.1)")
    holder.do("COMMIT;", "committed")
    waiter.process.wait_line("^got it$")
    tracer.stop()
    spans = [span for span in tracer.objects("span") if span["component"] == "PortalRun" and not span["open"]]
    equal(len(spans), 1, "slow updates")
    names = _names(spans[0]["longest_wait"]["stack"])
    wanted = ["epoll_wait", "WaitLatch", "ProcSleep", "LockAcquireExtended", "heap_update", "PortalRun", "PostgresMain",
              "PostmasterMain", "main", "_start"]
    equal([name for name in names if name in wanted], wanted, f"callers in {names}")
    for session in (holder, waiter):
        session.leave()
