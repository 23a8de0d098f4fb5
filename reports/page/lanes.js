// The lanes of a run: a row for the faults, one for each process, and rows for each partition and each group.

import { CUTS, firstFrom, kindOf } from "./course.js";
import { says, seconds } from "./words.js";
import { colour, fit, hatch, hue } from "./paint.js";

/**
 * Something on a lane.
 * @typedef {object} Item
 * @property {number} from
 * @property {number} to
 * @property {string} text
 * @property {number} [entry] the entry that it is
 * @property {number} [track] which part of the lane, where several are one below the other
 *
 * A lane.
 * @typedef {object} Lane
 * @property {string} id
 * @property {string} label
 * @property {string} part the heading under which it stands
 * @property {number} height
 * @property {number} [node] the only process that it is about
 * @property {number} [partition] the only partition
 * @property {Item[]} items what can be pointed at, by time
 * @property {Float64Array} [times] times of entries that can be pointed at
 * @property {Int32Array} [entries] the entries
 * @property {string} summary
 * @property {{name: string, ink: () => string}[]} [legend]
 * @property {(at: number) => string} [reads] what it says of any moment
 * @property {(scene: Scene) => void} draw
 *
 * Where a lane is drawn.
 * @typedef {object} Scene
 * @property {CanvasRenderingContext2D} context
 * @property {number} width
 * @property {number} height
 * @property {number} from
 * @property {number} to
 * @property {(at: number) => number} x
 * @property {Uint8Array | null} shown which entries the filters let through; null: all
 */

/** @typedef {import("./course.js").Course} Course */

const HEADINGS = { controller: "Cluster", broker: "Cluster", producer: "Producers", member: "Members", other: "Others" };

/**
 * @param {Course} course
 * @returns {Lane[]}
 */
export function lanes(course) {
  const order = ["controller", "broker", "producer", "member", "other"];
  const nodes = course.nodes.map((node, index) => ({ ...node, index }));
  nodes.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.index - b.index);
  const busy = new Set(course.node);
  const all = [];
  if (course.faults.length) all.push(faults(course));
  for (const node of nodes) {
    if (busy.has(node.index)) all.push(process(course, node.index));
  }
  course.partitions.forEach((_, partition) => all.push(...partitions(course, partition)));
  course.groups.forEach((_, group) => all.push(...groups(course, group)));
  return all;
}

/**
 * The place of a process among those of its kind: its colour.
 * @param {Course} course
 * @param {number} node
 */
function rank(course, node) {
  const kind = course.nodes[node].kind;
  return course.nodes.slice(0, node).filter((other) => other.kind === kind).length;
}

/**
 * A span on a scene: where it begins, and how wide it is.
 * @param {Scene} scene
 * @param {{from: number, to: number}} item
 */
function span(scene, item) {
  const left = Math.max(-2, scene.x(item.from));
  const right = Math.min(scene.width + 2, scene.x(item.to));
  return { left, width: Math.max(1, right - left), seen: right >= 0 && left <= scene.width };
}

/** @param {Course} course @returns {Lane} */
function faults(course) {
  /** @type {number[]} */
  const ends = [];
  const items = course.faults.map((fault) => {
    let track = ends.findIndex((end) => end <= fault.from);
    if (track < 0) track = ends.length;
    ends[track] = fault.to;
    return { from: fault.from, to: fault.to, text: fault.text, track };
  });
  return {
    id: "faults", label: "faults", part: "Faults", height: 4 + ends.length * 18, items,
    summary: `${items.length} faults. ` + items.map((item) => `${seconds(item.from)}: ${item.text}`).join(". "),
    draw(scene) {
      for (const item of items) {
        const { left, width, seen } = span(scene, item);
        if (!seen) continue;
        const y = 2 + item.track * 18;
        scene.context.fillStyle = colour("fault-soft");
        scene.context.fillRect(left, y, width, 16);
        scene.context.fillStyle = colour("fault");
        scene.context.fillRect(left, y, 2, 16);
        scene.context.fillStyle = colour("ink");
        fit(scene.context, item.text, Math.max(left, 0) + 6, Math.min(left + width, scene.width) - Math.max(left, 0) - 8, y + 8.5);
      }
    },
  };
}

/** Colours of ticks where each has room; by kind. */
const TICKS = {
  acked: "good", processed: "good", committed: "good", final_read: "quiet",
  failed: "bad", retried: "fault", commit_failed: "bad", truncated: "bad", power_cut: "bad", disk_gone: "bad", few_replicas: "fault", gave_up: "bad",
  note: "ink",
};

