# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests a second of redis-server under redis-benchmark, its function call() traced."""

import os
import re
import subprocess

from common import BPFTRACE_HIST, FUNCLATENCY, Process, absent, apart, detach, lapse, table, together
from figures import in_turn, judged, middle, ratios, rounds, spread, times_spread
from harness import free_port, need

# Label -> requests of a run, how many a client sends before it waits for answers, seconds for all rounds. One by one
# most of a request is the network's; many at a time it is call() and the probe.
LOADS = {"one by one": (40000, 1, 200), "16 at a time": (400000, 16, 100)}


def start_server(case, server):
    port = free_port()
    process = case.started(Process([server, "--port", port, "--bind", "127.0.0.1", "--save", "",
                                    "--appendonly", "no", "--dir", case.dir]))
    process.wait_line("Ready to accept connections|ready to accept connections")
    return process, port


def requests_per_second(benchmark, port, load):
    requests, at_a_time, _ = load
    done = subprocess.run([benchmark, "-p", str(port), "-t", "get", "-n", str(requests), "-P", str(at_a_time), "-c", "20",
                           "--csv"], capture_output=True, text=True, check=True, timeout=60)
    return float(re.search(r'^"GET","([\d.]+)"', done.stdout, re.MULTILINE)[1])


def cpu_ns(pid):
    """Of the main thread, which runs the commands."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def run_once(case, server, tool, benchmark, port, load):
    """Requests a second, and the server's CPU microseconds a request."""
    path = os.path.realpath(f"/proc/{server.pid}/exe")
    tracer = tool and tool.attach(case, server.pid, path, "call")
    before = cpu_ns(server.pid)
    per_second = requests_per_second(benchmark, port, load)
    cpu = (cpu_ns(server.pid) - before) / 1000 / load[0]
    if tracer:
        detach(tracer)
    return per_second, cpu


def row(name, figures, bare, base):
    if not figures:
        return [name, None, None, None, None]
    per_second, cpu = zip(*figures)
    return [name, middle(per_second), times_spread(per_second, bare, digits=3), times_spread(per_second, base, digits=3),
            spread(cpu, digits=2)]


def verdict(label, found, base, peer):
    """Higher in the same rounds."""
    got = ratios(base, [per_second for per_second, _ in found[peer.name]])
    return judged(f"more requests than with {peer.name}, {label}", got, lambda value: value > 1, "x", 3)


def measure(case, server, benchmark, port, tools, load):
    """Name of a tool -> its rounds."""
    found = {name: [] for name in tools}
    for done in rounds(load[2], most=60):
        for name, tool in in_turn(tools.items(), done):
            if not tool or tool.there():
                found[name].append(run_once(case, server, tool, benchmark, port, load))
    return found


def run(case):
    binary, benchmark = need("redis-server", "redis-benchmark")
    server, port = start_server(case, binary)
    peers = [FUNCLATENCY, BPFTRACE_HIST]
    tools = {"untraced": None, "lapse stat": lapse("lapse", "stat"), **{tool.name: tool for tool in peers}}
    apart(server)
    for label, load in LOADS.items():
        requests_per_second(benchmark, port, load)
        found = measure(case, server, benchmark, port, tools, load)
        bare, base = ([figure for figure, _ in found[name]] for name in ("untraced", "lapse stat"))
        table(f"redis-server, GET from 20 connections, {label}, call() traced: requests a second",
              ["", "requests/s", "of untraced", "of lapse's", "server CPU us/request"],
              [row(name, figures, bare, base) for name, figures in found.items()],
              [f"medians of {len(bare)} paired rounds, and the middle half of them", *absent(peers),
               *(verdict(label, found, base, tool) for tool in peers)])
    together()
