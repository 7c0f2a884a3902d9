import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** One knob over several values. */
export const strip = {
  name: 'strip',
  async run({ page, server, shot }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 96, 3);
    await page.getByText('Vary knobs over a grid').click();
    const values = page.getByRole('textbox', { name: 'Values across' });
    await p.holds(page, 'Values across', '0.2, 0.4, 0.6, 0.8, 1');
    await values.fill('0.3');
    await page.getByRole('button', { name: 'Run the grid' }).click();
    await page.getByText('Give at least two values').waitFor();
    await values.fill('0.3, 0.6, 0.9');
    await page.getByRole('button', { name: 'Run 3 pictures' }).click();
    for (const value of ['0.3', '0.6', '0.9']) {
      await page.getByRole('button', { name: `Change ${value}, done` }).waitFor();
    }
    await page.getByRole('button', { name: 'Change 0.6, done' }).click();
    await p.finished(page);
    await shot('strip');

    const entries = await p.ended(server, 3);
    assert.deepEqual(entries.map((e) => e.prompt[2]['8'].inputs.denoise), [0.3, 0.6, 0.9]);
    assert.equal(new Set(entries.map((e) => String(e.prompt[2]['8'].inputs.seed))).size, 1);

    // The strip is there after a reload.
    await page.reload();
    await page.getByRole('button', { name: 'Change 0.3, done' }).waitFor();
  },
};