/**
 * A process: up or down, fenced, under a fault, and what happened there.
 * @param {Course} course
 * @param {number} node
 * @returns {Lane}
 */
function process(course, node) {
  const lives = course.lives.filter((life) => life.lane === node);
  const up = lives.filter((life) => life.text === "up");
  const fenced = lives.filter((life) => life.text === "fenced");
  const active = lives.filter((life) => life.text.startsWith("active"));
  const struck = course.faults.filter((fault) => fault.nodes.includes(node));
  const mine = [];
  for (let entry = 0; entry < course.count; entry++) if (course.node[entry] === node) mine.push(entry);
  const entries = Int32Array.from(mine), times = Float64Array.from(mine, (entry) => course.at[entry]);
  const items = [
    ...struck.map((fault) => ({ from: fault.from, to: fault.to, text: `under a fault: ${fault.text}` })),
    ...fenced.map((life) => ({ from: life.from, to: life.to, text: "fenced: it may not lead" })),
    ...active.map((life) => ({ from: life.from, to: life.to, text: `the active controller: ${life.text}` })),
    ...down(up, course.end).map((gap) => ({ ...gap, text: "down" })),
  ].sort((a, b) => a.from - b.from);
  const { name, kind } = course.nodes[node];
  const own = hue(rank(course, node));
  return {
    id: name, label: name, part: HEADINGS[/** @type {keyof typeof HEADINGS} */ (kind)], height: 30, node,
    items, times, entries,
    summary: `${name}: ${entries.length} entries. ` +
      (items.map((item) => `${seconds(item.from)} to ${seconds(item.to)} ${item.text}`).join(". ") || "Up all the time."),
    draw(scene) {
      const { context, height, width } = scene;
      const [top, tall] = [3, height - 6];
      if (up.length === 0) {
        context.fillStyle = colour("band");
        context.fillRect(0, top, width, tall);
      }
      for (const life of up) {
        const { left, width: wide } = span(scene, life);
        context.fillStyle = colour("band");
        context.fillRect(left, top, wide, tall);
        context.fillStyle = own;
        context.fillRect(left, top, wide, 2);
      }
      for (const fault of struck) {
        const { left, width: wide, seen } = span(scene, fault);
        if (!seen) continue;
        context.fillStyle = colour("fault-soft");
        context.fillRect(left, top, wide, tall);
        hatch(context, left, top, wide, tall, colour("fault-line"));
      }
      for (const gap of down(up, course.end)) {
        const { left, width: wide, seen } = span(scene, gap);
        if (!seen) continue;
        context.fillStyle = colour("paper");
        context.fillRect(left, top + 4, wide, tall - 8);
        context.fillStyle = colour("muted");
        fit(context, "down", Math.max(left, 0) + 6, wide - 8, top + tall / 2 + 0.5);
      }
      for (const life of fenced) {
        const { left, width: wide } = span(scene, life);
        context.fillStyle = colour("fault");
        context.fillRect(left, top + tall - 2, wide, 2);
      }
      for (const life of active) {
        const { left, width: wide } = span(scene, life);
        context.fillStyle = colour("good");
        context.fillRect(left, top + tall - 3, wide, 3);
      }
      ticks(scene, course, times, entries, top + 3, tall - 5);
    },
  };
}

/**
 * The times in which a process was not up.
 * @param {{from: number, to: number}[]} up
 * @param {number} end
 */
function down(up, end) {
  const gaps = [];
  for (let index = 0; index < up.length; index++) {
    const next = index + 1 < up.length ? up[index + 1].from : end;
    if (next > up[index].to) gaps.push({ from: up[index].to, to: next });
  }
  return gaps;
}

/**
 * Entries as ticks where there is room for each, else as heights by their number.
 * @param {Scene} scene
 * @param {Course} course
 * @param {Float64Array} times
 * @param {Int32Array} entries
 * @param {number} top
 * @param {number} tall
 */
