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
  if (live.text.length !== streamed.length || live.blocks.length < streamed.blocks) return null;
  return { ...item, text: live.text, html: live.blocks.slice(0, streamed.blocks).join("") + streamed.rest };
}

/**
 * @param {import("./types").Live | null} live
 * @param {import("./types").Delta} delta
 * @returns {import("./types").Live | null} `torn` when a piece before this one was lost
 */
function extended(live, delta) {
  if (!live || live.id !== delta.id) return live;
  const text = joined(live.text, delta.pos, delta.text);
  const thinking = joined(live.thinking, delta.thinkingPos, delta.thinking);
  const blocks = joined(live.blocks, delta.blocksPos, delta.blocks);
  if (text === null || thinking === null || blocks === null) return { ...live, torn: true };
  return { ...live, text, thinking, blocks, settled: Math.max(live.settled, delta.settled) };
}

/**
 * Put a piece where it belongs; what is there already is not added again.
 * @template {string | string[]} T
 * @param {T} have
 * @param {number} pos
 * @param {T} piece
 * @returns {T | null} null when something is missing before it
 */
function joined(have, pos, piece) {
  if (pos > have.length) return null;
  const fresh = piece.slice(have.length - pos);
  return fresh.length ? /** @type {T} */ (have.concat(/** @type {any} */ (fresh))) : have;
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
  // ipywidgets tells that something changed, not what; a front end that lets us not ask is one that never tells.
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
