// Between a document and the editor's live graph.
import { type LGraph, type LGraphNode, LiteGraph, type NodeId } from '@comfyorg/litegraph';
import { inputImage, viewAddress } from '../api/routes';
import type { Value } from '../api/types';
import type { DocNode, Document, Id, Source } from './document';
import { layOut } from './layout';
import { addPromoted, type EaselNode, finalSize, Group, isBorder, makeBorder, showPicture, UnknownNode } from './nodes';

function liveId(id: Id): NodeId {
  return /^\d{1,15}$/.test(id) ? Number(id) : id;
}

function makeNode(node: DocNode): EaselNode {
  if (isBorder(node)) return makeBorder(node);
  const made = LiteGraph.createNode(node.type) as EaselNode | null;
  if (made) return made;
  const unknown = new UnknownNode(`${node.type} (not on this server)`) as EaselNode;
  unknown.type = node.type;
  for (const input of node.slots?.inputs ?? []) unknown.addInput(input.name, input.type);
  for (const output of node.slots?.outputs ?? []) unknown.addOutput(output.name, output.type);
  unknown.properties['values'] = node.values as never;
  return unknown;
}

function setValues(node: EaselNode, values: Record<string, Value>): void {
  for (const widget of node.widgets ?? []) {
    const value = values[widget.name];
    // Text keeps the digits that a number would lose.
    if (value !== undefined) widget.value = (typeof value === 'bigint' ? String(value) : value) as never;
  }
}

/** Shows the picture a LoadImage node names. */
export function refreshPicture(node: EaselNode): void {
  if (node.type !== 'LoadImage' && node.type !== 'LoadImageMask') return;
  const name = node.widgets?.find((w) => w.name === 'image')?.value;
  if (typeof name === 'string' && name) showPicture(node, viewAddress(inputImage(name)));
}

/** Places the nodes by what they are connected to, in a shape that suits a room of that width and height. */
export function arrange(graph: LGraph, room: [number, number]): void {
  const document = readLive(graph);
  const sizeOf = (id: Id): [number, number] => {
    const node = graph.getNodeById(liveId(id));
    const [width, height] = node ? finalSize(node as EaselNode) : [230, 120];
    return [width, height + LiteGraph.NODE_TITLE_HEIGHT];
  };
  const places = layOut(document, sizeOf, room);
  for (const [id, [x, y]] of places) {
    const node = graph.getNodeById(liveId(id));
    if (node) node.pos = [x, y];
  }
  graph.setDirtyCanvas(true, true);
}

/** Replaces what is in the graph by the document. */
export function fill(graph: LGraph, document: Document, room: [number, number]): void {
  graph.clear();
  const made = new Map<Id, EaselNode>();
  for (const node of document.nodes) {
    const live = makeNode(node);
    live.id = liveId(node.id);
    if (node.title) live.title = node.title;
    live.mode = node.mode;
    if (node.color) live.color = node.color;
    if (node.bgcolor) live.bgcolor = node.bgcolor;
    if (node.promoted) addPromoted(live, node.promoted);
    setValues(live, node.values);
    graph.add(live);
    if (node.pos) live.pos = [...node.pos];
    if (node.size && !isBorder(node)) {
      const least = live.computeSize();
      live.setSize([Math.max(node.size[0], least[0]), Math.max(node.size[1], least[1])]);
    }
    made.set(node.id, live);
    refreshPicture(live);
  }
  for (const node of document.nodes) connectInputs(made, node);
  for (const group of document.groups) {
    const live = new Group(group.title);
    live.pos = [group.bounding[0], group.bounding[1]];
    live.size = [group.bounding[2], group.bounding[3]];
    if (group.color) live.color = group.color;
    graph.add(live);
  }
  if (document.nodes.some((node) => !node.pos)) arrange(graph, room);
}

/** Shows at copies of nodes that stand for subgraphs what they show besides their inputs, as the document has it. */
export function showPromoted(copies: EaselNode[], document: Document): void {
  for (const live of copies) {
    const node = document.nodes.find((other) => other.id === String(live.id));
    if (live.promoted || !node?.promoted) continue;
    addPromoted(live, node.promoted);
    setValues(live, node.values);
  }
}

function connectInputs(made: Map<Id, EaselNode>, node: DocNode): void {
  const target = made.get(node.id);
  for (const [name, source] of Object.entries(node.links)) {
    const slot = target?.findInputSlot(name) ?? -1;
    const origin = made.get(source.node);
    if (target && origin && slot >= 0 && origin.outputs[source.slot]) origin.connect(source.slot, target, slot);
  }
}

function readNode(graph: LGraph, node: LGraphNode): DocNode {
  const out: DocNode = { id: String(node.id), type: String(node.type), mode: node.mode, values: {}, links: {} };
  if (node.title !== (node.constructor as { title?: string }).title && !isBorder(out)) out.title = node.title;
  if (node instanceof UnknownNode) out.values = { ...(node.properties['values'] as unknown as Record<string, Value>) };
  const { promoted } = node as EaselNode;
  if (promoted) out.promoted = promoted;
  for (const widget of node.widgets ?? []) out.values[widget.name] = widget.value as Value;
  for (const input of node.inputs) {
    const link = input.link == null ? undefined : graph.getLink(input.link);
    if (link) out.links[input.name] = { node: String(link.origin_id), slot: link.origin_slot } satisfies Source;
  }
  return out;
}

export function readLive(graph: LGraph): Document {
  return { nodes: graph.nodes.map((node) => readNode(graph, node)), groups: [] };
}
