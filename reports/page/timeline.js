// The lanes and charts on the page: one window of time for all of them, moved by pointer and by keys.

import { el, section } from "./dom.js";
import { CUTS, lifeOf, recordName, recordPlace, recordsOf } from "./course.js";
import { seconds } from "./words.js";
import { colour, forgetColours, fresh } from "./paint.js";
import { lanes, under } from "./lanes.js";
import { choices, drawMessages, nearest, tells } from "./messages.js";
import { charts } from "./charts.js";
import { keyOf, markLanes } from "./legend.js";

/** @typedef {import("./lanes.js").Lane} Lane */
/** @typedef {import("./legend.js").Mark} Mark */

const KEYS = "Left and right go to the next entry of a lane, up and down to another lane, Shift with left and right " +
  "moves the window, plus and minus zoom, 0 shows everything, Enter follows the record of an entry, Escape lets go of it.";

export class Timeline {
  /**
   * @param {import("./course.js").Course} course
   * @param {import("./view.js").Sight} sight
   * @param {Mark[]} marks
   * @param {Lane[]} above further lanes
   * @param {Lane[]} below
   */
  constructor(course, sight, marks, above = [], below = []) {
    this.course = course;
    this.sight = sight;
    this.marks = marks;
    this.lanes = [...markLanes(marks), ...above, ...lanes(course), ...below, ...charts(course)];
    this.row = 0;
    /** @type {Uint8Array | null} */
    this.shown = null;
    /** @type {number[]} */
    this.life = sight.view.record >= 0 ? lifeOf(course, sight.view.record) : [];
    this.frame = 0;
    this.readout = el("p", { id: "readout", role: "status", "aria-live": "polite" });
    this.posted = el("p", { id: "posted", class: "muted" });
    this.overlay = el("canvas", { class: "overlay", "aria-hidden": "true" });
    this.overview = el("canvas", { class: "overview", "aria-hidden": "true" });
    this.axis = el("canvas", { class: "axis", "aria-hidden": "true" });
    /** @type {any[]} */
    this.canvases = [];
    /** @type {any[]} */
    this.rows = [];
    /** @type {any[]} */
    this.headings = [];
    this.board = this.build();
    this.window = el("span", { class: "muted" });
    this.element = section("timeline", "What happened when",
      this.filters(), this.bar(), this.sticky(), this.posted, this.board,
      course.left_out.length ? el("p", { class: "muted" }, "Left out here: " + course.left_out.join("; ") + ".") : null,
      el("p", { class: "muted", id: "keys" }, "Drag to move, Ctrl and wheel to zoom, double-click to zoom in. Keys in the lanes: " + KEYS));
    sight.listen((view, changed) => {
      if ("record" in changed) this.life = view.record >= 0 ? lifeOf(course, view.record) : [];
      if ("node" in changed || "partition" in changed) this.filter();
      this.fields();
      this.redraw();
    });
    this.filter();
    this.fields();
    addEventListener("resize", () => this.redraw());
    addEventListener("beforeprint", () => {
      for (const part of document.querySelectorAll("main details")) part.setAttribute("open", "");
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
  }

  recolour() {
    forgetColours();
    for (const { swatch, ink } of this.swatches) swatch.style.background = ink();
    this.redraw();
  }

  /** @param {Uint8Array | null} shown which entries the filters let through */
  show(shown) {
    this.shown = shown;
    this.redraw();
  }

  build() {
    const board = el("div", {
      class: "board", id: "board", role: "application", tabindex: 0, "aria-label": "Lanes over time",
      "aria-describedby": "keys", onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
    });
    /** @type {{swatch: HTMLElement, ink: () => string}[]} */
    this.swatches = [];
    let part = "";
    this.lanes.forEach((lane, index) => {
      if (lane.part !== part) {
        part = lane.part;
        const heading = el("h3", null, part);
        const key = keyOf(part);
        this.headings.push({ heading, part });
        if (key) this.headings.push({ heading: key, part });
        board.append(heading, key || "");
      }
      const canvas = el("canvas", { role: "img", "aria-label": lane.summary.slice(0, 600) || lane.label });
      const legend = (lane.legend || []).map(({ name, ink }) => {
        const swatch = el("i", { class: "swatch" });
        swatch.style.background = ink();
        this.swatches.push({ swatch, ink });
        return el("span", { class: "key" }, swatch, name);
      });
      const row = el("div", { class: "row", "data-lane": lane.id },
        el("div", { class: "label" }, el("span", { class: "name" }, lane.label), legend), canvas);
      this.canvases.push(canvas);
      this.rows.push(row);
      this.hold(canvas, index);
      board.append(row);
    });
    board.append(this.overlay);
    return board;
  }

  filters() {
    const { course, sight } = this;
    const select = (/** @type {string} */ name, /** @type {string} */ key, /** @type {string[]} */ names) =>
      el("label", null, name, el("select", {
        id: "filter-" + key,
        onchange: (/** @type {any} */ event) => sight.set({ [key]: Number(event.target.value) }),
      }, el("option", { value: -1 }, "all"), names.map((one, index) => el("option", { value: index }, one))));
    const record = (/** @type {any} */ event) => {
      const place = recordPlace(course, event.target.value);
      const wrong = place < 0 && event.target.value.trim() !== "";
      event.target.setAttribute("aria-invalid", String(wrong));
      if (!wrong) sight.set({ record: place });
    };
    const example = course.records.number.length ? recordName(course, 0) : "billing-0#117";
    return el("form", { class: "filters", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      select("process", "node", course.nodes.map((node) => node.name)),
      select("partition", "partition", course.partitions),
      el("label", null, "record", el("input", { id: "filter-record", placeholder: example, onchange: record, size: 14 })),
      el("label", null, "text", el("input", {
        id: "filter-text", type: "search", placeholder: "cut its log", size: 14,
        oninput: (/** @type {any} */ event) => sight.set({ text: event.target.value }),
      })),
      course.messages.sent.length ? el("label", null, "messages", el("select", {
        id: "filter-messages", onchange: (/** @type {any} */ event) => sight.set({ messages: event.target.value }),
      }, choices(course).map(([value, text]) => el("option", { value }, text)))) : null,
      el("button", {
        type: "button", id: "clear",
        onclick: () => sight.set({ node: -1, partition: -1, record: -1, text: "", at: null, messages: "" }),
      }, "Clear"));
  }

  bar() {
    const { sight, course } = this;
    const button = (/** @type {string} */ label, /** @type {string} */ text, /** @type {() => void} */ onclick) =>
      el("button", { type: "button", "aria-label": label, title: label, onclick }, text);
    const link = el("button", { type: "button", id: "link", onclick: async () => {
      history.replaceState(null, "", sight.hash() || location.pathname);
      try {
        await navigator.clipboard.writeText(location.href);
        link.textContent = "Copied";
      } catch {
        link.textContent = "It is in the address bar";
      }
      setTimeout(() => (link.textContent = "Link to this view"), 2000);
    } }, "Link to this view");
    return el("div", { class: "bar", role: "toolbar", "aria-label": "Window of time" },
      button("Earlier", "←", () => sight.pan(-0.5)), button("Later", "→", () => sight.pan(0.5)),
      button("Zoom in", "+", () => sight.zoom(0.5)), button("Zoom out", "−", () => sight.zoom(2)),
      button("All: show everything", "All", () => sight.set({ from: 0, to: course.end })),
      link, this.window);
  }

  sticky() {
    const move = (/** @type {PointerEvent} */ event) => {
      if (event.type === "pointermove" && !(event.buttons & 1)) return;
      const box = this.overview.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * this.course.end;
      const length = this.sight.view.to - this.sight.view.from;
      this.sight.set({ from: at - length / 2, to: at + length / 2 });
    };
    this.overview.addEventListener("pointerdown", move);
    this.overview.addEventListener("pointermove", move);
    return el("div", { class: "sticky" },
      el("div", { class: "row" }, el("div", { class: "label" }, el("span", { class: "name muted" }, "whole run")), this.overview),
      el("div", { class: "row" }, el("div", { class: "label" }, el("span", { class: "name muted" }, "time")), this.axis),
      this.readout);
  }

  fields() {
    const { view } = this.sight;
    const set = (/** @type {string} */ key, /** @type {string} */ value) => {
      const field = this.element.querySelector("#filter-" + key);
      if (field && field.value !== value && field !== document.activeElement) field.value = value;
    };
    set("node", String(view.node));
    set("partition", String(view.partition));
    set("record", view.record >= 0 ? recordName(this.course, view.record) : "");
    set("text", view.text);
    set("messages", view.messages);
    const length = view.to - view.from;
    this.window.textContent = `${seconds(view.from, length / 100)} to ${seconds(view.to, length / 100)}`;
  }

  /** Rows that the filters leave. */
  filter() {
    const { node, partition } = this.sight.view;
    this.lanes.forEach((lane, index) => {
      const other = (node >= 0 && lane.node !== undefined && lane.node !== node) ||
        (partition >= 0 && lane.partition !== undefined && lane.partition !== partition);
      this.rows[index].hidden = other;
    });
    for (const { heading, part } of this.headings) {
      heading.hidden = this.lanes.every((lane, index) => lane.part !== part || this.rows[index].hidden);
    }
  }

  /**
   * Pointers over a lane.
   * @param {HTMLCanvasElement} canvas
   * @param {number} index
   */
  hold(canvas, index) {
    const { sight } = this;
    /** @type {{x: number, from: number, to: number, moved: boolean} | null} */
    let held = null;
    const time = (/** @type {PointerEvent | MouseEvent} */ event) => {
      const { from, to } = sight.view, box = canvas.getBoundingClientRect();
      return from + ((event.clientX - box.left) / box.width) * (to - from);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      held = { x: event.clientX, from: sight.view.from, to: sight.view.to, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) {
        this.point(index, time(event), false);
        return;
      }
      const by = ((held.x - event.clientX) / canvas.clientWidth) * (held.to - held.from);
      held.moved ||= Math.abs(held.x - event.clientX) > 3;
      if (held.moved) sight.set({ from: held.from + by, to: held.to + by });
    });
    canvas.addEventListener("pointerup", (event) => {
      if (held && !held.moved) this.point(index, time(event), true);
      held = null;
    });
    canvas.addEventListener("pointercancel", () => (held = null));
    canvas.addEventListener("dblclick", (event) => sight.zoom(0.4, time(event)));
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        sight.zoom(Math.exp(event.deltaY * 0.003), time(event));
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        sight.pan(event.deltaX / canvas.clientWidth);
      }
    }, { passive: false });
  }

  /**
   * Says what a lane has at a time, and goes there if it is chosen.
   * @param {number} index
   * @param {number} at
   * @param {boolean} chosen
   */
  point(index, at, chosen) {
    const { view } = this.sight, lane = this.lanes[index];
    const near = ((view.to - view.from) / Math.max(200, this.canvases[index].clientWidth)) * 4;
    const found = under(this.course, lane, at, near, view.record);
    this.entry = found.entry;
    this.say(lane, found.at, found.text, near);
    if (chosen) {
      this.row = index;
      this.sight.set({ at: found.at });
      this.mark();
    }
  }

  /**
   * @param {Lane} lane
   * @param {number} at
   * @param {string} text
   * @param {number} [near] how far away a message may be
   */
  say(lane, at, text, near = 0) {
    const { view } = this.sight, unit = (view.to - view.from) / 1000;
    const message = lane.node === undefined ? -1 : nearest(this.course, view, lane.node, at, near);
    const parts = [text, message < 0 ? "" : tells(this.course, message)].filter(Boolean);
    this.readout.replaceChildren(el("b", null, seconds(at, unit)), " ", el("span", { class: "where" }, lane.id), " ", parts.join(" · "));
  }

  mark() {
    this.rows.forEach((row, index) => row.classList.toggle("current", index === this.row));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { sight } = this;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { at, from, to } = sight.view;
    switch (event.key) {
      case "ArrowLeft": event.shiftKey ? sight.pan(-0.2) : this.step(-1); break;
      case "ArrowRight": event.shiftKey ? sight.pan(0.2) : this.step(1); break;
      case "ArrowUp": this.climb(-1); break;
      case "ArrowDown": this.climb(1); break;
      case "+": case "=": sight.zoom(0.5); break;
      case "-": sight.zoom(2); break;
      case "0": sight.set({ from: 0, to: this.course.end }); break;
      case "Home": sight.look(0); break;
      case "End": sight.look(this.course.end); break;
      case "Enter": this.follow(); break;
      case "Escape": sight.set({ record: -1, at: null }); break;
      default: return;
    }
    event.preventDefault();
    if (at === null && sight.view.at === null && event.key.startsWith("Arrow")) sight.set({ at: (from + to) / 2 });
  }

  /** @param {number} by another lane */
  climb(by) {
    let row = this.row + by;
    while (row >= 0 && row < this.rows.length && this.rows[row].hidden) row += by;
    if (row < 0 || row >= this.rows.length) return;
    this.row = row;
    this.mark();
    this.rows[row].scrollIntoView({ block: "nearest" });
    const { from, to, at } = this.sight.view;
    this.point(row, at ?? (from + to) / 2, false);
  }

  /** @param {number} by the next or the last entry of a lane, or change of a band */
  step(by) {
    const lane = this.lanes[this.row], { from, to } = this.sight.view;
    const now = this.sight.view.at ?? (by > 0 ? from - 1 : to + 1);
    const step = this.course.charts.step;
    /** @type {number[]} */
    let times = lane.items.map((item) => item.from);
    if (lane.times) times = times.concat([...lane.times]);
    if (times.length === 0) times = [now + by * step];
    const ahead = times.filter((time) => (by > 0 ? time > now : time < now));
    if (ahead.length === 0) return;
    const next = ahead.reduce((best, time) => (by > 0 ? Math.min(best, time) : Math.max(best, time)));
    this.sight.look(next);
    const found = under(this.course, lane, next, 0, this.sight.view.record);
    this.entry = found.entry;
    this.mark();
    this.say(lane, next, found.text || lane.items.filter((item) => item.from === next).map((item) => item.text).join(" · "));
  }

  /** Looks at the record of the entry that was pointed at last. */
  follow() {
    const entry = this.entry ?? -1;
    const [record] = entry < 0 ? [] : recordsOf(this.course, entry);
    if (record !== undefined) this.sight.set({ record });
  }

  redraw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { from, to } = this.sight.view;
    const started = performance.now();
    const widths = this.canvases.map((canvas, index) => (this.rows[index].hidden ? 0 : canvas.clientWidth));
    this.lanes.forEach((lane, index) => {
      const width = widths[index];
      if (!width) return;
      const context = fresh(this.canvases[index], width, lane.height);
      const x = (/** @type {number} */ at) => ((at - from) / (to - from)) * width;
      lane.draw({ context, width, height: lane.height, from, to, x, shown: this.shown });
    });
    this.drawAxis();
    this.drawOverview();
    this.drawOverlay();
    this.took = performance.now() - started;
  }

  drawAxis() {
    const width = this.axis.clientWidth, { from, to } = this.sight.view;
    const context = fresh(this.axis, width, 20);
    const wanted = (to - from) / Math.max(2, Math.floor(width / 90));
    const power = 10 ** Math.floor(Math.log10(wanted));
    const unit = ([1, 2, 5, 10].find((step) => step * power >= wanted) || 10) * power;
    context.fillStyle = colour("muted");
    for (let at = Math.ceil(from / unit) * unit; at <= to; at += unit) {
      const x = ((at - from) / (to - from)) * width;
      context.fillRect(Math.round(x), 14, 1, 6);
      const text = seconds(at, unit);
      const half = context.measureText(text).width / 2;
      context.fillText(text, Math.min(Math.max(x - half, 0), width - 2 * half), 7);
    }
  }

  drawOverview() {
    const width = this.overview.clientWidth, { end } = this.course, { from, to } = this.sight.view;
    const context = fresh(this.overview, width, 22);
    const x = (/** @type {number} */ at) => (at / end) * width;
    context.fillStyle = colour("band");
    context.fillRect(0, 2, width, 18);
    context.fillStyle = colour("fault-soft");
    for (const fault of this.course.faults) context.fillRect(x(fault.from), 2, Math.max(1, x(fault.to) - x(fault.from)), 18);
    context.fillStyle = colour("muted");
    for (const [at] of this.course.phases) if (at > 0) context.fillRect(x(at), 2, 1, 18);
    for (const mark of this.marks) {
      context.fillStyle = colour(mark.found === false ? "accent" : "bad");
      context.fillRect(x(mark.at) - 1, 2, 2, 18);
    }
    context.strokeStyle = colour("accent");
    context.lineWidth = 2;
    context.strokeRect(Math.max(1, x(from) + 1), 1, Math.max(4, x(to) - x(from) - 2), 20);
  }

  drawOverlay() {
    const box = this.board.getBoundingClientRect();
    const width = this.overlay.clientWidth, height = Math.round(box.height);
    const context = fresh(this.overlay, width, height);
    const { from, to, at } = this.sight.view;
    const x = (/** @type {number} */ time) => ((time - from) / (to - from)) * width;
    for (const mark of this.marks) {
      if (mark.at < from || mark.at > to) continue;
      context.fillStyle = colour(mark.found === false ? "accent" : "bad");
      context.globalAlpha = 0.8;
      context.fillRect(x(mark.at) - 0.5, 0, 1.5, height);
      context.globalAlpha = 1;
      context.beginPath();
      context.moveTo(x(mark.at) - 5, 0);
      context.lineTo(x(mark.at) + 5, 0);
      context.lineTo(x(mark.at), 8);
      context.fill();
    }
    if (at !== null && at >= from && at <= to) {
      context.fillStyle = colour("accent");
      context.fillRect(x(at) - 0.5, 0, 1, height);
    }
    const heights = this.heights(box.top);
    const said = drawMessages(context, this.course, this.sight.view, x, heights);
    if (this.posted.textContent !== said) this.posted.textContent = said;
    this.drawLife(context, x, heights);
  }

  /**
   * Where the lanes of processes are, below the top of the board.
   * @param {number} top
   */
  heights(top) {
    /** @type {Map<number, number>} */
    const heights = new Map();
    this.lanes.forEach((lane, index) => {
      if (lane.node === undefined || this.rows[index].hidden) return;
      const box = this.canvases[index].getBoundingClientRect();
      heights.set(lane.node, box.top - top + box.height / 2);
    });
    return heights;
  }

  /**
   * The way of the record that is looked at.
   * @param {CanvasRenderingContext2D} context
   * @param {(at: number) => number} x
   * @param {Map<number, number>} heights
   */
  drawLife(context, x, heights) {
    // The final read comes long after the work, and is no part of it.
    const life = this.life.filter((entry) => this.course.kinds[this.course.kind[entry]] !== "final_read");
    const points = life.map((entry) => ({ entry, x: x(this.course.at[entry]), y: heights.get(this.course.node[entry]) }));
    const seen = points.filter((point) => point.y !== undefined);
    context.strokeStyle = colour("path");
    context.lineWidth = 1.5;
    context.beginPath();
    seen.forEach((point, index) => context[index ? "lineTo" : "moveTo"](point.x, /** @type {number} */ (point.y)));
    context.stroke();
    const done = new Set();
    for (const { entry, x: left, y } of seen) {
      const kind = this.course.kinds[this.course.kind[entry]];
      // Members of a group bear its name.
      const group = this.course.nodes[this.course.node[entry]].name.replace(/-\d+$/, "");
      const wrong = CUTS.has(kind) || (kind === "processed" && done.has(group));
      if (kind === "processed") done.add(group);
      context.beginPath();
      context.arc(left, /** @type {number} */ (y), wrong ? 6 : 4, 0, 7);
      context.fillStyle = colour(wrong ? "bad" : "paper");
      context.fill();
      context.stroke();
    }
  }
}
