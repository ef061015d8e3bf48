// Where you write: Enter sends, Shift+Enter starts a new line, one button sends and stops.

import { fit, isComposing, sends } from "./box.js";
import { h, icon, iconButton } from "./dom.js";
import { createTray } from "./tray.js";

const MAX_LINES = 8;

/**
 * @param {import("./types").Context} context
 * @param {{ sent(text: string, attached: import("./types").Chip[]): void, withdrawn(): void }} on
 */
export function createComposer(context, on) {
  const { model, link, signal } = context;
  const box = h("textarea", { class: "lsnb-box", rows: 1, placeholder: "Message", "aria-label": "Message" });
  const button = h("button", { type: "button", class: "lsnb-button lsnb-send" });
  const hint = h("span", { class: "lsnb-hint", id: `lsnb-hint-${Math.random().toString(36).slice(2)}` });
  box.setAttribute("aria-describedby", hint.id);
  const tray = createTray(context, { changed: trayChanged, left: () => box.focus() });
  const chooser = h("input", { type: "file", multiple: true, hidden: true, tabIndex: -1, "aria-label": "Files to attach" });
  const attaches = iconButton("attach", "Attach files", () => chooser.click(), { class: "lsnb-button lsnb-icon-button lsnb-attach" });
  const element = h("div", { class: "lsnb-composer" }, tray.element, h("div", { class: "lsnb-writing" }, attaches, box, button), hint, chooser);
  const history = createRecall(model, box, changed);
  /** A message on its way that the kernel has not confirmed. */
  let sending = false;
  /** Whether it is to be sent as soon as everything is attached. */
  let waits = false;
  /** The message that was taken back because the kernel kept silent. @type {{ text: string, ids: string, key: string } | null} */
  let withdrawn = null;
  /** Whether the button has been pressed to stop. */
  let stopping = false;
  let sessionId = model.get("info").sessionId;
  /** What is kept of the text. */
  let draft = "";

  const isBusy = () => sending || model.get("busy");
  /** A cell's answer does not keep its reader from writing: it can be stopped while the box is empty. */
  const isCellAnswering = () => Boolean(model.get("transcript").live?.foreign) && !model.get("gone");
  const stops = () => isBusy() || (isCellAnswering() && !box.value.trim());

  function changed() {
    fit(box, MAX_LINES);
    show();
    remember(sessionId, box.value, draft);
    draft = box.value;
  }

  /** Each session has a draft of its own. */
  function changeSession() {
    if (model.get("info").sessionId === sessionId) return;
    sessionId = model.get("info").sessionId;
    box.value = draft = remembered(sessionId);
    waits = false;
    tray.show();
    changed();
  }

  /** @param {File[]} files */
  function attach(files) {
    tray.add(files);
    box.focus();
  }

  function show() {
    const busy = stops();
    if (!isBusy() && !isCellAnswering()) stopping = false;
    const label = busy ? "Stop" : "Send";
    if (button.dataset.does !== label.toLowerCase()) button.replaceChildren(icon(busy ? "stop" : "send"));
    button.title = busy ? "Stop (Esc)" : model.get("enter_sends") ? "Send (Enter)" : "Send (Ctrl+Enter)";
    button.setAttribute("aria-label", label);
    button.dataset.does = label.toLowerCase();
    button.disabled = busy ? stopping : !(box.value.trim() || tray.attached().length || tray.coming().length);
    hint.textContent = model.get("enter_sends")
      ? "Enter sends, Shift+Enter adds a line"
      : "Ctrl+Enter sends, Enter adds a line";
  }

  /** Something came to be attached, or was taken away. */
  function trayChanged() {
    if (waits && !tray.coming().length) {
      waits = false;
      if (tray.failed().length) context.notice("Not sent: not everything could be attached.");
      else send();
    }
    show();
  }

  async function send() {
    const [text, attached] = [box.value, tray.attached()];
    if (isBusy()) return;
    if (tray.coming().length) {
      waits = true;
      context.notice("This will be sent when everything is attached.");
      return;
    }
    if (!text.trim() && !attached.length) return;
    const ids = attached.map(({ id }) => id).join();
    const isSame = withdrawn?.text === text && withdrawn.ids === ids;
    const key = withdrawn && isSame ? withdrawn.key : Math.random().toString(36).slice(2);
    sending = true;
    box.value = "";
    changed();
    tray.hide(attached);
    on.sent(text, attached);
    box.focus();
    let lost = false;
    const takeBack = () => {
      lost = true;
      withdrawn = { text, ids, key };
      giveBack(text, attached);
    };
    try {
      const content = attached.length ? { text, key, attached: attached.map(({ id }) => id) } : { text, key };
      await link.ask("send", content, takeBack);
      withdrawn = null;
      tray.clearFailed();
      if (lost && box.value === text) box.value = ""; // the kernel was busy and has it after all
    } catch (error) {
      withdrawn = null;
      giveBack(text, attached);
      context.fail(/** @type {Error} */ (error).message);
    }
    sending = false;
    changed();
    show();
  }

  /** @param {string} text @param {import("./types").DraftChip[]} attached */
  function giveBack(text, attached) {
    sending = false;
    if (!box.value) box.value = text;
    tray.giveBack(attached);
    on.withdrawn();
    changed();
    show();
  }

  function stop() {
    if (waits) {
      waits = false;
      context.notice("Not sent. What is attached stays.");
    }
    if ((!isBusy() && !isCellAnswering()) || stopping) return;
    stopping = true;
    show();
    const again = () => {
      stopping = false;
      show();
    };
    link.ask("stop", {}, again).catch((error) => context.fail(error.message));
    box.focus();
  }

  button.addEventListener("click", (event) => {
    if (event.detail > 1) return; // the second half of a double click
    if (stops()) stop();
    else send();
  });
  chooser.addEventListener("change", () => {
    attach([...(chooser.files ?? [])]);
    chooser.value = ""; // the same file may be chosen again
  });
  box.addEventListener("input", () => {
    waits = false; // it is still being written
    changed();
  });
  box.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    if (event.key === "Backspace" && !box.value && !event.repeat && tray.focusLast()) {
      event.preventDefault();
      return;
    }
    if (event.key === "Enter" && sends(model, event)) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      if (history.step(event.key === "ArrowUp" ? -1 : 1)) event.preventDefault();
    }
  });
  model.on("change:info", changeSession);
  model.on("change:busy", show);
  model.on("change:transcript", show);
  model.on("change:enter_sends", show);
  signal.addEventListener("abort", () => {
    model.off("change:info", changeSession);
    model.off("change:busy", show);
    model.off("change:transcript", show);
    model.off("change:enter_sends", show);
  });
  box.value = draft = remembered(sessionId);
  show();
  requestAnimationFrame(changed);
  return {
    element,
    focus: () => box.focus(),
    stop,
    attach,
    /** @param {string} text put behind what is written */
    append(text) {
      box.value += box.value && !/\s$/.test(box.value) ? ` ${text}` : text;
      changed();
      box.focus();
    },
    /** @param {string} text put into the box, to be changed and sent */
    fill(text) {
      box.value = text;
      changed();
      box.focus();
    },
  };
}

