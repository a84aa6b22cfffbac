# SPDX-License-Identifier: GPL-2.0-or-later
"""Handlers of every kind on a run with slow calls: what they are told, and that a bad one holds up nobody."""

import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import urllib.request

from harness import Process, case, check, equal, free_port, instead_of, need, wait_until

BESIDE = True  # harness.py

# Two components alternate, so that there are alerts to tell without waiting for cooldowns.
CONTRACT = """lapse: 1
labels: {{team: orders, tier: gold}}
annotations: {{runbook_url: "https://runbook.example/slow"}}
alerts: {{cooldown: 0s, resolve_after: 1s}}
components:
  w:
    measure: work_push
    labels: {{team: queue}}
    contract: {{max_latency: 2ms}}
handlers:
{handlers}
"""


def _contract(t, *handlers):
    lines = "".join(f"  - {{when: '*', {handler}}}\n" for handler in handlers)
    return t.write("contract.yaml", CONTRACT.format(handlers=lines))


class _Run:
    """A target whose calls are all slow, and lapse with HANDLERS; each breach is an alert (cooldown 0)."""

    def __init__(self, t, *handlers, calls=20, ns="3ms", options=(), **popen):
        self.target = t.target("timed", "--calls", calls, "--ns", ns)
        self.told = t.path("told.jsonl")
        self.tracer = t.lapse("watch", _contract(t, *handlers, f'file: "{self.told}", resolved: true'), "-p",
                              self.target.pid, "--json", *options, **popen)
        self.calls = calls

    def go(self):
        self.target.go()
        self.target.done()
        return self

    def resolved(self):
        wait_until(lambda: [a for a in self.alerts() if a["state"] == "resolved"], "the resolution")
        return self

    def alerts(self):
        return self.tracer.objects("alert")

    def stop(self):
        self.tracer.stop(code=1)
        self.handlers = self.tracer.final()["handlers"]
        return self

    def all_told(self):
        """Every alert is in the file, the first one for each breach: nothing was held up."""
        with open(self.told, encoding="utf-8") as file:
            told = [json.loads(line) for line in file]
        equal(told, self.alerts(), "what the file was told against what was printed")
        breaches = sum(a["state"] != "resolved" for a in told)
        check(breaches >= self.calls, f"only {breaches} announcements of {self.calls} slow calls")
        return told


# ---- bad ones ------------------------------------------------------------------------------------


@case(90)
def one_that_sleeps_for_ever(t):
    """Its programs fill their places and are ended; every other handler is told of everything."""
    sleeper = t.write("sleeper", "#!/bin/sh\nexec sleep 100000\n", 0o755)
    counter = t.write("counter", f"#!/bin/sh\necho x >> {t.path('counted')}\n", 0o755)
    open(t.path("counted"), "w", encoding="ascii").close()
    os.chmod(t.path("counted"), 0o666)
    run = _Run(t, f'exec: ["{sleeper}"], timeout: 2s', f'exec: ["{counter}"]', calls=90).go().resolved()

    def counted():
        with open(t.path("counted"), encoding="ascii") as file:
            return file.read().count("x")

    # Eight run at once and 64 wait, whatever else there is to do.
    wait_until(lambda: counted() >= 72, "the other program's runs")
    run.stop().all_told()
    asleep, other = run.handlers[0], run.handlers[1]
    equal(asleep["drops"] + asleep["waiting"] + asleep["runs"], len(run.alerts()) - 1,
          f"announcements that are accounted for in {asleep}")
    check(asleep["runs"] >= 8, f"runs of the sleeper: {asleep}")
    equal(other["failures"], 0, "failures of the other one")
    check(any("was ended: it ran longer than 2" in line for line in run.tracer.err), "its end was not said")


@case()
def one_that_outlives_lapse(t):
    """Nobody would see to its time limit any more: it goes with lapse, however that ends."""
    sleeper = t.write("sleeper", f"#!/bin/sh\necho $$ > {t.path('pid')}.new\nmv {t.path('pid')}.new {t.path('pid')}\n"
                      "exec sleep 100000\n", 0o755)
    os.chmod(t.dir, 0o777)
    run = _Run(t, f'exec: ["{sleeper}"], timeout: 1000s', calls=1).go()
    wait_until(lambda: os.path.exists(t.path("pid")), "the program's start")
    with open(t.path("pid"), encoding="ascii") as file:
        pid = int(file.read())
    run.tracer.signal(signal.SIGKILL)
    run.tracer.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the program's end")
    run.target.finish()


