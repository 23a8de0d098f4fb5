// A sweep: how often what fails, with intervals, for which causes, and which seeds show it.

import { command, el, section, table } from "./dom.js";
import { alertSums } from "./alerts.js";
import { header } from "./head.js";
import { spreads } from "./spread.js";
import { counted, length, number, percent, spoken } from "./words.js";

/** Commands of one cause, at most. */
const SEEDS = 5;

/**
 * @param {any} report
 * @returns {any[]}
 */
export function sweep(report) {
  const { from, to } = report.asked.seeds;
  const seeds = to === null ? `seeds from ${from} on` : `seeds ${from}..${to}`;
  const many = report.scenarios.length > 1;
  return [
    header(report, many ? report.asked.paths.join(" ") : report.scenarios.map((/** @type {any} */ one) => one.scenario).join(""), ` ${seeds}${report.interrupted ? ", interrupted" : ""}`),
    many ? overview(report.scenarios) : null,
    ...report.scenarios.map((/** @type {any} */ one, /** @type {number} */ index) => scenario(one, index, many)),
  ].filter(Boolean);
}

/**
 * The seeds at which a scenario shows a violation, one to a property.
 * @param {any} one
 * @returns {any[]}
 */
function failing(one) {
  return one.properties.filter((/** @type {any} */ property) => property.violated.length);
}

/** @param {any[]} scenarios */
function overview(scenarios) {
  const rows = scenarios.map((one, index) => {
    const fails = failing(one);
    const causes = new Set(fails.flatMap((property) => property.causes.map((/** @type {any} */ cause) => cause.cause)));
    const again = new Set(one.causes.filter((/** @type {any} */ cause) => cause.what.includes("duplicate")).map((/** @type {any} */ cause) => cause.cause));
    return [
      el("a", { href: "#scenario-" + index }, one.scenario),
      el("span", { class: "verdict " + one.verdict }, one.verdict),
      number(one.seeds.run),
      fails.length ? fails.map((property) => `${property.name} ${property.violated.length} of ${property.judged}`).join(", ") : "–",
      [...causes].join(", "),
      [...again].join(", "),
    ];
  });
  return section("overview", counted(scenarios.length, "scenario"),
    table("Scenarios", ["scenario", "verdict", "seeds", "violated in", "causes", "duplicates by"], rows));
}

/**
 * @param {any} one
 * @param {number} index
 * @param {boolean} many
 */
