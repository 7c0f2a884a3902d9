import assert from 'node:assert/strict';
import * as p from '../page.mjs';

const SIZE = 192;

/** A stroke with the mouse, between places given as shares of the picture. */
async function stroke(page, from, to) {
  const box = await page.locator('.surface').boundingBox();
  // The picture is square, and as large as its place and a margin allow.
  const side = Math.min(box.width, box.height) - 72;
  const at = ([x, y]) => [box.x + box.width / 2 + (x - 0.5) * side, box.y + box.height / 2 + (y - 0.5) * side];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at(to), { steps: 6 });
  await page.mouse.up();
}

const view = (server, image) => `${server.url}/view?${new URLSearchParams(image)}`;

/** Painting a mask: brush, eraser, fill, inversion, undo; what is outside of it stays to the last bit. */
async function paintMask(page, server, shot) {
  await page.getByRole('button', { name: 'Mask', exact: true }).click();
  const editor = page.getByRole('dialog', { name: 'Edit the picture' });
  await editor.locator('.surface').waitFor();
  const [undo, redo] = ['Undo', 'Redo'].map((name) => editor.getByRole('button', { name, exact: true }));
  assert.ok(await undo.isDisabled());
  await stroke(page, [0.3, 0.5], [0.7, 0.5]);
  await editor.getByRole('slider', { name: 'Hardness' }).fill('0');
  await stroke(page, [0.4, 0.6], [0.6, 0.6]);
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+z');
  await p.becomes(() => undo.isDisabled(), true);
  await redo.click();
  await page.keyboard.press('Control+Shift+z');
  await p.becomes(() => redo.isDisabled(), true);
  await page.keyboard.press('e');
  await stroke(page, [0.3, 0.5], [0.4, 0.5]);
  for (const scheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme: scheme });
    await p.settled(page);
    await shot(`mask_${scheme}`);
  }
  await editor.getByRole('button', { name: 'Use it' }).click();
  await editor.waitFor({ state: 'detached' });
  await page.locator('.slot-mask').waitFor();
}

/** Fill by colour, then inversion: all but the sun. */
async function fillMask(page) {
  await page.getByRole('button', { name: 'Mask …' }).click();
  const editor = page.getByRole('dialog', { name: 'Edit the picture' });
  await editor.locator('.surface').waitFor();
  await editor.getByRole('button', { name: 'Clear' }).click();
  await editor.getByRole('button', { name: 'Fill by colour' }).click();
  await stroke(page, [0.62, 0.34], [0.62, 0.34]);
  await page.keyboard.press('i');
  await editor.getByRole('button', { name: 'Use it' }).click();
  await editor.waitFor({ state: 'detached' });
}

export const mask = {
  name: 'mask',
  async run({ page, server, shot }) {
    await p.open(page, server);
    await p.choosePicture(page, 'sea.png', p.picture(SIZE));
    await p.setSize(page, SIZE, 2);
    await p.setKnob(page, 'Change', '1');
    await paintMask(page, server, shot);
    await p.run(page);
    await p.finished(page);
    await shot('mask_result');
    const [first] = await p.ended(server, 1);
    assert.equal(first.status.status_str, 'success');
    const made = first.prompt[2];
    const classes = Object.values(made).map((n) => n.class_type);
    for (const name of ['LoadImageMask', 'SetLatentNoiseMask', 'ImageCompositeMasked']) assert.ok(classes.includes(name), name);
    const loader = Object.values(made).find((n) => n.class_type === 'LoadImageMask');
    const painted = { filename: loader.inputs.image, type: 'input' };
    const inside = (await p.pixels(page, view(server, painted), [[96, 96], [10, 10], [60, 96]])).map(([red]) => red);
    assert.deepEqual([inside[0] > 250, inside[1], inside[2] < 128], [true, 0, true], `${inside}`);
    // Outside of the mask the result is the picture; inside it is not.
    const result = Object.values(first.outputs).flatMap((o) => o.images)[0];
    const places = [[3, 3], [180, 180], [96, 96]];
    const now = await p.pixels(page, view(server, result), places);
    const then = await p.pixels(page, view(server, { filename: 'sea.png', type: 'input' }), places);
    assert.deepEqual([now[0], now[1]], [then[0], then[1]]);
    assert.notDeepEqual(now[2], then[2]);

    await fillMask(page);
    await p.run(page);
    const [, second] = await p.ended(server, 2);
    const filled = Object.values(second.prompt[2]).find((n) => n.class_type === 'LoadImageMask').inputs.image;
    const parts = await p.pixels(page, view(server, { filename: filled, type: 'input' }), [[119, 65], [10, 10], [100, 180]]);
    assert.deepEqual(parts.map(([red]) => red), [0, 255, 255]);

    // Its settings come back with the mask; without it, all is painted.
    await page.getByRole('button', { name: 'No mask' }).click();
    await page.locator('.slot-mask').waitFor({ state: 'detached' });
    await page.getByRole('toolbar', { name: 'This picture' }).getByRole('button', { name: 'Settings' }).click();
    await page.locator('.slot-mask').waitFor();
  },
};
