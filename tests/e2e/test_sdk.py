# SPDX-License-Identifier: GPL-2.0-or-later
"""Markers of lapse.h and of its bindings: what is in the file, what lapse makes of it."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys

from harness import (BUILD, ROOT, Skip, TARGETS, Target, case, check, counted, equal, lossless, need, wait_until,
                     within)

SDK = os.path.join(ROOT, "sdk")
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion", "-I", SDK]

ONE = r"""
#include "lapse.h"
int two(int x);
static inline int helper(int x) { LAPSE_CACHE(once_cache, x); return x; }
int main(int argc, char **argv)
{
	lapse_span_t span = LAPSE_BEGIN(once_span);
	(void)argv;
	LAPSE_VALUE(once_span, "size", argc);
	lapse_named_latency("at run time", 1, 1);
	LAPSE_END(once_span, span, helper(argc) + helper(two(argc)) > 0);
	return 0;
}
"""
TWO = r"""
#include "lapse.h"
int two(int x);
int two(int x)
{
	lapse_span_t span = LAPSE_BEGIN(once_span), other = LAPSE_BEGIN(once_other);
	LAPSE_CACHE(once_cache, x);
	LAPSE_END(once_span, span, x);
	LAPSE_END(once_other, other, x);
	lapse_named_error("at run time");
	return x;
}
"""
NOTES = ["named", "once_cache", "once_other", "once_span"]
BUILDS = (["-O0"], ["-O2"], ["-O3", "-fPIC"], ["-O2", "-no-pie", "-fno-pie"], ["-O2", "-static"],
          ["-O2", "-flto"], ["-O2", "-fcf-protection=full"],
          ["-O2", "-ffunction-sections", "-Wl,--gc-sections"], ["-O1", "-fsanitize=undefined"])


def notes(path):
    """The names of lapse's markers in a file."""
    text = subprocess.run(["readelf", "-nW", path], capture_output=True, text=True, check=True).stdout
    return sorted(re.findall(r"Provider: lapse\s+Name: (\S+)", text))


def compiled(t, compiler, *flags):
    """A program of two files, or why it does not compile."""
    sources = [t.write("one.c", ONE), t.write("two.c", TWO)]
    path = t.path("program")
    made = subprocess.run([compiler, *WARNINGS, *flags, "-o", path, *sources], capture_output=True, text=True,
                          check=False)
    check(made.returncode == 0, f"{compiler} {' '.join(flags)}: {made.stderr[:300]}")
    equal(subprocess.run([path], check=False).returncode, 0, f"exit code of {compiler} {' '.join(flags)}")
    return path


@case(120)
def one_note_a_component(t):
    """Two files and inlined copies; each optimization, and what linkers do to groups of sections."""
    for compiler in ("gcc", "clang"):
        need(compiler)
        for flags in BUILDS:
            if compiler == "clang" and "-flto" in flags:
                if not shutil.which("ld.lld"):
                    continue
                flags = [*flags, "-fuse-ld=lld"]
            equal(notes(compiled(t, compiler, *flags)), NOTES, f"notes after {compiler} {' '.join(flags)}")


@case()
def standards(t):
    for flags in (["-std=c99"], ["-std=gnu99"], ["-std=c11"], ["-x", "c++", "-std=c++11"],
                  ["-x", "c++", "-std=c++17"], ["-x", "c++", "-std=gnu++20"]):
        equal(notes(compiled(t, "gcc", *flags)), NOTES, f"notes after {' '.join(flags)}")


@case()
def disabled(t):
    path = compiled(t, "gcc", "-O2", "-DLAPSE_DISABLE")
    equal(notes(path), [], "notes with LAPSE_DISABLE")
    listing = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    check("lapse" not in listing, "a symbol of lapse.h is left")


