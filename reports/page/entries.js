// The entries in the window that the filters leave, as a table: what the lanes show, in words.

import { el, section, table } from "./dom.js";
import { firstFrom, kindOf, lifeOf, recordName, recordsOf } from "./course.js";
import { counted, says, seconds } from "./words.js";

/** Rows of the table, at most. */
const ROWS = 200;

export class Entries {
  /**
   * @param {import("./course.js").Course} course
   * @param {import("./view.js").Sight} sight
   * @param {(shown: Uint8Array | null) => void} show is told what the filters leave
   */
  constructor(course, sight, show) {
    this.course = course;
    this.sight = sight;
    this.show = show;
    this.body = el("div");
    this.count = el("p", { role: "status", class: "muted" });
    this.element = section("entries", "Entries in this window", this.count, this.body);
    this.timer = 0;
    sight.listen((_, changed) => {
      if (["node", "partition", "record", "text"].some((key) => key in changed)) this.filter();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.list(), 120);
    });
    this.filter();
    this.list();
  }

  filter() {
    const { course } = this, { node, partition, record, text } = this.sight.view;
    if (node < 0 && partition < 0 && record < 0 && !text) {
      this.shown = null;
    } else {
      const shown = new Uint8Array(course.count);
      const life = record >= 0 ? new Set(lifeOf(course, record)) : null;
      const wanted = text.toLowerCase();
      for (let entry = 0; entry < course.count; entry++) {
        const out = (node >= 0 && course.node[entry] !== node) ||
          (partition >= 0 && course.partition[entry] !== partition) ||
          (life && !life.has(entry)) || (wanted && !says(course, entry).toLowerCase().includes(wanted));
        shown[entry] = out ? 0 : 1;
      }
      this.shown = shown;
    }
    // A record is followed by its way through the lanes, which stay as they are.
    this.show(node < 0 && partition < 0 && !text ? null : this.shown);
  }

  list() {
    const { course, sight, shown } = this, { from, to, record } = sight.view;
    const rows = [];
    let total = 0;
    const last = firstFrom(course.at, to + 1);
    for (let entry = firstFrom(course.at, from); entry < last; entry++) {
      if (shown && !shown[entry]) continue;
      if (total++ < ROWS) rows.push(this.row(entry, record));
    }
    this.count.textContent = counted(total, "entry") + (total > ROWS ? `, the first ${ROWS} of them below: zoom in or filter` : "");
    this.body.replaceChildren(rows.length ? table("Entries", ["time", "process", "what", "record"], rows) : "");
  }

  /**
   * @param {number} entry
   * @param {number} record
   */
  row(entry, record) {
    const { course, sight } = this, at = course.at[entry];
    const records = recordsOf(course, entry);
    const one = records.includes(record) ? record : records[0];
    return [
      el("button", { type: "button", class: "link", onclick: () => sight.look(at) }, seconds(at)),
      course.nodes[course.node[entry]].name,
      el("span", { class: kindOf(course, entry) }, says(course, entry, record)),
      one === undefined ? "" : el("button", { type: "button", class: "link", onclick: () => sight.set({ record: one }) },
        recordName(course, one)),
    ];
  }
}
