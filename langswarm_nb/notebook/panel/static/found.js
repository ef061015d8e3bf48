// A message that a search led to: in view, with the focus, and with the words that were looked for marked.

const NAME = "lsnb-found";
const MAX_MARKS = 200;

/**
 * @param {HTMLElement} log
 * @param {HTMLElement} node
 * @param {string} typed
 */
export function showFound(log, node, typed) {
  const details = node.querySelector(":scope > details:not(.lsnb-thinking)");
  if (details instanceof HTMLDetailsElement) details.open = true;
  const marks = markWords(node, typed);
  const at = marks[0]?.getBoundingClientRect() ?? node.getBoundingClientRect();
  const box = log.getBoundingClientRect();
  log.scrollTop += at.top - box.top - box.height / 3;
  node.classList.add(NAME);
  node.focus({ preventScroll: true });
  node.addEventListener("focusout", () => node.classList.remove(NAME), { once: true });
}

/**
 * Mark words without touching what holds them, where the browser can (all do since 2025).
 * @param {HTMLElement} node
 * @param {string} typed
 * @returns {Range[]}
 */
function markWords(node, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  /** @type {Range[]} */
  const ranges = [];
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && ranges.length < MAX_MARKS) {
    const text = /** @type {Text} */ (walker.currentNode);
    const lower = text.data.toLowerCase();
    if (lower.length !== text.data.length || text.parentElement?.closest("button, .lsnb-foot")) continue;
    for (const word of words) {
      for (let start = lower.indexOf(word); start >= 0; start = lower.indexOf(word, start + word.length)) {
        const range = document.createRange();
        range.setStart(text, start);
        range.setEnd(text, start + word.length);
        ranges.push(range);
      }
    }
  }
  if (CSS.highlights) CSS.highlights.set(NAME, new Highlight(...ranges));
  return ranges;
}
