// Alert rules of Prometheus over the run: which fired, and how long before what went wrong.

import { el, section, table } from "./dom.js";
import { counted, length } from "./words.js";

/**
 * @param {any} report
 * @returns {any}
 */
export function alerts(report) {
  const told = report.alerts;
  if (!told) return null;
  const rows = told.alerts.map((/** @type {any} */ one) => [one.alert, fate(one), margin(one),
    one.for_ms ? length(one.for_ms) : "", el("code", null, one.expr)]);
  const from = `${told.rules}, scraped every ${length(told.interval_ms)}.`;
  return section("alerts", "Would your alerts have fired?", el("p", null, told.headline),
    table("Alerts", ["alert", "what became of it", "against the violation", "for", "expression"], rows),
    el("p", { class: "muted" }, from));
}

/** @param {number} ms */
function instant(ms) {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** @param {any} one */
function fate(one) {
  const pending = one.spans[0];
  if (one.fired_ms !== null) return `fired at ${instant(one.fired_ms)}`;
  return pending ? `pending ${counted(one.spans.length, "time")}, first at ${instant(pending.pending_ms)}; never fired` : "never pending";
}

/** @param {any} one */
function margin(one) {
  if (one.before_ms === null) return "";
  return one.before_ms > 0 ? `${length(one.before_ms)} before` : `${length(-one.before_ms)} after`;
}
