# SPDX-License-Identifier: GPL-2.0-or-later
"""Causes of slow calls, beside the truth of a program that is slow for one cause, or for several.

The truth of a call is the time around what blocks, less what the kernel says that the thread ran and waited
for a processor meanwhile: on a busy machine a thread that has been woken waits for one too, which is another
cause and must not be charged to the first.
"""

import glob
import os
import re

from harness import (TARGETS, Skip, case, check, conserved, equal, need, percentile, wait_until, within)

BLOCKED = ("lock", "disk", "net", "handoff", "poll", "sleep", "fault")
NOT_BLOCKED = ("on_cpu", "runq", "throttled")


class Call:
    """A line of the target's log."""

    def __init__(self, line):
        words = line.split()
        self.function, numbers = words[0], [int(word) for word in words[1:]]
        self.start, self.duration, self.tid, self.on_cpu, self.runq = numbers[:5]
        self.blocked = dict(zip(BLOCKED, numbers[5:12]))
        self.partner, self.stolen = numbers[12:14]


def _prefer(pid):
    """Before all others of a busy machine, of whom more run than a span names; what it starts is preferred, too."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        os.setpriority(os.PRIO_PROCESS, int(tid), -20)


def _stolen_ns():
    """From all processors, by their host, which is counted in hundredths of a second."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8]) * (10**9 // os.sysconf("SC_CLK_TCK"))


class Run:
    """Calls of one kind and the spans of their function, one beside the other."""

    def __init__(self, t, kind, threads, calls, *options, probes=(), lapse=(), cgroup=None):
        log = t.path("log")
        self.target = t.target("causes", kind, "--threads", threads, "--calls", calls // threads,
                               "--file", t.path("file"), "--log", log, *options)
        if cgroup:
            cgroup.add(self.target.pid)
        function = kind if kind in ("burn", "mixture", "nested", "shadowed", "crowded") else f"wait_{kind}"
        self.tracer = t.lapse("trace", "-p", self.target.pid, function, *probes, "--slower", "1ns", "--json", *lapse)
        if "--rivals" in options:
            _prefer(self.target.pid)
        before = _stolen_ns()
        self.target.go()
        self.truth = self.target.done()
        self.stolen = _stolen_ns() - before
        self.tracer.stop()
        conserved(self.tracer.final())
        equal(self.tracer.final()["integrity"]["ring_dropped"], 0, "spans that were dropped")
        with open(log, encoding="ascii") as file:
            self.calls = [Call(line) for line in file]
        self.spans = self._beside(function)
        self.target.finish()

    def of(self, component):
        return [span for span in self.tracer.objects("span") if span["component"] == component and not span["open"]]

    def _beside(self, component):
        """Spans in the order of the calls: by thread, then by time."""
        order = {tid: i for i, tid in enumerate(dict.fromkeys(call.tid for call in self.calls))}
        spans = sorted(self.of(component), key=lambda span: (order[span["tid"]], int(span["start_ns"])))
        equal(len(spans), len(self.calls), f"spans of {component}")
        return spans

    def total(self, *causes):
        return sum(span["cause"][f"{cause}_ns"] for span in self.spans for cause in causes)

    def true(self, cause):
        return sum(call.blocked[cause] for call in self.calls)

    def true_runq(self):
        return sum(call.runq for call in self.calls)

    def outside(self):
        """What spans have before the program's first look at its counts, and after the last. A thread that is driven out
        there waits in its span, and not in the truth of its call."""
        return sum(max(span["duration_ns"] - call.duration, 0) for span, call in zip(self.spans, self.calls))

    def stolen_from_each(self):
        """What the program takes for a part of a wait, though its host had the processor: by calls that did not wait,
        or on the average. Some have several times as much."""
        seen = [call.stolen for call in self.calls if call.stolen]
        return max(percentile(seen, 0.95) if seen else 0, self.stolen / len(self.calls))

    def note(self, t, cause):
        t.note(f"{len(self.spans)} spans: {cause} {self.total(cause) / 1e6:.1f} ms, in truth "
               f"{self.true(cause) / 1e6:.1f} ms; runq {self.total('runq') / 1e6:.1f} ms, in truth "
               f"{self.true_runq() / 1e6:.1f} ms")


