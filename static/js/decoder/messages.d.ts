/** What client.js and worker.js say to each other. One reply a request, matched by id. */

import type { Bitmap } from "../core/bitmap.js";
import type { Frame } from "../core/geometry.js";
import type { Prompts } from "../core/prompts.js";
import type { Features } from "../core/similar.js";
import type { Expected } from "./embedding.js";
import type { Packed } from "./session.js";
import type { Window } from "./windows.js";

/** What runs once per image, once per mask prompt, per click, and per part of its masks. */
export type GraphName = "prelude" | "mask_prompt" | "click" | "upscale";

export interface GraphFile {
  url: string;
  /** Length of the file at `url`; 0 when unknown. */
  bytes: number;
}

/** A model as the decoder needs it, all sizes in pixels. */
export interface ModelInfo {
  digest: string;
  /** The whole decoder as one graph. */
  whole: GraphFile;
  /** The same function in less time; null for models that have only the whole. */
  graphs: Readonly<Record<GraphName, GraphFile>> | null;
  imageSize: number;
  /** [height, width] */
  embeddingSize: readonly [number, number];
  /** [height, width] */
  maskSize: readonly [number, number];
  threshold: number;
  /** Mask 0 is one of the answers to an ambiguous prompt, too. */
  rankSingleMask: boolean;
}

/** What a person wants the decoder to run on; auto: whichever is right and clearly faster. */
export type BackendChoice = "auto" | "wasm" | "webgpu";

/** What is known of WebGPU in this browser. */
export interface Verdict {
  outcome: "chosen" | "absent" | "failed" | "wrong" | "slow" | "lost";
  /** How many times as fast as WebAssembly; null where that was not measured. */
  ratio: number | null;
}

export interface Backend {
  backend: "wasm" | "webgpu";
  /** Of WebAssembly. */
  threads: number;
  isolated: boolean;
  /** null: not tried. */
  webgpu: Verdict | null;
}

/** One mask that the model offers. */
export interface Candidate {
  /** 0 answers clear prompts; 1 … 3 are the readings of an ambiguous one, 0 may be another. */
  candidate: number;
  /** Predicted IoU. */
  iou: number;
  /** IoU of the mask cut at logit +1 and at −1, over the part of the grid that holds image. */
  stability: number;
  /** (mask height, mask width), row-major; the mask prompt of the next decode. Padding is 0 until the rest is there. */
  logits: Float32Array<ArrayBuffer>;
}

export interface DecodeReply {
  /** In the order in which they are offered. */
  candidates: Candidate[];
  /** They are readings of one prompt that may mean several things. */
  ambiguous: boolean;
  /** The first candidate at the size of what was decoded: the image, or the part that the prompts name. */
  bitmap: Bitmap;
  timings: { decode: number; upsample: number };
  /** Logits of the padding are still to be asked for. */
  unfinished: boolean;
}

/** What the last decode left out. */
export interface Rest {
  window: Window;
  /** The window's logits, candidate after candidate. */
  values: Float32Array<ArrayBuffer>;
}

export interface Requests {
  start: { payload: { model: ModelInfo; threads: number; runtimeUrl: string }; reply: Backend };
  /** Use WebGPU or not. The answer is a `BackendChange`, when it has been tried. */
  prefer: { payload: { choice: BackendChoice; known: Verdict | null; runtimeUrl: string }; reply: null };
  embedding: { payload: { buffer: ArrayBuffer; expected: Expected }; reply: Frame };
  /** Get an image ready that may be edited next; the current one stays. */
  ahead: { payload: { buffer: ArrayBuffer; expected: Expected }; reply: null };
  /** Make an image current that is ready; null: it is not. */
  recall: { payload: { expected: Expected }; reply: Frame | null };
  /** A copy of the current embedding. */
  features: { payload: null; reply: Features };
  /** first: only the candidate that is offered first, and only what shows: nobody will ask for the rest. */
  decode: {
    payload: { prompts: Prompts; maskInput: Float32Array | null; first: boolean };
    reply: DecodeReply;
  };
  /** The rest of the decode before; to be asked for before the next one. */
  rest: { payload: null; reply: Rest };
}

export type RequestType = keyof Requests;

export type Request = {
  [Type in RequestType]: { id: number; type: Type; payload: Requests[Type]["payload"] };
}[RequestType];

export interface Reply {
  id: number;
  result?: Requests[RequestType]["reply"];
  error?: { code: string; message: string };
}

/** Told without having been asked. */
export interface BackendChange {
  changed: Backend;
}

/** What gpu_decoder.js asks gpu_worker.js, one at a time. */
export type GpuRequest =
  | { type: "open"; model: ModelInfo; runtimeUrl: string }
  | {
      type: "run";
      /** null: that of the run before. */
      embedding: { values: Float32Array; shape: readonly number[] } | null;
      prompts: Packed;
      maskInput: Float32Array | null;
    };

export type GpuReply =
  | { opened: true }
  | { iou: Float32Array; logits: Float32Array }
  /** It answers no more, and why. */
  | { lost: string };
