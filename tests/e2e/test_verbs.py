# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person and a program get to read: tables, lines, JSON that keeps to its schema, and the
verbs that attach nothing."""

import json
import os
import re

from harness import ROOT, case, check, counted, equal, instead_of, processors, within

BESIDE = True  # harness.py

TRADING = os.path.join(ROOT, "contracts", "trading.yaml")


# ---- JSON and its schema -------------------------------------------------------------------

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "number": (int, float),
         "integer": int}


def _is(value, kind):
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, TYPES[kind])


def _faults(value, schema, path):
    """What of VALUE breaks SCHEMA; of JSON Schema as much as lapse uses."""
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [f"{path}: {value!r} is no {' or '.join(kinds)}"]
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        found.append(f"{path}: {value!r} does not match {schema['pattern']}")
    if "minimum" in schema and isinstance(value, (int, float)) and value < schema["minimum"]:
        found.append(f"{path}: {value} is below {schema['minimum']}")
    if isinstance(value, dict):
        found += [f"{path}: no {key}" for key in schema.get("required", []) if key not in value]
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, inner in value.items():
            if key in known:
                found += _faults(inner, known[key], f"{path}.{key}")
            elif isinstance(others, dict):
                found += _faults(inner, others, f"{path}.{key}")
            else:
                found.append(f"{path}.{key} is not in the schema")
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for n, inner in enumerate(value):
            found += _faults(inner, schema["items"], f"{path}[{n}]")
    return found


def _keep_to_schema(t, objects):
    text = "\n".join(t.lapse_ends("--json-schema").out)
    kinds = {kind["properties"]["type"]["const"]: kind for kind in json.loads(text)["oneOf"]}
    seen = set()
    for thing in objects:
        check(thing["type"] in kinds, f"type {thing['type']} is not in the schema")
        seen.add(thing["type"])
        faults = _faults(thing, kinds[thing["type"]], thing["type"])
        check(not faults, "; ".join(faults[:3]))
    return seen


@case()
def json_of_stat(t):
    target = t.target("timed", "--calls", 1500, "--ns", "1ms")
    tracer = t.lapse("stat", "-p", target.pid, "work_push", "-i", "1", "--json")
    target.go()
    target.done()
    tracer.stop()
    equal(_keep_to_schema(t, tracer.objects()), {"window", "final"}, "types")
    target.finish()


@case()
def json_of_trace(t):
    target = t.target("timed", "--calls", 50, "--ns", "1ms,3ms")
    tracer = t.lapse("trace", "-p", target.pid, "work_push", "--slower", "2ms", "--json")
    target.go()
    target.done()
    tracer.stop()
    check("span" in _keep_to_schema(t, tracer.objects()), "no span")
    spans = tracer.objects("span")
    check(25 <= len(spans) <= 35, f"{len(spans)} spans over 2 ms instead of about 25")
    check(all(s["pid"] == target.pid and s["comm"] == "timed" for s in spans), "whose spans are these?")
    counted(tracer.component("work_push"), 50, "work_push")
    target.finish()


@case()
def json_of_watch(t):
    target = t.target("timed", "--calls", 1500, "--ns", "100us,3ms")
    path = t.write("c.yaml", "lapse: 1\nalerts: {cooldown: 1s, resolve_after: 1s}\ncomponents:\n  w:\n"
                   "    measure: work_push\n    contract: {max_latency: 1ms, max_p50: 10s, max_p999: 1ms}\n")
    tracer = t.lapse("watch", path, "-p", target.pid, "--json", "-i", "1")
    target.go()
    target.done()
    t.wait_until(lambda: any(a["state"] == "resolved" for a in tracer.objects("alert")), "a resolution")
    t.wait_until(lambda: tracer.objects("health"), "a health line", 15)
    tracer.stop(code=1)
    seen = _keep_to_schema(t, tracer.objects())
    equal(seen, {"window", "violation", "alert", "health", "final"}, "types")
    target.finish()


@case()
def json_of_what_attaches_nothing(t):
    target = t.target("marked")
    listed = t.lapse_ends("list", "-p", target.pid, "*marked*", "--json").objects()
    listed += t.lapse_ends("list", "-p", target.pid, "marker:*", "--json").objects()
    plain = t.target("sdt")
    listed += t.lapse_ends("list", "-p", plain.pid, "usdt:*", "--json").objects()
    listed += t.lapse_ends("doctor", "--json").objects()
    equal(_keep_to_schema(t, listed), {"function", "marker", "usdt", "check"}, "types")


# ---- for the eye ---------------------------------------------------------------------------


@case()
def text_of_stat(t):
    target = t.target("timed", "--calls", 2500, "--ns", "1ms")
    tracer = t.lapse("stat", "-p", target.pid, "work_push", "-i", "1")
    target.go()
    target.done()
    tracer.stop()
    text = "\n".join(tracer.out)
    check(re.search(r"COUNT.*\n.*work_push$", text, re.M), "no table with the function's name last")
    check(re.search(r"\|\*+ *\|", text), "no histogram")
    check(re.search(r"2500 entries = 2500 returns \+ 0 in flight", text), "no integrity line")
    check("\x1b" not in text, "colours though the output is no terminal")
    target.finish()


@case()
def text_of_trace(t):
    target = t.target("timed", "--calls", 20, "--ns", "3ms")
    tracer = t.lapse("trace", "-p", target.pid, "work_push", "--slower", "2ms")
    target.go()
    target.done()
    tracer.stop()
    # A call that a tick finds open beyond the limit is shown then, and again when it returns.
    rows = [line for line in tracer.out
            if line.endswith("work_push") and "timed" in line and " open " not in line]
    equal(len(rows), 20, "lines of finished calls")
    check(all(str(target.pid) in row for row in rows), "lines without the PID")
    target.finish()


@case()
def what_the_host_kept_back(t):
    """Told at the end, where it is much: no span shows it."""
    stat = t.path("stat")
    for stolen, told in ((300, "the host kept back 30.00 % of the processors' time"), (5, None)):
        target = t.target("timed", "--calls", 5, "--ns", "1ms")
        processors(stat, 100, 0, 100, 700, 0, 0, 0, 100)
        tracers = [t.lapse("stat", "-p", target.pid, "work_push", *form, preexec_fn=lambda: instead_of("/proc/stat", stat))
                   for form in ((), ("--json",))]
        processors(stat, 200, 50, 250, 1400 - stolen, 0, 0, 0, 100 + stolen)
        target.go()
        target.done()
        for tracer in tracers:
            tracer.stop()
        within(tracers[1].final()["system"]["stolen_share"], stolen / 1000 - 1e-9, stolen / 1000 + 1e-9, "its share")
        last = tracers[0].out[-1]
        check((told or "observed") in last and ("host" in last) == (told is not None), f"the report ends with {last!r}")
        target.finish()


@case()
def units_and_times(t):
    target = t.target("timed", "--calls", 1500, "--ns", "1ms")
    tracer = t.lapse("stat", "-p", target.pid, "work_push", "-i", "1", "-m", "-T")
    target.go()
    target.done()
    tracer.stop()
    text = "\n".join(tracer.out)
    check("(ms)" in text and "(us)" not in text, "-m does not give milliseconds")
    check(re.search(r"^\d\d:\d\d:\d\d", text, re.M), "-T does not give times")
    target.finish()


@case()
def one_thread_alone(t):
    """-t names a thread: of four that call, its calls alone are counted, and what their probes cost is measured."""
    target = t.target("timed", "--threads", 4, "--calls", 300, "--ns", "20us", "--gap", "1ms")
    tids = sorted(int(tid) for tid in os.listdir(f"/proc/{target.pid}/task"))
    tracer = t.lapse("stat", "-t", tids[-1], "work_push", "--json")
    target.go()
    target.done()
    tracer.stop()
    counted(tracer.component("work_push"), 300, "calls of one thread")
    check(tracer.final()["overhead"]["ns_per_hit"] > 20, f"no cost of probes: {tracer.final()['overhead']}")
    target.finish()


@case()
def one_thread_that_ends(t):
    """Nothing is left to be measured then, whatever its process goes on with."""
    target = t.target("timed", "--threads", 4, "--calls", 100, "--ns", "20us")
    tids = sorted(int(tid) for tid in os.listdir(f"/proc/{target.pid}/task"))
    tracer = t.lapse("stat", "-t", tids[-1], "work_push", "--json")
    target.go()
    target.done()
    equal(tracer.wait(), 0, "exit code")
    equal(tracer.final()["end_reason"], f"thread {tids[-1]} has ended", "reason")
    counted(tracer.component("work_push"), 100, "calls of one thread")
    target.finish()


@case()
def breaches_that_fail(t):
    """--fail-on leaves lesser breaches out of the verdict, not out of the counts."""
    for severity, fail_on, code in (("warning", "critical", 0), ("warning", "warning", 1), ("critical", "critical", 1),
                                    ("notice", "warning", 0), ("notice", "notice", 1)):
        target = t.target("timed", "--calls", 30, "--ns", "2ms")
        path = t.write("c.yaml", "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n"
                       f"    contract: {{max_latency: {{limit: 1ms, severity: {severity}}}}}\n")
        tracer = t.lapse("watch", path, "-p", target.pid, "--json", "--fail-on", fail_on)
        target.go()
        target.done()
        tracer.stop(code=code)
        equal(tracer.component("w")["violations"], 30, f"violations of severity {severity}")
        equal(tracer.final()["verdict"], "violated" if code else "held", f"verdict of {severity} under {fail_on}")
        target.finish()
    refused = t.lapse_ends("watch", path, "-p", "1", "--fail-on", "severe")
    equal(refused.popen.returncode, 2, "exit code of a severity that there is not")


# ---- verbs that attach nothing -------------------------------------------------------------


@case()
def listing(t):
    target = t.target("jumper")
    tracer = t.lapse_ends("list", "-p", target.pid, "nest_*")
    equal(tracer.popen.returncode, 0, "exit code")
    for level in range(1, 6):
        check(any(line.split()[-1:] == [f"nest_{level}"] for line in tracer.out), f"nest_{level} is not listed")
    check(not any("tail_a" in line for line in tracer.out), "the pattern does not filter")


@case()
def listing_as_json(t):
    target = t.target("names")
    tracer = t.lapse_ends("list", "-p", target.pid, "*trade::*", "--json")
    equal(tracer.popen.returncode, 0, "exit code")
    names = {thing["function"] for thing in tracer.objects("function")}
    check("trade::risk::check(long)" in names, f"names are not demangled: {sorted(names)[:5]}")


@case()
def listing_nothing(t):
    target = t.target("jumper")
    tracer = t.lapse_ends("list", "-p", target.pid, "no_such_*")
    check(tracer.popen.returncode != 0, "exit code 0 though nothing matches")


@case()
def checking(t):
    """Explained in words; the target's memory stays as it is."""
    tracer = t.lapse_ends("check", TRADING)
    equal(tracer.popen.returncode, 0, "exit code")
    text = "\n".join(tracer.out)
    for name in ("tokenValidator", "rpcConnection", "batchOptimizer", "httpClient", "endToEnd"):
        check(name in text, f"{name} is not explained")


