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

/** A place for each node, given how large it is. */
export function layOut(document: Document, sizeOf: (id: Id) => [number, number]): Map<Id, [number, number]> {
  const depth = pulled(document, depths(document));
  const columns: Id[][] = [];
  for (const node of document.nodes) (columns[depth.get(node.id) ?? 0] ??= []).push(node.id);
  const nodes = new Map(document.nodes.map((node) => [node.id, node]));
  const places = new Map<Id, [number, number]>();
  let x = 0;
  for (const column of columns) {
    if (!column) continue;
    const wish = (id: Id) => {
      const heights = Object.values(nodes.get(id)?.links ?? {}).flatMap((s) => places.get(s.node)?.[1] ?? []);
      return heights.length > 0 ? heights.reduce((a, b) => a + b, 0) / heights.length : Number.NaN;
    };
    const wishes = new Map(column.map((id) => [id, wish(id)]));
    const order = [...column].sort((a, b) => (wishes.get(a) || 0) - (wishes.get(b) || 0));
    // Around a common middle, so that long connections do not all run behind the top row.
    let y = -order.reduce((sum, id) => sum + sizeOf(id)[1] + GAP_Y, -GAP_Y) / 2;
    let widest = 0;
    for (const id of order) {
      const [width, height] = sizeOf(id);
      places.set(id, [x, y]);
      y += height + GAP_Y;
      widest = Math.max(widest, width);
    }
    x += widest + GAP_X;
  }
  return places;
}
