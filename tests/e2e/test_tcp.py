# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP spans against programs that time by their own clock what they ask and answer.

Every figure lies within a tenth or 2 ms of the program's own median in the same run; what is counted is
exact. Cases run once with each way to trace TCP that this kernel has.
"""

import json
import os
import shutil
import subprocess

from harness import (LAPSE, LIMIT, TARGETS, Skip, case, check, conserved, counted, equal, histogram_count, need,
                     percentile, within)

WAYS = ("fentry", "kprobe", "tracepoint")
KINDS = ("tcp:connect", "tcp:request", "tcp:serve", "tcp:accept", "tcp:handshake")
SPECS = [f"{kind.split(':')[1]}={kind}" for kind in KINDS]
QUESTION = 40  # bytes, by tests/targets/tcp.h
ANSWER = 28

ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, EPIPE, ECONNRESET = 111, 101, 99, 32, 104


def _backends():
    """The ways to trace TCP that doctor finds here."""
    run = subprocess.run([LAPSE, "doctor", "--json"], capture_output=True, text=True, timeout=LIMIT, check=False)
    checks = [json.loads(line) for line in run.stdout.splitlines()]
    good = {row["name"] for row in checks if row.get("ok")}
    found = [way for way in WAYS if f"tcp {way}" in good]
    if not found:
        raise Skip("TCP cannot be traced here")
    return found


def near(got, truth, what):
    """Within a tenth or 2 ms of the program's own clock."""
    room = max(truth * 0.1, 2e6)
    within(got, truth - room, truth + room, f"{what}, by the program's clock {truth} ns")


class Pair:
    """An answerer and an asker that is ready; none of what it does has happened yet."""

    def __init__(self, t, way, *options, server=(), address="127.0.0.1", listen=None, program="asker"):
        self.t = t
        self.answerer = t.target("answerer", "--listen", listen or address, *server)
        self.port = int(self.answerer.wait_line(r"^listening (\d+)")[1])
        self.asker = t.target(program, address, self.port, way, *options)
        self.workers = [int(line.split()[1]) for line in self.answerer.out if line.startswith("worker ")]

    def traced(self, backend, *words, verb="stat", pids=None):
        """Both ends by one tracer, as far as PIDS does not say otherwise."""
        pids = pids or [self.asker.pid, self.answerer.pid, *self.workers]
        specs = words or SPECS
        return self.t.lapse(verb, "-p", ",".join(map(str, pids)), *specs, f"--tcp-backend={backend}", "--json")

    def work(self, tracer):
        """What was done in truth, by either end; the tracer has ended before them."""
        self.asker.go()
        asked = self.asker.done()
        self.answerer.go()
        answered = self.answerer.done()
        tracer.stop()
        conserved(tracer.final())
        self.asker.finish()
        self.answerer.finish()
        return asked, answered


def _through(t, backend, way, *options, words=(), verb="stat", **pair):
    """A whole run under the tracer: it, and the truth of either end."""
    both = Pair(t, way, *options, **pair)
    tracer = both.traced(backend, *words, verb=verb)
    asked, answered = both.work(tracer)
    equal(tracer.final()["integrity"]["maps_full"], 0, "connections that found no room")
    return tracer, asked, answered


def _tally(tracer, **wanted):
    """Exact counts of components."""
    for name, count in wanted.items():
        counted(tracer.component(name), count, name)


def _spans(tracer, component=None):
    return [span for span in tracer.objects("span")
            if not span["open"] and component in (None, span["component"])]


def _retransmits(tracer, asked, answered):
    """Segments that were sent again, whenever it was: SYNs are the connect's, data is the request's or serve's."""
    connect, request, serve = (tracer.component(name)["tcp"]["retransmits"] for name in ("connect", "request", "serve"))
    equal([connect + request, serve], [asked["retransmits"], answered["retransmits"]], "retransmits of either end")


# ---- the known delays ------------------------------------------------------------------------


