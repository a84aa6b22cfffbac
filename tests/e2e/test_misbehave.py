# SPDX-License-Identifier: GPL-2.0-or-later
"""The sample pipeline misbehaves in each way that a contract knows: every type of violation is raised,
escalated and resolved, and a program that lapse starts is told; while it behaves nobody is told anything.

Between a limit and twice the limit lies room for what a busy machine adds: the healthy pipeline stays far
below the limits, and what is told to be a warning far below twice of them.
"""

import glob
import json
import os

from harness import case, check, conserved, equal, wait_until
from pipeline import ahead_of_others, start_pipeline

BESIDE = True  # harness.py

HEAD = """lapse: 1
window: 2s
alerts: {{cooldown: 60s, resolve_after: {resolve_after}}}
"""

TOLD = """#!/bin/sh
exec cat > {folder}/$LAPSE_COMPONENT-$LAPSE_VIOLATION-$LAPSE_STATE-$$
"""

HANDLERS = """handlers:
  - {{when: '*', exec: ["{script}"], resolved: true}}
"""


class Watched:
    """A pipeline under a contract, and what the handler has been told of it."""

    def __init__(self, t, contract, resolve_after="2s"):
        self._folder = t.path("told")
        os.mkdir(self._folder)
        os.chmod(self._folder, 0o777)  # handlers run as nobody
        script = t.write("handler", TOLD.format(folder=self._folder), 0o755)
        path = t.write("contract.yaml", HEAD.format(resolve_after=resolve_after) + contract
                       + HANDLERS.format(script=script))
        self.pipeline = start_pipeline(t, preexec_fn=ahead_of_others)
        wait_until(lambda: self._warm(t), "the pipeline's token cache")
        self.tracer = t.lapse("watch", path, "-p", self.pipeline.pid, "--json", "-i", "1")

    def _warm(self, t):
        """A cold cache would break its promise at once: each of the known tokens has come once."""
        self.pipeline.signal(10)
        try:
            with open(self.pipeline.log, encoding="ascii") as log:
                return sum(line.startswith("cache_lookup") for line in log) > 100
        except FileNotFoundError:
            return False

    def told(self):
        """(component, violation) -> [alert], as the handler's files have them."""
        found = {}
        for path in glob.glob(f"{self._folder}/*"):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            if text.endswith("\n"):
                alert = json.loads(text)
                found.setdefault((alert["component"], alert["violation"]), []).append(alert)
        for alerts in found.values():
            alerts.sort(key=lambda alert: alert["time"])
        return found

    def ticks(self):
        return max((len([w for w in self.tracer.objects("window") if w["component"] == name])
                    for name in {w["component"] for w in self.tracer.objects("window")}), default=0)

    def behaves(self, seconds):
        """For so many ticks nothing new is told."""
        before, start = self.told(), self.ticks()
        wait_until(lambda: self.ticks() >= start + seconds, f"{seconds} ticks")
        equal(sorted(self.told()), sorted(before), "who alerts about a pipeline that behaves")
        equal(self.told(), before, "alerts about a pipeline that behaves")

    def await_state(self, kinds, state, seconds=30):
        def there():
            told = self.told()
            return all(any(alert["state"] == state for alert in told.get(kind, ())) for kind in kinds)

        try:
            wait_until(there, "alerts", seconds)
        except Exception:
            told = self.told()
            lacking = [kind for kind in kinds if not any(a["state"] == state for a in told.get(kind, ()))]
            seen = {kind: [(a["state"], a["severity"], a["measured"]) for a in alerts] for kind, alerts in told.items()}
            check(False, f"not {state} in {seconds} s: {lacking}; told of {seen}")

    def ended(self, escalating, warning_only=()):
        """All is over: each kind has gone its whole way once, and no other was told of."""
        self.await_state((*escalating, *warning_only), "resolved")
        self.behaves(3)
        self.tracer.stop(code=1)
        told = self.told()
        equal(sorted(told), sorted((*escalating, *warning_only)), "who was alerted about")
        for kind, alerts in told.items():
            states = ["firing", "resolved"] if kind in warning_only else ["firing", "escalated", "resolved"]
            equal([alert["state"] for alert in alerts], states, f"what was told of {kind}")
            equal(alerts[0]["severity"], "warning", f"severity at first of {kind}")
            if kind in escalating:
                equal(alerts[1]["severity"], "critical", f"severity at last of {kind}")
            upper = not kind[1].startswith(("CACHE", "BATCH", "THROUGHPUT", "POOL", "UPTIME"))
            for alert in alerts[:-1]:
                check(alert["measured"] > alert["limit"] if upper else alert["measured"] < alert["limit"],
                      f"measured and limit of {kind}: {alert}")
        final = self.tracer.final()
        equal(final["alerts"], [], "alerts that still fire")
        conserved(final)
        self.pipeline.finish()


