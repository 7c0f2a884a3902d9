// Pictures that the editor makes: what is within the frame, and the mask.
import { extendsBeyond, type Frame, type Size } from './frame';

export function canvasOf(width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return [canvas, canvas.getContext('2d', { willReadFrequently: true })!];
}

// What lies beyond the edges is blurred to about this many pixels across before it is painted over.
const BLURRED_TO = 24;

/** The picture, mirrored at its edges as often as the frame needs. */
function drawMirrored(ctx: CanvasRenderingContext2D, picture: CanvasImageSource, size: Size, frame: Frame): void {
  const [fromX, toX] = [Math.floor(frame.x / size.width), Math.floor((frame.x + frame.width - 1) / size.width)];
  const [fromY, toY] = [Math.floor(frame.y / size.height), Math.floor((frame.y + frame.height - 1) / size.height)];
  for (let j = fromY; j <= toY; j++) {
    for (let i = fromX; i <= toX; i++) {
      const [flipX, flipY] = [i % 2 !== 0, j % 2 !== 0];
      ctx.save();
      ctx.translate(i * size.width - frame.x + (flipX ? size.width : 0), j * size.height - frame.y + (flipY ? size.height : 0));
      ctx.scale(flipX ? -1 : 1, flipY ? -1 : 1);
      ctx.drawImage(picture, 0, 0, size.width, size.height);
      ctx.restore();
    }
  }
}

/**
 * What is within the frame. Beyond the picture's edges: the picture mirrored and much blurred, so that what is painted
 * there begins from its colours.
 */
export function renderFrame(picture: CanvasImageSource, size: Size, frame: Frame): HTMLCanvasElement {
  const [canvas, ctx] = canvasOf(frame.width, frame.height);
  if (extendsBeyond(frame, size)) {
    drawMirrored(ctx, picture, size, frame);
    const scale = BLURRED_TO / Math.max(frame.width, frame.height);
    const [small, smallCtx] = canvasOf(frame.width * scale, frame.height * scale);
    smallCtx.imageSmoothingQuality = 'high';
    smallCtx.drawImage(canvas, 0, 0, small.width, small.height);
    ctx.imageSmoothingQuality = 'high';
    ctx.drawImage(small, 0, 0, canvas.width, canvas.height);
  }
  ctx.drawImage(picture, -frame.x, -frame.y, size.width, size.height);
  return canvas;
}

/** Draws a white shape with edges that are soft over about `soft` pixels on both sides. */
export function drawSoft(ctx: CanvasRenderingContext2D, soft: number, draw: (ctx: CanvasRenderingContext2D) => void): void {
  ctx.save();
  ctx.fillStyle = ctx.strokeStyle = '#fff';
  if (soft >= 0.5) {
    // A blurred shadow of something that is drawn far outside: there is no filter of contexts in every browser.
    const away = ctx.canvas.width * 2 + 4096;
    ctx.shadowColor = '#fff';
    ctx.shadowBlur = soft;
    ctx.shadowOffsetX = away;
    ctx.translate(-away, 0);
  }
  draw(ctx);
  ctx.restore();
}

/** The mask of what lies beyond the picture, in white; its seam is soft over `seam` pixels of the picture. */
export function renderBeyond(size: Size, frame: Frame, seam: number): HTMLCanvasElement {
  const [canvas, ctx] = canvasOf(frame.width, frame.height);
  if (!extendsBeyond(frame, size)) return canvas;
  ctx.fillStyle = '#fff';
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  // Where the frame ends within the picture there is no seam: what stays goes on past the frame.
  const far = seam * 4 + 8;
  const left = frame.x < 0 ? -frame.x + seam / 2 : -far;
  const top = frame.y < 0 ? -frame.y + seam / 2 : -far;
  const right = frame.x + frame.width > size.width ? size.width - frame.x - seam / 2 : frame.width + far;
  const bottom = frame.y + frame.height > size.height ? size.height - frame.y - seam / 2 : frame.height + far;
  ctx.globalCompositeOperation = 'destination-out';
  drawSoft(ctx, seam / 2, (c) => c.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top)));
  return canvas;
}

/** Layers of white on black, as a picture to be sent. */
export function renderMask(frame: Frame, layers: HTMLCanvasElement[]): HTMLCanvasElement {
  const [canvas, ctx] = canvasOf(frame.width, frame.height);
  ctx.fillStyle = '#000';
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  for (const layer of layers) ctx.drawImage(layer, 0, 0);
  return canvas;
}

export function isEmpty(canvas: HTMLCanvasElement): boolean {
  const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 3; i < data.length; i += 4) if (data[i]! > 2) return false;
  return true;
}

/** A grey picture as a layer: white, as opaque as the picture is bright. */
export function layerFrom(picture: CanvasImageSource, width: number, height: number): HTMLCanvasElement {
  const [canvas, ctx] = canvasOf(width, height);
  ctx.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const image = ctx.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    data[i + 3] = (data[i]! * data[i + 3]!) / 255;
    data[i] = data[i + 1] = data[i + 2] = 255;
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}

export function pngOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('The picture could not be made.'))), 'image/png'),
  );
}
