# SPDX-License-Identifier: GPL-2.0-or-later
"""Where probes of well-known programs and libraries would stand: how many are single-stepped at the entry,
and how many still are after they were moved."""

import glob
import json
import os
import subprocess

import harness
from common import LAPSE, Fail, peer, table
from figures import number

# What has the file mapped while doctor looks: a program that waits, started with the library where it has none.
PROGRAMS = (("nginx", ["-g", "daemon off; master_process off; pid DIR/nginx.pid; error_log stderr;", "-c",
                       "DIR/nginx.conf", "-p", "DIR"]),
            ("redis-server", ["--port", "0", "--unixsocket", "DIR/redis", "--save", ""]),
            ("node", ["-e", "setInterval(() => {}, 1000)"]))
LIBRARIES = ("libc.so.6", "libssl.so.*", "libcrypto.so.*", "libstdc++.so.6")


def looked_at(pid):
    """Object -> its counts, as doctor tells them of a live process."""
    run = subprocess.run([LAPSE, "doctor", "-p", str(pid), "--json"], capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    return {row["object"]: row for row in rows if row["type"] == "placement"}


def wait_mapped(process, path):
    """Until the program has begun."""
    def mapped():
        if not process.running():
            raise Fail(f"{process.name} ended; {process.last_words()}")
        with open(f"/proc/{process.pid}/maps", encoding="utf-8") as maps:
            return path in maps.read()

    harness.wait_until(mapped, f"{path} to be mapped")


def of_program(case, name, words):
    path = peer(name)
    if not path:
        return {}
    with open(case.path("nginx.conf"), "w", encoding="utf-8") as file:
        file.write("events {}\n")
    process = case.process(path, *(word.replace("DIR", case.dir) for word in words))
    wait_mapped(process, os.path.realpath(path))
    found = looked_at(process.pid)
    process.end()
    base = os.path.basename(os.path.realpath(path))
    return {name: found[base]} if base in found else {}


def postgres():
    paths = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    return paths[-1] if paths else None


def of_file(case, path, name):
    """A file that is mapped, not run."""
    process = case.process("/usr/bin/python3", "-c",
                           "import mmap, sys, time\nf = open(sys.argv[1], 'rb')\n"
                           "m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE)\n"
                           "time.sleep(60)", path)
    wait_mapped(process, os.path.realpath(path))
    found = looked_at(process.pid)
    process.end()
    base = os.path.basename(os.path.realpath(path))
    return {name: found[base]} if base in found else {}


def library(pattern):
    found = sorted(glob.glob(f"/usr/lib/*/{pattern}") + glob.glob(f"/lib/*/{pattern}"))
    return found[-1] if found else None


def row(name, counts):
    n = counts["looked_at"]
    before = counts["moved"] + counts["single_stepped"]
    return [name, number(counts["functions"]), number(100 * before / n, " %", 1),
            number(100 * counts["single_stepped"] / n, " %", 1), number(100 * counts["refused"] / n, " %", 2)]


def run(case):
    found = {}
    for name, words in PROGRAMS:
        found.update(of_program(case, name, words))
    files = [("postgres", postgres())] + [(pattern.split(".")[0], library(pattern)) for pattern in LIBRARIES]
    for name, path in files:
        if path:
            found.update(of_file(case, path, name))
    wanted = [name for name, _ in PROGRAMS] + [name for name, _ in files]
    table("functions whose probe the kernel single-steps, which costs ten times as much: at the entry, and where "
          "lapse puts it", ["", "functions", "at the entry", "as placed", "no probe"],
          [row(name, found[name]) if name in found else [name, None, None, None, None] for name in wanted],
          ["of large files 5,000 functions, evenly spread; - : not installed, or without symbols"])
