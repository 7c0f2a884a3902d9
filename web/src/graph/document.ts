// A workflow as nodes with named values and named connections: what both JSON forms are read into. Pure functions.
import { isLink } from '../state/form/draft';
import type { InputSpec, Link, NodeInfo, Prompt, Value } from '../api/types';

export type Infos = Record<string, NodeInfo>;
export type Id = string;

export interface Source {
  node: Id;
  slot: number;
}
export interface SlotName {
  name: string;
  type: string;
  label?: string;
}
/** A value inside a subgraph that the node standing for it shows, though no input of the subgraph leads there. */
export interface Promoted {
  /** By which the value is kept among the node's own. */
  key: string;
  /** Whose value it is, and which: ids and names inside the subgraph. */
  node: Id;
  widget: string;
  /** Left out for what the editor does not show; such a value stays as it is. */
  spec?: InputSpec;
  value?: Value;
  /** As files list it. */
  entry: unknown[];
}
export interface DocNode {
  id: Id;
  type: string;
  title?: string;
  pos?: [number, number];
  size?: [number, number];
  /** As in the editor: 0 runs, 2 is muted, 4 is bypassed. */
  mode: number;
  color?: string;
  bgcolor?: string;
  values: Record<string, Value>;
  links: Record<string, Source>;
  promoted?: Promoted[];
  /** Slots as a file named them, for nodes the server does not know. */
  slots?: { inputs: SlotName[]; outputs: SlotName[] };
}
export interface Group {
  title: string;
  bounding: [number, number, number, number];
  color?: string;
}
export interface Document {
  nodes: DocNode[];
  groups: Group[];
}

export const MUTED = 2;
export const BYPASSED = 4;
export const AFTER = 'control_after_generate';
export const AFTER_CHOICES = ['fixed', 'increment', 'decrement', 'randomize'];
/** The border of a subgraph, inside it: what comes in, and what goes out. */
export const INPUTS = '$inputs';
export const OUTPUTS = '$outputs';
/** Nodes that exist in the editor only. */
export const EDITOR_ONLY = ['Note', 'MarkdownNote', 'Reroute', 'PrimitiveNode', INPUTS, OUTPUTS];

const VALUE_TYPES = ['INT', 'FLOAT', 'STRING', 'BOOLEAN', 'COMBO'];

/** All inputs of a class in their order. */
export function inputsOf(info: NodeInfo | undefined): [string, InputSpec][] {
  if (!info) return [];
  return (['required', 'optional'] as const).flatMap((group) => {
    const specs = info.input[group] ?? {};
    const order = info.input_order?.[group] ?? Object.keys(specs);
    return order.flatMap((name): [string, InputSpec][] => (specs[name] ? [[name, specs[name]]] : []));
  });
}

export function isValueInput(spec: InputSpec): boolean {
  const options = (spec[1] ?? {}) as { forceInput?: boolean };
  return !options.forceInput && (Array.isArray(spec[0]) || VALUE_TYPES.includes(spec[0]));
}

export function isSeedInput(spec: InputSpec): boolean {
  return spec[1]?.control_after_generate === true;
}

export function typeName(spec: InputSpec): string {
  return Array.isArray(spec[0]) ? 'COMBO' : spec[0];
}

/** The seed for the next run, by what is to happen to it after each. */
export function nextSeed(now: number, after: unknown, random: () => number): number {
  if (after === 'increment') return now + 1;
  if (after === 'decrement') return Math.max(0, now - 1);
  return after === 'randomize' ? random() : now;
}

/** The names of a node's widgets, in the order in which the editor saves their values. */
export function widgetNames(info: NodeInfo | undefined): string[] {
  return inputsOf(info)
    .filter(([, spec]) => isValueInput(spec))
    .flatMap(([name, spec]) => (isSeedInput(spec) ? [name, AFTER] : [name]));
}

