// The size of the result, from the shape of a picture. Pure functions.
import type { Technique } from '../../api/types';

export interface Shape {
  width: number;
  height: number;
}

const SNAP = 8;

/** No side is more than this many times that of a square of as many pixels: models make nothing of longer ones. */
const MOST_STRETCH = 4;

/** A size of the picture's shape, its sides multiples of 8, that covers about as many pixels as `area`. */
export function sizeLike(shape: Shape, area: number): Shape {
  const scale = Math.sqrt(area / (shape.width * shape.height));
  const most = MOST_STRETCH * Math.sqrt(area);
  const snap = (side: number) => Math.max(64, Math.round(Math.min(most, side * scale) / SNAP) * SNAP);
  return { width: snap(shape.width), height: snap(shape.height) };
}

/** How much of a picture a size cuts off in its middle: shares of its width and height. */
export function cutOff(shape: Shape, size: Shape): { x: number; y: number } {
  // What is no size cuts nothing off; that it is none is said elsewhere.
  if (!(size.width > 0 && size.height > 0)) return { x: 0, y: 0 };
  const ratio = (size.width / size.height) / (shape.width / shape.height);
  return ratio < 1 ? { x: 1 - ratio, y: 0 } : { x: 0, y: 1 - 1 / ratio };
}

/** Pixels of a side of what the small built-in model draws. */
export const SMALL_SIDE = 128;

/** So little is lost to snapping and not worth a word. */
export const UNSEEN = 0.025;

/** What is cut off, in words; nothing when nobody would see it. */
export function sayCut(shape: Shape, size: Shape): string | undefined {
  const { x, y } = cutOff(shape, size);
  const most = Math.max(x, y);
  if (!(most > UNSEEN)) return undefined;
  const half = Math.max(1, Math.round(most * 50));
  return x > y ? `Cuts ${half} % off the left and as much off the right.` : `Cuts ${half} % off the top and as much off the bottom.`;
}

/** The knobs of the result's size. */
export function sizeKnobs(technique: Technique): { node: string } | undefined {
  const node = technique.knobs.find((k) => k.input === 'width')?.node;
  return node !== undefined && technique.knobs.some((k) => k.node === node && k.input === 'height') ? { node } : undefined;
}

/** How many pixels the technique's models like to make. */
export function usualArea(technique: Technique): number {
  const inputs = technique.prompt[sizeKnobs(technique)?.node ?? '']?.inputs ?? {};
  return Number(inputs['width'] ?? 512) * Number(inputs['height'] ?? 512);
}