function ticks(scene, course, times, entries, top, tall) {
  const { context, width, from, to, x, shown } = scene;
  const [first, last] = [firstFrom(times, from), firstFrom(times, to + 1)];
  if (last - first < width / 3) {
    for (let index = first; index < last; index++) {
      const entry = entries[index];
      if (shown && !shown[entry]) continue;
      const kind = kindOf(course, entry);
      context.fillStyle = colour(TICKS[/** @type {keyof typeof TICKS} */ (kind)] || "quiet");
      context.fillRect(Math.round(x(times[index])), top + 2, 1.5, tall - 2);
    }
    return;
  }
  const counts = new Uint32Array(Math.ceil(width / 2) + 1);
  let most = 1;
  for (let index = first; index < last; index++) {
    if (shown && !shown[entries[index]]) continue;
    const column = Math.max(0, Math.floor(x(times[index]) / 2));
    most = Math.max(most, ++counts[column]);
  }
  context.fillStyle = colour("quiet");
  const scale = tall / Math.log1p(most);
  for (let column = 0; column < counts.length; column++) {
    if (!counts[column]) continue;
    const height = Math.max(2, Math.log1p(counts[column]) * scale);
    context.fillRect(column * 2, top + tall - height, 2, height);
  }
}

/**
 * A partition: who led it and who was in sync, and below that its logs.
 * @param {Course} course
 * @param {number} partition
 * @returns {Lane[]}
 */
function partitions(course, partition) {
  const name = course.partitions[partition];
  const leaders = course.leaders.filter((band) => band.lane === partition);
  const sets = course.in_sync.filter((band) => band.lane === partition);
  const all = [];
  const eligible = course.eligible.filter((band) => band.lane === partition);
  if (leaders.length) all.push(leadership(course, name, partition, { leaders, sets, eligible }));
  const log = logs(course, name, partition);
  if (log) all.push(log);
  return all;
}

/**
 * @param {Course} course
 * @param {string} name
 * @param {number} partition
 * @param {{leaders: Course["leaders"], sets: Course["in_sync"], eligible: Course["eligible"]}} bands
 * @returns {Lane}
 */
function leadership(course, name, partition, { leaders, sets, eligible }) {
  const replicas = [...new Set([...sets, ...eligible].flatMap((set) => set.who))].sort((a, b) => a - b);
  const who = (/** @type {number | null} */ node) => (node === null ? "no leader" : course.nodes[node].name);
  const names = (/** @type {number[]} */ nodes) => nodes.map((node) => course.nodes[node].name).join(", ") || "nobody";
  const items = [
    ...leaders.map((band) => ({ from: band.from, to: band.to, track: 0, text: `leader ${who(band.who)}, ${band.text}` })),
    ...sets.map((set) => ({
      from: set.from, to: set.to, track: 1,
      text: `in sync: ${names(set.who)}${set.few ? ", fewer than min.insync.replicas" : ""}`,
    })),
    ...eligible.map((set) => ({
      from: set.from, to: set.to, track: 2,
      text: (set.who.length ? `eligible to lead beside them: ${names(set.who)}` : "nobody is eligible to lead") +
        (set.last === null ? "" : `; ${who(set.last)} led last`),
    })),
  ].sort((a, b) => a.from - b.from);
  return {
    id: `${name} leader`, label: `${name} leader, in-sync set`, part: "Partitions", height: 26 + replicas.length * 5,
    partition, items,
    summary: items.map((item) => `${seconds(item.from)} ${item.text}`).join(". "),
    draw(scene) {
      const { context } = scene;
      for (const band of leaders) {
        const { left, width, seen } = span(scene, band);
        if (!seen) continue;
        if (band.who === null) {
          hatch(context, left, 3, width, 17, colour("bad"));
          continue;
        }
        context.globalAlpha = 0.25;
        context.fillStyle = hue(rank(course, band.who));
        context.fillRect(left, 3, width, 17);
        context.globalAlpha = 1;
        context.fillRect(left, 3, 2, 17);
        context.fillStyle = colour("ink");
        const start = Math.max(left, 0);
        fit(context, `${who(band.who)} · ${band.text}`, start + 6, left + width - start - 8, 12);
      }
      for (const set of sets) {
        const { left, width, seen } = span(scene, set);
        if (!seen) continue;
        set.who.forEach((node) => {
          context.fillStyle = hue(rank(course, node));
          context.fillRect(left, 23 + replicas.indexOf(node) * 5, Math.max(1, width - 0.5), 3);
        });
        if (set.few) hatch(context, left, 22, width, replicas.length * 5, colour("bad"));
      }
      // Out of sync, and yet eligible: dots in the place of the line.
      for (const set of eligible) {
        const { left, width, seen } = span(scene, set);
        if (!seen) continue;
        set.who.forEach((node) => {
          context.fillStyle = hue(rank(course, node));
          const y = 23 + replicas.indexOf(node) * 5;
          for (let x = Math.ceil(left / 6) * 6; x < left + width; x += 6) context.fillRect(x, y, 3, 3);
        });
      }
    },
  };
}

