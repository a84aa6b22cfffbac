// SPDX-License-Identifier: MIT
/*
 * Submits batches of orders through a pool of connections:
 *
 *     node main.js [--calls N] [--concurrency N] [--pool N] [--tokens N] [--delay MS]
 *                  [--slow-every K] [--slow MS] [--error-rate SHARE]
 *
 * Each call validates a token and submits a batch. Marked are rpcConnection and tokenValidator (pool.js),
 *
 *     endToEnd   the duration of a call that this program measures itself, and the value batch_size
 *
 * It says "ready PID", waits for a line "go", works, says in truth what it did, and ends when its input
 * does. Meanwhile: lapse stat -p PID marker:rpcConnection marker:endToEnd marker:tokenValidator
 */
"use strict";

const readline = require("readline");
const { parseArgs } = require("util");
const lapse = require("..");
const { ConnectionPool, RpcError, TokenValidator } = require("./pool.js");
const { Server } = require("./server.js");

const DEFAULTS = { calls: "200", concurrency: "4", pool: "2", tokens: "10", delay: "2", "slow-every": "0",
		   slow: "50", "error-rate": "0.1" };

function options() {
	const names = Object.entries(DEFAULTS).map(([name, value]) => [name, { type: "string", default: value }]);
	const { values } = parseArgs({ options: Object.fromEntries(names) });

	return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
}

function median(durations) {
	const ordered = durations.slice().sort((a, b) => a - b);

	return Math.round(ordered[Math.floor((ordered.length - 1) / 2)] ?? 0);
}

/* Counts what happens, for the line at the end. */
class Truth {
	calls = 0;
	errors = 0;
	rpcErrors = 0;
	valuesSum = 0;
	endToEnd = [];
	rpc = [];
}

class Client {
	constructor(pool, tokens, truth) {
		this.pool = pool;
		this.tokens = tokens;
		this.validator = new TokenValidator(pool);
		this.truth = truth;
		this.#timeCalls();
	}

	/* The truth's own clock around the pool's calls. */
	#timeCalls() {
		const call = this.pool.call.bind(this.pool);

		this.pool.call = async (...args) => {
			const start = process.hrtime.bigint();

			try {
				return await call(...args);
			} catch (error) {
				this.truth.rpcErrors++;
				throw error;
			} finally {
				this.truth.rpc.push(Number(process.hrtime.bigint() - start));
			}
		};
	}

	async #submit(number) {
		const orders = Array.from({ length: 1 + number % 8 }, (_, i) => ({ symbol: "LAPS", quantity: i + 1 }));

		lapse.value("endToEnd", "batch_size", orders.length);
		this.truth.valuesSum += orders.length;
		await this.validator.validate(`token-${number % this.tokens}`);
		await this.pool.call("submit", { orders });
	}

	async handle(number) {
		const start = process.hrtime.bigint();
		let ok = true;

		try {
			await this.#submit(number);
		} catch (error) {
			if (!(error instanceof RpcError))
				throw error;
			ok = false;
		}
		this.#finished(process.hrtime.bigint() - start, ok);
	}

	#finished(ns, ok) {
		lapse.latency("endToEnd", ns, ok);
		this.truth.endToEnd.push(Number(ns));
		this.truth.calls++;
		this.truth.errors += ok ? 0 : 1;
	}
}

/* CONCURRENCY calls at a time, each taking the next number. */
async function work(client, { calls, concurrency }) {
	let next = 0;
	const worker = async () => {
		while (next < calls)
			await client.handle(next++);
	};

	await Promise.all(Array.from({ length: concurrency }, worker));
}

function report(truth, { hits, misses }) {
	const facts = {
		calls: truth.calls, errors: truth.errors, rpc_calls: truth.rpc.length, rpc_errors: truth.rpcErrors,
		hits, misses, values: truth.calls, values_sum: truth.valuesSum,
		sum_ns: truth.endToEnd.reduce((sum, ns) => sum + ns, 0),
		median_ns: median(truth.endToEnd), rpc_median_ns: median(truth.rpc),
		available: Number(lapse.available()),
	};

	console.log("done " + Object.entries(facts).map(([key, n]) => `${key}=${n}`).join(" "));
}

async function main() {
	const opt = options();
	const truth = new Truth();
	const server = new Server({ delayMs: opt.delay, slowMs: opt.slow, slowEvery: opt["slow-every"],
				    errorRate: opt["error-rate"] });
	const pool = new ConnectionPool(await server.listen(), opt.pool);
	const client = new Client(pool, opt.tokens, truth);
	const input = readline.createInterface({ input: process.stdin });

	console.log(`ready ${process.pid}`);
	await new Promise((resolve) => input.once("line", resolve));
	await work(client, opt);
	report(truth, client.validator);
	pool.close();
	server.close();
}

main();
