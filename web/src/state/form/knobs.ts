// How a knob is offered: its hard limits from the node, and the part of them that is of use. Pure functions.
import type { InputSpec, Value } from '../../api/types';

export interface Range {
  min: number;
  max: number;
  step: number;
}

// A range wider than this is of no use as a slider, unless the node says which part of it is.
const WIDEST = 2000;

/** The slider's range; nothing when a slider is of no use. */
export function sliderRange(spec: InputSpec): Range | undefined {
  const [type, options = {}] = spec;
  if (type !== 'INT' && type !== 'FLOAT') return undefined;
  const min = Number(options.min ?? Number.NEGATIVE_INFINITY);
  const max = Number(options.max ?? Number.POSITIVE_INFINITY);
  if (options.useful) return options.useful;
  if (!(max - min <= WIDEST)) return undefined;
  const fine = type === 'INT' ? 1 : 0.01;
  return { min, max, step: Math.max(fine, Number(options.step ?? fine)) };
}

/** Reads what was typed. Returns the value and what is wrong with it, if anything is. */
export function readNumber(text: string, spec: InputSpec): { value?: Value; fault?: string } {
  const [type, options = {}] = spec;
  const trimmed = text.trim().replace(',', '.');
  if (trimmed === '' || !Number.isFinite(Number(trimmed))) return { fault: 'A number is needed here.' };
  let value: number | bigint = Number(trimmed);
  if (type === 'INT') {
    if (!/^[+-]?\d+$/.test(trimmed)) return { fault: 'A whole number is needed here.' };
    if (!Number.isSafeInteger(value)) value = BigInt(trimmed);
  }
  if (options.min !== undefined && value < options.min) return { value, fault: `Must be at least ${options.min}.` };
  if (options.max !== undefined && value > options.max) return { value, fault: `Must be at most ${options.max}.` };
  return { value };
}
