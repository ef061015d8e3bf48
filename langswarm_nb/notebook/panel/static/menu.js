// A menu below a button: arrows, Home and End move, Enter chooses, Escape leaves.

import { h } from "./dom.js";

/**
 * @param {HTMLElement} opener
 * @param {{ label: string, run(): void }[]} entries
 */
export function openMenu(opener, entries) {
  const root = /** @type {HTMLElement} */ (opener.closest(".lsnb-panel"));
  if (root.querySelector(".lsnb-menu")) return;
  const element = h("div", { class: "lsnb-menu", role: "menu", "aria-label": opener.title });
  const close = (refocus = true) => {
    element.remove();
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (refocus) opener.focus();
  };
  /** @param {Event} event */
  const outside = (event) => {
    if (!element.contains(/** @type {Node} */ (event.target))) close(false);
  };
  const items = entries.map(({ label, run }) => {
    const choose = () => {
      close();
      run();
    };
    return h("button", { type: "button", role: "menuitem", tabIndex: -1, class: "lsnb-menu-item", onclick: choose }, label);
  });
  element.append(...items);
  element.addEventListener("keydown", (event) => {
    const now = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      event.stopPropagation();
      close();
    } else if (to !== undefined) {
      event.preventDefault();
      items.at(to % items.length)?.focus();
    }
  });
  element.addEventListener("focusout", (event) => {
    const to = /** @type {Node | null} */ (event.relatedTarget);
    if (to && !element.contains(to)) close(false);
  });
  const box = root.getBoundingClientRect();
  const from = opener.getBoundingClientRect();
  element.style.right = `${box.right - from.right}px`;
  element.style.top = `${from.bottom - box.top + 4}px`;
  root.append(element);
  opener.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  items[0]?.focus();
}
