/** The API's objects as they travel (annotator/web/schemas.py holds the same shapes). */

export type Stage = "assisted_manual" | "semi_automatic" | "fully_automatic";
export type Role = "manager" | "annotator";
export type ImageStatus = "new" | "in_progress" | "done" | "skipped";
/** Which images a person goes through; annotator/services/image_filters.py says what each means. */
export type ImageFilter = "needs_me" | "unlabelled" | "in_progress" | "proposals" | "rejected" | "mine";
export type EmbeddingState = "ready" | "queued" | "running" | "failed" | "none";
/** missed: a region that no annotation covers, which only review shows. */
export type AnnotationState = "accepted" | "proposal" | "rejected" | "missed";
export type AnnotationSource = "manual" | "assisted" | "proposal" | "imported";
export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export interface User {
  id: number;
  name: string;
  is_admin: boolean;
  active?: boolean;
  has_password?: boolean;
  created_at?: string;
  preferences: Record<string, unknown>;
}

export interface ApiToken {
  id: number;
  name: string;
  created_at: string;
  last_used_at: string | null;
}

export interface Me {
  user: User;
  csrf_token: string;
}

export interface Category {
  id: number;
  project_id: number;
  name: string;
  color: string;
  position: number;
}

export interface Project {
  id: number;
  name: string;
  description: string;
  stage: Stage;
  /** Share of the images that people check in the fully automatic stage. */
  sample_share: number;
  role: Role;
  model_digest: string | null;
  created_at: string;
  counts: {
    images: number;
    new: number;
    in_progress: number;
    done: number;
    skipped: number;
    annotations: number;
    proposals: number;
  };
  embeddings: { ready: number; pending: number; failed: number; eta_seconds: number | null };
  categories: Category[];
}

export interface Member {
  user_id: number;
  name: string;
  role: Role;
}

export interface EmbeddingStatus {
  state: EmbeddingState;
  model_digest: string;
  url: string | null;
  bytes: number | null;
  message: string | null;
  queue_position: number | null;
  eta_seconds: number | null;
  job_id: number | null;
}

export interface Image {
  id: number;
  project_id: number;
  name: string;
  width: number;
  height: number;
  sha256: string;
  mime: string;
  bytes: number;
  status: ImageStatus;
  skip_reason: string | null;
  position: number;
  annotation_count: number;
  proposal_count: number;
  created_at: string;
  embedding: EmbeddingStatus;
  urls: { file: string; thumbnail: string };
  /** Only when one image is asked for. */
  previous_id?: number | null;
  next_id?: number | null;
  /** Camera and time, where the file told them. */
  exif?: Record<string, string>;
  /** How a very large image is fetched in parts; null for the others. */
  tiles?: { ready: boolean; side: number; levels: number; url: string } | null;
}

/** A part of an image that is encoded on its own. */
export interface CropStatus {
  /** x0, y0, x1, y1 in image pixels, x1 and y1 excluded. */
  box: [number, number, number, number];
  state: "ready" | "queued" | "running";
  model_digest: string;
  url: string | null;
  bytes: number | null;
  job_id: number | null;
}

export interface ImagePage {
  images: Image[];
  next_cursor: string | null;
  total: number;
}

export interface UploadResult {
  images: Image[];
  duplicates: { file: string; image: Image }[];
  rejected: { file: string; code: string; message: string }[];
}

export interface Segmentation {
  /** [height, width] */
  size: [number, number];
  /** COCO compressed run lengths */
  counts: string;
}

export interface StoredPrompts {
  points: number[][];
  labels: number[];
  boxes: number[][];
  /** x0, y0, x1, y1 of the closer look that answered. */
  crop_box?: number[] | null;
}

export interface AnnotationBody {
  image_id: number;
  category_id: number | null;
  state?: AnnotationState;
  segmentation: Segmentation;
  source: AnnotationSource;
  prompts: StoredPrompts | null;
  candidate: number | null;
  predicted_iou: number | null;
  stability_score: number | null;
  model_digest: string | null;
  model_segmentation: Segmentation | null;
  active_ms: number;
  z?: number;
  note?: string;
  attributes?: Record<string, unknown>;
}

export type Proposer = "automask" | "detector" | "missed";

export interface Annotation extends Required<AnnotationBody> {
  id: string;
  project_id: number;
  revision: number;
  area: number;
  bbox: [number, number, number, number];
  /** Who proposed it, and the IoU of what was accepted with what was proposed; null for what people made. */
  proposed_by?: Proposer | null;
  proposal_iou?: number | null;
  created_by: number | null;
  updated_by: number | null;
  created_at: string;
  updated_at: string;
}

export interface AnnotationRevision {
  revision: number;
  deleted: boolean;
  annotation: Annotation;
  author_id: number | null;
  created_at: string;
}

export interface Job {
  id: number;
  kind:
    | "embed"
    | "crop"
    | "tiles"
    | "automask"
    | "import"
    | "export"
    | "train"
    | "evaluate"
    | "install_model";
  state: JobState;
  progress: number;
  message: string | null;
  error: { code: string; message: string } | null;
  project_id: number | null;
  /** What was asked for: an export's format, a model's name. */
  payload: Record<string, unknown>;
  result: Record<string, unknown> | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface Model {
  digest: string;
  name: string;
  source: "bundled" | "installed" | "trained";
  active: boolean;
  parameters: number;
  config: {
    image_size: number;
    embedding_size: [number, number];
    mask_size: [number, number];
    mask_threshold?: number;
    /** Mask 0 is one of the answers to an ambiguous prompt, too. */
    rank_single_mask?: boolean;
    [key: string]: unknown;
  };
  decoder: ModelFile & {
    /** What the browser runs instead of the whole decoder; empty for models registered before there were graphs. */
    graphs?: Partial<Record<import("./decoder/messages.js").GraphName, ModelFile>>;
  };
}

export interface ModelFile {
  url: string;
  bytes: number;
  sha256: string;
}
