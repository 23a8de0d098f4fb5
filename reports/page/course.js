// The course of a run, from its columns to arrays that are quick to search.

/**
 * @typedef {object} Course
 * @property {number} end the last instant, in microseconds
 * @property {{name: string, kind: string}[]} nodes
 * @property {string[]} partitions
 * @property {string[]} groups
 * @property {[number, string][]} phases
 * @property {{from: number, to: number, text: string, nodes: number[]}[]} faults
 * @property {{lane: number, from: number, to: number, who: number | null, text: string}[]} lives
 * @property {{lane: number, from: number, to: number, who: number | null, text: string}[]} leaders
 * @property {{lane: number, from: number, to: number, who: number[], few: boolean}[]} in_sync
 * @property {{lane: number, from: number, to: number, who: number[], last: number | null}[]} eligible
 * @property {{group: number, lane: number, from: number, to: number, who: number}[]} owners
 * @property {{group: number, at: number, number: number, members: number, reason: string | null}[]} generations
 * @property {{names: string[], producer: number[], number: number[]}} records
 * @property {number[][]} batches places of records
 * @property {string[]} texts
 * @property {{step: number, charts: Chart[]}} charts
 * @property {Messages} messages
 * @property {string[]} left_out
 * @property {string[]} kinds
 * @property {Float64Array} at
 * @property {Uint8Array} kind
 * @property {Uint16Array} node
 * @property {Int32Array} partition
 * @property {Int32Array} what
 * @property {Float64Array} offset
 * @property {Float64Array} more
 * @property {number} count
 *
 * @typedef {{title: string, unit: string, curves: {name: string, values: (number | null)[]}[]}} Chart
 */

/**
 * Requests with their answers. Times are absolute; −1: it did not come to that.
 * @typedef {object} Messages
 * @property {string[]} apis
 * @property {string[]} polls names of requests that clients send again and again
 * @property {string[]} errors
 * @property {Float64Array} sent
 * @property {Uint8Array} api
 * @property {Uint16Array} client
 * @property {Uint16Array} server
 * @property {Int32Array} about a partition, or −2 less the place of a group
 * @property {Float64Array} arrived
 * @property {Float64Array} answered −2: no answer is wanted
 * @property {Float64Array} received
 * @property {Int32Array} error
 * @property {number} longest from a request to its end
 */

/** Kinds of entries whose `what` is the place of one record; of others it is the place of a batch. */
const SINGLE = new Set(["sent", "retried", "processed", "gave_up", "send_blocked", "sink_written", "derived"]);

/** Kinds of entries after which a log is shorter. */
export const CUTS = new Set(["truncated", "power_cut", "disk_gone"]);

/**
 * @param {any} raw as it stands in the file
 * @returns {Course}
 */
export function decode(raw) {
  const { entries, ...rest } = raw;
  const at = new Float64Array(entries.step.length);
  let now = 0;
  for (let index = 0; index < at.length; index++) at[index] = now += entries.step[index];
  const batches = raw.batches.map((/** @type {number[]} */ steps) => {
    let place = 0;
    return steps.map((step) => (place += step));
  });
  return {
    ...rest, batches, at, count: at.length, messages: messages(raw.messages),
    kinds: entries.kinds,
    kind: Uint8Array.from(entries.kind),
    node: Uint16Array.from(entries.node),
    partition: Int32Array.from(entries.partition),
    what: Int32Array.from(entries.what),
    offset: Float64Array.from(entries.offset),
    more: Float64Array.from(entries.more),
  };
}

/**
 * @param {any} raw
 * @returns {Messages}
 */
function messages(raw) {
  const count = raw.step.length;
  const sent = new Float64Array(count), arrived = new Float64Array(count);
  const answered = new Float64Array(count), received = new Float64Array(count);
  let now = 0, longest = 0;
  for (let index = 0; index < count; index++) {
    sent[index] = now += raw.step[index];
    const after = (/** @type {number} */ from, /** @type {number} */ took) => (from < 0 || took < 0 ? Math.min(took, -1) : from + took);
    arrived[index] = after(sent[index], raw.arrived[index]);
    answered[index] = after(arrived[index], raw.answered[index]);
    received[index] = after(answered[index], raw.received[index]);
    longest = Math.max(longest, latest(sent[index], arrived[index], answered[index], received[index]) - sent[index]);
  }
  return {
    apis: raw.apis, polls: raw.polls, errors: raw.errors, sent, arrived, answered, received, longest,
    api: Uint8Array.from(raw.api), client: Uint16Array.from(raw.client), server: Uint16Array.from(raw.server),
    about: Int32Array.from(raw.about), error: Int32Array.from(raw.error),
  };
}

/** @param {...number} times */
export function latest(...times) {
  return Math.max(...times);
}

/**
 * The kind of an entry.
 * @param {Course} course
 * @param {number} entry
 */
export function kindOf(course, entry) {
  return course.kinds[course.kind[entry]];
}

/**
 * The places of the records that an entry is about.
 * @param {Course} course
 * @param {number} entry
 * @returns {number[]}
 */
export function recordsOf(course, entry) {
  const what = course.what[entry];
  if (what < 0) return [];
  return SINGLE.has(kindOf(course, entry)) ? [what] : course.batches[what];
}

/**
 * `billing-0#117`.
 * @param {Course} course
 * @param {number} place
 */
export function recordName(course, place) {
  return course.records.names[course.records.producer[place]] + "#" + course.records.number[place];
}

/**
 * The place of a record by its name; −1: there is none.
 * @param {Course} course
 * @param {string} name
 * @returns {number}
 */
export function recordPlace(course, name) {
  const parts = /^(.*)#(\d+)$/.exec(name.trim());
  if (!parts) return -1;
  const producer = course.records.names.indexOf(parts[1]);
  const number = Number(parts[2]);
  const { producer: of, number: numbers } = course.records;
  for (let place = 0; place < numbers.length; place++) {
    if (numbers[place] === number && of[place] === producer) return place;
  }
  return -1;
}

/**
 * The life of a record: where it is named, and where its offset is passed by a commit or cut from a log.
 * @param {Course} course
 * @param {number} record
 * @returns {number[]} entries
 */
export function lifeOf(course, record) {
  const life = [];
  /** @type {Map<number, number>} */
  const offsets = new Map();
  const passed = new Set();
  /** Processes that have the record: what others pass is another one. */
  const holders = new Set();
  for (let entry = 0; entry < course.count; entry++) {
    const kind = kindOf(course, entry), partition = course.partition[entry];
    const known = offsets.get(partition);
    if (course.what[entry] >= 0) {
      const index = recordsOf(course, entry).indexOf(record);
      if (index < 0) continue;
      life.push(entry);
      if (kind === "led" || kind === "copied" || kind === "polled") holders.add(course.node[entry]);
      if (kind === "led" || kind === "acked") offsets.set(partition, course.offset[entry] + index);
    } else if (known === undefined || !holders.has(course.node[entry])) {
      continue;
    } else if (CUTS.has(kind) && course.offset[entry] <= known && course.more[entry] > known) {
      life.push(entry);
      holders.delete(course.node[entry]);
    } else if ((kind === "committed" || kind === "high_watermark") && course.offset[entry] > known) {
      const key = kind === "committed" ? kind + course.node[entry] : kind;
      if (!passed.has(key)) life.push(entry);
      passed.add(key);
    }
  }
  return life;
}

/**
 * The first place in an ascending list at which a time is not before `at`.
 * @param {ArrayLike<number>} times
 * @param {number} at
 * @returns {number}
 */
export function firstFrom(times, at) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
