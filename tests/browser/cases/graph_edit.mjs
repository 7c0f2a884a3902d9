import assert from 'node:assert/strict';
import * as p from '../page.mjs';

const LOAD = { 1: { class_type: 'LoadImage', inputs: { image: 'sea.png' } } };

async function modes(page) {
  return (await p.saved(page, 'Save graph')).nodes.map((node) => node.mode);
}
const count = async (page) => (await p.saved(page, 'Save graph')).nodes.length;

/** Where the only node of the graph is, in the middle of the view, once it shows its picture: a place in its title. */
async function titleOfOnlyNode(page) {
  const only = async () => (await p.saved(page, 'Save graph')).nodes[0];
  await p.becomes(async () => (await only()).size[1] > 200, true, 'the node has its picture');
  const node = await only();
  const place = await page.locator('.graph-place').boundingBox();
  return { x: place.x + place.width / 2, y: place.y + (place.height - node.size[1] - 30) / 2 + 15 };
}

/** Undo and redo, copies, modes, groups, menus, search, the dock: what a day at the graph is made of. */
export const graphEdit = {
  name: 'graph_edit',
  async run({ page, server, shot, looks }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 64, 2);
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    const [undo, redo] = ['Undo', 'Redo'].map((name) => page.getByRole('button', { name, exact: true }));

    // A run by the keyboard; its pictures and its dock belong to this workflow.
    await page.locator('.graph-place canvas').focus();
    await page.keyboard.press('Control+Enter');
    await page.locator('.dock img').waitFor();
    await page.getByRole('button', { name: 'Close the picture' }).click();
    await page.locator('.dock').waitFor({ state: 'detached' });

    await p.openGraph(page, 'load.json', LOAD);
    await page.locator('.dock').waitFor({ state: 'detached' });
    assert.ok(await undo.isDisabled());
    let title = await titleOfOnlyNode(page);
    await page.mouse.click(title.x, title.y);

    // Copies lie beside what they were made of, and show their picture.
    await page.keyboard.press('Control+c');
    await page.keyboard.press('Control+v');
    await page.keyboard.press('Control+v');
    await p.becomes(() => count(page), 3);
    const boxes = (await p.saved(page, 'Save graph')).nodes.map((n) => [...n.pos, n.pos[0] + n.size[0], n.pos[1] + n.size[1]]);
    const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => assert.ok(!overlap(a, b), JSON.stringify(boxes))));
    await undo.click();
    await undo.click();
    await p.becomes(() => count(page), 1);
    await redo.click();
    await p.becomes(() => count(page), 2);
    await page.locator('.graph-place canvas').focus();
    await page.keyboard.press('Control+z');
    await p.becomes(() => count(page), 1);
    await page.keyboard.press('Control+y');
    await p.becomes(() => count(page), 2);
    await page.keyboard.press('Control+z');
    await p.becomes(() => count(page), 1);

    // Modes, by key and by menu; each is seen, and can be undone.
    await page.getByRole('button', { name: 'Fit', exact: true }).click();
    title = await titleOfOnlyNode(page);
    await page.mouse.click(title.x, title.y);
    await page.keyboard.press('Control+b');
    await p.becomes(() => modes(page), [4]);
    await page.keyboard.press('Control+m');
    await p.becomes(() => modes(page), [2]);
    await page.keyboard.press('Control+g');
    await p.becomes(async () => (await p.saved(page, 'Save graph')).groups.length, 1);
    await shot('graph_group_muted');
    await page.mouse.click(title.x, title.y, { button: 'right' });
    const menu = page.getByRole('menu', { name: 'Load Image' });
    await looks('graph_menu');
    await menu.getByRole('menuitem', { name: 'Unmute' }).click();
    await p.becomes(() => modes(page), [0]);

    // A node is found by letters of its name, by what it does, with its help; Escape leaves all as it is.
    await page.locator('.graph-place canvas').focus();
    await page.keyboard.press('/');
    const search = page.getByRole('dialog', { name: 'Add a node' });
    const field = search.getByRole('combobox', { name: 'Find a node' });
    await field.fill('ksamp');
    await search.locator('.option.active', { hasText: 'KSampler' }).waitFor();
    await search.locator('.node-help', { hasText: 'Denoises a latent' }).waitFor();
    await looks('graph_search');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Escape');
    await search.waitFor({ state: 'detached' });
    await p.becomes(() => count(page), 1);
    await p.doubleClick(page, { x: title.x - 400, y: title.y + 320 });
    await field.fill('preview image');
    await search.locator('.option.active', { hasText: 'Preview Image' }).waitFor();
    await page.keyboard.press('Enter');
    await p.becomes(() => count(page), 2);

    // What is wrong is said below its node.
    await p.run(page);
    await page.locator('.fault-note', { hasText: 'images: Something must be given here.' }).waitFor();
    await p.settled(page);
    await shot('graph_fault_note');
    await page.getByRole('button', { name: 'Graph', exact: true }).click();

    // Keys mean the graph wherever the focus is in its view: nothing of the page is chosen by them.
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await p.becomes(() => count(page), 0);
    assert.equal(await page.evaluate(() => String(getSelection())), '');
  },
};
