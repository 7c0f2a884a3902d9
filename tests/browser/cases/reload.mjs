import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** A reload in mid-run finds the job again, and the form as it was. */
export const reload = {
  name: 'reload',
  async run({ page, server, shot }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await page.getByRole('textbox', { name: 'What you want to see' }).fill('a quiet bay');
    await p.setSize(page, 256, 4000);
    await p.run(page);
    const before = await p.pastStep(page, 2);
    await page.reload();
    const after = await p.pastStep(page, before);
    assert.ok(after > before);
    await p.holds(page, 'What you want to see', 'a quiet bay');
    await p.holds(page, 'Steps', '4000');
    await page.getByRole('img', { name: 'The picture as it is so far' }).waitFor();
    await shot('after_reload');
    await page.locator('.stage').getByRole('button', { name: 'Stop', exact: true }).click();
    await page.locator('.told', { hasText: 'Stopped' }).waitFor();
    const queued = async () => {
      const queue = await server.json('queue');
      return [...queue.queue_running, ...queue.queue_pending];
    };
    await p.becomes(queued, []);

    // A finished one is there after a reload as well.
    await p.setSize(page, 64, 2);
    await p.run(page);
    await p.finished(page);
    await page.reload();
    await p.finished(page);
  },
};
