// The form: technique, pictures, words, knobs, and sending it off.
import { batch, computed, effect, signal } from '@preact/signals';
import { HttpError } from '../../api/http';
import { formatJson, parseJson } from '../../api/json';
import * as routes from '../../api/routes';
import { clientId, randomId } from '../../api/socket';
import type { ImageRef, Knob, NodeInfo, PageNote, Prompt, QueueItem, Technique, Value } from '../../api/types';
import * as drafts from './draft';
import { type Faults, fieldKey, noFaults, readFaults } from './errors';
import type { Job } from '../jobs/jobs';
import { say } from '../notices';
import { usablePicture } from './pictureFile';
import type { FoundWorkflow } from './restore';
import { addMine, focusJob, follow, refreshQueue } from '../jobs/session';
import { column, openInGraph, setView } from '../view';

const DRAFT_KEY = 'easel.draft';

export const techniques = signal<Technique[]>([]);
export const techniquesFault = signal('');
export const technique = signal<Technique | undefined>(undefined);
export const prompt = signal<Prompt>({});
export const faults = signal<Faults>(noFaults);
export const infos = signal<Record<string, NodeInfo>>({});
export const sending = signal(false);
/** Whether each run takes another seed. */
export const freshSeed = signal(localStorage.getItem('easel.freshSeed') !== 'no');
/** Pictures on their way to the server, by node, and what they look like. */
export const uploading = signal<Record<string, string>>({});

let lastSeed: string | undefined;

export const missing = computed(() =>
  technique.value ? drafts.missingPictures(prompt.value, technique.value) : [],
);

function seedOf(): Value | undefined {
  const knob = technique.value?.knobs.find((k) => drafts.isSeed(k.input));
  return knob && prompt.value[knob.node]?.inputs[knob.input];
}

function take(chosen: Technique, draft: Prompt): void {
  batch(() => {
    technique.value = chosen;
    prompt.value = draft;
    faults.value = noFaults;
  });
  for (const name of new Set(chosen.knobs.map((k) => draft[k.node]?.class_type ?? ''))) {
    if (!name || infos.value[name]) continue;
    routes.nodeInfo(name).then(
      (info) => info && (infos.value = { ...infos.value, [name]: info }),
      () => undefined,
    );
  }
}

export async function loadTechniques(): Promise<void> {
  try {
    const all = await routes.techniques();
    techniques.value = all;
    techniquesFault.value = '';
    if (technique.value) return;
    const kept = storedDraft();
    const chosen = all.find((t) => t.name === kept?.technique);
    if (chosen && kept && drafts.techniqueOf(kept.prompt, kept, [chosen])) return take(chosen, kept.prompt);
    const first = all.find((t) => !t.missing) ?? all[0];
    if (first) take(first, drafts.newDraft(first));
  } catch (error) {
    techniquesFault.value = error instanceof Error ? error.message : String(error);
  }
}

function storedDraft(): { technique: string; prompt: Prompt } | undefined {
  try {
    const value = parseJson(localStorage.getItem(DRAFT_KEY) ?? '') as { technique: string; prompt: Prompt };
    return value && value.prompt ? value : undefined;
  } catch {
    return undefined;
  }
}

effect(() => {
  const draft = { technique: technique.value?.name, prompt: prompt.value };
  if (draft.technique) localStorage.setItem(DRAFT_KEY, formatJson(draft));
});
effect(() => localStorage.setItem('easel.freshSeed', freshSeed.value ? 'yes' : 'no'));

