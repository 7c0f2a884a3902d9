// The editor's JSON (version 0.4 and 1) as a document. Pure functions.
import type { Value } from '../api/types';
import {
  AFTER,
  AFTER_CHOICES,
  type DocNode,
  type Document,
  type Group,
  type Infos,
  inputsOf,
  isSeedInput,
  isValueInput,
  type Source,
} from './document';

export type Raw = Record<string, unknown>;

export function list(value: unknown): Raw[] {
  return Array.isArray(value) ? value.filter((v): v is Raw => typeof v === 'object' && v !== null) : [];
}

export function pair(value: unknown): [number, number] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { 0: x, 1: y } = value as Record<number, unknown>;
  return Number.isFinite(x) && Number.isFinite(y) ? [Number(x), Number(y)] : undefined;
}

/** Every connection by its id: arrays in version 0.4, objects in version 1. */
function readLinks(value: unknown): Map<string, Source> {
  const links = new Map<string, Source>();
  for (const link of Array.isArray(value) ? (value as unknown[]) : []) {
    if (Array.isArray(link)) links.set(String(link[0]), { node: String(link[1]), slot: Number(link[2]) });
    else if (typeof link === 'object' && link !== null) {
      const { id, origin_id, origin_slot } = link as Raw;
      links.set(String(id), { node: String(origin_id), slot: Number(origin_slot) });
    }
  }
  return links;
}

/** Gives the widgets' values their names. */
export function readValues(raw: Raw, infos: Infos): Record<string, Value> {
  const saved = raw['widgets_values'];
  const type = String(raw['type']);
  // An unknown node has no widgets: the editor keeps its values beside it.
  const kept = (raw['properties'] as Raw | undefined)?.['values'];
  if (!infos[type] && typeof kept === 'object' && kept !== null) return kept as Record<string, Value>;
  if (type === 'PrimitiveNode' || type === 'Note' || type === 'MarkdownNote') {
    return Array.isArray(saved) ? { value: saved[0] as Value } : {};
  }
  const specs = inputsOf(infos[type]).filter(([, spec]) => isValueInput(spec));
  const values: Record<string, Value> = {};
  if (!Array.isArray(saved)) {
    const named = (saved ?? {}) as Record<string, Value>;
    for (const [name] of specs) if (named[name] !== undefined) values[name] = named[name];
    return values;
  }
  let at = 0;
  for (const [name, spec] of specs) {
    if (at >= saved.length) break;
    values[name] = saved[at++] as Value;
    if (isSeedInput(spec) && AFTER_CHOICES.includes(String(saved[at]))) values[AFTER] = String(saved[at++]);
  }
  return values;
}

function readNode(raw: Raw, links: Map<string, Source>, infos: Infos): DocNode {
  const inputs = list(raw['inputs']);
  const outputs = list(raw['outputs']);
  const node: DocNode = {
    id: String(raw['id']),
    type: String(raw['type']),
    title: typeof raw['title'] === 'string' ? raw['title'] : undefined,
    pos: pair(raw['pos']),
    size: pair(raw['size']),
    mode: Number(raw['mode'] ?? 0),
    color: typeof raw['color'] === 'string' ? raw['color'] : undefined,
    bgcolor: typeof raw['bgcolor'] === 'string' ? raw['bgcolor'] : undefined,
    values: readValues(raw, infos),
    links: {},
  };
  for (const input of inputs) {
    const source = input['link'] == null ? undefined : links.get(String(input['link']));
    if (source) node.links[String(input['name'])] = source;
  }
  const slot = (s: Raw) => ({
    name: String(s['name'] ?? ''),
    type: String(s['type'] ?? '*'),
    label: typeof s['label'] === 'string' ? s['label'] : undefined,
  });
  if (!infos[node.type]) node.slots = { inputs: inputs.map(slot), outputs: outputs.map(slot) };
  return node;
}

export function readGraph(graph: Record<string, unknown>, infos: Infos): Document {
  const links = readLinks(graph['links']);
  const nodes = list(graph['nodes']).map((raw) => readNode(raw, links, infos));
  const groups = list(graph['groups']).flatMap((raw): Group[] => {
    const b = raw['bounding'];
    if (!Array.isArray(b) || b.length < 4) return [];
    return [
      {
        title: String(raw['title'] ?? ''),
        bounding: [Number(b[0]), Number(b[1]), Number(b[2]), Number(b[3])],
        color: typeof raw['color'] === 'string' ? raw['color'] : undefined,
      },
    ];
  });
  return { nodes, groups };
}
