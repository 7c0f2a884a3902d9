// The workflow a person is filling in: a technique's prompt with their values in it. Pure functions.
import { clone } from '../../api/json';
import type { Prompt, Technique, Value, WordsSlot } from '../../api/types';

export function isLink(value: Value | undefined): boolean {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number';
}

/** The technique's prompt, its picture slots and its words empty: what it ships with stands there as an example. */
export function newDraft(technique: Technique): Prompt {
  const prompt = clone(technique.prompt);
  for (const slot of technique.pictures) {
    const node = prompt[slot.node];
    if (node) node.inputs['image'] = '';
  }
  return withWords(prompt, technique.prompts, '');
}

export function withInput(prompt: Prompt, node: string, input: string, value: Value): Prompt {
  const old = prompt[node];
  if (!old) return prompt;
  return { ...prompt, [node]: { ...old, inputs: { ...old.inputs, [input]: value } } };
}

/** The words in the first of the inputs that is not linked. */
export function wordsOf(prompt: Prompt, slots: WordsSlot[]): string {
  for (const { node, input } of slots) {
    const words = prompt[node]?.inputs[input];
    if (typeof words === 'string') return words;
  }
  return '';
}

/** Puts the words into all of the inputs that are not linked. */
export function withWords(prompt: Prompt, slots: WordsSlot[], words: string): Prompt {
  let out = prompt;
  for (const { node, input } of slots) if (typeof prompt[node]?.inputs[input] === 'string') out = withInput(out, node, input, words);
  return out;
}

/** Gives every seed among the technique's knobs the same new value. */
export function withSeed(prompt: Prompt, technique: Technique, seed: number | bigint): Prompt {
  let out = prompt;
  for (const knob of technique.knobs) if (knob.seed) out = withInput(out, knob.node, knob.input, seed);
  return out;
}

/** A seed that every program can hold exactly. */
export function randomSeed(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0xffff) * 2 ** 32 + low;
}

/** Another technique, with the pictures and words that were chosen for the old one. */
export function carryOver(
  from: { technique: Technique; prompt: Prompt },
  to: Technique,
): Prompt {
  let out = newDraft(to);
  from.technique.pictures.forEach((slot, i) => {
    const image = from.prompt[slot.node]?.inputs['image'];
    const target = to.pictures[i];
    if (target && typeof image === 'string' && image) out = withInput(out, target.node, 'image', image);
  });
  for (const which of ['prompts', 'negatives'] as const) {
    const words = wordsOf(from.prompt, from.technique[which]);
    const shipped = which === 'negatives' && words === wordsOf(from.technique.prompt, from.technique[which]);
    if (words && !shipped) out = withWords(out, to[which], words);
  }
  return out;
}

/** The nodes of the pictures that are still to be chosen. */
export function missingPictures(prompt: Prompt, technique: Technique): string[] {
  return technique.pictures.filter((slot) => !prompt[slot.node]?.inputs['image']).map((slot) => slot.node);
}
