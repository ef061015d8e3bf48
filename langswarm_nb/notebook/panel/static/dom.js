// Elements are made here, from tag, properties and text; never from a string of HTML.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Make an element. Strings become text.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [props] `class`, `on…` listeners, properties, and attributes with a dash or of ARIA
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !name.includes("-")) /** @type {any} */ (node)[name] = value;
    else node.setAttribute(name, String(value));
  }
  for (const child of children) {
    if (typeof child === "string") node.append(visible(child));
    else if (child) node.append(child);
  }
  return node;
}

const UNSEEN =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u206f\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * Text with the characters that reorder, hide or control it shown as codes.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(/\r\n/g, "\n").replace(UNSEEN, (sign) => {
    const code = /** @type {number} */ (sign.codePointAt(0)).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** Outlines on a 16 by 16 grid, drawn with the colour of the text. */
const ICONS = {
  send: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  stop: "M4 4h8v8H4z",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  code: "M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5",
  insert: "M2.5 3.5h11v6h-11zM8 11.5v3M6.5 13h3",
  edit: "M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3z",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  branch: "M4.5 3v10M4.5 9.5c4.5 0 6.5-1.5 6.5-5M9 5.5 11 3l2 2.5",
  hide: "M2 8c2-3 4-4.2 6-4.2S12 5 14 8c-2 3-4 4.2-6 4.2S4 11 2 8zM3 13 13 3",
  show: "M2 8c2-3 4-4.2 6-4.2S12 5 14 8c-2 3-4 4.2-6 4.2S4 11 2 8zM8 6.3a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4z",
  raw: "M3 4h10M3 8h10M3 12h6",
  left: "M9.5 4 5.5 8l4 4",
  right: "M6.5 4l4 4-4 4",
  down: "M4 6.5 8 10.5l4-4",
  attach: "M12.5 7.5 8 12a2.8 2.8 0 0 1-4-4l5-5a1.9 1.9 0 0 1 2.7 2.7l-4.9 4.9a1 1 0 0 1-1.4-1.4L9.8 5",
  image: "M2.5 3.5h11v9h-11zM2.5 10.5l3-3 2.5 2.5 2-2 3.5 3.5M10.6 6.2h.01",
  file: "M4 2.5h5L12 5.5v8H4zM9 2.5v3h3",
  audio: "M6 11.5V4l6-1.5V10M6 11.5a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0zM12 10a1.7 1.7 0 1 1-3.4 0A1.7 1.7 0 0 1 12 10z",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  close: "M4 4l8 8M12 4l-8 8",
};

/**
 * @param {keyof typeof ICONS} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "lsnb-icon");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button with an icon; its label is for those who do not see it.
 * @param {keyof typeof ICONS} name
 * @param {string} label
 * @param {(event: MouseEvent) => void} run
 * @param {Record<string, any>} [props]
 */
export function iconButton(name, label, run, props = {}) {
  const all = { type: "button", class: "lsnb-button lsnb-icon-button", title: label, ...props };
  return h("button", { ...all, "aria-label": label, onclick: run }, icon(name));
}

/**
 * @param {string} label
 * @param {(event: MouseEvent) => void} run
 * @param {Record<string, any>} [props]
 */
export function textButton(label, run, props = {}) {
  return h("button", { type: "button", class: "lsnb-button", ...props, onclick: run }, label);
}
