// What is painted of a mask: white on nothing, with brush, eraser, fill and inversion, each of which can be undone.
import { regionOfColour } from './flood';
import { canvasOf, drawSoft } from './render';

export interface Brush {
  /** Diameter in the picture's pixels. */
  size: number;
  /** 1: a sharp edge; 0: soft to its middle. */
  hardness: number;
  erase: boolean;
}
interface Dab {
  x: number;
  y: number;
  /** Of the brush's size; pens press. */
  share: number;
}
interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}
/** Something that was done: takes it back, or does it again. */
export interface Deed {
  undo(): void;
  redo(): void;
}

export class MaskLayer {
  readonly canvas: HTMLCanvasElement;
  private readonly ctx: CanvasRenderingContext2D;
  private before?: HTMLCanvasElement;
  private stroke?: { brush: Brush; dabs: Dab[]; box: Box };

  constructor(width: number, height: number, from?: HTMLCanvasElement, at = { x: 0, y: 0 }) {
    [this.canvas, this.ctx] = canvasOf(width, height);
    if (from) this.ctx.drawImage(from, at.x, at.y);
  }

  private copy(): HTMLCanvasElement {
    const [canvas, ctx] = canvasOf(this.canvas.width, this.canvas.height);
    ctx.drawImage(this.canvas, 0, 0);
    return canvas;
  }

  begin(brush: Brush, dab: Dab): void {
    this.before = this.copy();
    this.stroke = { brush, dabs: [], box: { left: dab.x, top: dab.y, right: dab.x, bottom: dab.y } };
    this.go(dab);
  }

  /** Draws on to another place. */
  go(dab: Dab): void {
    const { stroke, before, ctx } = this;
    if (!stroke || !before) return;
    stroke.dabs.push(dab);
    const reach = stroke.brush.size + 4;
    const { box } = stroke;
    box.left = Math.min(box.left, dab.x - reach);
    box.top = Math.min(box.top, dab.y - reach);
    box.right = Math.max(box.right, dab.x + reach);
    box.bottom = Math.max(box.bottom, dab.y + reach);
    const { x, y, width, height } = this.within(box);
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, width, height);
    ctx.clip();
    ctx.clearRect(x, y, width, height);
    ctx.drawImage(before, 0, 0);
    if (stroke.brush.erase) ctx.globalCompositeOperation = 'destination-out';
    const soft = (1 - stroke.brush.hardness) * stroke.brush.size * 0.5;
    drawSoft(ctx, soft, (c) => this.draw(c, stroke.dabs, Math.max(1, stroke.brush.size - soft)));
    ctx.restore();
  }

  private draw(ctx: CanvasRenderingContext2D, dabs: Dab[], size: number): void {
    ctx.lineCap = ctx.lineJoin = 'round';
    const even = dabs.every((d) => d.share === 1);
    if (dabs.length === 1) {
      ctx.beginPath();
      ctx.arc(dabs[0]!.x, dabs[0]!.y, (size * dabs[0]!.share) / 2, 0, 2 * Math.PI);
      ctx.fill();
    } else if (even) {
      // One path, so that a soft edge is drawn once.
      ctx.lineWidth = size;
      ctx.beginPath();
      dabs.forEach((d, i) => (i === 0 ? ctx.moveTo(d.x, d.y) : ctx.lineTo(d.x, d.y)));
      ctx.stroke();
    } else {
      for (let i = 1; i < dabs.length; i++) {
        ctx.lineWidth = (size * (dabs[i - 1]!.share + dabs[i]!.share)) / 2;
        ctx.beginPath();
        ctx.moveTo(dabs[i - 1]!.x, dabs[i - 1]!.y);
        ctx.lineTo(dabs[i]!.x, dabs[i]!.y);
        ctx.stroke();
      }
    }
  }

  private within({ left, top, right, bottom }: Box): { x: number; y: number; width: number; height: number } {
    const [x, y] = [Math.max(0, Math.floor(left)), Math.max(0, Math.floor(top))];
    const width = Math.max(1, Math.min(this.canvas.width, Math.ceil(right)) - x);
    const height = Math.max(1, Math.min(this.canvas.height, Math.ceil(bottom)) - y);
    return { x, y, width, height };
  }

  /** Ends the stroke. */
  end(): Deed | undefined {
    const { stroke, before } = this;
    this.stroke = this.before = undefined;
    return stroke && before ? this.deed(before, this.within(stroke.box)) : undefined;
  }

  /** Takes back a stroke that has not ended. */
  drop(): void {
    if (this.before) this.show(this.before);
    this.stroke = this.before = undefined;
  }

  private show(canvas: HTMLCanvasElement): void {
    this.ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.ctx.drawImage(canvas, 0, 0);
  }

  private deed(before: HTMLCanvasElement, box: { x: number; y: number; width: number; height: number }): Deed {
    const { x, y, width, height } = box;
    const old = before.getContext('2d')!.getImageData(x, y, width, height);
    const now = this.ctx.getImageData(x, y, width, height);
    return { undo: () => this.ctx.putImageData(old, x, y), redo: () => this.ctx.putImageData(now, x, y) };
  }

  private all(change: () => void): Deed {
    const before = this.copy();
    change();
    return this.deed(before, { x: 0, y: 0, width: this.canvas.width, height: this.canvas.height });
  }

  invert(): Deed {
    return this.all(() => {
      const before = this.copy();
      this.ctx.fillStyle = '#fff';
      this.ctx.fillRect(0, 0, this.canvas.width, this.canvas.height);
      this.ctx.globalCompositeOperation = 'destination-out';
      this.ctx.drawImage(before, 0, 0);
      this.ctx.globalCompositeOperation = 'source-over';
    });
  }

  clear(): Deed {
    return this.all(() => this.ctx.clearRect(0, 0, this.canvas.width, this.canvas.height));
  }

  /** Fills what has the colour of the picture at a place. `picture` is as large as the mask. */
  fill(picture: HTMLCanvasElement, at: { x: number; y: number }, tolerance: number, connected: boolean, erase: boolean): Deed {
    const { width, height } = this.canvas;
    const pixels = picture.getContext('2d')!.getImageData(0, 0, width, height).data;
    const region = regionOfColour(pixels, width, height, at, tolerance, connected);
    return this.all(() => {
      const image = this.ctx.getImageData(0, 0, width, height);
      region.forEach((inside, i) => {
        if (inside) image.data.fill(erase ? 0 : 255, i * 4, i * 4 + 4);
      });
      this.ctx.putImageData(image, 0, 0);
    });
  }
}
