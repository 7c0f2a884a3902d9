import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { safetensors } from '../modelFile.mjs';
import * as p from '../page.mjs';

const share = (page) => page.locator('.zoom-share').textContent();
const boxOf = (page) => page.locator('.viewer .layer').first().boundingBox();

/** An upscale model of the compact kind whose weights are 0: it makes each pixel four. */
function doubling() {
  const features = 8;
  const conv = (name, out, into) => ({ [`${name}.weight`]: [out, into, 3, 3], [`${name}.bias`]: [out] });
  return safetensors({
    ...conv('body.0', features, 3),
    'body.1.weight': [features],
    ...conv('body.2', features, features),
    'body.3.weight': [features],
    ...conv('body.4', 12, features),
  });
}

/** The whole screen, by key and by button. */
async function wholeScreen(page, shot) {
  const full = () => page.evaluate(() => document.fullscreenElement?.className ?? '');
  await page.keyboard.press('f');
  await p.becomes(full, 'stage');
  const stage = () => page.locator('.stage').evaluate((e) => Math.round(e.getBoundingClientRect().width - innerWidth));
  await p.becomes(stage, 0, 'the stage is as wide as the screen');
  await shot('looking_fullscreen');
  await page.getByRole('button', { name: 'Whole screen' }).click();
  await p.becomes(full, '');
}

/** Zoom, moving, 1:1, the whole screen, and comparing with the reference or another result. */
export const looking = {
  name: 'looking',
  prepare(folder) {
    // The model for enlarging is put in later.
    mkdirSync(join(folder, 'upscale'));
    const paths = join(folder, 'paths.yaml');
    writeFileSync(paths, `here:\n  base_path: ${folder}\n  upscale_models: upscale\n`);
    return ['--extra-model-paths', paths];
  },
  async run({ page, server, shot, looks }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 128, 1);
    await p.run(page);
    await p.finished(page);
    const whole = await share(page);
    const pane = await page.locator('.viewer .pane').boundingBox();
    const middle = { x: pane.x + pane.width / 2, y: pane.y + pane.height / 2 };

    // The wheel zooms around the mouse; what is under it stays.
    await page.mouse.move(middle.x - 100, middle.y);
    const before = await boxOf(page);
    const grip = (middle.x - 100 - before.x) / before.width;
    await page.mouse.wheel(0, -600);
    await p.becomes(async () => (await boxOf(page)).width > before.width * 2, true);
    const after = await boxOf(page);
    assert.ok(Math.abs((middle.x - 100 - after.x) / after.width - grip) < 0.01);
    // It is moved with the mouse; from the line, the line moves.
    await page.mouse.move(middle.x - 150, middle.y + 40);
    await page.mouse.down();
    await page.mouse.move(middle.x - 100, middle.y + 90, { steps: 3 });
    await page.mouse.up();
    await p.becomes(async () => Math.round((await boxOf(page)).x - after.x), 50);
    await shot('looking_zoomed');
    await page.keyboard.press('1');
    await p.becomes(() => share(page), '100 %');
    await page.keyboard.press('+');
    await p.becomes(() => share(page), '150 %');
    await page.keyboard.press('0');
    await p.becomes(() => share(page), whole);
    await p.doubleClick(page, { x: middle.x, y: middle.y + 30 });
    await p.becomes(async () => (await share(page)) !== whole, true);
    await page.getByRole('button', { name: 'All of it' }).click();
    await wholeScreen(page, shot);

    // Three ways to compare.
    await page.getByRole('button', { name: 'Compare: side by side' }).click();
    await p.becomes(() => page.locator('.viewer .pane').count(), 2);
    await shot('looking_beside');
    await page.getByRole('button', { name: 'Compare: in turn' }).click();
    for (const word of ['Reference', 'Result', 'Reference']) await page.locator('.compare-word', { hasText: word }).waitFor();
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    await p.becomes(() => page.locator('.viewer .layer').count(), 1);
    await page.keyboard.press('c');
    await page.getByRole('button', { name: 'Compare: with a slider' }).click();

    // Held, a result is what others are compared with.
    const tools = page.getByRole('toolbar', { name: 'This picture' });
    await tools.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Hold, to compare' }).click();
    await p.run(page);
    await p.becomes(() => page.locator('.thumb').count(), 2);
    await p.finished(page);
    await page.getByRole('img', { name: /The picture held/ }).waitFor();
    await page.locator('.compare-word', { hasText: 'Held' }).waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.getByRole('img', { name: 'The reference' }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('button', { name: /Let go/ }).click();
    await page.getByRole('img', { name: 'The reference' }).waitFor();

    // What it was made with.
    await page.keyboard.press('i');
    const details = page.locator('.details-card');
    await details.getByText('128 × 128').waitFor();
    await details.getByText('v1-5-pruned-emaonly.safetensors').waitFor();
    await looks('looking_details');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const seed = (await p.ended(server, 2))[1].prompt[2]['8'].inputs.seed;
    await details.getByRole('button', { name: `Copy seed ${seed}` }).click();
    await page.getByText('Copied.').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), String(seed));
    await page.keyboard.press('i');

    // What else a result is good for: a mask, a hint, a larger one.
    const choose = async (name) => {
      await tools.getByRole('button', { name: 'More', exact: true }).click();
      await page.getByRole('menuitem', { name }).click();
    };
    await choose('Use as mask');
    await page.locator('.slot-mask').waitFor();
    await choose('Use as hint');
    await page.locator('.hint-picture', { hasText: '[output]' }).waitFor();
    await choose('Enlarge by painting');
    await p.holds(page, 'Width', '256');
    await p.holds(page, 'Change', '0.35');
    await page.locator('.slot').getByRole('button', { name: /\[output\]/ }).first().waitFor();

    // With a model for it, a result is enlarged at once.
    writeFileSync(join(server.folder, 'upscale', 'double.safetensors'), doubling());
    await page.reload();
    await p.finished(page);
    await choose('Enlarge');
    await page.getByText('256 × 256').or(page.locator('.thumb').nth(2)).first().waitFor();
    const large = (await p.ended(server, 3))[2];
    assert.deepEqual([large.status.status_str, Object.values(large.prompt[2])[1].inputs.model_name], ['success', 'double.safetensors']);
    // Away from the edges, where a tile's ramp multiplies and divides each value, which may cost it its last bit.
    const places = [[40, 40], [64, 90], [90, 35]];
    const url = (entry) => `${server.url}/view?${new URLSearchParams(Object.values(entry.outputs).flatMap((o) => o.images)[0])}`;
    const small = (await p.ended(server, 3))[1];
    const twice = places.map(([x, y]) => [2 * x, 2 * y]);
    assert.deepEqual(await p.pixels(page, url(large), twice), await p.pixels(page, url(small), places));
  },
};
