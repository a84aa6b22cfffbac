// SPDX-License-Identifier: MIT
/*
 * Markers by which a Node program tells lapse what it does: index.d.ts describes the calls.
 *
 *     const lapse = require("lapse-sdk");
 *
 *     const answer = await lapse.measure("rpcConnection", () => connection.call(request));
 *
 * Where the addon is not built the calls do nothing, and available() says so. Names and numbers are
 * turned into what the addon takes here, and only while somebody listens.
 */
"use strict";

function load() {
	try {
		return require("./build/Release/lapse_addon.node");
	} catch (error) {
		if (error.code !== "MODULE_NOT_FOUND" && error.code !== "ERR_DLOPEN_FAILED")
			throw error;
		return null;
	}
}

const addon = load();
const enabled = addon ? addon.enabled : () => false;

/* null: it is no number that a figure can have, and must not be told as one. */
function integer(n) {
	if (typeof n === "bigint")
		return BigInt.asIntN(64, n) === n ? n : null;
	const whole = typeof n === "symbol" ? NaN : Math.round(Number(n));

	return Math.abs(whole) < 2 ** 63 ? whole : null;
}

function latency(component, ns, ok = true) {
	const whole = enabled() ? integer(ns) : null;

	if (whole !== null)
		addon.latency(String(component), whole < 0 ? 0 : whole, Boolean(ok));
}

function latencyMs(component, ms, ok = true) {
	latency(component, ms * 1e6, ok);
}

function error(component) {
	if (enabled())
		addon.error(String(component));
}

function cache(component, hit) {
	if (enabled())
		addon.cache(String(component), Boolean(hit));
}

function value(component, name, n) {
	const whole = enabled() ? integer(n) : null;

	if (whole !== null)
		addon.value(String(component), String(name), whole);
}

class Span {
	constructor(component) {
		this.component = component;
		this.start = addon ? addon.begin() : undefined;
	}

	end(ok = true) {
		const start = this.start;

		this.start = undefined;
		if (start !== undefined)
			addon.end(String(this.component), start, Boolean(ok));
	}
}

function span(component) {
	return new Span(component);
}

async function measure(component, fn) {
	const running = span(component);
	let ok = false;

	try {
		const result = await fn();

		ok = true;
		return result;
	} finally {
		running.end(ok);
	}
}

const available = () => addon !== null;

module.exports = { available, enabled, latency, latencyMs, span, measure, error, cache, value };
