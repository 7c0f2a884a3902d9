// Subgraphs: a workflow's JSON as levels, of which the editor shows one at a time. Pure functions.
import type { InputSpec, NodeInfo, Value } from '../api/types';
import { AFTER, AFTER_CHOICES, BYPASSED, type DocNode, type Document, type Id, INPUTS, type Infos, inputsOf, isSeedInput, isValueInput, MUTED, nextSeed, OUTPUTS, type Promoted, type Source } from './document';
import { list, pair, type Raw, readGraph, readValues } from './readGraph';

const MOST_NESTED = 16;
/** Below its title a node begins; files tell where the title does. */
const TITLE = 30;
/** How wide each side of a subgraph's border is drawn. */
export const BORDER_WIDTH = 150;

interface Slot {
  name: string;
  type: string;
  /** What it is called, where that is another word. */
  label?: string;
}
/** A subgraph as a workflow defines it; nodes whose class is its id stand for it. */
export interface Definition {
  id: string;
  name: string;
  inputs: Slot[];
  outputs: Slot[];
  /** The ids of its border: where what comes in begins, and what goes out ends. */
  inputId: Id;
  outputId: Id;
  raw: Raw;
}

function object(value: unknown): Raw {
  return typeof value === 'object' && value !== null ? (value as Raw) : {};
}

function slotsOf(value: unknown): Slot[] {
  return list(value).map((slot) => ({
    name: String(slot['name'] ?? ''),
    type: String(slot['type'] ?? '*'),
    label: typeof slot['label'] === 'string' ? slot['label'] : undefined,
  }));
}

export function definitionsOf(workflow: Raw): Map<string, Definition> {
  const all = list(object(workflow['definitions'])['subgraphs']).map((raw): [string, Definition] => [
    String(raw['id']),
    {
      id: String(raw['id']),
      name: String(raw['name'] || 'Subgraph'),
      inputs: slotsOf(raw['inputs']),
      outputs: slotsOf(raw['outputs']),
      inputId: String(object(raw['inputNode'])['id'] ?? -10),
      outputId: String(object(raw['outputNode'])['id'] ?? -20),
      raw,
    },
  ]);
  return new Map(all);
}

/** A subgraph that was entered: by which node, and which it is. */
export interface Step {
  node: Id;
  definition: string;
  title: string;
}

interface RawLink {
  id: number;
  origin_id: unknown;
  origin_slot: number;
  target_id: unknown;
  target_slot: number;
  type: unknown;
}

function linksOf(value: unknown): RawLink[] {
  return (Array.isArray(value) ? (value as unknown[]) : []).flatMap((link) => {
    const [id, origin_id, origin_slot, target_id, target_slot, type] = Array.isArray(link)
      ? (link as unknown[])
      : ['id', 'origin_id', 'origin_slot', 'target_id', 'target_slot', 'type'].map((key) => object(link)[key]);
    return id === undefined || id === null ? [] : [{ id: Number(id), origin_id, origin_slot: Number(origin_slot), target_id, target_slot: Number(target_slot), type }];
  });
}

/** Where a side of the border is drawn: what comes in ends where it does in the file, what goes out begins there. */
function placeOf(border: unknown, side: 'in' | 'out'): [number, number] | undefined {
  const bounding = object(border)['bounding'];
  const at = pair(bounding);
  const width = Array.isArray(bounding) ? Number(bounding[2]) || 0 : 0;
  return at && [side === 'in' ? at[0] + width - BORDER_WIDTH : at[0], at[1] + TITLE];
}

/** One level in the form that readGraph() takes: the border of a subgraph is two nodes of the editor's own. */
export function levelOf(workflow: Raw, definition: Definition | undefined): Raw {
  if (!definition) return workflow;
  const { raw, inputs, outputs, inputId, outputId } = definition;
  const links = linksOf(raw['links']);
  const feeding = (slot: number) => links.find((l) => String(l.target_id) === outputId && l.target_slot === slot)?.id ?? null;
  const nodes = [
    { id: inputId, type: INPUTS, pos: placeOf(raw['inputNode'], 'in'), inputs: [], outputs: inputs },
    { id: outputId, type: OUTPUTS, pos: placeOf(raw['outputNode'], 'out'), inputs: outputs.map((o, i) => ({ ...o, link: feeding(i) })), outputs: [] },
    ...list(raw['nodes']),
  ];
  return { nodes, links: raw['links'], groups: raw['groups'] };
}

