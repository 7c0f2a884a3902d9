import assert from 'node:assert/strict';
import * as p from '../page.mjs';
import { placeOf } from './subgraph.mjs';

const FIRST = 18446744073709551613n;
const WORKFLOW = {
  nodes: [
    { id: 1, type: 'EmptyLatentImage', pos: [0, 0], size: [240, 110], mode: 0, inputs: [], outputs: [{ name: 'LATENT', type: 'LATENT', links: [1] }], widgets_values: [64, 64, 1] },
    { id: 2, type: 'KSampler', pos: [420, 0], size: [270, 262], mode: 0, inputs: [{ name: 'latent_image', type: 'LATENT', link: 1 }], outputs: [], widgets_values: [1, 'fixed', 20, 8, 'euler', 'normal', 1] },
    { id: 3, type: 'CLIPTextEncode', pos: [0, 320], size: [260, 150], mode: 0, inputs: [], outputs: [], widgets_values: [''] },
  ],
  links: [[1, 1, 0, 2, 3, 'LATENT']],
  groups: [],
};

/** The darkness of a text on what lies behind it: the contrast of WCAG 2.1. */
function contrast(element) {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((c) => {
      const v = Number(c) / 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let back = element;
  while (/rgba\(.*, 0\)|transparent/.test(getComputedStyle(back).backgroundColor)) back = back.parentElement;
  const [a, b] = [light(getComputedStyle(element).color), light(getComputedStyle(back).backgroundColor)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

/** Values on nodes: read from lists in both themes, numbers with all digits, text that is not lost, and connections. */
export const graphValues = {
  name: 'graph_values',
  async run({ page, server, looks }) {
    await p.open(page, server);
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    await p.openGraph(page, 'values.json', WORKFLOW);
    const { nodes } = await p.saved(page, 'Save graph');
    const inputs = async (id) => (await p.saved(page, 'Save for the API'))[id].inputs;
    // The rows of values begin below the sampler's four inputs.
    const sampler = nodes.find((n) => n.id === 2);
    const row = (i) => placeOf(page, nodes, [sampler.pos[0] + sampler.size[0] / 2, sampler.pos[1] + 4 * 20 + 16 + i * 24]);
    const click = async ({ x, y }, options) => page.mouse.click(x, y, options);
    const ask = (name) => page.locator('.ask').getByRole('textbox', { name });

    // A seed beyond what a JavaScript number holds.
    await click(await row(0));
    await ask('seed').fill(String(FIRST));
    await page.keyboard.press('Enter');
    const arrow = await placeOf(page, nodes, [sampler.pos[0] + sampler.size[0] - 25, sampler.pos[1] + 4 * 20 + 16]);
    const seed = async () => {
      await p.saved(page, 'Save for the API');
      return /"seed": (\d+)/.exec(await page.evaluate(() => window.taken))[1];
    };
    await p.becomes(seed, String(FIRST));
    await click(arrow);
    await p.becomes(seed, String(FIRST + 1n));
    await click(await row(2));
    await ask('steps').fill('many');
    await page.keyboard.press('Enter');
    await page.getByText('steps: A number is needed here.').waitFor();

    // A list is read in both themes, and searched.
    await click(await row(4));
    const list = page.getByRole('listbox', { name: 'sampler_name' });
    await list.getByRole('option', { name: 'euler', exact: true, selected: true }).waitFor();
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await p.settled(page);
      const seen = await list.getByRole('option').nth(3).evaluate(contrast);
      assert.ok(seen > 4.5, `${colorScheme}: ${seen}`);
    }
    await looks('graph_choice');
    await page.getByRole('combobox', { name: 'sampler_name' }).fill('heunpp');
    await list.locator('.option.active', { hasText: 'heunpp2' }).waitFor();
    await page.keyboard.press('Enter');
    await p.becomes(async () => (await inputs(2)).sampler_name, 'heunpp2');

    // What was written is taken by going elsewhere; Escape throws it away.
    const text = await placeOf(page, nodes, [100, 320 + 80]);
    const ground = await placeOf(page, nodes, [560, 440]);
    await click(text);
    await ask('text').fill('a quiet sea');
    await looks('graph_text');
    await click(ground);
    await p.becomes(async () => (await inputs(3)).text, 'a quiet sea');
    await click(text);
    await ask('text').fill('nothing of it');
    await page.keyboard.press('Escape');
    await p.becomes(async () => (await inputs(3)).text, 'a quiet sea');
    const undo = page.getByRole('button', { name: 'Undo', exact: true });
    // Where one looks is no step of its own.
    await page.mouse.move(ground.x, ground.y);
    await page.mouse.wheel(0, 120);
    await p.settled(page);
    await undo.click();
    await p.becomes(async () => (await inputs(3)).text, '');
    await page.mouse.move(ground.x, ground.y);
    await page.mouse.wheel(0, -120);
    await p.settled(page);

    // The middle of a connection: a reroute in it, a node, or no connection.
    const ends = [nodes[0], sampler].map((n, i) => [n.pos[0] + (i === 0 ? n.size[0] - 10 : 10), n.pos[1] + (i === 0 ? 14 : 74)]);
    const middle = await placeOf(page, nodes, [(ends[0][0] + ends[1][0]) / 2, (ends[0][1] + ends[1][1]) / 2]);
    await click(middle);
    await looks('graph_connection');
    await page.getByRole('menuitem', { name: 'Add a reroute' }).click();
    const types = async () => (await p.saved(page, 'Save graph')).nodes.map((n) => n.type).sort();
    await p.becomes(types, ['CLIPTextEncode', 'EmptyLatentImage', 'KSampler', 'Reroute']);
    assert.deepEqual((await inputs(2)).latent_image, ['1', 0]);
    await undo.click();
    await p.becomes(async () => (await types()).length, 3);
    // At once: what was undone can be clicked.
    await click(middle);
    await page.getByRole('menuitem', { name: 'Remove the connection' }).click();
    await p.becomes(async () => (await inputs(2)).latent_image, undefined);

    // A title is changed where it stands.
    const title = await placeOf(page, nodes, [nodes[0].pos[0] + 120, nodes[0].pos[1] - 15]);
    await p.doubleClick(page, title);
    await ask('Title').fill('Empty canvas');
    await page.keyboard.press('Enter');
    await p.becomes(async () => (await p.saved(page, 'Save graph')).nodes.find((n) => n.id === 1).title, 'Empty canvas');
  },
};
