# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP spans of real servers and clients on loopback, against what these count themselves."""

import os
import re
import shutil
import subprocess

from harness import ROOT, Target, case, check, conserved, counted, equal, free_port, need, percentile, within
from test_nginx import Nginx
from test_postgres import PG, Server
from test_redis import Client
from test_tcp import near

PYTHON = "/usr/bin/python3"


def _copy(t, program):
    """A file of the case's own, so that --exe means no other process of this machine."""
    return shutil.copy(need(program), t.path(os.path.basename(program)))


def _run(*words, seconds=60):
    run = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=seconds, check=False)
    equal(run.returncode, 0, f"exit code of {words[0]} ({run.stderr[-200:]})")
    return run.stdout


# ---- nginx -----------------------------------------------------------------------------------


@case(120)
def nginx_under_wrk(t):
    """wrk closes its connections in the midst of their last requests: those are in nginx's log, as far as it
    had read them, and not in wrk's count."""
    wrk, nginx = need("wrk"), Nginx(t)
    tracer = nginx.traced("stat", f"serve=tcp:serve port={nginx.port}", f"accept=tcp:accept port={nginx.port}")
    told = _run(wrk, "-d", "3", "-c", "16", "-t", "1", f"http://127.0.0.1:{nginx.port}/")
    log = nginx.finish()
    tracer.stop()
    conserved(tracer.final())
    requests, served = int(re.search(r"(\d+) requests in", told)[1]), tracer.component("serve")
    check(requests > 1000, f"only {requests} requests")
    counted(served, len(log), "serves, by nginx's log")
    within(served["count"], requests, requests + 16, "serves, by wrk's count")
    counted(tracer.component("accept"), served["tcp"]["opened"], "accepts")
    t.note(f"{served['count']} serves, {len(log)} lines of the log, {requests} requests by wrk")


@case(120)
def nginx_and_its_upstream(t):
    """A worker is asked and asks: what it serves lasts at least as long as what it requests."""
    nginx = Nginx(t)
    tracer = nginx.traced("stat", f"serve=tcp:serve port={nginx.port}", "request=tcp:request peer=127.0.0.1",
                          "connect=tcp:connect")
    for i in range(10):
        _run("curl", "-s", "-f", f"http://127.0.0.1:{nginx.port}/slow/{30 + i}")
    log = nginx.finish()
    tracer.stop()
    conserved(tracer.final())
    serve, request = tracer.component("serve"), tracer.component("request")
    for name in ("serve", "request", "connect"):
        counted(tracer.component(name), 10, name)
    check(30e6 <= request["p50_ns"] <= serve["p50_ns"],
          f"requests of {request['p50_ns']} ns, serves of {serve['p50_ns']}")
    near(serve["p50_ns"], percentile([ns for ns, _, _ in log], 0.5), "median serve, by nginx's log")


# ---- redis -----------------------------------------------------------------------------------


def _redis_bench(t, *options):
    """Both ends of a benchmark of 20,000 GETs, traced; redis' own count of commands."""
    server, bench, port = need("redis-server"), _copy(t, "redis-benchmark"), free_port()
    process = t.process(server, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.dir)
    process.wait_line("Ready to accept connections")
    client = Client(t, port)
    before, = client.info("stats", "total_commands_processed")
    # The client of this case is connected already and asks while nobody traces.
    served = t.stat(process.pid, f"serve=tcp:serve port={port}", f"accept=tcp:accept port={port}")
    asked = t.lapse("stat", "--exe", bench, f"request=tcp:request peer=127.0.0.1:{port}",
                    f"connect=tcp:connect peer=127.0.0.1:{port}", "--json")
    _run(bench, "-p", port, "-n", 20000, "-c", 10, "-t", "get", "-q", *options)
    served.stop()
    asked.stop()
    after, = client.info("stats", "total_commands_processed")
    for tracer in (served, asked):
        conserved(tracer.final())
    return served, asked, after - before - 1


@case(120)
def redis_commands(t):
    """A request a command. The benchmark asks for two settings first, in one piece."""
    served, asked, commands = _redis_bench(t, "-P", "1")
    equal(commands, 20002, "commands by redis")
    counted(served.component("serve"), 20001, "serves")
    counted(asked.component("request"), 20001, "requests")
    counted(asked.component("connect"), served.component("accept")["count"], "connects, by accepts")
    check(asked.component("request")["p50_ns"] >= served.component("serve")["p50_ns"], "a request is shorter")


