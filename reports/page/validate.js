// A validation: real runs of a scenario beside simulated ones, property by property and figure by figure.

import { command, el, section, table } from "./dom.js";
import { counted, length, number, percent, spoken } from "./words.js";

/**
 * @param {any} report
 * @returns {any[]}
 */
export function validation(report) {
  const { from, to } = report.seeds;
  const figures = (/** @type {string} */ what, /** @type {any} */ test) =>
    el("p", null, agreement(test.agreement), ` ${what}: ${number(test.outside)} of ${number(test.compared)} lie outside what 95 % of simulated runs show` +
      (test.known ? `, ${number(test.known)} are known to differ` : "") +
      (test.probability === null ? "." : `; by chance so many do with probability ${percent(test.probability)}.`));
  const left = report.left_out.map((/** @type {any} */ one) => el("li", null, `${one.file}: ${one.why}`));
  const many = report.scenarios.length > 1;
  return [
    el("header", null, el("p", { class: "brand" }, "ackproof"),
      el("h1", null, agreement(report.agreement), " The models and a real Kafka",
        el("span", { class: "muted aside" }, ` ${counted(report.scenarios.length, "scenario")}, seeds ${from}..${to}${report.interrupted ? ", interrupted" : ""}`)),
      figures("Counts", report.counts), figures("Times", report.times),
      left.length ? el("details", null, el("summary", null, "Left out"), el("ul", null, left)) : null,
      command(report.reproduce)),
    many ? section("overview", "Scenarios", table("Scenarios", ["scenario", "verdict", "real runs", "simulated", "about"],
      report.scenarios.map((/** @type {any} */ one, /** @type {number} */ index) => [
        el("a", { href: "#validated-" + index }, one.scenario), agreement(one.agreement),
        number(one.histories.length), number(one.runs), one.about]))) : null,
    ...report.scenarios.map(validated),
  ].filter(Boolean);
}

/** @param {string} word */
function agreement(word) {
  const kind = { agrees: "met", differs: "violated", "not-compared": "inconclusive" }[word];
  return el("span", { class: "verdict " + kind }, word.replace("-", " "));
}

/**
 * @param {any} one
 * @param {number} index
 */
function validated(one, index) {
  const judged = one.properties.filter((/** @type {any} */ property) => property.agreement !== "not-compared");
  const properties = judged.map((/** @type {any} */ property) => [property.name, agreement(property.agreement),
    property.real.join(", "), `${property.violated} violated, ${property.held} held`,
    property.rate ? `${percent(property.rate.low)} to ${percent(property.rate.high)}` : "–"]);
  const rows = one.figures.filter((/** @type {any} */ figure) => figure.simulated).map((/** @type {any} */ figure) => figureRow(figure));
  return section("validated-" + index, one.scenario,
    el("p", null, agreement(one.agreement), ` ${counted(one.histories.length, "real run")} against ${number(one.runs)} simulated` +
      (one.failed ? `; ${counted(one.failed, "simulated run")} came to no report` : "")),
    el("p", { class: "muted" }, one.about),
    properties.length ? table(`Properties of ${one.scenario}`, ["property", "verdict", "real", "simulated", "share violated, at 95 %"], properties) : null,
    rows.length ? table(`Figures of ${one.scenario}`, ["figure", "real", "simulated: half", "95 % of them", "note"], rows) : null);
}

/** @param {any} figure */
function figureRow(figure) {
  const value = (/** @type {number | null} */ it) => (it === null ? "–" : figure.unit === "milliseconds" ? length(it) : number(it, 1));
  const real = figure.real.map((/** @type {number | null} */ it, /** @type {number} */ run) => {
    const place = figure.places[run], outside = place === "below" || place === "above";
    const text = value(it) + (outside ? ` (${place})` : "");
    return [run ? ", " : "", outside && !figure.known ? el("b", { class: "bad" }, text) : text];
  });
  const { median, low, high } = figure.simulated;
  return [spoken(figure.name) + (figure.group ? ` of ${figure.group}` : ""), el("span", null, real), value(median),
    `${value(low)} to ${value(high)}`, figure.known ? `known to differ: ${figure.known}` : ""];
}
