# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings: what was live is there again, whatever ended it."""

import glob
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import stat
import subprocess

from harness import ROOT, Fail, Skip, case, check, counted, equal, need, wait_until, within
from pipeline import Pipeline

BESIDE = True  # harness.py

MANUAL = os.path.join(ROOT, "docs", "lapse-capture.5")

# Short times, so that alerts fire, are held back, escalate and are resolved within seconds.
CONTRACT = """lapse: 1
window: {{last: 50}}
alerts: {{cooldown: 1s, resolve_after: 1s}}
labels: {{team: shop}}
components:
  rpc:
    measure: rpc_call
    err: "int ret < 0"
    contract: {{max_latency: {limit}, max_p90: 20ms, max_failure_rate: 5%, max_memory: 1MiB, min_uptime: 99%}}
  tokens:
    measure: validate_token
    err: "int ret != 0"
    cache: {{measure: cache_lookup, hit: "int ret != 0"}}
    contract: {{max_latency: 3ms, min_cache_hit_rate: 95%}}
  batches:
    measure: optimize_batch
    values: {{batch_size: "int arg1"}}
    contract: {{max_latency: 25ms, min_batch_size: 5, max_value: {{batch_size: 12}}}}
  http:
    measure: http_request
    err: "int ret != 200"
    connections: "tcp:connect peer=127.0.0.1"
    contract: {{max_latency: 5ms, min_pool_efficiency: 80%, max_connection_time: 1s}}
  endToEnd:
    measure: "span:order_received(arg0)..order_confirmed(arg0)"
    contract: {{max_latency: 30ms, max_p50: 10ms, max_backlog: 50}}
"""

FAULTS = ("slow rpc 40ms 10%", "fail rpc 30%", "slow validate 8ms 20%", "fail cache 50%", "slow batch 60ms 30%",
          "fail http 30%", "slow http 15ms 20%", "lock 80ms 20%", "heal", "slow order 50ms 20%")


def _pipeline(t, *args):
    return t.started(Pipeline(t, *args))


def _contract(t, limit="10ms", name="contract.yaml"):
    return t.write(name, CONTRACT.format(limit=limit))


def _alerts(tracer):
    return [line for line in tracer.out if '"type":"alert"' in line]


def _replay(t, path, *args, code=None):
    tracer = t.lapse_ends("replay", path, *args, "--json", seconds=60)
    if code is not None:
        check(tracer.popen.returncode == code,
              f"replay exited with {tracer.popen.returncode} instead of {code}; {tracer.last_words()}")
    return tracer


def _same(got, wanted, what):
    """Lists of lines or objects; of the first that differ, the parts that do."""
    for i, (a, b) in enumerate(zip(got, wanted)):
        a, b = (json.loads(x) if isinstance(x, str) and a != b else x for x in (a, b))
        if a != b:
            raise Fail(f"{what}: the {i}th differs: "
                       f"{[(k, a.get(k), b.get(k)) for k in {**a, **b} if a.get(k) != b.get(k)]}")
    equal(len(got), len(wanted), f"how many: {what}")


def _ask(path, question):
    with sqlite3.connect(path) as db:
        return db.execute(question).fetchall()


@case(seconds=400)
def replay_equals_live(t):
    """Twenty runs of the sample pipeline with all kinds of faults: the same alerts, byte by byte."""
    pipeline = _pipeline(t, "--seconds", "400")
    contract = _contract(t)
    told = 0
    for i in range(20):
        pipeline.order(FAULTS[i % len(FAULTS)])
        path = t.path(f"{i}.lapse")
        live = t.lapse("record", "-p", pipeline.pid, "-c", contract, "-o", path, "--json", "-d", "3")
        code = live.wait(40)
        equal(live.final()["recording"]["lost"], 0, "records that were lost")
        again = _replay(t, path, code=code)
        _same(_alerts(again), _alerts(live), f"alerts of run {i}")
        _same(again.objects("violation"), live.objects("violation"), f"violations of run {i}")
        _same(again.objects("health"), live.objects("health"), f"health of run {i}")
        final, before = again.final(), live.final()
        for key in ("components", "alerts", "integrity", "system", "verdict", "end_reason"):
            equal(final[key], before[key], f"{key} of the final object of run {i}")
        _same([row[0] for row in _ask(path, "SELECT json FROM alert ORDER BY seq")], _alerts(live),
              "alerts in the file")
        for name, component in before["components"].items():
            equal(_ask(path, "SELECT count(*) FROM span s JOIN component c ON c.id = s.component "
                             f"WHERE c.name = '{name}'")[0][0], component["count"], f"calls of {name} in run {i}")
        told += len(_alerts(live))
        os.unlink(path)
    t.note(f"{told} alerts in 20 runs")
    check(told >= 20, f"only {told} alerts in 20 runs")
    pipeline.finish()


