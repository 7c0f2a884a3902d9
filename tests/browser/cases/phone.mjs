import assert from 'node:assert/strict';
import * as p from '../page.mjs';
import { placeOf, WORKFLOW } from './subgraph.mjs';

const WIDTH = 390;

/** Nothing sticks out, and what is to be touched is large enough and not covered. */
async function fits(page, where) {
  const faults = () => page.evaluate((width) => {
    const out = [];
    if (document.documentElement.scrollWidth > width) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const e of document.querySelectorAll('button, select, textarea, input')) {
      if (!e.checkVisibility() || e.classList.contains('hidden') || e.closest('.hidden')) continue;
      const box = e.getBoundingClientRect();
      if (box.right > width + 1 || box.left < -1) out.push(`sticks out: ${e.outerHTML.slice(0, 90)}`);
      const touchable = e.type === 'checkbox' || e.type === 'radio' || e.type === 'range' ? 18 : 32;
      if (Math.min(box.width, box.height) < touchable) out.push(`${box.width} x ${box.height}: ${e.outerHTML.slice(0, 90)}`);
    }
    return out;
  }, WIDTH);
  await p.becomes(faults, [], where);
}

/** Moves fingers from their first places to their last. */
async function swipe(page, ...ways) {
  const session = await page.context().newCDPSession(page);
  const points = (t) => ways.map(([from, to], id) => ({ id, x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t }));
  await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: points(0) });
  for (let step = 1; step <= 8; step++) {
    await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: points(step / 8) });
  }
  await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await session.detach();
}

/** One finger moves the graph, two zoom, a tap chooses a node, and another opens the value it touches. */
async function fingers(page) {
  const one = { 1: { class_type: 'EmptyLatentImage', inputs: { width: 128, height: 256, batch_size: 1 } } };
  await p.openGraph(page, 'one.json', one);
  const place = await page.locator('.graph-place').boundingBox();
  const middle = { x: place.x + place.width / 2, y: place.y + place.height / 2 };
  const at = (x, y) => ({ x: middle.x + x, y: middle.y + y });
  const dialog = page.locator('.ask');
  const firstValue = at(0, 0); // what is in the middle of the node

  // Not yet chosen, its values cannot be changed by accident.
  await swipe(page, [firstValue, at(60, 100)]);
  await swipe(page, [at(60, 100), firstValue]);
  assert.equal(await dialog.count(), 0);
  await page.touchscreen.tap(middle.x, middle.y); // chosen, and in the middle again
  await page.waitForTimeout(400);
  await page.touchscreen.tap(firstValue.x, firstValue.y);
  await dialog.getByRole('textbox').fill('192');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  // Half as large, a tap does not change it but brings it close.
  await swipe(page, [at(-120, 200), at(-30, 200)], [at(120, 200), at(30, 200)]);
  await page.touchscreen.tap(middle.x, middle.y + 150);
  assert.equal(await dialog.count(), 0);
  const inputs = async () => (await p.saved(page, 'Save for the API'))['1'].inputs;
  await p.becomes(inputs, { width: 192, height: 256, batch_size: 1 });
}

/** A subgraph is entered by the mark in its node's title, once the node is close, and left by the path. */
async function enter(page, both) {
  await p.openGraph(page, 'subgraph.json', WORKFLOW);
  const { nodes } = await p.saved(page, 'Save graph');
  const [node] = nodes;
  const far = await placeOf(page, nodes, [node.pos[0] + node.size[0] / 2, node.pos[1] + node.size[1] / 2]);
  await page.touchscreen.tap(far.x, far.y);
  await page.waitForTimeout(600); // two taps in a row would be a double one
  const place = await page.locator('.graph-place').boundingBox();
  await page.touchscreen.tap(place.x + (place.width + node.size[0]) / 2 - 16, place.y + (place.height - node.size[1] - 30) / 2 + 15);
  const way = page.getByRole('navigation', { name: 'Where this is in the workflow' });
  await way.waitFor();
  await both('subgraph');
  await way.getByRole('button', { name: 'Workflow' }).tap();
  await way.waitFor({ state: 'detached' });
}

/** The whole way on a telephone. */
export const phone = {
  name: 'phone',
  context: { viewport: { width: WIDTH, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  async run({ page, server, shot }) {
    const both = async (name) => {
      await fits(page, name);
      for (const scheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme: scheme });
        await p.settled(page);
        await shot(`phone_${name}_${scheme}`);
      }
    };
    await page.goto(server.url);
    await page.getByRole('button', { name: /Technique Draw over a picture/ }).waitFor();
    await both('empty');
    await page.getByRole('button', { name: /Technique/ }).tap();
    await page.getByRole('radio').first().waitFor();
    await both('techniques');
    await page.getByRole('button', { name: /Technique/ }).tap();
    await p.choosePicture(page);
    await page.getByRole('textbox', { name: 'What you want to see' }).fill('the sea at dusk, oil painting');
    await p.setSize(page, 192, 4000);
    await page.getByRole('button', { name: 'Mask', exact: true }).tap();
    await page.locator('.surface').waitFor();
    const surface = await page.locator('.surface').boundingBox();
    const [x, y] = [surface.x + surface.width / 2, surface.y + surface.height / 2];
    await swipe(page, [{ x: x - 60, y }, { x: x + 60, y: y + 30 }]);
    await p.becomes(() => page.getByRole('button', { name: 'Undo', exact: true }).isDisabled(), false);
    await both('mask');
    await page.getByRole('button', { name: 'Cancel' }).tap();
    await page.getByText('Vary knobs over a grid').tap();
    await page.getByRole('button', { name: 'Run 5 pictures' }).waitFor();
    await both('form');
    await page.getByText('Vary knobs over a grid').tap();
    await page.getByRole('button', { name: 'Run', exact: true }).tap();
    await p.pastStep(page, 1);
    await page.getByRole('img', { name: 'The picture as it is so far' }).waitFor();
    await both('running');
    await page.getByRole('button', { name: 'Stop', exact: true }).first().tap();
    await page.locator('.told', { hasText: 'Stopped' }).waitFor();
    await page.getByRole('button', { name: 'Make', exact: true }).tap();
    await p.setSize(page, 192, 3);
    await page.getByRole('button', { name: 'Run', exact: true }).tap();
    await p.finished(page);
    await both('result');
    await page.getByRole('button', { name: 'Recent', exact: true }).tap();
    await page.locator('.thumb').first().waitFor();
    await both('recent');
    await page.getByRole('button', { name: 'Gallery', exact: true }).tap();
    await page.getByRole('searchbox').waitFor();
    assert.equal(await page.locator('.thumb-actions').first().isVisible(), false, 'nothing lies on the pictures');
    await both('gallery');
    await page.getByRole('button', { name: 'Graph', exact: true }).first().tap();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    await p.settled(page);
    await both('graph');
    await fingers(page);
    await enter(page, both);
    await page.getByRole('button', { name: 'From the form' }).tap();
    const place = await page.locator('.graph-place').boundingBox();
    await page.touchscreen.tap(place.x + place.width / 2, place.y + place.height / 2);
    await p.settled(page);
    await both('graph_close');
  },
};