# ---- what single spans and their figures are ------------------------------------------------------

FIGURES = """components:
  rpc:
    measure: rpc_call
    contract: {max_latency: 200ms, max_memory: 60MB}
  venue:
    measure: http_request
    contract: {max_p95: 100ms}
  tokens:
    measure: validate_token
    cache: {measure: cache_lookup, hit: "int ret != 0"}
    contract: {min_cache_hit_rate: 80%}
  batches:
    measure: optimize_batch
    values: {batch_size: "int arg1"}
    contract: {min_batch_size: 4}
  book:
    measure: update_book
    values: {lots: "int arg1"}
    contract: {max_value: {lots: 120}}
"""


@case(120)
def figures(t):
    watched = Watched(t, FIGURES)
    kinds = [("rpc", "LATENCY_VIOLATION"), ("venue", "PERCENTILE_VIOLATION"), ("batches", "BATCH_SIZE_VIOLATION"),
             ("book", "VALUE_VIOLATION"), ("rpc", "MEMORY_VIOLATION")]
    cache = [("tokens", "CACHE_HIT_RATE_VIOLATION")]
    watched.behaves(4)
    watched.pipeline.order("slow rpc 240ms 5%", "slow http 130ms 10%", "fail cache 40%", "batch 3", "lots 150",
                           "grow 75MB")
    watched.await_state(kinds + cache, "firing")
    watched.pipeline.order("slow rpc 600ms 5%", "slow http 300ms 10%", "fail cache 90%", "batch 1", "lots 500",
                           "grow 200MB")
    watched.await_state(kinds, "escalated")
    watched.pipeline.order("heal")
    watched.ended(kinds, cache)


# ---- shares of failures and of connections -----------------------------------------------------------

RATES = """thresholds: {warning: {uptime: 85%}, critical: {uptime: 65%}}
system: {max_error_rate: {limit: 5%, over: 10s}}
components:
  rpc:
    measure: rpc_call
    err: "int ret < 0"
    contract: {max_failure_rate: 5%, min_uptime: {limit: 85%, over: 10s}}
  venue:
    measure: http_request
    err: "int ret != 200"
    connections: "tcp:connect peer=127.0.0.1"
    contract: {max_error_rate: 5%, min_pool_efficiency: 70%, max_connection_time: 700ms}
"""


@case(180)
def rates(t):
    """What is lost on the way to a listener is sent again after a second, and then after two more: an alert
    about that must last longer."""
    watched = Watched(t, RATES, resolve_after="5s")
    errors = [("venue", "ERROR_RATE_VIOLATION")]
    connections = [("venue", "POOL_EFFICIENCY_VIOLATION"), ("venue", "CONNECTION_TIME_VIOLATION")]
    others = [("rpc", "FAILURE_RATE_VIOLATION"), ("system", "SYSTEM_ERROR_RATE_VIOLATION")]
    uptime = [("rpc", "UPTIME_VIOLATION")]
    watched.behaves(4)
    watched.pipeline.order("fail http 7%", "fail rpc 7%")
    watched.await_state(errors + others, "firing")
    watched.pipeline.order("fail keep 50%", "deaf 500ms")
    watched.await_state(connections, "firing")
    watched.pipeline.order("fail http 40%", "fail keep 90%", "deaf 1500ms")
    watched.await_state(errors + connections, "escalated")
    watched.pipeline.order("fail rpc 100%")
    watched.await_state(others + uptime, "escalated")
    watched.pipeline.order("heal")
    watched.ended(errors + connections + others + uptime)


# ---- how much gets through ------------------------------------------------------------------------------

FLOW = """components:
  orders:
    measure: "span:order_received(arg0)..order_confirmed(arg0)"
    contract: {max_backlog: 30, min_throughput: {limit: 3000/min, over: 3s}}
"""


@case(120)
def flow(t):
    """Workers that take a bit longer than orders take to come: what waits grows slowly, past the limit and
    past twice of it. Then fewer orders come."""
    watched = Watched(t, FLOW)
    backlog, throughput = [("orders", "BACKLOG_VIOLATION")], [("orders", "THROUGHPUT_VIOLATION")]
    watched.behaves(4)
    watched.pipeline.order("slow order 84ms")
    watched.await_state(backlog, "firing")
    watched.await_state(backlog, "escalated")
    watched.pipeline.order("heal")
    watched.await_state(backlog, "resolved")
    watched.pipeline.order("fail arrival 60%")
    watched.await_state(throughput, "firing")
    watched.pipeline.order("fail arrival 90%")
    watched.await_state(throughput, "escalated")
    watched.pipeline.order("heal")
    watched.ended(backlog + throughput)
