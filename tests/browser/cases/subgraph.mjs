import assert from 'node:assert/strict';
import * as p from '../page.mjs';

const { saved } = p;

/** A workflow that makes a picture of one colour and inverts it; inverting, with what is before it, is a subgraph. */
export const WORKFLOW = {
  nodes: [
    { id: 1, type: 'paint-and-invert', title: 'Paint', pos: [0, 100], size: [260, 120], mode: 0, inputs: [{ name: 'colour', type: 'INT', link: null, widget: { name: 'colour' } }], outputs: [{ name: 'picture', type: 'IMAGE', links: [1] }], widgets_values: [255, 32], properties: { proxyWidgets: [['-1', 'colour'], ['3', 'width']] } },
    { id: 2, type: 'SaveImage', pos: [400, 100], size: [260, 120], mode: 0, inputs: [{ name: 'images', type: 'IMAGE', link: 1 }], outputs: [], widgets_values: ['sub'] },
  ],
  links: [[1, 1, 0, 2, 0, 'IMAGE']],
  groups: [],
  definitions: {
    subgraphs: [
      {
        id: 'paint-and-invert',
        name: 'Paint and invert',
        inputNode: { id: -10, bounding: [-220, 60, 120, 60] },
        outputNode: { id: -20, bounding: [640, 60, 120, 60] },
        inputs: [{ id: 'a', name: 'colour', type: 'INT', linkIds: [1] }],
        outputs: [{ id: 'b', name: 'picture', type: 'IMAGE', linkIds: [3] }],
        widgets: [],
        nodes: [
          { id: 3, type: 'EmptyImage', pos: [0, 60], size: [240, 150], mode: 0, inputs: [{ name: 'color', type: 'INT', link: 1, widget: { name: 'color' } }], outputs: [{ name: 'IMAGE', type: 'IMAGE', links: [2] }], widgets_values: [64, 64, 1, 0] },
          { id: 4, type: 'ImageInvert', pos: [340, 60], size: [230, 40], mode: 0, inputs: [{ name: 'image', type: 'IMAGE', link: 2 }], outputs: [{ name: 'IMAGE', type: 'IMAGE', links: [3] }], widgets_values: [] },
        ],
        links: [
          { id: 1, origin_id: -10, origin_slot: 0, target_id: 3, target_slot: 0, type: 'INT' },
          { id: 2, origin_id: 3, origin_slot: 0, target_id: 4, target_slot: 0, type: 'IMAGE' },
          { id: 3, origin_id: 4, origin_slot: 0, target_id: -20, target_slot: 0, type: 'IMAGE' },
        ],
        groups: [],
      },
    ],
  },
};

/** Where a place of the graph is in the window, once all of it is in view, as fit() brings it there. */
export async function placeOf(page, nodes, [x, y]) {
  const place = await page.locator('.graph-place').boundingBox();
  const left = Math.min(...nodes.map((n) => n.pos[0]));
  const top = Math.min(...nodes.map((n) => n.pos[1] - 30));
  const width = Math.max(...nodes.map((n) => n.pos[0] + n.size[0])) - left;
  // Nodes that will show a picture are given room for it.
  const height = Math.max(...nodes.map((n) => n.pos[1] + (n.type === 'SaveImage' ? 266 : n.size[1]))) - top;
  const scale = Math.min(1, (place.width - 40) / width, (place.height - 40) / height);
  return { x: place.x + place.width / 2 + (x - left - width / 2) * scale, y: place.y + place.height / 2 + (y - top - height / 2) * scale };
}

/** Clicks a node and copies it. The clipboard may hold what another page left there, so the copy is looked at. */
async function copyNode(page, { x, y }) {
  const copied = () => page.evaluate(() => JSON.parse(localStorage.litegrapheditor_clipboard ?? '{}').nodes?.length);
  for (let left = 3; left > 0 && (await copied()) !== 1; left--) {
    await page.waitForTimeout(500); // further apart than a double click's
    await page.mouse.click(x, y);
    await page.keyboard.press('Control+c');
  }
  assert.equal(await copied(), 1, 'the node is copied');
}

const inner = (graph) => graph.definitions.subgraphs[0];

