// What is looked at: a window of time, a moment, a record, and filters. It is kept in the fragment of the address,
// so that a link leads to any moment.

import { recordName, recordPlace } from "./course.js";

/**
 * @typedef {object} View
 * @property {number} from
 * @property {number} to
 * @property {number | null} at the moment that is looked at
 * @property {number} record
 * @property {number} node
 * @property {number} partition
 * @property {string} text
 * @property {string} messages which are drawn
 */

/** The shortest window, in microseconds. */
const SHORTEST = 2000;

export class Sight {
  /**
   * @param {import("./course.js").Course} course
   * @param {number} home the window that is shown first ends here
   */
  constructor(course, home) {
    this.course = course;
    this.home = home;
    /** @type {View} */
    this.view = { from: 0, to: home, at: null, record: -1, node: -1, partition: -1, text: "", messages: "" };
    /** @type {((view: View, changed: Partial<View>) => void)[]} */
    this.listeners = [];
    this.timer = 0;
    this.read();
    addEventListener("hashchange", () => {
      if (location.hash !== this.hash()) this.set(this.parsed());
    });
  }

  /** @param {(view: View, changed: Partial<View>) => void} listener */
  listen(listener) {
    this.listeners.push(listener);
  }

  /** @param {Partial<View>} change */
  set(change) {
    Object.assign(this.view, change);
    const { end } = this.course, view = this.view;
    const length = Math.min(Math.max(view.to - view.from, SHORTEST), end);
    view.from = Math.min(Math.max(0, view.from), end - length);
    view.to = view.from + length;
    for (const listener of this.listeners) listener(view, change);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => history.replaceState(null, "", this.hash() || location.pathname), 200);
  }

  /**
   * Zooms by a factor around a time.
   * @param {number} factor
   * @param {number} [around]
   */
  zoom(factor, around) {
    const { from, to, at } = this.view;
    const inside = at !== null && at >= from && at <= to;
    const fixed = around ?? (inside ? at : (from + to) / 2);
    this.set({ from: fixed - (fixed - from) * factor, to: fixed + (to - fixed) * factor });
  }

  /** @param {number} share of the window */
  pan(share) {
    const { from, to } = this.view;
    const by = (to - from) * share;
    this.set({ from: from + by, to: to + by });
  }

  /**
   * Looks at a moment, and moves the window there if it is outside.
   * @param {number} at
   * @param {Partial<View>} [more]
   */
  look(at, more = {}) {
    const { from, to } = this.view;
    const inside = at >= from && at <= to;
    const length = to - from;
    this.set({ at, ...(inside ? {} : { from: at - length / 2, to: at + length / 2 }), ...more });
  }

  hash() {
    const { from, to, at, record, node, partition, text, messages } = this.view, { course } = this;
    const parts = new URLSearchParams();
    if (at !== null) parts.set("t", String(at / 1e6));
    if (from > 0 || to !== this.home) parts.set("w", `${from / 1e6}-${to / 1e6}`);
    if (record >= 0) parts.set("record", recordName(course, record));
    if (node >= 0) parts.set("node", course.nodes[node].name);
    if (partition >= 0) parts.set("partition", course.partitions[partition]);
    if (text) parts.set("text", text);
    if (messages) parts.set("messages", messages);
    const all = parts.toString();
    return all ? "#" + all : "";
  }

  /** @returns {View} what the fragment says */
  parsed() {
    const parts = new URLSearchParams(location.hash.slice(1)), { course } = this;
    const [from, to] = (parts.get("w") || "").split("-").map((part) => Number(part) * 1e6);
    const at = parts.has("t") ? Number(parts.get("t")) * 1e6 : null;
    const found = (/** @type {string[]} */ names, /** @type {string} */ key) =>
      parts.has(key) ? names.indexOf(String(parts.get(key))) : -1;
    const valid = to > from;
    return {
      from: valid ? from : 0, to: valid ? to : this.home,
      at: at !== null && Number.isFinite(at) ? at : null,
      record: parts.has("record") ? recordPlace(course, String(parts.get("record"))) : -1,
      node: found(course.nodes.map((node) => node.name), "node"),
      partition: found(course.partitions, "partition"),
      text: parts.get("text") || "",
      messages: parts.get("messages") || "",
    };
  }

  read() {
    Object.assign(this.view, this.parsed());
  }
}
