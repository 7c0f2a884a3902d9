// The form: technique, pictures, words, knobs, and what is added to them.
import { batch, computed, effect, signal } from '@preact/signals';
import { formatJson, parseJson } from '../../api/json';
import * as routes from '../../api/routes';
import type { ImageRef, PictureEdit, Prompt, Technique, Value } from '../../api/types';
import { focusJob } from '../jobs/session';
import { browserStore } from '../kept';
import { say } from '../notices';
import { column, openInGraph, setView } from '../view';
import { type Additions, assemble, noAdditions, paintPath, readWorkflow, type ReadWorkflow, modelNode } from './additions';
import { fileNamed, loadModelFiles, loadPromptTexts, techniques, wantInfo } from './catalog';
import * as drafts from './draft';
import { type Faults, fieldKey, noFaults } from './errors';
import { loadPictureFormats, sendPicture } from './pictureFile';
import type { FoundWorkflow } from './restore';
import { type Shape, SMALL_SIDE, sizeKnobs, sizeLike, usualArea } from './size';
import type { Job } from '../jobs/jobs';

const DRAFT_KEY = 'easel.draft';

export const techniquesFault = signal('');
export const technique = signal<Technique | undefined>(undefined);
export const prompt = signal<Prompt>({});
export const additions = signal<Additions>(noAdditions);
/** How pictures were cropped or extended, by the name of the result. */
export const edits = signal<Record<string, PictureEdit>>({});
export const faults = signal<Faults>(noFaults);
export const sending = signal(false);
/** Whether each run takes another seed. */
export const freshSeed = signal(browserStore.getItem('easel.freshSeed') !== 'no');
/** Whether the size follows the picture's shape. */
export const sizeFollows = signal(browserStore.getItem('easel.sizeFollows') !== 'no');
/** Pictures on their way to the server, by node, and what they look like. */
export const uploading = signal<Record<string, string>>({});
/** How large pictures are, by their names on the server. */
export const shapes = signal<Record<string, Shape>>({});

export const missing = computed(() =>
  technique.value ? drafts.missingPictures(prompt.value, technique.value) : [],
);
/** The way of the first picture to the sampler, where it is painted over. */
export const painted = computed(() => {
  const slot = technique.value?.pictures[0]?.node;
  return slot === undefined ? undefined : paintPath(prompt.value, slot);
});
export const checkpoint = computed(() => {
  const node = modelNode(prompt.value);
  return node === undefined ? undefined : String(prompt.value[node]!.inputs['ckpt_name'] ?? '');
});

/** The workflow as it will be run. */
export function workflow(): Prompt {
  const t = technique.value;
  if (!t) return {};
  const inpainting = !!fileNamed('checkpoints', checkpoint.value ?? '')?.inpainting;
  return assemble(prompt.value, t, additions.value, inpainting);
}

export function seedOf(): Value | undefined {
  const knob = technique.value?.knobs.find((k) => k.seed);
  return knob && prompt.value[knob.node]?.inputs[knob.input];
}

function take(read: ReadWorkflow): void {
  batch(() => {
    technique.value = read.technique;
    prompt.value = read.base;
    additions.value = read.additions;
    faults.value = noFaults;
  });
  const classes = Object.values(read.base).map((node) => node.class_type);
  for (const name of new Set([...classes, 'LoraLoader', 'ControlNetLoader', 'VAELoader'])) wantInfo(name);
}

export async function loadTechniques(): Promise<void> {
  void loadModelFiles();
  void loadPromptTexts();
  void loadPictureFormats();
  try {
    const all = await routes.techniques();
    techniques.value = all;
    techniquesFault.value = '';
    if (technique.value) return;
    const kept = storedDraft(all);
    if (kept) return take(kept);
    const first = all.find((t) => !t.missing) ?? all[0];
    if (first) take({ technique: first, base: drafts.newDraft(first), additions: noAdditions });
  } catch (error) {
    techniquesFault.value = error instanceof Error ? error.message : String(error);
  }
}

interface StoredDraft {
  technique: string;
  prompt: Prompt;
  additions?: Additions;
  edits?: Record<string, PictureEdit>;
}

