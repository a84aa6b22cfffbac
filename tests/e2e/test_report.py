# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports of recordings: every form holds what was measured, checked by readers that are not lapse's."""

import csv
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess

from browser import ARROW_DOWN, ARROW_RIGHT, ENTER, ESCAPE, Browser
from harness import BUILD, ROOT, Skip, case, check, equal, need, wait_until, within
from test_capture import _ask, _contract, _pipeline
from test_verbs import _keep_to_schema

BESIDE = True  # harness.py

HDR = os.path.join(BUILD, "deps", "npm", "node_modules", "hdr-histogram-js")
SPANS = "SELECT count(*) FROM span"


def _incident(t, name="incident.lapse", fault="slow rpc 40ms 30%", seconds=5, *args):
    """Healthy at first, then with the fault."""
    pipeline = _pipeline(t, "--seconds", "60")
    path = t.path(name)
    live = t.lapse("record", "-p", pipeline.pid, "-c", _contract(t), "-o", path, "--json", "-i", "1", "-d",
                   str(seconds), *args)
    if fault:
        wait_until(lambda: live.objects("window"), "the first second")
        pipeline.order(fault)
    live.wait(60)
    pipeline.finish()
    return path, live


def _report(t, path, *args, code=0):
    tracer = t.lapse_ends("report", path, *args, seconds=60)
    equal(tracer.popen.returncode, code, f"exit code of report {' '.join(args)} ({tracer.last_words()})")
    return tracer


def _written(t, path, form, mode="r"):
    out = t.path(f"out.{form}")
    _report(t, path, f"--{form}", "-o", out)
    with open(out, mode, encoding=None if "b" in mode else "utf-8", newline="" if form == "csv" and "b" not in mode else None) as file:
        return file.read()


# ---- text and JSON -------------------------------------------------------------------------------


@case(seconds=120)
def story(t):
    """What was slow, when it began, and why, stands in the first lines; the rest is there too."""
    path, live = _incident(t)
    text = _report(t, path).out
    about = [line for line in text[:20] if line.startswith("rpc broke max_latency (10.0 ms)")]
    check(about, f"no sentence about rpc's limit in {text[:20]}")
    began = re.search(r"from \S+ \(([\d.]+) (m?s) into the recording\)", about[0])
    check(began, f"it is not said when it began: {about[0]}")
    check(any(re.match(r"Why: the slowest \d+ % of rpc \(.*\d+ % net 127\.0\.0\.1:\d+", line) for line in text[:24]),
          f"no reason in {text[:24]}")
    for heading in ("announced:", "slowest calls:", "where they waited longest:", "remote ends:"):
        check(heading in text, f"no part '{heading}'")
    check(any(line.startswith("verdict: violated") or "violated" in line for line in text), "no verdict")

    report = _report(t, path, "--json")
    equal(report.final()["components"], live.final()["components"], "components of the final object")
    equal([a for a in report.out if '"type":"alert"' in a], [a for a in live.out if '"type":"alert"' in a], "alerts")
    equal(len(report.objects("violation")), len(live.objects("violation")), "violations")
    seen = _keep_to_schema(t, report.objects())
    check({"report", "slice", "span", "wait", "peer", "violation", "alert", "final"} <= seen, f"objects: {seen}")
    head = report.objects("report")[0]
    equal(head["spans"], _ask(path, SPANS)[0][0], "spans by the report")
    check(head["complete"] and not head["lost"] and not head["damage"], f"a whole recording: {head}")
    slices = [s for s in report.objects("slice") if s["component"] == "rpc"]
    equal(sum(s["count"] for s in slices), report.component("rpc")["count"], "calls of all slices")
    slowest = [s["duration_ns"] for s in report.objects("span") if s["component"] == "rpc"]
    longest = _ask(path, "SELECT duration_ns FROM span JOIN component c ON c.id = component WHERE c.name = 'rpc' "
                         "ORDER BY 1 DESC LIMIT 8")
    equal(slowest, [row[0] for row in longest], "the slowest calls of rpc")
    peers = [p for p in report.objects("peer") if p["component"] == "rpc"]
    check(peers and peers[0]["peer"].startswith("127.0.0.1:"), f"peers of rpc: {peers}")