def _adds_up(spans):
    for span in spans:
        check(span["cause"], f"a span without causes: {span}")
        parts = sum(span["cause"].values())
        within(parts - span["duration_ns"], -max(20e3, span["duration_ns"] / 100), max(20e3, span["duration_ns"] / 100),
               f"what {span['cause']} lacks of {span['duration_ns']}")


def _told(span, call, cause):
    """Of one span, as told in _is_slow_for(): what it waited for a processor by lapse, and not by the kernel."""
    return min(max(span["cause"]["runq_ns"] - call.runq, 0), max(40e3, call.blocked[cause] / 2))


def _is_slow_for(t, run, cause, slack_ns=3000):
    """The cause has what the program says that it took, in sum and in nearly every span; no other has a
    hundredth of it. What a switch takes, SLACK_NS a span, is on either side."""
    run.note(t, cause)
    _adds_up(run.spans)
    stolen = run.stolen_from_each()
    truth, slack = run.true(cause), slack_ns * len(run.spans)
    # A wake has another processor told, by an interrupt; until it takes the thread on, the kernel does not count it as
    # runnable, and lapse does. On a virtual machine whose host is busy that takes as long as a short wait.
    told = min(max(run.total("runq") - run.true_runq(), 0), max(40e3 * len(run.spans), truth / 2))
    within(run.total(cause), truth * 0.95 - slack - told - stolen * len(run.spans), truth * 1.05 + slack, f"{cause} in sum")
    others = [other for other in (*BLOCKED, "other") if other != cause]
    within(run.total(*others), 0, truth * 0.01 + slack, f"what is charged to others than {cause}")
    off = sorted(abs(span["cause"][f"{cause}_ns"] - call.blocked[cause]) - 0.05 * call.blocked[cause] -
                 _told(span, call, cause) - 3 * stolen for span, call in zip(run.spans, run.calls))
    within(percentile(off, 0.95), -1e12, 50e3, f"how far {cause} is off in the worst of 95 % of the spans")


def _longest(run, least):
    """(wait, call) of the spans whose longest wait took LEAST at least."""
    pairs = [(span["longest_wait"], call) for span, call in zip(run.spans, run.calls)
             if span["longest_wait"] and span["longest_wait"]["duration_ns"] >= least]
    check(len(pairs) > 0.9 * len(run.spans), f"{len(pairs)} of {len(run.spans)} spans have a wait of {least} ns")
    return pairs


def _nearly_all(run, cause, least, unseen, wrong):
    """WRONG(waker, call) says what is amiss; a wake in a hundred may be taken for another's. UNSEEN is the share of
    wakes that may be unknown: programs need not run in the context of the first process, whoever is woken there."""
    pairs = _longest(run, least)
    equal({wait["cause"] for wait, _ in pairs}, {cause}, "causes of the longest wait")
    known = [(wait["waker"], call) for wait, call in pairs if wait["waker"]]
    check(len(known) >= (1 - unseen) * len(pairs), f"{len(pairs) - len(known)} of {len(pairs)} wakes were not seen")
    amiss = [waker for waker, call in known if wrong(waker, call)]
    check(len(amiss) <= len(pairs) / 100, f"{len(amiss)} of {len(pairs)} wakers are wrong: {amiss[:3]}")


def _woken_by(run, cause, comm, component, least=5e5):
    """By the thread that the program says, in the span that it was in: each of its wakes is seen."""
    _nearly_all(run, cause, least, 0, lambda waker, call: (waker["comm"], waker["tid"], waker["component"],
                                                          waker["interrupt"]) != (comm, call.partner, component, None))


