import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as p from '../page.mjs';

const SIZE = 192;

/** From places given as shares of the picture to places of the window. */
async function placer(page) {
  const box = await page.locator('.surface').boundingBox();
  // The picture is square, and as large as its place and a margin allow.
  const side = Math.min(box.width, box.height) - 72;
  return ([x, y]) => [box.x + box.width / 2 + (x - 0.5) * side, box.y + box.height / 2 + (y - 0.5) * side];
}

/** A stroke with the mouse. */
async function stroke(page, from, to) {
  const at = await placer(page);
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at(to), { steps: 6 });
  await page.mouse.up();
}

/** A stroke with a pen that presses so hard, from 0 to 1. */
async function penStroke(page, from, to, force) {
  const at = await placer(page);
  const session = await page.context().newCDPSession(page);
  const send = (type, [x, y], buttons) =>
    session.send('Input.dispatchMouseEvent', { type, x, y, pointerType: 'pen', button: 'left', buttons, force: buttons ? force : 0, clickCount: 1 });
  await send('mousePressed', at(from), 1);
  for (const t of [0.25, 0.5, 0.75, 1]) await send('mouseMoved', at([from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t]), 1);
  await send('mouseReleased', at(to), 0);
  await session.detach();
}

const view = (server, image) => `${server.url}/view?${new URLSearchParams(image)}`;

/** Painting a mask: brush, eraser, fill, inversion, undo; what is outside of it stays to the last bit. */
async function paintMask(page, server, looks) {
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
  await looks('mask');
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

/** The names of the nodes that a job ran, and the mask it was given. */
function madeWith(entry) {
  const nodes = Object.values(entry.prompt[2]);
  return { classes: nodes.map((n) => n.class_type), mask: nodes.find((n) => n.class_type === 'LoadImageMask').inputs.image };
}

/** A pen paints as broad as it presses; a model made for it is told what surrounds the mask. */
async function penAndModel(page, server) {
  await page.getByRole('button', { name: 'Model: v1-5-pruned-emaonly' }).click();
  await page.getByRole('option', { name: /sd-v1-5-inpainting/ }).click();
  await page.getByRole('button', { name: 'Mask …' }).click();
  const editor = page.getByRole('dialog', { name: 'Edit the picture' });
  await editor.locator('.surface').waitFor();
  await editor.getByRole('button', { name: 'Clear' }).click();
  await editor.getByRole('slider', { name: 'Hardness' }).fill('1');
  await editor.getByRole('slider', { name: 'Size' }).fill('30');
  await penStroke(page, [0.2, 0.25], [0.8, 0.25], 0.1);
  await penStroke(page, [0.2, 0.75], [0.8, 0.75], 1);
  await editor.getByRole('button', { name: 'Use it' }).click();
  await editor.waitFor({ state: 'detached' });
  await p.run(page);
  const entry = (await p.ended(server, 3))[2];
  assert.equal(entry.status.status_str, 'success');
  const { classes, mask } = madeWith(entry);
  assert.ok(classes.includes('InpaintModelConditioning') && !classes.includes('SetLatentNoiseMask'), `${classes}`);
  // On the strokes, and 10 pixels beside them: only where it was pressed hard is it that broad.
  const [light, hard] = [SIZE * 0.25, SIZE * 0.75];
  const painted = await p.pixels(page, view(server, { filename: mask, type: 'input' }), [[96, light], [96, light + 10], [96, hard], [96, hard + 10]]);
  assert.deepEqual(painted.map(([red]) => red > 128), [true, false, true, true], `${painted}`);
  const result = Object.values(entry.outputs).flatMap((o) => o.images)[0];
  const [outside] = await p.pixels(page, view(server, result), [[96, 96]]);
  const [original] = await p.pixels(page, view(server, { filename: 'sea.png', type: 'input' }), [[96, 96]]);
  assert.deepEqual(outside, original);
}

export const mask = {
  name: 'mask',
  prepare(folder, _models, easel) {
    execFileSync(easel, ['synth', join(folder, 'more'), '--extra', '--only', 'sd-v1-5-inpainting'], { stdio: 'ignore' });
    const paths = join(folder, 'paths.yaml');
    writeFileSync(paths, `here:\n  base_path: ${folder}/more\n  checkpoints: checkpoints\n`);
    return ['--extra-model-paths', paths];
  },
  async run({ page, server, shot, looks }) {
    await p.open(page, server);
    await p.choosePicture(page, 'sea.png', p.picture(SIZE));
    await p.setSize(page, SIZE, 2);
    await p.setKnob(page, 'Change', '1');
    await paintMask(page, server, looks);
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
    await penAndModel(page, server);
  },
};
