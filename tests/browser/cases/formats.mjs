import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** Two colours in two rows, as the plainest of TIFF files: one strip, nothing compressed. */
function tiff(width, height) {
  const row = (colour) => Buffer.concat(Array(width).fill(Buffer.from(colour)));
  const rows = Array.from({ length: height }, (_, y) => row(y < height / 2 ? [255, 0, 0] : [0, 0, 255]));
  const pixels = Buffer.concat(rows);
  const SHORT = 3;
  const LONG = 4;
  const tags = [
    [256, LONG, width],
    [257, LONG, height],
    [258, SHORT, 8],
    [259, SHORT, 1],
    [262, SHORT, 2],
    [273, LONG, 0],
    [277, SHORT, 3],
    [278, LONG, height],
    [279, LONG, pixels.length],
  ];
  const directory = Buffer.alloc(8 + 2 + tags.length * 12 + 4);
  directory.write('II*\0', 0, 'latin1');
  directory.writeUInt32LE(8, 4);
  directory.writeUInt16LE(tags.length, 8);
  tags.forEach(([tag, type, value], i) => {
    const at = 10 + i * 12;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(1, at + 4);
    directory.writeUInt32LE(tag === 273 ? directory.length : value, at + 8);
  });
  return Buffer.concat([directory, pixels]);
}

/** A picture that the browser cannot show goes to the server as it is, and is shown by the server's rendering of it. */
export const formats = {
  name: 'formats',
  async run({ page, server }) {
    await p.open(page, server);
    const file = tiff(96, 64);
    const field = page.locator('.slot input[type=file]').first();
    assert.match(await field.getAttribute('accept'), /image\/\*.*\.tiff/);
    // Systems that do not know the format give its files no type.
    await field.setInputFiles({ name: 'scan.tif', mimeType: '', buffer: file });
    await page.locator('.slot').getByRole('button', { name: 'Remove' }).waitFor();
    const stored = await (await fetch(`${server.url}/view?filename=scan.tif&type=input`)).arrayBuffer();
    assert.deepEqual(Buffer.from(stored), file);
    const shown = page.locator('.slot img').first();
    await shown.evaluate((image) => image.decode());
    const size = await shown.evaluate((image) => [image.naturalWidth, image.naturalHeight]);
    assert.deepEqual(size, [96, 64]);
    await p.setSize(page, 64, 2);
    await p.run(page);
    await p.finished(page);
    const [entry] = await p.ended(server, 1);
    assert.equal(entry.prompt[2]['3'].inputs.image, 'scan.tif');

    // The editor of masks gets the very pixels.
    await page.getByRole('button', { name: 'Mask', exact: true }).click();
    const editor = page.getByRole('dialog', { name: 'Edit the picture' });
    await editor.locator('.surface').waitFor();
    await page.keyboard.press('Escape');
    await editor.waitFor({ state: 'detached' });

    // What nobody reads is refused in words.
    await field.setInputFiles({ name: 'film.tif', mimeType: 'image/tiff', buffer: Buffer.from('no picture at all') });
    await page.getByText(/film\.tif/).first().waitFor();
  },
};