export function defaultValue(spec: InputSpec): Value {
  const options = spec[1] ?? {};
  if (options.default !== undefined) return options.default;
  if (Array.isArray(spec[0])) return spec[0][0] ?? '';
  if (spec[0] === 'BOOLEAN') return false;
  return spec[0] === 'STRING' ? '' : Number(options.min ?? 0);
}

/** The API form as a document, without places. */
export function fromPrompt(prompt: Prompt, infos: Infos): Document {
  const nodes = Object.entries(prompt).map(([id, node]): DocNode => {
    const out: DocNode = { id, type: node.class_type, title: node._meta?.title, mode: 0, values: {}, links: {} };
    for (const [name, value] of Object.entries(node.inputs)) {
      if (isLink(value)) out.links[name] = { node: (value as Link)[0], slot: (value as Link)[1] };
      else out.values[name] = value;
    }
    if (!infos[node.class_type]) {
      const inputs = Object.keys(out.links).map((name) => ({ name, type: '*' }));
      out.slots = { inputs, outputs: outputsUsed(prompt, id) };
    }
    return out;
  });
  return { nodes, groups: [] };
}

function outputsUsed(prompt: Prompt, id: Id): { name: string; type: string }[] {
  let most = -1;
  for (const node of Object.values(prompt)) {
    for (const value of Object.values(node.inputs)) {
      if (isLink(value) && (value as Link)[0] === id) most = Math.max(most, (value as Link)[1]);
    }
  }
  return Array.from({ length: most + 1 }, (_, i) => ({ name: `output ${i}`, type: '*' }));
}

/** Where a connection comes from once nodes of the editor alone are passed through. */
function resolve(nodes: Map<Id, DocNode>, infos: Infos, source: Source): Source | { value: Value } | undefined {
  let at: Source | undefined = source;
  for (let hops = 0; at && hops <= nodes.size; hops++) {
    const node = nodes.get(at.node);
    if (!node || node.mode === MUTED) return undefined;
    if (node.type === 'PrimitiveNode') return { value: node.values['value'] ?? '' };
    if (node.type === 'Reroute') at = Object.values(node.links)[0];
    else if (node.mode === BYPASSED) at = sameTypeInput(node, infos[node.type], at.slot);
    else return at;
  }
  return undefined;
}

/** Of a bypassed node: the first connected input of the output's type. */
function sameTypeInput(node: DocNode, info: NodeInfo | undefined, slot: number): Source | undefined {
  const type = info?.output[slot];
  const found = inputsOf(info).find(([name, spec]) => typeName(spec) === type && node.links[name]);
  return found && node.links[found[0]];
}

/** A value in the type its input has: numbers that were kept as text for their digits' sake become numbers again. */
function typed(value: Value, spec: InputSpec | undefined): Value {
  if (spec?.[0] !== 'INT' || typeof value !== 'string' || !/^-?\d+$/.test(value)) return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

/** The API form of a document: what is run. */
export function toPrompt(document: Document, infos: Infos): Prompt {
  const nodes = new Map(document.nodes.map((node) => [node.id, node]));
  const prompt: Prompt = {};
  for (const node of document.nodes) {
    if (EDITOR_ONLY.includes(node.type) || node.mode === MUTED || node.mode === BYPASSED) continue;
    const specs = new Map(inputsOf(infos[node.type]));
    const inputs: Record<string, Value> = {};
    for (const [name, value] of Object.entries(node.values)) {
      if (name !== AFTER) inputs[name] = typed(value, specs.get(name));
    }
    for (const [name, source] of Object.entries(node.links)) {
      const from = resolve(nodes, infos, source);
      if (from && 'value' in from) inputs[name] = typed(from.value, specs.get(name));
      else if (from) inputs[name] = [from.node, from.slot];
    }
    prompt[node.id] = { class_type: node.type, inputs };
    if (node.title) prompt[node.id]!._meta = { title: node.title };
  }
  return prompt;
}