def _woken_by_interrupt(run, cause, interrupt, least=5e5):
    _nearly_all(run, cause, least, 0.1, lambda waker, _: (waker["interrupt"], waker["comm"]) != (interrupt, None))


def _with_threads(function):
    """Two cases out of one: 1,000 calls by one thread, and by 16."""

    def one_thread(t):
        function(t, 1, 1000)

    def sixteen_threads(t):
        function(t, 16, 1008)

    for single, suffix in ((one_thread, "_of_one_thread"), (sixteen_threads, "_of_16_threads")):
        single.__name__, single.__module__ = function.__name__ + suffix, function.__module__
        case(60)(single)
    return function


# ---- one cause ---------------------------------------------------------------------------------


@_with_threads
def lock(t, threads, calls):
    """Each worker's mutex is held by a thread that is in a probed function."""
    run = Run(t, "lock", threads, calls, "--ns", "2ms", probes=["rebuild_index"])
    _is_slow_for(t, run, "lock")
    _woken_by(run, "lock", "holder", "rebuild_index")


@_with_threads
def sleep(t, threads, calls):
    run = Run(t, "sleep", threads, calls, "--ns", "2ms")
    _is_slow_for(t, run, "sleep")
    _woken_by_interrupt(run, "sleep", "a timer")


@_with_threads
def poll_that_nothing_ends(t, threads, calls):
    run = Run(t, "epoll_timeout", threads, calls, "--ns", "2ms")
    _is_slow_for(t, run, "poll")
    _woken_by_interrupt(run, "poll", "a timer")


def _net(t, kind, threads, calls):
    run = Run(t, kind, threads, calls, "--ns", "2ms")
    _is_slow_for(t, run, "net")
    # A poll whose end was not seen stays one.
    peers = {wait["peer"] for wait, _ in _longest(run, 5e5) if wait["cause"] == "net"}
    equal(peers, {f"127.0.0.1:{run.truth['port']}"}, "the peer")
    _woken_by_interrupt(run, "net", "network receive")


@_with_threads
def net_by_recv(t, threads, calls):
    _net(t, "net", threads, calls)


@_with_threads
def net_by_poll(t, threads, calls):
    _net(t, "net_poll", threads, calls)


@_with_threads
def net_by_epoll(t, threads, calls):
    _net(t, "net_epoll", threads, calls)


def _handoff(t, kind, threads, calls):
    run = Run(t, kind, threads, calls, "--ns", "2ms", probes=["pass_word"])
    _is_slow_for(t, run, "handoff")
    _woken_by(run, "handoff", "passer", "pass_word")


@_with_threads
def handoff_by_eventfd(t, threads, calls):
    _handoff(t, "handoff", threads, calls)


@_with_threads
def handoff_by_pipe(t, threads, calls):
    _handoff(t, "handoff_pipe", threads, calls)


@_with_threads
def handoff_by_epoll(t, threads, calls):
    _handoff(t, "handoff_poll", threads, calls)


def _never_woken_by_own(run):
    """What completes a request of the disk is no thread of the program, whoever happened to run."""
    own = {call.tid for call in run.calls}
    for span in run.spans:
        waker = (span["longest_wait"] or {}).get("waker")
        check(not waker or waker["tid"] not in own, f"woken by a thread that only happened to run: {waker}")


@_with_threads
def disk_reads(t, threads, calls):
    """O_DIRECT: each read waits for the device. A read is short there, and the switches are a part of it."""
    with Throttle(t) as cgroup:
        run = Run(t, "disk", threads, calls, cgroup=cgroup)
        _is_slow_for(t, run, "disk", 5000)
        _never_woken_by_own(run)


@_with_threads
def syncs(t, threads, calls):
    run = Run(t, "fsync", threads, calls)
    _is_slow_for(t, run, "disk", 20000)


