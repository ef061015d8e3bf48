// Files that are dropped on the panel or pasted into it.

import { h } from "./dom.js";

/** Where something else is written or chosen. */
const ELSEWHERE = "dialog, .lsnb-picker, .lsnb-menu, .lsnb-editor";

/**
 * @param {HTMLElement} root
 * @param {{ files(files: File[]): void, text(text: string): void }} take
 */
export function acceptDrops(root, take) {
  const zone = h("div", { class: "lsnb-drop", hidden: true }, "Drop files to attach them");
  root.append(zone);
  const has = (/** @type {DragEvent} */ event, /** @type {string} */ type) => Boolean(event.dataTransfer?.types.includes(type));
  const isElsewhere = (/** @type {Event} */ event) => event.target instanceof Element && Boolean(event.target.closest(ELSEWHERE));
  /** A box takes text by itself, where the pointer is. */
  const isBox = (/** @type {Event} */ event) => event.target instanceof Element && event.target.matches("textarea, input");

  /** @param {DragEvent} event */
  function over(event) {
    if (isElsewhere(event) || !event.dataTransfer) return;
    const files = has(event, "Files");
    if (!files && (isBox(event) || !has(event, "text/plain"))) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
    zone.hidden = !files;
  }
  root.addEventListener("dragenter", over);
  root.addEventListener("dragover", over);
  root.addEventListener("dragleave", (event) => {
    if (!root.contains(/** @type {Node | null} */ (event.relatedTarget))) zone.hidden = true;
  });
  root.addEventListener("drop", (event) => {
    zone.hidden = true;
    if (isElsewhere(event) || !event.dataTransfer) return;
    const files = [...event.dataTransfer.files];
    if (!files.length && isBox(event)) return;
    event.preventDefault();
    event.stopPropagation();
    if (files.length) take.files(files);
    else if (!has(event, "Files")) take.text(event.dataTransfer.getData("text/plain"));
  });
  root.addEventListener("paste", (event) => {
    const data = event.clipboardData;
    if (!data?.files.length || isElsewhere(event)) return;
    // Cells of a spreadsheet and rich text come with a picture of themselves; they are meant as text.
    if (data.types.includes("text/plain") && data.types.includes("text/html")) return;
    event.preventDefault();
    event.stopPropagation();
    take.files([...data.files]);
  });
}
