// Ways for connections around nodes: along a grid, with few turns, beside other connections and not on them. Pure.

export interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}
export type Point = [x: number, y: number];
export interface Wire {
  from: Point;
  to: Point;
  /** Wires of one source may lie on each other. */
  source: string;
}

/** How far a way leads straight on from a slot before it may turn. */
const STUB = 14;
const CLEAR = 5;
const MARGIN = 90;
const MOST_CELLS = 14000;
const TURN = 5;
const ON_OTHER = 12;
const ACROSS = 1.5;

/** Right, down, left, up. */
const STEPS: readonly Point[] = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];

/** The least of what was pushed comes out first. */
class Heap {
  private readonly keys: number[] = [];
  private readonly values: number[] = [];

  push(key: number, value: number): void {
    const { keys, values } = this;
    let at = keys.push(key) - 1;
    values.push(value);
    while (at > 0 && keys[(at - 1) >> 1]! > keys[at]!) at = this.swap(at, (at - 1) >> 1);
  }

  pop(): number | undefined {
    const { keys, values } = this;
    const first = values[0];
    const [key, value] = [keys.pop(), values.pop()];
    if (keys.length > 0) {
      [keys[0], values[0]] = [key!, value!];
      for (let at = 0; ; ) {
        let least = at;
        for (const child of [2 * at + 1, 2 * at + 2]) if (child < keys.length && keys[child]! < keys[least]!) least = child;
        if (least === at) break;
        at = this.swap(at, least);
      }
    }
    return first;
  }

  private swap(a: number, b: number): number {
    const { keys, values } = this;
    [keys[a], keys[b]] = [keys[b]!, keys[a]!];
    [values[a], values[b]] = [values[b]!, values[a]!];
    return b;
  }
}

class Grid {
  readonly cell: number;
  readonly columns: number;
  readonly rows: number;
  private readonly left: number;
  private readonly top: number;
  private readonly blocked: Uint8Array;
  /** Whose wires run along each cell: across in the first half, down in the second. */
  private readonly taken: (string | undefined)[] = [];

  constructor(nodes: Rect[]) {
    this.left = Math.min(...nodes.map((n) => n.left)) - MARGIN;
    this.top = Math.min(...nodes.map((n) => n.top)) - MARGIN;
    const width = Math.max(...nodes.map((n) => n.right)) + MARGIN - this.left;
    const height = Math.max(...nodes.map((n) => n.bottom)) + MARGIN - this.top;
    this.cell = Math.max(10, Math.sqrt((width * height) / MOST_CELLS));
    this.columns = Math.ceil(width / this.cell) + 1;
    this.rows = Math.ceil(height / this.cell) + 1;
    this.blocked = new Uint8Array(this.columns * this.rows);
    for (const node of nodes) this.block(node);
  }

  private block({ left, top, right, bottom }: Rect): void {
    const first = (value: number, from: number) => Math.max(0, Math.ceil((value - CLEAR - from) / this.cell));
    const last = (value: number, from: number, most: number) => Math.min(most - 1, Math.floor((value + CLEAR - from) / this.cell));
    for (let row = first(top, this.top); row <= last(bottom, this.top, this.rows); row++) {
      for (let column = first(left, this.left); column <= last(right, this.left, this.columns); column++) this.blocked[row * this.columns + column] = 1;
    }
  }

  /** The free cell that is nearest to a place, looked for in one direction. */
  near([x, y]: Point, step: 1 | -1): number | undefined {
    const row = Math.round((y - this.top) / this.cell);
    for (let column = Math.round((x - this.left) / this.cell); column >= 0 && column < this.columns; column += step) {
      if (!this.blocked[row * this.columns + column]) return row * this.columns + column;
    }
    return undefined;
  }

  placeOf(cell: number): Point {
    return [this.left + (cell % this.columns) * this.cell, this.top + Math.floor(cell / this.columns) * this.cell];
  }

  private costAt(cell: number, direction: number, source: string): number {
    const down = direction % 2;
    const [along, across] = [this.taken[cell * 2 + down], this.taken[cell * 2 + 1 - down]];
    return 1 + (along !== undefined && along !== source ? ON_OTHER : 0) + (across !== undefined && across !== source ? ACROSS : 0);
  }

