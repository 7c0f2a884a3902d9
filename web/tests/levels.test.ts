import { describe, expect, it } from 'vitest';
import { definitionsOf, flatDocument, levelOf, readLevel, withLevel, withNextSeeds, withSubgraphs } from '../src/graph/levels';
import { BYPASSED, MUTED, toPrompt } from '../src/graph/document';
import { type Raw, readGraph } from '../src/graph/readGraph';
import { infos } from './samples';

const link = (id: number, origin_id: number, origin_slot: number, target_id: number, target_slot: number) => ({ id, origin_id, origin_slot, target_id, target_slot, type: '*' });
const text = (id: number, words: string, link_id: number | null = null) => ({
  id,
  type: 'CLIPTextEncode',
  inputs: [
    { name: 'text', type: 'STRING', widget: { name: 'text' }, link: link_id },
    { name: 'clip', type: 'CLIP', link: 11 },
  ],
  outputs: [{ name: 'CONDITIONING', type: 'CONDITIONING' }],
  widgets_values: [words],
});

/** A subgraph that encodes words given outside, within one that passes them on and decodes nothing itself. */
function workflow(mode = 0): Raw {
  const inner = {
    id: 'inner',
    name: 'Words',
    inputNode: { id: -10, bounding: [-50, 0, 150, 80] },
    outputNode: { id: -20, bounding: [500, 0, 100, 80] },
    inputs: [
      { id: 'a', name: 'words', type: 'STRING', linkIds: [12] },
      { id: 'b', name: 'clip', type: 'CLIP', linkIds: [11] },
    ],
    outputs: [{ id: 'c', name: 'out', type: 'CONDITIONING', linkIds: [13] }],
    nodes: [text(3, 'inside', 12)],
    links: [link(11, -10, 1, 3, 1), link(12, -10, 0, 3, 0), link(13, 3, 0, -20, 0)],
  };
  const outer = {
    ...inner,
    id: 'outer',
    name: 'More words',
    nodes: [{ id: 5, type: 'inner', inputs: [{ name: 'words', link: 12, widget: { name: 'words' } }, { name: 'clip', link: 11 }], outputs: [{ name: 'out' }] }],
    links: [link(11, -10, 1, 5, 1), link(12, -10, 0, 5, 0), link(13, 5, 0, -20, 0)],
  };
  return {
    nodes: [
      { id: 1, type: 'CheckpointLoaderSimple', inputs: [], outputs: [], widgets_values: ['a.safetensors'] },
      {
        id: 2,
        type: 'outer',
        mode,
        pos: [10, 20],
        inputs: [{ name: 'words', link: null, widget: { name: 'words' } }, { name: 'clip', link: 1 }],
        outputs: [{ name: 'out', links: [2] }],
        widgets_values: ['outside'],
      },
      { id: 8, type: 'KSampler', inputs: [{ name: 'positive', link: 2 }], outputs: [], widgets_values: [5, 'fixed', 20, 7, 1] },
    ],
    links: [
      [1, 1, 1, 2, 1, 'CLIP'],
      [2, 2, 0, 8, 0, 'CONDITIONING'],
    ],
    groups: [],
    definitions: { subgraphs: [outer, inner] },
  };
}

function promptOf(raw: Raw) {
  const known = withSubgraphs(raw, infos);
  return toPrompt(flatDocument(raw, known), known);
}