@case()
def marker_begins_with_nop5(t):
    gdb = need("gdb")
    path = compiled(t, "gcc", "-O2")
    code = subprocess.run([gdb, "-batch", "-ex", "x/6xb lapse_marker_once_span", "-ex", "info probes stap lapse",
                           path], capture_output=True, text=True, check=True).stdout
    check(re.search(r":\s+0x0f\s+0x1f\s+0x44\s+0x00\s+0x00\s+0xc3", code), f"nop5 and ret: {code[:200]!r}")
    for name in NOTES:
        check(re.search(rf"stap\s+lapse\s+{name}\s", code), f"gdb shows no probe {name}")


# ---- a program in C --------------------------------------------------------------------------


def area(pid, path, name):
    """(semaphore, magic, version, threshold) of a component in a process."""
    listing = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    address = next(int(line.split()[0], 16) for line in listing.splitlines()
                   if line.endswith(f" lapse_area_{name}"))
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        base = min(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(os.path.realpath(path)))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(base + address)
        return struct.unpack("<HHIQ", memory.read(16))


def marked(t, *options):
    return t.target("marked", *options)


def truth_and_final(target, tracer, seconds=30):
    target.go()
    truth = target.done(seconds=seconds)
    tracer.stop()
    return truth, tracer


def cache_is(component, truth, what):
    equal((component["cache_hits"], component["cache_misses"]), (truth["hits"], truth["misses"]),
          f"hits and misses of {what}")


def batches_are(value, truth, what):
    """-3 .. 6 in turn."""
    equal((value["min"], value["max"]), (-3, 6), f"extremes of {what}")
    within(value["mean"] * truth["calls"], truth["values_sum"] - 0.5, truth["values_sum"] + 0.5, f"sum of {what}")


@case()
def exact_figures(t):
    """Spans, errors, hits and values of four threads: as many as there were."""
    target = marked(t, "--threads", 4, "--calls", 1000, "--fail-every", 10, "--hit-every", 3)
    names = ["marked_rpc", "marked_db", "marked_token", "marked_login"]
    truth, tracer = truth_and_final(target, t.stat(target.pid, *(f"marker:{name}" for name in names)))
    rpc, db, token, login = (tracer.component(name) for name in names)
    counted(rpc, truth["calls"], "marked_rpc")
    counted(db, truth["calls"], "marked_db")
    counted(login, truth["errors"], "marked_login")
    for component, name in ((rpc, "marked_rpc"), (db, "marked_db"), (login, "marked_login")):
        equal(component["errors"], truth["errors"], f"errors of {name}")
    cache_is(token, truth, "marked_token")
    equal(token["count"], 0, "spans of marked_token")
    equal(tracer.final()["system"]["components_fed"], 4, "components that are fed, one by look-ups alone")
    batches_are(rpc["values"]["batch_size"], truth, "batch_size")
    lossless(tracer.final())
    target.finish()


@case()
def durations(t):
    """Those that the program measures arrive as they are; those in cycles within a part in a hundred."""
    target = marked(t, "--calls", 1000, "--ns", "200us")
    truth, tracer = truth_and_final(target, t.stat(target.pid, "marker:marked_rpc", "marker:marked_db"))
    within(tracer.component("marked_db")["avg_ns"], truth["sum_ns"] / truth["calls"] - 1,
           truth["sum_ns"] / truth["calls"] + 1, "mean of marked_db")
    for name in ("marked_rpc", "marked_db"):
        within(tracer.component(name)["p50_ns"], truth["median_ns"] * 0.99, truth["median_ns"] * 1.01,
               f"median of {name}")
    target.finish()


@case()
def names_at_run_time(t):
    target = marked(t, "--calls", 1000, "--fail-every", 10, "--hit-every", 4)
    truth, tracer = truth_and_final(target, t.stat(target.pid, "marker:marked_plugin"))
    plugin = tracer.component("marked_plugin")
    counted(plugin, truth["calls"], "marked_plugin")
    equal(plugin["errors"], truth["errors"], "errors of marked_plugin")
    cache_is(plugin, truth, "marked_plugin")
    batches_are(plugin["values"]["depth"], truth, "depth")
    target.finish()


