// Curves over the same time as the lanes, with the times of faults shaded.

import { colour, hue } from "./paint.js";
import { number } from "./words.js";

/** @typedef {import("./course.js").Course} Course */
/** @typedef {import("./lanes.js").Lane} Lane */

/**
 * @param {Course} course
 * @returns {Lane[]}
 */
export function charts(course) {
  return course.charts.charts.map((chart) => curves(course, chart, course.charts.step));
}

/**
 * @param {Course} course
 * @param {import("./course.js").Chart} chart
 * @param {number} step
 * @returns {Lane & {legend: {name: string, ink: () => string}[]}}
 */
function curves(course, chart, step) {
  const value = (/** @type {(number | null)[]} */ values, /** @type {number} */ at) => values[Math.floor(at / step)] ?? null;
  const most = (/** @type {(number | null)[]} */ values) => values.reduce((top, one) => Math.max(top ?? 0, one ?? 0), 0);
  const ends = chart.curves.map((curve) => `${curve.name} at most ${number(most(curve.values) ?? 0, 1)} ${chart.unit}`);
  return {
    id: `chart ${chart.title}`, label: `${chart.title}, ${chart.unit}`, part: "Charts", height: 92, items: [],
    legend: chart.curves.map((curve, index) => ({ name: curve.name, ink: () => hue(index) })),
    summary: `${chart.title}: ${ends.join(", ")}`,
    reads: (at) => chart.curves.map((curve) => {
      const one = value(curve.values, at);
      return `${curve.name} ${one === null ? "–" : number(one, 1)}`;
    }).join(" · ") + ` ${chart.unit}`,
    draw(scene) {
      const { context, width, height, from, to, x } = scene;
      for (const fault of course.faults) {
        const left = Math.max(0, x(fault.from)), right = Math.min(width, x(fault.to));
        if (right <= left) continue;
        context.fillStyle = colour("fault-shade");
        context.fillRect(left, 0, Math.max(1, right - left), height);
      }
      const [first, last] = [Math.floor(from / step), Math.ceil(to / step)];
      let top = 0;
      for (const { values } of chart.curves) {
        for (let place = first; place <= last; place++) top = Math.max(top, values[place] ?? 0);
      }
      const round = nice(top);
      const y = (/** @type {number} */ one) => height - 3 - (one / round) * (height - 18);
      context.strokeStyle = colour("line");
      context.lineWidth = 1;
      context.beginPath();
      for (const part of [0, 0.5, 1]) {
        context.moveTo(0, Math.round(y(round * part)) + 0.5);
        context.lineTo(width, Math.round(y(round * part)) + 0.5);
      }
      context.stroke();
      chart.curves.forEach(({ values }, index) => {
        context.strokeStyle = hue(index);
        context.lineWidth = 1.5;
        context.beginPath();
        let on = false;
        for (let place = first; place <= last; place++) {
          const one = values[place];
          if (one === null || one === undefined) {
            on = false;
            continue;
          }
          const [left, right] = [x(place * step), x((place + 1) * step)];
          if (on) context.lineTo(left, y(one));
          else context.moveTo(left, y(one));
          context.lineTo(Math.max(right, left + 1), y(one));
          on = true;
        }
        context.stroke();
      });
      context.fillStyle = colour("muted");
      context.fillText(number(round, 1), 4, 8);
    },
  };
}

/**
 * The next round number.
 * @param {number} top
 */
function nice(top) {
  if (top <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  const round = [1, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= top) || 10;
  return round * power;
}
