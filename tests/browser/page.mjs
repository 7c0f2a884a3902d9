// What people do on the page, in words of the tests.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { picture } from './picture.mjs';

export { picture };

export const TECHNIQUE = 'Draw over a picture';

export async function open(page, server) {
  await page.goto(server.url);
  await page.locator('.state', { hasText: 'Ready' }).waitFor();
  await page.getByRole('button', { name: /Technique Draw over a picture/ }).waitFor();
}

export async function choosePicture(page, name = 'sea.png', bytes = picture(), slot = 0) {
  await page.locator('.slot input[type=file]').nth(slot).setInputFiles({ name, mimeType: 'image/png', buffer: bytes });
  await page.locator('.slot').nth(slot).getByRole('button', { name: 'Remove' }).waitFor();
}

export async function setKnob(page, label, value) {
  const field = page.getByRole('textbox', { name: label, exact: true });
  await field.fill(String(value));
  await field.blur();
}

/** Small and quick, whatever the models are. */
export async function setSize(page, pixels, steps) {
  await setKnob(page, 'Width', pixels);
  await setKnob(page, 'Height', pixels);
  await setKnob(page, 'Steps', steps);
}

export async function run(page) {
  await page.getByRole('button', { name: 'Run', exact: true }).click();
}

export async function finished(page) {
  await page.locator('.told', { hasText: 'Done' }).waitFor();
  const result = page.locator('.stage .picture > img').first();
  await page.waitForFunction((img) => img?.complete && img.naturalWidth > 0, await result.elementHandle());
}

/** Waits until the job on the stage has got past a step; returns the step. */
export async function pastStep(page, step) {
  const words = page.locator('.stage .step');
  for (;;) {
    const now = Number(/step (\d+) of/.exec((await words.textContent()) ?? '')?.[1]);
    if (now > step) return now;
    await page.waitForTimeout(50);
  }
}

/** The JSON that a button downloads. */
export async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()]);
  return JSON.parse(await readFile(await download.path(), 'utf8'));
}

function transferOf(page, name, mimeType, bytes) {
  return page.evaluateHandle(
    ([fileName, type, base64]) => {
      const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const out = new DataTransfer();
      out.items.add(new File([data], fileName, { type }));
      return out;
    },
    [name, mimeType, Buffer.from(bytes).toString('base64')],
  );
}

/** Drops a file onto the page, outside of any field. */
export async function drop(page, name, mimeType, bytes) {
  const transfer = await transferOf(page, name, mimeType, bytes);
  for (const type of ['dragenter', 'dragover', 'drop']) {
    await page.dispatchEvent('.stage', type, { dataTransfer: transfer });
  }
}

/** Pastes a file while the element has the focus. */
export async function paste(page, selector, name, mimeType, bytes) {
  const transfer = await transferOf(page, name, mimeType, bytes);
  await page.evaluate(
    ([target, clipboardData]) => {
      const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
      document.querySelector(target).dispatchEvent(event);
    },
    [selector, transfer],
  );
}

/** The jobs that have ended, oldest first. */
export async function history(server) {
  return Object.values(await server.json('history'));
}

export async function resultBytes(server, entry) {
  const image = Object.values(entry.outputs).flatMap((o) => o.images ?? [])[0];
  const answer = await fetch(`${server.url}/view?${new URLSearchParams(image)}`);
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer());
}
