// SPDX-License-Identifier: MIT
/*
 * A pool of connections to a JSON-RPC server, and a cache of tokens, that mark what they do:
 *
 *     rpcConnection    a span for each call: the wait for a free connection and the answer
 *     tokenValidator   a hit or a miss for each token, an error for one that is refused
 */
"use strict";

const http = require("http");
const lapse = require("..");

class RpcError extends Error {}

class ConnectionPool {
	constructor(port, size) {
		this.port = port;
		this.agent = new http.Agent({ keepAlive: true, maxSockets: size });
		this.nextId = 1;
	}

	call(method, params) {
		return lapse.measure("rpcConnection", () => this.#exchange(method, params));
	}

	async #exchange(method, params) {
		const id = this.nextId++;
		const answer = JSON.parse(await this.#post(JSON.stringify({ jsonrpc: "2.0", id, method, params })));

		if (answer.error)
			throw new RpcError(answer.error.message);
		return answer.result;
	}

	#post(body) {
		return new Promise((resolve, reject) => {
			const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
			const request = http.request({ host: "127.0.0.1", port: this.port, method: "POST",
						       path: "/rpc", agent: this.agent, headers });

			request.on("error", reject);
			request.on("response", (response) => read(response).then(resolve, reject));
			request.end(body);
		});
	}

	close() {
		this.agent.destroy();
	}
}

class TokenValidator {
	constructor(pool) {
		this.pool = pool;
		this.known = new Set();
		this.hits = this.misses = 0;
	}

	async validate(token) {
		const hit = this.known.has(token);

		lapse.cache("tokenValidator", hit);
		if (hit) {
			this.hits++;
			return;
		}
		this.misses++;
		if (!await this.pool.call("validate", { token })) {
			lapse.error("tokenValidator");
			throw new RpcError("refused");
		}
		this.known.add(token);
	}
}

async function read(stream) {
	const chunks = [];

	for await (const chunk of stream)
		chunks.push(chunk);
	return Buffer.concat(chunks).toString();
}

module.exports = { ConnectionPool, RpcError, TokenValidator, read };
