// SPDX-License-Identifier: MIT
/**
 * A component is a part of the program that has a latency; lapse stat -p PID marker:COMPONENT shows it.
 * Names are cut at 63 bytes, those of values at 23; a component keeps its first four values.
 */

/** Whether the addon is there, so that the calls do something. */
export function available(): boolean;

/** Whether somebody listens now. */
export function enabled(): boolean;

/** A duration in nanoseconds that ends now. */
export function latency(component: string, ns: number | bigint, ok?: boolean): void;

/** The same in milliseconds, as performance.now() has them. */
export function latencyMs(component: string, ms: number, ok?: boolean): void;

export interface Span {
	/** The span is over. Later calls do nothing; a span that never ends is not reported. */
	end(ok?: boolean): void;
}

/** Begins a span, which ends with its end(). Begun while nobody listens, it is not reported. */
export function span(component: string): Span;

/** A span until FN, or the promise that it returns, is done; what is thrown makes it a failed one. */
export function measure<T>(component: string, fn: () => T | Promise<T>): Promise<T>;

/** Something failed that has no duration: a failed span of no length. */
export function error(component: string): void;

/** A look-up in a cache. */
export function cache(component: string, hit: boolean): void;

/** A figure of the component: an integer of 64 bits. */
export function value(component: string, name: string, n: number | bigint): void;
