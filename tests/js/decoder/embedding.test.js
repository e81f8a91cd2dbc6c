import assert from "node:assert/strict";
import { test } from "node:test";
import { assertMatches, halfToFloat, parseEmbedding } from "../../../static/js/decoder/embedding.js";

const METADATA = {
  format: "annotator-embedding-1",
  model_digest: "a".repeat(64),
  image_sha256: "b".repeat(64),
  input_size: "43,64",
  original_size: "1500,2250",
};
const SHAPE = [2, 3, 4];

/** A safetensors file. @param {object} header @param {number} bytes of data @param {number} [pad] spaces in the header */
function file(header, bytes, pad = 0) {
  const text = new TextEncoder().encode(JSON.stringify(header) + " ".repeat(pad));
  const buffer = new ArrayBuffer(8 + text.length + bytes);
  new DataView(buffer).setBigUint64(0, BigInt(text.length), true);
  new Uint8Array(buffer).set(text, 8);
  new Uint8Array(buffer, 8 + text.length).forEach((_, i, data) => {
    data[i] = i;
  });
  return buffer;
}

/** @param {object} [metadata] @param {object} [tensor] */
function header(metadata = {}, tensor = {}) {
  return {
    __metadata__: { ...METADATA, ...metadata },
    embedding: { dtype: "F16", shape: SHAPE, data_offsets: [0, 48], ...tensor },
  };
}

test("a file is read whatever its data's alignment", () => {
  for (const pad of [0, 1, 2, 3]) {
    const parsed = parseEmbedding(file(header(), 48, pad));
    assert.deepEqual(parsed.shape, SHAPE);
    assert.deepEqual(
      [parsed.input, parsed.original],
      [
        [43, 64],
        [1500, 2250],
      ],
    );
    assert.equal(parsed.values.length, 24);
    assert.equal(parsed.values[1], 2 + 3 * 256, "little endian");
  }
});

test("whole numbers are multiplied by their channel's scale", () => {
  const scales = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  const tensors = { ...header({}, { dtype: "I8", data_offsets: [8, 32] }), scales };
  const buffer = file(tensors, 32, 3);
  const data = new DataView(buffer, buffer.byteLength - 32);
  data.setFloat32(0, 0.5, true);
  data.setFloat32(4, 2, true);
  data.setInt8(8 + 11, -127);
  data.setInt8(8 + 12, -127);
  const values = halfToFloat(parseEmbedding(buffer).values);
  assert.equal(values.length, 24);
  assert.deepEqual([values[0], values[11], values[12], values[23]], [4, -63.5, -254, 62]);
  const without = header({}, { dtype: "I8", data_offsets: [8, 32] });
  assert.throws(() => parseEmbedding(file(without, 32)), /scale for each channel/);
});

test("damaged files are refused with what is wrong", () => {
  /** @type {[ArrayBuffer, RegExp][]} */
  const cases = [
    [new ArrayBuffer(3), /has 3 bytes/],
    [new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0, 1]).buffer, /header claims/],
    [new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 65, 66]).buffer, /not JSON/],
    [file(header({ format: "other" }), 48), /format is "other"/],
    [file({ embedding: header().embedding }, 48), /format is "missing"/],
    [file(header({}, { dtype: "F32" }), 48), /no float16 or int8 tensor/],
    [file(header({}, { shape: [24] }), 48), /no float16 or int8 tensor/],
    [file(header(), 40), /needs 48 bytes/],
    [file(header({}, { data_offsets: [0, 40] }), 48), /needs 48 bytes/],
    [file(header({ input_size: "43" }), 48), /input_size is "43"/],
    [file(header({ original_size: "0,5" }), 48), /original_size/],
  ];
  for (const [buffer, message] of cases) {
    assert.throws(() => parseEmbedding(buffer), { code: "embedding_malformed", message });
  }
});

test("an embedding of another model, image or size is refused", () => {
  const parsed = parseEmbedding(file(header(), 48));
  const right = { modelDigest: "a".repeat(64), imageSha256: "b".repeat(64), width: 2250, height: 1500 };
  assertMatches(parsed, right);
  for (const [wrong, message] of /** @type {[object, RegExp][]} */ ([
    [{ modelDigest: "c".repeat(64) }, /another model \(aaaaaaaaaaaaaaaa, expected cccccccccccccccc\)/],
    [{ imageSha256: "c".repeat(64) }, /another image/],
    [{ width: 1500, height: 2250 }, /another image size \(1500 x 2250, expected 2250 x 1500\)/],
  ])) {
    assert.throws(() => assertMatches(parsed, { ...right, ...wrong }), {
      code: "embedding_mismatch",
      message,
    });
  }
});

test("half floats become the numbers they stand for", () => {
  const bits = [0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0xfbff, 0x0001, 0x0400, 0x7c00, 0xfc00];
  const wanted = [0, -0, 1, -2, 0.333251953125, 65504, -65504, 2 ** -24, 2 ** -14, Infinity, -Infinity];
  assert.deepEqual([...halfToFloat(Uint16Array.from(bits))], wanted);
  assert.ok(Number.isNaN(halfToFloat(Uint16Array.of(0x7e00))[0]));
});

test("an embedding of a part is not taken for the image's, nor for another part's", () => {
  const part = parseEmbedding(file(header({ crop_box: "8,16,72,80", original_size: "64,64" }), 48));
  assert.deepEqual(part.crop, [8, 16, 72, 80]);
  const right = { modelDigest: "a".repeat(64), imageSha256: "b".repeat(64), width: 64, height: 64 };
  assertMatches(part, { ...right, crop: [8, 16, 72, 80] });
  for (const crop of /** @type {const} */ ([null, [8, 16, 72, 81]])) {
    assert.throws(() => assertMatches(part, { ...right, crop }), {
      code: "embedding_mismatch",
      message: /another part of the image \(8,16,72,80, expected/,
    });
  }
  for (const crop_box of ["8,16,72", "8,16,72,80,1", "a,b,c,d", "-8,16,72,80", "8,16,72,80.5"]) {
    assert.throws(() => parseEmbedding(file(header({ crop_box }), 48)), {
      code: "embedding_malformed",
      message: /crop_box is/,
    });
  }
});
