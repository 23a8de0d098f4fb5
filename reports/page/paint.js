// Canvas: sharp on any screen, in the colours of the page.

/** @type {Record<string, string>} */
let cache = {};

/**
 * A colour of the style sheet by its name.
 * @param {string} name
 */
export function colour(name) {
  if (!(name in cache)) cache[name] = getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  return cache[name];
}

/** After a change between light and dark. */
export function forgetColours() {
  cache = {};
}

/** How many colours tell processes apart. */
const HUES = 8;

/**
 * The colour of the n-th process of its kind.
 * @param {number} index
 */
export function hue(index) {
  return colour("hue-" + (index % HUES));
}

/**
 * A canvas of a size on the page, cleared.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @returns {CanvasRenderingContext2D}
 */
export function fresh(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = height + "px";
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px " + colour("font");
  context.textBaseline = "middle";
  return context;
}

/**
 * A text in a box if it fits there, else its beginning.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x
 * @param {number} width
 * @param {number} y
 */
export function fit(context, text, x, width, y) {
  if (width < 14) return;
  let shown = text;
  if (context.measureText(shown).width > width) {
    const each = context.measureText("n").width;
    shown = text.slice(0, Math.max(0, Math.floor(width / each) - 1));
    if (shown.length < 2) return;
    shown += "…";
  }
  context.fillText(shown, x, y);
}

/**
 * Slanted lines: something that is not as it should be.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @param {string} ink
 */
export function hatch(context, x, y, width, height, ink) {
  if (width < 1) width = 1;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.beginPath();
  const first = Math.floor((x - height) / 6) * 6;
  for (let at = first; at < x + width; at += 6) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}