def promise(t, target, marker, promises):
    """The final component of MARKER under a contract, which is violated."""
    path = t.write("contract.yaml", f"lapse: 1\ncomponents:\n  c:\n    measure: 'marker:{marker}'\n"
                   f"    contract: {promises}\n")
    tracer = t.lapse("watch", path, "-p", target.pid, "--json")
    target.go()
    target.done(seconds=30)
    tracer.stop(code=1)
    return tracer.component("c")


@case()
def limits_of_values(t):
    """Each value that a limit forbids is a violation, whoever names the value, in whatever order."""
    for marker, value in (("marked_rpc", "batch_size"), ("marked_plugin", "depth")):
        target = marked(t, "--calls", 1000)
        component = promise(t, target, marker, f"{{max_value: {{other: 1, {value}: 5}}, min_value: {{{value}: -2}}}}")
        objectives = component["contract"]
        above, below = objectives[f"max_value.{value}"], objectives[f"min_value.{value}"]
        equal((above["verdict"], above["violations"], above["worst"]), ("violated", 100, 6), f"max_value of {value}")
        equal((below["verdict"], below["violations"], below["worst"]), ("violated", 100, -3), f"min_value of {value}")
        equal(objectives["max_value.other"]["verdict"], "unknown", "verdict of what was never captured")
        target.finish()


@case()
def names_beyond_the_room(t):
    """Four names are kept, those of the contract first; what comes under others is told, and no span is lost."""
    target = marked(t, "--calls", 1000)
    path = t.write("contract.yaml", "lapse: 1\ncomponents:\n  c:\n    measure: 'marker:marked_plugin'\n"
                   "    contract: {max_latency: 10s, max_value: {a: 1, b: 1, c: 1, d: 1}}\n")
    tracer = t.lapse("watch", path, "-p", target.pid, "--json")
    target.go()
    truth = target.done()
    tracer.stop(code=3)
    counted(tracer.component("c"), truth["calls"], "marked_plugin")
    lossless(tracer.final())
    equal(tracer.final()["integrity"]["values_unnamed"], truth["calls"], "values that found no room")
    equal(tracer.component("c")["contract"]["max_latency"]["verdict"], "held", "verdict of max_latency")
    target.finish()


def slow_spans(t, *options):
    target = marked(t, "--calls", 1000, "--slow-every", 100, "--slow", "8ms", *options)
    tracer = t.lapse("trace", "-p", target.pid, "marker:marked_rpc", "--slower", "5ms", "--json")
    truth, _ = truth_and_final(target, tracer)
    equal(truth["slow"], 10, "slow calls")
    target.finish()
    return truth, tracer


def all_slow(spans, truth, what):
    """Those that the target made slow, and such as were driven out for so long."""
    check(10 <= truth["over_within"] <= len(spans) <= truth["over_around"], f"{what}: {len(spans)}, in truth {truth}")


@case()
def only_slow_ones_leave_the_program(t):
    truth, tracer = slow_spans(t)
    spans = tracer.objects("span")
    all_slow(spans, truth, "spans shown")
    check(all(span["duration_ns"] >= 5_000_000 for span in spans), "a span below the threshold")
    equal(tracer.final()["integrity"]["entries"], len(spans), "spans that reached the probe")


