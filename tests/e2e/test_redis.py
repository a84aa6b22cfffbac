# SPDX-License-Identifier: GPL-2.0-or-later
"""redis: what its functions, system calls and event loop are found to do against its own INFO."""

import re
import socket
import subprocess

from harness import case, check, conserved, counted, equal, free_port, lossless, need, within

# A look-up counts in INFO unless it is made for writing (8) or asks to be left out (4).
LOOKUP = "lookupKey hit(ret != 0) if(int arg2 < 4)"


class Client:
    """One connection; a command at a time."""

    def __init__(self, t, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.sock.makefile("rb")
        t.defer(self.sock.close)
        t.defer(self.file.close)

    def _reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        check(kind and kind != b"-", f"redis answers {line!r}")
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def __call__(self, *words):
        parts = [str(word).encode() for word in words]
        self.sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self._reply()

    def info(self, section, *names):
        text = self("INFO", section).decode()
        return [int(re.search(rf"^{name}:(\d+)", text, re.M)[1]) for name in names]


def _redis(t, *options):
    port = free_port()
    process = t.process(need("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.dir,
                        "--daemonize", "no", *options)
    process.wait_line("Ready to accept connections")
    return process, Client(t, port), port


def _stats(client):
    return client.info("stats", "keyspace_hits", "keyspace_misses")


def _agrees(tracer, before, after, what):
    """The component lookupKey has what INFO's hits and misses have grown by."""
    hits, misses = (b - a for a, b in zip(before, after))
    got = tracer.component("lookupKey")
    lossless(tracer.final())
    counted(got, hits + misses, f"look-ups by {what}")
    equal((got["cache_hits"], got["cache_misses"]), (hits, misses), f"hits and misses by {what}")
    within(got["cache_hit_rate"], hits / (hits + misses) - 1e-9, hits / (hits + misses) + 1e-9, "hit rate")
    return hits, misses


@case()
def keyspace_hits_and_misses(t):
    """Commands that read, write and do both; those that write are look-ups and not in INFO."""
    process, client, _ = _redis(t)
    client("MSET", *[word for i in range(100) for word in (f"key:{i}", i)])
    client("SET", "gone", 1, "PX", 1)
    before = _stats(client)
    tracer = t.stat(process.pid, LOOKUP)
    for i in range(300):
        client("GET", f"key:{i % 150}")
    for i in range(0, 200, 10):
        client("MGET", *[f"key:{i + j}" for j in range(10)])
        client("EXISTS", f"key:{i}", f"key:{i}", "nothing")
        client("TYPE", f"key:{i}")
    for i in range(100):
        client("SET", f"new:{i}", i)
        client("APPEND", f"new:{i}", "more")
        client("STRLEN", f"new:{i}")
    client("DEL", "new:1", "new:2")
    client("OBJECT", "ENCODING", "key:1")
    t.wait_until(lambda: client("GET", "gone") is None, "a key to expire")
    after = _stats(client)
    tracer.stop()
    hits, misses = _agrees(tracer, before, after, "single commands")
    # GET 200 of 300, MGET 100 of 200, EXISTS 20 of 60, TYPE 10 of 20, STRLEN all.
    check(hits >= 430 and misses >= 250, f"{hits} hits and {misses} misses")
    t.note(f"{hits} hits and {misses} misses by both")


@case()
def hits_and_misses_under_load(t):
    process, client, port = _redis(t)
    bench = need("redis-benchmark")
    client("MSET", *[word for i in range(500) for word in (f"key:{i:012}", i)])
    before = _stats(client)
    tracer = t.stat(process.pid, LOOKUP)
    run = subprocess.run([bench, "-p", str(port), "-n", "20000", "-c", "20", "-P", "4", "-r", "1000", "-q",
                          "GET", "key:__rand_int__"], capture_output=True, timeout=60, check=False)
    equal(run.returncode, 0, "exit code of redis-benchmark")
    after = _stats(client)
    tracer.stop()
    hits, misses = _agrees(tracer, before, after, "redis-benchmark")
    equal(hits + misses, 20000, "look-ups")
    within(hits, 5000, 15000, "hits, of keys half of which are there")
    t.note(f"{hits} hits and {misses} misses by both")


@case()
def a_command_that_blocks(t):
    """DEBUG SLEEP holds the event loop: as long as SLOWLOG says, in one turn."""
    process, client, _ = _redis(t, "--enable-debug-command", "yes", "--slowlog-log-slower-than", "100000")
    tracer = t.stat(process.pid, "loop", "call")
    for seconds in ("0.15", "0.2", "0.3"):
        client("DEBUG", "SLEEP", seconds)
    slow = sorted(entry[2] * 1000 for entry in client("SLOWLOG", "GET", "10"))
    tracer.stop()
    conserved(tracer.final())
    turns, calls = tracer.component("loop"), tracer.component("call")
    counted(calls, 4, "commands")
    within(calls["max_ns"], slow[-1], slow[-1] * 1.05, "longest command")
    within(turns["max_ns"], calls["max_ns"], calls["max_ns"] * 1.1, "longest turn")
    equal(sum(n for low, _, n in turns["histogram"] if low >= 0.6 * slow[0]), len(slow), "turns that blocked")
    t.note(f"longest command {calls['max_ns'] / 1e6:.2f} ms, by SLOWLOG {slow[-1] / 1e6:.2f} ms, "
           f"its turn {turns['max_ns'] / 1e6:.2f} ms")


@case()
def a_sync_for_each_write(t):
    """appendfsync always: each turn of the loop that has written ends with fdatasync. One client that
    waits for its answers makes a turn a write."""
    process, client, _ = _redis(t, "--appendonly", "yes", "--appendfsync", "always")
    tracer = t.stat(process.pid, "syscall:fdatasync", "syscall:fsync")
    for i in range(200):
        client("SET", f"key:{i}", i)
        client("GET", f"key:{i}")
    tracer.stop()
    lossless(tracer.final())
    counted(tracer.component("fdatasync"), 200, "fdatasync")
    equal(tracer.component("fdatasync")["errors"], 0, "failed ones")
    counted(tracer.component("fsync"), 0, "fsync")
