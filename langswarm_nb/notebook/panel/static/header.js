// Above the conversation: the session, the branch, the model, how full the context is, and a menu.

import { copyFallbackNotice, insertCell } from "./cells.js";
import { askFor } from "./dialog.js";
import { h, icon, iconButton, textButton } from "./dom.js";
import { openMenu } from "./menu.js";
import { openPicker } from "./picker.js";

/**
 * @param {import("./types").Context} context
 * @param {() => HTMLElement} root
 * @param {(id: string, typed: string) => void} reveal shows a message that was found
 */
export function createHeader(context, root, reveal) {
  const { model, signal, attempt, notice } = context;
  const session = chooser("Session", () => openPicker(session, sessionPicker(context, root, reveal)));
  const branch = chooser("Branch", () => openPicker(branch, branchPicker()));
  const who = chooser("Model", () => openPicker(who, modelPicker()));
  const meter = h("span", { class: "lsnb-meter" });
  const more = iconButton("more", "More", () => openMenu(more, entries()), { "aria-haspopup": "menu", "aria-expanded": "false" });
  const element = h("header", { class: "lsnb-header" }, session, branch, who, h("span", { class: "lsnb-space" }), meter, more);

  const models = async () => (await attempt("models"))?.models ?? [];
  const modelPicker = () => ({
    label: "Model",
    free: true,
    choices: models,
    choose: (/** @type {string} */ value, /** @type {import("./types").Choice} */ { code }) =>
      code ? offerKey(code) : attempt("model", { model: value }),
  });
  /** @param {string} code the cell that asks for a key */
  function offerKey(code) {
    const run = async () => {
      const done = await insertCell(model, code, "code");
      notice(done ? "Inserted below. Run the cell, and choose a model then." : await copyFallbackNotice(code));
    };
    notice(`Run ${code} in a cell, then choose one of its models here.`, { label: "Insert the cell", run });
  }
  const branchPicker = () => ({
    label: "Branch",
    choices: async () =>
      model.get("info").branches.map((name) => ({ value: name, label: name, current: name === model.get("info").branch })),
    choose: (/** @type {string} */ name) => attempt("switch_branch", { name }),
  });

  function entries() {
    const info = model.get("info");
    return [
      { label: "System prompt…", run: () => editSystem() },
      { label: "Options…", run: () => editOptions() },
      { label: "Insert a frame cell", run: () => insertFrame() },
      ...info.exports.map((format) => ({ label: `Export as ${format}`, run: () => exportAs(format) })),
    ];
  }

  async function editSystem() {
    const hint = "Sent with every message from here on; leave it empty to send none.";
    const fields = [{ name: "text", label: "System prompt", value: model.get("info").system, kind: /** @type {const} */ ("long"), hint }];
    const values = await askFor(root(), "System prompt", fields, "Set");
    if (values) attempt("system", { text: values.text });
  }

  async function editOptions() {
    const fields = Object.entries(model.get("info").options).map(([name, value]) => ({
      name,
      label: name,
      value: value === null ? "" : String(value),
      kind: /** @type {const} */ ("number"),
      hint: "empty: not sent",
    }));
    const values = await askFor(root(), "Options", fields, "Set");
    if (values) attempt("options", { values });
  }

  async function insertFrame() {
    const answer = await attempt("frame");
    if (!answer) return;
    const done = await insertCell(model, answer.code, "code");
    notice(done ? "Inserted below. Run the cell to see the frame." : await copyFallbackNotice(answer.code));
  }

  /** @param {string} format */
  async function exportAs(format) {
    const answer = await attempt("export", { format });
    if (answer) notice(`Written to ${answer.path}`);
  }

  function show() {
    const info = model.get("info");
    const archived = info.archived ? " (archived)" : "";
    label(session, "Session", (info.title || info.name) + archived, info.title && `${info.name}: ${info.title}${archived}`);
    label(branch, "Branch", info.branch);
    branch.hidden = info.branches.length < 2;
    label(who, "Model", info.model);
    meter.textContent = info.contextLimit ? `${info.contextUsed}/${info.contextLimit}` : `${info.contextUsed} tok`;
    meter.title = "Tokens of the last request, and how many the model takes";
    meter.hidden = !info.contextUsed;
    meter.classList.toggle("lsnb-full", (info.contextShare ?? 0) > 0.9);
  }
  model.on("change:info", show);
  signal.addEventListener("abort", () => model.off("change:info", show));
  show();
  return { element, models, chooseModel: () => openPicker(who, modelPicker()) };
}

/**
 * @param {string} name
 * @param {() => void} open
 */
function chooser(name, open) {
  return h("button", {
    type: "button",
    class: `lsnb-button lsnb-chooser lsnb-chooser-${name.toLowerCase()}`,
    "aria-haspopup": "listbox",
    "aria-expanded": "false",
    onclick: open,
  });
}

/**
 * @param {HTMLElement} button
 * @param {string} name
 * @param {string} value
 * @param {string} [whole] more than there is room for
 */
function label(button, name, value, whole) {
  button.replaceChildren(h("span", { class: "lsnb-chooser-text" }, value), icon("down"));
  button.title = `${name}: ${whole || value}`;
  button.setAttribute("aria-label", `${name}: ${whole || value}`);
}

/**
 * @param {import("./types").Context} context
 * @param {() => HTMLElement} root
 * @param {(id: string, typed: string) => void} reveal
 * @returns {import("./picker.js").PickerOptions}
 */
function sessionPicker({ model, attempt, notice }, root, reveal) {
  const rename = async () => {
    const fields = [{ name: "name", label: "Name", value: model.get("info").name }];
    const values = await askFor(root(), "Rename session", fields, "Rename");
    if (values?.name.trim()) attempt("rename", { name: values.name.trim() });
  };
  /** @param {string} id @param {string} message @param {string} typed */
  const goTo = async (id, message, typed) => {
    const place = await attempt("find", { id, message });
    if (!place) return;
    if (place.shown) return reveal(message, typed);
    const run = async () => {
      if (await attempt("version", { id: message })) goTo(id, message, typed);
    };
    notice(place.told, place.version ? { label: "Go there", run } : undefined);
  };
  return {
    label: "Session",
    hint: "type to filter and to search all messages",
    choices: async () => (await attempt("sessions"))?.sessions ?? [],
    search: async (text) => (await attempt("search", { text }))?.found ?? [],
    choose: (id, { message }, typed) => (message ? goTo(id, message, typed) : attempt("open", { id })),
    footer: (typed, close) => {
      const run = (/** @type {() => void} */ action) => () => {
        close();
        action();
      };
      return [
        textButton(typed ? `New “${typed}”` : "New", run(() => attempt("new", { name: typed }))),
        textButton("Rename", run(rename)),
        model.get("info").archived
          ? textButton("Unarchive", run(() => attempt("archive", { archived: false })))
          : textButton("Archive", run(() => attempt("archive", { archived: true }))),
      ];
    },
  };
}
