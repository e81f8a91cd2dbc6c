/** The commands that move the keyboard's cross, and the space bar, which presses with it or else pans. */

import { FAR, STEP } from "../../tools/key_cursor.js";

/** @typedef {import("../../tools/key_cursor.js").KeyCursor} KeyCursor */
/** @typedef {import("./keys.js").Run} Run */

/** @type {[string, number, number][]} */
const DIRECTIONS = [
  ["left", -1, 0],
  ["right", 1, 0],
  ["up", 0, -1],
  ["down", 0, 1],
];
/** @type {[string, number][]} */
const REACHES = [
  ["cursor", STEP],
  ["cursor_far", FAR],
  ["cursor_pixel", 0],
];

/** @param {KeyCursor} cursor @returns {Record<string, Run>} */
export function cursorRuns(cursor) {
  const runs = REACHES.flatMap(([name, reach]) =>
    DIRECTIONS.map(([side, dx, dy]) => [`${name}_${side}`, { run: () => cursor.move(dx, dy, reach) }]),
  );
  return {
    ...Object.fromEntries(runs),
    cursor_press: { run: () => click(cursor), when: () => cursor.shown },
  };
}

function click(/** @type {KeyCursor} */ cursor) {
  cursor.press();
  cursor.release();
}

/**
 * @param {KeyCursor} cursor
 * @param {import("../../tools/pan.js").Pan} pan
 */
export function spaceBar(cursor, pan) {
  return {
    down(/** @type {KeyboardEvent} */ event) {
      if (cursor.shown) cursor.press(event);
      else pan.spaceHeld = true;
    },
    up(/** @type {KeyboardEvent} */ event) {
      cursor.release(event);
      pan.spaceHeld = false;
    },
    /** The window lost the keyboard: nobody will tell that the key was let go. */
    lost() {
      cursor.release();
      pan.spaceHeld = false;
    },
  };
}