def _known_delays(t, **pair):
    """Accepted after 30 ms, answered after 20 ms; one connection after the other."""
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "plain", "--connections", 6, "--calls", 10, "--delay", "20ms",
                                           server=("--accept-delay", "30ms"), **pair)
        _tally(tracer, connect=6, accept=6, request=60, serve=60, handshake=0)
        for name, truth in (("connect", asked["connect_ns"]), ("accept", answered["accept_ns"]),
                            ("request", asked["request_ns"]), ("serve", answered["serve_ns"])):
            near(tracer.component(name)["p50_ns"], truth, f"median {name} by {backend}")
        equal([tracer.component(name)["errors"] for name in ("connect", "request")], [0, 0], "failures")
        check(answered["accept_ns"] > 30e6 and answered["serve_ns"] > 20e6, "the target did not wait")
        _retransmits(tracer, asked, answered)
        t.note(f"{backend}: " + ", ".join(
            f"{name} {tracer.component(name)['p50_ns'] / 1e6:.3f} ms ({truth / 1e6:.3f})" for name, truth in
            (("accept", answered["accept_ns"]), ("request", asked["request_ns"]), ("serve", answered["serve_ns"]))))


@case(120)
def known_delays(t):
    _known_delays(t)


@case(120)
def known_delays_by_ipv6(t):
    _known_delays(t, address="::1")


@case(120)
def known_delays_mapped(t):
    """A socket of IPv6 that connects to an address of IPv4, and one that is connected to by IPv4."""
    _known_delays(t, address="::ffff:127.0.0.1")
    _known_delays(t, address="127.0.0.1", listen="::ffff:127.0.0.1")


@case(120)
def many_connections(t):
    """Two hundred at once by epoll, kept alive."""
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "many", "--connections", 200, "--calls", 20, "--delay", "20ms",
                                           server=("--mode", "epoll"))
        _tally(tracer, connect=200, accept=200, request=4000, serve=4000)
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")
        _retransmits(tracer, asked, answered)


# ---- losses and failures -----------------------------------------------------------------------


@case(120)
def a_lost_question(t):
    """Each question is lost once. The asker's request lasts until its second sending was answered, and of that
    the network's part is what the answerer did not take."""
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "lost", "--calls", 4, "--delay", "20ms")
        _tally(tracer, request=4, serve=4)
        # A busy machine may be late with an acknowledgement, too.
        check(asked["retransmits"] >= 4, f"{asked['retransmits']} retransmits by the asker's TCP_INFO")
        _retransmits(tracer, asked, answered)
        request = tracer.component("request")
        near(request["p50_ns"], asked["request_ns"], f"median request by {backend}")
        near(request["tcp"]["network_avg_ns"], asked["network_ns"], f"the network's part by {backend}")


@case(120)
def a_lost_answer(t):
    """The answerer's serve ends with the first sending; the asker waits for the second."""
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "lost-answer", "--calls", 4)
        _tally(tracer, request=4, serve=4)
        equal(answered["retransmits"], 4, "retransmits by the answerer's TCP_INFO")
        _retransmits(tracer, asked, answered)
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")


@case(120)
def a_retransmit_in_its_span(t):
    """Each span has those that it waited for, and no others."""
    for backend in _backends():
        tracer, _, _ = _through(t, backend, "lost", "--calls", 3, "--delay", "20ms", verb="trace",
                                words=("request=tcp:request", "serve=tcp:serve", "--slower", "1ns"))
        missed = tracer.final()["integrity"]["kernel_missed"]
        for name, each in (("request", 1), ("serve", 0)):
            got = [span["tcp"]["retransmits"] for span in _spans(tracer, name)]
            # A peer that is late to acknowledge has more sent again.
            check(min(got) >= each and (each or not any(got)), f"retransmits of each {name}: {got}")
            within(len(got), 3 - missed, 3, f"spans of {name}, {missed} runs having been missed")


@case(120)
def slow_to_connect(t):
    """The first SYN is lost; in connect(), and in one that is called again each 20 ms."""
    for backend in _backends():
        for way in ("slow-connect", "again"):
            tracer, asked, answered = _through(t, backend, way, "--calls", 2, verb="trace",
                                               words=(*SPECS, "--slower", "1ns"))
            _tally(tracer, connect=1, accept=1, request=2, serve=2)
            near(tracer.component("connect")["max_ns"], asked["connect_ns"], f"{way} by {backend}")
            check(asked["connect_ns"] > 900e6, "the target's SYN was not lost")
            span, = _spans(tracer, "connect")
            equal((span["ok"], span["tcp"]["retransmits"]), (True, 1), f"outcome and retransmits by {backend}")
            _retransmits(tracer, asked, answered)