@case()
def several_who_listen(t):
    """Nobody loses by another's threshold, in whatever order they begin."""
    for first, second in (("50ms", "5ms"), ("5ms", "50ms"), ("50ms", None), (None, "50ms")):
        target = marked(t, "--calls", 1000, "--slow-every", 100, "--slow", "8ms")
        tracers = [t.lapse("trace", "-p", target.pid, "marker:marked_rpc", "--slower", slower, "--json") if slower
                   else t.stat(target.pid, "marker:marked_rpc") for slower in (first, second)]
        target.go()
        truth = target.done()
        for slower, tracer in zip((first, second), tracers):
            tracer.stop(code=None)
            if slower == "5ms":
                spans = [span for span in tracer.objects("span") if not span["open"]]
                all_slow(spans, truth, f"spans of the one that began {(first, second)}")
            if slower is None:
                counted(tracer.component("marked_rpc"), 1000, f"spans where {(first, second)} listen")
        target.finish()


@case()
def failed_ones_always_do(t):
    truth, tracer = slow_spans(t, "--fail-every", 50)
    spans = tracer.objects("span")
    failed = [span for span in spans if span["ok"] is False]
    equal(len(failed), truth["errors"], "failed spans shown")
    check(all(span["duration_ns"] >= 5_000_000 for span in spans if span["ok"] is not False),
          "a good span below the threshold")


@case()
def nothing_is_left_behind(t):
    """The semaphore is set while lapse listens, and only then."""
    target = marked(t)
    path = os.path.join(TARGETS, "marked")
    equal(area(target.pid, path, "marked_rpc")[:3], (0, 0x1a95, 1), "semaphore, magic and version before")
    tracer = t.stat(target.pid, "marker:marked_rpc")
    check(area(target.pid, path, "marked_rpc")[0] > 0, "the semaphore is not set")
    equal(area(target.pid, path, "marked_db")[0], 0, "semaphore of a component that nobody asked for")
    tracer.stop(code=130)  # nothing was measured
    wait_until(lambda: area(target.pid, path, "marked_rpc")[0] == 0, "the semaphore to be cleared")
    target.go()
    target.done()
    target.finish()


@case()
def scopes(t):
    """C++: by return, by fail(), by exception; in templates, lambdas and a namespace without a name."""
    target = t.target("marked_cxx", 400)
    names = ["cxx_order", "cxx_risk", "cxx_cleanup"]
    truth, tracer = truth_and_final(target, t.stat(target.pid, *(f"marker:{name}" for name in names)))
    order, risk, cleanup = (tracer.component(name) for name in names)
    counted(order, truth["calls"], "cxx_order")
    equal(order["errors"], truth["errors"], "errors of cxx_order")
    counted(risk, truth["risks"], "cxx_risk")
    equal((cleanup["count"], cleanup["errors"]), (truth["calls"], 0), "spans and errors of cxx_cleanup")
    target.finish()


# ---- bindings --------------------------------------------------------------------------------


def script(t, interpreter, path, *options):
    path = os.path.join(BUILD, "sdk", path)
    if not os.path.exists(path):
        raise Skip(f"{path} is not built")
    return t.started(Target([interpreter, path, *options]))


@case()
def python_example(t):
    target = script(t, sys.executable, "python/example.py", "--calls", 120)
    names = ["py_rpc", "py_measured", "py_token", "py_batch", "py_refused", "py_decorated", "py_async"]
    truth, tracer = truth_and_final(target, t.stat(target.inner_pid, *(f"marker:{name}" for name in names)))
    rpc, measured, token, batch, refused, decorated, late = (tracer.component(name) for name in names)
    equal(truth["available"], 1, "available()")
    counted(rpc, truth["calls"], "py_rpc")
    counted(measured, truth["calls"], "py_measured")
    equal((rpc["errors"], refused["errors"]), (truth["errors"], truth["errors"]), "errors")
    cache_is(token, truth, "py_token")
    within(batch["values"]["batch_size"]["mean"] * truth["values"], truth["values_sum"] - 0.5,
           truth["values_sum"] + 0.5, "sum of batch_size")
    equal((decorated["count"], late["count"]), (1, 1), "decorated functions")
    check(late["max_ns"] >= 4_000_000, "the coroutine's span did not last until it was done")
    within(measured["p50_ns"], truth["median_ns"] * 0.99, truth["median_ns"] * 1.01, "median")
    target.finish()


