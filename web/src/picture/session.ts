// One picture being edited: its frame, its mask, and all that was done to them.
import { signal } from '@preact/signals';
import * as routes from '../api/routes';
import type { PictureEdit } from '../api/types';
import { unsaved } from '../state/form/editing';
import { type Frame, extendsBeyond, isWhole, type Size, tidy, whole } from './frame';
import { type Brush, type Deed, MaskLayer } from './maskLayer';
import { canvasOf, isEmpty, layerFrom, pngOf, renderBeyond, renderFrame, renderMask } from './render';

export type Tool = 'brush' | 'eraser' | 'fill' | 'frame' | 'move';

async function load(name: string): Promise<ImageBitmap> {
  const answer = await fetch(routes.exactAddress(routes.inputImage(name)));
  if (!answer.ok) throw new Error(`“${name}” is not on the server.`);
  return createImageBitmap(await answer.blob());
}

export interface Made {
  /** The picture's name on the server, its shape, and how it was made from the original where it was. */
  name: string;
  shape: Size;
  edit?: PictureEdit;
  mask?: string;
  extended: boolean;
}

const MOST_DEEDS = 60;

export class Session {
  readonly tool = signal<Tool>('brush');
  readonly frame = signal<Frame>({ x: 0, y: 0, width: 1, height: 1 });
  readonly brush = signal({ size: 60, hardness: 0.7, pressure: true });
  readonly fill = signal({ tolerance: 24, connected: true });
  readonly seam = signal(32);
  /** Width to height, where it is locked. */
  readonly ratio = signal<number | undefined>(undefined);
  readonly undone = signal({ undo: 0, redo: 0 });
  /** Counts what changes what is seen. */
  readonly seen = signal(0);
  /** Counts the frames there were: each is brought into view. */
  readonly framed = signal(0);
  readonly size: Size;
  readonly picture: HTMLCanvasElement;
  mask: MaskLayer;
  private deeds: Deed[] = [];
  private taken: Deed[] = [];

  private constructor(
    readonly original: string,
    bitmap: ImageBitmap,
    /** Whether a mask means anything to the technique. */
    readonly masks: boolean,
    frame: Frame | undefined,
    mask: HTMLCanvasElement | undefined,
  ) {
    this.size = { width: bitmap.width, height: bitmap.height };
    const [canvas, ctx] = canvasOf(bitmap.width, bitmap.height);
    ctx.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.picture = canvas;
    this.frame.value = frame ? tidy(frame, this.size, masks) : whole(this.size);
    const { width, height } = this.frame.value;
    this.mask = new MaskLayer(width, height, mask);
    this.brush.value = { ...this.brush.value, size: Math.max(8, Math.round(Math.max(width, height) / 14)) };
    this.seam.value = Math.max(8, Math.round(Math.max(width, height) / 20));
  }

  /** Opens a picture as it was edited last. */
  static async open(name: string, edit: PictureEdit | undefined, mask: string | undefined, masks: boolean): Promise<Session> {
    const original = edit?.original ?? name;
    const bitmap = await load(original);
    let layer: HTMLCanvasElement | undefined;
    if (mask) {
      const frame = edit?.frame ?? whole(bitmap);
      const picture = await load(mask).catch(() => undefined);
      if (picture) layer = layerFrom(picture, frame.width, frame.height);
    }
    return new Session(original, bitmap, masks, edit?.frame, layer);
  }

  changed(): void {
    this.seen.value++;
  }

  /** Remembers something that was just done. */
  did(deed: Deed | undefined): void {
    if (!deed) return;
    this.deeds = [...this.deeds.slice(-MOST_DEEDS + 1), deed];
    this.taken = [];
    this.tell();
  }

  private tell(): void {
    this.undone.value = { undo: this.deeds.length, redo: this.taken.length };
    unsaved.value = this.deeds.length > 0;
    this.changed();
  }

  undo(): void {
    const deed = this.deeds.pop();
    if (!deed) return;
    deed.undo();
    this.taken.push(deed);
    this.tell();
  }

  redo(): void {
    const deed = this.taken.pop();
    if (!deed) return;
    deed.redo();
    this.deeds.push(deed);
    this.tell();
  }

  brushNow(): Brush {
    const { size, hardness } = this.brush.value;
    return { size, hardness, erase: this.tool.value === 'eraser' };
  }

  invert(): void {
    this.did(this.mask.invert());
  }

  clear(): void {
    this.did(this.mask.clear());
  }

  /** Fills by the colour at a place of the frame. */
  fillAt(at: { x: number; y: number }, erase: boolean): void {
    const { tolerance, connected } = this.fill.value;
    this.did(this.mask.fill(renderFrame(this.picture, this.size, this.frame.value), at, tolerance, connected, erase));
  }

  /** Another frame; what is painted stays where it is on the picture. `from`: the frame before a drag. */
  setFrame(next: Frame, from: Frame = this.frame.value): void {
    const same = next.x === from.x && next.y === from.y && next.width === from.width && next.height === from.height;
    if (same) return;
    const [before, after] = [this.mask, new MaskLayer(next.width, next.height, this.mask.canvas, { x: from.x - next.x, y: from.y - next.y })];
    const put = (mask: MaskLayer, frame: Frame) => {
      this.mask = mask;
      this.frame.value = frame;
      this.framed.value++;
    };
    put(after, next);
    this.did({ undo: () => put(before, from), redo: () => put(after, next) });
  }

  /** Makes the pictures and sends them. */
  async save(): Promise<Made> {
    const frame = this.frame.value;
    const stem = this.original.replace(/ \[\w+\]$/, '').replace(/^.*\//, '').replace(/\.[^.]*$/, '');
    const send = async (canvas: HTMLCanvasElement, name: string) => routes.imageName(await routes.upload(await pngOf(canvas), name));
    const extended = extendsBeyond(frame, this.size);
    const made: Made = { name: this.original, shape: { width: frame.width, height: frame.height }, extended };
    if (!isWhole(frame, this.size)) {
      made.name = await send(renderFrame(this.picture, this.size, frame), `${stem}-${extended ? 'extended' : 'cropped'}.png`);
      made.edit = { original: this.original, frame };
    }
    const layers = [this.mask.canvas, renderBeyond(this.size, frame, this.seam.value)];
    if (this.masks && !layers.every(isEmpty)) made.mask = await send(renderMask(frame, layers), `${stem}-mask.png`);
    return made;
  }
}
