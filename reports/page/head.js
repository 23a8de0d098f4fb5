// What stands above the lanes: the verdict, the command that shows it again, what happened to whom, and why.

import { command, el, section, table } from "./dom.js";
import { firstFrom, kindOf, recordPlace } from "./course.js";
import { counted, length, number, percent } from "./words.js";

/** @typedef {import("./view.js").Sight | null} Where */

/**
 * The verdict with its reasons.
 * @param {any} report
 * @param {string} title
 * @param {string} aside
 * @returns {any}
 */
export function header(report, title, aside) {
  const reasons = (report.reasons || []).map((/** @type {any} */ one) => el("li", null, one.text));
  return el("header", null,
    el("p", { class: "brand" }, "ackproof"),
    el("h1", null, el("span", { class: "verdict " + report.verdict }, report.verdict), " ", title,
      el("span", { class: "muted aside" }, aside)),
    reasons.length ? el("ul", { class: "reasons" }, reasons) : null,
    (report.notes || []).map((/** @type {string} */ note) => el("p", { class: "muted" }, note)),
    report.reproduce ? command(report.reproduce) : null);
}

/**
 * A text in which times and records lead to the lanes.
 * @param {string} text
 * @param {Where} sight
 * @returns {any[]}
 */
export function linked(text, sight) {
  if (!sight) {
    const [, time, rest] = /^(\d+\.\d{3} ?s)(.*)$/s.exec(text) || [];
    return time ? [el("span", { class: "time" }, time), rest] : [text];
  }
  return text.split(/(\b\d+\.\d{3} ?s\b|[\w.-]+#\d+)/).map((part, index) => {
    if (index % 2 === 0) return part;
    const go = (/** @type {() => void} */ what) => () => {
      what();
      document.getElementById("timeline").scrollIntoView({ behavior: "smooth" });
    };
    if (!part.includes("#")) {
      const at = parseFloat(part) * 1e6;
      return el("button", { type: "button", class: "link time", onclick: go(() => sight.look(at)) }, part);
    }
    const place = recordPlace(sight.course, part);
    if (place < 0) return part;
    return el("button", { type: "button", class: "link", onclick: go(() => sight.set({ record: place })) }, part);
  });
}

/**
 * A story, a step a line.
 * @param {string[]} lines
 * @param {Where} sight
 */
function story(lines, sight) {
  return lines.length ? el("ol", { class: "story" }, lines.map((line) => el("li", null, linked(line, sight)))) : null;
}

/**
 * When a story begins and ends, with some time around it.
 * @param {string[]} lines
 * @returns {[number, number] | null}
 */
export function around(lines) {
  // The final read proves a loss long after it happened.
  const before = lines.filter((line) => !line.includes("final read"));
  const times = before.map((line) => parseFloat(line) * 1e6).filter(Number.isFinite);
  if (times.length === 0) return null;
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const margin = Math.max((last - first) * 0.08, 50_000);
  return [first - margin, last + margin];
}

/**
 * The command that says what would have saved a run, of the command that runs it.
 * @param {string | undefined} reproduce
 */
function question(reproduce) {
  const [, rest] = /^ackproof run ((?:(?!--)\S+|'[^']*') --seed \d+(?: --set (?:'[^']*'|\S+))*)$/.exec(reproduce || "") || [];
  return rest ? `ackproof explain ${rest} --what-if` : null;
}

/**
 * What went wrong: each violated property with what shows it; else what happened to records.
 * @param {any} report
 * @param {Where} sight
 * @param {boolean} isAsked what would have saved it stands on the page
 * @returns {any}
 */