# ---- forms for other programs -----------------------------------------------------------------------


def _rows_agree(t, path, report):
    rows = list(csv.DictReader(_written(t, path, "csv").splitlines()))
    equal(len(rows), _ask(path, SPANS)[0][0], "rows of the CSV")
    by_start = {(row["component"], row["start_ns"], row["tid"]): row for row in rows}
    for span in report.objects("span"):
        row = by_start[(span["component"], span["start_ns"], str(span["tid"]))]
        equal((row["start"], int(row["duration_ns"]), row["comm"]),
              (span["start"], span["duration_ns"], span["comm"]), "a slow call as a row")
        for cause, ns in (span["cause"] or {}).items():
            equal(int(row[cause]), ns, f"{cause} of it")


def _stacks_agree(t, path, report):
    wanted, got = {}, {}
    for wait in report.objects("wait"):
        frames = [frame.replace(";", ":") for frame in reversed(wait["stack"])] or ["[no stack]"]
        wanted[";".join([wait["component"], *frames, f"[{wait['cause']}]"])] = (wait["duration_ns"] + 500) // 1000
    for line in _written(t, path, "folded").splitlines():
        stack, _, us = line.rpartition(" ")
        check(stack not in got, f"twice: {stack}")
        got[stack] = int(us)
    equal(got, wanted, "folded stacks")
    check(any(";rpc_call;" in stack and stack.endswith(";[net]") for stack in got), "no stack of rpc_call's waits")
    all_ns = _ask(path, "SELECT sum(net_ns) FROM why JOIN span s ON s.seq = why.span JOIN component c ON c.id = s.component "
                        "WHERE c.name = 'rpc'")[0][0]
    rpc_us = sum(us for stack, us in got.items() if stack.startswith("rpc;") and stack.endswith(";[net]"))
    within(rpc_us * 1000, all_ns - 1000 * len(got), all_ns + 1000 * len(got), "all waits of rpc for the network")


READ_LOG = """
const hdr = require(process.argv[1]);
const reader = new hdr.HistogramLogReader(require("fs").readFileSync(process.argv[2], "utf8"));
const all = {};
for (let one = reader.nextIntervalHistogram(); one; one = reader.nextIntervalHistogram()) {
    all[one.tag] ??= hdr.build({bitBucketSize: 64, lowestDiscernibleValue: 1, highestTrackableValue: 2 ** 43,
        numberOfSignificantValueDigits: 2});
    all[one.tag].add(one);
}
console.log(JSON.stringify(Object.entries(all).map(([name, h]) => [name, h.totalCount,
    ...[50, 90, 95, 99, 99.9].map((p) => h.getValueAtPercentile(p))])));
"""


def _log_agrees(t, path, report):
    node = need("node")
    if not os.path.isdir(HDR):
        raise Skip("no hdr-histogram-js here: tools/deps test")
    _written(t, path, "hlog")
    done = subprocess.run([node, "-e", READ_LOG, HDR, t.path("out.hlog")], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"the reader of the log: {done.stderr[-400:]}")
    told = json.loads(done.stdout)
    equal(sorted(row[0] for row in told), sorted(report.final()["components"]), "tags of the log")
    for name, count, *percentiles in told:
        component = report.component(name)
        equal(count, component["count"], f"calls of {name} in the log")
        for key, value in zip(("p50_ns", "p90_ns", "p95_ns", "p99_ns", "p999_ns"), percentiles):
            within(value, component[key] * (1 - 1 / 64) - 1, component[key] * (1 + 1 / 64) + 1, f"{key} of {name}")


@case(seconds=150)
def forms_agree(t):
    """CSV, folded stacks and the HdrHistogram log say what the JSON says."""
    path, _ = _incident(t)
    report = _report(t, path, "--json")
    _rows_agree(t, path, report)
    _stacks_agree(t, path, report)
    _log_agrees(t, path, report)


def _decoded(raw):
    """Packets as nested lists of (field, value), out of protoc --decode_raw."""
    stack = [[]]
    for line in raw.splitlines():
        line = line.strip()
        if line.endswith("{"):
            inner = []
            stack[-1].append((line.split()[0], inner))
            stack.append(inner)
        elif line == "}":
            stack.pop()
        else:
            field, _, value = line.partition(": ")
            stack[-1].append((field, value))
    return [dict(packet) for _, packet in stack[0]]


