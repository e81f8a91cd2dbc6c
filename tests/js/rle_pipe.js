/**
 * The other end of tests/js/test_rle_parity.py: reads requests from standard input, answers on standard output.
 *
 * A request is a JSON line {width, height, counts}; the answer is a JSON line {counts, sha256}: the mask decoded and
 * encoded again, and the hash of its row-major bytes.
 */

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { decode, encode } from "../../static/js/core/rle.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { width, height, counts } = JSON.parse(line);
  const bitmap = decode(counts, width, height);
  const sha256 = createHash("sha256").update(bitmap).digest("hex");
  process.stdout.write(`${JSON.stringify({ counts: encode(bitmap, width, height), sha256 })}\n`);
}
