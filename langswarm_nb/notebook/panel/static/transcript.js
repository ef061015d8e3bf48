// The conversation: keeps the messages in step with the transcript, and your place in it.

import { createDays } from "./days.js";
import { h, icon, textButton } from "./dom.js";
import { showFound } from "./found.js";
import { createLive } from "./live.js";
import { typeset } from "./math.js";
import { failureNode, messageNode } from "./message.js";

const AT_BOTTOM_PX = 40;

/**
 * @param {import("./types").Context} context
 * @param {import("./message.js").MessageActions} actions
 * @param {HTMLElement} greeting what an empty conversation shows
 */
export function createTranscript(context, actions, greeting) {
  const { model, pictures, signal } = context;
  const earlier = textButton("Earlier messages", showEarlier, { class: "lsnb-button lsnb-earlier" });
  const list = h("div", { class: "lsnb-list" });
  const days = createDays();
  const log = h(
    "div",
    // Settled blocks are announced one by one, so the log itself is quiet.
    { class: "lsnb-log", role: "log", tabIndex: 0, "aria-label": "Conversation", "aria-live": "off" },
    earlier,
    greeting,
    list,
  );
  const jump = textButton("New text", jumpToBottom, { class: "lsnb-button lsnb-jump", hidden: true });
  jump.append(icon("down"));
  const element = h("div", { class: "lsnb-transcript" }, log, jump);

  /** @type {Map<string, { item: import("./types").Item, node: HTMLElement, raw: boolean }>} */
  const shown = new Map();
  /** Ids of messages shown as raw text. @type {Set<string>} */
  const raw = new Set();
  let live = createLive(context);
  /** A message on its way to the kernel, and the question that was the last one then. */
  /** @type {{ node: HTMLElement, after: string | undefined } | null} */
  let pending = null;
  /** What is below a question that nobody is answering. @type {{ node: HTMLElement, item: import("./types").Item } | null} */
  let unanswered = null;
  let wasAnswering = false;
  let follows = true;
  /** Where the view was when it was last looked at, and how long the text was. */
  let place = { top: 0, height: 0 };

  const lastQuestion = () => model.get("transcript").messages.findLast((item) => item.role === "user")?.id;
  const isAtBottom = () => log.scrollHeight - log.scrollTop - log.clientHeight < AT_BOTTOM_PX;

  function toBottom() {
    follows = true;
    jump.hidden = true;
    log.scrollTop = log.scrollHeight;
    place = { top: log.scrollTop, height: log.scrollHeight };
  }

  function jumpToBottom() {
    toBottom();
    log.focus({ preventScroll: true }); // the button is gone
  }

  /** @param {import("./types").Item} item */
  function nodeOf(item) {
    const known = shown.get(item.id);
    if (known && known.item === item && known.raw === raw.has(item.id)) return known.node;
    const isRaw = raw.has(item.id);
    const node = messageNode(item, actions, { raw: isRaw, pictures, body: isRaw ? null : bodyOf(item) });
    shown.set(item.id, { item, node, raw: raw.has(item.id) });
    queueMicrotask(() => typeset(model, node)); // when it is in the page
    return node;
  }

  /**
   * Return the text of a message as the page has it already.
   * @param {import("./types").Item} item
   * @returns {HTMLElement | null}
   */
  function bodyOf(item) {
    const known = shown.get(item.id);
    if (!known) return live.give(item);
    return known.item.html === item.html ? known.node.querySelector(":scope > .lsnb-body") : null;
  }

  function show() {
    const { messages, earlier: before, live: now } = model.get("transcript");
    const refocus = focusKeeper(list);
    const dates = days.before(messages);
    const nodes = messages.flatMap((item, n) => [dates[n] ?? [], nodeOf(item)].flat());
    const ids = new Set(messages.map((item) => item.id));
    for (const id of shown.keys()) if (!ids.has(id)) shown.delete(id);
    if (pending && lastQuestion() !== pending.after) pending = null;
    if (now) {
      live.show(now);
      nodes.push(live.element);
    } else if (wasAnswering) {
      live = createLive(context);
    }
    if (pending) nodes.push(pending.node);
    const last = messages.at(-1);
    if (last?.role !== "user" || last.hidden || now || pending || model.get("busy")) unanswered = null;
    else if (unanswered?.item !== last) {
      unanswered = { node: failureNode("No reply to this is stored.", last, actions), item: last };
    }
    if (unanswered) nodes.push(unanswered.node);
    reconcile(list, nodes);
    refocus();
    earlier.hidden = before === 0;
    earlier.textContent = `Earlier messages (${before})`;
    greeting.hidden = nodes.length > 0;
    if (wasAnswering && !now) context.announce(ending(last));
    wasAnswering = Boolean(now);
    if (follows) toBottom();
    else jump.hidden = isAtBottom();
  }

  async function showEarlier() {
    const height = log.scrollHeight;
    const first = list.firstElementChild;
    follows = false;
    const hadFocus = document.activeElement === earlier;
    await context.attempt("earlier");
    if (hadFocus && earlier.hidden) log.focus({ preventScroll: true });
    if (list.firstElementChild !== first) log.scrollTop += log.scrollHeight - height;
  }

  log.addEventListener("scroll", () => {
    // The event comes a frame late, when formulas may have grown below. Only who went up has left the end; where the
    // text became shorter, the browser moved the view.
    const wentUp = log.scrollTop < place.top && log.scrollHeight >= place.height;
    if (isAtBottom()) follows = true;
    else if (wentUp) follows = false;
    place = { top: log.scrollTop, height: log.scrollHeight };
    if (follows) jump.hidden = true;
  });
  // Text grows also when the panel gets narrower or a formula is typeset: whoever reads the end goes on reading it.
  const sizes = new ResizeObserver(() => follows && toBottom());
  sizes.observe(log);
  sizes.observe(list);
  let sessionId = model.get("info").sessionId;
  function changeSession() {
    if (model.get("info").sessionId !== sessionId) toBottom();
    sessionId = model.get("info").sessionId;
  }
  model.on("change:transcript", show);
  model.on("change:busy", show);
  model.on("change:info", changeSession);
  signal.addEventListener("abort", () => {
    model.off("change:transcript", show);
    model.off("change:busy", show);
    model.off("change:info", changeSession);
    sizes.disconnect();
  });
  show();

  return {
    element,
    log,
    /**
     * Show a message before the kernel has it.
     * @param {string} text
     * @param {import("./types").Chip[]} attached
     */
    expect(text, attached) {
      const node = messageNode(
        { id: "", role: "user", text, html: null, thinking: "", version: [1, 1, null, null], hidden: false, status: "ok", note: "sending…", error: "", at: null, attached: attached.length ? attached : undefined },
        actions,
        { raw: false, pictures },
      );
      node.classList.add("lsnb-pending");
      pending = { node, after: lastQuestion() };
      follows = true;
      show();
    },
    unexpect() {
      pending = null;
      show();
    },
    /**
     * Show a message that a search led to.
     * @param {string} id
     * @param {string} typed
     */
    reveal(id, typed) {
      const node = shown.get(id)?.node;
      if (!node) return;
      follows = false;
      showFound(log, node, typed);
      jump.hidden = isAtBottom();
    },
    /**
     * Scroll no further than to see all of what a reader works with; the end is not followed meanwhile.
     * @param {HTMLElement} node
     */
    bringIntoView(node) {
      const [box, view] = [node.getBoundingClientRect(), log.getBoundingClientRect()];
      follows = false;
      if (box.top < view.top) log.scrollTop -= view.top - box.top;
      else if (box.bottom > view.bottom) log.scrollTop += box.bottom - view.bottom;
    },
    /** @param {string} id */
    toggleRaw(id) {
      if (!raw.delete(id)) raw.add(id);
      show();
    },
    /** @param {string} id */
    isRaw: (id) => raw.has(id),
    /** @param {string} id */
    node: (id) => shown.get(id)?.node,
    /** @param {string} id */
    item: (id) => shown.get(id)?.item,
  };
}

