# SPDX-License-Identifier: GPL-2.0-or-later
"""Spans from one place to another, joined by key across threads; system calls and loops."""

from harness import case, check, conserved, counted, equal, lossless, within

BESIDE = True  # harness.py

SPAN = "job=span:job_begin(arg0)..job_end(arg0)"


def run(t, probe, *args):
    target = t.target("keyed", *args)
    tracer = t.stat(target.pid, probe)
    target.go()
    truth = target.done()
    return target, tracer, truth


@case(beside=False)
def joined_across_threads(t):
    target, tracer, truth = run(t, SPAN, "--jobs", 1000, "--threads", 4)
    tracer.stop()
    lossless(tracer.final())
    job = tracer.component("job")
    counted(job, truth["ended"], "jobs")
    # The program's clock is read within the span.
    within(job["p50_ns"], truth["median_ns"] * 0.95, truth["median_ns"] * 1.15 + 20000, "median")
    target.finish()


@case()
def open_ones_are_seen(t):
    target, tracer, truth = run(t, SPAN, "--jobs", 100, "--lose", 10)
    tracer.stop()
    final = tracer.final()
    lossless(final)
    counted(final["components"]["job"], truth["ended"], "jobs")
    equal(final["integrity"]["in_flight"], truth["lost"], "jobs in flight")
    target.finish()


@case()
def begun_again_and_ended_without(t):
    target, tracer, truth = run(t, SPAN, "--jobs", 100, "--again", 5, "--extra", 7)
    tracer.stop()
    final = tracer.final()
    conserved(final)
    counted(final["components"]["job"], truth["ended"], "jobs")
    equal(final["integrity"]["restarted"], truth["again"], "restarted")
    equal(final["integrity"]["unmatched_end"], 7, "ends without a job")
    target.finish()


@case()
def open_for_too_long_is_abandoned(t):
    target, tracer, truth = run(t, SPAN + " timeout=1s", "--jobs", 40, "--lose", 4)
    t.wait_until(lambda: [w for w in tracer.objects("window") if w["count"]] and
                 tracer.objects("window")[-1]["in_flight"] == 0, "the lost jobs to expire")
    tracer.stop()
    final = tracer.final()
    conserved(final)
    counted(final["components"]["job"], truth["ended"], "jobs")
    equal(final["integrity"]["abandoned"], truth["lost"], "abandoned")
    equal(final["integrity"]["timed_out"], truth["lost"], "timed out")
    target.finish()


PROMISE = """lapse: 1
components:
  job:
    measure: "span:job_begin(arg0)..job_end(arg0)"
    timeout: {timeout}
    contract: {{max_latency: {limit}}}
"""


def given_up(t, timeout, *args):
    """Jobs that outlast their timeout, which violate the limit below it: once each, and nothing else does."""
    target = t.target("keyed", "--jobs", 40, "--lose", 4, *args)
    path = t.write("contract.yaml", PROMISE.format(timeout=timeout, limit="1s"))
    tracer = t.lapse("watch", path, "-p", target.pid, "--json", "-i", "1")
    target.go()
    return target, tracer, target.done()


def violated_once_each(tracer, truth):
    final = tracer.final()
    conserved(final)
    job = final["components"]["job"]
    counted(job, truth["ended"] - truth["late"], "jobs")
    equal(job["timed_out"], truth["lost"], "timed out")
    equal(job["violations"], truth["lost"], "violations")
    told = tracer.objects("violation")
    equal(sum(v["open"] for v in told), truth["lost"], "violations told, by spans that had not ended")
    equal(len(told), truth["lost"], "violations told")


@case()
def given_up_is_a_violation(t):
    """Whether the time past the limit is too short to be seen open at a tick, or long enough."""
    for timeout in ("1001ms", "3s"):
        target, tracer, truth = given_up(t, timeout)
        t.wait_until(lambda: [w for w in tracer.objects("window") if w["count"]] and
                     tracer.objects("window")[-1]["in_flight"] == 0, "the lost jobs to be given up")
        tracer.stop(code=1)
        violated_once_each(tracer, truth)
        target.finish()


