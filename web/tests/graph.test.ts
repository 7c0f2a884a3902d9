import { describe, expect, it } from 'vitest';
import { BYPASSED, fromPrompt, MUTED, toPrompt, widgetNames } from '../src/graph/document';
import { depths, layOut } from '../src/graph/layout';
import { readGraph } from '../src/graph/readGraph';
import { infos, prompt } from './samples';

const sampler = (seed: unknown, extra: unknown[] = []) => ({
  id: 8,
  type: 'KSampler',
  pos: [10, 20],
  size: { 0: 300, 1: 200 },
  mode: 0,
  inputs: [
    { name: 'model', type: 'MODEL', link: 1 },
    { name: 'latent_image', type: 'LATENT', link: null },
  ],
  outputs: [{ name: 'LATENT', type: 'LATENT', links: [] }],
  widgets_values: [seed, ...extra, 20, 7.5, 0.5],
});
const loader = { id: 1, type: 'CheckpointLoaderSimple', inputs: [], outputs: [], widgets_values: ['a.safetensors'] };

describe('the API form', () => {
  it('comes back as it was', () => {
    expect(toPrompt(fromPrompt(prompt, infos), infos)).toEqual(prompt);
  });

  it('keeps seeds whose digits a number would lose', () => {
    const document = fromPrompt(prompt, infos);
    document.nodes.find((n) => n.id === '8')!.values['seed'] = '18446744073709551615';
    expect(toPrompt(document, infos)['8']?.inputs['seed']).toBe(18446744073709551615n);
  });

  it('keeps nodes the server does not know', () => {
    const odd = { '1': { class_type: 'Odd', inputs: { a: 1 } }, '2': { class_type: 'Odd', inputs: { x: ['1', 2] } } };
    const document = fromPrompt(odd as never, infos);
    expect(document.nodes[0]?.slots?.outputs).toHaveLength(3);
    expect(toPrompt(document, infos)).toEqual(odd);
  });
});

describe("the editor's form", () => {
  it('gives widgets their names, with and without what is done to seeds', () => {
    expect(widgetNames(infos['KSampler'])).toEqual(['seed', 'control_after_generate', 'steps', 'cfg', 'denoise']);
    for (const extra of [['randomize'], []]) {
      const document = readGraph({ nodes: [sampler(5, extra), loader], links: [[1, 1, 0, 8, 0, 'MODEL']] }, infos);
      const inputs = toPrompt(document, infos)['8']?.inputs;
      expect(inputs).toEqual({ seed: 5, steps: 20, cfg: 7.5, denoise: 0.5, model: ['1', 0] });
      expect(document.nodes[0]).toMatchObject({ pos: [10, 20], size: [300, 200] });
    }
  });

  it('reads connections as arrays and as objects, and values by name', () => {
    const named = { ...sampler(0), widgets_values: { seed: 3, steps: 4 } };
    const links = [{ id: 1, origin_id: 1, origin_slot: 0, target_id: 8, target_slot: 0, type: 'MODEL' }];
    const inputs = toPrompt(readGraph({ nodes: [named, loader], links }, infos), infos)['8']?.inputs;
    expect(inputs).toEqual({ seed: 3, steps: 4, model: ['1', 0] });
  });

  it('passes through reroutes, bypassed nodes and primitives, and leaves out muted ones and notes', () => {
    const node = (id: string, type: string, links: Record<string, [string, number]> = {}, mode = 0, values = {}) => ({
      id,
      type,
      mode,
      values,
      links: Object.fromEntries(Object.entries(links).map(([k, [n, slot]]) => [k, { node: n, slot }])),
    });
    const nodes = [
      node('1', 'LoadImage', {}, 0, { image: 'a.png' }),
      node('2', 'ImageInvert', { image: ['1', 0] }, BYPASSED),
      node('3', 'Reroute', { '': ['2', 0] }),
      node('4', 'PrimitiveNode', {}, 0, { value: 'name' }),
      node('5', 'SaveImage', { images: ['3', 0], filename_prefix: ['4', 0] }),
      node('6', 'ImageInvert', { image: ['1', 0] }, MUTED),
      node('7', 'SaveImage', { images: ['6', 0] }, 0, { filename_prefix: 'x' }),
      node('8', 'Note', {}, 0, { value: 'words' }),
    ];
    const made = toPrompt({ nodes, groups: [] }, infos);
    expect(Object.keys(made)).toEqual(['1', '5', '7']);
    expect(made['5']?.inputs).toEqual({ images: ['1', 0], filename_prefix: 'name' });
    expect(made['7']?.inputs).toEqual({ filename_prefix: 'x' });
  });

  it('does not hang on reroutes that go in a circle, nor on rubbish', () => {
    const circle = ['1', '2'].map((id, i) => ({
      id,
      type: 'Reroute',
      mode: 0,
      values: {},
      links: { '': { node: i === 0 ? '2' : '1', slot: 0 } },
    }));
    const save = { id: '3', type: 'SaveImage', mode: 0, values: {}, links: { images: { node: '1', slot: 0 } } };
    expect(toPrompt({ nodes: [...circle, save], groups: [] }, infos)['3']?.inputs).toEqual({});
    expect(readGraph({ nodes: [null, 3, {}], links: [null, 'x'], groups: [{}] }, infos).nodes).toHaveLength(1);
  });
});

describe('the layout', () => {
  it('goes from left to right, and nothing lies on anything else', () => {
    const document = fromPrompt(prompt, infos);
    const places = layOut(document, () => [200, 100]);
    for (const node of document.nodes) {
      for (const source of Object.values(node.links)) {
        expect(places.get(source.node)![0]).toBeLessThan(places.get(node.id)![0]);
      }
    }
    const seen = new Set([...places.values()].map(String));
    expect(seen.size).toBe(document.nodes.length);
    expect(depths(document).get('10')).toBe(4);
  });

  it('goes down where there is more height than width, so that nodes are shown larger', () => {
    const document = fromPrompt(prompt, infos);
    const size = (): [number, number] => [300, 200];
    const wide = (places: Map<string, [number, number]>) =>
      Math.max(...[...places.values()].map((p) => p[0])) - Math.min(...[...places.values()].map((p) => p[0])) + 300;
    const right = layOut(document, size, [800, 600]);
    const down = layOut(document, size, [390, 600]);
    expect(wide(down)).toBeLessThan(wide(right) / 2);
    for (const node of document.nodes) {
      for (const source of Object.values(node.links)) {
        expect(down.get(source.node)![1]).toBeLessThan(down.get(node.id)![1]);
      }
    }
    expect(layOut({ nodes: [], groups: [] }, size, [390, 600]).size).toBe(0);
  });

  it('ends on circles', () => {
    const circle = fromPrompt(
      { a: { class_type: 'X', inputs: { i: ['b', 0] } }, b: { class_type: 'X', inputs: { i: ['a', 0] } } },
      infos,
    );
    expect(layOut(circle, () => [1, 1]).size).toBe(2);
  });
});
