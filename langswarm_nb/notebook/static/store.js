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
 */
function extended(live, delta) {
  if (!live || live.id !== delta.id || live.torn) return live;
  if (live.text.length !== delta.pos || live.thinking.length !== delta.thinkingPos) return { ...live, torn: true };
  return {
    ...live,
    text: live.text + delta.text,
    thinking: live.thinking + delta.thinking,
    blocks: delta.blocks.length ? [...live.blocks, ...delta.blocks] : live.blocks,
    settled: delta.settled,
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
    if (next === null) model.send({ type: "hello", n: "store", rev: -1 });
    else if (next !== old) model.set("transcript", next);
  };
  model.on("msg:custom", take);
  return () => model.off("msg:custom", take);
}
