// Below the composer: the last turn and the whole session in numbers, and how much of the budget is left.

import { h } from "./dom.js";

const LOW_SHARE = 0.1;

/** @param {import("./types").Context} context */
export function createFooter({ model, signal }) {
  const element = h("footer", { class: "lsnb-totals" });
  const show = () => {
    const { last, total, budget } = model.get("info");
    const parts = [last && h("span", {}, `last: ${last}`), total && h("span", {}, `session: ${total}`), budget && meter(budget)];
    const shown = /** @type {HTMLElement[]} */ (parts.filter(Boolean));
    element.replaceChildren(...shown);
    element.hidden = !shown.length;
  };
  model.on("change:info", show);
  signal.addEventListener("abort", () => model.off("change:info", show));
  show();
  return { element };
}

/** @param {{ text: string, share: number }} budget */
function meter({ text, share }) {
  const percent = Math.round(100 * Math.min(1, share));
  const facts = {
    class: `lsnb-bar${share < LOW_SHARE ? " lsnb-low" : ""}`,
    role: "meter",
    "aria-label": "Budget",
    "aria-valuemin": "0",
    "aria-valuemax": "100",
    "aria-valuenow": String(percent),
    "aria-valuetext": text,
  };
  return h("span", { class: "lsnb-budget" }, h("span", facts, filled(percent)), h("span", {}, text));
}

/**
 * Return a drawing of so much of its box; a width in a style would need a page that allows such.
 * @param {number} percent
 */
function filled(percent) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const rect = document.createElementNS(space, "rect");
  svg.setAttribute("viewBox", "0 0 100 1");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  rect.setAttribute("width", String(percent));
  rect.setAttribute("height", "1");
  svg.append(rect);
  return svg;
}
