import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** Presses Tab until the element has the focus; everything in between must show where the focus is. */
async function tabTo(page, target, most = 60) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press('Tab');
    const ring = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return document.activeElement === document.body || style.outlineStyle !== 'none' || style.boxShadow !== 'none';
    });
    assert.ok(ring, `no focus is shown on ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 150))}`);
    if (await target.evaluate((e) => e === document.activeElement)) return;
  }
  assert.fail(`Tab does not get to ${target}`);
}

/** From an empty page to a finished picture and on, without a mouse. */
export const keyboard = {
  name: 'keyboard',
  async run({ page, server, shot }) {
    await p.open(page, server);
    await tabTo(page, page.getByRole('button', { name: /Technique/ }));
    const opened = page.waitForEvent('filechooser');
    await tabTo(page, page.locator('.slot-face'));
    await page.keyboard.press('Enter');
    await (await opened).setFiles({ name: 'sea.png', mimeType: 'image/png', buffer: p.picture() });
    await page.locator('.slot').getByRole('button', { name: 'Remove' }).waitFor();
    await tabTo(page, page.getByRole('textbox', { name: 'What you want to see' }));
    await page.keyboard.press('Control+a');
    await page.keyboard.type('boats on a quiet sea');
    for (const [name, value] of [['Width', 64], ['Height', 64], ['Steps', 2]]) {
      const field = page.getByRole('textbox', { name, exact: true });
      await tabTo(page, field);
      await page.keyboard.press('Control+a');
      await page.keyboard.type(String(value));
    }
    await page.keyboard.press('ArrowUp');
    await p.holds(page, 'Steps', '3');
    await page.keyboard.press('Control+Enter');
    await p.finished(page);
    const border = page.getByRole('slider', { name: /How much of the reference/ });
    await tabTo(page, border);
    await page.keyboard.press('ArrowRight');
    await p.becomes(async () => Number(await border.inputValue()) > 50, true);
    await shot('keyboard');
    await tabTo(page, page.getByRole('toolbar', { name: 'This picture' }).getByRole('button', { name: 'Start from it' }));
    await page.keyboard.press('Enter');
    await page.locator('.slot').getByRole('button', { name: /\[output\]/ }).first().waitFor();
    // What is only shown under the mouse is shown under the focus as well.
    const restore = page.getByRole('button', { name: /Bring back the settings of/ }).first();
    await tabTo(page, restore);
    const opaque = (e) => getComputedStyle(e.closest('.thumb-actions')).opacity === '1';
    await page.waitForFunction(opaque, await restore.elementHandle());
    await page.keyboard.press('Enter');
    await page.getByText('The settings are back').waitFor();
    const [entry] = await p.ended(server, 1);
    assert.equal(entry.prompt[2]['6'].inputs.text, 'boats on a quiet sea');
    assert.equal(entry.prompt[2]['8'].inputs.steps, 3);
  },
};
