// What the server sends and takes, as far as the page uses it.

/** A link to another node's output: its id and the output's number. */
export type Link = [string, number];
export type Value = string | number | bigint | boolean | null | Link | Value[] | { [key: string]: Value };

export interface PromptNode {
  class_type: string;
  inputs: Record<string, Value>;
  _meta?: { title?: string };
}
/** A workflow in the form that is run, by node id. */
export type Prompt = Record<string, PromptNode>;

/** A format of pictures that the server reads; endings as ".jpg". */
export interface PictureFormat {
  name: string;
  mime: string;
  endings: string[];
}

export interface PictureSlot {
  node: string;
  label: string;
}
export interface Knob {
  node: string;
  input: string;
  label: string;
  meaning: string;
  seed?: boolean;
}
/** An input that holds words of the prompt. */
export interface WordsSlot {
  node: string;
  input: string;
}
export interface Technique {
  name: string;
  title: string;
  summary: string;
  pictures: PictureSlot[];
  prompts: WordsSlot[];
  negatives: WordsSlot[];
  knobs: Knob[];
  main_knob: number;
  missing: string;
  /** Whether its files are those that came with the program. */
  built_in?: boolean;
  prompt: Prompt;
}

export interface InputOptions {
  default?: Value;
  min?: number | bigint;
  max?: number | bigint;
  step?: number;
  round?: number | boolean;
  multiline?: boolean;
  /** Comments and choices in it are for the editor to take out before it queues a graph. */
  dynamicPrompts?: boolean;
  image_upload?: boolean;
  /** A seed. */
  control_after_generate?: boolean;
  /** What part of the range a slider should span; the number field takes all of it. */
  useful?: { min: number; max: number; step: number };
  tooltip?: string;
}
export type InputSpec = [string | Value[], InputOptions?];
export interface NodeInfo {
  name: string;
  display_name: string;
  description: string;
  category: string;
  input: { required?: Record<string, InputSpec>; optional?: Record<string, InputSpec>; hidden?: unknown };
  input_order?: { required?: string[]; optional?: string[] };
  output: string[];
  output_name: string[];
  output_node: boolean;
  deprecated?: boolean;
  experimental?: boolean;
}

export interface ImageRef {
  filename: string;
  subfolder: string;
  type: string;
}
export type NodeOutputs = Record<string, { images?: ImageRef[] }>;

/** Several jobs that were asked for together: one for each combination of the axes' values. */
export interface SetNote {
  id: string;
  axes: { label: string; values: string[] }[];
  /** The job's own place on each axis. */
  at: number[];
}
/** How a picture was cropped or extended before it was used: a frame in the original's pixels. */
export interface PictureEdit {
  original: string;
  frame: { x: number; y: number; width: number; height: number };
}
/** What the page notes with each job, kept by the server as it is. */
export interface PageNote {
  technique?: string;
  set?: SetNote;
  /** By the name of the edited picture. */
  edits?: Record<string, PictureEdit>;
  /** As older pages wrote a set of one axis. */
  strip?: { id: string; node: string; input: string; label: string; value: Value; index: number };
}

/** The settings that a model or LoRA was distilled for. */
export interface FewSteps {
  /** "Lightning, 4 steps" */
  title: string;
  steps: number;
  cfg: number;
  sampler: string;
  scheduler: string;
  /** A choice of ModelSamplingDiscrete; empty: the model as it is. */
  sampling: string;
  remark: string;
}

/** What a model file is, as the server reads it from the file. */
export interface ModelFile {
  folder: string;
  name: string;
  kind?: string;
  family?: string;
  summary?: string;
  fits?: string;
  problem?: string;
  few_steps?: FewSteps | null;
  inpainting?: boolean;
  /** Whether it came with the program: these files are small, and go with each other only. */
  built_in?: boolean;
  /** Whether a picture lies beside the file. */
  picture?: boolean;
}
export interface ExtraData {
  client_id?: string;
  extra_pnginfo?: { workflow?: unknown; easel?: PageNote } & Record<string, unknown>;
}
export type QueueItem = [number, string, Prompt, ExtraData, string[]];
export interface QueueState {
  queue_running: QueueItem[];
  queue_pending: QueueItem[];
  paused?: boolean;
}
export interface HistoryEntry {
  prompt: QueueItem;
  outputs: NodeOutputs;
  meta?: Record<string, unknown>;
  status: { status_str: string; completed: boolean; messages: [string, Record<string, unknown>][] };
}
export type History = Record<string, HistoryEntry>;

export interface InputFault {
  /** ComfyUI's name, which tells less than the code. */
  type: string;
  message: string;
  details: string;
  extra_info?: {
    /** What is wrong, by the names of src/workflow/fault.cc. */
    code?: string;
    input_name?: string;
    input_config?: InputSpec | null;
    received_value?: Value;
    received_type?: string;
    class_type?: string;
    /** What the code does not say, in the server's words. */
    reason?: string;
    /** What might have been meant. */
    hint?: string;
  };
}
export interface NodeFault {
  class_type: string;
  errors: InputFault[];
}
export interface PromptFault {
  error?: { type?: string; message?: string; details?: string } | string;
  node_errors?: Record<string, NodeFault>;
}

/** A machine that computes for the server. */
export interface FleetRunner {
  name: string;
  state: 'idle' | 'busy' | 'stopping' | 'gone';
  /** The id of the job that it runs; empty: none. */
  job: string;
  device: string;
  steps_per_second: number;
  resident: { folder: string; name: string }[];
  model_count: number;
}
export interface FleetState {
  /** Whether several machines share the queue; else the server computes by itself. */
  shared: boolean;
  runners: FleetRunner[];
  /** Why jobs wait that no runner can run, by their ids. */
  waiting: Record<string, string>;
}
