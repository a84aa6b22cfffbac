# SPDX-License-Identifier: GPL-2.0-or-later
"""Promises about connections and throughput: what feeds them, on programs that count for themselves."""

import ctypes
import os
import shutil
import struct
import sys

from harness import TARGETS, bpf_objects, case, check, conserved, equal, free_port, own_mounts, wait_until
from test_tcp import Pair

BESIDE = True  # harness.py

# Serves itself on a thread; then EXCHANGES times on each of CONNECTIONS connections. Refused attempts go to
# a port where nobody listens. It waits for a line before and after.
CLIENT = """
import socket, sys, threading
connections, exchanges, refused, closed_port = map(int, sys.argv[1:])
listener = socket.create_server(("127.0.0.1", 0), backlog=128)

def serve_one(server):
    while data := server.recv(100):
        server.sendall(data)

def serve():
    while True:
        threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()

threading.Thread(target=serve, daemon=True).start()
print("ready", listener.getsockname()[1], flush=True)
sys.stdin.readline()
for _ in range(connections):
    with socket.create_connection(listener.getsockname()) as client:
        for _ in range(exchanges):
            client.sendall(b"ask")
            client.recv(100)
for _ in range(refused):
    try:
        socket.create_connection(("127.0.0.1", closed_port))
    except ConnectionRefusedError:
        pass
print("done", flush=True)
sys.stdin.readline()
"""

CONTRACT = """lapse: 1
window: 1min
components:
  rpc:
    measure: "tcp:request peer=127.0.0.1"
    connections: "tcp:connect peer=127.0.0.1"
    contract: {%s}
"""


def _watched(t, objectives, *args):
    client = t.process(sys.executable, "-c", CLIENT, *map(str, args))
    client.wait_line(r"^ready \d+")
    path = t.write("contract.yaml", CONTRACT % objectives)
    tracer = t.lapse("watch", path, "-p", client.pid, "--json", "-i", "1")
    client.send("go\n")
    client.wait_line(r"^done")
    return client, tracer


def _requests(tracer):
    return sum(w["count"] for w in tracer.objects("window") if w["component"] == "rpc")


def _objective(tracer, name):
    return tracer.component("rpc")["contract"][name]


@case()
def connections_are_reused(t):
    """10 connections for 200 requests: 95 % found one open, and each took less than a second to open."""
    objectives = "min_pool_efficiency: 90%, max_connection_time: 10s, max_failure_rate: 5%"
    client, tracer = _watched(t, objectives, 10, 20, 0, free_port())
    wait_until(lambda: _requests(tracer) == 200, "200 requests")
    tracer.stop(code=0)
    equal(tracer.final()["verdict"], "held", "verdict")
    equal(_objective(tracer, "min_pool_efficiency")["measured"], 0.95, "share of requests that found a connection")
    check(_objective(tracer, "max_connection_time")["worst"] > 0, "no connection was timed")
    conserved(tracer.final())
    client.send("end\n")


@case()
def connections_are_not_reused(t):
    """One request a connection, and none opens within a nanosecond: as many violations as connections."""
    client, tracer = _watched(t, "min_pool_efficiency: 80%, max_connection_time: 1ns", 40, 1, 0, free_port())
    wait_until(lambda: any(v["violation"] == "POOL_EFFICIENCY_VIOLATION" for v in tracer.objects("violation")),
               "a violation of the pool's efficiency")
    tracer.stop(code=1)
    equal(_objective(tracer, "min_pool_efficiency")["measured"], 0, "share of requests that found a connection")
    equal(_objective(tracer, "max_connection_time")["violations"], 40, "connections that took too long")
    times = [v for v in tracer.objects("violation") if v["violation"] == "CONNECTION_TIME_VIOLATION"]
    equal({v["component"] for v in times}, {"rpc"}, "components of the violations")
    client.send("end\n")


@case()
def connections_that_nobody_opens(t):
    """All requests find their connection open. Whether the probe of the connections means others is told by
    those that stood when tracing began."""
    for peer, code, verdict in (("127.0.0.2", 3, "unknown"), ("127.0.0.1", 0, "held")):
        both = Pair(t, "many", "--before", "--connections", 5, "--calls", 20, server=("--mode", "epoll"))
        contract = CONTRACT.replace("tcp:connect peer=127.0.0.1", f"tcp:connect peer={peer}")
        path = t.write("contract.yaml", contract % "min_pool_efficiency: 90%")
        tracer = t.lapse("watch", path, "-p", both.asker.pid, "--json", "-i", "1")
        both.asker.go()
        both.asker.done()
        wait_until(lambda: _requests(tracer) == 100, "100 requests")
        tracer.stop(code=code)
        objective = _objective(tracer, "min_pool_efficiency")
        equal(objective["verdict"], verdict, f"verdict with connections to {peer}")
        equal(objective["measured"], 1 if verdict == "held" else None, f"measured with connections to {peer}")
        equal(tracer.component("rpc")["connections_unseen"], verdict != "held", "said of the probe")


