import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** Two tabs see the same queue, progress, previews and results. */
export const secondTab = {
  name: 'second_tab',
  async run({ page, context, server, shot }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 256, 4000);
    await p.run(page);
    await p.pastStep(page, 1);

    const second = await context.newPage();
    await second.goto(server.url);
    await p.pastStep(second, 1);
    await second.getByRole('img', { name: 'The picture as it is so far' }).waitFor();
    await shot('second_tab', second);

    // A job from the second tab waits in the first one's list, and is cancelled there.
    await p.setSize(second, 64, 2);
    await p.run(second);
    const cancel = (tab) => tab.getByRole('button', { name: `Cancel ${p.TECHNIQUE}` });
    for (const tab of [page, second]) await p.becomes(() => cancel(tab).count(), 1);
    await page.bringToFront(); // a tab in the background draws seldom, and is slow to click in
    await cancel(page).click();
    await second.bringToFront();
    await cancel(second).waitFor({ state: 'detached' });

    await p.run(second);
    await second.locator('.queue').getByRole('button', { name: `Stop ${p.TECHNIQUE}` }).click();
    for (const tab of [page, second]) await tab.locator('.thumb').first().waitFor();
    await p.finished(second);
    const entries = await p.ended(server, 2);
    assert.equal(entries.filter((e) => e.status.completed).length, 1);
  },
};
