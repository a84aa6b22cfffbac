# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases share: targets, the tracer under test, waiting, and assertions.

Nothing here sleeps and hopes: it waits for a line, for an end or for a condition, each with a
time limit. Every process is ended through the handle that it was started with.
"""

import ctypes
import glob
import json
import os
import queue
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
LAPSE = os.path.join(BUILD, "lapse")
TARGETS = os.path.join(BUILD, "targets")

LIMIT = 40  # seconds for anything that should take one, on a host that is busy with others


class Fail(Exception):
    """What the case found wrong."""


class Skip(Exception):
    """Why the case cannot run here."""


# A case may run beside those of other files where its file says BESIDE = True, or itself so: it holds no figure against
# a clock that another's work delays, looks at no process, group, mount or kernel object but its own, and takes names
# and ports that no other file takes. Cases of one file never run beside each other. All others run alone.
CASES = []


def case(seconds=60, beside=None):
    """Marks a function as a case; SECONDS is its time limit, BESIDE whether it is unlike its file's others."""

    def register(function):
        function.beside = function.__globals__.get("BESIDE", False) if beside is None else beside
        area = function.__module__.removeprefix("test_")
        CASES.append((f"{area}.{function.__name__}", function, seconds))
        return function

    return register


# ---- assertions ----------------------------------------------------------------------------


def check(condition, text):
    if not condition:
        raise Fail(text)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: {got!r} instead of {wanted!r}")


def within(got, low, high, what):
    check(got is not None and low <= got <= high, f"{what}: {got!r} is not in {low!r} .. {high!r}")


def wait_until(condition, what, seconds=LIMIT):
    """Polls; returns what the condition returned."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Fail(f"waited {seconds} s for {what}")
        time.sleep(0.02)


# ---- processes -----------------------------------------------------------------------------


class Process:
    """A child whose output is read line by line while it runs."""

    def __init__(self, argv, name=None, **popen):
        self.argv = [str(word) for word in argv]
        self.name = name or os.path.basename(self.argv[0])
        self.out, self.err = [], []
        self._news = queue.Queue()
        popen.setdefault("stdin", subprocess.PIPE)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        self.popen = subprocess.Popen(self.argv, text=True, errors="replace", **popen)
        self.pid = self.popen.pid
        self._readers = []
        for stream, lines in ((self.popen.stdout, self.out), (self.popen.stderr, self.err)):
            if stream:
                reader = threading.Thread(target=self._read, args=(stream, lines), daemon=True)
                reader.start()
                self._readers.append(reader)

    def _read(self, stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))
            self._news.put(None)
        self._news.put(None)

    def begun(self, wait):
        """What WAIT gives; if it fails nobody else knows of the process yet, to end it."""
        try:
            return wait()
        except BaseException:
            self.end()
            raise

    def running(self):
        return self.popen.poll() is None

    def wait_line(self, pattern, lines=None, seconds=LIMIT):
        """The match of the first line, past or to come, that PATTERN finds."""
        lines = self.out if lines is None else lines
        end = time.monotonic() + seconds
        seen = 0
        while True:
            while seen < len(lines):
                match = re.search(pattern, lines[seen])
                if match:
                    return match
                seen += 1
            if not self.running() and not any(r.is_alive() for r in self._readers):
                if seen == len(lines):
                    raise Fail(f"{self.name} ended with {self.popen.returncode} without a line "
                               f"{pattern!r}; {self.last_words()}")
                continue
            if time.monotonic() > end:
                raise Fail(f"no line {pattern!r} from {self.name} in {seconds} s; "
                           f"{self.last_words()}")
            try:
                self._news.get(timeout=0.1)
            except queue.Empty:
                pass

    def last_words(self):
        text = " | ".join((self.err or self.out)[-4:])
        return f"last words: {text}" if text else "it said nothing"

    def send(self, text):
        self.popen.stdin.write(text)
        self.popen.stdin.flush()

    def signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def ended(self, seconds):
        """Its exit code, as soon as there is one: subprocess looks every 50 ms."""
        if self.popen.returncode is None:
            pidfd = os.pidfd_open(self.pid)
            try:
                select.select([pidfd], [], [], seconds)
            finally:
                os.close(pidfd)
        return self.popen.wait(0)

    def wait(self, seconds=LIMIT):
        try:
            code = self.ended(seconds)
        except subprocess.TimeoutExpired:
            raise Fail(f"{self.name} did not end in {seconds} s; {self.last_words()}") from None
        for reader in self._readers:
            reader.join(LIMIT)
        return code

    def end(self):
        """Whatever it takes."""
        if self.running():
            self.popen.terminate()
            try:
                self.popen.wait(2)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        for stream in (self.popen.stdin,):
            if stream:
                try:
                    stream.close()
                except OSError:
                    pass


class Target(Process):
    """A program of tests/targets: ready, go, done."""

    def __init__(self, argv, **popen):
        super().__init__(argv, **popen)
        match = self.begun(lambda: self.wait_line(r"^ready (\d+)"))
        self.inner_pid = int(match[1])

    def go(self):
        self.send("go\n")

    def done(self, seconds=LIMIT):
        """Waits for the work's end; the truth as a dict."""
        line = self.wait_line(r"^done ?(.*)", seconds=seconds)[1]
        truth = {}
        for word in line.split():
            key, _, value = word.partition("=")
            numbers = [int(part) if re.fullmatch(r"-?\d+", part) else part for part in value.split(",")]
            truth[key] = numbers if len(numbers) > 1 else numbers[0]
        return truth

    def finish(self, code=0):
        """Lets it end, which it must do in peace."""
        self.popen.stdin.close()
        equal(self.wait(), code, f"exit code of {self.name}")


