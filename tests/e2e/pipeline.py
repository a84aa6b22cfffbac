# SPDX-License-Identifier: GPL-2.0-or-later
"""The sample pipeline (tests/targets/pipeline), and how it is told to misbehave."""

import os
import signal

from harness import TARGETS, Process, equal, wait_until

def ahead_of_others():
    """In the child: a busy machine's other work does not make it late."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class Pipeline(Process):
    """With a log of what it did, and a FIFO for commands."""

    def __init__(self, t, *args, exe=os.path.join(TARGETS, "pipeline"), **popen):
        self.control, self.log = t.path("control"), t.path("log")
        super().__init__([exe, "--control", self.control, "--log", self.log, *args], **popen)
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
        """It ends when no order is on its way; those that queue for a slow part would take it long."""
        self.order("heal")
        self.signal(signal.SIGTERM)
        equal(self.wait(), 0, "exit code of the pipeline")


def start_pipeline(t, *args, **options):
    return t.started(Pipeline(t, *args, **options))