def _fails(t, backend, way, number, good=0, **pair):
    tracer, asked, _ = _through(t, backend, way, "--calls", 5, verb="trace",
                                words=("connect=tcp:connect", "--slower", "1ns"), **pair)
    equal((asked["failed"], asked["errno"]), (5, number), "what the target met")
    counted(tracer.component("connect"), 5 + good, f"connects {way} by {backend}")
    equal(tracer.component("connect")["errors"], 5, f"failures {way} by {backend}")
    failed = [span for span in _spans(tracer) if not span["ok"]]
    equal([span["tcp"]["error"] for span in failed], [number] * 5, f"errno of each {way} by {backend}")
    equal({span["pid"] for span in failed}, {failed[0]["pid"]}, "processes")
    return tracer, asked


@case(120)
def refused(t):
    for backend in _backends():
        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
            tracer, asked = _fails(t, backend, "refused", ECONNREFUSED, address=address)
            near(tracer.component("connect")["p50_ns"], asked["connect_ns"], "median refusal")


@case(120)
def unreachable(t):
    """It fails before there is a SYN."""
    for backend in _backends():
        _fails(t, backend, "unreachable", ENETUNREACH)


@case(120)
def both_ends_in_use(t):
    for backend in _backends():
        _fails(t, backend, "taken", EADDRNOTAVAIL, good=1)


# ---- what a request is -------------------------------------------------------------------------


@case(120)
def a_question_in_two_writes(t):
    """It begins with the last of them."""
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "halves", "--calls", 10, "--delay", "20ms")
        _tally(tracer, request=10, serve=10)
        equal(tracer.component("request")["tcp"]["pipelined"], asked["pipelined"], "further sends")
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")


@case(120)
def pipelined_questions(t):
    """Three before the first answer are one span."""
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "batches", "--calls", 10, "--delay", "20ms")
        _tally(tracer, request=10, serve=10)
        equal((asked["asked"], asked["requests"]), (30, 10), "what the target did")
        equal(tracer.component("request")["tcp"]["pipelined"], asked["pipelined"], "further sends")
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
        _retransmits(tracer, asked, answered)


@case(120)
def an_upload_that_blocks(t):
    """Eight megabytes through a small buffer, read late: the request begins with the last byte."""
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "upload", "--calls", 5, "--body", 8000000, "--delay", "30ms")
        _tally(tracer, request=5, serve=5)
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
        equal(tracer.component("request")["tcp"]["sent"], 5 * (QUESTION + 8000000), "bytes sent")
        equal(tracer.component("serve")["tcp"]["received"], 5 * (QUESTION + 8000000), "bytes received")
        _retransmits(tracer, asked, answered)


@case(120)
def the_server_speaks_first(t):
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "banner", "--connections", 5, "--calls", 3, "--delay", "20ms",
                                           server=("--banner",))
        _tally(tracer, connect=5, accept=5, request=15, serve=15)
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")


@case(120)
def the_last_question_shuts(t):
    """shutdown(SHUT_WR) before the answer comes."""
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "half-closed", "--connections", 6, "--calls", 1,
                                           "--delay", "20ms")
        _tally(tracer, connect=6, request=6, serve=6)
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")


LEAVES = {  # how often the last request of a connection fails, and with which errno
    "parting": (0, 0),
    "left": (1, EPIPE),
    "left-shut": (1, EPIPE),
    "reset": (1, ECONNRESET),
    "reset-late": (0, 0),
}


@case(180)
def a_last_word_without_an_answer(t):
    """A request fails if its program waits for an answer and the peer ends, and not if the program has closed
    or closes without having looked, whichever of them was first."""
    for backend in _backends():
        for way, (fails, number) in LEAVES.items():
            tracer, asked, _ = _through(t, backend, way, "--connections", 3, verb="trace", program="leaver",
                                        words=("request=tcp:request", "--slower", "1ns"))
            equal((asked["asked"], asked["answered"], asked["failed"]), (6, 3, 3 * fails), f"done, {way}")
            request = tracer.component("request")
            counted(request, 3 + 3 * fails, f"requests, {way} by {backend}")
            equal(request["errors"], 3 * fails, f"failures, {way} by {backend}")
            equal(tracer.final()["integrity"]["abandoned"], 3 - 3 * fails, f"given up, {way} by {backend}")
            failed = [span for span in _spans(tracer) if not span["ok"]]
            equal([span["tcp"]["error"] for span in failed], [number] * len(failed), f"errno, {way} by {backend}")
            for span in failed:
                check(span["duration_ns"] > 15e6, f"the end, {way} by {backend}: after {span['duration_ns']} ns")