ODD_PYTHON = """
import os, sys, lapse
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
odd, caught = os.fsdecode(b"odd\\xff"), 0
for _ in range(10):
    try:
        with lapse.span(odd):
            raise KeyError("the program's own")
    except KeyError:
        caught += 1
    lapse.latency(odd, 7)
    lapse.error(None)
    lapse.cache(odd, True)
    for number in (5, None, float("nan"), float("inf"), 1 << 63, -1 << 70, "word"):
        lapse.value("odd_value", "n", number)
        lapse.latency("odd_value", number)
print("done caught=%d listened=%d" % (caught, lapse.enabled()), flush=True)
sys.stdin.read()
"""
ODD_NODE = """
const lapse = require(process.argv[1]);
process.stdout.write("ready " + process.pid + "\\n");
process.stdin.once("data", () => {
	for (let i = 0; i < 10; i++)
		for (const n of [5, 5n, undefined, NaN, Infinity, 2 ** 63, 1n << 64n, "word", Symbol("s")]) {
			lapse.value("odd_value", "n", n);
			lapse.latency("odd_value", n);
		}
	process.stdout.write("done listened=" + Number(lapse.enabled()) + "\\n");
	process.stdin.on("end", () => process.exit(0));
});
"""


def odd_figures(t, target, of_each, *names):
    """Nothing but the five is told."""
    truth, tracer = truth_and_final(target, t.stat(target.inner_pid, "marker:odd_value", *names))
    equal(truth["listened"], 1, "enabled()")
    found = tracer.component("odd_value")
    counted(found, of_each, "latencies that are numbers")
    equal(found["values"]["n"], {"last": 5, "min": 5, "mean": 5.0, "max": 5}, "values that are numbers")
    target.finish()
    return truth, tracer


@case()
def python_does_not_fail_for_being_listened_to(t):
    """Whatever the calls are given: no exception but the program's own, and no figure that is none."""
    folder = os.path.join(BUILD, "sdk", "python")
    if not os.path.exists(folder):
        raise Skip(f"{folder} is not built")
    target = t.started(Target([sys.executable, "-B", "-c", ODD_PYTHON], env={**os.environ, "PYTHONPATH": folder}))
    truth, tracer = odd_figures(t, target, 10, r"marker:odd\udcff", "marker:None")
    equal(truth["caught"], 10, "exceptions of the program")
    odd = tracer.component(r"odd\udcff")
    equal((odd["count"], odd["errors"], odd["cache_hit_rate"]), (20, 10, 1.0), "spans and latencies")
    equal(tracer.component("None")["errors"], 10, "errors of what has no name")


WIDE = """
import os, sys, lapse
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
for i in range(20):
    lapse.value("wide", "high", 1795991774859000000 + i)
    lapse.value("wide", "low", -(1 << 63))
    lapse.value("wide", "mixed", (1 << 50) * (i == 7))
    lapse.value("wide", "kept", (-1) ** i * ((1 << 46) + i))
print("done listened=%d" % lapse.enabled(), flush=True)
sys.stdin.read()
"""


@case()
def extremes_that_are_not_kept_are_not_told(t):
    """A time of day in nanoseconds has more bits than the kernel keeps of extremes."""
    target = t.started(Target([sys.executable, "-B", "-c", WIDE],
                              env={**os.environ, "PYTHONPATH": os.path.join(BUILD, "sdk", "python")}))
    _, tracer = truth_and_final(target, t.stat(target.inner_pid, "marker:wide"))
    values = tracer.component("wide")["values"]
    for name, last in (("high", 1795991774859000019), ("low", -(1 << 63)), ("mixed", 0)):
        equal(values[name], {"last": last, "min": None, "mean": None, "max": None}, f"figures of {name}")
    equal(values["kept"], {"last": -((1 << 46) + 19), "min": -((1 << 46) + 19), "mean": -0.5, "max": (1 << 46) + 18},
          "figures of kept")
    target.finish()


