# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests a second of nginx under wrk, its connections traced by lapse tcp and by bcc's tools."""

import os
import re
import subprocess
import time

from common import LAPSE, Process, detach, peer, table, with_tracefs
from figures import in_turn, middle, rounds, spread, times_spread
from harness import Fail, free_port, need, wait_until
from nginx import nginx_command

SECONDS = 2  # of load, a round


class Server:
    def __init__(self, case):
        self.port = free_port()
        command = nginx_command(case, self.port)
        self.path, self.process = command[0], case.started(Process(command))
        wait_until(lambda: len(self.workers()) == 2, "nginx's workers")

    def workers(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return file.read().split()

    def cpu_ns(self):
        total = 0
        for pid in self.workers():
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total


class Tool:
    """One way to trace connections; COMMAND of a server."""

    def __init__(self, name, program, command):
        self.name, self.program, self._command = name, program, command
        self.reason = None  # why it does not run

    def attach(self, case, server):
        """Started, and tracing as far as it says so by its first line; None where it does not run, with the reason
        kept."""
        process = case.started(Process(self._command(server), name=self.name, stdin=subprocess.DEVNULL))
        try:
            if self.program == LAPSE:
                process.wait_line(r"^lapse: tracing", process.err)
            else:
                process.wait_line(r"\S")
                time.sleep(0.2)
        except Fail as fail:
            self.reason = str(fail)
            return None
        if process.running():
            return process
        self.reason = f"it ended; {process.last_words()}"
        return None


def lapse(name, *options):
    return Tool(name, LAPSE, lambda server: [LAPSE, "tcp", "--exe", server.path, *options])


def bcc(name):
    """As Debian's libbpf-tools has it, for all of the machine. Into a pipe it would speak only at its end."""
    return Tool(name, peer(name), lambda _server: with_tracefs([need("stdbuf"), "-oL", peer(name)]))


def load(wrk, server):
    """Requests a second, and the workers' CPU microseconds a request."""
    before = server.cpu_ns()
    told = subprocess.run([wrk, "-d", str(SECONDS), "-c", "16", "-t", "1", f"http://127.0.0.1:{server.port}/"],
                          capture_output=True, text=True, check=True, timeout=SECONDS + 30).stdout
    requests = int(re.search(r"(\d+) requests in", told)[1])
    return float(re.search(r"Requests/sec: *([\d.]+)", told)[1]), (server.cpu_ns() - before) / 1000 / requests


def run_once(case, wrk, server, tool):
    """None where the tool does not run on this kernel."""
    tracer = tool and tool.attach(case, server)
    if tool and not tracer:
        return None
    figures = load(wrk, server)
    if tracer:
        detach(tracer)
    return figures


def row(name, figures, bare, base):
    per_second, cpu = zip(*figures)
    return [name, middle(per_second), times_spread(per_second, bare, digits=3), times_spread(per_second, base, digits=3),
            spread(cpu, digits=2)]


def tools():
    return [lapse("lapse tcp"), lapse("lapse tcp --slower 1s", "--slower", "1s"),
            bcc("tcprtt"), bcc("tcplife"), bcc("tcpconnlat")]


def run(case):
    wrk, server = need("wrk"), Server(case)
    ways = {tool.name: tool for tool in tools() if tool.program}
    missing = [tool.name for tool in tools() if not tool.program]
    found = {"untraced": [], **{name: [] for name in ways}}
    idle = {}
    load(wrk, server)
    for done in rounds(60, most=7):
        for name in in_turn([name for name in found if name not in idle], done):
            figures = run_once(case, wrk, server, ways.get(name))
            if figures:
                found[name].append(figures)
            else:
                idle[name] = ways[name].reason
    bare, base = ([figure for figure, _ in found[name]] for name in ("untraced", "lapse tcp"))
    notes = [f"medians of {len(bare)} paired rounds of {SECONDS} s, and the middle half of them"]
    notes += [f"{name} does not run on Linux {os.uname().release}: {why}" for name, why in sorted(idle.items())]
    if missing:
        notes.append(f"not installed: {', '.join(missing)}")
    table("nginx under wrk, 16 connections, traced: requests a second",
          ["", "requests/s", "of untraced", "of lapse's", "server CPU us/request"],
          [row(name, figures, bare, base) for name, figures in found.items() if figures], notes)
