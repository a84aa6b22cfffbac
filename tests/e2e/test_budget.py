# SPDX-License-Identifier: GPL-2.0-or-later
"""What probes may take of the target's CPU time."""

from harness import case, check, conserved, equal


def taken_away(t, *options):
    target = t.target("hot", "--calls", 30000000, "--rate", 10000000)
    tracer = t.stat(target.pid, "hot*", *options)
    target.go()
    tracer.wait_line(r"hot is not measured any more: its probe took \d", tracer.err)
    truth = target.done(60)
    tracer.stop()
    final = tracer.final()
    conserved(final)
    # The other one of the glob keeps its probe, and loses no call while the links are made anew.
    equal(final["components"]["hot_cool"]["count"], truth["cool"], "count of hot_cool")
    check(0 < final["components"]["hot"]["count"] < truth["calls"], "hot was measured to the end")
    check(not any("hot_cool is not measured" in line for line in tracer.err), "hot_cool was taken away")
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
