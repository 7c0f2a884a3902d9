import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as p from '../page.mjs';

/** A finished job of a small workflow that makes its picture without a model. */
async function made(server, text, hue) {
  const prompt = {
    1: { class_type: 'EmptyImage', inputs: { width: 96 + hue, height: 96, batch_size: 1, color: [0x335577, 0x775533, 0x557733][hue % 3] } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: text.replace(/\W/g, '_') } },
    3: { class_type: 'PrimitiveString', inputs: { value: text } },
  };
  const answer = await server.json('prompt?wait=1', { method: 'POST', body: JSON.stringify({ prompt, extra_data: { extra_pnginfo: {} } }) });
  assert.equal(answer.status?.status_str ?? Object.values(answer)[0].status.status_str, 'success');
}

/** The gallery: found by words, marked, chosen, compared, saved, and deleted for good. */
export const gallery = {
  name: 'gallery',
  async run({ page, server, shot, looks }) {
    for (const [i, name] of ['harbour', 'lighthouse', 'harbour at night', 'orchard', 'meadow', 'ferry'].entries()) await made(server, name, i);
    await p.open(page, server);
    await page.getByRole('button', { name: 'Gallery', exact: true }).click();
    await p.becomes(() => page.locator('.thumb').count(), 6);
    await page.getByRole('heading', { name: /Today/ }).waitFor();
    await looks('gallery');
    const search = page.getByRole('searchbox', { name: 'Search the gallery' });
    await search.fill('harbour');
    await p.becomes(() => page.locator('.thumb').count(), 2);
    await search.fill('nothing like it');
    await page.getByText('No picture is like that.').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();

    // Marks stay on the server.
    const first = page.locator('.thumb').first();
    await first.hover();
    await first.getByRole('button', { name: /is a favourite/ }).click();
    await page.getByRole('button', { name: 'Favourites' }).click();
    await p.becomes(() => page.locator('.thumb').count(), 1);
    await p.becomes(async () => (await server.json('settings/easel.favourites')).length, 1);
    await page.reload();
    await p.becomes(() => page.locator('.thumb').count(), 6);
    await page.getByRole('button', { name: 'Favourites' }).click();
    await p.becomes(() => page.locator('.thumb').count(), 1);
    await page.getByRole('button', { name: 'Favourites' }).click();

    // Two are compared, several saved in one archive.
    await page.getByRole('button', { name: 'Choose', exact: true }).click();
    for (const i of [0, 1]) await page.locator('.thumb-face').nth(i).click();
    const chosen = page.getByRole('toolbar', { name: 'Pictures chosen' });
    await shot('gallery_chosen');
    const [download] = await Promise.all([page.waitForEvent('download'), chosen.getByRole('button', { name: 'Download' }).click()]);
    assert.equal(download.suggestedFilename(), 'pictures.zip');
    assert.equal(readFileSync(await download.path()).subarray(0, 4).toString('latin1'), 'PK\x03\x04');
    await chosen.getByRole('button', { name: 'Compare' }).click();
    await page.locator('.compare-word', { hasText: 'Held' }).waitFor();

    // Deleted for good, once that is confirmed.
    await page.getByRole('button', { name: 'Gallery', exact: true }).click();
    await page.locator('.thumb').nth(1).hover();
    await page.locator('.thumb').nth(1).getByRole('checkbox').check();
    const file = page.locator('.thumb').nth(1).locator('img');
    const address = await file.evaluate((img) => img.src);
    await chosen.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog', { name: /Delete 1 picture for good/ });
    await shot('gallery_delete');
    await dialog.getByRole('button', { name: 'Keep it' }).click();
    await p.becomes(() => page.locator('.thumb').count(), 6);
    await chosen.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('button', { name: 'Delete for good' }).click();
    await p.becomes(() => page.locator('.thumb').count(), 5);
    assert.equal((await fetch(address)).status, 404);
    await p.ended(server, 5);
  },
};