  /** The cells of the cheapest way, which begins and ends to the right; nothing when there is none. */
  way(from: number, to: number, source: string): number[] | undefined {
    const { columns, rows } = this;
    const states = columns * rows * 4;
    const costs = new Float64Array(states).fill(Number.POSITIVE_INFINITY);
    const before = new Int32Array(states).fill(-1);
    const [toX, toY] = [to % columns, Math.floor(to / columns)];
    const heap = new Heap();
    costs[from * 4] = 0;
    heap.push(0, from * 4);
    for (let state = heap.pop(); state !== undefined; state = heap.pop()) {
      const [cell, direction] = [state >> 2, state & 3];
      if (state === to * 4) return this.trace(before, state);
      const [x, y] = [cell % columns, Math.floor(cell / columns)];
      for (let next = 0; next < 4; next++) {
        if (next === (direction ^ 2)) continue; // not straight back
        const [dx, dy] = STEPS[next]!;
        const [nx, ny] = [x + dx, y + dy];
        const other = ny * columns + nx;
        if (nx < 0 || ny < 0 || nx >= columns || ny >= rows || this.blocked[other]) continue;
        const cost = costs[state]! + this.costAt(other, next, source) + (next === direction ? 0 : TURN);
        if (cost >= costs[other * 4 + next]!) continue;
        costs[other * 4 + next] = cost;
        before[other * 4 + next] = state;
        heap.push(cost + Math.abs(nx - toX) + Math.abs(ny - toY), other * 4 + next);
      }
    }
    return undefined;
  }

  private trace(before: Int32Array, end: number): number[] {
    const cells: number[] = [];
    for (let state = end; state >= 0; state = before[state]!) cells.unshift(state >> 2);
    return cells;
  }

  take(cells: number[], source: string): void {
    for (let i = 1; i < cells.length; i++) {
      const down = Math.abs(cells[i]! - cells[i - 1]!) === 1 ? 0 : 1;
      for (const cell of [cells[i - 1]!, cells[i]!]) this.taken[cell * 2 + down] = source;
    }
  }
}

/** Leaves out places that lie on a straight line between others. */
function corners(points: Point[]): Point[] {
  const straight = (a: Point, b: Point, c: Point) => (a[0] === b[0] && b[0] === c[0]) || (a[1] === b[1] && b[1] === c[1]);
  return points.filter((p, i) => i === 0 || i === points.length - 1 || !straight(points[i - 1]!, p, points[i + 1]!));
}

/** The first stretch brought to the height where a wire begins, the last one to where it ends. */
function levelled(points: Point[], begin: number, end: number): Point[] {
  const [first, last] = [points[0]![1], points.at(-1)![1]];
  const out = points.map((p): Point => [...p]);
  for (let i = out.length - 1; i >= 0 && points[i]![1] === last; i--) out[i]![1] = end;
  for (let i = 0; i < out.length && points[i]![1] === first; i++) out[i]![1] = begin;
  return out;
}

/** The corners of each wire's way, from slot to slot; nothing for those that have no way around. */
export function routeWires(nodes: Rect[], wires: Wire[]): (Point[] | undefined)[] {
  if (nodes.length === 0) return wires.map(() => undefined);
  const grid = new Grid(nodes);
  const length = ({ from, to }: Wire) => Math.abs(from[0] - to[0]) + Math.abs(from[1] - to[1]);
  const out: (Point[] | undefined)[] = wires.map(() => undefined);
  // Short ones first: they have the least room to give way.
  const order = wires.map((_, i) => i).sort((a, b) => length(wires[a]!) - length(wires[b]!));
  for (const i of order) {
    const { from, to, source } = wires[i]!;
    const [begin, end] = [grid.near([from[0] + STUB, from[1]], 1), grid.near([to[0] - STUB, to[1]], -1)];
    const cells = begin === undefined || end === undefined ? undefined : grid.way(begin, end, source);
    if (!cells) continue;
    grid.take(cells, source);
    out[i] = corners([from, ...levelled(cells.map((cell) => grid.placeOf(cell)), from[1], to[1]), to]);
  }
  return out;
}
