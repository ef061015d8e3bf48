// A list to choose from that is filtered by typing; optionally what was typed is a choice too, or is searched for.

import { isComposing } from "./box.js";
import { h } from "./dom.js";
import { optionRows } from "./options.js";
import { place } from "./place.js";

const MAX_SHOWN = 100;
const SEARCH_AFTER_MS = 250;
const LEAST_SEARCHED = 2;

/**
 * @typedef {object} PickerOptions
 * @property {string} label
 * @property {() => Promise<import("./types").Choice[]>} choices
 * @property {(value: string, choice: import("./types").Choice, typed: string) => void} choose
 * @property {boolean} [free] what is typed may be chosen as it stands
 * @property {string} [hint] what typing does, when it does more than to filter
 * @property {(typed: string) => Promise<import("./types").Choice[]>} [search] more choices for what was typed
 * @property {(typed: string, close: () => void) => HTMLElement[]} [footer] made again with each letter
 */

/** @param {import("./types").Choice} choice */
const called = ({ label, name = "" }) => `${label} ${name}`.toLowerCase();

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
    placeholder: `${options.label}: ${options.hint ?? (options.free ? "type or choose" : "type to filter")}`,
    autocomplete: "off",
    spellcheck: false,
    "aria-label": options.label,
    "aria-expanded": "true",
    "aria-controls": id,
    "aria-autocomplete": "list",
  });
  const list = h("ul", { id, class: "lsnb-options", role: "listbox", "aria-label": options.label });
  const count = h("div", { class: "lsnb-unseen", role: "status" });
  const foot = h("div", { class: "lsnb-picker-foot" });
  const element = h("div", { class: "lsnb-picker" }, input, list, count, foot);
  /** @type {import("./types").Choice[] | null} */
  let all = null;
  /** What a search has found, and for what. @type {{ typed: string, choices: import("./types").Choice[] }} */
  let found = { typed: "", choices: [] };
  /** @type {import("./types").Choice[]} */
  let offered = [];
  let at = -1;
  let timer = 0;

  function close(refocus = true) {
    clearTimeout(timer);
    element.remove();
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (refocus) opener.focus();
  }

  /** @param {Event} event */
  function outside(event) {
    if (!element.contains(/** @type {Node} */ (event.target))) close(false);
  }

  /** @param {import("./types").Choice} choice */
  function choose(choice) {
    const typed = input.value.trim();
    close();
    options.choose(choice.value, choice, typed);
  }

  /** @type {string | null} */
  let footed = null;

  function offer() {
    const typed = input.value.trim();
    const words = typed.toLowerCase().split(/\s+/);
    const fits = (all ?? []).filter((choice) => words.every((word) => called(choice).includes(word)));
    offered = fits.slice(0, MAX_SHOWN);
    if (options.free && typed && !fits.some((choice) => choice.value === typed)) {
      offered.push({ value: typed, label: typed, hint: "as typed" });
    }
    if (found.typed === typed) offered.push(...found.choices);
    const current = offered.findIndex((choice) => choice.current);
    at = typed || current < 0 ? Math.min(0, offered.length - 1) : current;
    draw();
    if (typed === footed) return; // the reader may be on one of its buttons while the choices arrive
    footed = typed;
    foot.replaceChildren(...(options.footer?.(typed, close) ?? []));
  }

  function searchSoon() {
    clearTimeout(timer);
    const typed = input.value.trim();
    const { search } = options;
    if (!search || typed.length < LEAST_SEARCHED) return;
    timer = window.setTimeout(async () => {
      const choices = await search(typed);
      if (!element.isConnected || input.value.trim() !== typed) return;
      found = { typed, choices };
      const before = at;
      offer();
      if (before > 0) at = before; // the reader was on the way down
      draw();
    }, SEARCH_AFTER_MS);
  }

  function draw() {
    const { nodes, rows } = optionRows(offered, { id, at, typed: input.value.trim(), choose });
    const none = all === null ? "…" : "No matches.";
    list.replaceChildren(...(rows.length ? nodes : [h("li", { class: "lsnb-note", role: "option", "aria-disabled": "true" }, none)]));
    count.textContent = all === null ? "" : `${rows.length || "no"} choice${rows.length === 1 ? "" : "s"}`;
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", rows[at].id);
      rows[at].scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  input.addEventListener("input", () => {
    offer();
    searchSoon();
  });
  input.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (way && offered.length) {
      at = (at + way + offered.length) % offered.length;
      draw();
      event.preventDefault();
    } else if (event.key === "Enter" && offered[at]) {
      event.preventDefault();
      choose(offered[at]);
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
