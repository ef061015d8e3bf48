// Where what opens at a button stands: below it, or above where there is more room.

/**
 * @param {HTMLElement} element
 * @param {HTMLElement} opener
 * @param {HTMLElement} root
 */
export function place(element, opener, root) {
  root.append(element);
  const box = root.getBoundingClientRect();
  const from = opener.getBoundingClientRect();
  const width = element.offsetWidth;
  element.style.left = `${Math.max(8, Math.min(from.left - box.left, box.width - width - 8))}px`;
  const below = from.bottom - box.top + 4;
  const room = box.height - below - 8;
  if (room > 180) {
    element.style.top = `${below}px`;
    element.style.maxHeight = `${room}px`;
  } else {
    element.style.bottom = `${box.bottom - from.top + 4}px`;
    element.style.maxHeight = `${from.top - box.top - 12}px`;
  }
}