export function chooseTechnique(next: Technique): void {
  const old = technique.value;
  if (old?.name === next.name) return;
  take(next, old ? drafts.carryOver({ technique: old, prompt: prompt.value }, next) : drafts.newDraft(next));
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

export function setWords(which: 'prompts' | 'negatives', words: string): void {
  if (technique.value) prompt.value = drafts.withWords(prompt.value, technique.value[which], words);
}

export function rollSeed(): void {
  if (technique.value) prompt.value = drafts.withSeed(prompt.value, technique.value, drafts.randomSeed());
}

export function useAsReference(image: ImageRef, node?: string): void {
  const slot = node ?? missing.value[0] ?? technique.value?.pictures[0]?.node;
  if (slot) setInput(slot, 'image', routes.imageName(image));
  setView('paint');
  column.value = 'compose';
}

/** Sends a picture to the server and puts it into the slot. */
export async function attach(node: string, file: File): Promise<void> {
  clearFault(node, 'image');
  const look = URL.createObjectURL(file);
  uploading.value = { ...uploading.value, [node]: look };
  try {
    const picture = await usablePicture(file);
    const image = await routes.upload(picture.blob, picture.name);
    setInput(node, 'image', routes.imageName(image));
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
  const made = found.prompt && drafts.techniqueOf(found.prompt, found.note, techniques.value);
  if (!found.prompt || !made) {
    if (!found.prompt && !found.graph) return false;
    openInGraph(found);
    say('This workflow is none of the techniques, so it is shown as a graph.');
    return true;
  }
  take(made, found.prompt);
  setView('paint');
  column.value = 'compose';
  say(`The settings are back: ${made.title}.`);
  return true;
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

function shownFields(t: Technique): Set<string> {
  return new Set([
    ...t.knobs.map((k) => fieldKey(k.node, k.input)),
    ...t.pictures.map((p) => fieldKey(p.node, 'image')),
  ]);
}

function checkHere(t: Technique): boolean {
  const empty = drafts.missingPictures(prompt.value, t);
  if (empty.length === 0) return true;
  const fields = Object.fromEntries(empty.map((node) => [fieldKey(node, 'image'), 'Choose a picture first.']));
  faults.value = { ...noFaults, fields };
  return false;
}

/** Queues one job. Returns its id, or nothing when it was refused; the form then shows why. */
async function submit(t: Technique, made: Prompt, note: PageNote): Promise<string | undefined> {
  const id = randomId();
  const extra_data = { extra_pnginfo: { easel: note } };
  try {
    const answer = await routes.queuePrompt({ prompt: made, client_id: clientId(), prompt_id: id, extra_data });
    const item: QueueItem = [answer.number, answer.prompt_id, made, extra_data, []];
    addMine(item);
    return answer.prompt_id;
  } catch (error) {
    const shown = shownFields(t);
    if (error instanceof HttpError && error.status === 400) {
      faults.value = readFaults(error.body, made, (field) => shown.has(field));
    } else if (error instanceof HttpError) {
      faults.value = { ...noFaults, general: [error.message] };
    } else {
      faults.value = { ...noFaults, general: ['The server cannot be reached. Nothing was lost; try again.'] };
    }
    return undefined;
  }
}

/** Brings the first field with a fault into view, once it is drawn. */
function showFirstFault(): void {
  setTimeout(() => document.querySelector('.compose-scroll .fault')?.scrollIntoView({ block: 'center' }), 50);
}

async function sendAll(orders: (t: Technique) => { prompt: Prompt; note: PageNote }[]): Promise<void> {
  const t = technique.value;
  if (!t || sending.value || t.missing) return;
  if (!checkHere(t)) return showFirstFault();
  sending.value = true;
  faults.value = noFaults;
  try {
    if (freshSeed.value && lastSeed !== undefined && String(seedOf()) === lastSeed) rollSeed();
    lastSeed = String(seedOf());
    let first = true;
    for (const order of orders(t)) {
      const id = await submit(t, order.prompt, order.note);
      if (!id) break;
      if (first) follow(id);
      first = false;
    }
    if (!first) column.value = 'stage';
  } finally {
    sending.value = false;
    showFirstFault();
    void refreshQueue();
  }
}

export function run(): Promise<void> {
  return sendAll((t) => [{ prompt: prompt.value, note: { technique: t.name } }]);
}

/** Queues one job for each value of the knob, all else the same. */
export function runStrip(knob: Knob, values: Value[]): Promise<void> {
  const id = randomId();
  return sendAll((t) =>
    values.map((value, index) => ({
      prompt: drafts.isSeed(knob.input)
        ? drafts.withSeed(prompt.value, t, value as number)
        : drafts.withInput(prompt.value, knob.node, knob.input, value),
      note: {
        technique: t.name,
        strip: { id, node: knob.node, input: knob.input, label: knob.label, value, index },
      },
    })),
  );
}