function scenario(one, index, many) {
  const { seeds } = one;
  const sums = `${counted(seeds.run, "seed")}: ${number(seeds.met)} met, ${number(seeds.violated.length)} violated, ${number(seeds.inconclusive)} inconclusive`;
  const claim = one.claim ? `Each property that no seed violates is violated by less than ${percent(one.claim.below)} of all seeds (at 95 %).` : "";
  const parts = [
    el("p", null, sums, claim && el("span", { class: "muted" }, ` ${claim}`)),
    one.reasons.length ? el("ul", null, one.reasons.map((/** @type {any} */ reason) => el("li", null, reason.text))) : null,
    (one.notes || []).map((/** @type {string} */ note) => el("p", { class: "muted" }, note)),
    many ? command(one.reproduce) : null,
    clusters(one), alertSums(one.alerts), rates(one), asked(one), fates(one), spreads(one), measures(one),
  ];
  const title = [el("span", { class: "verdict " + one.verdict }, one.verdict), " ", one.scenario];
  const id = "scenario-" + index;
  if (!many) return el("section", { id, "aria-label": one.scenario }, parts);
  return el("section", { id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title" }, title), parts);
}

/** @param {any} one failures by their causes */
function clusters(one) {
  const fails = failing(one);
  if (fails.length === 0) return null;
  const causes = fails.reduce((sum, property) => sum + Math.max(1, property.causes.length), 0);
  const failed = new Set(fails.flatMap((property) => property.violated)).size;
  const cluster = (/** @type {any} */ property, /** @type {any} */ cause) => {
    const seeds = cause ? cause.seeds : property.violated;
    const first = seeds[0] - one.seeds.from + 1;
    return el("article", { class: "violation" },
      el("h4", null, property.name, cause ? ` by ${cause.cause}` : ""),
      cause ? el("p", null, cause.about) : null,
      el("p", { class: "muted" }, `${seeds.length} of ${counted(one.seeds.run, "seed")}` +
        (cause ? `, ${counted(cause.count, "violation")}` : "") +
        (Number.isFinite(first) ? `; the first showed after ${counted(first, "seed")}` : "")),
      property.first && (!cause || seeds.includes(property.violated[0])) ? el("details", null, el("summary", null, property.first.summary),
        el("ol", { class: "story" }, property.first.story.map((/** @type {string} */ line) => el("li", null, line)))) : null,
      el("ul", { class: "seeds" }, seeds.slice(0, SEEDS).map((/** @type {number} */ seed) => el("li", null, el("code", null, again(one.reproduce, seed))))),
      seeds.length > SEEDS ? el("p", { class: "muted" }, `and seeds ${seeds.slice(SEEDS, SEEDS + 40).join(", ")}${seeds.length > SEEDS + 40 ? " …" : ""}`) : null);
  };
  return el("div", null,
    el("h3", null, `${counted(failed, "seed")} with a violation, ${counted(causes, "cause")}`),
    fails.flatMap((property) => (property.causes.length ? property.causes : [null]).map((/** @type {any} */ cause) => cluster(property, cause))));
}

/**
 * The command of another seed.
 * @param {string} command
 * @param {number} seed
 */
function again(command, seed) {
  return command.replace(/--seeds? \S+/, `--seed ${seed}`);
}

/**
 * A share on a bar, with its interval.
 * @param {number} value
 * @param {{low: number, high: number} | null} interval
 */
function bar(value, interval) {
  const part = (/** @type {number} */ one) => `${Math.max(0, Math.min(1, one)) * 100}%`;
  const [low, high] = interval ? [interval.low, interval.high] : [value, value];
  const range = el("i", { class: "range" }), point = el("i", { class: "point" });
  range.style.left = part(low);
  range.style.width = part(high - low);
  point.style.left = part(value);
  return el("span", { class: "share", "aria-hidden": "true" }, range, point);
}

/** @param {any} one */
function rates(one) {
  const rows = one.properties.filter((/** @type {any} */ property) => property.judged > 0).map((/** @type {any} */ property) => {
    const share = property.violated.length / property.judged;
    const { rate } = property;
    const other = property.expected === "held" ? "" : `, expected: ${property.expected.replace("-", " ")}`;
    return [property.name, el("span", null, el("span", { class: "judgement " + property.verdict }, property.verdict), other),
      `${property.violated.length} of ${property.judged}`,
      rate ? el("span", null, bar(share, rate), ` ${percent(rate.low)} to ${percent(rate.high)}`) : "–"];
  });
  return rows.length ? el("div", null, el("h3", null, "How often properties are violated"),
    table("Rates of violations", ["property", "verdict", "seeds", "share of all seeds, at 95 %"], rows)) : null;
}

/**
 * What the scenario expects beside properties: seeds that do not show it are inconclusive or fail.
 * @param {any} one
 */
function asked(one) {
  const { run } = one.seeds;
  const rows = [
    ...one.demands.map((/** @type {any} */ demand) => [`${demand.witness.replaceAll("_", " ")} at least ${number(demand.least)} times`,
      `${number(demand.reached)} of ${number(run)}`, demand.reached < run ? "the others prove nothing: inconclusive" : ""]),
    ...one.limits.map((/** @type {any} */ limit) => [spoken(limit.measure) +
      (limit.min === null ? "" : ` at least ${number(limit.min, 4)}`) + (limit.max === null ? "" : ` at most ${number(limit.max, 4)}`),
      `${number(run - limit.outside.length)} of ${number(run)}`,
      limit.outside.length ? `outside in seeds ${limit.outside.slice(0, 20).join(", ")}${limit.outside.length > 20 ? " …" : ""}` : ""]),
    ...one.faults.filter((/** @type {any} */ fault) => fault.idle).map((/** @type {any} */ fault) => [fault.first_idle.text,
      `${number(fault.struck)} of ${number(fault.struck + fault.idle)} times it struck`, `idle in seed ${fault.first_idle.seed} first`]),
  ];
  return rows.length ? el("div", null, el("h3", null, "What the scenario asks for"),
    table("Expectations", ["what", "seeds that show it", "note"], rows)) : null;
}

/** @param {any} one */
function fates(one) {
  if (one.causes.length === 0) return null;
  const rate = (/** @type {any} */ cause) => {
    const range = cause.interval ? ` (${percent(cause.interval.low)} to ${percent(cause.interval.high)})` : "";
    return cause.rate === null ? "" : `, ${percent(cause.rate)} of its records${range}`;
  };
  const most = Math.max(...one.causes.map((/** @type {any} */ cause) => cause.count));
  const rows = one.causes.map((/** @type {any} */ cause) => [
    `${cause.what.replace("-", " ")}${cause.group ? " in " + cause.group : ""}`, cause.cause,
    el("span", null, bar(cause.count / most, { low: 0, high: cause.count / most }), ` ${number(cause.count)} in ${counted(cause.seeds, "seed")}${rate(cause)}`),
    cause.about]);
  return el("div", null, el("h3", null, "What happened to records, and why"),
    table("Causes", ["what", "cause", "how often", "why"], rows));
}

/** @param {any} one */
function measures(one) {
  const value = (/** @type {number} */ it, /** @type {string} */ unit) => (unit === "milliseconds" ? length(it) : percent(it));
  const rows = one.measures.flatMap((/** @type {any} */ measure) => measure.estimates.map((/** @type {any} */ estimate) => [
    `${spoken(measure.name)}${measure.group ? " of " + measure.group : ""}, ${estimate.of}`,
    value(estimate.value, measure.unit),
    estimate.interval ? `${value(estimate.interval.low, measure.unit)} to ${value(estimate.interval.high, measure.unit)}` : "–",
    number(measure.runs)]));
  return rows.length ? el("details", null, el("summary", null, "Measures"),
    table("Measures", ["measure", "value", "at 95 %", "runs"], rows)) : null;
}
