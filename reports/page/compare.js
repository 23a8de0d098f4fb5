// A comparison: arms side by side, what one costs and another saves, and the front that no arm beats.

import { command, el, section, svg, table } from "./dom.js";
import { counted, length, number, percent, spoken } from "./words.js";

/** Pictures: a measure against another. */
const PICTURES = [
  ["duplicate_rate", "read_unavailability", "Duplicates against standstill of reads"],
  ["duplicate_rate", "unavailability", "Duplicates against standstill of writes"],
  ["lost", "ack_latency.p99", "Loss against latency"],
];

/**
 * @param {any} report
 * @returns {any[]}
 */
export function compare(report) {
  const { from, to } = report.seeds;
  const called = names(report.arms);
  const letters = report.arms.map((/** @type {any} */ _, /** @type {number} */ index) => letter(index));
  const arms = table("Arms", ["arm", "what is changed", "runs", "violated", "on the front"],
    report.arms.map((/** @type {any} */ arm, /** @type {number} */ index) => [letters[index], called[index], number(arm.runs),
      Object.entries(arm.violated).map(([property, count]) => `${property} in ${counted(count, "seed")}`).join(", ") || "–",
      arm.on_front ? "yes" : ""]));
  const pictures = PICTURES.map(([down, across, title]) => picture(report, letters, down, across, title)).filter(Boolean);
  return [
    el("header", null, el("p", { class: "brand" }, "ackproof"),
      el("h1", null, "Comparison", el("span", { class: "muted aside" }, ` ${counted(report.arms.length, "arm")}, seeds ${from}..${to}${report.interrupted ? ", interrupted" : ""}`)),
      command(report.reproduce)),
    section("arms", "Arms", el("p", { class: "muted" }, "An arm is on the front if no other is at least as good in every measure down to read unavailability, and better in one."), arms),
    pictures.length ? section("pictures", "What one costs and another saves", el("div", { class: "pictures" }, pictures)) : null,
    section("measures", "Measures", el("p", { class: "muted" }, `Means over seeds with 95 % intervals. Below: the difference from ${letters[0]} on the same seeds; bold where its interval leaves out 0.`), values(report, letters)),
  ].filter(Boolean);
}

/** @param {number} index */
function letter(index) {
  return index < 26 ? String.fromCharCode(65 + index) : "arm " + (index + 1);
}

/** @param {any} arm */
function name(arm) {
  const sets = arm.sets.map((/** @type {[string, string]} */ [path, value]) => `${path}=${value}`).join(", ");
  return sets ? `${arm.file} with ${sets}` : arm.file;
}

/**
 * What tells arms of one file apart is what is set.
 * @param {any[]} arms
 * @returns {string[]}
 */
function names(arms) {
  const isOne = new Set(arms.map((arm) => arm.file)).size === 1;
  return arms.map((arm) => (isOne ? name({ ...arm, file: "as it is" }).replace("as it is with ", "") : name(arm)));
}

/**
 * @param {number} value
 * @param {string | null} unit
 */
function shown(value, unit) {
  const [sign, size] = [value < 0 ? "−" : "", Math.abs(value)];
  return sign + (unit === "share" ? percent(size) : unit === "milliseconds" ? length(size) : number(size, 2));
}

/**
 * @param {any} report
 * @param {string[]} letters
 */
function values(report, letters) {
  const rows = report.measures.map((/** @type {any} */ measure, /** @type {number} */ index) => {
    const cells = report.arms.map((/** @type {any} */ arm) => arm.values[index]);
    if (cells.every((/** @type {any} */ cell) => !cell.mean)) return null;
    return [spoken(measure.name), ...cells.map((/** @type {any} */ cell) => one(cell, measure.unit))];
  });
  return table("Measures of each arm", ["measure", ...letters], rows.filter(Boolean));
}

/**
 * @param {any} cell
 * @param {string | null} unit
 */
