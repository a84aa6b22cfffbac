# SPDX-License-Identifier: GPL-2.0-or-later
"""What the subjects share: tables, tools to measure, and when their probes stand."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

import harness  # noqa: E402
from harness import BUILD, Fail, Process, TARGETS, Target  # noqa: E402, F401

TRACEFS = "/sys/kernel/tracing"
FLOOR = os.path.join(BUILD, "bench", "floor")
LAPSE = os.path.join(BUILD, "bench", "lapse")
DEPS = os.environ.get("DEPS", os.path.join(BUILD, "deps"))
PEERS = os.path.join(DEPS, "peers")
MEMORY_SECONDS = 600


def keep_lapse():
    """One and the same program for all rounds, whatever is built meanwhile."""
    os.makedirs(os.path.dirname(LAPSE), exist_ok=True)
    shutil.copy2(harness.LAPSE, LAPSE)


# ---- tables --------------------------------------------------------------------------------


TABLES = []  # those of the subject that is being measured


def table(title, header, rows, notes=()):
    """The first column is text, the others are figures; those that tell of rounds are kept with them."""
    cells = [header] + [["-" if cell is None else str(cell) for cell in row] for row in rows]
    TABLES.append({"title": title, "header": header, "rows": cells[1:], "notes": list(notes),
                   "rounds": [[getattr(cell, "rounds", None) for cell in row] for row in rows]})
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    print(f"\n{title}")
    for row in cells:
        first, *rest = (cell.rjust(width) if i else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(row, widths)))
        print("  " + "  ".join([first, *rest]).rstrip())
    for note in notes:
        print(f"  {note}")
    sys.stdout.flush()


# ---- tools ---------------------------------------------------------------------------------


def peer(program):
    """The path of a tool that the machine may lack: what tools/deps has unpacked goes first, and sbin is not
    on everyone's path."""
    return shutil.which(program, path=f"{PEERS}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def peer_version(program):
    """As it tells it, without what differs between fixes: 0.27; empty where it is not there."""
    if not peer(program):
        return ""
    said_it = subprocess.run([peer(program), "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"(\d+\.\d+)", said_it)
    return f" {match[1]}" if match else ""


def absent(tools):
    """Notes about peers that could not be measured."""
    missing = dict.fromkeys(tool.name for tool in tools if tool and not tool.there())
    return [f"{name}: not installed here; tools/deps bench brings it" for name in missing]


def with_tracefs(argv):
    """Older tools want tracefs: mounted for them alone, where it is not."""
    if os.path.exists(os.path.join(TRACEFS, "uprobe_events")):
        return argv
    return ["unshare", "-m", "sh", "-c", f'mount -t tracefs none {TRACEFS} && exec "$@"', "sh", *argv]


def function_bytes(path):
    """name -> (file offset, virtual address) of the functions of an ELF file."""
    found = {}
    loads = []
    listing = subprocess.run(["readelf", "-lsW", path], capture_output=True, text=True, check=True).stdout
    for words in map(str.split, listing.splitlines()):
        if words[:1] == ["LOAD"]:
            loads.append((int(words[2], 16), int(words[1], 16), int(words[4], 16)))
        elif len(words) == 8 and words[3] == "FUNC" and int(words[1], 16):
            found[words[7].split("@")[0]] = int(words[1], 16)
    offsets = {}
    for name, address in found.items():
        for start, offset, size in loads:
            if start <= address < start + size:
                offsets[name] = (address - start + offset, address)
    return offsets


class Code:
    """The code of functions in a live process: a probe shows in it, whoever has set it."""

    LENGTH = 8  # as far as a probe is moved here

    def __init__(self, pid, path, names):
        """Waits until the last tool's probes are gone, which the kernel may do after the tool's end."""
        known = function_bytes(path)
        base = harness.function_address(pid, path, names[0]) - known[names[0]][1]
        self._where = [base + known[name][1] for name in names]
        self._memory = open(f"/proc/{pid}/mem", "rb", buffering=0)  # pylint: disable=consider-using-with
        self._low = min(self._where)
        self._size = max(self._where) - self._low + self.LENGTH
        with open(path, "rb") as file:
            whole = file.read()
        self._bare = [whole[known[name][0]:known[name][0] + self.LENGTH] for name in names]
        harness.wait_until(lambda: self._read() == self._bare, "the code without probes")

    def _read(self):
        self._memory.seek(self._low)
        code = self._memory.read(self._size)
        return [code[at - self._low:at - self._low + self.LENGTH] for at in self._where]

    def probed(self):
        """Whether each function has a probe."""
        return all(now != bare for now, bare in zip(self._read(), self._bare))

    def wait_first(self, process, seconds=20):
        """The moment at which any function has a probe."""
        return self._wait(lambda: self._read() != self._bare, process, seconds)

    def wait_probed(self, process, seconds=20):
        """The moment at which each has one."""
        return self._wait(self.probed, process, seconds)

    def wait_bare(self, seconds=20):
        """The moment at which none has one any more."""
        end = time.monotonic() + seconds
        while self._read() != self._bare:
            if time.monotonic() > end:
                raise Fail(f"probes are still there after {seconds} s")
            time.sleep(0.0005)
        return time.monotonic()

    @staticmethod
    def _wait(condition, process, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if not process.running():
                raise Fail(f"{process.name} ended; {process.last_words()}")
            if time.monotonic() > end:
                raise Fail(f"{process.name} set no probe in {seconds} s; {process.last_words()}")
            time.sleep(0.0005)
        return time.monotonic()

    def close(self):
        self._memory.close()


class Tool:
    """One way to time a function: its name, and its command for a process and functions."""

    def __init__(self, name, program, command, env=None, settle=0.1):
        self.name, self.program, self._command, self._env = name, program, command, env
        self._settle = settle  # entry and return are not attached in one go

    def there(self):
        return self.program is not None

    def start(self, case, pid, path, *functions, kind=Process):
        argv = self._command(pid, path, functions)
        env = {**os.environ, **(self._env or {})}
        return case.started(kind(argv, name=self.name, env=env, stdin=subprocess.DEVNULL))

    def attach(self, case, pid, path, *functions, kind=Process):
        """Started, its probes in place; @NAME: at its entry alone, where the tool can do so."""
        code = Code(pid, path, [name.removeprefix("@") for name in functions])
        process = self.start(case, pid, path, *functions, kind=kind)
        try:
            code.wait_probed(process)
        finally:
            code.close()
        if self.program == LAPSE:
            process.wait_line(r"^lapse: tracing", process.err)
        else:
            time.sleep(self._settle)
        return process


def waits_for_events(process):
    with open(f"/proc/{process.pid}/wchan", encoding="ascii") as file:
        return "epoll" in file.read()


def detach(process, seconds=20):
    """Seconds from ^C to the end. bpftrace loses a ^C that comes before it waits: it gets another."""
    end = time.monotonic() + seconds
    while True:
        start = time.monotonic()
        process.signal(2)
        try:
            process.ended(2)
        except subprocess.TimeoutExpired:
            if "bpftrace" in process.name and waits_for_events(process) and start < end:
                continue
            process.wait(seconds)
        took = time.monotonic() - start
        process.wait()
        return took


def lapse(name, *options):
    def command(pid, _path, functions):
        return [LAPSE, *options, "-p", pid, *functions]

    return Tool(name, LAPSE, command)


def _funclatency(pid, _path, functions):
    return [peer("funclatency"), "-p", pid, f":{functions[0]}"]


def bpftrace_script(text, path, functions):
    """START, DURATION stand for what is known at the return."""
    entry = ", ".join(f"uprobe:{path}:{name}" for name in functions)
    ret = ", ".join(f"uretprobe:{path}:{name}" for name in functions)
    script = (f"{entry} {{ @start[tid] = nsecs; }} "
              f"{ret} /@start[tid]/ {{ {text} delete(@start[tid]); }} END {{ clear(@start); }}")
    return script.replace("START", "@start[tid]").replace("DURATION", "(nsecs - @start[tid])")


BPFTRACE = "bpftrace" + peer_version("bpftrace")


def bpftrace(text, *options, name=BPFTRACE):
    def command(pid, path, functions):
        return with_tracefs([peer("bpftrace"), *options, "-p", pid, "-e",
                             bpftrace_script(text, path, functions)])

    return Tool(name, peer("bpftrace"), command, {"BPFTRACE_MAX_PROBES": "10000"})


def _floor(pid, path, functions):
    """@NAME: its entry alone."""
    known = function_bytes(path)
    places = []
    with open(path, "rb") as file:
        for name in functions:
            offset = known[name.removeprefix("@")][0]
            file.seek(offset)
            if file.read(4) == b"\xf3\x0f\x1e\xfa":  # endbr64: where lapse probes too
                offset += 4
            places.append("@" * name.startswith("@") + hex(offset))
    return [pid, path, *places]


def build(source, *flags):
    """A program under build/bench from one source file; None where it cannot be built."""
    path = os.path.join(BUILD, "bench", os.path.basename(source).removesuffix(".c"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    made = subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-D_GNU_SOURCE", "-o", path,
                           os.path.join(ROOT, source), *flags], capture_output=True, check=False)
    return path if made.returncode == 0 else None


def build_floor():
    return build("tools/bench.d/floor.c", "-isystem", f"{DEPS}/usr/include", f"{DEPS}/usr/lib64/libbpf.a",
                 "-lelf", "-lz")


def floor(name="empty session program", tracepoints=(), options=()):
    """Programs that do nothing, at TRACEPOINTS, too."""
    def command(pid, path, functions):
        return [FLOOR, *options, *_floor(pid, path, functions), *(f"tp:{one}" for one in tracepoints)]

    return Tool(name, build_floor(), command)


def timing_floor():
    """As little as times calls at all."""
    return floor("two clock readings, one sum", options=["--timing"])


FUNCLATENCY = Tool("funclatency", peer("funclatency"), _funclatency)
BPFTRACE_HIST = bpftrace("@ = hist(DURATION);")


PERF_SCRIPT = f"""
events={TRACEFS}/uprobe_events
trap 'echo -:$1/entry >>$events; echo -:$1/return >>$events' EXIT
echo "p:$1/entry $2" >>$events && echo "r:$1/return $2" >>$events || exit 1
perf record -q -e "$1:*" -p "$3" -o "$4" &
child=$!
trap 'kill -INT $child' INT TERM
wait $child; wait $child
"""


def perf_record(directory):
    """perf's probes are events of the system: defined beforehand, and taken away again."""

    def command(pid, path, functions):
        return with_tracefs(["sh", "-c", PERF_SCRIPT, "sh", f"lapse_bench_{os.getpid()}",
                             f"{path}:{function_bytes(path)[functions[0]][0]:#x}", str(pid),
                             os.path.join(directory, "perf.data")])

    return Tool("perf record", peer("perf"), command, settle=0.3)


# ---- processors ----------------------------------------------------------------------------


def apart(target):
    """The target has the last processor for itself, as far as it goes; what is started from now on, tracers
    that is, has the others."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return
    for tid in os.listdir(f"/proc/{target.pid}/task"):
        os.sched_setaffinity(int(tid), cpus[-1:])
    os.sched_setaffinity(0, cpus[:-1])


def together():
    """All processors for what is started from now on."""
    os.sched_setaffinity(0, range(os.cpu_count()))


# ---- figures -------------------------------------------------------------------------------


def cpu_seconds(pid):
    """User and system time of a live process."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def objects(process, kind):
    """What lapse --json wrote."""
    return [thing for thing in map(json.loads, list(process.out)) if thing["type"] == kind]


def final(process):
    return objects(process, "final")[-1]


def histogram_rows(lines, pattern):
    """(low, high, count) from the lines of a peer's histogram."""
    return [tuple(int(text.replace(",", "")) for text in match.groups())
            for match in map(re.compile(pattern).search, lines) if match]