@case(seconds=90)
def replay_follows_a_reload(t):
    """What SIGHUP had read anew is promised from there on; by one contract all along it is judged by that."""
    pipeline = _pipeline(t, "--seconds", "80")
    pipeline.order("slow rpc 40ms 20%")
    contract = _contract(t, "10s")
    path = t.path("a.lapse")
    live = t.lapse("record", "-p", pipeline.pid, "-c", contract, "-o", path, "--json")
    for limit in ("30ms", "20ms"):
        told = len(_alerts(live))
        _contract(t, limit)
        live.signal(signal.SIGHUP)
        wait_until(lambda: sum("was read anew" in line for line in live.err) == (1 if limit == "30ms" else 2),
                   f"the file with {limit}")
        wait_until(lambda: len(_alerts(live)) > told, f"alerts by {limit}")
    live.signal(signal.SIGINT)
    code = live.wait(40)
    pipeline.finish()
    equal(_ask(path, "SELECT count(*) FROM contract")[0][0], 3, "contracts in the file")
    again = _replay(t, path, code=code)
    _same(_alerts(again), _alerts(live), "alerts")
    _same(again.objects("violation"), live.objects("violation"), "violations")
    for key in ("components", "alerts", "verdict"):
        equal(again.final()[key], live.final()[key], f"{key} of the final object")
    within_30 = _ask(path, "SELECT count(*) FROM span s JOIN component c ON c.id = s.component "
                           "WHERE c.name = 'rpc' AND s.duration_ns > 30000000")[0][0]
    template = "lapse: 1\ncomponents:\n  rpc:\n    measure: rpc_call\n    contract: {max_latency: 30ms}\n"
    other = _replay(t, path, t.write("other.yaml", template), code=1)
    rpc = other.final()["components"]["rpc"]
    # What was open at the end may have been over it, too.
    within(rpc["violations"], within_30, within_30 + rpc["in_flight"], "violations by 30 ms all along")


@case(seconds=90)
def other_contracts(t):
    """Would this have alerted, and when: by other limits, without a new run."""
    pipeline = _pipeline(t)
    pipeline.order("slow rpc 40ms 20%")
    path = t.path("a.lapse")
    live = t.lapse("record", "-p", pipeline.pid, "-o", path, "rpc=rpc_call", "-d", "4", "--json")
    equal(live.wait(40), 0, "exit code without contracts")
    pipeline.finish()
    calls = live.component("rpc")["count"]
    slow = _ask(path, "SELECT count(*) FROM span WHERE duration_ns > 30000000")[0][0]
    # What is still under way at the end has broken it, too.
    hung = _ask(path, "SELECT count(DISTINCT start_ns) FROM open WHERE duration_ns > 30000000 AND start_ns NOT IN "
                      "(SELECT start_ns FROM span)")[0][0]
    equal(_ask(path, "SELECT count(*) FROM span")[0][0], calls, "calls that were recorded one by one")
    check(slow > 5, f"only {slow} slow calls")

    template = "lapse: 1\ncomponents:\n  {name}:\n    measure: {measure}\n    contract: {{max_latency: {limit}}}\n"
    strict = t.write("strict.yaml", template.format(name="rpc", measure="rpc_call", limit="30ms"))
    broken = _replay(t, path, strict, code=1)
    equal(broken.final()["components"]["rpc"]["violations"], slow + hung, "violations by the stricter contract")
    first = broken.objects("alert")[0]
    equal(first["state"], "firing", "the first alert's state")
    times = [v["time"] for v in broken.objects("violation")]
    equal(first["time"], min(times), "when it would have alerted")
    lax = t.write("lax.yaml", template.format(name="rpc", measure="rpc_call", limit="10s"))
    equal(_alerts(_replay(t, path, lax, code=0)), [], "alerts by a contract that holds")
    named = t.write("named.yaml", template.format(name="remote", measure="rpc_call", limit="30ms"))
    equal(_replay(t, path, named, code=1).final()["components"]["remote"]["violations"], slow + hung,
          "matched by its probe")
    other = t.write("other.yaml", template.format(name="other", measure="no_such", limit="30ms"))
    stranger = _replay(t, path, other, code=3)
    check(any("not in the recording" in line for line in stranger.err), "what has no match is not said")