def work(*targets):
    """They do what they do at the same time, and end."""
    for target in targets:
        target.go()
    for target in targets:
        target.done()
        target.finish()


CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 1 << 18


def own_mounts():
    """In a child, before it runs its program: what it mounts from now on is its own affair. Gives the C library."""
    libc = ctypes.CDLL(None)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError("no mounts of its own")
    return libc


def instead_of(path, other):
    """The same: it finds the file OTHER at PATH."""
    if own_mounts().mount(other.encode(), path.encode(), None, MS_BIND, None):
        raise OSError(f"nothing can be mounted at {path}")


def processors(path, *ticks):
    """Writes what /proc/stat says of them: user, nice, system, idle, iowait, irq, softirq, steal since the start."""
    with open(path, "w", encoding="ascii") as file:
        file.write("cpu  " + " ".join(map(str, ticks)) + " 0 0\n")


class Lapse(Process):
    """The tracer under test; with --json among its options its objects are parsed."""

    def __init__(self, argv, wait=True, **popen):
        popen.setdefault("stdin", subprocess.DEVNULL)
        super().__init__([LAPSE, *argv], name="lapse", **popen)
        self.probes = None
        if wait:
            self.probes = self.begun(self.tracing)

    def tracing(self):
        """Waits until it traces; the number of probes. What it does not have yet is skipped."""
        try:
            return int(self.wait_line(r"^lapse: tracing (\d+) probes?\b", self.err)[1])
        except Fail:
            lacking = next((line for line in self.err if "this version has no" in line), None)
            if lacking:
                raise Skip(lacking) from None
            raise

    def stop(self, number=signal.SIGINT, code=0):
        """Asks for the final report; with CODE None any exit code will do."""
        self.signal(number)
        got = self.wait()
        if code is not None:
            check(got == code, f"lapse exited with {got} instead of {code}; {self.last_words()}")
        return self

    def objects(self, kind=None):
        found = []
        for line in list(self.out):
            try:
                thing = json.loads(line)
            except ValueError:
                raise Fail(f"not JSON on standard output: {line[:120]!r}") from None
            check(thing.get("v") == 1 and "type" in thing and "time" in thing,
                  f"an object without v, type or time: {line[:120]}")
            if kind is None or thing["type"] == kind:
                found.append(thing)
        return found

    def final(self):
        found = self.objects("final")
        equal(len(found), 1, "final objects")
        check(self.objects()[-1]["type"] == "final", "final is not the last object")
        return found[0]

    def component(self, name):
        components = self.final()["components"]
        check(name in components, f"no component {name} among {sorted(components)}")
        return components[name]


def conserved(final):
    """Every entry must be found again somewhere."""
    i = final["integrity"]
    known = i["returns"] + i["in_flight"] + i["too_deep"] + i["abandoned"] + i["jumps"] + i["restarted"]
    equal(i["entries"], known, f"entries against what became of them in {i}")
    equal(i["returns_without_entry"], 0, "returns without an entry")


def lossless(final):
    conserved(final)
    for key in ("too_deep", "maps_full", "kernel_missed", "abandoned"):
        equal(final["integrity"][key], 0, key)


def histogram_count(component):
    return sum(bucket[2] for bucket in component["histogram"])


def counted(component, count, what):
    """The count, in the figure and in the histogram."""
    equal(component["count"], count, f"count of {what}")
    equal(histogram_count(component), count, f"histogram's count of {what}")


