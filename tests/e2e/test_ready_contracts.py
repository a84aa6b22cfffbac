# SPDX-License-Identifier: GPL-2.0-or-later
"""The contracts that are delivered, on what they are for, as the distribution packs it: a server that works
keeps them and feeds every component, and one that misbehaves breaks the promise that is about that."""

import http.client
import os
import re
import subprocess
import threading
import time

from harness import ROOT, case, check, conserved, equal, free_port, need, wait_until
from test_nginx import Nginx
from test_postgres import Server
from test_redis import _redis
from test_why_servers import Session

BESIDE = True  # harness.py


def _contract(t, name, edits):
    """As its user edits it: each text in it becomes another."""
    with open(os.path.join(ROOT, "contracts", name), encoding="utf-8") as file:
        text = file.read()
    for old, new in edits.items():
        check(old in text, f"{name} has no {old!r}")
        text = text.replace(old, new)
    return t.write(name, text)


def _watch(t, contract, *target):
    return t.lapse("watch", contract, *target, "--json", "-i", "1")


def _kept(tracer):
    tracer.stop(code=None)
    final = tracer.final()
    broken = {(v["component"], v["violation"], v["measured"], v["limit"]) for v in tracer.objects("violation")}
    equal(broken, set(), "promises broken by a server that works")
    equal((tracer.popen.returncode, final["verdict"]), (0, "held"),
          f"verdict; {[(name, c['contract']) for name, c in final['components'].items()]}")
    equal(final["system"]["components_fed"], final["system"]["components_declared"], "components fed")
    conserved(final)


def _broken(tracer, *wanted):
    """An alert about each (component, violation)."""
    def alerts():
        return {(a["component"], a["violation"]) for a in tracer.objects("alert") if a["state"] == "firing"}

    try:
        wait_until(lambda: alerts() >= set(wanted), "alerts")
    except Exception:
        check(False, f"alerts about {sorted(alerts())} instead of {sorted(wanted)}")
    tracer.stop(code=1)
    conserved(tracer.final())


def _favour(*pids):
    """The machine may be busy with other things, which is no fault of the servers."""
    for pid in pids:
        os.setpriority(os.PRIO_PROCESS, pid, -10)


@case()
def functions_that_stripped_servers_export(t):
    """No debug symbols are needed: what the contracts name is in the dynamic symbol table."""
    for name, path in (("redis.yaml", "redis-server"), ("nginx.yaml", "/usr/sbin/nginx"),
                       ("postgres.yaml", "/usr/lib/postgresql/15/bin/postgres")):
        symbols = subprocess.run(["readelf", "--dyn-syms", "-W", need(path)], capture_output=True, text=True,
                                 check=True).stdout
        with open(os.path.join(ROOT, "contracts", name), encoding="utf-8") as file:
            measured = re.findall(r"^[^#\n]*measure: *\"?([^\"}\n]+)", file.read(), re.M)
        functions = {word for probe in measured if not re.match("tcp:|syscall:|loop", probe)
                     for word in re.findall(r"[A-Za-z]\w{3,}", probe.removeprefix("span:")) if word not in ("return", "arg0")}
        check(functions, f"no function in {name}")
        hidden = [word for word in functions if not re.search(rf" {word}$", symbols, re.M)]
        equal(hidden, [], f"functions of {name} that {path} does not export")


# ---- redis -----------------------------------------------------------------------------------------


def _load_redis(port):
    run = subprocess.run([need("redis-benchmark"), "-p", str(port), "-n", "3000", "-c", "5", "-t", "set,get,lpush",
                          "-q"], capture_output=True, timeout=60, check=False)
    equal(run.returncode, 0, "exit code of redis-benchmark")


@case(90)
def redis(t):
    process, client, port = _redis(t, "--enable-debug-command", "yes")
    _favour(process.pid)
    contract = _contract(t, "redis.yaml", {"port=6379": f"port={port}"})
    tracer = _watch(t, contract, "-p", process.pid)
    _load_redis(port)
    _kept(tracer)

    tracer = _watch(t, contract, "-p", process.pid)
    client("DEBUG", "SLEEP", "0.3")
    _broken(tracer, ("command", "LATENCY_VIOLATION"), ("turn", "LATENCY_VIOLATION"))


@case(90)
def redis_with_a_script_that_runs_long(t):
    """What other clients wait meanwhile is seen from outside."""
    process, client, port = _redis(t)
    contract = _contract(t, "redis.yaml", {"port=6379": f"port={port}", "500ms, breaches: 3/10s": "500ms"})
    tracer = _watch(t, contract, "-p", process.pid)
    rounds, took = 1000000, 0
    while took < 0.7:
        start = time.monotonic()
        client("EVAL", f"for i = 1, {rounds} do end", 0)
        took = time.monotonic() - start
        rounds *= 2
    _broken(tracer, ("command", "LATENCY_VIOLATION"), ("turn", "LATENCY_VIOLATION"), ("serve", "LATENCY_VIOLATION"))


# ---- nginx -------------------------------------------------------------------------------------------


def _nginx(t):
    nginx = Nginx(t)
    with open(f"/proc/{nginx.process.pid}/task/{nginx.process.pid}/children", encoding="ascii") as file:
        _favour(*map(int, file.read().split()))
    return nginx, _contract(t, "nginx.yaml", {"/usr/sbin/nginx": nginx.path, "port=80": f"port={nginx.port}"})


