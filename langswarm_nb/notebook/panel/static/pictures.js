// Small pictures of attachments: asked for when they come into view, kept by hash for as long as the panel is there.

import { h } from "./dom.js";

/** So many are kept; of those beyond, the ones that are not in the page are let go. */
const KEPT = 200;

/**
 * @param {import("./types").Link} link
 * @param {AbortSignal} signal
 * @returns {import("./types").Pictures}
 */
export function createPictures(link, signal) {
  /** Addresses by hash, the oldest first; null where there is no picture. @type {Map<string, Promise<string | null>>} */
  const known = new Map();
  /** @type {WeakMap<Element, string>} */
  const wanted = new WeakMap();
  const views = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      views.unobserve(target);
      put(/** @type {HTMLElement} */ (target), /** @type {string} */ (wanted.get(target)));
    }
  });

  /** @param {HTMLElement} box @param {string} hash */
  async function put(box, hash) {
    const url = await addressOf(hash);
    if (url) box.replaceChildren(h("img", { src: url, alt: "", decoding: "async", draggable: false }));
  }

  /** @param {string} hash */
  function addressOf(hash) {
    const found = known.get(hash) ?? ask(hash);
    known.delete(hash);
    known.set(hash, found);
    for (const old of [...known.keys()].slice(0, Math.max(0, known.size - KEPT))) forget(old);
    return found;
  }

  /** @param {string} hash */
  async function ask(hash) {
    try {
      const { mediaType, buffers } = await link.ask("thumbnail", { hash });
      return buffers ? URL.createObjectURL(new Blob(buffers, { type: mediaType })) : null;
    } catch {
      known.delete(hash); // it may be there the next time
      return null;
    }
  }

  /** @param {string} hash */
  async function forget(hash) {
    const address = known.get(hash);
    known.delete(hash);
    const url = await address;
    if (url) URL.revokeObjectURL(url); // what is in the page keeps its picture
  }

  signal.addEventListener("abort", () => {
    views.disconnect();
    for (const hash of [...known.keys()]) forget(hash);
  });
  return {
    show(box, hash) {
      wanted.set(box, hash);
      views.observe(box);
    },
  };
}