# ---- a case --------------------------------------------------------------------------------


class Case:
    """What a running case has: a folder, and processes that end with it."""

    def __init__(self, name):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix=f"lapse-{name}-")
        os.chmod(self.dir, 0o755)
        self._cleanups = []

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def note(self, text):
        """A figure that nobody asserts."""
        print(f"   # {text}", flush=True)

    wait_until = staticmethod(wait_until)

    def defer(self, function, *args):
        self._cleanups.append((function, args))

    def started(self, process):
        self.defer(process.end)
        return process

    def process(self, *argv, **popen):
        return self.started(Process(argv, **popen))

    def target(self, name, *args, **popen):
        path = name if os.sep in name else os.path.join(TARGETS, name)
        if not os.path.exists(path):
            raise Skip(f"{os.path.basename(path)} is not built")
        return self.started(Target([path, *args], **popen))

    def lapse(self, *args, **popen):
        return self.started(Lapse(args, **popen))

    def lapse_ends(self, *args, seconds=LIMIT, **popen):
        """A run that ends by itself; no probes need come about."""
        tracer = self.started(Lapse(args, wait=False, **popen))
        tracer.wait(seconds)
        return tracer

    def stat(self, pid, *probes, **popen):
        return self.lapse("stat", "-p", pid, *probes, "--json", **popen)

    def clean(self):
        while self._cleanups:
            function, args = self._cleanups.pop()
            try:
                function(*args)
            except OSError:
                pass
        shutil.rmtree(self.dir, ignore_errors=True)


def need(*programs):
    """Paths of programs that the machine may lack."""
    found = [shutil.which(p) or (p if os.path.exists(p) else None) for p in programs]
    for program, path in zip(programs, found):
        if not path:
            raise Skip(f"no {program} here")
    return found if len(found) > 1 else found[0]


def free_port():
    """A loopback port that was free a moment ago, and that the kernel gives to no client that asks for any."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Skip("no free port between 20000 and 32000")


def bpf_objects(process, kind):
    """What bpftool says of the maps ("map") or programs ("prog") that PROCESS has open."""
    ids = set()
    for path in glob.glob(f"/proc/{process.pid}/fdinfo/*"):
        with open(path, encoding="ascii") as file:
            ids |= {int(line.split()[1]) for line in file if line.startswith(f"{kind}_id:")}
    text = subprocess.run([need("bpftool"), "-j", kind, "show"], capture_output=True, text=True, check=True,
                          timeout=20).stdout
    return [one for one in json.loads(text) if one["id"] in ids]


def read_truth(path):
    """name -> [(start_ns, dur_ns, tid)] from a target's --log file."""
    truth = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            name, start, duration, tid, *_ = line.split()
            truth.setdefault(name, []).append((int(start), int(duration), int(tid)))
    return truth


def percentile(values, q):
    """Nearest rank."""
    ordered = sorted(values)
    rank = max(1, -(-int(q * len(ordered) * 1000000) // 1000000))
    return ordered[min(rank, len(ordered)) - 1]


# Now and then the kernel tells nobody that a thread comes back: one that comes after the machine's first process.
MISSED = "[unknown: the thread went on before its stack was looked at]"


def seen_to_come_back(waits):
    """Those of WAITS whose thread was."""
    seen = [wait for wait in waits if MISSED not in wait["stack"]]
    check(len(seen) >= len(waits) - max(1, len(waits) // 50), f"seen to come back: {len(seen)} of {len(waits)}")
    return seen


def function_address(pid, path, symbol):
    """Where SYMBOL of the file PATH lies in the memory of PID."""
    listing = subprocess.run(["readelf", "-sW", path], capture_output=True, text=True, check=True).stdout
    value = next((int(words[1], 16) for words in map(str.split, listing.splitlines())
                  if len(words) >= 8 and words[7].split("@")[0] == symbol and words[3] == "FUNC"), None)
    check(value is not None, f"no function {symbol} in {path}")
    headers = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True).stdout
    loads = [line.split() for line in headers.splitlines() if line.split()[:1] == ["LOAD"]]
    base = min(int(words[2], 16) for words in loads)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            words = line.split(maxsplit=5)
            if len(words) == 6 and words[5].strip() == os.path.realpath(path) and int(words[2], 16) == 0:
                return int(words[0].split("-")[0], 16) - base + value
    raise Fail(f"{path} is not mapped by {pid}")


def read_memory(pid, address, length):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(length)
