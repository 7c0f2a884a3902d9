// The part of a picture that is used, and what lies beyond its edges: one rectangle in the picture's pixels. Pure.

export interface Frame {
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Size {
  width: number;
  height: number;
}
/** Which edges move: -1 the left or upper one, 1 the right or lower one, 0 none. Both 0: all of the frame. */
export interface Grip {
  x: -1 | 0 | 1;
  y: -1 | 0 | 1;
}

export const LEAST_SIDE = 64;
/** A frame goes beyond each edge by at most this share of the picture. */
const MOST_BEYOND = 2;

export function whole(size: Size): Frame {
  return { x: 0, y: 0, width: size.width, height: size.height };
}

export function isWhole(frame: Frame, size: Size): boolean {
  return frame.x === 0 && frame.y === 0 && frame.width === size.width && frame.height === size.height;
}

/** Whether the frame goes beyond the picture anywhere. */
export function extendsBeyond(frame: Frame, size: Size): boolean {
  return frame.x < 0 || frame.y < 0 || frame.x + frame.width > size.width || frame.y + frame.height > size.height;
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

function boundsOf(size: Size, beyond: boolean): Bounds {
  const [w, h] = beyond ? [size.width * MOST_BEYOND, size.height * MOST_BEYOND] : [0, 0];
  return { left: 0 - w, top: 0 - h, right: size.width + w, bottom: size.height + h };
}

/** Whole pixels, within what is allowed and not too small. */
export function tidy(frame: Frame, size: Size, beyond: boolean): Frame {
  const b = boundsOf(size, beyond);
  const width = clamp(Math.round(frame.width), Math.min(LEAST_SIDE, size.width), b.right - b.left);
  const height = clamp(Math.round(frame.height), Math.min(LEAST_SIDE, size.height), b.bottom - b.top);
  return { x: clamp(Math.round(frame.x), b.left, b.right - width), y: clamp(Math.round(frame.y), b.top, b.bottom - height), width, height };
}

/** Moves a grip of the frame. `ratio`: width to height that is kept, where it is locked. */
export function dragged(start: Frame, grip: Grip, by: { x: number; y: number }, size: Size, beyond: boolean, ratio?: number): Frame {
  if (grip.x === 0 && grip.y === 0) return tidy({ ...start, x: start.x + by.x, y: start.y + by.y }, size, beyond);
  const b = boundsOf(size, beyond);
  const least = { x: Math.min(LEAST_SIDE, size.width), y: Math.min(LEAST_SIDE, size.height) };
  let [left, top] = [start.x, start.y];
  let [right, bottom] = [start.x + start.width, start.y + start.height];
  if (grip.x < 0) left = clamp(left + by.x, b.left, right - least.x);
  if (grip.x > 0) right = clamp(right + by.x, left + least.x, b.right);
  if (grip.y < 0) top = clamp(top + by.y, b.top, bottom - least.y);
  if (grip.y > 0) bottom = clamp(bottom + by.y, top + least.y, b.bottom);
  if (!ratio) return tidy({ x: left, y: top, width: right - left, height: bottom - top }, size, beyond);
  // The side that was not moved follows; from an edge it grows both ways, from a corner away from it.
  let width = right - left;
  let height = bottom - top;
  if (grip.x !== 0 && (grip.y === 0 || width / ratio >= height)) height = width / ratio;
  else width = height * ratio;
  const room = {
    x: grip.x < 0 ? right - b.left : grip.x > 0 ? b.right - left : b.right - b.left,
    y: grip.y < 0 ? bottom - b.top : grip.y > 0 ? b.bottom - top : b.bottom - b.top,
  };
  const shrink = Math.min(1, room.x / width, room.y / height);
  [width, height] = [width * shrink, height * shrink];
  const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
  const x = grip.x < 0 ? right - width : grip.x > 0 ? left : middle.x - width / 2;
  const y = grip.y < 0 ? bottom - height : grip.y > 0 ? top : middle.y - height / 2;
  return tidy({ x, y, width, height }, size, beyond);
}

/** The largest frame of a ratio within the picture, around the frame's own middle. */
export function withRatio(frame: Frame, size: Size, ratio: number): Frame {
  const width = Math.min(size.width, size.height * ratio);
  const height = width / ratio;
  const x = clamp(frame.x + frame.width / 2 - width / 2, 0, size.width - width);
  const y = clamp(frame.y + frame.height / 2 - height / 2, 0, size.height - height);
  return tidy({ x, y, width, height }, size, false);
}

/** Adds to one side, in pixels; less than nothing takes away. */
export function grown(frame: Frame, side: 'left' | 'top' | 'right' | 'bottom', by: number, size: Size): Frame {
  const grip: Grip = { x: side === 'left' ? -1 : side === 'right' ? 1 : 0, y: side === 'top' ? -1 : side === 'bottom' ? 1 : 0 };
  const out = side === 'left' || side === 'top' ? -by : by;
  return dragged(frame, grip, { x: out, y: out }, size, true);
}

/** How far the frame goes beyond each side; below 0 where it cuts off. */
export function beyond(frame: Frame, size: Size): { left: number; top: number; right: number; bottom: number } {
  return { left: 0 - frame.x, top: 0 - frame.y, right: frame.x + frame.width - size.width, bottom: frame.y + frame.height - size.height };
}
