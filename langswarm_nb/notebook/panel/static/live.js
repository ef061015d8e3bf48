// The reply while it arrives: rendered as it grows; what is settled is not touched again.

import { blockNodes } from "./blocks.js";
import { createCursor } from "./cursor.js";
import { h, visible } from "./dom.js";
import { typeset } from "./math.js";
import { morph } from "./morph.js";

/** @param {import("./types").Context} context */
export function createLive({ model, announce }) {
  const body = h("div", { class: "lsnb-body", dir: "auto" });
  const cursor = createCursor(body);
  const thought = h("div", { class: "lsnb-plain" });
  const thinking = h("details", { class: "lsnb-thinking", hidden: true }, h("summary", {}, "Thinking…"), thought);
  const dots = h("div", { class: "lsnb-dots", role: "img", "aria-label": "Waiting for the reply" });
  const foot = h("div", { class: "lsnb-foot lsnb-note" });
  dots.append(h("i"), h("i"), h("i"));
  const element = h("article", {
    class: "lsnb-message lsnb-assistant lsnb-live",
    tabIndex: -1,
    "aria-label": "Model, answering",
    "aria-busy": "true",
  });
  element.append(thinking, body, dots, foot);
  /** @type {import("./types").Live | null} */
  let shown = null;
  /** Nodes of the body that stand for what is settled. */
  let settledNodes = 0;

  /** @param {import("./types").Live} live */
  function restart(live) {
    body.replaceChildren();
    thought.textContent = "";
    settledNodes = 0;
    shown = { ...live, text: "", thinking: "", html: "", settled: 0 };
  }

  /**
   * @param {string} html
   * @param {number} settled how much of it will no longer change
   */
  function grow(html, settled) {
    const before = /** @type {import("./types").Live} */ (shown);
    if (html === before.html && settled === before.settled) return;
    cursor.take();
    const fresh = [...blockNodes(html.slice(before.settled, settled)).childNodes];
    const open = [...blockNodes(html.slice(settled)).childNodes];
    const from = settledNodes;
    morph(body, [...fresh, ...open], from);
    settledNodes += fresh.length;
    const changed = [...body.childNodes].slice(from);
    const words = changed.slice(0, fresh.length).map((node) => node.textContent ?? "");
    if (words.length) announce(words.join("").trim());
    for (const node of changed) if (node instanceof Element) typeset(model, node);
  }

  /** @param {import("./types").Live} live */
  function show(live) {
    if (!shown || shown.id !== live.id || live.number < shown.number) restart(live); // also text that was thinking
    const before = /** @type {import("./types").Live} */ (shown);
    grow(live.html, live.settled);
    if (live.html && !live.cut) cursor.put();
    else cursor.take();
    if (live.thinking.length > before.thinking.length) {
      thinking.hidden = false;
      thought.append(visible(live.thinking.slice(before.thinking.length)));
    }
    dots.hidden = Boolean(live.html || live.cut);
    element.setAttribute("aria-busy", String(!live.cut));
    const words = [live.foreign && "asked by a cell", !live.text && live.note];
    foot.textContent = live.cut ? "cut off" : words.filter(Boolean).join(" · ");
    shown = live;
  }

  /**
   * Give away the text when it is that of a message: it stays as it is in the page, and so does the reader's place.
   * @param {import("./types").Item} item
   */
  function give(item) {
    if (!shown || shown.id !== item.id || item.html === null || !item.html.startsWith(shown.html.slice(0, shown.settled))) {
      return null;
    }
    cursor.take();
    grow(item.html, item.html.length);
    shown = null;
    return body;
  }
  return { element, show, give };
}