function one(cell, unit) {
  if (cell.mean === null) return "–";
  const range = cell.interval ? ` (${shown(cell.interval.low, unit)} to ${shown(cell.interval.high, unit)})` : "";
  const far = cell.difference_interval && (cell.difference_interval.low > 0 || cell.difference_interval.high < 0);
  const difference = cell.difference === null ? null
    : el(far ? "b" : "span", { class: far ? null : "muted" }, (cell.difference >= 0 ? "+" : "") + shown(cell.difference, unit));
  return el("span", null, shown(cell.mean, unit), el("span", { class: "muted" }, range), difference && el("br"), difference);
}

/**
 * An arm is a point; less is better, so the best corner is the lower left.
 * @param {any} report
 * @param {string[]} letters
 * @param {string} down
 * @param {string} across
 * @param {string} title
 */
function picture(report, letters, down, across, title) {
  const find = (/** @type {string} */ name) => report.measures.findIndex((/** @type {any} */ measure) => measure.name === name);
  const [row, column] = [find(down), find(across)];
  const points = report.arms.map((/** @type {any} */ arm, /** @type {number} */ index) => ({
    x: arm.values[column]?.mean, y: arm.values[row]?.mean, letter: letters[index],
  })).filter((/** @type {any} */ point) => Number.isFinite(point.x) && Number.isFinite(point.y));
  const differ = (/** @type {"x" | "y"} */ key) => new Set(points.map((/** @type {any} */ point) => point[key])).size > 1;
  if (points.length < 2 || !differ("x") && !differ("y")) return null;
  // The largest value stands a little before the end of its axis; without any, the axis is as long as it likes.
  const most = (/** @type {"x" | "y"} */ key) => Math.max(...points.map((/** @type {any} */ point) => point[key])) * 1.1 || Infinity;
  const axis = (/** @type {string} */ name, /** @type {number} */ end, /** @type {string | null} */ unit) =>
    spoken(name) + (Number.isFinite(end) ? `, up to ${shown(end / 1.1, unit)}` : `: ${shown(0, unit)} in all arms`);
  const [right, top] = [most("x"), most("y")];
  const x = (/** @type {number} */ value) => 20 + (value / right) * 330;
  const y = (/** @type {number} */ value) => 220 - (value / top) * 190;
  const front = points.filter((/** @type {any} */ a) => !points.some((/** @type {any} */ b) => b.x <= a.x && b.y <= a.y && (b.x < a.x || b.y < a.y)))
    .sort((/** @type {any} */ a, /** @type {any} */ b) => a.x - b.x || b.y - a.y);
  const units = [report.measures[column].unit, report.measures[row].unit];
  const said = points.map((/** @type {any} */ point) => `${point.letter}: ${shown(point.y, units[1])}, ${shown(point.x, units[0])}`).join("; ");
  const drawing = svg("svg", { viewBox: "0 0 370 250", role: "img", "aria-label": `${title}. ${said}` },
    svg("path", { d: "M20 10V220H360", class: "axes" }),
    svg("path", { d: "M" + front.map((/** @type {any} */ point) => `${x(point.x)} ${y(point.y)}`).join("L"), class: "front" }),
    points.map((/** @type {any} */ point) => svg("circle", { cx: x(point.x), cy: y(point.y), r: 5, class: "dot" })),
    labels(points.map((/** @type {any} */ point) => ({ x: x(point.x) + 8, y: y(point.y) - 6, text: point.letter })))
      .map((label) => svg("text", { x: label.x, y: label.y }, label.text)),
    svg("text", { x: 356, y: 240, "text-anchor": "end", class: "name" }, axis(across, right, units[0])),
    svg("text", { x: 26, y: 18, class: "name" }, axis(down, top, units[1])));
  return el("figure", null, el("figcaption", null, title), drawing);
}

/**
 * Labels that would lie on each other are one.
 * @param {{x: number, y: number, text: string}[]} all
 */
function labels(all) {
  /** @type {{x: number, y: number, text: string}[]} */
  const apart = [];
  for (const label of all) {
    const near = apart.find((other) => Math.abs(other.x - label.x) < 12 && Math.abs(other.y - label.y) < 12);
    if (near) near.text += ", " + label.text;
    else apart.push({ ...label });
  }
  return apart;
}
