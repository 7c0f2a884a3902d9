import assert from 'node:assert/strict';
import * as p from '../page.mjs';

const pending = async (server) => (await server.json('queue')).queue_pending.map((item) => item[2]['8'].inputs.denoise);

/** The queue is paused, put in another order, and cleared. */
export const queue = {
  name: 'queue',
  async run({ page, server, shot }) {
    const post = (body) => server.json('queue', { method: 'POST', body: JSON.stringify(body) });
    await post({ pause: true });
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 64, 2);
    await page.getByText('Vary knobs over a grid').click();
    await page.getByRole('textbox', { name: 'Values across' }).fill('0.2, 0.4, 0.6, 0.8');
    await page.getByRole('button', { name: 'Run 4 pictures' }).click();
    await page.locator('.queue-item').nth(3).waitFor();
    const becomes = (expected) => p.becomes(() => pending(server), expected, 'the order of the queue');
    await becomes([0.2, 0.4, 0.6, 0.8]);
    await page.getByRole('button', { name: `Run ${p.TECHNIQUE}, Change 0.8 earlier` }).click();
    await becomes([0.2, 0.4, 0.8, 0.6]);
    await page.getByRole('button', { name: `Run ${p.TECHNIQUE}, Change 0.2 later` }).click();
    await becomes([0.4, 0.2, 0.8, 0.6]);
    await page.locator('.queue-item').nth(3).dragTo(page.locator('.queue-item').nth(0));
    await becomes([0.6, 0.4, 0.2, 0.8]);
    await page.getByRole('button', { name: `Cancel ${p.TECHNIQUE}, Change 0.4` }).click();
    await becomes([0.6, 0.2, 0.8]);
    await shot('queue');

    await page.getByRole('button', { name: 'Go on' }).click();
    await page.locator('.thumb-count', { hasText: '3' }).waitFor();
    assert.deepEqual((await p.ended(server, 3)).map((e) => e.prompt[2]['8'].inputs.denoise), [0.6, 0.2, 0.8]);

    // Taken out of the gallery, and out of the history.
    await page.getByRole('button', { name: 'Gallery', exact: true }).click();
    await page.getByRole('checkbox', { name: /^Choose / }).check({ force: true });
    await page.getByRole('toolbar', { name: 'Pictures chosen' }).getByRole('button', { name: 'Take out' }).click();
    await page.locator('.thumb').waitFor({ state: 'detached' });
    await p.ended(server, 0);
  },
};
