import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import * as p from '../page.mjs';

/** Controls that a screen reader would have no name for. */
function nameless() {
  const shown = (e) => e.checkVisibility();
  const named = (e) =>
    e.getAttribute('aria-label') || e.labels?.[0]?.textContent?.trim() || (e.tagName !== 'INPUT' && e.textContent.trim());
  return [...document.querySelectorAll('button, a, input, select, textarea, canvas')]
    .filter((e) => shown(e) && !named(e))
    .map((e) => e.outerHTML.slice(0, 120));
}

const MOST_BYTES = 120 * 1024;

/** What is loaded before the first paint, compressed; the graph and the editor are loaded when they are opened. */
async function lightEnough(page) {
  const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map((e) => e.name));
  const parts = loaded.filter((url) => /\.(js|css)$/.test(url));
  assert.ok(parts.length > 0 && !parts.some((url) => /Graph|Editor/.test(url)), `${parts}`);
  const sizes = await Promise.all(parts.map(async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length));
  const sum = sizes.reduce((a, b) => a + b, 0);
  assert.ok(sum < MOST_BYTES, `the first paint takes ${sum} bytes`);
}

/** Names for all controls, the keyboard, and the choice of a technique. */
export const names = {
  name: 'names',
  async run({ page, server, shot }) {
    await p.open(page, server);
    assert.deepEqual(await page.evaluate(nameless), []);
    await lightEnough(page);
    const picker = page.getByRole('button', { name: /Technique/ });
    await picker.focus();
    await page.keyboard.press('Enter');
    const techniques = await server.json('easel/techniques');
    await p.becomes(() => page.getByRole('radio').count(), techniques.length);
    await shot('techniques');
    for (const t of techniques) {
      const radio = page.locator(`input[name=technique][value="${t.name}"]`);
      assert.equal(await radio.isDisabled(), t.missing !== '', t.name);
    }
    await page.keyboard.press('Escape');
    await p.becomes(() => page.getByRole('radio').count(), 0);

    // Words and pictures come along to another technique.
    await p.choosePicture(page);
    await page.getByRole('textbox', { name: 'What you want to see' }).fill('my own words');
    const other = techniques.find((t) => !t.missing && t.pictures.length === 2);
    if (other) {
      await picker.click();
      await page.locator(`input[value="${other.name}"]`).click();
      await page.locator('.slot').nth(1).waitFor();
      await p.holds(page, 'What you want to see', 'my own words');
      await p.becomes(() => page.locator('.slot').getByRole('button', { name: 'Remove' }).count(), 1);
      await shot('two_pictures');
    }
    for (const part of ['Sampler and files', 'LoRAs', 'ControlNet', 'Vary knobs over a grid']) {
      await page.locator('.panel summary', { hasText: part }).click();
    }
    assert.deepEqual(await page.evaluate(nameless), []);
    await page.getByRole('button', { name: /^Crop/ }).first().click();
    await page.getByRole('button', { name: 'Use it' }).waitFor();
    await page.locator('.surface').waitFor();
    assert.deepEqual(await page.evaluate(nameless), []);
    await page.keyboard.press('Escape');
    await page.locator('.editor').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Gallery', exact: true }).click();
    await page.getByRole('searchbox').waitFor();
    assert.deepEqual(await page.evaluate(nameless), []);
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    assert.deepEqual(await page.evaluate(nameless), []);
    for (const theme of ['light', 'dark']) {
      await page.getByRole('button', { name: /Colours:/ }).click();
      await p.becomes(() => page.evaluate(() => document.documentElement.dataset.theme), theme);
    }
  },
};
