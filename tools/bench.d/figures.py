# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of paired rounds: their median with the middle half of the rounds behind it, and all of them for who
reads build/bench.json."""

import statistics
import time


class Figure(str):
    """The text of a cell, and the rounds that it tells of."""

    rounds = None

    def of(self, values):
        self.rounds = list(values)
        return self


def there(values):
    return [value for value in values if value is not None]


def median(values):
    """None of nothing."""
    values = there(values)
    return statistics.median(values) if values else None


def quarters(values):
    """The ends of the middle half; of fewer than four the least and the greatest."""
    ordered = sorted(there(values))
    quarter = len(ordered) // 4
    return ordered[quarter], ordered[-1 - quarter]


def ratios(values, bases):
    """Paired by round, without the pairs that lack one."""
    return [a / b for a, b in zip(values, bases) if a is not None and b]


def ratio(values, bases):
    """The median of paired ratios; None where there is no pair."""
    return median(ratios(values, bases))


# ---- as text -------------------------------------------------------------------------------


def number(value, unit="", digits=0):
    return None if value is None else f"{value:,.{digits}f}{unit}"


def times(value):
    return number(value, "x", 2)


def middle(values, unit="", digits=0):
    """The median alone, where a table has no room for more; None of nothing."""
    text = number(median(values), unit, digits)
    return text and Figure(text).of(values)


def half(values, unit="", digits=0):
    """The ends of the middle half alone; None of nothing."""
    if not there(values):
        return None
    return Figure("{}..{}".format(*(number(end, unit, digits) for end in quarters(values)))).of(values)


def spread(values, unit="", digits=0):
    """The median, and the ends of the middle half behind it; None of nothing."""
    values = list(values)
    text = middle(values, unit, digits)
    if not text or min(there(values)) == max(there(values)):
        return text
    return Figure(f"{text} ({half(values, '', digits)})").of(values)


def times_spread(values, bases, digits=2):
    """Of paired ratios."""
    return spread(ratios(values, bases), "x", digits)


# ---- targets -------------------------------------------------------------------------------


def said(met):
    """None where there is no figure."""
    return "not measured" if met is None else "met" if met else "missed"


def target_line(wanted, got, met):
    return f"target: {wanted} ({got}): {said(met)}"


def judged(wanted, values, met, unit, digits):
    """By the median of the rounds, which MET judges; the middle half is told with it."""
    values = list(values)
    if not there(values):
        return target_line(wanted, None, None)
    return target_line(wanted, f"{middle(values, unit, digits)}, {half(values, '', digits)}", met(median(values)))


def at_least(wanted, limit, values, unit="x", digits=2):
    return judged(wanted, values, lambda value: value >= limit, unit, digits)


def at_most(wanted, limit, values, unit="", digits=0):
    return judged(wanted, values, lambda value: value <= limit, unit, digits)


# ---- rounds --------------------------------------------------------------------------------


def rounds(seconds, most, least=2):
    """Counts paired rounds: as many as fit into SECONDS."""
    end = time.monotonic() + seconds
    for done in range(most):
        if done >= least and time.monotonic() > end:
            return
        yield done


def in_turn(things, done):
    """In another order each round, so that none always comes first, nor always after the same one."""
    things = list(things)
    at = done // 2 % len(things)
    turned = things[at:] + things[:at]
    return turned[::-1] if done % 2 else turned