@_with_threads
def pages_of_a_file(t, threads, calls):
    """Each call touches pages that are not in memory."""
    with Throttle(t) as cgroup:
        run = Run(t, "fault", threads, calls, "--pages", 2, cgroup=cgroup)
        _is_slow_for(t, run, "fault", 2 * 5000)
        _never_woken_by_own(run)


@_with_threads
def pages_that_a_thread_fills_in(t, threads, calls):
    run = Run(t, "userfault", threads, calls, "--pages", 2, "--ns", "1ms")
    _is_slow_for(t, run, "fault", 6000)
    _woken_by(run, "fault", "pager", None)


# ---- running, and waiting for it ---------------------------------------------------------------


def _never_blocked(run):
    """The parts besides running and waiting for a processor: a page fault at most."""
    _adds_up(run.spans)
    equal(run.total("lock", "disk", "net", "handoff", "poll", "sleep"), 0, "blocked in spans that only compute")
    within(run.total("fault", "other"), 0, 0.001 * sum(span["duration_ns"] for span in run.spans), "other")
    for span in run.spans:
        wait = span["longest_wait"]
        check(not wait or wait["cause"] in ("fault", "other"), f"a preempted span was called blocked: {wait}")


def _runs(run):
    """What a hypervisor takes away is in the thread's time on the processor, and not in its processor time: the truth
    is what it did not wait."""
    truth = sum(max(call.on_cpu, call.duration - call.runq) for call in run.calls)
    within(run.total("on_cpu"), truth * 0.95, truth * 1.05 + 5000 * len(run.spans), "on-cpu")
    # What a switch takes is on either side.
    waited = run.true_runq()
    within(run.total("runq"), waited * 0.95 - 10000 * len(run.spans),
           waited * 1.05 + 5000 * len(run.spans) + run.outside(), "runq")


@_with_threads
def computing(t, threads, calls):
    """With 16 threads on a few processors most of the time is spent waiting for one."""
    run = Run(t, "burn", threads, calls, "--ns", "2ms")
    run.note(t, "lock")
    _never_blocked(run)
    _runs(run)


def _ran_instead(spans, comm):
    return sum(rival["ns"] for span in spans for rival in span["ran_instead"] if rival["comm"] == comm)


def _by_thread(run):
    return [[span for span in run.spans if span["tid"] == tid] for tid in {call.tid for call in run.calls}]


def _unnamed(spans):
    """What they waited for a processor while nobody ran whom they name: on a busy machine more run than that."""
    return sum(span["cause"]["runq_ns"] - sum(rival["ns"] for rival in span["ran_instead"]) for span in spans)


def _rivals_named(t, run):
    """The rivals run while a thread waits, and hardly ever else: each thread has nearly all of that, and the one that
    was there for longest has it all, but for what others of a busy machine have driven out, and for what they ran
    while it waited between two calls, which is in no span: a thread has no more than it waited in them."""
    for span in run.spans:
        within(sum(rival["ns"] for rival in span["ran_instead"]), 0, span["cause"]["runq_ns"],
               f"what ran instead of {span}")
    got, unnamed, tid = max((_ran_instead(spans, "rival"), _unnamed(spans), spans[0]["tid"])
                            for spans in _by_thread(run))
    waited = sum(call.runq for call in run.calls if call.tid == tid)
    t.note(f"rivals {got / 1e6:.1f} ms, in truth {run.truth['rivals_ns'] / 1e6:.1f} ms; unnamed {unnamed / 1e6:.1f} ms")
    within(got, 0.8 * min(run.truth["rivals_ns"], waited) - unnamed, 1.1 * run.truth["rivals_ns"],
           "what the rivals ran")


def _others_named(run):
    """The other threads of the program run for longer than all else, while each of them waits."""
    others = sum(call.on_cpu for call in run.calls) * (len(_by_thread(run)) - 1) / len(_by_thread(run))
    got = max(_ran_instead(spans, "causes") for spans in _by_thread(run))
    within(got, 0.8 * others, 1.1 * others, "what the other threads ran")


