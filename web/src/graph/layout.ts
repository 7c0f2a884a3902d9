// Places for nodes that have none: columns by depth, within a column close to what they are connected to. Pure.
import type { Document, Id } from './document';

const GAP_X = 70;
const GAP_Y = 55;

/** The longest way from a node without inputs. Circles are cut where they are met. */
export function depths(document: Document): Map<Id, number> {
  const nodes = new Map(document.nodes.map((node) => [node.id, node]));
  const depth = new Map<Id, number>();
  const open = new Set<Id>();
  const visit = (id: Id): number => {
    const known = depth.get(id);
    if (known !== undefined) return known;
    const node = nodes.get(id);
    if (!node || open.has(id)) return -1;
    open.add(id);
    let most = -1;
    for (const source of Object.values(node.links)) most = Math.max(most, visit(source.node));
    open.delete(id);
    depth.set(id, most + 1);
    return most + 1;
  };
  for (const node of document.nodes) visit(node.id);
  return depth;
}

/** Moves nodes without inputs right, next to the first node that takes from them. */
function pulled(document: Document, depth: Map<Id, number>): Map<Id, number> {
  const users = new Map<Id, number>();
  for (const node of document.nodes) {
    for (const source of Object.values(node.links)) {
      const at = depth.get(node.id) ?? 0;
      users.set(source.node, Math.min(users.get(source.node) ?? Number.POSITIVE_INFINITY, at));
    }
  }
  const out = new Map(depth);
  for (const node of document.nodes) {
    const first = users.get(node.id);
    if (Object.keys(node.links).length === 0 && first !== undefined) out.set(node.id, Math.max(0, first - 1));
  }
  return out;
}

type Places = Map<Id, [number, number]>;
type SizeOf = (id: Id) => [number, number];

/** The ids of each depth, close to what they are connected to. `placed` tells where earlier ones are across. */
function ordered(document: Document, level: Id[], placed: (id: Id) => number | undefined): Id[] {
  const nodes = new Map(document.nodes.map((node) => [node.id, node]));
  const wish = (id: Id) => {
    const there = Object.values(nodes.get(id)?.links ?? {}).flatMap((s) => placed(s.node) ?? []);
    return there.length > 0 ? there.reduce((a, b) => a + b, 0) / there.length : 0;
  };
  const wishes = new Map(level.map((id) => [id, wish(id)]));
  return [...level].sort((a, b) => wishes.get(a)! - wishes.get(b)!);
}

/**
 * Depth after depth along one axis (0: to the right, 1: down), each around a common middle on the other, so that long
 * connections do not all run behind the first row. A depth of more than `most` nodes takes several rows.
 */
function layAlong(document: Document, levels: Id[][], sizeOf: SizeOf, axis: 0 | 1, most: number): Places {
  const across = axis === 0 ? 1 : 0;
  const gaps = [GAP_X, GAP_Y] as const;
  const places: Places = new Map();
  let along = 0;
  for (const level of levels) {
    const order = ordered(document, level, (id) => places.get(id)?.[across]);
    for (let begin = 0; begin < order.length; begin += most) {
      const row = order.slice(begin, begin + most);
      let at = -row.reduce((sum, id) => sum + sizeOf(id)[across] + gaps[across], -gaps[across]) / 2;
      let widest = 0;
      for (const id of row) {
        const size = sizeOf(id);
        places.set(id, axis === 0 ? [along, at] : [at, along]);
        at += size[across] + gaps[across];
        widest = Math.max(widest, size[axis]);
      }
      along += widest + gaps[axis];
    }
  }
  return places;
}

/** How large the nodes can be shown so that all fit into the room. */
function scaleIn(room: [number, number], places: Places, sizeOf: SizeOf): number {
  const extent = [0, 1].map((axis) => {
    const from = Math.min(...[...places.values()].map((p) => p[axis]!));
    return Math.max(...[...places].map(([id, p]) => p[axis]! + sizeOf(id)[axis]!)) - from;
  });
  return Math.min(room[0] / extent[0]!, room[1] / extent[1]!);
}

/** A place for each node, given how large it is: to the right, or, in a narrow room, down where that shows more. */
export function layOut(document: Document, sizeOf: SizeOf, room: [number, number] = [4, 3]): Places {
  const depth = pulled(document, depths(document));
  const levels: Id[][] = [];
  for (const node of document.nodes) (levels[depth.get(node.id) ?? 0] ??= []).push(node.id);
  const filled = levels.filter(Boolean);
  const right = layAlong(document, filled, sizeOf, 0, Number.POSITIVE_INFINITY);
  if (room[0] >= room[1] || right.size === 0) return right;
  const ways = [right, ...[1, 2, 3, 4].map((most) => layAlong(document, filled, sizeOf, 1, most))];
  const scales = ways.map((places) => scaleIn(room, places, sizeOf));
  return ways[scales.indexOf(Math.max(...scales))]!;
}
