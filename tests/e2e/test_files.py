# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of all sorts: how a program was linked, by which C library, and where its symbols went."""

import os
import shutil
import subprocess

from harness import TARGETS, Target, case, check, conserved, counted, equal, lossless, need

BESIDE = True  # harness.py

CALLS = 300


def _counts(t, name, probe="work_push", component="work_push", args=("--calls", CALLS, "--ns", "5us"), target=None):
    target = target or t.target(name, *args)
    tracer = t.stat(target.pid, probe)
    equal(tracer.probes, 1, "probes")
    target.go()
    equal(target.done()["calls"], CALLS, "calls")
    tracer.stop()
    counted(tracer.component(component), CALLS, probe)
    lossless(tracer.final())
    target.finish()
    return tracer


@case()
def static(t):
    """No dynamic linker, fixed addresses."""
    _counts(t, "timed.static")


@case()
def static_pie(t):
    _counts(t, "timed.static_pie")


@case()
def fixed_addresses(t):
    _counts(t, "timed.no_pie")


@case()
def musl(t):
    _counts(t, "timed.musl")


@case()
def musl_static(t):
    _counts(t, "timed.musl_static")


@case()
def main_binary_by_colon(t):
    _counts(t, "timed.static", ":work_push")


@case()
def static_function_by_its_file(t):
    """A function that the program does not export: only its symbol table has it."""
    _counts(t, "timed.no_pie", "timed.no_pie:timed_body", "timed_body")


@case()
def symbols_packed_in_the_file(t):
    """.gnu_debugdata"""
    _counts(t, "timed.minidebug")


@case()
def debug_file_beside(t):
    """.gnu_debuglink, the build id decides."""
    _counts(t, "timed.linked")


@case()
def debug_file_by_checksum(t):
    _counts(t, "timed.crc")


@case()
def debug_file_of_another_program(t):
    """The checksum is wrong: the program counts as stripped."""
    path = shutil.copy(os.path.join(TARGETS, "timed.crc"), t.path("timed.crc"))
    with open(os.path.join(TARGETS, ".debug", "timed.crc.debug"), "rb") as file:
        content = file.read()
    with open(t.path("timed.crc.debug"), "wb") as file:
        file.write(content + b"\0")
    target = t.target(path, "--calls", 1)
    tracer = t.lapse_ends("stat", "-p", target.pid, "work_push")
    check(tracer.popen.returncode != 0, "it took the debug file of another program")
    check("stripped" in "\n".join(tracer.err), f"it does not say why: {tracer.last_words()}")
    target.go()
    target.done()
    target.finish()


@case()
def debug_file_by_build_id_in_another_root(t):
    """The debug file lies in the target's own /usr/lib/debug, which lapse does not see."""
    need("unshare")
    notes = subprocess.run(["readelf", "-n", os.path.join(TARGETS, "timed")], capture_output=True, text=True,
                           check=True).stdout
    build_id = next(line.split()[-1] for line in notes.splitlines() if "Build ID" in line)
    root = t.path("root")
    os.mkdir(root)
    script = (f"mount -t tmpfs none {root} && mkdir -p {root}/lib {root}/lib64 {root}/usr/lib/debug/.build-id/"
              f"{build_id[:2]} && cp {TARGETS}/timed.stripped {root}/timed && "
              f"cp {TARGETS}/timed {root}/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug && "
              f"mount --bind /lib64 {root}/lib64 && mount --bind /lib {root}/lib && "
              f"exec chroot {root} /timed --calls {CALLS} --ns 5us")
    target = t.started(Target(["unshare", "--mount", "--propagation", "private", "sh", "-c", script]))
    _counts(t, "timed", target=target)


@case()
def stripped_says_so(t):
    target = t.target("timed.stripped", "--calls", 1)
    tracer = t.lapse_ends("stat", "-p", target.pid, "work_push")
    check(tracer.popen.returncode != 0, "a function of a stripped file was found")
    check("stripped" in "\n".join(tracer.err), f"it does not say why: {tracer.last_words()}")
    target.go()
    target.done()
    target.finish()


