import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** From an empty page to a finished picture. */
export const firstPicture = {
  name: 'first_picture',
  async run({ page, server, shot }) {
    await p.open(page, server);
    await page.getByRole('heading', { name: 'An empty easel' }).waitFor();
    await shot('empty');

    await p.choosePicture(page);
    await page.getByRole('textbox', { name: 'What you want to see' }).fill('the sea at dusk, oil painting');
    await p.setSize(page, 192, 40);
    await p.run(page);
    await page.getByRole('button', { name: 'Stop', exact: true }).first().waitFor();
    await p.pastStep(page, 3);
    await page.getByRole('img', { name: 'The picture as it is so far' }).waitFor();
    await page.locator('.pace', { hasText: 'per step' }).waitFor();
    await page.locator('.pace', { hasText: 'left' }).waitFor();
    await shot('running');

    await p.finished(page);
    await p.becomes(() => page.locator('.thumb').count(), 1);
    const border = page.getByRole('slider', { name: /How much of the reference/ });
    assert.equal(await border.inputValue(), '50');
    await border.focus();
    await page.keyboard.press('Home');
    await p.becomes(() => border.inputValue(), '0');
    await page.keyboard.press('End');
    await p.becomes(() => border.inputValue(), '100');
    await border.fill('50');
    await shot('result_dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await p.settled(page);
    await shot('result_light');

    const [entry] = await p.ended(server, 1);
    assert.equal(entry.status.status_str, 'success');
    assert.equal(entry.prompt[2]['6'].inputs.text, 'the sea at dusk, oil painting');
    assert.equal(entry.prompt[3].extra_pnginfo.easel.technique, 'img2img');
  },
};
