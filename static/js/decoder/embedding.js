/**
 * An image's embedding as it travels: one safetensors file with a float16 tensor, or an int8 one and its scales, and metadata that says which model
 * and which image it belongs to. Whatever does not belong to what is being edited is refused, with the reason.
 */

/** @typedef {import("../core/geometry.js").Size} Size */

/**
 * @typedef {object} EmbeddingFile
 * @property {Uint16Array | Float32Array} values (channels, height, width): float16 bits, or what int8 with scales gave
 * @property {[number, number, number]} shape (channels, height, width)
 * @property {string} modelDigest
 * @property {string} imageSha256
 * @property {Size} input [height, width] of the resized image, before padding
 * @property {Size} original [height, width] of the upright original image, or of the part
 * @property {import("../core/crop.js").Crop | null} crop the part of the image that it is of; null: all of it
 */

/**
 * What the embedding has to match.
 * @typedef {object} Expected
 * @property {string} modelDigest
 * @property {string} imageSha256
 * @property {number} width of the upright original, pixels
 * @property {number} height
 * @property {import("../core/crop.js").Crop | null} [crop] a part of the image, of that width and height
 */

const FORMAT = "annotator-embedding-1";
const LARGEST_HEADER = 1 << 20;
/** Bytes of one value, by type. @type {Record<string, number>} */
const BYTES = { F16: 2, I8: 1 };

/** A file that is not an embedding, or not the one that was asked for. */
export class EmbeddingError extends Error {
  /** @param {"embedding_malformed" | "embedding_mismatch"} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "EmbeddingError";
    this.code = code;
  }
}

/** @param {string} message */
function malformed(message) {
  return new EmbeddingError("embedding_malformed", `The embedding file is damaged: ${message}`);
}

/** @param {unknown} text "height,width" @param {string} name @returns {Size} */
function parseSize(text, name) {
  const sides = String(text).split(",").map(Number);
  if (sides.length !== 2 || !sides.every((side) => Number.isInteger(side) && side > 0)) {
    throw malformed(`${name} is "${text}" where "height,width" was expected.`);
  }
  return [sides[0], sides[1]];
}

/** @param {string | undefined} text "x0,y0,x1,y1" @returns {EmbeddingFile["crop"]} */
function parseCrop(text) {
  if (text === undefined) return null;
  const [x0, y0, x1, y1, ...more] = text.split(",").map(Number);
  if (more.length || ![x0, y0, x1, y1].every((edge) => Number.isInteger(edge) && edge >= 0)) {
    throw malformed(`crop_box is "${text}" where "x0,y0,x1,y1" was expected.`);
  }
  return [x0, y0, x1, y1];
}

/** @param {ArrayBuffer} buffer @returns {{header: Record<string, any>, start: number}} start: offset of the data */
function parseHeader(buffer) {
  if (buffer.byteLength < 8) throw malformed(`it has ${buffer.byteLength} bytes.`);
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  if (length > LARGEST_HEADER || 8 + length > buffer.byteLength) {
    throw malformed(`its header claims ${length} bytes.`);
  }
  try {
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    return { header, start: 8 + length };
  } catch {
    throw malformed("its header is not JSON.");
  }
}

/** @param {ArrayBuffer} buffer @param {Record<string, any>} header @param {number} start @returns {Float32Array} */
function readScales(buffer, header, start) {
  const channels = header.embedding.shape[0];
  const [from, to] = header.scales?.data_offsets ?? [];
  if (header.scales?.dtype !== "F32" || to - from !== channels * 4 || start + to > buffer.byteLength) {
    throw malformed("its int8 values come without a float32 scale for each channel.");
  }
  return new Float32Array(buffer.slice(start + from, start + to));
}

/** @param {Int8Array} whole (channels, height, width) @param {Float32Array} scales one a channel @returns {Float32Array} */
function scaled(whole, scales) {
  const each = whole.length / scales.length;
  const values = new Float32Array(whole.length);
  for (let i = 0; i < values.length; i++) values[i] = whole[i] * scales[Math.floor(i / each)];
  return values;
}

/**
 * @param {ArrayBuffer} buffer a whole safetensors file
 * @returns {EmbeddingFile}
 * @throws {EmbeddingError}
 */
export function parseEmbedding(buffer) {
  const { header, start } = parseHeader(buffer);
  const metadata = header.__metadata__ ?? {};
  if (metadata.format !== FORMAT) {
    throw malformed(`its format is "${metadata.format ?? "missing"}", expected "${FORMAT}".`);
  }
  const tensor = header.embedding;
  if (!Object.hasOwn(BYTES, tensor?.dtype ?? "") || tensor.shape?.length !== 3) {
    throw malformed("it holds no float16 or int8 tensor named embedding with three axes.");
  }
  const count = tensor.shape.reduce((/** @type {number} */ total, /** @type {number} */ n) => total * n, 1);
  const [from, to] = tensor.data_offsets ?? [];
  const size = count * BYTES[tensor.dtype];
  if (to - from !== size || start + to > buffer.byteLength) {
    throw malformed(`its tensor needs ${size} bytes, the file ends early.`);
  }
  const bytes = buffer.slice(start + from, start + to);
  const values =
    tensor.dtype === "F16"
      ? new Uint16Array(bytes)
      : scaled(new Int8Array(bytes), readScales(buffer, header, start));
  return {
    values,
    shape: tensor.shape,
    modelDigest: String(metadata.model_digest),
    imageSha256: String(metadata.image_sha256),
    input: parseSize(metadata.input_size, "input_size"),
    original: parseSize(metadata.original_size, "original_size"),
    crop: parseCrop(metadata.crop_box),
  };
}

/**
 * Refuse an embedding of another model, image or size.
 * @param {EmbeddingFile} file
 * @param {Expected} expected
 * @throws {EmbeddingError}
 */
export function assertMatches(file, expected) {
  /** @param {string} what @param {string} found @param {string} wanted */
  const check = (what, found, wanted) => {
    if (found === wanted) return;
    throw new EmbeddingError(
      "embedding_mismatch",
      `The embedding belongs to another ${what} (${found.slice(0, 16)}, expected ${wanted.slice(0, 16)}). ` +
        "Reload the page; if this stays, embed the image again.",
    );
  };
  check("model", file.modelDigest, expected.modelDigest);
  check("image", file.imageSha256, expected.imageSha256);
  check("part of the image", file.crop?.join() ?? "all of it", expected.crop?.join() ?? "all of it");
  check("image size", file.original.join(" x "), `${expected.height} x ${expected.width}`);
}

/** All 65,536 half floats as float32, made on first use. @type {Float32Array | null} */
let halves = null;

/** @returns {Float32Array} */
function halfTable() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 32768; bits++) {
    const exponent = bits >> 10;
    const fraction = bits & 0x3ff;
    let value = 2 ** (exponent - 15) * (1 + fraction / 1024);
    if (exponent === 0) value = 2 ** -14 * (fraction / 1024);
    if (exponent === 31) value = fraction ? Number.NaN : Infinity;
    table[bits] = value;
    table[bits | 0x8000] = -value;
  }
  return table;
}

/**
 * @param {Uint16Array | Float32Array} bits float16; float32 is returned as it is
 * @returns {Float32Array}
 */
export function halfToFloat(bits) {
  if (bits instanceof Float32Array) return bits;
  halves ??= halfTable();
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = halves[bits[i]];
  return values;
}
