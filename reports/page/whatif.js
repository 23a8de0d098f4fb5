// What would have saved the run, how sure its failure was over time, and the lanes of a run that does not fail.

import { command, el, section, table } from "./dom.js";
import { counted, length, number, percent, says, seconds } from "./words.js";
import { colour, fit } from "./paint.js";
import { lanes } from "./lanes.js";
import { decode } from "./course.js";
import { linked } from "./head.js";

/** @typedef {import("./lanes.js").Lane} Lane */

/** What a change does, as people are told, in the order of the report. */
const EFFECTS = {
  saves: "saves it", trades: "trades it for another failure, or promises less", fails: "does not save it", breaks: "breaks it",
  holds: "holds too", unknown: "came to no end",
};

/** What is shown of a run: sums of measures. */
const SUMS = [
  ["lost or skipped", ["lost", "skipped", "output_lost", "sink_missing"], (/** @type {number} */ value) => number(value)],
  ["failed sends", ["failed", "unknown_absent"], (/** @type {number} */ value) => number(value)],
  ["copies in a log", ["log_duplicates"], (/** @type {number} */ value) => number(value)],
  ["processed again", ["duplicate_rate"], percent],
  ["no writes", ["unavailability"], percent],
  ["acknowledged, 99 %", ["ack_latency.p99"], length],
  ["processed, 99 %", ["end_to_end_latency.p99"], length],
];

/**
 * The share of forks that fail, over the lanes.
 * @param {import("./course.js").Course} course
 * @param {any} curve
 * @returns {Lane}
 */
export function inevitability(course, curve) {
  const points = curve.points.map((/** @type {any} */ one) => ({
    at: one.at_us, share: one.fail / one.forks, low: one.interval.low, high: one.interval.high,
    text: `${one.fail} of ${one.forks} forks fail (${percent(one.interval.low)} to ${percent(one.interval.high)})${one.event ? ": " + one.event : ""}`,
  }));
  // In the end it failed.
  const all = [...points, { at: course.end, share: 1, low: 1, high: 1, text: "it failed" }];
  const { jump } = curve;
  const last = (/** @type {number} */ at) => all.reduce((best, one) => (one.at <= at ? one : best), all[0]);
  const said = jump ? `At ${seconds(jump.at_us)} it rose from ${percent(jump.before)} to ${percent(jump.after)}: ${jump.event}. ` : "";
  return {
    id: "inevitability", label: "share of forks that fail", part: "How sure the failure was", height: 84,
    items: all.map((one) => ({ from: one.at, to: one.at, text: one.text })),
    summary: said + all.map((one) => `${seconds(one.at)}: ${percent(one.share)}`).join(", "),
    reads: (at) => last(at).text,
    draw({ context, width, height, x }) {
      const y = (/** @type {number} */ share) => height - 8 - share * (height - 24);
      context.strokeStyle = colour("line");
      context.lineWidth = 1;
      context.beginPath();
      for (const part of [0, 0.5, 1]) {
        context.moveTo(0, Math.round(y(part)) + 0.5);
        context.lineTo(width, Math.round(y(part)) + 0.5);
      }
      context.stroke();
      context.fillStyle = colour("fault-shade");
      context.beginPath();
      all.forEach((one, index) => context[index ? "lineTo" : "moveTo"](x(one.at), y(one.high)));
      [...all].reverse().forEach((one) => context.lineTo(x(one.at), y(one.low)));
      context.fill();
      context.strokeStyle = context.fillStyle = colour("bad");
      context.lineWidth = 1.5;
      context.beginPath();
      all.forEach((one, index) => context[index ? "lineTo" : "moveTo"](x(one.at), y(one.share)));
      context.stroke();
      for (const one of points) {
        context.beginPath();
        context.arc(x(one.at), y(one.share), 2.5, 0, 7);
        context.fill();
      }
      context.fillStyle = colour("muted");
      context.fillText("100 %", 4, 8);
      if (!jump) return;
      const left = x(jump.at_us);
      if (left < 0 || left > width) return;
      context.fillStyle = colour("ink");
      context.fillRect(left - 0.5, 0, 1, height);
      fit(context, jump.event, left + 6, width - left - 8, height / 2);
    },
  };
}