/** Files have numbers where ids are numbers. */
function fileId(id: unknown): unknown {
  return /^-?\d{1,15}$/.test(String(id)) ? Number(id) : id;
}

function usedIn(level: Raw, all: Map<string, Raw>, found: Set<string>): Set<string> {
  for (const node of list(level['nodes'])) {
    const id = String(node['type']);
    const definition = all.get(id);
    if (!definition || found.has(id)) continue;
    found.add(id);
    usedIn(definition, all, found);
  }
  return found;
}

/** The workflow with one level as the live graph has written it. Subgraphs that no node stands for any more are left out. */
export function withLevel(workflow: Raw, definition: Definition | undefined, live: Raw): Raw {
  const before = list(object(workflow['definitions'])['subgraphs']);
  if (before.length === 0) return live;
  const changed = definition ? definitionRaw(definition, live) : undefined;
  const all = new Map(before.map((raw) => [String(raw['id']), changed && String(raw['id']) === definition!.id ? changed : raw]));
  const top = definition ? workflow : live;
  const used = usedIn(top, all, new Set());
  const subgraphs = [...all].flatMap(([id, raw]) => (used.has(id) ? [raw] : []));
  return { ...top, definitions: subgraphs.length > 0 ? { ...object(workflow['definitions']), subgraphs } : undefined };
}

function definitionRaw({ raw, inputId, outputId }: Definition, live: Raw): Raw {
  const links = linksOf(live['links']).map((l) => ({ ...l, origin_id: fileId(l.origin_id), target_id: fileId(l.target_id) }));
  const nodes = list(live['nodes']);
  const border = (id: Id, key: string) => {
    const node = nodes.find((n) => String(n['id']) === id);
    const [at, size] = [pair(node?.['pos']), pair(node?.['size'])];
    const bounding = at && size ? [at[0], at[1] - TITLE, size[0], size[1] + TITLE] : object(raw[key])['bounding'];
    return { ...object(raw[key]), id: fileId(id), bounding };
  };
  const slots = (key: string, end: 'origin' | 'target', id: Id) =>
    list(raw[key]).map((slot, i) => ({
      ...slot,
      linkIds: links.filter((l) => String(l[`${end}_id`]) === id && l[`${end}_slot`] === i).map((l) => l.id),
    }));
  return {
    ...raw,
    nodes: nodes.filter((n) => n['type'] !== INPUTS && n['type'] !== OUTPUTS),
    links,
    groups: live['groups'],
    inputNode: border(inputId, 'inputNode'),
    outputNode: border(outputId, 'outputNode'),
    inputs: slots('inputs', 'origin', inputId),
    outputs: slots('outputs', 'target', outputId),
  };
}

/** What is in a node inside, by the name of one of its values. */
function insideSpec(definition: Definition, all: Map<string, Definition>, id: Id, widget: string, infos: Infos, depth = 0): { spec?: InputSpec; value?: Value } {
  const node = list(definition.raw['nodes']).find((n) => String(n['id']) === id);
  if (!node || depth > MOST_NESTED) return {};
  const spec = inputsOf(infos[String(node['type'])]).find(([name]) => name === widget)?.[1];
  if (spec && isValueInput(spec)) return { spec: [spec[0], withoutAfter(spec)], value: readValues(node, infos)[widget] };
  const inner = all.get(String(node['type']));
  const shown = inner && readStanding(node, inner, all, infos, { widget, depth: depth + 1 }).promoted[0];
  return shown ? { spec: shown.spec, value: shown.value } : {};
}

