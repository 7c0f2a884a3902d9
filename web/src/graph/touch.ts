// Fingers on the graph: one moves the view, two zoom, and a tap on a node brings it close. Only a node that is close
// and chosen is itself touched: moved, connected, its values changed.
import { type LGraphCanvas, type LGraphNode, LiteGraph } from '@comfyorg/litegraph';

const STILL_PX = 10;
/** Below this scale a finger does not hit what it means. */
export const CLOSE = 0.7;

interface Point {
  x: number;
  y: number;
}
/** Where the fingers are together, and how far they are from there. */
function middle(fingers: Point[]): Point & { spread: number } {
  const x = fingers.reduce((sum, f) => sum + f.x, 0) / fingers.length;
  const y = fingers.reduce((sum, f) => sum + f.y, 0) / fingers.length;
  return { x, y, spread: Math.max(...fingers.map((f) => Math.hypot(f.x - x, f.y - y))) };
}

class Fingers {
  private readonly down = new Map<number, Point>();
  private ours = false;
  private moved = false;
  private start: Point = { x: 0, y: 0 };

  constructor(
    private readonly canvas: LGraphCanvas,
    private readonly tapped: (node: LGraphNode | undefined) => void,
  ) {}

  take(event: PointerEvent): void {
    if (event.pointerType !== 'touch' || event.target !== this.canvas.canvas) return;
    if (event.type === 'pointerdown') this.begin(event);
    else if (event.type === 'pointermove') this.move(event);
    else this.end(event);
    if (this.ours) event.stopPropagation();
    if (this.down.size === 0) this.ours = false;
  }

  private nodeAt(point: Point): LGraphNode | undefined {
    const place = this.canvas.canvas.getBoundingClientRect();
    const at = this.canvas.ds.convertCanvasToOffset([point.x - place.x, point.y - place.y]);
    return this.canvas.graph?.getNodeOnPos(at[0]!, at[1]!) ?? undefined;
  }

  private begin(event: PointerEvent): void {
    const point = { x: event.clientX, y: event.clientY };
    this.down.set(event.pointerId, point);
    if (this.down.size > 1) {
      // Whatever the first finger had begun is over.
      if (!this.ours) this.canvas.pointer.reset();
      this.ours = this.moved = true;
      return;
    }
    const node = this.nodeAt(point);
    this.ours = !node || !this.canvas.selectedItems.has(node) || this.canvas.ds.scale < CLOSE;
    this.moved = false;
    this.start = point;
    if (this.ours) LiteGraph.closeAllContextMenus(window);
  }

  private move(event: PointerEvent): void {
    const finger = this.down.get(event.pointerId);
    if (!finger || !this.ours) return;
    const point = { x: event.clientX, y: event.clientY };
    if (!this.moved && Math.hypot(point.x - this.start.x, point.y - this.start.y) < STILL_PX) return;
    this.moved = true;
    const before = middle([...this.down.values()]);
    this.down.set(event.pointerId, point);
    const after = middle([...this.down.values()]);
    const { ds } = this.canvas;
    ds.offset[0] += (after.x - before.x) / ds.scale;
    ds.offset[1] += (after.y - before.y) / ds.scale;
    if (before.spread > 0) ds.changeScale((ds.scale * after.spread) / before.spread, [after.x, after.y], false);
    this.canvas.setDirty(true, true);
  }

  private end(event: PointerEvent): void {
    this.down.delete(event.pointerId);
    if (this.ours && !this.moved && event.type === 'pointerup') this.tapped(this.nodeAt(this.start));
  }
}

/** Listens where events pass before they reach the library. Returns what ends it. */
export function bindFingers(canvas: LGraphCanvas, tapped: (node: LGraphNode | undefined) => void): () => void {
  const place = canvas.canvas.parentElement!;
  const fingers = new Fingers(canvas, tapped);
  const take = (event: PointerEvent) => fingers.take(event);
  const types = ['pointerdown', 'pointermove', 'pointerup', 'pointercancel'] as const;
  for (const type of types) place.addEventListener(type, take, true);
  return () => types.forEach((type) => place.removeEventListener(type, take, true));
}
