// One line above the composer: what went wrong, what was done, or what the panel is waiting for.

import { h, iconButton, textButton } from "./dom.js";

const STAYS_MS = 8000;

/** @param {() => void} dismissed */
export function createNotices(dismissed) {
  const kernel = h("div", { class: "lsnb-notice", role: "status", hidden: true });
  const said = h("div", { class: "lsnb-notice", hidden: true });
  const element = h("div", { class: "lsnb-notices" }, kernel, said);
  let timer = 0;

  /** @param {string} text @param {"status" | "alert"} role @param {{ label: string, run(): void }} [offer] */
  function put(text, role, offer) {
    clearTimeout(timer);
    said.setAttribute("role", role);
    said.replaceChildren(
      h("span", {}, text),
      ...(offer ? [textButton(offer.label, () => (hide(), dismissed(), offer.run()), { class: "lsnb-button lsnb-primary" })] : []),
      iconButton("close", "Dismiss", () => (hide(), dismissed())),
    );
    said.hidden = false;
  }

  function hide() {
    said.hidden = true;
    said.replaceChildren();
  }

  /**
   * @param {string} text what was done; it goes away by itself, unless something is offered with it
   * @param {{ label: string, run(): void }} [offer]
   */
  function say(text, offer) {
    put(text, "status", offer);
    if (!offer) timer = window.setTimeout(hide, STAYS_MS);
  }

  /** @param {string} text what went wrong; it stays until it is dismissed, or until nothing is wrong now */
  function fail(text) {
    if (text) put(text, "alert");
    else if (said.getAttribute("role") === "alert") hide();
  }

  const TEXTS = {
    listening: "",
    busy: "The kernel is busy. This will happen as soon as it is free.",
    silent:
      "The kernel does not answer. If a cell is running, this will happen when it ends. " +
      "If the kernel was restarted, run the cell of this panel again.",
    gone: "The kernel of this panel has ended. To go on, run the cell of this panel again; what was stored is kept.",
  };
  /** @param {keyof typeof TEXTS} state */
  function kernelState(state) {
    if (kernel.textContent !== TEXTS[state]) kernel.textContent = TEXTS[state];
    kernel.hidden = state === "listening";
  }
  return { element, say, fail, kernelState };
}