@case()
def one_that_is_not_there(t):
    """A program that is missing is an error at the start; one that goes away later holds nobody up."""
    gone = t.write("gone", "#!/bin/sh\nexit 0\n", 0o755)
    target = t.target("timed", "--calls", 1, "--ns", "1ms")
    ended = t.lapse_ends("watch", _contract(t, 'exec: ["/nonexistent/handler"]'), "-p", target.pid)
    equal(ended.popen.returncode, 2, "exit code")
    check(any("contract.yaml:11:5: handler program /nonexistent/handler" in line for line in ended.err),
          f"said {ended.err}")
    run = _Run(t, f'exec: ["{gone}"]')
    os.unlink(gone)
    run.go().resolved().stop().all_told()
    wrong = run.handlers[0]
    equal(wrong["failures"], wrong["runs"], "failed runs")
    check(wrong["runs"] >= 1, f"it was never run: {wrong}")


@case(90)
def one_that_prints_a_gigabyte(t):
    """Its output goes nowhere, and nobody waits for it."""
    printer = t.write("printer", "#!/bin/sh\nexec head -c 1000000000 /dev/zero\n", 0o755)
    run = _Run(t, f'exec: ["{printer}"], timeout: 60s', calls=3).go().resolved()
    run.stop().all_told()
    check(all(len(line) < 100000 for line in run.tracer.out), "its output is among lapse's")
    equal(run.tracer.wait(60), 1, "exit code")
    check(not any("handler" in line for line in run.tracer.err), f"said {run.tracer.err}")


# ---- webhooks -----------------------------------------------------------------------------------------


class _Server:
    """Answers each POST with the next of STATUSES, then 200; None: never. Keeps what it was sent."""

    def __init__(self, t, statuses=(), context=None):
        self.requests, waiting = [], list(statuses)
        self.release = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = waiting.pop(0) if waiting else 200
                server.requests.append((self.path, dict(self.headers), json.loads(body), status))
                if status is None:
                    server.release.wait()
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.httpd.block_on_close = False
        self.port = self.httpd.server_address[1]
        if context:
            self.httpd.socket = context.wrap_socket(self.httpd.socket, server_side=True)
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()
        t.defer(self.close)

    def close(self):
        self.release.set()
        self.httpd.shutdown()
        self.httpd.server_close()

    def bodies(self, status=200):
        return [body for _, _, body, got in list(self.requests) if got == status]


@case()
def webhook_gets_the_alert(t):
    """The same object as is printed, with its labels; those of the component come first."""
    server = _Server(t)
    run = _Run(t, f'webhook: "http://127.0.0.1:{server.port}/hook"', calls=5).go().resolved()
    wait_until(lambda: len(server.bodies()) == len(run.alerts()), "all alerts")
    run.stop().all_told()
    equal(server.bodies(), run.alerts(), "what was posted against what was printed")
    equal(server.requests[0][0], "/hook", "path")
    equal(run.alerts()[0]["labels"], {"team": "queue", "tier": "gold"}, "labels")
    equal(run.alerts()[0]["annotations"], {"runbook_url": "https://runbook.example/slow"}, "annotations")
    equal(run.handlers[0], {"kind": "webhook", "target": f"http://127.0.0.1:{server.port}/...",
                            "runs": len(run.alerts()), "failures": 0, "retries": 0, "drops": 0, "waiting": 0},
          "counts")


@case()
def webhook_that_never_answers(t):
    """Neither detection nor the other webhook waits for it; what it was not told of is counted."""
    silent, server = _Server(t, [None] * 1000), _Server(t)
    run = _Run(t, f'webhook: "http://127.0.0.1:{silent.port}/", timeout: 10s',
               f'webhook: "http://127.0.0.1:{server.port}/"', calls=50).go().resolved()
    wait_until(lambda: len(server.bodies()) == len(run.alerts()), "all alerts at the other webhook")
    check(silent.requests, "the silent one was asked nothing")
    run.tracer.signal(signal.SIGUSR1)
    report = wait_until(lambda: run.tracer.objects("final"), "the report")[-1]
    told = len(run.alerts())
    hanging, other = report["handlers"][:2]
    equal(hanging["waiting"] + hanging["drops"], told, "waiting or dropped at the silent one")
    equal(hanging["runs"], 1, "runs of the silent one")
    equal((other["runs"], other["failures"], other["waiting"]), (told, 0, 0), "the other one's counts")
    run.tracer.signal(signal.SIGINT)
    equal(run.tracer.wait(60), 1, "exit code")
    run.all_told()
    check(any(f"{told - hanging['drops']} alerts are dropped" in line for line in run.tracer.err),
          "what was dropped at the end was not said")


