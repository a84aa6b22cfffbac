# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a call's arguments and result is captured, and judged in the kernel."""

from harness import case, check, counted, equal, lossless

BESIDE = True  # harness.py


def run(t, *probes, calls=1000, **options):
    """The final object and the truth of the program `values` under these probes."""
    target = t.target("values", "--calls", calls)
    tracer = t.stat(target.pid, *probes, **options)
    target.go()
    truth = target.done()
    tracer.stop()
    lossless(tracer.final())
    target.finish()
    return tracer.final()["components"], truth


def errors(t, count, *probes):
    """Every probe must find COUNT errors in as many calls as there are."""
    components, truth = run(t, *[f"p{i}={probe}" for i, probe in enumerate(probes)])
    for i, probe in enumerate(probes):
        got = components[f"p{i}"]
        counted(got, truth["calls"], probe)
        equal(got["errors"], truth[count] if isinstance(count, str) else count, f"errors of {probe}")


@case()
def err_by_written_types(t):
    errors(t, "negative", "give_int err(int ret < 0)")
    errors(t, "negative", "rubbish_int err(int ret < 0)", "rubbish_byte err(signed char ret < 0)")
    errors(t, "negative", "give_long err(long ret < 0)")


@case()
def err_by_debug_information(t):
    errors(t, "negative", "give_int err(ret < 0)")
    errors(t, "negative", "give_byte err(ret < 0)")


@case()
def unsigned_is_never_negative(t):
    errors(t, "negative", "give_unsigned err(ret > 0x7fffffff)", "give_ubyte err(unsigned char ret >= 128)")
    errors(t, 200, "give_unsigned err(ret == -1)")
    errors(t, 200, "give_unsigned err(unsigned ret == -1)")


@case()
def ok_is_the_other_way_round(t):
    errors(t, 800, "give_int ok(int ret == 1)")
    errors(t, 600, "give_long ok(long ret != -2) err(long ret < 2 && long ret >= 0)")


@case()
def err_by_arguments(t):
    errors(t, "negative", "take_many err(int arg6 < 0)")
    errors(t, 500, "take_many err(long arg7 & 1)")
    errors(t, "negative", "take_many err(arg6 < 0 && arg3 == -4 && arg2 == 3)")


@case()
def hits_and_misses(t):
    components, truth = run(t, "cache_get hit(ret != 0)")
    got = components["cache_get"]
    counted(got, truth["calls"], "cache_get")
    equal(got["cache_hit_rate"], (truth["calls"] - truth["misses"]) / truth["calls"], "hit rate")


@case()
def values_are_summed_and_their_extremes_kept(t):
    components, truth = run(t, "take_many value(g=int arg6) value(last=long arg7) value(diff=int ret)")
    values = components["take_many"]["values"]
    calls = truth["calls"]
    equal(set(values), {"g", "last", "diff"}, "names")
    equal((values["g"]["min"], values["g"]["max"]), (-2, 2), "extremes of g")
    equal(values["g"]["mean"], truth["sum"] / calls, "mean of g")
    equal((values["last"]["min"], values["last"]["max"]), (0, calls - 1), "extremes of last")
    equal(values["last"]["last"], calls - 1, "the last one")
    equal((values["diff"]["min"], values["diff"]["max"]), (-3, 1), "extremes of diff")


@case()
def a_large_result_moves_the_arguments(t):
    components, _ = run(t, "give_large value(v=int arg0)")
    values = components["give_large"]["values"]["v"]
    equal((values["min"], values["max"]), (-2, 2), "extremes")


@case()
def filters_by_arguments_and_result(t):
    components, truth = run(t, "late=take_many if(long arg7 >= 900)", "gone=give_int if(int ret == 2)",
                            "both=give_long if(arg0 > 0 && ret < 2)")
    counted(components["late"], 100, "calls with arg7 from 900 on")
    counted(components["gone"], truth["calls"] // 5, "calls that return 2")
    counted(components["both"], truth["calls"] // 5, "calls between")


@case()
def filters_where_a_return_cannot_be_left_alone(t):
    for kind in ("multi", "perf"):
        components, _ = run(t, "late=take_many if(long arg7 >= 900)", f"--attach={kind}")
        counted(components["late"], 100, f"calls with arg7 from 900 on, by {kind}")


@case()
def spans_carry_what_was_captured(t):
    target = t.target("values", "--calls", 50)
    tracer = t.lapse("trace", "-p", target.pid, "give_int err(int ret < 0) value(v=long arg0)", "--slower",
                     "10s", "--json")
    target.go()
    truth = target.done()
    tracer.stop()
    spans = tracer.objects("span")
    equal(len(spans), truth["negative"], "failed spans")
    for span in spans:
        check(span["ok"] is False and span["values"]["v"] in (-1, -2), f"not what was returned: {span}")
        equal(span["ret"] & 0xffffffff, span["values"]["v"] & 0xffffffff, "ret")
    target.finish()


@case()
def what_cannot_be_read_is_refused(t):
    target = t.target("values")
    for probe, words in (("cache_get err(arg3 < 0)", "1 argument"),
                         ("take_many err(float ret < 0)", "floating-point"),
                         ("give_large err(ret < 0)", "struct")):
        tracer = t.lapse_ends("stat", "-p", target.pid, probe)
        check(tracer.popen.returncode in (2, 4), f"exit code of {probe}: {tracer.popen.returncode}")
        check(any(words in line for line in tracer.err), f"{probe}: {tracer.last_words()}")
