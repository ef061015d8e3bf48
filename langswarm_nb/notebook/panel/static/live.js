// The reply while it arrives: text is appended as text, and becomes HTML block by block as blocks settle.

import { blockNodes } from "./blocks.js";
import { h, visible } from "./dom.js";
import { typeset } from "./math.js";

/** @param {import("./types").Context} context */
export function createLive({ model, announce }) {
  const settledBox = h("div", { class: "lsnb-body", dir: "auto" });
  const tail = h("div", { class: "lsnb-plain lsnb-tail", dir: "auto" });
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
  element.append(thinking, settledBox, tail, dots, foot);
  /** @type {import("./types").Live | null} */
  let shown = null;

  /** @param {import("./types").Live} live */
  function restart(live) {
    settledBox.replaceChildren();
    tail.textContent = "";
    thought.textContent = "";
    shown = { ...live, text: "", thinking: "", blocks: [], settled: 0 };
  }

  /** @param {import("./types").Live} live */
  function show(live) {
    if (!shown || shown.id !== live.id || live.blocks.length < shown.blocks.length) restart(live);
    const before = /** @type {import("./types").Live} */ (shown);
    const fresh = live.blocks.slice(before.blocks.length);
    if (fresh.length) {
      for (const html of fresh) {
        const nodes = blockNodes(html);
        announce(nodes.textContent ?? "");
        const block = h("div", {}, nodes);
        settledBox.append(block);
        typeset(model, block);
      }
      tail.textContent = visible(live.text.slice(live.settled));
    } else {
      tail.append(visible(live.text.slice(before.text.length)));
    }
    if (live.thinking.length > before.thinking.length) {
      thinking.hidden = false;
      thought.append(visible(live.thinking.slice(before.thinking.length)));
    }
    dots.hidden = Boolean(live.text || live.cut);
    element.setAttribute("aria-busy", String(!live.cut));
    const marks = [live.foreign && "asked by a cell; ■ stops it", !live.text && live.note];
    foot.textContent = live.cut ? "cut off" : marks.filter(Boolean).join(" · ");
    shown = live;
  }
  return { element, show };
}
