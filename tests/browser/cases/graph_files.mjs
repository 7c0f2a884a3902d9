import assert from 'node:assert/strict';
import * as p from '../page.mjs';

const EMPTY = { 1: { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } } };
const nodesOf = async (page) => (await p.saved(page, 'Save graph')).nodes;
const picturesOf = async (page) => (await nodesOf(page)).filter((n) => n.type === 'LoadImage').map((n) => n.widgets_values[0]);

/** What is let go over the graph: a connection opens the search, a picture becomes a node, a workflow is opened. */
export const graphFiles = {
  name: 'graph_files',
  async run({ page, server, looks }) {
    await p.open(page, server);
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    await p.openGraph(page, 'empty.json', EMPTY);

    // From its only output to the ground: nodes that take a latent are offered, and the one that is added is connected.
    const [node] = await nodesOf(page);
    const place = await page.locator('.graph-place').boundingBox();
    const right = place.x + (place.width + node.size[0]) / 2;
    const top = place.y + (place.height - node.size[1] - 30) / 2 + 30;
    await page.mouse.move(right - 10, top + 14);
    await page.mouse.down();
    await page.mouse.move(right + 150, top + 40, { steps: 5 });
    await page.mouse.up();
    const search = page.getByRole('dialog', { name: 'Add a node' });
    const field = search.getByRole('combobox', { name: 'Find a node' });
    await p.becomes(() => field.getAttribute('placeholder'), 'Nodes for LATENT …');
    await field.fill('load image');
    await search.getByText('No node is called that').waitFor();
    await field.fill('vae deco');
    await search.locator('.option.active', { hasText: 'VAE Decode' }).waitFor();
    await looks('graph_search_latent');
    await page.keyboard.press('Enter');
    await search.waitFor({ state: 'detached' });
    const prompt = await p.saved(page, 'Save for the API');
    const decode = Object.values(prompt).find((n) => n.class_type === 'VAEDecode');
    assert.deepEqual(decode.inputs.samples, ['1', 0]);

    // A picture from the clipboard becomes a node; with that chosen, the next one goes into it.
    const canvas = '.graph-place canvas';
    await p.paste(page, canvas, 'first.png', 'image/png', p.picture(96));
    await p.becomes(() => picturesOf(page), ['first.png']);
    await p.paste(page, canvas, 'second.png', 'image/png', p.picture(96, 1));
    await p.becomes(() => picturesOf(page), ['second.png']);
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await p.becomes(() => picturesOf(page), ['first.png']);
    // The form is left as it is.
    assert.equal(await page.evaluate(() => JSON.parse(localStorage['easel.draft']).prompt['3'].inputs.image), '');

    // Dropped on the ground: a picture is a node as well, a workflow is opened; what is neither is refused.
    await p.drop(page, 'third.png', 'image/png', p.picture(96, 2), '.graph-place');
    await p.becomes(async () => (await picturesOf(page)).length, 2);
    await p.drop(page, 'notes.txt', 'text/plain', Buffer.from('only words'), '.graph-place');
    await page.getByText('There is no picture and no workflow in “notes.txt”.').waitFor();
    await p.drop(page, 'empty.json', 'application/json', Buffer.from(JSON.stringify(EMPTY)), '.graph-place');
    await p.becomes(async () => (await nodesOf(page)).length, 1);
    for (const [name, count] of [['Undo', 4], ['Redo', 1]]) {
      await page.getByRole('button', { name, exact: true }).click();
      await p.becomes(async () => (await nodesOf(page)).length, count);
    }

    // Copied by key, nodes are on the clipboard as text; a workflow that is copied elsewhere is opened.
    await page.locator(canvas).focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Control+c');
    await page.keyboard.press('Control+v');
    await p.becomes(async () => (await nodesOf(page)).length, 2);
    await page.evaluate((text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', text);
      document.querySelector('.graph-place canvas').dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    }, JSON.stringify({ 4: { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } } }));
    await p.becomes(async () => (await nodesOf(page)).map((n) => n.type), ['EmptyImage']);
  },
};