/**
 * What lasted in a run that does not fail: who led, who was in sync, who owned what.
 * @param {any} twin
 * @param {import("./course.js").Course} course its course, decoded
 * @returns {Lane[]}
 */
export function twinLanes(twin, course) {
  const bands = lanes(course).filter((lane) => lane.part !== "Faults" && !lane.id.endsWith(" log"));
  return bands.map(({ node, times, entries, ...lane }) => ({
    ...lane, id: "twin " + lane.id, part: `The run that does not fail: ${twin.name}`,
  }));
}

/**
 * What would have saved it.
 * @param {any} report
 * @param {any} twin
 * @param {import("./view.js").Sight} sight
 */
export function whatIf(report, twin, sight) {
  const { flips, refused, others, curve } = report;
  const of = (/** @type {string} */ effect) => flips.filter((/** @type {any} */ flip) => flip.effect === effect);
  const row = (/** @type {any} */ name, /** @type {string} */ does, /** @type {any} */ one) => [name, does,
    ...SUMS.map(([, names, show]) => cell(report, one.arm, /** @type {string[]} */ (names), /** @type {any} */ (show))),
    one.others ? `${one.others.fail} of ${one.others.runs}` : "–"];
  const heads = ["change", "in this run", ...SUMS.map(([name]) => /** @type {string} */ (name)), "other seeds that fail"];
  const rows = (/** @type {string[]} */ effects) => effects.flatMap((effect) => of(effect).map((/** @type {any} */ flip) =>
    row(change(flip, report), EFFECTS[/** @type {keyof typeof EFFECTS} */ (effect)], flip)));
  const base = row("as it is", report.failure ? "fails" : "holds", { arm: report.run, others });
  const rest = rows(["fails", "holds", "unknown"]);
  const idle = of("nothing").map((/** @type {any} */ flip) => `${flip.setting} ${flip.from} → ${flip.to}`);
  const best = of("saves")[0];
  return section("what-if", "What would have saved it",
    report.failure ? el("p", null, `Asked: ${report.failure}.`) : null,
    el("p", null, turn(curve, sight)),
    report.failure && !best ? el("p", null, "No single setting saves this run.") : null,
    table("What would have saved it", heads, [base, ...rows(["saves", "trades", "breaks"])]),
    best ? command(best.command) : null,
    rest.length ? el("details", null, el("summary", null, `${counted(rest.length, "change")} that ${report.failure ? "do not save it" : "do no harm"}`),
      table("Changes that make no difference to the verdict", heads, rest)) : null,
    idle.length ? el("p", { class: "muted" }, `No effect on this run: ${idle.join(", ")}.`) : null,
    refused.length ? el("details", null, el("summary", null, `${counted(refused.length, "change")} that Kafka refuses with the other settings`),
      el("ul", null, refused.map((/** @type {any} */ one) => el("li", null, el("code", null, one.change), `: ${one.why}`)))) : null,
    others ? el("p", { class: "muted" }, "One seed may be saved by luck, so what saves it was tried on other seeds too.") : null,
    twin ? beside(twin, sight, !best || best.command !== twin.command) : null);
}

/**
 * @param {any} twin
 * @param {import("./view.js").Sight} sight
 * @param {boolean} isNew its command does not stand above
 */