describe('subgraphs', () => {
  it('are dissolved, with the value that is given outside', () => {
    const prompt = promptOf(workflow());
    expect(Object.keys(prompt).sort()).toEqual(['1', '2:5:3', '8']);
    expect(prompt['2:5:3']).toEqual({ class_type: 'CLIPTextEncode', inputs: { text: 'outside', clip: ['1', 1] } });
    expect(prompt['8']!.inputs['positive']).toEqual(['2:5:3', 0]);
  });

  it('have the value from inside where none is given, and inputs and outputs as nodes have', () => {
    const raw = workflow();
    const node = (raw['nodes'] as Raw[])[1]!;
    node['widgets_values'] = [];
    expect(promptOf(raw)['2:5:3']!.inputs['text']).toBe('inside');
    const info = withSubgraphs(raw, infos)['outer']!;
    expect(info.input.optional).toEqual({ words: ['STRING', { multiline: true, default: 'inside' }], clip: ['CLIP', {}] });
    expect(info.output).toEqual(['CONDITIONING']);
  });

  it('are left out when muted, and passed by when bypassed', () => {
    expect(promptOf(workflow(MUTED))).not.toHaveProperty('2:5:3');
    expect(promptOf(workflow(MUTED))['8']!.inputs).not.toHaveProperty('positive');
    expect(Object.keys(promptOf(workflow(BYPASSED)))).toEqual(['1', '8']);
  });

  it('are read and written a level at a time, and stay as they are', () => {
    const raw = workflow();
    const inner = definitionsOf(raw).get('inner')!;
    const level = levelOf(raw, inner);
    const document = readGraph(level, withSubgraphs(raw, infos));
    expect(document.nodes.map((n) => n.id)).toEqual(['-10', '-20', '3']);
    expect(document.nodes[1]!.links).toEqual({ out: { node: '3', slot: 0 } });
    // As the live graph writes it: links as lists, the border by its ids as text.
    const live = {
      nodes: [...(level['nodes'] as Raw[]).slice(0, 2).map((n) => ({ ...n, id: String(n['id']), size: [150, 50] })), text(3, 'changed', 12)],
      links: [
        [11, '-10', 1, 3, 1, 'CLIP'],
        [12, '-10', 0, 3, 0, 'STRING'],
        [13, 3, 0, '-20', 0, 'CONDITIONING'],
      ],
      groups: [],
    };
    const after = withLevel(raw, inner, live);
    const [, changed] = (after['definitions'] as { subgraphs: Raw[] }).subgraphs;
    expect((changed!['nodes'] as Raw[]).map((n) => n['widgets_values'])).toEqual([['changed']]);
    expect((changed!['links'] as Raw[])[0]).toMatchObject({ origin_id: -10, target_id: 3 });
    expect((changed!['inputs'] as Raw[]).map((i) => i['linkIds'])).toEqual([[12], [11]]);
    expect(changed!['inputNode']).toMatchObject({ id: -10, bounding: [-50, 0, 150, 80] });
    expect(promptOf(after)).toEqual(promptOf(raw));
    // Without a node that stands for them, they are gone.
    expect(withLevel(raw, undefined, { nodes: [], links: [] })['definitions']).toBeUndefined();
  });

  it('have values that their nodes show, each its own, through several levels', () => {
    const words = { id: 'words', name: 'Words', inputs: [], outputs: [], nodes: [text(3, 'inside')], links: [] };
    const around = {
      ...words,
      id: 'around',
      nodes: [{ id: 5, type: 'words', properties: { proxyWidgets: [['3', 'text']] }, widgets_values: ['between'] }],
    };
    const standing = (id: number, values: unknown[], proxyWidgets: unknown = [['5', 'text']]) => ({ id, type: 'around', properties: { proxyWidgets }, widgets_values: values });
    const raw = {
      nodes: [standing(1, ['one']), standing(2, ['two'], JSON.stringify([['5', '5: text']])), standing(3, [], []), standing(4, [null], [['5', '$$preview']])],
      links: [],
      definitions: { subgraphs: [around, words] },
    };
    const texts = Object.fromEntries(Object.entries(promptOf(raw)).map(([id, node]) => [id, node.inputs['text']]));
    expect(texts).toEqual({ '1:5:3': 'one', '2:5:3': 'two', '3:5:3': 'between', '4:5:3': 'between' });
    const [first, , , last] = readLevel(raw, undefined, withSubgraphs(raw, infos)).nodes;
    expect(first!.promoted).toMatchObject([{ key: '5/text', node: '5', widget: 'text', spec: ['STRING', { multiline: true }] }]);
    expect(last!.promoted).toMatchObject([{ spec: undefined }]);
  });

  it('have values of inputs and others in the order in which they are listed', () => {
    const raw = workflow();
    const [, node] = raw['nodes'] as Raw[];
    node!['properties'] = { proxyWidgets: [['-1', 'words']] };
    expect(promptOf(raw)['2:5:3']!.inputs['text']).toBe('outside');
    // An entry that names what an input leads to is that input.
    node!['properties'] = { proxyWidgets: [['5', 'words']] };
    expect(promptOf(raw)['2:5:3']!.inputs['text']).toBe('outside');
    expect(readLevel(raw, undefined, withSubgraphs(raw, infos)).nodes[1]!.promoted).toBeUndefined();
  });

  it('turn their seeds after a run, as their nodes ask for', () => {
    const raw = workflow();
    const sampler = (after: string) => ({ id: 9, type: 'KSampler', widgets_values: [5, after, 20, 7, 1] });
    const [outer, inner] = (raw['definitions'] as { subgraphs: Raw[] }).subgraphs;
    (outer!['nodes'] as Raw[]).push(sampler('randomize'));
    (inner!['nodes'] as Raw[]).push(sampler('increment'));
    const after = withNextSeeds(raw, infos, () => 77);
    const seeds = (after['definitions'] as { subgraphs: Raw[] }).subgraphs.map((s) => ((s['nodes'] as Raw[]).at(-1)!['widgets_values'] as unknown[]).slice(0, 3));
    expect(seeds).toEqual([[77, 'randomize', 20], [6, 'increment', 20]]);
    expect((after['nodes'] as Raw[])[2]!['widgets_values']).toEqual([5, 'fixed', 20, 7, 1]);
  });

  it('that contain themselves are refused, and rubbish is nothing', () => {
    const raw = workflow();
    const [outer] = (raw['definitions'] as { subgraphs: Raw[] }).subgraphs;
    (outer!['nodes'] as Raw[])[0]!['type'] = 'outer';
    ((outer!['nodes'] as Raw[])[0]!)['properties'] = { proxyWidgets: [['5', 'text']] };
    ((outer!['nodes'] as Raw[])[0]!)['widgets_values'] = [1];
    expect(() => promptOf(raw)).toThrow(/contains itself/);
    expect(definitionsOf({ definitions: { subgraphs: [null, 3] } }).size).toBe(0);
    expect(promptOf({ nodes: [{ id: 1, type: 'x' }], definitions: { subgraphs: [{ id: 'x' }] } })).toEqual({});
  });
});
