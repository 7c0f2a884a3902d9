// Finding node classes by what is typed. Pure functions.
import type { NodeInfo } from '../api/types';
import { type Infos, inputsOf, typeName } from './document';

/** How well a text has the typed letters in their order: more is better, nothing when it has not. */
export function score(text: string, typed: string): number | undefined {
  const [where, what] = [text.toLowerCase(), typed.toLowerCase()];
  const whole = where.indexOf(what);
  if (whole >= 0) return 100 - whole - where.length / 100 + (whole === 0 ? 20 : 0) + (where === what ? 100 : 0);
  let points = 0;
  let at = -1;
  for (const letter of what.replace(/\s+/g, '')) {
    const next = where.indexOf(letter, at + 1);
    if (next < 0) return undefined;
    // Letters that follow one another, or that begin a word, are likely to be meant.
    const begins = next === 0 || /[^a-z0-9]/.test(where[next - 1]!) || /[A-Z]/.test(text[next]!);
    points += next === at + 1 ? 3 : begins ? 4 : -1;
    at = next;
  }
  return points > 0 ? points - where.length / 100 : undefined;
}

/** A connection that hangs in the air: of what type, and whether it comes out of a node or goes into one. */
export interface Loose {
  type: string;
  out: boolean;
}

function takes(info: NodeInfo, loose: Loose): boolean {
  const types = loose.out ? inputsOf(info).map(([, spec]) => typeName(spec)) : info.output;
  return types.includes(loose.type) || types.includes('*');
}

const MOST = 60;

/** Classes that fit what is typed, best first; with a loose end, only those it can be connected to. */
export function findNodes(infos: Infos, typed: string, loose?: Loose): NodeInfo[] {
  const words = typed.trim();
  const found: { info: NodeInfo; points: number }[] = [];
  for (const info of Object.values(infos)) {
    if (loose && !takes(info, loose)) continue;
    if (!words) {
      if (!info.deprecated) found.push({ info, points: 0 });
      continue;
    }
    const scores = [
      score(info.display_name || info.name, words),
      score(info.name, words),
      (score(info.category, words) ?? -99) - 60,
      info.description.toLowerCase().includes(words.toLowerCase()) ? 5 : -99,
    ];
    const best = Math.max(...scores.map((s) => s ?? -99));
    if (best > 0) found.push({ info, points: best - (info.deprecated ? 40 : 0) });
  }
  const name = (info: NodeInfo) => info.display_name || info.name;
  found.sort((a, b) => b.points - a.points || name(a.info).localeCompare(name(b.info)));
  return found.slice(0, MOST).map(({ info }) => info);
}
