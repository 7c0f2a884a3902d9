// Nodes that are copied and pasted. Copies lie where there is room for them, so that each is seen.
import type { LGraphCanvas, LGraphNode } from '@comfyorg/litegraph';
import { browserStore } from '../state/kept';
import { pair, type Raw } from './readGraph';

/** The library's. */
const CLIPBOARD = 'litegrapheditor_clipboard';
const APART = 40;
const TITLE = 30;

type Box = [left: number, top: number, right: number, bottom: number];

/** Copies what is chosen. Returns it as text. */
export function copyNodes(canvas: LGraphCanvas): string {
  canvas.copyToClipboard();
  return copied() ?? '';
}

/** What was copied last, as text. */
export function copied(): string | null {
  return browserStore.getItem(CLIPBOARD);
}

export function setCopied(text: string): void {
  browserStore.setItem(CLIPBOARD, text);
}

/** The places of the copied nodes, from the left upper corner of them all. */
function copiedBoxes(): Box[] {
  let all: unknown;
  try {
    all = (JSON.parse(copied() ?? '') as Raw)['nodes'];
  } catch {
    return [];
  }
  const boxes = (Array.isArray(all) ? (all as Raw[]) : []).flatMap((node): Box[] => {
    const [pos, size] = [pair(node['pos']), pair(node['size'])];
    return pos && size ? [[pos[0], pos[1], pos[0] + size[0], pos[1] + size[1] + TITLE]] : [];
  });
  const [left, top] = [Math.min(...boxes.map((b) => b[0])), Math.min(...boxes.map((b) => b[1]))];
  return boxes.map(([l, t, r, b]) => [l - left, t - top, r - left, b - top]);
}

function overlap(a: Box, b: Box): boolean {
  return a[0] < b[2] + APART / 2 && b[0] < a[2] + APART / 2 && a[1] < b[3] + APART / 2 && b[1] < a[3] + APART / 2;
}

/** The first place with room for the boxes on the way from a place to the right (0) or down (1). */
function walked(boxes: Box[], taken: Box[], from: [number, number], axis: 0 | 1): [number, number] {
  const at: [number, number] = [...from];
  for (;;) {
    let by = 0;
    for (const [l, t, r, b] of boxes) {
      const own: Box = [l + at[0], t + at[1], r + at[0], b + at[1]];
      for (const other of taken) if (overlap(own, other)) by = Math.max(by, other[axis + 2]! + APART - own[axis]);
    }
    if (by <= 0) return at;
    at[axis] += by;
  }
}

/** Where a box or the copied nodes go: at the mouse, or beside or below what is there. */
export function freePlace(canvas: LGraphCanvas, boxes: Box[] = copiedBoxes()): [number, number] {
  const from: [number, number] = [canvas.graph_mouse[0], canvas.graph_mouse[1]];
  const taken = (canvas.graph?.nodes ?? []).map((n): Box => [n.pos[0], n.pos[1], n.pos[0] + n.size[0], n.pos[1] + n.size[1] + TITLE]);
  const [right, down] = [walked(boxes, taken, from, 0), walked(boxes, taken, from, 1)];
  return right[0] - from[0] < down[1] - from[1] ? right : down;
}

/** Whether all of the nodes are in view. */
export function seesAll(canvas: LGraphCanvas, nodes: LGraphNode[]): boolean {
  const [x = 0, y = 0, width = 0, height = 0] = canvas.visible_area;
  return nodes.every((n) => n.pos[0] >= x && n.pos[1] - TITLE >= y && n.pos[0] + n.size[0] <= x + width && n.pos[1] + n.size[1] <= y + height);
}
