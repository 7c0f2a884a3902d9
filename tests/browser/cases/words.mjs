import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as p from '../page.mjs';

/** Writing prompts: an empty one, weights by key, completion, tokens, history, styles, the sheet of shortcuts. */
export const words = {
  name: 'words',
  prepare(folder) {
    mkdirSync(join(folder, 'embeddings'));
    writeFileSync(join(folder, 'embeddings', 'seafoam.safetensors'), 'none is loaded in this test');
    const paths = join(folder, 'paths.yaml');
    writeFileSync(paths, `here:\n  base_path: ${folder}\n  embeddings: embeddings\n`);
    return ['--extra-model-paths', paths];
  },
  async run({ page, server, shot, looks }) {
    await p.open(page, server);
    const field = page.getByRole('textbox', { name: 'What you want to see' });
    assert.equal(await field.inputValue(), '');
    assert.match(await field.getAttribute('placeholder'), /^For example: a lighthouse/);
    assert.match(await page.locator('.knob label', { hasText: 'Change' }).getAttribute('title'), /denoise \(KSampler\)/);

    await field.fill('a quiet sea');
    await field.press('Control+ArrowUp');
    await field.press('Control+ArrowUp');
    await p.holds(page, 'What you want to see', 'a quiet (sea:1.1)');
    await field.press('Control+ArrowDown');
    await field.press('Control+ArrowDown');
    await p.holds(page, 'What you want to see', 'a quiet sea');
    await page.getByText('3 of 75 tokens').waitFor();

    // Names are completed by the keyboard.
    await field.press('End');
    await field.pressSequentially(', embedding:se');
    await page.getByRole('option', { name: /seafoam/ }).waitFor();
    await shot('words_completion');
    await page.keyboard.press('Enter');
    await p.holds(page, 'What you want to see', 'a quiet sea, embedding:seafoam');
    await field.fill('boat '.repeat(80).trim());
    await page.getByText('80 of 150 tokens, 2 chunks (75 + 5)').waitFor();

    // A style is saved on the server, added, and taken out again.
    await field.fill('ink, fine lines');
    await page.getByRole('button', { name: 'Styles' }).click();
    await page.getByRole('textbox', { name: 'Name of a new style' }).fill('Ink');
    await page.keyboard.press('Enter');
    const style = page.locator('.menu-item', { hasText: 'Ink' });
    await style.waitFor();
    await field.fill('a boat');
    await style.click();
    await p.holds(page, 'What you want to see', 'a boat, ink, fine lines');
    await looks('words_styles');
    await style.click();
    await p.holds(page, 'What you want to see', 'a boat');
    await page.keyboard.press('Escape');
    await p.becomes(async () => (await server.json('settings/easel.styles')).map((s) => s.name), ['Ink']);

    // What was run with is remembered.
    await p.choosePicture(page);
    await p.setSize(page, 64, 1);
    await p.run(page);
    await p.finished(page);
    await field.fill('something else');
    await page.reload();
    await page.getByRole('button', { name: 'Words used before' }).click();
    await page.locator('.menu-item', { hasText: 'a boat' }).click();
    await p.holds(page, 'What you want to see', 'a boat');

    // The sheet of shortcuts; in a field, ? is a letter.
    await field.press('?');
    await p.becomes(() => page.getByRole('dialog', { name: 'Shortcuts' }).count(), 0);
    await field.blur();
    await page.keyboard.press('?');
    const sheet = page.getByRole('dialog', { name: 'Shortcuts' });
    await sheet.waitFor();
    await looks('shortcuts');
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    await page.keyboard.press('l');
    await page.getByRole('searchbox', { name: 'Search the gallery' }).waitFor();
  },
};