@case(60)
def rivals_on_one_processor(t):
    """One thread and two processes that only compute: they have what the thread waits for."""
    run = Run(t, "runq", 1, 300, "--ns", "4ms", "--rivals", 2)
    _never_blocked(run)
    _runs(run)
    _rivals_named(t, run)


@case(60)
def rivals_of_16_threads(t):
    """The others of the process run instead as well."""
    run = Run(t, "runq", 16, 1008, "--ns", "2ms", "--rivals", 2)
    _never_blocked(run)
    _runs(run)
    _rivals_named(t, run)
    _others_named(run)


@case(60)
def rivals_of_one_child(t):
    """What ran instead of a child is the child's, and the parent's; not that of the next child, which has no rivals."""
    run = Run(t, "crowded", 1, 40, "--ns", "10ms", "--rivals", 2, probes=["wait_runq", "burn"])
    _adds_up(run.spans)
    children, unnamed = run.of("wait_runq"), _unnamed(run.spans)
    child, next_child, parent = (_ran_instead(spans, "rival") for spans in (children, run.of("burn"), run.spans))
    t.note(f"rivals in the child {child / 1e6:.1f} ms, in the parent {parent / 1e6:.1f} ms (and {unnamed / 1e6:.1f} ms "
           f"unnamed), after it {next_child / 1e6:.1f} ms")
    # While they are stopped the parent waits for that, which is no wait for a processor.
    truth = run.truth["rivals_ns"]
    within(child, 0.7 * truth - _unnamed(children), 1.1 * truth, "what the rivals ran, of the child")
    within(parent, child - unnamed - 2000 * len(run.spans), 1.1 * truth, "what the rivals ran, of the parent")
    equal(next_child, 0, "what the rivals ran after they had been stopped")


# ---- several causes ----------------------------------------------------------------------------


def _shares_agree(t, run):
    """Within five points, of the time of all spans."""
    whole = sum(span["duration_ns"] for span in run.spans)
    true = {cause: run.true(cause) for cause in BLOCKED}
    true["on_cpu"] = sum(call.on_cpu for call in run.calls)
    true["runq"] = sum(call.runq for call in run.calls)
    _adds_up(run.spans)
    for cause, ns in true.items():
        share, got = ns / whole, run.total(cause) / whole
        within(got, share - 0.05, share + 0.05, f"{cause} as a share")
        if share > 0.01:
            t.note(f"{cause} {100 * got:.1f} %, in truth {100 * share:.1f} %")


@_with_threads
def mixture(t, threads, calls):
    """Four parts lock, three sleep, two net, one computing."""
    run = Run(t, "mixture", threads, calls, "--ns", "500us")
    _shares_agree(t, run)
    cause = run.tracer.final()["components"]["mixture"]["causes"]
    t.note(f"bands {cause}")


def _child_has(run, function, cause, partner_ns):
    """Each child's time is its own cause's; the parent's part of it is no less."""
    spans = run.of(function)
    equal(len(spans), len(run.spans), f"spans of {function}")
    _adds_up(spans)
    got = sum(span["cause"][f"{cause}_ns"] for span in spans)
    within(got, partner_ns * 0.95 - 20000 * len(spans), partner_ns * 1.05 + 20000 * len(spans), f"{cause} of {function}")
    return got


