import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** A browser that keeps nothing, pictures that are none, and the Back button. */
export const stubborn = {
  name: 'stubborn',
  async run({ page, context, server, shot }) {
    // Where nothing may be kept, everything works until the page is closed.
    const closed = await context.newPage();
    await closed.addInitScript(() => {
      for (const name of ['localStorage', 'sessionStorage']) {
        Object.defineProperty(window, name, { get: () => { throw new DOMException('It is forbidden.', 'SecurityError'); } });
      }
    });
    await p.open(closed, server);
    await p.choosePicture(closed);
    await p.setSize(closed, 64, 1);
    await p.run(closed);
    await p.finished(closed);
    await closed.getByRole('button', { name: 'Graph', exact: true }).click();
    await p.openGraph(closed, 'one.json', { 1: { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } } });
    await closed.locator('.graph-place canvas').focus();
    for (const key of ['a', 'c', 'v']) await closed.keyboard.press(`Control+${key}`);
    await p.becomes(async () => (await p.saved(closed, 'Save graph')).nodes.length, 2);
    await closed.close();

    // A part of the page that could not be loaded is not shown without its style; loaded again, the page is as it was.
    await p.open(page, server);
    await context.route('**/assets/Graph*', (route) => route.abort());
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await page.getByText('The graph view could not be loaded.').waitFor();
    await context.unroute('**/assets/Graph*');
    await page.getByRole('button', { name: 'Load the page again' }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    await page.getByRole('button', { name: 'Paint', exact: true }).click();

    // Back leads through the views, and out of the editor; what was painted is not lost by it.
    await p.open(page, server);
    await page.getByRole('button', { name: 'Gallery', exact: true }).click();
    await page.getByRole('searchbox').waitFor();
    await page.goBack();
    await page.getByRole('textbox', { name: 'What you want to see' }).waitFor();
    await page.goForward();
    await page.getByRole('searchbox').waitFor();
    await page.goBack();
    await p.choosePicture(page);
    const editor = page.getByRole('dialog', { name: 'Edit the picture' });
    const mask = page.getByRole('button', { name: 'Mask', exact: true });
    await mask.click();
    await editor.locator('.surface').waitFor();
    await page.goBack();
    await editor.waitFor({ state: 'detached' });
    await mask.click();
    const box = await editor.locator('.surface').boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await p.becomes(() => editor.getByRole('button', { name: 'Undo', exact: true }).isDisabled(), false);
    await page.goBack();
    await page.getByText('What was painted is not in use yet').waitFor();
    await editor.getByRole('button', { name: 'Use it' }).click();
    await editor.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    await page.goBack();
    await page.locator('.slot-mask').waitFor();

    // A picture that is hardly one gives a size that can be made; what is none is called by its name.
    const put = (name, mimeType, buffer) => page.locator('.slot input[type=file]').setInputFiles({ name, mimeType, buffer });
    await put('thin.png', 'image/png', p.picture(4, 0, 3000));
    await p.holds(page, 'Width', '2048');
    await p.holds(page, 'Height', '64');
    await page.getByText(/^Cuts/).waitFor();
    await put('empty.png', 'image/png', Buffer.alloc(0));
    await page.locator('.slot').getByText('“empty.png” is empty.').waitFor();
    await put('words.png', 'image/png', Buffer.from('only words'));
    await page.locator('.slot').getByText(/“words.png” is not a picture\. Easel reads PNG, JPEG, WebP/).waitFor();

    // Words of another script are written from their side; a prompt of many chunks takes one line to say so.
    const words = page.getByRole('textbox', { name: 'What you want to see' });
    await words.fill('قارب أحمر في البحر');
    assert.equal(await words.evaluate((e) => getComputedStyle(e).direction), 'rtl');
    await words.fill('boat '.repeat(600));
    await page.getByText('600 of 600 tokens, 8 chunks', { exact: true }).waitFor();
    await shot('stubborn');
  },
};
