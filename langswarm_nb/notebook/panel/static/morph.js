// Brings what is in the page up to new nodes: what is alike stays, with its focus, its selection and its scrolling.

import { formulaOf } from "./math.js";

/**
 * Make the children of an element, from one on, those given.
 * @param {Element} parent
 * @param {Node[]} fresh
 * @param {number} [from]
 */
export function morph(parent, fresh, from = 0) {
  /** @type {ChildNode | null} */
  let at = parent.childNodes[from] ?? null;
  for (const node of fresh) {
    /** @type {ChildNode | null} */
    const next = at?.nextSibling ?? null;
    if (!at) parent.append(node);
    else if (alike(at, node)) update(at, node);
    else at.replaceWith(node);
    at = next;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/**
 * @param {Node} old
 * @param {Node} fresh
 */
function alike(old, fresh) {
  if (!(old instanceof Element) || !(fresh instanceof Element)) return old.nodeType === fresh.nodeType;
  return old.localName === fresh.localName && old.className === fresh.className && formulaOf(old) === formulaOf(fresh);
}

/**
 * @param {Node} old
 * @param {Node} fresh
 */
function update(old, fresh) {
  if (old instanceof Text && fresh instanceof Text) {
    if (fresh.data.startsWith(old.data)) old.appendData(fresh.data.slice(old.data.length));
    else old.data = fresh.data;
  } else if (old instanceof Element && fresh instanceof Element) {
    if (old.localName === "button" || formulaOf(old) !== null) return; // ours, and what the page has typeset
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    morph(old, [...fresh.childNodes]);
  }
}
