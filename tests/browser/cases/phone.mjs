import assert from 'node:assert/strict';
import * as p from '../page.mjs';

const WIDTH = 390;

/** Nothing sticks out, and what is to be touched is large enough and not covered. */
async function fits(page, where) {
  const faults = await page.evaluate((width) => {
    const out = [];
    if (document.documentElement.scrollWidth > width) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const e of document.querySelectorAll('button, select, textarea, input')) {
      if (!e.checkVisibility() || e.classList.contains('hidden') || e.closest('.hidden')) continue;
      const box = e.getBoundingClientRect();
      if (box.right > width + 1 || box.left < -1) out.push(`sticks out: ${e.outerHTML.slice(0, 90)}`);
      const touchable = e.type === 'checkbox' || e.type === 'radio' || e.type === 'range' ? 18 : 32;
      if (Math.min(box.width, box.height) < touchable) out.push(`${box.width} x ${box.height}: ${e.outerHTML.slice(0, 90)}`);
    }
    return out;
  }, WIDTH);
  assert.deepEqual(faults, [], where);
}

/** The whole way on a telephone. */
export const phone = {
  name: 'phone',
  context: { viewport: { width: WIDTH, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  async run({ page, server, shot }) {
    const both = async (name) => {
      await fits(page, name);
      for (const scheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.waitForTimeout(250); // colours change gradually
        await shot(`phone_${name}_${scheme}`);
      }
    };
    await page.goto(server.url);
    await page.getByRole('button', { name: /Technique Draw over a picture/ }).waitFor();
    await both('empty');
    await page.getByRole('button', { name: /Technique/ }).tap();
    await page.getByRole('radio').first().waitFor();
    await both('techniques');
    await page.getByRole('button', { name: /Technique/ }).tap();
    await p.choosePicture(page);
    await page.getByRole('textbox', { name: 'What you want to see' }).fill('the sea at dusk, oil painting');
    await p.setSize(page, 192, 4000);
    await page.getByText('Vary one knob over a strip').tap();
    await page.getByRole('button', { name: 'Run 5 pictures' }).waitFor();
    await both('form');
    await page.getByText('Vary one knob over a strip').tap();
    await page.getByRole('button', { name: 'Run', exact: true }).tap();
    await p.pastStep(page, 1);
    await page.getByRole('img', { name: 'The picture as it is so far' }).waitFor();
    await both('running');
    await page.getByRole('button', { name: 'Stop', exact: true }).first().tap();
    await page.locator('.told', { hasText: 'Stopped' }).waitFor();
    await page.getByRole('button', { name: 'Make', exact: true }).tap();
    await p.setSize(page, 192, 3);
    await page.getByRole('button', { name: 'Run', exact: true }).tap();
    await p.finished(page);
    await both('result');
    await page.getByRole('button', { name: 'Gallery', exact: true }).tap();
    await page.locator('.thumb').first().waitFor();
    await both('gallery');
    await page.getByRole('button', { name: 'Graph', exact: true }).first().tap();
    await page.getByRole('toolbar', { name: 'Graph' }).waitFor();
    await page.waitForTimeout(300);
    await both('graph');
  },
};