@case(120)
def redis_pipelines(t):
    """Sixteen commands are sent at once and answered at once: a span a batch."""
    served, asked, commands = _redis_bench(t, "-P", "16")
    equal(commands, 20002, "commands by redis")
    counted(served.component("serve"), 20000 // 16 + 1, "serves")
    counted(asked.component("request"), 20000 // 16 + 1, "requests")


# ---- PostgreSQL --------------------------------------------------------------------------------


@case(150)
def postgresql_queries(t):
    """A serve a statement, and one a connection, which is its start. Backends are children that inherit the
    connection."""
    server = Server(t, "fsync=off")
    bench = _copy(t, f"{PG}/pgbench")
    script = t.write("script.sql", "SELECT 1;\nSELECT pg_sleep(0.01);\n")
    served = server.traced("serve=tcp:serve", "accept=tcp:accept")
    asked = t.lapse("stat", "--exe", bench, "request=tcp:request", "connect=tcp:connect", "--json")
    os.environ.update(PGSSLMODE="disable", PGGSSENCMODE="disable")
    told = _run(bench, *server.where, "-n", "-f", script, "-c", 4, "-t", 100, "postgres")
    served.stop()
    asked.stop()
    check("400/400" in told, f"pgbench says {told}")
    for tracer in (served, asked):
        conserved(tracer.final())
    connections = served.component("accept")["count"]
    within(connections, 4, 5, "connections")
    counted(served.component("serve"), 800 + connections, "serves")
    # The client's last word has no answer, and is no request that failed, even where the server closes first.
    counted(asked.component("request"), 800 + connections, "requests")
    equal(asked.component("request")["errors"], 0, "requests that failed")
    equal(asked.final()["integrity"]["abandoned"], connections, "last words")
    counted(asked.component("connect"), connections, "connects")
    slow = sum(n for low, _, n in served.component("serve")["histogram"] if low >= 9e6)
    check(slow >= 400, f"{slow} of 400 statements that sleep, and what took as long besides")


@case(150)
def postgresql_backends(t):
    """Each span is that of the backend, by the server's own word."""
    server = Server(t, "fsync=off")
    tracer = server.t.lapse("trace", "-p", server.process.pid, "serve=tcp:serve", "--slower", "50ms", "--follow",
                            "--json")
    os.environ.update(PGSSLMODE="disable", PGGSSENCMODE="disable")
    pids = [int(server.sql("SELECT pg_backend_pid() FROM pg_sleep(0.1)")[0][0]) for _ in range(3)]
    tracer.stop()
    slow = [span for span in tracer.objects("span") if not span["open"] and span["duration_ns"] > 100e6]
    # On a busy machine a backend may be slow at its start, too.
    equal(list(dict.fromkeys(span["pid"] for span in slow)), pids, "processes of the slow ones")
    equal({span["comm"] for span in slow}, {"postgres"}, "commands")


# ---- Node --------------------------------------------------------------------------------------


@case(120)
def node_fetches(t):
    """Forty requests over one connection that is kept alive, which nginx answers after 20 ms."""
    nginx = Nginx(t)
    url = f"http://127.0.0.1:{nginx.port}/slow/20"
    target = t.started(Target([need("node"), os.path.join(ROOT, "tests/targets/fetcher.js"), url, 40]))
    tracer = t.stat(target.pid, "request=tcp:request", "connect=tcp:connect")
    target.go()
    truth = target.done()
    target.finish()
    tracer.stop()
    conserved(tracer.final())
    counted(tracer.component("request"), 40, "requests")
    counted(tracer.component("connect"), 1, "connects")
    near(tracer.component("request")["p50_ns"], truth["request_ns"], "median request")


# ---- TLS ---------------------------------------------------------------------------------------

TLS_SERVER = """import socket, ssl, sys, time

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
context.maximum_version = getattr(ssl.TLSVersion, sys.argv[2])
with socket.create_server(("127.0.0.1", 0)) as listener:
    print("listening", listener.getsockname()[1], flush=True)
    while True:
        with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            while connection.recv(1000):
                time.sleep(0.02)
                connection.sendall(b"y" * 500)
"""

TLS_CLIENT = """import os, socket, ssl, sys, time

context = ssl.create_default_context(cafile=sys.argv[1])
context.check_hostname = False
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
took = []
for _ in range(3):
    with context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[2])))) as connection:
        for _ in range(10):
            start = time.monotonic_ns()
            connection.sendall(b"x" * 100)
            connection.recv(1000)
            took.append(time.monotonic_ns() - start)
print(f"done asked={len(took)} request_ns={sorted(took)[len(took) // 2]}", flush=True)
sys.stdin.read()
"""


def _tls(t, version):
    """The client's tracer and truth, and the server's tracer."""
    certificate = t.path("certificate")
    _run(need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", certificate, "-out",
         t.path("public"), "-days", "2", "-subj", "/CN=localhost")
    with open(t.path("public"), encoding="ascii") as public, open(certificate, "a", encoding="ascii") as both:
        both.write(public.read())
    server = t.process(need(PYTHON), "-I", t.write("server.py", TLS_SERVER), certificate, version)
    port = int(server.wait_line(r"^listening (\d+)")[1])
    client = t.started(Target([PYTHON, "-I", t.write("client.py", TLS_CLIENT), t.path("public"), port]))
    tracer = t.stat(f"{client.pid},{server.pid}", "request=tcp:request", "serve=tcp:serve", "opening=tcp:handshake")
    client.go()
    truth = client.done()
    client.finish()
    tracer.stop()
    conserved(tracer.final())
    return tracer, truth


@case(120)
def tls_1_2(t):
    """Each of three connections asks ten questions; all that comes before is the opening."""
    tracer, truth = _tls(t, "TLSv1_2")
    counted(tracer.component("request"), truth["asked"], "requests")
    counted(tracer.component("serve"), truth["asked"], "serves")
    check(tracer.component("opening")["count"] >= 6, "no openings")
    near(tracer.component("request")["p50_ns"], truth["request_ns"], "median request")


@case(120)
def tls_1_3(t):
    """The server's tickets come after the client's last word of the opening. Where the first question goes out
    before them, its exchange is of the opening."""
    tracer, truth = _tls(t, "TLSv1_3")
    within(tracer.component("request")["count"], truth["asked"] - 3, truth["asked"], "requests")
    near(tracer.component("request")["p50_ns"], truth["request_ns"], "median request")