def _edges_nest(edges):
    """Whether every end is that of the innermost begin, in the order of time."""
    depth, last = 0, 0
    for time, kind in edges:
        if time < last or kind == "2" and not depth:
            return False
        depth, last = depth + (1 if kind == "1" else -1), time
    return depth == 0


@case(seconds=120)
def trace(t):
    """Perfetto's format, decoded by protoc: every call begins and ends on a track where it nests."""
    protoc = need("protoc")
    path, live = _incident(t, fault="slow rpc 40ms 30%")
    done = subprocess.run([protoc, "--decode_raw"], input=_written(t, path, "trace", "rb"), capture_output=True,
                          check=False)
    check(done.returncode == 0, f"protoc: {done.stderr.decode()[-300:]}")
    packets = _decoded(done.stdout.decode())
    equal({p["10"] for p in packets}, {"1"}, "sequences")
    tracks = {dict(p["60"])["1"]: dict(p["60"]) for p in packets if "60" in p}
    events = [(int(p["8"]), dict(p["11"])) for p in packets if "11" in p]
    begins = [e for _, e in events if e["9"] == "1"]
    equal(sum(e["22"] == '"span"' for e in begins), _ask(path, SPANS)[0][0], "begins of calls")
    equal(len(begins), sum(e["9"] == "2" for _, e in events), "begins and ends")
    equal(sum(e["9"] == "3" for _, e in events), len(live.objects("alert")), "instants of alerts")
    check(any(e["22"] == '"wait"' and e["23"] == '"net"' for e in begins), "no wait for the network")
    by_track = {}
    for time, event in events:
        check(event["11"] in tracks, f"an event on a track that is none: {event}")
        if event["9"] != "3":
            by_track.setdefault(event["11"], []).append((time, event["9"]))
    wrong = [tracks[track] for track, edges in by_track.items() if not _edges_nest(edges)]
    check(not wrong, f"tracks on which slices do not nest: {wrong[:3]}")
    threads = {int(dict(track["4"])["2"]) for track in tracks.values() if "4" in track}
    equal(threads, {row[0] for row in _ask(path, "SELECT DISTINCT tid FROM thread t WHERE EXISTS "
                                                 "(SELECT 1 FROM span WHERE thread = t.id) AND tid")}, "thread tracks")
    names = {row[0] for row in _ask(path, "SELECT DISTINCT c.name FROM span JOIN component c ON c.id = component")}
    equal({json.loads(e["23"]) for e in begins if e["22"] == '"span"'}, names, "names of calls")


# ---- the page --------------------------------------------------------------------------------------


def _fits(browser):
    """No part is wider than the window, but for what scrolls by itself."""
    return browser.run("return document.documentElement.scrollWidth <= window.innerWidth")


def _by_keys(browser):
    """Arrows move along the heatmap, and what has the focus is told in words."""
    browser.run("document.querySelector('.heat .k').focus()")
    first = browser.run("return document.activeElement.getAttribute('aria-label')")
    browser.press(ARROW_RIGHT)
    second = browser.run("return document.activeElement.getAttribute('aria-label')")
    check(first and second and first != second, f"the arrow leads from {first!r} to {second!r}")
    told = browser.run("return document.activeElement.closest('figure').querySelector('.detail').textContent")
    equal(told, second, "what is told of the focus")
    browser.run("document.querySelector('.flame .k').focus()")
    browser.press(ARROW_DOWN)
    equal(browser.run("return document.activeElement.dataset.level"), "1", "a level further down in the flame graph")
    browser.press(ENTER)
    equal(browser.run("return document.activeElement.querySelector('svg').getAttribute('width')"), "100%",
          "width of a frame that is zoomed into")
    browser.press(ESCAPE)
    equal(browser.run("return [...document.querySelectorAll('.flame .k')].filter(g => g.style.display).length"), 0,
          "frames that stay hidden")


