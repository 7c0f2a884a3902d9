// Tools for writing prompts: weights by key, completion of names, what a style adds. Pure functions.

import type { Lora } from './additions';

export interface Written {
  text: string;
  from: number;
  to: number;
}

const EDGES = /[\s.,/!?%^*;:{}=`~()<>|]/;
const WEIGHED = /^\((.*?)(?::(-?\d*\.?\d+))?\)$/s;

/** The innermost "(...)" around a place that has no others in it. */
function groupAround(text: string, at: number): [number, number] | undefined {
  const open = text.lastIndexOf('(', at - 1);
  const close = text.indexOf(')', at);
  if (open < 0 || close < 0 || text[open - 1] === '\\') return undefined;
  const inside = text.slice(open + 1, close);
  return /[()]/.test(inside) ? undefined : [open, close + 1];
}

function wordAround(text: string, at: number): [number, number] {
  let [from, to] = [at, at];
  while (from > 0 && !EDGES.test(text[from - 1]!)) from--;
  while (to < text.length && !EDGES.test(text[to]!)) to++;
  return [from, to];
}

/** Changes the weight of the selection, or of the word or group at the caret: "sea" to "(sea:1.05)", and back at 1. */
export function changeWeight({ text, from, to }: Written, by: number): Written {
  [from, to] = from === to ? (groupAround(text, from) ?? wordAround(text, from)) : [from, to];
  while (to > from && /\s/.test(text[to - 1]!)) to--;
  while (from < to && /\s/.test(text[from]!)) from++;
  if (from === to) return { text, from, to };
  // A selection within a group means the group.
  if (!WEIGHED.test(text.slice(from, to))) {
    const after = /^(:-?\d*\.?\d+)?\)/.exec(text.slice(to));
    if (text[from - 1] === '(' && after) [from, to] = [from - 1, to + after[0].length];
  }
  const match = WEIGHED.exec(text.slice(from, to));
  const inner = match ? match[1]! : text.slice(from, to);
  const now = match ? Number(match[2] ?? 1.1) : 1;
  const next = Math.round((now + by) * 100) / 100;
  const made = next === 1 ? inner : `(${inner}:${next})`;
  return { text: text.slice(0, from) + made + text.slice(to), from, to: from + made.length };
}

export interface Completion {
  label: string;
  kind: 'embedding' | 'LoRA';
  insert: string;
}
export interface Completions {
  /** What they take the place of. */
  from: number;
  to: number;
  items: Completion[];
}

const MOST = 8;

function stem(file: string): string {
  return file.replace(/\.(safetensors|pt|pth|bin|ckpt)$/i, '');
}

/** Names that may be meant at the caret: after "embedding:", after "<lora:", or at least three letters of one. */
export function completionsAt(text: string, caret: number, embeddings: string[], loras: string[]): Completions | undefined {
  const before = text.slice(0, caret);
  const lora = /<(?:l|lo|lor|lora|lora:([^<>:]*))$/i.exec(before);
  const word = /(?:^|[\s,(])((embedding:)?([^\s,()<>:]*))$/i.exec(before);
  let from = caret;
  let items: Completion[] = [];
  const has = (name: string, typed: string) => name.toLowerCase().includes(typed.toLowerCase());
  if (lora) {
    from = caret - lora[0].length;
    items = loras
      .filter((name) => has(name, lora[1] ?? ''))
      .map((name) => ({ label: stem(name), kind: 'LoRA', insert: `<lora:${stem(name)}:1>` }));
  } else if (word && (word[2] || word[3]!.length >= 3)) {
    from = caret - word[1]!.length;
    items = embeddings
      .filter((name) => has(name, word[3]!))
      .map((name) => ({ label: stem(name), kind: 'embedding', insert: `embedding:${stem(name)}` }));
  }
  return items.length > 0 ? { from, to: caret, items: items.slice(0, MOST) } : undefined;
}

/** Words with a style's added to them: in the style's "{prompt}", or behind. Taken out again when they are there. */
export function withStyle(words: string, style: string): string {
  if (!style.trim()) return words;
  const [head = '', tail = ''] = style.includes('{prompt}') ? style.split('{prompt}', 2) : ['', words.trim() ? `, ${style}` : style];
  const bare = tail.replace(/^, /, '');
  if (head + tail && words.startsWith(head) && words.endsWith(tail) && words.length >= head.length + tail.length) {
    return words.slice(head.length, words.length - tail.length);
  }
  return words === bare ? '' : head + words.trim() + tail;
}

const MOST_CHUNKS_TOLD = 4;

/** "31 of 75", and how many chunks where it is more than one. Each chunk has room for 75 between its marks. */
export function sayTokens(chunks: number[]): string {
  const room = 75 * Math.max(1, chunks.length);
  const used = chunks.reduce((a, b) => a + b, 0);
  const each = chunks.length <= MOST_CHUNKS_TOLD ? ` (${chunks.join(' + ')})` : '';
  const parts = chunks.length > 1 ? `, ${chunks.length} chunks${each}` : '';
  return `${used} of ${room} tokens${parts}`;
}

const WRITTEN = /\s*<lora:([^:<>]+)(?::(-?[\d.]+))?>/gi;

/** Parts words from the LoRAs in them. `files` are the names there are. */
export function partLoras(words: string, files: string[]): { words: string; loras: Lora[] } {
  const loras: Lora[] = [];
  const rest = words.replace(WRITTEN, (all, name: string, weight: string | undefined) => {
    const wanted = name.trim().toLowerCase();
    const plain = (file: string) => file.replace(/^.*\//, '').replace(/\.[^.]*$/, '').toLowerCase();
    const file = files.find((f) => f.toLowerCase() === wanted || plain(f) === wanted);
    if (!file) return all;
    const strength = Number(weight ?? 1);
    loras.push({ name: file, strength: Number.isFinite(strength) ? strength : 1 });
    return '';
  });
  return { words: loras.length > 0 ? rest.trim() : words, loras };
}
