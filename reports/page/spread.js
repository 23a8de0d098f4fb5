// How lengths of time are spread over the runs of a sweep: bars over an axis on which each step doubles.

import { el, svg } from "./dom.js";
import { counted, length, spoken } from "./words.js";

/** Bins of the report to a doubling, and bars. */
const FINE = 16, BARS = 4;
const [WIDE, TALL, FOOT] = [440, 90, 18];

/**
 * The shortest length of a bin, in microseconds: below 16 each has a bin of its own, then each doubling has 16.
 * @param {number} bin
 */
function least(bin) {
  return bin < FINE ? bin : (FINE + (bin % FINE)) * 2 ** (Math.floor(bin / FINE) - 1);
}

/**
 * The measures of a scenario that are lengths of time, each as bars.
 * @param {any} scenario
 * @returns {any}
 */
export function spreads(scenario) {
  const times = scenario.measures.filter((/** @type {any} */ one) => one.unit === "milliseconds" && one.sums.bins.length);
  if (!times.length) return null;
  return el("div", null, el("h3", null, "How times are spread"),
    el("div", { class: "pictures" }, times.map((/** @type {any} */ one) => spread(one))));
}

/** @param {any} measure */
function spread(measure) {
  const title = spoken(measure.name) + (measure.group ? " of " + measure.group : "");
  /** @type {Map<number, number>} */
  const bars = new Map();
  let before = 0;
  for (const { bin, count } of measure.sums.bins) {
    const bar = Math.floor((bin * BARS) / FINE);
    bars.set(bar, (bars.get(bar) || 0) + count - before);
    before = count;
  }
  const [first, last] = [Math.min(...bars.keys()), Math.max(...bars.keys())];
  const most = Math.max(...bars.values()), step = WIDE / (last - first + 1), room = TALL - FOOT;
  const edge = (/** @type {number} */ bar) => length(least((bar * FINE) / BARS) / 1000);
  const drawn = [...bars].map(([bar, count]) => {
    const tall = Math.max(1, (count / most) * room);
    return svg("rect", { x: (bar - first) * step, y: room - tall, width: Math.max(1, step - 1), height: tall, class: "bar" },
      svg("title", {}, `${edge(bar)} to ${edge(bar + 1)}: ${counted(count, "time")}`));
  });
  const of = (/** @type {string} */ name) => measure.estimates.find((/** @type {any} */ one) => one.of === name)?.value;
  const [half, most99] = [of("p50"), of("p99")];
  const said = half === undefined ? "" : `half up to ${length(half)}, 99 % up to ${length(most99)}`;
  const ends = [svg("text", { x: 0, y: TALL - 4 }, edge(first)), svg("text", { x: WIDE, y: TALL - 4, "text-anchor": "end" }, edge(last + 1))];
  return el("figure", null,
    el("figcaption", null, `${title}: `, el("span", { class: "muted" }, `${counted(before, "time")}, ${said}`)),
    svg("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, role: "img", "aria-label": `${title}: ${said}` }, ...drawn, ...ends));
}
