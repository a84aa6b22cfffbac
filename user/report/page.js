// SPDX-License-Identifier: GPL-2.0-or-later
// What is under the pointer or has the focus is told in words; arrow keys go on; frames are zoomed into.
"use strict";
(() => {
	const detailOf = (item) => item.closest("figure").querySelector(".detail");

	const show = (item) => {
		const detail = detailOf(item);
		if (detail) detail.textContent = item.getAttribute("aria-label");
	};

	const focus = (items, item) => {
		if (!item) return;
		for (const other of items) other.setAttribute("tabindex", "-1");
		item.setAttribute("tabindex", "0");
		item.focus();
	};

	const number = (item, name) => Number(item.dataset[name]);

	// The frame of the next level that lies over the beginning of this one, or holds it.
	const level = (items, item, step) => items.find((other) =>
		number(other, "level") === number(item, "level") + step &&
		(step > 0 ? number(other, "x") >= number(item, "x") - 1e-6 &&
			number(other, "x") < number(item, "x") + number(item, "w")
			: number(other, "x") <= number(item, "x") + 1e-6 &&
			number(item, "x") < number(other, "x") + number(other, "w")));

	// Frames stand as parts of the whole; zoomed, as parts of one of them.
	const zoom = (items, x, w) => {
		for (const item of items) {
			const box = item.querySelector("svg");
			const from = (number(item, "x") - x) / w;
			const to = (number(item, "x") + number(item, "w") - x) / w;
			const visible = to > 1e-6 && from < 1 - 1e-6;
			item.style.display = visible ? "" : "none";
			if (!visible) continue;
			box.setAttribute("x", `${Math.max(from, 0) * 100}%`);
			box.setAttribute("width", `${(Math.min(to, 1) - Math.max(from, 0)) * 100}%`);
		}
	};

	// The same again goes back.
	let zoomed = null;
	const zoomInto = (items, item) => {
		zoomed = item === zoomed ? null : item;
		if (zoomed) zoom(items, number(item, "x"), number(item, "w"));
		else zoom(items, 0, 1);
	};

	for (const chart of document.querySelectorAll("[data-chart]")) {
		const items = [...chart.querySelectorAll(".k")];
		const flame = chart.dataset.chart === "flame";

		chart.addEventListener("focusin", (event) => {
			const item = event.target.closest(".k");
			if (item) show(item);
		});
		chart.addEventListener("pointerover", (event) => {
			const item = event.target.closest(".k");
			if (item) show(item);
		});
		chart.addEventListener("click", (event) => {
			const item = event.target.closest(".k");
			if (!item) return;
			focus(items, item);
			if (flame) zoomInto(items, item);
		});
		chart.addEventListener("keydown", (event) => {
			const item = event.target.closest(".k");
			const at = items.indexOf(item);
			const steps = {
				ArrowLeft: () => focus(items, items[at - 1]),
				ArrowRight: () => focus(items, items[at + 1]),
				ArrowUp: () => focus(items, flame ? level(items, item, -1) : items[at - 1]),
				ArrowDown: () => focus(items, flame ? level(items, item, 1) : items[at + 1]),
				Home: () => focus(items, items[0]),
				End: () => focus(items, items[items.length - 1]),
				Enter: () => flame && zoomInto(items, item),
				Escape: () => flame && zoomed && zoomInto(items, zoomed),
			};
			if (at < 0 || !steps[event.key]) return;
			event.preventDefault();
			steps[event.key]();
		});
	}
	document.documentElement.dataset.ready = "1";
})();
