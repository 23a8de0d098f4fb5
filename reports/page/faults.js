// The figures before each fault, and from there to a little after its end: an outage may follow. What faults that
// overlap did cannot be told apart.

import { el, section, table } from "./dom.js";
import { length, number, seconds } from "./words.js";

/** So long before a fault is before it, and so long after its end counts to it, in microseconds. */
const BEFORE = 5e6;

/** @typedef {import("./course.js").Course} Course */

/**
 * @param {Course} course
 * @param {import("./view.js").Sight} sight
 * @returns {any}
 */
export function effects(course, sight) {
  const columns = COLUMNS.map((column) => ({ ...column, curves: curvesOf(course, column.chart, column.curve) }))
    .filter((column) => column.curves.length);
  if (course.faults.length === 0 || columns.length === 0) return null;
  const rows = course.faults.map((fault) => {
    const show = () => {
      const margin = Math.max(BEFORE, (fault.to - fault.from) * 0.2);
      sight.set({ from: fault.from - margin, to: fault.to + margin, at: fault.from });
      document.getElementById("timeline").scrollIntoView({ behavior: "smooth" });
    };
    const cells = columns.map(({ curves, over, shown }) => {
      const [before, during] = [[fault.from - BEFORE, fault.from], [fault.from, fault.to + BEFORE]]
        .map(([from, to]) => over(curves.flatMap((values) => within(values, from, to, course.charts.step))));
      const word = (/** @type {number | null} */ value) => (value === null ? "–" : shown(value));
      return `${word(before)} → ${word(during)}`;
    });
    return [el("button", { type: "button", class: "link", onclick: show }, seconds(fault.from)), fault.text, ...cells];
  });
  return section("effects", "Before each fault, and from then on",
    el("p", { class: "muted" }, "The 5 s before a fault → the time from there to 5 s after its end. What faults that overlap did cannot be told apart."),
    table("Faults", ["time", "fault", ...columns.map((column) => column.title)], rows));
}

/** @param {number[]} values */
function mean(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

/** @param {number[]} values */
function largest(values) {
  return values.length ? Math.max(...values) : null;
}

/** What is shown of a fault: curves of a chart, and how their values become one. */
const COLUMNS = [
  { title: "acknowledged a second", chart: "throughput", curve: /^acknowledged$/, over: mean, shown: (/** @type {number} */ value) => number(value) },
  { title: "slowest acknowledgement", chart: "latency since send", curve: /^acknowledged, 99 %$/, over: largest, shown: length },
  { title: "largest lag", chart: "lag", curve: /./, over: largest, shown: (/** @type {number} */ value) => number(value) },
  { title: "sends without an outcome", chart: "sends under way", curve: /^without/, over: largest, shown: (/** @type {number} */ value) => number(value) },
  { title: "partitions unavailable", chart: "unavailable", curve: /./, over: largest, shown: (/** @type {number} */ value) => number(value) },
];

/**
 * @param {Course} course
 * @param {string} title
 * @param {RegExp} wanted
 */
function curvesOf(course, title, wanted) {
  const chart = course.charts.charts.find((one) => one.title === title);
  return chart ? chart.curves.filter((curve) => wanted.test(curve.name)).map((curve) => curve.values) : [];
}

/**
 * The values of a curve in a window of time.
 * @param {(number | null)[]} values
 * @param {number} from
 * @param {number} to
 * @param {number} step
 * @returns {number[]}
 */
function within(values, from, to, step) {
  const first = Math.max(0, Math.floor(from / step)), last = Math.max(first + 1, Math.floor(to / step));
  return values.slice(first, last).filter((value) => value !== null);
}
