// A small form over the panel: system prompt, options, a name.

import { h, textButton } from "./dom.js";

/**
 * Ask for values; resolves with them, or with null when the reader left.
 * @param {HTMLElement} root
 * @param {string} title
 * @param {{ name: string, label: string, value: string, kind?: "text" | "long" | "number", hint?: string }[]} fields
 * @param {string} done label of the button that accepts
 * @returns {Promise<Record<string, string> | null>}
 */
export function askFor(root, title, fields, done) {
  return new Promise((resolve) => {
    const inputs = fields.map(({ name, label, value, kind = "text", hint }) => {
      const input =
        kind === "long"
          ? h("textarea", { class: "lsnb-box", rows: 6, value, name })
          : h("input", { class: "lsnb-input", type: "text", inputMode: kind === "number" ? "decimal" : "text", value, name });
      const row = h("label", { class: "lsnb-field" }, h("span", {}, label), input, hint && h("span", { class: "lsnb-note" }, hint));
      return { name, input, row };
    });
    const dialog = h("dialog", { class: "lsnb-dialog", "aria-label": title });
    const finish = (/** @type {Record<string, string> | null} */ values) => {
      dialog.close();
      dialog.remove();
      resolve(values);
    };
    const form = h(
      "form",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          finish(Object.fromEntries(inputs.map(({ name, input }) => [name, input.value])));
        },
      },
      h("h2", {}, title),
      ...inputs.map(({ row }) => row),
      h(
        "div",
        { class: "lsnb-row" },
        h("button", { type: "submit", class: "lsnb-button lsnb-primary" }, done),
        textButton("Cancel", () => finish(null)),
      ),
    );
    dialog.append(form);
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      finish(null);
    });
    root.append(dialog);
    dialog.showModal();
    overPanel(dialog, root);
    inputs[0]?.input.focus();
  });
}

/**
 * Put the dialog over the panel. The middle of the page is not where the reader looks when the page is a frame
 * as tall as the whole notebook (VS Code).
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} root
 */
export function overPanel(dialog, root) {
  const { top, height } = root.getBoundingClientRect();
  const over = top + (height - dialog.offsetHeight) / 2;
  const last = window.innerHeight - dialog.offsetHeight;
  dialog.style.marginTop = `${Math.max(0, Math.min(over, last))}px`;
}
