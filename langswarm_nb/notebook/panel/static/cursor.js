// The cursor of a text that is being written: it stands at the end of the last line, wherever that is.

import { h } from "./dom.js";
import { formulaOf } from "./math.js";

/** What the end of a line may be in. */
const AROUND_LINES =
  "p, ul, ol, li, blockquote, pre, pre > code, div, table, thead, tbody, tr, td, th, h1, h2, h3, h4, h5, h6, strong, em, s";

/** @param {HTMLElement} body */
export function createCursor(body) {
  const cursor = h("span", { class: "lsnb-cursor", "aria-hidden": "true" });
  return {
    put() {
      if (cursor.isConnected) return;
      const around = endOf(body);
      const text = around.localName === "code" ? lastText(around) : null;
      // A line of code has its end behind it, where the cursor would begin a line of its own.
      if (text?.data.endsWith("\n")) text.splitText(text.data.length - 1).before(cursor);
      else around.append(cursor);
    },
    take() {
      const parent = cursor.parentElement;
      cursor.remove();
      parent?.normalize();
    },
  };
}

/**
 * Return the element in which the last line ends.
 * @param {Element} node
 * @returns {Element}
 */
function endOf(node) {
  const isText = (/** @type {Node} */ child) => Boolean(child.textContent?.trim());
  const parts = [...node.childNodes].filter(
    (child) => !(child instanceof HTMLButtonElement) && (child instanceof Element || isText(child)),
  );
  const last = (node.localName === "tr" ? parts.findLast(isText) : null) ?? parts.at(-1);
  return last instanceof Element && last.matches(AROUND_LINES) && formulaOf(last) === null ? endOf(last) : node;
}

/**
 * @param {Element} node
 * @returns {Text | null}
 */
function lastText(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  let last = null;
  while (walker.nextNode()) last = /** @type {Text} */ (walker.currentNode);
  return last;
}