@case(seconds=90)
def limits_within_a_bucket_are_unknown(t):
    """Watched by a limit far off, calls were not sent: a limit among them is told from histograms, or not at all."""
    target = t.target("timed", "--calls", 400, "--ns", "3ms")
    path = t.path("a.lapse")
    live = t.lapse("record", "-p", target.pid, "w=work_push", "-o", path, "--json", "--max-rate", "10/s",
                   "--slower", "10s")
    target.go()
    target.done()
    live.stop()
    target.finish()
    component = live.component("w")
    check(_ask(path, "SELECT sum(not_streamed) FROM tick")[0][0] > 100, "calls were streamed above the rate")
    low, high, _ = max(component["histogram"], key=lambda row: row[2])
    template = "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n    contract: {{max_latency: {limit}ns}}\n"
    within_it = t.write("within.yaml", template.format(limit=(low + high) // 2))
    final = _replay(t, path, within_it).final()["components"]["w"]["contract"]["max_latency"]
    above = sum(row[2] for row in component["histogram"] if row[0] >= high)
    equal(final["verdict"], "violated" if above else "unknown", "verdict of a limit inside of the fullest bucket")
    beyond = t.write("beyond.yaml", template.format(limit=2 * component["max_ns"]))
    equal(_replay(t, path, beyond, code=0).final()["verdict"], "held", "verdict of a limit above all")
    below = t.write("below.yaml", template.format(limit=low // 2))
    equal(_replay(t, path, below, code=1).final()["components"]["w"]["violations"], component["count"],
          "violations of a limit below all")


@case(seconds=90)
def killed(t):
    """kill -9: what was there until the last second is judged, and it is said that the end is missing."""
    pipeline = _pipeline(t)
    pipeline.order("slow rpc 40ms 10%")
    path = t.path("a.lapse")
    live = t.lapse("watch", _contract(t), "-p", pipeline.pid, "--capture", path, "--json", "-i", "1")
    wait_until(lambda: len(live.objects("window")) >= 15, "three reports of five components")
    live.signal(signal.SIGKILL)
    live.wait()
    windows = {w["time"] for w in live.objects("window")}
    replay = t.lapse_ends("replay", path, "--json", seconds=60)
    check(any("not ended in peace" in line for line in replay.err), "that the end is missing is not said")
    ticks = _ask(path, "SELECT count(*) FROM tick")[0][0]
    check(ticks >= len(windows) - 1, f"{ticks} ticks of {len(windows)} reports")
    live_alerts, again = _alerts(live), _alerts(replay)
    _same(again, live_alerts[:len(again)], "alerts until then")
    check(not os.path.exists(path + "-wal"), "there is still a log beside what has been read")
    alone = shutil.copy(path, t.path("copy.lapse"))
    check(not any("newest part" in line for line in t.lapse_ends("report", alone).err), "a copy is said to lack some")
    pipeline.finish()


@case(seconds=60)
def copied_without_its_log(t):
    """The file alone, while it is written: what may be missing is said each time, and nothing at all is an error."""
    target = t.target("hot", "--calls", 120000, "--rate", 20000)
    path, empty, part, whole = (t.path(name) for name in ("a.lapse", "empty.lapse", "part.lapse", "whole.lapse"))
    live = t.lapse("record", "-p", target.pid, "hot", "-o", path)
    shutil.copy(path, empty)
    target.go()
    wait_until(lambda: _ask(path, "SELECT count(*) FROM span")[0][0], "the first calls")
    _ask(path, "PRAGMA wal_checkpoint(PASSIVE)")
    for suffix in ("", "-wal"):
        shutil.copy(path + suffix, whole + suffix)
    shutil.copy(path, part)
    for verb in ("report", "replay"):
        run = t.lapse_ends(verb, empty)
        equal(run.popen.returncode, 2, f"exit code of {verb} of nothing")
        check(any("empty.lapse-wal" in line for line in run.err), f"{verb} names no log: {run.err}")
        run = t.lapse_ends(verb, part)
        check(any("may lack its newest part" in line for line in run.err), f"{verb} does not say it: {run.err}")
        run = t.lapse_ends(verb, whole)
        check(not any("newest part" in line for line in run.err), f"{verb} says it of both files: {run.err}")
    live.stop()
    target.finish()
    run = t.lapse_ends("report", path)
    check(not run.err, f"of what has ended it is said: {run.err}")


@case(seconds=60)
def disk_full(t):
    """The recording stops and is said to; tracing goes on."""
    mount, umount = need("mount", "umount")
    folder = t.path("small")
    os.mkdir(folder)
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode:
        raise Skip("no tmpfs can be mounted here")
    t.defer(lambda: subprocess.run([umount, folder], check=False))
    target = t.target("hot", "--calls", 60000, "--rate", 30000)
    live = t.lapse("record", "-p", target.pid, "hot", "-o", os.path.join(folder, "a.lapse"), "--json")
    target.go()
    target.done(60)
    live.wait_line("recording has stopped: the disk is full", live.err)
    live.stop()
    target.finish()
    equal(live.component("hot")["count"], 60000, "calls counted")
    recording = live.final()["recording"]
    equal(recording["stopped"], "the disk is full", "why it stopped")
    check(recording["lost"] > 0, "nothing is said to be lost")
    equal(recording["spans"] + recording["lost"], 60000, "calls in the file and lost ones")
    final = _replay(t, os.path.join(folder, "a.lapse")).final()
    check(final["system"]["requests"] < 60000, "more is recorded than there is room for")


@case(seconds=90)
def flight_recorder(t):
    """A critical violation writes what was before it and what follows, one file an incident; so does SIGUSR2."""
    pipeline = _pipeline(t)
    folder = t.path("incidents")
    contract = t.write("calm.yaml", "lapse: 1\ncomponents:\n  rpc:\n    measure: rpc_call\n"
                       "    contract: {max_latency: 350ms}\n")
    live = t.lapse("record", "-p", pipeline.pid, "-c", contract, "--keep", "60s", "--after", "2s",
                   "--max-incidents", "2", "-o", folder, "--json")
    live.wait_line('"type":"health"', seconds=30)
    equal(os.listdir(folder), [], "files before anything happened")
    pipeline.order("slow rpc 800ms 20%")
    live.wait_line("is written to", live.err, seconds=40)
    pipeline.order("heal")
    live.wait_line("is written: ", live.err, seconds=40)
    found = glob.glob(os.path.join(folder, "*.lapse"))
    equal(len(found), 1, "incidents")
    check(re.search(r"/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-(\w+)\.lapse$", found[0]), f"name {found[0]}")
    facts = dict(_ask(found[0], "SELECT name, value FROM fact"))
    check("VIOLATION of" in facts["incident"], f"incident {facts['incident']!r}")
    equal(facts["complete"], 1, "complete")
    when = _ask(found[0], "SELECT min(time_ns) FROM violation WHERE severity = 'critical'")[0][0]
    before = _ask(found[0], f"SELECT count(*) FROM tick WHERE now_ns < {when}")[0][0]
    after = _ask(found[0], f"SELECT max(now_ns) - {when} FROM tick")[0][0]
    within(before, 7, 61, "ticks before it")
    check(after >= 1.9e9, f"{after} ns after it")
    equal(oct(os.stat(found[0]).st_mode & 0o777), "0o600", "mode")
    live.signal(signal.SIGUSR2)
    wait_until(lambda: len(glob.glob(os.path.join(folder, "*.lapse"))) == 2, "the second incident")
    pipeline.order("slow rpc 800ms 50%")
    live.wait_line("no more will be", live.err, seconds=40)
    live.stop(code=None)
    equal(len(glob.glob(os.path.join(folder, "*.lapse"))), 2, "incidents at the end")
    for path in glob.glob(os.path.join(folder, "*.lapse")):
        replay = t.lapse_ends("replay", path, "--json", seconds=60)
        check(replay.popen.returncode in (0, 1, 3), f"replay of {path}: {replay.last_words()}")
    pipeline.finish()


@case()
def in_place_of_nothing_but_files(t):
    """Who records where a device or a pipe is loses neither; as root it would be the machine's /dev/null."""
    target = t.target("timed", "--calls", 5, "--ns", "1ms")
    device, pipe, other = t.path("null"), t.path("pipe"), t.write("other", "somebody's")
    os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mkfifo(pipe)
    before = {path: os.stat(path).st_ino for path in (device, pipe, other)}
    for path in before:
        tracer = t.lapse_ends("record", "-p", target.pid, "work_push", "-o", path)
        equal(tracer.popen.returncode, 2, f"exit code with -o {path}")
        tracer.wait_line(f"{path} is there already, and is no recording: name another file", tracer.err)
    equal({path: os.stat(path).st_ino for path in before}, before, "what is there")
    check(stat.S_ISCHR(os.stat(device).st_mode) and stat.S_ISFIFO(os.stat(pipe).st_mode), "they are something else")
    target.go()
    target.done()
    target.finish()


@case(seconds=60)
def flight_recorder_on_a_full_disk(t):
    """A storm of critical violations is tried once, leaves no empty files, and the report does not call it calm."""
    mount, umount = need("mount", "umount")
    folder = t.path("small")
    os.mkdir(folder)
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], check=False).returncode:
        raise Skip("no tmpfs can be mounted here")
    t.defer(lambda: subprocess.run([umount, folder], check=False))
    incidents = os.path.join(folder, "incidents")
    os.mkdir(incidents)
    target = t.target("timed", "--calls", 200, "--ns", "1ms")
    contract = t.write("storm.yaml", "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n"
                                     "    contract: {max_latency: 10us}\n")
    for args in (("--json",), ()):
        live = t.lapse("record", "-p", target.pid, "-c", contract, "--keep", "60s", "-o", incidents, *args)
        if args:
            target.go()
            target.done()
        else:
            live.signal(signal.SIGUSR2)
            live.wait_line("cannot write", live.err)
        live.stop(code=None)
        equal(sum("cannot write" in line for line in live.err), 1, "how often it is said that it cannot be written")
        equal(os.listdir(incidents), [], "files")
        if args:
            equal(live.final()["recording"]["stopped"], "an incident could not be written", "why nothing is recorded")
        else:
            check("recorded: nothing: an incident could not be written" in live.out, f"the report: {live.out[-5:]}")
    target.finish()


@case(seconds=60)
def nothing_to_trigger(t):
    """Without --keep SIGUSR2 is ignored, which is said once, and the recording ends in peace."""
    target = t.target("timed", "--calls", 5, "--ns", "1ms")
    path = t.path("a.lapse")
    live = t.lapse("record", "-p", target.pid, "w=work_push", "-o", path)
    for _ in range(2):
        live.signal(signal.SIGUSR2)
        live.wait_line("SIGUSR2 is for record with --keep", live.err)
    target.go()
    target.done()
    live.stop(code=0)
    equal(len([line for line in live.err if "SIGUSR2" in line]), 1, "how often it is said")
    equal(dict(_ask(path, "SELECT name, value FROM fact"))["complete"], 1, "complete")


@case(seconds=30)
def command_can_be_given_again(t):
    """As the shell takes it: probes with modifiers have blanks, parentheses and more."""
    target = t.target("timed", "--calls", 1, "--ns", "1ms")
    path = t.path("it's $HOME.lapse")
    words = ["record", "-p", str(target.pid), "w=work_push err(int ret < 0)", "-o", path, "-d", "1"]
    tracer = t.lapse_ends(*words)
    equal(tracer.popen.returncode, 0, f"exit code ({tracer.last_words()})")
    command = dict(_ask(path, "SELECT name, value FROM fact"))["command"]
    equal(shlex.split(command)[1:], words, f"words of {command}")


@case(seconds=60)
def output_beside_the_recording(t):
    """Both in one file: one would be lost."""
    path = t.path("a.lapse")
    tracer = t.lapse_ends("stat", "-p", os.getpid(), "syscall:getpid", "--capture", path, "-o", path, "-d", "1")
    equal(tracer.popen.returncode, 2, "exit code")
    check(any("-o" in line and "--capture" in line for line in tracer.err), tracer.last_words())


@case(seconds=60)
def flight_recorders_options_alone(t):
    """Without --keep they would be ignored, and everything kept in one file: that is a mistake, and said."""
    for option, value in (("--on", "critical"), ("--after", "2s"), ("--keep-size", "8MiB"), ("--max-incidents", "3")):
        tracer = t.lapse_ends("record", "-p", os.getpid(), "syscall:getpid", option, value, "-o", t.path("a.lapse"),
                              "-d", "1")
        equal(tracer.popen.returncode, 2, f"exit code with {option} alone")
        check(any(option in line and "--keep" in line for line in tracer.err), f"{option}: {tracer.last_words()}")
    check(not os.path.exists(t.path("a.lapse")), "a file was begun")


@case(seconds=60)
def streamed_up_to_the_rate(t):
    """Above it samples go, and what failed or was slow; the counts are exact all the same."""
    target = t.target("timed", "--calls", 3000, "--ns", "20us,20us,20us,20us,3ms")
    path = t.path("a.lapse")
    live = t.lapse("record", "-p", target.pid, "w=work_push", "-o", path, "--max-rate", "10/s", "--slower", "1ms",
                   "--json")
    target.go()
    target.done(60)
    live.stop()
    target.finish()
    counted(live.component("w"), 3000, "calls")
    check(any("--max-rate" in line for line in live.err), "that only samples are recorded is not said")
    spans, slow = _ask(path, "SELECT count(*), sum(duration_ns > 1000000) FROM span")[0]
    left_out = _ask(path, "SELECT sum(not_streamed) FROM tick")[0][0]
    equal(spans + left_out, 3000, "spans in the file and those left out")
    check(slow >= 600, f"{slow} slow spans of 600")
    check(left_out > 1500, f"only {left_out} left out")
    equal(_replay(t, path, code=0).component("w")["count"], 3000, "count after the replay")


@case(seconds=60)
def traced_and_recorded(t):
    """trace shows what is slow alone, though all is recorded; the file says why it was."""
    target = t.target("timed", "--calls", 300, "--ns", "10us,10us,5ms")
    path = t.path("a.lapse")
    live = t.lapse("trace", "-p", target.pid, "w=work_push", "--slower", "2ms", "--capture", path, "--json")
    target.go()
    target.done()
    live.stop()
    target.finish()
    shown = [s for s in live.objects("span") if not s["open"]]
    slow = _ask(path, "SELECT count(*) FROM span WHERE flags & 1")[0][0]
    equal(len(shown), slow, "spans shown against those marked in the file")
    equal(_ask(path, "SELECT count(*) FROM span")[0][0], 300, "spans in the file")
    row = _ask(path, "SELECT component, pid, comm FROM spans ORDER BY ms DESC LIMIT 1")[0]
    equal(row[:2], ("w", target.pid), "the slowest call by the view")


@case(seconds=90)
def questions_of_the_manual(t):
    """Every question that the manual puts to sqlite3 has an answer."""
    need("sqlite3")
    pipeline = _pipeline(t)
    pipeline.order("slow rpc 40ms 20%")
    live = t.lapse("record", "-p", pipeline.pid, "-c", _contract(t), "-o", t.path("incident.lapse"), "-d", "4")
    live.wait(40)
    pipeline.finish()
    with open(MANUAL, encoding="utf-8") as file:
        blocks = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", file.read(), re.M | re.S)
    questions = [b.replace("\\e", "\\").replace("\\&", "") for b in blocks if b.startswith("sqlite3 incident.lapse")]
    check(len(questions) >= 3, f"{len(questions)} questions in the manual")
    for question in questions:
        done = subprocess.run(["sh", "-c", question], cwd=t.dir, capture_output=True, text=True, check=False)
        check(done.returncode == 0 and not done.stderr, f"{question!r}: {done.stderr}")
        check(done.stdout.strip(), f"{question!r} has no answer")


@case(seconds=30)
def damaged(t):
    """A file that was cut is read as far as it goes; one that is none is refused."""
    target = t.target("timed", "--calls", 3000, "--ns", "10us")
    path = t.path("a.lapse")
    live = t.lapse("record", "-p", target.pid, "w=work_push", "-o", path)
    target.go()
    target.done()
    live.stop()
    target.finish()
    cut = t.path("cut.lapse")
    shutil.copy(path, cut)
    os.truncate(cut, os.path.getsize(path) // 2)
    tracer = t.lapse_ends("replay", cut, "--json")
    check(tracer.popen.returncode in (0, 2), f"exit code {tracer.popen.returncode}")
    check(any("damaged" in line for line in tracer.err), "the damage is not said")
    none = t.write("none.lapse", "something else")
    tracer = t.lapse_ends("replay", none)
    equal(tracer.popen.returncode, 2, "exit code for what is no recording")
    tracer = t.lapse_ends("record", "-p", os.getpid(), "nothing", "-o", none)
    check(tracer.popen.returncode in (2, 4), "a file that is none is written over")
    tracer = t.lapse_ends("record", "-p", os.getpid(), "no_such_function", "-o", t.path("never.lapse"))
    check(tracer.popen.returncode not in (0, 1), "a function that is not there is recorded")
    check(not os.path.exists(t.path("never.lapse")), "what could not be traced has left a file")
    with open(none, encoding="ascii") as file:
        equal(file.read(), "something else", "the file")
