# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a target is missed, for the document: what keeps it, and which row of the same table shows that. By the beginning of
the target's line; nothing here is a figure."""

REASONS = {
    "cheaper than the newest bpftrace": (
        "the empty session program does nothing, so its row is what the kernel itself takes to enter and leave a probe, and the "
        "row below it is the least that times a call: it reads the clock twice and adds to one sum, with no histogram, no limits, "
        "no threads told apart. The newest bpftrace enters by the same attachment where it can. Where it divided by that least "
        "row is below what was wanted, no program gets there, whatever it does."),
    "cheaper than funclatency": (
        "as for bpftrace: the row of two clock readings and one sum is the least that times a call. Where funclatency divided by "
        "it is about what was wanted or below, a program that also counts into a histogram does not get there. What of each row "
        "is the programs' own, the subject programs has by the kernel's count."),
    "a function that begins with": (
        "the ratio is that of single-stepping, the rows of the peers, to a probe without it, which no tool goes below: the "
        "row of the empty session program at push. Where the host makes that dearer and the other not, it is smaller. What "
        "lapse adds takes the rest: it reads the clock twice, finds what it keeps of the thread twice, and counts; each is a "
        "call of the kernel's, whose returns a processor guards against speculation where it has to."),
    "streaming each span": (
        "a record is written to memory that another processor reads meanwhile; on two processors that share a host the rounds "
        "differ by more than the tenth that was wanted."),
    "reading at 1,000,000 a second": (
        "the last row is of records of that length from one thread to another, with nothing traced and nothing done with them: "
        "each is brought over from the cache of the processor that wrote it, for which it is asked as far ahead as lapse does. "
        "What is beyond that row is lapse's: a record is taken out of the ring and handed on, and the reader wakes up for what "
        "has come. Where the rate was not reached, as the first column tells, a million takes as much longer to come, and pays "
        "for as many more wake-ups; the last row, which got there, has none of them."),
    "added to an order, one by one": (
        "the next table tells by what: its last row is what programs that do nothing add, at the same functions and where causes "
        "are found; the rest is what lapse's own look at. Between two orders the processors' caches go to others: what "
        "costs little where a call is repeated (the table of costs) costs many times that then. And where the kernel "
        "lets no program into its functions, as here, connections are followed by system calls, and with that all of them take "
        "a longer way: the row without connections shows how much."),
    "added to an order, eight at a time": (
        "the next table tells by what. Eight orders come at once to these processors and wait for one batch, so that each waits "
        "for what is added to the others. Where rounds without lapse differ by more than the target, the line says so in "
        "brackets."),
    "aim: 10 us": (
        "the next table: its last row is what programs that do nothing add, at the same functions and where causes are found. "
        "Where that is as much by itself, no tracer gets there; the rest is what lapse's own look at."),
    "start to attached, causes told": (
        "what finds causes has more programs for the kernel to verify, more maps to make and more links. bpftrace attaches two "
        "programs of a few lines, which find none."),
    "start to attached": (
        "what is left is the kernel's: its verifier, and the grace period that it waits for at each new link. Runs differ by "
        "what else the host does."),
    "^C to the end": "the kernel waits for grace periods at each link that goes, one after the other, for the peers as for lapse.",
    "p99 <= 50 us idle": (
        "the first table: a bare wake-up on another processor, with nothing traced, takes about as long by itself here, in turns "
        "with lapse's: an idle processor is given back to the host, and has to be had back first. On the processor of who was "
        "slow it were quicker, as the row kept there has it, and takes more from that one, as the last column has it: lapse "
        "keeps off it on purpose."),
    "p99 <= 200 us beside": "as for the idle machine.",
    "below the threshold": (
        "such a span is two readings of the time stamp counter and a comparison; how long a reading takes differs between "
        "processors."),
    "streamed <= 0.5 of a probe": (
        "of a marker that streams, the probe at which it enters the kernel is the larger part, and that costs as much as any "
        "other function's."),
    "more requests than with": (
        "the server's rate differs between rounds by more than what the tools cost it. One by one most of a request is the "
        "network's; many at a time call() is most of it, and its probe is seen best. The last column has the server's processor "
        "time per request."),
    "not growing": (
        "the last rows of the table show whether it has ended. Of each latency that was not seen before a bucket comes into use, "
        "and on a host that is busy at times new ones keep coming for a while, no more than a histogram has. How much of the "
        "growth that is no row tells."),
    "<= 20 MB": "the libraries' pages in memory are a third of it, which all programs share that use them.",
}


def reason_of(note):
    """For a line "target: WHAT (GOT): VERDICT" that is not met; else None."""
    what = note.removeprefix("target: ")
    if what == note or note.endswith(": met"):
        return None
    return next((reason for start, reason in REASONS.items() if what.startswith(start)), None)