/**
 * The log end of each replica, and the high watermark.
 * @param {Course} course
 * @param {string} name
 * @param {number} partition
 * @returns {Lane | null}
 */
function logs(course, name, partition) {
  /** @type {Map<number, {times: number[], values: number[]}>} */
  const ends = new Map();
  const high = { times: /** @type {number[]} */ ([]), values: /** @type {number[]} */ ([]) };
  for (let entry = 0; entry < course.count; entry++) {
    if (course.partition[entry] !== partition) continue;
    const kind = kindOf(course, entry), at = course.at[entry], offset = course.offset[entry];
    if (kind === "high_watermark") {
      high.times.push(at);
      high.values.push(offset);
    } else if (kind === "led" || kind === "copied" || CUTS.has(kind)) {
      const node = course.node[entry];
      const line = ends.get(node) || { times: [], values: [] };
      ends.set(node, line);
      line.times.push(at);
      line.values.push(CUTS.has(kind) ? offset : offset + course.batches[course.what[entry]].length);
    }
  }
  if (ends.size === 0) return null;
  const lines = [...ends.entries()].sort(([a], [b]) => a - b);
  const at = (/** @type {{times: number[], values: number[]}} */ line, /** @type {number} */ now) => {
    const place = firstFrom(line.times, now + 1) - 1;
    return place < 0 ? 0 : line.values[place];
  };
  return {
    id: `${name} log`, label: `${name} log ends, high watermark`, part: "Partitions", height: 54, partition, items: [],
    summary: `Log of ${name} at the end: ` +
      lines.map(([node, line]) => `${course.nodes[node].name} ${at(line, course.end)}`).join(", "),
    draw(scene) {
      const { context, width, height, from, to, x } = scene;
      const drawn = [...lines.map(([node, line]) => ({ line, ink: hue(rank(course, node)), dashed: false })),
        ...(high.times.length ? [{ line: high, ink: colour("ink"), dashed: true }] : [])];
      let [low, top] = [Infinity, 0];
      for (const { line } of drawn) {
        low = Math.min(low, at(line, from));
        top = Math.max(top, at(line, to));
        const [first, last] = [firstFrom(line.times, from), firstFrom(line.times, to + 1)];
        for (let index = first; index < last; index++) low = Math.min(low, line.values[index]);
      }
      if (top <= low) top = low + 1;
      const y = (/** @type {number} */ value) => height - 4 - ((value - low) / (top - low)) * (height - 8);
      drawn.forEach(({ line, ink, dashed }, place) => {
        context.strokeStyle = ink;
        context.lineWidth = dashed ? 1 : 1.5;
        context.setLineDash(dashed ? [3, 3] : []);
        context.beginPath();
        let value = y(at(line, from)) + (dashed ? 0 : place * 0.7);
        context.moveTo(0, value);
        const last = firstFrom(line.times, to + 1);
        for (let index = firstFrom(line.times, from); index < last; index++) {
          const left = x(line.times[index]);
          context.lineTo(left, value);
          value = y(line.values[index]) + (dashed ? 0 : place * 0.7);
          context.lineTo(left, value);
        }
        context.lineTo(width, value);
        context.stroke();
      });
      context.setLineDash([]);
      context.fillStyle = colour("muted");
      context.fillText(String(top), 4, 9);
      context.fillText(String(low), 4, height - 8);
    },
    reads: (now) => lines.map(([node, line]) => `${course.nodes[node].name} ${at(line, now)}`).join(", ") +
      (high.times.length ? `; high watermark ${at(high, now)}` : ""),
  };
}

/**
 * A group: its generations, and for each partition who owned it.
 * @param {Course} course
 * @param {number} group
 * @returns {Lane[]}
 */
function groups(course, group) {
  const name = course.groups[group], all = [];
  const points = course.generations.filter((point) => point.group === group);
  if (points.length) {
    const items = points.map((point, index) => ({
      from: point.at, to: index + 1 < points.length ? points[index + 1].at : course.end,
      text: `generation ${point.number}` + (point.members ? `, ${point.members} members` : "") +
        (point.reason ? `; ${point.reason}` : ""),
    }));
    all.push(generations(name, items));
  }
  const members = [...new Set(course.owners.filter((one) => one.group === group).map((one) => one.who))];
  course.partitions.forEach((partition, lane) => {
    const owners = course.owners.filter((one) => one.group === group && one.lane === lane);
    if (owners.length) all.push(ownership(course, `${name}: ${partition}`, lane, owners, members));
  });
  return all;
}

