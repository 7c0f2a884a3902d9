// What people do on the page, in words of the tests.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { picture } from './picture.mjs';

export { picture };

export const TECHNIQUE = 'Draw over a picture';

const PATIENCE_MS = 20000;

/** What `get` gives must become the expected, in its own time: a page shows things a moment after they happen. */
export async function becomes(get, expected, what) {
  for (const begin = Date.now(); ; await new Promise((done) => setTimeout(done, 50))) {
    const now = await get();
    if (isDeepStrictEqual(now, expected)) return;
    if (Date.now() - begin > PATIENCE_MS) assert.deepEqual(now, expected, what);
  }
}

/** A field must come to hold the value. */
export function holds(page, label, value) {
  return becomes(() => page.getByRole('textbox', { name: label, exact: true }).inputValue(), value, label);
}

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

/**
 * Double clicks on a place of the window, as quickly as a hand does. The events carry times of their own: those at which
 * they arrive are too far apart for a double click where the machine is busy, and where it is idle they may be the same.
 */
export async function doubleClick(page, { x, y }) {
  await page.mouse.move(x, y);
  const session = await page.context().newCDPSession(page);
  const begin = Date.now() / 1000;
  const send = (type, clickCount, after) => {
    const buttons = type === 'mousePressed' ? 1 : 0;
    return session.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', buttons, clickCount, timestamp: begin + after });
  };
  // All in a row: nothing that happens on the page can come between.
  await Promise.all([
    send('mousePressed', 1, 0),
    send('mouseReleased', 1, 0.04),
    send('mousePressed', 2, 0.12),
    send('mouseReleased', 2, 0.16),
  ]);
  await session.detach();
}

/** Waits until nothing on the page changes its look any more: colours change gradually, and a canvas is drawn later. */
export async function settled(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    await frame();
    const ending = document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations !== Infinity);
    const enough = new Promise((done) => setTimeout(done, 1000));
    await Promise.race([enough, Promise.all(ending.map((a) => a.finished.catch(() => undefined)))]);
    await frame();
  });
}

/** The colours of a picture at some places. */
export function pixels(page, url, places) {
  return page.evaluate(
    async ([source, list]) => {
      const bitmap = await createImageBitmap(await (await fetch(source)).blob());
      const ctx = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', { willReadFrequently: true });
      ctx.drawImage(bitmap, 0, 0);
      return list.map(([x, y]) => [...ctx.getImageData(x, y, 1, 1).data].slice(0, 3));
    },
    [url, places],
  );
}

/** Adds a node to the graph by what is typed into the search; `title` must be what is found first. */
export async function addNode(page, typed, title) {
  await page.getByRole('button', { name: 'Add a node' }).click();
  const search = page.getByRole('dialog', { name: 'Add a node' });
  await search.getByRole('combobox', { name: 'Find a node' }).fill(typed);
  await search.locator('.option.active', { hasText: title }).waitFor();
  await page.keyboard.press('Enter');
  await search.waitFor({ state: 'detached' });
}

/** Opens a workflow of either form in the graph view, and waits until it is there. */
export async function openGraph(page, name, workflow) {
  await page.locator('.graph-tools input[type=file]').setInputFiles({
    name,
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(workflow)),
  });
  if (!workflow.nodes) return becomes(() => saved(page, 'Save for the API'), workflow, name);
  const ids = (graph) => graph.nodes.map((node) => node.id).sort();
  return becomes(async () => ids(await saved(page, 'Save graph')), ids(workflow), `the nodes of ${name}`);
}

/** The JSON file that a button downloads, from the disk. */
export async function downloaded(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()]);
  return JSON.parse(await readFile(await download.path(), 'utf8'));
}

/** The JSON that a button would download, taken before it becomes one: a browser holds back many downloads in a row. */
export async function saved(page, button) {
  await page.evaluate(() => {
    const { createObjectURL } = URL;
    const { click } = HTMLAnchorElement.prototype;
    window.taken = undefined;
    URL.createObjectURL = (blob) => {
      window.taken = blob.text();
      return '#';
    };
    HTMLAnchorElement.prototype.click = () => {
      URL.createObjectURL = createObjectURL;
      HTMLAnchorElement.prototype.click = click;
    };
  });
  await page.getByRole('button', { name: button }).click();
  await page.waitForFunction(() => window.taken !== undefined);
  return JSON.parse(await page.evaluate(() => window.taken));
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
export async function drop(page, name, mimeType, bytes, target = '.stage') {
  const transfer = await transferOf(page, name, mimeType, bytes);
  for (const type of ['dragenter', 'dragover', 'drop']) {
    await page.dispatchEvent(target, type, { dataTransfer: transfer, clientX: 700, clientY: 700 });
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

/** The jobs that have ended, oldest first, once there are as many. */
export async function ended(server, count) {
  const all = async () => Object.values(await server.json('history'));
  await becomes(async () => (await all()).length, count, 'jobs that have ended');
  return all();
}

export async function resultBytes(server, entry) {
  const image = Object.values(entry.outputs).flatMap((o) => o.images ?? [])[0];
  const answer = await fetch(`${server.url}/view?${new URLSearchParams(image)}`);
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer());
}
