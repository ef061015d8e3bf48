// Boxes to write in: how high they are, and what Enter means there.

/** A text that fills every box; measuring a pasted book takes long. */
const LONG_CHARS = 20_000;

/**
 * Whether a key belongs to an input method; Safari reports the last one by its code alone.
 * @param {KeyboardEvent} event
 */
export const isComposing = (event) => event.isComposing || event.keyCode === 229;

/**
 * Whether Enter, pressed so, sends.
 * @param {import("./types").Model} model
 * @param {KeyboardEvent} event
 */
export const sends = (model, event) => (model.get("enter_sends") ? !event.shiftKey : event.ctrlKey || event.metaKey);

/**
 * Make a text box as high as its text, up to a number of lines; it scrolls then.
 * @param {HTMLTextAreaElement} box
 * @param {number} lines
 */
export function fit(box, lines) {
  const most = (parseFloat(getComputedStyle(box).lineHeight) || 20) * lines + 16;
  box.style.height = "auto";
  const needed = box.value.length > LONG_CHARS ? most : box.scrollHeight + 2;
  box.style.height = `${Math.min(needed, most)}px`;
}
