/** Reproducible masks and logits for tests. */

/** @typedef {import("../../static/js/core/bitmap.js").Bitmap} Bitmap */

/** Pseudo-random numbers 0 … 1 (mulberry32). @param {number} seed @returns {() => number} */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** @param {number} width @param {number} height @param {number} seed @param {number} [share] of set pixels
 * @returns {Bitmap} */
export function noise(width, height, seed, share = 0.5) {
  const random = randomNumbers(seed);
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height }, () => (random() < share ? 1 : 0)),
  };
}

/** Smooth logits with several blobs and holes. @param {number} rows @param {number} columns @param {number} seed
 * @returns {Float32Array} (rows, columns) */
export function smoothLogits(rows, columns, seed) {
  const random = randomNumbers(seed);
  const waves = Array.from({ length: 6 }, () => ({
    fx: (random() - 0.5) / 6,
    fy: (random() - 0.5) / 6,
    phase: random() * 6.3,
    height: 1 + 3 * random(),
  }));
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    return waves.reduce(
      (sum, { fx, fy, phase, height }) => sum + height * Math.sin(fx * x + fy * y + phase),
      0,
    );
  });
}

/** A bitmap from rows of "#" and ".". @param {string} picture @returns {Bitmap} */
export function draw(picture) {
  const rows = picture.trim().split(/\s+/);
  return {
    width: rows[0].length,
    height: rows.length,
    data: Uint8Array.from(rows.join(""), (sign) => (sign === "#" ? 1 : 0)),
  };
}

/** The inverse of `draw`. @param {Bitmap} bitmap @returns {string[]} */
export function rowsOf({ width, height, data }) {
  return Array.from({ length: height }, (_, y) =>
    Array.from(data.subarray(y * width, (y + 1) * width), (bit) => (bit ? "#" : ".")).join(""),
  );
}