/** Subgraphs: shown as nodes, run, entered and left, changed inside, undone, and saved. */
export const subgraph = {
  name: 'subgraph',
  async run({ page, server, looks }) {
    await p.open(page, server);
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    await p.openGraph(page, 'subgraph.json', WORKFLOW);
    const api = await saved(page, 'Save for the API');
    assert.deepEqual(Object.keys(api), ['2', '1:3', '1:4']);
    // Values of its input, and of a node inside that it shows.
    assert.deepEqual([api['1:3'].inputs.color, api['1:3'].inputs.width], [255, 32]);
    assert.deepEqual(api['2'].inputs.images, ['1:4', 0]);
    // The server makes the same of it.
    const answer = await fetch(`${server.url}/prompt?wait=1`, { method: 'POST', body: JSON.stringify(WORKFLOW) });
    assert.equal(answer.status, 200, await answer.text());
    const [served] = await p.ended(server, 1);
    assert.deepEqual(served.prompt[2]['1:3'].inputs, api['1:3'].inputs);
    await p.run(page);
    await page.locator('.dock img').waitFor();
    const entry = (await p.ended(server, 2))[1];
    assert.equal(entry.status.status_str, 'success');
    const url = `${server.url}/view?${new URLSearchParams(Object.values(entry.outputs).flatMap((o) => o.images)[0])}`;
    assert.deepEqual(await p.pixels(page, url, [[5, 5]]), [[255, 255, 0]]);
    await page.getByRole('button', { name: 'Close the picture' }).click();
    await looks('subgraph_outside');

    // A double click goes in; the way out stands above.
    const way = page.getByRole('navigation', { name: 'Where this is in the workflow' });
    const { nodes } = await saved(page, 'Save graph');
    await page.getByRole('button', { name: 'Fit', exact: true }).click();
    const title = await placeOf(page, nodes, [nodes[0].pos[0] + 60, nodes[0].pos[1] - 15]);
    await p.doubleClick(page, title);
    await p.becomes(() => way.getByRole('button').allTextContents(), ['Workflow', 'Paint']);
    await looks('subgraph_inside');
    // Nothing has changed by that; Escape goes out.
    assert.ok(await page.getByRole('button', { name: 'Undo', exact: true }).isDisabled());
    await page.locator('.graph-place canvas').focus();
    await page.keyboard.press('Escape');
    await way.waitFor({ state: 'detached' });
    assert.deepEqual(await saved(page, 'Save for the API'), api);

    // Something is done inside, undone from outside, and done again.
    await page.mouse.click(title.x, title.y, { button: 'right' });
    await page.getByRole('menuitem', { name: 'Enter the subgraph' }).click();
    await way.waitFor();
    await p.addNode(page, 'imginv', 'Invert Image');
    await p.becomes(async () => inner(await saved(page, 'Save graph')).nodes.length, 3);
    await way.getByRole('button', { name: 'Workflow' }).click();
    await way.waitFor({ state: 'detached' });
    assert.equal((await saved(page, 'Save graph')).nodes.length, 2);
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await way.waitFor();
    await p.becomes(async () => inner(await saved(page, 'Save graph')).nodes.length, 2);
    assert.deepEqual(await saved(page, 'Save for the API'), api);

    // A copy shows the values that the first one shows, its own.
    await page.keyboard.press('Escape');
    await way.waitFor({ state: 'detached' });
    await copyNode(page, title);
    await page.keyboard.press('Control+v');
    const types = async () => (await saved(page, 'Save graph')).nodes.map((n) => n.type).sort();
    await p.becomes(types, ['SaveImage', 'paint-and-invert', 'paint-and-invert']);
    const copy = (await saved(page, 'Save graph')).nodes.at(-1);
    assert.deepEqual([copy.widgets_values, copy.properties.proxyWidgets], [[255, 32], [['-1', 'colour'], ['3', 'width']]]);
    assert.equal((await saved(page, 'Save for the API'))[`${copy.id}:3`]?.inputs.width, 32);
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await p.becomes(async () => (await saved(page, 'Save graph')).nodes.length, 2);

    // What is wrong inside is said at the node outside, and leads inside.
    const wrong = structuredClone(WORKFLOW);
    inner(wrong).nodes[0].widgets_values[2] = 0;
    await p.openGraph(page, 'wrong.json', wrong);
    await p.run(page);
    await page.locator('.fault-note', { hasText: 'EmptyImage: batch_size: Must be at least 1.' }).waitFor();
    await looks('subgraph_fault');
    await page.locator('.graph-faults').getByRole('button', { name: /batch_size: Must be at least 1/ }).click();
    await way.waitFor();
    await page.locator('.fault-note', { hasText: /^batch_size: Must be at least 1/ }).waitFor();

    // It is still there, and inside, after a reload.
    await page.reload();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    await p.becomes(async () => inner(await saved(page, 'Save graph')).nodes.length, 2);
  },
};
