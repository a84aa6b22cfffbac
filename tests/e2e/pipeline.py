# SPDX-License-Identifier: GPL-2.0-or-later
"""The sample pipeline (tests/targets/pipeline), and how it is told to misbehave."""

import os
import signal

from harness import TARGETS, Process, equal, wait_until

def ahead_of_others():
    """In the child: a busy machine's other work does not make it late."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class Pipeline(Process):
    """Its log and its commands are named after it."""

    def __init__(self, t, *args, name="pipeline", **popen):
        self.control, self.log = t.path(f"{name}.control"), t.path(f"{name}.log")
        super().__init__([os.path.join(TARGETS, "pipeline"), "--control", self.control, "--log", self.log, *args],
                         name=name, **popen)
        self.wait_line(r"^ready \d+")

    def order(self, *commands):
        """Returns when it has taken them."""
        for command in commands:
            answer = f"control {command}"
            before = self.out.count(answer)
            with open(self.control, "w", encoding="ascii") as fifo:
                fifo.write(command + "\n")
            wait_until(lambda: self.out.count(answer) > before, f"{self.name} to take {command!r}")

    def finish(self):
        self.signal(signal.SIGTERM)
        equal(self.wait(), 0, "exit code of the pipeline")


def start_pipeline(t, *args, **options):
    return t.started(Pipeline(t, *args, **options))
