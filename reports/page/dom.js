// Elements, made in one expression each.

/**
 * An element with attributes and children. `on…` attributes are listeners; null, false and undefined are left out.
 * @param {string} tag
 * @param {Record<string, any> | null} [attributes]
 * @param {...any} children
 * @returns {any}
 */
export function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * A shape of a picture, with attributes and children.
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {...any} children
 * @returns {any}
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children.flat(9));
  return element;
}

/**
 * A part of the page with a heading.
 * @param {string} id
 * @param {string} title
 * @param {...any} children
 * @returns {any}
 */
export function section(id, title, ...children) {
  return el("section", { id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title" }, title), ...children);
}

/**
 * A button that copies a command, beside it.
 * @param {string} text
 * @returns {any}
 */
export function command(text) {
  const said = el("span", { class: "said", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      said.textContent = "selected: press Ctrl+C";
    }
    setTimeout(() => (said.textContent = ""), 2000);
  };
  const code = el("code", { tabindex: 0 }, text);
  return el("div", { class: "command" }, code, el("button", { type: "button", onclick: copy }, "Copy"), said);
}

/**
 * A table. The first cell of a row is its heading.
 * @param {string} caption
 * @param {string[]} heads
 * @param {any[][]} rows
 * @returns {any}
 */
export function table(caption, heads, rows) {
  // On a narrow screen a row is a card, and a cell says what it is.
  const cells = (/** @type {any[]} */ row) =>
    row.map((cell, index) => (index === 0 ? el("th", { scope: "row" }, cell) : el("td", { "data-head": heads[index] }, cell)));
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el("table", null,
      el("caption", { class: "hidden" }, caption),
      el("thead", null, el("tr", null, heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", null, rows.map((row) => el("tr", null, cells(row))))));
}
