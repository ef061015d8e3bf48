// What you can do with a message: one toolbar, which moves to the message under the pointer or with the focus.

import { copy } from "./blocks.js";
import { fit, isComposing, sends } from "./box.js";
import { copyFallbackNotice, insertCell } from "./cells.js";
import { keepable } from "./chips.js";
import { h, iconButton, textButton } from "./dom.js";
import { openPicker } from "./picker.js";

const EDITOR_LINES = 12;
const LINE_PX = 22;
/** Of the buttons below the box, and the space around. */
const BESIDE_PX = 72;

/**
 * @param {import("./types").Context} context
 * @param {ReturnType<typeof import("./transcript.js").createTranscript>} transcript
 * @param {{
 *   models(): Promise<import("./types").Choice[]>,
 *   focusComposer(): void,
 *   regenerate(item: import("./types").Item, model?: string): void,
 * }} panel
 */
export function createToolbar(context, transcript, panel) {
  const { log } = transcript;
  const element = h("div", { class: "lsnb-toolbar", role: "toolbar", "aria-label": "Message actions" });
  /** @type {HTMLElement | null} */
  let at = null;

  /** @param {EventTarget | null} target */
  function show(target) {
    const message = target instanceof Element ? target.closest(".lsnb-message[data-id]") : null;
    const item = message && transcript.item(/** @type {HTMLElement} */ (message).dataset.id ?? "");
    if (!item || message === at || message.querySelector(".lsnb-editor")) return;
    at = /** @type {HTMLElement} */ (message);
    element.replaceChildren(...buttons(item));
    at.querySelector(":scope > .lsnb-foot")?.append(element);
  }

  /** @param {import("./types").Item} item */
  function buttons(item) {
    const { attempt } = context;
    const code = at?.querySelector(".lsnb-code pre")?.textContent;
    const isReply = item.role === "assistant";
    /** @type {(HTMLElement | false)[]} */
    const all = [
      iconButton("copy", "Copy", (event) => copy(item.text, /** @type {HTMLElement} */ (event.currentTarget))),
      Boolean(code) &&
        iconButton("code", "Copy code", (event) => copy(codes().join("\n\n"), /** @type {HTMLElement} */ (event.currentTarget))),
      Boolean(isReply) && iconButton("insert", "Insert as cell", () => insert(item)),
      item.role === "user" && iconButton("edit", "Edit", () => edit(item)),
      isReply && iconButton("again", "Regenerate", () => panel.regenerate(item)),
      isReply &&
        iconButton("down", "Regenerate with another model", (event) => regenerateWith(item, event), {
          "aria-haspopup": "listbox",
        }),
      iconButton("branch", "Branch here", () => attempt("branch", { id: item.id })),
      // A turn is hidden whole; a system prompt goes with its question.
      item.role !== "system" &&
        (item.hidden
          ? iconButton("show", "Show to model", () => attempt("hide", { id: item.id, hidden: false }))
          : iconButton("hide", "Hide from model", () => attempt("hide", { id: item.id, hidden: true }))),
      iconButton("raw", "Raw text", () => transcript.toggleRaw(item.id), { "aria-pressed": transcript.isRaw(item.id) }),
    ];
    return /** @type {HTMLElement[]} */ (all.filter(Boolean));
  }

  const codes = () => [...(at?.querySelectorAll(".lsnb-code pre") ?? [])].map((pre) => pre.textContent ?? "");

  /** @param {import("./types").Item} item */
  async function insert(item) {
    const blocks = codes();
    const text = blocks.length ? blocks.join("\n\n") : item.text;
    const done = await insertCell(context.model, text, blocks.length ? "code" : "markdown");
    context.notice(done ? "Inserted below. Nothing was run." : await copyFallbackNotice(text));
  }

  /** @param {import("./types").Item} item @param {MouseEvent} event */
  function regenerateWith(item, event) {
    openPicker(/** @type {HTMLElement} */ (event.currentTarget), {
      label: "Model",
      free: true,
      choices: panel.models,
      choose: (model) => panel.regenerate(item, model),
    });
  }

  /** @param {import("./types").Item} item */
  function edit(item) {
    const node = transcript.node(item.id);
    if (!node) return;
    const box = h("textarea", { class: "lsnb-box", value: item.text, "aria-label": "Edit message", rows: 3 });
    const close = () => {
      editor.remove();
      node.classList.remove("lsnb-editing");
      node.focus();
    };
    const attached = item.attached ?? [];
    /** Numbers of attachments that the new version is to go without. @type {number[]} */
    const without = [];
    const list = keepable(attached, context.pictures, (number) => {
      without.push(number);
      context.announce(`${attached[number].name} removed`);
    }, () => box.focus());
    const save = async () => {
      if ((!box.value.trim() && without.length === attached.length) || box.readOnly) return;
      box.readOnly = true;
      const content = { id: item.id, text: box.value };
      const done = await context.attempt("edit", without.length ? { ...content, without } : content);
      box.readOnly = false;
      if (!done) return;
      close();
      panel.focusComposer();
    };
    const room = Math.floor((log.clientHeight - BESIDE_PX) / LINE_PX);
    const grow = () => fit(box, Math.max(1, Math.min(EDITOR_LINES, room)));
    box.addEventListener("input", grow);
    box.addEventListener("keydown", (event) => {
      if (isComposing(event)) return;
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && sends(context.model, event)) {
        event.preventDefault();
        save();
      }
    });
    const editor = h(
      "div",
      { class: "lsnb-editor" },
      attached.length > 0 && list,
      box,
      h("div", { class: "lsnb-row" }, textButton("Send as new version", save, { class: "lsnb-button lsnb-primary" }), textButton("Cancel", close)),
    );
    element.remove();
    at = null;
    node.classList.add("lsnb-editing");
    node.append(editor);
    grow();
    box.focus({ preventScroll: true });
    box.setSelectionRange(box.value.length, box.value.length);
    transcript.bringIntoView(editor);
  }

  let pointer = "";
  /** @param {PointerEvent} event */
  const hasMoved = ({ screenX, screenY }) => pointer !== (pointer = `${screenX} ${screenY}`);
  log.addEventListener("pointermove", hasMoved);
  log.addEventListener("pointerover", (event) => {
    // Keys scroll messages under a pointer that rests; the toolbar stays where the focus is.
    const moved = hasMoved(event);
    if (!element.querySelector(":focus-visible") && (moved || !log.querySelector(".lsnb-message:focus-visible"))) {
      show(event.target);
    }
  });
  log.addEventListener("focusin", (event) => show(event.target));
  log.addEventListener("keydown", (event) => {
    if (event.target === log || event.target === at) walk(event);
    else if (element.contains(/** @type {Node} */ (event.target))) alongToolbar(event);
  });

  /** @param {KeyboardEvent} event up and down go from message to message */
  function walk(event) {
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!way) return;
    const messages = /** @type {HTMLElement[]} */ ([...log.querySelectorAll(".lsnb-message[data-id]")]);
    const now = messages.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = now < 0 ? messages.at(-1) : messages[now + way];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  /** @param {KeyboardEvent} event left and right go along the toolbar */
  function alongToolbar(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") at?.focus();
    if (!way) return;
    const all = /** @type {HTMLElement[]} */ ([...element.children]);
    const next = all[all.indexOf(/** @type {HTMLElement} */ (event.target)) + way];
    next?.focus();
    event.preventDefault();
  }
  return { hide: () => element.remove() };
}