/**
 * Make the children of `list` be `nodes`, moving as few as possible.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} nodes
 */
function reconcile(list, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...list.children]) {
    if (!wanted.has(/** @type {HTMLElement} */ (child))) child.remove();
  }
  let at = list.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else list.insertBefore(node, at);
  }
}

/**
 * Remember where the focus is; the function returned puts it at the same place when what had it is gone.
 * @param {HTMLElement} list
 */
function focusKeeper(list) {
  const had = /** @type {HTMLElement | null} */ (document.activeElement);
  const at = [...list.children].findIndex((child) => child.contains(had));
  return () => {
    if (at < 0 || had?.isConnected) return;
    const node = /** @type {HTMLElement | undefined} */ (list.children[Math.min(at, list.children.length - 1)]);
    const side = had?.dataset.version; // stepping through versions goes on with the same key
    const arrow = /** @type {HTMLElement | null} */ (side && node?.querySelector(`[data-version=${side}]:enabled`));
    (arrow || node)?.focus({ preventScroll: true });
  };
}

/** @param {import("./types").Item | undefined} item */
function ending(item) {
  if (item?.role === "user") return "No reply is stored.";
  if (item?.status === "error") return `The reply failed. ${item.error}`;
  return item?.status === "stopped" ? "Answer stopped." : "Answer complete.";
}