@case()
def webhook_of_a_name_that_is_never_looked_up(t):
    """A resolver that is silent for a minute holds up neither the other webhook nor the end."""
    resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    t.defer(resolver.close)
    resolver.bind(("127.9.9.53", 53))
    resolver.settimeout(10)
    asks = t.write("resolv.conf", "nameserver 127.9.9.53\noptions timeout:30 attempts:2\n")
    server = _Server(t)
    run = _Run(t, 'webhook: "http://lapse-test.example/", timeout: 1s',
               f'webhook: "http://127.0.0.1:{server.port}/"', calls=5,
               preexec_fn=lambda: instead_of("/etc/resolv.conf", asks))
    run.go()
    check(resolver.recv(4096), "it was not asked")
    wait_until(lambda: any("tried again" in line for line in run.tracer.err), "the end of the first try")
    run.resolved()
    wait_until(lambda: len(server.bodies()) == len(run.alerts()), "all alerts at the other webhook")
    run.stop().all_told()


@case()
def webhook_that_fails_three_times(t):
    """500 thrice, then 200: the alert comes through, and those behind it in their order."""
    server = _Server(t, [500, 500, 500])
    run = _Run(t, f'webhook: "http://127.0.0.1:{server.port}/"', calls=5).go().resolved()
    wait_until(lambda: len(server.bodies()) == len(run.alerts()), "all alerts")
    run.stop().all_told()
    equal(server.bodies(), run.alerts(), "what was accepted against what was printed")
    equal(server.bodies(500), [run.alerts()[0]] * 3, "what was refused")
    counts = run.handlers[0]
    equal((counts["runs"], counts["failures"], counts["retries"]), (len(run.alerts()), 0, 3), "counts")
    check(any("status 500; it is tried again" in line for line in run.tracer.err), "its failure was not said")


@case()
def webhook_that_refuses(t):
    """404 is not tried again."""
    server = _Server(t, [404] * 1000)
    run = _Run(t, f'webhook: "http://127.0.0.1:{server.port}/"', calls=5).go().resolved()
    wait_until(lambda: len(server.requests) == len(run.alerts()), "all alerts")
    run.stop().all_told()
    counts = run.handlers[0]
    equal((counts["runs"], counts["failures"], counts["retries"]), (len(run.alerts()), len(run.alerts()), 0),
          "counts")


# ---- TLS -------------------------------------------------------------------------------------------------


def _certificates(t):
    """An authority, a certificate for a server named alerts.test, and one for a client."""
    openssl = need("openssl")

    def run(*words):
        subprocess.run([openssl, *words], check=True, capture_output=True)

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout",
        t.path("ca.key"), "-out", t.path("ca.pem"))
    for name, subject in (("server", "alerts.test"), ("client", "lapse")):
        run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}", "-keyout", t.path(f"{name}.key"),
            "-out", t.path(f"{name}.csr"))
        extension = t.write(f"{name}.ext", f"subjectAltName=DNS:{subject}\n")
        run("x509", "-req", "-days", "2", "-in", t.path(f"{name}.csr"), "-CA", t.path("ca.pem"), "-CAkey",
            t.path("ca.key"), "-CAcreateserial", "-extfile", extension, "-out", t.path(f"{name}.pem"))


