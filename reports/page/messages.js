// Messages between processes as arrows over the lanes: a request from its client to its server, and the answer back.

import { firstFrom, latest } from "./course.js";
import { colour } from "./paint.js";
import { counted, length } from "./words.js";

/** @typedef {import("./course.js").Course} Course */
/** @typedef {import("./view.js").View} View */

/** More requests in a window are too many to follow. */
const MOST_ARROWS = 400;

/**
 * Whether a request or its answer never arrived, or was refused.
 * @param {import("./course.js").Messages} all
 * @param {number} one
 */
function failed(all, one) {
  return all.error[one] >= 0 || all.arrived[one] < 0 || (all.answered[one] !== -2 && all.received[one] < 0);
}

/**
 * What can be chosen: nothing, what is not sent all the time, everything, or one sort of request.
 * @param {Course} course
 * @returns {[string, string][]}
 */
export function choices(course) {
  const { apis } = course.messages;
  return [["", "none"], ["rare", "all but polls"], ["failed", "failed"], ["all", "all"],
    ...[...apis].sort().map((api) => /** @type {[string, string]} */ ([api, api]))];
}

/**
 * The requests that are chosen, in a window of time.
 * @param {Course} course
 * @param {View} view
 * @returns {number[]}
 */
export function chosen(course, view) {
  const all = course.messages;
  /** @type {number[]} */
  const found = [];
  if (!view.messages) return found;
  const polls = new Set(all.apis.flatMap((api, index) => (all.polls.includes(api) ? [index] : [])));
  const own = all.apis.indexOf(view.messages);
  for (let one = firstFrom(all.sent, view.from - all.longest); one < all.sent.length && all.sent[one] <= view.to; one++) {
    const is = view.messages === "all" || (view.messages === "rare" && (!polls.has(all.api[one]) || failed(all, one))) ||
      (view.messages === "failed" && failed(all, one)) || all.api[one] === own;
    const there = latest(all.sent[one], all.arrived[one], all.answered[one], all.received[one]) >= view.from;
    const here = view.node < 0 || all.client[one] === view.node || all.server[one] === view.node;
    const about = view.partition < 0 || all.about[one] === view.partition;
    if (is && there && here && about) found.push(one);
  }
  return found;
}

/**
 * A request in words.
 * @param {Course} course
 * @param {number} one
 */
export function tells(course, one) {
  const all = course.messages, { nodes, partitions, groups } = course;
  const about = all.about[one] >= 0 ? " " + partitions[all.about[one]] : all.about[one] <= -2 ? ` of ${groups[-2 - all.about[one]]}` : "";
  const took = (/** @type {number} */ from, /** @type {number} */ to) => length((to - from) / 1000);
  const start = `${all.apis[all.api[one]]}${about} from ${nodes[all.client[one]].name} to ${nodes[all.server[one]].name}`;
  if (all.arrived[one] < 0) return `${start}: never arrived`;
  if (all.answered[one] === -2) return `${start}: arrived after ${took(all.sent[one], all.arrived[one])}, wants no answer`;
  if (all.answered[one] < 0) return `${start}: no answer`;
  const error = all.error[one] >= 0 ? all.errors[all.error[one]] : "answered";
  if (all.received[one] < 0) return `${start}: ${error}, and the answer never arrived`;
  return `${start}: ${error} after ${took(all.sent[one], all.received[one])}`;
}

/**
 * The request that begins or ends nearest to a moment at a process.
 * @param {Course} course
 * @param {View} view
 * @param {number} node
 * @param {number} at
 * @param {number} near
 */
export function nearest(course, view, node, at, near) {
  const all = course.messages;
  let best = -1, distance = near;
  for (const one of chosen(course, { ...view, from: at - near, to: at + near })) {
    const times = all.client[one] === node ? [all.sent[one], all.received[one]]
      : all.server[one] === node ? [all.arrived[one], all.answered[one]] : [];
    for (const time of times) {
      if (time < 0 || Math.abs(time - at) > distance) continue;
      distance = Math.abs(time - at);
      best = one;
    }
  }
  return best;
}

/**
 * Draws arrows between lanes, and says what it draws.
 * @param {CanvasRenderingContext2D} context
 * @param {Course} course
 * @param {View} view
 * @param {(at: number) => number} x
 * @param {Map<number, number>} heights of the lanes of processes
 * @returns {string}
 */
export function drawMessages(context, course, view, x, heights) {
  if (!view.messages) return "";
  const found = chosen(course, view), all = course.messages;
  const shown = found.length > MOST_ARROWS ? found.filter((one) => failed(all, one)).slice(0, MOST_ARROWS) : found;
  context.lineWidth = 1;
  for (const one of shown) {
    const [client, server] = [heights.get(all.client[one]), heights.get(all.server[one])];
    const bad = all.error[one] >= 0;
    arrow(context, [x(all.sent[one]), client, all.arrived[one] < 0 ? null : x(all.arrived[one]), server], "accent");
    if (all.answered[one] >= 0) {
      arrow(context, [x(all.answered[one]), server, all.received[one] < 0 ? null : x(all.received[one]), client], bad ? "bad" : "muted");
    } else if (all.arrived[one] >= 0 && all.answered[one] === -1) {
      cross(context, x(all.arrived[one]), server);
    }
  }
  const wrong = found.filter((one) => failed(all, one)).length;
  const text = `${counted(found.length, "request")} in the window, ${wrong} of them failed.`;
  if (found.length <= MOST_ARROWS) return text;
  return `${text} More than ${MOST_ARROWS} are too many to draw: ` + (wrong ? "only those that failed are. " : "") + "Zoom in, or choose one sort.";
}

/**
 * An arrow from one lane to another. One that never arrives ends in a cross; one whose lane is not shown is short.
 * @param {CanvasRenderingContext2D} context
 * @param {[number, number | undefined, number | null, number | undefined]} ends
 * @param {string} ink
 */
function arrow(context, [left, from, right, to], ink) {
  if (from === undefined && to === undefined) return;
  const lost = right === null;
  const end = right ?? left + 14;
  const top = from ?? /** @type {number} */ (to) - 16, foot = to ?? /** @type {number} */ (from) + 16;
  const stop = lost ? top + (foot - top) * 0.6 : foot;
  context.strokeStyle = context.fillStyle = colour(lost ? "bad" : ink);
  context.setLineDash(lost ? [4, 3] : []);
  context.beginPath();
  context.moveTo(left, top);
  context.lineTo(end, stop);
  context.stroke();
  context.setLineDash([]);
  if (lost) return cross(context, end, stop);
  const angle = Math.atan2(stop - top, end - left);
  context.beginPath();
  context.moveTo(end, stop);
  for (const side of [-0.4, 0.4]) context.lineTo(end - 6 * Math.cos(angle + side), stop - 6 * Math.sin(angle + side));
  context.fill();
}

/**
 * Something that comes to nothing.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number | undefined} y
 */
function cross(context, x, y) {
  if (y === undefined) return;
  context.strokeStyle = colour("bad");
  context.lineWidth = 2;
  context.beginPath();
  for (const side of [-4, 4]) {
    context.moveTo(x - 4, y - side);
    context.lineTo(x + 4, y + side);
  }
  context.stroke();
  context.lineWidth = 1;
}
