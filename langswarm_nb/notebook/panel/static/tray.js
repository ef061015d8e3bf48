// Above the box: what goes with the message, each with its state and a way to take it away.

import { removableChip } from "./chips.js";
import { h, visible } from "./dom.js";
import { createUploads } from "./uploads.js";

/**
 * @param {import("./types").Context} context
 * @param {{ changed(): void, left(): void }} on `changed`: something came or went; `left`: the focus has no place here
 */
export function createTray(context, on) {
  const { model, pictures, signal } = context;
  const element = h("ul", { class: "lsnb-tray", role: "list", "aria-label": "Attached to this message", hidden: true });
  const uploads = createUploads(context, changed);
  /** Ids of what was taken away, and of what is on its way with a message. @type {Set<string>} */
  const hidden = new Set();
  /** Nodes by id, and what they show. @type {Map<string, { node: HTMLElement, key: string }>} */
  const shown = new Map();

  const attached = () => model.get("attached").filter(({ id }) => !hidden.has(id));

  function changed() {
    show();
    on.changed();
  }

  function show() {
    const focus = document.activeElement;
    const had = [...element.children].findIndex((node) => node.contains(focus));
    const there = attached();
    const ids = new Set(there.map(({ id }) => id));
    const coming = uploads.here().filter(({ id }) => !ids.has(id) && !hidden.has(id));
    const nodes = [...there.map(attachedNode), ...coming.map(comingNode)];
    for (const [id, { node }] of shown) if (!nodes.includes(node)) shown.delete(id);
    element.replaceChildren(...nodes);
    element.hidden = !nodes.length;
    if (had < 0) return;
    if (element.contains(focus)) /** @type {HTMLElement} */ (focus).focus({ preventScroll: true });
    else focusAt(Math.min(had, nodes.length - 1));
  }

  /** @param {import("./types").DraftChip} chip */
  const attachedNode = (chip) => nodeOf(chip, JSON.stringify(chip), chip);

  /** @param {import("./uploads.js").Upload} upload */
  function comingNode({ id, name, size, sent, error }) {
    const node = nodeOf({ id, name }, error, { kind: "file", name, facts: " " });
    node.classList.toggle("lsnb-chip-failed", Boolean(error));
    const facts = /** @type {HTMLElement} */ (node.querySelector(".lsnb-chip-facts"));
    facts.textContent = visible(error || `uploading ${Math.floor((100 * sent) / Math.max(size, 1))} %`);
    facts.title = facts.textContent;
    return node;
  }

  /**
   * @param {{ id: string, name: string }} entry
   * @param {string} key the node is made again when it changes
   * @param {import("./types").Chip} chip
   */
  function nodeOf({ id, name }, key, chip) {
    const old = shown.get(id);
    if (old?.key === key) return old.node;
    const node = removableChip(chip, pictures, () => remove(id, name));
    shown.set(id, { node, key });
    return node;
  }

  /** @param {string} id @param {string} name */
  async function remove(id, name) {
    hidden.add(id);
    context.announce(`${name} removed`);
    if (await uploads.remove(id)) return;
    hidden.delete(id); // the kernel still has it
    changed();
  }

  /** @param {number} at */
  function focusAt(at) {
    const button = element.children[at]?.querySelector("button");
    if (button) button.focus();
    else on.left();
  }

  model.on("change:attached", changed);
  signal.addEventListener("abort", () => model.off("change:attached", changed));
  show();
  return {
    element,
    show,
    /** @param {File[]} files */
    add(files) {
      uploads.add(files);
      element.scrollTop = element.scrollHeight;
    },
    /** What is still on its way to the kernel. */
    coming: uploads.coming,
    /** What did not get there. */
    failed: () => uploads.here().filter(({ error }) => error),
    attached,
    /** @returns {boolean} false when there is nothing to go to */
    focusLast() {
      focusAt(element.children.length - 1);
      return element.children.length > 0;
    },
    /** @param {import("./types").DraftChip[]} chips what goes out with a message now */
    hide(chips) {
      for (const { id } of chips) hidden.add(id);
      changed();
    },
    /** @param {import("./types").DraftChip[]} chips what did not go out */
    giveBack(chips) {
      for (const { id } of chips) hidden.delete(id);
      changed();
    },
    clearFailed: uploads.clearFailed,
  };
}