/** The input of a subgraph that leads to a value inside. */
function inputTo(definition: Definition, id: Id, widget: string): string | undefined {
  const node = list(definition.raw['nodes']).find((n) => String(n['id']) === id);
  const link = linksOf(definition.raw['links']).find(
    (l) => String(l.origin_id) === definition.inputId && String(l.target_id) === id && list(node?.['inputs'])[l.target_slot]?.['name'] === widget,
  );
  return link && definition.inputs[link.origin_slot]?.name;
}

/** A list of what a node shows: pairs of a node's id inside and a value's name, or "-1" and an input's. */
function shownBy(node: Raw): string[][] {
  let shown = object(node['properties'])['proxyWidgets'];
  try {
    if (typeof shown === 'string') shown = JSON.parse(shown);
  } catch {
    return [];
  }
  return (Array.isArray(shown) ? (shown as unknown[]) : []).flatMap((entry) => (Array.isArray(entry) && entry.length >= 2 ? [entry.map(String)] : []));
}

interface Standing {
  values: Record<string, Value>;
  promoted: Promoted[];
}

/** The values at a node that stands for a subgraph: those of its inputs by name, and what it shows besides, or `only` one of that. */
function readStanding(node: Raw, definition: Definition, all: Map<string, Definition>, infos: Infos, only?: { widget: string; depth: number }): Standing {
  const own = inputsOf(infos[definition.id]).flatMap(([name, spec]) => (isValueInput(spec) ? [name] : []));
  const entries = shownBy(node).map((entry) => {
    const [id = '', name = ''] = entry;
    // "12: seed" is the seed of node 12, in files of some editors.
    const widget = name.startsWith(`${id}: `) ? name.slice(id.length + 2) : name;
    return { entry, node: id, widget, input: id === '-1' ? widget : inputTo(definition, id, widget) };
  });
  const saved = node['widgets_values'];
  if (entries.length === 0 || !Array.isArray(saved)) {
    // Some editors keep here what is to happen to a seed, as at the seed itself.
    const extra = Array.isArray(saved) && saved.length > own.length;
    const plain = extra ? { ...node, widgets_values: saved.filter((value) => !AFTER_CHOICES.includes(String(value))) } : node;
    return { values: readValues(plain, infos), promoted: [] };
  }
  // The first editors that had such a list kept only the values of inputs, and listed the others.
  const others = entries.every((e) => e.input === undefined) && saved.length === own.length && saved.length !== entries.length;
  const out: Standing = { values: {}, promoted: [] };
  if (others) own.forEach((name, i) => (out.values[name] = saved[i] as Value));
  entries.forEach(({ entry, node: id, widget, input }, i) => {
    const given = others ? undefined : (saved[i] as Value | undefined);
    if (input !== undefined) {
      if (given !== undefined && given !== null) out.values[input] = given;
      return;
    }
    if (only && (only.widget !== widget || out.promoted.length > 0)) return;
    const { spec, value } = widget === AFTER ? {} : insideSpec(definition, all, id, widget, infos, only?.depth);
    out.promoted.push({ key: entry.join('/'), node: id, widget, spec, value: given ?? value, entry });
  });
  return out;
}

/** One level of a workflow as a document. */
export function readLevel(workflow: Raw, definition: Definition | undefined, infos: Infos): Document {
  const level = levelOf(workflow, definition);
  const document = readGraph(level, infos);
  const all = definitionsOf(workflow);
  if (all.size === 0) return document;
  const raws = new Map(list(level['nodes']).map((raw) => [String(raw['id']), raw]));
  for (const node of document.nodes) {
    const inner = all.get(node.type);
    if (!inner || inner === definition) continue;
    const { values, promoted } = readStanding(raws.get(node.id)!, inner, all, infos);
    node.values = values;
    for (const { key, spec, value } of promoted) if (spec && value !== undefined) node.values[key] = value;
    if (promoted.length > 0) node.promoted = promoted;
  }
  return document;
}