@case()
def late_ends_are_violations(t):
    """The ends of what outlasted its timeout change nothing, whether a tick has given it up before or not."""
    target, tracer, truth = given_up(t, "1200ms", "--late", "1500ms")
    equal(truth["late"], truth["lost"], "late ends")
    tracer.stop(code=1)
    violated_once_each(tracer, truth)
    equal(tracer.final()["integrity"]["unmatched_end"], truth["late"], "ends of what had been given up")
    target.finish()


@case()
def begun_again_too_late_is_a_violation(t):
    """What is past the limit when its key is begun anew was too long, whether a tick has seen it or not."""
    target = t.target("keyed", "--jobs", 40, "--again", 4, "--wait", "700ms")
    path = t.write("contract.yaml", PROMISE.format(timeout="60s", limit="500ms"))
    tracer = t.lapse("watch", path, "-p", target.pid, "--json")
    target.go()
    truth = target.done()
    tracer.stop(code=1)
    job = tracer.component("job")
    conserved(tracer.final())
    counted(job, truth["ended"], "jobs")
    equal((job["restarted"], job["violations"]), (truth["again"], truth["again"]), "restarted, and violations")
    equal([v["open"] for v in tracer.objects("violation")], [True] * truth["again"], "violations told")
    target.finish()


@case()
def a_timeout_within_the_limit_is_refused(t):
    path = t.write("contract.yaml", PROMISE.format(timeout="2s", limit="2s"))
    tracer = t.lapse_ends("check", path)
    equal(tracer.popen.returncode, 2, "exit code")
    check(any(":6:16: 'max_latency' cannot be judged for 'job'" in line and "timeout above 2.00 s" in line
              for line in tracer.err), tracer.last_words())


@case()
def a_trace_of_what_is_given_up_before_is_refused(t):
    target = t.target("keyed")
    tracer = t.lapse_ends("trace", "-p", target.pid, SPAN + " timeout=2s", "--slower", "2s")
    equal(tracer.popen.returncode, 2, "exit code")
    check(any("before it is slower than 2.00 s; add a timeout=" in line for line in tracer.err), tracer.last_words())


@case()
def given_up_is_shown(t):
    """In a trace each lost job stands once as open, if a tick has seen it so, and once when it is given up."""
    target = t.target("keyed", "--jobs", 40, "--lose", 4)
    tracer = t.lapse("trace", "-p", target.pid, SPAN + " timeout=3s", "--slower", "1s", "--json")
    target.go()
    truth = target.done()

    def given_up_ones():
        return [s for s in tracer.objects("span") if s["duration_ns"] > 3e9]

    t.wait_until(lambda: len(given_up_ones()) >= truth["lost"], "the lost jobs to be given up")
    tracer.stop()
    given_up = given_up_ones()
    equal(len(given_up), truth["lost"], "jobs that were given up")
    check(all(s["open"] and s["ok"] is None for s in given_up), "an outcome of what never ended")
    conserved(tracer.final())
    target.finish()


