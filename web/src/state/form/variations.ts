// Several jobs from one form: prompts with alternatives, knobs over values, counts. Pure functions.
import type { Job } from '../jobs/jobs';
import type { Knob, PageNote, Prompt, SetNote, Technique, Value } from '../../api/types';
import { withInput, withSeed, withWords } from './draft';

export const MOST_JOBS = 100;

/** One thing that is varied: its values, how each is shown, and how a workflow gets it. */
export interface Axis {
  label: string;
  values: string[];
  put: (prompt: Prompt, index: number) => Prompt;
}

/** Where the group that opens at `from` ends, and where its alternatives are parted. */
function scan(text: string, from: number): { end: number; bars: number[] } | undefined {
  const bars: number[] = [];
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '{') depth++;
    else if (c === '|' && depth === 1) bars.push(i);
    else if (c === '}' && --depth === 0) return { end: i, bars };
  }
  return undefined;
}

/** Every text that "a {red|blue} boat" stands for; the text itself when it has no alternatives. At most `most`. */
export function alternatives(text: string, most = MOST_JOBS): string[] {
  for (let at = text.indexOf('{'); at >= 0; at = text.indexOf('{', at + 1)) {
    if (text[at - 1] === '\\') continue;
    const group = scan(text, at);
    if (!group) break;
    if (group.bars.length === 0) continue;
    const cuts = [at, ...group.bars, group.end];
    const out: string[] = [];
    for (let i = 0; i + 1 < cuts.length && out.length < most; i++) {
      const choice = text.slice(cuts[i]! + 1, cuts[i + 1]);
      out.push(...alternatives(text.slice(0, at) + choice + text.slice(group.end + 1), most - out.length));
    }
    return out;
  }
  return [text];
}

/** The words that differ between texts, so that each can be told by few of them. */
export function differences(texts: string[]): string[] {
  const lists = texts.map((text) => text.split(/\s+/).filter(Boolean));
  const first = lists[0] ?? [];
  if (lists.length < 2) return texts;
  let begin = 0;
  while (begin < first.length && lists.every((words) => words[begin] === first[begin])) begin++;
  let end = 0;
  while (lists.every((words) => end < words.length - begin && words.at(-1 - end) === first.at(-1 - end))) end++;
  return lists.map((words) => words.slice(begin, words.length - end).join(' ') || '–');
}

export function wordsAxis(technique: Technique, words: string): Axis | undefined {
  const texts = alternatives(words);
  if (texts.length < 2) return undefined;
  return {
    label: 'Words',
    values: differences(texts),
    put: (prompt, i) => withWords(prompt, technique.prompts, texts[i]!),
  };
}

/** A knob as far as varying it goes. */
export type VariedKnob = Pick<Knob, 'node' | 'input' | 'label' | 'seed'>;

export function knobAxis(technique: Technique, knob: VariedKnob, values: Value[]): Axis {
  return {
    label: knob.label,
    values: values.map(String),
    put: (prompt, i) =>
      knob.seed
        ? withSeed(prompt, technique, values[i] as number)
        : withInput(prompt, knob.node, knob.input, values[i]!),
  };
}

const HIGHEST_SEED = 18446744073709551615n;

/** `count` seeds one after the other. */
export function seedsFrom(seed: Value | undefined, count: number): (number | bigint)[] {
  const first = typeof seed === 'bigint' || typeof seed === 'number' ? BigInt(seed) : 0n;
  return Array.from({ length: count }, (_, i) => {
    const next = (first + BigInt(i)) % (HIGHEST_SEED + 1n);
    return next <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(next) : next;
  });
}

/** Every combination of the axes, the first one turning fastest. */
export function combinations(axes: Axis[]): number[][] {
  let out: number[][] = [[]];
  for (const axis of [...axes].reverse()) out = out.flatMap((rest) => axis.values.map((_, i) => [i, ...rest]));
  return out;
}

export function jobCount(axes: Axis[]): number {
  return axes.reduce((product, axis) => product * axis.values.length, 1);
}

/** One workflow for each combination, with its place in the set. */
export function spread(base: Prompt, axes: Axis[], id: string): { prompt: Prompt; set?: SetNote }[] {
  if (axes.length === 0) return [{ prompt: base }];
  const told = axes.map(({ label, values }) => ({ label, values }));
  return combinations(axes).map((at) => ({
    prompt: axes.reduce((prompt, axis, i) => axis.put(prompt, at[i]!), base),
    set: { id, axes: told, at },
  }));
}

/** The set a job belongs to. */
export function setOf(note: PageNote): SetNote | undefined {
  if (note.set && Array.isArray(note.set.axes) && Array.isArray(note.set.at)) return note.set;
  const { strip } = note;
  if (!strip) return undefined;
  const values = Array.from({ length: strip.index + 1 }, (_, i) => (i === strip.index ? String(strip.value) : ''));
  return { id: strip.id, axes: [{ label: strip.label, values }], at: [strip.index] };
}

/** The jobs of a set as rows of a table, the first axis across. */
export function tableOf(jobs: { job: Job; set: SetNote }[]): { columns: string[]; rows: { name: string; cells: (Job | undefined)[] }[] } {
  const axes = jobs[0]?.set.axes ?? [];
  const width = Math.max(axes[0]?.values.length ?? 1, ...jobs.map(({ set }) => (set.at[0] ?? 0) + 1));
  const columns = Array.from({ length: width }, (_, i) => {
    const own = jobs.find(({ set }) => set.at[0] === i)?.set;
    return own?.axes[0]?.values[i] ?? axes[0]?.values[i] ?? '';
  });
  const rows = new Map<string, { order: number[]; name: string; cells: (Job | undefined)[] }>();
  for (const { job, set } of jobs) {
    const rest = set.at.slice(1);
    const key = rest.join(',');
    const name = rest.map((at, i) => set.axes[i + 1]?.values[at] ?? '').join(', ');
    const row = rows.get(key) ?? { order: rest, name, cells: Array.from({ length: width }, () => undefined) };
    row.cells[set.at[0] ?? 0] = job;
    rows.set(key, row);
  }
  const compare = (a: number[], b: number[]) => {
    for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return a[i]! - b[i]!;
    return 0;
  };
  return { columns, rows: [...rows.values()].sort((a, b) => compare(a.order, b.order)) };
}
