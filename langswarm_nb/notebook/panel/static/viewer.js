// One attachment by itself: its image as large as possible, what is known about it, and a way to save it.

import { overPanel } from "./dialog.js";
import { h, textButton, visible } from "./dom.js";

const LASTS_MS = 60_000;

/**
 * @param {import("./types").Context} context
 * @param {HTMLElement} root
 * @param {import("./types").Chip} chip
 */
export function openViewer(context, root, chip) {
  const opener = /** @type {HTMLElement | null} */ (document.activeElement);
  const state = h("p", { class: "lsnb-note", role: "status" });
  const place = h("div", { class: "lsnb-viewer-picture", hidden: !chip.picture });
  /** The bytes are fetched once. @type {Promise<Blob | null> | null} */
  let bytes = null;
  /** @type {string | null} */
  let url = null;

  function load() {
    state.textContent = "Loading…";
    bytes ??= context.link.ask("bytes", { hash: chip.hash }).then(
      ({ mediaType, buffers }) => {
        state.textContent = "";
        return new Blob(buffers, { type: mediaType });
      },
      (error) => {
        bytes = null;
        state.textContent = error.message || "The kernel of this panel has ended.";
        return null;
      },
    );
    return bytes;
  }

  async function showPicture() {
    const blob = await load();
    if (!blob || !dialog.isConnected) return;
    url = URL.createObjectURL(blob);
    const img = h("img", { src: url, alt: visible(chip.name) });
    img.addEventListener("load", () => overPanel(dialog, root));
    img.addEventListener("error", () => {
      img.remove();
      state.textContent = "This image cannot be shown here.";
    });
    place.replaceChildren(img);
  }

  async function save() {
    const blob = await load();
    if (!blob) return;
    const address = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
    h("a", { href: address, download: fileName(chip.name) }).click();
    setTimeout(() => URL.revokeObjectURL(address), LASTS_MS);
  }

  const close = () => {
    dialog.close();
    dialog.remove();
    if (url) URL.revokeObjectURL(url);
    opener?.focus({ preventScroll: true });
  };
  const leave = textButton("Close", close);
  const dialog = h(
    "dialog",
    { class: "lsnb-dialog lsnb-viewer", "aria-label": visible(chip.name) },
    h("h2", {}, h("bdi", {}, chip.name)),
    chip.facts && h("p", { class: "lsnb-note" }, [chip.facts, chip.note].filter(Boolean).join(" · ")),
    place,
    state,
    h("div", { class: "lsnb-row" }, textButton("Save", save, { class: "lsnb-button lsnb-primary" }), leave),
  );
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && close()); // beside it
  root.append(dialog);
  dialog.showModal();
  overPanel(dialog, root);
  leave.focus();
  if (chip.picture) showPicture();
}

/**
 * A name that is one, wherever it is saved.
 * @param {string} name
 */
const fileName = (name) => visible(name).replace(/[\\/:*?"<>|]+/g, "-").slice(-120) || "attachment";