function storedDraft(all: Technique[]): ReadWorkflow | undefined {
  try {
    const kept = parseJson(browserStore.getItem(DRAFT_KEY) ?? '') as StoredDraft;
    const named = all.filter((t) => t.name === kept?.technique);
    const read = readWorkflow(kept.prompt, kept.technique, named);
    if (!read) return undefined;
    edits.value = kept.edits ?? {};
    return { ...read, additions: kept.additions ?? noAdditions };
  } catch {
    return undefined;
  }
}

effect(() => {
  const name = technique.value?.name;
  const draft = { technique: name, prompt: prompt.value, additions: additions.value, edits: edits.value };
  if (name) browserStore.setItem(DRAFT_KEY, formatJson(draft));
});
effect(() => browserStore.setItem('easel.freshSeed', freshSeed.value ? 'yes' : 'no'));
effect(() => browserStore.setItem('easel.sizeFollows', sizeFollows.value ? 'yes' : 'no'));

export function chooseTechnique(next: Technique): void {
  const old = technique.value;
  if (old?.name === next.name) return;
  const base = old ? drafts.carryOver({ technique: old, prompt: prompt.value }, next) : drafts.newDraft(next);
  // A mask belongs to a picture that is painted over; files that do not fit are marked where they are chosen.
  const slot = next.pictures[0]?.node;
  const paints = slot !== undefined && paintPath(base, slot) !== undefined;
  const { mask, vae: _vae, ...kept } = additions.value;
  take({ technique: next, base, additions: paints && mask ? { ...kept, mask } : kept });
  followShape();
}

export function clearFault(node: string, input: string): void {
  const { [fieldKey(node, input)]: gone, ...fields } = faults.value.fields;
  if (gone !== undefined || faults.value.general.length > 0) faults.value = { ...faults.value, fields, general: [] };
}

export function setFault(node: string, input: string, words: string): void {
  faults.value = { ...faults.value, fields: { ...faults.value.fields, [fieldKey(node, input)]: words } };
}

export function setInput(node: string, input: string, value: Value): void {
  prompt.value = drafts.withInput(prompt.value, node, input, value);
  clearFault(node, input);
}

export function add(changes: Partial<Additions>): void {
  additions.value = { ...additions.value, ...changes };
  if (faults.value.general.length > 0) faults.value = { ...faults.value, general: [] };
}

export function setWords(which: 'prompts' | 'negatives', words: string): void {
  if (technique.value) prompt.value = drafts.withWords(prompt.value, technique.value[which], words);
}

export function wordsOf(which: 'prompts' | 'negatives'): string {
  return drafts.wordsOf(prompt.value, technique.value?.[which] ?? []);
}

export function rollSeed(): void {
  if (technique.value) prompt.value = drafts.withSeed(prompt.value, technique.value, drafts.randomSeed());
}

/** The picture in the technique's first slot, and how large it is where that is known. */
export function firstPicture(): { name: string; shape?: Shape } | undefined {
  const slot = technique.value?.pictures[0]?.node;
  const name = slot && prompt.value[slot]?.inputs['image'];
  return typeof name === 'string' && name ? { name, shape: shapes.value[name] } : undefined;
}

export function setSize({ width, height }: Shape): void {
  const node = technique.value && sizeKnobs(technique.value)?.node;
  if (!node) return;
  batch(() => {
    setInput(node, 'width', width);
    setInput(node, 'height', height);
  });
}

/** Whether the model at hand is one that came with the program. */
export const small = computed(() => fileNamed('checkpoints', checkpoint.value ?? '')?.built_in === true);

/** Gives the result the picture's shape, where it is to follow it. The small model draws squares of its own size. */
export function followShape(): void {
  if (!sizeFollows.value) return;
  if (small.value) return setSize({ width: SMALL_SIDE, height: SMALL_SIDE });
  const shape = firstPicture()?.shape;
  if (shape && technique.value) setSize(sizeLike(shape, usualArea(technique.value)));
}

/** The size that suits the model, after another one has been chosen. */
export function resetSize(): void {
  const inputs = technique.value?.prompt[sizeKnobs(technique.value)?.node ?? '']?.inputs;
  if (small.value) setSize({ width: SMALL_SIDE, height: SMALL_SIDE });
  else if (inputs) setSize({ width: Number(inputs['width']), height: Number(inputs['height']) });
  followShape();
}

/** Called when a picture has been seen, by whatever shows it. */
export function learnShape(name: string, shape: Shape): void {
  if (shapes.value[name] || !shape.width) return;
  shapes.value = { ...shapes.value, [name]: shape };
}