@case(120)
def an_answer_that_lies_unread(t):
    """The request ends when the answer comes, not when it is read."""
    for backend in _backends():
        tracer, asked, _ = _through(t, backend, "late-read", "--calls", 8, "--delay", "20ms", "--read-after", "60ms")
        _tally(tracer, request=8, serve=8)
        request = tracer.component("request")
        near(request["p50_ns"], asked["request_ns"], f"median request by {backend}")
        near(request["tcp"]["unread_avg_ns"], asked["unread_ns"], f"time unread by {backend}")


@case(120)
def answers_by_sendfile(t):
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "plain", "--calls", 20, "--delay", "10ms", "--sendfile",
                                           "--answer", 50000)
        _tally(tracer, request=20, serve=20)
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")
        equal(tracer.component("serve")["tcp"]["sent"], 20 * (ANSWER + 50000), "bytes sent")
        equal(tracer.component("request")["tcp"]["received"], 20 * (ANSWER + 50000), "bytes received")
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")


@case(120)
def several_at_once_are_none(t):
    """HTTP/2 is told by its preface, and its requests are not measured."""
    for backend in _backends():
        tracer, _, _ = _through(t, backend, "h2", "--connections", 3, "--calls", 5)
        _tally(tracer, connect=3, accept=3, request=0)
        equal(tracer.component("request")["tcp"]["mux"], 3, "multiplexed connections")


@case(120)
def openings_of_tls(t):
    """Records of TLS's opening are no request. With 1.3 the first question goes out behind the client's
    last word, and whose answer comes first cannot be told: it is of the opening too."""
    for backend in _backends():
        for way, first in (("tls12", 0), ("tls13", 1)):
            tracer, asked, _ = _through(t, backend, way, "--connections", 4, "--calls", 5, "--delay", "20ms")
            equal(asked["asked"], 20, "questions")
            _tally(tracer, connect=4, request=20 - 4 * first)
            check(tracer.component("handshake")["count"] >= 4, "no openings")
            near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request, {way} by {backend}")


# ---- whose it is -------------------------------------------------------------------------------


@case(120)
def connections_from_before(t):
    """They stood and had been used before the tracer came."""
    for backend in _backends():
        for listen in ("127.0.0.1", "::1"):
            tracer, asked, answered = _through(t, backend, "many", "--before", "--connections", 5, "--calls", 10,
                                               "--delay", "20ms", server=("--mode", "epoll"), address=listen)
            _tally(tracer, connect=0, accept=0, request=50, serve=50)
            near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
            near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")


@case(120)
def connections_from_before_are_marked(t):
    for backend in _backends():
        tracer, _, _ = _through(t, backend, "many", "--before", "--connections", 3, "--calls", 2, verb="trace",
                                words=(*SPECS, "--slower", "1ns"))
        spans = _spans(tracer)
        equal(len(spans), 12, "spans")
        equal({span["tcp"]["before"] for span in spans}, {True}, "said of them")


@case(120)
def one_thread_asks_and_another_reads(t):
    for backend in _backends():
        tracer, asked, answered = _through(t, backend, "threads", "--calls", 20, "--delay", "10ms")
        _tally(tracer, request=20, serve=20)
        near(tracer.component("request")["p50_ns"], asked["request_ns"], f"median request by {backend}")
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")


@case(120)
def workers_that_accept(t):
    """Forked beforehand, all at one listening socket."""
    for backend in _backends():
        both = Pair(t, "plain", "--connections", 12, "--calls", 5, "--delay", "5ms", server=("--mode", "prefork"))
        tracer = both.traced(backend, "serve=tcp:serve", "accept=tcp:accept", "--slower", "1ns", verb="trace",
                             pids=both.workers)
        _, answered = both.work(tracer)
        _tally(tracer, serve=60, accept=12)
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")
        strangers = {span["pid"] for span in _spans(tracer)} - set(both.workers)
        equal(strangers, set(), "processes that are no workers")


