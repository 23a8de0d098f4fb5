// Puts the page together from the data that stands in it.

import { el } from "./dom.js";
import { decode } from "./course.js";
import { Sight } from "./view.js";
import { Timeline } from "./timeline.js";
import { Entries } from "./entries.js";
import { effects } from "./faults.js";
import { alertLanes, alerts } from "./alerts.js";
import { inevitability, twinLanes, whatIf } from "./whatif.js";
import { sweep } from "./sweep.js";
import { compare } from "./compare.js";
import { validation } from "./validate.js";
import { figures, happened, header, promises, properties, subject } from "./head.js";

const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");
document.getElementById("text").removeAttribute("open");

/** A run, or a history. */
function ofRun() {
  const { report, contract } = data, course = decode(data.course);
  const violations = report.properties.flatMap((/** @type {any} */ one) => one.violations);
  /** @type {import("./legend.js").Mark[]} */
  const marks = report.properties.flatMap((/** @type {any} */ one) => one.violations.map((/** @type {any} */ found) => ({ at: moment(found), text: `${one.name}: ${found.summary}` })));
  const sight = new Sight(course, busyUntil(course));
  const first = violations[0] || report.causes.map((/** @type {any} */ one) => ({ story: one.story, summary: one.story[0] || "" }))
    .find((/** @type {any} */ one) => one.story.length);
  if (first && !location.hash) sight.view.record = subject(first, sight);
  const { what_if: other, twin } = data;
  const curve = other && other.curve && other.curve.points.length ? [inevitability(course, other.curve)] : [];
  const beside = twin ? twinLanes(twin, decode(twin.course)) : [];
  const parting = twin && (twin.glance || twin.first);
  if (parting) marks.push({ at: parting.at_us, text: "first difference from the run that does not fail", found: false });
  const timeline = new Timeline(course, sight, marks, [...curve, ...alertLanes(report, course.end)], beside);
  const entries = new Entries(course, sight, (shown) => timeline.show(shown));
  const [title, aside] = data.page === "run" ? [report.scenario, ` seed ${report.seed}`] : [report.history, ""];
  page.replaceChildren(header(report, title, aside), other ? whatIf(other, twin, sight) : "", happened(report, sight, Boolean(other)), figures(report), alerts(report) || "", timeline.element,
    effects(course, sight) || "", entries.element, properties(report), promises(contract, report) || "", foot(report));
  timeline.draw();
  // For tests: how long it took to draw.
  Object.assign(window, { ackproof: { sight, timeline } });
}

/**
 * Where the work of a run ends: what comes after is a long wait, or the final read.
 * @param {import("./course.js").Course} course
 */
function busyUntil(course) {
  const idle = new Set(["note", "final_read", "high_watermark"]);
  let last = course.count - 1;
  while (last > 0 && idle.has(course.kinds[course.kind[last]])) last--;
  const until = Math.max(course.at[last] || 0, ...course.faults.map((fault) => fault.to)) * 1.05;
  return until > 0 && until < course.end * 0.85 ? until : course.end;
}

/**
 * When something went wrong: a final read proves it later.
 * @param {any} violation
 */
function moment(violation) {
  const since = / at (\d+\.\d+)s$/.exec(violation.summary);
  return since ? Number(since[1]) * 1e6 : violation.at_ms * 1000;
}

/** @param {any} report */
function foot(report) {
  const parts = [report.file || report.history, report.digest && `digest ${report.digest}`];
  return el("footer", { class: "muted" }, parts.filter(Boolean).join(" · "));
}

/** @type {Record<string, () => void>} */
const PAGES = {
  run: ofRun,
  check: ofRun,
  sweep: () => page.replaceChildren(...sweep(data.report)),
  validate: () => page.replaceChildren(...validation(data.report)),
  compare: () => page.replaceChildren(...compare(data.report)),
};

PAGES[data.page]();
