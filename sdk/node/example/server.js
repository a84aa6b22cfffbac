// SPDX-License-Identifier: MIT
/* A JSON-RPC server on loopback, as slow and as faulty as it is told to be. */
"use strict";

const http = require("http");
const { setTimeout: sleep } = require("timers/promises");
const { read } = require("./pool.js");

/* Every share'th time true, spread evenly and the same in each run: 0.1 is the 10th, the 20th ... */
class Share {
	constructor(share) {
		this.share = share;
		this.count = 0;
	}

	next() {
		const before = Math.floor(this.count * this.share + 1e-9);

		this.count++;
		return Math.floor(this.count * this.share + 1e-9) > before;
	}
}

class Server {
	constructor({ delayMs, slowMs, slowEvery, errorRate }) {
		this.delayMs = delayMs;
		this.slowMs = slowMs;
		this.slow = new Share(slowEvery ? 1 / slowEvery : 0);
		this.faults = new Share(errorRate);
		this.http = http.createServer((request, response) => this.#answer(request, response));
	}

	async listen() {
		await new Promise((resolve) => this.http.listen(0, "127.0.0.1", resolve));
		return this.http.address().port;
	}

	async #answer(request, response) {
		const { id, method, params } = JSON.parse(await read(request));
		const outcome = await this.#methods[method](params);

		response.setHeader("content-type", "application/json");
		response.end(JSON.stringify({ jsonrpc: "2.0", id, ...outcome }));
	}

	#methods = {
		validate: async ({ token }) => {
			await sleep(this.delayMs);
			return { result: !token.startsWith("bad") };
		},
		submit: async ({ orders }) => {
			await sleep(this.slow.next() ? this.slowMs : this.delayMs);
			if (this.faults.next())
				return { error: { code: -32000, message: "unavailable" } };
			return { result: { accepted: orders.length } };
		},
	};

	close() {
		this.http.close();
	}
}

module.exports = { Server };
