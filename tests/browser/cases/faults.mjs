import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** What is wrong is said in plain words where it is wrong. */
export const faults = {
  name: 'faults',
  async run({ page, server, shot }) {
    await p.open(page, server);
    await p.run(page);
    await page.locator('.slot').getByText('Choose a picture first.').waitFor();

    await p.choosePicture(page);
    await p.setKnob(page, 'Change', '1.7');
    await p.run(page);
    const change = page.locator('.knob', { has: page.getByRole('textbox', { name: 'Change', exact: true }) });
    await change.getByText('Must be at most 1.').waitFor();
    await page.locator('input[aria-invalid=true]').and(page.getByRole('textbox', { name: 'Change', exact: true })).waitFor();
    await shot('fault_at_field');
    assert.deepEqual(await server.json('history'), {});
    await p.setKnob(page, 'Change', '0.5');
    await change.getByText('Must be at most 1.').waitFor({ state: 'detached' });
    await p.setKnob(page, 'Steps', 'many');
    await page.getByText('A number is needed here.').waitFor();
    // A number of many digits is seen whole.
    await p.setKnob(page, 'Steps', '123456789012');
    const steps = page.getByRole('textbox', { name: 'Steps', exact: true });
    await p.becomes(() => steps.evaluate((e) => e.scrollWidth <= e.clientWidth), true);
    await p.setKnob(page, 'Steps', '4');
    // A fault of one field leaves the one beside it where it is.
    await p.setKnob(page, 'Width', '-3');
    await page.getByText('Width: Must be at least').waitFor();
    const tops = await Promise.all(['Width', 'Height'].map((name) => page.getByRole('textbox', { name, exact: true }).boundingBox()));
    assert.equal(tops[0].y, tops[1].y);
    await shot('fault_of_size');
    await p.setKnob(page, 'Width', '64');

    // A fault of an input the form does not show.
    const techniques = await server.json('easel/techniques');
    const prompt = structuredClone(techniques.find((t) => t.name === 'img2img').prompt);
    prompt['1'].inputs.ckpt_name = 'gone.safetensors';
    prompt['3'].inputs.image = 'sea.png';
    await p.drop(page, 'gone.json', 'application/json', Buffer.from(JSON.stringify(prompt)));
    await page.getByText('The settings are back').waitFor();
    await p.run(page);
    await page.locator('.pick.wrong').getByText('“gone.safetensors” is not there.').waitFor();
    await shot('fault_of_model');

    // A file that is no picture.
    await page.locator('.slot input[type=file]').setInputFiles({
      name: 'broken.png',
      mimeType: 'image/png',
      buffer: Buffer.from('\x89PNG\r\n\x1a\nbut no more', 'latin1'),
    });
    await page.locator('.slot [role=alert]').waitFor();
  },
};