@case()
def plug_in(t):
    """A library that the program has loaded by dlopen()."""
    _counts(t, "opener", "libshared:shared_work", "shared_work", ("early", CALLS))


@case()
def plug_in_by_path(t):
    path = os.path.join(TARGETS, "libshared.so")
    _counts(t, "opener", f"{path}:shared_work", "shared_work", ("early", CALLS))


# ---- what lapse list tells of files --------------------------------------------------------


def _listed(t, pid, *args):
    tracer = t.lapse_ends("list", "-p", pid, *args, "--json")
    equal(tracer.popen.returncode, 0, f"exit code of list {args}")
    return tracer


@case()
def list_of_one_object(t):
    target = t.target("libcalls", 1)
    names = {(o["object"], o["function"]) for o in _listed(t, target.pid, "libshared:shared_*").objects("function")}
    equal(names, {("libshared.so", "shared_work")}, "functions")
    found = _listed(t, target.pid, ":main*").objects("function")
    equal({o["object"] for o in found}, {"libcalls"}, "objects")
    check("main" in {o["function"] for o in found}, "main is not listed")


@case()
def list_of_the_packed_symbols(t):
    target = t.target("timed.minidebug", "--calls", 1)
    names = {o["function"] for o in _listed(t, target.pid, "work_*").objects("function")}
    equal(names, {"work_push", "work_endbr", "work_stepped", "work_nop5"}, "functions")


@case()
def list_of_markers(t):
    target = t.target("marked")
    markers = _listed(t, target.pid, "marker:*").objects("marker")
    check(markers, "no markers")
    check(all(m["file"].endswith("/marked") for m in markers), f"files: {markers[:2]}")
    names = {m["component"] for m in markers}
    text = "\n".join(t.lapse_ends("list", "-p", target.pid, "marker:*").out)
    for name in names - {None}:
        check(f"marker:{name}" in text, f"marker:{name} is not in the text")


@case()
def list_of_places(t):
    """Where each probe would stand, and why there; what is dear says so when it is traced."""
    target = t.target("cost")
    found = {o["function"]: o for o in _listed(t, target.pid, ":empty_*").objects("function")}
    places = {name: (o["entry_price"], o["price"], o["moved_by"], o["stays"] is None) for name, o in found.items()}
    equal(places, {"empty_push": ("emulated", "emulated", 0, True), "empty_nop5": ("nop5", "nop5", 0, True),
                   "empty_endbr": ("single-stepped", "emulated", 4, True),
                   "empty_mov": ("single-stepped", "emulated", 2, True),
                   "empty_stepped": ("single-stepped", "single-stepped", 0, False)}, "places")
    tracer = t.stat(target.pid, "empty_push", "empty_endbr", "empty_stepped")
    tracer.stop(code=130)
    dear = [line for line in tracer.err if "single-stepped" in line]
    equal(len(dear), 1, "lines about what is dear")
    check(dear[0].startswith("lapse: empty_stepped ") and found["empty_stepped"]["stays"] in dear[0], dear[0])
    target.end()


@case()
def doctor_counts_places(t):
    """Of each file as many as list finds one by one."""
    target = t.target("cost")
    tracer = t.lapse_ends("doctor", "-p", target.pid, "--json")
    counted = {o["object"]: o for o in tracer.objects("placement")}["cost"]
    listed = _listed(t, target.pid, ":*").objects("function")
    equal(counted["functions"], len(listed), "functions")
    equal(counted["looked_at"], len(listed), "functions looked at")
    equal(counted["moved"], sum(o["moved_by"] > 0 and o["price"] == "emulated" and o["entry_price"] != "emulated"
                                for o in listed), "moved")
    # List says nothing of the place of what is not probed for another reason, as the program's first function.
    equal(counted["cheap"] + counted["moved"] + counted["single_stepped"] + counted["refused"], len(listed), "all")
    left = counted["single_stepped"] - sum(o["price"] == "single-stepped" for o in listed)
    check(0 <= left <= sum(o["price"] is None for o in listed), f"{left} single-stepped more than listed")
    target.end()


