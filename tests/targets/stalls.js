// SPDX-License-Identifier: GPL-2.0-or-later
//
// An event loop that stalls as told, and what Node itself finds out about that:
//
//     node stalls.js [MILLISECONDS...]
//
// Between stalls some turns pass that do next to nothing. The truth: how many stalls there were and the
// longest by Node's clock, the turns by libuv's count, and of perf_hooks' histogram of loop delays the
// longest and how many were longer than half the shortest stall.
'use strict';

const { monitorEventLoopDelay, performance } = require('perf_hooks');
const readline = require('readline');

const stalls = process.argv.slice(2).map(Number);
const quietTurns = 20;
const delays = monitorEventLoopDelay({ resolution: 1 });
const took = [];

function turns() {
	return performance.nodeTiming.uvMetricsInfo ? performance.nodeTiming.uvMetricsInfo.loopCount : -1;
}

function stall(milliseconds) {
	const start = process.hrtime.bigint();
	const until = start + BigInt(milliseconds) * 1000000n;
	let now;

	do
		now = process.hrtime.bigint();
	while (now < until);
	took.push(Number(now - start));
}

function quiet(n, then) {
	if (n)
		setTimeout(quiet, 1, n - 1, then);
	else
		then();
}

function longerThan(nanoseconds) {
	let n = 0;

	for (let i = 1; i <= delays.count; i++)
		if (delays.percentile((100 * i) / delays.count) > nanoseconds)
			n++;
	return n;
}

function work(i, before) {
	if (i < stalls.length) {
		stall(stalls[i]);
		quiet(quietTurns, () => work(i + 1, before));
		return;
	}
	delays.disable();
	const half = (Math.min(...stalls) * 1e6) / 2;
	console.log(`done stalls=${took.length} longest_ns=${Math.max(...took)} sum_ns=${took.reduce((a, b) => a + b)} ` +
		`half_ns=${half} turns=${turns() - before} delays=${delays.count} max_delay_ns=${delays.max} ` +
		`long_delays=${longerThan(half)}`);
}

const lines = readline.createInterface({ input: process.stdin });
lines.once('line', () => {
	delays.enable();
	const before = turns();
	quiet(quietTurns, () => work(0, before));
});
console.log(`ready ${process.pid}`);