@case(120)
def children_that_inherit(t):
    """One accepts, a child has the connection: accepted by the one, served by the other."""
    for backend in _backends():
        both = Pair(t, "plain", "--connections", 8, "--calls", 5, "--delay", "5ms", server=("--mode", "fork"))
        tracer = both.traced(backend, "serve=tcp:serve", "accept=tcp:accept", "--slower", "1ns", "--follow",
                             verb="trace", pids=both.workers)
        _, answered = both.work(tracer)
        _tally(tracer, serve=40, accept=8)
        near(tracer.component("serve")["p50_ns"], answered["serve_ns"], f"median serve by {backend}")
        equal({span["pid"] for span in _spans(tracer, "accept")}, set(both.workers), "processes that accept")
        servers = {span["pid"] for span in _spans(tracer, "serve")}
        check(not servers & set(both.workers), f"the one that accepts served: {servers}")
        equal(len(servers), 8, "children that served")


@case(180)
def among_eight_processes(t):
    """Eight askers at once on two processors; every span is that of the process whose socket it is, and a
    tracer of one sees that one."""
    for backend in _backends():
        pairs = [Pair(t, "many", "--connections", 10, "--calls", 100 + 10 * i, server=("--mode", "epoll"))
                 for i in range(8)]
        one = pairs[3].traced(backend, pids=[pairs[3].asker.pid])
        served = pairs[4].traced(backend, pids=[pairs[4].answerer.pid])
        every = t.lapse("trace", "-p", ",".join(str(pair.asker.pid) for pair in pairs), "request=tcp:request",
                        "--slower", "1ns", f"--tcp-backend={backend}", "--json")
        for pair in pairs:
            pair.asker.go()
        truths = [pair.asker.done(60) for pair in pairs]
        for tracer in (one, served, every):
            tracer.stop()
            conserved(tracer.final())
        _tally(one, request=truths[3]["asked"], connect=10, serve=0, accept=0)
        _tally(served, serve=truths[4]["asked"], accept=10, request=0, connect=0)
        counted(every.component("request"), sum(truth["asked"] for truth in truths), "all requests")
        spans = _spans(every)
        equal(len(spans) + every.final()["integrity"]["ring_dropped"], sum(truth["asked"] for truth in truths),
              "spans shown and dropped")
        owners = {(span["pid"], int(span["peer"].rsplit(":", 1)[1])) for span in spans}
        equal(owners, {(pair.asker.pid, pair.port) for pair in pairs}, "processes and their peers")
        equal({span["comm"] for span in spans}, {"asker"}, "commands")


@case(120)
def of_a_program_that_does_not_run_yet(t):
    """--exe means what is started from that file later, and nobody else meanwhile."""
    own = shutil.copy(need(os.path.join(TARGETS, "asker")), t.path("own"))
    for backend in _backends():
        strange = Pair(t, "plain", "--connections", 3, "--calls", 20)
        tracer = t.lapse("stat", "--exe", own, "request=tcp:request", "opened=syscall:connect",
                         f"--tcp-backend={backend}", "--json")
        strange.asker.go()
        strange.asker.done()
        asker = t.target(own, "127.0.0.1", strange.port, "plain", "--connections", 2, "--calls", 5)
        asker.go()
        asker.done()
        tracer.stop()
        _tally(tracer, request=10, opened=2)


# ---- which are meant ---------------------------------------------------------------------------


@case(120)
def by_peer_and_port(t):
    """Each specification counts what agrees with it, and nothing else."""
    backend = _backends()[0]
    both = Pair(t, "plain", "--connections", 4, "--calls", 5)
    other = both.port - 1 if both.port > 1 else both.port + 1
    tracer = both.traced(
        backend, f"exact=tcp:request peer=127.0.0.1:{both.port}", "net=tcp:request peer=127.0.0.0/8",
        "wrong=tcp:request peer=10.0.0.0/8", f"otherport=tcp:request peer=127.0.0.1:{other}",
        f"listening=tcp:serve port={both.port}", f"elsewhere=tcp:serve port={other}",
        "six=tcp:connect peer=[::1]", "half=tcp:connect peer=127.0.0.0/25", "upper=tcp:connect peer=127.128.0.0/9")
    both.work(tracer)
    _tally(tracer, exact=20, net=20, wrong=0, otherport=0, listening=20, elsewhere=0, six=0, half=4, upper=0)


