import assert from 'node:assert/strict';
import * as p from '../page.mjs';

/** Counts, alternatives in the words, a grid over two knobs, the time left, and running again. */
export const many = {
  name: 'many',
  async run({ page, server, shot, looks }) {
    const post = (body) => server.json('queue', { method: 'POST', body: JSON.stringify(body) });
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 64, 1);
    await p.setKnob(page, 'Seed', '7');
    await page.getByRole('textbox', { name: 'What you want to see' }).fill('a {red|blue} boat');
    await page.getByText('The words stand for 2 prompts.').waitFor();
    await page.getByRole('button', { name: 'One picture more' }).click();
    await page.getByRole('button', { name: 'Run 4 pictures', exact: true }).click();
    await page.getByRole('button', { name: 'Words red, Seed 7, done' }).waitFor();
    await page.getByRole('button', { name: 'Words blue, Seed 8, done' }).click();
    const entries = await p.ended(server, 4);
    assert.deepEqual(
      entries.map((e) => [e.prompt[2]['6'].inputs.text, e.prompt[2]['8'].inputs.seed]),
      [['a red boat', 7], ['a blue boat', 7], ['a red boat', 8], ['a blue boat', 8]],
    );
    await p.finished(page);
    // One entry of the gallery, for the four of them.
    await p.becomes(() => page.locator('.thumb').count(), 1);
    await page.locator('.thumb-count', { hasText: '4' }).waitFor();

    // A grid over two knobs.
    await page.getByRole('button', { name: 'One picture fewer' }).click();
    await page.getByRole('textbox', { name: 'What you want to see' }).fill('a boat');
    await page.getByText('Vary knobs over a grid').click();
    await page.getByRole('textbox', { name: 'Values across' }).fill('0.3, 0.6');
    await page.getByRole('combobox', { name: 'Knob down' }).selectOption('Sampler');
    await page.getByRole('textbox', { name: 'Values down' }).fill('euler, nothing');
    await page.getByRole('button', { name: 'Run the grid' }).click();
    await page.getByText('“nothing” is not one of the choices.').waitFor();
    await page.getByRole('textbox', { name: 'Values down' }).fill('euler, dpmpp_2m, heun');
    await post({ pause: true });
    await page.getByRole('button', { name: 'Run 6 pictures' }).click();
    const queue = page.getByRole('region', { name: 'Queue' });
    await queue.getByText(/Change 0\.3, Sampler euler/).waitFor();
    assert.match(await queue.locator('.queue-words').first().textContent(), /^a boat$/);
    await shot('many_queue');
    await queue.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Change 0.6, Sampler heun, done' }).click();
    await p.finished(page);
    await looks('many_grid');
    const grid = (await p.ended(server, 10)).slice(4).map((e) => [e.prompt[2]['8'].inputs.denoise, e.prompt[2]['8'].inputs.sampler_name]);
    assert.deepEqual(grid, [[0.3, 'euler'], [0.6, 'euler'], [0.3, 'dpmpp_2m'], [0.6, 'dpmpp_2m'], [0.3, 'heun'], [0.6, 'heun']]);

    // Too many at once are refused before any is sent.
    const count = page.getByRole('textbox', { name: 'Pictures', exact: true });
    await count.fill('60');
    await count.blur();
    await page.getByRole('button', { name: 'Run 360 pictures' }).click();
    await page.getByText('These are 360 pictures; at most 100 can be made at once.').waitFor();

    // Once more, and another one like it.
    const tools = page.getByRole('toolbar', { name: 'This picture' });
    await tools.getByRole('button', { name: 'More like it' }).click();
    await p.ended(server, 11);
    await tools.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Run again, same seed' }).click();
    const all = await p.ended(server, 12);
    const seeds = all.slice(-3).map((e) => String(e.prompt[2]['8'].inputs.seed));
    assert.notEqual(seeds[0], seeds[1]);
    assert.equal(seeds[1], seeds[2]);
  },
};
