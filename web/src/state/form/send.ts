// Sending what the form says: one job, or one for each combination of what is varied.
import { signal } from '@preact/signals';
import { HttpError } from '../../api/http';
import * as routes from '../../api/routes';
import { clientId, randomId } from '../../api/socket';
import type { ExtraData, PageNote, PictureEdit, Prompt, QueueItem, Technique, Value } from '../../api/types';
import type { Job } from '../jobs/jobs';
import { addMine, follow, noteOf, refreshQueue } from '../jobs/session';
import { browserStore } from '../kept';
import { say } from '../notices';
import { column } from '../view';
import { readWorkflow } from './additions';
import { infoOf, techniques } from './catalog';
import * as compose from './compose';
import * as drafts from './draft';
import { fieldKey, noFaults, readFaults } from './errors';
import { remember } from './history';
import { takeLoras } from './loraWords';
import { type Axis, jobCount, knobAxis, MOST_JOBS, seedsFrom, spread, type VariedKnob, wordsAxis } from './variations';

/** How many pictures a run makes, each with a seed of its own. */
export const count = signal(Math.max(1, Number(browserStore.getItem('easel.count')) || 1));
count.subscribe((value) => browserStore.setItem('easel.count', String(value)));

let lastSeed: string | undefined;

/** Queues a job of this page. Throws what routes.queuePrompt() throws. */
export async function queueJob(prompt: Prompt, extra_data: ExtraData): Promise<string> {
  const answer = await routes.queuePrompt({ prompt, client_id: clientId(), prompt_id: randomId(), extra_data });
  const item: QueueItem = [answer.number, answer.prompt_id, prompt, extra_data, []];
  addMine(item);
  return answer.prompt_id;
}

/** Queues one job of the form. Returns its id, or nothing when it was refused; the form then shows why. */
async function submit(t: Technique, made: Prompt, note: PageNote): Promise<string | undefined> {
  try {
    return await queueJob(made, { extra_pnginfo: { easel: note } });
  } catch (error) {
    const shown = compose.shownFields(t);
    if (error instanceof HttpError && error.status === 400) {
      compose.faults.value = readFaults(error.body, made, (field) => shown.has(field));
    } else if (error instanceof HttpError) {
      compose.faults.value = { ...noFaults, general: [error.message] };
    } else {
      compose.faults.value = { ...noFaults, general: ['The server cannot be reached. Nothing was lost; try again.'] };
    }
    return undefined;
  }
}

function checkHere(t: Technique): boolean {
  const empty = drafts.missingPictures(compose.prompt.value, t);
  if (empty.length === 0) return true;
  const fields = Object.fromEntries(empty.map((node) => [fieldKey(node, 'image'), 'Choose a picture first.']));
  compose.faults.value = { ...noFaults, fields };
  return false;
}

/** Brings the first field with a fault into view, once it is drawn. */
function showFirstFault(): void {
  setTimeout(() => document.querySelector('.compose-scroll .fault')?.scrollIntoView({ block: 'center' }), 50);
}

/** The edits of the pictures that the workflow uses. */
function editsIn(prompt: Prompt): Record<string, PictureEdit> | undefined {
  const used = Object.values(prompt).map((node) => String(node.inputs['image']));
  const own = Object.entries(compose.edits.value).filter(([name]) => used.includes(name));
  return own.length > 0 ? Object.fromEntries(own) : undefined;
}

function seedAxis(t: Technique): Axis | undefined {
  const knob = t.knobs.find((k) => k.seed);
  if (!knob || count.value < 2) return undefined;
  return knobAxis(t, knob, seedsFrom(compose.seedOf(), count.value));
}

/** What a run varies besides the knobs it is given: alternatives in the words, and the count. */
export function ownAxes(t: Technique, knobs: Axis[]): Axis[] {
  const seeds = knobs.some((axis) => axis.label === 'Seed') ? undefined : seedAxis(t);
  return [...knobs, wordsAxis(t, compose.wordsOf('prompts')), seeds].filter((axis): axis is Axis => !!axis);
}

async function sendAll(knobs: Axis[]): Promise<void> {
  const t = compose.technique.value;
  if (!t || compose.sending.value || t.missing) return;
  if (!checkHere(t)) return showFirstFault();
  takeLoras();
  const jobs = jobCount(ownAxes(t, knobs));
  if (jobs > MOST_JOBS) {
    compose.faults.value = { ...noFaults, general: [`These are ${jobs} pictures at once; at most ${MOST_JOBS} can be.`] };
    return;
  }
  compose.sending.value = true;
  compose.faults.value = noFaults;
  try {
    if (compose.freshSeed.value && lastSeed !== undefined && String(compose.seedOf()) === lastSeed) compose.rollSeed();
    lastSeed = String(compose.seedOf());
    remember(compose.wordsOf('prompts'), compose.wordsOf('negatives'));
    const base = compose.workflow();
    let first = true;
    for (const { prompt, set } of spread(base, ownAxes(t, knobs), randomId())) {
      const note: PageNote = { technique: t.name };
      if (set) note.set = set;
      const edits = editsIn(prompt);
      if (edits) note.edits = edits;
      const id = await submit(t, prompt, note);
      if (!id) break;
      if (first) follow(id);
      first = false;
    }
    if (!first) column.value = 'stage';
  } finally {
    compose.sending.value = false;
    showFirstFault();
    void refreshQueue();
  }
}

export function run(): Promise<void> {
  return sendAll([]);
}

/** Queues a job for each combination of the knobs' values. */
export function runGrid(knobs: { knob: VariedKnob; values: Value[] }[]): Promise<void> {
  const t = compose.technique.value;
  return t ? sendAll(knobs.map(({ knob, values }) => knobAxis(t, knob, values))) : Promise.resolve();
}

/** The seeds of any workflow that are not linked: node and input. */
async function seedsIn(prompt: Prompt): Promise<[string, string][]> {
  const out: [string, string][] = [];
  for (const [node, { class_type, inputs }] of Object.entries(prompt)) {
    const { required, optional } = (await infoOf(class_type))?.input ?? {};
    for (const [input, spec] of Object.entries({ ...required, ...optional })) {
      const value = inputs[input];
      if (spec[1]?.control_after_generate && value !== undefined && !drafts.isLink(value)) out.push([node, input]);
    }
  }
  return out;
}

/** Queues a finished job again: with the same seed, or with another one for another picture like it. */
export async function runAgain(job: Job, another: boolean): Promise<void> {
  const { set: _set, strip: _strip, ...note } = noteOf(job);
  const read = readWorkflow(job.prompt, note.technique, techniques.value);
  let prompt = job.prompt;
  if (another) {
    for (const [node, input] of await seedsIn(prompt)) prompt = drafts.withInput(prompt, node, input, drafts.randomSeed());
    if (read) prompt = drafts.withSeed(prompt, read.technique, drafts.randomSeed());
  }
  try {
    const extra = job.extra.extra_pnginfo ?? {};
    follow(await queueJob(prompt, { extra_pnginfo: { ...extra, easel: note } }));
    say(another ? 'One more like it is in the queue.' : 'It is in the queue again.');
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), 'bad');
  }
  void refreshQueue();
}
