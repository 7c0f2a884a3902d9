import assert from 'node:assert/strict';
import * as p from '../page.mjs';

const sizeOf = (page) => Promise.all(['Width', 'Height'].map((name) => page.getByRole('textbox', { name, exact: true }).inputValue()));

/** The picture's own shape is the size; what another size cuts off is said; crop and extension. */
export const frame = {
  name: 'frame',
  async run({ page, server, shot, looks }) {
    await p.open(page, server);
    await p.choosePicture(page, 'wide.png', p.picture(160, 0, 240));
    await p.becomes(() => sizeOf(page), ['624', '416'], 'the shape of the picture');
    await page.getByRole('button', { name: 'Swap width and height' }).click();
    await p.becomes(() => sizeOf(page), ['416', '624']);
    await page.getByText(/Cuts 28 % off the left and as much off the right/).waitFor();
    await page.locator('.slot-kept').waitFor();
    await shot('size_cut');

    // The part is chosen instead.
    await page.getByRole('button', { name: 'Choose the part' }).click();
    const editor = page.getByRole('dialog', { name: 'Edit the picture' });
    const shape = editor.getByRole('combobox', { name: 'Shape of the frame' });
    await shape.selectOption({ label: 'as the result, 0.67 : 1' });
    await editor.getByText('107 × 160 pixels').waitFor();
    // Dragging a corner keeps the shape.
    const box = await editor.locator('.surface').boundingBox();
    const scale = Math.min((box.width - 72) / 240, (box.height - 72) / 160);
    const corner = { x: box.x + box.width / 2 + (107 / 2) * scale, y: box.y + box.height / 2 + 80 * scale };
    await page.mouse.move(corner.x, corner.y);
    await page.mouse.down();
    await page.mouse.move(corner.x - 30 * scale, corner.y - 45 * scale, { steps: 4 });
    await page.mouse.up();
    await editor.getByText(/7[678] × 11[456] pixels/).waitFor();
    await page.keyboard.press('Control+z');
    await editor.getByText('107 × 160 pixels').waitFor();
    await shot('crop_dark');
    await editor.getByRole('button', { name: 'Use it' }).click();
    await editor.waitFor({ state: 'detached' });
    await page.getByText(/^Cuts/).waitFor({ state: 'detached' });
    await page.locator('.slot').getByRole('button', { name: /wide-cropped\.png/ }).waitFor();

    // Beyond the right edge of the whole picture again.
    await page.getByRole('button', { name: 'Crop, extend' }).click();
    await editor.getByText('107 × 160 pixels').waitFor();
    await editor.getByRole('button', { name: 'All of the picture' }).click();
    await editor.getByRole('spinbutton', { name: 'Right, pixels' }).fill('80');
    await editor.getByRole('spinbutton', { name: 'Right, pixels' }).blur();
    await editor.getByText('320 × 160 pixels').waitFor();
    await editor.getByRole('slider', { name: 'Soft seam' }).fill('16');
    await looks('extend');
    await editor.getByRole('button', { name: 'Use it' }).click();
    await editor.waitFor({ state: 'detached' });
    await page.getByText('Change is set to 1').waitFor();
    await p.holds(page, 'Change', '1');
    await page.locator('.slot').getByRole('button', { name: /wide-extended\.png/ }).waitFor();
    // The mask lies on the picture, and on nothing beside it.
    const [picture, over] = await Promise.all(['.slot-picture > img', '.slot-mask'].map((part) => page.locator(part).boundingBox()));
    assert.deepEqual(over, picture);
    assert.ok(Math.abs(over.width / over.height - 2) < 0.03, `${over.width} x ${over.height}`);
    const [width, height] = (await sizeOf(page)).map(Number);
    assert.ok(Math.abs(width / height - 2) < 0.03, `${width} x ${height}`);

    await p.setKnob(page, 'Width', 128);
    await p.setKnob(page, 'Height', 64);
    await p.setKnob(page, 'Steps', 2);
    await p.run(page);
    await p.finished(page);
    const [entry] = await p.ended(server, 1);
    assert.equal(entry.status.status_str, 'success');
    const note = entry.prompt[3].extra_pnginfo.easel;
    assert.deepEqual(note.edits['wide-extended.png'], { original: 'wide.png', frame: { x: 0, y: 0, width: 320, height: 160 } });
    // What was there is masked at the seam only, what is new all over.
    const file = Object.values(entry.prompt[2]).find((n) => n.class_type === 'LoadImageMask').inputs.image;
    const url = `${server.url}/view?${new URLSearchParams({ filename: file, type: 'input' })}`;
    const row = (await p.pixels(page, url, [100, 220, 232, 239, 250, 319].map((x) => [x, 80]))).map(([red]) => red);
    assert.equal(row[0], 0);
    assert.ok(row[2] > 40 && row[2] < 215, `a soft seam: ${row}`);
    assert.deepEqual(row.slice(4), [255, 255]);
    assert.ok(row[1] < row[2] && row[2] < row[3], `${row}`);
  },
};