@case()
def checking_against_a_process(t):
    """A function that the process lacks is told of."""
    target = t.target("timed")
    tracer = t.lapse_ends("check", TRADING, "-p", target.pid)
    equal(tracer.popen.returncode, 4, "exit code")
    check("validate_token" in "\n".join(tracer.out + tracer.err), "the missing function is not named")


@case()
def doctor(t):
    target = t.target("thrower")
    tracer = t.lapse_ends("doctor", "-p", target.pid)
    equal(tracer.popen.returncode, 0, "exit code")
    text = "\n".join(tracer.out)
    check("CAP_BPF" in text and str(target.pid) in text, f"it says: {text}")


# ---- options ---------------------------------------------------------------------------------


@case()
def every_call(t):
    """Nothing is nothing in each unit."""
    for nothing in ("0", "0ns", "0ms"):
        target = t.target("timed", "--work", "push", "--calls", 20, "--ns", "100us")
        tracer = t.lapse("trace", "-p", target.pid, "work_push", "--slower", nothing, "--json")
        target.go()
        target.done()
        tracer.stop()
        equal(len(tracer.objects("span")), 20, f"spans with --slower {nothing}")
        target.finish()


OUT_OF_BOUNDS = (
    ("trace", "--slower", "400d", "0 ns to 366 d; write 30ms, or 0 for every call"),
    ("stat", "--duration", "0", "1 ns to 366 d; write 10 or 10s, 500ms, 2min"),
    ("stat", "--duration", "99999999999999999999", "1 ns to 366 d; write 10 or 10s, 500ms, 2min"),
    ("stat", "--interval", "10ms", "100 ms to 366 d; write 10 or 10s, 500ms, 2min"),
    ("record", "--keep", "0", "1 ns to 366 d; write 10 or 10s, 500ms, 2min"),
)


@case()
def durations_out_of_bounds(t):
    """The option, the value, what it takes and what to write instead, in one line."""
    for verb, option, value, takes in OUT_OF_BOUNDS:
        ended = t.lapse_ends(verb, "-p", os.getpid(), "work_push", option, value)
        equal(ended.popen.returncode, 2, f"exit code of {option} {value}")
        equal(ended.err, [f"lapse: {option}: '{value}' is out of bounds: it takes {takes}"], f"said of {option}")