export function happened(report, sight, isAsked) {
  const violated = report.properties.filter((/** @type {any} */ one) => one.verdict === "violated");
  const parts = violated.map((/** @type {any} */ one) => el("article", { class: "violation" },
    el("h3", null, one.name, " ", el("span", { class: "muted" }, `violated ${counted(one.violation_count, "time")}`)),
    one.causes.map((/** @type {any} */ cause) => el("p", null, el("b", null, cause.cause), ` (${number(cause.count)}): ${cause.about}`)),
    one.violations.slice(0, 3).map((/** @type {any} */ found, /** @type {number} */ index) =>
      found.story.length ? el("details", { open: index === 0 }, el("summary", null, found.summary), story(found.story, sight), show(found, sight))
        : el("p", null, linked(found.summary, sight))),
    one.violation_count > 3 ? el("p", { class: "muted" }, `and ${number(one.violation_count - 3)} more`) : null));
  const fates = report.causes.filter((/** @type {any} */ one) => one.story.length || violated.length === 0);
  parts.push(...fates.map((/** @type {any} */ one) => el("article", null,
    el("h3", null, `${one.what.replace("-", " ")}${one.group ? " in " + one.group : ""} `, el("span", { class: "muted" }, `${number(one.count)}: ${one.cause}`)),
    el("p", null, one.about),
    one.story.length ? el("details", null, el("summary", null, "How the first one came to be"), story(one.story, sight),
      show({ story: one.story, summary: one.story[0] }, sight)) : null)));
  const asked = violated.length && !isAsked ? question(report.reproduce) : null;
  if (asked) parts.push(el("p", null, "Which setting would have saved it, and when it was too late, this tells:"), command(asked));
  const moments = report.timeline.map((/** @type {any} */ one) => `${(one.at_ms / 1000).toFixed(3)}s  ${one.text}`);
  parts.push(el("details", { open: parts.length === 0 }, el("summary", null, "The run at a glance"), story(moments, sight)));
  return section("happened", violated.length ? "What went wrong" : "What happened", parts);
}

/**
 * A button that shows a story in the lanes.
 * @param {{story: string[], summary: string}} found
 * @param {Where} sight
 */
function show(found, sight) {
  const window = sight && around(found.story);
  if (!sight || !window) return null;
  const onclick = () => {
    sight.set({ from: window[0], to: window[1], record: subject(found, sight), at: null });
    document.getElementById("timeline").scrollIntoView({ behavior: "smooth" });
  };
  return el("button", { type: "button", class: "show", onclick }, "Show it in the lanes");
}

/**
 * The record that a finding is about.
 * @param {{story: string[], summary: string}} found
 * @param {import("./view.js").Sight} sight
 * @returns {number}
 */