@_with_threads
def parent_and_children(t, threads, calls):
    """Children of different causes, each by itself, and together in the parent."""
    run = Run(t, "nested", threads, calls // 2, "--ns", "1ms", probes=["wait_lock", "wait_sleep", "wait_net", "burn"])
    _shares_agree(t, run)
    for function, cause in (("wait_lock", "lock"), ("wait_sleep", "sleep"), ("wait_net", "net")):
        got = _child_has(run, function, cause, run.true(cause))
        within(run.total(cause), got, got * 1.01 + 5000 * len(run.spans), f"{cause} of the parent")


@case()
def shorter_waits_of_a_child(t):
    """Whatever its parent has waited for before, each has its own longest wait, with the stack and who ended it."""
    run = Run(t, "shadowed", 1, 20, "--ns", "1ms", probes=["wait_net"])
    children = run.of("wait_net")
    equal(len(children), 20, "spans of wait_net")
    for span, child in zip(run.spans, children):
        check(span["longest_wait"]["duration_ns"] >= 9e6, f"the longest wait of the parent: {span['longest_wait']}")
        # On a busy machine an answer may be late.
        if child["duration_ns"] < 9e6:
            equal(span["longest_wait"]["cause"], "sleep", "the longest of its seven")
    # An answer that comes before the child has begun to wait for it makes no wait.
    waits = [span["longest_wait"] for span in children if span["longest_wait"]]
    check(len(waits) >= 15, f"{len(waits)} children know what they waited for: {children}")
    for wait in waits:
        equal(wait["cause"], "net", "the longest wait of the child")
        check(wait["peer"] and any("recv" in frame for frame in wait["stack"]), f"of whom and where: {wait}")


@case()
def not_wanted(t):
    run = Run(t, "sleep", 1, 20, lapse=["--no-why"])
    for span in run.spans:
        equal((span["cause"], span["ran_instead"], span["longest_wait"]), (None, None, None), "causes with --no-why")


@case()
def of_calls_that_are_only_counted(t):
    """stat asks for no cause, and tells them by component when asked."""
    target = t.target("causes", "sleep", "--calls", 50)
    tracer = t.stat(target.pid, "wait_sleep", "--why")
    target.go()
    target.done()
    tracer.stop()
    bands = tracer.component("wait_sleep")["causes"]
    check(bands, "no causes of a component")
    t.note(f"{bands}")
    target.finish()


# ---- groups of processes -----------------------------------------------------------------------


class Group:
    """A control group of the case, in the hierarchy that has CONTROLLER; it is removed at the end."""

    def __init__(self, t, controller, name="lapse-why"):
        self.path = self._make(controller, f"{name}-{os.getpid()}")
        t.defer(self.remove)

    @staticmethod
    def _roots(controller):
        """Mount points, the unified hierarchy's first if it has the controller."""
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            lines = [line.split() for line in mounts]
        for _, point, kind, options, *_ in lines:
            if kind == "cgroup2":
                with open(f"{point}/cgroup.subtree_control", encoding="ascii") as file:
                    if not controller or controller in file.read().split():
                        yield point
        for _, point, kind, options, *_ in lines:
            if kind == "cgroup" and controller and controller in options.split(","):
                yield point

    def _make(self, controller, name):
        for root in self._roots(controller):
            try:
                os.mkdir(f"{root}/{name}")
            except OSError:
                continue
            return f"{root}/{name}"
        raise Skip(f"no control group with {controller or 'a name'} can be made here")

    def set(self, key, value):
        try:
            with open(f"{self.path}/{key}", "w", encoding="ascii") as file:
                file.write(str(value))
        except OSError as error:
            raise Skip(f"{self.path}/{key} cannot be set: {error}") from None

    def get(self, key):
        with open(f"{self.path}/{key}", encoding="ascii") as file:
            return file.read()

    def add(self, pid):
        self.set("cgroup.procs", pid)

    def has(self, key):
        return os.path.exists(f"{self.path}/{key}")

    def remove(self):
        """When those in it have gone."""
        wait_until(lambda: not self.get("cgroup.procs").strip(), "the group to be empty", 5)
        os.rmdir(self.path)


class Throttle:
    """A group whose reads of the disk that holds the case's folder are held back, so that they take a
    while; nothing where that cannot be had."""

    def __init__(self, t):
        self.t = t

    def __enter__(self):
        device = os.stat(self.t.dir).st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        try:
            group = Group(self.t, "blkio", "lapse-disk")
            group.set("blkio.throttle.read_iops_device", f"{number} 1000")
            return group
        except Skip as reason:
            self.t.note(f"the disk is as fast as it is: {reason}")
            return None

    def __exit__(self, *_):
        return False


@case(60)
def a_quota_that_is_spent(t):
    """A fifth of a processor: what the thread lacks besides is the group's fault, and so it is called."""
    group = Group(t, "cpu")
    if group.has("cpu.max"):
        group.set("cpu.max", "20000 100000")
    else:
        group.set("cpu.cfs_period_us", 100000)
        group.set("cpu.cfs_quota_us", 20000)
    run = Run(t, "burn", 1, 200, "--ns", "5ms", cgroup=group)
    _adds_up(run.spans)
    whole = sum(span["duration_ns"] for span in run.spans)
    lacking = whole - sum(call.on_cpu for call in run.calls)
    t.note(f"throttled {run.total('throttled') / 1e6:.1f} ms, runq {run.total('runq') / 1e6:.1f} ms of "
           f"{lacking / 1e6:.1f} ms")
    within(run.total("throttled", "runq"), 0.95 * lacking, 1.05 * lacking, "throttled and runq")
    words = group.get("cpu.stat").split()
    truth = dict(zip(words[::2], map(int, words[1::2])))
    truth = truth.get("throttled_time") or truth["throttled_usec"] * 1000
    within(run.total("throttled"), 0.85 * truth, 1.1 * truth, "throttled")
    within(run.total(*BLOCKED, "other"), 0, 0.01 * whole, "blocked in spans that only compute")


def _ran(pid):
    """What all threads have run, by the kernel."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


@case(60)
def a_hog_of_another_group(t):
    """The one processor that the target may use is a hog's too: it is named, with its group."""
    need("taskset")
    path = os.path.join(TARGETS, "causes")
    os.symlink(path, t.path("hog"))
    group = Group(t, "", "lapse-hog")
    processor = str(min(os.sched_getaffinity(0)))
    hog = t.process("taskset", "-c", processor, t.path("hog"), "burn", "--calls", "1000000", "--ns", "10ms")
    group.add(hog.pid)
    hog.wait_line("^ready")
    _prefer(hog.pid)
    hog.send("go\n")
    log = t.path("log")
    target = t.target(need("taskset"), "-c", processor, path, "burn", "--calls", "200", "--ns", "4ms", "--log", log)
    tracer = t.lapse("trace", "-p", target.pid, "burn", "--slower", "1ns", "--json")
    _prefer(target.pid)
    before = _ran(hog.pid)
    target.go()
    target.done()
    ran = _ran(hog.pid) - before
    tracer.stop()
    spans = [span for span in tracer.objects("span") if not span["open"]]
    rivals = [rival for span in spans for rival in span["ran_instead"] if rival["comm"] == "hog"]
    check(rivals, "the hog is not named")
    equal({rival["pid"] for rival in rivals}, {hog.pid}, "pid of the hog")
    within(sum(rival["ns"] for rival in rivals), 0.8 * ran, 1.1 * ran, "what the hog ran")
    equal({str(rival["cgroup"]) for rival in rivals}, {str(os.stat(group.path).st_ino)}, "group of the hog")
    target.finish()
    hog.popen.kill()
    hog.wait()


@case()
def in_words(t):
    """What a person reads: the causes in their column, and who ended the longest wait."""
    target = t.target("causes", "lock", "--calls", 5, "--ns", "20ms")
    tracer = t.lapse("trace", "-p", target.pid, "wait_lock", "rebuild_index", "--slower", "5ms")
    target.go()
    target.done()
    tracer.stop()
    text = "\n".join(tracer.out)
    for words in (r"CAUSE", r"lock \d", r"ended by holder/\d+ \(rebuild_index\)", r"sleep \d"):
        check(any(re.search(words, line) for line in tracer.out), f"no {words!r} in {text[:600]}")
    target.finish()
