import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** A picture from the clipboard, wherever the page has the focus. */
export const paste = {
  name: 'paste',
  async run({ page, server }) {
    await p.open(page, server);
    await p.paste(page, 'body', 'image.png', 'image/png', p.picture(96));
    await page.locator('.slot').getByRole('button', { name: 'Remove' }).waitFor();
    // While words are written, a pasted picture is taken as well, and pasted words stay words.
    const words = page.getByRole('textbox', { name: 'What you want to see' });
    await words.fill('a calm sea');
    await p.paste(page, 'textarea', 'image.png', 'image/png', p.picture(96, 1));
    await page.locator('.slot').getByRole('button', { name: /image \(1\)\.png/ }).first().waitFor();
    assert.equal(await words.inputValue(), 'a calm sea');
    await p.setSize(page, 64, 2);
    await p.run(page);
    await p.finished(page);
    const [entry] = await p.ended(server, 1);
    assert.match(entry.prompt[2]['3'].inputs.image, /image \(1\)\.png/);

    // Other files are refused in words.
    await p.paste(page, 'body', 'notes.txt', 'text/plain', Buffer.from('only words'));
    await page.getByText('There is no picture and no workflow in this file.').waitFor();
  },
};
