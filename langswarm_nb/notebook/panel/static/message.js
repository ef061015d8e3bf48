// One message of the transcript.

import { blockNodes } from "./blocks.js";
import { chipList } from "./chips.js";
import { h, iconButton, textButton } from "./dom.js";
import { safeNodes } from "./safe.js";

export const NAMES = { user: "You", assistant: "Model", system: "System prompt", tool: "Tool" };

/**
 * @typedef {object} MessageActions
 * @property {(id: string) => void} version go to this version
 * @property {(item: import("./types").Item) => void} retry
 * @property {(chip: import("./types").Chip) => void} open
 */

/**
 * @param {import("./types").Item} item
 * @param {MessageActions} actions
 * @param {{ raw: boolean, pictures: import("./types").Pictures, body?: HTMLElement | null }} view `body`: its text, when
 *   the page has it already
 * @returns {HTMLElement}
 */
export function messageNode(item, actions, view) {
  const node = h("article", {
    class: `lsnb-message lsnb-${item.role}${item.hidden ? " lsnb-hidden" : ""}`,
    tabIndex: -1,
    "aria-label": `${NAMES[item.role]}${item.hidden ? ", hidden from the model" : ""}`,
    "data-id": item.id,
  });
  if (item.role === "system" || item.role === "tool") {
    node.append(h("details", {}, h("summary", {}, NAMES[item.role]), body(item, view)));
  } else {
    if (item.thinking) node.append(thinkingNode(item.thinking));
    if (item.attached && item.role === "user") node.append(chipList(item.attached, view.pictures, actions.open));
    if (item.text || !item.attached) node.append(body(item, view));
    if (item.attached && item.role !== "user") node.append(chipList(item.attached, view.pictures, actions.open));
  }
  if (item.carried) node.append(carriedNode(item.carried));
  if (item.status === "error") node.append(failureNode(item.error || "The reply failed.", item, actions));
  node.append(foot(item, actions));
  return node;
}

/**
 * @param {import("./types").Item} item
 * @param {{ raw: boolean, body?: HTMLElement | null }} view
 */
function body(item, view) {
  if (view.raw) return h("pre", { class: "lsnb-raw", tabIndex: 0, "aria-label": "Raw text" }, item.text);
  if (item.html === null) return h("div", { class: "lsnb-plain", dir: "auto" }, item.text);
  if (view.body) return view.body;
  const box = h("div", { class: "lsnb-body", dir: "auto" });
  box.append(blockNodes(item.html));
  return box;
}

/** @param {string} html what a service did, and sources */
function carriedNode(html) {
  const box = h("div", { class: "lsnb-carried" });
  box.append(safeNodes(html));
  return box;
}

/** @param {string} html */
function thinkingNode(html) {
  const box = h("div", { class: "lsnb-body" });
  box.append(blockNodes(html));
  return h("details", { class: "lsnb-thinking" }, h("summary", {}, "Thinking"), box);
}

/**
 * @param {string} words
 * @param {import("./types").Item} item what is answered again: a question, or the question of a reply
 * @param {MessageActions} actions
 */
export function failureNode(words, item, actions) {
  return h("div", { class: "lsnb-failure", tabIndex: -1 }, h("span", {}, words), textButton("Retry", () => actions.retry(item)));
}

/**
 * @param {import("./types").Item} item
 * @param {MessageActions} actions
 */
function foot(item, actions) {
  const marks = [item.status === "stopped" && "stopped", item.hidden && "hidden from the model", item.note];
  const note = marks.filter(Boolean).join(" · ");
  return h("div", { class: "lsnb-foot" }, versions(item, actions), note && h("span", { class: "lsnb-note" }, note));
}

/**
 * @param {import("./types").Item} item
 * @param {MessageActions} actions
 */
function versions(item, actions) {
  const [number, count, before, after] = item.version;
  if (count < 2) return null;
  /** @param {"left" | "right"} side @param {string} label @param {string | null} id */
  const step = (side, label, id) =>
    iconButton(side, label, () => id && actions.version(id), { disabled: !id, "data-version": side });
  return h(
    "span",
    { class: "lsnb-versions", role: "group", "aria-label": "Versions" },
    step("left", "Earlier version", before),
    h("span", {}, `${number}/${count}`),
    step("right", "Later version", after),
  );
}