/** The way to a node of the workflow that is run: "7:3" is in the subgraph that node 7 stands for. */
export function pathTo(workflow: Raw, id: Id, infos: Infos): Step[] {
  const all = definitionsOf(workflow);
  const path: Step[] = [];
  for (const part of id.split(':').slice(0, -1)) {
    const node = readLevel(workflow, all.get(path.at(-1)?.definition ?? ''), infos).nodes.find((other) => other.id === part);
    const definition = all.get(node?.type ?? '');
    if (!node || !definition) return path;
    path.push({ node: part, definition: definition.id, title: node.title ?? definition.name });
  }
  return path;
}

// What is to happen to a seed after a run is said at the seed itself.
function withoutAfter(spec: InputSpec): InputSpec[1] {
  const { control_after_generate: _after, ...options } = spec[1] ?? {};
  return options;
}

function withNextSeed(node: Raw, infos: Infos, random: () => number): Raw {
  const saved = node['widgets_values'];
  if (!Array.isArray(saved)) return node;
  const values = [...(saved as unknown[])];
  let at = 0;
  for (const [, spec] of inputsOf(infos[String(node['type'])])) {
    if (!isValueInput(spec)) continue;
    const after = values[at + 1];
    const has = isSeedInput(spec) && AFTER_CHOICES.includes(String(after));
    if (has) values[at] = nextSeed(Number(values[at]), after, random);
    at += has ? 2 : 1;
  }
  return { ...node, widgets_values: values };
}

/** The workflow as it is after a run: seeds on all levels are what their nodes ask for. */
export function withNextSeeds(workflow: Raw, infos: Infos, random: () => number): Raw {
  const subgraphs = list(object(workflow['definitions'])['subgraphs']);
  if (subgraphs.length === 0) return workflow;
  const turned = (level: Raw): Raw => ({ ...level, nodes: list(level['nodes']).map((node) => withNextSeed(node, infos, random)) });
  return { ...turned(workflow), definitions: { ...object(workflow['definitions']), subgraphs: subgraphs.map(turned) } };
}

/** What an input of a subgraph is: what it is connected to inside, with the value that this has as its default. */
function specOf(definition: Definition, slot: number, infos: Infos): InputSpec {
  const nodes = list(definition.raw['nodes']);
  for (const link of linksOf(definition.raw['links'])) {
    if (String(link.origin_id) !== definition.inputId || link.origin_slot !== slot) continue;
    const node = nodes.find((n) => String(n['id']) === String(link.target_id));
    const name = String(list(node?.['inputs'])[link.target_slot]?.['name'] ?? '');
    const spec = node && inputsOf(infos[String(node['type'])]).find(([own]) => own === name)?.[1];
    if (!node || !spec || !isValueInput(spec)) continue;
    const value = readValues(node, infos)[name];
    const options = withoutAfter(spec);
    return [spec[0], value === undefined ? options : { ...options, default: value }];
  }
  return [definition.inputs[slot]!.type, {}];
}

function infoOf(definition: Definition, infos: Infos): NodeInfo {
  const { id, name, inputs, outputs } = definition;
  return {
    name: id,
    display_name: name,
    description: 'A subgraph of this workflow. A double click enters it.',
    category: 'subgraphs',
    input: { optional: Object.fromEntries(inputs.map((input, i) => [input.name, specOf(definition, i, infos)])) },
    input_order: { optional: inputs.map((input) => input.name) },
    output: outputs.map((output) => output.type),
    output_name: outputs.map((output) => output.label ?? output.name),
    output_node: false,
  };
}

/** The server's node definitions, and for each subgraph of the workflow one for the nodes that stand for it. */
export function withSubgraphs(workflow: Raw, infos: Infos): Infos {
  const all = definitionsOf(workflow);
  if (all.size === 0) return infos;
  const out = { ...infos };
  const done = new Set<string>();
  const visit = (definition: Definition) => {
    if (done.has(definition.id)) return;
    done.add(definition.id);
    // Those inside come first: their inputs may be what this one's are.
    for (const node of list(definition.raw['nodes'])) {
      const inner = all.get(String(node['type']));
      if (inner) visit(inner);
    }
    out[definition.id] = infoOf(definition, out);
  };
  for (const definition of all.values()) visit(definition);
  return out;
}

interface Inner {
  definition: Definition;
  document: Document;
}