@case(seconds=180)
def page(t):
    """In Chromium, at the widths of a desktop and of a phone: nothing is missing, wrong or too wide."""
    path, live = _incident(t)
    out = t.path("incident.html")
    _report(t, path, "--html", "-o", out)
    for width, height, dark in ((1280, 900, False), (390, 844, True)):
        browser = Browser(t, width, height, dark)
        browser.open(out)
        equal(browser.run("return document.documentElement.dataset.ready"), "1", "the script has run")
        equal(browser.run("return window.innerWidth"), width, "width of the window")
        names = browser.run("return [...document.querySelectorAll('section.component h2 code')].map(e => e.textContent)")
        equal(sorted(names), sorted(live.final()["components"]), "components with pictures")
        rpc = "const s = [...document.querySelectorAll('section.component')].find(e => " \
              "e.querySelector('h2').textContent === 'rpc');"
        for kind in ("heat", "lines"):
            box = browser.run(f"{rpc} const r = s.querySelector('.{kind}').getBoundingClientRect();"
                              "return [r.width, r.height]")
            check(box[0] > 0.8 * width and box[1] > 100, f"size of .{kind} at {width}: {box}")
            labels = browser.run(f"{rpc} return [...s.querySelectorAll('.{kind} text.limit')].map(e => e.textContent)")
            check(any(label.startswith("max_latency 10.0 ms") for label in labels), f"limits in .{kind}: {labels}")
            equal(browser.run(f"{rpc} return s.querySelectorAll('.{kind} line.limit').length"), len(labels),
                  f"lines of limits in .{kind}")
        filled = browser.run(f"{rpc} return [...s.querySelectorAll('.heat path')].map(e => "
                             "e.getAttribute('d').split('M').length - 1).reduce((a, b) => a + b)")
        check(filled > 10, f"{filled} cells of the heatmap")
        for part in ("line.violation", "text.alert", ".bar .seg", "details ol.frames li"):
            check(browser.run(f"{rpc} return s.querySelectorAll('{part}').length"), f"no {part}")
        check(_fits(browser), f"wider than the window at {width}")
        background = browser.run("return getComputedStyle(document.body).backgroundColor")
        equal(background == "rgb(255, 255, 255)", not dark, f"light background where the user wants dark: {dark}")
        _by_keys(browser)
        equal(browser.complaints(), [], f"the console at {width}")
        browser.close()


HOSTILE = "<script>window.pwned=1</script>\"'><img src=x onerror=window.pwned=1>"


@case(seconds=150)
def hostile_names(t):
    """Whatever a target calls itself is text: on the page, in rows, and on a terminal."""
    path, _ = _incident(t, seconds=3)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE component SET name = ? WHERE name = 'rpc'", (HOSTILE,))
        db.execute("UPDATE thread SET comm = ?", ("=1+\x1b[31m</code>",))
        db.execute("UPDATE stack SET frames = ? || char(10) || frames, brief = ?", (HOSTILE, HOSTILE))
        db.execute("UPDATE fact SET value = ? WHERE name = 'command'", (HOSTILE,))
        db.execute("DELETE FROM contract")
    out = t.path("hostile.html")
    _report(t, path, "--html", "-o", out)
    with open(out, encoding="utf-8") as file:
        text = file.read()
    equal(text.count("<script"), 1, "scripts in the page")
    check("<img" not in text and "\x1b" not in text, "an element or a control character out of a name")
    browser = Browser(t, 1280, 900)
    browser.open(out)
    equal(browser.run("return [typeof window.pwned, document.images.length]"), ["undefined", 0], "what became of it")
    check(HOSTILE in browser.run("return document.body.textContent"), "the name is not shown as it is")
    equal(browser.complaints(), [], "the console")
    for form in ("text", "csv", "folded", "hlog", "json"):
        lines = _report(t, path).out if form == "text" else _written(t, path, form).splitlines()
        check(not any("\x1b" in line for line in lines), f"a control character in {form}")
    rows = list(csv.DictReader(_written(t, path, "csv").splitlines()))
    check(all(row["comm"].startswith("'=") for row in rows), "a formula for a spreadsheet")


