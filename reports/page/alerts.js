// Alert rules of Prometheus over the run: which fired, and how long before what went wrong.

import { el, section, table } from "./dom.js";
import { colour, fit, hatch } from "./paint.js";
import { counted, length, seconds } from "./words.js";

/** @typedef {import("./lanes.js").Lane} Lane */

/**
 * @param {any} report
 * @returns {any}
 */
export function alerts(report) {
  const told = report.alerts;
  if (!told) return null;
  const rows = told.alerts.map((/** @type {any} */ one) => [one.alert, fate(one), margin(one, told.violation),
    one.for_ms ? el("span", { class: "short" }, length(one.for_ms)) : "", el("code", null, one.expr)]);
  const from = `${told.rules}, scraped every ${length(told.interval_ms)}.`;
  return section("alerts", "Would your alerts have fired?", el("p", null, told.headline),
    table("Alerts", ["alert", "what became of it", "against the violation", "for", "expression"], rows),
    el("p", { class: "muted" }, from));
}

/**
 * Alerts over the seeds of a sweep.
 * @param {any} sum
 */
export function alertSums(sum) {
  if (!sum) return null;
  const { runs, violated } = sum;
  const rows = sum.alerts.map((/** @type {any} */ one) => {
    const vain = Object.entries(one.in_vain || {}).filter(([, count]) => count === runs).map(([said]) => said);
    const fired = one.warned + one.late + one.earlier + one.unfounded;
    return [one.alert, `${one.warned} of ${violated}`,
      one.before_ms.length ? `${length(one.before_ms[0])} to ${length(one.before_ms[one.before_ms.length - 1])}` : "–",
      `${one.late} of ${violated}`, `${one.earlier} of ${violated}`, `${violated - one.warned - one.late - one.earlier} of ${violated}`,
      `${one.unfounded} of ${runs - violated}`, fired === 0 && vain.length ? vain.join("; ") : el("code", null, one.expr)];
  });
  return el("div", null, el("h3", null, "Would your alerts have fired before the first violation?"),
    table("Alerts over the seeds", ["alert", "fired before it", "so long before", "fired after it", "only for something earlier", "never fired", "fired for nothing", "expression"], rows),
    el("p", { class: "muted" }, `${sum.rules}, scraped every ${length(sum.interval_ms)}, over ${counted(runs, "run")}; in ${violated} of them something was violated.`));
}

/** @param {number} ms */
function instant(ms) {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** @param {any} one */
function fate(one) {
  const pending = one.spans[0];
  if (!pending && one.in_vain) return one.in_vain.join("; ");
  if (one.fired_ms !== null) return `fired at ${instant(one.fired_ms)}`;
  return pending ? `pending ${counted(one.spans.length, "time")}, first at ${instant(pending.pending_ms)}; never fired` : "never pending";
}

/**
 * @param {any} one
 * @param {any} violation
 */
function margin(one, violation) {
  if (one.fired_ms === null) return "never";
  if (one.before_ms === null) return violation ? "only for something that was over before it began" : "";
  return one.before_ms > 0 ? `${length(one.before_ms)} before` : `${length(-one.before_ms)} after`;
}

/**
 * A lane for each rule that was ever pending: when it was, and when it fired. The table has the others.
 * @param {any} report
 * @param {number} end
 * @returns {Lane[]}
 */
export function alertLanes(report, end) {
  const some = report.alerts ? report.alerts.alerts.filter((/** @type {any} */ one) => one.spans.length) : [];
  return some.map((/** @type {any} */ one) => alertLane(one, end));
}

/**
 * @param {any} one
 * @param {number} end
 * @returns {Lane}
 */
function alertLane(one, end) {
  const items = one.spans.flatMap((/** @type {any} */ span) => {
    const over = span.over_ms === null ? end : span.over_ms * 1000;
    const fired = span.fired_ms === null ? over : span.fired_ms * 1000;
    const labels = Object.entries(span.labels).map(([key, value]) => `${key}="${value}"`).join(", ");
    const item = (/** @type {string} */ word, /** @type {number} */ from, /** @type {number} */ to) =>
      ({ from, to, text: labels ? `${word}: ${labels}` : word, word });
    return [item("pending", span.pending_ms * 1000, fired), item("firing", fired, over)].filter(({ from, to }) => to > from);
  }).sort((/** @type {any} */ a, /** @type {any} */ b) => a.from - b.from);
  const said = one.fired_ms === null ? "never fired" : [fate(one), margin(one)].filter(Boolean).join(", ");
  return {
    id: `alert ${one.alert}`, label: `${one.alert}: ${said}`, part: "Alerts", height: 32, items,
    summary: `${one.alert}: ${said}. ` + items.map((/** @type {any} */ item) => `${seconds(item.from)} ${item.text}`).join(". "),
    draw({ context, width, x }) {
      context.fillStyle = colour("band");
      context.fillRect(0, 3, width, 26);
      // What fires is drawn over what is pending.
      for (const word of ["pending", "firing"]) {
        for (const item of items.filter((/** @type {any} */ item) => item.word === word)) {
          const left = Math.max(-2, x(item.from)), right = Math.min(width + 2, x(item.to));
          if (right < 0 || left > width) continue;
          const wide = Math.max(2, right - left);
          if (word === "pending") {
            context.fillStyle = colour("fault-soft");
            context.fillRect(left, 3, wide, 26);
            hatch(context, left, 3, wide, 26, colour("fault-line"));
          } else {
            context.fillStyle = colour("band");
            context.fillRect(left, 3, wide, 26);
            context.globalAlpha = 0.35;
            context.fillStyle = colour("bad");
            context.fillRect(left, 3, wide, 26);
            context.globalAlpha = 1;
            context.fillRect(left, 3, 2, 26);
          }
        }
      }
      // Spans of other labels may overlap: a text ends where the next one begins.
      context.fillStyle = colour("ink");
      items.forEach((/** @type {any} */ item, /** @type {number} */ index) => {
        const start = Math.max(x(item.from), 0), next = index + 1 < items.length ? x(items[index + 1].from) : width;
        fit(context, item.text, start + 6, Math.min(x(item.to), next, width) - start - 8, 16);
      });
    },
  };
}
