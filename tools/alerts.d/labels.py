# SPDX-License-Identifier: GPL-2.0-or-later
"""What was true in an episode, from the pipeline's own log alone: of each type of violation whether there was
one (True, False, or None where the log leaves it open), and what was found.

The log's moments and durations are taken within the functions that lapse measures from outside, and its ticks
are whole seconds that it may come late to: what hangs on less than that is open.
"""

import bisect

SECOND = 1000000000
MS = 1000000

LATENCY_NS, FAILURES, HITS, BACKLOG, MEMORY_KIB = 30 * MS, 0.10, 0.80, 30, 60000000 // 1024
WINDOW = 2       # ticks
LEAST = 20       # samples
EDGE_NS = 150 * MS  # about the beginning and the end of tracing
LATE_NS = 100 * MS  # a tick may be so late


class Log:
    """name -> [(start, end, result)], the interval in which it was traced, and how the program ended."""

    def __init__(self, path, begin_ns, end_ns, status):
        self.begin, self.end, self.killed = begin_ns, end_ns, status == -9
        self.records = {}
        with open(path, encoding="ascii") as file:
            for line in file:
                name, start, duration, _, result = line.split()
                start = int(start)
                self.records.setdefault(name, []).append((start, start + int(duration), int(result)))
        self.last = max(end for records in self.records.values() for _, end, _ in records)

    def of(self, name):
        return self.records.get(name, [])

    def ticks(self):
        """Those that surely were within the traced interval."""
        first = (self.begin + EDGE_NS) // SECOND + 1
        return [n * SECOND for n in range(first, (self.end - EDGE_NS) // SECOND + 1)]


def latency(log):
    """The longest that was surely traced, and that may have been."""
    margin = MS // 2
    calls = log.of("rpc_call")
    sure = [end - start for start, end, _ in calls if start > log.begin + EDGE_NS and end < log.end - EDGE_NS]
    perhaps = [end - start for start, end, _ in calls if end > log.begin - EDGE_NS and start < log.end]
    worst, most = max(sure, default=0), max(perhaps, default=0)
    true = True if worst > LATENCY_NS + margin else False if most < LATENCY_NS - margin else None
    return true, f"longest call {worst / MS:.2f} ms, perhaps {most / MS:.2f} ms"


def _shares(log, name, bad):
    """At each moment at which it may have been judged: (share of the bad, samples) of the window before it."""
    ended = sorted((end, bad(result)) for start, end, result in log.of(name) if start > log.begin)
    ends = [end for end, _ in ended]
    for tick in log.ticks():
        for late in (0, LATE_NS):
            after = bisect.bisect_right(ends, tick + late)
            first = min(bisect.bisect_right(ends, tick - WINDOW * SECOND), max(after - LEAST, 0))
            if after - first >= LEAST:
                yield sum(wrong for _, wrong in ended[first:after]) / (after - first), after - first


def _rate(log, name, bad, limit):
    """Clear if it was beyond the limit by two samples, or never came as near to it."""
    shares = list(_shares(log, name, bad))
    worst = max((share for share, _ in shares), default=0)
    beyond = any(share > limit + 2 / n for share, n in shares)
    near = any(share > limit - 2 / n for share, n in shares)
    return True if beyond else None if near else False, f"worst share {worst:.3f}, limit {limit}"


def failures(log):
    return _rate(log, "rpc_call", lambda result: result < 0, FAILURES)


def cache(log):
    return _rate(log, "cache_lookup", lambda result: not result, 1 - HITS)


def _in_flight(orders, moment):
    return sum(start <= moment < end for start, end, _ in orders)


def _most_in_flight(orders, end):
    """At any moment until END."""
    changes = sorted([(start, 1) for start, _, _ in orders if start < end] + [(done, -1) for _, done, _ in orders])
    count = most = 0
    for _, change in changes:
        count += change
        most = max(most, count)
    return most


def backlog(log):
    """Of those that were traced from their beginning: surely, if it was so all the time in which a tick may have
    come; surely not, if it never was. Of a program that was killed nobody knows what it had begun."""
    orders = [order for order in log.of("end_to_end") if order[0] > log.begin]
    moments = [[tick + late for late in range(0, LATE_NS + 1, LATE_NS // 10)]
               for tick in log.ticks() if tick < log.last - LATE_NS]
    counts = [[_in_flight(orders, moment) for moment in some] for some in moments]
    surely = max((min(some) for some in counts), default=0)
    most = _most_in_flight(orders, log.end)
    true = True if surely > BACKLOG else None if most > BACKLOG else False
    return true, f"at most {most} in flight, {surely} at a tick"


def memory(log):
    """Resident from one record to the next; it must have been so at a tick."""
    changes = [(start, result) for start, _, result in log.of("resident")] + [(log.last, 0)]
    worst = max(size for _, size in changes)
    held = any(size > MEMORY_KIB and any(since < tick and tick + LATE_NS < until for tick in log.ticks())
               for (since, size), (until, _) in zip(changes, changes[1:]))
    return (True if held else None if worst > MEMORY_KIB else False), f"at most {worst} KiB"


def uptime(log):
    """Dead from its last record on; more than one second of ten is too long."""
    down = [tick for tick in log.ticks() if log.killed and tick - SECOND > log.last]
    true = True if len(down) > 1 else False if not log.killed else None
    return true, f"down in {len(down)} ticks"