@case()
def list_of_everything_is_quick(t):
    """Nobody waits for tens of thousands of functions to be decoded."""
    node = need("node")
    process = t.process(node, "-e", "console.log('ready'); setInterval(() => {}, 1000)")
    process.wait_line("ready")
    tracer = t.lapse_ends("list", "-p", process.pid, seconds=8)
    equal(tracer.popen.returncode, 0, "exit code")
    check(len(tracer.out) > 5000, f"{len(tracer.out)} lines only")
    check("too many" in "\n".join(tracer.err), f"it does not say what is left out: {tracer.last_words()}")


def _let_load(target, tracer):
    """Loaded, probed, and looked at again: the linker tells it twice, and a driven-out target may have been
    probed in between. What it calls before the second look is left out, and told."""
    target.go()
    target.wait_line("^loaded")
    tracer.wait_line(rf"tracing \d more probes? in PID {target.pid}\b", tracer.err)
    tracer.wait_line(rf"process {target.pid}: return probes are safe after 2 changes", tracer.err)


@case()
def a_library_that_comes_later(t):
    target = t.target("opener", "late", 300)
    tracer = t.stat(target.pid, "-v", "libshared:shared_work err(long ret < 0)")
    equal(tracer.probes, 0, "probes before it is loaded")
    _let_load(target, tracer)
    tracer.wait_line(r"tracing 1 more probe in PID \d+; what was called in the \d+\.\d ms before is not counted", tracer.err)
    target.send("on\n")
    target.done()
    tracer.stop()
    lossless(tracer.final())
    counted(tracer.component("shared_work"), 300, "shared_work")
    target.finish()


def _ends_with(tracer, calls):
    """So many calls of the library's function, and as many of its mark."""
    tracer.stop()
    lossless(tracer.final())
    counted(tracer.component("shared_work"), calls, "shared_work")
    equal(tracer.component("sharedlib:work")["count"], calls, "marks")


@case()
def marks_that_come_later(t):
    """The library's mark and its function; another process that has loaded it is not meant."""
    target, other = t.target("opener", "late", 300), t.target("opener", "early", 200)
    tracer = t.stat(target.pid, "-v", "usdt:sharedlib:work", "libshared:shared_work")
    equal(tracer.probes, 0, "probes before it is loaded")
    _let_load(target, tracer)
    other.go()
    other.done()
    target.send("on\n")
    target.done()
    _ends_with(tracer, 300)
    target.finish()
    other.finish()


@case()
def two_that_load_it_later(t):
    """Each of two named processes is measured from when it has loaded the library."""
    first, second = (t.target("opener", "late", calls) for calls in (300, 200))
    tracer = t.stat(f"{first.pid},{second.pid}", "-v", "usdt:sharedlib:work", "libshared:shared_work")
    for target in (first, second):
        _let_load(target, tracer)
        target.send("on\n")
        target.done()
    _ends_with(tracer, 500)
    for target in (first, second):
        target.finish()


@case()
def marks_of_a_program_that_starts_later(t):
    """When lapse first looks at it depends on how soon it gets a processor: what is left out until then is told."""
    path = os.path.join(TARGETS, "opener")
    tracer = t.lapse("stat", "--exe", path, "usdt:sharedlib:work", "libshared:shared_work", "--json")
    target = t.target("opener", "late", 300)
    target.go()
    target.wait_line("^loaded")
    tracer.wait_line(rf"tracing 2 more probes in PID {target.pid}\b", tracer.err)
    target.send("on\n")
    target.done()
    tracer.stop()
    missed = tracer.final()["integrity"]["kernel_missed"]
    conserved(tracer.final())
    check(missed < 300, "all calls were missed")
    counted(tracer.component("shared_work"), 300 - missed, "shared_work")
    equal(tracer.component("sharedlib:work")["count"], 300, "marks")
    target.finish()


@case()
def providers_misspelt(t):
    target = t.target("opener", "early", 1)
    for probe, words in (("usdt:sharedlib:wrok", "nearest is 'work'"), ("usdt:sharedlbi:work", "no file of the")):
        tracer = t.lapse_ends("stat", "-p", target.pid, probe)
        equal(tracer.popen.returncode, 4, f"exit code of {probe}")
        check(words in "".join(tracer.err), tracer.last_words())
