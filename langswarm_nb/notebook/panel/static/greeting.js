// What an empty conversation shows: a greeting, and examples to put into the box, change and send.

import { h, textButton } from "./dom.js";

const EXAMPLES = [
  "Explain what a p-value is, with a small example",
  "Write a function that finds the outliers of a pandas column",
  "Compare box plots, violin plots and histograms in a table",
  "Show the formula of the normal distribution and name its parts",
];

/**
 * @param {import("./types").Context} context
 * @param {{ suggest(text: string): void, chooseModel(): void }} actions
 */
export function createGreeting({ model, signal }, actions) {
  const who = h("p", { class: "lsnb-greeting-model" });
  const choose = textButton("Choose a model", actions.chooseModel, { class: "lsnb-button lsnb-primary" });
  const examples = EXAMPLES.map((text) =>
    h("li", {}, textButton(text, () => actions.suggest(text), { class: "lsnb-button lsnb-example" })),
  );
  const element = h(
    "div",
    { class: "lsnb-greeting" },
    h("p", { class: "lsnb-greeting-title" }, "What would you like to know?"),
    who,
    h("ul", { class: "lsnb-examples", "aria-label": "Examples", role: "list" }, ...examples),
  );
  const show = () => {
    const { model: name, offline } = model.get("info");
    who.replaceChildren(
      ...(offline ? [h("span", {}, `${name} answers offline, without a real model.`), choose] : [h("span", {}, name)]),
    );
  };
  model.on("change:info", show);
  signal.addEventListener("abort", () => model.off("change:info", show));
  show();
  return element;
}
