# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests of nginx as spans from one function to another, against nginx's own access log.

nginx's request_time runs from the first bytes of a request (ngx_http_create_request returns the
request then) to the writing of the log, which ngx_http_free_request begins with. A request is
processed (ngx_http_process_request) when all its header lines have come: what a client takes to
send these is in request_time and in no span that begins there. nginx's clock has milliseconds and
is read once a turn of the event loop.
"""

import http.client
import http.server
import signal
import socket
import subprocess
import threading
import time

from harness import case, check, counted, equal, free_port, lossless, need, percentile, wait_until, within
from nginx import nginx_command

WHOLE = "whole=span:ngx_http_create_request:return(ret)..ngx_http_free_request(arg0)"
HANDLED = "handled=span:ngx_http_process_request(arg0)..ngx_http_free_request(arg0)"

# What is logged of each request, and a location whose answers take their time.
HTTP = "log_format timed '$request_time $status $request_uri'; access_log {log} timed;"
SLOW = "location /slow {{ proxy_pass http://127.0.0.1:{upstream}; }}"


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers /slow/MILLISECONDS after that time."""

    def do_GET(self):
        time.sleep(int(self.path.rsplit("/", 1)[1]) / 1000)
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


class Nginx:
    """With an upstream, and a log of the time that each request took."""

    def __init__(self, t):
        self.t = t
        upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        upstream.daemon_threads = True
        threading.Thread(target=upstream.serve_forever, args=(0.05,), daemon=True).start()
        self._upstream = upstream
        t.defer(self.stop_upstream)
        self.port, self.upstream = free_port(), upstream.server_port
        http_lines, slow = HTTP.format(log=t.path("access.log")), SLOW.format(upstream=self.upstream)
        command = nginx_command(t, self.port, http_lines, slow)
        self.path, self.process = command[0], t.process(*command)
        wait_until(self._listens, "nginx to listen")

    def stop_upstream(self):
        """Nobody listens there any more."""
        self._upstream.shutdown()
        self._upstream.server_close()

    def _listens(self):
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def traced(self, *words):
        return self.t.lapse(words[0], "--exe", self.path, *words[1:], "--json")

    def finish(self):
        """Lets it answer what it has begun to; the log's lines: (request_time in ns, status, URI)."""
        self.process.popen.send_signal(signal.SIGQUIT)
        equal(self.process.wait(), 0, "exit code of nginx")
        with open(self.t.path("access.log"), encoding="utf-8") as log:
            lines = [line.split() for line in log]
        return [(round(float(seconds) * 1e9), int(status), uri) for seconds, status, uri in lines]


def _each(clients, work):
    """WORK(client's number) in as many threads; no exception is lost."""
    failures = []

    def run(number):
        try:
            work(number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, f"requests failed: {failures[:3]}")


def _answered(connection, path):
    response = connection.getresponse()
    check(response.status == 200 and response.read() == b"ok\n", f"{path}: {response.status}")


def _get(connection, path):
    connection.request("GET", path)
    _answered(connection, path)


def _post_slowly(connection, path):
    """The body comes in four pieces, each 20 ms after what was before."""
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", "400")
    connection.endheaders()
    for _ in range(4):
        time.sleep(0.02)
        connection.send(b"x" * 100)
    _answered(connection, path)


def _agree(spans, log, what):
    """Ordered by length, each span against its line. The log's clock is late by up to a millisecond
    and what the loop does at the time, at either end."""
    equal(len(spans), len(log), f"spans against lines of the log, {what}")
    for span, line in zip(sorted(spans), sorted(log)):
        within(span, line * 0.85 - 5e6, line * 1.15 + 5e6, f"{what} beside {line} ns of the log")