@case()
def failed_attempts_count(t):
    """60 requests and 20 refused connections: a quarter has failed, and none of the requests."""
    client, tracer = _watched(t, "max_failure_rate: 5%, max_error_rate: 5%", 3, 20, 20, free_port())
    wait_until(lambda: any(v["violation"] == "FAILURE_RATE_VIOLATION" and v["measured"] == 0.25
                           for v in tracer.objects("violation")), "a violation of the failure rate")
    tracer.stop(code=1)
    equal(_objective(tracer, "max_failure_rate")["measured"], 0.25, "failure rate")
    equal(_objective(tracer, "max_error_rate")["verdict"], "held", "verdict on errors")
    client.send("end\n")


@case()
def nothing_on_a_connection(t):
    """What is said of a probe of TCP that is never hit speaks of connections."""
    target = t.target("timed", "--calls", 5, "--ns", "1ms")
    tracer = t.stat(target.pid, "tcp:request peer=10.0.0.0/8", "-d", "7")
    tracer.wait_line(r"nothing on a connection in 5 s", tracer.err)
    equal(tracer.wait(), 0, "exit code")
    check(not any("inlined" in line for line in tracer.err), "a hint for functions")
    target.go()
    target.finish()


@case()
def throughput_too_low(t):
    """A program that does nothing for the whole of a period."""
    target = t.target("timed", "--calls", 5, "--ns", "1ms")
    path = t.write("contract.yaml", "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n"
                   "    contract: {min_throughput: {limit: 1/min, over: 2s}}\n")
    tracer = t.lapse("watch", path, "-p", target.pid, "--json")
    wait_until(lambda: tracer.objects("violation"), "a violation")
    tracer.stop(code=1)
    violation = tracer.objects("violation")[0]
    equal(violation["violation"], "THROUGHPUT_VIOLATION", "violation")
    equal(violation["severity"], "critical", "severity")
    equal(violation["unit"], "per_second", "unit")
    target.go()
    target.finish()


@case()
def throughput_not_known(t):
    """Less than a period; and a program that does not run at all: neither held nor violated."""
    target = t.target("timed", "--calls", 5, "--ns", "1ms")
    text = "lapse: 1\ncomponents:\n  w:\n    measure: work_push\n    contract: {min_throughput: {limit: 1/min, over: %s}}\n"
    tracer = t.lapse("watch", t.write("short.yaml", text % "10min"), "-p", target.pid, "-d", "2", "--json")
    equal(tracer.wait(), 3, "exit code")
    target.go()
    target.finish()
    absent = t.path("absent")
    shutil.copy(os.path.join(TARGETS, "timed"), absent)
    tracer = t.lapse("watch", t.write("absent.yaml", text % "1s"), "--exe", absent, "-d", "4", "--json")
    equal(tracer.wait(), 3, "exit code")
    equal(tracer.objects("violation"), [], "violations")


def _refused(t, path, words):
    tracer = t.lapse_ends("check", path)
    equal(tracer.popen.returncode, 2, "exit code")
    check(words in "\n".join(tracer.err), f"no {words!r} in {tracer.err}")


@case()
def promises_without_connections(t):
    """What nothing can feed is refused with its place; so is a mark, which takes no time."""
    text = "lapse: 1\ncomponents:\n  a:\n    measure: f\n%s    contract: {max_connection_time: 1s}\n"
    _refused(t, t.write("none.yaml", text % ""), "none.yaml:5:16: 'max_connection_time' cannot be judged for 'a'")
    _refused(t, t.write("mark.yaml", text % '    connections: "usdt:a:b"\n'),
             "mark.yaml:5:18: 'connections' needs a probe whose spans have durations")
    _refused(t, t.write("kind.yaml", text % '    connections: "tcp:conect"\n'), "nearest is 'connect'")


# Nobody accepts, and the queue is full: what is sent to open a connection is dropped. Each attempt is given up
# after 300 ms, and all sockets but the last may have the same address in the kernel.
GIVES_UP = """
import socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
filling = [socket.socket() for _ in range(4)]
for each in filling:
    each.setblocking(False)
    each.connect_ex(listener.getsockname())
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    with socket.socket() as client:
        client.settimeout(0.3)
        try:
            client.connect(listener.getsockname())
        except TimeoutError:
            print("gave up", flush=True)
print("done", flush=True)
sys.stdin.readline()
"""