@case(seconds=150)
def examples_of_the_manual(t):
    """Every command of the manual that makes a report does."""
    with open(os.path.join(ROOT, "docs", "lapse.8"), encoding="utf-8") as file:
        examples = re.findall(r"^\.Dl (lapse report .*)$", file.read(), re.M)
    check(len(examples) >= 3, f"{len(examples)} examples of reports in the manual")
    _incident(t, "good.lapse", fault=None, seconds=2)
    _incident(t, seconds=3)
    for example in examples:
        tracer = t.lapse_ends(*example.split()[1:], cwd=t.dir, seconds=60)
        equal((tracer.popen.returncode, tracer.err), (0, []), f"exit code and messages of {example!r}")


# ---- damage, and what must not be -------------------------------------------------------------------


@case(seconds=120)
def damaged(t):
    """Of a file that was cut, what can be read is shown in every form, and what is missing is said."""
    path, _ = _incident(t, seconds=4)
    size, spans, told = os.path.getsize(path), _ask(path, SPANS)[0][0], 0
    for part in (0.4, 0.7, 0.9):
        cut = t.path("cut.lapse")
        shutil.copy(path, cut)
        os.truncate(cut, int(size * part))
        text = t.lapse_ends("report", cut, seconds=60)
        check(text.popen.returncode in (0, 2), f"exit code {text.popen.returncode} at {part}")
        said = any("damaged" in line for line in text.err)
        if text.popen.returncode:
            check(said, f"why it is refused at {part} is not said: {text.err}")
            continue
        if not said:  # what was cut off held nothing that a report needs
            equal(_report(t, cut, "--json").objects("report")[0]["spans"], spans, f"calls at {part}")
            continue
        check(any("The file is damaged" in line for line in text.out), f"nor in the story: {text.out[:12]}")
        for form in ("json", "html", "trace", "folded", "hlog", "csv"):
            _written(t, cut, form, "rb")
        told += 1
    check(told, "no cut file could be shown in part")
    none = t.write("none.lapse", "no recording")
    equal(t.lapse_ends("report", none).popen.returncode, 2, "exit code for what is no recording")


@case(seconds=60)
def killed(t):
    """Of a recording that nobody ended, the story says so, and every form is written."""
    target = t.target("timed", "--calls", 1000, "--ns", "1ms")
    path = t.path("a.lapse")
    live = t.lapse("record", "-p", target.pid, "w=work_push", "-o", path, "--json", "-i", "1")
    target.go()
    wait_until(lambda: len(live.objects("window")) >= 2, "two seconds")
    live.signal(signal.SIGKILL)
    live.wait()
    text = _report(t, path)
    check(any("not ended in peace" in line for line in text.err), f"the messages do not say so: {text.err}")
    check(any("not ended in peace" in line for line in text.out), f"the story does not say so: {text.out[:9]}")
    for form in ("json", "html", "trace", "folded", "hlog", "csv"):
        check(_written(t, path, form, "rb"), f"nothing as {form}")


@case(seconds=60)
def not_over_a_recording(t):
    path, _ = _incident(t, fault=None, seconds=1)
    with open(path, "rb") as file:
        before = file.read()
    said = _report(t, path, "--html", "-o", path, code=2).err
    check(any("not written over" in line for line in said), f"what is said: {said}")
    for words in (("replay", path), ("stat", "-p", os.getpid(), "malloc")):
        tracer = t.lapse_ends(*words, "-o", path)
        equal(tracer.popen.returncode, 2, f"exit code of {words[0]}")
        check(any("not written over" in line for line in tracer.err), f"what {words[0]} says: {tracer.err}")
    with open(path, "rb") as file:
        equal(file.read() == before, True, "the recording is as it was")
    for words in (("replay", path), ("report", path), ("report", path, "--html"), ("report", path, "--json"),
                  ("report", path, "--csv"), ("report", path, "--trace"), ("report", path, "--folded"),
                  ("report", path, "--hlog"), ("report", path, "--against", path),
                  ("report", path, "--against", path, "--json")):
        full = t.lapse_ends(*words, "-o", "/dev/full")
        equal(full.popen.returncode, 2, f"exit code of {words}, which cannot be written")
        said = [line for line in full.err if "cannot write" in line]
        equal(said, ["lapse: cannot write the output: No space left on device"], f"what is said of {words}")
    _report(t, path, "--html", "--csv", code=2)
    _report(t, path, "--html", "--against", path, code=2)


