# SPDX-License-Identifier: GPL-2.0-or-later
"""The episodes: what the pipeline is told, the contract that it is under, and how one is run."""

import json
import os
import shutil
import signal
import time

import labels
from harness import Case, Fail, Lapse, Process, TARGETS, wait_until
from pipeline import Pipeline, ahead_of_others

SECONDS = 6  # of tracing

# The limits that labels.py judges the log by are these.
CONTRACT = """lapse: 1
target: {{exe: {exe}}}
window: 2s
alerts: {{resolve_after: 30s}}
components:
  rpc:
    measure: rpc_call
    err: "int ret < 0"
    contract: {{max_latency: 30ms, max_failure_rate: 10%}}
  tokens:
    measure: validate_token
    cache: {{measure: cache_lookup, hit: "int ret != 0"}}
    contract: {{min_cache_hit_rate: 80%}}
  orders:
    measure: "span:order_received(arg0)..order_confirmed(arg0)"
    contract: {{max_backlog: 30, max_memory: 60MB, min_uptime: {{limit: 90%, over: 10s}}}}
handlers:
  - {{when: '*', file: "{told}"}}
"""

TYPES = {
    "LATENCY_VIOLATION": labels.latency,
    "FAILURE_RATE_VIOLATION": labels.failures,
    "CACHE_HIT_RATE_VIOLATION": labels.cache,
    "BACKLOG_VIOLATION": labels.backlog,
    "MEMORY_VIOLATION": labels.memory,
    "UPTIME_VIOLATION": labels.uptime,
}


# What the pipeline is told, by the number of the episode among its kind: from hardly to by far.
def _healthy(n):
    return [f"slow rpc {2 + n % 12}ms {10 + n % 40}%"]


def _slow(n):
    return [f"slow rpc {40 + 10 * (n % 20)}ms {2 + n % 10}%"]


def _failing(n):
    return [f"fail rpc {20 + 3 * (n % 25)}%"]


def _cache(n):
    return [f"fail cache {40 + 2 * (n % 30)}%"]


def _backlog(n):
    return [f"slow order {120 + 10 * (n % 20)}ms"]


def _memory(n):
    return [f"grow {70 + 5 * (n % 20)}MB"]


def _nothing(_n):
    return []


# "dead" is killed. Beside "noise" run busy processes, and it alone has to share the machine with them and with
# whatever else is there; that is why the others run ahead of all that.
KINDS = {"healthy": _healthy, "slow": _slow, "failing": _failing, "cache": _cache, "backlog": _backlog,
         "memory": _memory, "dead": _nothing, "noise": _nothing}


class Episode:
    def __init__(self, case, number):
        self.kind = list(KINDS)[number % len(KINDS)]
        self.number = number // len(KINDS)
        self.case, self.told = case, case.path("told.jsonl")
        self.commands = KINDS[self.kind](self.number)

    def _start(self):
        """A copy of the program, so that it alone is meant, and that lapse goes on when it has died."""
        exe = shutil.copy(os.path.join(TARGETS, "pipeline"), self.case.path("pipeline"))
        contract = self.case.write("contract.yaml", CONTRACT.format(exe=exe, told=self.told))
        ahead = None if self.kind == "noise" else ahead_of_others
        self.pipeline = self.case.started(Pipeline(self.case, exe=exe, preexec_fn=ahead))
        time.sleep(1.5)  # the cache fills
        self.lapse = self.case.started(Lapse(["watch", contract, "--json", "-d", str(SECONDS)], wait=False))
        self.lapse.wait_line(r"^lapse: tracing", self.lapse.err, seconds=60)
        self.begin_ns = time.monotonic_ns()

    def _misbehave(self):
        time.sleep(1.5)
        if self.kind == "noise":
            for _ in range(1 + self.number % 4):
                self.case.started(Process(["sh", "-c", "while :; do :; done"], name="hog"))
        if self.kind == "dead":
            self._kill()
        self.pipeline.order(*self.commands)

    def _kill(self):
        """It writes its log first."""
        self.pipeline.signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists(self.pipeline.log), "the log")
        self.pipeline.signal(signal.SIGKILL)
        self.pipeline.wait()

    def _end(self):
        self.lapse.wait(SECONDS + 20)
        self.end_ns = time.monotonic_ns()
        if self.pipeline.running():
            self.pipeline.finish()

    def run(self):
        self._start()
        self._misbehave()
        self._end()
        log = labels.Log(self.pipeline.log, self.begin_ns, self.end_ns, self.pipeline.popen.returncode)
        with open(self.told, encoding="utf-8") as file:
            alerted = {json.loads(line)["violation"] for line in file}
        found = {kind: label(log) for kind, label in TYPES.items()}
        return {"episode": self.kind, "told": "; ".join(self.commands) or self.kind,
                "types": {kind: (true, kind in alerted) for kind, (true, _) in found.items()},
                "why": {kind: why for kind, (_, why) in found.items()}}


def run(number):
    name = f"{list(KINDS)[number % len(KINDS)]} {number}"
    case = Case(f"alerts-{number}")
    try:
        return {"name": name, **Episode(case, number).run()}
    except Fail as fail:
        return {"name": name, "error": str(fail)}
    finally:
        case.clean()