def _ask(nginx, path, times, status):
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=20)
    for _ in range(times):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        equal(response.status, status, f"status of {path}")
    connection.close()


@case(90)
def nginx_before_servers_that_work(t):
    wrk = need("wrk")
    nginx, contract = _nginx(t)
    tracer = _watch(t, contract)
    subprocess.run([wrk, "-d", "2", "-c", "4", "-t", "1", f"http://127.0.0.1:{nginx.port}/"],
                   capture_output=True, timeout=30, check=True)
    _ask(nginx, "/slow/1", 50, 200)
    _kept(tracer)


@case(90)
def nginx_before_a_slow_server(t):
    nginx, contract = _nginx(t)
    tracer = _watch(t, contract)
    clients = [threading.Thread(target=_ask, args=(nginx, "/slow/2200", 1, 200)) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    _broken(tracer, ("request", "LATENCY_VIOLATION"))


@case(90)
def nginx_before_a_server_that_is_gone(t):
    nginx, contract = _nginx(t)
    tracer = _watch(t, contract)
    _ask(nginx, "/slow/1", 25, 200)
    nginx.stop_upstream()
    _ask(nginx, "/slow/1", 25, 502)
    _broken(tracer, ("upstreamTry", "ERROR_RATE_VIOLATION"))


# ---- PostgreSQL ------------------------------------------------------------------------------------------


@case(120)
def postgres(t):
    """Statements of pgbench that write; then three that wait for a row which another transaction has."""
    server = Server(t, "fsync=off")
    server.sql("CREATE TABLE t (i int PRIMARY KEY, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 1000) i")
    _favour(server.process.pid)
    # A table of many pages may take a busy machine longer than a second.
    contract = _contract(t, "postgres.yaml", {"{limit: 1s, breaches: 3/10s}": "{limit: 5s, breaches: 3/30s}"})
    tracer = _watch(t, contract, "-p", server.process.pid, "--follow")
    server.sql("CREATE TABLE big AS SELECT i, repeat('x', 500) AS x FROM generate_series(1, 60000) i")
    server.sql("SELECT count(*) FROM big")
    server.bench("\\set i random(1, 1000)\nUPDATE t SET n = n + 1 WHERE i = :i;\nSELECT n FROM t WHERE i = :i;\n",
                 "-c", "2", "-t", "200")
    _kept(tracer)

    tracer = _watch(t, contract, "-p", server.process.pid, "--follow")
    holder, waiters = Session(t, server), [Session(t, server) for _ in range(3)]
    holder.do("BEGIN; UPDATE t SET n = n + 1 WHERE i = 1;", "updated")
    for waiter in waiters:
        waiter.say("UPDATE t SET n = n + 1 WHERE i = 1;\n\\echo got it")
        server.waits_for_lock(waiter.backend)
    _broken(tracer, ("execute", "LATENCY_VIOLATION"))
    cause = next(a for a in tracer.objects("alert") if a["component"] == "execute")["cause"]
    check("ProcSleep" in cause["text"] or cause["parts"]["lock"] > 0.9, f"cause {cause}")
    holder.do("COMMIT;", "committed")
    for waiter in waiters:
        waiter.process.wait_line("^got it$")
    for session in (holder, *waiters):
        session.leave()


# ---- any TCP service ------------------------------------------------------------------------------------------


def _service(t, *options):
    """A server, and a client of it that runs the same contract: what it asks is the backend's part."""
    server = t.target("answerer", *options)
    port = int(server.wait_line(r"^listening (\d+)")[1])
    contract = _contract(t, "tcp.yaml", {"port=8080": f"port={port}", "10.0.0.0/8": f"127.0.0.1:{port}",
                                         "{comm: myservice}": f"{{pid: {server.pid}}}"})
    return server, port, contract


def _asked(t, server, port, contract, *options):
    client = t.target("asker", "127.0.0.1", port, "plain", *options)
    tracer = _watch(t, contract, "-p", f"{server.pid},{client.pid}")
    client.go()
    client.done()
    return tracer


@case(90)
def tcp_service_that_works(t):
    server, port, contract = _service(t)
    _favour(server.pid)
    tracer = _asked(t, server, port, contract, "--connections", 20, "--calls", 20, "--delay", "1ms")
    _kept(tracer)


@case(90)
def tcp_service_that_is_slow(t):
    server, port, contract = _service(t)
    tracer = _asked(t, server, port, contract, "--connections", 3, "--calls", 1, "--delay", "2200ms")
    _broken(tracer, ("serve", "LATENCY_VIOLATION"))


@case(90)
def tcp_service_that_does_not_accept(t):
    server, port, contract = _service(t, "--accept-delay", "700ms")
    tracer = _asked(t, server, port, contract, "--connections", 4, "--calls", 1, "--delay", "1ms")
    _broken(tracer, ("accept", "LATENCY_VIOLATION"))


@case(90)
def tcp_service_whose_backend_is_gone(t):
    contract = _contract(t, "tcp.yaml", {"10.0.0.0/8": "127.0.0.0/8"})
    client = t.target("asker", "127.0.0.1", free_port(), "refused", "--calls", 60)
    tracer = _watch(t, contract, "-p", client.pid)
    client.go()
    client.done()
    _broken(tracer, ("backend", "FAILURE_RATE_VIOLATION"))
