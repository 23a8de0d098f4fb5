// What the colours and patterns of the lanes mean, and what is marked in them.

import { el } from "./dom.js";
import { colour, fit } from "./paint.js";
import { seconds } from "./words.js";

/** @typedef {import("./lanes.js").Lane} Lane */
/** @typedef {{at: number, text: string, found?: boolean}} Mark a moment; `found`: something wrong */

/** By heading: the class of a swatch, and what it means. */
const MEANING = {
  Cluster: [["quiet", "how much it did"], ["struck", "under a fault"], ["gone", "down"], ["fenced", "fenced by the controller"],
    ["active", "active controller"]],
  Members: [["quiet", "how much it did"], ["struck", "under a fault"], ["gone", "down"]],
  Partitions: [["lead", "leader, in its colour, with the epoch"], ["synced", "a line for each replica in sync"], ["dotted", "dotted: out of sync, eligible to lead"],
    ["few", "no leader, or fewer in sync than min.insync.replicas"], ["dashed", "high watermark, between the ends of the logs"]],
  Groups: [["lead", "owner, in the colour of the member"], ["commit", "a commit"]],
  Charts: [["shade", "under a fault"]],
};

/**
 * What stands under a heading of the lanes.
 * @param {string} part
 * @returns {any}
 */
export function keyOf(part) {
  const meaning = MEANING[/** @type {keyof typeof MEANING} */ (part)];
  return meaning ? el("p", { class: "legend" }, meaning.map(([name, text]) =>
    el("span", { class: "key" }, el("i", { class: "mark " + name, "aria-hidden": "true" }), text))) : null;
}

/**
 * A lane that names what the vertical lines mark.
 * @param {Mark[]} marks
 * @returns {Lane[]}
 */
export function markLanes(marks) {
  if (marks.length === 0) return [];
  /** @type {Map<number, Mark>} */
  const first = new Map();
  for (const mark of marks) if (!first.has(mark.at)) first.set(mark.at, mark);
  const all = [...first.values()].sort((a, b) => a.at - b.at);
  const items = all.map((mark) => ({ from: mark.at, to: mark.at, text: mark.text }));
  return [{
    id: "marks", label: "marked", part: "What to look at", height: 20, items,
    summary: items.map((item) => `${seconds(item.from)} ${item.text}`).join(". "),
    reads: (at) => all.reduce((best, mark) => (Math.abs(mark.at - at) < Math.abs(best.at - at) ? mark : best), all[0]).text,
    draw({ context, width, x, from, to }) {
      const seen = all.filter((mark) => mark.at >= from && mark.at <= to);
      seen.forEach((mark, index) => {
        const here = x(mark.at), before = index ? x(seen[index - 1].at) : 0, next = index + 1 < seen.length ? x(seen[index + 1].at) : width;
        context.fillStyle = colour(mark.found === false ? "accent" : "bad");
        const after = next - here - 14;
        // The last one may stand too far right: its text goes to its left.
        const isLast = index + 1 === seen.length && after < 120 && (index === 0 || here - before > 4 * after);
        if (isLast) {
          const wide = Math.min(context.measureText(mark.text).width, (here - before) / (index ? 2 : 1) - 14);
          fit(context, mark.text, here - 6 - wide, wide + 1, 10);
        } else fit(context, mark.text, here + 6, after, 10);
      });
    },
  }];
}
