// Dates between the messages of different days.

import { h } from "./dom.js";

const LONG = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const WITH_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

export function createDays() {
  /** @type {Map<string, HTMLElement>} */
  let nodes = new Map();
  return {
    /**
     * Return what stands before each message: a date, or nothing where the day goes on.
     * @param {import("./types").Item[]} messages
     * @returns {(HTMLElement | null)[]}
     */
    before(messages) {
      const kept = new Map();
      let day = dayOf(Date.now()); // a conversation of today alone needs no date
      const dates = messages.map(({ at }) => {
        if (at === null || at === undefined || dayOf(at) === day) return null;
        day = dayOf(at);
        const node = nodes.get(day) ?? h("div", { class: "lsnb-day" }, h("time", { dateTime: day }));
        if (node.textContent !== words(at)) /** @type {Element} */ (node.firstChild).textContent = words(at);
        kept.set(day, node);
        return node;
      });
      nodes = kept;
      return dates;
    },
  };
}

/**
 * Return the day of a moment, where the reader is.
 * @param {number} at
 */
function dayOf(at) {
  const date = new Date(at);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** @param {number} at */
function words(at) {
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (dayOf(at) === dayOf(now.getTime())) return "Today";
  if (dayOf(at) === dayOf(yesterday.getTime())) return "Yesterday";
  return (new Date(at).getFullYear() === now.getFullYear() ? LONG : WITH_YEAR).format(at);
}
