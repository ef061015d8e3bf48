// The text of a message: safe HTML with a Copy button on each code block.

import { h, textButton } from "./dom.js";
import { safeNodes } from "./safe.js";

/**
 * @param {string} html
 * @returns {DocumentFragment}
 */
export function blockNodes(html) {
  const nodes = safeNodes(html);
  for (const pre of [...nodes.querySelectorAll("pre")]) frame(pre);
  for (const table of nodes.querySelectorAll(".lsnb-table")) reachable(table, "Table");
  return nodes;
}

/**
 * Put text on the clipboard and say so on the button.
 * @param {string} text
 * @param {HTMLElement} button
 */
export async function copy(text, button) {
  const label = button.getAttribute("aria-label") ?? button.textContent ?? "";
  const worked = await toClipboard(text);
  const said = worked ? "Copied" : "Not allowed to copy here";
  button.setAttribute("aria-label", said);
  button.title = said;
  button.classList.toggle("lsnb-done", worked);
  setTimeout(() => {
    button.setAttribute("aria-label", label);
    button.title = label;
    button.classList.remove("lsnb-done");
  }, 1500);
}

/**
 * @param {string} text
 * @returns {Promise<boolean>}
 */
export async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyTheOldWay(text); // pages without https, frames without the permission
  }
}

/** @param {string} text */
function copyTheOldWay(text) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const box = h("textarea", { value: text, class: "lsnb-unseen" });
  (before?.closest(".lsnb-panel") ?? document.body).append(box);
  box.select();
  const worked = document.execCommand("copy");
  box.remove();
  before?.focus();
  return worked;
}

/** @param {HTMLPreElement} pre */
function frame(pre) {
  reachable(pre, "Code");
  const button = textButton("Copy", () => copy(pre.textContent ?? "", button), { class: "lsnb-button lsnb-copy-code" });
  button.setAttribute("aria-label", "Copy code");
  let box = pre.parentElement;
  if (!box?.matches(".lsnb-code")) {
    box = h("div", { class: "lsnb-code" });
    pre.replaceWith(box);
    box.append(pre);
  }
  box.append(button);
}

/**
 * Make what may be wider than the panel scroll by keyboard.
 * @param {Element} box
 * @param {string} label
 */
function reachable(box, label) {
  box.setAttribute("tabindex", "0");
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", label);
}
