// Values of a knob that is varied: suggested, and read as typed. Pure functions.
import type { InputSpec, Value } from '../../api/types';

export const MOST_VALUES = 24;

function decimals(step: number): number {
  return Math.max(0, Math.min(6, (String(step).split('.')[1] ?? '').length));
}

/** Evenly spaced values over what is usual for the knob, `count` of them. */
export function suggestValues(spec: InputSpec, current: Value | undefined, count: number): string[] {
  const [type, options = {}] = spec;
  if (Array.isArray(type)) return type.slice(0, count).map(String);
  const now = Number(current ?? options.default ?? 0);
  const min = Number(options.min ?? 0);
  const max = Number(options.max ?? 1);
  // A range of a size that is of use: all of it for shares, else around the value at hand.
  let low = min;
  let high = max;
  if (max - min > 2) {
    low = Math.max(min, type === 'INT' ? Math.max(1, Math.round(now / 2)) : now / 2);
    high = Math.min(max, now > 0 ? now * 1.5 : 1);
  } else if (max <= 1) {
    low = min + (max - min) * 0.2;
  }
  const places = type === 'INT' ? 0 : Math.min(2, decimals(options.step ?? 0.05));
  const values: string[] = [];
  for (let i = 0; i < count; i++) {
    const value = low + ((high - low) * i) / Math.max(1, count - 1);
    const text = String(Number(value.toFixed(places)));
    if (!values.includes(text)) values.push(text);
  }
  return values;
}

/** Reads "0.2, 0.4; 0.6" or "1 to 5". Returns the values, or what is wrong with them. */
export function parseValues(text: string, spec: InputSpec): { values: Value[] } | { fault: string } {
  const [type, options = {}] = spec;
  const words = text.split(Array.isArray(type) ? /[\n,;]+/ : /[\s,;]+/).map((w) => w.trim()).filter(Boolean);
  if (words.length < 2) return { fault: 'Give at least two values, with commas between them.' };
  if (words.length > MOST_VALUES) return { fault: `At most ${MOST_VALUES} values.` };
  const values: Value[] = [];
  for (const word of words) {
    if (Array.isArray(type)) {
      const choice = type.find((c) => String(c) === word);
      if (choice === undefined) return { fault: `“${word}” is not one of the choices.` };
      values.push(choice);
      continue;
    }
    const value = type === 'INT' && /^\d{16,20}$/.test(word) ? BigInt(word) : Number(word);
    if (typeof value === 'number' && !Number.isFinite(value)) return { fault: `“${word}” is not a number.` };
    if (type === 'INT' && typeof value === 'number' && !Number.isInteger(value)) {
      return { fault: `“${word}” is not a whole number.` };
    }
    if (options.min !== undefined && value < options.min) return { fault: `${word} is below ${options.min}.` };
    if (options.max !== undefined && value > options.max) return { fault: `${word} is above ${options.max}.` };
    values.push(value);
  }
  return { values };
}
