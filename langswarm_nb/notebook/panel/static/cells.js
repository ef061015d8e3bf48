// New cells in the notebook, where the front end lets a widget make them (JupyterLab and Notebook do).

import { toClipboard } from "./blocks.js";

/**
 * Insert a cell below the one that shows the panel; nothing is run.
 * @param {import("./types").Model} model
 * @param {string} source
 * @param {"code" | "markdown"} type
 * @returns {Promise<boolean>} false when this front end offers no way
 */
export async function insertCell(model, source, type) {
  try {
    const notebook = model.widget_manager.context.model.sharedModel;
    const at = cellOf(notebook, model.get("panel_id"));
    if (at === null) return false; // VS Code hands over a notebook that nobody sees
    notebook.insertCell(at + 1, { cell_type: type, source, metadata: {} });
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {any} notebook
 * @param {string} panelId
 * @returns {number | null}
 */
function cellOf(notebook, panelId) {
  const shows = (/** @type {any} */ output) =>
    output?.data?.["application/vnd.jupyter.widget-view+json"]?.model_id === panelId;
  const at = notebook.cells.findIndex(
    (/** @type {any} */ cell) => cell.cell_type === "code" && cell.getOutputs().some(shows),
  );
  return at < 0 ? null : at;
}

/**
 * Put the text on the clipboard instead, and return what to show the reader.
 * @param {string} text
 */
export async function copyFallbackNotice(text) {
  const copied = await toClipboard(text);
  return copied
    ? "No cell can be inserted from here. The text is copied: paste it into a cell."
    : "No cell can be inserted from here, and the text could not be copied.";
}
