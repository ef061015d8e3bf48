// Below the composer: the last turn and the whole session in numbers.

import { h } from "./dom.js";

/** @param {import("./types").Context} context */
export function createFooter({ model, signal }) {
  const element = h("footer", { class: "lsnb-totals" });
  const show = () => {
    const { last, total } = model.get("info");
    element.replaceChildren(
      ...[last && h("span", {}, `last: ${last}`), total && h("span", {}, `session: ${total}`)].filter((part) => part !== ""),
    );
    element.hidden = !last && !total;
  };
  model.on("change:info", show);
  signal.addEventListener("abort", () => model.off("change:info", show));
  show();
  return { element };
}
