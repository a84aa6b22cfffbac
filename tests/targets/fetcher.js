// SPDX-License-Identifier: GPL-2.0-or-later
//
// Fetches a URL again and again over one connection that is kept alive, and times it:
//
//     node fetcher.js URL CALLS
//
// Each fetch is timed from the request's end to the answer's head.
'use strict';

const http = require('http');
const readline = require('readline');

const [url, calls] = [process.argv[2], Number(process.argv[3])];
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const took = [];

function fetchOnce(then) {
	const request = http.request(url, { agent }, (response) => {
		took.push(Number(process.hrtime.bigint() - start));
		response.resume();
		response.on('end', then);
	});
	const start = process.hrtime.bigint();

	request.end();
}

function work() {
	if (took.length < calls) {
		fetchOnce(work);
		return;
	}
	took.sort((a, b) => a - b);
	console.log(`done calls=${calls} request_ns=${took[(calls - 1) >> 1]}`);
}

const lines = readline.createInterface({ input: process.stdin });
lines.once('line', work);
lines.once('close', () => process.exit(0));
console.log(`ready ${process.pid}`);
