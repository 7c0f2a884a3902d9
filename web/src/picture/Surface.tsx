import { effect, untracked } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { boardOf, drawBoard, gripAt, type Board } from './board';
import { dragged, type Frame, type Grip } from './frame';
import type { Session } from './session';

interface Point {
  x: number;
  y: number;
}

const ZOOM_BY = 1.0015;
const CURSORS: Record<string, string> = { '1,1': 'nwse-resize', '-1,-1': 'nwse-resize', '1,-1': 'nesw-resize', '-1,1': 'nesw-resize', '1,0': 'ew-resize', '-1,0': 'ew-resize', '0,1': 'ns-resize', '0,-1': 'ns-resize', '0,0': 'move' };

/** What fingers, pen and mouse do on the picture. */
class Hands {
  board: Board;
  cursor?: Point;
  private readonly down = new Map<number, Point>();
  private doing?: 'paint' | 'pan' | { grip: Grip; frame: Frame; from: Point };
  private space = false;

  constructor(
    private readonly session: Session,
    private readonly canvas: HTMLCanvasElement,
  ) {
    this.board = boardOf(session, canvas);
  }

  private at(event: PointerEvent | WheelEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** A place of the screen on the original picture. */
  private toPicture(p: Point): Point {
    return { x: (p.x - this.board.x) / this.board.scale, y: (p.y - this.board.y) / this.board.scale };
  }

  private toFrame(p: Point): Point {
    const { x, y } = this.toPicture(p);
    const frame = this.session.frame.value;
    return { x: x - frame.x, y: y - frame.y };
  }

  holdSpace(on: boolean): void {
    this.space = on;
    this.canvas.style.cursor = on ? 'grab' : '';
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
    this.zoom(ZOOM_BY ** -pixels, this.at(event));
  }

  zoom(by: number, at: Point): void {
    const scale = Math.max(0.02, Math.min(32, this.board.scale * by));
    const real = scale / this.board.scale;
    this.board = { scale, x: at.x - (at.x - this.board.x) * real, y: at.y - (at.y - this.board.y) * real };
    this.session.changed();
  }

  private dab(event: PointerEvent): { x: number; y: number; share: number } {
    const pen = event.pointerType === 'pen' && this.session.brush.value.pressure && event.pressure > 0;
    return { ...this.toFrame(this.at(event)), share: pen ? 0.15 + 0.85 * event.pressure : 1 };
  }

  begin(event: PointerEvent): void {
    if (event.button > 1) return;
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.at(event);
    this.down.set(event.pointerId, at);
    const { session } = this;
    if (this.down.size > 1) {
      // A second finger: whatever the first one began was not meant.
      if (this.doing === 'paint') session.mask.drop();
      else if (typeof this.doing === 'object') session.frame.value = this.doing.frame;
      this.doing = 'pan';
      return session.changed();
    }
    const tool = session.tool.value;
    if (event.button === 1 || this.space || tool === 'move') this.doing = 'pan';
    else if (tool === 'frame') {
      const grip = gripAt(at, this.board, session.frame.value, event.pointerType === 'touch');
      this.doing = grip ? { grip, frame: session.frame.value, from: at } : 'pan';
    } else if (tool === 'fill') {
      session.fillAt(this.toFrame(at), event.altKey);
      this.doing = undefined;
    } else {
      this.doing = 'paint';
      session.mask.begin(session.brushNow(), this.dab(event));
      session.changed();
    }
  }

  move(event: PointerEvent): void {
    const now = this.at(event);
    this.cursor = event.pointerType === 'touch' ? undefined : now;
    const before = this.down.get(event.pointerId);
    const { session } = this;
    if (!before) {
      if (session.tool.value === 'frame' && !this.space) {
        const grip = gripAt(now, this.board, session.frame.value, false);
        this.canvas.style.cursor = grip ? CURSORS[`${grip.x},${grip.y}`]! : '';
      }
      return session.changed();
    }
    const other = [...this.down].find(([id]) => id !== event.pointerId)?.[1];
    this.down.set(event.pointerId, now);
    if (this.doing === 'pan' && other) {
      const far = (p: Point) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
      this.zoom(far(now) / far(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    }
    if (this.doing === 'pan') {
      const share = other ? 0.5 : 1;
      this.board = { ...this.board, x: this.board.x + (now.x - before.x) * share, y: this.board.y + (now.y - before.y) * share };
    } else if (this.doing === 'paint') {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const e of events.length > 0 ? events : [event]) session.mask.go(this.dab(e));
    } else if (this.doing) {
      const { grip, frame, from } = this.doing;
      const by = { x: (now.x - from.x) / this.board.scale, y: (now.y - from.y) / this.board.scale };
      session.frame.value = dragged(frame, grip, by, session.size, session.masks, session.ratio.value);
    }
    session.changed();
  }

  end(event: PointerEvent): void {
    if (!this.down.delete(event.pointerId)) return;
    const { doing, session } = this;
    if (this.down.size > 0) return;
    this.doing = undefined;
    if (doing === 'paint') session.did(session.mask.end());
    else if (typeof doing === 'object') {
      const next = session.frame.value;
      session.frame.value = doing.frame;
      session.setFrame(next, doing.frame);
    }
    session.changed();
  }

  leave(): void {
    this.cursor = undefined;
    this.session.changed();
  }

  fit(): void {
    this.board = boardOf(this.session, this.canvas);
    this.session.changed();
  }
}

/** The picture with its mask and frame, to be painted on. */
export function Surface({ session }: { session: Session }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current!;
    const hands = new Hands(session, element);
    let asked = 0;
    const draw = () => {
      asked = 0;
      drawBoard(element, session, hands.board, hands.cursor);
    };
    const redraw = () => (asked ||= requestAnimationFrame(draw));
    const resize = new ResizeObserver(() => {
      const ratio = window.devicePixelRatio || 1;
      element.width = element.clientWidth * ratio;
      element.height = element.clientHeight * ratio;
      hands.fit();
    });
    resize.observe(element);
    const stop = effect(() => {
      session.seen.value;
      session.frame.value;
      session.seam.value;
      session.tool.value;
      session.brush.value;
      redraw();
    });
    const fit = effect(() => {
      if (session.framed.value > 0) untracked(() => hands.fit());
    });
    const key = (event: KeyboardEvent) => {
      if (event.key !== ' ' || (event.target as HTMLElement).closest('button, input, select')) return;
      event.preventDefault();
      hands.holdSpace(event.type === 'keydown');
    };
    const takers: [string, (event: never) => void][] = [
      ['pointerdown', (e: PointerEvent) => hands.begin(e)],
      ['pointermove', (e: PointerEvent) => hands.move(e)],
      ['pointerup', (e: PointerEvent) => hands.end(e)],
      ['pointercancel', (e: PointerEvent) => hands.end(e)],
      ['pointerleave', () => hands.leave()],
      ['wheel', (e: WheelEvent) => hands.wheel(e)],
    ];
    for (const [type, take] of takers) element.addEventListener(type, take as EventListener, { passive: false });
    addEventListener('keydown', key);
    addEventListener('keyup', key);
    return () => {
      stop();
      fit();
      resize.disconnect();
      cancelAnimationFrame(asked);
      removeEventListener('keydown', key);
      removeEventListener('keyup', key);
    };
  }, [session]);
  return <canvas ref={canvas} class="surface" tabIndex={0} aria-label="The picture. Paint with a pen, a finger or the mouse." />;
}
