import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as p from '../page.mjs';

/** A model that came with the program: offered after a person's own, drawn with at its own size and with its own VAE. */
export const builtIn = {
  name: 'built_in',
  prepare(folder, models) {
    const own = join(folder, 'built_in', 'checkpoints');
    mkdirSync(own, { recursive: true });
    copyFileSync(join(models, 'checkpoints', 'v1-5-pruned-emaonly.safetensors'), join(own, 'easel-small.safetensors'));
    return [];
  },
  async run({ page, server, shot }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await p.holds(page, 'Width', '512');
    await page.getByRole('button', { name: 'Model: v1-5-pruned-emaonly' }).click();
    const models = page.getByRole('listbox', { name: 'Model' });
    await p.becomes(async () => (await models.getByRole('option').last().innerText()).split('\n')[0], 'Small (built in)');
    await shot('built_in');
    await models.getByRole('option', { name: /Small \(built in\)/ }).click();
    await page.getByRole('button', { name: 'Model: Small (built in)' }).waitFor();
    await p.holds(page, 'Width', '128');
    await p.holds(page, 'Height', '128');
    await p.setKnob(page, 'Steps', 2);
    await p.run(page);
    await p.finished(page);
    const [entry] = await p.ended(server, 1);
    assert.equal(entry.status.status_str, 'success');
    const nodes = Object.values(entry.prompt[2]);
    assert.equal(nodes.find((n) => n.class_type === 'CheckpointLoaderSimple').inputs.ckpt_name, 'easel-small.safetensors');
    assert.ok(!nodes.some((n) => n.class_type === 'VAELoader'), 'another VAE does not go with it');

    // Back to the technique's own: all is as it was.
    await page.getByRole('button', { name: 'Model: Small (built in)' }).click();
    await models.getByRole('option', { name: /v1-5-pruned-emaonly/ }).click();
    await p.holds(page, 'Width', '512');
    await page.locator('.panel-told', { hasText: 'vae-ft-mse' }).waitFor();
  },
};
