// How a knob is offered: its hard limits from the node, and the part of them that is of use. Pure functions.
import type { InputSpec, Value } from '../../api/types';

export interface Range {
  min: number;
  max: number;
  step: number;
}

// Where a node allows far more than is ever useful, the slider covers this much; the number field takes all.
const USEFUL: Record<string, Range> = {
  steps: { min: 1, max: 50, step: 1 },
  cfg: { min: 1, max: 15, step: 0.5 },
  width: { min: 128, max: 1280, step: 64 },
  height: { min: 128, max: 1280, step: 64 },
  strength: { min: 0, max: 2, step: 0.05 },
  weight: { min: 0, max: 1.5, step: 0.05 },
  batch_size: { min: 1, max: 8, step: 1 },
};
const WIDEST = 2000;

/** The slider's range; nothing when a slider is of no use. */
export function sliderRange(input: string, spec: InputSpec): Range | undefined {
  const [type, options = {}] = spec;
  if (type !== 'INT' && type !== 'FLOAT') return undefined;
  const min = Number(options.min ?? Number.NEGATIVE_INFINITY);
  const max = Number(options.max ?? Number.POSITIVE_INFINITY);
  const useful = USEFUL[input];
  if (useful) return { min: Math.max(min, useful.min), max: Math.min(max, useful.max), step: useful.step };
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