@case()
def attempts_are_given_up(t):
    """A connection that the program itself no longer waits for is abandoned, and none gets lost."""
    client = t.process(sys.executable, "-c", GIVES_UP)
    client.wait_line(r"^ready")
    path = t.write("contract.yaml", CONTRACT % "max_failure_rate: {limit: 5%, min_samples: 4}"
                   + "  connects:\n    measure: tcp:connect\n")
    tracer = t.lapse("watch", path, "-p", client.pid, "--json", "-i", "1")
    client.send("go\n")
    client.wait_line(r"^done")
    given_up = client.out.count("gave up")
    check(given_up >= 4, f"only {given_up} attempts were given up")
    wait_until(lambda: tracer.objects("violation"), "a violation")
    tracer.stop(code=1)
    equal(_objective(tracer, "max_failure_rate")["measured"], 1, "failure rate")
    equal(tracer.final()["integrity"]["abandoned"], given_up, "abandoned")
    conserved(tracer.final())
    client.send("end\n")


@case()
def nothing_is_followed_that_nobody_measures(t):
    """Who measures the opening of connections alone does not pay for what is sent and read on them."""
    client = t.process(sys.executable, "-c", CLIENT, "3", "5", "0", "0")
    client.wait_line(r"^ready \d+")
    contract = 'lapse: 1\ncomponents: {c: {measure: "tcp:%s", contract: {max_latency: 10s}}}\n'
    tracers = {kind: t.lapse("watch", t.write(f"{kind}.yaml", contract % kind), "-p", client.pid, "--json")
               for kind in ("connect", "request")}
    follow = {kind: [one["name"] for one in bpf_objects(tracer, "prog")
                     if one["name"].startswith(("tcp_send", "tcp_arrive", "tcp_read", "tcp_accept"))]
              for kind, tracer in tracers.items()}
    equal(follow["connect"], [], "programs that follow data, or what is accepted")
    check(len(follow["request"]) >= 3, f"programs that follow requests: {follow['request']}")
    client.send("go\n")
    client.wait_line("^done$")
    counts = {kind: tracer.stop(code=None).final()["components"]["c"]["count"] for kind, tracer in tracers.items()}
    equal(counts, {"connect": 3, "request": 15}, "what they counted")


MNT_DETACH = 2
TRACEFS = ("tracefs", "debugfs")
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# Loads the system call's number; where it is fsopen's, 430 on all architectures, answers with EPERM, else lets it pass.
NO_FSOPEN = ((0x20, 0, 0, 0), (0x15, 0, 1, 430), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000))


def _umount_tracefs():
    """In a child, before it runs its program: mounts of its own, without those."""
    libc = own_mounts()
    with open("/proc/self/mounts", encoding="ascii") as file:
        mounts = [line.split() for line in file]
    for _, where, kind, *_ in reversed(mounts):
        if kind in TRACEFS:
            libc.umount2(where.encode(), MNT_DETACH)


def _refuse_tracefs():
    """Nor may it mount them, as in a container."""
    _umount_tracefs()
    libc = ctypes.CDLL(None)
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in NO_FSOPEN))
    filters = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(NO_FSOPEN), ctypes.addressof(program)))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filters, 0, 0):
        raise OSError("no filter of its system calls")


@case()
def system_calls_without_events(t):
    """Where the kernel's functions cannot be hooked into, connect() and accept() are looked at each by its own
    event, be tracefs mounted or not; where none can be had, at the tracepoints that every system call passes."""
    client = t.process(sys.executable, "-c", CLIENT, "3", "1", "0", "0")
    client.wait_line(r"^ready \d+")
    probes = ("connect=tcp:connect", "accept=tcp:accept", "--tcp-backend", "tracepoint")
    without = {"as it is": None, "not mounted": _umount_tracefs, "refused": _refuse_tracefs}
    tracers = {how: t.stat(client.pid, *probes, preexec_fn=leave) for how, leave in without.items()}
    calls = {kind: {one["name"] for one in bpf_objects(tracer, "prog") if one["name"].startswith("tcp_call")}
             for kind, tracer in tracers.items()}
    equal(calls, {"as it is": set(), "not mounted": set(), "refused": {"tcp_call_enter", "tcp_call_exit"}},
          "programs at every system call")
    client.send("go\n")
    client.wait_line("^done$")
    for kind, tracer in tracers.items():
        final = tracer.stop().final()
        counts = {name: final["components"][name]["count"] for name in ("connect", "accept")}
        equal(counts, {"connect": 3, "accept": 3}, f"calls, {kind}")