def command_of(t, interpreter, path, *options):
    """A script that lapse starts: its marker library is not there when tracing begins."""
    path = os.path.join(BUILD, "sdk", path)
    if not os.path.exists(path):
        raise Skip(f"{path} is not built")
    return [interpreter, path, *options]


def late_markers(t, names, command, *options):
    """The truth and the final object of markers that come with a library, which `-- COMMAND` loads."""
    data = t.path("data")
    tracer = t.lapse("stat", *(f"marker:{name}" for name in names), "--json", "-o", data, "--", *command,
                     stdin=subprocess.PIPE)
    check(any("will be measured when one is" in line for line in tracer.err), "it did not say what it waits for")
    tracer.wait_line(r"tracing \d+ more probes? in PID", tracer.err)
    tracer.wait_line(r"^ready ")
    tracer.send("go\n")
    truth = {key: int(value) for key, value in re.findall(r"(\w+)=(-?\d+)\b", tracer.wait_line(r"^done (.*)")[1])}
    tracer.popen.stdin.close()
    equal(tracer.wait(), 0, "exit code")
    with open(data, encoding="utf-8") as lines:
        final = json.loads(lines.readlines()[-1])
    lossless(final)
    return truth, final["components"]


@case()
def python_as_a_command(t):
    truth, components = late_markers(t, ["py_rpc", "py_token"],
                                     command_of(t, sys.executable, "python/example.py", "--calls", 120))
    counted(components["py_rpc"], truth["calls"], "py_rpc")
    equal(components["py_rpc"]["errors"], truth["errors"], "errors")
    cache_is(components["py_token"], truth, "py_token")


@case()
def python_by_exe(t):
    """The interpreter's file is a copy, so that no other script is meant."""
    path = shutil.copy(sys.executable, t.path("python"))
    tracer = t.lapse("stat", "--exe", path, "marker:py_rpc", "--json")
    equal(tracer.probes, 0, "probes before it runs")
    target = script(t, path, "python/example.py", "--calls", 120)
    tracer.wait_line(r"tracing 1 more probe in PID", tracer.err)
    truth, tracer = truth_and_final(target, tracer)
    counted(tracer.component("py_rpc"), truth["calls"], "py_rpc")
    target.finish()


@case()
def patterns(t):
    """A component for each marker that the files tell of; names that come at run time are no part of it."""
    target = marked(t, "--calls", 100)
    truth, tracer = truth_and_final(target, t.stat(target.pid, "marker:marked_*"))
    listed = t.lapse_ends("list", "-p", target.pid, "marker:marked_*", "--json")
    names = {line["component"] for line in listed.objects("marker")}
    equal(set(tracer.final()["components"]), names, "components")
    check({"marked_rpc", "marked_db", "marked_token"} <= names, f"components {names}")
    counted(tracer.component("marked_rpc"), truth["calls"], "marked_rpc")
    cache_is(tracer.component("marked_token"), truth, "marked_token")
    lossless(tracer.final())
    target.finish()


@case()
def patterns_that_find_nothing(t):
    target = script(t, sys.executable, "python/example.py")
    tracer = t.lapse_ends("stat", "-p", target.inner_pid, "marker:*")
    equal(tracer.popen.returncode, 4, "exit code for names of run time")
    check("write marker:COMPONENT" in "".join(tracer.err), tracer.last_words())
    target = marked(t)
    tracer = t.lapse_ends("stat", "-p", target.inner_pid, "marker:nothing_*")
    equal(tracer.popen.returncode, 4, "exit code without a match")
    check("no marker in the files matches 'nothing_*'" in "".join(tracer.err), tracer.last_words())


