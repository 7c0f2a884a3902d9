// What can be done with nodes and groups that are chosen, and the menus that offer it.
import { type LGraph, type LGraphCanvas, type LGraphGroup, LGraphNode, LiteGraph, type LLink } from '@comfyorg/litegraph';
import type { MenuItem } from '../components/ui/Menu';
import { BYPASSED, MUTED } from './document';
import { copied, copyNodes } from './clipboard';
import { question } from './questions';
import type { Editor } from './editor';
import { type EaselNode, Group, isBorder } from './nodes';

const RUNS = 0;

export function chosenNodes(canvas: LGraphCanvas): LGraphNode[] {
  return [...canvas.selectedItems].filter((item): item is LGraphNode => item instanceof LGraphNode);
}

/** Mutes or bypasses nodes; those that all are already run again. */
export function toggleMode(nodes: LGraphNode[], mode: number): void {
  const all = nodes.every((node) => node.mode === mode);
  for (const node of nodes) node.mode = all ? RUNS : mode;
}

/** A group around nodes. */
export function groupNodes(graph: LGraph, nodes: LGraphNode[]): LGraphGroup | undefined {
  if (nodes.length === 0) return undefined;
  const group = new Group('Group');
  graph.add(group);
  group.resizeTo(nodes, 24);
  return group;
}

/** Asks for another title, where the thing that has it is. */
export function rename(canvas: LGraphCanvas, thing: { title: string; pos: ArrayLike<number> }): void {
  const [x = 0, y = 0] = canvas.ds.convertOffsetToCanvas([thing.pos[0]! + 60, thing.pos[1]!]);
  const room = canvas.canvas.getBoundingClientRect();
  const take = (title: string) => {
    if (title.trim()) thing.title = title.trim();
  };
  question.value = { title: 'Title', value: thing.title, at: { clientX: room.left + x, clientY: room.top + y }, take };
}

function nodeItems(editor: Editor, node: EaselNode): MenuItem[] {
  const run = (change: () => void) => () => editor.change(change);
  const nodes = chosenNodes(editor.canvas).filter((n) => !isBorder(n));
  if (isBorder(node)) return [leaveItem(editor)];
  const many = nodes.length > 1 ? ` (${nodes.length})` : '';
  const enter: MenuItem[] = node.enter ? [{ icon: 'open', label: 'Enter the subgraph', run: node.enter }] : [];
  return [
    ...enter,
    { icon: 'leave', label: node.mode === BYPASSED ? `Remove bypass${many}` : `Bypass${many}`, run: run(() => toggleMode(nodes, BYPASSED)) },
    { icon: 'stop', label: node.mode === MUTED ? `Unmute${many}` : `Mute${many}`, run: run(() => toggleMode(nodes, MUTED)) },
    { icon: 'minus', label: node.flags.collapsed ? 'Unfold' : 'Fold', run: run(() => nodes.forEach((n) => n.collapse(true))) },
    { icon: 'file', label: 'Rename', run: () => rename(editor.canvas, node) },
    { icon: 'copy', label: `Copy${many}`, run: () => void navigator.clipboard?.writeText(copyNodes(editor.canvas)).catch(() => undefined) },
    { icon: 'plus', label: `Duplicate${many}`, run: () => editor.duplicate() },
    { icon: 'shape', label: `Group${many}`, run: run(() => groupNodes(editor.graph, nodes)) },
    { icon: 'trash', label: `Remove${many}`, run: run(() => editor.canvas.deleteSelected()) },
  ];
}

function groupItems(editor: Editor, group: LGraphGroup): MenuItem[] {
  const run = (change: () => void) => () => editor.change(change);
  const inside = () => {
    group.recomputeInsideNodes();
    return [...group.children].filter((item): item is LGraphNode => item instanceof LGraphNode);
  };
  return [
    { icon: 'file', label: 'Rename', run: () => rename(editor.canvas, group) },
    { icon: 'fit', label: 'Fit to its nodes', run: run(() => group.resizeTo(inside(), 24)) },
    { icon: 'leave', label: 'Bypass its nodes', run: run(() => toggleMode(inside(), BYPASSED)) },
    { icon: 'stop', label: 'Mute its nodes', run: run(() => toggleMode(inside(), MUTED)) },
    { icon: 'trash', label: 'Remove the group', run: run(() => editor.graph.remove(group)) },
  ];
}

function leaveItem(editor: Editor): MenuItem {
  return { icon: 'up', label: 'Leave the subgraph', run: () => editor.leave(editor.path.value.length - 1) };
}

function groundItems(editor: Editor): MenuItem[] {
  return [
    ...(editor.path.value.length > 0 ? [leaveItem(editor)] : []),
    { icon: 'plus', label: 'Add a node', run: () => editor.search() },
    ...(copied() !== null ? [{ icon: 'copy', label: 'Paste', run: () => editor.paste() } as const] : []),
    { icon: 'graph', label: 'Arrange', run: () => editor.arrange() },
    { icon: 'fit', label: 'All of it in view', run: () => editor.fit() },
  ];
}

/** Puts a node into a connection, as far as it takes and gives what runs there. */
export function insert(editor: Editor, link: LLink, made: LGraphNode | string, at: [number, number]): void {
  const { graph, canvas } = editor;
  const node = typeof made === 'string' ? LiteGraph.createNode(made) : made;
  const [from, to] = [graph.getNodeById(link.origin_id), graph.getNodeById(link.target_id)];
  if (!node || !from || !to) return;
  const { origin_slot: out, target_slot: slot, type } = link;
  const of = (slots: { type: unknown }[]) => slots.findIndex((s) => s.type === type || s.type === '*');
  if (!node.graph) {
    node.pos = [at[0] - node.size[0] / 2, at[1]];
    graph.add(node);
  }
  const [takes, gives] = [of(node.inputs), of(node.outputs)];
  if (takes >= 0) from.connect(out, node, takes);
  if (takes >= 0 && gives >= 0) node.connect(gives, to, slot);
  canvas.deselectAll();
  canvas.selectNode(node);
}

/** What can be done with a connection. */
export function linkItems(editor: Editor, link: LLink, at: [number, number]): MenuItem[] {
  const connect = (node: LGraphNode) => insert(editor, link, node, at);
  return [
    { icon: 'plus', label: 'Add a node here', run: () => editor.search({ at, loose: { type: String(link.type), out: true }, connect }) },
    { icon: 'leave', label: 'Add a reroute', run: () => editor.change(() => insert(editor, link, 'Reroute', at)) },
    { icon: 'trash', label: 'Remove the connection', run: () => editor.change(() => editor.graph.removeLink(link.id)) },
  ];
}

export interface OpenMenu {
  x: number;
  y: number;
  title: string;
  items: MenuItem[];
}

/** The menu for what is at a place of the graph. */
export function menuAt(editor: Editor, at: [number, number]): Omit<OpenMenu, 'x' | 'y'> {
  const { canvas, graph } = editor;
  const node = graph.getNodeOnPos(at[0], at[1]);
  if (node) {
    if (!canvas.selectedItems.has(node)) {
      canvas.deselectAll();
      canvas.select(node);
    }
    return { title: node.title, items: nodeItems(editor, node as EaselNode) };
  }
  const group = graph.getGroupOnPos(at[0], at[1]);
  if (group) return { title: group.title, items: groupItems(editor, group) };
  return { title: 'Graph', items: groundItems(editor) };
}
