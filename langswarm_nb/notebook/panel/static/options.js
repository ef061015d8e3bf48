// The rows of a list to choose from: under headings, with what is known of each.

import { h } from "./dom.js";

/**
 * @param {import("./types").Choice[]} choices
 * @param {{ id: string, at: number, typed: string, choose(choice: import("./types").Choice): void }} list
 * @returns {{ nodes: HTMLElement[], rows: HTMLElement[] }} what stands in the list, and in it the rows
 */
export function optionRows(choices, { id, at, typed, choose }) {
  /** @type {HTMLElement[]} */
  const nodes = [];
  /** @type {{ name: string, list: HTMLElement } | null} */
  let group = null;
  const rows = choices.map((choice, n) => {
    const facts = { id: `${id}-${n}`, role: "option", "aria-selected": String(n === at), onclick: () => choose(choice) };
    const row = h(
      "li",
      facts,
      h("span", { class: "lsnb-option-label" }, choice.label),
      choice.name && h("span", { class: "lsnb-note" }, choice.name),
      choice.hint && h("span", { class: "lsnb-note" }, choice.hint),
      choice.snippet && h("span", { class: "lsnb-snippet" }, ...marked(choice.snippet, typed)),
    );
    if (!choice.group) {
      group = null;
      nodes.push(row);
    } else {
      if (group?.name !== choice.group) {
        group = { name: choice.group, list: h("ul", { role: "none" }) };
        const heading = h("span", { class: "lsnb-group", "aria-hidden": "true" }, choice.group);
        nodes.push(h("li", { role: "group", "aria-label": choice.group }, heading, group.list));
      }
      group.list.append(row);
    }
    return row;
  });
  return { nodes, rows };
}

/**
 * Return a text with the words that were typed marked.
 * @param {string} text
 * @param {string} typed
 */
function marked(text, typed) {
  const words = typed.split(/\s+/).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!words.length) return [text];
  return text.split(new RegExp(`(${words.join("|")})`, "i")).map((piece, n) => (n % 2 ? h("mark", {}, piece) : piece));
}