@case()
def names_misspelt(t):
    target = t.target("marked_cxx", 1)
    for name, words in (("cxx_oredr", "nearest is 'cxx_order'"), ("oredr_*", "has markers that match 'oredr_*'")):
        tracer = t.lapse_ends("stat", "-p", target.pid, f"marker:{name}")
        equal(tracer.popen.returncode, 4, f"exit code of {name}")
        check(words in "".join(tracer.err), tracer.last_words())


def printed(argv, **env):
    return subprocess.run(argv, capture_output=True, text=True, check=True,
                          env={**os.environ, **env}).stdout.strip()


@case()
def python_without_the_library(t):
    shutil.copy(os.path.join(SDK, "python", "lapse.py"), t.dir)
    words = ("import lapse\nwith lapse.span('a'): lapse.latency('a', 1); lapse.cache('a', 1)\n"
             "lapse.error('a'); lapse.value('a', 'b', 1); print(lapse.available(), lapse.enabled())")
    said = printed([sys.executable, "-B", "-c", words], PYTHONPATH=t.dir,
                   LAPSE_MARKER_LIBRARY=t.path("none.so"))
    equal(said, "False False", "available() and enabled()")


def addon():
    node = need("node")
    if not os.path.exists(os.path.join(BUILD, "sdk/node/build/Release/lapse_addon.node")):
        raise Skip(printed([os.path.join(SDK, "node", "build-addon"), os.path.join(BUILD, "sdk")]))
    return node


@case()
def node_example(t):
    """A pool of connections to a JSON-RPC server on loopback."""
    target = script(t, addon(), "node/example/main.js", "--calls", 300, "--error-rate", 0.1)
    names = ["rpcConnection", "endToEnd", "tokenValidator"]
    truth, tracer = truth_and_final(target, t.stat(target.inner_pid, *(f"marker:{name}" for name in names)))
    rpc, end_to_end, token = (tracer.component(name) for name in names)
    counted(rpc, truth["rpc_calls"], "rpcConnection")
    equal(rpc["errors"], truth["rpc_errors"], "errors of rpcConnection")
    counted(end_to_end, truth["calls"], "endToEnd")
    equal(end_to_end["errors"], truth["errors"], "errors of endToEnd")
    cache_is(token, truth, "tokenValidator")
    within(end_to_end["values"]["batch_size"]["mean"] * truth["values"], truth["values_sum"] - 0.5,
           truth["values_sum"] + 0.5, "sum of batch_size")
    within(end_to_end["avg_ns"], truth["sum_ns"] / truth["calls"] - 1, truth["sum_ns"] / truth["calls"] + 1,
           "mean of endToEnd")
    within(rpc["p50_ns"], truth["rpc_median_ns"] * 0.9, truth["rpc_median_ns"] * 1.02, "median of rpcConnection")
    target.finish()


@case()
def node_tells_numbers_alone(t):
    target = t.started(Target([addon(), "-e", ODD_NODE, os.path.join(BUILD, "sdk", "node")]))
    odd_figures(t, target, 20)


@case()
def node_as_a_command(t):
    truth, components = late_markers(t, ["endToEnd", "tokenValidator"],
                                     command_of(t, addon(), "node/example/main.js", "--calls", 200))
    counted(components["endToEnd"], truth["calls"], "endToEnd")
    cache_is(components["tokenValidator"], truth, "tokenValidator")


@case()
def node_without_the_addon(t):
    node = need("node")
    shutil.copy(os.path.join(SDK, "node", "index.js"), t.dir)
    words = ("const l = require('./index.js'); l.latency('a', 1); l.span('a').end(); l.cache('a', true);"
             "l.error('a'); l.value('a', 'b', 1n); l.measure('a', () => 7).then((n) => "
             "console.log(n, l.available(), l.enabled()))")
    said = subprocess.run([node, "-e", words], cwd=t.dir, capture_output=True, text=True, check=True).stdout
    equal(said.strip(), "7 false false", "what measure(), available() and enabled() return")