/**
 * Go through the reader's own messages with the arrow keys, starting in an empty box.
 * @param {import("./types").Model} model
 * @param {HTMLTextAreaElement} box
 * @param {() => void} changed
 */
function createRecall(model, box, changed) {
  let at = 0; // how many messages back
  let shown = "";
  return {
    /** @param {-1 | 1} way */
    step(way) {
      if (box.value !== shown) at = 0;
      if (box.value && at === 0) return false;
      const mine = model.get("transcript").messages.filter((item) => item.role === "user" && item.text);
      const next = at - way;
      if (next < 0 || next > mine.length) return false;
      at = next;
      shown = at ? mine[mine.length - at].text : "";
      box.value = shown;
      changed();
      return true;
    },
  };
}

/** The draft stays in this tab of the browser, so that it survives a reload and a dead kernel. */
/** @param {string} sessionId */
const draftKey = (sessionId) => `lsnb-draft-${sessionId}`;

/**
 * @param {string} sessionId
 * @param {string} text
 * @param {string} before what was kept for this box; an empty box takes no other panel's draft away
 */
function remember(sessionId, text, before) {
  const key = draftKey(sessionId);
  try {
    if (text) sessionStorage.setItem(key, text);
    else if (sessionStorage.getItem(key) === before) sessionStorage.removeItem(key);
  } catch {
    // No storage in this frame: the draft lives as long as the box.
  }
}

/** @param {string} sessionId */
function remembered(sessionId) {
  try {
    return sessionStorage.getItem(draftKey(sessionId)) ?? "";
  } catch {
    return "";
  }
}
