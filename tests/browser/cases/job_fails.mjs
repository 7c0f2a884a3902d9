import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as p from '../page.mjs';

/** A job that fails while it runs says so in plain words: on the stage, at the field, and on the graph's node. */
export const jobFails = {
  name: 'job_fails',
  async run({ page, server, shot }) {
    await server.json('queue', { method: 'POST', body: JSON.stringify({ pause: true }) });
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 64, 2);
    await p.run(page);
    await page.locator('.queue-item').first().waitFor();
    // The picture was there when the job was accepted, and is gone when it runs.
    rmSync(join(server.folder, 'input', 'sea.png'));
    await page.getByRole('button', { name: 'Go on' }).click();

    const failed = page.locator('.failed');
    await failed.getByText('This one did not work out').waitFor();
    const words = await failed.locator('p').first().textContent();
    assert.match(words, /sea\.png/);
    assert.doesNotMatch(words, /Traceback|exception|errno/i);
    await page.locator('.slot').getByText('sea.png').last().waitFor();
    await page.locator('.slot .fault', { hasText: 'sea.png' }).waitFor();
    await shot('job_failed');

    await page.getByRole('button', { name: 'See it in the graph' }).click();
    await page.locator('.graph-faults').getByRole('button', { name: /sea\.png/ }).waitFor();
    await p.settled(page);
    await shot('job_failed_graph');
    await page.getByRole('button', { name: 'Paint', exact: true }).click();

    // Another picture makes it right.
    await p.choosePicture(page, 'sea.png');
    await page.locator('.slot .fault').waitFor({ state: 'detached' });
    await p.run(page);
    await p.finished(page);
    await failed.waitFor({ state: 'detached' });
  },
};
