import assert from 'node:assert/strict';
import * as p from '../page.mjs';

function uncovered(button) {
  const box = button.getBoundingClientRect();
  return button.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}

/** A picture that was made here brings its settings back when it is dropped. */
export const restore = {
  name: 'restore',
  async run({ page, server }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await page.getByRole('textbox', { name: 'What you want to see' }).fill('Grüße vom Meer, 海');
    await p.setSize(page, 64, 2);
    await p.setKnob(page, 'Change', '0.45');
    await p.setKnob(page, 'Seed', '18446744073709551615');
    await p.run(page);
    await p.finished(page);
    const [entry] = await p.ended(server, 1);
    const bytes = await p.resultBytes(server, entry);

    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await page.getByRole('button', { name: /Technique/ }).waitFor();
    assert.notEqual(await page.getByRole('textbox', { name: 'Seed', exact: true }).inputValue(), '18446744073709551615');
    await p.drop(page, 'made.png', 'image/png', bytes);
    await page.getByText('The settings are back').waitFor();
    for (const name of ['Run', 'Start from it']) {
      assert.ok(await page.getByRole('button', { name, exact: true }).evaluate(uncovered), `the notice covers “${name}”`);
    }
    await p.holds(page, 'What you want to see', 'Grüße vom Meer, 海');
    await p.holds(page, 'Change', '0.45');
    await p.holds(page, 'Seed', '18446744073709551615');
    await page.locator('.slot').getByRole('button', { name: /sea\.png/ }).first().waitFor();

    // Run again as it is, it is the same picture.
    await page.getByRole('checkbox', { name: 'Another one for each run' }).uncheck();
    await p.run(page);
    await page.locator('.thumb').nth(1).waitFor();
    const again = await p.resultBytes(server, (await p.ended(server, 2))[1]);
    assert.ok(again.equals(bytes));

    // A result becomes the next reference.
    await page.getByRole('toolbar', { name: 'This picture' }).getByRole('button', { name: 'Start from it' }).click();
    await page.locator('.slot').getByRole('button', { name: /img2img_.*\[output\]/ }).first().waitFor();
    await p.setSize(page, 64, 2);
    await p.run(page);
    await page.locator('.thumb').nth(2).waitFor();
  },
};
