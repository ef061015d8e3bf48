// The chat panel: puts its parts together. The parts share a context and know the model, not each other.

import { createArchived } from "./archived.js";
import { createComposer } from "./composer.js";
import { h, visible } from "./dom.js";
import { acceptDrops } from "./dropping.js";
import { createFooter } from "./footer.js";
import { createGreeting } from "./greeting.js";
import { createHeader } from "./header.js";
import { createLink } from "./link.js";
import { createNotices } from "./notice.js";
import { createPictures } from "./pictures.js";
import { initialize } from "./store.js";
import { createToolbar } from "./toolbar.js";
import { createTranscript } from "./transcript.js";
import { hideTwin } from "./twin.js";
import { openViewer } from "./viewer.js";

const HELLO_AFTER_MS = 700;
const ANNOUNCED_CHARS = 500;

/** @param {{ model: import("./types").Model, el: HTMLElement }} view */
function render({ model, el }) {
  const stop = new AbortController();
  const { signal } = stop;
  const notices = createNotices(() => composer.focus());
  const link = createLink(model, signal, notices.kernelState);
  const announcer = h("div", { class: "lsnb-unseen", role: "status", "aria-live": "polite" });

  /** @type {import("./types").Context} */
  const context = {
    model,
    link,
    signal,
    pictures: createPictures(link, signal),
    notice: notices.say,
    fail: notices.fail,
    announce(text) {
      announcer.textContent = visible(text.slice(0, ANNOUNCED_CHARS));
    },
    async attempt(type, content) {
      try {
        return (await link.ask(type, content)) ?? {};
      } catch (error) {
        notices.fail(/** @type {Error} */ (error).message);
        return undefined;
      }
    },
  };

  const header = createHeader(context, () => root, (id, typed) => transcript.reveal(id, typed));
  const greeting = createGreeting(context, { suggest: (text) => composer.fill(text), chooseModel: header.chooseModel });
  const actions = {
    async version(/** @type {string} */ id) {
      const done = await context.attempt("version", { id });
      if (done?.told) context.notice(done.told); // another branch, turns that come back
    },
    retry: (/** @type {import("./types").Item} */ item) => regenerate(item),
    open: (/** @type {import("./types").Chip} */ chip) => openViewer(context, root, chip),
  };
  const transcript = createTranscript(context, actions, greeting);
  const composer = createComposer(context, { sent: transcript.expect, withdrawn: transcript.unexpect });
  /** @param {import("./types").Item} item @param {string} [other] another model */
  async function regenerate(item, other) {
    await context.attempt("regenerate", other ? { id: item.id, model: other } : { id: item.id });
    composer.focus(); // as after a send
  }
  createToolbar(context, transcript, { models: header.models, focusComposer: composer.focus, regenerate });
  const root = h(
    "section",
    { class: "lsnb-panel", "aria-label": "Chat" },
    header.element,
    transcript.element,
    createArchived(context),
    notices.element,
    composer.element,
    createFooter(context).element,
    announcer,
  );
  // The front end's shortcuts would take keys that are meant for the panel. JupyterLab sees only events that go on to
  // the document; Notebook 7 sees them first, and leaves those alone whose target has Lumino's attribute.
  root.addEventListener("focusin", (event) => {
    /** @type {Element} */ (event.target).setAttribute("data-lm-suppress-shortcuts", "true");
  });
  acceptDrops(root, { files: composer.attach, text: composer.append });
  root.addEventListener("keydown", (event) => {
    const isOver = root.querySelector("dialog, .lsnb-picker, .lsnb-menu"); // there, Escape has another meaning
    if (event.key === "Escape" && !isOver) composer.stop();
    event.stopPropagation();
  });

  const dress = () => {
    root.dataset.theme = model.get("theme");
    root.dataset.busy = String(model.get("busy"));
    root.style.height = model.get("height");
  };
  const problem = () => notices.fail(model.get("problem"));
  /** @type {[string, () => void][]} */
  const watched = [["change:theme", dress], ["change:height", dress], ["change:busy", dress], ["change:problem", problem]];
  for (const [event, run] of watched) model.on(event, run);
  dress();
  problem();
  el.append(root, hideTwin(model.get("panel_id")));

  // Makes the kernel answer once, so that it knows where later messages are to go (ipykernel 7.4), and fills gaps.
  // Nobody waits for the answer, so a busy kernel is not news; nor is one that was shut down since the panel was drawn.
  const greet = () => {
    try {
      model.send({ type: "hello", n: "hello", rev: model.get("transcript").rev, view: link.view });
    } catch (error) {
      console.debug("langswarm_nb: the kernel is gone", error);
    }
  };
  const hello = setTimeout(greet, HELLO_AFTER_MS);

  return () => {
    clearTimeout(hello);
    for (const [event, run] of watched) model.off(event, run);
    stop.abort();
    root.remove();
  };
}

export default { initialize, render };
