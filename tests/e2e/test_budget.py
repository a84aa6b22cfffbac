# SPDX-License-Identifier: GPL-2.0-or-later
"""What probes may take of the target's CPU time."""

from harness import case, check, conserved, equal


def taken_away(t, *options):
    target = t.target("hot", "--calls", 30000000, "--rate", 10000000)
    tracer = t.stat(target.pid, "hot*", *options)
    target.go()
    tracer.wait_line(r"1 component is not measured any more, whose probes took \d.*: hot \d", tracer.err)
    truth = target.done(60)
    tracer.stop()
    final = tracer.final()
    conserved(final)
    # The other one of the glob keeps its probe, and loses no call while the links are made anew.
    equal(final["components"]["hot_cool"]["count"], truth["cool"], "count of hot_cool")
    check(0 < final["components"]["hot"]["count"] < truth["calls"], "hot was measured to the end")
    equal(final["components"]["hot_cool"]["detached"], False, "hot_cool was taken away")
    equal(final["components"]["hot"]["detached"], True, "hot is marked")
    equal([w["detached"] for w in tracer.objects("window") if w["component"] == "hot"][-1], True, "its last row")
    target.finish()


@case()
def glob_probes_over_budget_are_taken_away(t):
    taken_away(t)


@case()
def with_links_that_cannot_leave_a_return_alone(t):
    taken_away(t, "--attach=multi")


@case()
def a_named_probe_over_budget_is_kept(t):
    target = t.target("hot", "--calls", 1500000)
    tracer = t.stat(target.pid, "hot")
    target.go()
    truth = target.done(60)
    tracer.stop()
    equal(tracer.component("hot")["count"], truth["calls"], "count")
    warnings = [line for line in tracer.err if "of the target's CPU time" in line]
    equal(len(warnings), 1, "warnings of its price")
    target.finish()


GLOB = """lapse: 1
components:
  all: {measure: "hot*", contract: {max_latency: 100s}}
"""


@case()
def a_promise_without_its_probes_is_unknown(t):
    """What was not seen to the end is not held; the report says why."""
    target = t.target("hot", "--calls", 30000000, "--rate", 10000000)
    tracer = t.lapse("watch", t.write("glob.yaml", GLOB), "-p", target.pid, "--json", "-i", "1")
    target.go()
    tracer.wait_line(r"1 component is not measured any more", tracer.err)
    # The next figures know it.
    tracer.wait_line(r'"detached":\s*true', tracer.out)
    tracer.stop(code=3)
    final = tracer.final()
    equal(final["verdict"], "unknown", "verdict")
    check("taken away" in final["components"]["all"]["contract"]["max_latency"]["why_unknown"], "no reason is given")
    target.end()
