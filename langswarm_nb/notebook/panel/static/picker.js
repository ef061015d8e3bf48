// A list to choose from that is filtered by typing; optionally what was typed is a choice too.

import { isComposing } from "./box.js";
import { h } from "./dom.js";

const MAX_SHOWN = 100;

/**
 * @typedef {object} PickerOptions
 * @property {string} label
 * @property {() => Promise<import("./types").Choice[]>} choices
 * @property {(value: string) => void} choose
 * @property {boolean} [free] what is typed may be chosen as it stands
 * @property {(typed: string, close: () => void) => HTMLElement[]} [footer] made anew with each letter
 */

/**
 * Open the list at a button; Escape, a choice or a click elsewhere close it.
 * @param {HTMLElement} opener
 * @param {PickerOptions} options
 */
export function openPicker(opener, options) {
  const root = /** @type {HTMLElement} */ (opener.closest(".lsnb-panel"));
  if (root.querySelector(".lsnb-picker")) return;
  const id = `lsnb-list-${Math.random().toString(36).slice(2)}`;
  const input = h("input", {
    type: "text",
    class: "lsnb-input",
    role: "combobox",
    placeholder: options.free ? `${options.label}: type or choose` : `${options.label}: type to filter`,
    autocomplete: "off",
    spellcheck: false,
    "aria-label": options.label,
    "aria-expanded": "true",
    "aria-controls": id,
    "aria-autocomplete": "list",
  });
  const list = h("ul", { id, class: "lsnb-options", role: "listbox", "aria-label": options.label });
  const foot = h("div", { class: "lsnb-picker-foot" });
  const element = h("div", { class: "lsnb-picker" }, input, list, foot);
  /** @type {import("./types").Choice[] | null} */
  let all = null;
  /** @type {import("./types").Choice[]} */
  let offered = [];
  let at = -1;

  function close(refocus = true) {
    element.remove();
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (refocus) opener.focus();
  }

  /** @param {Event} event */
  function outside(event) {
    if (!element.contains(/** @type {Node} */ (event.target))) close(false);
  }

  /** @param {string} value */
  function choose(value) {
    close();
    options.choose(value);
  }

  /** @type {string | null} */
  let footed = null;

  function offer() {
    const typed = input.value.trim();
    const words = typed.toLowerCase().split(/\s+/);
    const fits = (all ?? []).filter((choice) => words.every((word) => choice.label.toLowerCase().includes(word)));
    offered = fits.slice(0, MAX_SHOWN);
    if (options.free && typed && !fits.some((choice) => choice.value === typed)) {
      offered.push({ value: typed, label: typed, hint: "as typed" });
    }
    const current = offered.findIndex((choice) => choice.current);
    at = typed || current < 0 ? Math.min(0, offered.length - 1) : current;
    draw();
    if (typed === footed) return; // the reader may be on one of its buttons while the choices arrive
    footed = typed;
    foot.replaceChildren(...(options.footer?.(typed, close) ?? []));
  }

  function draw() {
    const none = all === null ? "…" : "Nothing fits.";
    const rows = offered.map((choice, n) =>
      h(
        "li",
        { id: `${id}-${n}`, role: "option", "aria-selected": String(n === at), onclick: () => choose(choice.value) },
        h("span", { class: "lsnb-option-label" }, choice.label),
        choice.hint && h("span", { class: "lsnb-note" }, choice.hint),
      ),
    );
    list.replaceChildren(...(rows.length ? rows : [h("li", { class: "lsnb-note", role: "option", "aria-disabled": "true" }, none)]));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", `${id}-${at}`);
      rows[at].scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  input.addEventListener("input", offer);
  input.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (way && offered.length) {
      at = (at + way + offered.length) % offered.length;
      draw();
      event.preventDefault();
    } else if (event.key === "Enter" && offered[at]) {
      event.preventDefault();
      choose(offered[at].value);
    }
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  // A press on an option leaves the focus in the box; JupyterLab would take it to the notebook, and close the list.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  element.addEventListener("focusout", (event) => {
    const to = /** @type {Node | null} */ (event.relatedTarget);
    if (to && !element.contains(to)) close(false);
  });
  opener.setAttribute("aria-expanded", "true");
  place(element, opener, root);
  document.addEventListener("pointerdown", outside, true);
  input.focus();
  offer();
  options.choices().then((choices) => {
    all = choices;
    if (element.isConnected) offer();
  });
}

/**
 * @param {HTMLElement} element
 * @param {HTMLElement} opener
 * @param {HTMLElement} root
 */
function place(element, opener, root) {
  root.append(element);
  const box = root.getBoundingClientRect();
  const from = opener.getBoundingClientRect();
  const width = element.offsetWidth;
  element.style.left = `${Math.max(8, Math.min(from.left - box.left, box.width - width - 8))}px`;
  const below = from.bottom - box.top + 4;
  const room = box.height - below - 8;
  if (room > 180) {
    element.style.top = `${below}px`;
    element.style.maxHeight = `${room}px`;
  } else {
    element.style.bottom = `${box.bottom - from.top + 4}px`;
    element.style.maxHeight = `${from.top - box.top - 12}px`;
  }
}
