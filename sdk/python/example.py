#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A worker that marks what it does: example.py [--calls N] [--fail-every K] [--hit-every K] [--ms D]

It says `ready PID`, waits for a line `go`, works, says in truth what it did, and stays until its input
ends. Meanwhile: lapse stat -p PID marker:py_rpc marker:py_token marker:py_batch
"""

import argparse
import asyncio
import os
import statistics
import sys
import time

import lapse


class Refused(Exception):
    pass


class Worker:
    def __init__(self, options):
        self.options = options
        self.durations = []
        self.errors = self.hits = self.values_sum = 0

    def call(self, number):
        start = time.perf_counter_ns()
        try:
            with lapse.span("py_rpc"):
                time.sleep(self.options.ms / 1000)
                if number % self.options.fail_every == self.options.fail_every - 1:
                    raise Refused
        finally:
            self.durations.append(time.perf_counter_ns() - start)

    def token(self, number):
        hit = number % self.options.hit_every == self.options.hit_every - 1
        lapse.cache("py_token", hit)
        self.hits += hit

    def turn(self, number):
        self.token(number)
        try:
            self.call(number)
        except Refused:
            self.errors += 1
            lapse.error("py_refused")
        lapse.latency("py_measured", self.durations[-1])
        lapse.value("py_batch", "batch_size", number - 5)
        self.values_sum += number - 5


@lapse.span("py_decorated")
def decorated(worker, calls):
    for number in range(calls):
        worker.turn(number)


@lapse.span("py_async")
async def asynchronous():
    await asyncio.sleep(0.005)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--fail-every", type=int, default=10)
    parser.add_argument("--hit-every", type=int, default=4)
    parser.add_argument("--ms", type=float, default=2)
    worker = Worker(parser.parse_args())
    calls = worker.options.calls
    print(f"ready {os.getpid()}", flush=True)
    sys.stdin.readline()
    decorated(worker, calls)
    asyncio.run(asynchronous())
    print(f"done calls={calls} errors={worker.errors} hits={worker.hits} misses={calls - worker.hits} "
          f"values={calls} values_sum={worker.values_sum} "
          f"median_ns={round(statistics.median(worker.durations))} available={int(lapse.available())}",
          flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