# ---- two of them ----------------------------------------------------------------------------------------


@case(seconds=60)
def modes(t):
    """A recording is its owner's alone; a report is as open as the umask says."""
    target = t.target("hot", "--calls", 30000, "--rate", 20000)
    path = t.path("a.lapse")
    for umask in (0o022, 0o077):
        if not os.path.exists(path):
            live = t.lapse("record", "-p", target.pid, "hot", "-o", path, umask=umask)
            target.go()
            target.done()
            live.stop()
            target.finish()
            equal(oct(os.stat(path).st_mode & 0o777), "0o600", "mode of the recording")
        for form in ("html", "csv"):
            out = t.path(f"{umask:o}.{form}")
            equal(t.lapse_ends("report", path, f"--{form}", "-o", out, umask=umask).popen.returncode, 0, "exit code")
            equal(oct(os.stat(out).st_mode & 0o777), oct(0o666 & ~umask), f"mode of {form} by umask {umask:o}")


@case(seconds=60)
def limits_apart(t):
    """The names of limits that are close to each other do not lie on each other."""
    target = t.target("hot", "--calls", 30000, "--rate", 20000)
    contract = t.write("close.yaml", "lapse: 1\ncomponents:\n  hot:\n    measure: hot\n    contract: "
                                     "{max_latency: 900us, max_p99: 880us, max_p90: 800us, max_p50: 400us}\n")
    path = t.path("a.lapse")
    live = t.lapse("record", "-p", target.pid, "-c", contract, "-o", path)
    target.go()
    target.done()
    live.signal(signal.SIGINT)
    live.wait()
    target.finish()
    pictures = [re.findall(r'<text class="limit"[^>]* y="(\d+)"[^>]*>(max_\w+)', svg)
                for svg in _written(t, path, "html").split("<svg")]
    pictures = [names for names in pictures if names]
    equal(len(pictures), 2, "pictures with limits")
    for names in pictures:
        equal([name for _, name in names], ["max_latency", "max_p99", "max_p90", "max_p50"], "limits from the top")
        heights = [int(y) for y, _ in names]
        check(all(low - high >= 12 for high, low in zip(heights, heights[1:])), f"names on each other: {heights}")


@case(seconds=20)
def two_without_against(t):
    """Whoever names two wants them compared: how is said."""
    tracer = t.lapse_ends("report", t.path("a.lapse"), t.path("b.lapse"))
    equal(tracer.popen.returncode, 2, "exit code")
    check(any("--against" in line for line in tracer.err), tracer.last_words())


@case(seconds=150)
def against(t):
    """A fault between two recordings: which percentiles moved for sure, and which cause grew."""
    good, _ = _incident(t, "good.lapse", fault=None, seconds=4)
    bad, _ = _incident(t, "bad.lapse", fault="slow rpc 40ms 30%", seconds=6)
    both = _report(t, bad, "--against", good, "--json")
    equal(_keep_to_schema(t, both.objects()), {"report", "shift", "cause_shift"}, "objects")
    shifts = {s["quantile"]: s for s in both.objects("shift") if s["component"] == "rpc"}
    equal(sorted(shifts), [0.5, 0.9, 0.95, 0.99, 0.999], "percentiles")
    p90 = shifts[0.9]
    check(p90["shifted"] and p90["low_ns"] > 10_000_000, f"rpc's p90 did not move for sure: {p90}")
    check(p90["low_ns"] <= p90["shift_ns"] <= p90["high_ns"], f"the shift is not within its interval: {p90}")
    causes = [c for c in both.objects("cause_shift") if c["component"] == "rpc" and c["share"] == 0.1]
    grown = max(causes, key=lambda c: c["shift_ns"])
    equal(grown["cause"], "net", "the cause that grew most among the slowest tenth")
    text = _report(t, bad, "--against", good).out
    check(any(re.match(r" +p90 .*slower$", line) for line in text), f"no p90 that is slower in {text}")
    check(any(re.search(r"grew most in the slowest \d+ %( \(\d+ % before\))?: net", line) for line in text), f"no cause in {text}")
    same = _report(t, bad, "--against", bad, "--json").objects("shift")
    check(same and not any(s["shifted"] for s in same), "a recording differs from itself")