export function subject(found, sight) {
  const texts = [found.summary, ...found.story];
  const named = texts.map((text) => /[\w.-]+#\d+/.exec(text)).find((match) => match);
  return named ? recordPlace(sight.course, named[0]) : twice(found.story, sight.course);
}

/**
 * The record that a story of work done again is about: it was processed at both of the times that the story names.
 * @param {string[]} story
 * @param {import("./course.js").Course} course
 * @returns {number}
 */
function twice(story, course) {
  const done = story.map((line) => /^(\d+\.\d{3})s +(\S+) processed it/.exec(line)).filter(Boolean);
  const records = done.map(([, at, name]) => {
    const from = Math.round(Number(at) * 1000) * 1000, node = course.nodes.findIndex((one) => one.name === name);
    const found = new Set();
    for (let entry = firstFrom(course.at, from); entry < course.count && course.at[entry] < from + 1000; entry++) {
      if (course.node[entry] === node && kindOf(course, entry) === "processed") found.add(course.what[entry]);
    }
    return found;
  });
  if (records.length < 2) return -1;
  return [...records[0]].find((record) => records.every((others) => others.has(record))) ?? -1;
}

/**
 * Figures, each with its name.
 * @param {any} report
 * @returns {any}
 */
export function figures(report) {
  const { records, timing } = report;
  /** @type {[string, string, boolean?][]} */
  const all = [
    ["sent", number(records.sent)], ["acknowledged", number(records.acked)],
    ["lost", number(records.lost), records.lost > 0],
    ["failed", number(records.failed)], ["outcome unknown", `${number(records.unknown)} (${number(records.unknown_absent)} in no log)`],
    ["twice in a log", number(records.log_duplicates)],
  ];
  if (records.copies) all.splice(1, 0, ["of them copies by mirrors", number(records.copies)]);
  report.groups.forEach((/** @type {any} */ one) => {
    all.push([`processed by ${one.group}`, number(one.processed)],
      [`duplicates in ${one.group}`, `${number(one.duplicates)} (${percent(one.duplicate_rate)})`],
      [`skipped by ${one.group}`, number(one.skipped), one.skipped > 0]);
    if (one.outputs) {
      all.push([`made by ${one.group}`, `${number(one.outputs.made)}, ${number(one.outputs.duplicates)} of them twice in a log`],
        [`lost of what ${one.group} made`, number(one.outputs.lost), one.outputs.lost > 0]);
    }
    if (one.backlog) all.push([`backlog of ${one.group}`, number(one.backlog)]);
  });
  const latency = (/** @type {any} */ one) => `${length(one.p50_ms)} (half), ${length(one.p99_ms)} (99 %)`;
  if (timing.acknowledgement.count) all.push(["acknowledged within", latency(timing.acknowledgement)]);
  timing.groups.forEach((/** @type {any} */ one) => {
    if (one.end_to_end.count) all.push([`processed by ${one.group} within`, latency(one.end_to_end)]);
  });
  if (timing.writes) all.push(["writes stood still", `${percent(timing.writes.unavailability)} of the time, ${length(timing.writes.longest_ms)} at the longest`]);
  timing.groups.forEach((/** @type {any} */ one) => {
    if (one.reads) all.push([`reads of ${one.group} stood still`, `${percent(one.reads.unavailability)} of the time, ${length(one.reads.longest_ms)} at the longest`]);
  });
  if (timing.failover && timing.failover.count) all.push(["failover", `${number(timing.failover.count)}, ${length(timing.failover.mean_ms)} in the mean`]);
  if (report.kafka) all.push(["Kafka", report.kafka.version]);
  all.push(["length", length(report.simulated_ms ?? report.span_ms)], ["entries", number(report.entries)]);
  const because = (/** @type {string} */ what, /** @type {any} */ one) => (one ? [`The longest standstill of ${what}: ${one.about} (${one.cause}).`] : []);
  const why = [...because("writes", timing.writes_because),
    ...timing.groups.flatMap((/** @type {any} */ one) => because(`reads of ${one.group}`, one.reads_because))];
  return section("figures", "Figures",
    el("dl", { class: "figures" }, all.map(([name, value, bad]) => el("div", { class: bad ? "bad" : null }, el("dt", null, name), el("dd", null, value)))),
    why.map((text) => el("p", { class: "muted" }, text)));
}

/**
 * Properties: what is wrong first, what holds last.
 * @param {any} report
 * @returns {any}
 */
export function properties(report) {
  const rank = { violated: 0, vacuous: 1, held: 2 };
  const all = [...report.properties].sort((a, b) => rank[/** @type {keyof typeof rank} */ (a.verdict)] - rank[/** @type {keyof typeof rank} */ (b.verdict)]);
  const word = (/** @type {any} */ one) => (one.verdict === "vacuous" ? "nothing to judge" : one.verdict);
  const detail = (/** @type {any} */ one) => {
    const said = one.undecided ? [one.undecided.why] : [];
    const unjudged = (report.unjudged || {})[one.name];
    if (unjudged) said.push(unjudged);
    if (one.violation_count) said.push(counted(one.violation_count, "violation"));
    if (one.expected !== "held") said.push(`expected: ${one.expected.replace("-", " ")}`);
    return said.join("; ");
  };
  return section("properties", "Properties",
    table("Properties", ["property", "verdict", "facts judged", "note"],
      all.map((one) => [one.name, el("span", { class: "judgement " + one.verdict }, word(one)), number(one.witnesses), detail(one)])));
}

/**
 * What the configuration promises and leaves possible.
 * @param {any} contract
 * @param {any} report
 * @returns {any}
 */
export function promises(contract, report) {
  if (!contract) return null;
  const settings = (/** @type {string[]} */ names) => names.map((name) => el("code", null, name));
  const rows = [
    ...contract.promises.map((/** @type {any} */ one) => [one.says, "promised", el("span", { class: "settings" }, settings(one.settings))]),
    ...contract.possible.map((/** @type {any} */ one) => [one.clause.says,
      one.records ? el("b", { class: "bad" }, `possible: ${number(one.records)} here`) : "possible: not in this run",
      el("span", { class: "settings" }, settings(one.clause.settings))]),
  ];
  if (rows.length === 0) return null;
  const idle = (report.not_modelled || []).map((/** @type {any} */ one) =>
    el("li", null, el("code", null, one.setting), ` has no effect here${one.says ? ": " + one.says : ""}`));
  return section("contract", "Settings that matter",
    table("What the settings promise", ["what", "in this run", "settings"], rows),
    idle.length ? el("ul", null, idle) : null);
}