@case()
def ends_of_what_was_left_out_are_no_loss(t):
    target, tracer, truth = run(t, SPAN + " if(int arg1 >= 5)", "--jobs", 200)
    tracer.stop()
    lossless(tracer.final())
    counted(tracer.component("job"), truth["ended"] // 2, "jobs of size 5 and above")
    equal(tracer.final()["integrity"]["unmatched_end"], 0, "unmatched ends")
    target.finish()


@case()
def keys_of_results_and_two_parts(t):
    # job_begin returns the job's number, which no end has as an argument: the address serves both.
    target, tracer, truth = run(
        t, "job=span:job_begin(arg0,tid)..job_begin:return(arg0,tid)", "--jobs", 200)
    tracer.stop()
    lossless(tracer.final())
    counted(tracer.component("job"), truth["begun"], "calls")
    target.finish()


@case()
def outcome_and_values_of_a_span(t):
    target, tracer, truth = run(
        t, "job=span:job_begin(arg0)..job_end:return(arg0) err(int ret < 0) value(size=int arg1) if(int arg1 >= 0)",
        "--jobs", 400)
    tracer.stop()
    lossless(tracer.final())
    job = tracer.component("job")
    counted(job, truth["ended"], "jobs")
    equal(job["errors"], truth["failed"], "errors")
    equal(job["values"]["size"]["mean"], truth["sum_size"] / truth["ended"], "mean size")
    target.finish()


@case(beside=False)
def system_calls(t):
    target = t.target("turner")
    tracer = t.stat(target.pid, "syscall:openat", "nap=syscall:clock_nanosleep")
    target.go()
    truth = target.done()
    tracer.stop()
    lossless(tracer.final())
    opened, nap = tracer.component("openat"), tracer.component("nap")
    counted(opened, truth["calls"], "opened files")
    equal(opened["errors"], truth["failed"], "files that are not there")
    counted(nap, truth["calls"], "naps")
    within(nap["p50_ns"], truth["nap_ns"] * 0.9, truth["nap_ns"] * 1.02, "median nap")
    target.finish()


@case()
def system_calls_with_modifiers(t):
    target = t.target("turner")
    tracer = t.stat(target.pid, "seldom=syscall:openat err(ret == -ENOENT)",
                    "long=syscall:clock_nanosleep if(arg0 == 0)")
    target.go()
    truth = target.done()
    tracer.stop()
    # What is beneath a file is ENOTDIR.
    equal(tracer.component("seldom")["errors"], 0, "errors by err()")
    counted(tracer.component("long"), truth["calls"], "naps by CLOCK_REALTIME")
    target.finish()


@case(beside=False)
def turns_of_a_loop(t):
    target = t.target("turner")
    tracer = t.stat(target.pid, "loop")
    target.go()
    truth = target.done()
    tracer.stop()
    conserved(tracer.final())
    turns = tracer.component("loop")
    counted(turns, truth["turns"], "turns")
    within(turns["p50_ns"], truth["turn_ns"] * 0.95, truth["turn_ns"] * 1.05, "median turn")
    # The last wait came back, and no other followed it.
    equal(tracer.final()["integrity"]["in_flight"], 1, "turns in flight")
    target.finish()


@case()
def unknown_system_call(t):
    target = t.target("timed")
    tracer = t.lapse_ends("stat", "-p", target.pid, "syscall:fsynk")
    equal(tracer.popen.returncode, 4, "exit code")
    check(any("fsync" in line for line in tracer.err), f"no nearest name: {tracer.last_words()}")


TWICE = """lapse: 1
components:
  a: {measure: "%s", contract: {max_latency: 10s}}
  b: {measure: "%s", contract: {max_latency: 10s}}
"""


@case()
def a_system_call_is_measured_once(t):
    target = t.target("keyed")
    for probe in ("syscall:fsync", "loop"):
        path = t.write("twice.yaml", TWICE % (probe, probe))
        for words in (("watch", path, "-p", target.pid), ("check", path), ("check", path, "-p", target.pid),
                      ("stat", "-p", target.pid, f"a={probe}", f"b={probe}")):
            run = t.lapse_ends(*words)
            equal(run.popen.returncode, 2, f"exit code of {words}")
            check(any("cannot be measured twice, as 'a' and as 'b'" in line for line in run.err), run.last_words())


@case()
def one_function_s_entry_serves_several(t):
    target = t.target("keyed", "--jobs", 500)
    tracer = t.stat(target.pid, SPAN, "job_begin", "again=span:job_begin(arg0)..job_end:return(arg0)")
    target.go()
    truth = target.done()
    tracer.stop()
    lossless(tracer.final())
    for name in ("job", "again"):
        counted(tracer.component(name), truth["ended"], name)
    counted(tracer.component("job_begin"), truth["begun"], "job_begin")
    target.finish()