function beside(twin, sight, isNew) {
  const at = (/** @type {any} */ one) => linked(seconds(one.at_us), sight);
  const side = (/** @type {any} */ raw) => {
    const one = raw && decode(raw);
    // What concerns only the topic of offsets has no entry of its own.
    if (!one || one.count === 0) return raw ? "a step of __consumer_offsets" : "nothing more";
    return `${one.nodes[one.node[0]].name} ${says(one, 0)}`;
  };
  return el("article", { id: "twin" },
    el("h3", null, "Beside a run that does not fail: ", twin.name),
    el("p", null, "Its lanes stand below those of this run."),
    el("ul", null,
      twin.first ? el("li", null, "The first difference is at ", at(twin.first), ". Here: ", side(twin.first.run), "; there: ", side(twin.first.twin), ".") : null,
      twin.glance ? el("li", null, "What happened at a glance differs from ", at(twin.glance), " on. Here: ", twin.glance.run || "nothing more", "; there: ", twin.glance.twin || "nothing more", ".") : null),
    twin.lives ? lives(twin, sight) : null,
    isNew ? command(twin.command) : null);
}

/**
 * The record that the failure is about, in both runs; what one of them has alone is marked.
 * @param {any} twin
 * @param {import("./view.js").Sight} sight
 */
function lives(twin, sight) {
  const { run, twin: other } = twin.lives;
  const known = (/** @type {any} */ life) => new Set(life ? life.steps.map((/** @type {any} */ step) => step.node + step.text) : []);
  const column = (/** @type {string} */ name, /** @type {any} */ life, /** @type {any} */ against) => {
    const there = known(against);
    return el("div", null, el("h4", null, name),
      el("ul", null, life.outcome.map((/** @type {string} */ text) => el("li", null, text))),
      el("ol", { class: "story" }, life.steps.map((/** @type {any} */ step) => el("li", { class: there.has(step.node + step.text) ? null : "differs" },
        linked(`${(step.at_us / 1e6).toFixed(3)}s`, name === "Here" ? sight : null), `  ${step.text}`))));
  };
  return el("div", null,
    el("p", null, "The life of ", linked(run.record, sight), " in both runs; a bar marks what only one of them has, in these words."),
    el("div", { class: "beside" }, column("Here", run, other),
      other ? column(`With ${twin.name}`, other, run) : el("p", null, `With ${twin.name} it was never sent.`)));
}

/**
 * @param {any} curve
 * @param {import("./view.js").Sight} sight
 */
function turn(curve, sight) {
  if (!curve) return "The run does not fail.";
  const { jump, points, forks } = curve;
  if (jump) {
    return ["It became ", jump.after >= 0.9 ? "inevitable" : "likely", " at ", linked(seconds(jump.at_us), sight), `: ${jump.event}. `,
      `Of up to ${forks} forks of the run ${percent(jump.before)} fail just before that, and ${percent(jump.after)} just after it.`];
  }
  const [first] = points;
  if (first && first.fail * 2 > first.forks) return `It was inevitable from the beginning: without any fault ${first.fail} of ${first.forks} forks fail.`;
  return "Nothing that is on the timeline made it inevitable.";
}

/**
 * @param {any} flip
 * @param {any} report
 */
function change(flip, report) {
  const more = flip.arm.violated.filter((/** @type {string} */ name) => !report.run.violated.includes(name)).map((/** @type {string} */ name) => `violates ${name}`);
  if (flip.effect === "trades" || flip.effect === "holds") more.push(...flip.gives_up.map((/** @type {string} */ cause) => `leaves ${cause} possible`));
  if (flip.effect === "saves" && flip.leaves) more.push(`leaves ${flip.leaves} possible`);
  return el("span", null, `${flip.setting} `, el("b", null, `${flip.from} → ${flip.to}`), more.map((/** @type {string} */ text) => el("span", { class: "muted" }, el("br"), text)));
}

/**
 * @param {any} report
 * @param {any} arm
 * @param {string[]} names
 * @param {(value: number) => string} show
 */
function cell(report, arm, names, show) {
  const values = names.map((name) => arm.values[report.measures.findIndex((/** @type {any} */ one) => one.name === name)])
    .filter((value) => value !== null && value !== undefined);
  return values.length ? show(values.reduce((sum, value) => sum + value, 0)) : "–";
}
