// How connections are drawn: in their own colour when they are chosen, and around nodes where the room is narrow.
import { type LGraphCanvas, LiteGraph, type LLink } from '@comfyorg/litegraph';
import { chosenNodes } from './commands';
import { type EaselNode, finalSize } from './nodes';
import { type Point, type Rect, routeWires } from './route';

const ROUND = 9;
const MOST_ROUTED = 80;

interface Way {
  points: Point[];
  /** Where it began and ended when it was looked for. */
  ends: string;
}

function endsOf(from: ArrayLike<number>, to: ArrayLike<number>): string {
  return [from[0], from[1], to[0], to[1]].map((n) => Math.round(n!)).join();
}

function pathOf(points: Point[]): Path2D {
  const path = new Path2D();
  path.moveTo(...points[0]!);
  for (let i = 1; i + 1 < points.length; i++) path.arcTo(...points[i]!, ...points[i + 1]!, ROUND);
  path.lineTo(...points.at(-1)!);
  return path;
}

/** The middle of the longest stretch: where a connection is taken hold of. */
function middleOf(points: Point[]): Point {
  let best: [number, Point] = [-1, points[0]!];
  points.slice(1).forEach(([x, y], i) => {
    const [px, py] = points[i]!;
    const length = Math.hypot(x - px, y - py);
    if (length > best[0]) best = [length, [(x + px) / 2, (y + py) / 2]];
  });
  return best[1];
}

export class Wires {
  private ways = new Map<number, Way>();
  private known = '';

  constructor(
    private readonly canvas: LGraphCanvas,
    /** Whether nodes lie below each other, so that wires would run behind them. */
    private readonly isNarrow: () => boolean,
  ) {
    const drawAll = canvas.drawConnections.bind(canvas);
    canvas.drawConnections = (ctx) => {
      // The library draws those of chosen nodes white; here they are seen before the nodes instead.
      canvas.highlighted_links = {};
      this.look();
      drawAll(ctx);
    };
    const draw = canvas.renderLink.bind(canvas);
    canvas.renderLink = (ctx, from, to, link, ...rest) => {
      const way = link && this.wayOf(link as LLink, from, to);
      if (way) this.drawWay(ctx, link as LLink, way);
      else draw(ctx, from, to, link, ...rest);
    };
  }

  private wayOf(link: LLink, from: ArrayLike<number>, to: ArrayLike<number>): Way | undefined {
    const way = this.ways.get(link.id);
    return way?.ends === endsOf(from, to) ? way : undefined;
  }

  private colourOf(link: LLink): string {
    return String(link.color ?? this.canvas.default_connection_color_byType[String(link.type)] ?? this.canvas.default_link_color);
  }

  private drawWay(ctx: CanvasRenderingContext2D, link: LLink, { points }: Way): void {
    link.path = pathOf(points);
    const [x, y] = middleOf(points);
    link._pos[0] = x;
    link._pos[1] = y;
    ctx.lineJoin = 'round';
    ctx.lineWidth = this.canvas.connections_width;
    ctx.strokeStyle = this.colourOf(link);
    ctx.stroke(link.path);
  }

  private endsOfLink(link: LLink): [Point, Point] | undefined {
    const { graph } = this.canvas;
    const [from, to] = [graph?.getNodeById(link.origin_id), graph?.getNodeById(link.target_id)];
    if (!from?.outputs[link.origin_slot] || !to?.inputs[link.target_slot]) return undefined;
    const [a, b] = [from.getOutputPos(link.origin_slot), to.getInputPos(link.target_slot)];
    return [
      [a[0], a[1]],
      [b[0], b[1]],
    ];
  }

  /** Looks for the ways anew when something has moved; not while it is being moved. */
  private look(): void {
    const { graph, pointer } = this.canvas;
    if (!graph || !this.isNarrow() || graph.links.size > MOST_ROUTED) return this.ways.clear();
    const rects = graph.nodes.map((node): Rect => {
      const [width, height] = node.flags.collapsed ? [node._collapsed_width ?? node.size[0], 0] : finalSize(node as EaselNode);
      return { left: node.pos[0], top: node.pos[1] - LiteGraph.NODE_TITLE_HEIGHT, right: node.pos[0] + width, bottom: node.pos[1] + height };
    });
    const links = [...graph.links.values()].flatMap((link) => {
      const ends = this.endsOfLink(link);
      return ends ? [{ link, from: ends[0], to: ends[1] }] : [];
    });
    const now = JSON.stringify([rects, links.map(({ link, from, to }) => [link.id, from, to])]);
    if (now === this.known || pointer.isDown) return;
    this.known = now;
    const ways = routeWires(rects, links.map(({ link, from, to }) => ({ from, to, source: `${link.origin_id}.${link.origin_slot}` })));
    this.ways = new Map(links.flatMap(({ link, from, to }, i) => (ways[i] ? [[link.id, { points: ways[i], ends: endsOf(from, to) }]] : [])));
  }

  /** The connections of what is chosen, in front of the nodes they pass behind. */
  drawChosen(ctx: CanvasRenderingContext2D): void {
    const { graph, canvas } = { graph: this.canvas.graph, canvas: this.canvas };
    const chosen = new Set(chosenNodes(canvas).map((n) => n.id));
    if (chosen.size === 0 || !graph) return;
    ctx.save();
    for (const link of graph.links.values()) {
      const ends = chosen.has(link.origin_id) || chosen.has(link.target_id) ? this.endsOfLink(link) : undefined;
      if (!ends) continue;
      const [a, b] = ends;
      const way = this.wayOf(link, a, b);
      // As the library bends it.
      const reach = Math.hypot(b[0] - a[0], b[1] - a[1]) / 4;
      const path = way ? pathOf(way.points) : new Path2D();
      if (!way) {
        path.moveTo(...a);
        path.bezierCurveTo(a[0] + reach, a[1], b[0] - reach, b[1], ...b);
      }
      ctx.strokeStyle = this.colourOf(link);
      ctx.lineWidth = canvas.connections_width + 1;
      ctx.stroke(path);
    }
    ctx.restore();
  }
}
