// One line above the composer: what went wrong, what was done, what is being waited for.

import { h, iconButton, textButton } from "./dom.js";

const STAYS_MS = 8000;

export function createNotices() {
  const kernel = h("div", { class: "lsnb-notice", role: "status", hidden: true });
  const said = h("div", { class: "lsnb-notice", role: "status", hidden: true });
  const element = h("div", { class: "lsnb-notices" }, kernel, said);
  let timer = 0;

  /** @param {string} text @param {{ label: string, run: () => void }} [action] */
  function say(text, action) {
    clearTimeout(timer);
    const button = action && textButton(action.label, () => (hide(), action.run()));
    said.replaceChildren(h("span", {}, text), ...(button ? [button] : []), iconButton("close", "Dismiss", hide));
    said.hidden = false;
    if (!action) timer = window.setTimeout(hide, STAYS_MS);
  }

  function hide() {
    said.hidden = true;
    said.replaceChildren();
  }

  const TEXTS = {
    listening: "",
    busy: "The kernel is busy. This is done as soon as it is free.",
    silent:
      "The kernel does not answer. If a cell is running, this is done when it ends. " +
      "If the kernel was restarted, run the cell of this panel again.",
  };
  /** @param {keyof typeof TEXTS} state */
  function kernelState(state) {
    if (kernel.textContent !== TEXTS[state]) kernel.textContent = TEXTS[state];
    kernel.hidden = state === "listening";
  }
  return { element, say, hide, kernelState };
}
