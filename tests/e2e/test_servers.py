# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers, each an own instance on loopback in a folder of the case."""

import http.client
import os
import pwd
import re
import signal
import socket
import subprocess
import threading

from harness import case, check, conserved, counted, equal, free_port, lossless, need, wait_until
from nginx import nginx_command

BESIDE = True  # harness.py

PG = "/usr/lib/postgresql/15/bin"


def _connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


# ---- redis ---------------------------------------------------------------------------------


def _redis(t):
    server, bench = need("redis-server", "redis-benchmark")
    port = free_port()
    process = t.process(server, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                        "--dir", t.dir, "--daemonize", "no")
    process.wait_line("Ready to accept connections")
    return process, bench, port


def _redis_calls(port):
    """All calls so far, by the server's own count; this INFO is not in it yet."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock, sock.makefile("rb") as file:
        sock.sendall(b"INFO commandstats\r\n")
        length = int(file.readline()[1:])
        return sum(int(n) for n in re.findall(rb"calls=(\d+)", file.read(length)))


@case(90)
def redis(t):
    """call() against the increase in INFO commandstats: the first INFO counts there though it
    came before the probes, the second came under them and does not: the two cancel out."""
    process, bench, port = _redis(t)
    before = _redis_calls(port)
    tracer = t.stat(process.pid, "call")
    run = subprocess.run([bench, "-p", str(port), "-n", "20000", "-c", "10", "-t", "set,get", "-q"],
                         capture_output=True, timeout=60, check=False)
    equal(run.returncode, 0, "exit code of redis-benchmark")
    after = _redis_calls(port)
    tracer.stop()
    check(after - before >= 40000, f"only {after - before} calls")
    missing = tracer.final()["integrity"]["kernel_missed"] + tracer.final()["integrity"]["too_deep"]
    equal(tracer.component("call")["count"] + missing, after - before, "calls counted and said to be missed")
    equal(missing, 0, "missed")
    conserved(tracer.final())


@case(90)
def redis_stays_fast(t):
    """Not a benchmark: under a probe it still answers, and when lapse has gone nothing stays."""
    process, bench, port = _redis(t)
    tracer = t.stat(process.pid, "call")
    _redis_calls(port)
    tracer.stop()
    equal(tracer.component("call")["count"], 1, "calls")
    run = subprocess.run([bench, "-p", str(port), "-n", "5000", "-t", "ping_inline", "-q"],
                         capture_output=True, timeout=60, check=False)
    equal(run.returncode, 0, "exit code of redis-benchmark")
    check(process.running(), "redis ended")


# ---- nginx ---------------------------------------------------------------------------------


def _nginx(t):
    port = free_port()
    command = nginx_command(t, port, f"access_log {t.path('access.log')};")
    process = t.process(*command)
    wait_until(lambda: _connects(port), "nginx to listen")
    return process, command[0], port


def _requests(port, n, clients=4):
    """N requests over kept connections; each is answered before this returns."""
    failures = []

    def client(count):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            for _ in range(count):
                connection.request("GET", "/")
                response = connection.getresponse()
                if response.status != 200 or response.read() != b"ok\n":
                    failures.append(response.status)
        except OSError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(n // clients,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, f"requests failed: {failures[:3]}")


@case(90)
def nginx(t):
    """The workers, matched by their file; after a reload the new ones too."""
    process, path, port = _nginx(t)
    tracer = t.lapse("stat", "--exe", path, "ngx_http_process_request", "--json")
    _requests(port, 2000)
    children = f"/proc/{process.pid}/task/{process.pid}/children"

    def workers():
        with open(children, encoding="ascii") as file:
            return set(file.read().split())

    old = workers()
    process.popen.send_signal(1)
    wait_until(lambda: len(workers() - old) == 2 and not workers() & old, "new workers")
    _requests(port, 1000)
    tracer.stop()
    counted(tracer.component("ngx_http_process_request"), 3000, "ngx_http_process_request")
    lossless(tracer.final())


@case(90)
def nginx_under_wrk(t):
    """wrk cuts its last requests off; nginx logs each one that it processed."""
    wrk = need("wrk")
    process, path, port = _nginx(t)
    tracer = t.lapse("stat", "--exe", path, "ngx_http_process_request", "--json")
    subprocess.run([wrk, "-d", "2", "-c", "8", "-t", "1", f"http://127.0.0.1:{port}/"], capture_output=True,
                   timeout=30, check=True)
    process.popen.send_signal(3)  # SIGQUIT: requests in progress are finished, the log is whole
    process.wait()
    tracer.stop()
    with open(t.path("access.log"), encoding="utf-8") as log:
        logged = sum(1 for _ in log)
    check(logged > 1000, f"only {logged} requests")
    counted(tracer.component("ngx_http_process_request"), logged, "ngx_http_process_request")
    lossless(tracer.final())


@case(900)
def nginx_attach_and_leave(t):
    """Probes come and go under load (CYCLES times, 60 if not given) and no request fails."""
    wrk = need("wrk")
    cycles = int(os.environ.get("CYCLES", "60"))
    _, path, port = _nginx(t)
    load = subprocess.Popen([wrk, "-d", "900", "-c", "8", "-t", "1", f"http://127.0.0.1:{port}/"],
                            stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(cycles):
            tracer = t.lapse("stat", "--exe", path, "ngx_http_*", "--yes", "--json")
            tracer.stop(signal.SIGINT, None)
            conserved(tracer.final())
    finally:
        load.send_signal(signal.SIGINT)
        report = load.communicate(timeout=30)[0]
    t.note(f"{cycles} cycles, " + " ".join(line.strip() for line in report.splitlines() if "requests in" in line))
    check("requests in" in report, "wrk said nothing")
    check("Socket errors" not in report and "Non-2xx" not in report, f"requests failed: {report}")


# ---- PostgreSQL ----------------------------------------------------------------------------


def _postgres(t):
    need("runuser", f"{PG}/initdb", f"{PG}/pgbench")
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        from harness import Skip
        raise Skip("no user postgres") from None
    os.mkdir(t.path("pg"))
    os.chown(t.path("pg"), user.pw_uid, user.pw_gid)
    port = free_port()
    subprocess.run(["runuser", "-u", "postgres", "--", f"{PG}/initdb", "-D", t.path("pg/data"), "-A", "trust",
                    "-N", "-E", "UTF8", "--locale", "C"], capture_output=True, check=True, timeout=60)
    os.chmod(t.path("pg"), 0o755)
    # setpriv executes in place, so that the handle is the server's own.
    process = t.process("setpriv", "--reuid", user.pw_uid, "--regid", user.pw_gid, "--clear-groups",
                        f"{PG}/postgres", "-D", t.path("pg/data"), "-p", port, "-k", t.path("pg"),
                        "-c", "listen_addresses=127.0.0.1", "-c", "autovacuum=off", "-c", "fsync=off",
                        "-c", "max_parallel_workers_per_gather=0", cwd=t.path("pg"))
    wait_until(lambda: "ready to accept connections" in "\n".join(process.err), "PostgreSQL")
    return process, port


@case(150, beside=False)
def postgresql(t):
    """PortalRun in backends that are started after the probes: one a statement. Of all servers there are, by their file."""
    _, port = _postgres(t)
    tracer = t.lapse("stat", "--exe", f"{PG}/postgres", "PortalRun", "--json")
    script = t.write("script.sql", "SELECT 1;\nSELECT generate_series(1, 10);\n")
    run = subprocess.run([f"{PG}/pgbench", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-n",
                          "-c", "4", "-t", "250", "-f", script, "postgres"], capture_output=True, text=True,
                         timeout=60, check=False)
    equal(run.returncode, 0, f"exit code of pgbench ({run.stderr[-200:]})")
    tracer.stop()
    counted(tracer.component("PortalRun"), 4 * 250 * 2, "PortalRun")
    conserved(tracer.final())
