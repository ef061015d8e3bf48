// Formulas: typeset by the page's own MathJax where it lets us; elsewhere their source stays readable.

/**
 * @param {import("./types").Model} model
 * @param {HTMLElement} node in the page already
 */
export function typeset(model, node) {
  if (!node.querySelector(".lsnb-math")) return;
  const typesetter = model.widget_manager?.rendermime?.latexTypesetter; // JupyterLab, Notebook
  const mathJax = /** @type {any} */ (window).MathJax; // Colab, Voilà
  try {
    if (typesetter) typesetter.typeset(node);
    else mathJax?.typesetPromise?.([...node.querySelectorAll(".lsnb-math")]);
  } catch {
    // The source stays.
  }
}
