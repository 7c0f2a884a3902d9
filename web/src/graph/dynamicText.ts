// Texts as the editor rewrites them when it queues a graph, with the same picks as the server makes from a posted graph
// (src/workflow/convert/dynamic_text.h).
import type { Prompt } from '../api/types';
import { type Infos, inputsOf, isSeedInput } from './document';

const WIDTH = 0xffffffffffffffffn;
const DEEPEST_CHOICE = 64;

/** One of 0 .. count - 1, from splitmix64. */
export type Draw = (count: number) => number;

export function drawFrom(seed: bigint): Draw {
  let state = seed;
  return (count) => {
    state = (state + 0x9e3779b97f4a7c15n) & WIDTH;
    let x = state;
    x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & WIDTH;
    x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & WIDTH;
    return Number((x ^ (x >> 31n)) % BigInt(count));
  };
}

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|:\/\/|\/\/[^\r\n]*/g, (c) => (c === '://' ? c : ''));

function read(text: string, draw: Draw, depth: number): string {
  let at = 0;
  const escape = () => '\\' + (text[at++] ?? '');
  const choice = () => {
    const options = [''];
    let open = 0;
    while (at < text.length) {
      const c = text[at++]!;
      if (c === '\\') {
        options[options.length - 1] += escape();
        continue;
      }
      if (c === '{') open++;
      else if (c === '}' && open-- === 0) break;
      else if (c === '|' && open === 0) {
        options.push('');
        continue;
      }
      options[options.length - 1] += c;
    }
    const chosen = options[draw(options.length)]!;
    return depth < DEEPEST_CHOICE ? read(chosen, draw, depth + 1) : chosen;
  };
  let out = '';
  while (at < text.length) {
    const c = text[at++]!;
    out += c === '\\' ? escape() : c === '{' ? choice() : c;
  }
  return out.replace(/\\([{}|])/g, '$1');
}

/** Takes out comments, picks one of the choices of each "{a|b}", and takes the backslash from braces. */
export function rewrittenText(text: string, draw: Draw): string {
  return read(withoutComments(text), draw, 0);
}

/** FNV-1a over the UTF-8 bytes. */
function mixed(hash: bigint, text: string): bigint {
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & WIDTH;
  return ((hash ^ 0xffn) * 0x100000001b3n) & WIDTH;
}

function firstSeed(prompt: Prompt, infos: Infos): bigint {
  for (const node of Object.values(prompt)) {
    for (const [name, spec] of inputsOf(infos[node.class_type])) {
      if (!isSeedInput(spec) && name !== 'seed' && name !== 'noise_seed') continue;
      const value = node.inputs[name];
      if (typeof value === 'bigint') return value & WIDTH;
      if (Number.isInteger(value)) return BigInt(value as number) & WIDTH;
    }
  }
  return 0n;
}

/** Rewrites the texts typed into inputs that the server marks for it. */
export function rewriteTexts(prompt: Prompt, infos: Infos): Prompt {
  const seed = firstSeed(prompt, infos).toString();
  for (const [id, node] of Object.entries(prompt)) {
    for (const [name, spec] of inputsOf(infos[node.class_type])) {
      const text = node.inputs[name];
      if (!spec[1]?.dynamicPrompts || typeof text !== 'string' || !/[/{\\]/.test(text)) continue;
      const draw = drawFrom(mixed(mixed(mixed(0xcbf29ce484222325n, seed), id), name));
      node.inputs[name] = rewrittenText(text, draw);
    }
  }
  return prompt;
}
