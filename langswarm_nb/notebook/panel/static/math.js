// Formulas: typeset by the page's own MathJax where it lets us; elsewhere their source stays readable.

/** The sources of formulas that were given to be typeset. @type {WeakMap<Element, string>} */
const sources = new WeakMap();

/**
 * Return the source of a formula, typeset or not; null when the element is none.
 * @param {Element} node
 */
export const formulaOf = (node) => (node.matches(".lsnb-math") ? (sources.get(node) ?? node.textContent) : null);

/**
 * Typeset the formulas of a node that were not before.
 * @param {import("./types").Model} model
 * @param {Element} node in the page already
 */
export function typeset(model, node) {
  const all = [...node.querySelectorAll(".lsnb-math"), ...(node.matches(".lsnb-math") ? [node] : [])];
  const fresh = all.filter((formula) => !sources.has(formula));
  if (!fresh.length) return;
  for (const formula of fresh) sources.set(formula, formula.textContent ?? "");
  const typesetter = model.widget_manager?.rendermime?.latexTypesetter; // JupyterLab, Notebook
  const mathJax = /** @type {any} */ (window).MathJax; // Colab, Voilà
  try {
    if (typesetter) typesetter.typeset(node);
    else mathJax?.typesetPromise?.(fresh);
  } catch {
    // The source stays.
  }
}
