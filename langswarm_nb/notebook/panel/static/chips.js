// Attachments as chips: a thumbnail or an icon, the name, and what else is known.

import { h, icon, iconButton, visible } from "./dom.js";

const SIGNS = /** @type {const} */ ({ image: "image", audio: "audio", file: "file" });
const WEB = /^https?:\/\//i;

/**
 * The picture or sign, and the words, of a chip.
 * @param {import("./types").Chip} chip
 * @param {import("./types").Pictures} pictures
 * @returns {HTMLElement[]}
 */
export function chipParts(chip, pictures) {
  const seen = h("span", { class: "lsnb-chip-picture", "aria-hidden": "true" }, icon(SIGNS[chip.kind]));
  if (chip.hash && chip.picture) pictures.show(seen, chip.hash);
  const words = h(
    "span",
    { class: "lsnb-chip-words" },
    h("bdi", { class: "lsnb-chip-name", title: visible(chip.name) }, chip.name),
    chip.facts && h("span", { class: "lsnb-chip-facts", title: visible(chip.facts) }, chip.facts),
    chip.note && h("span", { class: "lsnb-chip-note", title: visible(chip.note) }, chip.note),
  );
  return [seen, words];
}

/**
 * The attachments of a message; each opens, where there is something to open.
 * @param {import("./types").Chip[]} chips
 * @param {import("./types").Pictures} pictures
 * @param {(chip: import("./types").Chip) => void} open
 */
export function chipList(chips, pictures, open) {
  const items = chips.map((chip) => h("li", {}, chipNode(chip, pictures, open)));
  return h("ul", { class: "lsnb-chips", role: "list", "aria-label": "Attachments" }, ...items);
}

/**
 * A chip with a button, and the keys, that take it away.
 * @param {import("./types").Chip} chip
 * @param {import("./types").Pictures} pictures
 * @param {() => void} remove
 */
export function removableChip(chip, pictures, remove) {
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Backspace" && event.key !== "Delete") return;
    event.preventDefault();
    remove();
  };
  const button = iconButton("close", `Remove ${visible(chip.name)}`, remove, { onkeydown: keys });
  return h("li", { class: "lsnb-chip" }, ...chipParts(chip, pictures), button);
}

/**
 * The attachments of a message that is edited; they stay unless they are taken away.
 * @param {import("./types").Chip[]} chips
 * @param {import("./types").Pictures} pictures
 * @param {(number: number) => void} removed
 * @param {() => void} left the last one is gone
 */
export function keepable(chips, pictures, removed, left) {
  const list = h("ul", { class: "lsnb-tray", role: "list", "aria-label": "Attached to this message" });
  for (const [number, chip] of chips.entries()) {
    const node = removableChip(chip, pictures, () => {
      const next = node.nextElementSibling ?? node.previousElementSibling;
      node.remove();
      removed(number);
      list.hidden = !list.children.length;
      if (next) next.querySelector("button")?.focus();
      else left();
    });
    list.append(node);
  }
  return list;
}

/**
 * @param {import("./types").Chip} chip
 * @param {import("./types").Pictures} pictures
 * @param {(chip: import("./types").Chip) => void} open
 */
function chipNode(chip, pictures, open) {
  const parts = chipParts(chip, pictures);
  const picture = chip.picture ? " lsnb-chip-large" : "";
  if (chip.hash) {
    return h(
      "button",
      { type: "button", class: `lsnb-chip${picture}`, "aria-haspopup": "dialog", onclick: () => open(chip) },
      h("span", { class: "lsnb-unseen" }, "Open "),
      ...parts,
    );
  }
  if (chip.url && WEB.test(chip.url)) {
    return h("a", { class: "lsnb-chip", href: chip.url, target: "_blank", rel: "noopener noreferrer nofollow" }, ...parts);
  }
  return h("span", { class: "lsnb-chip" }, ...parts);
}