/** Puts a picture into a slot: the size follows, and what was painted on another one is gone. */
export function setPicture(node: string, name: string): void {
  batch(() => {
    const first = technique.value?.pictures[0]?.node === node;
    if (first && additions.value.mask && prompt.value[node]?.inputs['image'] !== name) add({ mask: undefined });
    setInput(node, 'image', name);
    if (first && name) followShape();
  });
}

async function shapeOf(source: string): Promise<Shape> {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  return { width: picture.naturalWidth, height: picture.naturalHeight };
}

export function useAsReference(image: ImageRef, node?: string): void {
  const slot = node ?? missing.value[0] ?? technique.value?.pictures[0]?.node;
  setView('paint');
  column.value = 'compose';
  if (!slot) return;
  const name = routes.imageName(image);
  setPicture(slot, name);
  shapeOf(routes.viewAddress(image)).then(
    (shape) => {
      learnShape(name, shape);
      if (prompt.value[slot]?.inputs['image'] === name && technique.value?.pictures[0]?.node === slot) followShape();
    },
    () => undefined, // the slot itself shows that there is no such picture
  );
}

/** Sends a picture to the server and puts it into the slot. */
export async function attach(node: string, file: File): Promise<void> {
  clearFault(node, 'image');
  const look = URL.createObjectURL(file);
  uploading.value = { ...uploading.value, [node]: look };
  try {
    const [image, shape] = await Promise.all([sendPicture(file), shapeOf(look).catch(() => undefined)]);
    const name = routes.imageName(image);
    if (shape) learnShape(name, shape);
    setPicture(node, name);
  } catch (error) {
    setFault(node, 'image', error instanceof Error ? error.message : 'This picture could not be sent.');
  } finally {
    const { [node]: _done, ...rest } = uploading.value;
    uploading.value = rest;
    setTimeout(() => URL.revokeObjectURL(look), 5000);
  }
}

/** Puts pictures into the slots, the empty ones first. */
export function attachAll(files: File[]): void {
  const slots = technique.value?.pictures.map((s) => s.node) ?? [];
  const order = [...missing.value, ...slots.filter((s) => !missing.value.includes(s))];
  files.slice(0, order.length).forEach((file, i) => void attach(order[i]!, file));
  column.value = 'compose';
}

/** Brings back the settings a picture or file was made with. False when it has none that can be run here. */
export function restore(found: FoundWorkflow): boolean {
  const read = found.prompt && readWorkflow(found.prompt, found.note?.technique, techniques.value);
  if (!read) {
    if (!found.prompt && !found.graph) return false;
    openInGraph(found);
    say('This workflow is none of the techniques, so it is shown as a graph.');
    return true;
  }
  edits.value = { ...edits.value, ...found.note?.edits };
  take(read);
  setView('paint');
  column.value = 'compose';
  say(`The settings are back: ${read.technique.title}.`);
  return true;
}

/** The fields the form has for a technique, by their keys. */
export function shownFields(t: Technique): Set<string> {
  const model = modelNode(t.prompt);
  return new Set([
    ...t.knobs.map((k) => fieldKey(k.node, k.input)),
    ...t.pictures.map((p) => fieldKey(p.node, 'image')),
    ...(model === undefined ? [] : [fieldKey(model, 'ckpt_name')]),
  ]);
}

/** The field of the form that made a job fail: one of its pictures or knobs, with the value it still has. */
function blamedField(t: Technique, job: Job): [node: string, input: string] | undefined {
  const { node = '', input = '' } = job.failure ?? {};
  const blamed = t.pictures.some((p) => p.node === node) ? 'image' : input;
  if (!shownFields(t).has(fieldKey(node, blamed))) return undefined;
  const [now, then] = [prompt.peek()[node]?.inputs[blamed], job.prompt[node]?.inputs[blamed]];
  return now === then ? [node, blamed] : undefined;
}

// A run that fails is told at the field that is to blame as well as on the stage.
let toldOf: string | undefined;
effect(() => {
  const job = focusJob.value;
  const t = technique.value;
  if (!t || !job?.failure || job.id === toldOf) return;
  toldOf = job.id;
  const field = blamedField(t, job);
  if (field) setTimeout(() => setFault(...field, job.failure!.message));
});
