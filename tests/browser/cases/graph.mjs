import assert from 'node:assert/strict';
import * as p from '../page.mjs';

const { openGraph, saved } = p;

/** Where a node that is alone in the graph is drawn, once all is in view: its left upper corner below the title. */
async function cornerOfOnlyNode(page, node) {
  const place = await page.locator('.graph-place').boundingBox();
  const title = 30;
  return {
    x: place.x + (place.width - node.size[0]) / 2,
    y: place.y + (place.height - node.size[1] - title) / 2 + title,
  };
}

/** A value is changed with the mouse on its node, and a node is removed with a key. */
async function edit(page) {
  await openGraph(page, 'one.json', { 1: { class_type: 'EmptyLatentImage', inputs: { width: 128, height: 256, batch_size: 1 } } });
  const [node] = (await saved(page, 'Save graph')).nodes;
  const corner = await cornerOfOnlyNode(page, node);
  const dialog = page.locator('.ask');
  // Below the row of its output come the values, one a row.
  await page.mouse.click(corner.x + node.size[0] / 2, corner.y + 40);
  await dialog.waitFor();
  await dialog.getByRole('textbox').fill('192');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  const inputs = async () => (await saved(page, 'Save for the API'))['1'].inputs;
  await p.becomes(inputs, { width: 192, height: 256, batch_size: 1 });
  assert.equal((await saved(page, 'Save graph')).nodes[0].widgets_values[0], 192);
  await page.mouse.click(corner.x + node.size[0] / 2, corner.y - 12);
  await page.keyboard.press('Delete');
  await p.becomes(() => saved(page, 'Save for the API'), {});
}

/** The workflow as a graph: shown, run, refused with the error on the node, saved and opened in both forms. */
export const graph = {
  name: 'graph',
  async run({ page, server, shot }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 64, 2);
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();

    const api = await p.downloaded(page, 'Save for the API');
    assert.equal(api['8'].class_type, 'KSampler');
    assert.deepEqual(api['8'].inputs.model, ['1', 0]);
    assert.equal(api['4'].inputs.width, 64);
    const editor = await p.downloaded(page, 'Save graph');
    assert.equal(editor.nodes.length, Object.keys(api).length);
    assert.ok(editor.links.length > 8);

    await p.run(page);
    await page.locator('.dock img').waitFor();
    const [entry] = await p.ended(server, 1);
    assert.equal(entry.status.status_str, 'success');
    assert.equal(entry.prompt[3].extra_pnginfo.workflow.nodes.length, editor.nodes.length);
    await p.settled(page);
    await shot('graph');

    const wrong = structuredClone(api);
    wrong['8'].inputs.steps = 0;
    await openGraph(page, 'wrong_api.json', wrong);
    await p.run(page);
    const fault = page.locator('.graph-faults').getByRole('button', { name: /steps: Must be at least 1/ });
    await fault.waitFor();
    await shot('graph_fault');
    await fault.click();

    // The editor's form comes back as the same prompt, and into the form.
    await openGraph(page, 'workflow.json', editor);
    await page.locator('.graph-faults').waitFor({ state: 'detached' });
    const again = await saved(page, 'Save for the API');
    for (const node of [...Object.values(api), ...Object.values(again)]) delete node.inputs.seed;
    assert.deepEqual(again, api);
    await p.addNode(page, 'imginv', 'Invert Image');
    await p.becomes(async () => (await saved(page, 'Save graph')).nodes.length, editor.nodes.length + 1);
    await edit(page);
    await openGraph(page, 'workflow.json', editor);
    await page.getByRole('button', { name: 'Into the form' }).click();
    await p.holds(page, 'Width', '64');

    // Several runs at once, each with the seed that the one before it has left.
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    const count = page.getByRole('spinbutton', { name: 'How many runs' });
    await count.fill('2');
    await count.blur();
    await p.run(page);
    const [, second, third] = await p.ended(server, 3);
    assert.notEqual(second.prompt[2]['8'].inputs.seed, third.prompt[2]['8'].inputs.seed);
    await page.getByRole('button', { name: 'Paint', exact: true }).click();

    // From the gallery, the workflow is one click away.
    await page.locator('.thumb').first().hover();
    await page.locator('.thumb').first().getByRole('button', { name: /Show the workflow/ }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();

    // The server takes the editor's form itself.
    const answer = await fetch(`${server.url}/prompt`, { method: 'POST', body: JSON.stringify(editor) });
    assert.equal(answer.status, 200, await answer.text());
  },
};
