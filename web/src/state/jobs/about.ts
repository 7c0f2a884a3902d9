// What a job is about: its words, its reference, what it was made with. Functions of the job, and of what the server
// declares of its nodes.
import type { ImageRef, Link, PageNote, Prompt, PromptNode, Technique } from '../../api/types';
import { promptTexts } from '../form/catalog';
import { isLink } from '../form/draft';
import type { Job } from './jobs';
import { saySeconds } from './timing';

export function noteOf(job: Job): PageNote {
  return job.extra.extra_pnginfo?.easel ?? {};
}

/** The pictures a job has made: saved ones, or previews when it saves none. */
export function picturesOf(job: Job): ImageRef[] {
  // What was sent to a client has no file.
  const all = Object.values(job.outputs).flatMap((output) => (output.images ?? []).filter((image) => image.filename));
  const saved = all.filter((image) => image.type === 'output');
  return saved.length > 0 ? saved : all;
}

function textInputs(node: PromptNode): string[] {
  return promptTexts.value[node.class_type] ?? [];
}

/** The first words that a node itself holds. */
function textOf(node: PromptNode): string {
  const texts = textInputs(node).map((input) => node.inputs[input]);
  return texts.find((text) => typeof text === 'string' && text !== '')?.toString() ?? '';
}

/** Follows an input upwards, over texts and conditioning, until a node that holds words is met. */
function textBehind(prompt: Prompt, from: Link, hops = 12): string {
  const node = prompt[from[0]];
  if (!node || hops === 0) return '';
  const own = textOf(node);
  if (own) return own;
  const texts = textInputs(node);
  for (const [name, value] of Object.entries(node.inputs)) {
    if (!isLink(value) || !(texts.includes(name) || /positive|conditioning/.test(name))) continue;
    const found = textBehind(prompt, value as Link, hops - 1);
    if (found) return found;
  }
  return '';
}

/** The words a job was given: those of what steers its sampler, or else the first ones there are. */
export function wordsOfJob(job: Job): string {
  for (const node of Object.values(job.prompt)) {
    const positive = node.inputs['positive'];
    if (!isLink(positive)) continue;
    const words = textBehind(job.prompt, positive as Link);
    if (words) return words;
  }
  const any = Object.values(job.prompt).map(textOf).find((text) => text);
  return Object.values(job.prompt).some((node) => isLink(node.inputs['positive'])) ? '' : (any ?? '');
}

export function techniqueTitle(job: Job, techniques: Technique[]): string {
  return techniques.find((t) => t.name === noteOf(job).technique)?.title ?? 'Workflow';
}

/** What a job is called: by its words, or else by its technique. */
export function titleOf(job: Job, techniques: Technique[]): string {
  return wordsOfJob(job) || techniqueTitle(job, techniques);
}

/** The name of the first picture the job starts from. */
export function referenceOf(job: Job, techniques: Technique[]): string | undefined {
  const named = techniques.find((t) => t.name === noteOf(job).technique)?.pictures[0]?.node;
  const node = (named && job.prompt[named]) || Object.values(job.prompt).find((n) => n.class_type === 'LoadImage');
  const image = node?.inputs['image'];
  return typeof image === 'string' && image ? image : undefined;
}

function first(prompt: Prompt, input: string): string | undefined {
  for (const { inputs } of Object.values(prompt)) {
    const value = inputs[input];
    if (value !== undefined && !isLink(value) && typeof value !== 'object') return String(value);
  }
  return undefined;
}

export interface Detail {
  name: string;
  value: string;
}

/** The files a job was made with, by the names of the inputs that load them. */
export function modelsOf(job: Job): string[] {
  return Object.values(job.prompt).flatMap(({ class_type, inputs }) =>
    /Loader/.test(class_type)
      ? Object.entries(inputs).flatMap(([name, v]) => (typeof v === 'string' && /(_name|_file)\d?$/.test(name) ? [v] : []))
      : [],
  );
}

/** What one wants to know of a result. `size` is the picture's own, where it is known. */
export function detailsOf(job: Job, techniques: Technique[], size?: { width: number; height: number }): Detail[] {
  const { prompt } = job;
  const loras = Object.values(prompt).flatMap(({ class_type, inputs }) =>
    class_type.startsWith('LoraLoader') ? [`${inputs['lora_name']} ${inputs['strength_model']}`] : [],
  );
  const width = size?.width ?? first(prompt, 'width');
  const height = size?.height ?? first(prompt, 'height');
  const seconds = job.startedMs && job.endedMs ? (job.endedMs - job.startedMs) / 1000 : undefined;
  const rows: [string, string | undefined][] = [
    ['Technique', noteOf(job).technique && techniqueTitle(job, techniques)],
    ['Seed', first(prompt, 'seed') ?? first(prompt, 'noise_seed')],
    ['Model', first(prompt, 'ckpt_name') ?? first(prompt, 'unet_name')],
    ['LoRAs', loras.join(', ') || undefined],
    ['Steps', first(prompt, 'steps')],
    ['Sampler', [first(prompt, 'sampler_name'), first(prompt, 'scheduler')].filter(Boolean).join(', ') || undefined],
    ['Prompt strength', first(prompt, 'cfg')],
    ['Change', first(prompt, 'denoise')],
    ['Size', width !== undefined && height !== undefined ? `${width} × ${height}` : undefined],
    ['Time', seconds === undefined ? undefined : saySeconds(Math.max(seconds, 0.001))],
    ['Made', job.endedMs ? new Date(job.endedMs).toLocaleString() : undefined],
  ];
  return rows.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [{ name, value }]));
}
