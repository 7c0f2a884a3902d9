// What the editor shows: the picture, what lies beyond its edges, the mask over it, the frame and the brush.
import { type Frame, extendsBeyond, type Grip } from './frame';
import { canvasOf, renderBeyond, renderFrame } from './render';
import type { Session } from './session';

/** Where the original's pixels are on the screen: x' = x * scale + board.x. */
export interface Board {
  scale: number;
  x: number;
  y: number;
}
interface Point {
  x: number;
  y: number;
}

const MARGIN = 36;
const GRIP = 9;
const MASK_COLOUR = 'rgb(226 62 130 / 62%)';

/** The board that shows the frame and the picture. */
export function boardOf(session: Session, canvas: HTMLCanvasElement): Board {
  const frame = session.frame.value;
  const { width, height } = session.size;
  const left = Math.min(0, frame.x);
  const top = Math.min(0, frame.y);
  const across = Math.max(width, frame.x + frame.width) - left;
  const down = Math.max(height, frame.y + frame.height) - top;
  const margin = Math.min(MARGIN, canvas.clientWidth / 12);
  const scale = Math.max(0.01, Math.min((canvas.clientWidth - 2 * margin) / across, (canvas.clientHeight - 2 * margin) / down));
  return {
    scale,
    x: canvas.clientWidth / 2 - (left + across / 2) * scale,
    y: canvas.clientHeight / 2 - (top + down / 2) * scale,
  };
}

function cornersOf(board: Board, frame: Frame): { left: number; top: number; right: number; bottom: number } {
  const left = frame.x * board.scale + board.x;
  const top = frame.y * board.scale + board.y;
  return { left, top, right: left + frame.width * board.scale, bottom: top + frame.height * board.scale };
}

/** The part of the frame that is at a place of the screen. */
export function gripAt(at: Point, board: Board, frame: Frame, finger: boolean): Grip | undefined {
  const { left, top, right, bottom } = cornersOf(board, frame);
  const near = finger ? 26 : 12;
  if (at.x < left - near || at.x > right + near || at.y < top - near || at.y > bottom + near) return undefined;
  const side = (value: number, low: number, high: number) => (Math.abs(value - low) <= near ? -1 : Math.abs(value - high) <= near ? 1 : 0);
  return { x: side(at.x, left, right), y: side(at.y, top, bottom) };
}

/** What is made once for each frame: its extension, and the mask of that. */
interface Prepared {
  key: string;
  extension?: HTMLCanvasElement;
  beyond?: HTMLCanvasElement;
}
const prepared = new WeakMap<Session, Prepared>();

function prepare(session: Session): Prepared {
  const frame = session.frame.value;
  const key = JSON.stringify([frame, session.seam.value]);
  const known = prepared.get(session);
  if (known?.key === key) return known;
  const made: Prepared = { key };
  if (extendsBeyond(frame, session.size)) {
    // Drawn smaller: it is made anew for each move of the frame.
    const scale = Math.min(1, 640 / Math.max(frame.width, frame.height));
    const small = { x: frame.x * scale, y: frame.y * scale, width: frame.width * scale, height: frame.height * scale };
    const size = { width: session.size.width * scale, height: session.size.height * scale };
    made.extension = renderFrame(session.picture, size, small);
    made.beyond = renderBeyond(size, small, session.seam.value * scale);
  }
  prepared.set(session, made);
  return made;
}

function drawMask(ctx: CanvasRenderingContext2D, session: Session, beyond: HTMLCanvasElement | undefined, box: { left: number; top: number; right: number; bottom: number }): void {
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const [tinted, tint] = canvasOf(Math.min(width, 2048), Math.min(height, 2048));
  tint.drawImage(session.mask.canvas, 0, 0, tinted.width, tinted.height);
  if (beyond) tint.drawImage(beyond, 0, 0, tinted.width, tinted.height);
  tint.globalCompositeOperation = 'source-in';
  tint.fillStyle = MASK_COLOUR;
  tint.fillRect(0, 0, tinted.width, tinted.height);
  ctx.drawImage(tinted, box.left, box.top, width, height);
}

function drawFrame(ctx: CanvasRenderingContext2D, session: Session, box: { left: number; top: number; right: number; bottom: number }): void {
  const active = session.tool.value === 'frame';
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  ctx.lineWidth = 3;
  ctx.strokeStyle = 'rgb(0 0 0 / 45%)';
  ctx.strokeRect(box.left, box.top, width, height);
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = '#fff';
  ctx.strokeRect(box.left, box.top, width, height);
  if (!active) return;
  ctx.lineWidth = 1;
  ctx.strokeStyle = 'rgb(255 255 255 / 45%)';
  ctx.beginPath();
  for (const share of [1 / 3, 2 / 3]) {
    ctx.moveTo(box.left + width * share, box.top);
    ctx.lineTo(box.left + width * share, box.bottom);
    ctx.moveTo(box.left, box.top + height * share);
    ctx.lineTo(box.right, box.top + height * share);
  }
  ctx.stroke();
  ctx.fillStyle = '#fff';
  ctx.strokeStyle = 'rgb(0 0 0 / 55%)';
  for (const x of [box.left, (box.left + box.right) / 2, box.right]) {
    for (const y of [box.top, (box.top + box.bottom) / 2, box.bottom]) {
      if (x === (box.left + box.right) / 2 && y === (box.top + box.bottom) / 2) continue;
      ctx.beginPath();
      ctx.roundRect(x - GRIP / 2, y - GRIP / 2, GRIP, GRIP, 2);
      ctx.fill();
      ctx.stroke();
    }
  }
}

function drawBrush(ctx: CanvasRenderingContext2D, session: Session, board: Board, at: Point): void {
  const radius = (session.brush.value.size * board.scale) / 2;
  for (const [colour, width] of [['rgb(0 0 0 / 60%)', 3], ['#fff', 1.2]] as const) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    ctx.arc(at.x, at.y, Math.max(2, radius), 0, 2 * Math.PI);
    ctx.stroke();
  }
}

/** Draws everything. */
export function drawBoard(canvas: HTMLCanvasElement, session: Session, board: Board, cursor: Point | undefined): void {
  const ctx = canvas.getContext('2d')!;
  const ratio = window.devicePixelRatio || 1;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  const frame = session.frame.value;
  const box = cornersOf(board, frame);
  const own = cornersOf(board, { x: 0, y: 0, ...session.size });
  const { extension, beyond } = prepare(session);
  ctx.imageSmoothingEnabled = board.scale < 3;
  if (extension) ctx.drawImage(extension, box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.drawImage(session.picture, own.left, own.top, own.right - own.left, own.bottom - own.top);
  // What the frame leaves out is dim.
  ctx.save();
  ctx.beginPath();
  ctx.rect(own.left, own.top, own.right - own.left, own.bottom - own.top);
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.clip('evenodd');
  ctx.beginPath();
  ctx.rect(own.left, own.top, own.right - own.left, own.bottom - own.top);
  ctx.clip();
  ctx.fillStyle = 'rgb(0 0 0 / 62%)';
  ctx.fillRect(own.left, own.top, own.right - own.left, own.bottom - own.top);
  ctx.restore();
  // While the frame is dragged the mask is still that of the frame before.
  if (session.masks && session.mask.canvas.width === frame.width && session.mask.canvas.height === frame.height) {
    drawMask(ctx, session, beyond, box);
  }
  drawFrame(ctx, session, box);
  const paints = session.tool.value === 'brush' || session.tool.value === 'eraser';
  if (cursor && paints) drawBrush(ctx, session, board, cursor);
}