@case(120)
def by_peer_of_ipv6(t):
    backend = _backends()[0]
    both = Pair(t, "plain", "--connections", 4, "--calls", 5, address="::1")
    tracer = both.traced(backend, f"exact=tcp:request peer=[::1]:{both.port}", "net=tcp:request peer=::/64",
                         "wrong=tcp:request peer=fe80::/10", "four=tcp:request peer=127.0.0.0/8")
    both.work(tracer)
    _tally(tracer, exact=20, net=20, wrong=0, four=0)


@case(120)
def a_line_of_each(t):
    """What a span tells of its connection."""
    for backend in _backends():
        tracer, asked, _ = _through(t, backend, "plain", "--connections", 2, "--calls", 3, "--delay", "20ms",
                                    "--answer", 1000, verb="trace", words=(*SPECS, "--slower", "1ns"))
        requests, serves = _spans(tracer, "request"), _spans(tracer, "serve")
        equal((len(requests), len(serves)), (6, 6), "spans")
        for span in requests:
            tcp = span["tcp"]
            said = [tcp[key] for key in ("kind", "sent", "retransmits", "pipelined", "tls", "mux", "before")]
            equal(said, ["request", QUESTION, 0, 0, False, False, False], "what is said of a request")
            equal(span["peer"], tcp["peer"], "the peer")
            within(tcp["min_rtt_ns"], 1, tcp["srtt_ns"] + 1000, "shortest round trip beside the smoothed one")
        serve = serves[0]["tcp"]
        equal([serve["received"], serve["sent"]], [QUESTION, ANSWER + 1000], "bytes of a question and its answer")
        equal({span["tcp"]["own"] for span in requests}, {span["tcp"]["peer"] for span in serves}, "ends of the asker")
        near(percentile([span["duration_ns"] for span in requests], 0.5), asked["request_ns"], "median of the spans")


# ---- the verb and its default ------------------------------------------------------------------


@case(120)
def per_peer(t):
    """lapse tcp without more: every kind, a component a peer or an own port."""
    backend = _backends()[0]
    both = Pair(t, "plain", "--connections", 5, "--calls", 6, "--delay", "20ms")
    tracer = t.lapse("tcp", "-p", f"{both.asker.pid},{both.answerer.pid}", f"--tcp-backend={backend}", "--json")
    asked, _ = both.work(tracer)
    peer = f"127.0.0.1:{both.port}"
    counted(tracer.component(f"tcp:connect {peer}"), 5, "connects")
    counted(tracer.component(f"tcp:request {peer}"), 30, "requests")
    counted(tracer.component(f"tcp:serve :{both.port}"), 30, "serves")
    counted(tracer.component(f"tcp:accept :{both.port}"), 5, "accepts")
    near(tracer.component(f"tcp:request {peer}")["p50_ns"], asked["request_ns"], "median request")


@case(120)
def a_line_of_what_is_slow(t):
    backend = _backends()[0]
    both = Pair(t, "plain", "--connections", 2, "--calls", 4, "--delay", "20ms")
    tracer = t.lapse("tcp", "-p", both.asker.pid, "--slower", "10ms", f"--tcp-backend={backend}", "--json")
    both.work(tracer)
    spans = [span for span in _spans(tracer) if span["tcp"]["kind"] == "request"]
    equal(len(spans), 8, "slow requests")
    equal({span["peer"] for span in spans}, {f"127.0.0.1:{both.port}"}, "peers")


@case(120)
def without_a_probe(t):
    """stat measures what a process asks, what it answers, and its event loop."""
    both = Pair(t, "many", "--connections", 5, "--calls", 6, "--delay", "10ms", server=("--mode", "epoll"))
    tracer = t.lapse("stat", "-p", both.answerer.pid, "--json")
    both.work(tracer)
    counted(tracer.component(f"tcp:serve :{both.port}"), 30, "serves")
    check(histogram_count(tracer.component("loop")) > 0, "no turns of the loop")
