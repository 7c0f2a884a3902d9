import { describe, expect, it } from 'vitest';
import { regionOfColour } from '../src/picture/flood';
import { beyond, dragged, extendsBeyond, grown, isWhole, tidy, whole, withRatio } from '../src/picture/frame';
import { centreOf, fitScale, kept, panned, scaleOf, under, zoomed } from '../src/state/stage/lens';

const SIZE = { width: 200, height: 100 };

describe('the frame of a picture', () => {
  it('is dragged by edges and corners, within what is allowed', () => {
    const all = whole(SIZE);
    expect(dragged(all, { x: 1, y: 0 }, { x: -50, y: 9 }, SIZE, false)).toEqual({ x: 0, y: 0, width: 150, height: 100 });
    expect(dragged(all, { x: -1, y: -1 }, { x: 20.4, y: 10 }, SIZE, false)).toEqual({ x: 20, y: 10, width: 180, height: 90 });
    expect(dragged(all, { x: 1, y: 1 }, { x: 70, y: 30 }, SIZE, false)).toEqual(all);
    expect(dragged(all, { x: 1, y: 1 }, { x: 70, y: 30 }, SIZE, true)).toEqual({ x: 0, y: 0, width: 270, height: 130 });
    expect(dragged(all, { x: -1, y: 0 }, { x: 500, y: 0 }, SIZE, false).width).toBe(64);
    expect(dragged({ x: 10, y: 10, width: 80, height: 80 }, { x: 0, y: 0 }, { x: 900, y: -50 }, SIZE, false)).toEqual({ x: 120, y: 0, width: 80, height: 80 });
  });

  it('keeps a ratio that is locked', () => {
    const square = withRatio(whole(SIZE), SIZE, 1);
    expect(square).toEqual({ x: 50, y: 0, width: 100, height: 100 });
    for (const grip of [{ x: 1, y: 1 }, { x: -1, y: 0 }, { x: 0, y: 1 }] as const) {
      const { width, height } = dragged(square, grip, { x: -20, y: -13 }, SIZE, false, 1);
      expect(width).toBe(height);
      expect(width).toBeLessThanOrEqual(100);
    }
    const out = dragged(square, { x: 1, y: 0 }, { x: 400, y: 0 }, SIZE, false, 1);
    expect(out).toEqual({ x: 50, y: 0, width: 100, height: 100 });
  });

  it('grows beyond the edges, and tells how far', () => {
    const wider = grown(whole(SIZE), 'left', 40, SIZE);
    expect(wider).toEqual({ x: -40, y: 0, width: 240, height: 100 });
    expect(beyond(wider, SIZE)).toEqual({ left: 40, top: 0, right: 0, bottom: 0 });
    expect(extendsBeyond(wider, SIZE)).toBe(true);
    expect(isWhole(grown(wider, 'left', -40, SIZE), SIZE)).toBe(true);
    expect(tidy({ x: -9999, y: 0, width: 99999, height: 10 }, SIZE, true).width).toBe(1000);
  });
});

describe('filling by colour', () => {
  // Two patches of red, parted by blue.
  const row = 'rrbbrr';
  const pixels = new Uint8ClampedArray([row, row].join('').split('').flatMap((c) => (c === 'r' ? [250, 0, 0, 255] : [0, 0, 250, 255])));

  it('takes what is connected, or all that is alike', () => {
    expect([...regionOfColour(pixels, 6, 2, { x: 0, y: 1 }, 10, true)].join('')).toBe('110000110000');
    expect([...regionOfColour(pixels, 6, 2, { x: 0, y: 1 }, 10, false)].join('')).toBe('110011110011');
    expect([...regionOfColour(pixels, 6, 2, { x: 2.9, y: 0.5 }, 255, true)].join('')).toBe('111111111111');
    expect([...regionOfColour(pixels, 6, 2, { x: -1, y: 0 }, 10, true)].join('')).toBe('000000000000');
  });

  it('finds its way around corners', () => {
    const maze = ['rbrrr', 'rbrbr', 'rrrbr'];
    const data = new Uint8ClampedArray(maze.join('').split('').flatMap((c) => (c === 'r' ? [200, 9, 9, 255] : [0, 0, 0, 255])));
    expect([...regionOfColour(data, 5, 3, { x: 0, y: 0 }, 5, true)].join('')).toBe('101111010111101');
  });
});

describe('the lens', () => {
  const place = { width: 400, height: 400 };

  it('shows all of it, and zooms around a point', () => {
    expect(fitScale(SIZE, place)).toBe(2);
    const at = { x: 100, y: 180 };
    const before = under('fit', SIZE, place, at);
    const near = zoomed('fit', SIZE, place, 8, at);
    expect(scaleOf(near, SIZE, place)).toBe(8);
    expect(under(near, SIZE, place, at)).toEqual(before);
    // A small picture can be seen smaller than its place, at 1:1; a large one never.
    expect(zoomed(near, SIZE, place, 0.2, at)).toEqual({ scale: 1, at: { x: 100, y: 50 } });
    expect(zoomed(near, { width: 4000, height: 4000 }, place, 0.01, at)).toBe('fit');
    expect(zoomed(near, SIZE, place, 2, at)).toBe('fit');
  });

  it('keeps the picture in its place', () => {
    const near = { scale: 8, at: { x: 100, y: 50 } };
    expect(panned(near, SIZE, place, { x: 99999, y: 0 })).toEqual({ scale: 8, at: { x: 25, y: 50 } });
    expect(kept({ scale: 3, at: { x: 0, y: 0 } }, SIZE, place)).toEqual({ scale: 3, at: { x: 400 / 6, y: 50 } });
    expect(centreOf('fit', SIZE)).toEqual({ x: 100, y: 50 });
  });
});
