# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured: kept as JSON, and made a document of. No figure is in the document that is not here."""

import datetime
import json
import os
import re
import sys

from harness import BUILD
from reasons import reason_of

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEPT = os.path.join(BUILD, "bench.json")
DOCUMENT = os.path.join(ROOT, "docs", "performance.md")

HEAD = """<!-- SPDX-License-Identifier: GPL-2.0-or-later -->
<!-- Made by tools/bench --document from what tools/bench measured: not written by hand. -->
# What lapse costs, and how true it is

All tables are of one machine, which is named below each: a virtual one with few processors that others share. Absolute figures
will differ on yours; what stands in one table was measured in the same run, in turn, round by round, and can be
compared. Figures are medians of the rounds; A..B is their middle half. `sudo make bench` prints the same tables for your
machine, and keeps each round in `build/bench.json`.
"""

ISOLATED = """
This one's kernel isolates its page tables (KPTI) on processors without PCIDs: each way into the kernel and back, of a probe as
of a system call, throws the process's translations of addresses away, which each tool pays alike. The rows of empty programs
tell what that leaves to save.
"""


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return os.uname().machine


def isolated():
    """Whether each entry of the kernel flushes the translations."""
    try:
        with open("/sys/devices/system/cpu/vulnerabilities/meltdown", encoding="ascii") as file:
            pti = "PTI" in file.read()
    except FileNotFoundError:
        return False
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return pti and not any(line.startswith("flags") and "pcid" in line.split() for line in file)


def kept():
    try:
        with open(KEPT, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def keep(subject, tables, seconds):
    """Takes the place of what an earlier run measured of the subject."""
    everything = kept()
    everything[subject] = {
        "date": datetime.date.today().isoformat(),
        "kernel": os.uname().release,
        "processors": f"{os.cpu_count()} x {processor()}",
        "load": round(os.getloadavg()[0], 1),
        "seconds": round(seconds),
        "tables": list(tables),
    }
    with open(KEPT + ".new", "w", encoding="utf-8") as file:
        json.dump(everything, file, indent=1)
    os.replace(KEPT + ".new", KEPT)


def _cell(text):
    return text.replace("|", "\\|")


def _table(table):
    lines = [f"**{table['title']}**", ""]
    header = [name or " " for name in table["header"]]
    lines.append("| " + " | ".join(map(_cell, header)) + " |")
    lines.append("| --- |" + " ---: |" * (len(header) - 1))
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in table["rows"]]
    lines += [""]
    for note in table["notes"]:
        reason = reason_of(note)
        lines += [f"- {note}"] + ([f"  - why: {reason}"] if reason else [])
    return lines + [""]


def _subject(name, measured):
    lines = [f"## {name}", ""]
    for table in measured["tables"]:
        lines += _table(table)
    lines.append(f"{measured['date']}, Linux {measured['kernel']}, {measured['processors']}, "
                 f"load {measured['load']}; `tools/bench {name}` took {measured['seconds']} s.")
    return lines + [""]


TARGET = re.compile(r"^target: (.*) \((.*)\): (.*)$")


def _targets(everything, subjects):
    """All of them at a glance; the subject's own part has the rounds behind them, and why one is missed."""
    lines = ["## targets", "", "| subject | wanted | measured | |", "| --- | --- | --- | --- |"]
    for name in subjects:
        notes = [note for table in everything[name]["tables"] for note in table["notes"]]
        for wanted, got, verdict in (match.groups() for match in map(TARGET.match, notes) if match):
            lines.append(f"| [{name}](#{name}) | {_cell(wanted)} | {_cell(got)} | {verdict} |")
    return lines + [""]


def write(subjects, path=DOCUMENT):
    """The document, of all that was measured on this machine; an exit code."""
    everything = kept()
    missing = [name for name in subjects if name not in everything]
    if missing:
        print(f"bench: not measured yet: {', '.join(missing)}; run tools/bench {' '.join(missing)}", file=sys.stderr)
        return 1
    lines = [HEAD + (ISOLATED if isolated() else ""), *_targets(everything, subjects)]
    for name in subjects:
        lines += _subject(name, everything[name])
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines).rstrip() + "\n")
    return 0