/**
 * The workflow without subgraphs: each node that stands for one is replaced by what is in it, node 3 in node 7 called
 * "7:3". The border becomes reroutes, and primitives where a value is given outside. Throws Error when a subgraph
 * contains itself.
 */
export function flatten(root: Document, inner: Map<string, Inner>): Document {
  const nodes: DocNode[] = [];
  const reroute = (id: Id, source: Source | undefined) =>
    nodes.push({ id, type: 'Reroute', mode: 0, values: {}, links: source ? { '': source } : {} });
  // A bypassed one is skipped as a whole.
  const standsFor = (node: DocNode | undefined) => (node && node.mode !== BYPASSED ? inner.get(node.type) : undefined);

  const addBorder = (node: DocNode, id: Id, { inputs, inputId }: Definition, links: Record<string, Source>) =>
    inputs.forEach(({ name }, slot) => {
      const own = `${id}:${inputId}.${slot}`;
      const value = node.values[name];
      if (links[name] || value === undefined) reroute(own, links[name]);
      else nodes.push({ id: own, type: 'PrimitiveNode', mode: 0, values: { value }, links: {} });
    });

  /** A node with what is given for it from outside its subgraph. */
  const withGiven = (node: DocNode, given: { promoted: Promoted; value: Value }[]): DocNode => {
    const own = given.filter(({ promoted }) => promoted.node === node.id);
    if (own.length === 0) return node;
    const keyOf = (widget: string) => node.promoted?.find((p) => p.widget === widget)?.key ?? widget;
    return { ...node, values: { ...node.values, ...Object.fromEntries(own.map(({ promoted, value }) => [keyOf(promoted.widget), value])) } };
  };

  interface Place {
    prefix: string;
    muted: boolean;
    definition?: Definition;
    depth: number;
    given: { promoted: Promoted; value: Value }[];
  }
  const add = (document: Document, { prefix, muted, definition, depth, given }: Place) => {
    if (depth > MOST_NESTED) throw new Error('A subgraph contains itself, or subgraphs are nested too deep.');
    const byId = new Map(document.nodes.map((node) => [node.id, node]));
    const moved = ({ node, slot }: Source): Source => {
      if (node === definition?.inputId) return { node: `${prefix}${node}.${slot}`, slot: 0 };
      const other = standsFor(byId.get(node));
      return other ? { node: `${prefix}${node}:${other.definition.outputId}.${slot}`, slot: 0 } : { node: prefix + node, slot };
    };
    for (const bare of document.nodes) {
      const node = withGiven(bare, given);
      const id = prefix + node.id;
      const links = Object.fromEntries(Object.entries(node.links).map(([name, source]) => [name, moved(source)]));
      const other = standsFor(node);
      if (node.type === INPUTS) continue;
      if (node.type === OUTPUTS) definition?.outputs.forEach(({ name }, slot) => reroute(`${id}.${slot}`, links[name]));
      else if (!other) nodes.push({ ...node, id, links, mode: muted ? MUTED : node.mode });
      else {
        addBorder(node, id, other.definition, links);
        const passed = (node.promoted ?? []).flatMap((promoted) => {
          const value = node.values[promoted.key];
          return promoted.spec && value !== undefined ? [{ promoted, value }] : [];
        });
        add(other.document, { prefix: `${id}:`, muted: muted || node.mode === MUTED, definition: other.definition, depth: depth + 1, given: passed });
      }
    }
  };
  add(root, { prefix: '', muted: false, depth: 0, given: [] });
  return { nodes, groups: [] };
}

/** The whole workflow in one level. `live` may be one of its levels as it is in the editor now. */
export function flatDocument(workflow: Raw, infos: Infos, live?: { definition: Definition | undefined; document: Document }): Document {
  const read = (definition: Definition | undefined): Document =>
    live && live.definition?.id === definition?.id ? live.document : readLevel(workflow, definition, infos);
  const inner = [...definitionsOf(workflow)].map(([id, definition]): [string, Inner] => [id, { definition, document: read(definition) }]);
  return flatten(read(undefined), new Map(inner));
}