@case()
def request_times(t):
    """Upstreams that sleep and bodies that dawdle, from four clients that keep their connections:
    every span beside its line of the access log. Both begin when the header lines are there, which
    these clients send in one piece."""
    nginx = Nginx(t)
    tracer = nginx.traced("trace", HANDLED, "--slower", "1ns")

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=20)
        for delay in (0, 40, 80, 120, 160):
            _get(connection, f"/slow/{delay + 10 * number}")
            _get(connection, "/")
        _post_slowly(connection, f"/slow/{10 * number}")
        connection.close()

    _each(4, client)
    log = nginx.finish()
    tracer.stop()
    lossless(tracer.final())
    equal(len(log), 4 * 11, "lines of the log")
    counted(tracer.component("handled"), len(log), "requests")
    spans = [span["duration_ns"] for span in tracer.objects("span") if not span["open"]]
    times = [seconds for seconds, _, _ in log]
    _agree(spans, times, "request time")
    t.note(f"median {percentile(spans, 0.5) / 1e6:.3f} ms, by nginx {percentile(times, 0.5) / 1e6:.0f} ms; "
           f"sum {sum(spans) / 1e6:.1f} ms, by nginx {sum(times) / 1e6:.0f} ms")


@case()
def slow_headers_and_bad_requests(t):
    """What begins at the first bytes covers all of request_time and also requests that are refused;
    what begins at the processing lacks the header lines' time, and for a refused request sees the
    end alone."""
    nginx = Nginx(t)
    tracer = nginx.traced("stat", WHOLE, HANDLED)

    def client(number):
        with nginx.connect() as sock, sock.makefile("rb") as answer:
            for piece in (b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"Connection: close\r\n\r\n"):
                sock.sendall(piece)
                time.sleep(0.1)
            check(b" 200 " in answer.readline(), "not answered")

    def refused(number):
        with nginx.connect() as sock, sock.makefile("rb") as answer:
            sock.sendall(b"GET / HTTP/1.1\r\nno such header\r\n\r\n")
            check(b" 400 " in answer.readline(), "not refused")
            answer.read()

    _each(8, client)
    _each(3, refused)
    log = nginx.finish()
    tracer.stop()
    equal([status for _, status, _ in log].count(400), 3, "refused requests in the log")
    whole, handled = tracer.component("whole"), tracer.component("handled")
    counted(whole, len(log), "requests from their first bytes on")
    counted(handled, len(log) - 3, "requests that were processed")
    equal(handled["unmatched_end"], 3, "ends of what never was processed")
    equal(whole["unmatched_end"], 0, "ends without a beginning")
    slow = [seconds for seconds, status, _ in log if status == 200]
    within(whole["max_ns"], max(slow) * 0.85 - 5e6, max(slow) * 1.15 + 5e6, "longest")
    within(whole["p50_ns"], percentile(slow, 0.5) * 0.7, percentile(slow, 0.5) * 1.3, "median")
    check(handled["p50_ns"] < percentile(slow, 0.5) / 2, f"headers are in {handled['p50_ns']}")
    t.note(f"median {whole['p50_ns'] / 1e6:.3f} ms, by nginx {percentile(slow, 0.5) / 1e6:.0f} ms; "
           f"processed {handled['p50_ns'] / 1e6:.3f} ms")


@case()
def requests_under_load(t):
    """wrk's sixteen connections at full speed, and its last requests cut off: as many spans as lines."""
    wrk = need("wrk")
    nginx = Nginx(t)
    tracer = nginx.traced("stat", WHOLE, HANDLED)
    subprocess.run([wrk, "-d", "2", "-c", "16", "-t", "1", f"http://127.0.0.1:{nginx.port}/"],
                   capture_output=True, timeout=30, check=True)
    log = nginx.finish()
    tracer.stop()
    lossless(tracer.final())
    check(len(log) > 1000, f"only {len(log)} requests")
    for name in ("whole", "handled"):
        counted(tracer.component(name), len(log), name)
        equal(tracer.component(name)["in_flight"], 0, f"{name} in flight")
    t.note(f"{len(log)} requests")


@case()
def turns_hold_what_blocks(t):
    """A worker's event loop turns while a proxied request waits: the wait of 300 ms is in the
    request's span and in no turn."""
    nginx = Nginx(t)
    tracer = nginx.traced("stat", HANDLED, "loop")
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=20)
    for _ in range(3):
        _get(connection, "/slow/300")
    connection.close()
    nginx.finish()
    tracer.stop()
    counted(tracer.component("handled"), 3, "requests")
    shortest, turns = tracer.component("handled")["min_ns"], tracer.component("loop")
    check(shortest >= 300e6, f"a request took {shortest} ns, less than the upstream's sleep")
    check(turns["count"] >= 9, f"only {turns['count']} turns")
    check(turns["max_ns"] < shortest, f"a turn of {turns['max_ns']} ns beside a request of {shortest} ns")