@case()
def webhook_over_tls(t):
    """The server is checked by name and authority, and checks who lapse is; a token goes along."""
    _certificates(t)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(t.path("server.pem"), t.path("server.key"))
    context.load_verify_locations(t.path("ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    server = _Server(t, context=context)
    token = t.write("token", "secret-token\n", 0o600)
    tls = (f'tls_config: {{ca_file: "{t.path("ca.pem")}", cert_file: "{t.path("client.pem")}", '
           f'key_file: "{t.path("client.key")}"')
    url = f'webhook: "https://127.0.0.1:{server.port}/", '
    run = _Run(t, f'{url}{tls}, server_name: alerts.test}}, authorization: {{credentials_file: "{token}"}}',
               f"{url}{tls}}}", f'{url}tls_config: {{insecure_skip_verify: true}}', calls=3).go().resolved()
    wait_until(lambda: len(server.bodies()) == len(run.alerts()), "all alerts")
    run.tracer.signal(signal.SIGINT)
    equal(run.tracer.wait(), 1, "exit code")
    run.all_told()
    equal(server.bodies(), run.alerts(), "what was posted against what was printed")
    headers = server.requests[0][1]
    equal(headers["Authorization"], "Bearer secret-token", "authorization")
    equal(headers["Host"], f"127.0.0.1:{server.port}", "host")
    good, misnamed, unknown = run.tracer.final()["handlers"][:3]
    equal((good["failures"], good["retries"]), (0, 0), "failures with everything in order")
    # Another name than the certificate's, and no certificate of its own: told of nothing.
    for bad in (misnamed, unknown):
        check(bad["waiting"] > 0 and bad["runs"] == 1, f"it has got through: {bad}")


# ---- alertmanager -------------------------------------------------------------------------------------------


class _Alertmanager:
    """Debian's, on loopback, with a configuration and a storage of its own."""

    def __init__(self, t):
        program = need("prometheus-alertmanager")
        self.port = free_port()
        config = t.write("alertmanager.yml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        self.process = t.started(Process([
            program, f"--config.file={config}", f"--storage.path={t.path('storage')}", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL))
        wait_until(lambda: self.get("/-/ready", False), "the Alertmanager")

    def get(self, path, parse=True):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                text = answer.read()
        except OSError:
            return None
        return json.loads(text) if parse else True

    def active(self):
        """severity -> alert, of those that it holds for active."""
        alerts = self.get("/api/v2/alerts")
        return {a["labels"]["severity"]: a for a in alerts or [] if a["status"]["state"] == "active"}


@case(120)
def alertmanager_shows_and_resolves(t):
    """A warning, then critical, which ends the warning there; then nothing any more."""
    manager = _Alertmanager(t)
    target = t.target("timed", "--calls", 3, "--ns", "3ms,3ms,1ms")
    path = t.write("contract.yaml", CONTRACT.format(handlers=(
        f"  - {{when: '*', alertmanager: 'http://127.0.0.1:{manager.port}', resend: 1s}}\n"))
        .replace("resolve_after: 1s", "resolve_after: 3s"))
    tracer = t.lapse("watch", path, "-p", target.pid, "--json")
    target.go()
    target.done()
    wait_until(lambda: [a for a in tracer.objects("alert") if a["state"] == "firing"], "an alert")
    shown = wait_until(manager.active, "the alert at the Alertmanager")
    alert = next(iter(shown.values()))
    labels = {"alertname": "LATENCY_VIOLATION", "component": "w", "team": "queue", "tier": "gold"}
    equal({k: v for k, v in alert["labels"].items() if k != "severity"}, labels, "labels")
    equal(alert["annotations"]["runbook_url"], "https://runbook.example/slow", "annotation")
    equal(alert["annotations"]["limit"], "2000000 ns", "limit")
    check("LATENCY_VIOLATION w" in alert["annotations"]["summary"], f"summary: {alert['annotations']}")
    first = alert["updatedAt"]
    wait_until(lambda: any(a["updatedAt"] != first for a in manager.active().values()) or not manager.active(),
               "the alert to be sent again")
    wait_until(lambda: [a for a in tracer.objects("alert") if a["state"] == "resolved"], "the resolution")
    wait_until(lambda: manager.active() == {}, "the Alertmanager to hold nothing for active")
    tracer.stop(code=1)
    counts = tracer.final()["handlers"][0]
    equal((counts["kind"], counts["failures"], counts["drops"]), ("alertmanager", 0, 0), "counts")


@case(120)
def alertmanager_follows_the_severity(t):
    """An escalation is another alert there, and the end of the one before."""
    manager = _Alertmanager(t)
    target = t.target("timed", "--calls", 1, "--ns", "2500ms")
    path = t.write("contract.yaml", CONTRACT.format(handlers=(
        f"  - {{when: '*', alertmanager: 'http://127.0.0.1:{manager.port}', resend: 1s}}\n"))
        .replace("max_latency: 2ms", "max_latency: 1s").replace("resolve_after: 1s", "resolve_after: 5s"))
    tracer = t.lapse("watch", path, "-p", target.pid, "--json")
    target.go()
    target.done()
    wait_until(lambda: [a for a in tracer.objects("alert") if a["severity"] == "critical"], "a critical alert")
    wait_until(lambda: list(manager.active()) == ["critical"], "the critical alert alone at the Alertmanager")
    wait_until(lambda: [a for a in tracer.objects("alert") if a["state"] == "resolved"], "the resolution")
    wait_until(lambda: manager.active() == {}, "the Alertmanager to hold nothing for active")
    tracer.stop(code=1)


# ---- socket -------------------------------------------------------------------------------------------------


@case()
def socket_with_two_readers(t):
    """One reads every line; one never reads, is dropped for it, and that is counted."""
    path = t.path("alerts.sock")
    run = _Run(t, f'socket: "{path}"', calls=600, ns="2100us")
    readers = []
    for _ in range(2):
        reader = socket.socket(socket.AF_UNIX)
        reader.connect(path)
        t.defer(reader.close)
        readers.append(reader)
    readers[1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    lines = []

    def read():
        with readers[0].makefile("r", encoding="utf-8") as stream:
            for line in stream:
                lines.append(json.loads(line))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    run.go().resolved()
    run.stop().all_told()
    thread.join(20)
    equal(lines, run.alerts(), "what the reader got against what was printed")
    equal(run.handlers[0]["runs"], len(run.alerts()), "runs")
    equal(run.handlers[0]["drops"], 1, "readers that were dropped")
    check(not os.path.exists(path), "the socket was left behind")


# ---- signal --------------------------------------------------------------------------------------------------


@case()
def signal_to_a_target_that_catches_it(t):
    """Told of each alert, and of its end."""
    program = t.write("catcher.py", "import os, signal, sys, time\nn = 0\n"
                      "def got(*_):\n    global n\n    n += 1\n    os.write(1, b'got %d\\n' % n)\n"
                      "signal.signal(signal.SIGUSR2, got)\nprint('ready', flush=True)\n"
                      "sys.stdin.readline()\ntime.sleep(0.3)\nos.write(1, b'slept\\n')\nsys.stdin.readline()\n")
    target = t.process(need("python3"), program)
    target.wait_line("^ready")
    path = t.write("contract.yaml", "lapse: 1\nalerts: {resolve_after: 1s}\ncomponents:\n  s:\n"
                   "    measure: \"syscall:clock_nanosleep\"\n    contract: {max_latency: 100ms}\n"
                   "handlers: [{when: '*', signal: USR2, resolved: true}]\n")
    tracer = t.lapse("watch", path, "-p", target.pid, "--json")
    target.send("\n")
    target.wait_line("^slept")
    target.wait_line("^got 1")
    wait_until(lambda: [a for a in tracer.objects("alert") if a["state"] == "resolved"], "the resolution")
    wait_until(lambda: sum(line.startswith("got") for line in target.out) == len(tracer.objects("alert")),
               "a signal for each alert")
    tracer.stop(code=1)
    counts = tracer.final()["handlers"][0]
    equal((counts["kind"], counts["target"], counts["failures"]), ("signal", "USR2", 0), "counts")


@case()
def signal_to_a_target_that_does_not(t):
    """It would be its end: refused, said and counted."""
    run = _Run(t, "signal: USR2", calls=3).go().resolved().stop()
    check(run.target.running(), "the target has been ended")
    equal(run.handlers[0]["failures"], run.handlers[0]["runs"], "refusals")
    check(any("is not sent SIGUSR2: it does not catch it" in line for line in run.tracer.err), "it was not said")
    run.target.finish()


@case()
def signal_to_node(t):
    """USR1 opens Node's debugger: refused at the start."""
    program = t.write("idle.js", "console.log('ready'); setInterval(() => {}, 1000);\n")
    target = t.process(need("node"), program)
    target.wait_line("^ready")
    path = t.write("contract.yaml", "lapse: 1\ncomponents: {l: {measure: loop, contract: {max_latency: 10s}}}\n"
                   "handlers: [{when: '*', signal: USR1}]\n")
    ended = t.lapse_ends("watch", path, "-p", target.pid)
    equal(ended.popen.returncode, 2, "exit code")
    check(any(f"contract.yaml:3:12: process {target.pid} is Node" in line for line in ended.err),
          f"said {ended.err}")


@case()
def program_that_nobody_may_run(t):
    """As root handlers run as nobody: what that one may not execute is said at the start, and by check, not first when an
    alert fires."""
    os.mkdir(t.path("own"), 0o700)
    program = t.write("own/program", "#!/bin/sh\n")
    os.chmod(program, 0o755)
    path = _contract(t, f"exec: [{program}]")
    target = t.target("timed")
    tracer = t.lapse_ends("watch", path, "-p", target.pid, "-d", "1")
    equal(tracer.popen.returncode, 2, "exit code of watch")
    checked = t.lapse_ends("check", path)
    equal(checked.popen.returncode, 0, "exit code of check, whose machine may be another one")
    for run in (tracer, checked):
        check(any("contract.yaml:11:5: handler program" in line and "user nobody" in line for line in run.err),
              f"nothing is said of a program that nobody may run: {run.err}")
