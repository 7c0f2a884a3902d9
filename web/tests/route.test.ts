import { describe, expect, it } from 'vitest';
import { type Point, type Rect, routeWires, type Wire } from '../src/graph/route';

const box = (left: number, top: number, width = 200, height = 120): Rect => ({ left, top, right: left + width, bottom: top + height });

function crosses([a, b]: [Point, Point], { left, top, right, bottom }: Rect): boolean {
  const [x0, x1] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
  const [y0, y1] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
  return x1 > left && x0 < right && y1 > top && y0 < bottom;
}

function stretches(way: Point[]): [Point, Point][] {
  return way.slice(1).map((p, i) => [way[i]!, p]);
}

describe('ways for wires', () => {
  // Three nodes below each other and one beside them, as a narrow room has them.
  const nodes = [box(0, 0), box(0, 180), box(0, 360), box(260, 180)];
  const wire = (from: number, to: number, source = `${from}`, row = 40): Wire => ({
    from: [nodes[from]!.right, nodes[from]!.top + row],
    to: [nodes[to]!.left, nodes[to]!.top + row + 20],
    source,
  });

  it('lead around every node, from the right of one to the left of the other', () => {
    const wires = [wire(0, 1), wire(0, 2), wire(1, 2), wire(0, 3), wire(3, 2), wire(3, 0)];
    const ways = routeWires(nodes, wires);
    ways.forEach((way, i) => {
      expect(way).toBeDefined();
      expect([way![0], way!.at(-1)]).toEqual([wires[i]!.from, wires[i]!.to]);
      for (const stretch of stretches(way!)) {
        for (const node of nodes) expect(crosses(stretch, node), `wire ${i}: ${JSON.stringify(stretch)}`).toBe(false);
      }
    });
  });

  it('lie beside each other where they come from different places', () => {
    const [a, b] = routeWires(nodes, [wire(0, 2, 'a', 30), wire(0, 2, 'b', 70)]) as [Point[], Point[]];
    const downs = (way: Point[]) => stretches(way).filter(([p, q]) => p[0] === q[0] && Math.abs(p[1] - q[1]) > 60);
    for (const [p] of downs(a)) for (const [q] of downs(b)) expect(Math.abs(p[0] - q[0])).toBeGreaterThan(4);
  });

  it('are none where there is no way, and there is one through many nodes', () => {
    // A slot that is shut in on all sides.
    const shut = [box(0, 0, 100, 100), box(100, -200, 40, 500), box(-60, -200, 60, 500), box(-60, -240, 200, 40), box(-60, 300, 200, 40)];
    expect(routeWires(shut, [{ from: [70, 200], to: [900, 0], source: 'a' }])).toEqual([undefined]);
    expect(routeWires([], [])).toEqual([]);
    const many = Array.from({ length: 40 }, (_, i) => box((i % 4) * 270, Math.floor(i / 4) * 180));
    const wires = many.slice(1).map((to, i): Wire => ({ from: [many[i]!.right, many[i]!.top + 40], to: [to.left, to.top + 40], source: `${i}` }));
    expect(routeWires(many, wires).every(Boolean)).toBe(true);
  });
});
