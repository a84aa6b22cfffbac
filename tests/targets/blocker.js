// SPDX-License-Identifier: GPL-2.0-or-later
//
// An event loop that a function holds up again and again, until standard input ends.
'use strict';

function rebuildCache(milliseconds) {
	const end = Date.now() + milliseconds;
	let sum = 0;

	while (Date.now() < end)
		for (let i = 0; i < 10000; i++)
			sum += Math.sqrt(i);
	return sum;
}

function onTick() {
	rebuildCache(80);
	setTimeout(onTick, 40);
}

process.stdin.on('end', () => process.exit(0)).resume();
console.log(`ready ${process.pid}`);
onTick();
