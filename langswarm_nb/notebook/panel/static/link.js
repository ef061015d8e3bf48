// Requests to the kernel: each has a number, is acknowledged at once by a kernel that listens, and is answered later.

export const BUSY_AFTER_MS = 1000;
export const SILENT_AFTER_MS = 3000;

/** The kernel refused; its words are for the reader. */
export class KernelError extends Error {}

/**
 * @param {import("./types").Model} model
 * @param {AbortSignal} signal
 * @param {(state: "listening" | "busy" | "silent" | "gone") => void} onState
 * @returns {import("./types").Link}
 */
export function createLink(model, signal, onState) {
  const view = Math.random().toString(36).slice(2);
  /** @type {Map<string, { resolve: (value: any) => void, reject: (error: Error) => void, timers: number[] }>} */
  const open = new Map();
  let count = 0;

  /** @param {any} message */
  const take = (message, /** @type {DataView[]} */ buffers) => {
    const request = open.get(message.n);
    if (!request) return;
    request.timers.forEach(clearTimeout);
    onState("listening");
    if (message.type !== "result") return;
    open.delete(message.n);
    if (message.error === undefined) request.resolve(buffers?.length ? { ...message.value, buffers } : message.value);
    else request.reject(new KernelError(message.error));
  };
  const end = () => {
    if (!model.get("gone")) return;
    onState("gone");
    for (const { reject, timers } of open.values()) {
      timers.forEach(clearTimeout);
      reject(new KernelError()); // without words: the state has them
    }
    open.clear();
  };
  model.on("msg:custom", take);
  model.on("change:gone", end);
  end();
  signal.addEventListener("abort", () => {
    model.off("msg:custom", take);
    model.off("change:gone", end);
    for (const { timers } of open.values()) timers.forEach(clearTimeout);
  });

  return {
    view,
    ask(type, content = {}, onSilence = () => {}, buffers) {
      const n = `${view}-${(count += 1)}`;
      return new Promise((resolve, reject) => {
        const silent = () => {
          onState("silent");
          onSilence();
        };
        const timers = [
          window.setTimeout(() => onState("busy"), BUSY_AFTER_MS),
          window.setTimeout(silent, SILENT_AFTER_MS),
        ];
        open.set(n, { resolve, reject, timers });
        if (model.get("gone")) end();
        else if (buffers) model.send({ ...content, type, n }, undefined, buffers);
        else model.send({ ...content, type, n });
      });
    },
  };
}
