# SPDX-License-Identifier: GPL-2.0-or-later
"""A Java virtual machine's own functions, which its collector must still find on the stack."""

import os
import subprocess

from harness import ROOT, Skip, Target, case, check, conserved, need

BESIDE = True  # harness.py

SOURCE = os.path.join(ROOT, "tests/targets/Collected.java")


def _machine(t, milliseconds):
    """Java, with little memory, so that it collects often."""
    classes = os.path.join(t.dir, "classes")
    compiled = subprocess.run([need("javac"), "-d", classes, SOURCE], capture_output=True, text=True, check=False)
    if compiled.returncode:
        raise Skip(f"javac does not work: {compiled.stderr[:200]}")
    return t.started(Target([need("java"), "-Xmx64m", "-cp", classes, "Collected", milliseconds]))


@case(120)
def functions_that_compiled_code_calls(t):
    """Compiled code leaves it to the machine to find out from where it was called. Return probes there end the
    process at the next collection."""
    target = _machine(t, 1500)
    tracer = t.lapse("stat", "-p", target.pid, "libjvm:OptoRuntime::*_C", "libjvm:SharedRuntime::*monitor*", "--json")
    target.go()
    target.done()
    check(tracer.running(), f"lapse ended early; {tracer.last_words()}")
    tracer.stop()
    conserved(tracer.final())
    check(tracer.final()["integrity"]["entries"], "nothing was called")
    target.finish()
