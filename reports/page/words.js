// What an entry says, and how times and numbers are written.

import { kindOf, recordName, recordsOf } from "./course.js";

/**
 * Microseconds as seconds, with as many digits as `unit` of time can be told apart by.
 * @param {number} us
 * @param {number} [unit]
 */
export function seconds(us, unit = 1000) {
  const digits = unit >= 1e6 ? 0 : unit >= 1e5 ? 1 : unit >= 1e4 ? 2 : unit >= 1000 ? 3 : 6;
  return (us / 1e6).toFixed(digits) + " s";
}

/**
 * Milliseconds as people say them.
 * @param {number | null | undefined} ms
 */
export function length(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? number(ms, ms < 10 ? 1 : 0) + " ms" : number(ms / 1000, ms < 1e4 ? 2 : 1) + " s";
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
export function number(value, digits = 0) {
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/**
 * @param {number} share from 0 to 1
 */
export function percent(share) {
  const value = share * 100;
  return number(value, value >= 10 ? 1 : value >= 0.1 ? 2 : 4) + " %";
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  const plural = noun.endsWith("y") ? noun.slice(0, -1) + "ies" : noun + "s";
  return number(count) + " " + (count === 1 ? noun : plural);
}

/**
 * The records of an entry in words.
 * @param {import("./course.js").Course} course
 * @param {number} entry
 * @param {number} [named] the record that is to be named first
 */
function records(course, entry, named = -1) {
  const all = recordsOf(course, entry);
  if (all.length === 0) return "no record";
  const first = all.includes(named) ? named : all[0];
  return recordName(course, first) + (all.length > 1 ? ` and ${all.length - 1} more` : "");
}

/**
 * What an entry says, without its time and its process.
 * @param {import("./course.js").Course} course
 * @param {number} entry
 * @param {number} [record] the record that is looked at
 * @returns {string}
 */
export function says(course, entry, record = -1) {
  const kind = kindOf(course, entry);
  const place = course.partition[entry] < 0 ? "" : course.partitions[course.partition[entry]];
  const offset = course.offset[entry], more = course.more[entry];
  const about = () => records(course, entry, record);
  switch (kind) {
    case "sent": return `sent ${about()}${place ? ` to ${place}` : ""}`;
    case "acked": return `acknowledged: ${about()}, ${place} from offset ${offset < 0 ? "unknown" : offset}`;
    case "failed": return `failed: ${about()}; ${course.texts[more]}`;
    case "retried": return `sends the batch of ${about()} to ${place} again: ${course.texts[more]}`;
    case "polled": return `polled ${about()}, ${place} from offset ${offset}`;
    case "processed": return `processed ${about()}, ${place} offset ${offset}${more > 0 ? ", put aside" : ""}`;
    case "gave_up": return `gave up ${about()}, ${place} offset ${offset}`;
    case "commit_sent": return `commits ${place} up to ${offset}`;
    case "committed": return `committed ${place} up to ${offset}`;
    case "commit_failed": return `commit of ${place} up to ${offset} failed: ${course.texts[more]}`;
    case "led": return `appended as leader: ${about()}, ${place} from offset ${offset}, epoch ${more}`;
    case "copied": return `appended as follower: ${about()}, ${place} from offset ${offset}, epoch ${more}`;
    case "truncated": return `cut its log of ${place} from ${more} to ${offset}`;
    case "power_cut": return `lost with its power what it had not flushed of ${place}: from ${more} to ${offset}`;
    case "disk_gone": return `lost with its disk the log of ${place}: from ${more} to ${offset}`;
    case "high_watermark": return `high watermark of ${place} is ${offset}, epoch ${more}`;
    case "few_replicas": return `refused a batch of ${place}: ${counted(more, "replica")} in sync`;
    case "duplicate_batch": return `knew a batch of ${place} at offset ${offset} already`;
    case "send_blocked": return `send waits: ${about()}`;
    case "unsent": return `ends without flush: ${about()} never left its buffer`;
    case "sink_written": return `wrote ${about()} to its sink${more > 0 ? ", which ignored it" : ""}, ${place} offset ${offset}`;
    case "derived": return `made ${recordName(course, more)} of ${about()}, ${place} offset ${offset}`;
    case "final_read": return `final read: ${about()}, ${place} from offset ${offset}`;
    default: return course.texts[more] || kind;
  }
}

/**
 * The name of a measure as people say it: `ack_latency.p99` is the ack latency, p99.
 * @param {string} name
 */
export function spoken(name) {
  return name.replaceAll("_", " ").replace(".", ", ");
}
