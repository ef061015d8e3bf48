// The transcript of a model: patches and deltas from the kernel are worked into it, once for all its views.

/**
 * Return the transcript after a message of the kernel; null when a message before it was lost.
 * @param {import("./types").Transcript} old
 * @param {any} message
 * @returns {import("./types").Transcript | null}
 */
export function applied(old, message) {
  if (message.type === "snapshot") {
    const { type: _, ...transcript } = message;
    return transcript;
  }
  if (message.type === "patch") return message.rev > old.rev + 1 ? null : patched(old, message);
  if (message.type === "delta") return { ...old, live: extended(old.live, message) };
  return old;
}

/**
 * @param {import("./types").Transcript} old
 * @param {import("./types").Patch} patch
 */
function patched(old, { rev, earlier, keep, tail, items, live }) {
  const known = new Map(old.messages.map((item) => [item.id, item]));
  for (const item of items) {
    const whole = unpacked(item, old.live);
    if (!whole) return null;
    known.set(item.id, whole);
  }
  const ids = [...old.messages.slice(0, keep).map((item) => item.id), ...tail];
  const messages = ids.map((id) => known.get(id));
  if (messages.some((item) => !item)) return null;
  return { rev, earlier, messages: /** @type {import("./types").Item[]} */ (messages), live };
}

/**
 * Fill in the text and HTML that were streamed before.
 * @param {import("./types").Item} item
 * @param {import("./types").Live | null} live
 */
function unpacked({ streamed, ...item }, live) {
  if (!streamed) return item;
  if (!live || live.torn || live.id !== item.id) return null;
  if (live.text.length !== streamed.length || live.html.length < streamed.keep) return null;
  return { ...item, text: live.text, html: live.html.slice(0, streamed.keep) + streamed.rest };
}

/**
 * @param {import("./types").Live | null} live
 * @param {import("./types").Delta} delta
 * @returns {import("./types").Live | null} `torn` when a delta before this one was lost; one that is in it is left out
 */
function extended(live, { id, number, text, thinking, keep, html, settled }) {
  if (!live || live.id !== id || number <= live.number) return live;
  if (number > live.number + 1 || keep > live.html.length) return { ...live, torn: true };
  return {
    ...live,
    number,
    text: live.text + text,
    thinking: live.thinking + thinking,
    html: live.html.slice(0, keep) + html,
    settled,
  };
}

/**
 * Keep the transcript of a model up to date; anywidget calls this once for each model.
 * @param {{ model: import("./types").Model }} context
 */
export function initialize({ model }) {
  /** @param {any} message */
  const take = (message) => {
    const old = model.get("transcript");
    const next = applied(old, message);
    if (next === null || (next.live?.torn && !old.live?.torn)) model.send({ type: "hello", n: "store", rev: -1 });
    if (next !== null && next !== old) model.set("transcript", next);
  };
  // ipywidgets says that something changed, not what; a front end that lets us not ask is one that never says so.
  const look = async () => {
    const self = await model.widget_manager?.get_model?.(model.get("panel_id"));
    if (self?.comm_live !== false) return;
    const { live, ...rest } = model.get("transcript");
    model.set("transcript", { ...rest, live: live && { ...live, cut: true } });
    model.set("busy", false);
    model.set("gone", true);
  };
  model.on("msg:custom", take);
  model.on("comm_live_update", look);
  return () => {
    model.off("msg:custom", take);
    model.off("comm_live_update", look);
  };
}