/**
 * @param {string} name
 * @param {Item[]} items
 * @returns {Lane}
 */
function generations(name, items) {
  return {
    id: `${name} generations`, label: `${name} generations`, part: "Groups", height: 24, items,
    summary: items.map((item) => `${seconds(item.from)} ${item.text}`).join(". "),
    draw(scene) {
      items.forEach((item, index) => {
        const { left, width, seen } = span(scene, item);
        if (!seen) return;
        scene.context.fillStyle = colour(index % 2 ? "band" : "band-strong");
        scene.context.fillRect(left, 3, width, 18);
        scene.context.fillStyle = colour("ink");
        const start = Math.max(left, 0);
        fit(scene.context, item.text, start + 5, left + width - start - 7, 12.5);
      });
    },
  };
}

/**
 * @param {Course} course
 * @param {string} name
 * @param {number} partition
 * @param {Course["owners"]} owners
 * @param {number[]} members
 * @returns {Lane}
 */
function ownership(course, name, partition, owners, members) {
  const items = owners.map((one) => ({ from: one.from, to: one.to, text: `owned by ${course.nodes[one.who].name}` }));
  items.sort((a, b) => a.from - b.from);
  const own = new Set(members), mine = [];
  for (let entry = 0; entry < course.count; entry++) {
    const isCommit = course.partition[entry] === partition && kindOf(course, entry) === "committed";
    if (isCommit && own.has(course.node[entry])) mine.push(entry);
  }
  const entries = Int32Array.from(mine), times = Float64Array.from(mine, (entry) => course.at[entry]);
  return {
    id: name, label: name, part: "Groups", height: 28, partition, items, times, entries,
    summary: items.map((item) => `${seconds(item.from)} to ${seconds(item.to)} ${item.text}`).join(". "),
    draw(scene) {
      const { context } = scene;
      for (const one of owners) {
        const { left, width, seen } = span(scene, one);
        if (!seen) continue;
        context.globalAlpha = 0.25;
        context.fillStyle = hue(rank(course, one.who));
        context.fillRect(left, 3, width, 16);
        context.globalAlpha = 1;
        context.fillRect(left, 3, 2, 16);
        context.fillStyle = colour("ink");
        const start = Math.max(left, 0);
        fit(context, course.nodes[one.who].name, start + 6, left + width - start - 8, 11.5);
      }
      context.fillStyle = colour("good");
      const [first, last] = [firstFrom(times, scene.from), firstFrom(times, scene.to + 1)];
      let before = -9;
      for (let index = first; index < last; index++) {
        const left = Math.round(scene.x(times[index]));
        if (left === before || (scene.shown && !scene.shown[entries[index]])) continue;
        context.fillRect(left, 21, 1, 5);
        before = left;
      }
    },
  };
}

/**
 * What a lane has at a moment, the most exact first.
 * @param {Course} course
 * @param {Lane} lane
 * @param {number} at
 * @param {number} near how far away an entry may be
 * @param {number} record
 * @returns {{text: string, at: number, entry: number}}
 */
export function under(course, lane, at, near, record) {
  if (lane.times && lane.entries) {
    const next = firstFrom(lane.times, at);
    const around = [next, next - 1].filter((place) => place >= 0 && place < lane.entries.length);
    const distance = (/** @type {number} */ place) => Math.abs(lane.times[place] - at);
    const [best] = around.sort((a, b) => distance(a) - distance(b));
    if (best !== undefined && distance(best) <= near) {
      const entry = lane.entries[best];
      const [first, last] = [firstFrom(lane.times, at - near), firstFrom(lane.times, at + near + 1)];
      const more = last - first > 1 ? ` (and ${last - first - 1} more within ${seconds(2 * near, near)})` : "";
      return { text: says(course, entry, record) + more, at: course.at[entry], entry };
    }
  }
  const here = lane.items.filter((item) => item.from <= at && item.to >= at).map((item) => item.text);
  return { text: lane.reads ? lane.reads(at) : here.join(" · "), at, entry: -1 };
}
