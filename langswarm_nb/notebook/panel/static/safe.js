// The one door for HTML. It comes from the renderer in Python, which made it safe;
// it is looked at once more because what is saved in a notebook file may have been changed there.

const TAGS = new Set(
  ("p br strong em s sup details summary code pre ul ol li a blockquote h1 h2 h3 h4 h5 h6 hr div span " +
    "table thead tbody tr th td").split(" "),
);
/** @type {Record<string, string[]>} */
const ATTRIBUTES = {
  "*": ["class", "dir"],
  a: ["href", "title"],
  ol: ["start"],
  span: ["title"],
  th: ["align", "scope"],
  td: ["align"],
};
const CLASS =
  /^lsnb-([bcfkmns]|code|lang|math|table|task|tex|target|image|text|cite|vendor|sources|note|rows|value|at|none|short|nested)$/;
const LINK = /^(https?:|mailto:)/i;
const GONE = /^(script|style|template|iframe|frame|object|embed|noscript|svg|math|head|title)$/i;

/**
 * Return nodes for safe HTML; what is not on the list is left out, its text stays.
 * @param {string} html
 * @returns {DocumentFragment}
 */
export function safeNodes(html) {
  // A document of its own runs no script and loads nothing.
  const parsed = new DOMParser().parseFromString(html, "text/html").body;
  for (const node of [...parsed.querySelectorAll("*")]) check(node);
  const fragment = document.createDocumentFragment();
  fragment.append(...parsed.childNodes);
  return fragment;
}

/** @param {Element} node */
function check(node) {
  const tag = node.localName;
  if (!TAGS.has(tag) || node.namespaceURI !== "http://www.w3.org/1999/xhtml") {
    if (GONE.test(tag)) node.remove();
    else node.replaceWith(...node.childNodes);
    return;
  }
  for (const { name, value } of [...node.attributes]) {
    const known = ATTRIBUTES["*"].includes(name) || ATTRIBUTES[tag]?.includes(name);
    if (!known || (name === "href" && !LINK.test(value)) || (name === "class" && !value.split(" ").every((each) => CLASS.test(each)))) {
      node.removeAttribute(name);
    }
  }
  if (tag === "a") {
    node.setAttribute("rel", "noopener noreferrer nofollow");
    node.setAttribute("target", "_blank");
  }
}
