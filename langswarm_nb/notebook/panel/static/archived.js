// Above the composer of an archived session: says that it is archived, and brings it back.

import { h, textButton } from "./dom.js";

/** @param {import("./types").Context} context */
export function createArchived({ model, signal, attempt }) {
  const back = textButton("Unarchive", () => attempt("archive", { archived: false }), { class: "lsnb-button lsnb-primary" });
  const element = h("div", { class: "lsnb-notice lsnb-archived", role: "note" }, h("span", {}, "This session is archived."), back);
  const show = () => (element.hidden = !model.get("info").archived);
  model.on("change:info", show);
  signal.addEventListener("abort", () => model.off("change:info", show));
  show();
  return element;
}
