// Files on their way to the kernel: looked at before they are read, sent in pieces, one after the other.

const PIECE_BYTES = 1_000_000;
const FILE_BYTES = 20_000_000;
const MESSAGE_BYTES = 50_000_000;
const MAX_FILES = 50;
const ENDED = "The kernel of this panel has ended.";

/**
 * @typedef {object} Upload
 * @property {string} id
 * @property {string} session
 * @property {string} name
 * @property {number} size
 * @property {number} sent bytes that the kernel has
 * @property {string} error empty while nothing is wrong
 */

/**
 * @param {import("./types").Context} context
 * @param {() => void} changed
 */
export function createUploads(context, changed) {
  const { link, model, announce } = context;
  /** @type {Upload[]} */
  let open = [];
  let count = 0;
  /** One file at a time, so that the first is there soon. */
  let last = Promise.resolve();
  /** What is there came back with its size in words only, so what this page has sent is remembered. @type {Map<string, number>} */
  const sizes = new Map();

  const here = () => open.filter(({ session }) => session === model.get("info").sessionId);
  const coming = () => here().filter(({ error }) => !error);

  /** @param {readonly File[]} files */
  function add(files) {
    for (const file of files) {
      count += 1;
      const id = `${link.view}-${count}`;
      /** @type {Upload} */
      const upload = { id, session: model.get("info").sessionId, name: file.name || "file", size: file.size, sent: 0, error: "" };
      const refusal = refused(file);
      open.push(upload);
      if (refusal) fail(upload, refusal);
      else last = last.then(() => send(upload, file));
    }
    changed();
  }

  /** @param {File} file */
  function refused({ name, size }) {
    if (size > FILE_BYTES) return `It has ${megabytes(size)}; at most ${megabytes(FILE_BYTES)} can be attached.`;
    const there = model.get("attached");
    if (there.length + coming().length >= MAX_FILES) return `At most ${MAX_FILES} files go with one message.`;
    const total = [...there.map(({ id }) => sizes.get(id) ?? 0), ...coming().map((each) => each.size), size].reduce((a, b) => a + b);
    if (total > MESSAGE_BYTES) return `The message would have ${megabytes(total)}; at most ${megabytes(MESSAGE_BYTES)} go with one.`;
    return name ? "" : "It has no name.";
  }

  /** @param {Upload} upload @param {File} file */
  async function send(upload, file) {
    const { id, session, name, size } = upload;
    const isOpen = () => open.includes(upload);
    if (!isOpen()) return;
    try {
      let { done } = await link.ask("attach_begin", { id, session, name, size, view: link.view });
      while (!done && isOpen()) {
        const at = upload.sent;
        const piece = await file.slice(at, at + PIECE_BYTES).arrayBuffer();
        if (!piece.byteLength) throw new Error("It could not be read to its end.");
        if (!isOpen()) return;
        ({ done } = await link.ask("attach_piece", { id, session, at }, undefined, [piece]));
        upload.sent = at + piece.byteLength;
        changed();
      }
      if (!isOpen()) return;
      sizes.set(id, size);
      forget(upload);
      announce(`${name} attached`);
    } catch (error) {
      if (!isOpen()) return;
      link.ask("attach_remove", { id, session }).catch(() => {});
      fail(upload, error instanceof DOMException ? "It could not be read. A folder cannot be attached." : /** @type {Error} */ (error).message || ENDED);
    }
    changed();
  }

  /** @param {Upload} upload @param {string} why */
  function fail(upload, why) {
    upload.error = why;
    announce(`${upload.name} could not be attached: ${why}`);
  }

  /** @param {Upload} upload */
  function forget(upload) {
    open = open.filter((each) => each !== upload);
  }

  return {
    add,
    here,
    coming,
    /**
     * @param {string} id also of what is there already
     * @returns {Promise<boolean>} false when it is still there
     */
    async remove(id) {
      const upload = open.find((each) => each.id === id);
      if (upload) forget(upload);
      changed();
      const done = upload?.error || (await context.attempt("attach_remove", { id, session: model.get("info").sessionId }));
      return Boolean(upload || done);
    },
    /** Takes away what failed. */
    clearFailed() {
      const here = model.get("info").sessionId;
      open = open.filter(({ error, session }) => !error || session !== here);
      changed();
    },
  };
}

/** @param {number} bytes */
const megabytes = (bytes) => `${Number((bytes / 1_000_000).toFixed(1))} MB`;
